import { embedHeader, embedHeaderValue } from '../shared/wire.js';
import type { CheckOptions } from './types.js';
import { within } from './within.js';

/** One call and its answer, kept for the checks that look at all of them. */
export interface Exchange {
  /** Such as `POST /ereceipts`. */
  call: string;
  /** What of the request has no place in words of the proxy: who asks, the session, the key, the order. */
  unquotable: string[];
  status: number;
  headers: Headers;
  text: string;
  /** The body as JSON; undefined where it is none. */
  json: unknown;
}

export interface Call {
  headers?: Record<string, string>;
  body?: string | Uint8Array<ArrayBuffer>;
  /** Whose till asks. Default `own`. */
  as?: 'own' | 'other' | 'nobody';
  /** False leaves out `Rulrr-Embed` and `Origin`, which the elements send with every call. Default true. */
  fromElement?: boolean;
  /** Waits no longer than this for the answer. */
  withinMs?: number;
}

/** What is wrong, in words for the report. */
export class Mismatch extends Error {}
/** The proxy says that its token store does not answer: what was looked at cannot be told. */
export class StoreDown extends Mismatch {}
/** Why a check cannot be made here. */
export class Skip extends Error {}

/** Speaks to the proxy as a till would, and remembers every answer. */
export class Probe {
  readonly exchanges: Exchange[] = [];
  readonly options: CheckOptions;
  readonly origin: string;
  /** The proxy's own, as its URL has it. */
  readonly proxyOrigin: string;
  /** True once the proxy has shown that it uses the sandbox that was given: a real store's tokens are not there to be forgotten. */
  mayForget = false;
  /** True once the proxy has let in a page of another origin than its own. */
  isElsewhere = false;
  private readonly base: string;

  constructor(url: string, options: CheckOptions) {
    this.options = options;
    this.base = url.replace(/\/+$/, '');
    this.proxyOrigin = new URL(url).origin;
    this.origin = options.origin ?? this.proxyOrigin;
  }

  async call(method: string, path: string, call: Call = {}): Promise<Exchange> {
    const { as = 'own', fromElement = true, body, withinMs = Infinity } = call;
    const identity = as === 'own' ? this.options.headers : as === 'other' ? this.options.otherHeaders : {};
    const element: Record<string, string> = fromElement ? { [embedHeader]: embedHeaderValue, Origin: this.origin } : {};
    const headers = { ...identity, ...element, ...call.headers };
    const [answer, text] = await within(Math.min(withinMs, this.timeoutMs), async (signal) => {
      const init: RequestInit = { method, headers, body, redirect: 'manual', signal };
      const answer = await (this.options.fetch ?? fetch)(this.base + path, init);
      return [answer, await answer.text()] as const;
    });
    const exchange: Exchange = {
      call: `${method} ${path.length > 60 ? `${path.slice(0, 60)}…` : path}`,
      unquotable: [
        ...Object.values(identity ?? {}),
        call.headers?.['Idempotency-Key'] ?? '',
        /^\/integrations\/(.+)/.exec(path)?.[1] ?? '',
        typeof body === 'string' ? (/"orderId":"([^"]+)"/.exec(body)?.[1] ?? '') : '',
      ].filter((text) => text.length >= 6),
      status: answer.status,
      headers: answer.headers,
      text,
      json: parse(text),
    };
    this.exchanges.push(exchange);
    return exchange;
  }

  /** A send; what is given stands in for the parts of a good one. */
  ereceipt(call: Call & { order?: unknown; key?: string | null } = {}): Promise<Exchange> {
    const { order = { orderId: 'check-1', phoneNumber: this.phoneNumber }, key = newKey(), headers, ...rest } = call;
    return this.call('POST', '/ereceipts', {
      body: JSON.stringify(order),
      ...rest,
      headers: { 'Content-Type': 'application/json', ...(key === null ? {} : { 'Idempotency-Key': key }), ...headers },
    });
  }

  get phoneNumber(): string {
    return this.options.phoneNumber ?? '+12135550176';
  }

  /** For one answer, and for a session to end. */
  get timeoutMs(): number {
    return this.options.timeoutMs ?? 20_000;
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const newKey = (): string => crypto.randomUUID();

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A field of a JSON object; undefined where the value is something else. */
export function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

/** An answer in a few words: its status, and its code where it has one. */
export function describe(exchange: Exchange): string {
  const code = field(exchange.json, 'code');
  return `${exchange.call} answered ${exchange.status}${typeof code === 'string' ? ` ${code.slice(0, 40)}` : ''}`;
}

export const isStoreDown = ({ status, json }: Exchange): boolean =>
  status === 503 && field(json, 'code') === 'store_unavailable';

/** Of an answer that should have been another. */
export const mismatchOf = (answer: Exchange, what: string): Mismatch =>
  new (isStoreDown(answer) ? StoreDown : Mismatch)(what);

/** @throws Mismatch unless the answer is this refusal */
export function expectRefusal(exchange: Exchange, status: number, code: string, when = ''): void {
  if (exchange.status !== status || field(exchange.json, 'code') !== code) {
    const isPage = /\bhtml\b/i.test(exchange.headers.get('Content-Type') ?? '');
    const whose = isPage ? ' with a web page, as a web server in front puts in the place of errors' : '';
    throw mismatchOf(exchange, `${describe(exchange)}${whose}${when && ` (${when})`}, not ${status} ${code}.`);
  }
}

/** @throws Mismatch unless the answer has this status, and its body says that it is JSON */
export function expectStatus(exchange: Exchange, status: number, when = ''): void {
  if (exchange.status !== status)
    throw mismatchOf(exchange, `${describe(exchange)}${when && ` (${when})`}, not ${status}.`);
  const type = exchange.headers.get('Content-Type') ?? '';
  if (exchange.text && !/^application\/json\b/i.test(type))
    throw new Mismatch(`${describe(exchange)} as "${type}", not application/json.`);
}

/** @throws Mismatch */
export function demand(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Mismatch(what);
}
