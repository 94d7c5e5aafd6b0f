// 1,000 mounts and unmounts of both elements: what is left after forced garbage collection.
import { launch, openPage, serve } from '../support/chromium.mjs';
import { subjects } from '../support/subjects.mjs';

const cycles = 1000;

/** Counts what is armed and not yet fired; runs before the script tag, so that every timer of the elements goes through it. */
const countTimers = `
  const set = window.setTimeout, clear = window.clearTimeout;
  window.timers = new Set();
  window.setTimeout = (callback, ms, ...rest) => { const id = set(() => { window.timers.delete(id); callback(...rest); }, ms); window.timers.add(id); return id; };
  window.clearTimeout = (id) => { window.timers.delete(id); clear(id); };
  const every = window.setInterval, stop = window.clearInterval;
  window.setInterval = (...args) => { const id = every(...args); window.timers.add(id); return id; };
  window.clearInterval = (id) => { window.timers.delete(id); stop(id); };`;

const run = (count) => `(async () => {
  for (let cycle = 0; cycle < ${count}; cycle++) {
    const connect = document.createElement('rulrr-connect');
    // Every third mount ends with a request still in flight.
    connect.fetch = cycle % 3 ? async () => new Response('{"connected":false,"ereceipt":false,"expiration":null}') : () => new Promise(() => {});
    const pad = document.createElement('rulrr-ereceipt-numpad');
    pad.send = () => new Promise(() => {});
    document.body.append(connect, pad);
    const outcome = pad.prompt('order-' + cycle);
    await pad.updateComplete;
    connect.remove();
    pad.remove();
    if (cycle % 50 === 0) await new Promise((resolve) => setTimeout(resolve));
    await outcome;
  }
  await new Promise((resolve) => setTimeout(resolve, 200));
})()`;

export default async function mounts() {
  const { table } = await subjects();
  const server = await serve(table);
  const browser = await launch();
  const { page, cdp } = await openPage(browser, `${server.origin}/blank`);
  await page.evaluate(countTimers);
  await page.addScriptTag({ url: '/kit.js' });
  await page.evaluate(run(100));
  const measure = async () => {
    for (let turn = 0; turn < 3; turn++) await cdp.send('HeapProfiler.collectGarbage');
    const counters = await cdp.send('Memory.getDOMCounters');
    const { usedSize } = await cdp.send('Runtime.getHeapUsage');
    return { ...counters, heap: usedSize, timers: await page.evaluate('window.timers.size') };
  };
  const before = await measure();
  await page.evaluate(run(cycles));
  const after = await measure();
  await browser.close();
  server.close();
  const grown = (key) => after[key] - before[key];
  const row = (what, value, bound, figure = String(value)) => ({
    what,
    figure,
    bound: `≤ ${bound}`,
    ok: value <= bound,
  });
  return {
    title: `${cycles} mounts and unmounts of both elements, a request in flight in every third`,
    rows: [
      row('heap growth', grown('heap') / 1e6, 1, `${(grown('heap') / 1e6).toFixed(2)} MB`),
      row('nodes left', grown('nodes'), 0),
      row('listeners left', grown('jsEventListeners'), 0),
      row('timers left', grown('timers'), 0),
    ],
  };
}
