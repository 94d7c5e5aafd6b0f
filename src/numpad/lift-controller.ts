/**
 * What acts on lift: Send, Print and Clear. A browser makes no click of fingers that were down together, and Send would be lost while another
 * finger still rests on the last key: such a lift is turned into the click that it would have been alone.
 */
export class LiftController {
  private together = false;

  readonly touchstart = ({ touches }: TouchEvent): void => {
    this.together = touches.length > 1;
  };

  readonly touchend = (event: TouchEvent): void => {
    if (!(this.together || event.touches.length) || !event.cancelable) return;
    for (const { target, clientX, clientY } of Array.from(event.changedTouches)) {
      const button = (target as Element).closest('button');
      if (!button) continue;
      // Also where a browser would have made a click.
      event.preventDefault();
      const root = button.getRootNode() as ShadowRoot;
      // A finger that has slid off has thought better of it.
      if (button.contains(root.elementFromPoint(clientX, clientY))) button.click();
    }
  };
}
