import type { Clock } from '../shared/clock.js';
import { ProxyError } from '../shared/proxy-client.js';
import type { IntegrationAnswer } from '../shared/wire.js';
import { Call } from './deadline.js';
import { failureOf, isFinal, type ConnectFailure } from './outcome.js';
import { nextPollAt, type PollPace } from './poll-schedule.js';
import { retryAfterMs } from './retry-after.js';

/** Longer than any proxy needs (its own upstream deadline answers 504 first). */
const callDeadline = 20_000;
const lastCallDeadline = 2_700;
const lastCallGrace = 300;
/** A proxy asks Rulrr once a second at most: what it says sooner after another answer may be the same one. */
const answerAge = 1_000;
/** No wait is longer, whatever the clock says meanwhile. */
const longestWait = 60_000;

export interface PollerReports {
  answered(answer: IntegrationAnswer): void;
  /** A refusal that ends the session. */
  refused(failure: ConnectFailure | 'expired'): void;
  /** No usable answer; the poller backs off and goes on. `failures` counts them in a row, 0 once it is over. */
  faltered(failures: number): void;
  /** The last question was not answered. */
  silence(): void;
}

/** Asks for the status of one session: one request in flight at most, the next wait starts after the answer. */
export class StatusPoller {
  private readonly clock: Clock;
  private readonly ask: (signal: AbortSignal) => Promise<IntegrationAnswer>;
  private readonly report: PollerReports;
  /** What has been learnt of one session; outlasts a pause, so that a move does not defeat what the proxy asks for. */
  private pace: PollPace | null = null;
  private running = false;
  private call: Call | null = null;
  private last = false;
  /** What is on its way was asked before the last question. */
  private early = false;
  /** Failures in a row, hints or not, also over a pause. */
  private failed = 0;
  /** The last usable answer came. */
  private heardAt = -Infinity;
  /** The last question was sent. */
  private askedAt = -Infinity;
  private stopTimer: (() => void) | null = null;

  constructor(clock: Clock, ask: (signal: AbortSignal) => Promise<IntegrationAnswer>, report: PollerReports) {
    this.clock = clock;
    this.ask = ask;
    this.report = report;
  }

  /** Polls from now on; with `'asked'` the first time at once. */
  start(pollAfterMs: number, hint: PollPace['hint'] = null): void {
    this.stop();
    const now = this.clock.now();
    this.pace = {
      answeredAt: now,
      failures: 0,
      eager: false,
      retryAfterMs: 0,
      hintedAt: -Infinity,
      jitter: 0,
      ...this.pace,
      startedAt: now,
      pollAfterMs,
      hiddenAt: document.hidden ? now : null,
      offline: isOffline(),
      hint,
    };
    this.running = true;
    this.listen('addEventListener');
    this.plan();
  }

  /** News may be there: poll now, at most once a second. */
  hint(kind: 'hint' | 'asked' = 'hint'): void {
    if (!this.running) return;
    const pace = this.pace!;
    pace.hint = pace.hint === 'asked' ? 'asked' : kind;
    this.plan();
  }

  /** One last question, and another one where its answer may be old; then `answered`, `refused` or `silence`, soon. Also during a pause. */
  askLast(): void {
    if (!this.running) this.start(0);
    this.last = true;
    this.early = !!this.call;
    if (this.early) this.askSoon();
    else this.askNow();
  }

  private askSoon(): void {
    this.stopTimer!();
    this.stopTimer = this.clock.after(answerAge, () => this.askNow());
  }

  private askNow(): void {
    if (this.stopTimer) this.stopTimer();
    // It hangs.
    if (this.call) this.call.abort();
    this.early = false;
    this.poll();
    this.stopTimer = this.clock.after(lastCallDeadline, () => {
      // As every call, in two parts.
      this.stopTimer = this.clock.after(lastCallGrace, () => this.report.silence());
    });
  }

  /** Leaves nothing behind: no timer, listener or request. */
  stop(): void {
    if (this.stopTimer) this.stopTimer();
    if (this.call) {
      this.call.abort();
      // The proxy has heard it all the same: it counts for the one poll a second.
      this.pace!.hintedAt = this.askedAt;
    }
    this.running = false;
    this.stopTimer = this.call = null;
    this.listen('removeEventListener');
  }

  private listen(change: 'addEventListener' | 'removeEventListener'): void {
    document[change]('visibilitychange', this.onChange);
    for (const type of ['pageshow', 'focus', 'online', 'offline']) window[change](type, this.onChange);
  }

  private readonly onChange = (): void => {
    const pace = this.pace!;
    pace.offline = isOffline();
    if (!document.hidden) pace.hiddenAt = null;
    else if (pace.hiddenAt === null) pace.hiddenAt = this.clock.now();
    // Hidden or offline, it waits until that changes.
    this.hint();
  };

  private plan(): void {
    if (!this.running || this.call || this.last) return;
    if (this.stopTimer) this.stopTimer();
    const pace = this.pace!;
    const now = this.clock.now();
    // The clock was set back: nothing has happened in the future.
    pace.answeredAt = Math.min(pace.answeredAt, now);
    pace.hintedAt = Math.min(pace.hintedAt, now);
    const at = nextPollAt(pace);
    const wait = Math.min(longestWait, Math.max(0, at - now));
    this.stopTimer = at < Infinity ? this.clock.after(wait, () => this.poll()) : null;
  }

  private poll(): void {
    const pace = this.pace!;
    const { hint } = pace;
    const now = (this.askedAt = this.clock.now());
    const isSoon = now >= this.heardAt && now < this.heardAt + answerAge;
    if (hint) {
      pace.failures = 0;
      pace.eager = true;
      pace.hint = null;
    }
    this.call = new Call().run(
      this.clock,
      callDeadline,
      this.ask,
      (answer) => this.ended(hint, isSoon, answer, null),
      (reason) => this.ended(hint, isSoon, null, reason),
    );
  }

  private ended(hint: PollPace['hint'], isSoon: boolean, answer: IntegrationAnswer | null, reason: unknown): void {
    const { report } = this;
    const pace = this.pace!;
    const refused = reason instanceof ProxyError;
    const refusal = refused && failureOf(reason, 'poll');
    this.call = null;
    pace.answeredAt = this.clock.now();
    if (hint) pace.hintedAt = pace.answeredAt;
    pace.retryAfterMs = refused ? retryAfterMs(reason.retryAfter, pace.answeredAt) : 0;
    const isOld = isSoon || this.early;
    const isOver = answer ? answer.status !== 'pending' : pace.retryAfterMs || (refusal && isFinal(refusal));
    this.early = false;
    // The merchant may have finished since.
    if (this.last && isOld && !isOver) {
      this.askSoon();
      return;
    }
    // Any other word is no news: a failure that passes, perhaps, but nothing to go by.
    if (answer && /^(pending|finished|cancelled)$/.test(answer.status)) {
      report.faltered(0);
      this.failed = pace.failures = 0;
      pace.eager = false;
      // It may not have heard yet what the hint is about.
      if (isSoon) pace.hint = pace.hint || hint;
      this.heardAt = pace.answeredAt;
      pace.pollAfterMs = answer.pollAfterMs;
      report.answered(answer);
    } else if (refusal && isFinal(refusal)) report.refused(refusal);
    else if (this.last) report.silence();
    else {
      pace.jitter = this.clock.random();
      pace.failures += 1;
      report.faltered((this.failed += 1));
    }
    this.plan();
  }
}

const isOffline = (): boolean => navigator.onLine === false;
