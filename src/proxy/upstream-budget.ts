import type { Clock } from '../shared/clock.js';

/** A token bucket for the calls that a whole process makes to Rulrr: `perSecond` on average, as many at once. */
export class UpstreamBudget {
  readonly perSecond: number;
  private readonly clock: Clock;
  private readonly most: number;
  private left: number;
  private filledAt: number;

  constructor(perSecond: number, clock: Clock) {
    this.perSecond = perSecond;
    this.clock = clock;
    // A budget below one call a second must still be able to hold one.
    this.most = Math.max(1, perSecond);
    this.left = this.most;
    this.filledAt = clock.now();
  }

  /** Takes one call if there is one. */
  take(): boolean {
    this.fill();
    if (this.left < 1) return false;
    this.left -= 1;
    return true;
  }

  /** Counts a call that must not wait, such as redeeming a token: others wait for it. */
  spend(): void {
    this.fill();
    this.left = Math.max(this.left - 1, -this.most);
  }

  /** Milliseconds until `take` will succeed. */
  waitMs(): number {
    this.fill();
    return this.left >= 1 ? 0 : Math.ceil(((1 - this.left) / this.perSecond) * 1000);
  }

  private fill(): void {
    const now = this.clock.now();
    // A clock that was set back gives nothing, one that was set on gives no more than a full bucket.
    const elapsed = Math.max(0, now - this.filledAt);
    this.filledAt = now;
    this.left = Math.min(this.most, this.left + (elapsed / 1000) * this.perSecond);
  }
}
