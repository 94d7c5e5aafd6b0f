import type { Clock } from '../shared/clock.js';

/** The warning stands for this many seconds, or all the time if there are fewer. */
const warning = 10;

/** Counts down while nobody touches anything: silently, then aloud, then over. */
export class IdleTimer {
  private readonly host: { clock: Clock };
  private readonly show: (secondsLeft: number) => void;
  private readonly over: () => void;
  private stopTimer: (() => void) | null = null;

  /** @param show told the whole seconds that are left, once a second while the warning stands; 0 when it goes. */
  constructor(host: { clock: Clock }, show: (secondsLeft: number) => void, over: () => void) {
    this.host = host;
    this.show = show;
    this.over = over;
  }

  /** @param seconds 0 is never. */
  restart(seconds: number): void {
    this.stop();
    if (!(seconds > 0)) return;
    const left = Math.min(warning, seconds);
    if (seconds > left) this.wait(seconds - left, () => this.count(left));
    else this.count(left);
  }

  stop(): void {
    if (this.stopTimer) this.stopTimer();
    this.stopTimer = null;
    this.show(0);
  }

  private count(left: number): void {
    const whole = Math.ceil(left);
    if (!whole) this.over();
    else {
      this.show(whole);
      this.wait(left - whole + 1, () => this.count(whole - 1));
    }
  }

  private wait(seconds: number, then: () => void): void {
    // Longer than a timer can count is never.
    this.stopTimer = this.host.clock.after(Math.min(seconds * 1000, 2 ** 31 - 1), then);
  }
}
