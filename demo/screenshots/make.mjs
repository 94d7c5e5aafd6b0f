// `npm run screenshots`: makes the README's picture anew. Starts the demo, does what its first screen tells, and takes a picture on the way.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launchChromium } from '../../test/support/chromium.mjs';

const picture = fileURLToPath(new URL('till.png', import.meta.url));
const data = mkdtempSync(join(tmpdir(), 'rulrr-screenshots-'));
const demo = spawn(process.execPath, [fileURLToPath(new URL('../start.mjs', import.meta.url))], {
  env: { ...process.env, PORT: '0', RULRR_DEMO_DATA: data },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const url = await new Promise((resolve, reject) => {
  let said = '';
  demo.stdout.setEncoding('utf8').on('data', (text) => {
    said += text;
    const found = /http:\/\/\S+/.exec(said);
    if (found) resolve(found[0]);
  });
  demo.once('exit', () => reject(new Error(`The demo ended: ${said}`)));
});
const browser = await launchChromium();
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce' });
  await page.goto(url);
  const connect = page.frameLocator('rulrr-connect iframe');
  const numpad = (selector) => page.locator(`rulrr-ereceipt-numpad ${selector}`);
  const pay = () => page.locator('[data-demo="pay"]:not(:disabled)').click();
  const tap = async (digits) => {
    for (const digit of digits) await numpad(`[data-key="${digit}"]`).click();
  };

  await page.locator('rulrr-connect [part~="button"]').click();
  for (const action of ['next', 'next', 'finish']) await connect.locator(`[data-action="${action}"]`).click();
  await page.locator('rulrr-connect[state="finished"]').waitFor();
  await pay();
  await tap('2133734253');
  await numpad('[part~="send"]').click();
  await page.locator('[data-demo="sms"] [data-order-id]').waitFor();
  await numpad('[part~="display"]').waitFor({ state: 'hidden' });
  await pay();
  await numpad('[part~="print"]').click();
  await page.locator('[data-demo="paper"] [data-order-id]').waitFor();
  await pay();
  await tap('2133734253');
  await numpad('[part~="send"][aria-disabled="false"]').waitFor();
  await page.screenshot({ path: picture });
  console.log(`Wrote ${picture}`);
} finally {
  await browser.close();
  demo.kill('SIGTERM');
  await new Promise((resolve) => demo.once('exit', resolve));
  rmSync(data, { recursive: true, force: true });
}
