import type { Clock } from '../shared/clock.js';
import type { Key } from './keypad-machine.js';

const repeatAfter = 500;
const repeatEvery = 100;
/** Browsers with double-tap zoom hold the click of a press back by 350 ms after the lift; most send it with the lift. In ms. */
const clickWithin = 500;

export interface TapHost {
  readonly clock: Clock;
  commit(key: Key): void;
}

/** Clicks that presses on a key have still to bring. */
interface Due {
  clicks: number;
  /** From a finger or the mouse, not from a script. */
  trusted: boolean;
  /** When the key was pressed or lifted last. */
  at: number;
}

/**
 * Turns presses on keys into digits. A digit counts when the finger comes down, whichever finger, so that neither a slide, nor a second finger,
 * nor a long press loses or doubles it. A `click` counts unless a press has accounted for it: each press accounts for the one that it brings,
 * and for none if it brings none. So a screen reader, a switch, the keyboard or `el.click()` are heard at any time, also right after a tap.
 * Libraries against slow clicks send one of their own while the browser tells of the finger: that is the press once more.
 * Where there are no pointer events (Safari 12), touches and the mouse do the same.
 */
export class TapController {
  private readonly host: TapHost;
  private due: { [key: string]: Due } = {};
  /** Keys whose press has been heard and whose touch, or click, has not ended it, whatever has been forgotten meanwhile. */
  private heard: { [key: string]: boolean } = {};
  private held: { [pointer: string]: Key } = {};
  private stopRepeat: (() => void) | null = null;
  /** The key that a finger or the mouse was on last, and the event that has told of its lift. */
  private last: Key | null = null;
  private lifted: Event | null = null;

  constructor(host: TapHost) {
    this.host = host;
  }

  readonly pointerdown = (event: PointerEvent): void => {
    if (event.button === 0) this.press(event.pointerId, event);
  };

  readonly touchstart = (event: TouchEvent): void => {
    if (hasPointerEvents()) return;
    for (const { identifier, target } of Array.from(event.changedTouches)) this.press(identifier, event, target);
  };

  /** On the pad only; a double tap must not zoom the page, and the digit has counted already. */
  readonly touchend = (event: TouchEvent): void => {
    const touches = Array.from(event.changedTouches);
    // Where the page has kept the press from the keys, only the click is left.
    const unheard = ({ target }: Touch): boolean => {
      const key = keyAt(target);
      return !!key && !this.heard[key];
    };
    if (event.cancelable && !touches.some(unheard)) event.preventDefault();
    for (const { identifier, target } of touches) {
      if (!hasPointerEvents()) this.lift(identifier);
      const key = keyAt(target);
      this.end(key);
      // A browser sends no click after this; a script may.
      if (event.isTrusted && event.defaultPrevented) this.settle(key);
    }
  };

  readonly mousedown = (event: MouseEvent): void => {
    if (!hasPointerEvents() && event.button === 0 && !this.dueTo(keyAt(event.target), event)) this.press(-1, event);
  };

  readonly click = (event: MouseEvent): void => {
    const key = keyAt(event.target);
    if (!key) return;
    if (this.isEcho(key, event)) this.last = null;
    else if (this.dueTo(key, event)) this.settle(key);
    else this.host.commit(key);
    if (event.isTrusted) this.end(key);
  };

  /** The keyboard is at work: the next click is its own. */
  readonly forgive = (): void => {
    this.due = {};
  };

  /** Which keys were pressed is part of the number. A key that is down still accounts for its click. */
  forget(): void {
    const held = this.keysHeld();
    for (const key in this.due) if (held.indexOf(key as Key) < 0) delete this.due[key];
    if (held.indexOf(this.last!) < 0) this.last = null;
  }

  /** Lets go of everything. */
  stop(): void {
    this.held = {};
    this.watch(false);
    this.hush();
    window.removeEventListener('touchend', this.lastTouch, true);
  }

  private press(pointer: number, { isTrusted, target }: UIEvent, at: EventTarget | null = target): void {
    const key = keyAt(at);
    // Clear acts on lift, as Send and Print do.
    if (!key || key === 'clear') return;
    this.host.commit(key);
    const due = this.due[key];
    const now = this.host.clock.now();
    const owed = due && due.trusted === isTrusted && now - due.at < clickWithin ? due.clicks : 0;
    this.due[key] = { clicks: owed + 1, trusted: isTrusted, at: now };
    this.held[pointer] = key;
    this.heard[key] = true;
    this.last = isTrusted ? key : null;
    this.watch(true);
    // It comes after the pointer's own lift.
    window.addEventListener('touchend', this.lastTouch, true);
    if (key === 'delete') this.repeat(repeatAfter);
  }

  private repeat(ms: number): void {
    this.hush();
    this.stopRepeat = this.host.clock.after(ms, () => {
      this.host.commit('delete');
      this.repeat(repeatEvery);
    });
  }

  /** Delete repeats no more. A key that is down still accounts for its click, whenever it is lifted. */
  readonly hush = (): void => {
    if (this.stopRepeat) this.stopRepeat();
    this.stopRepeat = null;
  };

  private readonly pointerup = (event: PointerEvent | MouseEvent): void => {
    const pointer = 'pointerId' in event ? event.pointerId : -1;
    const key = this.held[pointer];
    if (key && event.isTrusted) this.last = key;
    this.lifted = event;
    this.lift(pointer);
    // A press that ends elsewhere, or is taken away for a scroll or a zoom, brings no click to its key.
    if (key && (event.type === 'pointercancel' || (event.isTrusted && keyAt(event.composedPath()[0]) !== key)))
      this.settle(key);
  };

  private readonly lastTouch = (event: Event): void => {
    this.lifted = event;
  };

  private lift(pointer: number): void {
    const key = this.held[pointer];
    if (!key) return;
    delete this.held[pointer];
    if (this.due[key]) this.due[key]!.at = this.host.clock.now();
    const held = this.keysHeld();
    if (held.indexOf('delete') < 0) this.hush();
    if (!held.length) this.watch(false);
  }

  private end(key: Key | null): void {
    if (key && this.keysHeld().indexOf(key) < 0) delete this.heard[key];
  }

  private keysHeld(): (Key | undefined)[] {
    return Object.keys(this.held).map((pointer) => this.held[pointer]);
  }

  /** True for what a script sends while the browser tells of a press on the same key, from the first event to the last. */
  private isEcho(key: Key, { isTrusted }: Event): boolean {
    const { last, lifted } = this;
    return !isTrusted && key === last && (this.keysHeld().indexOf(key) >= 0 || (!!lifted && lifted.eventPhase > 0));
  }

  /** True for what a browser sends after a press on the same key. */
  private dueTo(key: Key | null, { isTrusted }: Event): boolean {
    const due = key && this.due[key];
    return (
      !!due &&
      due.clicks > 0 &&
      due.trusted === isTrusted &&
      (this.keysHeld().indexOf(key) >= 0 || this.host.clock.now() - due.at < clickWithin)
    );
  }

  /** One press on the key has no click to come any more. */
  private settle(key: Key | null): void {
    const due = key && this.due[key];
    if (due && due.clicks) due.clicks--;
  }

  /** A finger or the mouse may lift anywhere. */
  private watch(on: boolean): void {
    const change = on ? 'addEventListener' : 'removeEventListener';
    for (const name of ['pointerup', 'pointercancel', 'mouseup'] as const)
      window[change](name, this.pointerup as EventListener, true);
    window[change]('blur', this.hush);
  }
}

function hasPointerEvents(): boolean {
  return typeof PointerEvent === 'function';
}

function keyAt(target: EventTarget | null | undefined): Key | null {
  const button = target && (target as Element).closest && (target as Element).closest('[data-key]');
  return button ? (button.getAttribute('data-key') as Key) : null;
}
