// Every way in which linking a store can go, and sending a receipt cannot, met by an operator and a merchant at the till.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { scenarioNames, type ScenarioName } from '../../src/sandbox/index.js';
import { launchChromium } from '../support/chromium.mjs';
import { leaveStep, linkStore } from '../support/merchant.mjs';
import { demoFolder, openTill, startDemo, type Demo, type Till } from './support.js';

/** These take their time: the proxy is sure that tokens are lost after 90 s, and Rulrr is asked again 30 s after a refusal. */
const patient = ['already-retrieved', 'lost-answer', 'status-403'] as const;
/** Met in till.test.ts. */
const sends: ScenarioName[] = ['send-failed', 'send-unconfirmed'];

describe('whatever Rulrr does', { timeout: 480_000 }, () => {
  const folders: { remove(): void }[] = [];
  const demos: Demo[] = [];
  const waiting = new Map<string, Till>();
  const met = new Set<string>(patient);
  let browser: Browser;
  let demo: Demo;
  let till: Till;

  async function start(): Promise<Demo> {
    const folder = demoFolder();
    folders.push(folder);
    const started = await startDemo(folder.path);
    demos.push(started);
    return started;
  }
  async function meet(scenario: ScenarioName): Promise<void> {
    met.add(scenario);
    await till?.page.context().close();
    till = await openTill(browser, demo, scenario);
    await till.connectButton.click();
  }
  /** One press, and a merchant who means it. */
  async function connectAgain(part: 'button' | 'retry'): Promise<void> {
    await till.choose('normal');
    await till.page.locator(`rulrr-connect [part~="${part}"]`).click();
    await linkStore(till.connectPage);
    await till.ended('finished');
    assert.match((await till.status.textContent())!, /Connected to Rulrr/);
  }
  async function elsewhere() {
    const [other] = await Promise.all([
      till.page.context().waitForEvent('page'),
      till.page.locator('rulrr-connect [part~="open-window"]').click(),
    ]);
    return other;
  }

  before(async () => {
    browser = await launchChromium();
    demo = await start();
    // Each with a Rulrr of its own, so that they wait while the others go on; looked at in the end.
    for (const name of patient) {
      const patientTill = await openTill(browser, await start(), name);
      await patientTill.connectButton.click();
      await linkStore(patientTill.connectPage);
      waiting.set(name, patientTill);
    }
  });
  after(async () => {
    await browser?.close();
    await Promise.all(demos.map((one) => one.stop()));
    for (const folder of folders) folder.remove();
  });

  it('connects: normal', async () => {
    await meet('normal');
    await linkStore(till.connectPage);
    await till.ended('finished');
    assert.deepEqual(await till.told(), ['started', 'finished']);
  });

  it('says that the connect page is slow, and goes on with it once it is there', async () => {
    await meet('slow');
    await till.connectPage.locator('[data-action="next"]').waitFor({ timeout: 40_000 });
    assert.deepEqual(await till.told(), ['started', 'warning slow']);
    await till.choose('normal');
    await linkStore(till.connectPage);
    await till.ended('finished');
    assert.deepEqual(await till.told(), ['started', 'warning slow', 'finished']);
  });

  it('tries a connect page that hangs again with a new frame', async () => {
    await meet('hang');
    await till.page.locator('rulrr-connect [part~="retry"]').waitFor();
    assert.match((await till.status.textContent())!, /slow/);
    await connectAgain('retry');
    assert.deepEqual(await till.told(), ['started', 'warning slow', 'finished']);
  });

  for (const name of ['refuses-framing', 'frame-ancestors'] as const) {
    it(`makes no frame where the connect page must not be shown in one, and finishes elsewhere: ${name}`, async () => {
      await meet(name);
      const other = await elsewhere();
      assert.equal(await till.page.locator('rulrr-connect iframe').count(), 0);
      await linkStore(other);
      await till.ended('finished');
      assert.deepEqual(await till.told(), ['started', 'warning not-embeddable', 'finished']);
    });
  }

  it('finishes in another window that cuts itself off from its opener: coop', async () => {
    await meet('coop');
    const other = await elsewhere();
    await leaveStep(other, 1, 'next');
    await leaveStep(other, 2, 'next');
    // Cut off, the window reads as closed all the while: nobody takes that for a cancel.
    assert.equal(await till.page.locator('rulrr-connect').getAttribute('state'), 'pending');
    await leaveStep(other, 3, 'finish');
    await till.ended('finished');
    assert.deepEqual(
      (await till.told()).filter((one) => !one.startsWith('warning')),
      ['started', 'finished'],
    );
  });

  for (const name of ['page-500', 'expired'] as const) {
    it(`goes on until somebody gives up, and connects by one press then: ${name}`, async () => {
      const refused = () =>
        till.page.waitForResponse((answer) => new URL(answer.url()).pathname.startsWith('/rulrr/integrations/'));
      await meet(name);
      await refused();
      assert.equal(await till.page.locator('rulrr-connect').getAttribute('state'), 'pending');
      await till.page.locator('rulrr-connect [part~="cancel"]').click();
      await till.ended('cancelled');
      assert.deepEqual(await till.told(), ['started', 'cancelled']);
      await connectAgain('button');
    });
  }

  it('hears that the merchant gave up, and connects by one press then: cancelled', async () => {
    await meet('cancelled');
    await till.ended('cancelled');
    assert.match((await till.status.textContent())!, /cancelled/);
    assert.deepEqual(await till.told(), ['started', 'cancelled']);
    await connectAgain('button');
  });

  for (const [name, what] of [
    ['server-error', 'goes on through a Rulrr that fails for a while'],
    ['rate-limited', 'waits as long as Rulrr asks when there are too many requests'],
    ['slow-api', 'waits for answers that are slow'],
  ] as const) {
    it(`${what}: ${name}`, async () => {
      await meet(name);
      await linkStore(till.connectPage);
      await till.ended('finished', 40_000);
      assert.deepEqual(await till.told(), ['started', 'finished']);
    });
  }

  it('names a start that fails, and connects by one press then: start-fails', async () => {
    await meet('start-fails');
    await till.ended('failed');
    assert.match((await till.status.textContent())!, /upstream_error/);
    await connectAgain('retry');
    assert.deepEqual(await till.told(), ['failed upstream_error', 'started', 'finished']);
  });

  it('goes on after Rulrr has refused to say how it went, and finishes: status-403', async () => {
    till = waiting.get('status-403')!;
    assert.equal(await till.page.locator('rulrr-connect').getAttribute('state'), 'pending');
    assert.deepEqual(await till.told(), ['started']);
    await till.choose('normal');
    await till.ended('finished', 60_000);
    assert.match((await till.status.textContent())!, /Connected to Rulrr/);
    assert.deepEqual(await till.told(), ['started', 'finished']);
  });

  for (const name of ['already-retrieved', 'lost-answer'] as const) {
    it(`says that the tokens are lost, and connects by one press then: ${name}`, async () => {
      till = waiting.get(name)!;
      await till.ended('failed', 150_000);
      assert.deepEqual(await till.told(), ['started', 'failed tokens_lost']);
      assert.match((await till.status.textContent())!, /Please connect once more/);
      // Neither connected nor anything that could pass for it.
      const order = await till.pay();
      await till.receipts.first().waitFor();
      assert.deepEqual(await till.paper(), [[order, 'ereceipt-disabled']]);
      await connectAgain('retry');
      assert.deepEqual((await till.told()).slice(2), ['started', 'finished']);
    });
  }

  it('offers each scenario by name in the till’s own chooser', async () => {
    till = await openTill(browser, demo);
    const names = await till.page
      .locator('[data-demo="scenario"] option')
      .evaluateAll((options) => options.map((option) => (option as HTMLOptionElement).value));
    assert.deepEqual(names, scenarioNames);
    await till.scenario('cancelled');
    await till.connectButton.click();
    await till.ended('cancelled');
  });

  it('has met them all', () => {
    assert.deepEqual([...met, ...sends].sort(), [...scenarioNames].sort());
  });
});
