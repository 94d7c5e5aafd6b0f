import { neverSent } from '../api/errors.js';
import { sentOf, upstreamStatusOf } from './upstream-refusal.js';

/** Judges what the hook came back with. It has come back: what cannot be read of that is a doubt, and no refusal. */
export async function doubtAfter(result: unknown): Promise<'failed' | 'unclear' | null> {
  try {
    return doubtIn(await saidBy(result));
  } catch {
    return 'unclear';
  }
}

/**
 * A good `Response` that nobody has read says in its body how it went, as JSON. With any other body its status says all, unless it is a
 * web page, or something else where JSON was announced: a server's way to show an error (PHP's, with 200, in place of the answer or
 * before it), or where a session that has ended is sent on to.
 */
async function saidBy(result: unknown): Promise<unknown> {
  if (Array.isArray(result)) return Promise.all(result.map(saidBy));
  if (typeof result !== 'object' || result === null) return result;
  const { ok, bodyUsed, text, headers } = result as Partial<Response>;
  if (ok !== true || bodyUsed !== false || typeof text !== 'function') return result;
  const body = await (result as Response).text();
  try {
    return JSON.parse(body) as unknown;
  } catch {
    // A script that answers `ok` or nothing says `text/html` as well, where its server does so by itself.
    const type = headers?.get('Content-Type') ?? '';
    const isError = /html/i.test(type) ? /^\s*</.test(body) : /\bjson\b/i.test(type) && body.trim();
    return isError ? { sent: false } : result;
  }
}

/**
 * A hook may hand on the gateway's answer as it is, a `Response` or its body, and neither `fetch` nor undici throws for a refusal; nor does
 * a hook that caught the error. A plain `false` is a refusal too; whatever else comes back means that it was sent.
 */
function doubtIn(result: unknown): 'failed' | 'unclear' | null {
  if (result === false) return 'failed';
  if (typeof result !== 'object' || result === null) return null;
  // What one part of it says no to, another may have done.
  if (Array.isArray(result)) return result.some(doubtIn) ? 'unclear' : null;
  if (result instanceof Error) return surelyNotSent(result) ? 'failed' : 'unclear';
  const { ok, success, sent, error, errors, status, statusCode, data } = result as Record<string, unknown>;
  // Gateways have numbers of their own above those of HTTP.
  const code = [status, statusCode].map(Number).find((one) => one >= 300 && one < 600) ?? 0;
  const no = [ok, success, sent].some(saysNo) || Boolean(error) || hasErrors(errors) || noState.test(String(status));
  // Where axios puts the body.
  if (!no && !code) return doubtIn(data);
  return code >= 400 && !leavesOpen(code) ? 'failed' : 'unclear';
}

/** Words of gateways for what did not come off: error, failed, rejected, canceled, expired, invalid, undelivered, unsent, unknown. */
const noState = /^(err|fail|rej|canc|expir|inval|un(del|[ks]))/i;

/** What servers put for `false`, too; absent it says nothing. */
const saysNo = (value: unknown): boolean => /^\s*(|0|no|false|null)\s*$/i.test(String(value));

/** GraphQL answers 200 whatever came of it, with a list that other servers leave empty; some count. */
function hasErrors(errors: unknown): boolean {
  return typeof errors === 'object' && errors !== null ? Object.keys(errors).length > 0 : Boolean(errors);
}

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

/**
 * True if an error tells of a call that broke off, or of an answer that leaves it open. Nothing in it needs to say so but its name,
 * its code, its status or its cause's.
 */
function isUnclear(error: unknown): boolean {
  let at: unknown = error;
  for (let depth = 0; depth < 5 && typeof at === 'object' && at !== null; depth++) {
    const { name, code, message, cause } = at as Record<string, unknown>;
    if (name === 'AbortError' || /^\w*TimeoutError$/.test(String(name))) return true;
    if (typeof code === 'string' && wireCodes.test(code)) return true;
    if (leavesOpen(statusIn(at))) return true;
    // fetch() tells of a lost connection by a TypeError.
    if (at instanceof TypeError && /fetch|network|load failed|^terminated$/i.test(String(message))) return true;
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
