import { LitElement, type PropertyValues, type TemplateResult } from 'lit';
import { property } from 'lit/decorators/property.js';
import { Announcer } from '../shared/announcer.js';
import { systemClock, type Clock } from '../shared/clock.js';
import { fill, languageOf, loadedMessages, loadMessages, supportedLanguage } from '../shared/localize.js';
import { enNumpad } from '../shared/messages/en.js';
import { ProxyClient, type FetchLike } from '../shared/proxy-client.js';
import { tokens } from '../shared/tokens.styles.js';
import { EreceiptSentEvent, PrintReceiptEvent, type EreceiptOutcome } from './events.js';
import { IdleTimer } from './idle-timer.js';
import { KeyboardController } from './keyboard-controller.js';
import { keysOf, letters, press, type Key } from './keypad-machine.js';
import { FormValue } from './form-value.js';
import { numpadTemplate, type NumpadStrings, type NumpadView } from './numpad-templates.js';
import { numpadStyles } from './numpad.styles.js';
import { loadWorld, phoneRules, worldIsHere } from './phone-library.js';
import { judge, readPasted, type NumberReason, type Verdict } from './phone-number.js';
import {
  initialPrompt,
  isEditable,
  isOpen,
  step,
  type PromptEffect,
  type PromptEvent,
  type PromptPhase,
} from './prompt-machine.js';
import { resultOf, type EreceiptSend } from './send-result.js';
import { TapController } from './tap-controller.js';

/** After this without an answer, in ms: whether e-receipts are on is in doubt; whether the text was sent is. */
const checkDeadline = 4000;
const sendDeadline = 8000;
/** The phone rules of the world may take this long; then the server decides. */
const worldDeadline = 5000;
/** How long the end of a prompt stays on screen. */
const restFor = 3000;

/**
 * Asks a customer after an order for the phone number that the receipt is to be texted to. Each prompt ends in exactly one of `ereceipt-sent` and
 * `print-receipt`; the first only once the send was confirmed, the second in any doubt.
 *
 * @summary A keypad for the customer's phone number, and the one outcome of each receipt.
 * @tagname rulrr-ereceipt-numpad
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
 * @csspart key-0 - The key 0; likewise `key-1` to `key-9`.
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
 * @cssprop [--rulrr-text-muted] - Letters on keys.
 * @cssprop [--rulrr-border] - Borders.
 * @cssprop [--rulrr-danger] - Text of errors.
 * @cssprop [--rulrr-focus] - Focus rings.
 * @cssprop [--rulrr-radius=12px] - Corner radius.
 * @cssprop [--rulrr-font] - Font family.
 * @cssprop [--rulrr-numpad-width=420px] - Greatest width of the panel.
 * @cssprop [--rulrr-numpad-padding=12px] - Padding of the panel.
 * @cssprop [--rulrr-numpad-gap=8px] - Gap between keys.
 * @cssprop [--rulrr-numpad-key-height=64px] - Height of keys; never under 44px.
 * @cssprop [--rulrr-numpad-key-size=26px] - Font size of keys.
 * @cssprop [--rulrr-numpad-display-size=34px] - Font size of the number.
 */
export class RulrrEreceiptNumpad extends LitElement {
  static formAssociated = true;
  static override styles = [tokens, numpadStyles];

  static override get observedAttributes(): string[] {
    return super.observedAttributes.concat('lang', 'dir');
  }

  /** Path or URL of the vendor's proxy. */
  @property({ attribute: 'proxy-url' }) proxyUrl = '';

  /** The order that is asked about. Together with `open`, prompts. */
  @property({ attribute: 'order-id' }) orderId = '';

  /** Whose national numbers may be keyed without a country code: ISO 3166-1 alpha-2. */
  @property({ attribute: 'default-country' }) defaultCountry = 'US';

  /** Countries whose numbers may be texted, ISO 3166-1 alpha-2 with spaces between; all if empty. Several bring a choice. */
  @property() countries = '';

  /** In the page, or as a modal dialog over it. */
  @property() presentation: 'inline' | 'dialog' = 'inline';

  /** True while a prompt is on. Setting it with an `orderId` prompts; taking it away closes. */
  @property({ type: Boolean, reflect: true }) open = false;

  /** Seconds without a touch after which the receipt prints; the last 10 are counted on screen. 0 is never. */
  @property({ attribute: 'idle-timeout', type: Number }) idleTimeout = 60;

  /** Order of the keys: that of a phone, or 7-8-9 on top. */
  @property() layout: 'phone' | 'calculator' = 'phone';

  /** `document` takes hardware keys wherever the focus is; else only while it is inside. */
  @property() capture: '' | 'document' = '';

  /** Name of the number in a form. */
  @property({ reflect: true }) name = '';

  /** Sends the receipt instead of the proxy; resolves once the send is confirmed. */
  @property({ attribute: false }) send: EreceiptSend | null = null;

  /** Makes the calls to the proxy; replace it to add a header of one's own. */
  @property({ attribute: false }) fetch: FetchLike = (input, init) => fetch(input, init);

  /** Words to use instead of the kit's own, by key. */
  @property({ attribute: false }) strings: Partial<NumpadStrings> = {};

  /** @internal */
  clock: Clock = systemClock;

  /** @internal What has been keyed. */
  text = '';

  private model = initialPrompt;
  private queue: PromptEffect[] | null = null;
  private readonly promises: { [turn: number]: (outcome: EreceiptOutcome) => void } = {};
  /** The order that `open` has prompted for, so that a render does not prompt twice. */
  private asked: string | null = null;

  /** A reason that holds until the number changes, whatever the rules say. */
  private blocked: NumberReason | null = null;
  /** The customer pressed Send too early, and is told why. */
  private eager = false;
  private verdict: Verdict | null = null;
  private told = '';
  private chosen = '';
  private worldBlocked = false;
  private masked = '';

  private abort: AbortController | null = null;
  private stopDeadline: (() => void) | null = null;
  private stopRest: (() => void) | null = null;
  private stopWarm: (() => void) | null = null;
  private frame = 0;
  private stopFrame: (() => void) | null = null;

  private language = 'en';
  private rtl = false;
  private spoken = '';
  private secondsLeft = 0;
  private digits: Text | null = null;
  private announcer: Announcer | null = null;
  private readonly form = new FormValue(this);
  private readonly keyboard = new KeyboardController(this);
  private readonly taps = new TapController(this, (key) => this.commit(key));
  private readonly idle = new IdleTimer(
    this,
    (secondsLeft) => this.count(secondsLeft),
    () => this.feed({ type: 'idle' }),
  );

  /** How the prompt stands. Reflected to the attribute `state`. */
  get state(): PromptPhase {
    return this.model.phase;
  }

  /** The number in E.164; '' while it cannot be texted. Setting it keys it. */
  get value(): string {
    return this.judged().number;
  }
  set value(value: string) {
    this.enter(readPasted(String(value || '')).text, null);
  }

  /** Why the number cannot be texted; null with one that can, and with none. */
  get reason(): NumberReason | null {
    return this.judged().reason;
  }

  /** @internal */
  get editable(): boolean {
    return isEditable(this.model);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.setAttribute('state', this.state);
    this.form.connect();
    window.addEventListener('pagehide', this.leave);
    this.watchKeys();
    // A modal dialog that was moved is modal no more.
    const panel = this.panel;
    if (panel && panel.hasAttribute('open')) hide(panel);
    this.requestUpdate();
    if (!this.stopWarm) this.stopWarm = this.clock.after(200, () => this.warm());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.removeEventListener('pagehide', this.leave);
    this.keyboard.listen(null);
    this.taps.stop();
    if (this.announcer) this.announcer.stop();
    if (this.stopWarm) this.stopWarm();
    this.stopWarm = null;
    this.watchAway();
  }

  override attributeChangedCallback(name: string, old: string | null, value: string | null): void {
    super.attributeChangedCallback(name, old, value);
    if (name === 'lang' || name === 'dir') this.requestUpdate();
  }

  /** A form that is reset forgets the number. */
  formResetCallback(): void {
    this.clear();
  }

  /**
   * Asks for the number of an order. A prompt that is on gives way: its receipt prints.
   * @returns how it ended. Rejects only if `orderId` is blank, and then nothing has changed.
   */
  prompt(orderId: string): Promise<EreceiptOutcome> {
    const order = orderId == null ? '' : String(orderId);
    if (!order.trim())
      return Promise.reject(
        new TypeError('rulrr-ereceipt-numpad: prompt(orderId) needs an order id, and got a blank one.'),
      );
    return new Promise((resolve) => {
      this.promises[this.model.turn + 1] = resolve;
      this.asked = this.orderId = order;
      this.open = true;
      this.worldBlocked = false;
      this.feed({ type: 'prompt', orderId: order, way: this.proxyUrl ? 'check' : this.send ? 'ask' : 'none' });
      this.watchAway();
    });
  }

  /** Forgets the number. */
  clear(): void {
    this.enter('', null);
  }

  /** Ends the prompt; the receipt prints. */
  close(): void {
    this.feed({ type: 'close' });
  }

  override render(): TemplateResult {
    const text = this.words();
    const { reason, number } = this.judged();
    const { phase } = this.model;
    const loud = this.editable && reason && (reason !== 'too-short' || this.eager);
    return numpadTemplate({
      model: this.model,
      keys: keysOf(this.layout),
      letters,
      modal: this.presentation === 'dialog',
      language: this.language,
      rtl: this.rtl,
      text,
      complete: !!number,
      error: phase === 'failed' ? 'failed' : loud ? reason : null,
      spoken: this.spoken,
      secondsLeft: this.secondsLeft,
      idleWords: fill(text.idle, { seconds: this.secondsLeft }),
      country: this.country(),
      choice: this.choice(),
      on: this.handlers,
    });
  }

  protected override firstUpdated(): void {
    // The number is written into this node when a key goes down, before anything else happens; Lit does not know of it.
    const display = this.renderRoot.querySelector('#number')!;
    display.textContent = '';
    display.appendChild((this.digits = document.createTextNode('')));
  }

  protected override updated(changed: PropertyValues<this>): void {
    this.localize();
    if (changed.has('capture')) this.watchKeys();
    if (changed.has('defaultCountry') || changed.has('countries')) {
      this.chosen = '';
      this.stale();
    }
    if (changed.has('open') || changed.has('orderId')) this.declare();
    this.present();
    this.announce();
  }

  // ── the prompt

  /** `open` and `orderId` as the page has set them. */
  private declare(): void {
    if (!this.open) {
      this.asked = null;
      if (isOpen(this.model)) this.close();
    } else if (this.orderId && this.orderId !== this.asked) void this.prompt(this.orderId);
  }

  /** Effects run in order, one after the other, also if a listener of an outcome starts the next prompt. */
  private feed(event: PromptEvent): void {
    const before = this.model;
    const { state, effects } = step(before, event);
    this.model = state;
    if (state.phase !== before.phase || state.turn !== before.turn) this.changed();
    if (this.queue) {
      this.queue.push(...effects);
      return;
    }
    this.queue = effects.slice();
    let effect: PromptEffect | undefined;
    while ((effect = this.queue.shift())) {
      try {
        this.perform(effect);
      } catch (error) {
        // Whatever broke (a page's own fetch, say), the outcomes that are owed are still told.
        console.error(error);
      }
    }
    this.queue = null;
  }

  private changed(): void {
    const { phase, reason } = this.model;
    this.setAttribute('state', phase);
    this.eager = false;
    if (this.editable) this.idle.restart(this.idleTimeout);
    else {
      this.idle.stop();
      this.taps.stop();
    }
    this.watchKeys();
    if (this.stopRest) this.stopRest();
    this.stopRest = null;
    const quiet =
      reason === 'not-configured' || reason === 'ereceipt-disabled' || reason === 'closed' || reason === 'superseded';
    const unasked = phase === 'sent' || reason === 'send-unconfirmed';
    if (phase === 'sent' || phase === 'printed') {
      // A dialog stays in the way only with news.
      const stays = !quiet && (unasked || this.presentation !== 'dialog');
      this.stopRest = this.clock.after(stays ? restFor : 0, () => this.feed({ type: 'rest' }));
    }
    if (phase === 'idle') {
      this.masked = '';
      this.write('');
    }
    this.requestUpdate();
  }

  private perform(effect: PromptEffect): void {
    if (effect.type === 'check') {
      // A late one: the next prompt has begun meanwhile.
      if (effect.turn === this.model.turn) this.check(effect.turn);
    } else if (effect.type === 'send') this.transmit(effect);
    else if (effect.type === 'forget') {
      if (this.abort) this.abort.abort();
      this.settleCall();
      this.masked = this.state === 'sent' ? this.value.slice(-4) : '';
      this.enter('', null);
      this.chosen = '';
    } else {
      const { turn, outcome } = effect;
      const { type, ...detail } = outcome;
      if (!isOpen(this.model)) {
        this.open = false;
        this.asked = null;
      }
      this.dispatchEvent(
        type === 'ereceipt-sent'
          ? new EreceiptSentEvent(detail as EreceiptSentEvent['detail'])
          : new PrintReceiptEvent(detail as PrintReceiptEvent['detail']),
      );
      const resolve = this.promises[turn];
      delete this.promises[turn];
      if (resolve) resolve(outcome);
    }
  }

  private client(): ProxyClient {
    return new ProxyClient(this.proxyUrl, this.fetch);
  }

  /** Any doubt prints: an error and silence are no. */
  private check(turn: number): void {
    const answer = (ereceipt: boolean): void => this.feed({ type: 'connection', turn, ereceipt });
    const signal = this.call(checkDeadline, () => answer(false));
    this.client()
      .connection(signal)
      .then(
        (connection) => answer(connection.connected === true && connection.ereceipt === true),
        () => answer(false),
      );
  }

  private transmit({ attempt, orderId, phoneNumber, idempotencyKey }: PromptEffect & { type: 'send' }): void {
    const signal = this.call(sendDeadline, () => this.feed({ type: 'answer', attempt, result: 'unclear' }));
    void resultOf({ orderId, phoneNumber, idempotencyKey, signal }, this.send, this.client()).then((result) => {
      if (attempt !== this.model.attempt || this.model.phase !== 'sending') return;
      this.settleCall();
      if (result === 'refused') this.blocked = 'invalid';
      this.stale();
      this.feed({ type: 'answer', attempt, result });
    });
  }

  /** The signal of a call that ends in time; the last one is over. */
  private call(deadline: number, late: () => void): AbortSignal {
    this.settleCall();
    const abort = (this.abort = new AbortController());
    this.stopDeadline = this.clock.after(deadline, () => {
      late();
      abort.abort();
    });
    return abort.signal;
  }

  private settleCall(): void {
    if (this.stopDeadline) this.stopDeadline();
    this.stopDeadline = this.abort = null;
  }

  /** Out of the page for longer than a move takes: nobody can answer any more. */
  private watchAway(): void {
    if (!this.isConnected) this.clock.after(0, () => this.isConnected || this.leave());
  }

  private readonly leave = (): void => this.close();

  // ── the number

  /** One key. What it takes to show the digit happens here; the rest waits until it is on screen. */
  commit(key: Key): void {
    if (!this.editable) return;
    const next = press(this.text, key);
    const added = next.slice(this.text.length);
    if (next === this.text) {
      if (key !== 'delete' && key !== 'clear') this.enter(next, this.blocked);
      return;
    }
    if (!added || !this.digits) {
      this.enter(next, null);
      return;
    }
    this.text = next;
    this.blocked = this.verdict = null;
    this.digits.data += added;
    if (this.stopFrame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      if (this.stopFrame) this.stopFrame();
      this.stopFrame = this.clock.after(0, this.settle);
    });
    // Where no frames come, as in a tab behind another.
    this.stopFrame = this.clock.after(100, this.settle);
  }

  /** @internal */
  restore(text: string): void {
    if (text !== this.text) this.enter(text, null);
  }

  /** @internal */
  paste(written: string): void {
    const { text, reason } = readPasted(written);
    this.enter(text, reason);
  }

  /** @internal Send: only by a press, never by itself. */
  submit(): void {
    this.settle();
    const { number } = this.judged();
    if (number) this.feed({ type: 'send', number, key: this.newKey() });
    else if (this.editable) {
      this.eager = true;
      this.requestUpdate();
    }
  }

  /** @internal */
  decline(): void {
    this.feed({ type: 'print' });
  }

  private enter(text: string, blocked: NumberReason | null): void {
    this.text = text;
    this.blocked = blocked;
    this.stale();
    this.settle();
  }

  private stale(): void {
    this.verdict = null;
    this.requestUpdate();
  }

  /** Formats, judges and tells, after the digits have been seen. */
  private readonly settle = (): void => {
    if (this.stopFrame) this.stopFrame();
    if (this.frame) cancelAnimationFrame(this.frame);
    this.stopFrame = null;
    this.frame = 0;
    this.requestUpdate();
    const { shown, number, needsWorld } = this.judged();
    this.write(shown);
    if (needsWorld) this.fetchWorld();
    const changed = this.text + '/' + number;
    if (changed === this.told) return;
    const was = this.told;
    this.told = changed;
    this.form.set(number, this.blocked || (this.text && this.judged().reason), this.words());
    if (!was && !this.text) return;
    this.eager = false;
    if (this.editable) {
      this.feed({ type: 'edit' });
      this.idle.restart(this.idleTimeout);
    }
    this.dispatchEvent(new Event('input', { bubbles: true, composed: true }));
  };

  private judged(): Verdict {
    if (!this.verdict) {
      this.verdict = judge(this.text, {
        rules: phoneRules,
        country: this.country(),
        allowed: this.allowed(),
        world: worldIsHere() ? 'here' : this.worldBlocked ? 'blocked' : 'coming',
      });
      if (this.blocked) this.verdict = { ...this.verdict, number: '', reason: this.blocked };
    }
    return this.verdict;
  }

  private write(shown: string): void {
    if (this.state === 'sent' && this.masked) shown = '•••• ' + this.masked;
    if (this.digits && this.digits.data !== shown) this.digits.data = shown;
  }

  private fetchWorld(): void {
    const done = (blocked: boolean): void => {
      stop();
      if (blocked === this.worldBlocked && !worldIsHere()) return;
      this.worldBlocked = blocked && !worldIsHere();
      this.stale();
      this.settle();
    };
    const stop = this.clock.after(worldDeadline, () => done(true));
    loadWorld().then(
      () => done(false),
      () => done(true),
    );
  }

  private allowed(): string[] {
    return (this.countries || '')
      .toUpperCase()
      .split(/[\s,]+/)
      .filter(Boolean);
  }

  private country(): string {
    const allowed = this.allowed();
    const own = (this.chosen || this.defaultCountry || 'US').toUpperCase();
    return allowed.length && allowed.indexOf(own) < 0 ? allowed[0]! : own;
  }

  private choice(): (readonly [string, string])[] {
    const allowed = this.allowed();
    if (allowed.length < 2) return [];
    let names: Intl.DisplayNames | null = null;
    if (typeof Intl.DisplayNames === 'function')
      names = new Intl.DisplayNames([this.language], { type: 'region', fallback: 'code' });
    return allowed.map((code) => [code, (/^[A-Z]{2}$/.test(code) && names && names.of(code)) || code] as const);
  }

  /** The first format and verdict cost the most; they are made before anybody waits for them. */
  private warm(): void {
    this.stopWarm = null;
    judge('2015550123', { rules: phoneRules, country: 'US', allowed: [], world: 'here' });
    if (!phoneRules.knows(this.country())) this.fetchWorld();
  }

  private newKey(): string {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (byte) => (byte + 256).toString(16).slice(1)).join('');
  }

  // ── what is seen and heard

  private get panel(): HTMLDialogElement | null {
    return this.shadowRoot && this.shadowRoot.querySelector('dialog');
  }

  private present(): void {
    const { panel } = this;
    const { phase } = this.model;
    const wanted = this.isConnected && phase !== 'idle' && phase !== 'checking';
    if (!panel || wanted === panel.hasAttribute('open')) return;
    if (wanted) show(panel, this.presentation === 'dialog');
    else hide(panel);
  }

  private words(): NumpadStrings {
    const messages = loadedMessages(this.language);
    return { ...(messages ? messages.numpad : enNumpad), ...this.strings };
  }

  private localize(): void {
    const language = supportedLanguage(languageOf(this));
    if (language === this.language) return;
    this.language = language;
    this.rtl = (language === 'ar' || language === 'he') && !this.closest('[dir]');
    void loadMessages(language).then(() => this.requestUpdate());
  }

  /** Puts the state into words; the announcer lets through one message a second. */
  private announce(): void {
    // Nobody hears an element that is gone, and a timer would keep it.
    if (!this.isConnected) return;
    const text = this.words();
    const { phase, reason } = this.model;
    const { needsWorld, number, reason: wrong } = this.judged();
    let words = '';
    if (phase === 'sending' || phase === 'failed') words = text[phase];
    else if (phase === 'sent') words = fill(text.sent, { last4: this.masked });
    else if (phase === 'printed') words = reason === 'send-unconfirmed' ? text.unconfirmed : text.printed;
    else if (this.editable) {
      if (this.secondsLeft) words = fill(text.idle, { seconds: 10 });
      else if (needsWorld) words = text.checking;
      else if (number) words = text.ready;
      else if (wrong && (wrong !== 'too-short' || this.eager))
        words = text[wrong === 'country' ? 'wrong-country' : wrong];
    }
    if (!this.announcer) {
      this.announcer = new Announcer(this.clock, (spoken) => {
        this.spoken = spoken;
        this.requestUpdate();
      });
    }
    this.announcer.announce(words);
  }

  private count(secondsLeft: number): void {
    if (secondsLeft === this.secondsLeft) return;
    this.secondsLeft = secondsLeft;
    this.requestUpdate();
  }

  private watchKeys(): void {
    this.keyboard.listen(this.isConnected && this.editable ? (this.capture === 'document' ? document : this) : null);
  }

  private readonly handlers: NumpadView['on'] = {
    pointerdown: this.taps.pointerdown,
    touchstart: this.taps.touchstart,
    touchend: this.taps.touchend,
    click: this.taps.click,
    mousedown: (event) => {
      this.taps.mousedown(event);
      // The focus goes to the number, so that hardware keys go on there and Enter does not press a key again.
      event.preventDefault();
      const display = this.renderRoot.querySelector<HTMLElement>('#number')!;
      if (this.shadowRoot!.activeElement !== display) display.focus({ preventScroll: true });
    },
    keydown: () => this.taps.forgive(),
    contextmenu: (event) => event.preventDefault(),
    touch: () => {
      if (this.editable) this.idle.restart(this.idleTimeout);
      else this.feed({ type: 'rest' });
    },
    choose: (event) => {
      this.chosen = (event.target as HTMLSelectElement).value;
      this.stale();
      this.settle();
    },
    send: () => this.submit(),
    print: () => this.decline(),
    cancel: (event) => {
      event.preventDefault();
      this.decline();
    },
    close: () => this.requestUpdate(),
  };
}

function show(panel: HTMLDialogElement, modal: boolean): void {
  if (modal && panel.showModal) panel.showModal();
  else {
    panel.setAttribute('open', '');
    if (!modal) return;
    panel.setAttribute('aria-modal', 'true');
    panel.querySelector<HTMLElement>('#number')!.focus({ preventScroll: true });
  }
}

function hide(panel: HTMLDialogElement): void {
  if (panel.close) panel.close();
  else panel.removeAttribute('open');
}
