import type { Clock } from '../shared/clock.js';
import type { ConnectWarningCode } from './events.js';

const sandbox =
  'allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox allow-storage-access-by-user-activation';
const slowAfter = 10_000;

/**
 * The frame with Rulrr's connect page. Its node is made by hand and handed to the template, so that no re-render can replace it:
 * one session is one navigation. A new frame (`open` again) is the only way to try again.
 */
export class FrameController {
  node: HTMLIFrameElement | null = null;
  /** Of the connect page. */
  origin = '';
  private readonly warn: (code: ConnectWarningCode) => void;
  /** Fires for each document of a cross-origin frame: any after the first says that the merchant has moved on. */
  private readonly loaded: (first: boolean) => void;
  private loads = 0;
  private stopTimer: (() => void) | null = null;

  constructor(warn: (code: ConnectWarningCode) => void, loaded: (first: boolean) => void) {
    this.warn = warn;
    this.loaded = loaded;
  }

  open(url: string, title: string, clock: Clock): void {
    this.close();
    const frame = document.createElement('iframe');
    frame.title = title;
    frame.setAttribute('part', 'frame');
    frame.setAttribute('sandbox', sandbox);
    frame.setAttribute('referrerpolicy', 'strict-origin');
    frame.onload = () => {
      this.stopTimer!();
      this.loaded(!this.loads++);
    };
    frame.onerror = () => {
      this.stopTimer!();
      // Firefox says `error` for a frame that the page's policy forbids, too: the violation, if any, comes first or right after.
      this.stopTimer = clock.after(50, () => this.warn('load-failed'));
    };
    // Before it is inserted: a frame that is navigated later leaves an entry in the page's history.
    frame.src = url;
    this.origin = new URL(url).origin;
    this.loads = 0;
    this.stopTimer = clock.after(slowAfter, () => this.warn('slow'));
    document.addEventListener('securitypolicyviolation', this.onViolation);
    this.node = frame;
  }

  close(): void {
    if (this.stopTimer) this.stopTimer();
    document.removeEventListener('securitypolicyviolation', this.onViolation);
    if (this.node) {
      this.node.onload = this.node.onerror = null;
      this.node.remove();
    }
    this.node = this.stopTimer = null;
  }

  /** Reaches only the document for a frame in a shadow root, and names only the origin that was blocked. A policy may only report. */
  private readonly onViolation = ({
    blockedURI,
    disposition,
    effectiveDirective,
  }: SecurityPolicyViolationEvent): void => {
    if (
      disposition !== 'report' &&
      /^(frame|child|default)-src/.test(effectiveDirective) &&
      blockedURI.indexOf(this.origin) === 0
    ) {
      this.warn('csp-blocked');
    }
  };
}

/** True for a URL that may be framed: with `allow-scripts allow-same-origin`, the sandbox holds only across origins. */
export function isConnectUrl(text: string | undefined): boolean {
  try {
    const url = new URL(text!);
    const loopback = /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
    // A page that was written rather than loaded (`srcdoc`) has no address; its `origin` is asked for only there, since scripts may have set it.
    const own = location.origin === 'null' ? window.origin : location.origin;
    return url.origin !== own && (url.protocol === 'https:' || (url.protocol === 'http:' && loopback));
  } catch {
    return false;
  }
}
