import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { scenarioNames } from '../../src/sandbox/index.js';
import { demoFolder, launchChromium, startDemo, Till, type Demo } from './support.js';

const axe = readFileSync(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

describe('connecting, whatever happens on the way', { timeout: 480_000 }, () => {
  const folder = demoFolder();
  let demo: Demo;
  let browser: Browser;
  let context: BrowserContext;
  let till: Till;

  async function open(scenario = 'normal', options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> {
    await context?.close();
    context = await browser.newContext({ viewport: { width: 1024, height: 768 }, ...options });
    context.setDefaultTimeout(20_000);
    // The loader of these tests names functions by a helper of its own, which a page does not have.
    await context.addInitScript('window.__name = (named) => named');
    const page = await context.newPage();
    await page.goto(demo.url);
    till = new Till(page);
    await page.locator('[data-demo="pay"]:not(:disabled)').waitFor();
    await page.evaluate(async (name) => {
      await fetch('/demo/reset', { method: 'POST' });
      await fetch('/rulrr/connection', { method: 'DELETE', headers: { 'Rulrr-Embed': '1' } });
      const headers = { 'Content-Type': 'application/json' };
      await fetch('/demo/scenario', { method: 'POST', headers, body: JSON.stringify({ name }) });
      // Everything that the element tells, in order.
      const told: string[] = [];
      Object.assign(window, { told });
      for (const type of ['started', 'finished', 'cancelled', 'expired', 'failed', 'warning']) {
        document.addEventListener(`connect-${type}`, (event) => {
          const { code } = ((event as CustomEvent).detail ?? {}) as { code?: string };
          told.push(code ? `${type} ${code}` : type);
        });
      }
    }, scenario);
    return page;
  }

  const told = (page: Page) => page.evaluate(() => (window as unknown as { told: string[] }).told);
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
  async function finish(): Promise<void> {
    await till.connectPage.locator('[data-action="next"]').click();
    await till.connectPage.locator('[data-ereceipt="on"]').click();
    await till.connectPage.locator('[data-action="next"]').click();
    await till.connectPage.locator('[data-action="finish"]').click();
  }
  /** Lets Rulrr behave in another way from now on. */
  const choose = (name: string) =>
    till.page.evaluate((scenario) => {
      const headers = { 'Content-Type': 'application/json' };
      return fetch('/demo/scenario', { method: 'POST', headers, body: JSON.stringify({ name: scenario }) }).then(
        () => {},
      );
    }, name);
  const ended = (state: string) => till.page.locator(`rulrr-connect[state="${state}"]`).waitFor();

  before(async () => {
    [demo, browser] = await Promise.all([startDemo(folder.path), launchChromium()]);
  });
  beforeEach(() => open());
  after(async () => {
    await browser?.close();
    await demo?.stop();
    folder.remove();
  });

  it('goes on with the same session after a reload, and starts no other', async () => {
    const { page } = till;
    const { asked, started } = integrations(page);
    await till.connectButton.click();
    await till.connectPage.locator('[data-action="next"]').click();
    await page.reload();
    await finish();
    await ended('finished');
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
    await finish();
    await ended('finished');
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
    await finish();
    await ended('finished');
    assert.equal(started.length, 1);
    assert.deepEqual(await told(till.page), ['started', 'finished']);
  });

  it('finishes in another window that cuts itself off from its opener', async () => {
    await open('coop');
    const { page } = till;
    await till.connectButton.click();
    const [other] = await Promise.all([
      context.waitForEvent('page'),
      page.locator('rulrr-connect [part~="open-window"]').click(),
    ]);
    await other.locator('[data-action="next"]').click();
    await other.locator('[data-action="next"]').click();
    // Cut off, the window reads as closed all the while: nobody takes that for a cancel.
    assert.equal(await page.locator('rulrr-connect').getAttribute('state'), 'pending');
    await other.locator('[data-action="finish"]').click();
    await ended('finished');
    assert.deepEqual(
      (await told(page)).filter((one) => !one.startsWith('warning')),
      ['started', 'finished'],
    );
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
    assert.deepEqual(await told(page), ['started', 'warning popup-blocked']);
  });

  it('says that the page forbids the frame within 100 ms', async () => {
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
          const connect = document.querySelector('rulrr-connect')!;
          let inserted = 0;
          const look = () => {
            if (connect.shadowRoot!.querySelector('iframe')) inserted = performance.now();
            else requestAnimationFrame(look);
          };
          look();
          document.addEventListener('connect-warning', (event) => {
            const { code } = (event as CustomEvent<{ code: string }>).detail;
            resolve([code, performance.now() - (inserted || performance.now())]);
          });
        }),
    );
    await till.connectButton.click();
    const [code, ms] = await waited;
    assert.equal(code, 'csp-blocked');
    assert.ok(ms <= 100, `${ms} ms`);
    assert.equal(await page.locator('rulrr-connect [part~="open-window"]').isVisible(), true);
  });

  it('goes on through a Rulrr that fails for a while', async () => {
    await open('server-error');
    await till.connectButton.click();
    await finish();
    await ended('finished');
    assert.deepEqual(await told(till.page), ['started', 'finished']);
  });

  it('waits as long as Rulrr asks when there are too many requests', async () => {
    await open('rate-limited');
    await till.connectButton.click();
    await finish();
    await ended('finished');
    assert.deepEqual(await told(till.page), ['started', 'finished']);
  });

  for (const name of ['refuses-framing', 'frame-ancestors']) {
    it(`makes no frame where the connect page must not be shown in one, and finishes elsewhere: ${name}`, async () => {
      await open(name);
      const { page } = till;
      await till.connectButton.click();
      const [other] = await Promise.all([
        context.waitForEvent('page'),
        page.locator('rulrr-connect [part~="open-window"]').click(),
      ]);
      assert.equal(await page.locator('rulrr-connect iframe').count(), 0);
      for (const action of ['next', 'next', 'finish']) await other.locator(`[data-action="${action}"]`).click();
      await ended('finished');
      assert.deepEqual(await told(page), ['started', 'warning not-embeddable', 'finished']);
    });
  }

  it('says that the connect page is slow, and goes on with it once it is there', async () => {
    await open('slow');
    const { page } = till;
    await till.connectButton.click();
    await till.connectPage.locator('[data-action="next"]').waitFor({ timeout: 40_000 });
    assert.deepEqual(await told(page), ['started', 'warning slow']);
    await choose('normal');
    await finish();
    await ended('finished');
  });

  it('tries a connect page that hangs again with a new frame', async () => {
    await open('hang');
    const { page } = till;
    await till.connectButton.click();
    const retry = page.locator('rulrr-connect [part~="retry"]');
    await retry.waitFor();
    await choose('normal');
    await retry.click();
    await finish();
    await ended('finished');
    assert.deepEqual(await told(page), ['started', 'warning slow', 'finished']);
  });

  it('outlives a connect page that fails, and an integration that Rulrr knows no more, until somebody gives up', async () => {
    for (const name of ['page-500', 'expired']) {
      await open(name);
      const { page } = till;
      const refused = page.waitForResponse((response) =>
        new URL(response.url()).pathname.startsWith('/rulrr/integrations/'),
      );
      await till.connectButton.click();
      await refused;
      assert.equal(await page.locator('rulrr-connect').getAttribute('state'), 'pending');
      await page.locator('rulrr-connect [part~="cancel"]').click();
      await ended('cancelled');
      assert.deepEqual(await told(page), ['started', 'cancelled']);
    }
  });

  it('offers each scenario by name in the till’s own chooser', async () => {
    const { page } = till;
    const names = await page
      .locator('[data-demo="scenario"] option')
      .evaluateAll((options) => options.map((option) => (option as HTMLOptionElement).value));
    assert.deepEqual(names, scenarioNames);
    await till.scenario('cancelled');
    await till.connectButton.click();
    await ended('cancelled');
  });

  it('names a start that fails, and tries again by one press', async () => {
    await open('start-fails');
    const { page } = till;
    await till.connectButton.click();
    await ended('failed');
    assert.match((await told(page)).join(), /failed upstream_error/);
    await choose('normal');
    await page.locator('rulrr-connect [part~="retry"]').click();
    await finish();
    await ended('finished');
  });

  it('hears that the merchant gave up while a scenario is on', async () => {
    await open('cancelled');
    await till.connectButton.click();
    await ended('cancelled');
    assert.deepEqual(await told(till.page), ['started', 'cancelled']);
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
      await finish();
      await ended('finished');
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
