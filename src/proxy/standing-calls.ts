import type { InFlight } from './in-flight.js';

/** Calls that nothing has come of yet, by session. One that was waited for in vain may still bring the tokens. */
export class StandingCalls {
  private readonly calls = new Map<string, Set<Promise<unknown>>>();
  private readonly inFlight: InFlight;

  constructor(inFlight: InFlight) {
    this.inFlight = inFlight;
  }

  /** Remembers a call until something has come of it, and gives it back. */
  add<T>(key: string, call: Promise<T>): Promise<T> {
    const standing = this.calls.get(key) ?? new Set();
    this.calls.set(key, standing.add(call));
    const over = () => {
      standing.delete(call);
      if (!standing.size && this.calls.get(key) === standing) this.calls.delete(key);
    };
    call.then(over, over);
    return call;
  }

  /** Waits until none stands any more, looking again each `lookMs`. False if the proxy closes meanwhile. */
  async settled(key: string, lookMs: number): Promise<boolean> {
    for (;;) {
      const standing = this.calls.get(key);
      if (!standing) return true;
      const ended = Promise.allSettled(standing).then(() => true);
      if (!(await Promise.race([ended, this.inFlight.pause(lookMs)]))) return false;
    }
  }
}
