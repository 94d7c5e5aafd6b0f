/** A typed client for Rulrr's API. */
export { RulrrApi } from './rulrr-api.js';
export { RulrrApiError, apiErrorCodes, type RulrrApiErrorCode, type Sent } from './errors.js';
export type {
  CallOptions,
  IntegrationState,
  RulrrAnswer,
  RulrrApiOptions,
  StoreProfile,
  TokenCallOptions,
  Tokens,
} from './types.js';
