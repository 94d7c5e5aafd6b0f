/** A pause after which keys belong together no more, in ms. A person at 12 keys a second leaves 83. */
const pause = 80;
/** A scanner may stumble once for this long, in ms: after keys that came faster than a hand's, it is still the same burst. */
const stumble = 150;
/** The key that ends a burst may lag behind by this much, in ms. */
const lag = 500;
/** A wedge scanner is at most this slow on average, over at least this many characters. */
const meanGap = 35;
const burst = 6;

/**
 * Tells a barcode scanner from a person by the rhythm of hardware keys. Digits are shown as they come, since nobody can know a burst by its
 * first key; once it is known, what stood before it is put back and the rest of it is swallowed.
 */
export class ScannerFilter {
  private times: number[] = [];
  /** What the number was before the run of keys; null until its next key tells. */
  private before: string | null = null;
  private scanning = false;
  /** The key that ends the burst has come. */
  private ended = false;

  /**
   * @param at when the key went down, in ms.
   * @param text what the number is before this key.
   * @returns null for a person's key; for a scanner's, what the number must be again.
   */
  character(at: number, text: string): string | null {
    const { times } = this;
    const gap = this.gap(at);
    if (gap > pause && !(gap <= stumble && times.length > 1 && this.fast(times.length))) {
      times.length = 0;
      this.before = null;
      this.scanning = false;
    }
    if (this.before === null) this.before = text;
    times.push(at);
    this.ended = false;
    if (times.length >= burst && (this.fast(burst) || this.fast(times.length))) this.scanning = true;
    return this.scanning ? this.before : null;
  }

  /** True for the Enter, Tab or space that ends a burst, or that comes faster after a character than a hand can. */
  terminator(at: number): boolean {
    // Some send two of them; a hand that presses Enter after a scan means it.
    if (this.gap(at) > (this.scanning && !this.ended ? lag : meanGap)) return false;
    this.times.push(at);
    return (this.ended = true);
  }

  /** The number is gone: a burst that is still on its way must not bring it back. */
  forget(): void {
    this.before = null;
  }

  private gap(at: number): number {
    const { times } = this;
    return times.length ? at - times[times.length - 1]! : Infinity;
  }

  /** True if the last `count` keys came as fast as a scanner's. */
  private fast(count: number): boolean {
    const { times } = this;
    return times[times.length - 1]! - times[times.length - count]! <= meanGap * (count - 1);
  }
}
