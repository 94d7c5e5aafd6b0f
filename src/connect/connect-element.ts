import { LitElement, type PropertyValues, type TemplateResult } from 'lit';
import { systemClock, type Clock } from '../shared/clock.js';
import { Language } from '../shared/localize.js';
import { enConnect } from '../shared/messages/en.js';
import type { FetchLike } from '../shared/proxy-client.js';
import { tokens } from '../shared/tokens.styles.js';
import type { Connection } from '../shared/wire.js';
import type { ConnectInput } from './connect-machine.js';
import { initialModel, isActive, type ConnectModel, type ConnectState } from './connect-model.js';
import type { ConnectSession } from './connect-session.js';
import { connectTemplate, status, type ConnectStrings, type ConnectView } from './connect-templates.js';
import { connectStyles } from './connect.styles.js';
import { ConnectionReader } from './connection-reader.js';
import { ConnectCancelledEvent, ConnectExpiredEvent, ConnectFailedEvent, ConnectFinishedEvent } from './events.js';
import type { ConnectOutcome } from './outcome.js';
import { claim, keptIds, release } from './session-keeper.js';

/**
 * Connects a store to Rulrr: shows Rulrr's connect page and asks the vendor's proxy how it went. Only the proxy is believed.
 *
 * @summary Links the store that is signed in at the till to Rulrr.
 * @tagname rulrr-connect
 *
 * @attr {string} state - The property of that name, for styling; the element writes it.
 *
 * @slot - Label of the connect button.
 *
 * @fires {ConnectStartedEvent} connect-started - A session has begun, or one of this tab was taken up again (`resumed`).
 * @fires {ConnectFinishedEvent} connect-finished - The store is connected and its tokens are stored: `{ereceipt, expiration}`.
 * @fires {ConnectCancelledEvent} connect-cancelled - Somebody gave up: `{by: 'merchant' | 'operator'}`.
 * @fires {ConnectExpiredEvent} connect-expired - The time was up.
 * @fires {ConnectFailedEvent} connect-failed - The session did not come about, or broke: `{code, phase, message, retryable}`.
 * @fires {ConnectWarningEvent} connect-warning - Something is in the way, yet the session goes on: `{code}`.
 *
 * @csspart button - Starts a session.
 * @csspart dialog - The modal dialog, with `presentation="dialog"`.
 * @csspart frame - The frame with Rulrr's connect page.
 * @csspart status - How things stand, in words; the live region.
 * @csspart error - The words of the status after a failure or an expiry.
 * @csspart retry - Starts again after a failure or an expiry, in the place of `button`; or loads the frame anew.
 * @csspart cancel - Gives up.
 * @csspart open-window - Opens the connect page in another window; a link where windows are blocked.
 * @csspart phone - Shows the QR code.
 * @csspart qr - The QR code.
 *
 * @cssprop [--rulrr-accent] - Background of the primary button.
 * @cssprop [--rulrr-on-accent] - Text on it.
 * @cssprop [--rulrr-surface] - Background of buttons and dialog.
 * @cssprop [--rulrr-surface-raised] - Background of the panel.
 * @cssprop [--rulrr-text] - Text.
 * @cssprop [--rulrr-border] - Colour of borders.
 * @cssprop [--rulrr-danger] - Text of errors.
 * @cssprop [--rulrr-focus] - Focus rings.
 * @cssprop [--rulrr-radius=12px] - Corner radius.
 * @cssprop [--rulrr-font] - Font family.
 * @cssprop [--rulrr-connect-button-background=var(--rulrr-accent)] - Background of the primary button.
 * @cssprop [--rulrr-connect-button-color=var(--rulrr-on-accent)] - Text on it.
 * @cssprop [--rulrr-connect-button-radius=var(--rulrr-radius)] - Its corner radius.
 * @cssprop [--rulrr-connect-panel-background=var(--rulrr-surface-raised)] - Background of the panel.
 * @cssprop [--rulrr-connect-panel-border=1px solid var(--rulrr-border)] - Border of the panel.
 * @cssprop [--rulrr-connect-panel-radius=var(--rulrr-radius)] - Corner radius of panel and dialog.
 * @cssprop [--rulrr-connect-status-color=var(--rulrr-text)] - Text of the status; of an error too, unless `--rulrr-danger` is set.
 * @cssprop [--rulrr-connect-height=640px] - Height of the frame; from 320px to 80vh.
 * @cssprop [--rulrr-connect-width=640px] - Width of the dialog.
 */
export class RulrrConnect extends LitElement {
  static override styles = [tokens, connectStyles];

  // Not decorators: their helpers alone would be 3 % of this element.
  static override properties = {
    proxyUrl: { attribute: 'proxy-url' },
    presentation: {},
    // As servers of Vue, Svelte and Solid write false, and React 18 everywhere.
    autostart: { converter: (text: unknown) => text !== null && text !== 'false' },
    timeout: { type: Number },
    fetch: { attribute: false },
    strings: { attribute: false },
  };

  static override get observedAttributes(): string[] {
    return super.observedAttributes.concat('lang', 'dir');
  }

  /** Path or URL of the vendor's proxy. A session that is on stays with the one that it began with. */
  proxyUrl = '/rulrr';

  /** Where the connect page is shown; read when a session starts. */
  presentation: 'inline' | 'dialog' = 'inline';

  /** Starts a session by itself if the store is not connected yet. */
  autostart = false;

  /** Seconds after which a session expires; one expires at the proxy, too (`integrationTtlMs`, half an hour). */
  timeout = 1800;

  /** Makes the calls to the proxy; replace it to add a header of one's own. A session stays with the one that it began with. */
  fetch: FetchLike = (input, init) => fetch(input, init);

  /** Words to use instead of the kit's own, by key. */
  strings: Partial<ConnectStrings> = {};

  /** @internal */
  clock: Clock = systemClock;

  /** What is on, once it is loaded; until then `early` stands for it, and what it has to hear waits. */
  private session: ConnectSession | null = null;
  private early = initialModel;
  private waiting: ConnectInput[] = [];
  private known: Connection | null = null;
  private readonly language = new Language(this);
  private blank = false;
  private rendered = false;
  /** The promise that `start()` gave, until the session's end. */
  private run: { promise: Promise<ConnectOutcome>; resolve: (outcome: ConnectOutcome) => void } | null = null;
  /** @internal */
  readonly reader = new ConnectionReader();
  private stopAway: (() => void) | null = null;

  /** The state of the session, or how the last one ended. Reflected to the attribute `state`. */
  get state(): ConnectState {
    return this.model().state;
  }

  /** Whether the store is connected, as far as the proxy has said; null until then. */
  get connection(): Connection | null {
    return this.known;
  }

  /** @internal Frameworks unset a property by giving it undefined or null. */
  get base(): string {
    return this.proxyUrl == null ? '/rulrr' : String(this.proxyUrl);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    const moved = this.stopAway;
    if (moved) moved();
    this.stopAway = null;
    this.setAttribute('state', this.state);
    if (this.hasUpdated && !(moved && (this.known || this.reader.busy))) this.settle();
    if (this.session) this.session.back();
  }

  /** Keeps a frame that is moved with `moveBefore` as it is; the language around it may be another one. */
  connectedMoveCallback(): void {
    this.requestUpdate();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    if (this.session) this.session.pause();
    this.stopAway = this.clock.after(0, () => {
      this.stopAway = null;
      this.reader.stop();
      if (this.session) this.session.leave();
      else {
        release(this);
        // Looked for anew on return, unless somebody has asked for more than that.
        if (this.waiting.length === 1 && this.waiting[0]!.type === 'resume') {
          this.waiting = [];
          this.appear(initialModel);
        }
      }
    });
  }

  override attributeChangedCallback(name: string, old: string | null, value: string | null): void {
    super.attributeChangedCallback(name, old, value);
    if (name === 'lang' || name === 'dir') this.requestUpdate();
  }

  /**
   * Starts a session, or goes on with one that this tab has kept; during one, changes nothing. Resolves with `{type, …}`: `finished`,
   * `cancelled`, `expired` or `failed`, and what that event has.
   * @returns how the session ends. While the element is out of the page this waits for its return: the session goes on at the server.
   */
  start(): Promise<ConnectOutcome> {
    let { run } = this;
    if (!run) {
      let resolve!: (outcome: ConnectOutcome) => void;
      const promise = new Promise<ConnectOutcome>((settle) => (resolve = settle));
      run = this.run = { promise, resolve };
    }
    // A page may start it as it puts it in, or just before: it has not looked for itself then.
    if (!this.session) this.adopt();
    this.feed({ type: 'start' });
    return run.promise;
  }

  /** Gives up. The proxy is asked once more first: a merchant who has just finished stays connected. */
  cancel(): void {
    this.feed({ type: 'end', by: 'cancelled' });
  }

  /** Asks the proxy now rather than at the next poll; at most once a second. */
  checkNow(): void {
    if (this.session) this.session.checkNow();
  }

  override render(): TemplateResult {
    const { session } = this;
    const model = this.model();
    const view: ConnectView = {
      model,
      text: this.words(),
      connection: this.known,
      told: session ? session.told : model.state,
      panel: null,
      blank: this.blank,
      modal: !!session && session.panel.modal,
      start: () => void this.start(),
    };
    if (session && isActive(model)) view.panel = session.render(status(view));
    return connectTemplate(view, this.language.code, this.language.rtl);
  }

  protected override firstUpdated(): void {
    // Frameworks fill a text in later, without the slot's noticing: hence not by its events.
    const read = (): void => {
      const { blank } = this;
      this.blank = !!this.firstChild && !this.firstElementChild && !/\S/.test(this.textContent!);
      if (this.blank !== blank) this.requestUpdate();
    };
    new MutationObserver(read).observe(this, { childList: true, characterData: true, subtree: true });
    read();
  }

  protected override updated(changed: PropertyValues<this>): void {
    this.language.follow();
    if (this.session) this.session.panel.updated();
    if (changed.has('proxyUrl') && this.rendered) this.forget();
    // At first all of them have changed. A page that makes its `fetch` anew with each render is not asked for more than one answer.
    else if ((changed.has('fetch') && !this.known && !this.reader.busy) || changed.has('autostart')) this.settle();
    this.rendered = true;
  }

  /** @internal Another proxy: what is known is not about it. */
  forget(): void {
    this.reader.stop();
    this.known = null;
    if (isActive(this.model())) return;
    if (this.session) this.session.model = initialModel;
    this.appear(initialModel);
    this.settle();
  }

  private model(): ConnectModel {
    return this.session ? this.session.model : this.early;
  }

  private feed(input: ConnectInput): void {
    const [first] = this.waiting;
    if (this.session) this.session.feed(input);
    // What has not begun ends here and now: the next start is another session, with an outcome of its own.
    else if (input.type === 'end' && first && first.type === 'start')
      this.endEarly({ type: 'cancelled', by: 'operator' });
    else if (input.type !== 'end' || first) {
      this.waiting.push(input);
      this.appear({ ...initialModel, state: 'starting' });
      void this.load();
    }
  }

  /** Loads what conducts a session, then lets it hear what has waited. Tried again with the next start if it fails. */
  private load(): Promise<void> {
    return import('./connect-session.js').then(
      ({ ConnectSession }) => {
        if (this.session) return;
        this.session = new ConnectSession(this);
        // It alone follows the page's language, which may have changed meanwhile.
        this.requestUpdate();
        if (!this.waiting.length) this.session.model = this.early;
        for (const input of this.waiting) this.session.feed(input);
        this.waiting = [];
      },
      () => {
        if (!this.waiting.length) return;
        release(this);
        this.endEarly({
          type: 'failed',
          code: 'network',
          phase: 'start',
          message: 'A part of the element could not be loaded.',
          retryable: true,
        });
      },
    );
  }

  private endEarly(outcome: ConnectOutcome): void {
    this.waiting = [];
    this.appear({ ...initialModel, state: outcome.type, outcome });
    this.tell(outcome);
  }

  private appear(model: ConnectModel): void {
    this.early = model;
    if (this.isConnected) this.setAttribute('state', model.state);
    this.requestUpdate();
  }

  /** @internal */
  tell(outcome: ConnectOutcome): void {
    const { run } = this;
    this.run = null;
    if (outcome.type === 'finished') {
      this.reader.stop();
      this.known = { connected: true, ereceipt: outcome.ereceipt, expiration: outcome.expiration };
    }
    this.dispatchEvent(endOf(outcome));
    if (run) run.resolve(outcome);
  }

  /** Takes up a session that this tab has kept, if there is one. */
  private adopt(): boolean {
    const id = this.state === 'idle' && claim(this.base, this);
    if (id) this.feed({ type: 'resume', id });
    return !!id;
  }

  /** @internal While nothing is on: takes up a session that this tab has kept, or else reads whether the store is connected. */
  settle(waited = false): void {
    if (isActive(this.model()) || !this.isConnected) return;
    this.reader.stop();
    const { clock, base, fetch } = this;
    if (this.adopt()) return;
    // A framework that makes the element anew puts this one in as it takes the other out, which lets go a tick later: so this one looks twice.
    if (keptIds(base).length && !waited) {
      clock.after(0, () => this.settle(true));
      return;
    }
    this.reader.read(clock, base, fetch, (connection, reason) => {
      this.known = connection || this.known;
      this.requestUpdate();
      const loaded = this.load();
      // The page has brought another one meanwhile, which may be let in.
      if (!connection && this.fetch !== fetch) this.settle();
      else if (this.state === 'idle' && !(this.known && this.known.connected)) {
        if (!connection) void loaded.then(() => this.session && this.session.unknown(reason));
        else if (this.autostart) void this.start();
      }
    });
  }

  /** @internal */
  words(): ConnectStrings {
    return this.language.words('connect', enConnect, this.strings);
  }
}

/** The terminal events: what an outcome holds beside its type is the detail. */
const ends = {
  finished: ConnectFinishedEvent,
  cancelled: ConnectCancelledEvent,
  expired: ConnectExpiredEvent,
  failed: ConnectFailedEvent,
};

const endOf = ({ type, ...detail }: ConnectOutcome): Event => new (ends[type] as new (detail: object) => Event)(detail);
