// Each state of each element looks as it did: light, dark, right to left, large text, and the dialogs.
//
//   RULRR_BASELINES=write node test/run.mjs pages test/pages/gallery     after a change that was meant: look at the pictures, then commit them
import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { launchChromium } from '../../support/chromium.mjs';
import { demoFolder, startDemo, type Demo } from '../support.js';
import { changes, flags, keep, kept, leave, openGallery, take } from './compare.js';

const modes: [name: string, query: string, dark?: boolean][] = [
  ['light', ''],
  ['dark', '', true],
  ['rtl', '?lang=he'],
  ['large', '?text=large'],
  ['connect-dialog', '?only=connect-dialog'],
  ['numpad-dialog', '?only=numpad-dialog'],
];
const writing = process.env['RULRR_BASELINES'] === 'write';

describe('the gallery', { timeout: 600_000 }, () => {
  const folder = demoFolder();
  let demo: Demo;
  let browser: Browser;

  before(async () => {
    demo = await startDemo(folder.path);
    browser = await launchChromium(flags);
  });
  after(async () => {
    await browser?.close();
    await demo?.stop();
    folder.remove();
  });

  for (const [name, query, dark] of modes) {
    it(`looks as it did: ${name}`, async () => {
      const page = await openGallery(browser, demo.url, query, dark);
      const picture = await take(page);
      await page.context().close();
      if (writing) keep(name, picture);
      const baseline = kept(name);
      assert.ok(baseline, `there is no baseline ${name}.png: RULRR_BASELINES=write makes it`);
      const found = changes(baseline, picture);
      assert.deepEqual(found, [], found.length ? `the picture of now: ${leave(name, picture)}` : '');
    });
  }

  it('shows in the frames what a merchant sees, also where Rulrr begins no session', async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    const page = await context.newPage();
    const told: string[] = [];
    page.on('console', (message) => void (message.type() === 'error' && told.push(message.text())));
    page.on('pageerror', (error) => told.push(error.message));
    for (const scenario of ['normal', 'start-fails']) {
      const headers = { 'Content-Type': 'application/json' };
      await fetch(`${demo.url}demo/scenario`, { method: 'POST', headers, body: JSON.stringify({ name: scenario }) });
      for (const query of ['', '?only=connect-dialog']) {
        await page.goto(`${demo.url}gallery${query}`);
        await page.locator('html[data-gallery="ready"]').waitFor();
        const frames = page.locator('rulrr-connect iframe');
        const all = await frames.count();
        assert.equal(all, query ? 1 : 2);
        for (let at = 0; at < all; at++) {
          const merchant = frames.nth(at).contentFrame();
          await merchant.locator('[data-action="next"]').waitFor();
        }
      }
    }
    await fetch(`${demo.url}demo/reset`, { method: 'POST' });
    await context.close();
    assert.deepEqual(told, []);
  });

  it('shows every state that the elements have', async () => {
    const page = await openGallery(browser, demo.url, '');
    const states = (tag: string) =>
      page.locator(tag).evaluateAll((all) => Array.from(new Set(all.map((one) => one.getAttribute('state')))).sort());
    assert.deepEqual(await states('rulrr-connect'), [
      'cancelled',
      'expired',
      'failed',
      'finished',
      'idle',
      'pending',
      'starting',
    ]);
    assert.deepEqual(await states('rulrr-ereceipt-numpad'), ['asking', 'failed', 'printed', 'sending', 'sent']);
    await page.context().close();
  });

  /** Small changes of the kind that slips through a review. */
  const seeded: [what: string, tag: string, css: string][] = [
    [
      'a primary button in a slightly other green',
      'rulrr-connect',
      '[part~="button"] { background: #0b6c4d !important }',
    ],
    ['Send in a slightly other green', 'rulrr-ereceipt-numpad', '[part~="send"] { background: #0b6c4d !important }'],
    ['keys that stand 2 px lower', 'rulrr-ereceipt-numpad', '[part~="pad"] { position: relative; top: 2px }'],
    ['a button that stands 1 px further right', 'rulrr-connect', 'button { position: relative; left: 1px }'],
    ['letters on keys that are gone', 'rulrr-ereceipt-numpad', 'small { visibility: hidden !important }'],
    ['corners that are a little rounder', 'rulrr-ereceipt-numpad', '[part~="key"] { border-radius: 18px !important }'],
    ['errors in letters like any other', 'rulrr-connect', '[part~="error"] { font-weight: 400 !important }'],
  ];

  it('would notice small changes, and nothing where nothing has changed', async () => {
    const page = await openGallery(browser, demo.url, '');
    const baseline = kept('light')!;
    assert.deepEqual(changes(baseline, await take(page)), []);
    for (const [what, tag, css] of seeded) {
      await page.locator(tag).evaluateAll((all, text) => {
        for (const one of all) {
          const style = document.createElement('style');
          style.dataset['seeded'] = '';
          style.textContent = text;
          one.shadowRoot!.append(style);
        }
      }, css);
      const found = changes(baseline, await take(page));
      assert.ok(
        found.length > 0 && found.every((line) => /^(connect|numpad)-/.test(line)),
        `${what}: ${found.join(', ')}`,
      );
      await page.locator(tag).evaluateAll((all) => {
        for (const one of all) one.shadowRoot!.querySelector('[data-seeded]')!.remove();
      });
    }
    assert.deepEqual(changes(baseline, await take(page)), []);
    await page.context().close();
  });

  it('has baselines that together take less than 1.5 MB', () => {
    const place = fileURLToPath(new URL('baselines', import.meta.url));
    const sizes = readdirSync(place).map((name) => statSync(join(place, name)).size);
    assert.equal(sizes.length, modes.length);
    assert.ok(sizes.reduce((sum, size) => sum + size, 0) < 1_500_000, String(sizes));
  });
});
