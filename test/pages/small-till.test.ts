// `rulrr-embed demo`, used as quickly and as carelessly as a till is.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { running, type Running } from '../cli/support.js';
import { launchChromium } from '../support/chromium.mjs';
import { leaveAndReturn, paysByKeyboard, Till } from './support.js';

/** The package's demo serves the script tag as it was built. */
const built = existsSync(new URL('../../dist/rulrr-embed.iife.js', import.meta.url));

describe('the small till of the command', { timeout: 240_000, skip: !built && 'the script tag is not built' }, () => {
  let browser: Browser;
  let context: BrowserContext;
  let demo: Running;
  let url: string;
  let till: Till;

  const ready = (page: Page) => page.locator('[data-demo="pay"]:not(:disabled)').waitFor();
  const number = (page = till.page) => page.locator('[data-demo="order"]').textContent();
  async function open(): Promise<Till> {
    const page = await context.newPage();
    await page.goto(url);
    await ready(page);
    return new Till(page);
  }
  async function reload(): Promise<void> {
    await till.page.reload();
    await ready(till.page);
  }

  before(async () => {
    browser = await launchChromium();
    demo = running(['demo', '--port', '0']);
    url = (await demo.says(/http:\/\/localhost:\d+\//))[0];
  });
  beforeEach(async () => {
    await context?.close();
    context = await browser.newContext({ viewport: { width: 1024, height: 768 } });
    context.setDefaultTimeout(20_000);
    till = await open();
    await Promise.all([till.page.waitForEvent('load'), till.page.locator('[data-demo="reset"]').click()]);
    await ready(till.page);
  });
  after(async () => {
    await browser?.close();
    await demo?.kill();
  });

  it('prints an order once, however often Pay was pressed', async () => {
    const order = await number();
    await till.page.locator('[data-demo="pay"]').evaluate((pay: HTMLButtonElement) => {
      for (let times = 0; times < 5; times++) pay.click();
    });
    await till.page.locator('[data-demo="order"]').filter({ hasNotText: order! }).waitFor();
    await ready(till.page);
    assert.deepEqual(await till.paper(), [[order, 'ereceipt-disabled']]);
  });

  it('keeps the order over a reload, and what it has printed', async () => {
    await till.connect('on');
    const first = await number();
    await reload();
    assert.equal(await number(), first);
    await till.pay();
    await till.print.waitFor();
    // The numpad prints when its page goes away.
    await reload();
    assert.deepEqual(await till.paper(), [[first, 'closed']]);
    assert.notEqual(await number(), first);
  });

  it('takes the next order where its page was left with a prompt on, and come back to', async () => {
    await till.connect('on');
    const order = await till.pay();
    await till.print.waitFor();
    await leaveAndReturn(till.page);
    await ready(till.page);
    assert.deepEqual(await till.paper(), [[order, 'closed']]);
    assert.notEqual(await number(), order);
  });

  it('gives no two tabs the same order, and shows both what was texted', async () => {
    await till.connect('on');
    const other = await open();
    assert.notEqual(await number(other.page), await number());
    const orders: string[] = [];
    for (const one of [till, other]) {
      await one.page.bringToFront();
      orders.push(await one.pay());
      await one.tap('2133734253');
      await one.send.click();
      await one.texts.first().waitFor();
    }
    await till.page.bringToFront();
    await till.texts.nth(1).waitFor();
    assert.deepEqual((await till.messages()).map(([order]) => order).sort(), orders.sort());
  });

  it('gives the focus back to Pay, with the prompt or without one', async () => {
    await paysByKeyboard(till);
  });

  it('forgets everything, an open prompt too', async () => {
    await till.connect('on');
    await till.pay();
    await till.print.waitFor();
    await Promise.all([
      till.page.waitForEvent('load'),
      till.page.locator('[data-demo="reset"]').evaluate((reset: HTMLButtonElement) => reset.click()),
    ]);
    await ready(till.page);
    assert.deepEqual(await till.paper(), []);
    assert.deepEqual(await till.messages(), []);
  });

  it('takes the texts away that another tab has forgotten while this one was hidden', async () => {
    const text = async () => {
      const order = await till.pay();
      await till.tap('2133734253');
      await till.send.click();
      await till.texts.first().waitFor();
      return order;
    };
    const hide = (page: Page, hidden: boolean) =>
      page.evaluate((value) => {
        Object.defineProperty(document, 'hidden', { value, configurable: true });
      }, hidden);
    await till.connect('on');
    await text();
    const other = await open();
    await other.texts.first().waitFor();
    await hide(other.page, true);
    await till.page.bringToFront();
    await Promise.all([till.page.waitForEvent('load'), till.page.locator('[data-demo="reset"]').click()]);
    await ready(till.page);
    await till.connect('on');
    const order = await text();
    await hide(other.page, false);
    await other.page.locator(`[data-demo="sms"] [data-order-id="${order}"]`).waitFor();
    assert.deepEqual(await other.messages(), [[order, '+12133734253']]);
  });

  it('says so when nothing can be forgotten, since the server is away', async () => {
    const { port } = new URL(url);
    const errors: Error[] = [];
    till.page.on('pageerror', (error) => errors.push(error));
    await demo.kill();
    await till.page.locator('[data-demo="reset"]').click();
    await till.page.locator('[data-demo="trouble"]', { hasText: /Not done/ }).waitFor();
    demo = running(['demo', '--port', port]);
    await demo.says(/http:\/\/localhost:\d+\//);
    await Promise.all([till.page.waitForEvent('load'), till.page.locator('[data-demo="reset"]').click()]);
    assert.deepEqual(errors, []);
  });

  it('goes on with other numbers once it was started anew', async () => {
    const { port } = new URL(url);
    const before = await till.pay();
    await till.receipts.first().waitFor();
    await demo.kill();
    demo = running(['demo', '--port', port]);
    await demo.says(/http:\/\/localhost:\d+\//);
    await ready(till.page);
    const next = await till.pay();
    await till.receipts.nth(1).waitFor();
    await ready(till.page);
    assert.equal(new Set([before, next, await number()]).size, 3);
  });
});
