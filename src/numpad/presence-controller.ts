import type { Clock } from '../shared/clock.js';

export interface PresenceHost extends Element {
  readonly clock: Clock;
  /** Nobody can answer any more. */
  close(): void;
}

/** Whether anybody can answer: the element may be moved, taken out, or put into another window, and that one closed. */
export class PresenceController {
  private readonly host: PresenceHost;

  constructor(host: PresenceHost) {
    this.host = host;
  }

  /** In a page whose window is open. */
  get isThere(): boolean {
    return this.host.isConnected && !!this.host.ownerDocument.defaultView;
  }

  /** The page's own script ends with its window, whichever the element is in. */
  private get windows(): (EventTarget | null)[] {
    return [window, this.host.ownerDocument.defaultView];
  }

  connect(): void {
    this.watch('addEventListener');
  }

  /** The page may take it out as it goes itself, and Chromium takes all listeners from what is left in a window that closes: there is no later. */
  private watch(change: 'addEventListener' | 'removeEventListener'): void {
    for (const view of this.windows) if (view) view[change]('pagehide', this.leave);
  }

  /** Ends the prompt if it is out of the page for longer than a move takes, or in a window that is closed. */
  check(): void {
    this.host.clock.after(0, () => {
      if (this.isThere) return;
      this.watch('removeEventListener');
      this.host.close();
    });
  }

  /** Not by one that it was in before. */
  private readonly leave = ({ currentTarget }: Event): void => {
    if (this.windows.indexOf(currentTarget) >= 0) this.host.close();
  };
}
