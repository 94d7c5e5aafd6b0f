import { RulrrApiError, type RulrrApi } from '../../../src/api/index.js';
import { createConnections, type Connections } from '../../../src/proxy/connections.js';
import type { Flow, FlowStatus } from '../../../src/proxy/flow.js';
import { Refusal } from '../../../src/proxy/refusal.js';
import type { ConnectionRow, FlowRow } from '../../../src/proxy/rows.js';
import type { StoredRow, TokenStore } from '../../../src/proxy/stores/token-store.js';
import { UnreadableRow, type Vault } from '../../../src/proxy/vault.js';

/** What happens to a call that a replica has made and that has not been answered yet. */
export type Fate =
  | 'well'
  /** The call never arrives. */
  | 'request lost'
  /** It takes effect, and its answer never arrives. */
  | 'answer lost'
  /** It takes effect now; the answer goes on its way and arrives at a later step. */
  | 'answer delayed'
  /** A middlebox delivers it twice and passes on the second answer. */
  | 'delivered twice'
  | 'server error'
  | 'garbage';

interface Pending {
  replica: Replica;
  kind: 'store' | 'status' | 'redeem';
  settle(fate: Fate): void;
}

export interface Replica {
  id: number;
  alive: boolean;
  paused: boolean;
  skew: number;
  connections: Connections;
}

interface Timer {
  at: number;
  order: number;
  replica: Replica;
  callback: () => void;
}

interface Integration {
  flow: Flow;
  status: 'pending' | 'finished' | 'cancelled';
  /** The text that was given out, once. */
  issued?: string;
  /** Who got the text into memory. */
  holder?: Replica;
  /** Something happened that no proxy can mend: the answer vanished on the wire, or its holder died before it had saved it. */
  mayBeLost?: boolean;
  /** Heard by pollers. */
  heard: Set<string>;
}

/** Plain text with the row's key in front, so that a swapped row is still noticed. */
const plainVault: Vault = {
  seal: async (key, text) => `${key} ${text}`,
  async open(key, sealed) {
    if (!sealed.startsWith(`${key} `)) throw new UnreadableRow();
    return sealed.slice(key.length + 1);
  },
  isCurrent: async () => true,
  digest: async (text) => text,
};

const opened = <T>(row: StoredRow | undefined): T | null =>
  row ? (JSON.parse(row.value.slice(row.value.indexOf(' ') + 1)) as T) : null;

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/**
 * Several replicas of the proxy over one store and one Rulrr, in one process: each call that leaves a replica waits until
 * the schedule decides on its fate. Every write is checked against the invariants at the moment it is committed.
 */
export class World {
  readonly violations: string[] = [];
  readonly replicas: Replica[] = [];
  readonly integrations: Integration[] = [];
  now = Date.UTC(2026, 10, 24);
  private readonly rows = new Map<string, StoredRow>();
  private version = 0;
  private pending: Pending[] = [];
  private timers: Timer[] = [];
  private count = 0;
  private random = 1;

  static async create(replicas: number): Promise<World> {
    const world = new World();
    for (let id = 0; id < replicas; id++) world.replicas.push(world.replica(id));
    // Two sessions of one store and one of another; the last is never remembered, as if its row had vanished.
    for (const [index, storeId] of ['store-a', 'store-a', 'store-b'].entries()) {
      const flow: Flow = {
        flowId: `flow-${index}`,
        storeId,
        integrationToken: `integration-${index}`,
        startedAt: world.now,
        expiresAt: world.now + 30 * 60_000,
      };
      world.integrations.push({ flow, status: 'pending', heard: new Set() });
      if (index < 2) {
        const opening = world.replicas[0]!.connections.open(flow);
        await world.runWell();
        await opening;
      }
    }
    return world;
  }

  // ── What a schedule can do ──

  poll(replica: number, flow: number): void {
    const integration = this.integrations[flow % this.integrations.length]!;
    const target = this.pick(replica);
    const { storeId } = integration.flow;
    target.connections.check(integration.flow).then(
      (status) => target.alive && this.heard(integration, status),
      (error: unknown) => {
        if (!target.alive) return;
        if (!(error instanceof Refusal)) this.violate(`I0 check threw ${String(error)} for ${storeId}`);
        else if (error.code === 'tokens_lost') {
          integration.heard.add('lost');
          if (integration.status !== 'finished') this.violate('I5 lost, but never finished');
        }
      },
    );
  }

  finish(flow: number): void {
    const integration = this.integrations[flow % this.integrations.length]!;
    if (integration.status === 'pending') integration.status = 'finished';
  }

  cancel(flow: number): void {
    const integration = this.integrations[flow % this.integrations.length]!;
    if (integration.status === 'pending') integration.status = 'cancelled';
  }

  sweep(replica: number): void {
    this.pick(replica)
      .connections.sweep()
      .catch((error: unknown) => this.violate(`I0 sweep threw ${String(error)}`));
  }

  /** SIGKILL: nothing of the process goes on; what it had sent may still take effect. */
  crash(replica: number): void {
    const target = this.pick(replica);
    this.kill(target);
    this.replicas[this.replicas.indexOf(target)] = this.replica(target.id + 10);
  }

  /** SIGTERM in a rolling restart: a new process takes the requests, the old one drains and ends. */
  terminate(replica: number): void {
    const target = this.pick(replica);
    target.connections.close().then(
      () => this.kill(target),
      (error: unknown) => this.violate(`I0 close threw ${String(error)}`),
    );
    this.replicas[this.replicas.indexOf(target)] = this.replica(target.id + 10);
  }

  pause(replica: number): void {
    const target = this.pick(replica);
    target.paused = !target.paused;
  }

  jump(replica: number, hours: number): void {
    this.pick(replica).skew += hours * 3_600_000;
  }

  async step(which: number, fate: Fate): Promise<void> {
    const ready = this.pending.filter(({ replica }) => !replica.paused);
    const one = ready[which % Math.max(1, ready.length)];
    if (one) this.settle(one, fate);
    await turn();
  }

  /** Decides on a redeem call, if one is on its way. */
  async redeemed(which: number, fate: Fate): Promise<void> {
    const ready = this.pending.filter(({ kind, replica }) => kind === 'redeem' && !replica.paused);
    if (!ready.length) return this.step(which, 'well');
    this.settle(ready[which % ready.length]!, fate);
    await turn();
  }

  /** Lets `count` calls of the store and of status go well, in the order in which they were made. */
  async run(count: number): Promise<void> {
    for (let done = 0; done < count; done++) {
      const one = this.pending.find(({ kind, replica }) => kind !== 'redeem' && !replica.paused);
      if (!one) return;
      this.settle(one, 'well');
      await turn();
    }
  }

  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      let first: Timer | undefined;
      for (const timer of this.timers) {
        if (timer.at > end || timer.replica.paused) continue;
        if (!first || timer.at < first.at || (timer.at === first.at && timer.order < first.order)) first = timer;
      }
      if (!first) break;
      this.timers.splice(this.timers.indexOf(first), 1);
      this.now = Math.max(this.now, first.at);
      first.callback();
      await turn();
    }
    this.now = end;
  }

  /** Nothing fails any more: every session must come to rest, and every token in a live memory be stored. */
  async rest(): Promise<void> {
    for (const replica of this.replicas) replica.paused = false;
    for (const one of this.pending) one.replica.paused = false;
    for (const timer of this.timers) timer.replica.paused = false;
    for (let round = 0; round < 6; round++) {
      await this.runWell();
      for (const [flow, integration] of this.integrations.entries()) {
        if (integration.status === 'finished' && !this.isAtRest(integration)) this.poll(round, flow);
      }
      if (round === 2) this.sweep(round);
      await this.runWell();
      if (this.integrations.every((one) => this.isAtRest(one)) && this.drained()) break;
      // Longer than any lease, pause, or grace; a drain ends within.
      await this.passWell(100_000);
    }
    this.checkRest();
  }

  // ── The invariants ──

  private heard(integration: Integration, status: FlowStatus): void {
    integration.heard.add(status.status);
    if (status.status === 'cancelled' && integration.status !== 'cancelled')
      this.violate('I7 cancelled, but it was not');
    if (status.status === 'finished') {
      if (integration.status !== 'finished') this.violate('I5 finished, but the merchant was not');
      const row = opened<ConnectionRow>(this.rows.get(`store/${integration.flow.storeId}`));
      const order = opened<FlowRow>(this.rows.get(`flow/${integration.flow.flowId}`))?.order ?? 0;
      if (!row?.pair || row.pair.order < order) this.violate('I3 finished was said before the tokens were stored');
      if (!status.connection.connected) this.violate('I3 finished without a connection');
    }
  }

  private committed(key: string, before: StoredRow | undefined, after: StoredRow | undefined): void {
    if (key.startsWith('store/')) {
      const [old, now] = [opened<ConnectionRow>(before), opened<ConnectionRow>(after)];
      if (old?.pair && !now?.pair) return this.violate('I4 a stored pair went away');
      if (!now?.pair) return;
      const owner = this.integrations.find(({ flow }) => flow.flowId === now.pair!.flowId);
      if (owner?.flow.storeId !== now.storeId || !owner.issued?.includes(now.pair.accessToken)) {
        this.violate('I6 a pair stands with another store than the one that started');
      }
      if (old?.pair && old.pair.accessToken !== now.pair.accessToken && old.pair.order >= now.pair.order) {
        this.violate('I2 a stored pair was replaced by one that is not newer');
      }
      return;
    }
    const [old, now] = [opened<FlowRow>(before), opened<FlowRow>(after)];
    if (!old) return;
    const { state } = old;
    if (state === 'stored' && now?.state !== 'stored')
      this.violate(`I4 stored went back to ${now?.state ?? 'nothing'}`);
    if (state === 'answered' && old.raw?.includes('accessToken') && now?.state !== 'stored' && now?.raw !== old.raw) {
      this.violate(`I4 a saved answer went to ${now?.state ?? 'nothing'}`);
    }
    if (now && now.storeId !== old.storeId) this.violate('I6 a session changed its store');
  }

  /** The tokens, not just any answer: what a portal on the way made up may stand in the row while they are still in memory. */
  private isSaved({ flow }: Integration): boolean {
    const row = opened<FlowRow>(this.rows.get(`flow/${flow.flowId}`));
    return row?.state === 'stored' || (row?.state === 'answered' && !!row.raw?.includes(`"access of ${flow.flowId}"`));
  }

  private isAtRest(integration: Integration): boolean {
    if (integration.status !== 'finished') return true;
    const row = opened<FlowRow>(this.rows.get(`flow/${integration.flow.flowId}`));
    if (row?.state === 'stored' || row?.state === 'lost') return true;
    const pair = opened<ConnectionRow>(this.rows.get(`store/${integration.flow.storeId}`))?.pair;
    return pair !== undefined && row !== null && pair.order > row.order;
  }

  /** Nothing is on its way, and nobody who lives still waits to try again to save what he has. */
  private drained(): boolean {
    return this.pending.length === 0 && this.integrations.every((one) => !one.holder?.alive || this.isSaved(one));
  }

  private checkRest(): void {
    for (const integration of this.integrations) {
      const { flow, issued, mayBeLost, status } = integration;
      const row = opened<FlowRow>(this.rows.get(`flow/${flow.flowId}`));
      const pair = opened<ConnectionRow>(this.rows.get(`store/${flow.storeId}`))?.pair;
      if (status !== 'finished') {
        if (issued !== undefined) this.violate('I5 redeemed without being finished');
        continue;
      }
      if (!this.isAtRest(integration))
        this.violate(`I8 ${flow.flowId} did not come to rest: ${row?.state ?? 'no row'}`);
      const stored = pair && (pair.flowId === flow.flowId || pair.order > (row?.order ?? 0));
      if (!stored && !mayBeLost)
        this.violate(`I1 ${flow.flowId} is not stored (${row?.state}), and nothing was lost on the way`);
      // Whatever else went wrong: who got the answer and lives has to have stored it.
      if (!stored && integration.holder?.alive) this.violate('I1 a pair in live memory was not stored');
    }
  }

  /** How it ended, to see that the schedules reach what they are meant to reach. */
  ends(): string[] {
    return this.integrations.map(({ flow, status }) => {
      if (status !== 'finished') return status;
      const row = opened<FlowRow>(this.rows.get(`flow/${flow.flowId}`));
      if (row?.state !== 'stored') return row?.state === 'lost' ? 'lost' : 'superseded unasked';
      const pair = opened<ConnectionRow>(this.rows.get(`store/${flow.storeId}`))?.pair;
      if (pair?.flowId !== flow.flowId) return 'superseded';
      return row.attempts > 1 ? 'stored after more than one call' : 'stored';
    });
  }

  private violate(what: string): void {
    this.violations.push(what);
  }

  // ── The parts ──

  private kill(target: Replica): void {
    target.alive = false;
    this.timers = this.timers.filter((timer) => timer.replica !== target);
    for (const integration of this.integrations) {
      if (integration.holder === target && !this.isSaved(integration)) integration.mayBeLost = true;
    }
  }

  private pick(replica: number): Replica {
    return this.replicas[replica % this.replicas.length]!;
  }

  private settle(one: Pending, fate: Fate): void {
    this.pending.splice(this.pending.indexOf(one), 1);
    one.settle(fate);
  }

  private async runWell(): Promise<void> {
    await turn();
    while (this.pending.length) {
      for (const one of [...this.pending]) if (this.pending.includes(one)) this.settle(one, 'well');
      await turn();
    }
  }

  private async passWell(ms: number): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      const next = this.timers.reduce((least, { at }) => Math.min(least, at), Infinity);
      if (next > end) break;
      await this.pass(Math.max(0, next - this.now));
      await this.runWell();
    }
    this.now = end;
  }

  private replica(id: number): Replica {
    const replica = { id, alive: true, paused: false, skew: 0 } as Replica;
    replica.connections = createConnections({
      api: this.api(replica) as unknown as RulrrApi,
      store: this.store(replica),
      keys: ['not used'],
      vault: plainVault,
      clock: {
        now: () => this.now + replica.skew,
        after: (ms, callback) => {
          const timer: Timer = { at: this.now + Math.max(0, ms), order: this.count++, replica, callback };
          if (replica.alive) this.timers.push(timer);
          return () => {
            const index = this.timers.indexOf(timer);
            if (index >= 0) this.timers.splice(index, 1);
          };
        },
        random: () => (this.random = (this.random * 16807) % 2147483647) / 2147483647,
      },
      emit: () => undefined,
    });
    return replica;
  }

  private call<T>(
    replica: Replica,
    kind: Pending['kind'],
    work: (fate: Fate, resolve: (value: T) => void, reject: (error: Error) => void) => void,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (!replica.alive) return;
      const settle = (fate: Fate) => {
        // A process that was killed hears nothing; what it sent may have taken effect.
        const ifAlive =
          <V>(tell: (value: V) => void) =>
          (value: V) => {
            if (replica.alive) tell(value);
          };
        work(fate, ifAlive(resolve), ifAlive(reject));
      };
      this.pending.push({ replica, kind, settle });
    });
  }

  private later(replica: Replica, kind: Pending['kind'], deliver: (fate: Fate) => void): void {
    this.pending.push({ replica, kind, settle: deliver });
  }

  private store(replica: Replica): TokenStore {
    const call = <T>(effect: () => T) =>
      this.call<T>(replica, 'store', (fate, resolve, reject) => {
        if (fate === 'request lost' || fate === 'server error') return reject(new Error('The store did not answer.'));
        const result = effect();
        if (fate === 'answer lost' || fate === 'garbage')
          return reject(new Error('The store failed after its commit.'));
        if (fate === 'answer delayed') return this.later(replica, 'store', () => resolve(result));
        resolve(result);
      });
    return {
      get: (key) => call(() => (this.rows.has(key) ? { ...this.rows.get(key)! } : null)),
      put: (key, value, { ifVersion }) =>
        call(() => {
          const before = this.rows.get(key);
          if ((before?.version ?? null) !== ifVersion)
            return { ok: false as const, current: before ? { ...before } : null };
          const after = { value, version: ++this.version };
          this.rows.set(key, after);
          this.committed(key, before, after);
          return { ok: true as const, version: after.version };
        }),
      delete: (key, condition) =>
        call(() => {
          const before = this.rows.get(key);
          if (!before || (condition?.ifVersion !== undefined && condition.ifVersion !== before.version)) return false;
          this.rows.delete(key);
          this.committed(key, before, undefined);
          return true;
        }),
      list: (prefix, page) =>
        call(() =>
          [...this.rows.keys()]
            .filter((key) => key.startsWith(prefix) && (page?.after === undefined || key > page.after))
            .sort()
            .slice(0, page?.limit ?? 1000),
        ),
      close: async () => {},
    };
  }

  private api(replica: Replica): Pick<RulrrApi, 'getIntegrationStatus' | 'retrieveTokens' | 'refreshTokens'> {
    const byToken = (token: string) => this.integrations.find(({ flow }) => flow.integrationToken === token)!;
    const failed = (fate: Fate, name: string): RulrrApiError => {
      if (fate === 'server error') return new RulrrApiError(name, 'server_error', { status: 503, sent: 'answered' });
      if (fate === 'request lost') return new RulrrApiError(name, 'unreachable', { sent: 'no' });
      return new RulrrApiError(name, 'connection_lost', { sent: 'unclear' });
    };
    return {
      getIntegrationStatus: (token) =>
        this.call(replica, 'status', (fate, resolve, reject) => {
          const { status } = byToken(token);
          if (fate === 'well' || fate === 'delivered twice') return resolve({ status });
          if (fate === 'answer delayed') return this.later(replica, 'status', () => resolve({ status }));
          reject(failed(fate, 'getIntegrationStatus'));
        }),
      retrieveTokens: (token, options) => {
        const integration = byToken(token);
        const answer = new Promise<string>((resolve, reject) => {
          void this.call<string>(replica, 'redeem', (fate, give, refuse) => {
            if (fate === 'request lost' || fate === 'server error') return refuse(failed(fate, 'retrieveTokens'));
            // A portal on the way answers with a page of its own; Rulrr sees nothing.
            if (fate === 'garbage') return give('<html>Sign in to the network</html>');
            const first = this.redeem(integration);
            const heard = fate === 'delivered twice' ? this.redeem(integration) : first;
            if (fate === 'delivered twice' && first !== null) integration.mayBeLost = true;
            const deliver = (late: Fate) => {
              if (late !== 'well' && late !== 'answer delayed' && late !== 'server error') {
                if (heard !== null) integration.mayBeLost = true;
                return refuse(failed('answer lost', 'retrieveTokens'));
              }
              if (heard === null) {
                return refuse(
                  new RulrrApiError('retrieveTokens', 'already_retrieved', { status: 410, sent: 'answered' }),
                );
              }
              // Whoever is dead by now hears nothing.
              if (!replica.alive) {
                integration.mayBeLost = true;
                return;
              }
              integration.holder = replica;
              give(heard);
            };
            if (fate === 'answer delayed') return this.later(replica, 'redeem', deliver);
            deliver(fate === 'answer lost' ? 'answer lost' : 'well');
          }).then(resolve, reject);
        });
        return answer.then(async (text) => {
          await options?.onRawAnswer?.(text);
          if (!text.startsWith('{'))
            throw new RulrrApiError('retrieveTokens', 'bad_answer', { status: 200, sent: 'unclear' });
          return JSON.parse(text);
        });
      },
      refreshTokens: async () => {
        throw new RulrrApiError('refreshTokens', 'forbidden', { status: 403, sent: 'answered' });
      },
    };
  }

  /** The one-time token, truly one-time. */
  private redeem(integration: Integration): string | null {
    if (integration.status !== 'finished') {
      this.violate(`I5 a redeem call for a session that is ${integration.status}`);
      return null;
    }
    if (integration.issued !== undefined) return null;
    integration.issued = JSON.stringify({
      success: true,
      accessToken: `access of ${integration.flow.flowId}`,
      refreshToken: `refresh of ${integration.flow.flowId}`,
      expiration: '2027-11-24T00:00:00.000Z',
      ereceipt: true,
    });
    return integration.issued;
  }
}
