// 10,000 tills on 10,000 sessions over real sockets, each asking again when it was told to; the upstream has a budget. Then a million, simulated.
import { spawnSync } from 'node:child_process';
import { Agent, get } from 'node:http';
import { simulateStores } from '../support/million-stores.mjs';
import { openSessions, startServer } from '../support/processes.mjs';
import { quantile, seeded } from '../support/stats.mjs';

const wanted = 10_000;
const seconds = 60;
const budget = 100;
const simulated = { stores: 1_000_000, seconds: 90, budget: 50 };

/** A socket is a file here and one in the server: as many as the machine lets a process have, less some for the process itself. */
function affordable() {
  const limit = Number(spawnSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).stdout);
  return limit > 0 ? Math.min(wanted, limit - 200) : wanted;
}

export default async function tills() {
  const pollers = affordable();
  const upstream = await startServer('upstream');
  const kit = await startServer('kit', { upstream: upstream.origin, budget });
  const paths = await openSessions(kit.origin, pollers, (at) => `store-${at}`);
  const agent = new Agent({ keepAlive: true, maxSockets: pollers, maxFreeSockets: pollers });
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
  const sockets = Object.values(agent.freeSockets).reduce((sum, list) => sum + list.length, 0);
  agent.destroy();
  kit.stop();
  upstream.stop();
  const calls = after.calls - before.calls;
  const million = await simulateStores(simulated);
  const millionMost = simulated.budget * (simulated.seconds + 1);
  // One second's window may take the bucket that was full and what flows in meanwhile.
  const most = budget * (seconds + 1);
  return {
    title: `${pollers} pollers on ${pollers} sessions of as many stores, ${seconds} s, real sockets, upstream budget ${budget}/s`,
    rows: [
      { what: 'sockets open at the end', figure: String(sockets) },
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
      {
        what: `simulated: ${simulated.stores} stores on one process, ${simulated.seconds} s, budget ${simulated.budget}/s: polls`,
        figure: String(million.polls),
      },
      { what: 'simulated: errors', figure: String(million.errors), bound: '0', ok: million.errors === 0 },
      {
        what: 'simulated: upstream calls',
        figure: String(million.calls),
        bound: `≤ ${millionMost}`,
        ok: million.calls <= millionMost,
      },
      {
        what: 'simulated: most upstream calls in any second',
        figure: String(million.most),
        bound: `≤ ${2 * simulated.budget}`,
        ok: million.most <= 2 * simulated.budget,
      },
    ],
  };
}
