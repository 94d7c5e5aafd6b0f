import type { Clock } from '../shared/clock.js';
import { within } from './within.js';

/** Waits between tries to save an answer, in ms; the last one repeats. */
export const saveWaits: readonly number[] = [100, 250, 500, 1_000, 2_500, 5_000, 10_000];

/** Work that outlives the request it began in: `close` waits for it. */
export class InFlight {
  /** True once the proxy closes: whoever only waits stops, whoever has called out goes on. */
  closed = false;
  /** Answers that are in memory only. */
  unsaved = 0;
  private work = 0;
  private readonly idle: (() => void)[] = [];
  private readonly pauses = new Set<() => void>();
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  track<T>(promise: Promise<T>): Promise<T> {
    this.work += 1;
    promise.then(this.over, this.over);
    return promise;
  }

  private readonly over = (): void => {
    this.work -= 1;
    if (!this.work) for (const go of this.idle.splice(0)) go();
  };

  /** Waits `ms`; false if the proxy closes meanwhile. */
  pause(ms: number): Promise<boolean> {
    if (this.closed) return Promise.resolve(false);
    return new Promise((resolve) => {
      const stop = () => {
        cancel();
        resolve(false);
      };
      const cancel = this.clock.after(ms, () => {
        this.pauses.delete(stop);
        resolve(true);
      });
      this.pauses.add(stop);
    });
  }

  /** Saves an answer that Rulrr gives once: tries for as long as the process lives. `failed` hears of each try that came to nothing. */
  async save(
    write: () => Promise<unknown>,
    waits: readonly number[],
    failed: (attempt: number) => void,
  ): Promise<void> {
    this.unsaved += 1;
    for (let attempt = 1; ; attempt++) {
      try {
        await write();
        break;
      } catch {
        failed(attempt);
        const wait = waits[Math.min(attempt, waits.length) - 1]!;
        await new Promise<void>((resolve) => void this.clock.after(wait, resolve));
      }
    }
    this.unsaved -= 1;
  }

  async drain(ms: number): Promise<void> {
    this.closed = true;
    for (const stop of this.pauses) stop();
    this.pauses.clear();
    const finished = async () => {
      // Work may begin more work (an answer that came must still be saved), so look again, once all that waited for it has had its turn.
      while (this.work) {
        await new Promise<void>((resolve) => void this.idle.push(resolve));
        await new Promise<void>((resolve) => void this.clock.after(0, resolve));
      }
    };
    await within(this.clock, finished(), ms);
  }
}
