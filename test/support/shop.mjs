// A vendor's shop out of what the build made: pages, the proxy below /rulrr, and Rulrr's stand-in on an origin of its own.
import { readFileSync, statSync } from 'node:fs';
import { extname, join, normalize } from 'node:path';
import { root } from '../../.config/install.mjs';
import { listen } from './listen.mjs';

const types = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
};

/** A file of one of the folders, or null. A folder stands for its index page. */
function fileOf(folders, pathname) {
  for (const folder of folders) {
    try {
      let path = normalize(join(folder, decodeURIComponent(pathname)));
      if (!path.startsWith(folder)) continue;
      if (statSync(path).isDirectory()) path = join(path, 'index.html');
      return { body: readFileSync(path), type: `${types[extname(path)] ?? 'application/octet-stream'}; charset=utf-8` };
    } catch {
      // Not in this folder; perhaps in the next.
    }
  }
  return null;
}

/**
 * @param {{ folders: string[], page?: (file: { body: Buffer, type: string }, connectOrigin: string) => { body: Buffer | string, headers?: Record<string, string> } }} options
 *   `page` may change a page's text and headers on its way.
 */
export async function openShop({ folders, page = (file) => file }) {
  const { createSandbox } = await import(join(root, 'dist/sandbox/index.js'));
  const { createRulrrProxy, memoryTokenStore } = await import(join(root, 'dist/proxy/index.js'));
  const { toNodeHandler } = await import(join(root, 'dist/proxy/node.js'));

  const client = { clientId: 'shop', clientSecret: 'shop-secret' };
  const sandbox = createSandbox({ clients: [client] });
  const rulrr = await listen(toNodeHandler(sandbox));
  const proxy = createRulrrProxy({
    ...client,
    apiBaseUrl: rulrr.origin,
    connectBaseUrl: `${rulrr.origin}/connect/`,
    sealingKeys: ['a sealing key of the tests, long enough for them'],
    tokenStore: memoryTokenStore(),
    authorize: () => ({ storeId: 'store-1' }),
    sendEreceipt: ({ orderId, phoneNumber, api, signal }) => api.createOrder({ orderId, phoneNumber }, { signal }),
    // Nothing of a test's own making alarms anyone.
    onEvent: () => {},
  });
  const proxyHandler = toNodeHandler(proxy);
  const site = await listen((request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    if (pathname === '/rulrr' || pathname.startsWith('/rulrr/')) return proxyHandler(request, response);
    const file = pathname === '/favicon.ico' ? { body: '', type: 'image/x-icon' } : fileOf(folders, pathname);
    if (!file) return response.writeHead(404).end();
    const { body, headers } = file.type.startsWith('text/html') ? page(file, rulrr.origin) : file;
    return response.writeHead(200, { 'content-type': file.type, ...headers }).end(body);
  });
  return {
    origin: site.origin,
    connectOrigin: rulrr.origin,
    sandbox,
    async close() {
      await site.close();
      await rulrr.close();
      await proxy.close();
      await sandbox.close();
    },
  };
}
