import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RulrrApi, RulrrApiError } from '../../src/api/index.js';
import type { Refusal } from '../../src/proxy/refusal.js';
import { memoryTokenStore } from '../../src/proxy/stores/memory.js';
import type { TokenStore } from '../../src/proxy/stores/token-store.js';
import { settle } from '../support/settle.js';
import { bench, day, flowOf, hold, plain } from './support/bench.js';

describe('a redeem call that stalls', () => {
  test('past its time, past 410 and past the grace is still waited for, on every replica', async () => {
    const { clock, connections, make, upstream, events } = bench(plain);
    const release = hold(upstream, 'redeem');
    const flow = flowOf('a');
    await connections.open(flow);
    const replicas = [connections, make(), make()];
    const heard: string[] = [];
    // Eight minutes: four times as long as the deadline and the grace together.
    for (let round = 0; round < 48; round++) {
      for (const one of replicas) {
        void one.check(flow).then(({ status }) => heard.push(status), (error: Refusal) => heard.push(error.code)); // prettier-ignore
      }
      await settle(20);
      clock.advance(10_000);
      await settle(20);
    }
    assert.deepEqual([...new Set(heard)], ['pending'], 'above all not lost');
    assert.ok(heard.length > 100);
    assert.equal(upstream.calls.redeem, 2, 'Rulrr has said 410 meanwhile');
    release();
    await settle();
    for (const one of replicas) assert.equal((await one.check(flow)).status, 'finished');
    assert.ok(!events.some(({ type }) => type === 'integration-lost'));
  });

  test('in another replica that says nothing any more: 410 is not believed before the grace is over', async () => {
    const { clock, connections, make, upstream, events } = bench(plain);
    const release = hold(upstream, 'redeem');
    const flow = flowOf('a');
    // Its timers come late, as those of a machine that was put to sleep: it does not renew its lease.
    const stalled = make({ clock: { ...clock, after: () => () => {} } });
    await stalled.open(flow);
    void stalled.check(flow).catch(() => undefined);
    await settle();
    clock.advance(21_000);
    const heard: string[] = [];
    for (let round = 0; round < 16; round++) {
      void connections.check(flow).then(({ status }) => heard.push(status), (error: Refusal) => heard.push(error.code)); // prettier-ignore
      await settle(20);
      clock.advance(5_000);
      await settle(20);
    }
    assert.equal(upstream.calls.redeem, 2);
    assert.deepEqual([...new Set(heard)], ['pending']);
    release();
    await settle();
    // Once the other one has stored them after all, with the poll that asks next, and not with the end of the grace.
    const next = connections.check(flow);
    await settle();
    clock.advance(5_000);
    assert.equal((await next).status, 'finished');
    assert.ok(!events.some(({ type }) => type === 'integration-lost'));
  });

  test('nor by the successor of a process that has heard 410 and died', async () => {
    const { clock, connections, make, upstream, events } = bench(plain);
    const release = hold(upstream, 'redeem');
    const flow = flowOf('a');
    await connections.open(flow);
    // The first holds the tokens and sleeps, the second hears 410 and dies.
    for (const calls of [1, 2]) {
      const asleep = make({ clock: { ...clock, after: () => () => {} } });
      void asleep.check(flow).catch(() => undefined);
      await settle(20);
      assert.equal(upstream.calls.redeem, calls);
      clock.advance(21_000);
    }
    const heard: string[] = [];
    for (let round = 0; round < 8; round++) {
      void connections.check(flow).then(({ status }) => heard.push(status), (error: Refusal) => heard.push(error.code)); // prettier-ignore
      await settle(20);
      clock.advance(5_000);
      await settle(20);
    }
    assert.deepEqual([...new Set(heard)], ['pending']);
    release();
    await settle();
    clock.advance(60_000);
    await settle();
    assert.equal((await connections.check(flow)).status, 'finished');
    assert.equal(upstream.calls.redeem, 2);
    assert.ok(!events.some(({ type }) => type === 'integration-lost'));
  });

  test('tokens that are saved and not read yet stay, whatever another replica has heard before that', async () => {
    for (const heard of ['already retrieved', 'pending, and the time is up']) {
      const rows = memoryTokenStore();
      let refuses = false;
      const store: TokenStore = {
        ...rows,
        put: (key, ...rest) =>
          refuses && key.startsWith('store/') ? Promise.reject(new Error('full')) : rows.put(key, ...rest),
      };
      const { api, clock, connections, make, upstream, events } = bench({ ...plain, store });
      let release = () => {};
      const gate = new Promise<void>((resolve) => (release = resolve));
      const flow = flowOf('a');
      await connections.open(flow);
      let other = connections;
      if (heard === 'pending, and the time is up') {
        const slow = Object.create(api) as RulrrApi;
        slow.getIntegrationStatus = () => gate.then(() => ({ success: true, status: 'pending' }));
        other = make({ api: slow });
        clock.advance(100 * 60_000);
        void other.sweep();
        await settle(20);
        refuses = true;
        await connections.check(flow).catch(() => undefined);
        release();
      } else {
        upstream.redeemGate = gate;
        void make({ clock: { ...clock, after: () => () => {} } }).check(flow).catch(() => undefined); // prettier-ignore
        await settle(20);
        clock.advance(21_000);
        void other.check(flow).catch(() => undefined);
        await settle(20);
        refuses = true;
        release();
        await settle(20);
        for (let second = 0; second < 100; second++) await clock.advanceAsync(1_000);
      }
      await settle(20);
      refuses = false;
      clock.advance(21_000);
      assert.equal((await connections.check(flow)).status, 'finished', heard);
      assert.ok(!events.some(({ type }) => type === 'integration-lost'), heard);
    }
  });

  test('of a process that died is not waited for longer than the grace', async () => {
    const { clock, connections, make, upstream } = bench(plain);
    const release = hold(upstream, 'redeem');
    const flow = flowOf('a');
    // Its timers never run: for the others it is dead.
    const dead = make({ clock: { ...clock, now: clock.now, after: () => () => {} } });
    await dead.open(flow);
    void dead.check(flow).catch(() => undefined);
    await settle();
    const started = clock.now();
    let end = '';
    while (!end && clock.now() - started < 600_000) {
      void connections.check(flow).catch((error: Refusal) => (end = error.code));
      await settle(20);
      clock.advance(5_000);
    }
    assert.equal(end, 'tokens_lost');
    assert.ok(clock.now() - started < 130_000, `${clock.now() - started} ms`);
    // And if it lives after all, its answer wins.
    release();
    await settle();
    assert.equal((await connections.check(flow)).status, 'finished');
  });
});

describe('tokens that come in', () => {
  test('tokens come in for a session whose row nobody can read any more: the store is connected all the same', async () => {
    const { connections, upstream, store } = bench();
    const release = hold(upstream, 'redeem');
    const flow = flowOf('a', 'store');
    await connections.open(flow);
    const first = connections.check(flow).catch(() => undefined);
    await settle();
    const row = (await store.get('flow/a'))!;
    assert.equal((await store.put('flow/a', 'nothing that anybody sealed', { ifVersion: row.version })).ok, true);
    release();
    await settle();
    assert.equal((await connections.connection('store')).connected, true);
    await first;
  });

  test('an answer that nobody could read is kept, though the merchant is then said to have given up', async () => {
    const { connections, upstream, store, make } = bench();
    upstream.refreshBody = () => ({ success: true, token: 'odd' });
    const flow = flowOf('a', 'store');
    await connections.open(flow);
    void connections.check(flow).catch(() => undefined);
    await settle();
    upstream.status = 'cancelled';
    assert.equal((await make().check(flow)).status, 'cancelled');
    await settle();
    assert.ok(await store.get('flow/a'));
  });

  test('tokens that are saved and not read yet stay, whatever an earlier call still brings', async () => {
    let refuses = false;
    let late = () => {};
    const said = [
      new Promise<string>((resolve) => (late = () => resolve('{"success":true}'))),
      Promise.resolve('{"success":true,"accessToken":"access","refreshToken":"refresh"}'),
    ];
    const api = {
      getIntegrationStatus: async () => ({ status: 'finished' }),
      async retrieveTokens(_token: string, { onRawAnswer }: { onRawAnswer(raw: string): Promise<void> }) {
        const answer = said.shift();
        if (!answer) throw new RulrrApiError('retrieveTokens', 'already_retrieved', { status: 410, sent: 'answered' });
        await onRawAnswer(await answer);
        throw new RulrrApiError('retrieveTokens', 'bad_answer', { status: 200, sent: 'unclear' });
      },
    } as unknown as RulrrApi;
    const rows = memoryTokenStore();
    const store: TokenStore = {
      ...rows,
      put: (key, ...rest) =>
        refuses && key.startsWith('store/') ? Promise.reject(new Error('full')) : rows.put(key, ...rest),
    };
    const { connections, clock } = bench({ ...plain, api, store });
    const flow = flowOf('a');
    await connections.open(flow);
    refuses = true;
    const first = connections.check(flow);
    // The first call is waited for in vain, the second brings the tokens.
    for (let second = 0; second < 100 && said.length; second++) {
      await settle();
      clock.advance(1_000);
    }
    assert.equal((await first).status, 'pending');
    await settle();
    late();
    await settle();
    refuses = false;
    clock.advance(2_000);
    assert.equal((await connections.check(flow)).status, 'finished');
  });

  test('what could be stored only at the second try is stored: the end of the process has nothing unsaved to tell', async () => {
    const store = memoryTokenStore();
    let failures = 0;
    const brittle: TokenStore = {
      ...store,
      put: (...args) => (failures-- > 0 ? Promise.reject(new Error('down')) : store.put(...args)),
    };
    const { connections, upstream, events, clock } = bench({ store: brittle });
    const release = hold(upstream, 'redeem');
    const flow = flowOf('a', 'store');
    await connections.open(flow);
    const first = connections.check(flow);
    await settle();
    failures = 1;
    release();
    await settle();
    await clock.advanceAsync(100);
    await settle();
    assert.equal((await first).status, 'finished');
    assert.ok(events.some(({ type }) => type === 'save-retried'));
    const closing = connections.close();
    await settle(20);
    await clock.advanceAsync(0);
    await closing;
    assert.ok(!events.some(({ type }) => type === 'tokens-unsaved'));
  });

  test('however long the store is down: tokens in hand are stored as soon as it is up again', async () => {
    const store = memoryTokenStore();
    let down = false;
    const { connections, upstream, events, clock } = bench({
      ...plain,
      store: { ...store, put: (...args) => (down ? Promise.reject(new Error('down')) : store.put(...args)) },
    });
    const release = hold(upstream, 'redeem');
    await connections.open(flowOf('a', 'store'));
    void connections.check(flowOf('a', 'store'));
    await settle(5);
    down = true;
    release();
    for (let second = 0; second < 120; second++) {
      await settle(1);
      await clock.advanceAsync(1_000);
    }
    const tries = events.filter(({ type }) => type === 'save-retried').length;
    assert.ok(tries > 10 && tries < 30, `${tries} tries in two minutes`);
    down = false;
    await clock.advanceAsync(10_000);
    await settle(5);
    assert.equal((await connections.connection('store')).connected, true);
  });

  test('an older session that finishes later does not replace a newer one', async () => {
    const { connections, upstream } = bench();
    const [older, newer] = [flowOf('older', 'shop'), flowOf('newer', 'shop')];
    await connections.open(older);
    await connections.open(newer);
    await connections.check(newer);
    const calls = upstream.calls.redeem;
    assert.equal((await connections.check(older)).status, 'finished');
    assert.equal(upstream.calls.redeem, calls, 'its tokens were not even asked for');
  });

  test('a session that a clock gone wrong has claimed from far ahead is held up by nobody', async () => {
    const { connections, clock, make } = bench(plain);
    const flow = flowOf('a', 'store');
    await connections.open(flow);
    // Its replica gets no further than to the claim.
    const stuck = new RulrrApi({
      apiBaseUrl: 'https://api.example',
      clientId: 'client',
      clientSecret: 'canary-secret',
      clock,
      fetch: async (input) =>
        String(input).includes('/token?')
          ? new Promise<Response>(() => {})
          : Response.json({ success: true, status: 'finished' }),
    });
    const ahead = make({ api: stuck, clock: { ...clock, now: () => clock.now() + 365 * day } });
    void ahead.check(flow);
    await settle();
    assert.equal((await connections.check(flow)).status, 'finished');
  });
});
