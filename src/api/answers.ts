import { RulrrApiError } from './errors.js';
import type { Call, RawAnswer } from './transport.js';
import type { RulrrAnswer, Tokens } from './types.js';

/** What was asked, and with which 2xx the answer came. */
interface Exchange {
  operation: string;
  status: number;
}

/** An answer that was read. */
export interface ReadAnswer extends Exchange {
  body: RulrrAnswer;
}

/** An answer that came with 2xx and says nothing usable: Rulrr may have done what was asked. */
export function unreadable({ operation, status }: Exchange, detail: string): RulrrApiError {
  return new RulrrApiError(operation, 'bad_answer', { status, sent: 'unclear', detail });
}

/** A JSON object whose `success` is not false. `text/plain` is what servers say that name no type; pages of somebody else are `text/html`. */
export function parse({ status, contentType, text }: RawAnswer, operation: string): ReadAnswer {
  if (status === 204 && !text) return { operation, status, body: {} };
  const exchange = { operation, status };
  if (contentType && !/^(text\/plain|application\/([\w.+-]*\+)?json)\b/i.test(contentType)) {
    throw unreadable(exchange, 'It is not JSON.');
  }
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    throw unreadable(exchange, 'It is not valid JSON.');
  }
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) {
    throw unreadable(exchange, 'It is not a JSON object.');
  }
  const body = answer as RulrrAnswer;
  if (body['success'] === false) throw new RulrrApiError(operation, 'refused', { status, sent: 'answered' });
  return { operation, status, body };
}

/** A text that must be there. @throws RulrrApiError naming the field, never its value */
export function field(answer: ReadAnswer, name: string): string {
  const value = answer.body[name];
  if (typeof value !== 'string' || !value) throw unreadable(answer, `It has no "${name}".`);
  return value;
}

/** A token pair, whole or not at all. */
export function tokensOf(answer: ReadAnswer): Tokens {
  const { expiration, ereceipt } = answer.body;
  const accessToken = field(answer, 'accessToken');
  const refreshToken = field(answer, 'refreshToken');
  if (typeof expiration !== 'string' && typeof expiration !== 'number')
    throw unreadable(answer, 'It has no "expiration".');
  if (typeof ereceipt !== 'boolean') throw unreadable(answer, 'Its "ereceipt" is neither true nor false.');
  return { accessToken, refreshToken, expiration, ereceipt };
}

/** See `customersUploadUrl` of the options. */
export function uploadUrlOf(answer: RulrrAnswer): string | undefined {
  for (const name of ['uploadUrl', 'uploadURL', 'upload_url', 'url']) {
    const value = answer[name];
    if (typeof value === 'string' && URL.canParse(value)) return value;
  }
  return undefined;
}

export const isPromise = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';

/** A body and its header. @throws TypeError for what JSON cannot say, and for a promise, alone or inside, which it would write as {} */
export function jsonBody(value: unknown, operation: string, argument = 'body'): Pick<Call, 'body' | 'headers'> {
  let body: string | undefined;
  let unawaited: string | undefined;
  try {
    body = JSON.stringify(value, (name, part: unknown) => {
      if (isPromise(part)) unawaited = name;
      return part;
    });
  } catch {
    // Said below: a circular value's own error would quote it.
  }
  if (unawaited !== undefined)
    throw new TypeError(`${operation}: "${unawaited || argument}" is a promise; await it first.`);
  if (body === undefined) throw new TypeError(`${operation}: the body cannot be written as JSON.`);
  return { body, headers: { 'Content-Type': 'application/json' } };
}
