// The browser of today without what came after 2018: every branch that asks for something newer takes its other way. For what a syntax check cannot
// see, and for Safari 12, of which there is none to run here (it had neither pointer events nor a native dialog).
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { launchChromium } from '../support/chromium.mjs';
import { linkStore } from '../support/merchant.mjs';
import { root, watchedPage } from './support.js';

interface Shop {
  origin: string;
  connectOrigin: string;
  sandbox: { messages: { phoneNumber: string }[] };
  close(): Promise<void>;
}
interface ShopFile {
  body: string | Buffer;
  type: string;
}
const { openShop } = (await import('../support/shop.mjs')) as unknown as {
  openShop(options: {
    folders: string[];
    page(file: ShopFile, connectOrigin: string): { body: string; headers?: Record<string, string> };
  }): Promise<Shop>;
};

/** Taken away before any script of the page runs. What is left is used by the test's own driver, which lives in the page too. */
const chromium70 = `
  for (const name of ['queueMicrotask', 'structuredClone', 'WeakRef', 'FinalizationRegistry', 'ElementInternals', 'reportError', 'BigInt', 'scheduler',
    'AggregateError', 'ResizeObserver', 'BroadcastChannel', 'navigation', 'cookieStore', 'CloseWatcher', 'Sanitizer', 'trustedTypes', 'Temporal', 'CSSStyleValue'])
    delete window[name];
  for (const [holder, names] of [
    [Object, ['fromEntries', 'hasOwn', 'groupBy']],
    [Promise, ['allSettled', 'any', 'withResolvers', 'try']],
    [AbortSignal, ['any', 'timeout', 'abort']],
    [AbortSignal.prototype, ['throwIfAborted', 'reason']],
    [Crypto.prototype, ['randomUUID']],
    [URL, ['canParse', 'parse']],
    [Array, ['fromAsync']],
    [Array.prototype, ['at', 'findLast', 'findLastIndex', 'toSorted', 'toReversed', 'toSpliced', 'with']],
    [String.prototype, ['replaceAll', 'matchAll', 'at', 'isWellFormed', 'toWellFormed']],
    [Element.prototype, ['replaceChildren', 'checkVisibility', 'moveBefore', 'setHTMLUnsafe', 'ariaLabel']],
    [DocumentFragment.prototype, ['replaceChildren', 'adoptedStyleSheets']],
    [ShadowRoot.prototype, ['adoptedStyleSheets', 'setHTMLUnsafe']],
    [Document.prototype, ['replaceChildren', 'adoptedStyleSheets', 'startViewTransition']],
    [HTMLElement.prototype, ['attachInternals', 'showPopover', 'hidePopover', 'popover', 'inert']],
    [CSSStyleSheet.prototype, ['replace', 'replaceSync']],
    [Intl, ['DisplayNames', 'ListFormat', 'RelativeTimeFormat', 'Segmenter', 'Locale']],
    [Navigator.prototype, ['userAgentData', 'locks', 'userActivation', 'wakeLock']],
    [Response, ['json']],
  ])
    for (const name of names) delete holder[name];`;

const safari12 = `${chromium70}
  for (const name of ['PointerEvent', 'HTMLDialogElement', 'onpointerdown', 'requestIdleCallback', 'cancelIdleCallback', 'visualViewport'])
    delete window[name];
  // A dialog is an element like any other there.
  const dialog = Object.getPrototypeOf(document.createElement('dialog'));
  for (const name of ['show', 'showModal', 'close', 'requestClose', 'open', 'returnValue']) delete dialog[name];
  for (const type of ['pointerdown', 'pointerup', 'pointermove', 'pointercancel', 'pointerover', 'pointerenter'])
    window.addEventListener(type, (event) => event.stopImmediatePropagation(), true);`;

describe('the script tag without what came after 2018', () => {
  let browser: Browser;
  before(async () => {
    browser = await launchChromium();
  });
  after(() => browser?.close());

  for (const [name, without] of [
    ['Chromium 70', chromium70],
    ['Safari 12', safari12],
  ] as const) {
    it(`tells the whole story as ${name} would, under a policy with a nonce`, async () => {
      const shop = await openShop({
        folders: [join(root, 'demo'), join(root, 'dist')],
        page: ({ body }, connectOrigin) => ({
          body: String(body).replace('<head>', '<head><script nonce="till">window.litNonce = "till";</script>'),
          headers: {
            'content-security-policy': `default-src 'none'; script-src 'self' 'nonce-till'; style-src 'self' 'nonce-till'; connect-src 'self'; frame-src ${connectOrigin}; img-src data:`,
          },
        }),
      });
      try {
        const { page, problems } = await watchedPage(browser);
        await page.addInitScript(`if (window === window.top) { ${without} }`);
        await page.goto(`${shop.origin}/legacy.html`);
        const left = await page.evaluate(
          `[typeof queueMicrotask, typeof Object.fromEntries, 'adoptedStyleSheets' in document, 'attachInternals' in document.body, typeof PointerEvent]`,
        );
        assert.deepEqual(left, [
          'undefined',
          'undefined',
          false,
          false,
          name === 'Safari 12' ? 'undefined' : 'function',
        ]);

        await page.locator('rulrr-connect [part~="button"]').first().click();
        await linkStore(page.frameLocator('rulrr-connect iframe'));
        await page.locator('rulrr-connect[state="finished"]').waitFor();

        const pad = page.locator('rulrr-ereceipt-numpad');
        const pay = page.locator('[data-demo="pay"]');
        const key = (digit: string) => pad.locator(`[data-key="${digit}"]`).click();
        const value = (number: string) =>
          page.waitForFunction((text) => document.querySelector('rulrr-ereceipt-numpad')!.value === text, number);
        const idle = page.locator('rulrr-ereceipt-numpad[state="idle"]');
        await pay.click();
        for (const digit of '2015550123') await key(digit);
        await value('+12015550123');
        await pad.locator('[part~="send"]').click();
        await page.locator('[data-demo="texted"] [data-phone-number="+12015550123"]').waitFor();
        await idle.waitFor({ state: 'attached' });
        await pay.click();
        for (const digit of ['plus', ...'819012345678']) await key(digit);
        await value('+819012345678');
        await pad.locator('[part~="print"]').click();
        await page.locator('[data-demo="paper"] [data-order-id="1002"][data-reason="declined"]').waitFor();

        assert.equal(shop.sandbox.messages.length, 1);
        const background = await pad.evaluate(
          (element) => getComputedStyle(element.shadowRoot!.querySelector('[data-key="5"]')!).minHeight,
        );
        assert.notEqual(background, 'auto', 'the styles came with the nonce');
        assert.deepEqual(problems, []);
        await page.close();
      } finally {
        await shop.close();
      }
    });
  }
});
