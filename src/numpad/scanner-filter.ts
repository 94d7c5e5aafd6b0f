/** A pause after which keys belong together no more, in ms. A person at 12 keys a second leaves 83. */
const pause = 80;
/** A wedge scanner is at most this slow on average, over at least this many characters. */
const meanGap = 35;
const burst = 6;

/**
 * Tells a barcode scanner from a person by the rhythm of hardware keys. Digits are shown as they come, since nobody can know a burst by its
 * first key; once it is known, what stood before it is put back and the rest of it is swallowed.
 */
export class ScannerFilter {
  private times: number[] = [];
  private before = '';
  private scanning = false;

  /**
   * @param at when the key went down, in ms.
   * @param text what the number is before this key.
   * @returns null for a person's key; for a scanner's, what the number must be again.
   */
  character(at: number, text: string): string | null {
    const { times } = this;
    if (!this.follows(at)) {
      times.length = 0;
      this.before = text;
      this.scanning = false;
    }
    times.push(at);
    const first = times[times.length - burst];
    if (first !== undefined && at - first <= meanGap * (burst - 1)) this.scanning = true;
    return this.scanning ? this.before : null;
  }

  /** True for the Enter, Tab or space that ends a burst, or that comes faster after a character than a hand can. */
  terminator(at: number): boolean {
    return this.follows(at) && (this.scanning || at - this.times[this.times.length - 1]! <= meanGap);
  }

  private follows(at: number): boolean {
    const last = this.times[this.times.length - 1];
    return last !== undefined && at - last <= pause;
  }
}
