import { adoptStyles, type TemplateResult } from 'lit';
import type { Clock } from '../shared/clock.js';
import { callProxy, ProxyError, type FetchLike, type ProxyCall } from '../shared/proxy-client.js';
import { tokens } from '../shared/tokens.styles.js';
import type { IntegrationAnswer, StartedIntegration } from '../shared/wire.js';
import { step, type ConnectEffect, type ConnectInput } from './connect-machine.js';
import { initialModel, isActive } from './connect-model.js';
import type { ConnectStrings } from './connect-templates.js';
import { connectStyles } from './connect.styles.js';
import { Call } from './deadline.js';
import { ConnectStartedEvent, ConnectWarningEvent, type ConnectWarningCode } from './events.js';
import { FrameController, isConnectUrl } from './frame-controller.js';
import { failure, failureOf, type ConnectOutcome } from './outcome.js';
import { panel } from './panel-templates.js';
import { panelStyles } from './panel.styles.js';
import { SessionKeeper } from './session-keeper.js';
import { StatusPoller } from './status-poller.js';
import { WindowController } from './window-controller.js';

/** The proxy's own deadline towards Rulrr answers 504 before this. */
const createDeadline = 30_000;
const defaultTimeout = 1800;

/** What a session needs of its element. */
export interface SessionHost extends HTMLElement {
  readonly clock: Clock;
  readonly fetch: FetchLike;
  readonly proxyUrl: string;
  readonly presentation: 'inline' | 'dialog';
  readonly timeout: number;
  readonly renderRoot: HTMLElement | DocumentFragment;
  readonly updateComplete: Promise<boolean>;
  requestUpdate(): void;
  cancel(): void;
  words(): ConnectStrings;
  /** The one terminal event, and the end of the promise. */
  tell(outcome: ConnectOutcome): void;
  /** Nothing is on. */
  settle(): void;
}

/**
 * Conducts one session after the other: does what the machine asks for with poller, frame, window and storage, and feeds it what
 * they say. Loaded after the element has painted, so that a page pays for it only once its button is there.
 */
export class ConnectSession {
  model = initialModel;
  warning: ConnectWarningCode | null = null;
  /** The proxy has not been reached for a while. */
  offline = false;
  modal = false;
  qr: TemplateResult | null = null;
  private readonly host: SessionHost;
  private styled = false;
  private returnTo: Element | null = null;
  private started = false;
  private call: Call | null = null;
  private callProxy: (<Answer>(method: string, path: string, options: ProxyCall) => Promise<Answer>) | null = null;
  private keeper: SessionKeeper | null = null;
  private poller: StatusPoller | null = null;
  private pollAfterMs = 0;
  private limitAt = 0;
  private stopLimit: (() => void) | null = null;
  readonly window = new WindowController();
  readonly frame = new FrameController(
    (code) => this.warn(code),
    (first) => this.onFrameLoad(first),
  );

  constructor(host: SessionHost) {
    this.host = host;
  }

  /** A hint from the page itself. */
  checkNow(): void {
    if (this.poller) this.poller.hint('asked');
  }

  /** The element is out of the page, perhaps only for a move. */
  pause(): void {
    if (this.poller) this.poller.stop();
    // Out of the page a dialog stops being modal and stays open: it is opened again on return.
    const dialog = this.dialog();
    if (dialog) dialog.removeAttribute('open');
  }

  /** After each render. */
  updated(): void {
    if (!this.styled) adoptStyles(this.host.renderRoot as ShadowRoot, [tokens, connectStyles, panelStyles]);
    this.styled = true;
    if (this.frame.node) this.frame.node.title = this.host.words().connect;
    const dialog = this.dialog();
    if (dialog && this.host.isConnected && !dialog.hasAttribute('open')) this.openDialog(dialog);
  }

  private dialog(): HTMLDialogElement | null {
    return this.host.renderRoot && this.host.renderRoot.querySelector('dialog');
  }

  render(status: TemplateResult): TemplateResult {
    return panel({
      model: this.model,
      modal: this.modal,
      status,
      text: this.host.words(),
      warning: this.warning,
      frame: this.frame.node,
      qr: this.qr,
      cancel: this.onCancel,
      openWindow: this.onOpenWindow,
      toggleQr: this.onToggleQr,
      reload: this.onReload,
      closing: this.onClosing,
    });
  }

  // ── the machine and what it asks for

  feed(input: ConnectInput): void {
    const before = isActive(this.model);
    const { model, effects } = step(this.model, input);
    this.model = model;
    if (this.host.isConnected) this.host.setAttribute('state', model.state);
    this.host.requestUpdate();
    if (before !== isActive(model)) this.moveFocus(!before);
    for (const effect of effects) this.perform(effect);
  }

  private perform(effect: ConnectEffect): void {
    if (effect === 'create' || effect === 'recall') {
      this.begin();
      this.wake();
    } else if (effect === 'watch') {
      const { started } = this;
      this.started = true;
      if (!started) this.host.dispatchEvent(new ConnectStartedEvent({ resumed: this.model.resumed }));
      // A listener may have ended it.
      if (this.model.state === 'pending') this.wake();
    } else if (effect === 'ask-last') {
      if (!this.poller!.askLast()) this.feed({ type: 'silence' });
    } else {
      this.sleep();
      this.window.close();
      if (effect === 'put-off') this.keeper!.release();
      else this.keeper!.forget();
      if (effect === 'ended') this.host.tell(this.model.outcome!);
      else if (effect === 'forgotten') this.host.settle();
    }
  }

  /** What holds for one session, whatever the page changes meanwhile. */
  private begin(): void {
    // One that was put off is given up by starting another.
    if (this.keeper) this.keeper.forget();
    const { proxyUrl, fetch } = this.host;
    const call = (this.callProxy = (method, path, options) => callProxy(proxyUrl, fetch, method, path, options));
    this.keeper = new SessionKeeper(this.host.proxyUrl);
    this.modal = this.host.presentation === 'dialog';
    this.limitAt =
      this.host.clock.now() +
      Math.min(this.host.timeout > 0 ? this.host.timeout * 1000 : defaultTimeout * 1000, 2 ** 31 - 1);
    this.started = this.offline = false;
    this.warning = this.qr = null;
    this.pollAfterMs = 0;
    this.poller = new StatusPoller(
      this.host.clock,
      (signal) =>
        call<IntegrationAnswer>('GET', '/integrations/' + encodeURIComponent(this.model.id!), {
          signal,
          wants: ['status'],
        }),
      {
        answered: (answer) => this.onAnswer(answer),
        refused: (refusal) => this.feed({ type: 'refused', failure: refusal }),
        silence: () => this.feed({ type: 'silence' }),
        faltered: (failures) => {
          this.offline = failures > 1;
          this.host.requestUpdate();
        },
      },
    );
  }

  /** Gets going what the session needs in the page: at its start, and when the element returns (`hint`: with a poll at once). */
  wake(hint: 'asked' | null = null): void {
    const { model } = this;
    const { clock } = this.host;
    if (!this.host.isConnected) return;
    this.host.requestUpdate();
    if (!this.stopLimit) {
      this.stopLimit = clock.after(Math.max(0, this.limitAt - clock.now()), () =>
        this.feed({ type: 'end', by: 'expired' }),
      );
    }
    if (!model.id) {
      if (!this.call) this.create();
      return;
    }
    this.keeper!.hold(model.id);
    if (model.state === 'starting') {
      this.poller!.start(0, 'asked');
    } else {
      this.poller!.start(this.pollAfterMs, hint);
      window.addEventListener('message', this.onMessage);
      if (!this.frame.node && model.connectUrl) {
        if (model.embeddable) this.openFrame();
        else if (!this.warning) this.warn('not-embeddable');
      }
    }
    if (model.ending) this.poller!.askLast();
  }

  /** Stops all that `wake` got going. */
  private sleep(): void {
    this.poller!.stop();
    if (this.call) this.call.abort();
    if (this.stopLimit) this.stopLimit();
    this.call = this.stopLimit = null;
    window.removeEventListener('message', this.onMessage);
    document.removeEventListener('focusin', this.onFocusIn);
    this.frame.close();
  }

  /** Out of the page for longer than a move takes. The session itself goes on at the server, kept for whoever takes it up. */
  leave(): void {
    if (!isActive(this.model)) return;
    if (this.model.ending) this.feed({ type: 'silence' });
    else {
      this.sleep();
      this.keeper!.release();
    }
  }

  private create(): void {
    const { callProxy } = this;
    const call = (this.call = new Call());
    const done = (act: () => void): void => {
      if (this.call !== call) return;
      this.call = null;
      act();
    };
    call
      .run(this.host.clock, createDeadline, (signal) =>
        callProxy!<StartedIntegration>('POST', '/integrations', { signal, wants: ['id', 'connectUrl'] }),
      )
      .then(
        (answer) => done(() => this.onAnswer(answer)),
        (error: unknown) =>
          done(() =>
            this.feed({
              type: 'refused',
              failure:
                error instanceof ProxyError
                  ? failureOf(error, 'start')
                  : failure('proxy_timeout', 'start', 'The proxy did not answer in time.'),
            }),
          ),
      );
  }

  private onAnswer(answer: IntegrationAnswer): void {
    const { connectUrl } = answer;
    this.pollAfterMs = answer.pollAfterMs || 0;
    if (
      this.model.state === 'starting' &&
      answer.status === 'pending' &&
      connectUrl !== undefined &&
      !isConnectUrl(connectUrl)
    ) {
      this.feed({
        type: 'refused',
        failure: failure(
          'bad_connect_url',
          'frame',
          'The connect page must be https (or loopback) and of another origin than this page.',
        ),
      });
    } else this.feed({ type: 'answered', answer });
  }

  /** Takes the focus along where it would be lost with the button or the panel that held it; never scrolls. */
  private moveFocus(entering: boolean): void {
    const root = this.host.shadowRoot;
    const inside = root && root.activeElement;
    const modal = entering ? this.host.presentation === 'dialog' : this.modal;
    if (entering) this.returnTo = modal && !inside ? document.activeElement : null;
    // A modal dialog takes the focus by itself, and it is given back in any case.
    if (!root || (modal ? entering : !inside)) return;
    const { returnTo } = this;
    void this.host.updateComplete.then(() => {
      const target = returnTo || root.querySelector(entering ? '.panel' : '.rest button');
      if (target) (target as HTMLElement).focus({ preventScroll: true });
    });
  }

  // ── hints, warnings and clicks

  private openFrame(): void {
    this.warning = null;
    this.frame.open(this.model.connectUrl!, this.host.words().connect, this.host.clock);
    this.host.requestUpdate();
  }

  private warn(code: ConnectWarningCode): void {
    this.warning = code;
    if (code === 'csp-blocked') this.frame.close();
    this.host.requestUpdate();
    this.host.dispatchEvent(new ConnectWarningEvent({ code }));
  }

  private onFrameLoad(first: boolean): void {
    if (this.warning === 'slow') this.warning = null;
    this.host.requestUpdate();
    if (!first) this.poller!.hint();
  }

  /** A message is at most a hint, and only from the connect page itself. */
  private readonly onMessage = ({ origin, source }: MessageEvent): void => {
    const { node } = this.frame;
    if (
      source &&
      this.model.connectUrl &&
      origin === new URL(this.model.connectUrl).origin &&
      (source === this.window.handle || (node && source === node.contentWindow))
    ) {
      this.poller!.hint();
    }
  };

  private readonly onCancel = (): void => this.host.cancel();
  private readonly onReload = (): void => this.openFrame();

  private readonly onOpenWindow = (): void => {
    if (!this.window.open(this.model.connectUrl!)) this.warn('popup-blocked');
    this.host.requestUpdate();
  };

  private readonly onToggleQr = (): void => {
    const { connectUrl } = this.model;
    if (this.qr) this.qr = null;
    else {
      void import('./qr.js')
        .then(({ qrCode }) => qrCode(connectUrl!, this.host.words().phone))
        .then((qr) => {
          if (this.model.connectUrl === connectUrl) this.qr = qr;
          this.host.requestUpdate();
        });
    }
    this.host.requestUpdate();
  };

  /** Escape, the system's way back, or the dialog closed by the browser. */
  private readonly onClosing = (event: Event): void => {
    if (event.type === 'keydown' && (event as KeyboardEvent).key !== 'Escape') return;
    event.preventDefault();
    this.host.cancel();
  };

  /** Modal where the browser can; a box over the page that keeps the focus where `<dialog>` is unknown (Safari before 15.4). */
  private openDialog(dialog: HTMLDialogElement): void {
    if (dialog.showModal) {
      dialog.showModal();
      return;
    }
    dialog.setAttribute('open', '');
    dialog.setAttribute('role', 'dialog');
    dialog.setAttribute('aria-modal', 'true');
    dialog.focus({ preventScroll: true });
    document.addEventListener('focusin', this.onFocusIn);
  }

  private readonly onFocusIn = ({ target }: FocusEvent): void => {
    if (target !== this.host) this.dialog()!.focus({ preventScroll: true });
  };
}
