// A million tills on as many sessions of one process, in simulated time: the poller and the budget that are shipped, the schedule that the elements
// keep, an upstream that takes 200 ms. Real sockets for so many are beyond any machine; what the upstream sees does not depend on them.
import { nextPollAt } from '../../../dist/connect/poll-schedule.js';
import { InFlight } from '../../../dist/proxy/in-flight.js';
import { StatusPoller } from '../../../dist/proxy/status-poller.js';
import { UpstreamBudget } from '../../../dist/proxy/upstream-budget.js';
import { seeded } from './stats.mjs';

const stepMs = 10;
const latencyMs = 200;

/**
 * @returns {Promise<{polls: number, errors: number, calls: number, most: number}>} `most`: upstream calls in the fullest second, wherever it begins
 */
export async function simulateStores({ stores, seconds, budget }) {
  const random = seeded(11);
  const steps = (seconds * 1000) / stepMs;
  /** What happens in each step: tills that ask, and callbacks of the clock. */
  const asking = Array.from({ length: steps + 1 }, () => []);
  const callbacks = new Map();
  let step = 0;
  const later = (ms, callback) => {
    const at = step + Math.max(1, Math.ceil(ms / stepMs));
    if (!callbacks.has(at)) callbacks.set(at, new Set());
    callbacks.get(at).add(callback);
    return () => callbacks.get(at)?.delete(callback);
  };
  const clock = { now: () => step * stepMs, after: later, random };
  const callsAt = new Uint32Array(steps + 1);
  const api = {
    getIntegrationStatus() {
      callsAt[step] += 1;
      return new Promise((resolve) => later(latencyMs, () => resolve({ status: 'pending' })));
    },
  };
  const poller = new StatusPoller({
    api,
    clock,
    budget: new UpstreamBudget(budget, clock),
    inFlight: new InFlight(clock),
    emit: () => {},
    ttlMs: 1000,
    pollAfterMs: 1000,
    maxEntries: 20_000,
    known: async () => 'pending',
  });

  // All within the first half minute: the morning after a power cut.
  for (let store = 0; store < stores; store++) asking[Math.floor((random() * 30_000) / stepMs)].push(store);
  let polls = 0;
  let errors = 0;
  const pace = { startedAt: 0, failures: 0, retryAfterMs: 0, hiddenAt: null, offline: false, hint: null, hintedAt: 0 };
  async function ask(store) {
    polls += 1;
    await poller.ask({ storeId: `store-${store}`, flowId: `flow-${store}`, integrationToken: '' }).catch(() => {
      errors += 1;
    });
    const due = nextPollAt({ ...pace, answeredAt: clock.now(), pollAfterMs: poller.pollAfterMs(), jitter: random() });
    const at = Math.ceil(due / stepMs);
    if (at <= steps) asking[at].push(store);
  }
  for (; step <= steps; step++) {
    for (const callback of callbacks.get(step) ?? []) callback();
    callbacks.delete(step);
    for (const store of asking[step]) void ask(store);
    asking[step] = [];
    await new Promise((resolve) => setImmediate(resolve));
  }

  const second = 1000 / stepMs;
  let within = 0;
  let most = 0;
  callsAt.forEach((count, at) => {
    within += count - (at >= second ? callsAt[at - second] : 0);
    most = Math.max(most, within);
  });
  return { polls, errors, calls: callsAt.reduce((sum, count) => sum + count, 0), most };
}
