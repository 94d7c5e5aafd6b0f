/** What the next poll depends on. Times in milliseconds since the epoch. */
export interface PollPace {
  /** The session was started or taken up. */
  startedAt: number;
  /** The last answer, or failure to get one, came. */
  answeredAt: number;
  /** The proxy's minimum, as it gave it. */
  pollAfterMs: number;
  /** Failures in a row, counted anew from each hint. */
  failures: number;
  /** A hint has not had its answer yet: the polls that it led to have failed so far. */
  eager: boolean;
  /** The proxy's `Retry-After`, in milliseconds; 0 without. */
  retryAfterMs: number;
  /** Since when the page is hidden; null while it shows. */
  hiddenAt: number | null;
  offline: boolean;
  /** Something suggests that there is news (`'hint'`), or somebody asks in so many words (`'asked'`). */
  hint: 'hint' | 'asked' | null;
  /** The last poll that came from a hint was answered. */
  hintedAt: number;
  /** A number in [0, 1), drawn with each failure. */
  jitter: number;
}

const second = 1000;
/** No answer of a proxy can make the element spin or hang: RFC 8628 clients clamp the server's interval in the same way. */
const longest = 60 * second;

/**
 * When to poll next; Infinity is "not until something changes".
 *
 * Sessions end late (median 75 s), so waits that grow with time are longest when it matters: 3 s for two minutes, then 5 s, and
 * a hint polls at once, at most once a second. Only failures back off; where they meet a hint they do so from 1 s, since the
 * merchant has probably just finished. A `Retry-After` holds against hints too.
 */
export function nextPollAt(pace: PollPace): number {
  const { answeredAt, failures, hiddenAt, hint } = pace;
  const notBefore = answeredAt + pace.retryAfterMs;
  const watched = !pace.offline && hiddenAt === null;
  if (hint === 'asked' || (hint && watched)) return Math.max(pace.hintedAt + second, notBefore);
  if (pace.offline) return Infinity;

  const usual = (answeredAt - pace.startedAt < 120 * second ? 3 : 5) * second;
  const first = pace.eager ? second : usual;
  // `|| 0`: what a proxy gives may be no number at all.
  let wait = Math.max(first, Math.min(pace.pollAfterMs, longest) || 0);
  if (failures) wait = Math.max(wait, Math.min(30 * second, first * 2 ** failures) * (1 - pace.jitter / 4));
  if (hiddenAt !== null) {
    // Four a minute, one a minute after five minutes: browsers slow timers down to that by themselves.
    const slow = 15 * second;
    wait = Math.max(wait, answeredAt + slow - hiddenAt < 300 * second ? slow : longest);
  }
  return Math.max(answeredAt + wait, notBefore);
}
