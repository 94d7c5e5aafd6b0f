/**
 * The same session in another window. The handle is never asked how things are: under `Cross-Origin-Opener-Policy: same-origin`
 * it says `closed` at once while the window is open.
 */
export class WindowController {
  handle: Window | null = null;

  /** In the click itself, or browsers block it. @returns false if it was blocked. */
  open(url: string): boolean {
    if (this.handle && !this.handle.closed) {
      this.handle.focus();
      return true;
    }
    // Without `noopener`, with which the answer is null even on success; the opener is taken away afterwards.
    this.handle = window.open(url, '_blank');
    if (!this.handle) return false;
    try {
      this.handle.opener = null;
    } catch {
      // Already severed by the page's own policy.
    }
    return true;
  }

  close(): void {
    if (this.handle) this.handle.close();
    this.handle = null;
  }
}
