// The proxy's own cost: closed loop for the ceiling (interleaved with a raw handler), open loop for what one poll waits longer.
import autocannon from 'autocannon';
import { Agent, get } from 'node:http';
import { openSessions, startServer } from '../support/processes.mjs';
import { median, quantile, spread } from '../support/stats.mjs';

const rounds = 24;
const seconds = 2;
const sessions = 6000;

const connections = 20;

/** Each connection has sessions of its own: in step on the same ones, their polls would share upstream calls. */
function load(origin, requests) {
  const share = Math.floor(requests.length / connections);
  let next = 0;
  const setupClient = (client) => {
    const from = next++ * share;
    if (share) client.setRequests(requests.slice(from, from + share));
  };
  return autocannon({ url: origin, connections, duration: seconds, requests, setupClient });
}

/** Requests at a constant rate, whatever the answers do; latency counts from when each was due. */
async function openLoop(origin, paths, rate, count) {
  const agent = new Agent({ keepAlive: true, maxSockets: 200 });
  const late = [];
  const waiting = [];
  const start = performance.now() + 50;
  for (let at = 0; at < count; at++) {
    const due = start + (at * 1000) / rate;
    const wait = due - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const sent = performance.now();
    waiting.push(
      new Promise((resolve, reject) => {
        get(origin + paths[at % paths.length], { agent }, (response) => {
          response.resume();
          response.on('end', () => {
            late.push(performance.now() - sent);
            resolve();
          });
        }).on('error', reject);
      }),
    );
  }
  await Promise.all(waiting);
  agent.destroy();
  return late;
}

export default async function proxy() {
  const upstream = await startServer('upstream');
  const servers = {};
  for (const kind of ['raw', 'hono', 'kit']) servers[kind] = await startServer(kind, { upstream: upstream.origin });
  const rawPaths = Array.from({ length: sessions }, (_, at) => `/rulrr/integrations/bench-integration-${at}`);
  const kitPaths = await openSessions(servers.kit.origin, sessions);
  const requests = {
    raw: rawPaths.map((path) => ({ path })),
    hono: rawPaths.map((path) => ({ path })),
    kit: kitPaths.map((path) => ({ path })),
    coalesced: [{ path: kitPaths[0] }],
  };
  const figures = { raw: [], hono: [], kit: [], coalesced: [] };
  for (let round = -1; round < rounds; round++) {
    for (const kind of ['raw', 'kit', 'hono', 'coalesced']) {
      const result = await load(servers[kind === 'coalesced' ? 'kit' : kind].origin, requests[kind]);
      if (result.non2xx || result.errors)
        throw new Error(`${kind}: ${result.non2xx} refusals, ${result.errors} errors`);
      // The first round warms up.
      if (round >= 0) figures[kind].push(result.requests.average);
    }
  }
  const ratio = (kind) => median(figures[kind].map((value, round) => value / figures.raw[round]));

  const slow = await startServer('upstream', { delayMs: 20 });
  const slowServers = {};
  for (const kind of ['raw', 'kit']) slowServers[kind] = await startServer(kind, { upstream: slow.origin });
  const slowPaths = { raw: rawPaths, kit: await openSessions(slowServers.kit.origin, 1000) };
  const late = { raw: [], kit: [] };
  for (let block = -1; block < 10; block++) {
    for (const kind of ['raw', 'kit']) {
      const values = await openLoop(slowServers[kind].origin, slowPaths[kind], 200, 600);
      if (block >= 0) late[kind].push(...values);
    }
  }
  for (const server of [upstream, slow, ...Object.values(servers), ...Object.values(slowServers)]) server.stop();

  const added = (q) => quantile(late.kit, q) - quantile(late.raw, q);
  const ms = (value) => `${value.toFixed(2)} ms`;
  const row = (what, value, bound, above, detail) => ({
    what,
    figure: `${detail(value)}`,
    bound: `${above ? '≥' : '≤'} ${bound}`,
    ok: above ? value >= bound : value <= bound,
  });
  return {
    title: `Proxy: ${rounds} interleaved rounds of ${seconds} s, 20 connections; then 200 requests/s open loop, upstream fixed at 20 ms`,
    rows: [
      { what: 'a raw node:http handler with the same fetch', figure: `${spread(figures.raw, 0)} requests/s` },
      {
        what: 'the same on @hono/node-server',
        figure: `${spread(figures.hono, 0)} requests/s, ${ratio('hono').toFixed(2)} × raw`,
      },
      row(
        'kit ÷ raw, uncached status poll',
        ratio('kit'),
        0.8,
        true,
        (value) => `${value.toFixed(2)} (${spread(figures.kit, 0)} requests/s)`,
      ),
      row(
        'kit ÷ raw, coalesced poll',
        ratio('coalesced'),
        4,
        true,
        (value) => `${value.toFixed(1)} (${spread(figures.coalesced, 0)} requests/s)`,
      ),
      row('added latency p50', added(0.5), 0.5, false, ms),
      row('added latency p99', added(0.99), 3, false, ms),
    ],
  };
}
