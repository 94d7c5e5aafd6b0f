import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RulrrApi, RulrrApiError } from '../../src/api/index.js';
import { settle } from '../support/settle.js';
import { bench, connect, day, hold, plain } from './support/bench.js';

test('a call goes with the store’s token, typed and whole', async () => {
  const { connections, upstream } = bench();
  await connect(connections);
  const api = await connections.forStore('store');
  assert.ok(api instanceof RulrrApi);
  assert.equal((await api.getStore())['used'], 'access-0');
  assert.equal((await api.createOrder({ id: 1 }))['used'], 'access-0');
  assert.equal(upstream.calls.refresh, 0);
  await assert.rejects(connections.forStore('nobody'), { code: 'not_found' });
});

test('a server that refuses the list of customers says nothing of the token: no refresh, no second upload', async () => {
  const { connections, upstream, uploads } = bench();
  await connect(connections);
  upstream.settings = { uploadUrl: 'https://bucket.example/list?signature=1' };
  const api = await connections.forStore('store');
  for (const status of [400, 401, 403, 404, 410]) {
    uploads.length = 0;
    upstream.uploadStatus = status;
    await assert.rejects(api.uploadCustomers('name', 'text/csv'), (error: RulrrApiError) => {
      assert.deepEqual([error.status, error.code, error.sent], [status, 'refused', 'answered']);
      assert.match(error.message, /^uploadCustomers: .*upload URL/);
      return true;
    });
    assert.equal(uploads.length, 1);
  }
  assert.equal(upstream.calls.refresh, 0);
});

test('a store that made no call for longer than its token lives goes on with a new one at once', async () => {
  const { clock, connections, upstream } = bench(plain);
  await connect(connections);
  clock.advance(400 * day);
  assert.equal((await (await connections.forStore('store')).getStore())['used'], 'access-1');
  assert.deepEqual([upstream.calls.refresh, upstream.calls.data], [1, 1], 'no call with the token that has ended');
});

for (const status of [403, 401]) {
  test(`a ${status} is answered by one refresh and one more try`, async () => {
    const { connections, upstream } = bench();
    await connect(connections);
    upstream.revokedStatus = status;
    upstream.revoked.add('access-0');
    const api = await connections.forStore('store');
    assert.equal((await api.getStore())['used'], 'access-1');
    assert.deepEqual(upstream.calls, { status: 1, redeem: 1, refresh: 1, data: 2 });
  });
}

test('a list of customers that can be read once only goes up with a new token: its upload had not begun as the old one was refused', async () => {
  const { connections, upstream, uploads } = bench();
  await connect(connections);
  upstream.settings = { uploadUrl: 'https://bucket.example/list?signature=1' };
  upstream.revoked.add('access-0');
  const list = new Blob(['name\nAda\n']).stream();
  await (await connections.forStore('store')).uploadCustomers(list, 'text/csv');
  assert.equal(uploads.length, 1);
  assert.equal(upstream.calls.refresh, 1);
});

test('a store that is refused for good costs one refresh a minute, not one a call', async () => {
  const { connections, upstream, clock } = bench();
  await connect(connections);
  for (let generation = 0; generation < 50; generation++) upstream.revoked.add(`access-${generation}`);
  const api = await connections.forStore('store');
  for (let call = 0; call < 20; call++) {
    await assert.rejects(api.getStore(), (error: unknown) => error instanceof RulrrApiError && error.status === 403);
    clock.advance(1_000);
  }
  assert.ok(upstream.calls.refresh <= 1, `${upstream.calls.refresh} refreshes`);
});

test('a refusal that a clock gone wrong has dated far ahead holds up no later refresh', async () => {
  const { connections, upstream, clock, make } = bench();
  await connect(connections);
  upstream.revoked.add('access-0');
  const ahead = make({ clock: { ...clock, now: () => clock.now() + 30 * day } });
  await (await ahead.forStore('store')).getStore();
  const api = await connections.forStore('store');
  assert.equal((await api.getStore())['used'], 'access-1');
  clock.advance(day);
  upstream.revoked.add('access-1');
  assert.equal((await api.getStore())['used'], 'access-2');
});

/** A store whose first pair has grown old: its next call refreshes, and the new pair lives for a year. */
async function dueForRefresh() {
  const { connections, upstream, clock } = bench();
  await connect(connections);
  clock.advance(340 * day);
  upstream.expiration = new Date(clock.now() + 365 * day).toISOString();
  return { api: await connections.forStore('store'), upstream, clock };
}

test('the old pair works on until the new one has worked once', async () => {
  const { connections, upstream, clock } = bench();
  await connect(connections);
  clock.advance(340 * day);
  upstream.revoked.add('access-1');
  const api = await connections.forStore('store');
  await api.getStore();
  await settle();
  assert.equal(upstream.calls.refresh, 1);
  assert.equal((await api.getStore())['used'], 'access-0', 'the new one was refused, the old one stands again');
  assert.equal((await api.getStore())['used'], 'access-0');
  assert.equal(upstream.calls.refresh, 1);
});

test('a pair that had to stand back is kept: its refresh token may be the only good one', async () => {
  const { api, upstream } = await dueForRefresh();
  upstream.revoked.add('access-1');
  await api.getStore();
  await settle();
  for (let call = 0; call < 3; call++) assert.equal((await api.getStore())['used'], 'access-0');
  // Rulrr has come round to the new pair, and ends the old one.
  upstream.revoked.delete('access-1');
  upstream.revoked.add('access-0');
  upstream.refreshBody = null;
  assert.equal((await api.getStore())['used'], 'access-1');
});

test('a new pair that is refused at first is tried again, later and later: the refresh token that brought it works once', async () => {
  const { api, upstream, clock } = await dueForRefresh();
  upstream.revoked.add('access-1');
  for (let minute = 0; minute < 24 * 60; minute++) {
    assert.equal((await api.getStore())['used'], 'access-0');
    await settle();
    clock.advance(60_000);
  }
  // Its first call, and at each further try of the new pair one more.
  assert.ok(upstream.calls.data < 24 * 60 + 20, `${upstream.calls.data} calls`);
  // Rulrr has come round to it.
  upstream.revoked.delete('access-1');
  clock.advance(7 * 3_600_000);
  await api.getStore();
  await settle();
  upstream.revoked.add('access-0');
  assert.equal((await api.getStore())['used'], 'access-1');
  assert.equal(upstream.calls.refresh, 1);
});

test('a new pair that has worked and is refused later is refreshed, as the first was', async () => {
  const { api, upstream } = await dueForRefresh();
  await api.getStore();
  await settle();
  assert.equal((await api.getStore())['used'], 'access-1');
  for (const token of ['access-0', 'access-1']) upstream.revoked.add(token);
  assert.equal((await api.getStore())['used'], 'access-2');
});

test('a new pair that no call has tried yet is refused while it is being refreshed itself: the answer finds its place', async () => {
  const { api, upstream, clock } = await dueForRefresh();
  await api.getStore();
  await settle();
  // A year in which sweeps alone looked after the store.
  clock.advance(360 * day);
  upstream.revoked.add('access-1');
  const release = hold(upstream, 'refresh');
  assert.equal((await api.getStore())['used'], 'access-0');
  release();
  await settle();
  assert.equal((await api.getStore())['used'], 'access-2');
  assert.equal(upstream.calls.refresh, 2);
});

test('a call that comes through with a pair which was replaced meanwhile proves nothing of the new one: the old one still stands in', async () => {
  const { connections, upstream, clock, make } = bench();
  await connect(connections);
  const api = await connections.forStore('store');
  const grow = () => {
    clock.advance(340 * day);
    upstream.expiration = new Date(clock.now() + 365 * day).toISOString();
  };
  grow();
  await api.getStore();
  await settle();
  const release = hold(upstream, 'data');
  const call = api.getStore();
  await settle();
  grow();
  await make().sweep();
  release();
  assert.equal((await call)['used'], 'access-1');
  upstream.revoked.add('access-2');
  assert.equal((await api.getStore())['used'], 'access-1');
});

test('a second try that is unclear is told as unclear, not as the refusal of the first', async () => {
  const { connections, upstream, clock, api: raw } = bench();
  await connect(connections);
  clock.advance(340 * day);
  upstream.revoked.add('access-1');
  const api = await connections.forStore('store');
  await api.getStore();
  await settle();
  const { withAccessToken } = raw;
  raw.withAccessToken = (token) => {
    const client = withAccessToken.call(raw, token);
    if (token === 'access-0')
      client.createOrder = () =>
        Promise.reject(new RulrrApiError('createOrder', 'connection_lost', { sent: 'unclear' }));
    return client;
  };
  await assert.rejects((await connections.forStore('store')).createOrder({ id: 1 }), { code: 'connection_lost' });
});

test('a call that was on its way while its token was replaced goes out once more with the new one', async () => {
  const { connections, upstream, clock, make } = bench();
  await connect(connections);
  const api = await connections.forStore('store');
  const release = hold(upstream, 'data');
  const call = api.getStore();
  await settle();
  clock.advance(340 * day);
  await make().sweep();
  upstream.revoked.add('access-0');
  release();
  assert.equal((await call)['used'], 'access-1');
  assert.equal(upstream.calls.refresh, 1);
});

/** A store whose token Rulrr refuses from now on; whoever asks for another one waits until `release`. */
async function refusedToken() {
  const given = bench(plain);
  await connect(given.connections);
  given.upstream.revoked.add('access-0');
  return { ...given, release: hold(given.upstream, 'refresh') };
}

test('refused while another replica refreshes: waits for its token, and asks for none beside it', async () => {
  const { connections, upstream, clock, make, release } = await refusedToken();
  const first = (await connections.forStore('store')).getStore();
  await settle(20);
  const second = (await make().forStore('store')).getStore();
  await settle(20);
  await clock.advanceAsync(5_000);
  release();
  await settle(20);
  await clock.advanceAsync(1_000);
  for (const call of [first, second]) assert.equal((await call)['used'], 'access-1');
  assert.equal(upstream.calls.refresh, 1);
});

test('refused while the refresh of another replica hangs: no call waits for it for more than twenty seconds', async () => {
  const { connections, upstream, clock, make, release } = await refusedToken();
  const refused: unknown[] = [];
  for (const one of [connections, make()]) {
    void (await one.forStore('store')).getStore().catch((error: RulrrApiError) => refused.push(error.status));
    await settle(20);
  }
  for (let second = 0; second < 21; second++) {
    await clock.advanceAsync(1_000);
    await settle(5);
  }
  assert.deepEqual(refused, [403, 403]);
  // Nor does any that comes later: each would keep a customer waiting, and in vain.
  await assert.rejects((await make().forStore('store')).getStore(), { status: 403 });
  assert.equal(upstream.calls.refresh, 1);
  release();
});
