import type { Clock } from '../../src/shared/clock.js';

export interface FakeClock extends Clock {
  /** Moves time on and runs what falls due, in order. */
  advance(ms: number): void;
  /** Moves time on as `advance` does, letting promises settle between any two timers. */
  advanceAsync(ms: number): Promise<void>;
  /** As a page that stands still: time goes on, and what fell due meanwhile runs after all of it, before what else waits. */
  freeze(ms: number): void;
  /** Timers that wait. */
  readonly pending: number;
}

/** A clock that stands still until told; `random` comes from a seed (mulberry32), so runs repeat. */
export function fakeClock(start = Date.UTC(2026, 10, 24), seed = 1): FakeClock {
  let now = start;
  let state = seed;
  let next = 0;
  const timers = new Map<number, { at: number; callback: () => void }>();

  /** Runs the earliest timer due until `end`; false if there is none. */
  function step(end: number): boolean {
    let first: number | undefined;
    for (const [id, timer] of timers) {
      if (timer.at <= end && (first === undefined || timer.at < timers.get(first)!.at)) first = id;
    }
    if (first === undefined) return false;
    const timer = timers.get(first)!;
    timers.delete(first);
    now = Math.max(now, timer.at);
    timer.callback();
    return true;
  }
  const settle = async () => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };

  return {
    now: () => now,
    after(ms, callback) {
      const id = next++;
      timers.set(id, { at: now + Math.max(0, ms), callback });
      return () => void timers.delete(id);
    },
    random() {
      state = (state + 0x6d2b79f5) | 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    },
    advance(ms) {
      const end = now + ms;
      while (step(end));
      now = end;
    },
    freeze(ms) {
      now += ms;
      while (step(now));
    },
    async advanceAsync(ms) {
      const end = now + ms;
      await settle();
      while (step(end)) await settle();
      now = end;
      await settle();
    },
    get pending() {
      return timers.size;
    },
  };
}
