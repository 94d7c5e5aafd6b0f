// Fingers, mouse, keyboard, scripts and libraries in orders that no hand would come up with: each press is one digit. Real touches are in taps.test.ts.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Key } from '../../src/numpad/keypad-machine.js';
import { TapController } from '../../src/numpad/tap-controller.js';
import { fakeClock } from '../support/fake-clock.js';

type Handler = 'pointerdown' | 'touchstart' | 'touchend' | 'mousedown' | 'click';
type Told = Parameters<TapController[Handler]>[0];

const elementOf = (key: Key) => ({
  closest: () => ({ getAttribute: () => key }),
  getRootNode: () => ({}),
  get ownerDocument() {
    return { defaultView: window };
  },
});

/** A window and a pad, which tell of events in the order of a browser: first who captures at the window, then the library, then the pad. */
function till(library: { on: string; captures: boolean } | null) {
  const clock = fakeClock(0);
  const listeners = new Map<string, Set<(event: unknown) => void>>();
  const of = (name: string) => listeners.get(name) ?? listeners.set(name, new Set()).get(name)!;
  const pressed: Key[] = [];
  const taps = new TapController({ clock, commit: (key) => pressed.push(key) });
  const page = {
    addEventListener: (name: string, listener: () => void) => of(name).add(listener),
    removeEventListener: (name: string, listener: () => void) => of(name).delete(listener),
  };
  Object.assign(globalThis, { window: page, PointerEvent: class {} });

  const tell = (type: string, key: Key, handler: Handler | null, more: object = {}): { defaultPrevented: boolean } => {
    const target = elementOf(key);
    const event = {
      ...{ type, target, isTrusted: true, button: 0, cancelable: true, defaultPrevented: false, eventPhase: 1 },
      preventDefault: () => (event.defaultPrevented = event.cancelable),
      composedPath: () => [target],
      changedTouches: [] as object[],
      touches: [] as object[],
      ...more,
    };
    const echoes = library && library.on === type && event.isTrusted;
    for (const listener of [...of(type)]) listener(event);
    if (echoes && library.captures) script(key);
    if (handler) (taps[handler] as (event: Told) => void)(event as unknown as Told);
    if (echoes && !library.captures) script(key);
    event.eventPhase = 0;
    return event;
  };
  const script = (key: Key) => tell('click', key, 'click', { isTrusted: false });
  return { clock, pressed, taps, tell, script };
}

/** What happens, and when, in ms. */
type Plan = { at: number; happens: (here: ReturnType<typeof till>) => void }[];

/** One to six gestures, each a digit of `keys`; several may overlap. */
function plan(random: () => number, echoed: boolean) {
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)]!;
  const keys: { at: number; key: Key }[] = [];
  const events: Plan = [];
  let now = 0;
  let pointers = 10;
  // A click that comes late and a keyboard do not go together: which of the two has brought it cannot be told.
  const keyboard = random() < 0.5;
  const cancelable = keyboard || random() < 0.7;

  const touch = (key: Key, at: number, hold: number, slides = false) => {
    const pointer = { pointerId: pointers++ };
    const changedTouches = [{ identifier: pointer.pointerId, target: elementOf(key) }];
    let clicks = false;
    events.push({
      at,
      happens({ tell }) {
        tell('pointerdown', key, 'pointerdown', pointer);
        tell('touchstart', key, 'touchstart', { changedTouches });
      },
    });
    events.push({
      at: at + hold,
      happens({ tell }) {
        // A touch is told of to where it began, its pointer to where it is.
        tell('pointerup', slides ? '9' : key, null, pointer);
        const { defaultPrevented } = tell('touchend', key, 'touchend', { changedTouches, cancelable });
        clicks = !defaultPrevented && !slides && !echoed;
      },
    });
    events.push({ at: at + hold + pick([0, 0, 300]), happens: ({ tell }) => clicks && tell('click', key, 'click') });
    keys.push({ at, key });
  };
  const mouse = (key: Key, at: number, hold: number, isTrusted = true) => {
    const pointer = { pointerId: 1, isTrusted };
    events.push({
      at,
      happens({ tell }) {
        tell('pointerdown', key, 'pointerdown', pointer);
        tell('mousedown', key, 'mousedown', pointer);
      },
    });
    events.push({
      at: at + hold,
      happens({ tell }) {
        tell('pointerup', key, null, pointer);
        tell('mouseup', key, null, pointer);
        tell('click', key, 'click', pointer);
      },
    });
    keys.push({ at, key });
  };

  for (let count = 1 + Math.floor(random() * 6); count; count--) {
    now += pick([5, 30, 60, 120, 400, 700]);
    const key = pick<Key>(['1', '1', '2', '3']);
    const hold = pick([10, 50, 90, 600]);
    const kind = pick(['tap', 'tap', 'slide', 'two fingers', 'mouse', 'script', 'press by script', 'keyboard']);
    const at = now;
    if (kind === 'tap' || (kind === 'slide' && echoed)) touch(key, at, hold);
    else if (kind === 'slide') touch(key, at, hold, true);
    else if (kind === 'two fingers') {
      touch(key, at, hold + 30);
      touch(pick<Key>(['4', '5']), at + 10, hold + pick([0, 60]));
      now += 100;
    } else if (kind === 'mouse' && !echoed) mouse(key, at, hold);
    else if (kind === 'press by script') mouse(key, at, 0, false);
    else {
      const typed = kind === 'keyboard' && keyboard;
      events.push({
        at,
        happens({ taps, tell, script }) {
          if (typed) taps.forgive();
          if (typed) tell('click', key, 'click');
          else script(key);
        },
      });
      keys.push({ at, key });
    }
    if (kind !== 'script' && kind !== 'keyboard') now += hold;
  }
  return { events: events.sort((one, two) => one.at - two.at), keys: keys.sort((one, two) => one.at - two.at) };
}

describe('presses in any order', () => {
  for (const on of ['', 'touchstart', 'pointerup', 'touchend'])
    for (const captures of on ? [true, false] : [false])
      it(`are one digit each${on && `, beside a library that sends a click at ${on}${captures ? ' before the pad hears of it' : ''}`}`, () => {
        const { random } = fakeClock(0, 8);
        for (let run = 0; run < 3000; run++) {
          const { events, keys } = plan(random, !!on);
          const here = till(on ? { on, captures } : null);
          for (const { at, happens } of events) {
            here.clock.advance(at - here.clock.now());
            happens(here);
          }
          here.clock.advance(5000);
          assert.equal(here.pressed.join(''), keys.map(({ key }) => key).join(''), `run ${run}`);
        }
      });
});
