// Each page as a server renders it first (Next, Nuxt, SvelteKit) and its framework then takes it over: the nodes are there already, and what the framework
// leaves out of them, a listener above all, nobody misses until a receipt is lost.
import assert from 'node:assert/strict';
import { createServer as createHttpServer } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { root } from '../../.config/install.mjs';
import { launchChromium } from '../support/chromium.mjs';
import { openShop } from '../support/shop.mjs';

/** The same page on the server and in the browser. Angular has a server of its own, which is not set up here. */
const pages = {
  react: {
    server: `import { createElement } from 'react';
      import { renderToString } from 'react-dom/server';
      import { Till } from '/src/Till.tsx';
      export const render = () => renderToString(createElement(Till));`,
    client: `import { createElement } from 'react';
      import { hydrateRoot } from 'react-dom/client';
      import { Till } from '/src/Till.tsx';
      hydrateRoot(document.querySelector('#root'), createElement(Till));`,
  },
  vue: {
    server: `import { createSSRApp } from 'vue';
      import { renderToString } from 'vue/server-renderer';
      import Till from '/src/Till.vue';
      export const render = () => renderToString(createSSRApp(Till));`,
    client: `import { createSSRApp } from 'vue';
      import Till from '/src/Till.vue';
      createSSRApp(Till).mount('#root');`,
  },
  svelte: {
    server: `import { render as toText } from 'svelte/server';
      import Till from '/src/Till.svelte';
      export const render = () => toText(Till).body;`,
    client: `import { hydrate } from 'svelte';
      import Till from '/src/Till.svelte';
      hydrate(Till, { target: document.querySelector('#root') });`,
  },
};
const names = (process.env.RULRR_FRAMEWORKS ?? '').split(' ').filter((name) => name in pages);

/** Vite's own server in the middle of one that renders. */
async function serve(name, shop) {
  const folder = join(root, '.cache/frameworks', name);
  const { createServer } = await import(pathToFileURL(join(folder, 'node_modules/vite/dist/node/index.js')).href);
  const entries = {
    '/server.js': pages[name].server,
    '/client.js': `import 'rulrr-embed/define.js';\n${pages[name].client}\nwindow.ready = true;`,
  };
  const vite = await createServer({
    root: folder,
    configFile: join(folder, 'vite.config.js'),
    logLevel: 'error',
    appType: 'custom',
    server: { middlewareMode: true, hmr: false, ws: false, proxy: { '/rulrr': { target: shop.origin } } },
    plugins: [{ name: 'entries', resolveId: (id) => (id in entries ? id : null), load: (id) => entries[id] ?? null }],
  });
  const { render } = await vite.ssrLoadModule('/server.js');
  const server = createHttpServer(async (request, response) => {
    if (request.url !== '/') return vite.middlewares(request, response, () => response.writeHead(404).end());
    const text = `<!doctype html><meta charset="utf-8"><title>till</title><link rel="icon" href="data:,">
      <div id="root">${await render()}</div><script type="module" src="/client.js"></script>`;
    response.writeHead(200, { 'Content-Type': 'text/html' }).end(await vite.transformIndexHtml('/', text));
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    async close() {
      server.close();
      server.closeAllConnections();
      await vite.close();
    },
  };
}

for (const name of names) {
  describe(`${name}, rendered by a server first`, () => {
    let [shop, server, browser, page] = [];

    before(async () => {
      shop = await openShop({ folders: [] });
      server = await serve(name, shop);
      browser = await launchChromium();
      page = await browser.newPage();
      await page.goto(server.origin);
    });
    after(async () => {
      await browser?.close();
      await server?.close();
      await shop?.close();
    });

    it('comes with both elements in its text', async () => {
      const text = await (await fetch(server.origin)).text();
      assert.match(text, /<rulrr-connect[^]*<rulrr-ereceipt-numpad proxy-url="\/rulrr"/);
    });

    it('hears of the very first receipt to print', async () => {
      await page.waitForFunction(() => window.ready && customElements.get('rulrr-ereceipt-numpad'));
      await page.locator('rulrr-ereceipt-numpad[state="idle"]').waitFor({ state: 'attached' });
      await page.locator('[data-demo="pay"]').click();
      await page.locator('[data-demo="paper"] [data-order-id="1001"][data-reason="ereceipt-disabled"]').waitFor();
    });
  });
}
