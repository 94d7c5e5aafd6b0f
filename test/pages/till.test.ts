import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Browser, BrowserContext } from 'playwright-core';
import { launchChromium } from '../support/chromium.mjs';
import { leaveStep } from '../support/merchant.mjs';
import { demoFolder, leaveAndReturn, paysByKeyboard, startDemo, Till, type Demo } from './support.js';

describe('the demo till', { timeout: 240_000 }, () => {
  const folder = demoFolder();
  const violations: string[] = [];
  let demo: Demo;
  let browser: Browser;
  let context: BrowserContext;
  let till: Till;

  async function open(): Promise<void> {
    await context?.close();
    context = await browser.newContext({ viewport: { width: 1024, height: 768 } });
    context.setDefaultTimeout(20_000);
    const page = await context.newPage();
    page.on('console', (message) => {
      if (/Content Security Policy|Trusted ?Type/i.test(message.text())) violations.push(message.text());
    });
    page.on('pageerror', (error) => violations.push(error.message));
    await page.goto(demo.url);
    till = new Till(page);
    await page.locator('[data-demo="pay"]:not(:disabled)').waitFor();
  }

  async function forgetEverything(): Promise<void> {
    await Promise.all([till.page.waitForEvent('load'), till.page.locator('[data-demo="reset"]').click()]);
    await till.page.locator('[data-demo="pay"]:not(:disabled)').waitFor();
  }

  before(async () => {
    [demo, browser] = await Promise.all([startDemo(folder.path), launchChromium()]);
  });
  beforeEach(async () => {
    await open();
    await forgetEverything();
  });
  after(async () => {
    await browser?.close();
    assert.equal(await demo?.stop(), 0, 'SIGTERM ends the demo well');
    folder.remove();
    assert.deepEqual(violations, [], 'the page keeps to its policy and throws nothing');
  });

  it('says what it does and prints one URL', () => {
    assert.equal(demo.output().match(/https?:\/\//g)?.length, 1);
    assert.match(demo.output(), /sandbox.*\n.*proxy.*\n.*till/i);
  });

  it('builds its pages without a file: another demo may be building, and the folder may be read-only', async () => {
    const cache = new URL('../../.cache/demo', import.meta.url);
    rmSync(cache, { recursive: true, force: true });
    const second = demoFolder();
    await (await startDemo(second.path)).stop();
    second.remove();
    assert.equal(existsSync(cache), false);
  });

  it('prints at once while no store is connected', async () => {
    const order = await till.pay();
    await till.receipts.first().waitFor();
    assert.deepEqual(await till.paper(), [[order, 'ereceipt-disabled']]);
    assert.equal(await till.print.isVisible(), false);
  });

  it('connects a store and texts a receipt instead of printing it', async () => {
    await till.connect('on');
    const order = await till.pay();
    await till.tap('2133734253');
    assert.match((await till.display.textContent())!, /\(213\) 373-4253/);
    await till.send.click();
    await till.texts.first().waitFor();
    assert.deepEqual(await till.messages(), [[order, '+12133734253']]);
    assert.deepEqual(await till.paper(), []);
  });

  it('prints for a customer who wants paper', async () => {
    await till.connect('on');
    const order = await till.pay();
    await till.print.click();
    await till.receipts.first().waitFor();
    assert.deepEqual(await till.paper(), [[order, 'declined']]);
    assert.deepEqual(await till.messages(), []);
  });

  it('cannot send an invalid number: it says why, and the customer corrects it', async () => {
    await till.connect('on');
    const order = await till.pay();
    await till.tap('213373425');
    await till.send.click({ force: true });
    await till.padError.filter({ hasText: /\S/ }).waitFor();
    assert.deepEqual(await till.messages(), []);
    await till.tap('3');
    await till.send.click();
    await till.texts.first().waitFor();
    assert.deepEqual(await till.messages(), [[order, '+12133734253']]);
  });

  it('knows the numbers of the world for the next customer where the network has kept them from this one', async () => {
    await till.connect('on');
    const [rules, landline] = ['**/*phone-world*', '00442079460958'];
    await till.page.route(rules, (route) => route.abort());
    await till.pay();
    await till.tap(landline);
    // Nobody here can tell, so the server decides.
    await till.page.locator('rulrr-ereceipt-numpad [part~="send"][aria-disabled="false"]').waitFor();
    await till.print.click();
    await till.receipts.first().waitFor();
    await till.page.unroute(rules);
    await till.pay();
    await till.tap(landline);
    await till.padError.and(till.page.locator('[data-reason="not-textable"]')).waitFor();
    assert.equal(await till.send.getAttribute('aria-disabled'), 'true');
  });

  it('lets a failed send be tried again, once sent', async () => {
    await till.connect('on');
    await till.scenario('send-failed');
    const order = await till.pay();
    await till.tap('2133734253');
    await till.send.click();
    await till.padError.filter({ hasText: /\S/ }).waitFor();
    await till.page.evaluate(() =>
      fetch('/demo/scenario', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: '{"name":"normal"}',
      }),
    );
    await till.send.click();
    await till.texts.first().waitFor();
    assert.deepEqual(await till.messages(), [[order, '+12133734253']]);
    assert.deepEqual(await till.paper(), []);
  });

  it('prints after a failed send if the customer has enough', async () => {
    await till.connect('on');
    await till.scenario('send-failed');
    const order = await till.pay();
    await till.tap('2133734253');
    await till.send.click();
    await till.padError.filter({ hasText: /\S/ }).waitFor();
    await till.print.click();
    await till.receipts.first().waitFor();
    assert.deepEqual(await till.paper(), [[order, 'send-failed']]);
  });

  it('prints by itself when a send stays unconfirmed', async () => {
    await till.connect('on');
    await till.scenario('send-unconfirmed');
    const order = await till.pay();
    await till.tap('2133734253');
    await till.send.click();
    await till.receipts.first().waitFor();
    assert.deepEqual(await till.paper(), [[order, 'send-unconfirmed']]);
    assert.equal(await till.print.isVisible(), false);
  });

  it('prints at once for a store with e-receipts off', async () => {
    await till.connect('off');
    const order = await till.pay();
    await till.receipts.first().waitFor();
    assert.deepEqual(await till.paper(), [[order, 'ereceipt-disabled']]);
  });

  it('offers Connect again after the merchant gave up', async () => {
    await till.connectButton.click();
    await leaveStep(till.connectPage, 1, 'cancel');
    await till.page.locator('rulrr-connect[state="cancelled"]').waitFor();
    await till.connectButton.waitFor();
    await till.connect('on');
  });

  it('finds the store still connected after a reload, and after a restart', async () => {
    await till.connect('on');
    await till.page.reload();
    await till.pay();
    await till.print.click();
    await demo.stop();
    demo = await startDemo(folder.path);
    await open();
    await till.pay();
    await till.print.click();
    await till.receipts.first().waitFor();
    assert.equal((await till.paper())[0]![1], 'declined');
  });

  it('keeps the order over a reload, and what it has printed', async () => {
    const number = () => till.page.locator('[data-demo="order"]').textContent();
    const reload = async () => {
      await till.page.reload();
      await till.page.locator('[data-demo="pay"]:not(:disabled)').waitFor();
    };
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
    const second = await till.pay();
    await till.print.click();
    await till.receipts.nth(1).waitFor();
    await reload();
    assert.deepEqual(await till.paper(), [
      [second, 'declined'],
      [first, 'closed'],
    ]);
    await forgetEverything();
    assert.deepEqual(await till.paper(), []);
  });

  it('takes the next order once the server is back that was away at the end of a prompt', async () => {
    const { port } = new URL(demo.url);
    await till.connect('on');
    const order = await till.pay();
    await till.print.waitFor();
    await demo.stop();
    await till.print.click();
    await till.receipts.first().waitFor();
    demo = await startDemo(folder.path, port);
    await till.page.locator('[data-demo="pay"]:not(:disabled)').waitFor();
    assert.deepEqual(await till.paper(), [[order, 'declined']]);
    assert.notEqual(await till.page.locator('[data-demo="order"]').textContent(), order);
  });

  it('takes the next order where its page was left with a prompt on, and come back to', async () => {
    await till.connect('on');
    const order = await till.pay();
    await till.print.waitFor();
    await leaveAndReturn(till.page);
    await till.page.locator('[data-demo="pay"]:not(:disabled)').waitFor();
    assert.deepEqual(await till.paper(), [[order, 'closed']]);
    assert.notEqual(await till.page.locator('[data-demo="order"]').textContent(), order);
  });

  it('finds its paper and its open session again after a look at the gallery', async () => {
    const order = await till.pay();
    await till.receipts.first().waitFor();
    await till.connectButton.click();
    await leaveStep(till.connectPage, 1, 'next');
    await till.page.goto(`${demo.url}gallery`);
    await till.page.locator('[data-gallery="ready"]').waitFor();
    await till.page.goto(demo.url);
    await till.page.locator('rulrr-connect[state="pending"]').waitFor();
    assert.deepEqual(await till.paper(), [[order, 'ereceipt-disabled']]);
  });

  it('shares its numbers with another demo of the same folder', async () => {
    const beside = await startDemo(folder.path);
    const order = async ({ url }: Demo) => {
      const answer = await fetch(`${url}demo/orders`, { method: 'POST' });
      return ((await answer.json()) as { orderId: string }).orderId;
    };
    const orders: string[] = [];
    for (const one of [demo, beside, demo, beside]) orders.push(await order(one));
    await beside.stop();
    assert.equal(new Set(orders).size, 4, orders.join(' '));
  });

  it('prints an order of the old till once, however often Paid was pressed', async () => {
    const missing: string[] = [];
    till.page.on('response', (answer) => void (answer.status() >= 400 && missing.push(answer.url())));
    await till.page.goto(`${demo.url}legacy.html`);
    await till.page.locator('[data-demo="pay"]').evaluate((pay: HTMLButtonElement) => {
      for (let times = 0; times < 3; times++) pay.click();
    });
    await till.page.locator('[data-demo="order"]', { hasText: '1002' }).waitFor();
    await till.page.locator('[data-demo="pay"]:not(:disabled)').click();
    await till.page.locator('[data-demo="order"]', { hasText: '1003' }).waitFor();
    assert.deepEqual(await till.paper(), [
      ['1001', 'ereceipt-disabled'],
      ['1002', 'ereceipt-disabled'],
    ]);
    assert.deepEqual(missing, []);
  });

  it('gives the focus back to Pay, with the prompt or without one', async () => {
    await paysByKeyboard(till);
  });

  it('says so when nothing can be forgotten, since the server is away', async () => {
    const { port } = new URL(demo.url);
    const before = violations.length;
    await till.page.locator('.sandbox summary').click();
    await demo.stop();
    await till.page.locator('[data-demo="reset"]').click();
    await till.page.locator('[data-demo="trouble"]', { hasText: /Not done/ }).waitFor();
    await till.page.locator('[data-demo="scenario"]').selectOption('slow');
    await till.page.locator('[data-demo="trouble"]', { hasText: /Not done/ }).waitFor();
    demo = await startDemo(folder.path, port);
    await Promise.all([till.page.waitForEvent('load'), till.page.locator('[data-demo="reset"]').click()]);
    assert.equal(await till.page.locator('[data-demo="trouble"]').textContent(), '');
    assert.deepEqual(violations.slice(before), []);
  });

  it('takes the texts away that another tab has forgotten', async () => {
    await till.connect('on');
    await till.pay();
    await till.tap('2133734253');
    await till.send.click();
    await till.texts.first().waitFor();
    const other = await context.newPage();
    await other.goto(demo.url);
    await other.locator('[data-demo="sms"] [data-order-id]').waitFor();
    await till.page.bringToFront();
    await forgetEverything();
    await other.locator('[data-demo="sms"]:empty').waitFor({ state: 'attached' });
  });

  it('answers a request that names no path, and goes on', async () => {
    const { port } = new URL(demo.url);
    const status = (path: string) =>
      new Promise((resolve, reject) => {
        get({ host: 'localhost', port, path }, (answer) => resolve(answer.resume().statusCode)).once('error', reject);
      });
    assert.equal(await status('//'), 404);
    assert.equal(await status('//?'), 404);
    assert.equal(await status('/'), 200);
  });

  it('says so when its folder is a file', async () => {
    await assert.rejects(
      startDemo('package.json'),
      /ended with 1: RULRR_DEMO_DATA: there can be no folder.*\(EEXIST\)/,
    );
  });

  it('says so when the port is in use', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const second = demoFolder();
    await assert.rejects(startDemo(second.path, String(port)), new RegExp(`ended with 1: Port ${port} is in use`));
    second.remove();
    other.close();
  });
});
