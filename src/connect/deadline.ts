import type { Clock } from '../shared/clock.js';

/** One call that can be given up: it ends in time even if the `fetch` that it was given ignores its signal. */
export class Call {
  private readonly controller = new AbortController();
  private stopTimer: (() => void) | null = null;
  /** True once nobody waits for the answer any more. */
  over = false;

  /** Runs `work`; rejects with null at the deadline. After `abort()` it stays silent: neither resolves nor rejects. */
  run<Answer>(clock: Clock, ms: number, work: (signal: AbortSignal) => Promise<Answer>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const settle =
        <Value>(with_: (value: Value) => void) =>
        (value: Value) => {
          if (this.over) return;
          this.abort();
          with_(value);
        };
      this.stopTimer = clock.after(ms, () => settle(reject)(null));
      work(this.controller.signal).then(settle(resolve), settle(reject));
    });
  }

  abort(): void {
    this.over = true;
    if (this.stopTimer) this.stopTimer();
    this.controller.abort();
  }
}
