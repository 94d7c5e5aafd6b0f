import { RulrrApiError, type RulrrApi } from '../../../src/api/index.js';
import { createConnections, type Connections } from '../../../src/proxy/connections.js';
import type { Flow } from '../../../src/proxy/flow.js';
import { Refusal } from '../../../src/proxy/refusal.js';
import type { ConnectionRow, FlowRow } from '../../../src/proxy/rows.js';
import type { StoredRow, TokenStore } from '../../../src/proxy/stores/token-store.js';
import { UnreadableRow, type Vault } from '../../../src/proxy/vault.js';
import type { Clock } from '../../../src/shared/clock.js';

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
  | 'garbage'
  /** As over a connection whose other side is gone: nobody hears of it again, and nothing came of it. */
  | 'hangs'
  /** So it looks, but it takes effect at a later step, however long its caller has given it up. */
  | 'effect delayed';

export const mishaps: readonly Fate[] = [
  'request lost',
  'answer lost',
  'answer delayed',
  'delivered twice',
  'server error',
  'garbage',
  'hangs',
  'effect delayed',
];

interface Pending {
  replica: Replica;
  /** `token`: a call that answers once, with tokens; `use`: a call with an access token. */
  kind: 'store' | 'status' | 'token' | 'use';
  /** Which call for tokens it belongs to. */
  of?: object;
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
  /** Whose timer it is; none if it is one of the world's own. */
  replica?: Replica;
  callback: () => void;
}

/** Tokens that Rulrr gave out, once. */
export interface Issue {
  access: string;
  text: string;
  /** Who asked for them. */
  caller: Replica;
  /** When the caller got them into memory. */
  heldSince?: number;
  /** They have stood in the store. */
  saved?: boolean;
  /** Something happened that no proxy can mend: the answer vanished on the wire, or its caller died before it had saved it. */
  lost?: boolean;
}

export interface Integration {
  flow: Flow;
  status: 'pending' | 'finished' | 'cancelled';
  hasFinished?: boolean;
  issued?: Issue;
  /** Heard by pollers. */
  heard: Set<string>;
}

export const opened = <T>(row: StoredRow | undefined): T | null =>
  row ? (JSON.parse(row.value.slice(row.value.indexOf(' ') + 1)) as T) : null;

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/**
 * Several replicas of the proxy over one store and one Rulrr, in one process: each call that leaves a replica waits until
 * the schedule decides on its fate. Every write is shown to `committed` at the moment it takes effect.
 */
export abstract class ReplicatedWorld {
  readonly violations: string[] = [];
  readonly replicas: Replica[] = [];
  readonly integrations: Integration[] = [];
  now = Date.UTC(2026, 10, 24);
  protected readonly rows = new Map<string, StoredRow>();
  protected pending: Pending[] = [];
  private readonly issues: Issue[] = [];
  private version = 0;
  private timers: Timer[] = [];
  private count = 0;
  private random = 1;
  private rotates = false;
  /** Plain text with the row's key in front, so that a swapped row is still noticed. */
  protected readonly vault: Vault = {
    seal: async (key, text) => `${key} ${text}`,
    async open(key, sealed) {
      if (!sealed.startsWith(`${key} `)) throw new UnreadableRow();
      return sealed.slice(key.length + 1);
    },
    isCurrent: async () => !this.rotates,
    digest: async (text) => text,
  };

  // ── What a schedule can do ──

  finish(flow: number): void {
    const integration = this.integrationAt(flow);
    if (integration.status !== 'pending') return;
    integration.status = 'finished';
    integration.hasFinished = true;
  }

  cancel(flow: number): void {
    const integration = this.integrationAt(flow);
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
    this.succeed(target);
  }

  /** SIGTERM in a rolling restart: a new process takes the requests, the old one drains and ends. */
  terminate(replica: number): void {
    const target = this.pick(replica);
    target.connections.close().then(
      () => this.kill(target),
      (error: unknown) => this.violate(`I0 close threw ${String(error)}`),
    );
    this.succeed(target);
  }

  /** Seals every row anew: from now on, each run of it and each look through all stores finds them sealed with an older key. */
  rotate(replica: number): void {
    this.rotates = true;
    this.pick(replica)
      .connections.rotate()
      .catch((error: unknown) => this.onlyRefusals(error));
  }

  pause(replica: number): void {
    const target = this.pick(replica);
    target.paused = !target.paused;
  }

  jump(replica: number, ms: number): void {
    this.pick(replica).skew += ms;
  }

  async step(which: number, fate: Fate): Promise<void> {
    const ready = this.pending.filter(({ replica }) => !replica.paused);
    const one = ready[which % Math.max(1, ready.length)];
    if (one) this.settle(one, fate);
    await turn();
  }

  /** Decides on a call for tokens, if one is on its way. */
  async answered(which: number, fate: Fate): Promise<void> {
    const ready = this.pending.filter(({ kind, replica }) => kind === 'token' && !replica.paused);
    if (!ready.length) return this.step(which, 'well');
    this.settle(ready[which % ready.length]!, fate);
    await turn();
  }

  /** Lets `count` calls, but none for tokens, go well, in the order in which they were made. */
  async run(count: number): Promise<void> {
    for (let done = 0; done < count; done++) {
      const one = this.pending.find(({ kind, replica }) => kind !== 'token' && !replica.paused);
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
        if (timer.at > end || timer.replica?.paused) continue;
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

  protected onlyRefusals(error: unknown): void {
    if (!(error instanceof Refusal)) this.violate(`I0 threw ${String(error)}`);
  }

  // ── What a world is about ──

  protected abstract committed(key: string, before: StoredRow | undefined, after: StoredRow | undefined): void;

  /** What Rulrr answers to a refresh token. */
  protected abstract refresh(refreshToken: string, caller: Replica): Issue | RulrrApiError;

  /** A call with an access token. */
  protected abstract getStore(accessToken: string | undefined, replica: Replica): ReturnType<RulrrApi['getStore']>;

  /** The tokens of a session that has finished. */
  protected give({ flow }: Integration, caller: Replica): Issue {
    return this.issue(`access of ${flow.flowId}`, `refresh of ${flow.flowId}`, caller, 365 * 86_400_000);
  }

  /** How long a call for tokens stands at most (ms). */
  protected readonly patience: number = Infinity;

  protected integrationAt(index: number): Integration {
    return this.integrations[index % this.integrations.length]!;
  }

  // ── The parts ──

  protected violate(what: string): void {
    this.violations.push(what);
  }

  protected flow(flowId: string): FlowRow | null {
    return opened<FlowRow>(this.rows.get(`flow/${flowId}`));
  }

  protected connection(storeId: string): ConnectionRow | null {
    return opened<ConnectionRow>(this.rows.get(`store/${storeId}`));
  }

  protected kill(target: Replica): void {
    target.alive = false;
    this.timers = this.timers.filter((timer) => timer.replica !== target);
    for (const issue of this.issues) if (issue.caller === target && !issue.saved) issue.lost = true;
  }

  protected succeed(target: Replica): void {
    this.replicas[this.replicas.indexOf(target)] = this.replica(target.id + 10, target.skew);
  }

  protected pick(replica: number): Replica {
    return this.replicas[replica % this.replicas.length]!;
  }

  protected resume(): void {
    for (const replica of this.replicas) replica.paused = false;
    for (const one of this.pending) one.replica.paused = false;
    for (const timer of this.timers) if (timer.replica) timer.replica.paused = false;
  }

  private settle(one: Pending, fate: Fate): void {
    this.pending.splice(this.pending.indexOf(one), 1);
    // Of all calls, only those to a store have no time limit of their own.
    const ends = { hangs: 'request lost', 'effect delayed': 'answer lost' } as const;
    one.settle(one.kind !== 'store' && fate in ends ? ends[fate as keyof typeof ends] : fate);
  }

  /** Nobody who lives still waits to try again to save what it has. */
  protected unsaved(): boolean {
    return this.issues.some(({ caller, heldSince, saved }) => heldSince !== undefined && caller.alive && !saved);
  }

  protected async runWell(isMeant: (one: Pending) => boolean = () => true): Promise<void> {
    await turn();
    for (;;) {
      const meant = this.pending.filter(isMeant);
      if (!meant.length) return;
      for (const one of meant) if (this.pending.includes(one)) this.settle(one, 'well');
      await turn();
    }
  }

  protected async passWell(ms: number, isMeant?: (one: Pending) => boolean): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      const next = this.timers.reduce((least, { at }) => Math.min(least, at), Infinity);
      if (next > end) break;
      await this.pass(Math.max(0, next - this.now));
      await this.runWell(isMeant);
    }
    this.now = end;
  }

  protected after(ms: number, callback: () => void, replica?: Replica): () => void {
    const timer: Timer = {
      at: this.now + Math.max(0, ms),
      order: this.count++,
      replica,
      callback,
    };
    if (replica?.alive !== false) this.timers.push(timer);
    return () => {
      const index = this.timers.indexOf(timer);
      if (index >= 0) this.timers.splice(index, 1);
    };
  }

  protected clockOf(replica: Replica): Clock {
    return {
      now: () => this.now + replica.skew,
      after: (ms, callback) => this.after(ms, callback, replica),
      random: () => (this.random = (this.random * 16807) % 2147483647) / 2147483647,
    };
  }

  protected replica(id: number, skew = 0): Replica {
    const replica = { id, alive: true, paused: false, skew } as Replica;
    replica.connections = createConnections({
      api: this.api(replica) as RulrrApi,
      store: this.store(replica),
      keys: ['not used'],
      vault: this.vault,
      clock: this.clockOf(replica),
      emit: () => undefined,
    });
    return replica;
  }

  protected call<T>(
    replica: Replica,
    kind: Pending['kind'],
    work: (fate: Fate, resolve: (value: T) => void, reject: (error: Error) => void) => void,
    of?: object,
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
      this.pending.push({ replica, kind, of, settle });
    });
  }

  private later(replica: Replica, kind: Pending['kind'], deliver: (fate: Fate) => void, of?: object): void {
    this.pending.push({ replica, kind, of, settle: deliver });
  }

  protected store(replica: Replica): TokenStore {
    const call = <T>(effect: () => T) =>
      this.call<T>(replica, 'store', (fate, resolve, reject) => {
        if (fate === 'request lost' || fate === 'server error') return reject(new Error('The store did not answer.'));
        if (fate === 'hangs') return;
        if (fate === 'effect delayed') return this.later(replica, 'store', () => void effect());
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
            return {
              ok: false as const,
              current: before ? { ...before } : null,
            };
          const after = { value, version: ++this.version };
          this.rows.set(key, after);
          for (const issue of this.issues) if (!issue.saved) issue.saved = value.includes(issue.access);
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

  private api(replica: Replica, accessToken?: string): Partial<RulrrApi> {
    const byToken = (token: string) => this.integrations.find(({ flow }) => flow.integrationToken === token)!;
    return {
      getIntegrationStatus: (token) =>
        this.call(replica, 'status', (fate, resolve, reject) => {
          const { status } = byToken(token);
          if (fate === 'well' || fate === 'delivered twice') return resolve({ status });
          if (fate === 'answer delayed') return this.later(replica, 'status', () => resolve({ status }));
          reject(failed(fate, 'getIntegrationStatus'));
        }),
      retrieveTokens: (token, options) =>
        this.tokens(replica, 'retrieveTokens', () => this.redeem(byToken(token), replica), options),
      refreshTokens: (token, options) =>
        this.tokens(replica, 'refreshTokens', () => this.refresh(token, replica), options),
      withAccessToken: (token) => this.api(replica, token) as RulrrApi,
      getStore: () => this.getStore(accessToken, replica),
    };
  }

  /** A call that Rulrr answers once. */
  private async tokens(
    replica: Replica,
    name: string,
    serve: () => Issue | RulrrApiError,
    options?: { onRawAnswer?: (raw: string) => Promise<void> | void },
  ) {
    const of = {};
    if (this.patience < Infinity) {
      this.after(this.patience, () => {
        const standing = this.pending.find((one) => one.of === of);
        if (standing) this.settle(standing, 'answer lost');
      });
    }
    const work = (fate: Fate, give: (text: string) => void, refuse: (error: Error) => void) => {
      if (fate === 'request lost' || fate === 'server error') return refuse(failed(fate, name));
      // A portal on the way answers with a page of its own; Rulrr sees nothing.
      if (fate === 'garbage') return give('<html>Sign in to the network</html>');
      let heard = serve();
      if (fate === 'delivered twice') {
        if ('access' in heard) heard.lost = true;
        heard = serve();
      }
      const deliver = (late: Fate) => {
        const arrives = late === 'well' || late === 'answer delayed' || late === 'server error';
        // Whoever is dead by now hears nothing.
        if ('access' in heard && !(arrives && replica.alive)) heard.lost = true;
        if (!arrives) return refuse(failed('answer lost', name));
        if (!('access' in heard)) return refuse(heard);
        if (replica.alive) heard.heldSince = this.now;
        give(heard.text);
      };
      if (fate === 'answer delayed') return this.later(replica, 'token', deliver, of);
      deliver(fate === 'answer lost' ? 'answer lost' : 'well');
    };
    const text = await this.call<string>(replica, 'token', work, of);
    await options?.onRawAnswer?.(text);
    if (!text.startsWith('{'))
      throw new RulrrApiError(name, 'bad_answer', {
        status: 200,
        sent: 'unclear',
      });
    return JSON.parse(text);
  }

  /** The one-time token, truly one-time. */
  private redeem(integration: Integration, caller: Replica): Issue | RulrrApiError {
    const { status, hasFinished, issued } = integration;
    if (!hasFinished) this.violate(`I5 a redeem call for a session that is ${status}`);
    if (!hasFinished || issued) {
      return new RulrrApiError('retrieveTokens', 'already_retrieved', {
        status: 410,
        sent: 'answered',
      });
    }
    return (integration.issued = this.give(integration, caller));
  }

  protected issue(access: string, refreshToken: string, caller: Replica, life: number): Issue {
    const text = JSON.stringify({
      success: true,
      accessToken: access,
      refreshToken,
      expiration: new Date(this.now + life).toISOString(),
      ereceipt: true,
    });
    const issue: Issue = { access, text, caller };
    this.issues.push(issue);
    return issue;
  }
}

/** How a call fails that did not go well. */
export function failed(fate: Fate, name: string): RulrrApiError {
  if (fate === 'server error')
    return new RulrrApiError(name, 'server_error', {
      status: 503,
      sent: 'answered',
    });
  if (fate === 'request lost') return new RulrrApiError(name, 'unreachable', { sent: 'no' });
  return new RulrrApiError(name, 'connection_lost', { sent: 'unclear' });
}
