import type { TemplateResult } from 'lit';
import { watchPageLanguage } from '../shared/page-language.js';
import { callProxy, ProxyError, type FetchLike, type ProxyCall } from '../shared/proxy-client.js';
import type { IntegrationAnswer, StartedIntegration } from '../shared/wire.js';
import { step, type ConnectEffect, type ConnectInput } from './connect-machine.js';
import { initialModel, isActive, type ConnectState } from './connect-model.js';
import { ConnectPanel, type PanelHost } from './connect-panel.js';
import type { ConnectStrings } from './connect-templates.js';
import type { ConnectionReader } from './connection-reader.js';
import { Call } from './deadline.js';
import { ConnectStartedEvent } from './events.js';
import { isConnectUrl } from './frame-controller.js';
import { KeptSession } from './kept-session.js';
import { failure, failureOf, type ConnectFailure, type ConnectOutcome } from './outcome.js';
import { retryAfterMs } from './retry-after.js';
import { release } from './session-keeper.js';
import { StatusPoller } from './status-poller.js';

/** The proxy's own deadline towards Rulrr answers 504 before this. */
const createDeadline = 30_000;
const defaultTimeout = 1800;

/** What a session needs of its element. */
export interface SessionHost extends PanelHost {
  readonly fetch: FetchLike;
  /** Where the proxy is. */
  readonly base: string;
  readonly timeout: number;
  readonly autostart: boolean;
  readonly reader: ConnectionReader;
  start(): Promise<ConnectOutcome>;
  /** The one terminal event, and the end of the promise. */
  tell(outcome: ConnectOutcome): void;
  /** Nothing is on. */
  settle(): void;
  /** What is known came from a proxy that is not this element's any more. */
  forget(): void;
}

/**
 * Conducts one session after the other: does what the machine asks for with poller, frame, window and storage, and feeds it what
 * they say. Loaded after the element has painted, so that a page pays for it only once its button is there.
 */
export class ConnectSession {
  model = initialModel;
  /** The proxy has not been reached for a while. */
  private offline = false;
  readonly panel: ConnectPanel;
  private readonly host: SessionHost;
  private started = false;
  private looks = 0;
  private call: Call | null = null;
  private callProxy: (<Answer>(method: string, path: string, options: ProxyCall) => Promise<Answer>) | null = null;
  private base = '';
  private fetch: FetchLike | null = null;
  private keeper: KeptSession | null = null;
  private poller: StatusPoller | null = null;
  private pollAfterMs = 0;
  private limitAt = 0;
  private stopLimit: (() => void) | null = null;
  private stopLanguage: (() => void) | null = null;

  constructor(host: SessionHost) {
    this.host = host;
    this.panel = new ConnectPanel(host, () => this.poller!.hint());
    if (host.isConnected) this.watchLanguage();
  }

  /** What there is to say while it is on, and how it has ended. */
  get told(): ConnectState | keyof ConnectStrings {
    const { ending, state, outcome } = this.model;
    if (outcome && outcome.type === 'failed') {
      if (outcome.code === 'unauthorized') return 'signedOut';
      return outcome.code === 'tokens_lost' ? 'lost' : 'failed';
    }
    if (outcome) return outcome.type;
    if (ending) return 'cancelling';
    if (this.offline) return 'offline';
    return state === 'starting' ? state : this.panel.told;
  }

  /** A hint from the page itself. */
  checkNow(): void {
    if (this.poller) this.poller.hint('asked');
  }

  /** The element is in the page, perhaps in another place of it. */
  back(): void {
    this.watchLanguage();
    this.host.requestUpdate();
    if (isActive(this.model)) this.wake('asked');
  }

  /** The element is out of the page, perhaps only for a move. */
  pause(): void {
    this.stopLanguage!();
    // The last question goes on: by whoever gave up, the element is often taken out at once.
    if (this.poller && !this.model.ending) this.poller.stop();
    this.panel.pause();
  }

  render(status: TemplateResult): TemplateResult {
    return this.panel.render(this.model, status);
  }

  feed(input: ConnectInput): void {
    const before = isActive(this.model);
    const { model, effects } = step(this.model, input);
    this.model = model;
    if (this.host.isConnected) this.host.setAttribute('state', model.state);
    this.host.requestUpdate();
    if (before !== isActive(model)) this.panel.moveFocus(!before);
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
      if (started) this.panel.show(this.model);
      else this.wake();
    } else if (effect === 'ask-last') {
      // Nobody else takes up what is about to end.
      this.keeper!.hold(this.model.id!);
      this.poller!.askLast();
    } else {
      this.sleep();
      if (effect === 'put-off') release(this.host);
      else this.keeper!.forget();
      if (effect === 'ended') {
        this.host.tell(this.model.outcome!);
        if (this.base !== this.host.base) this.host.forget();
      }
      // Put off: not before the page brings another `fetch`, which it may have done meanwhile.
      else if (effect === 'forgotten' || this.fetch !== this.host.fetch) this.host.settle();
    }
  }

  /** What holds for one session, whatever the page changes meanwhile. */
  private begin(): void {
    // One that was put off is given up by starting another.
    if (this.keeper) this.keeper.forget();
    const { clock, base, fetch, timeout } = this.host;
    this.base = base;
    const call = (this.callProxy = (method, path, options) => callProxy(base, fetch, method, path, options));
    this.fetch = fetch;
    this.keeper = new KeptSession(base, this.host);
    this.limitAt = clock.now() + Math.min((timeout > 0 ? timeout : defaultTimeout) * 1000, 2 ** 31 - 1);
    this.started = this.offline = false;
    this.pollAfterMs = 0;
    this.panel.begin();
    this.poller = new StatusPoller(
      clock,
      (signal) =>
        call<IntegrationAnswer>('GET', '/integrations/' + encodeURIComponent(this.model.id!), {
          signal,
          wants: ['status'],
        }),
      {
        answered: (answer) => this.onAnswer(answer),
        refused: (refusal) => this.refuse(refusal),
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
    // Also of one that has been taken out of the page meanwhile, by a listener of its start perhaps: whoever comes next goes on with it.
    if (model.id) this.keeper!.hold(model.id);
    if (!this.host.isConnected) {
      release(this.host);
      return;
    }
    if (!this.stopLimit) {
      this.stopLimit = clock.after(Math.max(0, this.limitAt - clock.now()), () =>
        this.feed({ type: 'end', by: 'expired' }),
      );
    }
    if (!model.id) {
      if (!this.call) this.create();
      return;
    }
    // The last question has outlasted the absence.
    if (!model.ending) {
      if (model.state === 'starting') this.poller!.start(0, 'asked');
      else this.poller!.start(this.pollAfterMs, hint);
    }
    if (model.state === 'pending') this.panel.show(model);
  }

  /** Stops all that `wake` got going. */
  private sleep(): void {
    this.poller!.stop();
    if (this.call) this.call.abort();
    if (this.stopLimit) this.stopLimit();
    this.call = this.stopLimit = null;
    this.panel.hide();
  }

  /** Out of the page for longer than a move takes. The session itself goes on at the server, kept for whoever takes it up. */
  leave(): void {
    if (!isActive(this.model)) return;
    if (this.model.ending) this.panel.hide();
    else {
      this.sleep();
      release(this.host);
    }
  }

  /** Whether the store is connected could not be read: a till may be there before its network. */
  unknown(reason: ProxyError | null): void {
    const { host } = this;
    const { clock, reader } = host;
    if (this.model.state !== 'idle' || !host.isConnected || reader.busy) return;
    const { status, code, retryAfter } = reason || { status: 0, code: '', retryAfter: null };
    // Refused for good, which a start reports; a wrong set-up answers 500.
    if (status && status !== 429 && (status < 500 || code === 'misconfigured')) {
      if (host.autostart) void host.start();
    }
    // It may be connected all the same: look again, later each time.
    else {
      const pause = retryAfterMs(retryAfter, clock.now()) || Math.min(60_000, 1000 * 2 ** ++this.looks);
      reader.plan(
        clock.after(pause, () => {
          reader.stop();
          host.settle();
        }),
      );
    }
  }

  private watchLanguage(): void {
    this.stopLanguage = watchPageLanguage(this.host, () => this.host.requestUpdate());
  }

  private create(): void {
    this.call = new Call().run<StartedIntegration>(
      this.host.clock,
      createDeadline,
      (signal) => this.callProxy!('POST', '/integrations', { signal, wants: ['id', 'connectUrl'] }),
      (answer) => {
        if (answer.id && typeof answer.id === 'string') this.onAnswer(answer);
        else this.refuse(failure('bad_answer', 'start', `The proxy's answer has no usable "id".`));
      },
      (reason) =>
        this.refuse(
          reason instanceof ProxyError
            ? failureOf(reason, 'start')
            : failure('proxy_timeout', 'start', 'The proxy did not answer in time.'),
        ),
    );
  }

  private onAnswer(answer: IntegrationAnswer): void {
    const { id } = this.model;
    const { status, connectUrl } = answer;
    this.pollAfterMs = answer.pollAfterMs;
    const over = status === 'finished' || status === 'cancelled';
    // A proxy may leave the page out when it tells of a session that it is asked about, never when it makes one.
    if (!this.model.connectUrl && !over && !(id && !connectUrl) && !isConnectUrl(connectUrl)) {
      const message = 'The connect page must be https (or loopback) and of another origin than this page.';
      this.refuse(failure('bad_connect_url', 'frame', message));
    } else this.feed({ type: 'answered', answer });
  }

  private refuse(failure: ConnectFailure | 'expired'): void {
    this.feed({ type: 'refused', failure });
  }
}
