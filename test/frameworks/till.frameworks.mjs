// Each framework's page, built, with the real proxy and the stand-in behind it: properties, events, slots, conditions, re-renders.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { root } from '../../.config/install.mjs';
import { launchChromium } from '../support/chromium.mjs';
import { linkStore } from '../support/merchant.mjs';
import { openShop } from '../support/shop.mjs';

const names = (process.env.RULRR_FRAMEWORKS ?? '').split(' ').filter(Boolean);
assert.ok(names.length, 'test/frameworks/run.mjs says which pages');
const built = (name) =>
  ['dist/browser', 'dist'].map((path) => join(root, '.cache/frameworks', name, path)).find(existsSync);
const digits = '2015550123';

for (const name of names) {
  describe(name, () => {
    let browser;
    let shop;
    let page;
    const problems = [];

    before(async () => {
      shop = await openShop({ folders: [built(name)] });
      browser = await launchChromium();
      page = await browser.newPage();
      page.on('pageerror', (error) => problems.push(error.message));
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) problems.push(message.text());
      });
      await page.goto(shop.origin);
    });
    after(async () => {
      await browser?.close();
      await shop?.close();
    });

    const demo = (hook) => page.locator(`[data-demo="${hook}"]`);
    const key = (digit) => page.locator(`rulrr-ereceipt-numpad [data-key="${digit}"]`).click();
    const rows = (hook) =>
      demo(hook)
        .locator('li')
        .evaluateAll((items) => items.map((item) => ({ ...item.dataset })));
    const value = (wanted) =>
      page.waitForFunction((text) => document.querySelector('rulrr-ereceipt-numpad').value === text, wanted);

    it('sets properties, of the right kinds', async () => {
      const found = await page
        .locator('rulrr-connect')
        .evaluate((element) => [element.proxyUrl, element.timeout, typeof element.fetch]);
      assert.deepEqual(found, ['/rulrr', 900, 'function']);
      assert.equal(await page.locator('rulrr-ereceipt-numpad').evaluate((element) => element.defaultCountry), 'US');
      await page.waitForFunction(() => Number(document.querySelector('[data-demo="calls"]').textContent) > 0);
    });

    it('puts text into the slot, and keeps it up to date', async () => {
      const slotted = () =>
        page.locator('rulrr-connect').evaluate((element) =>
          [...element.shadowRoot.querySelectorAll('slot')]
            .flatMap((slot) => slot.assignedNodes())
            .map((node) => node.textContent)
            .join('')
            .trim(),
        );
      assert.equal(await slotted(), 'Connect till 0');
      await demo('redraw').click();
      await page.waitForFunction(() => document.querySelector('rulrr-connect').textContent.trim() === 'Connect till 1');
      assert.equal(await slotted(), 'Connect till 1');
    });

    it('removes and shows the element by a condition', async () => {
      await demo('toggle').click();
      await page.locator('rulrr-connect').waitFor({ state: 'detached' });
      await demo('toggle').click();
      await page.locator('rulrr-connect [part~="button"]').first().waitFor();
    });

    it('prints at once while no store is connected', async () => {
      await demo('pay').click();
      await demo('paper').locator('li').waitFor();
      assert.deepEqual(await rows('paper'), [{ orderId: '1001', reason: 'ereceipt-disabled' }]);
    });

    it('hears of the connected store', async () => {
      await page.locator('rulrr-connect [part~="button"]').first().click();
      await linkStore(page.frameLocator('rulrr-connect iframe'));
      await page.waitForFunction(
        () => document.querySelector('[data-demo="connection"]').textContent === 'connected, e-receipts on',
      );
    });

    it('keeps a half-typed number while the page is drawn again', async () => {
      await demo('pay').click();
      for (const digit of digits.slice(0, 5)) await key(digit);
      // The page lies behind the numpad where that is a dialog: the hook is pressed as a timer of the page would.
      for (let times = 0; times < 3; times += 1) await demo('redraw').evaluate((button) => button.click());
      await page.waitForFunction(() => document.querySelector('rulrr-connect').textContent.trim() === 'Connect till 4');
      for (const digit of digits.slice(5)) await key(digit);
      await value(`+1${digits}`);
    });

    it('hears of the text that was sent, once', async () => {
      await page.locator('rulrr-ereceipt-numpad [part~="send"]').click();
      await demo('texted').locator('li').waitFor();
      assert.deepEqual(await rows('texted'), [{ orderId: '1002', phoneNumber: `+1${digits}` }]);
      assert.equal((await rows('paper')).length, 1);
      assert.equal(shop.sandbox.messages.length, 1);
    });

    it('hears of the receipt to print', async () => {
      await demo('pay').click();
      await key('5');
      await page.locator('rulrr-ereceipt-numpad [part~="print"]').click();
      await page.waitForFunction(() => document.querySelectorAll('[data-demo="paper"] li').length === 2);
      assert.deepEqual((await rows('paper'))[1], { orderId: '1003', reason: 'declined' });
    });

    it('hears of the receipt whose numpad is taken out of the page', async () => {
      await demo('pay').click();
      await key('5');
      await demo('leave').click();
      await page.locator('rulrr-ereceipt-numpad').waitFor({ state: 'detached' });
      await demo('paper').locator('[data-order-id="1004"][data-reason="closed"]').waitFor();
    });

    it('had no error or warning on the way', () => assert.deepEqual(problems, []));
  });
}
