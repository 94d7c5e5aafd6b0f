// How long after the merchant is done the element says so, and what that costs: 40,000 simulated sessions on the schedule that is shipped.
import { tsImport } from 'tsx/esm/api';

const { simulate } = await tsImport('../connect-simulation.ts', import.meta.url);
const { nextPollAt } = await tsImport('../../../src/connect/poll-schedule.ts', import.meta.url);

const fixed = (pace) => (pace.hint ? 0 : pace.answeredAt + 3000);
const adyen = (pace) => pace.answeredAt + (pace.answeredAt < 60_000 ? 2000 : 10_000);

export default async function connect() {
  const hinted = simulate(nextPollAt, 0.9);
  const alone = simulate(nextPollAt, 0);
  const seconds = (ms) => ms / 1000;
  const row = (what, value, bound, unit = '') => ({
    what,
    figure: `${value.toFixed(2)}${unit}`,
    bound: `≤ ${bound}${unit}`,
    ok: value <= bound,
  });
  const peer = (what, schedule) => {
    const { p95, meanRequests, product } = simulate(schedule, 0);
    const figure = `p95 ${seconds(p95).toFixed(2)} s × ${meanRequests.toFixed(1)} requests = ${product.toFixed(0)}`;
    return { what, figure };
  };
  return {
    title: 'Connect: 40,000 simulated sessions, median 75 s, hint in 90 %',
    rows: [
      row('completion to event, p95', seconds(hinted.p95), 2, ' s'),
      row('requests a session, mean', hinted.meanRequests, 28),
      row('p95 × mean', hinted.product, 56),
      row('without hints: p95', seconds(alone.p95), 4.1, ' s'),
      peer('a fixed interval of 3 s', fixed),
      peer("Adyen's shape: 2 s, then 10 s after a minute", adyen),
    ],
  };
}
