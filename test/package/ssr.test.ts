// Both elements are rendered on a server and taken over in the page: the markup that came is the markup that stays.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { build } from 'esbuild';
import { launchChromium } from '../support/chromium.mjs';
import { root, run, serve, watchedPage } from './support.js';

/** Renders in a Node process of its own, from the built modules, as a vendor's server does. */
function rendered(): string {
  const code = `
    import { render } from '@lit-labs/ssr';
    import { collectResult } from '@lit-labs/ssr/lib/render-result.js';
    import { html } from 'lit';
    await import('./dist/define.js');
    process.stdout.write(await collectResult(render(html\`
      <rulrr-connect proxy-url="/rulrr"></rulrr-connect>
      <rulrr-ereceipt-numpad proxy-url="/rulrr" default-country="US"></rulrr-ereceipt-numpad>\`)));`;
  const { status, output } = run(process.execPath, ['--input-type=module', '-e', code], root);
  assert.equal(status, 0, output);
  return output;
}

describe('server rendering', () => {
  const markup = rendered();

  it('draws both elements without a DOM', () => {
    for (const tag of ['rulrr-connect', 'rulrr-ereceipt-numpad']) {
      assert.match(markup, new RegExp(`<${tag}[^>]*>\\s*<template shadowroot="open" shadowrootmode="open"`));
    }
    assert.match(markup, /part="[^"]*button/);
  });

  it('hydrates: the nodes that came stay, and work', async () => {
    const bundle = await build({
      stdin: {
        contents: `import '@lit-labs/ssr-client/lit-element-hydrate-support.js'; import './dist/define.js'; window.ready = true;`,
        resolveDir: root,
      },
      bundle: true,
      write: false,
      format: 'esm',
      conditions: ['production'],
    });
    const html = `<!doctype html><meta charset="utf-8"><title>ssr</title>${markup}
      <script>window.came = [...document.querySelectorAll('rulrr-connect, rulrr-ereceipt-numpad')].map((e) => e.shadowRoot.querySelector('[part]'));</script>
      <script type="module" src="/app.js"></script>`;
    const server = await serve(root, (url) =>
      url.pathname === '/'
        ? { body: html }
        : url.pathname === '/app.js'
          ? { body: bundle.outputFiles[0]!.text, type: 'text/javascript' }
          : url.pathname === '/favicon.ico'
            ? { body: '', status: 204 }
            : url.pathname === '/rulrr/connection'
              ? {
                  body: '{"connected":true,"ereceipt":true,"expiration":"2099-01-01T00:00:00Z"}',
                  type: 'application/json',
                }
              : null,
    );
    const browser = await launchChromium();
    try {
      const { page, problems } = await watchedPage(browser);
      await page.goto(server.origin);
      await page.waitForFunction('window.ready');
      const kept = await page.evaluate(async () => {
        const elements = [
          ...document.querySelectorAll<HTMLElementTagNameMap['rulrr-connect']>('rulrr-connect, rulrr-ereceipt-numpad'),
        ];
        await Promise.all(elements.map((element) => element.updateComplete));
        const { came } = window as unknown as { came: (Element | null)[] };
        return came.map(
          (node, index) => node === null || (node.isConnected && node.getRootNode() === elements[index]!.shadowRoot),
        );
      });
      assert.deepEqual(kept, [true, true]);
      const pad = page.locator('rulrr-ereceipt-numpad');
      await pad.evaluate((element) => void (element as HTMLElementTagNameMap['rulrr-ereceipt-numpad']).prompt('1'));
      for (const digit of '2015550123') await pad.locator(`[data-key="${digit}"]`).click();
      await page.waitForFunction(() => document.querySelector('rulrr-ereceipt-numpad')!.value === '+12015550123');
      assert.deepEqual(problems, []);
    } finally {
      await browser.close();
      await server.close();
    }
  });
});
