import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContextOptions, type FrameLocator, type Locator, type Page } from 'playwright-core';
import { linkStore } from '../support/merchant.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Demo {
  url: string;
  output: () => string;
  stop: () => Promise<number | null>;
}

export function demoFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'rulrr-demo-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Runs `npm start`'s script; resolves once it prints its URL, or rejects with what it printed. */
export async function startDemo(data: string, port = '0'): Promise<Demo> {
  const child: ChildProcess = spawn(process.execPath, ['demo/start.mjs'], {
    cwd: root,
    env: { ...process.env, PORT: port, RULRR_DEMO_DATA: data, NODE_NO_WARNINGS: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const url = await new Promise<string>((resolve, reject) => {
    const read = (text: string) => {
      output += text;
      const found = /http:\/\/\S+/.exec(output);
      if (found) resolve(found[0]);
    };
    for (const stream of [child.stdout!, child.stderr!]) stream.setEncoding('utf8').on('data', read);
    void ended.then((code) => reject(new Error(`ended with ${code}: ${output}`)));
  });
  return {
    url,
    output: () => output,
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

/** A till in a browser of its own, not connected; Rulrr behaves as the scenario says, and what the element tells is written down. */
export async function openTill(
  browser: Browser,
  demo: Demo,
  scenario = 'normal',
  options: BrowserContextOptions = {},
): Promise<Till> {
  const context = await browser.newContext({ viewport: { width: 1024, height: 768 }, ...options });
  context.setDefaultTimeout(20_000);
  // The loader of these tests names functions by a helper of its own, which a page does not have.
  await context.addInitScript('window.__name = (named) => named');
  const page = await context.newPage();
  await page.goto(demo.url);
  await page.locator('[data-demo="pay"]:not(:disabled)').waitFor();
  await page.evaluate(async () => {
    await fetch('/demo/reset', { method: 'POST' });
    await fetch('/rulrr/connection', { method: 'DELETE', headers: { 'Rulrr-Embed': '1' } });
    // Everything that the element tells, in order.
    const told: string[] = [];
    Object.assign(window, { told });
    for (const type of ['started', 'finished', 'cancelled', 'expired', 'failed', 'warning']) {
      document.addEventListener(`connect-${type}`, (event) => {
        const { code } = ((event as CustomEvent).detail ?? {}) as { code?: string };
        told.push(code ? `${type} ${code}` : type);
      });
    }
  });
  const till = new Till(page);
  await till.choose(scenario);
  return till;
}

/** The till, as a clerk and a customer use it. */
export class Till {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  get connectPage(): FrameLocator {
    return this.page.frameLocator('rulrr-connect iframe');
  }
  get receipts(): Locator {
    return this.page.locator('[data-demo="paper"] [data-order-id]');
  }
  get texts(): Locator {
    return this.page.locator('[data-demo="sms"] [data-order-id]');
  }
  get send(): Locator {
    return this.page.locator('rulrr-ereceipt-numpad [part~="send"]');
  }
  get print(): Locator {
    return this.page.locator('rulrr-ereceipt-numpad [part~="print"]');
  }
  get display(): Locator {
    return this.page.locator('rulrr-ereceipt-numpad [part~="display"]');
  }
  get padError(): Locator {
    return this.page.locator('rulrr-ereceipt-numpad [part~="error"]');
  }
  /** How things stand, as the operator reads it. */
  get status(): Locator {
    return this.page.locator('rulrr-connect [part~="status"]');
  }
  get connectButton(): Locator {
    return this.page.locator('rulrr-connect [part~="button"]');
  }

  /** Connects a store, as the operator and the merchant would. */
  async connect(ereceipt: 'on' | 'off'): Promise<void> {
    await this.connectButton.click();
    await linkStore(this.connectPage, ereceipt);
    await this.page.locator('rulrr-connect[state="finished"]').waitFor();
  }

  /** Waits for the element's state. */
  async ended(state: string, timeout?: number): Promise<void> {
    await this.page.locator(`rulrr-connect[state="${state}"]`).waitFor({ timeout });
  }

  told(): Promise<string[]> {
    return this.page.evaluate(() => (window as unknown as { told: string[] }).told);
  }

  /** Lets Rulrr behave in another way from now on, behind the scenes. */
  async choose(name: string): Promise<void> {
    await this.page.evaluate(async (scenario) => {
      const headers = { 'Content-Type': 'application/json' };
      await fetch('/demo/scenario', { method: 'POST', headers, body: JSON.stringify({ name: scenario }) });
    }, name);
  }

  /** Answers with the order's id. */
  async pay(): Promise<string> {
    const id = await this.page.locator('[data-demo="order"]').textContent();
    await this.page.locator('[data-demo="pay"]:not(:disabled)').click();
    return id!;
  }

  async tap(digits: string): Promise<void> {
    for (const digit of digits) await this.page.locator(`rulrr-ereceipt-numpad [data-key="${digit}"]`).click();
  }

  async scenario(name: string): Promise<void> {
    await this.page.locator('.sandbox summary').click();
    await this.page.locator('[data-demo="scenario"]').selectOption(name);
    await this.page.locator('.sandbox summary').click();
  }

  /** Order and reason of each printed receipt, the newest first. */
  async paper(): Promise<string[][]> {
    return this.receipts.evaluateAll((items) =>
      items.map((item) => [(item as HTMLElement).dataset['orderId']!, (item as HTMLElement).dataset['reason']!]),
    );
  }

  /** Order and number of each text message, the newest first. */
  async messages(): Promise<string[][]> {
    return this.texts.evaluateAll((items) =>
      items.map((item) => [(item as HTMLElement).dataset['orderId']!, (item as HTMLElement).dataset['phoneNumber']!]),
    );
  }
}

/** Leaves the page and comes back to it, as the back/forward cache of Firefox does: what is asked for while it goes is never answered. */
export async function leaveAndReturn(page: Page): Promise<void> {
  await page.evaluate(() => {
    const { fetch } = window;
    window.fetch = () => new Promise(() => {});
    window.dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }));
    window.fetch = fetch;
    window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));
  });
}

/** Pays by keyboard, without a prompt and with one; fails unless the focus is on Pay again after each order. */
export async function paysByKeyboard(till: Till): Promise<void> {
  const focused = () =>
    till.page.waitForFunction(() => document.activeElement?.matches('[data-demo="pay"]:not(:disabled)'));
  const pay = till.page.locator('[data-demo="pay"]');
  await pay.focus();
  await till.page.keyboard.press('Enter');
  await till.receipts.first().waitFor();
  await focused();
  await till.connect('on');
  await pay.focus();
  await till.page.keyboard.press('Enter');
  await till.print.waitFor();
  await till.page.keyboard.press('Escape');
  await till.receipts.nth(1).waitFor();
  await focused();
  await till.page.keyboard.press('Enter');
  await till.print.waitFor();
}
