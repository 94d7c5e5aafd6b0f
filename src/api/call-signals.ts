/** One signal and the calls that follow it. */
export interface CallSignal {
  readonly controller: AbortController;
  /** When the first of its calls began. */
  readonly since: number;
  joined: number;
  /** Calls that are under way. */
  open: number;
  /** One of them was given up. */
  stopped: boolean;
}

/** With two listeners a call, as wrappers of `fetch` have them, still no more than Node lets pass without a warning. */
const most = 5;

/**
 * Signals for calls that all may take the same time. A signal of its own, and a `fetch` that follows it, cost a poll more than
 * all else that is ours; so calls that begin within a hundredth of that time share one. It is aborted as soon as the last of
 * them is over, if one was given up: whoever waits is told in time, and a connection is held for that hundredth longer at most.
 */
export class CallSignals {
  private readonly withinMs: number;
  private latest: CallSignal | undefined;

  constructor(timeoutMs: number) {
    this.withinMs = timeoutMs / 100;
  }

  join(now: number): CallSignal {
    const { latest } = this;
    if (latest && !latest.stopped && latest.joined < most) {
      const age = now - latest.since;
      // A clock that was set back joins nothing.
      if (age >= 0 && age < this.withinMs) {
        latest.joined += 1;
        latest.open += 1;
        return latest;
      }
    }
    return (this.latest = loneSignal(now));
  }
}

/** For a call that is given up for reasons of its own. */
export function loneSignal(now: number): CallSignal {
  return { controller: new AbortController(), since: now, joined: 1, open: 1, stopped: false };
}

/** To be called once for each call. */
export function leave(signal: CallSignal, stopped: boolean): void {
  signal.open -= 1;
  if (stopped) signal.stopped = true;
  if (signal.stopped && !signal.open) signal.controller.abort();
}

/** @throws TypeError for what cannot be listened to, such as the controller where its signal is meant: before anything is sent */
export function requireSignal(signal: AbortSignal | null | undefined, operation: string): void {
  if (signal && typeof signal.addEventListener !== 'function')
    throw new TypeError(`${operation}: "signal" must be an AbortSignal.`);
}
