// Fingers, mouse and clicks on the keys. Orders of these that no hand would come up with are in tap-orders.test.ts, real touches in taps.test.ts.
import { expect, nextFrame } from '@open-wc/testing';
// Here from the start, so that no pad of an earlier test rehearses during a later one.
import '../../src/numpad/rehearsal.js';
import { askingTill, good, till, type Till } from './support.js';

describe('the keypad', () => {
  let t: Till;
  const start = async (...options: Parameters<typeof till>) => (t = await askingTill(...options));
  afterEach(() => t.remove());
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
    expect(t.digits()).to.equal('6');
    t.tap('6+<6');
    expect(t.digits()).to.equal('66');
    await t.pass(200);
    expect(t.digits()).to.equal('66');
    expect(t.inputs.length).to.be.greaterThan(0);
  });

  it('takes fingers that overlap in the order of their press, either lifting first', async () => {
    await start();
    for (const first of [1, 2]) {
      fire('1', 'pointerdown', { pointerId: 1 });
      fire('2', 'pointerdown', { pointerId: 2, isPrimary: false });
      fire(String(first), 'pointerup', { pointerId: first });
      fire(String(3 - first), 'pointerup', { pointerId: 3 - first });
    }
    expect(t.digits()).to.equal('1212');
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
      expect(t.digits()).to.equal('2');
      touch('2', 'touchend');
      mouse('1', 'mousedown');
      expect(t.digits()).to.equal('21');
      mouse('1', 'mouseup');
      mouse('1', 'click');
      expect(t.digits()).to.equal('21');
      mouse('1', 'mousedown', 2);
      expect(t.digits()).to.equal('21');
      // Where the page keeps the lift of a finger to itself, the browser goes on with a mouse.
      touch('3', 'touchstart', 2);
      for (const type of ['mousedown', 'mouseup', 'click']) mouse('3', type);
      expect(t.digits()).to.equal('213');
      // Pressed, and let go elsewhere: a switch is heard on that key a while later.
      mouse('4', 'mousedown');
      mouse('5', 'mouseup');
      await t.pass(600);
      t.key('4').click();
      expect(t.digits()).to.equal('21344');
      // Delete ends with its own finger, while another one still rests on a key.
      touch('6', 'touchstart', 3);
      touch('delete', 'touchstart', 4);
      touch('delete', 'touchend', 4);
      await t.pass(2000);
      expect(t.digits()).to.equal('21344');
    } finally {
      Object.assign(window, { PointerEvent });
    }
  });

  it('takes a click unless a press accounts for it', async () => {
    await start();
    t.key('5').click();
    expect(t.digits()).to.equal('5');
    fire('6', 'pointerdown');
    fire('6', 'pointerup');
    fire('6', 'mousedown');
    fire('6', 'mouseup');
    fire('6', 'click', { detail: 1 });
    expect(t.digits()).to.equal('56');
    // That press has had its click: what comes now is somebody else's, however soon.
    t.key('6').click();
    expect(t.digits()).to.equal('566');
    await t.pass(400);
    t.key('6').click();
    expect(t.digits()).to.equal('5666');
    t.pad.clear();
    fire('7', 'pointerdown');
    fire('7', 'pointerup');
    t.key('7').click();
    expect(t.digits()).to.equal('7');
    fire('7', 'pointerdown');
    fire('7', 'pointerup');
    // One that brought no click accounts for none a while later.
    await t.pass(600);
    t.key('7').click();
    expect(t.digits()).to.equal('777');
    fire('8', 'pointerdown');
    fire('8', 'pointerup');
    t.keyDown('Enter', { gap: 500 }, t.key('8'));
    t.key('8').click();
    expect(t.digits()).to.equal('77788');
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
    expect(t.digits()).to.equal('66666');
    t.pad.clear();
    // As scripts make it where the browser has no touches: none are named in it.
    for (const name of whole) fire('7', name, { pointerId: 5 });
    expect(t.digits()).to.equal('7');
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
    expect(t.digits()).to.equal('4444');
    t.pad.clear();
    // A long hold, its click with the lift.
    chain('3', ['pointerdown']);
    await t.pass(5000);
    chain('3', ['pointerup', 'click']);
    expect(t.digits()).to.equal('3');
    // Taken away by the browser: there is no click to come.
    chain('3', ['pointerdown', 'pointercancel', 'click']);
    expect(t.digits()).to.equal('333');
    // Two fingers on one key, and one click for both or one for each.
    t.pad.clear();
    fire('2', 'pointerdown', { pointerId: 1 });
    fire('2', 'pointerdown', { pointerId: 2 });
    fire('2', 'pointerup', { pointerId: 1 });
    fire('2', 'pointerup', { pointerId: 2 });
    fire('2', 'click', { detail: 1 });
    fire('2', 'click', { detail: 1 });
    expect(t.digits()).to.equal('22');
  });

  it('accounts for the click of a press that began before the prompt', async () => {
    await start();
    fire('5', 'pointerdown');
    void t.pad.prompt('next');
    fire('5', 'pointerup');
    fire('5', 'click', { detail: 1 });
    expect(t.digits()).to.equal('');
  });

  it('leaves other buttons alone', async () => {
    await start();
    for (const button of [1, 2, 3]) fire('5', 'pointerdown', { button, pointerType: 'mouse' });
    // A finger that rests on a key brings no menu over it.
    expect(fire('5', 'contextmenu')).to.equal(false);
    expect(t.digits()).to.equal('');
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
    expect(t.digits()).to.equal('55');
  });

  it('clears, sends and prints on lift', async () => {
    await start();
    t.tap('213');
    fire('clear', 'pointerdown');
    expect(t.digits()).to.equal('213');
    fire('clear', 'click', { detail: 1 });
    expect(t.digits()).to.equal('');
    t.tap(good);
    for (const name of ['send', 'print']) {
      t.part(name).dispatchEvent(new PointerEvent('pointerdown', { bubbles: true, composed: true }));
      await t.pass();
      expect([t.sends, t.told], name).to.deep.equal([[], []]);
    }
    t.part('send').click();
    expect(t.sends.length).to.equal(1);
  });

  it('sends, prints and clears by the lift of a finger, however long it has rested there, and once', async () => {
    for (const name of ['send', 'print', 'key-clear']) {
      await start();
      t.tap(good);
      await t.pass(200);
      const button = t.part(name);
      const { left, top, width, height } = button.getBoundingClientRect();
      const touches = [{ identifier: 1, target: button, clientX: left + width / 2, clientY: top + height / 2 }];
      // Browsers bring their menu then, and no click.
      const menu = new MouseEvent('contextmenu', { bubbles: true, cancelable: true, composed: true });
      const end = new Event('touchend', { bubbles: true, cancelable: true, composed: true });
      Object.assign(end, { changedTouches: touches, targetTouches: [], touches: [] });
      expect(button.dispatchEvent(menu), name).to.equal(false);
      // Nor the click of a short one, beside this.
      expect(button.dispatchEvent(end), name).to.equal(false);
      await t.pass();
      expect([t.sends.length, t.reasons(), t.digits()], name).to.deep.equal(
        { send: [1, [], good], print: [0, ['order declined'], ''], 'key-clear': [0, [], ''] }[name],
      );
      t.remove();
    }
  });

  it('has nothing on it that a finger could select by resting there, as in Safari', async () => {
    await start();
    for (const name of ['send', 'print', 'key-clear', 'key-5', 'pad']) {
      const style = getComputedStyle(t.part(name));
      expect(style.userSelect || style.webkitUserSelect, name).to.equal('none');
    }
  });

  it('leaves the press to the click where the page has made all listeners to touches passive: the browser sends it all the same', async () => {
    const { addEventListener } = EventTarget.prototype;
    EventTarget.prototype.addEventListener = function (type, listener, options) {
      const passive = { capture: !!options, passive: true };
      addEventListener.call(this, type, listener, type.startsWith('touch') ? passive : options);
    };
    try {
      await start();
    } finally {
      EventTarget.prototype.addEventListener = addEventListener;
    }
    t.pad.addEventListener('print-receipt', () => void t.pad.prompt('next'), { once: true });
    const button = t.part('print');
    const { left, top, width, height } = button.getBoundingClientRect();
    const touches = [{ identifier: 1, target: button, clientX: left + width / 2, clientY: top + height / 2 }];
    const end = new Event('touchend', { bubbles: true, cancelable: true, composed: true });
    Object.assign(end, { changedTouches: touches, targetTouches: [], touches: [] });
    if (button.dispatchEvent(end)) button.click();
    await t.pass();
    expect([t.reasons(), t.pad.state]).to.deep.equal([['order declined'], 'asking']);
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

  it('repeats delete, never a digit, and stops', async () => {
    await start();
    fire('5', 'pointerdown', { pointerId: 3 });
    await t.pass(5000);
    fire('5', 'pointerup', { pointerId: 3 });
    expect(t.digits()).to.equal('5');
    for (const stop of ['pointerup', 'pointercancel', 'blur', 'remove']) {
      t.pad.clear();
      t.tap('12345678901234567890');
      fire('delete', 'pointerdown', { pointerId: 4 });
      expect(t.digits().length, stop).to.equal(19);
      await t.pass(499);
      expect(t.digits().length).to.equal(19);
      await t.pass(1001);
      const left = t.digits().length;
      // 8 to 12 a second.
      expect(left).to.be.within(19 - 12, 19 - 8);
      if (stop === 'blur') window.dispatchEvent(new Event('blur'));
      else if (stop === 'remove') {
        const { parentNode } = t.pad;
        t.pad.remove();
        parentNode!.appendChild(t.pad);
      } else window.dispatchEvent(new PointerEvent(stop, { pointerId: 4 }));
      await t.pass(2000);
      expect(t.digits().length, stop).to.equal(left);
    }
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
    expect(t.digits()).to.equal('213');
  });

  it('goes on to delete while a finger stays on the key, whichever other one comes and goes', async () => {
    await start();
    t.tap('1234567890');
    fire('delete', 'pointerdown', { pointerId: 3 });
    await t.pass(600);
    fire('5', 'pointerdown', { pointerId: 4 });
    fire('5', 'pointerup', { pointerId: 4 });
    await t.pass(5000);
    expect(t.digits()).to.equal('');
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
});
