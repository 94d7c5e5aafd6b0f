import { hasPointerEvents } from './tap-controller.js';

/**
 * What acts on lift: Send, Print and Clear. A finger that lifts from the button that it came down on presses it. Left to the browser, none would
 * that is held for long, slips by a few millimetres or has another finger beside it, as on the last key; nor one whose click the page forbids: against
 * double-tap zoom, or beside a library against slow clicks, whose own click comes to the element as a whole.
 */
export function lift(event: TouchEvent): void {
  const { target, clientX, clientY } = event.changedTouches[0]!;
  const button = (target as Element).closest('button');
  if (!button) return;
  // In the place of the browser's click.
  if (event.cancelable) event.preventDefault();
  // That comes all the same where a page has made every listener to touches a passive one. What cannot be cancelled has scrolled: by these
  // buttons only Safari 12 does, which does not know `touch-action: none`.
  if (!event.defaultPrevented && (event.cancelable || !hasPointerEvents())) return;
  // Of several on one button, the last: the next order may be there already. A finger that has slid off has thought better of it.
  if (
    !event.targetTouches.length &&
    button.contains((button.getRootNode() as ShadowRoot).elementFromPoint(clientX, clientY))
  )
    // FastClick swallows each click but its own, where it gets to hear of it and could forbid it.
    button.dispatchEvent(new CustomEvent('click', { bubbles: true }));
}
