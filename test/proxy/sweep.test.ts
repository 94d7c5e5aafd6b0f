import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { memoryTokenStore } from '../../src/proxy/stores/memory.js';
import type { TokenStore } from '../../src/proxy/stores/token-store.js';
import { settle } from '../support/settle.js';
import { bench, connect, day, flowOf, hold, plain } from './support/bench.js';

/** As good as a release that knows by which name the kept answer of session `a` has its token; for the `plain` vault. */
async function learnToRead(store: TokenStore): Promise<void> {
  const { value, version } = (await store.get('flow/a'))!;
  await store.put('flow/a', value.replace('token\\":\\"odd', 'accessToken\\":\\"access-late'), { ifVersion: version });
}

/** Session `a`, whose answer with the tokens cannot be read: given up once the tries are over. */
async function loseTokens({
  connections,
  clock,
}: Pick<ReturnType<typeof bench>, 'connections' | 'clock'>): Promise<void> {
  await connections.open(flowOf('a'));
  void connections.check(flowOf('a')).catch(() => undefined);
  for (let second = 0; second < 400; second++) {
    await settle(5);
    clock.advance(1_000);
  }
  await assert.rejects(connections.check(flowOf('a')), { code: 'tokens_lost' });
}

describe('sweep', () => {
  test('asks until sessions end or expire, and then knows no more of them', async () => {
    const { clock, store, upstream, connections, events } = bench();
    upstream.status = 'pending';
    await connections.open(flowOf('a'));
    await connections.open(flowOf('b'));
    assert.deepEqual(await connections.sweep(), { checked: 2, finished: 0, ended: 0, failed: 0 });
    upstream.statusFails = true;
    clock.advance(2_000);
    assert.deepEqual(await connections.sweep(), { checked: 2, finished: 0, ended: 0, failed: 2 });
    upstream.statusFails = false;
    clock.advance(30_000);
    // Whoever has finished on a phone meanwhile does not wait longer for that.
    assert.deepEqual(await connections.sweep(), { checked: 2, finished: 0, ended: 0, failed: 0 });
    clock.advance(2 * 3_600_000);
    assert.deepEqual(await connections.sweep(), { checked: 2, finished: 0, ended: 2, failed: 0 });
    assert.deepEqual(await connections.sweep(), { checked: 0, finished: 0, ended: 0, failed: 0 });
    assert.equal(events.filter(({ type }) => type === 'integration-expired').length, 2);
    clock.advance(day);
    await connections.sweep();
    assert.deepEqual(await store.list('flow/'), []);
  });

  test('asks seldom for what Rulrr will not tell any more past its time, tells how it ended, and completes it if Rulrr does tell', async () => {
    const { clock, store, upstream, connections, events } = bench();
    upstream.status = 'pending';
    await connections.open(flowOf('a'));
    await connections.open(flowOf('b'));
    clock.advance(31 * 60_000);
    upstream.statusFails = true;
    for (let sweeps = 0; sweeps < 120; sweeps++) {
      await connections.sweep();
      clock.advance(30_000);
    }
    assert.equal(upstream.calls.status, 2 * 12, 'each five minutes, in an hour of sweeps each half minute');
    upstream.statusFails = false;
    upstream.status = 'finished';
    await connections.check(flowOf('b'));
    assert.equal((await connections.sweep()).finished, 1);
    assert.equal((await connections.connection('store of a')).connected, true);

    upstream.statusFails = true;
    await connections.open(flowOf('c'));
    clock.advance(2 * day);
    await connections.sweep();
    clock.advance(3_600_000);
    await connections.sweep();
    assert.deepEqual(await store.list('flow/'), []);
    const told = events.filter(({ type }) => type === 'integration-expired');
    assert.deepEqual(
      told.map(({ flowId }) => flowId),
      ['c'],
    );
  });

  test('a stored session is remembered for a day and then let go', async () => {
    const { clock, store, connections } = bench();
    await connect(connections);
    await connections.sweep();
    assert.equal((await store.list('flow/')).length, 1);
    clock.advance(2 * day);
    await connections.sweep();
    assert.equal((await store.list('flow/')).length, 0);
    assert.equal((await connections.connection('store')).connected, true);
  });

  for (const [what, has, ends] of [
    [
      'has the answer with the tokens, and not that they were stored: they are',
      '"state":"answered"',
      ['integration-finished'],
    ],
    ['has the session, and nothing of its tokens: that they are lost is told', '"state":"open"', ['integration-lost']],
  ] as const) {
    test(`a standby took over that ${what}, within the hour, though each replica had seen them stored`, async () => {
      const store = memoryTokenStore();
      let standby: Map<string, string> | undefined;
      const primary: TokenStore = {
        ...store,
        async put(key, value, condition) {
          const result = await store.put(key, value, condition);
          if (standby || !value.includes(has)) return result;
          standby = new Map();
          for (const row of await store.list('')) standby.set(row, (await store.get(row))!.value);
          return result;
        },
      };
      const { clock, connections, events } = bench({ ...plain, store: primary });
      await connect(connections);
      await connections.sweep();
      for (const row of await store.list('')) await store.delete(row);
      for (const [row, value] of standby!) await store.put(row, value, { ifVersion: null });
      events.length = 0;
      for (let sweeps = 0; sweeps < 120; sweeps++) {
        clock.advance(30_000);
        await connections.sweep();
      }
      const told = events.filter(({ type }) => type.startsWith('integration-'));
      assert.deepEqual(
        told.map(({ type }) => type),
        ends,
      );
      const { connected } = await connections.connection('store');
      assert.equal(connected, ends[0] === 'integration-finished');
    });
  }

  test('a stored session that a clock gone wrong has let go is stored all the same', async () => {
    const { clock, upstream, connections, events } = bench();
    await connect(connections);
    clock.advance(2 * day);
    await connections.sweep();
    clock.advance(-2 * day);
    assert.equal((await connections.check(flowOf('a', 'store'))).status, 'finished');
    assert.equal(upstream.calls.redeem, 1);
    assert.deepEqual(
      events.filter(({ type }) => type === 'integration-lost'),
      [],
    );
    // Known again, it is asked about by no sweep.
    assert.equal((await connections.sweep()).checked, 0);
  });

  test('a session that was finished before the server was down for days: completed, though Rulrr cannot be reached at first', async () => {
    const { clock, upstream, connections, events } = bench();
    await connections.open(flowOf('a'));
    clock.advance(3 * day);
    upstream.statusFails = true;
    for (let sweeps = 0; sweeps < 20; sweeps++) {
      await connections.sweep();
      clock.advance(60_000);
    }
    upstream.statusFails = false;
    assert.equal((await connections.sweep()).finished, 1);
    assert.equal((await connections.connection('store of a')).connected, true);
    assert.ok(!events.some(({ type }) => type === 'integration-expired'));
  });

  test('an answer that nobody could read is kept for a later release, for ninety days', async () => {
    const { connections, upstream, store, clock } = bench(plain);
    upstream.refreshBody = () => ({ success: true, token: 'odd' });
    await loseTokens({ connections, clock });
    clock.advance(89 * day);
    await connections.sweep();
    assert.deepEqual(await store.list('flow/'), ['flow/a']);
    clock.advance(2 * day);
    await connections.sweep();
    assert.deepEqual(await store.list('flow/'), []);
  });

  test('the later release that can read it connects the store by itself', async () => {
    const { connections, upstream, store, clock } = bench(plain);
    upstream.refreshBody = () => ({ success: true, token: 'odd', refreshToken: 'refresh' });
    await loseTokens({ connections, clock });
    assert.equal((await connections.sweep()).finished, 0);
    await learnToRead(store);
    clock.advance(30 * day);
    assert.equal((await connections.sweep()).finished, 1);
    assert.equal((await (await connections.forStore('store of a')).getStore())['used'], 'access-late');
  });

  test('an answer that nobody could read is kept as well where the session had been given up before it came', async () => {
    const { connections, make, upstream, store, clock } = bench(plain);
    const asleep = make({ clock: { ...clock, after: () => () => {} } });
    const release = hold(upstream, 'redeem');
    upstream.refreshBody = () => ({ success: true, token: 'odd', refreshToken: 'refresh' });
    await asleep.open(flowOf('a'));
    void asleep.check(flowOf('a')).catch(() => undefined);
    for (let rounds = 0; rounds < 40; rounds++) {
      await settle(20);
      clock.advance(5_000);
      void connections.check(flowOf('a')).catch(() => undefined);
    }
    await assert.rejects(connections.check(flowOf('a')), { code: 'tokens_lost' });
    release();
    await settle(50);
    clock.advance(day);
    assert.equal((await connections.sweep()).ended, 0, 'it had ended before');

    await learnToRead(store);
    clock.advance(30 * day);
    assert.equal((await connections.sweep()).finished, 1);
    assert.equal((await (await connections.forStore('store of a')).getStore())['used'], 'access-late');
  });

  test('an answer that nobody could read is given up after a day where Rulrr does not say any more how the session ended', async () => {
    const { connections, make, upstream, store, clock, events } = bench(plain);
    const dies = make({ clock: { ...clock, after: () => () => {} } });
    upstream.refreshBody = () => ({ success: true, token: 'odd' });
    await dies.open(flowOf('a'));
    void dies.check(flowOf('a')).catch(() => undefined);
    await settle(50);
    upstream.statusFails = true;
    clock.advance(2 * day);
    await connections.sweep();
    clock.advance(3_600_000);
    await connections.sweep();
    assert.deepEqual(
      events.filter(({ type }) => type === 'integration-lost').map(({ flowId }) => flowId),
      ['a'],
    );
    const { status } = upstream.calls;
    clock.advance(day);
    await connections.sweep();
    assert.equal(upstream.calls.status, status, 'there is nothing to ask any more');
    assert.deepEqual(await store.list('flow/'), ['flow/a']);
    clock.advance(89 * day);
    await connections.sweep();
    assert.deepEqual(await store.list('flow/'), []);
  });

  test('what was let go is over for good: no call, no alarm, and the store stays connected', async () => {
    const { clock, connections, upstream, events } = bench();
    await connect(connections);
    clock.advance(2 * day);
    await connections.sweep();
    const calls = upstream.calls.redeem;
    await assert.rejects(connections.check(flowOf('a', 'store')), { code: 'expired' });
    assert.equal(upstream.calls.redeem, calls);
    assert.ok(!events.some(({ type }) => type === 'integration-lost'));
    assert.equal((await connections.connection('store')).connected, true);
  });

  test('tells once of a merchant who gave up, whoever hears of it', async () => {
    const { clock, connections, upstream, events } = bench();
    upstream.status = 'cancelled';
    const told = () => events.filter(({ type }) => type === 'integration-cancelled').map(({ flowId }) => flowId);
    await connections.open(flowOf('polled'));
    await connections.open(flowOf('swept'));
    for (let turn = 0; turn < 3; turn++) {
      assert.deepEqual(await connections.check(flowOf('polled')), { status: 'cancelled' });
      await settle(20);
      clock.advance(2_000);
    }
    assert.deepEqual(told(), ['polled']);
    await connections.sweep();
    assert.deepEqual(told(), ['polled', 'swept']);
  });

  test('many replicas may sweep at once', async () => {
    const { make, upstream } = bench();
    const replicas = Array.from({ length: 5 }, () => make());
    for (let index = 0; index < 20; index++) await replicas[0]!.open(flowOf(`f${index}`));
    await Promise.all(replicas.map((one) => one.sweep()));
    assert.equal(upstream.calls.redeem, 20);
    for (let index = 0; index < 20; index++) {
      assert.equal((await replicas[1]!.connection(`store of f${index}`)).connected, true);
    }
  });

  test('looks through all stores four times a day, whatever the number of replicas and sweeps', async () => {
    const store = memoryTokenStore();
    let looks = 0;
    const { clock, make } = bench({
      ...plain,
      store: {
        ...store,
        list: (prefix, page) => {
          if (prefix === 'store/') looks += 1;
          return store.list(prefix, page);
        },
      },
    });
    const replicas = Array.from({ length: 3 }, () => make());
    await connect(replicas[0]!);
    for (let minute = 0; minute < 24 * 60; minute += 30) {
      for (const one of replicas) await one.sweep();
      clock.advance(30 * 60_000);
    }
    assert.equal(looks, 4);
  });

  test('a replica whose clock is two years ahead keeps no store from being looked through by the others', async () => {
    const { connections, clock, make, upstream } = bench(plain);
    await make({ clock: { ...clock, now: () => clock.now() + 730 * day } }).sweep();
    await connect(connections);
    clock.advance(340 * day);
    await connections.sweep();
    await settle();
    assert.equal(upstream.calls.refresh, 1);
  });

  test('leaves out no session, however many there are', async () => {
    const { connections, upstream } = bench(plain);
    upstream.status = 'pending';
    for (let index = 0; index < 250; index++) await connections.open(flowOf(`f${index}`));
    assert.equal((await connections.sweep()).checked, 250);
  });

  test('forgotten is forgotten: a session that had expired before, and that the merchant finishes after all, brings nothing back', async () => {
    const { clock, upstream, connections } = bench();
    await connect(connections, 'a', 'shop');
    upstream.status = 'pending';
    await connections.open(flowOf('left open', 'shop'));
    clock.advance(2 * 3_600_000);
    await connections.sweep();
    await connections.forget('shop');
    upstream.status = 'finished';
    clock.advance(2_000);
    await assert.rejects(connections.check(flowOf('left open', 'shop')), { code: 'expired' });
    assert.equal((await connections.connection('shop')).connected, false);
  });

  test('an expired session that the merchant finishes after all takes no newer session’s place', async () => {
    const { clock, upstream, connections } = bench();
    upstream.status = 'pending';
    await connections.open(flowOf('left open', 'shop'));
    clock.advance(2 * 3_600_000);
    await connections.sweep();
    upstream.status = 'finished';
    await connect(connections, 'newer', 'shop');
    clock.advance(2_000);
    const calls = upstream.calls.redeem;
    assert.equal((await connections.check(flowOf('left open', 'shop'))).status, 'finished');
    assert.equal(upstream.calls.redeem, calls, 'its tokens were not even asked for');
  });

  test('of a finished session whose tokens a newer one’s came before, Rulrr is asked no more', async () => {
    const { clock, upstream, connections } = bench();
    await connections.open(flowOf('older', 'shop'));
    await connect(connections, 'newer', 'shop');
    await connections.sweep();
    const asked = upstream.calls.status;
    clock.advance(30_000);
    assert.deepEqual(await connections.sweep(), { checked: 0, finished: 0, ended: 0, failed: 0 });
    assert.equal(upstream.calls.status, asked);
    assert.equal((await connections.check(flowOf('older', 'shop'))).status, 'finished');
  });

  test('an expired session that the merchant finishes after all, and whose process dies at it: a sweep completes it that had let it be', async () => {
    const store = memoryTokenStore();
    let dead = false;
    const { clock, upstream, connections } = bench({
      store: {
        ...store,
        put: (key, ...rest) =>
          dead && key.startsWith('store/') ? Promise.reject(new Error('gone')) : store.put(key, ...rest),
      },
    });
    upstream.status = 'pending';
    await connections.open(flowOf('left open', 'shop'));
    clock.advance(2 * 3_600_000);
    await connections.sweep();
    await connections.sweep();
    upstream.status = 'finished';
    clock.advance(2_000);
    dead = true;
    assert.equal((await connections.check(flowOf('left open', 'shop'))).status, 'pending');
    dead = false;
    clock.advance(10 * 60_000);
    assert.equal((await connections.sweep()).finished, 1);
    assert.equal((await connections.connection('shop')).connected, true);
  });

  test('stores whose refresh hangs keep no session waiting: the next sweep completes it', async () => {
    const { clock, upstream, make } = bench(plain);
    const connections = make();
    for (const name of ['a', 'b', 'c']) await connect(connections, name, `store ${name}`);
    clock.advance(340 * day);
    const release = hold(upstream, 'refresh');
    const first = connections.sweep();
    await settle(50);
    assert.equal(upstream.calls.refresh, 1, 'it hangs there');
    const startedAt = clock.now();
    await connections.open({ ...flowOf('new'), startedAt, expiresAt: startedAt + 30 * 60_000 });
    let report: { finished: number } | undefined;
    void connections.sweep().then((done) => (report = done));
    await settle(200);
    assert.equal(report?.finished, 1);
    assert.equal((await connections.connection('store of new')).connected, true);
    for (let store = 1; store <= 3; store++) {
      assert.equal(upstream.calls.refresh, store, 'no store is left out');
      await clock.advanceAsync(60_000);
      await settle(50);
    }
    assert.equal((await first).failed, 0);
    release();
  });

  test('a token store that fails while all stores are looked through: the next sweep looks, not one six hours later', async () => {
    let down = false;
    const store = memoryTokenStore();
    const list: TokenStore['list'] = (prefix, ...rest) =>
      down && prefix.startsWith('store/') ? Promise.reject(new Error('down')) : store.list(prefix, ...rest);
    const { clock, upstream, connections } = bench({ store: { ...store, list } });
    await connect(connections);
    clock.advance(340 * day);
    down = true;
    assert.equal((await connections.sweep()).failed, 1);
    down = false;
    clock.advance(30_000);
    await connections.sweep();
    assert.equal(upstream.calls.refresh, 1);
  });

  test('a host that ends each sweep early: stores that one has not come to are refreshed by the next ones', async () => {
    const { clock, store, upstream, connections, make } = bench(plain);
    const shops = 120;
    for (let shop = 0; shop < shops; shop++) await connect(connections, `f${shop}`, `store ${shop}`);
    clock.advance(340 * day);
    for (let minute = 0; minute < 60; minute += 5) {
      let reads = 0;
      // As good as ended: it hears of nothing any more.
      const get: TokenStore['get'] = (key) =>
        key.startsWith('store/') && ++reads > 400 ? new Promise(() => {}) : store.get(key);
      void make({ store: { ...store, get } }).sweep();
      await settle(200);
      clock.advance(5 * 60_000);
    }
    assert.equal(upstream.calls.refresh, shops);
  });

  test('refreshes a store that makes no calls', async () => {
    const { clock, upstream, connections } = bench();
    await connect(connections);
    clock.advance(340 * day);
    await connections.sweep();
    assert.equal(upstream.calls.refresh, 1);
  });
});
