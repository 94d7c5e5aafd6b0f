/** Time and randomness come from outside, so that tests never wait and never guess. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Runs `callback` after `ms`; the answer cancels it, also after it has run. */
  after(ms: number, callback: () => void): () => void;
  /** A number in [0, 1). */
  random(): number;
}

export const systemClock: Clock = {
  // Not by `Date.now`, which old pages have replaced by one that makes a date, or lost with a `Date` of their own.
  now: () => +new Date(),
  after(ms, callback) {
    const here = typeof window;
    // Test runners with jsdom take the page away, and leave its timers behind.
    const timer = setTimeout(() => typeof window === here && callback(), ms);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};
