import type { Clock } from '../../src/shared/clock.js';

/** A clock that stands still until it is moved on: each state stays as it is for as long as one looks. */
export class StillClock implements Clock {
  private time = Date.UTC(2026, 0, 1);
  private next = 0;
  private readonly timers = new Map<number, { at: number; callback: () => void }>();

  now(): number {
    return this.time;
  }
  random(): number {
    return 0.5;
  }
  after(ms: number, callback: () => void): () => void {
    const id = this.next++;
    this.timers.set(id, { at: this.time + Math.max(0, ms), callback });
    return () => void this.timers.delete(id);
  }

  /** Runs what falls due, in order, with everything that promises have to say in between. */
  async advance(ms: number): Promise<void> {
    const end = this.time + ms;
    for (;;) {
      await settled();
      let first: [number, { at: number; callback: () => void }] | null = null;
      for (const entry of this.timers) if (entry[1].at <= end && (!first || entry[1].at < first[1].at)) first = entry;
      if (!first) break;
      this.timers.delete(first[0]);
      this.time = Math.max(this.time, first[1].at);
      first[1].callback();
    }
    this.time = end;
  }
}

/** One turn of the event loop: answers, renders and loaded modules have come through. */
export const settled = () => new Promise<void>((resolve) => setTimeout(resolve));

/** Waits for an outcome in the page. @throws if it does not come */
export async function until(what: string, holds: () => boolean): Promise<void> {
  for (let turns = 0; !holds(); turns++) {
    if (turns > 15_000) throw new Error(`The gallery waits in vain for: ${what}`);
    await settled();
  }
}
