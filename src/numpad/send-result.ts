import { callProxy, type FetchLike, type ProxyError } from '../shared/proxy-client.js';
import { idempotencyHeader, type EreceiptAnswer } from '../shared/wire.js';
import type { SendResult } from './prompt-machine.js';

/** One send of a receipt. */
export interface EreceiptSendRequest {
  orderId: string;
  /** E.164. */
  phoneNumber: string;
  /** The same for every try of one number in one prompt: the receiver must send once for it. */
  idempotencyKey: string;
  /** Aborts after 8 seconds, and when the prompt ends otherwise. */
  signal: AbortSignal;
}

/**
 * Sends a receipt: resolves once that is confirmed, rejects if it surely failed. An `AbortError`, `TimeoutError` or `TypeError` (what `fetch` rejects
 * with when the network fails) leaves it unclear, and so do an answer that is no promise, and one that says no: `false`, an `Error`, or an object whose
 * `ok` (as in a `Response`), `success` or `sent` is there and no (false, 0, null, empty, `'false'`, `'no'`), that has an `error` or `errors`, or whose
 * `status` or `statusCode` is false, 300 or more, or begins like error, failed, rejected, undelivered, unknown, canceled, expired or invalid; so in its
 * `data`, where axios puts the body, and in each one of a list. The JSON of a `Response` that was not read is read, and says no in the same way; a web
 * page in its place, or what says to be JSON and is not, leaves it unclear.
 */
// As good as `unknown`, of which `new Promise((resolve) => …)` would make a `resolve` that has to be given something.
export type EreceiptSend = (request: EreceiptSendRequest) => Promise<void | {} | null | undefined>;

/** How a receipt is sent: by the page's own function, or else by the proxy. */
export interface SendWay {
  send: EreceiptSend | null;
  proxyUrl: string;
  fetch: FetchLike;
}

/** Sends once. Never rejects; what is not known for sure is `unclear`. */
export function resultOf(request: EreceiptSendRequest, { send, proxyUrl, fetch }: SendWay): Promise<SendResult> {
  if (send) {
    return new Promise<unknown>((resolve, reject) => {
      const answer: unknown = send(request);
      if (!answer || !(answer as Promise<unknown>).then) {
        console.error('rulrr-ereceipt-numpad: send() gave no promise.');
        resolve(false);
      } else (answer as Promise<unknown>).then(resolve, reject);
    })
      .then((said) => (saysNo(said) ? 'unclear' : resultIn(said)), resultOfOwn)
      .catch(() => 'unclear');
  }
  // Not even asked for: surely not sent.
  if (!proxyUrl || navigator.onLine === false) return Promise.resolve('failed');
  const { orderId, phoneNumber, idempotencyKey, signal } = request;
  return callProxy<EreceiptAnswer | null>(proxyUrl, fetch, 'POST', '/ereceipts', {
    signal,
    body: { orderId, phoneNumber },
    headers: { [idempotencyHeader]: idempotencyKey },
  }).then((answer) => (answer && answer.sent === true ? 'sent' : 'unclear'), resultOfProxy);
}

/** What gateways, and clients of theirs, resolve with all the same, each one of a list. What the proxy's hook resolves with is judged more closely. */
function saysNo(said: unknown): boolean {
  return ([] as unknown[]).concat(said).some((part) => {
    const { statusCode, success, status, error, errors, sent, data, ok } = Object(part) as Record<string, unknown>;
    return (
      [ok, sent, success].some((is) => /^\s*(|0|no|false|null)\s*$/i.test(is as string)) ||
      // Undelivered, unknown, unsent; an undefined one says nothing, and an unread message was sent.
      [status, statusCode].some(
        (is) => /^(rej|err|false|un(del|[ks])|canc|fail|expir|inval)/i.test(is as string) || (is as number) >= 300,
      ) ||
      part instanceof Error ||
      // An empty list of GraphQL's is none.
      [errors, error].some((is) => is && (is as string) + '') ||
      (data != null && saysNo(data)) ||
      part === false
    );
  });
}

/**
 * What a good `Response` that nobody has read says in its body. One that is no JSON leaves it to the status, unless it is a page, where
 * a session that has ended is sent on to, or stands where JSON was announced, as a script's own error does.
 */
function resultIn(said: unknown): SendResult | Promise<SendResult> {
  const { bodyUsed, headers } = (said || {}) as Partial<Response>;
  if (bodyUsed !== false || !headers) return 'sent';
  return (said as Response).text().then((body) => {
    try {
      return saysNo(JSON.parse(body)) ? 'unclear' : 'sent';
    } catch {
      const type = /html|json/i.exec(headers.get('content-type') as string);
      return type && (/j/i.test(type[0]) ? /\S/ : /^\s*</).test(body) ? 'unclear' : 'sent';
    }
  });
}

function resultOfOwn(error: unknown): SendResult {
  const name = error && (error as Error).name;
  return name === 'AbortError' || name === 'TimeoutError' || name === 'TypeError' ? 'unclear' : 'failed';
}

/** A refusal before the send is a sure failure: every 4xx but a conflict or a timeout, and what the proxy itself calls failed. */
function resultOfProxy(error: unknown): SendResult {
  const { code, status } = (error || {}) as ProxyError;
  if (code === 'invalid_phone_number') return 'refused';
  if (code === 'ereceipt_disabled') return 'disabled';
  return /^4(?!0[89])/.test(String(status)) || code === 'send_failed' ? 'failed' : 'unclear';
}
