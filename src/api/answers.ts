import { RulrrApiError } from './errors.js';
import type { Call, RawAnswer } from './transport.js';
import type { RulrrAnswer, Tokens } from './types.js';

/** With which status an answer came that was read. */
const statuses = new WeakMap<RulrrAnswer, number>();

/** An answer that came with 2xx and says nothing usable: Rulrr may have done what was asked. */
export function unreadable(operation: string, detail: string, from: RulrrAnswer | number): RulrrApiError {
  const status = typeof from === 'number' ? from : (statuses.get(from) ?? 200);
  return new RulrrApiError(operation, 'bad_answer', { status, sent: 'unclear', detail });
}

/** A JSON object whose `success` is not false. `text/plain` is what servers say that name no type; pages of somebody else are `text/html`. */
export function parse(raw: RawAnswer, operation: string): RulrrAnswer {
  const { status, contentType, text } = raw;
  if (status === 204 && !text) return withStatus({}, status);
  if (contentType && !/^(text\/plain|application\/([\w.+-]*\+)?json)\b/i.test(contentType)) {
    throw unreadable(operation, 'It is not JSON.', status);
  }
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    throw unreadable(operation, 'It is not valid JSON.', status);
  }
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) {
    throw unreadable(operation, 'It is not a JSON object.', status);
  }
  const record = answer as RulrrAnswer;
  if (record['success'] === false) throw new RulrrApiError(operation, 'refused', { status, sent: 'answered' });
  return withStatus(record, status);
}

function withStatus(answer: RulrrAnswer, status: number): RulrrAnswer {
  statuses.set(answer, status);
  return answer;
}

/** A text that must be there. @throws RulrrApiError naming the field, never its value */
export function field(answer: RulrrAnswer, name: string, operation: string): string {
  const value = answer[name];
  if (typeof value !== 'string' || !value) throw unreadable(operation, `It has no "${name}".`, answer);
  return value;
}

/** A token pair, whole or not at all. */
export function tokensOf(answer: RulrrAnswer, operation: string): Tokens {
  const { expiration, ereceipt } = answer;
  const accessToken = field(answer, 'accessToken', operation);
  const refreshToken = field(answer, 'refreshToken', operation);
  if (typeof expiration !== 'string' && typeof expiration !== 'number')
    throw unreadable(operation, 'It has no "expiration".', answer);
  if (typeof ereceipt !== 'boolean') throw unreadable(operation, 'Its "ereceipt" is neither true nor false.', answer);
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
