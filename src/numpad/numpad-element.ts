import { LitElement, type PropertyValues, type TemplateResult } from 'lit';
import { systemClock, type Clock } from '../shared/clock.js';
import { Language } from '../shared/localize.js';
import { enNumpad } from '../shared/messages/en.js';
import { watchPageLanguage } from '../shared/page-language.js';
import type { FetchLike } from '../shared/proxy-client.js';
import { tokens } from '../shared/tokens.styles.js';
import { Announcer } from './announcer.js';
import { EreceiptSentEvent, PrintReceiptEvent, type EreceiptOutcome } from './events.js';
import { FormValue } from './form-value.js';
import { IdleTimer } from './idle-timer.js';
import { KeyboardController } from './keyboard-controller.js';
import type { Key } from './keypad-machine.js';
import { lift } from './lift.js';
import { NumberEntry } from './number-entry.js';
import { choiceOf, newKey, problemOf, textOf, wordsFor, type NumpadStrings } from './numpad-model.js';
import { numpadTemplate, type NumpadView } from './numpad-templates.js';
import { numpadStyles } from './numpad.styles.js';
import { PanelController } from './panel-controller.js';
import type { NumberReason } from './phone-number.js';
import { PresenceController } from './presence-controller.js';
import { PromptConduct } from './prompt-conduct.js';
import { isEditable, isOpen, isResting, type PromptPhase, type PromptState } from './prompt-machine.js';
import type { EreceiptSend } from './send-result.js';
import { TapController } from './tap-controller.js';

/** How long the end of a prompt stays on screen, in ms. */
const restFor = 3000;

/** A page that makes a list anew with each render has not changed it. */
const differs = (value: unknown, old: unknown): boolean => textOf(value) !== textOf(old);

/** What is no number of seconds, a blank included, must not keep a customer's number on the screen for ever. */
const secondsOf = (text: unknown): number =>
  parseFloat(text as string) >= 0 && (text as number) >= 0 ? +(text as number) : 60;

/**
 * Asks a customer after an order for the phone number that the receipt is to be texted to. Each prompt ends in exactly one of `ereceipt-sent` and
 * `print-receipt`; the first only once the send was confirmed, the second in any doubt.
 *
 * @summary A keypad for the customer's phone number, and the one outcome of each receipt.
 * @tagname rulrr-ereceipt-numpad
 *
 * @attr {string} state - The property of that name, for styling; the element writes it.
 *
 * @fires {EreceiptSentEvent} ereceipt-sent - The receipt was texted, confirmed: `{orderId, phoneNumber}`. Paper may be dismissed.
 * @fires {PrintReceiptEvent} print-receipt - The receipt is to be printed: `{orderId, reason}`.
 * @fires {Event} input - The number has changed; `value` has it.
 *
 * @csspart dialog - The panel, in the page or over it.
 * @csspart display - The number; after the send, its last four digits.
 * @csspart country - The choice of country, if `countries` names several.
 * @csspart pad - The grid of keys.
 * @csspart key - Each key.
 * @csspart key-0 - The key 0.
 * @csspart key-1 - The key 1.
 * @csspart key-2 - The key 2.
 * @csspart key-3 - The key 3.
 * @csspart key-4 - The key 4.
 * @csspart key-5 - The key 5.
 * @csspart key-6 - The key 6.
 * @csspart key-7 - The key 7.
 * @csspart key-8 - The key 8.
 * @csspart key-9 - The key 9.
 * @csspart key-plus - The key +.
 * @csspart key-delete - The key that takes the last digit back.
 * @csspart key-clear - The key that takes all digits back.
 * @csspart send - Sends the receipt.
 * @csspart print - Takes paper.
 * @csspart error - What is wrong, with its reason in `data-reason`.
 * @csspart status - How things stand; the live region.
 *
 * @cssprop [--rulrr-accent] - Background of Send.
 * @cssprop [--rulrr-on-accent] - Text on it.
 * @cssprop [--rulrr-surface] - Background of the panel.
 * @cssprop [--rulrr-surface-raised] - Background of keys.
 * @cssprop [--rulrr-text] - Text.
 * @cssprop [--rulrr-text-muted] - Letters on keys, and words on buttons that cannot be pressed.
 * @cssprop [--rulrr-border] - Colour of borders.
 * @cssprop [--rulrr-danger] - Text of errors.
 * @cssprop [--rulrr-focus] - Focus rings.
 * @cssprop [--rulrr-radius=12px] - Corner radius.
 * @cssprop [--rulrr-font] - Font family.
 * @cssprop [--rulrr-numpad-width=420px] - Greatest width of the panel.
 * @cssprop [--rulrr-numpad-padding=12px] - Padding of the panel.
 * @cssprop [--rulrr-numpad-gap=8px] - Gap between keys.
 * @cssprop [--rulrr-numpad-key-height=64px] - Height of keys; never under 44px.
 * @cssprop [--rulrr-numpad-key-size=26px] - Font size of keys.
 * @cssprop [--rulrr-numpad-key-background] - Background of keys alone; else `--rulrr-surface-raised`.
 * @cssprop [--rulrr-numpad-key-active] - Background of a key that is down; else `--rulrr-border`.
 * @cssprop [--rulrr-numpad-key-color] - Text on keys, letters too; else `--rulrr-text` and `--rulrr-text-muted`.
 * @cssprop [--rulrr-numpad-key-border] - Colour of the border of keys; else `--rulrr-border`.
 * @cssprop [--rulrr-numpad-key-radius] - Corner radius of keys; else `--rulrr-radius`.
 * @cssprop [--rulrr-numpad-display-size=34px] - Font size of the number.
 * @cssprop [--rulrr-numpad-display-color] - Colour of the number; else `--rulrr-text`.
 * @cssprop [--rulrr-numpad-send-background] - Background of Send while it can be pressed; else `--rulrr-accent`.
 * @cssprop [--rulrr-numpad-send-color] - Text on it; else `--rulrr-on-accent`.
 */
export class RulrrEreceiptNumpad extends LitElement {
  static formAssociated = true;
  static override styles = [tokens, numpadStyles];

  // Not decorators: their helpers alone would be 2 % of this element.
  static override properties = {
    proxyUrl: { attribute: 'proxy-url' },
    orderId: { attribute: 'order-id' },
    defaultCountry: { attribute: 'default-country', hasChanged: differs },
    countries: { hasChanged: differs },
    presentation: {},
    open: { type: Boolean, reflect: true },
    idleTimeout: { attribute: 'idle-timeout', converter: secondsOf, hasChanged: differs },
    layout: {},
    capture: {},
    // The default is not written into the page's markup.
    name: { reflect: true, useDefault: true },
    send: { attribute: false },
    fetch: { attribute: false },
    strings: { attribute: false },
  };

  /** Path or URL of the vendor's proxy. */
  proxyUrl = '';

  /** The order that is asked about. Together with `open`, prompts. */
  orderId = '';

  /** Whose national numbers may be keyed without a country code: ISO 3166-1 alpha-2. */
  defaultCountry = 'US';

  /** Countries whose numbers may be texted, ISO 3166-1 alpha-2 with spaces between; all if empty. Several bring a choice. */
  countries = '';

  /** In the page, or as a modal dialog over it. */
  presentation: 'inline' | 'dialog' = 'inline';

  /** True while a prompt is on. Setting it with an `orderId` prompts; taking it away closes. */
  open = false;

  /** Seconds without a touch after which the receipt prints; the last 10 are counted on screen. 0 is never. */
  idleTimeout = 60;

  /** Order of the keys: that of a phone, or 7-8-9 on top. */
  layout: 'phone' | 'calculator' = 'phone';

  /** `document` takes hardware keys wherever the focus is; else only while it is inside. */
  capture: '' | 'document' = '';

  /** Name of the number in a form. */
  name = '';

  /** Sends the receipt instead of the proxy; resolves once the send is confirmed. */
  send: EreceiptSend | null = null;

  /** Makes the calls to the proxy; replace it to add a header of one's own. */
  fetch: FetchLike = (input, init) => fetch(input, init);

  /** Words to use instead of the kit's own, by key. */
  strings: Partial<NumpadStrings> = {};

  /** @internal */
  clock: Clock = systemClock;

  private readonly conduct = new PromptConduct(this);
  private readonly entry = new NumberEntry(this);
  private readonly panel = new PanelController(this);
  private readonly announcer = new Announcer(this);
  private readonly formValue = new FormValue(this);
  private readonly keyboard = new KeyboardController(this, this.entry);
  private readonly taps = new TapController(this);
  private readonly idle = new IdleTimer(this);
  private readonly presence = new PresenceController(this);

  /** The order that `open` has prompted for, so that a render does not prompt twice. */
  private asked: string | null = null;
  /** The customer pressed Send too early, and is told why. */
  private eager = false;
  private readonly language = new Language(this);
  private stopRest: () => void = () => {};
  private stopWarm: () => void = () => {};
  private stopLanguage: () => void = () => {};

  /** The value that the page is being told: frameworks that bind it write it back, and that would take the digits of an unfinished number. */
  private echo?: string;

  /** How the prompt stands. Reflected to the attribute `state`. */
  get state(): PromptPhase {
    return this.conduct.model.phase;
  }

  /** The number in E.164; '' while it cannot be texted. Setting it keys it, but not while another one is being sent. */
  get value(): string {
    return this.entry.judged().number;
  }
  set value(value: string) {
    if (value !== this.echo && this.state !== 'sending') this.entry.paste(String(value || ''));
  }

  /** Why the number cannot be texted; null with one that can, and with none. */
  get reason(): NumberReason | null {
    return this.entry.judged().reason;
  }

  /** @internal */
  get editable(): boolean {
    return isEditable(this.conduct.model);
  }

  /** The order that the page has declared, and that was not asked about yet; '' if there is none. */
  private get unasked(): string {
    const order = textOf(this.orderId);
    return order.trim() && order !== this.asked ? order : '';
  }

  /** In another document, such as a popup's, the style sheets of this one are refused; it gets its own. */
  protected override createRenderRoot(): HTMLElement | DocumentFragment {
    try {
      return super.createRenderRoot();
    } catch {
      return this.shadowRoot!;
    }
  }

  /** Whoever waits for it finds what has been keyed formatted, judged and told. */
  protected override getUpdateComplete(): Promise<boolean> {
    this.entry.catchUp();
    return super.getUpdateComplete();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    const root = this.shadowRoot!;
    const view = this.ownerDocument.defaultView as (typeof globalThis & Window) | null;
    // Style sheets hold only in the document that made them: they are gone with each move to another one, and back.
    if (view && root.adoptedStyleSheets && !root.adoptedStyleSheets.length) {
      const sheet = new view.CSSStyleSheet();
      sheet.replaceSync(RulrrEreceiptNumpad.styles.join(''));
      root.adoptedStyleSheets = [sheet];
    }
    // Set before the class was there, it hides the accessor.
    if (this.hasOwnProperty('value')) {
      const { value } = this;
      delete (this as Partial<this>).value;
      this.value = value;
    }
    this.setAttribute('state', this.state);
    this.formValue.connect();
    this.presence.connect();
    this.watchKeys();
    this.stopLanguage = watchPageLanguage(this, () => this.requestUpdate());
    // A modal dialog that was moved is modal no more.
    this.panel.hide();
    this.requestUpdate();
    this.warm();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.keyboard.listen(null);
    this.stopLanguage();
    this.taps.stop();
    this.announcer.stop();
    this.stopWarm();
    this.presence.check();
  }

  /** A form that is reset forgets the number. */
  formResetCallback(): void {
    this.clear();
  }

  /**
   * Asks for the number of an order. A prompt that is on gives way: its receipt prints. Resolves with `{type, orderId, …}`, as the event has it.
   * @returns how it ended. Rejects only if `orderId` is blank, and then nothing has changed.
   */
  prompt(orderId: string): Promise<EreceiptOutcome> {
    const order = textOf(orderId);
    if (!order.trim()) return Promise.reject(new TypeError('rulrr-ereceipt-numpad: prompt() needs an order id.'));
    // What the page had set before the class was there counts from the first update on. Hastened only where it decides: it costs a render.
    if (!this.hasUpdated && !this.send && !this.proxyUrl) this.performUpdate();
    this.keyboard.before = window.event;
    this.asked = this.orderId = order;
    this.open = true;
    this.entry.retryWorld();
    const outcome = this.conduct.prompt(order);
    this.presence.check();
    return outcome;
  }

  /** Forgets the number. */
  clear(): void {
    this.entry.enter('', null);
  }

  /** Ends the prompt; the receipt prints. */
  close(): void {
    this.conduct.feed({ type: 'close' });
    // Also one that the page set between prompts.
    this.clear();
  }

  override render(): TemplateResult {
    const { announcer, conduct, entry, eager, idle, language } = this;
    const { model } = conduct;
    const text = this.words();
    const words = wordsFor(model, text, entry, idle.warnedAt, eager);
    // Before it is drawn: what may be said at once is in this render, and costs no second one.
    announcer.announce(words);
    return numpadTemplate({
      model,
      layout: this.layout,
      modal: this.presentation === 'dialog',
      language: language.code,
      rtl: language.rtl,
      text,
      complete: !!entry.judged().number,
      error: model.phase === 'failed' ? 'failed' : isEditable(model) ? problemOf(entry, eager) : null,
      words,
      spoken: announcer.spoken,
      secondsLeft: idle.secondsLeft,
      choice: choiceOf(entry.allowed(), language.code),
      on: this.handlers,
    });
  }

  protected override firstUpdated(): void {
    this.entry.mount(this.panel.display);
  }

  protected override updated(changed: PropertyValues<this>): void {
    const { entry, conduct, panel } = this;
    this.language.follow();
    if (changed.has('capture')) this.watchKeys();
    if ((changed.has('defaultCountry') || changed.has('countries')) && (entry.text || entry.chosen)) {
      entry.chosen = '';
      entry.rejudge();
    }
    const select = this.shadowRoot!.querySelector('select');
    // Whatever has been chosen once keeps that against its attribute.
    if (select) select.value = entry.country();
    if (changed.has('open') || changed.has('orderId')) this.declare();
    if (changed.has('idleTimeout')) this.touched();
    const { phase } = conduct.model;
    panel.present(this.presence.isThere && phase !== 'idle' && phase !== 'checking', this.presentation === 'dialog');
    // What had the focus may be gone.
    if (isResting(conduct.model) && this.shadowRoot!.activeElement) panel.focus();
  }

  /** `open` and `orderId` as the page has set them. */
  private declare(): void {
    if (!this.open) {
      if (isOpen(this.conduct.model)) this.close();
    } else if (this.unasked) void this.prompt(this.unasked);
  }

  // ── what the conduct of the prompt asks for

  /** @internal */
  changed(before: PromptState): void {
    const { phase, reason } = this.conduct.model;
    this.setAttribute('state', phase);
    this.eager = false;
    this.touched();
    this.watchKeys();
    if (!this.editable) this.taps.hush();
    this.stopRest();
    // A late prompt may come while the last one's end is still on screen.
    this.entry.masked = phase === 'sent' ? before.number.slice(-4) : '';
    if (isResting(this.conduct.model)) {
      // Before anybody hears of it, and not where the page has declared another order meanwhile: that one is next.
      // The attribute, too: a page that prints by putting its body away, and back as markup, would have the same order asked about again.
      if (!this.unasked) this.open = this.toggleAttribute('open', false);
      this.asked = null;
      // A dialog stays in the way only with news.
      const stays = !reason || (this.presentation === 'dialog' ? /unc/ : /^(dec|idle|send)/).test(reason);
      this.stopRest = this.clock.after(stays ? restFor : 0, this.rest);
    }
    // What the page has set meanwhile is seen before it can be sent.
    else this.entry.write();
    this.requestUpdate();
  }

  /** @internal */
  forget(): void {
    this.clear();
    this.entry.chosen = '';
    this.keyboard.forget();
  }

  /** @internal */
  refuse(): void {
    this.entry.enter(this.entry.text, 'invalid');
  }

  /** @internal */
  tell(outcome: EreceiptOutcome): void {
    // Elsewhere its event ends at the element, or is heard by nobody; whoever listens further up is told by the document.
    for (const target of this.presence.isThere ? [this] : [this, document]) {
      const { type, ...detail } = outcome;
      target.dispatchEvent(new (type === 'ereceipt-sent' ? EreceiptSentEvent : PrintReceiptEvent)(detail as never));
    }
  }

  // ── what keys, fingers and time ask for

  /** @internal */
  commit(key: Key): void {
    this.entry.commit(key);
    // Else Enter would take the next number back.
    if (key === 'clear') this.panel.focus();
  }

  /** @internal Send: only by a press, never by itself. */
  submit(): void {
    this.entry.catchUp();
    const { number } = this.entry.judged();
    if (number) this.conduct.feed({ type: 'send', number, key: newKey() });
    else if (this.editable) {
      // With a number that the page has made wrong since its send failed, there is no other try.
      this.conduct.feed({ type: 'edit' });
      this.eager = true;
      this.touched();
      this.requestUpdate();
    }
  }

  /** @internal */
  decline(): void {
    this.conduct.feed({ type: 'print' });
  }

  /** @internal */
  expire(): void {
    // A key of this very moment is not told of yet.
    if (!this.entry.catchUp()) this.conduct.feed({ type: 'idle' });
  }

  /** @internal The number is shown and judged. */
  settled(changed: boolean): void {
    this.requestUpdate();
    const { number, reason } = this.entry.judged();
    this.formValue.set(number, reason, this.words());
    if (!changed) return;
    this.eager = false;
    this.conduct.feed({ type: 'edit' });
    this.touched();
    this.echo = number;
    // Old libraries have an `Event` of their own.
    this.dispatchEvent(new CustomEvent('input', { bubbles: true, composed: true }));
    this.clock.after(0, () => delete this.echo);
  }

  /** Gets ready what the first key will need. */
  private warm(): void {
    // On a slow till 200 ms can be over before the first frame, which is not to wait for this.
    const frame = requestAnimationFrame(() => {
      this.stopWarm = this.clock.after(200, () => {
        this.entry.prepare();
        const key = this.renderRoot.querySelector('[data-key="3"]');
        // Without it the first digit takes longer, no more.
        import('./rehearsal.js')
          .then(({ rehearse }) => rehearse(NumberEntry, TapController, key, this.entry.node))
          .catch(() => {});
      });
    });
    this.stopWarm = () => cancelAnimationFrame(frame);
  }

  /** Somebody is there. */
  private touched(): void {
    this.idle.restart(this.editable ? secondsOf(this.idleTimeout) : 0);
  }

  private watchKeys(): void {
    this.keyboard.listen(
      this.isConnected && isOpen(this.conduct.model) ? (this.capture === 'document' ? this.ownerDocument : this) : null,
    );
  }

  private readonly rest = (): void => this.conduct.feed({ type: 'rest' });

  private words(): NumpadStrings {
    return this.language.words('numpad', enNumpad, this.strings);
  }

  private readonly handlers: NumpadView['on'] = {
    taps: this.taps,
    lift,
    mousedown: (event) => {
      this.taps.mousedown(event);
      // The focus goes to the number, so that hardware keys go on there and Enter does not press a key again.
      event.preventDefault();
      this.panel.focus();
    },
    still: (event) => event.preventDefault(),
    choose: (event) => {
      if (this.editable) this.entry.chosen = (event.target as HTMLSelectElement).value;
      this.entry.rejudge();
    },
    send: () => this.submit(),
    print: () => this.decline(),
    stir: (event) => {
      // Nobody has to be there for F15 or Scroll Lock: programs press them to keep a till awake.
      if (/^F1|Lock/.test((event as KeyboardEvent).key)) return;
      if (this.editable) this.touched();
      // By a click, not the press: that would end in one on what comes to light below. The button that has just ended the prompt ends no rest.
      else if (
        event.type === 'click'
          ? !(event.target as Element).closest('button')
          : (event as KeyboardEvent).key === 'Escape'
      )
        this.rest();
    },
    keep: (event) => event.stopPropagation(),
    cancel: (event) => {
      event.preventDefault();
      if (this.editable) this.decline();
      else this.rest();
    },
    close: () => this.requestUpdate(),
  };
}
