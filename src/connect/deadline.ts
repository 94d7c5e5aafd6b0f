import type { Clock } from '../shared/clock.js';

/** One call that can be given up: it ends in time even if the `fetch` that it was given ignores its signal. */
export class Call {
  private readonly controller = new AbortController();
  private stopTimer: (() => void) | null = null;
  /** True once nobody waits for the answer any more. */
  private over = false;

  /** Runs `work`; then `done`, or `failed` with the reason (null at the deadline). After `abort()` it calls neither. */
  run<Answer>(
    clock: Clock,
    ms: number,
    work: (signal: AbortSignal) => Promise<Answer>,
    done: (answer: Answer) => void,
    failed: (reason: unknown) => void,
  ): this {
    const once =
      <Value>(act: (value: Value) => void) =>
      (value: Value) => {
        if (this.over) return;
        this.abort();
        act(value);
      };
    const wait = (part: number, then: () => void): void => {
      this.stopTimer = clock.after(ms * part, then);
    };
    // In two parts: after a page that stood still, a timer that is over comes before the answer that is there.
    wait(0.9, () => wait(0.1, () => once(failed)(null)));
    work(this.controller.signal).then(once(done), once(failed));
    return this;
  }

  abort(): void {
    this.over = true;
    this.stopTimer!();
    this.controller.abort();
  }
}
