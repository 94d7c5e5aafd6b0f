import type { RulrrApiError, Sent } from '../api/index.js';
import { Refusal } from './refusal.js';

/** By its name: an error of another copy of this package is the same error. */
function isApiError(error: unknown): error is RulrrApiError {
  return error instanceof Error && error.name === 'RulrrApiError';
}

/** Whether the call may have reached Rulrr. What is not an error of the client is unclear. */
export function sentOf(error: unknown): Sent {
  return isApiError(error) ? error.sent : 'unclear';
}

/** The HTTP status of Rulrr's answer, if there was one. */
export function upstreamStatusOf(error: unknown): number | undefined {
  return isApiError(error) && error.sent === 'answered' ? error.status : undefined;
}

/** For the log: what the connection failed of, or else the client's own word for what became of the call. */
export function upstreamReasonOf(error: unknown): string | undefined {
  return isApiError(error) ? (error.reason ?? error.code) : undefined;
}

export function retryAfterMsOf(error: unknown): number {
  return (isApiError(error) && error.retryAfterMs) || 0;
}

/** A failed call to Rulrr as an answer of the proxy: our words only. */
export function refusalOf(error: unknown): Refusal {
  const status = upstreamStatusOf(error);
  const seconds = Math.min(Math.max(Math.ceil(retryAfterMsOf(error) / 1000), 2), 60);
  if (status === 429)
    return new Refusal('rate_limited', 'Rulrr asks for fewer calls. Try again a little later.', seconds);
  if (status === 400 || status === 403) return new Refusal('upstream_error', 'Rulrr refused the call.', 30);
  if (isApiError(error) && error.code === 'timeout') {
    return new Refusal('upstream_timeout', 'Rulrr did not answer in time.', seconds);
  }
  return new Refusal('upstream_error', 'Rulrr cannot be reached or answered with an error.', seconds);
}

export function closingRefusal(): Refusal {
  return new Refusal('store_unavailable', 'The proxy is stopping. Try again.', 1);
}
