import { hasPointerEvents } from './tap-controller.js';

/**
 * What acts on lift: Send, Print and Clear. Each finger that lifts from the button that it came down on presses it. Left to the browser, none would
 * that is held for long, slips by a few millimetres or has another finger beside it, as on the last key; nor one whose click the page forbids: against
 * double-tap zoom, or beside a library against slow clicks, whose own click comes to the element as a whole.
 */
export function lift(event: TouchEvent): void {
  for (const { target, clientX, clientY } of Array.from(event.changedTouches)) {
    const button = (target as Element).closest('button');
    if (!button) continue;
    // In the place of the browser's click.
    if (event.cancelable) event.preventDefault();
    // It has scrolled: by these buttons only Safari 12 does, which does not know `touch-action: none`.
    else if (!hasPointerEvents()) continue;
    // A finger that has slid off has thought better of it.
    if (button.contains((button.getRootNode() as ShadowRoot).elementFromPoint(clientX, clientY)))
      // FastClick swallows each click but its own, where it gets to hear of it and could forbid it.
      button.dispatchEvent(new CustomEvent('click', { bubbles: true }));
  }
}
