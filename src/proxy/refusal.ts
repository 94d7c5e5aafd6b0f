import type { ProblemCode } from '../shared/wire.js';

const statusOf: Record<ProblemCode, number> = {
  unauthorized: 401,
  forbidden_origin: 403,
  rate_limited: 429,
  misconfigured: 500,
  upstream_error: 502,
  upstream_timeout: 504,
  not_yours: 403,
  unknown_integration: 404,
  expired: 410,
  tokens_lost: 409,
  bad_request: 400,
  ereceipt_disabled: 403,
  in_progress: 409,
  body_too_large: 413,
  unsupported_media_type: 415,
  invalid_phone_number: 422,
  send_failed: 502,
  send_unconfirmed: 504,
  not_found: 404,
  method_not_allowed: 405,
  store_unavailable: 503,
  internal: 500,
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
    this.status = statusOf[code];
    this.retryAfter = retryAfter;
  }
}
