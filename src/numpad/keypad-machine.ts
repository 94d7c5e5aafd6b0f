/** What a key does to what has been keyed. A value of `data-key`. */
export type Key = '0' | '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9' | 'plus' | 'delete' | 'clear';

/**
 * E.164 ends at 15 digits; prefixes such as 0011 come on top. Digits past a number's own length are still shown and called too long: what was
 * pressed is what is shown, and a double tap is not hidden by a number that looks right.
 */
export const longest = 20;

/** The text after a key: ASCII digits, with a `+` in front or not. Answers the same text if the key does nothing. */
export function press(text: string, key: Key): string {
  if (key === 'clear') return '';
  if (key === 'delete') return text.slice(0, -1);
  if (key === 'plus') return text ? text : '+';
  return text.length < longest ? text + key : text;
}
