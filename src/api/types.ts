import type { Clock } from '../shared/clock.js';

export interface RulrrApiOptions {
  clientId: string;
  clientSecret: string;
  /** Given to the vendor with its credentials; https, or http for a loopback address. Every path below it starts with `/v1`. */
  apiBaseUrl: string;
  /** One connected store's token; needed by the data endpoints. Usually set by `withAccessToken`. */
  accessToken?: string | undefined;
  /** Default: the global one. */
  fetch?: typeof fetch | undefined;
  /** Replaces the system's clock; for tests. */
  clock?: Pick<Clock, 'now' | 'after'> | undefined;
  /** Deadline of a call, answer included, in milliseconds, 2,147,483,647 at most. Default 10,000. */
  timeoutMs?: number | undefined;
  /** The same for `retrieveTokens` and `refreshTokens`, whose answers come once, and for the upload. Default 60,000. */
  redeemTimeoutMs?: number | undefined;
  /** Largest answer that is read, in bytes. Default 1 MiB. */
  maxAnswerBytes?: number | undefined;
  /**
   * The parameters of `POST /v1/auth/token` are not published. By default the request carries `client_id`, `client_secret` and
   * `refresh_token` in its query, as the other calls do; replace that here.
   */
  refreshRequest?:
    | ((given: { clientId: string; clientSecret: string; refreshToken: string }) => {
        query?: Record<string, string> | undefined;
        body?: unknown;
      })
    | undefined;
  /** Reads the answer of the refresh. By default that of `retrieveTokens`. Without an `accessToken` the answer counts as unreadable. */
  parseRefresh?: ((answer: Record<string, unknown>) => Tokens) | undefined;
  /**
   * The name of the field with the upload URL in `GET /v1/customers` is not published. By default the first of `uploadUrl`,
   * `uploadURL`, `upload_url`, `url` that holds an absolute URL.
   */
  customersUploadUrl?: ((answer: Record<string, unknown>) => string | undefined) | undefined;
}

export type IntegrationState = 'pending' | 'finished' | 'cancelled';

/** What Rulrr gives out once for a finished integration. */
export interface Tokens {
  /** Lives one year and belongs to one store. */
  accessToken: string;
  refreshToken: string;
  /** As Rulrr gave it: a text (ISO 8601) or a number. */
  expiration: string | number;
  /** True if the store texts receipts. */
  ereceipt: boolean;
}

/** `PUT /v1/stores`. Money and time follow Rulrr's conventions: ISO 4217 codes, ISO 8601. */
export interface StoreProfile {
  storeName: string;
  storeAddress: string;
  /** ISO 3166-1 alpha-2. */
  storeCountryCode: string;
  storeCity?: string | undefined;
  storeState?: string | undefined;
  storePostalCode?: string | undefined;
  storePhoneNumber?: string | undefined;
  /** ISO 4217. */
  storeCurrency?: string | undefined;
}

/** A JSON object as Rulrr gave it: the reference does not publish its fields in full. */
export type RulrrAnswer = Record<string, unknown>;

export interface CallOptions {
  signal?: AbortSignal | undefined;
}

/** For the two calls whose answer comes once: a `signal` keeps them from being sent, but once sent they run to their own end. */
export interface TokenCallOptions extends CallOptions {
  /**
   * Given the answer's text as it came, before it is read, and waited for: save it durably here, since it comes once. If this
   * throws, the call rejects with what it threw.
   */
  onRawAnswer?: ((text: string) => Promise<void>) | undefined;
}
