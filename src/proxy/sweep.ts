import type { Clock } from '../shared/clock.js';
import type { Flow } from './flow.js';
import type { Emit } from './events.js';
import type { InFlight } from './in-flight.js';
import type { Redemption } from './redemption.js';
import type { Refresher } from './refresh.js';
import { connectionPrefix, flowKey, flowPrefix, type ConnectionRow, type FlowRow, type Rows } from './rows.js';
import {
  cancelSession,
  dropSession,
  expireSession,
  expirySlackMs,
  keepMs,
  loseSession,
  overtakeSession,
} from './sessions.js';
import type { StatusPoller } from './status-poller.js';
import { parseTokens } from './tokens-answer.js';
import { within } from './within.js';

export interface SweepCounts {
  checked: number;
  finished: number;
  ended: number;
  failed: number;
}

export interface SweeperOptions {
  rows: Rows;
  poller: StatusPoller;
  redemption: Redemption;
  refresher: Refresher;
  clock: Clock;
  inFlight: InFlight;
  emit: Emit;
}

const hourMs = 3_600_000;
/** Unread answers are kept longer than other ends, since a later release may read them. */
const keepOddMs = 90 * 24 * hourMs;
/**
 * Sessions that ended without tokens, or past whose time Rulrr does not say how they stand, are left alone this long at a time: a
 * merchant may finish one all the same, or have finished it.
 */
const lookAgainMs = 5 * 60_000;
/** And those that are stored: a standby that took over may not know of it yet, and Rulrr gives no tokens for a session twice. */
const lookAtStoredMs = hourMs / 2;
/** Where nobody has swept for days, the first call may meet a network that is not up yet, or an upstream that is down. */
const silenceMs = hourMs;
/** How long one sweep waits for one redemption. It goes on without it. */
const patienceMs = 5_000;
const workers = 8;
const maxRemembered = 50_000;
/** All stores are looked through this often, by whichever replica comes first. */
const storesEveryMs = 6 * hourMs;

/**
 * Completes what nobody polls any more: open sessions are asked about until they end or expire, answers that were saved but
 * not read are read, tokens are refreshed ahead of their end. Every step is one that a poll might take as well, so any
 * number of replicas may sweep at once.
 */
export class Sweeper {
  private readonly options: SweeperOptions;
  /** Ended sessions that need no look before the given time. */
  private readonly settled = new Map<string, number>();
  private running: Promise<SweepCounts> | undefined;
  private looking = false;

  constructor(options: SweeperOptions) {
    this.options = options;
  }

  async sweep(): Promise<SweepCounts> {
    const { inFlight } = this.options;
    this.running ??= inFlight.track(this.sessions()).finally(() => (this.running = undefined));
    const report = { ...(await this.running) };
    // Beside the next sweeps: a merchant who has finished must not wait for the refreshes of other stores.
    await inFlight.track(this.stores(report)).catch(() => (report.failed += 1));
    return report;
  }

  private async sessions(): Promise<SweepCounts> {
    const { rows, emit, inFlight } = this.options;
    const report: SweepCounts = { checked: 0, finished: 0, ended: 0, failed: 0 };
    const keys = rows.keys(flowPrefix);
    const work = async () => {
      while (!inFlight.closed) {
        const { value: key, done } = await keys.next();
        if (done) return;
        await this.one(key, report).catch(() => (report.failed += 1));
      }
    };
    try {
      await Promise.all(Array.from({ length: workers }, work));
    } catch {
      // The store did not answer; it has been told already, and the next sweep begins anew.
      report.failed += 1;
    }
    emit({ type: 'sweep-done', count: report.checked });
    return report;
  }

  private async one(key: string, report: SweepCounts): Promise<void> {
    const { rows, clock, redemption } = this.options;
    const due = this.settled.get(key);
    if (due !== undefined && clock.now() < due) return;
    const row = await rows.read<FlowRow>(key);
    if (!row) return;
    if (row.state === 'open') return this.open(row, report);
    if (row.state === 'answered') {
      const end = await redemption.complete(row.flowId);
      if (end === 'stored') report.finished += 1;
      else if (end === 'forgotten') report.ended += 1;
      return;
    }
    if (row.state === 'lost' && (await this.understood(row))) {
      report.finished += 1;
      return;
    }
    const until = row.expiresAt + (row.odd ? keepOddMs : keepMs);
    if (clock.now() > until) await rows.remove<FlowRow>(key, (now) => now.state === row.state);
    // Tokens that turn up late still win over any end without them.
    else this.remember(key, Math.min(until, clock.now() + (row.state === 'stored' ? lookAtStoredMs : lookAgainMs)));
  }

  private async open(row: FlowRow, report: SweepCounts): Promise<void> {
    const { rows, poller, redemption, clock, emit } = this.options;
    const { flowId, storeId, integrationToken } = row;
    if (!integrationToken) {
      await dropSession(rows, flowId);
      report.ended += 1;
      return;
    }
    const connection = await rows.read<ConnectionRow>(await rows.connectionKey(storeId));
    const forgotten = async () => {
      await overtakeSession(rows, flowId);
      report.ended += 1;
    };
    if (connection && row.order > 0 && row.order <= connection.endedThrough) return forgotten();
    const flow: Flow = { flowId, storeId, integrationToken, startedAt: row.startedAt, expiresAt: row.expiresAt };
    report.checked += 1;
    const late = clock.now() - row.expiresAt;
    const status = await poller.ask(flow, true).catch(async (error: unknown) => {
      // Nobody can say any more how it ended; but that Rulrr had given the tokens out is known where it has answered.
      if (late > keepMs && (await this.staysSilent(flowId))) {
        if (await dropSession(rows, flowId)) emit({ type: 'integration-expired', flowId, storeId });
        else await loseSession(rows, flow, emit);
      }
      // Rulrr may know it no longer, and would be asked, and the operator told, at each sweep for a day.
      if (late > 0) this.remember(flowKey(flowId), clock.now() + lookAgainMs);
      throw error;
    });
    if (status === 'cancelled') {
      await cancelSession(rows, flow, emit);
      report.ended += 1;
      return;
    }
    if (status === 'pending') {
      if (late <= expirySlackMs) return;
      emit({ type: 'integration-expired', flowId, storeId });
      await expireSession(rows, flowId);
      report.ended += 1;
      return;
    }
    const redeemed = await within(clock, redemption.redeem(flow), patienceMs);
    if (redeemed === 'stored') report.finished += 1;
    else if (redeemed === 'lost') report.ended += 1;
    else if (redeemed === 'forgotten') await forgotten();
  }

  private async staysSilent(flowId: string): Promise<boolean> {
    const { rows, clock } = this.options;
    const now = clock.now();
    const row = await rows.update<FlowRow>(flowKey(flowId), (standing) =>
      standing?.state === 'open' && standing.silentSince === undefined ? { ...standing, silentSince: now } : undefined,
    );
    return row?.silentSince !== undefined && Math.abs(now - row.silentSince) >= silenceMs;
  }

  /** A newer release may find the tokens in an answer that an older one could not read. */
  private async understood(row: FlowRow): Promise<boolean> {
    const raw = row.odd?.find((odd) => parseTokens(odd));
    if (raw === undefined) return false;
    const { rows, redemption } = this.options;
    const now = await rows.update<FlowRow>(flowKey(row.flowId), (standing) =>
      standing?.state === 'lost' ? { ...standing, state: 'answered', raw } : undefined,
    );
    return now !== null && (await redemption.complete(now.flowId)) === 'stored';
  }

  /** Stores without a call for a year would lose their tokens; rows nobody writes would keep an old key. */
  private async stores(report: SweepCounts): Promise<void> {
    const { rows, refresher, inFlight } = this.options;
    // With many stores this takes longer than sweeps are apart.
    if (this.looking) return;
    this.looking = true;
    try {
      for await (const key of rows.turn('stores', connectionPrefix, storesEveryMs)) {
        if (inFlight.closed) return;
        try {
          await rows.reseal(key);
          const row = await rows.read<ConnectionRow>(key);
          if (row && refresher.isDue(row)) await refresher.refresh(row.storeId, false);
        } catch {
          report.failed += 1;
        }
      }
    } finally {
      this.looking = false;
    }
  }

  private remember(key: string, until: number): void {
    if (this.settled.size >= maxRemembered) this.settled.delete(this.settled.keys().next().value!);
    this.settled.set(key, until);
  }
}
