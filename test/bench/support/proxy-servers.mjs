// The servers that the proxy's figures need, each a process of its own: `node proxy-servers.mjs KIND JSON`.
// Each prints its port on one line. All three proxies do the same work: one upstream status call, one JSON answer.
import { createServer } from 'node:http';

const [kind, text] = process.argv.slice(2);
const options = JSON.parse(text ?? '{}');

function listen(handler) {
  const server = createServer(handler);
  // Loopback has no middlemen: sockets stay open between polls, on every side alike.
  server.keepAliveTimeout = 120_000;
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));
}

/** Stands in for Rulrr where only speed matters; `/count` tells how many status calls came, by second. */
function upstream() {
  let tokens = 0;
  let calls = 0;
  const bySecond = new Map();
  const pending = JSON.stringify({ success: true, status: 'pending' });
  listen((request, response) => {
    if (request.url === '/count') {
      response.end(JSON.stringify({ calls, most: Math.max(0, ...bySecond.values()) }));
      return;
    }
    const answer = (body) => response.writeHead(200, { 'Content-Type': 'application/json' }).end(body);
    if (request.method === 'POST') {
      request.resume();
      answer(JSON.stringify({ success: true, integrationToken: `bench-integration-${tokens++}` }));
      return;
    }
    calls += 1;
    const second = Math.floor(performance.now() / 1000);
    bySecond.set(second, (bySecond.get(second) ?? 0) + 1);
    if (options.delayMs) setTimeout(answer, options.delayMs, pending);
    else answer(pending);
  });
}

const query = `client_id=bench&client_secret=${'s'.repeat(32)}`;
const statusUrl = (id) =>
  `${options.upstream}/v1/auth/integration?${query}&integration_token=${encodeURIComponent(id)}`;
const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' };

async function ask(id) {
  const answer = await fetch(statusUrl(id), { redirect: 'manual' });
  const { status } = await answer.json();
  return JSON.stringify({ status, pollAfterMs: 3000, expiresAt: '2030-01-01T00:00:00.000Z' });
}

const idOf = (path) => path.slice(path.lastIndexOf('/') + 1);

function raw() {
  listen(async (request, response) => {
    try {
      const body = await ask(idOf(request.url));
      response.writeHead(200, headers).end(body);
    } catch {
      response.writeHead(502).end();
    }
  });
}

async function honoServer() {
  const { getRequestListener } = await import('@hono/node-server');
  const { Hono } = await import('hono');
  const app = new Hono();
  app.get('/rulrr/integrations/:id', async (context) => context.body(await ask(context.req.param('id')), 200, headers));
  listen(getRequestListener(app.fetch));
}

async function kit() {
  const { createRulrrProxy, memoryTokenStore } = await import('../../../dist/proxy/index.js');
  const { toNodeHandler } = await import('../../../dist/proxy/node.js');
  const proxy = createRulrrProxy({
    clientId: 'bench',
    clientSecret: 's'.repeat(32),
    apiBaseUrl: options.upstream,
    connectBaseUrl: 'https://connect.example/',
    sealingKeys: ['a key for the bench that is long enough, out of no random source'],
    tokenStore: memoryTokenStore(),
    authorize: (request) => ({ storeId: request.headers.get('x-store') ?? 'bench-store' }),
    checkFraming: false,
    startLimit: { burst: 1_000_000, everyMs: 1 },
    budgetPerSecond: options.budget ?? 1_000_000,
  });
  listen(toNodeHandler(proxy));
}

await { upstream, raw, hono: honoServer, kit }[kind]();
