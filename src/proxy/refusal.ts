import type { ProblemCode } from '../shared/wire.js';

/** What is said of each code beside its detail: the HTTP status, and RFC 9457's `title`. */
export const problems: Record<ProblemCode, { status: number; title: string }> = {
  unauthorized: { status: 401, title: 'Nobody is signed in' },
  forbidden_origin: { status: 403, title: 'This page may not do that' },
  rate_limited: { status: 429, title: 'Too many requests' },
  misconfigured: { status: 500, title: 'The proxy is not set up for this' },
  upstream_error: { status: 502, title: 'Rulrr did not do its part' },
  upstream_timeout: { status: 504, title: 'Rulrr did not answer in time' },
  not_yours: { status: 403, title: 'The integration belongs to another store' },
  unknown_integration: { status: 404, title: 'No such integration' },
  expired: { status: 410, title: 'The integration has expired' },
  tokens_lost: { status: 409, title: 'The tokens were handed out and lost' },
  bad_request: { status: 400, title: 'The request cannot be read' },
  ereceipt_disabled: { status: 403, title: 'The store does not text receipts' },
  in_progress: { status: 409, title: 'The same send is under way' },
  body_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The body must be JSON' },
  invalid_phone_number: { status: 422, title: 'No number that can get a text message' },
  send_failed: { status: 502, title: 'The receipt was not sent' },
  send_unconfirmed: { status: 504, title: 'It is not known whether the receipt was sent' },
  not_found: { status: 404, title: 'No such path' },
  method_not_allowed: { status: 405, title: 'No such method here' },
  store_unavailable: { status: 503, title: 'The token store does not answer' },
  internal: { status: 500, title: 'Something went wrong in the proxy' },
};

/**
 * The only error that becomes an answer. Its `detail` is written here in the proxy, never taken from the upstream, from a
 * caught error or from a request, so that no secret can travel in it; for the same reason it has no `cause`.
 */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: ProblemCode;
  readonly status: number;
  /** Seconds; becomes `Retry-After`. */
  readonly retryAfter: number | undefined;

  constructor(code: ProblemCode, detail: string, retryAfter?: number) {
    super(detail);
    this.code = code;
    this.status = problems[code].status;
    this.retryAfter = retryAfter;
  }
}
