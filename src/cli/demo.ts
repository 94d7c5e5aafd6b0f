import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRulrrProxy, memoryTokenStore } from '../proxy/index.js';
import { toNodeHandler } from '../proxy/node.js';
import { serveSandbox } from '../sandbox/index.js';
import { policyFor } from './doctor.js';
import { TroubleError } from './fail.js';
import { sendAsOrder } from './hooks.js';
import { closeServer, listenOnLocalhost, listenTrouble, onSignal, browserPortFrom } from './listen.js';

export interface DemoFlags {
  port: string;
}

const types: Record<string, string> = { css: 'text/css', js: 'text/javascript' };

function read(path: string): Buffer {
  return readFileSync(new URL(path, import.meta.url));
}

/** The script tag: beside this folder once built, in `dist` when run from the sources. */
function scriptTag(): Buffer {
  for (const path of ['../rulrr-embed.iife.js', '../../dist/rulrr-embed.iife.js']) {
    try {
      return read(path);
    } catch {
      // Not there; perhaps at the other place.
    }
  }
  throw new TroubleError('rulrr-embed.iife.js is missing. In a clone of the repository, build it first: npm run build');
}

/** A small till with the proxy and the sandbox behind it, until a signal ends it. Nothing is kept. */
export async function runDemo(flags: DemoFlags): Promise<void> {
  const port = browserPortFrom(flags.port, flags.port === process.env['PORT'] ? 'PORT' : '--port');
  const files = new Map<string, Buffer>([
    ['/', read('demo/page.html')],
    ['/page.css', read('demo/page.css')],
    ['/page.js', read('demo/page.js')],
    ['/rulrr-embed.iife.js', scriptTag()],
  ]);
  let handle = (_request: IncomingMessage, response: ServerResponse): void => void response.writeHead(503).end();
  // The port first: whoever finds it in use should not wait for the rest.
  const { servers, origin } = await listenOnLocalhost((request, response) => handle(request, response), port).catch(
    (error: unknown) => {
      throw listenTrouble(error, port, 'localhost');
    },
  );

  const client = { clientId: 'demo', clientSecret: randomBytes(18).toString('base64url') };
  const { sandbox, origin: apiBaseUrl, connectBaseUrl, close } = await serveSandbox({ clients: [client] });
  const proxy = createRulrrProxy({
    ...client,
    apiBaseUrl,
    connectBaseUrl,
    sealingKeys: [randomBytes(32).toString('base64')],
    tokenStore: memoryTokenStore(),
    authorize: () => ({ storeId: 'demo-store' }),
    sendEreceipt: sendAsOrder,
  });
  const proxyHandler = toNodeHandler(proxy);
  const policy = `${policyFor(new URL(connectBaseUrl).origin, null)}; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

  let lastOrder = 1040;
  const site = (request: IncomingMessage, response: ServerResponse) => {
    const [path = '/', query] = (request.url ?? '/').split('?', 2);
    const foreign = request.headers['sec-fetch-site'] && request.headers['sec-fetch-site'] !== 'same-origin';
    const headers = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' };
    if (path === '/demo/state' && request.method === 'GET') {
      response.writeHead(200, { ...headers, 'Content-Type': 'application/json' });
      response.end(JSON.stringify({ messages: sandbox.messages }));
    } else if (path === '/demo/orders' && request.method === 'POST' && !foreign) {
      // A page that was open before this process began has had numbers of its own.
      lastOrder = Math.max(lastOrder, Number(new URLSearchParams(query).get('after')) || 0) + 1;
      response.writeHead(201, { ...headers, 'Content-Type': 'application/json' });
      response.end(JSON.stringify({ orderId: String(lastOrder) }));
    } else if (path === '/demo/reset' && request.method === 'POST' && !foreign) {
      sandbox.reset();
      response.writeHead(204, headers).end();
    } else if (files.has(path) && request.method === 'GET') {
      const type = types[path.split('.').pop()!] ?? 'text/html';
      response.writeHead(200, {
        ...headers,
        'Content-Type': `${type}; charset=utf-8`,
        'Content-Security-Policy': policy,
      });
      response.end(files.get(path));
    } else response.writeHead(404, { ...headers, 'Content-Type': 'text/plain' }).end('Not found.\n');
  };
  handle = (request, response) => proxyHandler(request, response, () => site(request, response));
  const sweeping = setInterval(() => void proxy.sweep().catch(() => {}), 15_000);

  onSignal(async () => {
    clearInterval(sweeping);
    const closed = Promise.all(servers.map((server) => closeServer(server)));
    await proxy.close();
    await close();
    await closed;
  });
  console.log(`A till, the proxy and Rulrr's stand-in are running; nothing leaves this machine, and nothing is kept.

  The till                         ${origin}/
  What can go wrong, one click     ${apiBaseUrl}/_sandbox

Press "Connect", then "Pay", and type a number such as 213 373 4253. Ctrl+C ends it.`);
}
