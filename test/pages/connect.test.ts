import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { launchChromium } from '../support/chromium.mjs';
import { leaveStep, linkStore } from '../support/merchant.mjs';
import { demoFolder, openTill, startDemo, type Demo, type Till } from './support.js';

const axe = readFileSync(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

describe('connecting, whatever happens on the way', { timeout: 480_000 }, () => {
  const folder = demoFolder();
  let demo: Demo;
  let browser: Browser;
  let till: Till;

  async function open(scenario?: string, options?: BrowserContextOptions): Promise<Page> {
    await till?.page.context().close();
    till = await openTill(browser, demo, scenario, options);
    return till.page;
  }

  const integrations = (page: Page) => {
    const asked = new Set<string>();
    const started: string[] = [];
    page.on('request', (request) => {
      const { pathname } = new URL(request.url());
      if (request.method() === 'POST' && pathname === '/rulrr/integrations') started.push(pathname);
      if (request.method() === 'GET' && pathname.startsWith('/rulrr/integrations/')) asked.add(pathname);
    });
    return { asked, started };
  };
  before(async () => {
    [demo, browser] = await Promise.all([startDemo(folder.path), launchChromium()]);
  });
  beforeEach(() => open());
  after(async () => {
    await browser?.close();
    await demo?.stop();
    folder.remove();
  });

  it('keeps a long name of a store where it can be read: on the connect page, and on the customer’s phone', async () => {
    const page = await open('normal', { viewport: { width: 320, height: 640 } });
    const cutOff = (element: HTMLElement | SVGElement) => element.scrollWidth > element.clientWidth;
    await till.connectButton.click();
    await leaveStep(till.connectPage, 1, 'next');
    await till.connectPage.locator('#store').fill('W'.repeat(80));
    await leaveStep(till.connectPage, 2, 'next');
    await till.connectPage.locator('[data-action="finish"]').waitFor();
    assert.equal(await till.connectPage.locator('html').evaluate(cutOff), false);
    await leaveStep(till.connectPage, 3, 'finish');
    await till.ended('finished');
    await till.pay();
    await till.tap('2133734253');
    await till.send.click();
    await till.texts.first().waitFor();
    assert.equal(await page.locator('[data-demo="sms"]').evaluate(cutOff), false);
  });

  it('speaks the language that the page took while a part of the element was on its way', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    let arrive = () => {};
    const held = new Promise<void>((resolve) => (arrive = resolve));
    let asked = () => {};
    const underWay = new Promise<void>((resolve) => (asked = resolve));
    await page.route('**/*connect-session*', async (route) => {
      asked();
      await held;
      await route.continue();
    });
    await page.goto(demo.url);
    await underWay;
    const said = () => page.locator('rulrr-connect [part~="button"]').textContent();
    assert.match((await said())!, /Connect to Rulrr/);
    await page.evaluate(() => (document.documentElement.lang = 'de'));
    arrive();
    await page.locator('rulrr-connect [part~="button"]', { hasText: 'Mit Rulrr verbinden' }).waitFor();
    await context.close();
  });

  it('goes on with the same session after a reload, and starts no other', async () => {
    const { page } = till;
    const { asked, started } = integrations(page);
    await till.connectButton.click();
    await leaveStep(till.connectPage, 1, 'next');
    await page.reload();
    await linkStore(till.connectPage);
    await till.ended('finished');
    assert.deepEqual([started.length, asked.size], [1, 1]);
    assert.equal(await page.evaluate(() => Object.keys(sessionStorage).length), 0, 'nothing is kept after the end');
  });

  it('goes on after the page was left and come back to', async () => {
    const { page } = till;
    const { asked, started } = integrations(page);
    await till.connectButton.click();
    await till.connectPage.locator('[data-action="next"]').waitFor();
    await page.goto('about:blank');
    await page.goBack();
    await linkStore(till.connectPage);
    await till.ended('finished');
    assert.deepEqual([started.length, asked.size], [1, 1]);
  });

  it('keeps only the sealed id meanwhile', async () => {
    const { page } = till;
    await till.connectButton.click();
    await till.connectPage.locator('[data-action="next"]').waitFor();
    const kept = await page.evaluate(() =>
      JSON.stringify([{ ...sessionStorage }, { ...localStorage }, document.cookie]),
    );
    assert.doesNotMatch(kept, /it_[0-9a-f]{8}|client|secret/);
  });

  it('starts one session for twenty presses', async () => {
    const { started } = integrations(till.page);
    await till.page.locator('rulrr-connect').evaluate((element: HTMLElement & { start(): Promise<unknown> }) => {
      for (let press = 0; press < 20; press++) void element.start();
    });
    await linkStore(till.connectPage);
    await till.ended('finished');
    assert.equal(started.length, 1);
    assert.deepEqual(await till.told(), ['started', 'finished']);
  });

  it('shows a plain link where windows are blocked', async () => {
    const { page } = till;
    await page.evaluate(() => Object.assign(window, { open: () => null }));
    await till.connectButton.click();
    await page.locator('rulrr-connect [part~="open-window"]').click();
    const link = page.locator('rulrr-connect a[part~="open-window"]');
    await link.waitFor();
    assert.match((await link.getAttribute('href'))!, /\/connect\/\?integration_token=/);
    assert.equal(await link.getAttribute('target'), '_blank');
    assert.deepEqual(await till.told(), ['started', 'warning popup-blocked']);
  });

  it('says that the page forbids the frame within 100 ms of the browser', async () => {
    const { page } = till;
    await page.route(demo.url, async (route) => {
      const response = await route.fetch();
      const headers = { ...response.headers() };
      headers['content-security-policy'] = headers['content-security-policy']!.replace(
        /frame-src [^;]+/,
        "frame-src 'none'",
      );
      await route.fulfill({ response, headers });
    });
    await page.goto(demo.url);
    const waited = page.evaluate(
      () =>
        new Promise<[string, number]>((resolve) => {
          // How soon a busy machine tells of it is the browser's affair.
          let told = -Infinity;
          document.addEventListener('securitypolicyviolation', () => (told = performance.now()), true);
          document.addEventListener('connect-warning', (event) => {
            const { code } = (event as CustomEvent<{ code: string }>).detail;
            resolve([code, performance.now() - told]);
          });
        }),
    );
    await till.connectButton.click();
    const [code, ms] = await waited;
    assert.equal(code, 'csp-blocked');
    assert.ok(ms <= 100, `${ms} ms`);
    assert.equal(await page.locator('rulrr-connect [part~="open-window"]').isVisible(), true);
  });

  for (const [what, options] of [
    ['dark', { colorScheme: 'dark' }],
    ['forced colours', { forcedColors: 'active' }],
    ['reduced motion', { reducedMotion: 'reduce' }],
  ] as const) {
    it(`has nothing for axe to report: ${what}`, async () => {
      const page = await open('normal', { ...options, bypassCSP: true });
      const check = async (state: string) => {
        await page.evaluate(axe);
        const found = await page.evaluate(async () => {
          const { axe } = window as unknown as {
            axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
          };
          const { violations } = await axe.run();
          return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
        });
        assert.deepEqual(found, [], state);
      };
      await check('idle');
      await till.connectButton.click();
      await till.connectPage.locator('[data-action="next"]').waitFor();
      await check('pending');
      await linkStore(till.connectPage);
      await till.ended('finished');
      await check('finished');
      await till.pay();
      await till.tap('2133734253');
      await check('a number is keyed');
      const running = await page.evaluate(() => document.getAnimations().length);
      if (what === 'reduced motion') assert.equal(running, 0);
      await till.print.click();
      await till.receipts.first().waitFor();
      await check('printed');
    });
  }
});
