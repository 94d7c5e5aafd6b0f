import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { InFlight } from '../../src/proxy/in-flight.js';
import type { Refusal } from '../../src/proxy/refusal.js';
import { StatusPoller } from '../../src/proxy/status-poller.js';
import { UpstreamBudget } from '../../src/proxy/upstream-budget.js';
import { fakeClock } from '../support/fake-clock.js';
import { settle } from '../support/settle.js';
import { bench, connect, flowOf } from './support/bench.js';

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
