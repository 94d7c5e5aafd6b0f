import type { RulrrApi, Sent } from '../api/index.js';
import type { Clock } from '../shared/clock.js';
import type { Flow } from './flow.js';
import type { Emit } from './events.js';
import type { InFlight } from './in-flight.js';
import { flowKey, isHeld, keepLease, type ConnectionRow, type FlowRow, type Rows } from './rows.js';
import { bareFlow, emptyConnection, ensureSession, loseSession } from './sessions.js';
import { parseTokens } from './tokens-answer.js';
import type { RedemptionTiming } from './redemption-timing.js';
import { StandingCalls } from './standing-calls.js';
import { refusalOf, retryAfterMsOf, sentOf, upstreamStatusOf } from './upstream-refusal.js';
import type { UpstreamBudget } from './upstream-budget.js';
import { within } from './within.js';

/** What came of a session whose merchant has finished. `busy`: somebody is at it, here or in another replica. */
export type Redeemed = 'stored' | 'lost' | 'forgotten' | 'busy';

export interface RedemptionOptions {
  api: Pick<RulrrApi, 'retrieveTokens'>;
  rows: Rows;
  clock: Clock;
  budget: UpstreamBudget;
  inFlight: InFlight;
  emit: Emit;
  /** Names this process in leases. */
  owner: string;
  timing: RedemptionTiming;
}

type Attempt = { end: Redeemed } | 'gone' | { sent: Sent; error: unknown };

/**
 * Fetches the tokens that Rulrr gives out once, and stores them.
 *
 * Rulrr is the judge of "once": replicas may call twice, and the second hears 410. What makes it safe: whoever holds an
 * answer may always save it; 410 is believed only once no other call can bring the tokens, and after another look; `stored`
 * never goes back. An answer is saved before it is read, and read before anybody hears of it. A call once sent is never aborted.
 */
export class Redemption {
  private readonly options: RedemptionOptions;
  /** One drive a session in this process; all polls share it. */
  private readonly drives = new Map<string, Promise<Redeemed>>();
  private readonly standing: StandingCalls;

  constructor(options: RedemptionOptions) {
    this.options = options;
    this.standing = new StandingCalls(options.inFlight);
  }

  /** The drive that is under way for a session, if there is one. */
  underWay(flow: Flow): Promise<Redeemed> | undefined {
    return this.drives.size ? this.drives.get(driveKey(flow)) : undefined;
  }

  /** To be called only once Rulrr said `finished`. @throws Refusal */
  redeem(flow: Flow): Promise<Redeemed> {
    const key = driveKey(flow);
    const running = this.drives.get(key);
    if (running) return running;
    const { rows, clock, owner, timing, inFlight } = this.options;
    const rest = keepLease({ rows, clock, owner, flowId: flow.flowId, everyMs: timing.lease / 3 });
    const drive = this.drive(flow).finally(() => {
      rest();
      this.drives.delete(key);
    });
    this.drives.set(key, drive);
    void inFlight.track(drive);
    return drive;
  }

  /** Reads an answer that is saved and brings it to the store's row. Idempotent; needs no call to Rulrr. */
  async complete(flowId: string): Promise<Redeemed | 'odd'> {
    const { rows, clock, emit } = this.options;
    const row = await rows.read<FlowRow>(flowKey(flowId));
    if (!row || row.state !== 'answered' || row.raw === undefined) return row?.state === 'stored' ? 'stored' : 'busy';
    const { raw, storeId } = row;
    const pair = parseTokens(raw);
    if (!pair) {
      await rows.update<FlowRow>(flowKey(flowId), (now) => {
        if (now?.raw !== raw) return undefined;
        // One that came after the session's end changes nothing about that: there is no token to go on with.
        const state = now.integrationToken ? 'open' : 'lost';
        return { ...now, state, raw: undefined, odd: withOdd(now.odd, raw) };
      });
      emit({ type: 'answer-not-understood', flowId, storeId });
      return 'odd';
    }

    let end = 'stored' as 'stored' | 'superseded' | 'forgotten' | 'standing';
    const stands = await rows.update<ConnectionRow>(await rows.connectionKey(storeId), (standing) => {
      const base = standing ?? emptyConnection(storeId);
      // A row that an earlier release had to make up knows no order: it counts as the newest.
      const order = row.order || base.lastOrder + 1;
      end = 'stored';
      if (base.pair?.flowId === flowId) end = 'standing';
      else if (order <= base.endedThrough) end = 'forgotten';
      else if (base.pair && base.pair.order > order) end = 'superseded';
      if (end !== 'stored') return undefined;
      const { lastOrder, endedThrough } = base;
      const stored = { ...pair, flowId, order, generation: 0, obtainedAt: clock.now() };
      return { storeId, lastOrder: Math.max(lastOrder, order), endedThrough, pair: stored };
    });
    const order = row.order || (stands?.pair?.flowId === flowId ? stands.pair.order : stands!.lastOrder);
    // From here on it is stored, even if tidying up fails.
    await rows
      .update<FlowRow>(flowKey(flowId), (now) => {
        if (!now || now.state !== 'answered') return undefined;
        return storedFlow({ ...now, order });
      })
      .catch(() => undefined);
    if (end === 'stored') emit({ type: 'integration-finished', flowId, storeId });
    if (end === 'superseded' || end === 'forgotten') emit({ type: 'tokens-superseded', flowId, storeId });
    return end === 'forgotten' ? 'forgotten' : 'stored';
  }

  private async drive(flow: Flow): Promise<Redeemed> {
    const { inFlight, timing, clock, emit } = this.options;
    const { flowId, storeId } = flow;
    let sent: Sent = 'unclear';
    let calls = 0;
    // Once: if its row goes while this tries again, it must not come back as a newer session.
    const { order } = await ensureSession(this.options.rows, flow);
    for (let tries = 1; ; tries++) {
      const lastWasUnsent = sent === 'no';
      const claimed = await this.claim(flow, order, lastWasUnsent);
      if (claimed === 'gone') return this.afterGone(flow, 0);
      if (claimed !== 'ours') return claimed;
      if (!lastWasUnsent) calls += 1;
      const outcome = await this.attempt(flow, order);
      if (outcome === 'gone') return this.afterGone(flow, calls);
      if ('end' in outcome) return outcome.end;

      sent = outcome.sent;
      const status = upstreamStatusOf(outcome.error);
      emit({ type: 'redeem-retried', flowId, storeId, attempt: tries, code: sent, status });
      const wait = status === 400 || status === 403 ? undefined : timing.retries[tries - 1];
      if (wait === undefined) {
        await this.letGo(flow, timing.cooldown);
        throw refusalOf(outcome.error);
      }
      const jittered = wait * (0.5 + clock.random() / 2);
      const asked = Math.min(retryAfterMsOf(outcome.error), 10_000);
      if (!(await inFlight.pause(Math.max(jittered, asked)))) {
        await this.letGo(flow, 0);
        return 'busy';
      }
    }
  }

  /** Writes down the intent. It also proves, just before the call that counts, that the store takes writes. */
  private async claim(flow: Flow, order: number, lastWasUnsent: boolean): Promise<'ours' | 'gone' | Redeemed> {
    const { rows, clock, owner, timing } = this.options;
    const connection = await rows.read<ConnectionRow>(await rows.connectionKey(flow.storeId));
    const forgotten = connection !== null && order > 0 && order <= connection.endedThrough;
    const { pair } = connection ?? {};
    const newer = pair !== undefined && pair.order > order;
    // `as`: of an annotated variable the compiler would go on believing the first value, since it does not see what the callback sets.
    let found = 'busy' as 'ours' | 'gone' | 'answered' | Redeemed;
    await rows.update<FlowRow>(flowKey(flow.flowId), (row) => {
      const now = clock.now();
      const base = row ?? bareFlow(flow, order);
      if (base.state === 'answered') found = 'answered';
      else if (forgotten || base.state === 'cancelled') found = 'forgotten';
      // Its row was deleted before its time, and made anew; or a newer session's tokens came first, and Rulrr need not be asked about it again.
      else if (pair?.flowId === flow.flowId || (newer && base.state === 'open')) {
        found = 'stored';
        return storedFlow(base);
      } else if (base.state === 'stored' || newer) found = 'stored';
      else if (base.state === 'lost') found = 'lost';
      else if (base.lease?.owner !== owner && isHeld(base.lease, now)) found = 'busy';
      else if (base.goneAt !== undefined) found = 'gone';
      else {
        found = 'ours';
        const attempts = base.attempts + (lastWasUnsent ? 0 : 1);
        return { ...base, state: 'open', attempts, lease: { owner, at: now, ms: timing.lease } };
      }
      return undefined;
    });
    if (found !== 'answered') return found;
    const end = await this.complete(flow.flowId);
    return end === 'odd' ? 'busy' : end;
  }

  private async attempt(flow: Flow, order: number): Promise<Attempt> {
    const { api, clock, budget, inFlight, timing } = this.options;
    budget.spend();
    let keeping: Promise<Redeemed | 'odd'> | undefined;
    const keep = (raw: string) => (keeping ??= inFlight.track(this.keep(flow, order, raw)));
    const call = api
      .retrieveTokens(flow.integrationToken, {
        onRawAnswer: async (raw) => {
          await keep(raw);
        },
      })
      .then(
        async (tokens) => {
          // Never without the text, but a pair in hand is saved whatever happened to it.
          if (!keeping) await keep(JSON.stringify({ success: true, ...tokens }));
          return undefined;
        },
        (error: unknown) => ({ error }),
      );
    // From here on nothing stops the call: not the browser, not the deadline, not a SIGTERM.
    const failed = await within(clock, inFlight.track(this.standing.add(driveKey(flow), call)), timing.attempt);
    if (keeping) {
      const end = await keeping;
      return end === 'odd' ? { sent: 'unclear', error: undefined } : { end };
    }
    if (upstreamStatusOf(failed?.error) === 410) return 'gone';
    return { sent: failed ? sentOf(failed.error) : 'unclear', error: failed?.error };
  }

  /**
   * Saves an answer over whatever stands, except tokens.
   * @param order of the session as the call began: its row may be gone by now, and made anew it must be no newer than it was
   */
  private async keep(flow: Flow, order: number, raw: string): Promise<Redeemed | 'odd'> {
    const { rows, emit, inFlight, timing } = this.options;
    const { flowId, storeId } = flow;
    const answered = (row: FlowRow): FlowRow => ({ ...row, state: 'answered', raw, lease: undefined });
    const write = () =>
      rows.update<FlowRow>(
        flowKey(flowId),
        (row) => {
          if (!row) return answered(bareFlow(flow, order));
          if (row.state === 'stored' || row.raw === raw) return undefined;
          if (row.raw === undefined) return answered(row);
          // Two answers of 200: the one with tokens in it stands, the other is kept beside it.
          if (parseTokens(row.raw)) return undefined;
          return answered({ ...row, odd: withOdd(row.odd, row.raw) });
        },
        () => answered(bareFlow(flow, order)),
      );
    await inFlight.save(write, timing.saves, (attempt) => emit({ type: 'save-retried', flowId, storeId, attempt }));
    // Saved: if the rest fails now, the next poll or sweep does it.
    return this.complete(flowId).catch((): 'busy' => 'busy');
  }

  /**
   * Rulrr says 410. Another replica may hold the answer and not have saved it yet, so wait for longer than any call takes,
   * and look again. No call is made meanwhile: 410 is for good. Where the row counts no call but those of this drive, there
   * is nobody to wait for, and a merchant is not kept waiting.
   * @param calls of this drive that may have reached Rulrr, the one that just heard it among them; 0 if the row says so
   */
  private async afterGone(flow: Flow, calls: number): Promise<Redeemed> {
    const { rows, clock, owner, timing, inFlight, emit } = this.options;
    const row = await rows.update<FlowRow>(flowKey(flow.flowId), (now) => {
      if (!now || now.state !== 'open') return undefined;
      const at = clock.now();
      return { ...now, goneAt: now.goneAt ?? at, lease: { owner, at, ms: timing.lease } };
    });
    if (row?.state === 'open' && row.goneAt !== undefined) {
      const waited = clock.now() - row.goneAt;
      // What this process heard itself it measures itself; what it read in the row goes by the clock on the wall.
      const left = calls || waited < 0 ? timing.grace : Math.max(0, timing.grace - waited);
      const allOurs = calls > 0 && row.attempts === calls;
      if (!(allOurs || (await inFlight.pause(left))) || !(await this.standing.settled(driveKey(flow), timing.grace))) {
        await this.letGo(flow, 0);
        return 'busy';
      }
    }
    const ended = await loseSession(rows, flow, emit);
    if (ended?.state === 'stored') return 'stored';
    if (ended?.state === 'answered') {
      const end = await this.complete(flow.flowId);
      return end === 'odd' ? 'busy' : end;
    }
    return 'lost';
  }

  /** Leaves the session to others, after `pause` ms. If the store does not take it, the lease runs out by itself. */
  private async letGo(flow: Flow, pause: number): Promise<void> {
    const { rows, clock, owner } = this.options;
    await rows
      .update<FlowRow>(flowKey(flow.flowId), (row) => {
        if (row?.lease?.owner !== owner) return undefined;
        return { ...row, lease: pause ? { owner: '', at: clock.now(), ms: pause } : undefined };
      })
      .catch(() => undefined);
  }
}

const storedFlow = ({ flowId, storeId, startedAt, expiresAt, order, attempts }: FlowRow): FlowRow => ({
  flowId,
  storeId,
  startedAt,
  expiresAt,
  order,
  attempts,
  state: 'stored',
});

const driveKey = (flow: Flow) => `${flow.storeId}\0${flow.flowId}`;

/** Few: each is an alarm, and a middlebox that answers nonsense must not fill the store. */
const withOdd = (odd: string[] = [], raw: string) => (odd.includes(raw) ? odd : [...odd, raw].slice(-3));
