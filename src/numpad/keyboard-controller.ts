import type { Key } from './keypad-machine.js';
import type { NumberEntry } from './number-entry.js';
import { fold } from './phone-number.js';
import { ScannerFilter } from './scanner-filter.js';

/** What a hardware keyboard may do. */
export interface KeyboardHost extends Element {
  /** True while a number may be entered. */
  readonly editable: boolean;
  /** True while a prompt is on. */
  readonly open: boolean;
  submit(): void;
  decline(): void;
}

/** Those that listen; the one that was prompted last is at the end. */
let listening: KeyboardController[] = [];

/** Hardware keys and paste. Keys with modifiers, of an IME, and those meant for a field of the page's own are left alone. */
export class KeyboardController {
  private readonly host: KeyboardHost;
  private readonly entry: NumberEntry;
  /** What the page asked at: a hotkey of its own is not heard here, too. */
  before: Event | undefined;
  private readonly scanner = new ScannerFilter();
  private target: EventTarget | null = null;

  constructor(host: KeyboardHost, entry: NumberEntry) {
    this.host = host;
    this.entry = entry;
  }

  /** Listens at the element, or at the document; null stops. */
  listen(target: EventTarget | null): void {
    for (const name of ['keydown', 'paste']) {
      if (this.target) this.target.removeEventListener(name, this);
      if (target) target.addEventListener(name, this);
    }
    this.target = target;
    listening = listening.filter((one) => one !== this);
    if (target) listening.push(this);
  }

  /** The number is gone, here too. */
  forget(): void {
    this.scanner.forget();
  }

  /** @internal */
  handleEvent(event: Event): void {
    const { host } = this;
    const origin = originOf(event.composedPath()[0] as Element, host.shadowRoot!);
    if (!host.editable || event === this.before || event.defaultPrevented || !this.isMeant(event)) return;
    // In the choice of country, a digit is still one of the number.
    if (isField(origin) && !(host.shadowRoot!.contains(origin) && /^[\d+B]/.test((event as KeyboardEvent).key))) return;
    const { clipboardData } = event as ClipboardEvent;
    const pasted = clipboardData && clipboardData.getData('text/plain');
    if (pasted) {
      event.preventDefault();
      this.entry.paste(pasted);
    } else this.keydown(event as KeyboardEvent, origin);
  }

  /** Of several in a page, the one that has the focus is meant, or else the last one that can be seen. */
  private isMeant(event: Event): boolean {
    const { host, target } = this;
    const focused = (event.composedPath() as KeyboardHost[]).filter(
      ({ tagName, open }) => tagName === host.tagName && open,
    )[0];
    if (focused) return host === focused;
    const others = listening.filter((one) => one.target === target);
    const visible = others.filter((one) => one.host.getClientRects().length);
    return this === (visible.pop() || others[0]);
  }

  private keydown(event: KeyboardEvent, origin: Element): void {
    const { host, entry } = this;
    if (event.isComposing || event.keyCode === 229 || event.ctrlKey || event.metaKey || event.altKey) return;
    const key = fold(event.key || '');
    const at = event.timeStamp;

    if (key === 'Enter' || key === 'Tab' || key === ' ') {
      const button = origin.closest && origin.closest('button,input,a,summary,[role=button]');
      if (this.scanner.terminator(at)) event.preventDefault();
      else if (button) {
        // Enter presses it; held down, once, as on the screen.
        if (key === 'Enter' && event.repeat && button.matches('[data-key]:not([data-key=delete]),.ways *'))
          event.preventDefault();
      } else if (key !== 'Tab') {
        // A space, as between two groups of digits, is no wish to scroll.
        event.preventDefault();
        if (key === 'Enter' && !event.repeat) host.submit();
      }
    } else if (key.length === 1) {
      // Held down: one digit, as on the screen.
      if (event.repeat) return;
      const before = this.scanner.character(at, entry.text);
      if (before !== null) entry.enter(before, null);
      else if (key >= '0' && key <= '9') entry.commit(key as Key);
      else if (key === '+') entry.commit('plus');
      else return;
      event.preventDefault();
    } else if (/^(Backspace|Delete|Escape)$/.test(key)) {
      event.preventDefault();
      if (key !== 'Escape') entry.commit('delete');
      // Held down, it is meant for one order, not for the next one, too.
      else if (!event.repeat) host.decline();
    }
  }
}

/**
 * By its type, which a textarea and a select have, too: one that takes text, figures or a choice. To an input that is a button or a box to tick,
 * a digit says nothing, nor to a component that is `primary` or `danger`; one that is closed to the page and takes text has the type of an input.
 */
function isField(target: Element): boolean {
  return (
    !!target &&
    (/^(dat|ema|mon|num|pas|sea|sel|te[lx]|tim|url|wee)/.test((target as HTMLInputElement).type) ||
      (target as HTMLElement).isContentEditable)
  );
}

/** Where a key went down. A component that is closed to the page tells of itself only; where the focus is inside it, each tree in it knows. */
function originOf(told: Element, root: ShadowRoot, within: Element | null = null): Element {
  if (!root.host) return told;
  const focused = within || root.activeElement;
  return (told === root.host && focused) || originOf(told, root.host.getRootNode() as ShadowRoot, focused);
}
