// Real touches in a real Chromium, through the debugging protocol: what arrives at the element is what a finger makes.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { build } from 'esbuild';
import { type Browser, type CDPSession, type Page } from 'playwright-core';
import { ensureBrowsers } from '../support/browsers.mjs';
import { launchChromium } from '../support/chromium.mjs';
import { fakeClock } from '../support/fake-clock.js';

let browser: Browser;
let page: Page;
let cdp: CDPSession;
let at: Record<string, { x: number; y: number }>;

const { engines } = ensureBrowsers('chromium');
const skip = engines.length ? false : 'no Chromium here';

before(async () => {
  if (skip) return;
  const { outputFiles } = await build({
    entryPoints: ['src/define/rulrr-ereceipt-numpad.ts'],
    bundle: true,
    format: 'iife',
    write: false,
    conditions: ['production'],
    tsconfigRaw: readFileSync('tsconfig.json', 'utf8').replace(/^\s*\/\/.*$/gm, ''),
  });
  browser = await launchChromium();
  page = await browser.newPage({ hasTouch: true, viewport: { width: 800, height: 900 } });
  await page.setContent(
    '<!doctype html><meta name="viewport" content="width=device-width"><title>till</title><rulrr-ereceipt-numpad idle-timeout="0"></rulrr-ereceipt-numpad>',
  );
  await page.addScriptTag({ content: outputFiles[0]!.text });
  await page.evaluate(async () => {
    const pad = document.querySelector('rulrr-ereceipt-numpad')!;
    pad.send = () => new Promise(() => undefined);
    void pad.prompt('order');
    await pad.updateComplete;
    const seen = window as unknown as { delivered: string[] };
    seen.delivered = [];
    addEventListener(
      'pointerdown',
      (event) => {
        const key = (event.composedPath()[0] as Element).closest('[data-key]');
        seen.delivered.push(key ? key.getAttribute('data-key')! : '?');
      },
      true,
    );
  });
  cdp = await page.context().newCDPSession(page);
  at = await page.evaluate(() => {
    const places: Record<string, { x: number; y: number }> = {};
    for (const key of document
      .querySelector('rulrr-ereceipt-numpad')!
      .shadowRoot!.querySelectorAll<HTMLElement>('[data-key]')) {
      const { left, top, width, height } = key.getBoundingClientRect();
      places[key.dataset['key']!] = { x: left + width / 2, y: top + height / 2 };
    }
    return places;
  });
});
after(() => browser?.close());

const touch = (
  type: 'touchStart' | 'touchMove' | 'touchEnd',
  points: { x: number; y: number; id: number }[],
  timestamp?: number,
) => cdp.send('Input.dispatchTouchEvent', { type, touchPoints: points, timestamp });
const shown = () =>
  page.evaluate(() =>
    document
      .querySelector('rulrr-ereceipt-numpad')!
      .shadowRoot!.querySelector('[part~=display]')!
      .textContent.replace(/\D/g, ''),
  );
/** The keys that the browser has told of, since the last clear: a digit that is missing here too never came to the element. */
const delivered = () => page.evaluate(() => (window as unknown as { delivered: string[] }).delivered.join(''));
const clear = () =>
  page.evaluate(() => {
    (window as unknown as { delivered: string[] }).delivered = [];
    document.querySelector('rulrr-ereceipt-numpad')!.clear();
  });
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const { random } = fakeClock(0, 66);
/** Ten digits, as often as not the same one twice. */
const digits = (count = 10) => {
  let text = '';
  while (text.length < count) text += random() < 0.4 && text ? text[text.length - 1] : Math.floor(random() * 10);
  return text;
};

describe('real touches', { skip }, () => {
  for (const rate of [5, 10, 15, 20]) {
    it(`1,000 of them at ${rate} a second are 1,000 digits`, async () => {
      // Event times are those of the rate; the machine need not wait for them.
      let time = Date.now() / 1000;
      for (let batch = 0; batch < 100; batch++) {
        const text = digits();
        await clear();
        // Sent one behind the other without waiting: the browser takes them in this order.
        const sent: Promise<unknown>[] = [];
        for (const digit of text) {
          time += 1 / rate;
          sent.push(touch('touchStart', [{ ...at[digit]!, id: 1 }], time), touch('touchEnd', [], time + 0.4 / rate));
        }
        await Promise.all(sent);
        assert.equal(await shown(), text);
      }
    });
  }

  it('at 20 a second by the clock, nothing is lost or doubled', async () => {
    for (let batch = 0; batch < 5; batch++) {
      const text = digits(20);
      await clear();
      for (const digit of text) {
        const point = { ...at[digit]!, id: 1 };
        await Promise.all([touch('touchStart', [point]), wait(20)]);
        await Promise.all([touch('touchEnd', []), wait(30)]);
      }
      assert.equal(await shown(), text);
    }
  });

  it('200 pairs that overlap come in the order of the press, whichever lifts first', async () => {
    for (let batch = 0; batch < 40; batch++) {
      const text = digits();
      await clear();
      const sent: Promise<unknown>[] = [];
      for (let index = 0; index < 10; index += 2) {
        const one = { ...at[text[index]!]!, id: 1 };
        const two = { ...at[text[index + 1]!]!, x: at[text[index + 1]!]!.x + 12, id: 2 };
        const stays = random() < 0.5 ? one : two;
        sent.push(
          touch('touchStart', [one]),
          touch('touchStart', [one, two]),
          touch('touchEnd', [stays]),
          touch('touchEnd', []),
        );
      }
      await Promise.all(sent);
      assert.equal(await shown(), text);
    }
  });

  it('100 that slide 40 px between press and lift count', async () => {
    for (let batch = 0; batch < 10; batch++) {
      const text = digits();
      await clear();
      for (const digit of text) {
        const point = { ...at[digit]!, id: 1 };
        const moves = [10, 25, 40].map((way) => ({ ...point, x: point.x + way, y: point.y + (batch % 2 ? way : 0) }));
        // One after the other: a press that was sent behind moves that are still on their way was dropped by the debugging protocol itself, on a busy
        // machine and for a bare button as well (16 of 60,000; of 20,000 taps without moves, and of 15,000 slides that were waited for, none).
        await Promise.all([
          touch('touchStart', [point]),
          ...moves.map((move) => touch('touchMove', [move])),
          touch('touchEnd', []),
        ]);
      }
      assert.deepEqual({ shown: await shown(), delivered: await delivered() }, { shown: text, delivered: text });
    }
  });

  it('a mouse between them adds nothing, nor does its right button', async () => {
    await clear();
    const { x, y } = at['5']!;
    await touch('touchStart', [{ x, y, id: 1 }]);
    await touch('touchEnd', []);
    await page.mouse.click(x, y);
    await page.mouse.click(x, y, { button: 'right' });
    await page.mouse.click(x, y, { button: 'middle' });
    await page.mouse.click(x, y, { clickCount: 2 });
    assert.equal(await shown(), '5555');
  });

  it('a mouse is one digit each however long the page takes over its lift', async () => {
    await clear();
    await page.evaluate(() => {
      addEventListener(
        'pointerup',
        () => {
          const end = performance.now() + 600;
          while (performance.now() < end);
        },
        { once: true },
      );
    });
    for (const key of ['4', '4', '5']) await page.mouse.click(at[key]!.x, at[key]!.y);
    assert.equal(await shown(), '445');
  });

  it('a mouse is one digit each in a component that is closed to the page', async () => {
    await clear();
    const pad = await page.evaluateHandle(() => document.querySelector('rulrr-ereceipt-numpad')!);
    const digitsShown = () =>
      pad.evaluate(({ shadowRoot }) => shadowRoot!.querySelector('[part~=display]')!.textContent.replace(/\D/g, ''));
    await pad.evaluate((moved) => {
      const component = document.createElement('div');
      moved.before(component);
      component.attachShadow({ mode: 'closed' }).append(moved);
    });
    try {
      for (const key of ['4', '4', '5']) await page.mouse.click(at[key]!.x, at[key]!.y);
      assert.equal(await digitsShown(), '445');
      // A press that slides off its key brings no click, and the next one is heard.
      await page.mouse.move(at['6']!.x, at['6']!.y);
      await page.mouse.down();
      await page.mouse.move(at['8']!.x, at['8']!.y);
      await page.mouse.up();
      await pad.evaluate(({ shadowRoot }) => shadowRoot!.querySelector<HTMLElement>('[data-key="6"]')!.click());
      assert.equal(await digitsShown(), '44566');
    } finally {
      await pad.evaluate((moved) => (moved.getRootNode() as ShadowRoot).host.replaceWith(moved));
    }
  });

  it('a mouse is one digit each, and Delete is let go of, where the page keeps the lifts to itself', async () => {
    const pad = await page.evaluateHandle(() => document.querySelector('rulrr-ereceipt-numpad')!);
    for (const closed of [true, false]) {
      await pad.evaluate((moved, isClosed) => {
        const stops = isClosed ? 'stopPropagation' : 'stopImmediatePropagation';
        const kept = new AbortController();
        addEventListener('pointerup', (event) => event[stops](), { capture: true, signal: kept.signal });
        const component = document.createElement('div');
        moved.before(component);
        component.attachShadow({ mode: isClosed ? 'closed' : 'open' }).append(moved);
        Object.assign(window, { kept });
        moved.clear();
      }, closed);
      const digitsShown = () =>
        pad.evaluate(({ shadowRoot }) => shadowRoot!.querySelector('[part~=display]')!.textContent.replace(/\D/g, ''));
      try {
        for (const key of ['4', '4', '5', '6', '6', 'delete']) await page.mouse.click(at[key]!.x, at[key]!.y);
        await wait(700);
        assert.equal(await digitsShown(), '4456');
        await touch('touchStart', [{ ...at['delete']!, id: 1 }]);
        await touch('touchEnd', []);
        await wait(700);
        assert.equal(await digitsShown(), '445');
      } finally {
        await pad.evaluate((moved) => {
          (moved.getRootNode() as ShadowRoot).host.replaceWith(moved);
          (window as unknown as { kept: AbortController }).kept.abort();
        });
      }
    }
  });

  it('a script, a screen reader or a switch is heard right after them', async () => {
    const press = (digit: string) =>
      page.evaluate(
        (key) =>
          document
            .querySelector('rulrr-ereceipt-numpad')!
            .shadowRoot!.querySelector<HTMLElement>(`[data-key="${key}"]`)!
            .click(),
        digit,
      );
    await clear();
    const { x, y } = at['5']!;
    for (let round = 0; round < 3; round++) {
      await touch('touchStart', [{ x, y, id: 1 }]);
      await touch('touchEnd', []);
      await press('5');
      await page.mouse.click(x, y);
      await press('5');
    }
    assert.equal(await shown(), '5'.repeat(12));
    // Pressed here, lifted there: one digit, and no click to wait for.
    await clear();
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(at['6']!.x, y);
    await page.mouse.up();
    await page.mouse.move(x, y);
    await press('5');
    await press('6');
    assert.equal(await shown(), '556');
    await page.evaluate(() =>
      document
        .querySelector('rulrr-ereceipt-numpad')!
        .shadowRoot!.querySelector<HTMLElement>('[data-key="5"]')!
        .focus(),
    );
    await page.mouse.click(x, y);
    await page.evaluate(() =>
      document
        .querySelector('rulrr-ereceipt-numpad')!
        .shadowRoot!.querySelector<HTMLElement>('[data-key="5"]')!
        .focus(),
    );
    await page.keyboard.press('Enter');
    await page.keyboard.press('Space');
    assert.equal(await shown(), '556555');
  });

  it('one digit each where a library against slow clicks sends clicks of its own for them', async () => {
    for (const on of ['touchstart', 'pointerup', 'touchend']) {
      // As text: the test's own compiler would name the inner functions by a helper that the page has not.
      await page.evaluate(`{
        const send = (event) => {
          if (event.type !== 'pointerup') event.preventDefault();
          event.composedPath()[0].dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true, composed: true, detail: 1 }));
        };
        const own = (event) => event.isTrusted && event.stopPropagation();
        document.addEventListener('${on}', send, { passive: false });
        document.addEventListener('click', own, true);
        window.takeAway = () => {
          document.removeEventListener('${on}', send);
          document.removeEventListener('click', own, true);
        };
      }`);
      await clear();
      for (const digit of '2015550123') {
        await touch('touchStart', [{ ...at[digit]!, id: 1 }]);
        await touch('touchEnd', []);
      }
      assert.equal(await shown(), '2015550123', on);
      await clear();
      const [one, two] = [5, 6].map((digit) => ({ ...at[digit]!, id: digit }));
      await touch('touchStart', [one!]);
      await touch('touchStart', [one!, two!]);
      await touch('touchEnd', [two!]);
      await touch('touchEnd', []);
      assert.equal(await shown(), '56', on);
      await page.evaluate('takeAway()');
    }
  });

  it('Delete that is held goes on while another finger comes and goes', async () => {
    await clear();
    for (const digit of '201555') await page.mouse.click(at[digit]!.x, at[digit]!.y);
    const [resting, other] = ['delete', '7'].map((key, id) => ({ ...at[key]!, id }));
    await touch('touchStart', [resting!]);
    await touch('touchStart', [resting!, other!]);
    await touch('touchEnd', [other!]);
    await page.waitForFunction(
      () => !document.querySelector('rulrr-ereceipt-numpad')!.shadowRoot!.querySelector('[part~=display]')!.textContent,
    );
    await touch('touchEnd', []);
  });

  it('one digit each where the page keeps the presses from the keys', async () => {
    // Not those of the first mouse.
    await page.mouse.click(at['2']!.x, at['2']!.y);
    await page.evaluate(`{
      const keep = (event) => event.stopPropagation();
      document.addEventListener('pointerdown', keep, true);
      window.takeAway = () => document.removeEventListener('pointerdown', keep, true);
    }`);
    await clear();
    for (const digit of '2015550123') {
      await touch('touchStart', [{ ...at[digit]!, id: 1 }]);
      await touch('touchEnd', []);
    }
    // The browser may wait for a second tap before it sends the click of the first.
    await page.waitForFunction(
      () =>
        document.querySelector('rulrr-ereceipt-numpad')!.shadowRoot!.querySelector('[part~=display]')!.textContent ===
        '(201) 555-0123',
    );
    await page.evaluate('takeAway()');
  });

  it('one digit each where a keyboard is pressed, or the number forgotten, before the finger lifts', async () => {
    const focus = (digit: string) =>
      page.evaluate(
        (key) =>
          document
            .querySelector('rulrr-ereceipt-numpad')!
            .shadowRoot!.querySelector<HTMLElement>(`[data-key="${key}"]`)!
            .focus(),
        digit,
      );
    const { x, y } = at['5']!;
    await clear();
    for (const pressed of ['Shift', 'Enter']) {
      await focus('6');
      await touch('touchStart', [{ x, y, id: 1 }]);
      await page.keyboard.press(pressed);
      await touch('touchEnd', []);
    }
    // A click that the browser sends for them comes within this.
    await wait(400);
    assert.equal(await shown(), '556');
    const nextAsItLifts = () =>
      page.evaluate(() => {
        const pad = document.querySelector('rulrr-ereceipt-numpad')!;
        addEventListener('pointerup', () => void pad.prompt('next'), { once: true });
      });
    await nextAsItLifts();
    await touch('touchStart', [{ x, y, id: 1 }]);
    await touch('touchEnd', []);
    await wait(400);
    assert.equal(await shown(), '');
    // The click of a mouse comes after the lift: it is the last order's.
    await nextAsItLifts();
    await page.mouse.click(x, y);
    assert.equal(await shown(), '');
    await page.mouse.click(x, y);
    assert.equal(await shown(), '5');
  });

  const button = (part: string) =>
    page.evaluate((name) => {
      const { left, top, width, height } = document
        .querySelector('rulrr-ereceipt-numpad')!
        .shadowRoot!.querySelector(`[part~=${name}]`)!
        .getBoundingClientRect();
      return { x: left + width / 2, y: top + height / 2, id: 2 };
    }, part);
  /** The next order, all but its last digit keyed; what is heard of it from then on. */
  const almost = () =>
    page.evaluate(() => {
      const pad = document.querySelector('rulrr-ereceipt-numpad')!;
      pad.close();
      const heard: string[] = ((window as unknown as { heard: string[] }).heard = []);
      pad.send = ({ phoneNumber }) => {
        heard.push(phoneNumber);
        return new Promise(() => undefined);
      };
      void pad.prompt('together').then((outcome) => 'reason' in outcome && heard.push(outcome.reason));
      pad.value = '+1201555012';
      return pad.updateComplete;
    });
  /** After what browser and page do with the last lift. */
  const came = async () => {
    await nextTask();
    return page.evaluate(() => {
      const pad = document.querySelector('rulrr-ereceipt-numpad')!;
      return [...(window as unknown as { heard: string[] }).heard, pad.state, pad.value].join(' ');
    });
  };
  const nextTask = () => page.evaluate(() => new Promise((resolve) => setTimeout(resolve)));
  const anew = () =>
    page.evaluate(() => {
      const pad = document.querySelector('rulrr-ereceipt-numpad')!;
      pad.close();
      void pad.prompt('order');
      return pad.updateComplete;
    });

  it('send, print and clear as well while another finger is still on a key', async () => {
    /** The last digit and the button by two fingers. */
    const together = async (part: string, lifts: 'key first' | 'button first' | 'slid off') => {
      await almost();
      const key = { ...at['3']!, id: 1 };
      const other = await button(part);
      await touch('touchStart', [key]);
      await touch('touchStart', [key, other]);
      if (lifts === 'slid off') await touch('touchMove', [key, { ...other, y: other.y - 90 }]);
      await touch('touchEnd', [lifts === 'key first' ? other : key]);
      await touch('touchEnd', []);
      return came();
    };
    for (const lifts of ['key first', 'button first'] as const) {
      assert.equal(await together('send', lifts), '+12015550123 sending +12015550123');
      assert.equal(await together('print', lifts), 'declined printed ');
      assert.equal(await together('key-clear', lifts), 'asking ');
    }
    for (const part of ['send', 'print', 'key-clear'])
      assert.equal(await together(part, 'slid off'), 'asking +12015550123');
    await anew();
  });

  it('send, print and clear as well where the finger slips by some millimetres, or another one comes and goes', async () => {
    const meanwhile = async (part: string, what: 'slips' | 'slides off' | 'another finger') => {
      await almost();
      await page.evaluate(() => (document.querySelector('rulrr-ereceipt-numpad')!.value = '+12015550123'));
      const one = await button(part);
      const beside = { ...(await button('display')), id: 3 };
      await touch('touchStart', [one]);
      if (what === 'another finger') {
        await touch('touchStart', [one, beside]);
        await touch('touchEnd', [beside]);
      } else {
        const by = what === 'slips' ? 22 : 90;
        for (let step = 1; step < 5; step++) await touch('touchMove', [{ ...one, y: one.y - (by * step) / 4 }]);
      }
      await touch('touchEnd', []);
      return came();
    };
    for (const what of ['slips', 'another finger'] as const) {
      assert.equal(await meanwhile('send', what), '+12015550123 sending +12015550123', what);
      assert.equal(await meanwhile('print', what), 'declined printed ', what);
      assert.equal(await meanwhile('key-clear', what), 'asking ', what);
    }
    for (const part of ['send', 'print', 'key-clear'])
      assert.equal(await meanwhile(part, 'slides off'), 'asking +12015550123', part);
    await anew();
  });

  it('two fingers on one button press it once: the next order, there at once, is still asked about', async () => {
    for (const lifts of ['together', 'one after the other']) {
      await almost();
      await page.evaluate(() => {
        const pad = document.querySelector('rulrr-ereceipt-numpad')!;
        pad.addEventListener('print-receipt', () => void pad.prompt('next'), { once: true });
      });
      const one = await button('print');
      const other = { ...one, x: one.x + 30, id: 3 };
      await touch('touchStart', [one, other]);
      if (lifts !== 'together') await touch('touchEnd', [other]);
      await touch('touchEnd', []);
      assert.equal(await came(), 'declined asking ', lifts);
    }
    await anew();
  });

  it('send, print and clear once, and press nothing of the page, where its listeners to touches are all passive', async () => {
    const pads = await page.evaluateHandle(() => {
      const { addEventListener } = EventTarget.prototype;
      const pad = document.querySelector('rulrr-ereceipt-numpad')!;
      const patched = pad.cloneNode() as typeof pad;
      const item = document.body.appendChild(document.createElement('button'));
      item.style.cssText = 'position: fixed; top: 0; right: 0; bottom: 0; left: 0; width: 100%; z-index: -1';
      item.addEventListener('click', () => (window as unknown as { heard: string[] }).heard.push('sold'));
      // As `default-passive-events` does, against a warning of Lighthouse's.
      EventTarget.prototype.addEventListener = function (type, listener, options) {
        const passive = { capture: !!options, passive: true };
        addEventListener.call(this, type, listener, type.startsWith('touch') ? passive : options);
      };
      pad.close();
      pad.replaceWith(patched);
      return { pad, patched, item, addEventListener };
    });
    const soon = async (part: string) => {
      await almost();
      await page.evaluate(() => (document.querySelector('rulrr-ereceipt-numpad')!.value = '+12015550123'));
      await touch('touchStart', [await button(part)]);
      await touch('touchEnd', []);
      // A click that the browser sends for them comes within this.
      await wait(400);
      return came();
    };
    try {
      assert.equal(await soon('send'), '+12015550123 sending +12015550123');
      assert.equal(await soon('print'), 'declined printed ');
      assert.equal(await soon('key-clear'), 'asking ');
    } finally {
      await pads.evaluate(({ pad, patched, item, addEventListener }) => {
        EventTarget.prototype.addEventListener = addEventListener;
        patched.replaceWith(pad);
        item.remove();
      });
    }
    await anew();
  });

  /** In a page's own words, as they have been copied from till to till. */
  const against = {
    'double-tap zoom': `
      let last = 0;
      const prevent = (event) => {
        if (event.type !== 'touchend') return;
        if (event.timeStamp - last < 300) event.preventDefault();
        last = event.timeStamp;
      };`,
    'clicks of a browser’s own': "const prevent = (event) => event.type === 'touchstart' && event.preventDefault();",
    // As FastClick does: the click is the library's own, and comes to the element as a whole; no other one gets by that it could forbid.
    'slow clicks': `
      let forwarded;
      const prevent = (event) => {
        if (event.type !== 'touchend') return;
        event.preventDefault();
        forwarded = new MouseEvent('click', { bubbles: true, cancelable: true });
        event.target.dispatchEvent(forwarded);
      };
      const swallow = (event) => event !== forwarded && event.cancelable && event.stopImmediatePropagation();
      document.addEventListener('click', swallow, { capture: true, signal: until.signal });`,
  };
  for (const [what, code] of Object.entries(against)) {
    it(`send, print and clear as well where the page does something against ${what}`, async () => {
      await page.evaluate(`{
        const until = new AbortController();
        ${code}
        const types = ['touchstart', 'touchend'];
        types.forEach((type) => document.addEventListener(type, prevent, { passive: false, signal: until.signal }));
        window.takeAway = () => until.abort();
      }`);
      const soon = async (part: string, slides = 0) => {
        await almost();
        const other = await button(part);
        await touch('touchStart', [{ ...at['3']!, id: 1 }]);
        await touch('touchEnd', []);
        await touch('touchStart', [other]);
        if (slides) await touch('touchMove', [{ ...other, y: other.y - slides }]);
        await touch('touchEnd', []);
        return came();
      };
      assert.equal(await soon('send'), '+12015550123 sending +12015550123');
      assert.equal(await soon('print'), 'declined printed ');
      assert.equal(await soon('key-clear'), 'asking ');
      assert.equal(await soon('send', 90), 'asking +12015550123');
      await page.evaluate('takeAway()');
      await anew();
    });
  }

  it('beside the keys and buttons scrolls the page, where it is so low, as by zooming, that they can fill all of it', async () => {
    const scrolled = async (part: string, ys: number[]) => {
      const from = await page.evaluate((name) => {
        document.querySelector('rulrr-ereceipt-numpad')!.shadowRoot!.querySelector(name)!.scrollIntoView();
        return scrollY;
      }, part);
      for (const [step, y] of ys.entries()) await touch(step ? 'touchMove' : 'touchStart', [{ x: 16, y, id: 1 }]);
      await touch('touchEnd', []);
      await page.waitForFunction((before) => scrollY !== before, from, { timeout: 5000 });
      return page.evaluate((before) => Math.sign(scrollY - before), from);
    };
    const down = [230, 200, 170, 140, 110, 80, 50, 20];
    try {
      await clear();
      await page.setViewportSize({ width: 320, height: 256 });
      assert.equal(await scrolled('[part=pad]', down), 1);
      await page.setViewportSize({ width: 160, height: 256 });
      assert.equal(await scrolled('.ways', [240, ...[...down].reverse().map((y) => 240 + y)]), -1);
      assert.equal(await shown(), '');
      assert.equal(await page.evaluate(() => document.querySelector('rulrr-ereceipt-numpad')!.state), 'asking');
    } finally {
      await page.setViewportSize({ width: 800, height: 900 });
    }
  });

  it('a mouse, and then Enter on the keyboard, sends: the key is not pressed once more', async () => {
    await almost();
    await page.mouse.click(at['3']!.x, at['3']!.y);
    await wait(100);
    await page.keyboard.press('Enter');
    assert.equal(await came(), '+12015550123 sending +12015550123');
    await anew();
  });

  it('one that takes the end of a prompt away presses nothing of the page below', async () => {
    for (const presentation of ['inline', 'dialog'] as const) {
      await page.evaluate(async (shownAs) => {
        const pad = document.querySelector('rulrr-ereceipt-numpad')!;
        pad.close();
        pad.presentation = shownAs;
        pad.send = () => Promise.resolve();
        const item = document.body.appendChild(document.createElement('button'));
        item.style.cssText = 'position: fixed; top: 0; right: 0; bottom: 0; left: 0; width: 100%; z-index: -1';
        item.addEventListener('click', () => item.classList.add('sold'));
        const outcome = pad.prompt('order');
        pad.value = '+12015550123';
        await pad.updateComplete;
        pad.shadowRoot!.querySelector<HTMLElement>('[part=send]')!.click();
        await outcome;
        await pad.updateComplete;
      }, presentation);
      const { x, y } = await button('display');
      for (const [state, sold] of [
        ['idle', false],
        ['idle', true],
      ]) {
        await touch('touchStart', [{ x, y, id: 1 }]);
        await touch('touchEnd', []);
        await nextTask();
        const now = () => [document.querySelector('rulrr-ereceipt-numpad')!.state, !!document.querySelector('.sold')];
        assert.deepEqual(await page.evaluate(now), [state, sold], presentation);
      }
      await page.evaluate(() => document.querySelector('.sold')!.remove());
    }
    await page.evaluate(() => {
      const pad = document.querySelector('rulrr-ereceipt-numpad')!;
      pad.presentation = 'inline';
      pad.send = () => new Promise(() => undefined);
    });
    await anew();
  });

  it('a long press is one digit', async () => {
    await clear();
    await touch('touchStart', [{ ...at['5']!, id: 1 }]);
    await wait(1500);
    await touch('touchEnd', []);
    assert.equal(await shown(), '5');
  });

  it('do not zoom or scroll the page', async () => {
    for (let tap = 0; tap < 4; tap++) {
      await touch('touchStart', [{ ...at['8']!, id: 1 }]);
      await touch('touchEnd', []);
    }
    assert.deepEqual(await page.evaluate(() => [visualViewport!.scale, scrollX, scrollY]), [1, 0, 0]);
  });

  it('keys that a person types arrive; those of a scanner do not', async () => {
    await clear();
    await page.evaluate(() =>
      document
        .querySelector('rulrr-ereceipt-numpad')!
        .shadowRoot!.querySelector<HTMLElement>('[part~=display]')!
        .focus(),
    );
    await page.keyboard.type('2135550123', { delay: 83 });
    assert.equal(await shown(), '2135550123');
    await wait(150);
    // With times of its own, since this machine may pause between two keys.
    let time = Date.now() / 1000;
    for (const key of [...'4006381333931', 'Enter']) {
      time += 0.004;
      const text = key === 'Enter' ? '\r' : key;
      await cdp.send('Input.dispatchKeyEvent', {
        type: 'keyDown',
        key,
        text,
        windowsVirtualKeyCode: text.charCodeAt(0),
        timestamp: time,
      });
      await cdp.send('Input.dispatchKeyEvent', { type: 'keyUp', key, timestamp: time + 0.002 });
    }
    assert.equal(await shown(), '2135550123');
    assert.equal(await page.evaluate(() => document.querySelector('rulrr-ereceipt-numpad')!.state), 'asking');
    await wait(150);
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.querySelector('rulrr-ereceipt-numpad')!.state), 'sending');
  });
});
