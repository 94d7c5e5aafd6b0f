/**
 * The same session in another window. Its handle is not kept, nor asked how things are: under `Cross-Origin-Opener-Policy: same-origin`
 * it says `closed` at once while the window is open. Nor is it told anything: a window whose opener is taken away is not ours to
 * focus or to close any more (Chromium ignores both), so each click opens one, and whoever opened it closes it.
 */
export class WindowController {
  opened = false;

  /** In the click itself, or browsers block it. @returns false if it was blocked. */
  open(url: string): boolean {
    let handle: Window | null = null;
    try {
      // Without `noopener`, with which the answer is null even on success; the opener is taken away afterwards.
      handle = window.open(url, '_blank');
      if (handle) handle.opener = null;
    } catch {
      // Already severed by the page's own policy; or a kiosk has taken `window.open` away.
    }
    if (handle) this.opened = true;
    return !!handle;
  }
}
