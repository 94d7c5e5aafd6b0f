import type { MetadataJson } from 'libphonenumber-js/core/es6';
import metadata from 'libphonenumber-js/mobile/metadata';

/** The mobile rules of every region; loaded on demand, since they weigh more than the rest of the numpad. A function: the script tag unpacks them here. */
export function world(): MetadataJson {
  const nonGeographic: Record<string, unknown[][]> = {};
  // Of codes that belong to no country the library keeps all types, toll-free and premium ones, too. A copy, since the page may use its own.
  for (const [code, row] of Object.entries(metadata.nonGeographic as unknown as typeof nonGeographic))
    nonGeographic[code] = Object.assign([...row], { 11: [0, (row[11] || [])[1] || 0] });
  return { ...metadata, nonGeographic } as unknown as MetadataJson;
}

/** Countries that the page names and nobody knows: they let no number through, and nothing on screen would say why. */
export function complain(wrong: readonly string[]): void {
  if (wrong.length)
    console.error(
      `rulrr-ereceipt-numpad: no phone numbers are known of "${wrong[0]}". Countries go by ISO 3166-1, such as GB.`,
    );
}
