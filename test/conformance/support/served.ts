import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRulrrProxy, memoryTokenStore, type RulrrProxyOptions } from '../../../src/proxy/index.js';
import { toNodeHandler } from '../../../src/proxy/node.js';
import { serveSandbox, type ServedSandbox } from '../../../src/sandbox/index.js';
import { listen } from '../../support/listen.mjs';

export const client = { clientId: 'conformance', clientSecret: 'conformance-client-secret-7b1f' };
export const own = { Cookie: 'till=store-1' };
export const other = { Cookie: 'till=store-2' };
export const sealingKey = 'a sealing key of the conformance tests, long enough';

/** A layer around the proxy that breaks one rule: sees the request first, and the answer afterwards. */
export type Breaking = (
  request: Request,
  next: (request: Request) => Promise<Response>,
) => Promise<Response> | Response;

/** The proxy over a socket, behind a layer where one is given. */
export async function serveProxy(
  sandbox: ServedSandbox,
  breaking?: Breaking,
  options: Partial<RulrrProxyOptions> = {},
): Promise<{ url: string; close: () => Promise<void> }> {
  const proxy = createRulrrProxy({
    ...client,
    apiBaseUrl: sandbox.origin,
    connectBaseUrl: sandbox.connectBaseUrl,
    sealingKeys: [sealingKey],
    tokenStore: memoryTokenStore(),
    statusTtlMs: 0,
    startLimit: { burst: 1000, everyMs: 1 },
    onEvent: () => {},
    authorize(request) {
      const store = /till=(store-\d)/.exec(request.headers.get('Cookie') ?? '')?.[1];
      return store ? { storeId: store } : null;
    },
    sendEreceipt: ({ api, orderId, phoneNumber, signal }) =>
      api.createOrder({ orderId, ereceipt: { phoneNumber } }, { signal }),
    ...options,
  });
  const broken = breaking
    ? { basePath: proxy.basePath, fetch: async (request: Request) => breaking(request, (next) => proxy.fetch(next)) }
    : proxy;
  const handler = toNodeHandler(broken) as (request: IncomingMessage, response: ServerResponse) => void;
  const { origin, close } = await listen(handler);
  return { url: `${origin}/rulrr`, close: () => Promise.all([close(), proxy.close()]).then(() => undefined) };
}

export const openSandbox = () => serveSandbox({ clients: [client] });
