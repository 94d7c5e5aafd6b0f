import type { Clock } from '../shared/clock.js';
import type { NumberEntry } from './number-entry.js';
import type { TapController } from './tap-controller.js';

const still: Clock = { now: () => 0, after: () => () => {}, random: () => 0 };

/**
 * Runs what the first key will run through, on a number that nobody sees: an engine compiles a function, and the phone library its patterns, when
 * they are first used, and on a slow till that is most of what the first digit would wait for.
 *
 * Loaded once the pad is on screen, which does not wait for it; so the classes come from the element, which has them.
 *
 * @param key any digit's key
 * @param number where the number is written
 */
export function rehearse(
  Entry: typeof NumberEntry,
  Taps: typeof TapController,
  key: Element | null,
  number: Text,
): void {
  const entry = new Entry({
    clock: still,
    countries: '',
    defaultCountry: 'US',
    editable: true,
    settled() {},
  });
  entry.text = '2015550123';
  entry.settle();
  // What waits for the frame of this press runs in it, and ends there: time stands still.
  const taps = new Taps({ clock: still, commit: (pressed) => entry.commit(pressed) });
  taps.pointerdown({ button: 0, target: key } as unknown as PointerEvent);
  taps.stop();
  // Lit's way to a listener, by an event that goes no further than the pad and presses nothing.
  if (key) key.parentNode!.dispatchEvent(new CustomEvent('pointerdown'));
  // The font in the number's size, for which a sandboxed browser asks another process: laid out, and gone before anything is painted.
  const { parentElement } = number;
  if (parentElement && !number.data) {
    number.data = '0';
    parentElement.getBoundingClientRect();
    number.data = '';
  }
}
