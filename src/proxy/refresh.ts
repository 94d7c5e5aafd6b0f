import type { RulrrApi, RulrrApiOptions } from '../api/index.js';
import type { Clock } from '../shared/clock.js';
import type { Emit } from './events.js';
import { saveWaits, type InFlight } from './in-flight.js';
import { isHeld, type ConnectionRow, type Rows, type SavedRefresh, type StoredPair } from './rows.js';
import { lifeOf, parseTokens, type TokenPair } from './tokens-answer.js';
import { sentOf, upstreamStatusOf } from './upstream-refusal.js';
import type { UpstreamBudget } from './upstream-budget.js';
import { within } from './within.js';

export interface RefreshTiming {
  /**
   * How long others leave a store alone whose refresh was not heard of since: as long as its call may stand, and ten minutes more, since
   * replicas' clocks differ. Ends with the call.
   */
  lease: number;
  /** How long a caller waits for a refresh, its own or another replica's. */
  wait: number;
  /** Between two looks at the store while another replica refreshes. */
  look: number;
  /** After a failed refresh, doubled with each further one up to `longestPause`. */
  pause: number;
  longestPause: number;
  /** At most one refresh because of a 403 in this time. */
  forcedEvery: number;
}

export const refreshTiming: RefreshTiming = {
  lease: 1_200_000,
  wait: 20_000,
  look: 250,
  pause: 60_000,
  longestPause: 6 * 3_600_000,
  forcedEvery: 60_000,
};

/** How long a call that has gone through waits for what it has shown to be written down: a till that waits too long for its answer prints. */
const notePatienceMs = 1_000;

export interface RefresherOptions {
  api: Pick<RulrrApi, 'refreshTokens'>;
  rows: Rows;
  clock: Clock;
  budget: UpstreamBudget;
  inFlight: InFlight;
  emit: Emit;
  owner: string;
  timing: RefreshTiming;
  /** As in `RulrrApiOptions`: for answers that were saved by a process that did not live to read them. */
  parseRefresh?: RulrrApiOptions['parseRefresh'];
}

/**
 * New access tokens ahead of the old one's end, one refresh at a time among all replicas (a lease in the store's row: two
 * racing refreshes could end both pairs). The answer is saved before it is read, and the old pair stays beside the new
 * one until that has worked once, since nothing says when Rulrr ends the old one.
 */
export class Refresher {
  private readonly options: RefresherOptions;
  private readonly running = new Map<string, Promise<ConnectionRow | null>>();
  /** Stores whose refresh was waited for in vain, and whose call still stands, or whose answer is not saved yet. */
  private readonly stalled = new Set<string>();

  constructor(options: RefresherOptions) {
    this.options = options;
  }

  /** Due between 80 % and 90 % of the token's life, at a point of each store's own. */
  isDue(row: ConnectionRow): boolean {
    const { clock } = this.options;
    if (row.refreshed || this.readable(row)) return true;
    if (!row.pair?.refreshToken) return false;
    const now = clock.now();
    // A pause that a clock gone wrong has set far ahead does not hold.
    const pausing = row.refreshAfter !== undefined && now < row.refreshAfter;
    if (pausing && row.refreshAfter! - now <= this.options.timing.longestPause) return false;
    const { obtainedAt, expiration, flowId, generation } = row.pair;
    const share = 0.8 + fraction(flowId + generation) / 10;
    return now - obtainedAt >= lifeOf(expiration, obtainedAt) * share;
  }

  /** True if the access token ended, as far as its `expiration` can be believed. */
  hasEnded({ obtainedAt, expiration }: StoredPair): boolean {
    return this.options.clock.now() - obtainedAt >= lifeOf(expiration, obtainedAt);
  }

  /**
   * Refreshes, or joins who is at it. Resolves with the row as it stands then; the caller sees from the generation whether
   * there is a new pair. Never rejects because of Rulrr.
   * @throws Refusal if the store does not answer
   */
  refresh(storeId: string, forced: boolean): Promise<ConnectionRow | null> {
    const running = this.running.get(storeId);
    if (running) return running;
    const work = this.work(storeId, forced).finally(() => this.running.delete(storeId));
    this.running.set(storeId, work);
    return this.options.inFlight.track(work);
  }

  /** A call came through with this pair: the one before it is no longer needed. */
  proved(storeId: string, pair: StoredPair): Promise<void> {
    return this.note(storeId, (row) => {
      if (!row.pair || !isSame(row.pair, pair) || standsBack(row)) return undefined;
      const { previous: _, refreshAfter: __, refreshFailures: ___, ...rest } = row;
      return rest;
    });
  }

  /** The new pair was refused and the one before it worked: that one stands again, until the new one is tried once more. */
  revert(storeId: string, refused: StoredPair): Promise<void> {
    return this.note(storeId, (row) => {
      if (!row.pair || !isSame(row.pair, refused)) return undefined;
      // A refresh of it is on its way: its answer, which Rulrr gives once, finds its place by the pair that it replaces.
      if (isHeld(row.lease, this.options.clock.now()) || row.refreshed) return undefined;
      return { ...row, pair: row.previous!, previous: row.pair, ...this.failure(row) };
    });
  }

  /** Writes down what a call has shown of a pair and the one before it. Nothing hangs on it: where it fails, the next call shows it again. */
  private async note(storeId: string, change: (row: ConnectionRow) => ConnectionRow | undefined): Promise<void> {
    const { rows, clock, inFlight } = this.options;
    const key = await rows.connectionKey(storeId);
    const write = rows.update<ConnectionRow>(key, (row) => (row?.previous ? change(row) : undefined)).catch(() => null);
    await within(clock, inFlight.track(write), notePatienceMs);
  }

  private async work(storeId: string, forced: boolean): Promise<ConnectionRow | null> {
    const { rows, clock, owner, timing, inFlight } = this.options;
    const key = await rows.connectionKey(storeId);
    if (this.stalled.has(storeId)) return rows.read<ConnectionRow>(key);
    const until = clock.now() + timing.wait;
    for (;;) {
      let claimed: StoredPair | undefined;
      const row = await rows.update<ConnectionRow>(key, (standing) => {
        claimed = undefined;
        const now = clock.now();
        // A newer release, or a `parseRefresh` given since, may find the pair in an answer that could not be read.
        const refreshed = standing && this.readable(standing);
        if (refreshed) {
          const { oddRefreshes: _, ...rest } = standing;
          return { ...rest, refreshed };
        }
        if (!standing?.pair?.refreshToken || standing.refreshed) return undefined;
        if (isHeld(standing.lease, now) && standing.lease!.owner !== owner) return undefined;
        if (forced ? !this.mayForce(standing, now) : !this.isDue(standing)) return undefined;
        // In the place of a refresh, whose token was used for that pair: used again, it may end both.
        if (standsBack(standing)) return { ...standing, pair: standing.previous!, previous: standing.pair };
        claimed = standing.pair;
        const lease = { owner, at: now, ms: timing.lease };
        return { ...standing, lease, ...(forced ? { forcedAt: now } : {}) };
      });
      // An answer that was saved and not read: its writer ended in between.
      if (row?.refreshed) return this.apply(storeId);
      if (claimed) return this.call(storeId, claimed);
      // One that took longer than anybody waits, or whose process died, is not waited for.
      const young = row?.lease && { ...row.lease, ms: timing.wait };
      const another = young && young.owner !== owner && isHeld(young, clock.now());
      if (!another || !forced || clock.now() >= until) return row;
      if (!(await inFlight.pause(timing.look))) return row;
      // The other replica has finished, well or badly: a caller sees which from the row.
      const seen = await rows.read<ConnectionRow>(key);
      if (!seen?.lease) return seen;
    }
  }

  private mayForce(row: ConnectionRow, now: number): boolean {
    const since = row.forcedAt === undefined ? Infinity : now - row.forcedAt;
    return since < 0 || since >= this.options.timing.forcedEvery;
  }

  private async call(storeId: string, from: StoredPair): Promise<ConnectionRow | null> {
    const { api, clock, budget, inFlight, emit, timing } = this.options;
    budget.spend();
    let saving: Promise<string> | undefined;
    const onRawAnswer = async (raw: string) => {
      await (saving = this.save(storeId, from, raw));
    };
    const call = inFlight.track(
      api.refreshTokens(from.refreshToken!, { onRawAnswer }).then(
        async (tokens) => {
          const read = JSON.stringify({ success: true, ...tokens });
          const raw = await (saving ?? this.save(storeId, from, read));
          return { row: await this.apply(storeId, { raw, read }).catch(() => null) };
        },
        async (error: unknown) => {
          if (!saving) return { error };
          await saving;
          return { row: await this.apply(storeId).catch(() => null) };
        },
      ),
    );
    const settled = await within(clock, call, timing.wait);
    if (settled && 'row' in settled) return settled.row ?? null;
    // A save that the store does not take yet goes on by itself.
    if (!saving) {
      const error = settled?.error;
      emit({ type: 'refresh-failed', storeId, code: sentOf(error), status: upstreamStatusOf(error) });
      if (settled) return this.failed(storeId, from);
    }
    // It may still bring a pair, or has brought one, and has the lease until then. A second refresh beside it could end both.
    this.stalled.add(storeId);
    const over = call.then(async (late) => {
      this.stalled.delete(storeId);
      if ('error' in late) await this.failed(storeId, from);
    });
    void inFlight.track(over);
    return null;
  }

  /** Puts the answer beside the pair it replaces, and gives it back. */
  private async save(storeId: string, from: StoredPair, raw: string): Promise<string> {
    const { rows, emit, inFlight } = this.options;
    const key = await rows.connectionKey(storeId);
    const write = () =>
      rows.update<ConnectionRow>(key, (row) => {
        // Connected anew or forgotten meanwhile: the answer is for a pair that is gone.
        if (!row?.pair || !isSame(row.pair, from) || row.refreshed?.raw === raw) return undefined;
        return { ...row, refreshed: { raw, flowId: from.flowId, generation: from.generation } };
      });
    await inFlight.save(write, saveWaits, (attempt) => emit({ type: 'save-retried', storeId, attempt }));
    return raw;
  }

  /**
   * Reads the saved answer and puts the new pair in the old one's place. Idempotent.
   * @param known how the client has read an answer; what is saved may be another one, and of another session
   */
  private async apply(storeId: string, known?: { raw: string; read: string }): Promise<ConnectionRow | null> {
    const { rows, clock, emit } = this.options;
    let outcome = 'none' as 'none' | 'refreshed' | 'not-understood';
    const row = await rows.update<ConnectionRow>(await rows.connectionKey(storeId), (standing) => {
      outcome = 'none';
      if (!standing?.refreshed) return undefined;
      const { refreshed, oddRefreshes, lease: _, refreshAfter: __, refreshFailures: ___, ...rest } = standing;
      const next = refreshed.raw === known?.raw ? parseTokens(known.read) : this.read(refreshed.raw);
      const { pair } = rest;
      if (!pair || !replaces(refreshed, pair)) return rest;
      if (!next) {
        outcome = 'not-understood';
        // Few: each is an alarm, and a middlebox that answers nonsense must not fill the store.
        const odd = [...(oddRefreshes ?? []).filter(({ raw }) => raw !== refreshed.raw), refreshed].slice(-3);
        return { ...rest, oddRefreshes: odd, ...this.failure(standing) };
      }
      outcome = 'refreshed';
      const { flowId, order, generation, refreshToken, ereceipt } = pair;
      // An answer that leaves out the refresh token keeps the old one (RFC 6749, section 6).
      const fresh = {
        refreshToken,
        ereceipt,
        ...next,
        flowId,
        order,
        generation: generation + 1,
        obtainedAt: clock.now(),
      };
      return { ...rest, pair: fresh, previous: pair };
    });
    if (outcome === 'refreshed') emit({ type: 'token-refreshed', storeId });
    if (outcome === 'not-understood') emit({ type: 'refresh-failed', storeId, code: 'not-understood' });
    return row;
  }

  /** An answer that was kept unread, about the pair that stands, and can be read now. */
  private readable({ pair, oddRefreshes = [] }: ConnectionRow): SavedRefresh | undefined {
    return oddRefreshes.findLast((odd) => pair && replaces(odd, pair) && this.read(odd.raw) !== null);
  }

  /** As the vendor told, and where that comes to nothing, as ours are read. */
  private read(raw: string): TokenPair | null {
    let told: string | undefined;
    try {
      const tokens = this.options.parseRefresh?.(JSON.parse(raw) as Record<string, unknown>);
      if (tokens) told = JSON.stringify(tokens);
    } catch {
      // Of another shape than the vendor knows.
    }
    return (told === undefined ? null : parseTokens(told)) ?? parseTokens(raw);
  }

  private async failed(storeId: string, from: StoredPair): Promise<ConnectionRow | null> {
    return this.options.rows
      .update<ConnectionRow>(await this.options.rows.connectionKey(storeId), (row) => {
        if (!row?.pair || !isSame(row.pair, from)) return undefined;
        const { lease: _, ...rest } = row;
        return { ...rest, ...this.failure(row) };
      })
      .catch(() => null);
  }

  private failure(row: ConnectionRow): Pick<ConnectionRow, 'refreshAfter' | 'refreshFailures'> {
    return { refreshAfter: this.pauseAfter(row), refreshFailures: (row.refreshFailures ?? 0) + 1 };
  }

  private pauseAfter({ refreshFailures = 0 }: ConnectionRow): number {
    const { clock, timing } = this.options;
    const pause = Math.min(timing.pause * 2 ** Math.min(refreshFailures, 20), timing.longestPause);
    return clock.now() + pause * (0.5 + clock.random() / 2);
  }
}

const isSame = (a: StoredPair, b: StoredPair) => a.flowId === b.flowId && a.generation === b.generation;

/** True if a newer pair was refused and stands back for the one before it. Its refresh token may be the only one that Rulrr still takes. */
const standsBack = ({ pair, previous }: ConnectionRow) =>
  pair !== undefined && previous?.flowId === pair.flowId && previous.generation > pair.generation;

const replaces = ({ flowId, generation }: SavedRefresh, pair: StoredPair) =>
  pair.flowId === flowId && pair.generation === generation;

/** A number in [0, 1) that a text always gives (FNV-1a). */
function fraction(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash >>> 0) / 4294967296;
}
