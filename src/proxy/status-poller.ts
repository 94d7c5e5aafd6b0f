import type { RulrrApi } from '../api/index.js';
import type { Clock } from '../shared/clock.js';
import type { IntegrationStatus } from '../shared/wire.js';
import type { Flow } from './flow.js';
import type { Emit } from './events.js';
import type { InFlight } from './in-flight.js';
import { closingRefusal, refusalOf, upstreamReasonOf, upstreamStatusOf } from './upstream-refusal.js';
import type { UpstreamBudget } from './upstream-budget.js';

interface Entry {
  readonly storeId: string;
  /** When it was last put at the young end of the map. */
  movedAt: number;
  /** When the last call began. */
  calledAt: number;
  seenAt: number;
  status?: IntegrationStatus;
  asking?: Promise<IntegrationStatus>;
  /** The last look at what is known without Rulrr, and when it began. */
  known?: Promise<IntegrationStatus>;
  knownAt: number;
}

export interface StatusPollerOptions {
  api: Pick<RulrrApi, 'getIntegrationStatus'>;
  clock: Clock;
  budget: UpstreamBudget;
  inFlight: InFlight;
  emit: Emit;
  /** Calls for one session begin at least this far apart. */
  ttlMs: number;
  /** What an element is told to wait while there is no hurry. */
  pollAfterMs: number;
  maxEntries: number;
  /** What the store knows of a session, where Rulrr cannot be asked now: finished stays finished. Never rejects. */
  known: (flow: Flow) => Promise<'finished' | 'pending'>;
}

const longestPollMs = 30_000;
/** Who has not asked for this long no longer counts. */
const activeMs = 30_000;
const tellEveryMs = 60_000;
/** The order of the entries need be no finer: to move one at each poll makes the map rebuild itself again and again. */
const orderMs = 5_000;

/**
 * Asks Rulrr how sessions stand: however many tabs and tills ask about one, its calls begin `ttlMs` apart, and all share
 * the answer. Failures are not remembered: whoever asks after one waits for the next call to be due.
 */
export class StatusPoller {
  private readonly entries = new Map<string, Entry>();
  private readonly options: StatusPollerOptions;
  private toldAt = -Infinity;

  constructor(options: StatusPollerOptions) {
    this.options = options;
  }

  /** The answer of now, or what is known without a call if the process's budget is used up. @throws Refusal */
  ask(flow: Flow, patient = false): Promise<IntegrationStatus> {
    const entry = this.entryOf(flow);
    const next = this.next(flow, entry, patient);
    return typeof next === 'number' ? this.askAfter(next, flow, entry, patient) : next;
  }

  private async askAfter(ms: number, flow: Flow, entry: Entry, patient: boolean): Promise<IntegrationStatus> {
    for (let wait = ms; ;) {
      if (!(await this.options.inFlight.pause(wait))) throw closingRefusal();
      const next = this.next(flow, entry, patient);
      if (typeof next !== 'number') return next;
      wait = next;
    }
  }

  /** The answer to be had now, or the milliseconds until it is worth looking again. */
  private next(flow: Flow, entry: Entry, patient: boolean): Promise<IntegrationStatus> | number {
    const { clock, budget, ttlMs } = this.options;
    if (entry.asking) return entry.asking;
    const age = clock.now() - entry.calledAt;
    // A clock that was set back must not silence a session.
    if (age >= 0 && age < ttlMs) return entry.status ? Promise.resolve(entry.status) : ttlMs - age;
    if (budget.take()) return this.call(flow, entry);
    const wait = budget.waitMs();
    this.tellShort(wait);
    return patient ? Math.max(20, wait) : this.known(flow, entry);
  }

  /** How long an element should wait, so that all sessions asked about lately fit into the budget. */
  pollAfterMs(): number {
    const { budget, pollAfterMs } = this.options;
    const stretched = Math.ceil((this.entries.size / budget.perSecond) * 1000);
    return Math.min(Math.max(pollAfterMs, stretched), longestPollMs);
  }

  /** Sessions remembered; bounded by `maxEntries`. */
  get size(): number {
    return this.entries.size;
  }

  private tellShort(waitMs: number): void {
    const now = this.options.clock.now();
    if (Math.abs(now - this.toldAt) < tellEveryMs) return;
    this.toldAt = now;
    this.options.emit({ type: 'budget-short', waitMs });
  }

  private known(flow: Flow, entry: Entry): Promise<IntegrationStatus> {
    if (entry.status && entry.status !== 'pending') return Promise.resolve(entry.status);
    const { clock, ttlMs, known } = this.options;
    const age = clock.now() - entry.knownAt;
    if (!entry.known || age < 0 || age >= ttlMs) {
      entry.knownAt = clock.now();
      entry.known = known(flow);
    }
    return entry.known;
  }

  private call(flow: Flow, entry: Entry): Promise<IntegrationStatus> {
    const { api, clock, inFlight, emit } = this.options;
    entry.calledAt = clock.now();
    entry.status = undefined;
    entry.asking = inFlight.track(
      api.getIntegrationStatus(flow.integrationToken).then(
        ({ status }) => {
          entry.asking = undefined;
          return (entry.status = status);
        },
        (error: unknown) => {
          entry.asking = undefined;
          const refusal = refusalOf(error);
          const { flowId, storeId } = flow;
          const [reason, status] = [upstreamReasonOf(error), upstreamStatusOf(error)];
          emit({ type: 'upstream-failed', flowId, storeId, code: refusal.code, reason, status });
          throw refusal;
        },
      ),
    );
    return entry.asking;
  }

  private entryOf(flow: Flow): Entry {
    const { clock, maxEntries } = this.options;
    const now = clock.now();
    // Store and session, so that no answer is ever shared by two stores; in one text only where two claim the same session,
    // which does not happen: to put it together costs more than to look it up.
    let key = flow.flowId;
    let standing = this.entries.get(key);
    if (standing && standing.storeId !== flow.storeId) {
      key = `${flow.storeId}\0${key}`;
      standing = this.entries.get(key);
    }
    if (standing) {
      standing.seenAt = now;
      if (Math.abs(now - standing.movedAt) < orderMs) return standing;
      this.entries.delete(key);
    }
    const { storeId } = flow;
    const entry = standing ?? { storeId, movedAt: now, calledAt: -Infinity, seenAt: now, knownAt: -Infinity };
    entry.movedAt = now;
    // The map keeps the order of the questions: the oldest stand first.
    this.entries.set(key, entry);
    for (const [oldest, one] of this.entries) {
      const idle = Math.abs(now - one.seenAt) > activeMs;
      if ((!idle && this.entries.size <= maxEntries) || one.asking) break;
      this.entries.delete(oldest);
    }
    return entry;
  }
}
