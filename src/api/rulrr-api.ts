import { systemClock } from '../shared/clock.js';
import { field, isPromise, jsonBody, parse, tokensOf, unreadable, uploadUrlOf, type ReadAnswer } from './answers.js';
import { CallSignals, requireSignal } from './call-signals.js';
import { RulrrApiError } from './errors.js';
import { globalFetch } from './global-fetch.js';
import { isLoopback } from './loopback.js';
import { transmit, type Call, type RawAnswer, type TransportOptions } from './transport.js';
import type {
  CallOptions,
  IntegrationState,
  RulrrAnswer,
  RulrrApiOptions,
  StoreProfile,
  TokenCallOptions,
  Tokens,
} from './types.js';

const states: readonly string[] = ['pending', 'finished', 'cancelled'] satisfies IntegrationState[];

function wrong(option: string, what: string): never {
  throw new TypeError(`RulrrApi: option "${option}" ${what}.`);
}

function requireText(value: unknown, option: string): string {
  if (value === undefined || value === null) wrong(option, 'is missing');
  if (typeof value !== 'string') wrong(option, 'must be a string');
  if (!value.trim()) wrong(option, 'is blank');
  return value;
}

function requirePositive(value: number | undefined, option: string, fallback: number): number {
  if (value === undefined) return fallback;
  if (!Number.isFinite(value) || value <= 0) wrong(option, 'must be a positive number');
  return value;
}

/** What a timer can wait for; given more, it fires at once. Some 24.8 days. */
const longestMs = 2 ** 31 - 1;

function requireMs(value: number | undefined, option: string, fallback: number): number {
  const ms = requirePositive(value, option, fallback);
  if (ms > longestMs) wrong(option, `must be ${longestMs} milliseconds at most`);
  return ms;
}

/** An argument that a caller left out is the caller's mistake: said before anything is sent. */
function requireArgument(value: unknown, operation: string, name: string): string {
  if (typeof value !== 'string' || !value.trim()) throw new TypeError(`${operation}: "${name}" is missing or blank.`);
  return value;
}

/** A value as it stands in a query. */
function escaped(value: string): string {
  return /^[\w.*-]+$/.test(value) ? value : new URLSearchParams({ v: value }).toString().slice(2);
}

/** The name of its class, for those of another realm or library too. */
const kindOf = (value: unknown) => Object.prototype.toString.call(value).slice(8, -1);

/** `{}` itself, rather than something that JSON writes as that: fields that are undefined, or an object of a class that shows none. */
function isBare(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  // Of any realm.
  return !Object.keys(value).length && (prototype === null || Object.getPrototypeOf(prototype) === null);
}

/**
 * `fetch` takes anything, and would upload a list of objects or a promise as `[object Object]` or `[object Promise]`. Of a `FormData` it
 * makes parts, with a boundary that the content type given beside it cannot name: the list would arrive with the marks of a form in it.
 */
function isBody(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return typeof value === 'string';
  if (ArrayBuffer.isView(value) || Symbol.asyncIterator in value) return true;
  return /^(String|ArrayBuffer|Blob|File|URLSearchParams|ReadableStream)$/.test(kindOf(value));
}

function isHeaderValue(value: string): boolean {
  try {
    return new Headers({ 'Content-Type': value }).has('Content-Type');
  } catch {
    return false;
  }
}

/** A call that must not be cut off once it is under way may still be called off beforehand. */
function notBegun({ signal, onRawAnswer }: TokenCallOptions, operation: string): void {
  requireSignal(signal, operation);
  // Found out afterwards, it would cost an answer that comes once.
  if (onRawAnswer && typeof onRawAnswer !== 'function')
    throw new TypeError(`${operation}: "onRawAnswer" must be a function.`);
  if (signal?.aborted) throw new RulrrApiError(operation, 'aborted', { sent: 'no' });
}

/**
 * Rulrr's API, one method a row of its reference. Runs wherever `fetch` does.
 *
 * Each method rejects with `RulrrApiError`, or with `TypeError` for an argument that cannot be right. Reads are tried once more
 * if the first try surely never reached Rulrr; so are orders, and only then. Nothing is sent again after an unclear failure.
 *
 * @example
 * const api = new RulrrApi({ apiBaseUrl, clientId, clientSecret });
 * const { integrationToken } = await api.createIntegration();
 */
export class RulrrApi {
  // Private by the language, so that neither `console.log` nor JSON shows a secret.
  readonly #options: RulrrApiOptions;
  readonly #base: URL;
  /** The base as text, without a closing slash. */
  readonly #prefix: string;
  /** All of a status call's URL but the token. */
  #statusUrl: string | undefined;
  readonly #redeemTimeoutMs: number;
  readonly #transport: TransportOptions;

  /** @throws TypeError naming the option that is missing, blank or wrong; never quoting its value */
  constructor(options: RulrrApiOptions) {
    if (typeof options !== 'object' || options === null) throw new TypeError('RulrrApi: options are missing.');
    requireText(options.clientId, 'clientId');
    requireText(options.clientSecret, 'clientSecret');
    const base = requireText(options.apiBaseUrl, 'apiBaseUrl');
    if (!URL.canParse(base)) wrong('apiBaseUrl', 'is not an absolute URL');
    this.#base = new URL(base);
    if (this.#base.protocol !== 'https:' && !(this.#base.protocol === 'http:' && isLoopback(this.#base))) {
      wrong('apiBaseUrl', 'must be https (http is for loopback addresses)');
    }
    if (this.#base.search || this.#base.hash) wrong('apiBaseUrl', 'must not hold a query or a fragment');
    if (this.#base.username || this.#base.password) wrong('apiBaseUrl', 'must not hold a user name or password');
    if (/\/v1\/*$/.test(this.#base.pathname)) wrong('apiBaseUrl', 'must end before "/v1", which is part of each path');
    this.#prefix = this.#base.origin + this.#base.pathname.replace(/\/+$/, '');
    if (options.accessToken !== undefined) requireText(options.accessToken, 'accessToken');
    for (const name of ['fetch', 'refreshRequest', 'parseRefresh', 'customersUploadUrl'] as const)
      if (options[name] !== undefined && typeof options[name] !== 'function') wrong(name, 'must be a function');
    const { clock = systemClock } = options;
    if (typeof clock?.now !== 'function' || typeof clock.after !== 'function')
      wrong('clock', 'must have now() and after()');
    this.#options = { ...options };
    // Called without a receiver.
    const given = options.fetch;
    const timeoutMs = requireMs(options.timeoutMs, 'timeoutMs', 10_000);
    this.#transport = {
      fetch: given ? (input, init) => given(input, init) : globalFetch,
      clock,
      timeoutMs,
      signals: new CallSignals(timeoutMs),
      maxAnswerBytes: requirePositive(options.maxAnswerBytes, 'maxAnswerBytes', 1024 * 1024),
    };
    this.#redeemTimeoutMs = requireMs(options.redeemTimeoutMs, 'redeemTimeoutMs', 60_000);
  }

  /** The same client for one connected store. */
  withAccessToken(accessToken: string): RulrrApi {
    return new RulrrApi({ ...this.#options, accessToken: requireText(accessToken, 'accessToken') });
  }

  /** `POST /v1/auth/integration`: begins to link a store. */
  async createIntegration(options: CallOptions = {}): Promise<{ integrationToken: string }> {
    const operation = 'createIntegration';
    const url = this.#url('/v1/auth/integration', this.#credentials());
    const answer = await this.#json({ operation, method: 'POST', url, signal: options.signal });
    return { integrationToken: field(answer, 'integrationToken') };
  }

  /** `GET /v1/auth/integration`: how far the merchant is. */
  async getIntegrationStatus(
    integrationToken: string,
    options: CallOptions = {},
  ): Promise<{ status: IntegrationState }> {
    const operation = 'getIntegrationStatus';
    requireArgument(integrationToken, operation, 'integrationToken');
    // The credentials are written once: this is what every till asks for every second.
    this.#statusUrl ??= this.#url('/v1/auth/integration', this.#credentials()) + '&integration_token=';
    const url = this.#statusUrl + escaped(integrationToken);
    const answer = await this.#read({ operation, method: 'GET', url, signal: options.signal });
    const status = field(answer, 'status');
    if (!states.includes(status)) throw unreadable(answer, 'Its "status" is none of pending, finished, cancelled.');
    return { status: status as IntegrationState };
  }

  /**
   * `GET /v1/auth/integration/token`: the tokens of a finished integration. Rulrr answers this **once**; save the answer in
   * `onRawAnswer`. Never sent again by itself. @throws RulrrApiError `already_retrieved` (410) from the second time on
   */
  async retrieveTokens(integrationToken: string, options: TokenCallOptions = {}): Promise<Tokens> {
    const operation = 'retrieveTokens';
    requireArgument(integrationToken, operation, 'integrationToken');
    const query = { ...this.#credentials(), integration_token: integrationToken };
    const url = this.#url('/v1/auth/integration/token', query);
    notBegun(options, operation);
    const raw = await this.#transmit({ operation, method: 'GET', url, timeoutMs: this.#redeemTimeoutMs, once: true });
    await options.onRawAnswer?.(raw.text);
    return tokensOf(parse(raw, operation));
  }

  /** `POST /v1/auth/token`: a new pair for an old one, ahead of its end. See `refreshRequest` and `parseRefresh`. */
  async refreshTokens(refreshToken: string, options: TokenCallOptions = {}): Promise<Tokens> {
    const operation = 'refreshTokens';
    requireArgument(refreshToken, operation, 'refreshToken');
    const { clientId, clientSecret, refreshRequest, parseRefresh } = this.#options;
    const request = refreshRequest
      ? refreshRequest({ clientId, clientSecret, refreshToken })
      : { query: { ...this.#credentials(), refresh_token: refreshToken } };
    if (typeof request !== 'object' || request === null || isPromise(request))
      throw new TypeError(
        `${operation}: option "refreshRequest" must answer with {query, body}, either may be left out.`,
      );
    const url = this.#url('/v1/auth/token', request.query ?? {});
    notBegun(options, operation);
    const raw = await this.#transmit({
      operation,
      method: 'POST',
      url,
      timeoutMs: this.#redeemTimeoutMs,
      once: true,
      ...(request.body === undefined ? {} : jsonBody(request.body, operation)),
    });
    await options.onRawAnswer?.(raw.text);
    const answer = parse(raw, operation);
    if (!parseRefresh) return tokensOf(answer);
    const tokens = parseRefresh(answer.body);
    // The rest is theirs to judge: an answer without a refresh token leaves the old one in force (RFC 6749, section 6).
    if (typeof tokens?.accessToken !== 'string' || !tokens.accessToken)
      throw unreadable(answer, 'It has no "accessToken".');
    return tokens;
  }

  /** `PUT /v1/stores`: the store's profile. */
  async updateStore(profile: StoreProfile, options: CallOptions = {}): Promise<RulrrAnswer> {
    const operation = 'updateStore';
    for (const name of ['storeName', 'storeAddress', 'storeCountryCode'] as const) {
      requireArgument(profile?.[name], operation, name);
    }
    if (!/^[A-Z]{2}$/.test(profile.storeCountryCode)) {
      throw new TypeError('updateStore: "storeCountryCode" must be an ISO 3166-1 alpha-2 code, such as US.');
    }
    const url = this.#dataUrl('/v1/stores', operation);
    const answer = await this.#read({
      operation,
      method: 'PUT',
      url,
      ...jsonBody(profile, operation),
      signal: options.signal,
    });
    return answer.body;
  }

  /** `GET /v1/stores`: the store's settings, e-receipts on or off among them (the field's name is not published). */
  async getStore(options: CallOptions = {}): Promise<RulrrAnswer> {
    const operation = 'getStore';
    const answer = await this.#read({
      operation,
      method: 'GET',
      url: this.#dataUrl('/v1/stores', operation),
      signal: options.signal,
    });
    return answer.body;
  }

  /** `GET /v1/customers`: where the list of customers is to be uploaded. https, or loopback where the API is. */
  async getCustomersUploadUrl(options: CallOptions = {}): Promise<URL> {
    const operation = 'getCustomersUploadUrl';
    const url = this.#dataUrl('/v1/customers', operation);
    const answer = await this.#read({ operation, method: 'GET', url, signal: options.signal });
    const found = (this.#options.customersUploadUrl ?? uploadUrlOf)(answer.body);
    if (typeof found !== 'string' || !URL.canParse(found)) throw unreadable(answer, 'It holds no upload URL.');
    const target = new URL(found);
    const allowed =
      target.protocol === 'https:' || (target.protocol === 'http:' && isLoopback(target) && isLoopback(this.#base));
    if (!allowed) throw unreadable(answer, 'Its upload URL is not https.');
    // `fetch` takes none, and throws before anything is sent.
    if (target.username || target.password) throw unreadable(answer, 'Its upload URL holds a user name or password.');
    return target;
  }

  /**
   * Puts the list of customers at the URL that Rulrr gives. Neither a token nor the client's credentials go there.
   * @param contentType such as `text/csv`
   */
  async uploadCustomers(
    body: NonNullable<RequestInit['body']>,
    contentType: string,
    options: CallOptions = {},
  ): Promise<void> {
    const operation = 'uploadCustomers';
    requireArgument(contentType, operation, 'contentType');
    if (!isHeaderValue(contentType)) throw new TypeError(`${operation}: "contentType" cannot stand in a header.`);
    if (body === undefined || body === null) throw new TypeError(`${operation}: "body" is missing.`);
    if (!isBody(body)) throw new TypeError(`${operation}: "body" must be a text, bytes, a Blob or a stream.`);
    const { href: url } = await this.getCustomersUploadUrl(options);
    const headers = { 'Content-Type': contentType };
    await this.#transmit({
      operation,
      method: 'PUT',
      url,
      body,
      headers,
      timeoutMs: this.#redeemTimeoutMs,
      signal: options.signal,
    });
  }

  /**
   * `POST /v1/orders`: one order or transaction, passed on as given (its body is not published in full). Tried once more only
   * if the first try surely never reached Rulrr; after an unclear failure it is never sent again.
   */
  async createOrder(order: object, options: CallOptions = {}): Promise<RulrrAnswer> {
    const operation = 'createOrder';
    if (typeof order !== 'object' || order === null) throw new TypeError(`${operation}: "order" must be an object.`);
    const url = this.#dataUrl('/v1/orders', operation);
    const json = jsonBody(order, operation, 'order');
    // Nothing of what it holds would be sent, and an empty order could count as a receipt on its way.
    if (json.body === '{}' ? !isBare(order) : !/^[{[]/.test(String(json.body)))
      throw new TypeError(
        `${operation}: JSON writes nothing of "order" down (${kindOf(order)}). Give a plain object; getters, private fields and undefined ones are left out.`,
      );
    const answer = await this.#read({ operation, method: 'POST', url, ...json, signal: options.signal });
    return answer.body;
  }

  /**
   * `GET /v1/orders`: one order. The name of its parameter is not published, so the query is given as it is to stand.
   * @param query a plain object of texts, such as `{orderId: 'A-1'}`
   */
  async getOrder(query: Record<string, string>, options: CallOptions = {}): Promise<RulrrAnswer> {
    const operation = 'getOrder';
    if (typeof query !== 'object' || query === null) throw new TypeError(`${operation}: "query" must be an object.`);
    // These have no fields of their own: the query would be sent empty.
    if (Symbol.iterator in query || isPromise(query))
      throw new TypeError(`${operation}: "query" must be a plain object, such as Object.fromEntries(parameters).`);
    for (const [name, value] of Object.entries<unknown>(query))
      if (typeof value !== 'string' && typeof value !== 'number')
        throw new TypeError(`${operation}: "${name}" of the query must be a text.`);
    const answer = await this.#read({
      operation,
      method: 'GET',
      url: this.#dataUrl('/v1/orders', operation, query),
      signal: options.signal,
    });
    return answer.body;
  }

  /** Nothing of the options: they hold secrets. */
  toJSON(): Record<string, unknown> {
    return { name: 'RulrrApi' };
  }

  #credentials(): Record<string, string> {
    return { client_id: this.#options.clientId, client_secret: this.#options.clientSecret };
  }

  /** Put together as text: a base that was read already, a path of ours, and a query in which nothing is left to escape. */
  #url(path: string, query: Record<string, string>): string {
    const text = new URLSearchParams(query).toString();
    return this.#prefix + path + (text && `?${text}`);
  }

  #dataUrl(path: string, operation: string, query: Record<string, string> = {}): string {
    const { accessToken } = this.#options;
    if (!accessToken) throw new TypeError(`${operation}: needs an access token. Use withAccessToken(token).`);
    return this.#url(path, { ...query, access_token: accessToken });
  }

  #transmit(call: Call): Promise<RawAnswer> {
    return transmit(call, this.#transport);
  }

  async #json(call: Call): Promise<ReadAnswer> {
    return parse(await this.#transmit(call), call.operation);
  }

  /** One more try where the first surely never left: harmless for every call, orders included. */
  async #read(call: Call): Promise<ReadAnswer> {
    const { clock, timeoutMs } = this.#transport;
    const begun = clock.now();
    let raw: RawAnswer;
    try {
      raw = await this.#transmit(call);
    } catch (error) {
      // A name server that does not answer has used up some of the time.
      const left = timeoutMs - Math.max(0, clock.now() - begun);
      const again = error instanceof RulrrApiError && error.code === 'unreachable' && !call.signal?.aborted && left > 0;
      if (!again) throw error;
      raw = await this.#transmit({ ...call, timeoutMs: left });
    }
    return parse(raw, call.operation);
  }
}
