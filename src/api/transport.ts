import { leave, loneSignal, requireSignal, type CallSignal, type CallSignals } from './call-signals.js';
import type { Clock } from '../shared/clock.js';
import { RulrrApiError, codeOfStatus, neverSent, reasonOf } from './errors.js';

export interface TransportOptions {
  fetch: typeof fetch;
  clock: Pick<Clock, 'now' | 'after'>;
  timeoutMs: number;
  /** For calls with that deadline. */
  signals: CallSignals;
  maxAnswerBytes: number;
}

export interface Call {
  /** Name of the method of `RulrrApi`, for error messages: the URL may not stand there. */
  operation: string;
  method: 'GET' | 'POST' | 'PUT';
  /** Whole and escaped: it is handed to `fetch` as it stands. */
  url: string;
  body?: NonNullable<RequestInit['body']>;
  headers?: Record<string, string>;
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Rulrr gives this answer only once: a body that came whole counts, however its connection ended. */
  once?: boolean;
}

export interface RawAnswer {
  status: number;
  contentType: string;
  text: string;
}

/**
 * One HTTP call: a deadline over headers and body, no redirect followed, the answer capped while it streams.
 * Resolves with an answer of status 2xx. @throws RulrrApiError for everything else
 */
export function transmit(call: Call, options: TransportOptions): Promise<RawAnswer> {
  requireSignal(call.signal, call.operation);
  if (call.signal?.aborted) return Promise.reject(new RulrrApiError(call.operation, 'aborted', { sent: 'no' }));
  return new Promise((resolve, reject) => void new Transmission(call, options, resolve, reject).run());
}

/** What Deno has beside the web's `fetch`. */
interface DenoRuntime {
  createHttpClient?(options: { poolMaxIdlePerHost: number }): object;
}
let denoClient: object | undefined;

/**
 * Deno's `fetch` repeats a request of its own accord where a connection that it had kept open breaks under way, an order as well, and so
 * does Bun's (to 1.2 a POST, in 1.4 a GET still). On a connection that was made for it, neither does: Deno takes `client`, Bun `keepalive`,
 * whose `false` is what everybody else starts from. (Deno 2.7 and 2.8 repeat it all the same, unless its body is a stream.)
 */
function connectionOfItsOwn(): { keepalive: false; client?: object } {
  const deno = (globalThis as { Deno?: DenoRuntime }).Deno;
  const client = deno && (denoClient ??= deno.createHttpClient?.({ poolMaxIdlePerHost: 0 }));
  return client ? { keepalive: false, client } : { keepalive: false };
}

type Reader = Pick<ReadableStreamDefaultReader<Uint8Array>, 'read' | 'cancel'>;

const encoder = new TextEncoder();

/** Of the web's streams, or of Node's, which a replaced `fetch` may have; undefined where it has none, as the polyfills of browsers. */
function readerOf(response: Response): Reader | undefined {
  const body = response.body as (ReadableStream<Uint8Array> & AsyncIterable<Uint8Array | string>) | undefined;
  if (typeof body?.getReader === 'function') return body.getReader();
  const chunks = body?.[Symbol.asyncIterator]?.();
  return (
    chunks && {
      async read() {
        const { done, value } = await chunks.next();
        if (done) return { done, value: undefined };
        return { done: false, value: typeof value === 'string' ? encoder.encode(value) : value };
      },
      cancel: async () => discard(response),
    }
  );
}

/** A call under way. One object and one race for all of it: what is made besides is paid for by every poll. */
class Transmission {
  /** Nobody waits any more. */
  private stopped = false;
  private ended = false;
  /** That of the answer; 0 until its headers have come. */
  private status = 0;
  private contentType = '';
  private reader: Reader | undefined;
  private readonly chunks: Uint8Array[] = [];
  private size = 0;
  private readonly call: Call;
  private readonly options: TransportOptions;
  private readonly resolve: (answer: RawAnswer) => void;
  private readonly reject: (error: RulrrApiError) => void;
  private readonly follows: CallSignal;
  private cancelTimer: () => void;
  private readonly onAbort: (() => void) | undefined;

  constructor(
    call: Call,
    options: TransportOptions,
    resolve: (answer: RawAnswer) => void,
    reject: (error: RulrrApiError) => void,
  ) {
    this.call = call;
    this.options = options;
    this.resolve = resolve;
    this.reject = reject;
    const { signal, timeoutMs, once } = call;
    const { clock } = options;
    const now = clock.now();
    this.follows = signal || timeoutMs !== undefined ? loneSignal(now) : options.signals.join(now);
    const ms = timeoutMs ?? options.timeoutMs;
    const timeUp = () => this.stop('timeout');
    // In two parts: a process that was frozen finds its timer over before it has read the answer that came meanwhile.
    const lastTenth = () => void (this.cancelTimer = clock.after(ms * 0.1, timeUp));
    this.cancelTimer = once ? clock.after(ms * 0.9, lastTenth) : clock.after(ms, timeUp);
    this.onAbort = signal && (() => this.stop('aborted'));
    if (this.onAbort) signal?.addEventListener('abort', this.onAbort, { once: true });
  }

  /** Without regard to the time; never rejects. */
  async run(): Promise<void> {
    const { operation, method, url, body, headers: given, once } = this.call;
    try {
      // 'manual' and not 'error': some runtimes refuse the latter before anything is sent.
      const init: RequestInit & { duplex?: 'half' } = {
        method,
        headers: given ? { Accept: 'application/json', ...given } : { Accept: 'application/json' },
        body,
        redirect: 'manual',
        signal: this.follows.controller.signal,
      };
      // Node demands it for streams, its own and the web's.
      if (typeof body === 'object' && (body instanceof ReadableStream || Symbol.asyncIterator in body))
        init.duplex = 'half';
      if (once || method !== 'GET') Object.assign(init, connectionOfItsOwn());
      // As a text: whatever takes the place of `fetch` knows that form.
      const response = await this.options.fetch(url, init);
      const { status, type, headers } = response;
      if (this.stopped) {
        discard(response);
        throw new RulrrApiError(operation, 'connection_lost', { sent: 'unclear', status });
      }
      this.status = status;
      // `redirected`: a replaced `fetch` that followed one all the same.
      if (type === 'opaqueredirect' || response.redirected || (status >= 300 && status < 400)) {
        discard(response);
        // "See other" is how many servers end a POST that they carried out: an order must not count as refused for it.
        const sent = operation === 'createOrder' ? 'unclear' : 'answered';
        throw new RulrrApiError(operation, 'redirect_refused', { status, sent });
      }
      if (status < 200 || status > 299) {
        discard(response);
        const code = codeOfStatus(status, operation);
        const retryAfterMs = retryAfterOf(response, this.options.clock.now());
        const detail =
          operation === 'uploadCustomers' ? 'It is the server of the upload URL that answered.' : undefined;
        throw new RulrrApiError(operation, code, { status, sent: 'answered', retryAfterMs, detail });
      }
      this.contentType = headers.get('Content-Type') ?? '';
      this.finish(await this.read(response, headers));
    } catch (error) {
      const whole = this.whole();
      if (whole !== undefined) return this.finish(whole);
      this.end();
      this.reject(failure(error, operation, this.status));
    }
  }

  /** Ends the call here and now, even if a replaced `fetch` or its body takes no notice of the signal. */
  private stop(code: 'timeout' | 'aborted'): void {
    this.stopped = true;
    const whole = this.whole();
    // Before the signal: what that makes fetch throw says less.
    if (whole !== undefined) this.finish(whole);
    else this.reject(new RulrrApiError(this.call.operation, code, { sent: 'unclear', status: this.status }));
    this.end();
    this.reader?.cancel().catch(() => {});
  }

  private finish(text: string): void {
    this.end();
    this.resolve({ status: this.status, contentType: this.contentType, text });
  }

  /** What has come so far, if that is all there was to come: an object of JSON says itself where it ends. */
  private whole(): string | undefined {
    if (!this.call.once || !this.size) return undefined;
    const text = textOf(this.chunks, this.size);
    try {
      const answer: unknown = JSON.parse(text);
      return typeof answer === 'object' && answer !== null ? text : undefined;
    } catch {
      return undefined;
    }
  }

  private end(): void {
    if (this.ended) return;
    this.ended = true;
    this.cancelTimer();
    if (this.onAbort) this.call.signal?.removeEventListener('abort', this.onAbort);
    leave(this.follows, this.stopped);
  }

  private async read(response: Response, headers: Headers): Promise<string> {
    const limit = this.options.maxAnswerBytes;
    // A body that says how long it is, and is sent as it is, is read in one go: half the cost of a reader. What fetch reads of it
    // ends there, and only what fetch read has a URL, or is `basic`, which is cheaper to ask; the check afterwards is for a
    // replaced `fetch` that says otherwise.
    const stated = headers.get('Content-Length');
    const fetched = !this.call.once && stated && (response.type === 'basic' || response.url);
    const inOneGo = fetched && Number(stated) <= limit && !headers.has('Content-Encoding');
    if (response.body === null) return '';
    const reader = (this.reader = inOneGo ? undefined : readerOf(response));
    if (!reader) {
      const text = await response.text();
      if (text.length > limit) throw this.tooLarge();
      return text;
    }
    const { chunks } = this;
    try {
      // Counts what comes, whatever Content-Length says.
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return textOf(chunks, this.size);
        if (this.size + value.byteLength > limit) throw this.tooLarge();
        this.size += value.byteLength;
        chunks.push(value);
      }
    } catch (error) {
      reader.cancel().catch(() => {});
      throw error;
    }
  }

  private tooLarge(): RulrrApiError {
    const detail = `The limit is ${this.options.maxAnswerBytes} bytes.`;
    return new RulrrApiError(this.call.operation, 'answer_too_large', { status: this.status, sent: 'unclear', detail });
  }
}

/** What an exception of fetch means. The exception itself is dropped: it can hold the URL. */
function failure(error: unknown, operation: string, status: number): RulrrApiError {
  if (error instanceof RulrrApiError) return error;
  const reason = reasonOf(error);
  if (status === 0 && neverSent(error)) return new RulrrApiError(operation, 'unreachable', { sent: 'no', reason });
  return new RulrrApiError(operation, 'connection_lost', { sent: 'unclear', status, reason });
}

/** One for all answers: to make a decoder costs more than to decode a short text. */
const decoder = new TextDecoder();

function textOf(chunks: readonly Uint8Array[], size: number): string {
  if (chunks.length === 1) return decoder.decode(chunks[0]);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return decoder.decode(bytes);
}

/** An answer that nobody reads must not hold its connection. Those of a replaced `fetch` may be streams of Node. */
export function discard(response: Response): void {
  const body = response.body as { cancel?(): Promise<void>; destroy?(): void } | null;
  if (typeof body?.cancel === 'function') body.cancel().catch(() => {});
  else body?.destroy?.();
}

const longestWaitMs = 86_400_000;

/**
 * `Retry-After` in milliseconds: seconds or an HTTP date (RFC 9110, 10.2.3), a day at most; undefined if absent or unreadable.
 * A date is strict, since `Date.parse` reads a year into nearly everything.
 */
function retryAfterOf(response: Response, now: number): number | undefined {
  const value = response.headers.get('Retry-After')?.trim();
  if (!value) return undefined;
  if (/^\d+$/.test(value)) return Math.min(Number(value) * 1000, longestWaitMs);
  const at = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} [\d:]{8} GMT$/.test(value) ? Date.parse(value) : NaN;
  return Number.isNaN(at) ? undefined : Math.min(Math.max(0, at - now), longestWaitMs);
}
