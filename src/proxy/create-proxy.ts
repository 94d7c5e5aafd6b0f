import { RulrrApi } from '../api/index.js';
import { createConnections, type RotationReport } from './connections.js';
import { Ereceipts } from './ereceipts.js';
import { errorClass } from './events.js';
import { admit, type Route } from './guard.js';
import { Integrations } from './integrations.js';
import { resolveOptions, type ProxyContext, type RulrrProxyOptions } from './options.js';
import { Refusal } from './refusal.js';
import { partsFor, problem, respond, withParts, type Parts } from './respond.js';
import { createRoutes } from './routes.js';
import { isStoreId, maxStoreIdLength } from './seal.js';
import { createPlaces, sourceOf, type Source } from './sources.js';
import type { SweepCounts } from './sweep.js';
import { within } from './within.js';

export interface RulrrProxy {
  /** Answers every request; never rejects. What the host knows beside the request goes to `authorize`. */
  fetch(request: Request, context?: ProxyContext): Promise<Response>;
  /** An API client for a connected store; it refreshes its token by itself. @throws Refusal if the store is not connected */
  forStore(storeId: string): Promise<RulrrApi>;
  /**
   * Completes sessions that nobody polls any more, and forgets old idempotency keys. Call it each minute or so: from a timer,
   * or from a cron where nothing stays running. Never rejects: what could not be done is counted as `failed`.
   */
  sweep(): Promise<SweepReport>;
  /**
   * Seals every row of the token store with the first of `sealingKeys`, so that the others can be retired once no session begun
   * under them is open any more. Online: it may run beside requests and on many replicas, and again after a failure.
   * Retire a key only after a run that counts none `failed`.
   */
  rotateKeys(): Promise<RotationReport>;
  /**
   * Waits for what is under way, also where the browser has gone: redemptions and sends first, then up to 10 seconds for other requests.
   * New ones are refused with 503. The token store stays open: it is its maker's to close.
   */
  close(): Promise<void>;
  /** Path of the proxy, without a closing slash. */
  readonly basePath: string;
}

export interface SweepReport extends SweepCounts {
  /** Idempotency keys forgotten. */
  pruned: number;
}

/** How long `close` waits for the answers to requests, after redemptions and sends. */
const closingPatienceMs = 10_000;

/**
 * The server side of both elements: a function from `Request` to `Response` that holds the client secret and the stores' tokens.
 *
 * ```ts
 * const proxy = createRulrrProxy({
 *   clientId, clientSecret, apiBaseUrl,
 *   sealingKeys: secrets.sealingKeys,
 *   tokenStore: libsqlTokenStore({ url: 'file:rulrr.db' }),
 *   authorize: async (request) => {
 *     const session = await sessionOf(request.headers.get('Cookie'));
 *     return session && { storeId: session.storeId };
 *   },
 *   sendEreceipt: async ({ api, storeId, orderId, phoneNumber, signal }) =>
 *     api.createOrder({ ...(await orderOf(storeId, orderId)), ereceipt: { phoneNumber } }, { signal }),
 * });
 * createServer(toNodeHandler(proxy)).listen(8080);
 * ```
 * @throws TypeError that names the option that is missing or wrong
 */
export function createRulrrProxy(options: RulrrProxyOptions): RulrrProxy {
  const settings = resolveOptions(options);
  const { clientId, clientSecret, apiBaseUrl, emit, clock, refreshRequest, parseRefresh } = settings;
  // Whoever asks waits a minute at most; the call itself is left standing far longer, since a late answer still holds the tokens.
  const redeemTimeoutMs = 600_000;
  const api = new RulrrApi({
    apiBaseUrl,
    clientId,
    clientSecret,
    redeemTimeoutMs,
    fetch: settings.fetch,
    clock,
    ...(refreshRequest && { refreshRequest }),
    ...(parseRefresh && { parseRefresh }),
  });
  const connections = createConnections({
    api,
    store: settings.tokenStore,
    keys: settings.sealingKeys,
    clock,
    emit,
    statusTtlMs: settings.statusTtlMs,
    budgetPerSecond: settings.budgetPerSecond,
    readEreceipt: settings.readEreceipt,
    parseRefresh,
  });
  const ereceipts = new Ereceipts(settings, connections);
  const integrations = new Integrations(settings, connections, api);
  const route = createRoutes(settings, { integrations, connections, ereceipts });
  const placeOf = createPlaces();
  /** Requests that were let in and have no answer yet; a browser that has gone does not end them. */
  let underWay = 0;
  let idle: (() => void) | undefined;
  let closing: Promise<void> | undefined;

  /** @param route of a request that was let in: methods and paths that are none of ours may hold anything, and are not repeated */
  function tell({ code, status }: Refusal, route?: Route): void {
    emit({ type: 'refused', code, status, ...(route && { route }) });
  }

  async function answer(request: Request, context: ProxyContext): Promise<Parts> {
    let source: Source | null = null;
    let known: Route | undefined;
    try {
      const { origin, pathname } = placeOf(request.url);
      source = sourceOf(request.headers, origin, settings);
      const admitted = admit(request, pathname, source, settings);
      if ('status' in admitted) {
        if (admitted.refusal) tell(admitted.refusal);
        return partsFor(admitted, source);
      }
      if (closing) throw new Refusal('store_unavailable', 'The proxy is stopping.', 1);
      known = admitted.route;
      underWay += 1;
      try {
        return partsFor(await route(request, { ...admitted, source, context }), source);
      } finally {
        underWay -= 1;
        if (!underWay) idle?.();
      }
    } catch (error) {
      let refusal: Refusal;
      if (error instanceof Refusal) refusal = error;
      else {
        emit({ type: 'internal-error', code: errorClass(error) });
        refusal = new Refusal('internal', 'The proxy could not do this.');
      }
      tell(refusal, known);
      return partsFor(problem(refusal), source);
    }
  }

  async function close(): Promise<void> {
    await ereceipts.close();
    await connections.close();
    // Whoever closes the token store next takes it from under them. A hook that never comes back is not waited for.
    if (underWay) await within(clock, new Promise<void>((resolve) => void (idle = resolve)), closingPatienceMs);
  }

  return {
    basePath: settings.basePath,
    fetch: withParts(async (request, context = {}) => respond(await answer(request, context)), answer),
    async forStore(storeId) {
      if (!isStoreId(storeId)) {
        throw new TypeError(`forStore: a store id of 1 to ${maxStoreIdLength} characters is needed.`);
      }
      return connections.forStore(storeId);
    },
    async sweep() {
      const report = await connections.sweep();
      try {
        return { ...report, pruned: await ereceipts.prune() };
      } catch {
        // The store did not answer and has been told; the next sweep begins anew.
        return { ...report, failed: report.failed + 1, pruned: 0 };
      }
    },
    rotateKeys: () => connections.rotate(),
    close() {
      closing ??= close();
      return closing;
    },
  };
}
