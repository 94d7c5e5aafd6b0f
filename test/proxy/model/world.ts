import { RulrrApiError } from '../../../src/api/index.js';
import type { Flow, FlowStatus } from '../../../src/proxy/flow.js';
import { Refusal } from '../../../src/proxy/refusal.js';
import type { ConnectionRow, FlowRow } from '../../../src/proxy/rows.js';
import type { StoredRow } from '../../../src/proxy/stores/token-store.js';
import { opened, ReplicatedWorld, type Integration } from './replicated-world.js';

/** Redemptions: the sessions of two stores, and every write of theirs checked against the invariants. No pair is old enough to be refreshed. */
export class World extends ReplicatedWorld {
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

  /** Nothing fails any more: every session must come to rest, and every token in a live memory be stored. */
  async rest(): Promise<void> {
    this.resume();
    for (let round = 0; round < 6; round++) {
      await this.runWell();
      for (const [flow, integration] of this.integrations.entries()) {
        if (integration.status === 'finished' && !this.isAtRest(integration)) this.poll(round, flow);
      }
      if (round === 2) this.sweep(round);
      await this.runWell();
      if (this.integrations.every((one) => this.isAtRest(one)) && !this.pending.length && !this.unsaved()) break;
      // Longer than any lease, pause, or grace; a drain ends within.
      await this.passWell(100_000);
    }
    this.checkRest();
  }

  /** How it ended, to see that the schedules reach what they are meant to reach. */
  ends(): string[] {
    return this.integrations.map(({ flow, status }) => {
      if (status !== 'finished') return status;
      const row = this.flow(flow.flowId);
      if (row?.state !== 'stored') return row?.state === 'lost' ? 'lost' : 'superseded unasked';
      if (this.connection(flow.storeId)?.pair?.flowId !== flow.flowId) return 'superseded';
      return row.attempts > 1 ? 'stored after more than one call' : 'stored';
    });
  }

  // ── The invariants ──

  private heard(integration: Integration, status: FlowStatus): void {
    integration.heard.add(status.status);
    if (status.status === 'cancelled' && integration.status !== 'cancelled')
      this.violate('I7 cancelled, but it was not');
    if (status.status === 'finished') {
      if (integration.status !== 'finished') this.violate('I5 finished, but the merchant was not');
      const pair = this.connection(integration.flow.storeId)?.pair;
      const order = this.flow(integration.flow.flowId)?.order ?? 0;
      if (!pair || pair.order < order) this.violate('I3 finished was said before the tokens were stored');
      if (!status.connection.connected) this.violate('I3 finished without a connection');
    }
  }

  protected committed(key: string, before: StoredRow | undefined, after: StoredRow | undefined): void {
    if (key.startsWith('store/')) {
      const [old, now] = [opened<ConnectionRow>(before), opened<ConnectionRow>(after)];
      if (old?.pair && !now?.pair) return this.violate('I4 a stored pair went away');
      if (!now?.pair) return;
      const owner = this.integrations.find(({ flow }) => flow.flowId === now.pair!.flowId);
      if (owner?.flow.storeId !== now.storeId || owner.issued?.access !== now.pair.accessToken) {
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

  private isAtRest({ flow, status }: Integration): boolean {
    if (status !== 'finished') return true;
    const row = this.flow(flow.flowId);
    if (row?.state === 'stored' || row?.state === 'lost') return true;
    const pair = this.connection(flow.storeId)?.pair;
    return pair !== undefined && row !== null && pair.order > row.order;
  }

  private checkRest(): void {
    for (const integration of this.integrations) {
      const { flow, issued, status } = integration;
      const row = this.flow(flow.flowId);
      const pair = this.connection(flow.storeId)?.pair;
      if (status !== 'finished') {
        if (issued) this.violate('I5 redeemed without being finished');
        continue;
      }
      if (!this.isAtRest(integration))
        this.violate(`I8 ${flow.flowId} did not come to rest: ${row?.state ?? 'no row'}`);
      const stored = pair && (pair.flowId === flow.flowId || pair.order > (row?.order ?? 0));
      if (!stored && !issued?.lost)
        this.violate(`I1 ${flow.flowId} is not stored (${row?.state}), and nothing was lost on the way`);
      // Whatever else went wrong: who got the answer and lives has to have stored it.
      if (!stored && issued?.heldSince !== undefined && issued.caller.alive) {
        this.violate('I1 a pair in live memory was not stored');
      }
    }
  }

  // ── What does not happen here ──

  protected refresh(): RulrrApiError {
    return new RulrrApiError('refreshTokens', 'forbidden', {
      status: 403,
      sent: 'answered',
    });
  }

  protected getStore(): never {
    throw new Error('Nobody calls with an access token here.');
  }
}
