import type { Clock } from '../shared/clock.js';
import { storeErrorCode, type Emit } from './events.js';
import { Refusal } from './refusal.js';
import type { StoredRow, TokenStore } from './stores/token-store.js';
import type { TokenPair } from './tokens-answer.js';
import { UnreadableRow, type Vault } from './vault.js';
import { within } from './within.js';

/** A short claim on work, so that replicas don't all do it. It saves calls; nothing is safe because of it. */
export interface Lease {
  owner: string;
  at: number;
  ms: number;
}

/** One session, from its start to its end. The only row that decides what becomes of it. */
export interface FlowRow {
  flowId: string;
  storeId: string;
  /** Gone once the session has ended. */
  integrationToken?: string;
  startedAt: number;
  expiresAt: number;
  /** Place among the sessions of this store: greater is newer, whatever the clocks say. 0 in rows that earlier releases had to make up. */
  order: number;
  /**
   * `open` until Rulrr says finished and a pair is in hand · `answered`: `raw` holds the answer, not yet read · `stored`: the
   * pair went to the store's row (or a newer one was there already). Neither of the two goes back.
   * `lost`, `cancelled`, `expired`: ended; a pair that turns up late still wins over them.
   */
  state: 'open' | 'answered' | 'stored' | 'lost' | 'cancelled' | 'expired';
  /** Redeem calls that may have reached Rulrr. */
  attempts: number;
  lease?: Lease;
  /** When Rulrr first answered 410. A fact about the token that no later call changes. */
  goneAt?: number;
  /** When Rulrr first did not say how the session stands, long past its time. */
  silentSince?: number;
  raw?: string;
  /** Answers of 200 in which no token was found: kept, since they may be all there is. */
  odd?: string[];
}

export interface StoredPair extends TokenPair {
  flowId: string;
  order: number;
  /** Counts the refreshes since the session. */
  generation: number;
  obtainedAt: number;
}

/** An answer to a refresh, and the pair that it replaces. */
export interface SavedRefresh {
  raw: string;
  generation: number;
  flowId: string;
}

/** One store of the vendor. */
export interface ConnectionRow {
  storeId: string;
  /** The last order given to a session. */
  lastOrder: number;
  /** Sessions up to here were ended by `forget`. */
  endedThrough: number;
  pair?: StoredPair;
  /** The pair before the last refresh, until the new one has worked. */
  previous?: StoredPair;
  lease?: Lease;
  /** Saved before it is read. */
  refreshed?: SavedRefresh;
  /** Answers of 200 to a refresh in which no token was found: kept, since they may be all there is. */
  oddRefreshes?: SavedRefresh[];
  /** No planned refresh before this. */
  refreshAfter?: number;
  refreshFailures?: number;
  /** The last refresh that a 403 brought about. */
  forcedAt?: number;
}

export const flowPrefix = 'flow/';
export const connectionPrefix = 'store/';
export const ereceiptPrefix = 'ereceipt/';
const turnPrefix = 'turn/';
/** Of every row there is. */
export const prefixes = [flowPrefix, connectionPrefix, ereceiptPrefix, turnPrefix];
export const flowKey = (flowId: string) => `${flowPrefix}${flowId}`;

/** Who goes through all rows of a kind, or did so last. */
interface Turn {
  /** Of the last page, or of the end. */
  at: number;
  owner?: string;
  /** The last key of the last page; gone at the end. */
  after?: string | undefined;
}
/** Few, so that also a host that grants a sweep little comes through one. */
const turnPage = 20;
/** Whoever was not heard of for so long has stopped. If not, nothing is harmed: two look through the same rows. */
const abandonedMs = 5 * 60_000;

/** Longer than the stores of this package take at their worst. */
const storePatienceMs = 60_000;

/** Typed, sealed rows on a `TokenStore`. Whatever goes wrong with the store becomes a `Refusal` and an event here. */
export class Rows {
  private readonly store: TokenStore;
  private readonly vault: Vault;
  private readonly emit: Emit;
  private readonly clock: Clock;
  private readonly owner = crypto.randomUUID();

  constructor(store: TokenStore, vault: Vault, emit: Emit, clock: Clock) {
    this.store = store;
    this.vault = vault;
    this.emit = emit;
    this.clock = clock;
  }

  /** A vendor's store id may hold anything, at any length; a row's key may not. */
  async connectionKey(storeId: string): Promise<string> {
    return connectionPrefix + (await this.vault.digest(storeId));
  }

  read<T>(key: string): Promise<T | null> {
    return this.guard(async () => this.decode<T>(key, await this.get(key)));
  }

  /**
   * Compare-and-set until it is done. `change` gets a row of its own to alter (or null if there is none) and answers with
   * what shall stand; undefined leaves the row as it is. Resolves with what stands, once it is durable.
   *
   * A store may throw after it wrote: callers try again, so `change` must see from the row that its work is done.
   *
   * @param overwrite what to put in the place of a row that cannot be read; without it, that is refused
   */
  update<T>(
    key: string,
    change: (row: T | null) => T | undefined,
    overwrite?: (version: number) => T,
  ): Promise<T | null> {
    return this.guard(async () => {
      let current = await this.get(key);
      for (;;) {
        let row: T | null = null;
        let readable = true;
        try {
          row = await this.decode<T>(key, current);
        } catch (error) {
          if (!overwrite || !(error instanceof UnreadableRow)) throw error;
          readable = false;
        }
        const next = readable ? change(row) : overwrite!(current!.version);
        if (next === undefined) return row;
        const sealed = await this.vault.seal(key, JSON.stringify(next));
        const result = await this.put(key, sealed, current?.version ?? null);
        if (result.ok) return next;
        current = result.current;
      }
    });
  }

  /**
   * The keys below a prefix for work on all rows, which one replica does: none until `everyMs` have passed since it was done. How far it
   * has come is written down, so that where it is cut short, by a store that fails or a host that ends what takes too long, it goes on from
   * there. A turn that lies far ahead, set by a clock gone wrong, or was sealed with a key that is gone holds nothing up.
   */
  async *turn(name: string, prefix: string, everyMs: number): AsyncGenerator<string> {
    const { clock, owner } = this;
    const key = turnPrefix + name;
    let after: string | undefined;
    const take = (turn: Turn | null): Turn | undefined => {
      const now = clock.now();
      const since = turn ? Math.abs(now - turn.at) : Infinity;
      const rest = turn?.after === undefined ? everyMs : turn.owner === owner ? 0 : abandonedMs;
      after = since >= rest ? (turn?.after ?? '') : undefined;
      return after === undefined ? undefined : { at: now, owner, after };
    };
    await this.update<Turn>(key, take, () => take(null)!);
    while (after !== undefined) {
      const page: string[] = await this.page(prefix, after, turnPage);
      yield* page;
      after = page.length < turnPage ? undefined : page.at(-1);
      const turn = { at: clock.now(), owner, after };
      await this.update<Turn>(
        key,
        () => turn,
        () => turn,
      );
    }
  }

  /** Deletes the row if `condition` still holds for it. */
  remove<T>(key: string, condition: (row: T) => boolean): Promise<boolean> {
    return this.guard(async () => {
      const current = await this.get(key);
      const row = await this.decode<T>(key, current);
      if (!current || !row || !condition(row)) return false;
      return this.inTime(this.store.delete(key, { ifVersion: current.version }));
    });
  }

  /** All keys below a prefix, page by page: the number of rows costs no memory. */
  async *keys(prefix: string): AsyncGenerator<string> {
    const limit = 200;
    for (let after: string | undefined; ;) {
      const page = await this.page(prefix, after, limit);
      yield* page;
      if (page.length < limit) return;
      after = page.at(-1);
    }
  }

  private page(prefix: string, after: string | undefined, limit: number): Promise<string[]> {
    return this.guard(() => this.inTime(this.store.list(prefix, { after: after || undefined, limit })));
  }

  /** Seals a row anew if an older key sealed it. Answers whether it had to. */
  reseal(key: string): Promise<boolean> {
    return this.guard(async () => {
      for (let current = await this.get(key); current && !(await this.vault.isCurrent(current.value));) {
        const sealed = await this.vault.seal(key, await this.vault.open(key, current.value));
        const result = await this.put(key, sealed, current.version);
        if (result.ok) return true;
        current = result.current;
      }
      return false;
    });
  }

  private get(key: string) {
    return this.inTime(this.store.get(key));
  }

  private put(key: string, sealed: string, ifVersion: number | null) {
    return this.inTime(this.store.put(key, sealed, { ifVersion }));
  }

  /**
   * A call over a connection whose other side is gone may never come to an end, and everything that waits for it would stand still for as
   * long as the process lives: an answer that is to be saved, a sweep, a refresh. It may still take effect; so may one that threw.
   */
  private async inTime<T>(call: Promise<T>): Promise<T> {
    // A store of the vendor's own may answer with no promise at all.
    const answered = Promise.resolve(call).then((answer) => ({ answer }));
    const settled = await within(this.clock, answered, storePatienceMs);
    if (!settled) throw Object.assign(new Error('The token store did not answer in time.'), { code: 'ETIMEDOUT' });
    return settled.answer;
  }

  private async decode<T>(key: string, row: StoredRow | null): Promise<T | null> {
    return row && (JSON.parse(await this.vault.open(key, row.value)) as T);
  }

  /** What a store says in its errors may hold a connection string, so it stays here. */
  private async guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Refusal) throw error;
      if (error instanceof UnreadableRow) {
        this.emit({ type: 'row-unreadable' });
        throw new Refusal(
          'store_unavailable',
          'A row of the token store cannot be read with the present sealing keys.',
        );
      }
      this.emit({ type: 'store-failed', code: storeErrorCode(error) });
      throw new Refusal('store_unavailable', 'The token store does not answer. Nothing is lost; try again.', 2);
    }
  }
}

/**
 * Valid as long as it was given for, before it too: the clock of whoever gave it may be ahead. A clock gone wrong cannot hold work up for
 * longer than twice that.
 */
export function isHeld(lease: Lease | undefined, now: number): boolean {
  return lease !== undefined && Math.abs(now - lease.at) < lease.ms;
}

/** Says to the other replicas, again and again, that this process is still at a session. Answers with what ends that. */
export function keepLease(given: {
  rows: Rows;
  clock: Clock;
  owner: string;
  flowId: string;
  everyMs: number;
}): () => void {
  const { rows, clock, owner, flowId, everyMs } = given;
  let stopped = false;
  let cancel = () => {};
  const renew = async () => {
    await rows
      .update<FlowRow>(flowKey(flowId), (row) => {
        if (stopped || row?.state !== 'open' || row.lease?.owner !== owner) return undefined;
        return { ...row, lease: { ...row.lease, at: clock.now() } };
      })
      .catch(() => undefined);
    next();
  };
  const next = () => {
    if (!stopped) cancel = clock.after(everyMs, () => void renew());
  };
  next();
  return () => {
    stopped = true;
    cancel();
  };
}
