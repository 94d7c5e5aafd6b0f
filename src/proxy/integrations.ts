import { RulrrApi } from '../api/index.js';
import type { IntegrationAnswer, StartedIntegration } from '../shared/wire.js';
import type { Connections } from './connections.js';
import type { Flow, FlowStatus } from './flow.js';
import { createFraming, type Framing } from './embeddable.js';
import { errorClass } from './events.js';
import type { ProxySettings } from './options.js';
import { Refusal } from './refusal.js';
import { createSealer, maxIntegrationTokenLength, type Sealer } from './seal.js';
import { StartLimit } from './start-limit.js';
import { refusalOf, upstreamReasonOf, upstreamStatusOf } from './upstream-refusal.js';

const firstPollMs = 1000;
/** Clocks of replicas may differ by this before a session is called expired. */
const skewMs = 60_000;
/** How long a start, or a first poll after a restart, waits for the connect page's headers. */
const framingPatienceMs = 1500;

/** Starts sessions and tells how they stand. */
export class Integrations {
  private readonly settings: ProxySettings;
  private readonly connections: Connections;
  private readonly api: RulrrApi;
  private readonly sealer: Sealer;
  private readonly limit: StartLimit;
  private readonly framing: Framing | null;
  /** What each poll of a session repeats, made once: a URL and a date cost more than the rest of a shared answer. */
  private readonly repeated = new WeakMap<Flow, Pick<StartedIntegration, 'connectUrl' | 'expiresAt'>>();

  constructor(settings: ProxySettings, connections: Connections, api: RulrrApi) {
    this.settings = settings;
    this.connections = connections;
    this.api = api;
    this.sealer = createSealer(settings.sealingKeys, [settings.clientId, settings.apiBaseUrl, settings.basePath]);
    this.limit = new StartLimit(settings.startLimit, settings.clock);
    this.framing = settings.checkFraming
      ? createFraming(settings.connectBaseUrl, settings.fetch, settings.clock)
      : null;
  }

  /**
   * Creates an integration at Rulrr for this store. Each call makes one: two tills of a store have a session each, and a
   * double click is the element's to hold back.
   */
  async start(storeId: string, pageOrigin: string): Promise<StartedIntegration> {
    this.limit.take(storeId);
    const [integrationToken, embeddable] = await Promise.all([this.create(), this.allowsFrame(pageOrigin)]);
    const startedAt = this.settings.clock.now();
    const flow: Flow = {
      flowId: crypto.randomUUID(),
      storeId,
      integrationToken,
      startedAt,
      expiresAt: startedAt + this.settings.integrationTtlMs,
    };
    const id = await this.sealer.seal(flow);
    await this.connections.open(flow);
    this.settings.emit({ type: 'integration-started', flowId: flow.flowId, storeId });
    return { id, ...this.repeatedOf(flow), status: 'pending', pollAfterMs: firstPollMs, embeddable };
  }

  /** How a session stands, for the store that started it. @throws Refusal */
  async status(storeId: string, id: string, pageOrigin: string): Promise<IntegrationAnswer> {
    const flow = this.sealer.known(id) ?? (await this.sealer.unseal(id));
    if (!flow) throw new Refusal('unknown_integration', 'This id was not made here.');
    if (flow.storeId !== storeId) throw new Refusal('not_yours', 'The integration was started by another store.');
    const { connectUrl, expiresAt } = this.repeatedOf(flow);
    const late = this.settings.clock.now() > flow.expiresAt + skewMs;
    let state: FlowStatus;
    try {
      state = await this.connections.check(flow);
    } catch (error) {
      // Past its time a session has one answer, unless it turns out to have been stored.
      throw late && !(error instanceof Refusal && error.code === 'tokens_lost') ? expired() : error;
    }
    if (state.status === 'finished')
      return { status: 'finished', pollAfterMs: firstPollMs, expiresAt, connection: state.connection };
    if (late) throw expired();
    if (state.status === 'cancelled') return { status: 'cancelled', pollAfterMs: firstPollMs, expiresAt };
    const { pollAfterMs } = state;
    const embeddable = this.framing ? await this.allowsFrame(pageOrigin) : undefined;
    return { status: 'pending', pollAfterMs, expiresAt, connectUrl, embeddable };
  }

  private async create(): Promise<string> {
    let token: string;
    try {
      ({ integrationToken: token } = await this.api.createIntegration());
    } catch (error) {
      const status = upstreamStatusOf(error);
      // Rulrr's refusals here are about the client id (400) and the client secret (403): nothing a till could do differently.
      const refusal =
        status === 400 || status === 403
          ? new Refusal('misconfigured', "Rulrr does not accept the proxy's credentials.")
          : refusalOf(error);
      const reason = upstreamReasonOf(error);
      this.settings.emit({ type: 'upstream-failed', code: refusal.code, reason, status, route: 'POST /integrations' });
      throw refusal;
    }
    if (token.length > maxIntegrationTokenLength) {
      this.settings.emit({ type: 'upstream-failed', code: 'bad_answer', route: 'POST /integrations' });
      throw new Refusal('upstream_error', 'Rulrr answered without a usable integration.', 5);
    }
    return token;
  }

  private async allowsFrame(pageOrigin: string): Promise<boolean | undefined> {
    try {
      return await this.framing?.allows(pageOrigin, framingPatienceMs);
    } catch (error) {
      this.settings.emit({ type: 'internal-error', code: errorClass(error) });
      return undefined;
    }
  }

  private repeatedOf(flow: Flow): Pick<StartedIntegration, 'connectUrl' | 'expiresAt'> {
    let known = this.repeated.get(flow);
    if (!known) {
      const url = new URL(this.settings.connectBaseUrl);
      url.searchParams.set('integration_token', flow.integrationToken);
      url.searchParams.set('client_id', this.settings.clientId);
      known = { connectUrl: url.href, expiresAt: new Date(flow.expiresAt).toISOString() };
      this.repeated.set(flow, known);
    }
    return known;
  }
}

function expired(): Refusal {
  return new Refusal('expired', 'The session took too long. Start another.');
}
