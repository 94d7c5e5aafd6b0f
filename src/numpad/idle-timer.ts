import type { Clock } from '../shared/clock.js';

/** The warning stands for this many seconds, or all the time if there are fewer. */
const warning = 10;

export interface IdleHost {
  readonly clock: Clock;
  requestUpdate(): void;
  /** Nobody has come. */
  expire(): void;
}

/** Counts down while nobody touches anything: silently, then aloud, then over. */
export class IdleTimer {
  /** Whole seconds until it is over; 0 while the warning does not stand. */
  secondsLeft = 0;
  /** What the warning began with; 0 while it does not stand. */
  warnedAt = 0;

  private readonly host: IdleHost;
  private stopTimer: () => void = () => {};

  constructor(host: IdleHost) {
    this.host = host;
  }

  /** @param seconds 0 is never. */
  restart(seconds: number): void {
    this.stopTimer();
    this.warnedAt = 0;
    // So few that the warning stands all the time: a touch does not take it away, or it would be read out anew with each key.
    if (seconds > 0 && seconds <= warning) this.count(seconds);
    else {
      this.show(0);
      if (seconds > 0) this.wait(seconds - warning, () => this.count(warning));
    }
  }

  private show(seconds: number): void {
    if (seconds === this.secondsLeft) return;
    this.secondsLeft = seconds;
    this.host.requestUpdate();
  }

  private count(left: number): void {
    const { host } = this;
    const whole = Math.ceil(left);
    const at = host.clock.now();
    this.warnedAt = this.warnedAt || whole;
    if (whole < 1) host.expire();
    else {
      this.show(whole);
      const second = left - whole + 1;
      // Behind another tab timers are late by a minute and more. In two parts: after a page that stood still, a timer that is over comes before
      // the touch that is there.
      this.wait(second * 0.9, () =>
        this.wait(second * 0.1, () => this.count(Math.min(whole - 1, left - (host.clock.now() - at) / 1000))),
      );
    }
  }

  private wait(seconds: number, then: () => void): void {
    // Longer than a timer can count is never.
    this.stopTimer = this.host.clock.after(Math.min(seconds * 1000, 2 ** 31 - 1), then);
  }
}
