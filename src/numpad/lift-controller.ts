import type { Clock } from '../shared/clock.js';

/**
 * What acts on lift: Send, Print and Clear. A browser makes no click of fingers that were down together, and Send would be lost while another
 * finger still rests on the last key: such a lift is turned into the click that it would have been alone. So is one whose click the page forbids:
 * against double-tap zoom, right after the last digit, or beside a library against slow clicks, whose own click comes to the element as a whole.
 */
export class LiftController {
  private readonly host: { readonly clock: Clock };
  /** What has told of the last finger that came down, unless the page keeps that to itself. */
  private start: TouchEvent | null = null;

  constructor(host: { readonly clock: Clock }) {
    this.host = host;
  }

  readonly touchstart = (event: TouchEvent): void => {
    this.start = event;
  };

  readonly touchend = (event: TouchEvent): void => {
    if (!event.cancelable) return;
    const start = this.start || event;
    for (const { target, clientX, clientY } of Array.from(event.changedTouches)) {
      const button = (target as Element).closest('button');
      if (!button) continue;
      // Also where a browser would have made a click.
      if (start.touches.length > 1 || event.touches.length) event.preventDefault();
      // Once the page has had its say.
      this.host.clock.after(0, () => {
        const forbidden = start.defaultPrevented || event.defaultPrevented;
        // A finger that has slid off has thought better of it.
        if (forbidden && button.contains((button.getRootNode() as ShadowRoot).elementFromPoint(clientX, clientY)))
          // FastClick swallows each click but its own, where it gets to hear of it and could forbid it.
          button.dispatchEvent(new CustomEvent('click', { bubbles: true }));
      });
    }
  };
}
