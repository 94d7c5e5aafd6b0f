// How soon <rulrr-connect> notices, and what that costs: the shipped schedule, driven through many sessions in virtual time.
//
//   node --import tsx test/bench/connect-simulation.ts
//
// A session's time in the flow is log-normal (median 75 s, σ 0.6, at most 600 s); an answer takes 100–200 ms and is read at the
// server halfway; a hint (a load of the frame, or the focus coming back), where there is one, comes 0.2 s after completion.
import { pathToFileURL } from 'node:url';
import { nextPollAt, type PollPace } from '../../src/connect/poll-schedule.js';
import { fakeClock } from '../support/fake-clock.js';

export interface SimulationResult {
  /** From completion at the server to the event, milliseconds. */
  p50: number;
  p95: number;
  /** Status requests a session. */
  meanRequests: number;
  p95Requests: number;
  /** p95 delay in seconds × mean requests: what changing a fixed interval cannot improve. */
  product: number;
}

export type Schedule = (pace: PollPace) => number;

/** One session from its start to the event. */
function session(
  schedule: Schedule,
  completion: number,
  hinted: boolean,
  random: () => number,
): { delay: number; requests: number } {
  const pace: PollPace = {
    startedAt: 0,
    answeredAt: 0,
    pollAfterMs: 0,
    failures: 0,
    eager: false,
    retryAfterMs: 0,
    hiddenAt: null,
    offline: false,
    hint: null,
    hintedAt: -Infinity,
    jitter: 0,
  };
  const hintAt = hinted ? completion + 200 : Infinity;
  let hintGiven = false;
  for (let requests = 1; ; requests++) {
    let at = Math.max(pace.answeredAt, schedule(pace));
    if (!hintGiven && hintAt <= at) {
      hintGiven = true;
      pace.hint = 'hint';
      // During a request the hint waits for its answer; otherwise it comes while waiting.
      at = Math.max(pace.answeredAt, hintAt, schedule(pace));
    }
    if (pace.hint) pace.hintedAt = at;
    pace.hint = null;
    const latency = 100 + 100 * random();
    pace.answeredAt = at + latency;
    if (at + latency / 2 >= completion) return { delay: pace.answeredAt - completion, requests };
  }
}

export function simulate(schedule: Schedule, hintShare: number, sessions = 40_000, seed = 1): SimulationResult {
  const { random } = fakeClock(0, seed);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const delays: number[] = [];
  const requests: number[] = [];
  for (let index = 0; index < sessions; index++) {
    const completion = Math.min(600, 75 * Math.exp(0.6 * normal())) * 1000;
    const result = session(schedule, completion, random() < hintShare, random);
    delays.push(result.delay);
    requests.push(result.requests);
  }
  const at = (values: number[], share: number): number =>
    values.sort((a, b) => a - b)[Math.floor(values.length * share)]!;
  const meanRequests = requests.reduce((sum, count) => sum + count, 0) / sessions;
  const p95 = at(delays, 0.95);
  return {
    p50: at(delays, 0.5),
    p95,
    meanRequests,
    p95Requests: at(requests, 0.95),
    product: (p95 / 1000) * meanRequests,
  };
}

const fixed = (seconds: number): Schedule => {
  return (pace) => (pace.hint ? 0 : pace.answeredAt + seconds * 1000);
};
/** Adyen Web's shape: 2 s, 10 s after a minute; no hints. */
const adyen: Schedule = (pace) => pace.answeredAt + (pace.answeredAt < 60_000 ? 2000 : 10_000);

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const rows: [string, Schedule, number][] = [
    ['shipped, hint in 90 %', nextPollAt, 0.9],
    ['shipped, no hints', nextPollAt, 0],
    ['fixed 3 s, no hints', fixed(3), 0],
    ['fixed 5 s, no hints', fixed(5), 0],
    ['2 s, then 10 s after 60 s', adyen, 0],
  ];
  console.table(
    rows.map(([name, schedule, share]) => {
      const { p50, p95, meanRequests, p95Requests, product } = simulate(schedule, share);
      const round = (value: number): number => Math.round(value * 100) / 100;
      return {
        schedule: name,
        'p50 s': round(p50 / 1000),
        'p95 s': round(p95 / 1000),
        'mean requests': round(meanRequests),
        'p95 requests': p95Requests,
        'p95 × mean': round(product),
      };
    }),
  );
}
