import type { Clock } from '../shared/clock.js';
import { Refusal } from './refusal.js';

/** A token bucket for each store: a till gone wild, or a page script, must not make sessions at Rulrr without end. */
export class StartLimit {
  private readonly buckets = new Map<string, { level: number; at: number }>();
  private readonly limit: { burst: number; everyMs: number };
  private readonly clock: Clock;

  constructor(limit: { burst: number; everyMs: number }, clock: Clock) {
    this.limit = limit;
    this.clock = clock;
  }

  /** Takes one start. @throws Refusal `rate_limited`, with the seconds until the next one */
  take(storeId: string): void {
    const { burst, everyMs } = this.limit;
    const now = this.clock.now();
    const bucket = this.buckets.get(storeId) ?? { level: burst, at: now };
    // A clock set back refills nothing and takes nothing away; time counts from there on, after a refusal too.
    bucket.level = Math.min(burst, bucket.level + Math.max(0, now - bucket.at) / everyMs);
    bucket.at = now;
    if (bucket.level < 1) {
      throw new Refusal(
        'rate_limited',
        'Too many new sessions for this store.',
        Math.ceil(((1 - bucket.level) * everyMs) / 1000),
      );
    }
    bucket.level -= 1;
    this.buckets.delete(storeId);
    this.buckets.set(storeId, bucket);
    // The store that has started nothing for the longest time is the one whose bucket is full again.
    if (this.buckets.size > 10_000) this.buckets.delete(this.buckets.keys().next().value!);
  }
}
