import type { NumberReason } from './phone-number.js';

/** The number as a form sees it: through ElementInternals, or a hidden input where those are missing (Safari before 16.4) or refused (Chromium, another document). */
export class FormValue {
  private readonly host: HTMLElement & { name: string };
  private internals: ElementInternals | null = null;
  private input: HTMLInputElement | null = null;
  private value = '';

  constructor(host: HTMLElement & { name: string }) {
    this.host = host;
  }

  /** Once in a page; before, an element that a server or a parser makes must have no children of its own. */
  connect(): void {
    const { host } = this;
    if (this.internals || this.input) return;
    try {
      const internals = host.attachInternals();
      internals.setFormValue(null);
      this.internals = internals;
    } catch {
      this.input = document.createElement('input');
    }
    this.set(this.value, null, null);
  }

  set(value: string, reason: NumberReason | '' | null, words: { [key: string]: string } | null): void {
    const { internals, input, host } = this;
    this.value = value;
    if (internals) {
      // With no state: the browser would keep the value as such, for a reload, a crash and the way back.
      internals.setFormValue(value || null, null);
      const message = (reason && words![reason === 'country' ? 'wrong-country' : reason]) || ' ';
      const display = host.shadowRoot!.querySelector<HTMLElement>('#number');
      internals.setValidity({ typeMismatch: !!reason }, message, display || undefined);
    } else if (input) {
      input.type = 'hidden';
      input.name = host.name;
      input.value = value;
      input.disabled = !value;
      if (host.name && input.parentNode !== host) host.appendChild(input);
    }
  }
}
