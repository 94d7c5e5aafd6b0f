import type { ProxyError } from '../shared/proxy-client.js';

/**
 * Every `code` of `connect-failed`, and whether starting again may help. Closed: a new one is a change of the contract.
 * The proxy's codes stand as they are; `network`, `proxy_timeout`, `bad_answer` and `bad_connect_url` are the element's own.
 */
const retryable = {
  /** The proxy does not know who is asking: sign in to the till again. */
  unauthorized: false,
  /** The proxy does not serve this page's origin. */
  forbidden_origin: false,
  /** The proxy's set-up is wrong. */
  misconfigured: false,
  /** The session belongs to another store. */
  not_yours: false,
  /** `connectUrl` is no URL, of this page's own origin, or neither https nor loopback. */
  bad_connect_url: false,
  /** The answer is not the proxy's: often a wrong `proxy-url`. */
  bad_answer: false,
  /** The proxy does not know the session any more. */
  unknown_integration: true,
  /** Rulrr says that the tokens were taken, and nobody has them. */
  tokens_lost: true,
  rate_limited: true,
  upstream_error: true,
  upstream_timeout: true,
  store_unavailable: true,
  internal: true,
  /** No answer came. */
  network: true,
  /** No answer came in time. */
  proxy_timeout: true,
} as const;

export type ConnectErrorCode = keyof typeof retryable;

export interface ConnectFailure {
  code: ConnectErrorCode;
  /** `start`: no session came about · `poll`: a running session broke · `frame`: the connect page must not be shown. */
  phase: 'start' | 'poll' | 'frame';
  /** For logs, in English; never holds a secret. */
  message: string;
  /** True if `start()` may work when called again. */
  retryable: boolean;
}

/** How a session ended; what `start()` resolves with. */
export type ConnectOutcome =
  | { type: 'finished'; ereceipt: boolean; expiration: string | null }
  /** `merchant` gave up on the connect page, `operator` here. */
  | { type: 'cancelled'; by: 'merchant' | 'operator' }
  | { type: 'expired' }
  | ({ type: 'failed' } & ConnectFailure);

export function failure(code: ConnectErrorCode, phase: ConnectFailure['phase'], message: string): ConnectFailure {
  return { code, phase, message, retryable: retryable[code] };
}

/** Where the status says it all: proxies in other languages may leave the code out, and gateways before a proxy know none. */
const byStatus: Record<number, ConnectErrorCode> = {
  401: 'unauthorized',
  429: 'rate_limited',
  500: 'internal',
  502: 'upstream_error',
  503: 'store_unavailable',
  504: 'upstream_timeout',
};

/** What a refusal of the proxy means. */
export function failureOf(error: ProxyError, phase: ConnectFailure['phase']): ConnectFailure | 'expired' {
  const { code, status, message } = error;
  if (status === 410 || code === 'expired') return 'expired';
  const known = Object.keys(retryable).indexOf(code) >= 0 && (code !== 'bad_answer' || !byStatus[status]);
  return failure(known ? (code as ConnectErrorCode) : byStatus[status] || 'bad_answer', phase, message);
}

/** Refusals that end a running session. All others pass, so the poller backs off and goes on. */
export const isFinal = (failure: ConnectFailure | 'expired'): boolean =>
  failure === 'expired' ||
  ['unauthorized', 'not_yours', 'unknown_integration', 'tokens_lost', 'forbidden_origin', 'misconfigured'].includes(
    failure.code,
  );
