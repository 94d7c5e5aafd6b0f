/**
 * Code with parts of it replaced.
 *
 * @param {string} code
 * @param {{start: number, end: number, text: string}[]} edits offsets into `code`, none over another
 */
export function edited(code, edits) {
  let result = code;
  for (const { start, end, text } of edits.toSorted((one, other) => other.start - one.start))
    result = result.slice(0, start) + text + result.slice(end);
  return result;
}
