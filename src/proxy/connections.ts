import type { RulrrApi, RulrrApiOptions } from '../api/index.js';
import type { Clock } from '../shared/clock.js';
import type { Connection, IntegrationStatus } from '../shared/wire.js';
import { EreceiptSetting, type ReadEreceipt } from './ereceipt-setting.js';
import type { Emit } from './events.js';
import type { Flow, FlowStatus } from './flow.js';
import { InFlight } from './in-flight.js';
import { Redemption, type Redeemed } from './redemption.js';
import { redemptionTiming, type RedemptionTiming } from './redemption-timing.js';
import { Refresher, refreshTiming, type RefreshTiming } from './refresh.js';
import { Refusal } from './refusal.js';
import { flowKey, prefixes, Rows, type ConnectionRow, type FlowRow, type StoredPair } from './rows.js';
import { cancelSession, ensureSession, isOver } from './sessions.js';
import { StatusPoller } from './status-poller.js';
import { notConnected, storeClient } from './store-client.js';
import type { TokenStore } from './stores/token-store.js';
import { Sweeper, type SweepCounts } from './sweep.js';
import { UpstreamBudget } from './upstream-budget.js';
import { closingRefusal } from './upstream-refusal.js';
import { createVault, type Vault } from './vault.js';
import { within } from './within.js';

/** The stores' connections to Rulrr: everything that holds or touches a token. The HTTP side sees no more than this. */
export interface Connections {
  /** Remembers a session that has started, so that `sweep` completes it if nobody polls. @throws Refusal */
  open(flow: Flow): Promise<void>;
  /** Asks Rulrr (at most once a second for one session, however many ask) and redeems when finished. @throws Refusal */
  check(flow: Flow): Promise<FlowStatus>;
  connection(storeId: string): Promise<Connection>;
  /** Forgets the store's tokens, and ends every session that was started before: none of them brings tokens back. */
  forget(storeId: string): Promise<void>;
  /** A client that refreshes its token by itself. @throws Refusal if no store is connected. */
  forStore(storeId: string): Promise<RulrrApi>;
  /** Asks about open sessions until they end or expire, and finishes what was cut short. Answers with counts. */
  sweep(): Promise<SweepCounts>;
  /** Seals every row with the newest key, so that older ones can be retired. Online, resumable, safe on many replicas. */
  rotate(): Promise<RotationReport>;
  /** Waits for redemptions in flight (and saves not yet done), then lets go of its timers. */
  close(): Promise<void>;
}

/** Rows sealed anew, rows that had the newest key already, and rows that could not be read or written. */
export interface RotationReport {
  rewritten: number;
  current: number;
  failed: number;
}

export interface ConnectionsOptions {
  api: RulrrApi;
  store: TokenStore;
  /** Newest first: the first seals, all open. The keys for the rows are derived from them for that purpose alone. */
  keys: readonly string[];
  clock: Clock;
  emit: Emit;
  /** Status calls for one session begin at least this far apart (ms, default 1000). */
  statusTtlMs?: number;
  /** Status calls of this process a second (default 50). Redeeming and refreshing count, but never wait. */
  budgetPerSecond?: number;
  readEreceipt?: ReadEreceipt;
  parseRefresh?: RulrrApiOptions['parseRefresh'];
  /** How long a poll waits for the redemption it began, so that it can answer `finished` itself (ms, default 4000). */
  redeemWaitMs?: number;
  /** How long `close` waits at most (ms, default 60 000). */
  drainMs?: number;
  redemption?: Partial<RedemptionTiming>;
  refresh?: Partial<RefreshTiming>;
  /** For tests that run many thousand schedules: replaces encryption. */
  vault?: Vault;
}

const disconnected: Connection = { connected: false, ereceipt: false, expiration: null };

function connectionOf(pair: StoredPair, ereceipt = pair.ereceipt ?? false): Connection {
  return { connected: true, ereceipt, expiration: pair.expiration };
}

export function createConnections(options: ConnectionsOptions): Connections {
  const { api, store, keys, clock, emit, readEreceipt, redeemWaitMs = 4_000, drainMs = 60_000 } = options;
  const owner = crypto.randomUUID();
  const rows = new Rows(store, options.vault ?? createVault(keys), emit, clock);
  const inFlight = new InFlight(clock);
  const budget = new UpstreamBudget(options.budgetPerSecond ?? 50, clock);
  const shared = { api, rows, clock, budget, inFlight, emit, owner };
  const redemption = new Redemption({ ...shared, timing: { ...redemptionTiming, ...options.redemption } });
  const refresher = new Refresher({
    ...shared,
    timing: { ...refreshTiming, ...options.refresh },
    parseRefresh: options.parseRefresh,
  });
  const poller = new StatusPoller({
    ...shared,
    ttlMs: options.statusTtlMs ?? 1_000,
    pollAfterMs: 1_000,
    maxEntries: 20_000,
    known: async (flow) => ((await isRedeemed(flow)) ? 'finished' : 'pending'),
  });
  const sweeper = new Sweeper({ rows, poller, redemption, refresher, clock, inFlight, emit });
  const setting = new EreceiptSetting(readEreceipt, clock, inFlight, emit);

  const rowOf = async (storeId: string) => rows.read<ConnectionRow>(await rows.connectionKey(storeId));
  const clientOf = (storeId: string) => storeClient(api, storeId, rows, refresher);

  async function answer(flow: Flow, redeeming: Promise<Redeemed>): Promise<FlowStatus> {
    let redeemed = await within(clock, redeeming, redeemWaitMs);
    // Where this replica waits for another one, that one may have stored them.
    redeemed ??= (await stateOf(flow)) === 'stored' ? 'stored' : 'busy';
    if (redeemed === 'busy') return { status: 'pending', pollAfterMs: poller.pollAfterMs() };
    if (redeemed === 'lost') {
      throw new Refusal('tokens_lost', 'Rulrr has handed out the tokens and they did not arrive here. Connect again.');
    }
    const row = redeemed === 'stored' ? await rowOf(flow.storeId) : null;
    if (!row?.pair) throw new Refusal('expired', 'The connection was forgotten after this session had started.');
    return { status: 'finished', connection: connectionOf(row.pair) };
  }

  /** Rulrr need not go on answering for a session whose tokens it has given out; the row knows. */
  async function isRedeemed(flow: Flow): Promise<boolean> {
    const state = await stateOf(flow);
    return state === 'stored' || state === 'answered';
  }

  async function stateOf(flow: Flow): Promise<FlowRow['state'] | undefined> {
    const row = await rows.read<FlowRow>(flowKey(flow.flowId)).catch(() => null);
    return row?.storeId === flow.storeId ? row.state : undefined;
  }

  return {
    async open(flow) {
      await ensureSession(rows, flow);
    },
    async check(flow) {
      if (inFlight.closed) throw closingRefusal();
      const underWay = redemption.underWay(flow);
      if (underWay) return answer(flow, underWay);
      const over = isOver(rows, flow, clock.now());
      if (over && (await over)) throw new Refusal('expired', 'The session ended long ago.');
      let status: IntegrationStatus;
      try {
        status = await poller.ask(flow);
      } catch (error) {
        if (!(await isRedeemed(flow))) throw error;
        status = 'finished';
      }
      if (status === 'pending') return { status, pollAfterMs: poller.pollAfterMs() };
      // The page may be open twice, in a frame and on a phone: what was finished in one is not undone by giving up in the other.
      if (status === 'finished' || (await isRedeemed(flow))) return answer(flow, redemption.redeem(flow));
      // Nothing to wait for: if it does not come off now, the next sweep does it.
      void inFlight.track(cancelSession(rows, flow, emit).catch(() => undefined));
      return { status };
    },
    async connection(storeId) {
      const { pair } = (await rowOf(storeId)) ?? {};
      if (!pair) return { ...disconnected };
      return connectionOf(pair, await setting.of(storeId, pair.flowId, () => clientOf(storeId)));
    },
    async forget(storeId) {
      let forgot = false;
      await rows.update<ConnectionRow>(
        await rows.connectionKey(storeId),
        (row) => {
          forgot = row?.pair !== undefined;
          return row ? { storeId, lastOrder: row.lastOrder, endedThrough: row.lastOrder } : undefined;
        },
        (version) => {
          forgot = true;
          // Each order cost at least one write of this row, so its version is no smaller than any of them.
          return { storeId, lastOrder: version, endedThrough: version };
        },
      );
      if (forgot) emit({ type: 'connection-forgotten', storeId });
    },
    async forStore(storeId) {
      if (!(await rowOf(storeId))?.pair) throw notConnected();
      return clientOf(storeId);
    },
    sweep: () => sweeper.sweep(),
    async rotate() {
      const report = { rewritten: 0, current: 0, failed: 0 };
      for (const prefix of prefixes) {
        for await (const key of rows.keys(prefix)) {
          // Cut short: some may be left that an older key sealed.
          if (inFlight.closed) return { ...report, failed: report.failed + 1 };
          try {
            report[(await rows.reseal(key)) ? 'rewritten' : 'current'] += 1;
          } catch {
            report.failed += 1;
          }
        }
      }
      return report;
    },
    async close() {
      await inFlight.drain(drainMs);
      if (inFlight.unsaved) emit({ type: 'tokens-unsaved', count: inFlight.unsaved });
    },
  };
}
