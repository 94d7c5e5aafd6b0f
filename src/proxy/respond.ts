import type { Problem } from '../shared/wire.js';
import type { ProxyContext } from './options.js';
import { problems, type Refusal } from './refusal.js';
import type { Source } from './sources.js';

/** What a route has to say, before it becomes a `Response` with all the headers that every answer carries. */
export interface Answer {
  status: number;
  /** Becomes JSON; without it the answer is empty. */
  body?: object;
  headers?: Record<string, string>;
  /** What the body says, where it is a problem. */
  refusal?: Refusal;
}

/** A refusal as RFC 9457 has it. */
export function problem(refusal: Refusal, headers: Record<string, string> = {}): Answer {
  const body: Problem = {
    type: 'urn:rulrr-embed:problem:' + refusal.code,
    title: problems[refusal.code].title,
    status: refusal.status,
    code: refusal.code,
    detail: refusal.message,
  };
  if (refusal.retryAfter !== undefined)
    headers = { ...headers, 'Retry-After': String(Math.max(0, Math.ceil(refusal.retryAfter))) };
  return { status: refusal.status, body, refusal, headers: { ...headers, 'Content-Type': 'application/problem+json' } };
}

/**
 * On every answer without exception, refusals and preflights included: nothing here is to be kept by a cache, shown as a page,
 * framed, sniffed, or read by a page that is not allowed to.
 */
const always = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  Vary: 'Origin, Cookie, Sec-Fetch-Site',
};

/** Most answers by far, polls among them, are JSON for a page of the proxy's own: their headers are put together once. */
const ownJson: Readonly<Record<string, string>> = Object.freeze({
  ...always,
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Content-Type': 'application/json',
});

/** What goes over the wire. */
export interface Parts {
  status: number;
  headers: Readonly<Record<string, string>>;
  text: string | null;
}

/** An answer with every header that it has to carry. */
export function partsFor(answer: Answer, source: Source | null): Parts {
  if (answer.body !== undefined && !answer.headers && !source?.cors)
    return { status: answer.status, headers: ownJson, text: JSON.stringify(answer.body) };
  const headers: Record<string, string> = { ...always };
  if (source?.cors) {
    headers['Cross-Origin-Resource-Policy'] = 'cross-origin';
    headers['Access-Control-Allow-Origin'] = source.cors;
    headers['Access-Control-Allow-Credentials'] = 'true';
    headers['Access-Control-Expose-Headers'] = 'Retry-After';
  } else headers['Cross-Origin-Resource-Policy'] = 'same-origin';
  if (answer.body !== undefined) headers['Content-Type'] = 'application/json';
  Object.assign(headers, answer.headers);
  return { status: answer.status, headers, text: answer.body === undefined ? null : JSON.stringify(answer.body) };
}

/** The one place where a `Response` is made. */
export function respond({ status, headers, text }: Parts): Response {
  return new Response(text, { status, headers });
}

type Fetch = (request: Request, context?: ProxyContext) => Promise<Response>;
type FetchParts = (request: Request, context: ProxyContext) => Promise<Parts>;

/**
 * From a proxy's `fetch` to the same without the `Response`: hosts that write to a socket themselves need none, and its stream
 * costs more than all else in a poll.
 */
const lean = new WeakMap<Fetch, FetchParts>();

export function withParts(fetch: Fetch, fetchParts: FetchParts): Fetch {
  lean.set(fetch, fetchParts);
  return fetch;
}

export function partsOf(fetch: Fetch): FetchParts | undefined {
  return lean.get(fetch);
}
