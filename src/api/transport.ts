import type { Clock } from '../shared/clock.js';
import { RulrrApiError, codeOfStatus, neverSent } from './errors.js';

export interface TransportOptions {
  fetch: typeof fetch;
  clock: Pick<Clock, 'now' | 'after'>;
  timeoutMs: number;
  maxAnswerBytes: number;
}

export interface Call {
  /** Name of the method of `RulrrApi`, for error messages: the URL may not stand there. */
  operation: string;
  method: 'GET' | 'POST' | 'PUT';
  /** Whole and escaped: it is handed to `fetch` as it stands. */
  url: string;
  body?: BodyInit;
  headers?: Record<string, string>;
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface RawAnswer {
  status: number;
  contentType: string;
  text: string;
}

/** What comes too late for the wait goes to `late`. */
type Wait = <T>(promise: Promise<T>, late?: (value: T) => void) => Promise<T>;

/**
 * One HTTP call: a deadline over headers and body, no redirect followed, the answer capped while it streams.
 * Resolves with an answer of status 2xx. @throws RulrrApiError for everything else
 */
export async function transmit(call: Call, options: TransportOptions): Promise<RawAnswer> {
  const { operation, method, url, body, headers, signal } = call;
  if (signal?.aborted) throw new RulrrApiError(operation, 'aborted', { sent: 'no' });

  const controller = new AbortController();
  let timedOut = false;
  let stopped = false;
  let giveUp: (reason: Error) => void = () => {};
  const stop = () => {
    stopped = true;
    controller.abort();
    giveUp(new Error('stopped'));
  };
  /** Waits until the call is stopped at most, even if a replaced `fetch` or its body takes no notice of the signal. */
  const wait: Wait = (promise, late) =>
    new Promise((resolve, reject) => {
      giveUp = reject;
      promise.then((value) => (stopped ? late?.(value) : resolve(value)), reject);
      if (stopped) reject(new Error('stopped'));
    });
  const cancelTimer = options.clock.after(call.timeoutMs ?? options.timeoutMs, () => {
    timedOut = true;
    stop();
  });
  signal?.addEventListener('abort', stop, { once: true });

  /** What an exception of fetch means. The exception itself is dropped: it can hold the URL. */
  const failure = (error: unknown, status = 0): RulrrApiError => {
    if (error instanceof RulrrApiError) return error;
    if (timedOut) return new RulrrApiError(operation, 'timeout', { sent: 'unclear', status });
    if (signal?.aborted) return new RulrrApiError(operation, 'aborted', { sent: 'unclear', status });
    if (status === 0 && neverSent(error)) return new RulrrApiError(operation, 'unreachable', { sent: 'no' });
    return new RulrrApiError(operation, 'connection_lost', { sent: 'unclear', status });
  };

  try {
    let response: Response;
    try {
      // 'manual' and not 'error': some runtimes refuse the latter before anything is sent.
      const init: RequestInit & { duplex?: 'half' } = { method, headers, body, redirect: 'manual' };
      init.signal = controller.signal;
      // Node demands it for streams.
      if (body instanceof ReadableStream) init.duplex = 'half';
      // As a text: whatever takes the place of `fetch` knows that form.
      response = await wait(options.fetch(url, init), discard);
    } catch (error) {
      throw failure(error);
    }
    const { status } = response;
    // `redirected`: a replaced `fetch` that followed one all the same.
    if (response.type === 'opaqueredirect' || response.redirected || (status >= 300 && status < 400)) {
      discard(response);
      // "See other" is how many servers end a POST that they carried out: an order must not count as refused for it.
      const sent = operation === 'createOrder' ? 'unclear' : 'answered';
      throw new RulrrApiError(operation, 'redirect_refused', { status, sent });
    }
    if (!response.ok) {
      discard(response);
      const code = codeOfStatus(status, operation);
      const retryAfterMs = retryAfterOf(response, options.clock.now());
      throw new RulrrApiError(operation, code, { status, sent: 'answered', retryAfterMs });
    }
    let text: string;
    try {
      text = await readCapped(response, options.maxAnswerBytes, operation, wait);
    } catch (error) {
      throw failure(error, status);
    }
    return { status, contentType: response.headers.get('Content-Type') ?? '', text };
  } finally {
    cancelTimer();
    signal?.removeEventListener('abort', stop);
  }
}

/** Counts what comes, whatever Content-Length says. */
async function readCapped(response: Response, limit: number, operation: string, wait: Wait): Promise<string> {
  if (!response.body) return '';
  // A body that says how long it is, and is sent as it is, is read in one go: half the cost of a reader. What fetch reads of it
  // ends there; the check afterwards is for a replaced `fetch` that says otherwise.
  const stated = response.headers.get('Content-Length');
  if (stated && Number(stated) <= limit && !response.headers.has('Content-Encoding') && response.url) {
    const text = await wait(response.text());
    if (text.length <= limit) return text;
    throw tooLarge(response.status, limit, operation);
  }
  const reader = response.body.getReader();
  try {
    // Once and not for each chunk: a wait costs as much as the reading of a short answer.
    return await wait(readAll(reader, limit, response.status, operation));
  } catch (error) {
    reader.cancel().catch(() => {});
    throw error;
  }
}

async function readAll(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  limit: number,
  status: number,
  operation: string,
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.byteLength;
    if (size > limit) throw tooLarge(status, limit, operation);
    chunks.push(value);
  }
  if (chunks.length === 1) return new TextDecoder().decode(chunks[0]);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return new TextDecoder().decode(bytes);
}

function tooLarge(status: number, limit: number, operation: string): RulrrApiError {
  const detail = `The limit is ${limit} bytes.`;
  return new RulrrApiError(operation, 'answer_too_large', { status, sent: 'unclear', detail });
}

/** An answer that nobody reads must not hold its connection. */
function discard(response: Response): void {
  response.body?.cancel().catch(() => {});
}

const longestWaitMs = 86_400_000;

/**
 * `Retry-After` in milliseconds: seconds or an HTTP date (RFC 9110, 10.2.3), a day at most; undefined if absent or unreadable.
 * A date is strict, since `Date.parse` reads a year into nearly everything.
 */
export function retryAfterOf(response: Response, now: number): number | undefined {
  const value = response.headers.get('Retry-After')?.trim();
  if (!value) return undefined;
  if (/^\d+$/.test(value)) return Math.min(Number(value) * 1000, longestWaitMs);
  const at = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} [\d:]{8} GMT$/.test(value) ? Date.parse(value) : NaN;
  return Number.isNaN(at) ? undefined : Math.min(Math.max(0, at - now), longestWaitMs);
}
