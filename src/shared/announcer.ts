import type { Clock } from './clock.js';

/**
 * Words for one polite live region: at most one message a second, the newest wins, the same words are not said twice.
 * Owns its timer and nothing else; the element renders what `say` is given.
 */
export class Announcer {
  private readonly clock: Clock;
  private readonly say: (text: string) => void;
  private last = '';
  private lastAt = -Infinity;
  private stopTimer: (() => void) | null = null;

  constructor(clock: Clock, say: (text: string) => void) {
    this.clock = clock;
    this.say = say;
  }

  announce(text: string): void {
    this.stop();
    if (text === this.last) return;
    const now = this.clock.now();
    // The clock may have been set back.
    this.lastAt = Math.min(this.lastAt, now);
    const wait = this.lastAt + 1000 - now;
    if (wait > 0) {
      this.stopTimer = this.clock.after(wait, () => this.announce(text));
      return;
    }
    this.last = text;
    this.lastAt = now;
    this.say(text);
  }

  stop(): void {
    if (this.stopTimer) this.stopTimer();
    this.stopTimer = null;
  }
}
