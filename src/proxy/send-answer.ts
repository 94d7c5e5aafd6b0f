import { leavesOpen, surelyNotSent } from './send-doubts.js';

type Doubt = 'failed' | 'unclear' | null;

/**
 * Judges what the hook came back with. It may hand on the gateway's answer as it is, and neither `fetch` nor undici throws for a refusal;
 * nor does a hook that caught the error. Whatever says no nowhere means that it was sent; what cannot be read is a doubt, and no refusal.
 */
export async function doubtAfter(result: unknown): Promise<Doubt> {
  try {
    const said = await saidBy(result);
    // None was sent, or nothing went wrong: who knows.
    return said === 0 ? 'unclear' : doubtIn(said);
  } catch {
    return 'unclear';
  }
}

/**
 * A good `Response` that nobody has read says in its body how it went, as JSON. With any other body its status says all, unless it is a
 * web page, or something else where JSON was announced: a server's way to show an error (PHP's, with 200, in place of the answer or
 * before it), or where a session that has ended is sent on to.
 */
async function saidBy(given: unknown): Promise<unknown> {
  // Calls that the hook has listed without waiting for them.
  const result = await given;
  if (isUndone(result)) return { sent: false };
  if (Array.isArray(result)) return Promise.all(result.map(saidBy));
  if (typeof result !== 'object' || result === null) return result;
  const { status, value, body: stream } = result as Record<string, unknown>;
  // Of `Promise.allSettled`.
  if (status === 'fulfilled') return saidBy(value);
  // undici's `request` has the methods of a `Response` on the body.
  if (isUnread(stream)) return { ...result, body: await stream.text() };
  const { ok, headers } = result as Partial<Response>;
  if (ok !== true || !isUnread(result)) return result;
  const body = await result.text();
  try {
    return JSON.parse(body) as unknown;
  } catch {
    // A script that answers `ok` or nothing says `text/html` as well, where its server does so by itself.
    const type = headers?.get('Content-Type') ?? '';
    const isError = /html/i.test(type) ? /^\s*</.test(body) : /\bjson\b/i.test(type) && body.trim();
    return isError ? { sent: false } : body;
  }
}

/**
 * What has not ended yet, or not even begun: an Observable that nobody has subscribed to (the HTTP client of NestJS), a generator, a function
 * that was not called, a request of `node:http`.
 */
function isUndone(result: unknown): boolean {
  const { next, subscribe, on, end } = Object(result) as Record<string, unknown>;
  const isMethod = (value: unknown) => typeof value === 'function';
  return isMethod(result) || isMethod(next) || isMethod(subscribe) || (isMethod(on) && isMethod(end));
}

const isUnread = (value: unknown): value is { text: () => Promise<string> } => {
  const { bodyUsed, text } = Object(value) as Record<string, unknown>;
  return bodyUsed === false && typeof text === 'function';
};

/**
 * What an answer says of the send, in whatever shape a hook hands it on: a refusal, `failed` or `unclear`; null where nothing in it says
 * no. A plain `false` is a refusal too.
 */
function doubtIn(said: unknown, seen = new Set<object>()): Doubt {
  if (said === false) return 'failed';
  if (typeof said === 'string') return doubtInText(said, seen);
  if (said instanceof Uint8Array) return doubtInText(new TextDecoder().decode(said), seen);
  // One that refers to itself has been looked at.
  if (typeof said !== 'object' || said === null || seen.has(said)) return null;
  seen.add(said);
  // What one part of it says no to, another may have done.
  if (Array.isArray(said)) return said.some((part) => doubtIn(part, seen)) ? 'unclear' : null;
  if (said instanceof Error) return surelyNotSent(said) ? 'failed' : 'unclear';
  return doubtInFields(said as Record<string, unknown>, seen);
}

/** By their names, without regard to case, `_` and `-`, nor to what XML puts before a colon. */
const fields = {
  yesNo: /^(is)?(ok|success|successful|succeeded|sent|return)$/,
  state: /^((http|delivery|message)?(status|state)(code)?|httpcode)$/,
  error:
    /^((function|request|user)?err(or)?s?(code|no|message|msg|text)?|exception|fault|failed|failures?(count)?|rejected)$/,
  /** The body: where axios puts it, got, undici and superagent, JSON-RPC, AWS, jQuery. */
  body: /^(data|body|result|payload|response(json|text))$/,
  /** For each recipient one, of gateways that answer 200 whatever came of it, some by the number. */
  parts: /^(results|responses?|messages|recipients|items|value|list|sms|statuses|sendstatusset|\d{7,15})$/,
};

/** Asked for by name as well: of a `Response`, an error of another realm, or what a client makes a class of, they are no fields of its own. */
const inherited = ['ok', 'success', 'sent', 'status', 'statusCode', 'error', 'errors', 'name', 'data'];

function doubtInFields(said: Record<string, unknown>, seen: Set<object>): Doubt {
  const own = Object.keys(said);
  let no = false;
  let code = 0;
  const inside: [unknown, boolean][] = [];
  for (const key of new Set([...own, ...inherited])) {
    const name = key.replace(/^.*:|[\W_]/g, '').toLowerCase();
    const is = (kind: keyof typeof fields) => fields[kind].test(name);
    if (is('yesNo')) no ||= saysNo(said[key]);
    else if (is('state')) {
      no ||= isNoState(said[key]);
      code ||= codeIn(said[key]);
    } else if (is('error')) no ||= isError(said[key], name);
    else if (name === 'code') no ||= isNoCode(said[key]);
    else if (name === 'type') no ||= /^(error|failure)$/i.test(textOf(said[key]));
    else if (name === 'name') no ||= /^\w*(Error|Exception)$/.test(textOf(said[key]));
    // The `body` of a message, rather than of an answer, is what the customer reads.
    else if (is('body')) inside.push([said[key], name !== 'body' || 'headers' in said]);
    // A field alone is an envelope: of GraphQL, SOAP and many a gateway.
    else if (is('parts') || own.length === 1) inside.push([said[key], false]);
  }
  if (no || code) return code >= 400 && !leavesOpen(code) ? 'failed' : 'unclear';
  for (const [value, isWhole] of inside) {
    const isText = typeof value === 'string' && !/^\s*[{[]/.test(value);
    if (!isWhole && (isText || typeof value === 'boolean')) continue;
    const doubt = doubtIn(value, seen);
    if (doubt) return isWhole ? doubt : 'unclear';
  }
  return null;
}

/** JSON that nobody has read, XML, words, a web page, or what PHP says before the answer. */
function doubtInText(text: string, seen: Set<object>): Doubt {
  if (/^\s*[{[]/.test(text)) {
    try {
      return doubtIn(JSON.parse(text) as unknown, seen);
    } catch {
      if (/^\s*\{/.test(text)) return 'unclear';
    }
  }
  if (/^\s*</.test(text)) return doubtInMarkup(text, seen);
  return noWords.test(text) || phpNotice.test(text) ? 'unclear' : null;
}

const phpNotice = /^\s*(PHP )?(warning|notice|deprecated|(fatal|parse) error):/i;

/** XML is not read but looked through: each of its attributes, and each element that holds no other, as a field. */
function doubtInMarkup(text: string, seen: Set<object>): Doubt {
  const words = text.replace(/<[^<>]*>/g, '');
  if (/^\s*<(!doctype )?html\b|<(\w+:)?fault[\s>]/i.test(text) || phpNotice.test(words)) return 'unclear';
  // By the name of the outermost element, or what stands first in any.
  if (noWords.test(text) || noWords.test(words)) return 'unclear';
  const elements = text.matchAll(/<([\w:.-]+)(?:\s[^<>]*)?>([^<]*)<\//g);
  const attributes = text.matchAll(/\s([\w:.-]+)\s*=\s*["']([^"']*)["']/g);
  for (const [, name, value] of [...elements, ...attributes])
    if (doubtInFields({ [name!]: value }, seen)) return 'unclear';
  return null;
}

/** How gateways begin what did not come off, and not "no errors", "failed: 0" or an id. */
const noWords = new RegExp(
  '^[^\\p{L}\\p{N}]*(?!none\\b|no[\\W_]*(err|fail))' +
    '((err(?=or|no)|([a-z]+[\\W_]+)?fail)(?!\\w*\\W{1,3}(0+|none|false)\\b)|([a-z]+[\\W_]+)?(denied|rejected|expired)|' +
    'reject|cancel|expir|inval|un(del|kno|s[eu]|auth|reach)|insuf|declin|refus|forbid|block|black|dropped|tim(ed?|ing)[\\W_]*out|' +
    'throttl|opt(ed)?[\\W_]*out|fatal|abort|bounc|deleted|skipped|suppress|not[\\W_]|' +
    '(err|rej|canc|no|nok|ko|nack|false)(?![\\p{L}\\p{N}_-]))',
  'iu',
);

/** An object says nothing for yes or no. */
const textOf = (value: unknown): string => (typeof value === 'object' && value !== null ? '{}' : String(value));

/** What servers put for `false`, too; absent it says nothing. */
const saysNo = (value: unknown): boolean => /^(|0|null)$/i.test(textOf(value).trim()) || noWords.test(textOf(value));

/** In an object, one of its names for the state. */
function isNoState(state: unknown): boolean {
  if (typeof state !== 'object' || state === null) return noWords.test(textOf(state));
  return Object.values(state).some((value) => typeof value === 'string' && noWords.test(value));
}

/** Of gateways that have no other field for it. A number may be anything. */
const isNoCode = (code: unknown): boolean =>
  typeof code === 'string' && isError(code, '') && (/^is[vp]\.|error|exceeded/i.test(code) || noWords.test(code));

/** Gateways have numbers of their own above those of HTTP. */
const codeIn = (state: unknown): number => Number(/^\s*([345]\d\d)(?!\d)/.exec(textOf(state))?.[1] ?? 0);

/** Some have a word, or an object, for no error; GraphQL a list, and validators an object, that is empty. */
function isError(error: unknown, name: string): boolean {
  if (typeof error !== 'object' || error === null)
    return !/^((er-?)?0*|no(ne)?|null|undefined|false|ok|success|no[\W_]*errors?)$/i.test(String(error).trim());
  if (error instanceof Error) return true;
  // An error that was written as JSON is an empty object.
  if (!Object.keys(error).length) return !Array.isArray(error) && name !== 'errors';
  const { code, name: word } = error as Record<string, unknown>;
  return [code, word].every((one) => one === undefined || one === null || isError(one, ''));
}
