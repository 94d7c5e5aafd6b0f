/** One row as the store keeps it: an opaque text (always ciphertext) and the version that compare-and-set goes by. */
export interface StoredRow {
  value: string;
  /** Grows with each write of the key, and is never used twice for the same key, not even after a delete. */
  version: number;
}

/**
 * Where the proxy keeps what must survive: tokens, open integrations, idempotency keys. Values are sealed before they
 * come here. Adapters are small: everything clever is done with `put` and `ifVersion`. Keys are ASCII, of less than 100 characters; a value has
 * one or two KiB, and may have 1 MiB, since what came in the place of tokens is kept as well.
 *
 * Any call may throw after it took effect (a commit whose answer was lost). Callers read again; they never assume. One that has not come to
 * an end after a minute is taken for one that threw.
 */
export interface TokenStore {
  /** A linearisable read. */
  get(key: string): Promise<StoredRow | null>;
  /**
   * Compare-and-set. `ifVersion: null` writes only if the key has no row. Resolves once the write is durable.
   * `ok: false` brings the row that stood in the way (null if it is gone by now).
   */
  put(
    key: string,
    value: string,
    condition: { ifVersion: number | null },
  ): Promise<{ ok: true; version: number } | { ok: false; current: StoredRow | null }>;
  /** True if a row was deleted; with `ifVersion`, only if it had that version. */
  delete(key: string, condition?: { ifVersion?: number }): Promise<boolean>;
  /** Keys in ascending order that begin with `prefix` and come after `after`. */
  list(prefix: string, page?: { after?: string; limit?: number }): Promise<string[]>;
  close(): Promise<void>;
}
