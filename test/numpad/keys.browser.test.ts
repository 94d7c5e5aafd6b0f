import { expect, nextFrame } from '@open-wc/testing';
// Here from the start, so that no pad of an earlier test rehearses during a later one.
import '../../src/numpad/rehearsal.js';
import { until } from '../support/until.js';
import { till, type Till } from './support.js';

/** Answers false if that was taken. */
function paste({ part }: Till, text: string): boolean {
  const data = new DataTransfer();
  data.setData('text/plain', text);
  const event = new ClipboardEvent('paste', { bubbles: true, composed: true, cancelable: true, clipboardData: data });
  // WebKit makes an event without its data.
  if (!event.clipboardData || event.clipboardData.getData('text/plain') !== text)
    Object.defineProperty(event, 'clipboardData', { value: { getData: () => text } });
  return part('display').dispatchEvent(event);
}

describe('the keypad', () => {
  let t: Till;
  const start = async (...options: Parameters<typeof till>) => {
    t = await till(...options);
    void t.pad.prompt('order');
    await t.pass();
  };
  afterEach(() => t.remove());
  const digits = () => t.shown().replace(/[^\d+]/g, '');
  const fire = (key: string, type: string, init: PointerEventInit = {}) =>
    t.key(key).dispatchEvent(
      new (type === 'click' || type.startsWith('mouse') ? MouseEvent : PointerEvent)(type, {
        bubbles: true,
        composed: true,
        cancelable: true,
        ...init,
      }),
    );

  it('takes each press at once, one digit each', async () => {
    await start();
    t.tap('6');
    expect(digits()).to.equal('6');
    t.tap('6+<6');
    expect(digits()).to.equal('66');
    await t.pass(200);
    expect(digits()).to.equal('66');
    expect(t.inputs.length).to.be.greaterThan(0);
  });

  it('rehearses the first key where nobody sees it, and once', async () => {
    const listened: string[] = [];
    const listen = window.addEventListener.bind(window);
    window.addEventListener = (...listening: Parameters<typeof listen>) => {
      listened.push(listening[0]);
      listen(...listening);
    };
    const ask = window.requestAnimationFrame;
    const frames: FrameRequestCallback[] = [];
    window.requestAnimationFrame = (callback) => frames.push(callback);
    try {
      t = await till({ 'idle-timeout': '0' });
      void t.pad.prompt('order');
      await t.pass();
      t.tap('2');
      listened.length = 0;
      // Not before it has been seen once, however slow the till is.
      await t.pass(200);
      expect(listened).to.deep.equal([]);
      for (const frame of frames.splice(0)) frame(0);
      await t.pass(199);
      expect(listened).to.deep.equal([]);
      await t.pass(1);
      // It goes through a press: a finger may lift anywhere.
      await until(() => listened.includes('pointerup'));
      expect(t.clock.pending).to.equal(0);
      listened.length = 0;
      await t.pass(60_000);
      expect(listened).to.deep.equal([]);
    } finally {
      window.addEventListener = listen;
      window.requestAnimationFrame = ask;
    }
    expect(digits()).to.equal('2');
    expect(t.inputs).to.deep.equal(['']);
    expect(t.pad.value).to.equal('');
  });

  it('rehearses without an error where the page puts the keys in another order meanwhile', async () => {
    t = await till();
    await nextFrame();
    const errors: unknown[] = [];
    const note = (event: PromiseRejectionEvent) => void errors.push(event.reason);
    window.addEventListener('unhandledrejection', note);
    try {
      t.clock.advance(200);
      t.pad.layout = 'calculator';
      for (let turn = 0; turn < 10; turn++) await t.pass();
    } finally {
      window.removeEventListener('unhandledrejection', note);
    }
    expect(errors).to.deep.equal([]);
  });

  it('rehearses the font of the number, and leaves nothing of that on screen', async () => {
    t = await till({ 'idle-timeout': '0' });
    void t.pad.prompt('order');
    await t.pass();
    await nextFrame();
    const laidOut: string[] = [];
    const display = t.part('display');
    display.getBoundingClientRect = () => {
      laidOut.push(display.textContent);
      return new DOMRect();
    };
    await t.pass(200);
    await until(() => laidOut.length > 0);
    expect(laidOut).to.deep.equal(['0']);
    expect(display.textContent).to.equal('');
    expect(t.pad.value).to.equal('');
    expect(t.inputs).to.deep.equal([]);
  });

  it('takes fingers that overlap in the order of their press, either lifting first', async () => {
    await start();
    for (const first of [1, 2]) {
      fire('1', 'pointerdown', { pointerId: 1 });
      fire('2', 'pointerdown', { pointerId: 2, isPrimary: false });
      fire(String(first), 'pointerup', { pointerId: first });
      fire(String(3 - first), 'pointerup', { pointerId: 3 - first });
    }
    expect(digits()).to.equal('1212');
  });

  it('takes fingers and the mouse at the press where there are no pointer events (Safari 12)', async () => {
    const { PointerEvent } = window;
    await start();
    try {
      Object.assign(window, { PointerEvent: undefined });
      const touch = (key: string, type: string, identifier = 1) => {
        const event = new Event(type, { bubbles: true, cancelable: true, composed: true });
        Object.assign(event, { changedTouches: [{ identifier, target: t.key(key) }], touches: [] });
        t.key(key).dispatchEvent(event);
      };
      const mouse = (key: string, type: string, button = 0) =>
        t.key(key).dispatchEvent(new MouseEvent(type, { bubbles: true, cancelable: true, composed: true, button }));
      touch('2', 'touchstart');
      expect(digits()).to.equal('2');
      touch('2', 'touchend');
      mouse('1', 'mousedown');
      expect(digits()).to.equal('21');
      mouse('1', 'mouseup');
      mouse('1', 'click');
      expect(digits()).to.equal('21');
      mouse('1', 'mousedown', 2);
      expect(digits()).to.equal('21');
      // Where the page keeps the lift of a finger to itself, the browser goes on with a mouse.
      touch('3', 'touchstart', 2);
      for (const type of ['mousedown', 'mouseup', 'click']) mouse('3', type);
      expect(digits()).to.equal('213');
      // Pressed, and let go elsewhere: a switch is heard on that key a while later.
      mouse('4', 'mousedown');
      mouse('5', 'mouseup');
      await t.pass(600);
      t.key('4').click();
      expect(digits()).to.equal('21344');
      // Delete ends with its own finger, while another one still rests on a key.
      touch('6', 'touchstart', 3);
      touch('delete', 'touchstart', 4);
      touch('delete', 'touchend', 4);
      await t.pass(2000);
      expect(digits()).to.equal('21344');
    } finally {
      Object.assign(window, { PointerEvent });
    }
  });

  it('takes a click unless a press accounts for it', async () => {
    await start();
    t.key('5').click();
    expect(digits()).to.equal('5');
    fire('6', 'pointerdown');
    fire('6', 'pointerup');
    fire('6', 'mousedown');
    fire('6', 'mouseup');
    fire('6', 'click', { detail: 1 });
    expect(digits()).to.equal('56');
    // That press has had its click: what comes now is somebody else's, however soon.
    t.key('6').click();
    expect(digits()).to.equal('566');
    await t.pass(400);
    t.key('6').click();
    expect(digits()).to.equal('5666');
    t.pad.clear();
    fire('7', 'pointerdown');
    fire('7', 'pointerup');
    t.key('7').click();
    expect(digits()).to.equal('7');
    fire('7', 'pointerdown');
    fire('7', 'pointerup');
    // One that brought no click accounts for none a while later.
    await t.pass(600);
    t.key('7').click();
    expect(digits()).to.equal('777');
    fire('8', 'pointerdown');
    fire('8', 'pointerup');
    t.keyDown('Enter', { gap: 500 }, t.key('8'));
    t.key('8').click();
    expect(digits()).to.equal('77788');
  });

  it('is not fooled by chains of events, nor by clicks that come late', async () => {
    const chain = (key: string, names: string[]) => {
      for (const name of names) {
        if (name.startsWith('touch')) {
          const event = new Event(name, { bubbles: true, cancelable: true, composed: true });
          Object.assign(event, { changedTouches: [{ identifier: 0, target: t.key(key) }] });
          t.key(key).dispatchEvent(event);
        } else fire(key, name, { pointerId: 5 });
      }
    };
    const whole = ['pointerdown', 'touchstart', 'pointerup', 'touchend', 'mousedown', 'mouseup', 'click'];
    await start();
    for (let tap = 0; tap < 5; tap++) chain('6', whole);
    expect(digits()).to.equal('66666');
    t.pad.clear();
    // As scripts make it where the browser has no touches: none are named in it.
    for (const name of whole) fire('7', name, { pointerId: 5 });
    expect(digits()).to.equal('7');
    t.pad.clear();
    // The click of old WebKit, 350 ms late; two quick taps get theirs one after the other.
    for (const pause of [0, 100]) {
      chain('4', ['pointerdown', 'pointerup']);
      await t.pass(pause);
      chain('4', ['pointerdown', 'pointerup']);
      await t.pass(350 - pause);
      fire('4', 'click', { detail: 1 });
      await t.pass(pause);
      fire('4', 'click', { detail: 2 });
    }
    expect(digits()).to.equal('4444');
    t.pad.clear();
    // A long hold, its click with the lift.
    chain('3', ['pointerdown']);
    await t.pass(5000);
    chain('3', ['pointerup', 'click']);
    expect(digits()).to.equal('3');
    // Taken away by the browser: there is no click to come.
    chain('3', ['pointerdown', 'pointercancel', 'click']);
    expect(digits()).to.equal('333');
    // Two fingers on one key, and one click for both or one for each.
    t.pad.clear();
    fire('2', 'pointerdown', { pointerId: 1 });
    fire('2', 'pointerdown', { pointerId: 2 });
    fire('2', 'pointerup', { pointerId: 1 });
    fire('2', 'pointerup', { pointerId: 2 });
    fire('2', 'click', { detail: 1 });
    fire('2', 'click', { detail: 1 });
    expect(digits()).to.equal('22');
  });

  it('accounts for the click of a press that began before the prompt', async () => {
    await start();
    fire('5', 'pointerdown');
    void t.pad.prompt('next');
    fire('5', 'pointerup');
    fire('5', 'click', { detail: 1 });
    expect(digits()).to.equal('');
  });

  it('leaves other buttons alone', async () => {
    await start();
    for (const button of [1, 2, 3]) fire('5', 'pointerdown', { button, pointerType: 'mouse' });
    // A finger that rests on a key brings no menu over it.
    expect(fire('5', 'contextmenu')).to.equal(false);
    expect(digits()).to.equal('');
  });

  it('repeats delete, never a digit, and stops', async () => {
    await start();
    fire('5', 'pointerdown', { pointerId: 3 });
    await t.pass(5000);
    fire('5', 'pointerup', { pointerId: 3 });
    expect(digits()).to.equal('5');
    for (const stop of ['pointerup', 'pointercancel', 'blur', 'remove']) {
      t.pad.clear();
      t.tap('12345678901234567890');
      fire('delete', 'pointerdown', { pointerId: 4 });
      expect(digits().length, stop).to.equal(19);
      await t.pass(499);
      expect(digits().length).to.equal(19);
      await t.pass(1001);
      const left = digits().length;
      // 8 to 12 a second.
      expect(left).to.be.within(19 - 12, 19 - 8);
      if (stop === 'blur') window.dispatchEvent(new Event('blur'));
      else if (stop === 'remove') {
        const { parentNode } = t.pad;
        t.pad.remove();
        parentNode!.appendChild(t.pad);
      } else window.dispatchEvent(new PointerEvent(stop, { pointerId: 4 }));
      await t.pass(2000);
      expect(digits().length, stop).to.equal(left);
    }
  });

  it('says nothing of a number that nobody has keyed', async () => {
    await start();
    t.pad.clear();
    t.key('clear').click();
    t.part('send').click();
    await t.pass(200);
    expect(t.inputs).to.deep.equal([]);
  });

  it('shows the number that is being sent until that has ended, whatever is pressed', async () => {
    await start();
    t.tap('2135550123');
    t.part('send').click();
    const { sends, pad } = t;
    for (const press of [
      () => t.tap('7<'),
      () => t.keyDown('7'),
      () => t.keyDown('Backspace'),
      () => t.key('clear').click(),
      () => paste(t, '+13105550199'),
    ]) {
      press();
      await t.pass(200);
      expect([t.shown(), pad.value, pad.state]).to.deep.equal(['(213) 555-0123', '+12135550123', 'sending']);
    }
    t.settle.reject(new Error('no credit'));
    await t.pass();
    t.part('send').click();
    expect(sends.map(({ phoneNumber }) => phoneNumber)).to.deep.equal(['+12135550123', '+12135550123']);
  });

  it('stops to delete once both fingers have left the key', async () => {
    await start();
    t.tap('12345678901234567890');
    for (const pointerId of [3, 4]) {
      fire('delete', 'pointerdown', { pointerId });
      await t.pass(600);
    }
    for (const pointerId of [3, 4]) window.dispatchEvent(new PointerEvent('pointerup', { pointerId }));
    t.pad.clear();
    t.tap('213');
    await t.pass(2000);
    expect(digits()).to.equal('213');
  });

  it('goes on to delete while a finger stays on the key, whichever other one comes and goes', async () => {
    await start();
    t.tap('1234567890');
    fire('delete', 'pointerdown', { pointerId: 3 });
    await t.pass(600);
    fire('5', 'pointerdown', { pointerId: 4 });
    fire('5', 'pointerup', { pointerId: 4 });
    await t.pass(5000);
    expect(digits()).to.equal('');
  });

  it('takes no press between the keys for one', async () => {
    await start();
    t.tap('2');
    for (const type of ['pointerdown', 'pointerup', 'click'])
      t.part('pad').dispatchEvent(new PointerEvent(type, { bubbles: true, composed: true }));
    expect(t.shown()).to.equal('2');
  });

  it('hears a click on a key that was held down as the page put the pad elsewhere', async () => {
    await start();
    fire('5', 'pointerdown');
    t.pad.remove();
    document.body.append(t.pad);
    await t.pass(1000);
    t.key('5').click();
    expect(digits()).to.equal('55');
  });

  it('listens nowhere in the page any more once it is out of it', async () => {
    const heard = new Set<string>();
    const restore: (() => void)[] = [];
    for (const place of [window, document]) {
      const { addEventListener, removeEventListener } = place;
      restore.push(() => Object.assign(place, { addEventListener, removeEventListener }));
      place.addEventListener = (...listening: Parameters<typeof addEventListener>) => {
        heard.add(listening[0]);
        addEventListener.apply(place, listening);
      };
      place.removeEventListener = (...listening: Parameters<typeof addEventListener>) => {
        heard.delete(listening[0]);
        removeEventListener.apply(place, listening);
      };
    }
    try {
      await start({ capture: 'document' });
      t.tap('21');
      fire('3', 'pointerdown');
      expect([...heard]).to.include.members(['pointerup', 'pagehide', 'keydown']);
      t.pad.remove();
      await t.pass();
      expect([...heard]).to.deep.equal([]);
      await nextFrame();
      await t.pass();
      // Nor does it follow the language of the page.
      const { requestUpdate } = t.pad;
      t.pad.requestUpdate = (...what) => {
        heard.add('update');
        requestUpdate.apply(t.pad, what);
      };
      document.documentElement.lang = 'fr';
      await t.pass();
      document.documentElement.lang = 'en';
      expect([...heard]).to.deep.equal([]);
    } finally {
      for (const undo of restore) undo();
    }
  });

  it('clears, sends and prints on lift', async () => {
    await start();
    t.tap('213');
    fire('clear', 'pointerdown');
    expect(digits()).to.equal('213');
    fire('clear', 'click', { detail: 1 });
    expect(digits()).to.equal('');
    for (const name of ['send', 'print']) {
      t.part(name).dispatchEvent(new PointerEvent('pointerdown', { bubbles: true, composed: true }));
      await t.pass();
      expect(t.told).to.deep.equal([]);
    }
  });

  it('keeps the pad from panning and zooming', async () => {
    await start();
    const pad = t.part('pad');
    expect(getComputedStyle(pad).touchAction).to.equal('none');
    expect(getComputedStyle(t.key('5')).touchAction).to.equal('none');
    const end = new Event('touchend', { bubbles: true, cancelable: true, composed: true });
    Object.assign(end, { changedTouches: [] });
    t.key('5').dispatchEvent(end);
    expect(end.defaultPrevented).to.equal(true);
    // Between the keys as well.
    const beside = new Event('touchend', { bubbles: true, cancelable: true, composed: true });
    Object.assign(beside, { changedTouches: [{ identifier: 1, target: pad }], touches: [] });
    pad.dispatchEvent(beside);
    expect(beside.defaultPrevented).to.equal(true);
  });

  it('does not move while messages come and go', async () => {
    await start();
    const top = () => t.key('5').getBoundingClientRect().top;
    const before = top();
    t.tap('5555555555');
    await t.pass(200);
    // The rules of the world are asked first.
    await until(() => t.pad.reason === 'invalid');
    await t.pass();
    expect(t.part('error').textContent).not.to.equal('');
    expect(top()).to.equal(before);
    t.tap('5555555555');
    await t.pass(200);
    expect(t.part('display').getClientRects()[0]!.height).to.be.greaterThan(50);
    expect(top()).to.equal(before);
    t.pad.clear();
    await t.pass(1500);
    expect(top()).to.equal(before);
  });

  for (const lang of ['en', 'es', 'fr', 'de', 'pt', 'he', 'ar', 'ja']) {
    it(`does not move as a send fails or as the seconds are counted, however wide it is: ${lang}`, async () => {
      await start({ lang, 'idle-timeout': '30' });
      if (lang !== 'en') await until(() => t.part('print').textContent.trim() !== 'No, thanks');
      const tops = () => {
        const found: string[] = [];
        for (let width = 200; width <= 420; width += 4) {
          t.pad.style.width = `${width}px`;
          found.push(`${width} px: ${t.key('5').getBoundingClientRect().top}`);
        }
        return found;
      };
      const before = tops();
      t.tap('2135550123');
      await t.pass(20_500);
      expect(t.pad.shadowRoot!.querySelector('.countdown')!.textContent, 'counted').not.to.equal('');
      expect(tops()).to.deep.equal(before);
      t.part('send').click();
      await t.pass();
      t.settle.reject(new Error('no'));
      await t.pass();
      expect(t.pad.state).to.equal('failed');
      expect(tops()).to.deep.equal(before);
    });
  }

  it('has the order of a phone, or of a calculator', async () => {
    await start();
    const order = () => [...t.part('pad').querySelectorAll('button')].map((key) => key.dataset['key']).join(' ');
    expect(order()).to.equal('1 2 3 4 5 6 7 8 9 plus 0 delete');
    t.pad.layout = 'calculator';
    await t.pass();
    expect(order()).to.equal('7 8 9 4 5 6 1 2 3 plus 0 delete');
    t.tap('789');
    expect(digits()).to.equal('789');
  });

  it('says what is wrong with a number when it is asked to send it, and at once where more digits do not help', async () => {
    await start();
    t.tap('213');
    await t.pass(200);
    expect(t.part('error').textContent).to.equal('');
    t.part('send').click();
    await t.pass();
    expect(t.part('error').dataset['reason']).to.equal('too-short');
    expect(t.sends).to.deep.equal([]);
    t.tap('5');
    await t.pass(200);
    expect(t.part('error').textContent).to.equal('');
    t.tap('5501234');
    await t.pass(200);
    expect(t.part('error').dataset['reason']).to.equal('too-long');
    expect(t.shown()).to.equal('(213) 555-01234');
    expect(t.pad.value).to.equal('');
    t.tap('<');
    await t.pass(200);
    expect(t.part('error').textContent).to.equal('');
    expect(t.pad.value).to.equal('+12135550123');
  });
});

describe('a hardware keyboard', () => {
  let t: Till;
  const start = async (...options: Parameters<typeof till>) => {
    t = await till(...options);
    void t.pad.prompt('order');
    await t.pass();
  };
  afterEach(() => t.remove());
  const digits = () => t.shown().replace(/[^\d+]/g, '');
  /** At the pace of a person, unless told otherwise. */
  const type = (keys: string[], gap = 85, target?: EventTarget, init: KeyboardEventInit = {}) =>
    keys.map((key) => t.keyDown(key, { gap, ...init }, target));

  it('keys, deletes, sends and declines', async () => {
    await start();
    type(['+', '1', '2', '1', 'Backspace', '2', 'Delete', '3']);
    expect(digits()).to.equal('+123');
    t.pad.clear();
    type([...'213555012']);
    type(['Enter']);
    expect(t.sends).to.deep.equal([]);
    type(['٣', 'Enter']);
    expect(t.sends.map(({ phoneNumber }) => phoneNumber)).to.deep.equal(['+12135550123']);
    t.settle.reject(new Error('no'));
    await t.pass();
    type(['Escape']);
    await t.pass();
    expect(t.told.map(({ reason }) => reason)).to.deep.equal(['send-failed']);
  });

  it('takes digits while the focus is on what takes no text, though it is an input, and leaves it its Enter', async () => {
    await start({ capture: 'document' });
    for (const kind of ['button', 'submit', 'reset', 'image', 'checkbox', 'radio', 'range']) {
      const pressed = document.body.appendChild(document.createElement('input'));
      pressed.type = kind;
      t.pad.clear();
      type(['2', '1', 'Backspace'], 85, pressed);
      expect(digits(), kind).to.equal('2');
      t.pad.value = '+12135550123';
      const [enter] = type(['Enter'], 85, pressed);
      expect(enter!.defaultPrevented, kind).to.equal(false);
      pressed.remove();
    }
    expect(t.sends).to.deep.equal([]);
    t.pad.clear();
    const texts = 'text search tel url email password number date datetime-local month week time'.split(' ');
    for (const kind of [...texts, 'textarea', 'select', 'multiple']) {
      const tag = kind === 'multiple' ? 'select' : texts.includes(kind) ? 'input' : kind;
      const field = document.body.appendChild(document.createElement(tag)) as HTMLInputElement;
      if (tag === 'input') field.type = kind;
      else field.toggleAttribute(kind, kind === 'multiple');
      type(['2'], 85, field);
      expect(digits(), kind).to.equal('');
      field.remove();
    }
  });

  it("takes digits while the focus is on a component of the page's own, whatever kind of button that calls itself", async () => {
    await start({ capture: 'document' });
    const component = document.body.appendChild(document.createElement('till-button')) as HTMLInputElement;
    for (const kind of 'primary secondary tertiary danger default dark warning neutral error menu module'.split(' ')) {
      component.type = kind;
      t.pad.clear();
      type(['2', '1'], 85, component);
      expect(digits(), kind).to.equal('21');
    }
    // Of one that is closed to the page no more is known: it may have a field inside.
    t.pad.clear();
    for (const kind of ['text', 'tel', 'number', 'password', 'search']) {
      component.type = kind;
      const [two] = type(['2'], 85, component);
      expect(two!.defaultPrevented, kind).to.equal(false);
    }
    expect(digits()).to.equal('');
    component.remove();
  });

  it('leaves alone what is not meant for it', async () => {
    await start({ capture: 'document' });
    const input = document.createElement('input');
    const button = document.createElement('button');
    document.body.append(input, button);
    for (const init of [
      { ctrlKey: true },
      { metaKey: true },
      { altKey: true },
      { isComposing: true },
      { keyCode: 229 },
    ]) {
      const [event] = type(['5'], 85, undefined, init);
      expect(event!.defaultPrevented).to.equal(false);
    }
    const text = document.body.appendChild(document.createElement('div'));
    text.contentEditable = 'true';
    for (const field of [input, text]) {
      for (const key of ['5', 'Enter', 'Backspace', 'Escape']) {
        const [event] = type([key], 85, field);
        expect(event!.defaultPrevented, key).to.equal(false);
      }
    }
    text.remove();
    t.pad.value = '+12135550123';
    const link = document.createElement('a');
    const summary = document.createElement('summary');
    const role = document.createElement('div');
    role.setAttribute('role', 'button');
    document.body.append(link, summary, role);
    for (const pressed of [button, link, summary, role]) {
      const [enter] = type(['Enter'], 85, pressed);
      expect(enter!.defaultPrevented).to.equal(false);
      pressed.remove();
    }
    expect(t.sends).to.deep.equal([]);
    t.pad.clear();
    // What the page has taken for itself, such as a hotkey.
    const take = (event: Event) => event.preventDefault();
    document.addEventListener('keydown', take, true);
    type(['5', 'Escape'], 85, document.body);
    document.removeEventListener('keydown', take, true);
    expect(digits()).to.equal('');
    expect(t.told).to.deep.equal([]);
    type(['5'], 85, document.body);
    expect(digits()).to.equal('5');
    const repeated = type(['5', '5'], 40, document.body, { repeat: true });
    expect(digits()).to.equal('5');
    expect(repeated.length).to.equal(2);
    input.remove();
    // Its own box need not be one.
    t.pad.style.display = 'contents';
    type(['4'], 85, document.body);
    expect(digits()).to.equal('54');
    t.pad.capture = '';
    await t.pass();
    type(['6'], 85, document.body);
    expect(digits()).to.equal('54');
  });

  it('leaves alone what is not meant for it inside a component that is closed to the page, and in one around that', async () => {
    await start({ capture: 'document', 'idle-timeout': '0' });
    for (const depth of [1, 2]) {
      const component = document.createElement('div');
      let root = component.attachShadow({ mode: 'closed' });
      document.body.append(component);
      for (let level = 1; level < depth; level++) {
        root = root.appendChild(document.createElement('div')).attachShadow({ mode: 'closed' });
      }
      root.append(t.pad, document.createElement('input'));
      // A field beside the inner component, in the outer one.
      const fields = [root.querySelector('input')!];
      if (depth > 1) fields.push((root.host.getRootNode() as ShadowRoot).appendChild(document.createElement('input')));
      await t.pass();
      t.pad.value = '+12135550123';
      for (const field of fields) {
        field.focus();
        for (const key of ['5', 'Enter', 'Backspace', 'Escape']) {
          const [event] = type([key], 85, field);
          expect(event!.defaultPrevented, `${key} at ${depth}`).to.equal(false);
        }
        const data = new DataTransfer();
        data.setData('text/plain', '2015550199');
        const pasted = { bubbles: true, composed: true, cancelable: true, clipboardData: data };
        field.dispatchEvent(new ClipboardEvent('paste', pasted));
      }
      t.part('print').focus();
      const [enter] = type(['Enter'], 85, t.part('print'));
      expect(enter!.defaultPrevented).to.equal(false);
      await t.pass();
      expect(t.sends, `sends at ${depth}`).to.deep.equal([]);
      expect(t.told).to.deep.equal([]);
      expect(t.pad.value).to.equal('+12135550123');
      // What is meant for it arrives, from inside and from the page.
      type(['Backspace'], 85);
      type(['4'], 85, document.body);
      expect(t.pad.value).to.equal('+12135550124');
      document.body.append(t.pad);
      component.remove();
    }
  });

  it('is that of one of several in a page: the one that has the focus, or else the last one that can be seen', async () => {
    await start({ capture: 'document' });
    const hidden = document.body.appendChild(document.createElement('div'));
    const other = await till({ capture: 'document' });
    void other.pad.prompt('other');
    await t.pass();
    await other.pass();
    const shown = () => [digits(), other.shown().replace(/[^\d+]/g, '')];
    type([...'21'], 85, document.body);
    expect(shown()).to.deep.equal(['', '21']);
    type(['3']);
    type(['4'], 85, other.part('display'));
    expect(shown()).to.deep.equal(['3', '214']);
    // In a tab of the page that is behind another.
    hidden.hidden = true;
    hidden.append(other.pad);
    type(['1'], 85, document.body);
    hidden.hidden = false;
    type(['5'], 85, document.body);
    expect(shown()).to.deep.equal(['31', '2145']);
    // Enter once more, while what it has sent is under way, does not send the other's.
    t.pad.value = '+12135550123';
    other.pad.value = '+13105550199';
    type(['Enter', 'Enter']);
    expect([t.sends.length, other.sends.length]).to.deep.equal([1, 0]);
    // Nor where nothing has the focus.
    type(['Enter'], 85, document.body);
    expect([t.sends.length, other.sends.length]).to.deep.equal([1, 0]);
    other.pad.close();
    t.settle.reject(new Error('no'));
    await t.pass();
    type(['Backspace'], 85, document.body);
    expect(digits()).to.equal('+1213555012');
    // One that takes keys only inside of it does not keep those of the page from it.
    other.pad.capture = '';
    void other.pad.prompt('inside');
    await other.pass();
    type(['3'], 85, document.body);
    expect(shown()).to.deep.equal(['+12135550123', '']);
    // Nor does one that has the focus and has ended.
    other.pad.value = '+13105550199';
    other.part('send').click();
    other.settle.resolve();
    await other.pass();
    expect(other.pad.state).to.equal('sent');
    type(['Backspace'], 85, other.part('display'));
    expect(digits()).to.equal('+1213555012');
    other.remove();
    hidden.remove();
  });

  it('is heard by the page as well: by its hotkeys as taken, by its scanner to the last digit', async () => {
    await start();
    const heard: string[] = [];
    const hotkeys = ({ key, defaultPrevented }: KeyboardEvent) => heard.push(key + (defaultPrevented ? '' : '!'));
    document.addEventListener('keydown', hotkeys);
    try {
      type([...'5+', 'Backspace', ...'x#:', 'F2', 'Tab', ' ', 'Enter']);
      [...'96385074', 'Enter'].forEach((key, index) => t.keyDown(key, { gap: index ? 10 : 500 }));
      type(['Escape']);
    } finally {
      document.removeEventListener('keydown', hotkeys);
    }
    const left = ['x!', '#!', ':!', 'F2!', 'Tab!', ' !'];
    expect(heard).to.deep.equal(['5', '+', 'Backspace', ...left, 'Enter', ...'96385074', 'Enter', 'Escape']);
    expect(t.told.map(({ reason }) => reason)).to.deep.equal(['declined']);
  });

  it('takes no digit from a scanner, and sends nothing', async () => {
    await start();
    t.tap('2135550123');
    await t.pass(200);
    type(['9'], 100);
    type(['Backspace'], 100);
    // One that ends with Tab would take the focus along, and the next digits with it.
    for (const [code, end] of [
      ['96385074', 'Enter'],
      ['4006381333931', 'Tab'],
      ['036000291452', 'Enter'],
    ] as const) {
      const keys = [...code, end].map((key, index) => t.keyDown(key, { gap: index ? 10 : 500 }));
      expect(digits(), code).to.equal('2135550123');
      expect(keys.pop()!.defaultPrevented, code).to.equal(true);
    }
    expect(t.sends).to.deep.equal([]);
  });

  it('goes on after the country was chosen, and after ×: neither digits nor Enter go elsewhere', async () => {
    await start({ countries: 'US CA' });
    const country = t.part('country') as HTMLSelectElement;
    country.focus();
    country.value = 'CA';
    country.dispatchEvent(new Event('change', { bubbles: true }));
    type([...'20423456781', 'Backspace'], 85, country);
    expect(t.pad.value).to.equal('+12042345678');
    const [enter, escape] = type(['Enter', 'Escape'], 85, country);
    expect([enter!.defaultPrevented, escape!.defaultPrevented, t.told.length]).to.deep.equal([false, false, 0]);
    t.key('clear').focus();
    t.key('clear').click();
    const focused = t.pad.shadowRoot!.activeElement!;
    type([...'2042345678', 'Enter'], 85, focused);
    expect(t.sends.length).to.equal(1);
  });

  it('pastes', async () => {
    await start();
    // Taken, as the page hears.
    expect(paste(t, 'Phone: +1 (213) 555-0123\r\n')).to.equal(false);
    expect(t.pad.value).to.equal('+12135550123');
    // A picture is no number.
    expect(paste(t, '')).to.equal(true);
    expect(t.pad.value).to.equal('+12135550123');
    paste(t, '213-555-0123 ext. 9');
    expect(t.pad.value).to.equal('');
    expect(t.pad.reason).to.equal('extension');
    paste(t, '213-555-0123 / 310-555-0199');
    expect(t.pad.reason).to.equal('ambiguous');
    t.part('send').click();
    expect(t.sends).to.deep.equal([]);
    t.tap('2');
    expect(t.pad.reason).to.equal('too-short');
  });
});
