// From a real touch to the frame that shows its digit, at a 6× slower CPU: this kit, the floor (a bare button) and the peers, interleaved.
import { launch, openPage, serve, touch } from '../support/chromium.mjs';
import { median, quantile } from '../support/stats.mjs';
import { subjects } from '../support/subjects.mjs';

const slowdown = 6;
const blocks = 68;
const perBlock = 10;
const firstRounds = 121;
const paths = ['/floor', '/kit', '/peer'];

/** From the event's own time stamp (when the browser got the touch) to the task after the frame in which the digit stands. */
const probe = `
  window.samples = [];
  // What only the measuring runs through must not be new at the first key, on any page.
  for (let turn = 0; turn < 3; turn++) window.shown();
  let before = 0;
  addEventListener('pointerdown', (event) => {
    const at = event.timeStamp;
    const had = window.shown().length;
    const look = () => requestAnimationFrame(() => {
      const channel = new MessageChannel();
      // A message sent from a frame callback arrives after that frame was painted.
      channel.port1.onmessage = () => {
        if (window.shown().length > had) window.samples.push(performance.now() - at);
        else look();
      };
      channel.port2.postMessage(0);
    });
    look();
  }, true);`;

async function tap(cdp, page, digit) {
  const box = await page.evaluate(`window.keyBox('${digit}')`);
  const point = [{ x: box.x + box.width / 2, y: box.y + box.height / 2 }];
  await touch.start(cdp, point);
  await touch.end(cdp);
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function open(browser, url) {
  const opened = await openPage(browser, url, slowdown);
  await opened.page.waitForFunction('window.ready === true');
  await opened.page.evaluate(probe);
  return opened;
}

export default async function keys() {
  const { table } = await subjects();
  const server = await serve(table);
  const browser = await launch();

  const first = { '/floor': [], '/kit': [], '/peer': [] };
  for (let round = 0; round < firstRounds; round++) {
    // The order turns, so that no subject always follows the same neighbour.
    for (let turn = 0; turn < paths.length; turn++) {
      const path = paths[(turn + round) % paths.length];
      const { page, cdp, close } = await open(browser, server.origin + path);
      // A customer needs a moment to reach the pad: the time in which an idle callback can run.
      await pause(1500);
      await tap(cdp, page, 5);
      await page.waitForFunction('window.samples.length > 0', undefined, { timeout: 10_000 });
      first[path].push(await page.evaluate('window.samples[0]'));
      await close();
    }
  }

  const steady = { '/floor': [], '/kit': [], '/peer': [] };
  const pages = {};
  for (const path of paths) {
    pages[path] = await open(browser, server.origin + path);
    await pages[path].page.bringToFront();
    await tap(pages[path].cdp, pages[path].page, 5);
    await pause(500);
  }
  for (let block = 0; block < blocks; block++) {
    for (let turn = 0; turn < paths.length; turn++) {
      const path = paths[(turn + block) % paths.length];
      const { page, cdp } = pages[path];
      await page.bringToFront();
      await page.evaluate('window.reset(); window.samples = [];');
      await pause(100);
      for (let count = 0; count < perBlock; count++) {
        await tap(cdp, page, 5);
        await page.waitForFunction(`window.samples.length > ${count}`, undefined, { timeout: 10_000 });
      }
      steady[path].push(...(await page.evaluate('window.samples')));
    }
  }
  await browser.close();
  server.close();

  const show = (list) => `${median(list).toFixed(1)} / ${quantile(list, 0.95).toFixed(1)} ms`;
  const ratio = (list, q, floor) => quantile(list, q) / quantile(floor, q);
  const row = (what, value, bound) => ({ what, figure: value.toFixed(2), bound: `≤ ${bound}`, ok: value <= bound });
  return {
    title: `Key to painted digit, ${slowdown}× CPU slowdown, ${blocks * perBlock} real touches each, interleaved (p50 / p95)`,
    rows: [
      { what: 'the floor: a bare button', figure: show(steady['/floor']), bound: '' },
      { what: 'this kit', figure: show(steady['/kit']), bound: '' },
      { what: 'simple-keyboard feeding intl-tel-input', figure: show(steady['/peer']), bound: '' },
      row('kit ÷ floor, median', ratio(steady['/kit'], 0.5, steady['/floor']), 1.15),
      row('kit ÷ floor, p95', ratio(steady['/kit'], 0.95, steady['/floor']), 1.1),
      row(`kit ÷ floor, first key (median of ${firstRounds})`, median(first['/kit']) / median(first['/floor']), 1.25),
      { what: 'peers ÷ floor, median', figure: ratio(steady['/peer'], 0.5, steady['/floor']).toFixed(2), bound: '' },
      { what: 'peers ÷ floor, p95', figure: ratio(steady['/peer'], 0.95, steady['/floor']).toFixed(2), bound: '' },
      {
        what: 'peers ÷ floor, first key',
        figure: (median(first['/peer']) / median(first['/floor'])).toFixed(2),
        bound: '',
      },
    ],
  };
}
