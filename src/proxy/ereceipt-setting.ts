import type { RulrrApi } from '../api/index.js';
import type { Clock } from '../shared/clock.js';
import { errorClass, type Emit } from './events.js';
import type { InFlight } from './in-flight.js';
import { within } from './within.js';

/** Tells whether a store texts receipts, from its settings at Rulrr. */
export type ReadEreceipt = (api: RulrrApi, storeId: string) => Promise<boolean> | boolean;

interface Entry {
  readAt: number;
  value?: boolean;
  reading?: Promise<void>;
}

/** How long what was read holds. */
const holdsMs = 5 * 60_000;
/** How long a caller waits for a reading; then it gets what was known before. */
const patienceMs = 1_500;
/** A reading that takes longer counts as failed: the next one would wait for it, and callers for both, for as long as the process lives. */
const longestMs = 60_000;
const maxStores = 10_000;

/**
 * Whether e-receipts are on can change after connecting. The name of the field in `GET /v1/stores` is not published, so a
 * hook reads it; without one, what Rulrr said with the tokens holds.
 */
export class EreceiptSetting {
  private readonly entries = new Map<string, Entry>();
  private readonly read: ReadEreceipt | undefined;
  private readonly clock: Clock;
  private readonly inFlight: InFlight;
  private readonly emit: Emit;

  constructor(read: ReadEreceipt | undefined, clock: Clock, inFlight: InFlight, emit: Emit) {
    this.read = read;
    this.clock = clock;
    this.inFlight = inFlight;
    this.emit = emit;
  }

  /** @param flowId of the session that connected the store: another one makes what was read before void */
  async of(storeId: string, flowId: string, api: () => RulrrApi): Promise<boolean | undefined> {
    if (!this.read) return undefined;
    const key = `${flowId}\0${storeId}`;
    let entry = this.entries.get(key);
    if (!entry) {
      if (this.entries.size >= maxStores) this.entries.delete(this.entries.keys().next().value!);
      entry = { readAt: -Infinity };
      this.entries.set(key, entry);
    }
    const age = this.clock.now() - entry.readAt;
    if (age < 0 || age >= holdsMs) {
      // A hook may throw before it has begun to wait: the reading ends after it stands here, not before.
      entry.reading ??= this.inFlight.track(
        this.refresh(entry, storeId, api()).finally(() => (entry.reading = undefined)),
      );
      await within(this.clock, entry.reading, patienceMs);
    }
    return entry.value;
  }

  private async refresh(entry: Entry, storeId: string, api: RulrrApi): Promise<void> {
    try {
      const reading = Promise.resolve(this.read!(api, storeId)).then((value: unknown) => ({ value }));
      const read = await within(this.clock, reading, longestMs);
      if (!read) this.emit({ type: 'hook-failed', hook: 'readEreceipt', storeId, code: 'timeout' });
      else if (typeof read.value === 'boolean') entry.value = read.value;
      // A field that is called otherwise is undefined: unsaid, a store that turned receipts off would go on texting them.
      else this.emit({ type: 'hook-failed', hook: 'readEreceipt', storeId, code: 'no_boolean' });
    } catch (error) {
      this.emit({ type: 'hook-failed', hook: 'readEreceipt', storeId, code: errorClass(error) });
    } finally {
      // After a failure too: the numpad asks with every order, and Rulrr shall not be asked as often.
      entry.readAt = this.clock.now();
    }
  }
}
