// Digits lost or extra, by real touches: at speed, with two fingers, with a slide, with a long hold.
import { launch, openPage, serve, touch } from '../support/chromium.mjs';
import { seeded } from '../support/stats.mjs';
import { subjects } from '../support/subjects.mjs';

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const middle = (box) => ({ x: box.x + box.width / 2, y: box.y + box.height / 2 });

/** Runs rounds of up to ten digits, since a phone number has no more; counts digits that differ from what was pressed. */
async function count(page, boxes, random, digits, press) {
  let wrong = 0;
  for (let done = 0; done < digits; done += 10) {
    await page.evaluate('window.reset()');
    const pressed = Array.from({ length: 10 }, () => Math.floor(random() * 10));
    await press(pressed, boxes);
    await pause(60);
    const shown = await page.evaluate('window.shown()');
    if (shown !== pressed.join('')) wrong += Math.max(1, Math.abs(shown.length - pressed.length));
  }
  return wrong;
}

export default async function taps() {
  const { table } = await subjects();
  const server = await serve(table);
  const browser = await launch();
  const rows = [];
  for (const [path, name] of [
    ['/kit', 'this kit'],
    ['/peer', 'simple-keyboard feeding intl-tel-input'],
  ]) {
    const random = seeded(7);
    const { page, cdp, close } = await openPage(browser, server.origin + path);
    await page.waitForFunction('window.ready === true');
    const boxes = [];
    for (let digit = 0; digit < 10; digit++) boxes.push(middle(await page.evaluate(`window.keyBox('${digit}')`)));
    const figures = {};
    for (const rate of [5, 10, 15, 20]) {
      figures[`${rate}/s`] = await count(page, boxes, random, 100, async (pressed) => {
        for (const digit of pressed) {
          const until = Date.now() + 1000 / rate;
          await touch.start(cdp, [boxes[digit]]);
          await touch.end(cdp);
          await pause(Math.max(0, until - Date.now()));
        }
      });
    }
    figures['two fingers'] = await count(page, boxes, random, 200, async (pressed) => {
      for (let at = 0; at < pressed.length; at += 2) {
        const one = { ...boxes[pressed[at]], id: 1 };
        const two = { ...boxes[pressed[at + 1]], x: boxes[pressed[at + 1]].x + 4, id: 2 };
        await touch.start(cdp, [one]);
        await touch.start(cdp, [one, two]);
        const firstLifts = at % 4 === 0;
        await touch.end(cdp, [firstLifts ? two : one]);
        await touch.end(cdp);
      }
    });
    figures['40 px slide'] = await count(page, boxes, random, 100, async (pressed) => {
      for (const digit of pressed) {
        await touch.start(cdp, [boxes[digit]]);
        await touch.move(cdp, [{ x: boxes[digit].x + 20, y: boxes[digit].y + 8 }]);
        await touch.move(cdp, [{ x: boxes[digit].x + 40, y: boxes[digit].y + 12 }]);
        await touch.end(cdp);
      }
    });
    await page.evaluate('window.reset()');
    await touch.start(cdp, [boxes[5]]);
    await pause(1000);
    await touch.end(cdp);
    figures['1 s hold'] = (await page.evaluate('window.shown()')).length - 1;
    await close();
    const wrong = Object.values(figures).reduce((sum, value) => sum + value, 0);
    rows.push({
      what: name,
      figure: Object.entries(figures)
        .map(([kind, value]) => `${kind}: ${value}`)
        .join(' · '),
      bound: path === '/kit' ? '0 each' : '',
      ok: path === '/kit' ? wrong === 0 : undefined,
    });
  }
  await browser.close();
  server.close();
  return { title: 'Digits lost or extra (100 taps a rate, 100 two-finger pairs, 100 slides, one hold)', rows };
}
