import metadata from 'libphonenumber-js/mobile/metadata';

/** The mobile rules of every region; loaded on demand, since they weigh more than the rest of the numpad. A function: the script tag unpacks them here. */
export const world = () => metadata;

/** Countries that the page names and nobody knows: they let no number through, and nothing on screen would say why. */
export function complain(wrong: readonly string[]): void {
  if (wrong.length)
    console.error(
      `rulrr-ereceipt-numpad: no phone numbers are known of "${wrong[0]}". Countries go by ISO 3166-1, such as GB.`,
    );
}
