import type { Clock } from '../shared/clock.js';
import type { Key } from './keypad-machine.js';

const repeatAfter = 500;
const repeatEvery = 100;
/** A click that belongs to a press comes with the lift; browsers with double-tap zoom hold it back by 350 ms. */
const clickWithin = 1000;

/**
 * Turns presses on keys into digits. A digit counts when the finger comes down, whichever finger, so that neither a slide, nor a second finger,
 * nor a long press loses or doubles it; a `click` counts only where no press came before, as from a screen reader, a switch or the keyboard.
 * Where there are no pointer events (Safari 12), touches and the mouse do the same.
 */
export class TapController {
  private readonly host: { clock: Clock };
  private readonly commit: (key: Key) => void;
  /** When each key was pressed or lifted last: what tells a click that follows from one of its own. */
  private readonly pressed: { [key: string]: number } = {};
  /** When a finger touched last. */
  private touchedAt = -Infinity;
  private readonly held: { [pointer: string]: Key } = {};
  private stopRepeat: (() => void) | null = null;

  constructor(host: { clock: Clock }, commit: (key: Key) => void) {
    this.host = host;
    this.commit = commit;
  }

  readonly pointerdown = (event: PointerEvent): void => {
    if (event.button === 0) this.press(event.pointerId, event.target);
  };

  readonly touchstart = (event: TouchEvent): void => {
    if (hasPointerEvents()) return;
    this.touchedAt = this.host.clock.now();
    for (const touch of Array.from(event.changedTouches)) this.press(touch.identifier, touch.target);
  };

  /** On the pad only; a double tap must not zoom the page, and the digit has counted already. */
  readonly touchend = (event: TouchEvent): void => {
    if (event.cancelable) event.preventDefault();
    if (hasPointerEvents()) return;
    for (const touch of Array.from(event.changedTouches)) this.lift(touch.identifier);
  };

  readonly mousedown = (event: MouseEvent): void => {
    // A touch brings a mouse event along; a mouse of its own may press one key as fast as it likes.
    const touched = this.host.clock.now() - this.touchedAt < clickWithin;
    if (!hasPointerEvents() && event.button === 0 && !touched) this.press(-1, event.target);
  };

  readonly click = (event: MouseEvent): void => {
    const key = keyAt(event.target);
    if (key && !this.follows(key)) this.commit(key);
  };

  /** The keyboard is at work: the next click is its own. */
  forgive(): void {
    for (const key in this.pressed) delete this.pressed[key];
  }

  /** Lets go of everything. */
  stop(): void {
    for (const pointer in this.held) delete this.held[pointer];
    this.watch(false);
    this.hush();
  }

  private press(pointer: number, target: EventTarget | null): void {
    const key = keyAt(target);
    // Clear acts on lift, as Send and Print do.
    if (!key || key === 'clear') return;
    this.commit(key);
    this.pressed[key] = this.host.clock.now();
    this.held[pointer] = key;
    this.watch(true);
    if (key === 'delete') this.repeat(repeatAfter);
  }

  private repeat(ms: number): void {
    this.hush();
    this.stopRepeat = this.host.clock.after(ms, () => {
      this.commit('delete');
      this.repeat(repeatEvery);
    });
  }

  private hush(): void {
    if (this.stopRepeat) this.stopRepeat();
    this.stopRepeat = null;
  }

  private readonly pointerup = (event: PointerEvent | MouseEvent): void => {
    this.lift('pointerId' in event ? event.pointerId : -1);
  };

  private readonly blur = (): void => this.stop();

  private lift(pointer: number): void {
    const key = this.held[pointer];
    if (!key) return;
    delete this.held[pointer];
    this.pressed[key] = this.host.clock.now();
    const held = Object.keys(this.held).map((other) => this.held[other]);
    if (held.indexOf('delete') < 0) this.hush();
    if (!held.length) this.watch(false);
  }

  /** True for what a browser sends after a press on the same key. */
  private follows(key: Key | null): boolean {
    if (!key) return false;
    const at = this.pressed[key];
    const held = Object.keys(this.held).some((pointer) => this.held[pointer] === key);
    return held || (at !== undefined && this.host.clock.now() - at < clickWithin);
  }

  /** A finger or the mouse may lift anywhere. */
  private watch(on: boolean): void {
    const change = on ? 'addEventListener' : 'removeEventListener';
    for (const name of ['pointerup', 'pointercancel', 'mouseup'] as const)
      window[change](name, this.pointerup as EventListener, true);
    window[change]('blur', this.blur);
  }
}

function hasPointerEvents(): boolean {
  return typeof PointerEvent === 'function';
}

function keyAt(target: EventTarget | null): Key | null {
  const button = target && (target as Element).closest('[data-key]');
  return button ? (button.getAttribute('data-key') as Key) : null;
}
