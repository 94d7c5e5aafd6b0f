// 10,000 tills on 10,000 sessions over real sockets, each asking again when it was told to; the upstream has a budget.
import { Agent, get } from 'node:http';
import { openSessions, startServer } from '../support/processes.mjs';
import { quantile, seeded } from '../support/stats.mjs';

const pollers = 10_000;
const seconds = 60;
const budget = 100;

export default async function tills() {
  const upstream = await startServer('upstream');
  const kit = await startServer('kit', { upstream: upstream.origin, budget });
  const paths = await openSessions(kit.origin, pollers, (at) => `store-${at}`);
  const agent = new Agent({ keepAlive: true, maxSockets: pollers });
  const random = seeded(3);
  const end = performance.now() + seconds * 1000;
  const waits = [];
  const told = [];
  let errors = 0;

  const ask = (path, store) =>
    new Promise((resolve) => {
      const start = performance.now();
      get(kit.origin + path, { agent, headers: { 'x-store': store } }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk) => (text += chunk));
        response.on('end', () => {
          waits.push(performance.now() - start);
          if (response.statusCode !== 200) errors += 1;
          else told.push(JSON.parse(text).pollAfterMs);
          resolve();
        });
      }).on('error', () => {
        errors += 1;
        resolve();
      });
    });

  const before = await (await fetch(`${upstream.origin}/count`)).json();
  await Promise.all(
    paths.map(async (path, at) => {
      // Spread over the first half minute, as tills are.
      let wait = random() * 30_000;
      while (performance.now() + wait < end) {
        await new Promise((resolve) => setTimeout(resolve, wait));
        await ask(path, `store-${at}`);
        wait = (told[told.length - 1] ?? 3000) * (0.9 + 0.2 * random());
      }
    }),
  );
  const after = await (await fetch(`${upstream.origin}/count`)).json();
  agent.destroy();
  kit.stop();
  upstream.stop();
  const calls = after.calls - before.calls;
  // One second's window may take the bucket that was full and what flows in meanwhile.
  const most = budget * (seconds + 1);
  return {
    title: `${pollers} pollers on ${pollers} sessions of as many stores, ${seconds} s, real sockets, upstream budget ${budget}/s`,
    rows: [
      { what: 'polls answered', figure: String(waits.length) },
      { what: 'errors', figure: String(errors), bound: '0', ok: errors === 0 },
      { what: 'upstream calls', figure: String(calls), bound: `≤ ${most}`, ok: calls <= most },
      {
        what: 'most upstream calls in one second',
        figure: String(after.most),
        bound: `≤ ${2 * budget}`,
        ok: after.most <= 2 * budget,
      },
      {
        what: 'a poll waits, p50 / p99',
        figure: `${quantile(waits, 0.5).toFixed(1)} / ${quantile(waits, 0.99).toFixed(1)} ms`,
      },
      { what: 'told to ask again after, median', figure: `${(quantile(told, 0.5) / 1000).toFixed(1)} s` },
    ],
  };
}
