// A Chromium for benches: real touches, CPU slowdown, memory counters through the debugging protocol.
import { createServer } from 'node:http';
import { launchChromium } from '../../support/chromium.mjs';

export const launch = () => launchChromium(['--js-flags=--expose-gc', '--enable-precise-memory-info']);

/** Serves a table of path → {type, body}; loopback only. */
export async function serve(table) {
  const server = createServer((request, response) => {
    const entry = table[new URL(request.url, 'http://localhost').pathname];
    if (!entry) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'Content-Type': entry.type, 'Cache-Control': 'no-store' }).end(entry.body);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { origin: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

/** A page with touch, at a CPU slowdown. */
export async function openPage(browser, url, slowdown = 1) {
  const context = await browser.newContext({ hasTouch: true, viewport: { width: 1024, height: 768 } });
  const page = await context.newPage();
  const cdp = await context.newCDPSession(page);
  await page.goto(url);
  if (slowdown !== 1) await cdp.send('Emulation.setCPUThrottlingRate', { rate: slowdown });
  return { page, cdp, close: () => context.close() };
}

export const touch = {
  start: (cdp, points) => cdp.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: points }),
  move: (cdp, points) => cdp.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: points }),
  end: (cdp, points = []) => cdp.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: points }),
};
