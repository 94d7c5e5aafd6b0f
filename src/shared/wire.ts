/**
 * The shapes that the elements and the proxy speak to each other, and nothing else: this file is the HTTP contract of
 * `openapi.yaml` as types. It has no imports and no code that needs a DOM or Node, so both sides may use it.
 */

/** What a store's connection to Rulrr looks like from outside. Never holds a token. */
export interface Connection {
  /** True once the store's tokens are durably stored. */
  connected: boolean;
  /** True if the store texts receipts; the numpad asks only then. */
  ereceipt: boolean;
  /** When the access token ends: the text Rulrr gave (a number as ISO 8601), or null where no store is connected, or it gave none. */
  expiration: string | null;
}

export type IntegrationStatus = 'pending' | 'finished' | 'cancelled';

/** Answer of `POST /integrations`. */
export interface StartedIntegration {
  /** Opaque, sealed by the proxy, bound to the vendor's store. */
  id: string;
  /** Rulrr's connect page for this integration; https, another origin than the till's page. */
  connectUrl: string;
  status: 'pending';
  /** ISO 8601. After this the proxy answers 410 `expired`. */
  expiresAt: string;
  /** Milliseconds to wait, at least, before the next status call. */
  pollAfterMs: number;
  /** False if the connect page's own headers forbid framing; absent where the proxy could not tell. */
  embeddable?: boolean;
}

/** Answer of `GET /integrations/{id}`. */
export interface IntegrationAnswer {
  status: IntegrationStatus;
  pollAfterMs: number;
  expiresAt: string;
  /** While pending, so that a reloaded page can go on. */
  connectUrl?: string;
  embeddable?: boolean;
  /** Once finished. */
  connection?: Connection;
}

/** Body of `POST /ereceipts`; the header `Idempotency-Key` goes with it. */
export interface EreceiptRequest {
  orderId: string;
  /** E.164, such as `+12135550123`. */
  phoneNumber: string;
}

export interface EreceiptAnswer {
  sent: true;
}

/** Every `code` that a refusal of the proxy may carry. Closed: a new one is a change of the contract. */
export const problemCodes = [
  'unauthorized',
  'forbidden_origin',
  'rate_limited',
  'misconfigured',
  'upstream_error',
  'upstream_timeout',
  'not_yours',
  'unknown_integration',
  'expired',
  'tokens_lost',
  'bad_request',
  'ereceipt_disabled',
  'in_progress',
  'body_too_large',
  'unsupported_media_type',
  'invalid_phone_number',
  'send_failed',
  'send_unconfirmed',
  'not_found',
  'method_not_allowed',
  'store_unavailable',
  'internal',
] as const;

export type ProblemCode = (typeof problemCodes)[number];

/** RFC 9457 `application/problem+json`, with a stable `code`. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: ProblemCode;
  detail?: string;
}

/** Sent by the elements with every call; unsafe methods are refused without it. */
export const embedHeader = 'Rulrr-Embed';
export const embedHeaderValue = '1';
export const idempotencyHeader = 'Idempotency-Key';
