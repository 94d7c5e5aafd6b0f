// What the script costs before anything can be tapped: compile and run, and from script start to interactive, at a 6× slower CPU.
import { launch, openPage, serve } from '../support/chromium.mjs';
import { median, spread } from '../support/stats.mjs';
import { subjects } from '../support/subjects.mjs';

const rounds = 101;
const slowdown = 6;

/** Fetches first, so that the network is not in the figure; a new context each time, so that no code cache is. */
const compileAndRun = (path) => `(async () => {
  const text = await (await fetch('${path}')).text();
  const script = document.createElement('script');
  script.textContent = text;
  const start = performance.now();
  document.head.append(script);
  return performance.now() - start;
})()`;

const toInteractive = {
  '/kit.js': `(async () => {
    const text = await (await fetch('/kit.js')).text();
    const script = document.createElement('script');
    script.textContent = text;
    const start = performance.now();
    document.head.append(script);
    const connect = document.createElement('rulrr-connect');
    connect.fetch = () => new Promise(() => {});
    const pad = document.createElement('rulrr-ereceipt-numpad');
    pad.send = () => new Promise(() => {});
    document.body.append(connect, pad);
    pad.prompt('bench');
    await Promise.all([connect.updateComplete, pad.updateComplete]);
    while (!pad.shadowRoot.querySelector('[data-key="5"]')) await Promise.resolve();
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    return performance.now() - start;
  })()`,
  '/peer.js': `(async () => {
    const text = await (await fetch('/peer.js')).text();
    const css = document.createElement('style');
    css.textContent = await (await fetch('/peer.css')).text();
    const script = document.createElement('script');
    script.textContent = text;
    const start = performance.now();
    document.head.append(css, script);
    document.body.insertAdjacentHTML('beforeend', '<input id="phone" type="tel"><div class="simple-keyboard"></div>');
    window.startPeer();
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    return performance.now() - start;
  })()`,
};

export default async function load() {
  const { table } = await subjects();
  const server = await serve(table);
  const browser = await launch();
  const times = { run: { '/kit.js': [], '/peer.js': [] }, interactive: { '/kit.js': [], '/peer.js': [] } };
  for (let round = 0; round < rounds; round++) {
    for (const path of ['/kit.js', '/peer.js']) {
      for (const [kind, code] of [
        ['run', compileAndRun(path)],
        ['interactive', toInteractive[path]],
      ]) {
        const { page, close } = await openPage(browser, `${server.origin}/blank`, slowdown);
        times[kind][path].push(await page.evaluate(code));
        await close();
      }
    }
  }
  await browser.close();
  server.close();
  const row = (what, kind, bound) => {
    const ratio = median(times[kind]['/kit.js']) / median(times[kind]['/peer.js']);
    return {
      what,
      figure: `${ratio.toFixed(2)} (kit ${spread(times[kind]['/kit.js'])} ms, peers ${spread(times[kind]['/peer.js'])} ms)`,
      bound: `≤ ${bound}`,
      ok: ratio <= bound,
    };
  };
  return {
    title: `Loading, ${slowdown}× CPU slowdown, ${rounds} interleaved rounds, against intl-tel-input with utils + simple-keyboard`,
    rows: [
      row('compile and run the script tag', 'run', 0.4),
      row('script start to interactive, both elements', 'interactive', 0.35),
    ],
  };
}
