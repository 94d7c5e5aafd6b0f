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

/** A key that went down. */
interface Press {
  readonly key: Key;
  /** Where it went down: the key's button, or something in it. */
  readonly at: EventTarget;
  /** By a finger or the mouse, not by a script. */
  readonly trusted: boolean;
  /** What holds the key down; null once it has lifted. */
  pointer: number | null;
  /** When the key was pressed, or lifted. */
  when: number;
  /** The click that it brings is still to come. */
  owesClick: boolean;
  /** Neither its touch nor its click has ended it, whatever has been forgiven meanwhile. */
  open: boolean;
}

/**
 * Turns presses on keys into digits. A digit counts when the finger comes down, whichever finger, so that neither a slide, nor a second finger,
 * nor a long press loses or doubles it. A `click` counts unless a press has accounted for it: each press accounts for the one that it brings,
 * and for none if it brings none. So a screen reader, a switch, the keyboard or `el.click()` are heard at any time, also right after a tap.
 * Libraries against slow clicks send one of their own while the browser tells of the finger: that is the press once more.
 * Where there are no pointer events (Safari 12), touches and the mouse do the same.
 */
export class TapController {
  private readonly owner: TapHost;
  /** Those that still matter: held down, or lifted so lately that something may come after them. */
  private presses: Press[] = [];
  private stopRepeat: () => void = () => {};
  /** Of the page that the keys were last pressed in; they may have come from another one. */
  private view: Window | null = null;
  /** What a finger or the mouse has pressed or lifted last, and the event that has told of its lift. */
  private last: Press | null = null;
  private lifted: Event | null = null;

  constructor(owner: TapHost) {
    this.owner = owner;
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
    const touches = Array.from(event.changedTouches || []);
    // Where the page has kept the press from the keys, only the click is left.
    const unheard = ({ target }: Touch): boolean => {
      const key = keyAt(target);
      return !!key && !this.on(key).some(({ open }) => open);
    };
    if (event.cancelable && !touches.some(unheard)) event.preventDefault();
    for (const { identifier, target } of touches) {
      if (!hasPointerEvents()) this.lift(this.heldBy(identifier));
      const key = keyAt(target);
      this.end(key);
      // A browser sends no click after this; a script may.
      if (event.isTrusted && event.defaultPrevented) settle(this.on(key).filter(({ owesClick }) => owesClick)[0]);
    }
    // The page may have kept the pointer's lift to itself.
    if (event.isTrusted && !event.touches.length) this.hush();
  };

  readonly mousedown = (event: MouseEvent): void => {
    if (!hasPointerEvents() && event.button === 0 && !this.cause(keyAt(event.target), event)) this.press(-1, event);
  };

  readonly click = (event: MouseEvent): void => {
    const key = keyAt(event.target);
    if (!key) return;
    const cause = this.cause(key, event);
    if (this.isEcho(key, event)) this.last = null;
    else if (cause) settle(cause);
    else this.owner.commit(key);
    if (event.isTrusted) this.end(key);
  };

  /** The keyboard is at work: the next click is its own. */
  readonly forgive = (): void => this.presses.forEach(settle);

  /** Lets go of everything. */
  stop(): void {
    for (const press of this.presses) press.pointer = null;
    this.hush();
    if (!this.view) return;
    this.watch('removeEventListener');
    this.view.removeEventListener('touchend', this.lastTouch, true);
  }

  private press(pointer: number, { isTrusted, target }: UIEvent, at: EventTarget | null = target): void {
    const key = keyAt(at);
    if (!key) return;
    this.owner.commit(key);
    // Its lift was kept from us.
    this.lift(this.heldBy(pointer));
    const when = this.owner.clock.now();
    const press: Press = { key, at: at!, trusted: isTrusted, pointer, when, owesClick: true, open: true };
    this.presses = this.presses.filter((one) => this.matters(one)).concat(press);
    this.last = isTrusted ? press : null;
    this.view = (at as Node).ownerDocument!.defaultView || window;
    this.watch('addEventListener');
    // It comes after the pointer's own lift.
    this.view.addEventListener('touchend', this.lastTouch, true);
    if (key === 'delete') this.repeat(repeatAfter);
  }

  private repeat(ms: number): void {
    this.hush();
    this.stopRepeat = this.owner.clock.after(ms, () => {
      this.owner.commit('delete');
      this.repeat(repeatEvery);
    });
  }

  /** Delete repeats no more. A key that is down still accounts for its click, whenever it is lifted. */
  readonly hush = (): void => this.stopRepeat();

  private readonly pointerup = (event: PointerEvent | MouseEvent): void => {
    this.lifted = event;
    if (event.type === 'mouseup') this.hush();
    const press = this.heldBy('pointerId' in event ? event.pointerId : -1);
    if (!press) return;
    if (event.isTrusted) this.last = press;
    this.lift(press);
    // A press that ends elsewhere, or is taken away for a scroll or a zoom, brings no click to its key.
    const [end] = event.composedPath();
    if (event.type === 'pointercancel' || (event.isTrusted && keyAt(end) !== press.key && !isIn(press.at as Node, end)))
      settle(press);
  };

  private readonly lastTouch = (event: Event): void => {
    this.lifted = event;
  };

  private lift(press: Press | undefined): void {
    if (!press) return;
    press.pointer = null;
    press.when = this.owner.clock.now();
    if (this.on('delete').every(isLifted)) this.hush();
    if (this.presses.every(isLifted)) this.watch('removeEventListener');
  }

  private end(key: Key | null): void {
    for (const press of this.on(key).filter(isLifted)) press.open = false;
  }

  private on(key: Key | null): Press[] {
    return this.presses.filter((press) => press.key === key);
  }

  private heldBy(pointer: number): Press | undefined {
    return this.presses.filter((press) => press.pointer === pointer)[0];
  }

  private matters(press: Press): boolean {
    return !isLifted(press) || this.owner.clock.now() - press.when < clickWithin;
  }

  /** The press after which a browser sends this, on the same key. */
  private cause(key: Key | null, { isTrusted, timeStamp }: Event): Press | undefined {
    const { last, lifted } = this;
    // The page may have taken long over the lift.
    const isOf = (press: Press): boolean =>
      this.matters(press) || (press === last && !!lifted && timeStamp - lifted.timeStamp < clickWithin);
    return this.on(key).filter((press) => press.owesClick && press.trusted === isTrusted && isOf(press))[0];
  }

  /** True for what a script sends while the browser tells of a press on the same key, from the first event to the last. */
  private isEcho(key: Key, { isTrusted }: Event): boolean {
    const { last, lifted } = this;
    return !isTrusted && !!last && key === last.key && (!isLifted(last) || (!!lifted && lifted.eventPhase > 0));
  }

  /** A finger or the mouse may lift anywhere. */
  private watch(change: 'addEventListener' | 'removeEventListener'): void {
    const view = this.view!;
    for (const name of ['pointerup', 'pointercancel', 'mouseup'] as const)
      view[change](name, this.pointerup as EventListener, true);
    view[change]('blur', this.hush);
  }
}

/** The press has no click to come any more. */
function settle(press: Press | undefined): void {
  if (press) press.owesClick = false;
}

function isLifted({ pointer }: Press): boolean {
  return pointer === null;
}

export function hasPointerEvents(): boolean {
  return typeof PointerEvent === 'function';
}

/** Where a component is closed to the page, the window is told of it alone, not of the key. */
function isIn(at: Node | undefined, component: EventTarget | undefined): boolean {
  return !!at && (at === component || isIn((at.getRootNode() as ShadowRoot).host, component));
}

function keyAt(target: EventTarget | null | undefined): Key | null {
  const button = target && (target as Element).closest && (target as Element).closest('[data-key]');
  return button ? (button.getAttribute('data-key') as Key) : null;
}
