import type { Clock } from '../shared/clock.js';

export interface AnnouncerHost {
  readonly clock: Clock;
  readonly isConnected: boolean;
  requestUpdate(): void;
}

/** Words for one polite live region: at most one message a second, the newest wins, the same words are not said twice. */
export class Announcer {
  /** What the region says. */
  spoken = '';

  private readonly host: AnnouncerHost;
  private lastAt = -Infinity;
  /** What waits is not said. */
  stop: () => void = () => {};

  constructor(host: AnnouncerHost) {
    this.host = host;
  }

  announce(text: string): void {
    const { host } = this;
    this.stop();
    // Nobody hears an element that is gone, and a timer would keep it.
    if (text === this.spoken || !host.isConnected) return;
    const now = host.clock.now();
    // The clock may have been set back.
    this.lastAt = Math.min(this.lastAt, now);
    const wait = this.lastAt + 1000 - now;
    if (wait > 0) this.stop = host.clock.after(wait, () => this.announce(text));
    else {
      this.spoken = text;
      this.lastAt = now;
      host.requestUpdate();
    }
  }
}
