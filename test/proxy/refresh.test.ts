import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RulrrApiError } from '../../src/api/index.js';
import type { Connections } from '../../src/proxy/connections.js';
import { memoryTokenStore } from '../../src/proxy/stores/memory.js';
import type { TokenStore } from '../../src/proxy/stores/token-store.js';
import { settle } from '../support/settle.js';
import { bench, connect, day, hold, plain } from './support/bench.js';

test('refreshes ahead of the end, beside the call, once for all replicas', async () => {
  const { clock, connections, upstream, events, make } = bench();
  await connect(connections);
  clock.advance(280 * day);
  await (await connections.forStore('store')).getStore();
  await settle();
  assert.equal(upstream.calls.refresh, 0, 'too early at 77 %');
  clock.advance(60 * day);
  const replicas = [connections, make(), make(), make()];
  const answers = await Promise.all(
    replicas.flatMap((one) => Array.from({ length: 8 }, async () => (await one.forStore('store')).getStore())),
  );
  assert.equal(answers.length, 32);
  await settle();
  assert.equal(upstream.calls.refresh, 1);
  assert.equal((await (await connections.forStore('store')).getStore())['used'], 'access-1');
  assert.equal(events.filter(({ type }) => type === 'token-refreshed').length, 1);
});

test('stores refresh at moments of their own', async () => {
  const { clock, connections, upstream } = bench();
  for (let index = 0; index < 40; index++) await connect(connections, `f${index}`, `store ${index}`);
  const dueAt: number[] = [];
  for (let at = 280; at <= 340; at++) {
    clock.advance((at === 280 ? 280 : 1) * day);
    const before = upstream.calls.refresh;
    for (let index = 0; index < 40; index++) await (await connections.forStore(`store ${index}`)).getStore();
    await settle(20);
    if (upstream.calls.refresh > before) dueAt.push(at);
  }
  assert.equal(upstream.calls.refresh, 40);
  assert.ok(dueAt.length > 8, `on ${dueAt.length} different days`);
});

test('a refreshed token that the store does not take at once is kept until it does', async () => {
  const store = memoryTokenStore();
  let down = false;
  const { connections, upstream, clock, events, make } = bench({
    ...plain,
    store: { ...store, put: (...args) => (down ? Promise.reject(new Error('down')) : store.put(...args)) },
  });
  await connect(connections);
  clock.advance(340 * day);
  const release = hold(upstream, 'refresh');
  const api = await connections.forStore('store');
  assert.equal((await api.getStore())['used'], 'access-0');
  await settle(20);
  down = true;
  release();
  for (let second = 0; second < 60; second++) {
    await settle(2);
    await clock.advanceAsync(1_000);
  }
  assert.ok(events.some(({ type }) => type === 'save-retried'));
  down = false;
  await clock.advanceAsync(10_000);
  await settle(20);
  // Rulrr has ended the pair before with that.
  upstream.revoked.add('access-0');
  assert.equal((await (await make().forStore('store')).getStore())['used'], 'access-1');
  assert.equal(upstream.calls.refresh, 1);
});

test('a refreshed token that the store did not take for a while: the first call once it does sends no second refresh beside it', async () => {
  const store = memoryTokenStore();
  let down = false;
  const { connections, upstream, clock } = bench({
    ...plain,
    store: { ...store, put: (...args) => (down ? Promise.reject(new Error('down')) : store.put(...args)) },
  });
  await connect(connections);
  clock.advance(340 * day);
  const release = hold(upstream, 'refresh');
  const api = await connections.forStore('store');
  await api.getStore();
  await settle(20);
  down = true;
  release();
  for (let second = 0; second < 60; second++) {
    await settle(2);
    await clock.advanceAsync(1_000);
  }
  down = false;
  await api.getStore();
  await settle(20);
  assert.equal(upstream.calls.refresh, 1, 'the same refresh token, used twice, could end both pairs');
  await clock.advanceAsync(10_000);
  await settle(20);
  assert.equal((await api.getStore())['used'], 'access-1');
  assert.equal(upstream.calls.refresh, 1);
});

test('a refresh that brings no refresh token keeps the old one, and what was known of e-receipts', async () => {
  const { connections, upstream, clock } = bench();
  await connect(connections);
  upstream.refreshBody = (generation) => ({
    success: true,
    accessToken: `access-${generation}`,
    expiration: new Date(clock.now() + 365 * day).toISOString(),
  });
  for (const round of [1, 2]) {
    clock.advance(340 * day);
    const api = await connections.forStore('store');
    await api.getStore();
    await settle();
    assert.equal((await api.getStore())['used'], `access-${round}`);
    assert.equal((await connections.connection('store')).ereceipt, true);
  }
  assert.equal(upstream.calls.refresh, 2);
});

test('a refreshed token that the store never takes: who stops the process is told that one is lost', async () => {
  const store = memoryTokenStore();
  let down = false;
  const { connections, upstream, clock, events } = bench({
    ...plain,
    store: { ...store, put: (...args) => (down ? Promise.reject(new Error('down')) : store.put(...args)) },
  });
  await connect(connections);
  clock.advance(340 * day);
  const release = hold(upstream, 'refresh');
  await (await connections.forStore('store')).getStore();
  await settle(20);
  down = true;
  release();
  await settle(20);
  const closing = connections.close();
  for (let second = 0; second < 70; second++) await clock.advanceAsync(1_000);
  await closing;
  assert.deepEqual(
    events.filter(({ type }) => type === 'tokens-unsaved').map(({ count }) => count),
    [1],
  );
  assert.ok(!events.some(({ type }) => type === 'refresh-failed'), 'Rulrr has answered well');
});

test('a store whose tokens came without one to refresh them: nothing is asked of Rulrr that cannot come off', async () => {
  const { connections, upstream, clock, events } = bench(plain);
  upstream.refreshBody = () => ({ success: true, accessToken: 'access-0', expiration: upstream.expiration });
  await connect(connections);
  clock.advance(340 * day);
  const api = await connections.forStore('store');
  assert.equal((await api.getStore())['used'], 'access-0');
  upstream.revoked.add('access-0');
  await assert.rejects(api.getStore(), { status: 403 });
  await connections.sweep();
  await settle(20);
  assert.equal(upstream.calls.refresh, 0);
  assert.ok(!events.some(({ type }) => type === 'refresh-failed'));
});

test('a refresh that comes in after the store was connected anew replaces nothing', async () => {
  const { connections, upstream, clock } = bench();
  await connect(connections);
  clock.advance(340 * day);
  const release = hold(upstream, 'refresh');
  const api = await connections.forStore('store');
  await api.getStore();
  await settle();
  const body = upstream.refreshBody!;
  upstream.refreshBody = (generation) => ({ ...(body(generation) as object), accessToken: 'access-new' });
  await connect(connections, 'b', 'store');
  upstream.refreshBody = body;
  release();
  await settle();
  for (let call = 0; call < 2; call++) assert.equal((await api.getStore())['used'], 'access-new');
});

test('a refresh that comes in after the store was connected anew is not taken for one of the new tokens, whose writer died before it read it', async () => {
  const store = memoryTokenStore();
  let dead = false;
  const dying: TokenStore = {
    ...store,
    async put(key, value, condition) {
      if (dead) throw new Error('dead');
      dead = value.includes('"refreshed"');
      return store.put(key, value, condition);
    },
  };
  const { connections, upstream, clock, make } = bench({ ...plain, store });
  const named = (name: string) => (generation: number) => ({
    success: true,
    accessToken: `${name}-${generation}`,
    refreshToken: `refresh-${name}-${generation}`,
    expiration: new Date(clock.now() + 365 * day).toISOString(),
    ereceipt: true,
  });
  upstream.refreshBody = named('old');
  await connect(connections);
  clock.advance(340 * day);
  const release = hold(upstream, 'refresh');
  await (await connections.forStore('store')).getStore();
  await settle(5);

  const other = make({ store: dying });
  upstream.refreshGate = Promise.resolve();
  upstream.refreshBody = named('new');
  await connect(other, 'b', 'store');
  upstream.revoked.add('new-0');
  await (await other.forStore('store')).getStore().catch(() => {});
  assert.ok(dead);

  upstream.refreshBody = named('old');
  release();
  await settle(5);
  assert.match(String((await (await make().forStore('store')).getStore())['used']), /^new-/);
});

test('an answer to a refresh that nobody can read is kept until somebody can', async () => {
  const { connections, upstream, clock, events, make } = bench();
  await connect(connections);
  clock.advance(340 * day);
  upstream.refreshBody = (generation) => ({ token: { a: `other-${generation}`, r: 'r' } });
  const api = await connections.forStore('store');
  await api.getStore();
  await settle();
  assert.equal((await api.getStore())['used'], 'access-0');
  assert.deepEqual(
    events.filter(({ type }) => type.includes('refresh')).map(({ type, code }) => [type, code]),
    [['refresh-failed', 'not-understood']],
  );
  // Rulrr has ended the old refresh token with that.
  upstream.refreshBody = null;
  clock.advance(day);
  await connections.sweep();
  assert.equal((await api.getStore())['used'], 'access-0');
  const parseRefresh = ({ token }: Record<string, unknown>) => {
    const { a, r } = token as Record<string, string>;
    return { accessToken: a, refreshToken: r, expiration: '2099', ereceipt: true } as never;
  };
  const released = make({ parseRefresh });
  clock.advance(7 * 3_600_000);
  await released.sweep();
  assert.equal((await (await released.forStore('store')).getStore())['used'], 'other-1');
});

test('so it is when another comes after it that says nothing at all', async () => {
  const { connections, upstream, clock, make } = bench();
  await connect(connections);
  clock.advance(340 * day);
  for (const body of [{ token: 'other' }, { success: true }]) {
    upstream.refreshBody = () => body;
    await connections.sweep();
    clock.advance(7 * 3_600_000);
  }
  assert.equal(upstream.calls.refresh, 2, 'it is asked again, with the old token');
  const parseRefresh = ({ token }: Record<string, unknown>) =>
    (token ? { accessToken: token, refreshToken: 'r', expiration: '2099', ereceipt: true } : null) as never;
  const released = make({ parseRefresh });
  await released.sweep();
  assert.equal((await (await released.forStore('store')).getStore())['used'], 'other');
});

test('while a refresh stalls no second one is sent, by no replica; its late answer is taken', async () => {
  const { connections, upstream, clock, make } = bench(plain);
  await connect(connections);
  clock.advance(340 * day);
  const release = hold(upstream, 'refresh');
  const replicas = [connections, make(), make()];
  for (let minute = 0; minute < 8; minute++) {
    for (const one of replicas) assert.equal((await (await one.forStore('store')).getStore())['used'], 'access-0');
    await settle(20);
    clock.advance(60_000);
  }
  assert.equal(upstream.calls.refresh, 1);
  release();
  await settle();
  for (const one of replicas) assert.equal((await (await one.forStore('store')).getStore())['used'], 'access-1');
  assert.equal(upstream.calls.refresh, 1);
});

for (const apart of [-0.2, 0.2, -15, 15, -120, 120, -600, 600]) {
  test(`a replica whose clock is ${apart} s apart sends no second refresh beside the first`, async () => {
    const { connections, upstream, clock, make } = bench(plain);
    await connect(connections);
    clock.advance(340 * day);
    const release = hold(upstream, 'refresh');
    const other = make({ clock: { ...clock, now: () => clock.now() + apart * 1_000 } });
    for (const one of [connections, other]) {
      await (await one.forStore('store')).getStore();
      await settle(20);
    }
    assert.equal(upstream.calls.refresh, 1);
    release();
    await settle(20);
    assert.equal((await (await other.forStore('store')).getStore())['used'], 'access-1');
  });
}

test('a stalled refresh that ends badly, or whose process died, leaves the way free again, to the process itself too', async () => {
  for (const [dies, alone] of [
    [false, false],
    [false, true],
    [true, false],
  ]) {
    const { connections, upstream, clock, make } = bench(plain);
    await connect(connections);
    clock.advance(340 * day);
    const release = hold(upstream, 'refresh');
    await (await connections.forStore('store')).getStore();
    await settle(20);
    clock.advance(25_000);
    await settle(20);
    const body = upstream.refreshBody;
    if (!dies) {
      upstream.refreshBody = null;
      release();
      await settle();
      upstream.refreshBody = body;
    }
    upstream.refreshGate = Promise.resolve();
    clock.advance(1_200_000);
    const other = await (alone ? connections : make()).forStore('store');
    await other.getStore();
    await settle();
    assert.equal((await other.getStore())['used'], 'access-1', dies ? 'died' : 'failed');
    assert.equal(upstream.calls.refresh, 2);
    release();
  }
});

test('a stalled refresh that ends badly once the store was connected anew: the refresh that is under way by then has no second one beside it', async () => {
  const { clock, connections, upstream, make } = bench(plain);
  await connect(connections);
  clock.advance(340 * day);
  const endOld = hold(upstream, 'refresh');
  await (await connections.forStore('store')).getStore();
  await settle();
  await clock.advanceAsync(21_000);
  await connect(connections, 'b');
  upstream.revoked.add('access-0');
  const endNew = hold(upstream, 'refresh');
  const refused = async (replica: Connections) => {
    const call = (await replica.forStore('store')).getStore().catch((error: RulrrApiError) => error.status);
    await settle();
    await clock.advanceAsync(61_000);
    return call;
  };
  assert.equal(await refused(make()), 403);
  upstream.refreshBody = null;
  endOld();
  await settle();
  assert.equal(await refused(make()), 403);
  assert.equal(upstream.calls.refresh, 2, 'one for each of the two pairs');
  endNew();
});

test('an answer of another shape that was saved and not read is read by whoever comes next', async () => {
  const parseRefresh = ({ a, r }: Record<string, unknown>) =>
    ({ accessToken: a, refreshToken: r, expiration: '2099', ereceipt: true }) as never;
  const { connections, upstream, clock } = bench({ parseRefresh });
  await connect(connections);
  clock.advance(340 * day);
  // The client of this bench does not know the shape: it saves the answer, and fails as if it had died there.
  upstream.refreshBody = (generation) => ({ a: `other-${generation}`, r: 'r' });
  const api = await connections.forStore('store');
  await api.getStore();
  await settle();
  assert.equal((await api.getStore())['used'], 'other-1');
});

test('an answer that was saved and not read is read as the vendor told, also where it could be read otherwise', async () => {
  const parseRefresh = ({ accessToken, lives }: Record<string, unknown>) =>
    ({ accessToken: `${String(accessToken)}-read`, refreshToken: 'r', expiration: lives, ereceipt: true }) as never;
  const { connections, upstream, clock } = bench({ parseRefresh });
  await connect(connections);
  clock.advance(340 * day);
  // As in the test before: the client of this bench saves it, and fails for want of an `expiration`.
  upstream.refreshBody = (generation) => ({
    accessToken: `other-${generation}`,
    refreshToken: 'r',
    lives: '2099-01-01',
  });
  const api = await connections.forStore('store');
  await api.getStore();
  await settle();
  assert.equal((await api.getStore())['used'], 'other-1-read');
  assert.equal((await connections.connection('store')).expiration, '2099-01-01');
});

test('a pause that a clock gone wrong has set far ahead holds nothing up', async () => {
  const { connections, upstream, clock, make } = bench();
  await connect(connections);
  const body = upstream.refreshBody;
  upstream.refreshBody = null;
  const ahead = make({ clock: { ...clock, now: () => clock.now() + 700 * day } });
  await (await ahead.forStore('store')).getStore();
  await settle();
  assert.equal(upstream.calls.refresh, 1);
  upstream.refreshBody = body;
  clock.advance(340 * day);
  const api = await connections.forStore('store');
  await api.getStore();
  await settle();
  assert.equal((await api.getStore())['used'], 'access-1');
});

test('a refresh that fails leaves the pair as it is, and pauses', async () => {
  const { connections, upstream, clock, events } = bench();
  await connect(connections);
  clock.advance(340 * day);
  upstream.refreshBody = null;
  const api = await connections.forStore('store');
  for (let call = 0; call < 10; call++) {
    assert.equal((await api.getStore())['used'], 'access-0');
    await settle(20);
    clock.advance(1_000);
  }
  assert.equal(upstream.calls.refresh, 1);
  assert.equal(events.filter(({ type }) => type === 'refresh-failed').length, 1);
});

test('the longer refreshes fail, the longer the pauses between them: a store in use for a day costs few', async () => {
  const { connections, upstream, clock } = bench(plain);
  await connect(connections);
  clock.advance(340 * day);
  upstream.refreshBody = null;
  const api = await connections.forStore('store');
  for (let minute = 0; minute < 24 * 60; minute += 10) {
    assert.equal((await api.getStore())['used'], 'access-0');
    await settle(10);
    clock.advance(600_000);
  }
  assert.ok(upstream.calls.refresh > 3 && upstream.calls.refresh <= 20, `${upstream.calls.refresh} refreshes`);
});

for (const expiration of [
  '2001-01-01T00:00:00Z',
  'soon',
  '',
  0,
  -5,
  1e18,
  '9999999999999999',
  null,
  {},
  '2026-11-24T00:00:30.000Z',
]) {
  test(`an odd expiration (${JSON.stringify(expiration)}) causes no refresh`, async () => {
    const { connections, upstream, clock } = bench();
    upstream.expiration = expiration;
    await connect(connections);
    const api = await connections.forStore('store');
    for (let call = 0; call < 30; call++) {
      await api.getStore();
      await settle(5);
      clock.advance(day);
    }
    assert.equal(upstream.calls.refresh, 0);
  });
}
