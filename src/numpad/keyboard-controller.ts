import type { Key } from './keypad-machine.js';
import { fold } from './phone-number.js';
import { ScannerFilter } from './scanner-filter.js';

/** What a hardware keyboard may do. */
export interface KeyboardHost {
  /** The number as it stands. */
  readonly text: string;
  /** True while a number may be entered. */
  readonly editable: boolean;
  commit(key: Key): void;
  /** Puts a text back, for a scanner's burst. */
  restore(text: string): void;
  paste(text: string): void;
  submit(): void;
  decline(): void;
}

/** Hardware keys and paste. Keys with modifiers, of an IME, and those meant for a field of the page's own are left alone. */
export class KeyboardController {
  private readonly host: KeyboardHost;
  private readonly scanner = new ScannerFilter();
  private target: EventTarget | null = null;

  constructor(host: KeyboardHost) {
    this.host = host;
  }

  /** Listens at the element, or at the document; null stops. */
  listen(target: EventTarget | null): void {
    if (target === this.target) return;
    const { target: old } = this;
    this.target = target;
    for (const [name, handler] of [
      ['keydown', this.keydown],
      ['paste', this.paste],
    ] as [string, EventListener][]) {
      if (old) old.removeEventListener(name, handler);
      if (target) target.addEventListener(name, handler);
    }
  }

  /** The number is gone, here too. */
  forget(): void {
    this.scanner.forget();
  }

  private readonly keydown = (event: KeyboardEvent): void => {
    const { host } = this;
    const origin = event.composedPath()[0] as Element;
    if (!host.editable || event.defaultPrevented || event.isComposing || event.keyCode === 229) return;
    if (event.ctrlKey || event.metaKey || event.altKey || isField(origin)) return;
    const key = fold(event.key || '');
    const at = event.timeStamp;

    if (key === 'Enter' || key === 'Tab' || key === ' ') {
      const button = origin.closest && origin.closest('button,a,summary,[role=button]');
      if (this.scanner.terminator(at)) event.preventDefault();
      else if (key === 'Enter') {
        // On a button, Enter presses it; held down, once, as on the screen.
        if (!button || (event.repeat && button.matches('[data-key]:not([data-key=delete]),[part=send]')))
          event.preventDefault();
        if (!button && !event.repeat) host.submit();
      }
    } else if (key.length === 1) {
      // Held down: one digit, as on the screen.
      if (event.repeat) return;
      const before = this.scanner.character(at, host.text);
      if (before !== null) host.restore(before);
      else if (key >= '0' && key <= '9') host.commit(key as Key);
      else if (key === '+') host.commit('plus');
      else return;
      event.preventDefault();
    } else if (key === 'Backspace' || key === 'Delete') {
      event.preventDefault();
      host.commit('delete');
    } else if (key === 'Escape') {
      event.preventDefault();
      host.decline();
    }
  };

  private readonly paste = (event: ClipboardEvent): void => {
    if (!this.host.editable || event.defaultPrevented || isField(event.composedPath()[0] as Element)) return;
    const text = event.clipboardData && event.clipboardData.getData('text/plain');
    if (!text) return;
    event.preventDefault();
    this.host.paste(text);
  };
}

function isField(target: Element): boolean {
  return (
    !!target &&
    (/^(input|textarea|select)$/i.test(target.tagName) || (target as HTMLElement).isContentEditable === true)
  );
}
