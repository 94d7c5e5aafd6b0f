// What one customer leaves to the next, what a page leaves to both, and what interrupts a hand.
import { expect, nextFrame } from '@open-wc/testing';
import { task, until } from '../support/until.js';
import { connected, good, json, proxy, till, type Till } from './support.js';

const shownGood = '(213) 555-0123';

describe('the next customer', () => {
  let t: Till;
  const start = async (...options: Parameters<typeof till>) => (t = await till(...options));
  afterEach(() => t.remove());
  const send = async (number = good) => {
    t.tap(number);
    t.part('send').click();
    await t.pass();
  };

  for (const presentation of ['inline', 'dialog']) {
    it(`sees nothing of the last one while that end still shows: ${presentation}`, async () => {
      await start({ presentation });
      void t.pad.prompt('a');
      await t.pass();
      await send();
      t.settle.resolve();
      await t.pass(500);
      expect(t.shown()).to.equal('•••• 0123');
      void t.pad.prompt('b');
      await t.pass();
      expect(t.pad.state).to.equal('asking');
      expect(t.shown()).to.equal('');
      expect(t.pad.shadowRoot!.textContent).not.to.contain('0123');
    });
  }

  it('sees what the page has set before it can be sent, whenever that was', async () => {
    for (const when of ['in the listener', 'while it rests', 'after that']) {
      await start();
      const set = () => (t.pad.value = '+12025550199');
      t.pad.addEventListener('ereceipt-sent', () => when === 'in the listener' && set());
      void t.pad.prompt('a');
      await t.pass();
      await send();
      t.settle.resolve();
      await t.pass(100);
      if (when === 'while it rests') set();
      await t.pass(3100);
      if (when === 'after that') set();
      void t.pad.prompt('b');
      await t.pass(100);
      expect(t.pad.value, when).to.equal('+12025550199');
      expect(t.shown(), when).to.equal('+1 202 555 0199');
      t.remove();
    }
  });

  it('sees the country that the number is read in, whichever the last one has tried', async () => {
    await start({ countries: 'US CA' });
    void t.pad.prompt('a');
    await t.pass();
    const select = t.part('country') as HTMLSelectElement;
    for (const code of ['CA', 'US', 'CA']) {
      select.value = code;
      select.dispatchEvent(new Event('change', { bubbles: true }));
      await t.pass();
    }
    void t.pad.prompt('b');
    await t.pass();
    expect(select.value).to.equal('US');
  });

  it('is not told what the last one has done wrong', async () => {
    await start();
    void t.pad.prompt('a');
    await t.pass();
    t.part('send').click();
    await t.pass();
    expect(t.part('error').dataset['reason']).to.equal('too-short');
    void t.pad.prompt('b');
    await t.pass();
    expect(t.part('error').textContent).to.equal('');
  });

  it('reads the end of the own prompt for as long as the last one, however soon it came', async () => {
    await start();
    for (const order of ['a', 'b']) {
      void t.pad.prompt(order);
      await t.pass();
      await send();
      t.settle.resolve();
      await t.pass(order === 'a' ? 1500 : 2500);
      expect(t.pad.state).to.equal('sent');
    }
  });

  it('gets no digit of a number whose keys, or scan, were still on their way', async () => {
    await start();
    void t.pad.prompt('a');
    await t.pass();
    for (const digit of good) t.keyDown(digit, { gap: 120 });
    for (const digit of '40063') t.keyDown(digit, { gap: 15 });
    void t.pad.prompt('b');
    await t.pass();
    for (const digit of '81333931') t.keyDown(digit, { gap: 15 });
    await t.pass(200);
    expect(t.shown()).to.equal('');
    expect(t.pad.value).to.equal('');
  });

  it('gets no digit of a key that was down when the order changed', async () => {
    const { fetch } = proxy({ '/rulrr/connection': connected, '/rulrr/ereceipts': () => json({ sent: true }) });
    await start({ 'proxy-url': '/rulrr' }, { fetch: fetch as never });
    void t.pad.prompt('a');
    await t.pass();
    const init = { bubbles: true, composed: true, pointerId: 1, button: 0 };
    t.key('5').dispatchEvent(new PointerEvent('pointerdown', init));
    void t.pad.prompt('b');
    await t.pass(700);
    expect(t.pad.state).to.equal('asking');
    t.key('5').dispatchEvent(new PointerEvent('pointerup', init));
    t.key('5').dispatchEvent(new MouseEvent('click', { ...init, detail: 1 }));
    await t.pass(100);
    expect(t.shown()).to.equal('');
  });

  it('loses no digit to a Delete that is held since the last order', async () => {
    await start({}, { send: () => Promise.resolve() });
    void t.pad.prompt('a');
    await t.pass();
    t.tap(good);
    const init = { bubbles: true, composed: true, pointerId: 1, button: 0 };
    t.key('5').dispatchEvent(new PointerEvent('pointerdown', init));
    t.key('delete').dispatchEvent(new PointerEvent('pointerdown', { ...init, pointerId: 2 }));
    t.part('send').click();
    await t.pass();
    void t.pad.prompt('b');
    await t.pass();
    t.tap('213');
    await t.pass(2000);
    expect(t.shown()).to.equal('(213)');
  });
});

describe('a hand that is interrupted', () => {
  let t: Till;
  beforeEach(async () => {
    t = await till({ 'idle-timeout': '20' });
    void t.pad.prompt('order');
    await t.pass();
  });
  afterEach(() => t.remove());

  it('has keyed one digit, however late the button is let go', async () => {
    const init = { bubbles: true, composed: true, pointerId: 1, button: 0 };
    t.key('5').dispatchEvent(new PointerEvent('pointerdown', init));
    window.dispatchEvent(new Event('blur'));
    await t.pass(700);
    t.key('5').dispatchEvent(new PointerEvent('pointerup', init));
    t.key('5').dispatchEvent(new MouseEvent('click', { ...init, detail: 1 }));
    await t.pass(100);
    expect(t.shown()).to.equal('5');
    t.key('5').click();
    expect(t.shown()).to.equal('55');
  });

  it('that rests on Enter presses a button once, and sends once', async () => {
    const press = (name: string, repeat: boolean) => {
      const event = t.keyDown('Enter', { repeat }, t.key(name));
      // As browsers do where nothing stops them.
      if (!event.defaultPrevented) t.key(name).click();
    };
    press('5', false);
    for (let turn = 0; turn < 5; turn++) press('5', true);
    expect(t.shown()).to.equal('5');
    press('delete', false);
    press('2', false);
    press('2', false);
    press('delete', true);
    expect(t.shown()).to.equal('2');
    t.tap(good.slice(1));
    t.keyDown('Enter');
    await t.pass();
    t.settle.reject(new Error('no'));
    await t.pass();
    expect(t.pad.state).to.equal('failed');
    t.keyDown('Enter', { repeat: true });
    await t.pass();
    expect(t.sends.length).to.equal(1);
  });

  it('that rests on Escape, or on Enter over "No, thanks", takes paper for one order, not for the next one, too', async () => {
    for (const [key, name] of [
      ['Escape', 'display'],
      ['Enter', 'print'],
    ] as const) {
      t.told.length = 0;
      t.pad.addEventListener('print-receipt', () => void t.pad.prompt('next'), { once: true });
      for (const repeat of [false, true, true]) {
        const event = t.keyDown(key, { repeat }, t.part(name));
        // As browsers do where nothing stops them: a button is pressed, a dialog over the page closed.
        if (!event.defaultPrevented && name === 'print') t.part(name).click();
        else expect(event.defaultPrevented, key).to.equal(true);
        await t.pass();
      }
      expect(t.told.length, key).to.equal(1);
      expect([t.pad.state, t.pad.orderId]).to.deep.equal(['asking', 'next']);
    }
  });

  it('is none where a program presses a key each minute to keep the till awake: the receipt prints', async () => {
    for (const key of ['F15', 'ScrollLock']) {
      await t.pass(19_000);
      t.keyDown(key, { gap: 1000 });
      await t.pass(1000);
      void t.pad.prompt('next');
    }
    expect(t.reasons()).to.deep.equal(['order idle', 'next idle']);
  });

  it('keeps the prompt by any key: Tab, an arrow, an Enter that came too early', async () => {
    for (const key of ['Tab', 'ArrowDown', 'Enter', 'Shift']) {
      await t.pass(15_000);
      t.keyDown(key, { gap: 1000 });
      await t.pass();
    }
    // By a finger beside the keys, by a screen reader that moves on or presses, and by digits while the focus is in the page.
    t.pad.capture = 'document';
    for (const stir of [
      () => t.part('status').dispatchEvent(new PointerEvent('pointerdown', { bubbles: true, composed: true })),
      () => t.part('print').dispatchEvent(new FocusEvent('focusin', { bubbles: true, composed: true })),
      () => t.part('send').click(),
      () => t.keyDown('2', { gap: 1000 }, document.body),
    ]) {
      await t.pass(15_000);
      stir();
      await t.pass();
    }
    await t.pass(15_000);
    expect(t.told).to.deep.equal([]);
    await t.pass(6_000);
    expect(t.told.map(({ reason }) => reason)).to.deep.equal(['idle']);
  });
});

describe('a page', () => {
  let t: Till;
  const start = async (...options: Parameters<typeof till>) => (t = await till(...options));
  afterEach(() => t.remove());

  it('that changes the countries in the middle hears of the number that it has become', async () => {
    const form = document.createElement('form');
    document.body.append(form);
    await start({ name: 'phone' });
    form.append(t.pad);
    await t.pass(5);
    void t.pad.prompt('order');
    await t.pass();
    t.tap(good);
    await t.pass(200);
    expect(new FormData(form).get('phone')).to.equal('+12135550123');
    const heard = t.inputs.length;
    t.pad.countries = 'CA';
    await t.pass(200);
    expect(t.pad.value).to.equal('');
    expect(new FormData(form).get('phone')).to.equal(null);
    expect(t.inputs.length).to.equal(heard + 1);
    t.pad.countries = '';
    await t.pass(200);
    expect(t.pad.value).to.equal('+12135550123');
    expect(new FormData(form).get('phone')).to.equal('+12135550123');
    form.remove();
  });

  it('that changes the countries while a receipt is being sent has a customer who is told why there is no other try', async () => {
    await start();
    await t.sending();
    t.pad.countries = 'CA';
    t.settle.reject(new Error('no credit'));
    await t.pass(2000);
    expect([t.pad.state, t.part('error').dataset['reason']]).to.deep.equal(['failed', 'failed']);
    t.part('send').click();
    await t.pass(2000);
    expect(t.sends.length).to.equal(1);
    expect(t.part('error').textContent).to.equal('Numbers of this country cannot be used here.');
    expect(t.part('status').textContent).to.equal('Numbers of this country cannot be used here.');
  });

  it('that gives its list of countries anew with each render keeps the country that the customer has chosen', async () => {
    await start({}, { countries: ['US', 'CA'] } as never);
    void t.pad.prompt('order');
    await t.pass();
    const select = t.part('country') as HTMLSelectElement;
    select.value = 'CA';
    select.dispatchEvent(new Event('change', { bubbles: true }));
    await t.pass();
    Object.assign(t.pad, { countries: ['US', 'CA'], defaultCountry: ['US'] });
    await t.pass();
    expect(select.value).to.equal('CA');
    t.pad.countries = ['PR', 'US'] as never;
    await t.pass();
    expect(select.value).to.equal('US');
  });

  it('hears of the number, not of the choice of country', async () => {
    await start({ countries: 'US MX' });
    void t.pad.prompt('order');
    await t.pass();
    const select = t.part('country') as HTMLSelectElement;
    select.dispatchEvent(new Event('input', { bubbles: true, composed: true }));
    expect(t.inputs).to.deep.equal([]);
  });

  it('that names a country that there is not is told so on the console', async () => {
    const { error } = console;
    const said: string[] = [];
    console.error = (words: string) => said.push(words);
    try {
      await start({ countries: 'gb uk' });
      await nextFrame();
      await t.pass(200);
      await until(() => said.length > 0);
    } finally {
      console.error = error;
    }
    expect(said).to.deep.equal([
      'rulrr-ereceipt-numpad: no phone numbers are known of "UK". Countries go by ISO 3166-1, such as GB.',
    ]);
  });

  it('that opens it for an order of blanks asks nothing', async () => {
    let unhandled = 0;
    const count = (event: Event) => {
      unhandled++;
      event.preventDefault();
    };
    window.addEventListener('unhandledrejection', count);
    await start({ open: '', 'order-id': '  ' });
    await t.pass(10);
    await task();
    window.removeEventListener('unhandledrejection', count);
    expect(unhandled).to.equal(0);
    expect(t.told).to.deep.equal([]);
  });

  it('may say the direction after the language', async () => {
    await start({ lang: 'ar' });
    const direction = () => getComputedStyle(t.part('dialog')).direction;
    await until(() => direction() === 'rtl');
    t.pad.dir = 'ltr';
    await until(() => direction() === 'ltr');
  });

  it('whose lines are vertical leaves it upright', async () => {
    const style = document.createElement('style');
    style.textContent = `body { writing-mode: vertical-rl }`;
    document.head.append(style);
    try {
      await start();
      void t.pad.prompt('order');
      await t.pass();
      const [one, two, four] = ['key-1', 'key-2', 'key-4'].map((part) => t.part(part).getBoundingClientRect());
      expect(two!.top, 'beside each other').to.equal(one!.top);
      expect(two!.left).to.be.at.least(one!.right);
      expect(four!.left, 'below each other').to.equal(one!.left);
      expect(four!.top).to.be.at.least(one!.bottom);
    } finally {
      style.remove();
    }
  });

  it('sets its own text in another way: nothing of that comes in', async () => {
    const style = document.createElement('style');
    style.textContent = `body { letter-spacing: .5em; word-spacing: 1em; text-transform: uppercase; text-indent: 3em; white-space: pre;
      text-shadow: 1px 1px red; font: italic 900 9px/3 serif; -webkit-text-fill-color: red; text-align: right }`;
    document.head.append(style);
    try {
      await start();
      void t.pad.prompt('order');
      await t.pass();
      t.tap(good);
      await t.pass(200);
      expect(t.shown()).to.equal(shownGood);
      for (const name of ['display', 'status', 'key-5', 'send']) {
        const { letterSpacing, wordSpacing, textTransform, textIndent, whiteSpace, textShadow, fontStyle } =
          getComputedStyle(t.part(name));
        expect(
          [
            letterSpacing,
            parseFloat(wordSpacing),
            textTransform,
            parseFloat(textIndent),
            whiteSpace,
            textShadow,
            fontStyle,
          ],
          name,
        ).to.deep.equal(['normal', 0, 'none', 0, 'normal', 'none', 'normal']);
      }
      expect(getComputedStyle(t.part('display')).webkitTextFillColor).to.equal(
        getComputedStyle(t.part('display')).color,
      );
    } finally {
      style.remove();
    }
  });
});

describe('what is seen', () => {
  let t: Till;
  const start = async (...options: Parameters<typeof till>) => (t = await till(...options));
  afterEach(() => t.remove());
  const seen = (part: string) => t.part(part).getBoundingClientRect();

  it('keeps no place for words of others: those of the other element, or what an old library gives to every object', async () => {
    const height = async (strings: object = {}) => {
      await start({}, { strings });
      void t.pad.prompt('order');
      await t.pass();
      const found = seen('dialog').height;
      t.remove();
      return found;
    };
    const usual = await height();
    const long = 'Ask the merchant to sign in. '.repeat(50);
    expect(await height({ pending: long }), 'strings of both elements').to.equal(usual);
    const every = Object.prototype as { inspect?: () => string };
    every.inspect = Function(`return '${long}'`) as () => string;
    try {
      expect(await height(), 'an old library').to.equal(usual);
    } finally {
      delete every.inspect;
    }
  });

  it('stays where it is while messages come and go, in any language', async () => {
    for (const lang of ['en', 'de', 'ar', 'ja']) {
      for (const width of [320, 420]) {
        await start({ lang, 'idle-timeout': '20' });
        t.pad.style.width = `${width}px`;
        const english = () => t.pad.shadowRoot!.querySelector('#title')!.textContent.startsWith('Would');
        await until(() => english() === (lang === 'en'));
        void t.pad.prompt('order');
        await t.pass();
        const place = () => [seen('pad').top, seen('send').top, seen('print').bottom].map(Math.round).join();
        const places = new Set([place()]);
        t.tap(good);
        await t.pass(1100);
        places.add(place());
        t.part('send').click();
        await t.pass();
        t.settle.reject(new Error('no'));
        await t.pass(1100);
        places.add(place());
        await t.pass(12_000);
        expect(t.pad.shadowRoot!.querySelector('.countdown')!.textContent).not.to.equal('');
        places.add(place());
        t.pad.value = 'x';
        t.tap('9');
        await t.pass(1100);
        places.add(place());
        expect(places.size, `${lang}, ${width} px: ${[...places].join(' | ')}`).to.equal(1);
        t.remove();
      }
    }
  });

  it('is true at once, also while the live region holds back', async () => {
    await start();
    void t.pad.prompt('order');
    await t.pass(2000);
    const words = () =>
      Array.from(t.pad.shadowRoot!.querySelectorAll<HTMLElement>('.notes > :not(.unseen):not(.place)'), (one) =>
        one.textContent.trim(),
      ).join('');
    t.tap(good);
    await t.pass(200);
    expect(words()).to.equal('Is this number right? Then press Send.');
    t.part('send').click();
    await t.pass(50);
    expect(words()).to.equal('Sending…');
    t.settle.resolve();
    await t.pass(50);
    expect(words()).to.equal('Receipt sent to the number ending in 0123.');
    await t.pass(1000);
    expect(words()).to.equal('Receipt sent to the number ending in 0123.');
    t.remove();
    await start();
    void t.pad.prompt('order');
    await t.pass();
    t.tap(good);
    await t.pass(200);
    t.tap('4');
    await t.pass(200);
    for (const wait of [0, 1000]) {
      await t.pass(wait);
      expect(words(), `after ${wait} ms`).to.equal('This number is too long.');
    }
    t.tap('<');
    // The warning begins half a second after the last word.
    t.pad.idleTimeout = 10.5;
    await t.pass(700);
    for (const seconds of [10, 9]) {
      expect(words()).to.equal(`Your receipt prints in ${seconds} s. Touch the screen to go on.`);
      await t.pass(1000);
    }
  });

  it('is still a dialog over the page once the receipt is sent', async () => {
    await start({ presentation: 'dialog' });
    void t.pad.prompt('order');
    await t.pass();
    const asking = getComputedStyle(t.part('dialog')).position;
    t.tap(good);
    t.part('send').click();
    await t.pass();
    t.settle.resolve();
    await t.pass(100);
    expect(t.pad.state).to.equal('sent');
    expect(getComputedStyle(t.part('dialog')).position).to.equal(asking);
    const { top, bottom, height } = seen('dialog');
    expect(top, 'top').to.be.at.least(0);
    expect(bottom, 'bottom').to.be.at.most(innerHeight);
    expect(height, 'height').to.be.below(300);
    // Escape takes it away, as a touch does.
    t.part('dialog').dispatchEvent(new Event('cancel', { cancelable: true }));
    await t.pass();
    expect(t.pad.state).to.equal('idle');
    expect(t.told.map(({ type }) => type)).to.deep.equal(['ereceipt-sent']);
    // Where the customer may miss a text message, it says so for as long.
    void t.pad.prompt('next');
    await t.pass();
    t.tap(good);
    t.part('send').click();
    t.settle.reject(new TypeError('Failed to fetch'));
    await t.pass(2000);
    expect([t.pad.state, seen('dialog').height > 0]).to.deep.equal(['printed', true]);
    expect(t.part('status').textContent).to.contain('could not confirm');
  });

  it('keeps the focus when the button that had it goes', async () => {
    await start();
    void t.pad.prompt('order');
    await t.pass();
    t.tap(good);
    await t.pass(100);
    t.part('send').focus();
    t.part('send').click();
    await t.pass();
    t.settle.resolve();
    await t.pass(100);
    expect(t.pad.shadowRoot!.activeElement).to.equal(t.part('display'));
    t.keyDown('Escape');
    expect(t.pad.state).to.equal('idle');
  });

  it('is nothing of what the page has hidden', async () => {
    await start();
    void t.pad.prompt('order');
    await t.pass();
    t.pad.hidden = true;
    expect(seen('dialog').height).to.equal(0);
  });

  it('leaves the focus where the page has it', async () => {
    await start();
    const search = document.body.appendChild(document.createElement('input'));
    void t.pad.prompt('order');
    await t.pass();
    search.focus();
    t.tap(good);
    t.part('send').click();
    t.settle.resolve();
    await t.pass();
    expect([t.pad.state, document.activeElement === search]).to.deep.equal(['sent', true]);
    search.remove();
  });

  it('stays where it is under the mouse, also where the number is out of sight', async () => {
    await start();
    void t.pad.prompt('order');
    await t.pass();
    const place = document.body.appendChild(document.createElement('div'));
    place.style.cssText = 'height: 200px; overflow: auto';
    place.append(t.pad);
    await t.pass(10);
    place.scrollTop = 1000;
    const { top } = seen('key-0');
    t.key('0').dispatchEvent(new MouseEvent('mousedown', { bubbles: true, composed: true, cancelable: true }));
    expect(t.pad.shadowRoot!.activeElement).to.equal(t.part('display'));
    expect(seen('key-0').top).to.equal(top);
    place.remove();
  });

  it('shows the end of a number that is too long for its place', async () => {
    await start();
    t.pad.style.width = '180px';
    void t.pad.prompt('order');
    await t.pass();
    t.tap('+4915123456789');
    await t.pass(200);
    const range = document.createRange();
    const node = t.part('display').firstChild!;
    range.setStart(node, node.textContent!.length - 1);
    range.setEnd(node, node.textContent!.length);
    const last = range.getBoundingClientRect();
    const place = seen('display');
    expect(last.bottom, 'below').to.be.at.most(place.bottom + 1);
    expect(last.top, 'above').to.be.at.least(place.top - 1);
  });

  it('says that nothing was keyed to who presses Send, and the seconds that there are', async () => {
    for (const seconds of ['5', '4.5']) {
      await start({ 'idle-timeout': seconds });
      void t.pad.prompt('order');
      await t.pass();
      expect(t.pad.shadowRoot!.querySelector('.countdown')!.textContent).to.contain('5 s');
      await t.pass(1100);
      expect(t.part('status').textContent).to.contain(' 5 s');
      t.remove();
    }
    await start();
    void t.pad.prompt('order');
    await t.pass(1100);
    t.part('send').click();
    await t.pass(1100);
    expect(t.part('error').dataset['reason']).to.equal('too-short');
    expect(t.part('status').textContent).to.equal('This number is too short.');
    expect(t.pad.reason).to.equal(null);
  });
});
