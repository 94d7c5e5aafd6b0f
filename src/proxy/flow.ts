import type { Connection } from '../shared/wire.js';

/** One account-linking session: what the sealed integration id holds. */
export interface Flow {
  /** Ours, random: names the session in logs and in the store, where the integration token must not stand. */
  flowId: string;
  /** The vendor's store, fixed when the session started. */
  storeId: string;
  /** Rulrr's handle on the integration. A secret: it stays inside the seal. */
  integrationToken: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
  expiresAt: number;
}

export type FlowStatus =
  | { status: 'pending'; /** stretched while the upstream budget is short */ pollAfterMs: number }
  | { status: 'cancelled' }
  /** Only after the tokens are durably stored. */
  | { status: 'finished'; connection: Connection };
