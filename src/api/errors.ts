/** Every reason for which a call to Rulrr can fail. Closed: a `switch` over it can be exhaustive. */
export const apiErrorCodes = [
  'bad_client_id',
  'forbidden',
  'already_retrieved',
  'not_found',
  'bad_request',
  'rate_limited',
  'server_error',
  'unexpected_status',
  'refused',
  'redirect_refused',
  'unreachable',
  'connection_lost',
  'timeout',
  'aborted',
  'answer_too_large',
  'bad_answer',
] as const;

export type RulrrApiErrorCode = (typeof apiErrorCodes)[number];

/**
 * What is known of the request: `no`, it surely never reached Rulrr; `answered`, a status came (where it is 5xx, 408 or 499 it may
 * come from a gateway, so the call may have been carried out all the same); `unclear`, it may have been carried out. An order that
 * is unclear, or was answered with one of those, must not be sent again.
 */
export type Sent = 'no' | 'unclear' | 'answered';

const messages: Record<RulrrApiErrorCode, string> = {
  bad_client_id: 'Rulrr does not know the client id. Compare it with the credentials you were given.',
  forbidden: 'Rulrr refused: a token or the client secret is missing, wrong, expired or revoked.',
  already_retrieved: 'The tokens of this integration were already retrieved; Rulrr gives them out once.',
  not_found: 'Rulrr has nothing at this address. Check the API base URL.',
  bad_request: 'Rulrr refused the request as malformed.',
  rate_limited: 'Rulrr asks for fewer calls.',
  server_error: 'Rulrr failed with an error of its own.',
  unexpected_status: 'Rulrr answered with a status that its documentation does not name.',
  refused: 'Rulrr answered that the call did not succeed.',
  redirect_refused: 'The answer was a redirect. It was not followed, since the URL of a call is a secret.',
  unreachable: 'No connection to Rulrr came about.',
  connection_lost: 'The connection to Rulrr was lost before the whole answer had come.',
  timeout: 'Rulrr did not answer in time.',
  aborted: 'The call was given up before an answer came.',
  answer_too_large: 'The answer is larger than the limit.',
  bad_answer: 'The answer could not be read.',
};

/**
 * A call that brought no usable answer. Holds no URL, no secret, nothing of the answer's text and no `cause`: client id and
 * secret travel in the query of each call, so anything that quotes a request would give them away.
 */
export class RulrrApiError extends Error {
  override readonly name = 'RulrrApiError';
  /** HTTP status of Rulrr's answer; 0 where none came. */
  readonly status: number;
  readonly code: RulrrApiErrorCode;
  readonly sent: Sent;
  /** How long Rulrr asked to wait, in milliseconds, if it said so. */
  readonly retryAfterMs: number | undefined;
  /** What the system, TLS or `fetch` calls it where the connection failed: `ENOTFOUND`, `ECONNREFUSED`, `CERT_HAS_EXPIRED` … */
  readonly reason: string | undefined;

  constructor(
    operation: string,
    code: RulrrApiErrorCode,
    options: { status?: number; sent: Sent; retryAfterMs?: number; reason?: string; detail?: string },
  ) {
    super(`${operation}: ${messages[code]}${options.detail ? ` ${options.detail}` : ''}`);
    this.code = code;
    this.status = options.status ?? 0;
    this.sent = options.sent;
    this.retryAfterMs = options.retryAfterMs;
    this.reason = options.reason;
  }

  toJSON(): Record<string, unknown> {
    const { name, code, status, sent, message, retryAfterMs } = this;
    return { name, code, status, sent, message, retryAfterMs };
  }
}

/** The code that an HTTP status stands for in Rulrr's API. */
export function codeOfStatus(status: number, operation: string): RulrrApiErrorCode {
  // Some storage of its own: what it refuses says nothing of credentials, tokens or addresses of the API.
  if (operation === 'uploadCustomers' && status >= 400 && status < 500 && status !== 429) return 'refused';
  // The one refusal that the reference names for the client id.
  if (status === 400) return operation === 'createIntegration' ? 'bad_client_id' : 'bad_request';
  if (status === 401 || status === 403) return 'forbidden';
  if (status === 404) return 'not_found';
  // Elsewhere it says something of its own, and nothing of tokens.
  if (status === 410 && operation === 'retrieveTokens') return 'already_retrieved';
  if (status === 429) return 'rate_limited';
  if (status >= 500) return 'server_error';
  return 'unexpected_status';
}

/** Failures of a connection that never came about: the other side saw nothing of the request. The last three are Bun's names. */
const unsent = new RegExp(
  '^(ENOTFOUND|EAI_[A-Z]+|ECONNREFUSED|UND_ERR_CONNECT_TIMEOUT|CERT_.*|ERR_TLS_CERT_.*|DEPTH_ZERO_.*|SELF_SIGNED_.*|UNABLE_TO_.*|' +
    // Of TLS only what ends a handshake: a broken record may come later, after the request. (OpenSSL 3.5 writes SSL/TLS for SSLV3.)
    'ERR_SSL_(WRONG_VERSION_NUMBER|UNSUPPORTED_PROTOCOL|TLSV1_ALERT_.*|(SSLV3|SSL/TLS)_ALERT_HANDSHAKE_FAILURE|PACKET_LENGTH_TOO_LONG|NO_.*)|' +
    'ConnectionRefused|FailedToOpenSocket|UNKNOWN_CERTIFICATE_VERIFICATION_ERROR)$',
);

/**
 * What only the text tells: Node gives the code of a reset to a TLS handshake that was cut short, Bun 1.4 that of a broken protocol to one
 * that failed, and Deno gives no code. (Its text quotes the URL, in which there are no spaces.)
 */
const unsentText =
  /before secure TLS connection was established|^EPROTO: The TLS handshake failed|: client error \(Connect\)/;

/** The first code along the causes of what `fetch` threw that is written as such codes are; nothing else of it is kept. */
export function reasonOf(error: unknown): string | undefined {
  let at: unknown = error;
  for (let depth = 0; depth < 5 && typeof at === 'object' && at !== null; depth++) {
    const { code, errors, cause } = at as Record<string, unknown>;
    if (typeof code === 'string' && /^[A-Z][A-Z0-9_/]{3,45}$/.test(code)) return code;
    at = Array.isArray(errors) && errors.length ? errors[0] : cause;
  }
  return undefined;
}

/**
 * Judges what `fetch` threw by the error codes along its causes, which are looked at and then dropped. Measured on Node 20 to
 * 26, Bun 1.1 to 1.4, Deno 2.0 to 2.9: refused connections and failed look-ups never reach the server; resets, early ends and cut bodies
 * happen after it saw the request. workerd has one error for all of these, so there none is known to be unsent.
 */
export function neverSent(error: unknown): boolean {
  let at: unknown = error;
  for (let depth = 0; depth < 5 && typeof at === 'object' && at !== null; depth++) {
    const { code, syscall, errors, cause, message } = at as Record<string, unknown>;
    // Happy eyeballs: one error for each address tried. Unsent only if all are.
    if (Array.isArray(errors) && errors.length) return errors.every((one) => neverSent(one));
    // A host that is unreachable counts only while connecting: the same code can end a connection that stood.
    if (syscall === 'connect' || syscall === 'getaddrinfo') return true;
    if (typeof code === 'string' && unsent.test(code)) return true;
    if (typeof message === 'string' && unsentText.test(message)) return true;
    at = cause;
  }
  return false;
}
