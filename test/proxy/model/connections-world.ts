import { RulrrApiError, type RulrrApi } from '../../../src/api/index.js';
import type { Flow } from '../../../src/proxy/flow.js';
import type { Refusal } from '../../../src/proxy/refusal.js';
import type { ConnectionRow, FlowRow } from '../../../src/proxy/rows.js';
import type { StoredRow } from '../../../src/proxy/stores/token-store.js';
import { failed, opened, ReplicatedWorld, type Integration, type Issue, type Replica } from './replicated-world.js';

/** A session, and the family of tokens that comes from it. */
interface Session extends Integration {
  /** When its start began and ended, as `moment` counts. */
  began: number;
  started?: number;
  /** By a disconnect that was confirmed after it had started. */
  ended?: boolean;
  /** A disconnect was on its way beside it, or after it, whether or not it was confirmed. */
  mayHaveEnded?: boolean;
  /** All tokens that Rulrr gave out for it, in their order, and what each refresh token brought. */
  given: Issue[];
  used: Map<string, Issue>;
  refreshToken?: string;
  /** The access tokens that Rulrr takes. */
  access: Set<string>;
  revoked?: boolean;
}

const storeId = 'store-a';
const hourMs = 3_600_000;
const lifeMs = 2 * hourMs;
/** How long a living replica may need to save an answer before it is the store that is to blame. */
const savedWithinMs = 60_000;
const maxSessions = 5;

/**
 * The connection of one store over the years: merchants connect and disconnect, tills call, tokens end and are refreshed. Rulrr rotates
 * refresh tokens as strictly as RFC 9700 (section 4.14.2) has it: one that is shown again ends its whole family.
 */
export class ConnectionsWorld extends ReplicatedWorld {
  declare readonly integrations: Session[];
  /** What happened, to see that the schedules reach what they are meant to reach. */
  readonly happened = new Set<string>();
  /** The longest that the client can be told to wait. */
  protected override readonly patience = 600_000;
  private readonly keepsOldAccess: boolean;
  private readonly disconnects = new Set<{ replica: Replica }>();
  private moment = 0;

  private constructor(keepsOldAccess: boolean) {
    super();
    this.keepsOldAccess = keepsOldAccess;
  }

  /**
   * Replicas over a store that is connected, whose tokens are about to be refreshed, and whose merchant is about to connect anew.
   * @param skews by how much each replica's clock is off (ms)
   */
  static async create(skews: number[], keepsOldAccess: boolean): Promise<ConnectionsWorld> {
    const world = new ConnectionsWorld(keepsOldAccess);
    for (const [id, skew] of skews.entries()) world.replicas.push(world.replica(id, skew));
    world.connect(0);
    await world.runWell();
    world.finish(0);
    world.poll(0, 0);
    await world.runWell();
    await world.passWell(0.91 * lifeMs);
    world.connect(0);
    await world.runWell();
    return world;
  }

  // ── What a schedule can do ──

  connect(replica: number): void {
    const index = this.integrations.length;
    if (index === maxSessions) return;
    const flow: Flow = {
      flowId: `flow-${index}`,
      storeId,
      integrationToken: `integration-${index}`,
      startedAt: this.now,
      expiresAt: this.now + hourMs / 2,
    };
    const session: Session = {
      flow,
      status: 'pending',
      heard: new Set(),
      began: ++this.moment,
      mayHaveEnded: this.disconnects.size > 0,
      given: [],
      used: new Map(),
      access: new Set(),
    };
    this.integrations.push(session);
    const target = this.pick(replica);
    target.connections.open(flow).then(
      () => {
        session.started = ++this.moment;
      },
      (error: unknown) => this.onlyRefusals(error),
    );
  }

  poll(replica: number, which: number): void {
    const session = this.integrationAt(which);
    if (!session.started) return;
    this.pick(replica)
      .connections.check(session.flow)
      .then(
        ({ status }) => session.heard.add(status),
        (error: unknown) => {
          this.onlyRefusals(error);
          session.heard.add((error as Refusal).code);
        },
      );
  }

  override finish(which: number): void {
    const pending = this.integrations.filter(({ started, status }) => started && status === 'pending');
    if (pending.length) super.finish(this.integrations.indexOf(pending[which % pending.length]!));
  }

  /** In a second window, the merchant may give up what was finished in the first. */
  override cancel(which: number): void {
    const session = this.integrationAt(which);
    if (session.started) session.status = 'cancelled';
  }

  disconnect(replica: number): void {
    const target = this.pick(replica);
    const before = this.integrations.filter(({ started }) => started);
    for (const session of this.integrations) session.mayHaveEnded = true;
    const disconnect = { replica: target };
    this.disconnects.add(disconnect);
    target.connections.forget(storeId).then(
      () => {
        this.disconnects.delete(disconnect);
        for (const session of before) session.ended = true;
        this.happened.add('disconnected');
        this.checkDisconnected(this.connection(storeId));
      },
      (error: unknown) => {
        this.disconnects.delete(disconnect);
        this.onlyRefusals(error);
      },
    );
  }

  /** A call of the store's, which resolves with true if it went well. */
  use(replica: number): Promise<boolean> {
    return this.pick(replica)
      .connections.forStore(storeId)
      .then((api) => api.getStore())
      .then(
        () => true,
        (error: unknown) => {
          if (!(error instanceof RulrrApiError)) this.onlyRefusals(error);
          return false;
        },
      );
  }

  /** Rulrr ends the newest access token before its time. */
  revoke(): void {
    const access = this.integrations.findLast(({ access }) => access.size)?.access;
    if (access) access.delete([...access].at(-1)!);
  }

  /** Time in which all goes well. */
  async calm(ms: number): Promise<void> {
    await this.runWell();
    await this.passWell(ms);
  }

  /** Time in which all goes well but the calls for tokens, which stand. */
  async wait(ms: number): Promise<void> {
    const isMeant = ({ kind }: { kind: string }) => kind !== 'token';
    await this.runWell(isMeant);
    await this.passWell(ms, isMeant);
  }

  /** Nothing fails any more: for some minutes, and then for longer than any pause. */
  async rest(): Promise<void> {
    for (const session of this.integrations) session.heard.clear();
    for (const ms of [100_000, 100_000, 7 * hourMs, 7 * hourMs]) {
      await this.runWell();
      for (const replica of this.replicas.keys()) {
        void this.use(replica);
        this.sweep(replica);
      }
      for (const which of this.integrations.keys()) this.poll(which, which);
      await this.runWell();
      await this.passWell(ms);
    }
    let works = 0;
    for (const replica of this.replicas.keys()) void this.use(replica).then((well) => (works += well ? 1 : 0));
    await this.runWell();
    await this.passWell(100_000);
    this.checkRest(works === this.replicas.length);
  }

  // ── The invariants ──

  protected committed(key: string, before: StoredRow | undefined, after: StoredRow | undefined): void {
    if (key.startsWith('flow/')) return this.madeAnew(opened<FlowRow>(before), opened<FlowRow>(after));
    if (!key.startsWith('store/')) return;
    const [old, now] = [opened<ConnectionRow>(before), opened<ConnectionRow>(after)];
    if (!now?.pair) return;
    const owner = this.sessionOf(now.pair.flowId);
    for (const pair of [now.pair, now.previous]) {
      if (pair && !owner.given.some(({ access }) => access === pair.accessToken)) {
        this.violate(`C4 ${pair.accessToken} stands in the connection of ${owner.flow.flowId}`);
      }
    }
    this.checkDisconnected(now);
    const replaced = old?.pair && this.sessionOf(old.pair.flowId);
    if (replaced && replaced !== owner && owner.started! < replaced.began) {
      this.violate(`C2 ${replaced.flow.flowId} was replaced by ${owner.flow.flowId}, which is older`);
    }
    this.note(old, now);
  }

  /**
   * Let go of where it was given up, and made anew by a replica that had heard just before that it is finished: nobody remembers its place,
   * so it may be newer than it was.
   */
  private madeAnew(old: FlowRow | null, now: FlowRow | null): void {
    if (old || now!.state !== 'open' || now!.attempts) return;
    const session = this.sessionOf(now!.flowId);
    if (!session.started) return;
    session.started = ++this.moment;
    session.ended = false;
    session.mayHaveEnded = true;
  }

  private checkDisconnected(row: ConnectionRow | null): void {
    const flowId = row?.pair?.flowId;
    if (flowId && this.sessionOf(flowId).ended) this.violate(`C3 ${flowId} stands after a disconnect`);
  }

  private checkRest(works: boolean): void {
    const row = this.connection(storeId);
    const owner = row?.pair && this.sessionOf(row.pair.flowId);
    for (const session of this.integrations) {
      const { flow, issued, started, status, hasFinished, heard, began, mayHaveEnded } = session;
      if (!started) continue;
      const state = this.flow(flow.flowId)?.state;
      // One that was given up after it was finished may stay for the sake of an answer that could not be read.
      const mayStay = hasFinished && status === 'cancelled';
      if (state === 'answered' || (state === 'open' && !mayStay)) this.violate(`C5 ${flow.flowId} is still ${state}`);
      const ends = ['finished', 'cancelled', 'expired', 'tokens_lost'];
      if (status !== 'pending' && !ends.some((end) => heard.has(end))) {
        this.violate(`C5 no end of ${flow.flowId} was heard, but ${[...heard].join()}`);
      }
      const isNewer = owner ? owner.started! < began : !mayHaveEnded;
      if (issued && !issued.lost && !mayHaveEnded && isNewer) {
        this.violate(`C2 the tokens of ${flow.flowId} do not stand, but ${owner?.flow.flowId}`);
      }
    }
    if (!owner || owner.revoked || owner.given.some(({ lost }) => lost)) return;
    const held = [row.pair!.refreshToken, row.previous?.refreshToken];
    if (!held.includes(owner.refreshToken)) this.violate(`C2 ${owner.refreshToken} was given out last, ${held} stand`);
    if (!works) this.violate(`C2 no call works with ${row.pair!.accessToken}`);
  }

  private note(old: ConnectionRow | null, now: ConnectionRow): void {
    if (!old?.pair) return;
    if (old.pair.flowId !== now.pair!.flowId) this.happened.add('connected anew');
    else if (now.pair!.generation > old.pair.generation) this.happened.add('refreshed');
    else if (now.pair!.generation < old.pair.generation) this.happened.add('reverted');
    if (now.forcedAt !== old.forcedAt) this.happened.add('refreshed after a refusal');
  }

  // ── Rulrr ──

  protected refresh(refreshToken: string, caller: Replica): Issue | RulrrApiError {
    const session = this.integrations.find(
      ({ used, refreshToken: last }) => used.has(refreshToken) || last === refreshToken,
    )!;
    const used = session.used.get(refreshToken);
    if (used) {
      const { lost, saved, heldSince } = used;
      const onlyInMemory = !saved && heldSince !== undefined && this.now - heldSince >= savedWithinMs;
      if (!lost && !onlyInMemory) this.violate(`C1 ${refreshToken} was used again, though its answer was not lost`);
      this.happened.add('revoked');
      session.revoked = true;
      session.access.clear();
    }
    if (session.revoked) return forbidden('refreshTokens');
    const issue = this.give(session, caller);
    session.used.set(refreshToken, issue);
    return issue;
  }

  protected override give(session: Session, caller: Replica): Issue {
    const { given, access, flow } = session;
    session.refreshToken = `refresh ${given.length} of ${flow.flowId}`;
    const issue = this.issue(`access ${given.length} of ${flow.flowId}`, session.refreshToken, caller, lifeMs);
    given.push(issue);
    if (!this.keepsOldAccess) access.clear();
    access.add(issue.access);
    return issue;
  }

  protected getStore(accessToken: string | undefined, replica: Replica): ReturnType<RulrrApi['getStore']> {
    return this.call(replica, 'use', (fate, resolve, reject) => {
      if (fate !== 'well') return reject(failed(fate, 'getStore'));
      if (this.integrations.some(({ access }) => access.has(accessToken!))) return resolve({});
      reject(forbidden('getStore'));
    });
  }

  // ── The parts ──

  protected override kill(target: Replica): void {
    super.kill(target);
    // What it had sent is for the version of the row that it read: a session that starts from now on makes it come to nothing.
    for (const disconnect of this.disconnects) if (disconnect.replica === target) this.disconnects.delete(disconnect);
  }

  protected override integrationAt(which: number): Session {
    return this.integrations[which % this.integrations.length]!;
  }

  private sessionOf(flowId: string): Session {
    return this.integrations.find(({ flow }) => flow.flowId === flowId)!;
  }
}

const forbidden = (name: string) => new RulrrApiError(name, 'forbidden', { status: 403, sent: 'answered' });
