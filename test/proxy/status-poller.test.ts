import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RulrrApiError } from '../../src/api/index.js';
import { InFlight } from '../../src/proxy/in-flight.js';
import type { Refusal } from '../../src/proxy/refusal.js';
import { StatusPoller, type StatusPollerOptions } from '../../src/proxy/status-poller.js';
import { UpstreamBudget } from '../../src/proxy/upstream-budget.js';
import type { IntegrationStatus } from '../../src/shared/wire.js';
import { fakeClock } from '../support/fake-clock.js';
import { settle } from '../support/settle.js';
import { bench, connect, flowOf } from './support/bench.js';

/** A poller without the connections around it. */
function alone({ perSecond = 1e6, ...options }: Partial<StatusPollerOptions> & { perSecond?: number } = {}) {
  const clock = fakeClock();
  const rulrr = {
    /** What Rulrr says now. */
    says: (_token: string): IntegrationStatus | Promise<IntegrationStatus> => 'pending',
    asked: [] as string[],
  };
  const events: Parameters<StatusPollerOptions['emit']>[0][] = [];
  /** What the store knows, and how often it was asked. */
  const store = { knows: 'pending' as 'pending' | 'finished', asked: 0 };
  const poller = new StatusPoller({
    api: {
      async getIntegrationStatus(token) {
        rulrr.asked.push(token);
        return { status: await rulrr.says(token) };
      },
    },
    clock,
    budget: new UpstreamBudget(perSecond, clock),
    inFlight: new InFlight(clock),
    emit: (event) => events.push(event),
    ttlMs: 1_000,
    pollAfterMs: 1_000,
    maxEntries: 10_000,
    known: async () => ((store.asked += 1), store.knows),
    ...options,
  });
  return { clock, rulrr, events, store, poller };
}

describe('limits on the upstream', () => {
  test('10,000 pollers on 100 integrations for a minute: at most 6,000 status calls', async () => {
    const { clock, upstream, connections } = bench({ budgetPerSecond: 1e6 });
    upstream.status = 'pending';
    const flows = Array.from({ length: 100 }, (_, index) => flowOf(`f${index}`));
    // Each of the 10,000 asks every two seconds, spread over all moments.
    for (let tick = 0; tick < 60_000; tick += 50) {
      const asking: Promise<unknown>[] = [];
      for (let poller = (tick / 50) % 40; poller < 10_000; poller += 40)
        asking.push(connections.check(flows[poller % 100]!));
      await Promise.all(asking);
      clock.advance(50);
    }
    assert.ok(upstream.calls.status <= 6_000, `${upstream.calls.status} calls`);
    assert.ok(upstream.calls.status >= 2_500, 'and they were asked about all the time');
  });

  test('one session: calls begin a second apart, to the millisecond, however many ask', async () => {
    const { clock, upstream, connections } = bench();
    upstream.status = 'pending';
    const flow = flowOf('a');
    const calledAt: number[] = [];
    for (let tick = 0; tick < 10_000; tick += 37) {
      const before = upstream.calls.status;
      await Promise.all(Array.from({ length: 20 }, () => connections.check(flow)));
      if (upstream.calls.status > before) calledAt.push(clock.now());
      assert.ok(upstream.calls.status - before <= 1);
      clock.advance(37);
    }
    assert.ok(calledAt.length <= 10 && calledAt.length >= 9);
    for (const [index, at] of calledAt.entries()) if (index) assert.ok(at - calledAt[index - 1]! >= 1_000);
  });

  test('failures are shared, not remembered, and no more frequent', async () => {
    const { clock, upstream, connections } = bench();
    upstream.statusFails = true;
    const flow = flowOf('a');
    const polls = Array.from({ length: 10 }, () => connections.check(flow));
    for (const result of await Promise.allSettled(polls)) {
      assert.equal(result.status === 'rejected' && (result.reason as Refusal).code, 'upstream_error');
    }
    upstream.statusFails = false;
    upstream.status = 'pending';
    const next = connections.check(flow);
    await settle();
    assert.equal(upstream.calls.status, 1, 'the next call is not due yet');
    await clock.advanceAsync(1_000);
    assert.equal((await next).status, 'pending');
    assert.equal(upstream.calls.status, 2);
  });

  test('the budget of the process holds, and pollers are told to wait longer', async () => {
    const { clock, upstream, connections } = bench({ budgetPerSecond: 10 });
    upstream.status = 'pending';
    const flows = Array.from({ length: 200 }, (_, index) => flowOf(`f${index}`));
    let longest = 0;
    for (let second = 0; second < 20; second++) {
      for (const flow of flows) {
        const status = await connections.check(flow);
        assert.equal(status.status, 'pending');
        if (status.status === 'pending') longest = Math.max(longest, status.pollAfterMs);
      }
      clock.advance(1_000);
    }
    assert.ok(upstream.calls.status <= 10 * 20 + 10, `${upstream.calls.status} calls`);
    assert.equal(longest, 20_000, '200 sessions at 10 calls a second');
  });

  test('finished stays finished where the budget is used up, on every replica', async () => {
    const { make, upstream, clock } = bench({ budgetPerSecond: 0.1 });
    const [one, two] = [make(), make()];
    const flow = flowOf('a');
    await one.open(flow);
    assert.equal((await one.check(flow)).status, 'finished');
    for (const connections of [one, two]) await connections.check(flowOf('b')).catch(() => undefined);
    for (let second = 0; second < 5; second++) {
      clock.advance(1_000);
      for (const connections of [one, two]) assert.equal((await connections.check(flow)).status, 'finished');
    }
    upstream.status = 'pending';
    assert.equal((await two.check(flowOf('c'))).status, 'pending');
  });

  test('what is remembered of sessions is bounded', async () => {
    const clock = fakeClock();
    const poller = new StatusPoller({
      api: { getIntegrationStatus: async () => ({ status: 'pending' }) },
      clock,
      budget: new UpstreamBudget(1e6, clock),
      inFlight: new InFlight(clock),
      emit: () => {},
      ttlMs: 1_000,
      pollAfterMs: 1_000,
      maxEntries: 50,
      known: async () => 'pending',
    });
    let most = 0;
    for (let index = 0; index < 2_000; index++) {
      await poller.ask(flowOf(`f${index}`));
      most = Math.max(most, poller.size);
      clock.advance(1);
    }
    assert.equal(most, 50);
    clock.advance(60_000);
    await poller.ask(flowOf('last'));
    assert.equal(poller.size, 1, 'those that nobody asks about are forgotten');
  });

  test('two stores never share an answer, even under one session name', async () => {
    const { upstream, connections } = bench();
    upstream.status = 'finished';
    await connect(connections, 'same', 'mine');
    await assert.rejects(connections.check({ ...flowOf('same', 'theirs') }), { code: 'not_yours' });
    assert.equal((await connections.connection('theirs')).connected, false);
  });
});

describe('a budget that is used up', () => {
  test('cancelled stays cancelled, and what another replica has finished is finished', async () => {
    const { clock, rulrr, store, poller } = alone({ perSecond: 2 });
    rulrr.says = (token) => (token.includes('given up') ? 'cancelled' : 'pending');
    assert.equal(await poller.ask(flowOf('given up')), 'cancelled');
    assert.equal(await poller.ask(flowOf('open')), 'pending');
    clock.advance(1_000);
    for (const other of ['x', 'y']) await poller.ask(flowOf(other));
    store.knows = 'finished';
    assert.equal(await poller.ask(flowOf('given up')), 'cancelled');
    assert.equal(await poller.ask(flowOf('open')), 'finished');
  });

  test('the store is looked at once a second for a session, however many ask, and also after a clock that was set back', async () => {
    const { clock, store, poller } = alone({ perSecond: 0.1 });
    const flow = flowOf('a');
    await poller.ask(flowOf('the budget'));
    const answers: Promise<IntegrationStatus>[] = [];
    for (let tick = 0; tick < 5_000; tick += 100) {
      answers.push(poller.ask(flow));
      clock.advance(100);
    }
    assert.equal(store.asked, 5);
    assert.deepEqual([...new Set(await Promise.all(answers))], ['pending']);
    store.knows = 'finished';
    clock.advance(-3_600_000);
    assert.equal(await poller.ask(flow), 'finished');
  });

  test('the operator is told, once a minute at most, and how long it lasts', async () => {
    const { clock, events, poller } = alone({ perSecond: 0.1 });
    for (let second = 0; second < 121; second++) {
      for (const name of ['a', 'b', 'c']) await poller.ask(flowOf(name));
      clock.advance(1_000);
    }
    assert.deepEqual(events.slice(0, 1), [{ type: 'budget-short', waitMs: 10_000 }]);
    assert.equal(events.length, 3);
  });

  test('a sweep, which has nobody waiting, waits for an answer of Rulrr', async () => {
    const { clock, rulrr, poller } = alone({ perSecond: 0.5 });
    rulrr.says = () => 'finished';
    await poller.ask(flowOf('the budget'));
    const sweeps = ['a', 'b'].map((name) => poller.ask(flowOf(name), true));
    await clock.advanceAsync(2_000);
    assert.equal(rulrr.asked.length, 2);
    await clock.advanceAsync(2_000);
    assert.deepEqual(await Promise.all(sweeps), ['finished', 'finished']);
  });
});

describe('one session', () => {
  test('a failed call is told to the operator, and whoever asks after it waits until the next one is due, not longer', async () => {
    const { clock, rulrr, events, poller } = alone();
    const flow = flowOf('a');
    assert.equal(await poller.ask(flow), 'pending');
    clock.advance(1_000);
    const error = new RulrrApiError('getIntegrationStatus', 'server_error', { status: 503, sent: 'answered' });
    rulrr.says = () => Promise.reject(error);
    await assert.rejects(poller.ask(flow), { code: 'upstream_error' });
    assert.deepEqual(events, [
      {
        type: 'upstream-failed',
        flowId: 'a',
        storeId: flow.storeId,
        code: 'upstream_error',
        reason: 'server_error',
        status: 503,
      },
    ]);
    rulrr.says = () => 'finished';
    clock.advance(400);
    let heard: unknown;
    void poller.ask(flow).then((status) => (heard = status));
    await clock.advanceAsync(599);
    assert.equal(heard, undefined);
    await clock.advanceAsync(1);
    assert.equal(heard, 'finished');
  });

  test('a clock that was set back silences none', async () => {
    const { clock, rulrr, poller } = alone();
    const flow = flowOf('a');
    assert.equal(await poller.ask(flow), 'pending');
    rulrr.says = () => 'finished';
    clock.advance(-3_600_000);
    assert.equal(await poller.ask(flow), 'finished');
  });

  test('is asked about once a second for as long as a merchant takes, and those given up slow down nobody', async () => {
    const { clock, rulrr, poller } = alone({ perSecond: 2 });
    const flow = flowOf('a');
    await poller.ask(flow);
    clock.advance(1_000);
    for (let index = 0; index < 80; index++) await poller.ask(flowOf(`given up ${index}`));
    assert.equal(poller.pollAfterMs(), 30_000);
    clock.advance(1_000);
    const calls = [];
    for (let tick = 0; tick < 120_000; tick += 250) {
      const before = rulrr.asked.length;
      await poller.ask(flow);
      if (rulrr.asked.length > before) calls.push(tick);
      clock.advance(250);
    }
    assert.deepEqual(
      calls,
      Array.from({ length: 120 }, (_, second) => second * 1_000),
    );
    assert.equal(poller.pollAfterMs(), 1_000);
  });

  test('with a call that hangs is not called about again, whoever else asks', async () => {
    const { clock, rulrr, poller } = alone();
    let come = (_status: IntegrationStatus) => {};
    rulrr.says = (token) => (token.includes('slow') ? new Promise((resolve) => (come = resolve)) : 'pending');
    const first = poller.ask(flowOf('slow'));
    clock.advance(40_000);
    await poller.ask(flowOf('other'));
    const second = poller.ask(flowOf('slow'));
    come('finished');
    assert.deepEqual(await Promise.all([first, second]), ['finished', 'finished']);
    assert.equal(rulrr.asked.length, 2);
  });
});
