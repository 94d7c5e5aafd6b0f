import { base64url } from 'jose';
import type { RulrrApi, RulrrApiOptions } from '../api/index.js';
import { globalFetch } from '../api/global-fetch.js';
import { isLoopback } from '../api/loopback.js';
import { systemClock, type Clock } from '../shared/clock.js';
import { consoleEvents, type Emit, type ProxyEvent } from './events.js';
import { meantBy } from './misspelt.js';
import type { TokenStore } from './stores/token-store.js';

/** Who is asking, as the vendor's own session says it. */
export interface Subject {
  /** The vendor's id of the store, 1 to 256 characters. */
  storeId: string;
}

/** What the host gives beside the request: `toNodeHandler` passes Node's own request, so that `incoming.session` is in reach. */
export interface ProxyContext {
  incoming?: unknown;
}

/** What a receipt's hook is given. */
export interface EreceiptJob {
  /** As `authorize` said it. */
  storeId: string;
  /** As the browser sent it: to be looked up among the orders of `storeId` alone, or a till could have another store's receipt. */
  orderId: string;
  /** E.164, checked: a number that can get a text message. */
  phoneNumber: string;
  /** As the browser sent it. Hand it on where the receiving end knows such keys. */
  idempotencyKey: string;
  /** A client for this store; it refreshes its token by itself. */
  api: RulrrApi;
  /** Aborted when the time for the send is over. */
  signal: AbortSignal;
}

export interface RulrrProxyOptions {
  clientId: string;
  /** Never leaves the server. */
  clientSecret: string;
  /** Given to the vendor with its credentials; https, or a loopback address. */
  apiBaseUrl: string;
  /** Rulrr's connect page. Default `https://connect.rulrr.com/`. */
  connectBaseUrl?: string | undefined;
  /**
   * Path of the proxy on the vendor's site, as the browser sees it; where a gateway in front takes a part of it away, as it comes here.
   * Default `/rulrr`, as the elements' `proxy-url`; `/` for the root.
   */
  basePath?: string | undefined;
  /**
   * Newest first: the first seals, all open. Each a string of 32 characters or more, or 32 bytes or more, out of a random source
   * (`openssl rand -base64 32`). The keys in use are derived from it, one for each purpose.
   */
  sealingKeys: readonly (string | Uint8Array)[];
  tokenStore: TokenStore;
  /**
   * Says whose store asks, from the vendor's own session; null where nobody is signed in. The request comes without its body. What
   * makes a `Request` of it or fetches it is given `request.clone()`: `toNodeHandler` makes a whole one only where it is asked to.
   */
  authorize(request: Request, context: ProxyContext): Subject | null | Promise<Subject | null>;
  /**
   * Brings the receipt on its way; resolves once it is surely sent. Throw `EreceiptUnconfirmedError` where that is unknown: the till
   * then prints, and the key never sends again; the same holds for errors of a connection that broke or timed out, for those that
   * carry a `status` of 408, 499, or 500 and more, and for errors of `api` that leave it unclear. What else is thrown means "not
   * sent", and the same key may try again. So does `false`. An answer whose `ok`, `success` or `sent` is there and says no (false, 0,
   * null, empty, or "false", "0", "no"), that has an error that is not empty, 0 or none (`error`, `errors`, `error-text`, `errorCode` …), or
   * whose `status` or `statusCode` is false, a number from 300 to 599, or a word that begins like error, failed, rejected, undelivered,
   * unsent, unknown, canceled, expired, invalid or denied, means "not sent" with 400 to 499 but for 408 and 499, and else "unknown". It is
   * looked for in what `fetch`, axios, undici, got or a gateway gives: the JSON of a `Response` that was not read is read, and so are
   * `data`, `body` and the list of recipients. A web page in its place, what says to be JSON and is not, and a bare 0 mean "unknown"; an
   * `Error` that it resolves with counts as thrown, and any no in a list, as of `Promise.all`, means "unknown". So does what
   * has not ended yet or not even begun: an Observable, a generator, a function, an open request.
   * Without this hook, `POST /ereceipts` answers 500 `misconfigured`.
   */
  sendEreceipt?: ((job: EreceiptJob) => Promise<unknown>) | undefined;
  /** Origins of tills that stand elsewhere than the proxy, exact, such as `https://pos.example`. Default none. */
  allowedOrigins?: readonly string[] | undefined;
  /** Further request headers that pages on `allowedOrigins` may send: all of them. Default `['Authorization']`. */
  allowedHeaders?: readonly string[] | undefined;
  /** The proxy's own origin as browsers see it, where a load balancer changes scheme or host. Default: that of each request. */
  origin?: string | undefined;
  /** For every call to Rulrr. Default: the global one. */
  fetch?: typeof fetch | undefined;
  /** Log hook; see `ProxyEvent`. Default: alarming events go to `console.error`. */
  onEvent?: ((event: ProxyEvent) => void) | undefined;
  /** How long a session may take. Default 30 minutes. */
  integrationTtlMs?: number | undefined;
  /** How long a send may take, from its call on, before the answer is `send_unconfirmed`. Default 8000, as long as the numpad waits. */
  sendTimeoutMs?: number | undefined;
  /** New sessions for one store: `burst` at once, then one each `everyMs`. Default 30 and 2000. */
  startLimit?: { burst: number; everyMs: number } | undefined;
  /** Set false to leave out the one look at the connect page's framing headers. Default true. */
  checkFraming?: boolean | undefined;
  /** How long a session's status is shared among all who ask this process. Default 1000. */
  statusTtlMs?: number | undefined;
  /** Status calls to Rulrr a second, for the whole process, on average; twice as many in one after a quiet one. Default 50. */
  budgetPerSecond?: number | undefined;
  /**
   * Reads from Rulrr whether a store texts receipts, where that may change after connecting. Asked again after five minutes. An answer
   * that is neither true nor false changes nothing, and is told as `hook-failed`.
   */
  readEreceipt?: ((api: RulrrApi, storeId: string) => Promise<boolean>) | undefined;
  /** What `POST /v1/auth/token` is asked with, where that differs from the query that is taken for granted; see `RulrrApiOptions`. */
  refreshRequest?: RulrrApiOptions['refreshRequest'];
  /** Reads the answer of a refresh, where it differs from that of the first tokens. */
  parseRefresh?: RulrrApiOptions['parseRefresh'];
  /** Time and timers; tests bring their own. */
  clock?: Clock | undefined;
}

/** The options, checked, with defaults. */
export interface ProxySettings {
  clientId: string;
  clientSecret: string;
  apiBaseUrl: string;
  connectBaseUrl: URL;
  /** Without a closing slash; `''` is the root. */
  basePath: string;
  sealingKeys: string[];
  tokenStore: TokenStore;
  authorize: RulrrProxyOptions['authorize'];
  sendEreceipt: RulrrProxyOptions['sendEreceipt'];
  allowedOrigins: ReadonlySet<string>;
  allowedHeaders: readonly string[];
  origin: string | null;
  fetch: typeof fetch;
  emit: Emit;
  integrationTtlMs: number;
  sendTimeoutMs: number;
  startLimit: { burst: number; everyMs: number };
  checkFraming: boolean;
  statusTtlMs: number | undefined;
  budgetPerSecond: number | undefined;
  readEreceipt: RulrrProxyOptions['readEreceipt'];
  refreshRequest: RulrrProxyOptions['refreshRequest'];
  parseRefresh: RulrrProxyOptions['parseRefresh'];
  clock: Clock;
}

/** A record, so that the compiler sees to it that none is left out. */
const optionNames: Record<keyof RulrrProxyOptions, true> = {
  clientId: true,
  clientSecret: true,
  apiBaseUrl: true,
  connectBaseUrl: true,
  basePath: true,
  sealingKeys: true,
  tokenStore: true,
  authorize: true,
  sendEreceipt: true,
  allowedOrigins: true,
  allowedHeaders: true,
  origin: true,
  fetch: true,
  onEvent: true,
  integrationTtlMs: true,
  sendTimeoutMs: true,
  startLimit: true,
  checkFraming: true,
  statusTtlMs: true,
  budgetPerSecond: true,
  readEreceipt: true,
  refreshRequest: true,
  parseRefresh: true,
  clock: true,
};

/** Names the option and what is wrong with it; never quotes the value, which may be a secret. */
function wrong(option: string, what: string): never {
  throw new TypeError(`createRulrrProxy: option "${option}" ${what}.`);
}

function text(value: unknown, option: string): string {
  if (value === undefined || value === null) wrong(option, 'is missing');
  if (typeof value !== 'string') wrong(option, 'must be a string');
  if (!value.trim()) wrong(option, 'is blank');
  if (value !== value.trim()) wrong(option, 'has white space around it');
  return value;
}

/** Only what was left out has a default: a null, or a blank, is a value, and a wrong one. */
function or<Value>(value: Value | undefined, preset: Value): Value {
  return value === undefined ? preset : value;
}

function baseUrl(value: unknown, option: string): URL {
  const given = text(value, option);
  if (!URL.canParse(given)) wrong(option, 'is not an absolute URL');
  const url = new URL(given);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url))) {
    wrong(option, 'must be https (http is for loopback addresses)');
  }
  if (url.username || url.password) wrong(option, 'must not hold credentials');
  if (url.hash) wrong(option, 'must not have a fragment');
  return url;
}

function origin(value: unknown, option: string): string {
  const given = text(value, option);
  if (given === '*' || given === 'null')
    wrong(option, 'must name exact origins: "*" and "null" would let every page in');
  // Packaged tills have schemes of their own, such as capacitor://localhost, whose origin URL() cannot tell.
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@*]+$/.test(given)) {
    wrong(option, 'must be scheme, host and port only, in lower case, such as https://pos.example');
  }
  if (/^https?:/.test(given) && (!URL.canParse(given) || new URL(given).origin !== given)) {
    wrong(option, 'must be written as browsers write it: lower case, without the default port');
  }
  return given;
}

function list(value: unknown, option: string): readonly unknown[] {
  if (!Array.isArray(value)) wrong(option, 'must be an array');
  return value;
}

function count(value: unknown, option: string, lowest: number, highest: number): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < lowest || value > highest) {
    wrong(option, `must be a number from ${lowest} to ${highest}`);
  }
  return value;
}

function basePath(value: unknown): string {
  if (typeof value !== 'string') wrong('basePath', 'must be a string');
  if (value === '' || value === '/') return '';
  if (!/^(\/[A-Za-z0-9._~-]+)+\/?$/.test(value) || /\/\.\.?(\/|$)/.test(value)) {
    wrong(
      'basePath',
      'must be a plain path such as /rulrr: no scheme, host, query, double slash, dot segment or escape',
    );
  }
  return value.replace(/\/$/, '');
}

const placeholder =
  /change.?me|replace.?(me|this)|place.?holder|your.?(own)?.?(sealing)?.?(key|secret)|insert.?(key|here)|example.?(key|secret)/i;

function sealingKeys(value: unknown, clientSecret: string): string[] {
  if (value === undefined || value === null) wrong('sealingKeys', 'is missing');
  const keys = list(value, 'sealingKeys').map((key, at) => {
    const name = `sealingKeys[${at}]`;
    if (key instanceof Uint8Array) {
      if (key.length < 32) wrong(name, 'is too short: 32 bytes at least');
      if (new Set(key).size < 8) weak(name);
      return base64url.encode(key);
    }
    const given = text(key, name);
    if (given.length < 32) wrong(name, 'is too short: 32 characters at least (openssl rand -base64 32)');
    if (placeholder.test(given)) wrong(name, 'is a placeholder');
    if (given === clientSecret) wrong(name, 'must not be the client secret');
    if (new Set(given).size < 8) weak(name);
    return given;
  });
  if (!keys.length) wrong('sealingKeys', 'is empty');
  keys.forEach((key, at) => {
    if (keys.indexOf(key) !== at) wrong(`sealingKeys[${at}]`, `is the same key as sealingKeys[${keys.indexOf(key)}]`);
  });
  return keys;
}

/** Tests like keys such as `'k'.repeat(32)`; nobody who serves shops may use one. */
function weak(name: string): void {
  if (typeof process !== 'undefined' && process.env['NODE_ENV'] === 'production')
    wrong(name, 'is not random: too few different characters');
}

function tokenStore(value: unknown): TokenStore {
  if (value === undefined || value === null) wrong('tokenStore', 'is missing');
  const methods = ['get', 'put', 'delete', 'list', 'close'] as const;
  for (const method of methods) {
    if (typeof (value as Record<string, unknown>)[method] !== 'function')
      wrong('tokenStore', `has no method "${method}"`);
  }
  return value as TokenStore;
}

function hook<Hook>(value: Hook, option: string): Hook {
  if (value !== undefined && typeof value !== 'function') wrong(option, 'must be a function');
  return value;
}

/** Catches the misspelt option that would otherwise quietly do nothing. */
function refuseMisspelt(options: object): void {
  for (const name of Object.keys(options)) {
    const meant = meantBy(name, Object.keys(optionNames));
    if (meant) wrong(name, `is unknown; "${meant}" was meant, probably`);
  }
}

/** Checks every option. @throws TypeError that names the option. */
export function resolveOptions(options: RulrrProxyOptions): ProxySettings {
  if (!options || typeof options !== 'object') throw new TypeError('createRulrrProxy: the options are missing.');
  refuseMisspelt(options);
  const clientId = text(options.clientId, 'clientId');
  const clientSecret = text(options.clientSecret, 'clientSecret');
  if (clientSecret === clientId) wrong('clientSecret', 'is the same as clientId');
  const api = baseUrl(options.apiBaseUrl, 'apiBaseUrl');
  if (api.search) wrong('apiBaseUrl', 'must not have a query');
  if (/\/v1\/*$/.test(api.pathname)) wrong('apiBaseUrl', 'must end before "/v1", which is part of each path');
  const connect = baseUrl(or(options.connectBaseUrl, 'https://connect.rulrr.com/'), 'connectBaseUrl');
  for (const name of ['integration_token', 'client_id', 'client_secret']) {
    if (connect.searchParams.has(name))
      wrong('connectBaseUrl', `must not have "${name}": the proxy adds what is needed`);
  }
  const keys = sealingKeys(options.sealingKeys, clientSecret);
  const store = tokenStore(options.tokenStore);
  if (options.authorize === undefined) wrong('authorize', 'is missing');
  hook(options.authorize, 'authorize');
  const { clock = systemClock } = options;
  for (const name of ['now', 'after', 'random'] as const)
    if (typeof clock?.[name] !== 'function') wrong('clock', 'must have now(), after() and random()');
  const onEvent = hook(options.onEvent, 'onEvent') ?? consoleEvents;
  const headers = list(or(options.allowedHeaders, ['Authorization']), 'allowedHeaders').map((header, at) => {
    const name = text(header, `allowedHeaders[${at}]`);
    if (name === '*' || !/^[\w!#$%&'*+.^`|~-]+$/.test(name))
      wrong(`allowedHeaders[${at}]`, 'is not the name of a header');
    return name;
  });
  if (options.checkFraming !== undefined && typeof options.checkFraming !== 'boolean')
    wrong('checkFraming', 'must be true or false');
  const limit = or(options.startLimit, { burst: 30, everyMs: 2000 });
  if (typeof limit !== 'object' || !limit) wrong('startLimit', 'must be {burst, everyMs}');

  return {
    clientId,
    clientSecret,
    apiBaseUrl: options.apiBaseUrl,
    connectBaseUrl: connect,
    basePath: basePath(or(options.basePath, '/rulrr')),
    sealingKeys: keys,
    tokenStore: store,
    authorize: (request, context) => options.authorize(request, context),
    sendEreceipt: hook(options.sendEreceipt, 'sendEreceipt') && ((job) => options.sendEreceipt!(job)),
    allowedOrigins: new Set(
      list(or(options.allowedOrigins, []), 'allowedOrigins').map((each, at) => origin(each, `allowedOrigins[${at}]`)),
    ),
    allowedHeaders: headers,
    origin: options.origin === undefined ? null : origin(options.origin, 'origin'),
    fetch: hook(options.fetch, 'fetch') ?? globalFetch,
    emit(event) {
      // Neither by throwing nor by a promise that rejects does a hook spoil anything.
      try {
        const done: unknown = onEvent({ at: clock.now(), ...event });
        if (done instanceof Promise) done.catch(() => {});
      } catch {
        // Deliberately nothing: there is nobody left to tell.
      }
    },
    integrationTtlMs: count(or(options.integrationTtlMs, 30 * 60_000), 'integrationTtlMs', 1000, 24 * 3600_000),
    sendTimeoutMs: count(or(options.sendTimeoutMs, 8000), 'sendTimeoutMs', 1, 120_000),
    startLimit: {
      burst: count(limit.burst, 'startLimit.burst', 1, 1e6),
      everyMs: count(limit.everyMs, 'startLimit.everyMs', 1, 3600_000),
    },
    checkFraming: options.checkFraming ?? true,
    statusTtlMs: options.statusTtlMs === undefined ? undefined : count(options.statusTtlMs, 'statusTtlMs', 0, 60_000),
    budgetPerSecond:
      options.budgetPerSecond === undefined ? undefined : count(options.budgetPerSecond, 'budgetPerSecond', 0.1, 1e6),
    readEreceipt:
      hook(options.readEreceipt, 'readEreceipt') && ((client, storeId) => options.readEreceipt!(client, storeId)),
    refreshRequest: hook(options.refreshRequest, 'refreshRequest'),
    parseRefresh: hook(options.parseRefresh, 'parseRefresh'),
    clock,
  };
}
