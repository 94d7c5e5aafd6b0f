import { neverSent } from '../api/errors.js';
import { sentOf, upstreamStatusOf } from './upstream-refusal.js';

/**
 * Answers that may come from a gateway in front of who sent, which may have done so: 5xx, a time that ran out (408), and a caller that
 * was taken for gone (499, nginx's).
 */
export const leavesOpen = (status: number): boolean => status >= 500 || status === 408 || status === 499;

/** Judges what the hook threw. Any doubt is a doubt; so is what cannot even be read. */
export function surelyNotSent(error: unknown): boolean {
  try {
    return isRefusal(error);
  } catch {
    return false;
  }
}

function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return !isUnclear(error);
  // By name: an error of another copy of this package is the same error.
  if (error.name === 'EreceiptUnconfirmedError') return false;
  if (error.name === 'RulrrApiError') {
    return sentOf(error) === 'no' || !leavesOpen(upstreamStatusOf(error) ?? 500);
  }
  return !isUnclear(error) || neverSent(error);
}

/** As Node, undici, axios and got name what went wrong on the wire or came as 5xx. When it went wrong is another question. */
const wireCodes =
  /^(E(CONN|PIPE|TIMEDOUT|SOCKETTIMEDOUT|HOST|NET|ADDRNOTAVAIL|PROTO|NOTFOUND|AI_)|UND_ERR_|HPE_|ERR_(NETWORK|BAD_RESPONSE|STREAM|HTTP2|TLS|SSL))/;

/** `TypeError`s of `fetch`, and of the bodies that it gives: Node's, browsers', Deno's (`error …`), and of a body that could not be unpacked. */
const fetchFailed =
  /fetch|network|load failed|^terminated$|^error (sending request|reading a body)|gzip|brotli|decompress/i;

/** Those of Bun before 1.4, and of workerd, are plain errors, with a code that is Bun's own or none. */
const plainFailed =
  /`verbose: true` in the second argument to fetch\(\)|^Network connection lost|^internal error(; reference =|$)/;

/**
 * True if an error tells of a call that broke off, or of an answer that leaves it open. Nothing in it needs to say so but its name,
 * its code, its status or its cause's.
 */
function isUnclear(error: unknown): boolean {
  let at: unknown = error;
  for (let depth = 0; depth < 5 && typeof at === 'object' && at !== null; depth++) {
    const { name, code, message, cause, errors } = at as Record<string, unknown>;
    // One that is of ours, and was wrapped, says all.
    if (at !== error && /^(EreceiptUnconfirmed|RulrrApi)Error$/.test(String(name))) return !isRefusal(at);
    // Of `Promise.any`.
    if (Array.isArray(errors) && !errors.every(isRefusal)) return true;
    if (name === 'AbortError' || /^\w*TimeoutError$/.test(String(name))) return true;
    if (typeof code === 'string' && wireCodes.test(code)) return true;
    if (leavesOpen(statusIn(at))) return true;
    if ((at instanceof TypeError ? fetchFailed : plainFailed).test(String(message))) return true;
    at = cause;
  }
  return false;
}

/** The HTTP status in an error, where got, ky, the clients of SMS gateways and AWS put it; 0 without one. */
function statusIn(error: object): number {
  const { status, statusCode, response, $metadata } = error as Record<string, unknown>;
  const inner = Object(response ?? $metadata) as Record<string, unknown>;
  const found = [status, statusCode, inner['status'], inner['statusCode'], inner['httpStatusCode']];
  return Number(found.find((value) => typeof value === 'number') ?? 0);
}
