import { adoptStyles, type TemplateResult } from 'lit';
import type { Clock } from '../shared/clock.js';
import { layOverPage } from '../shared/over-page.js';
import { tokens } from '../shared/tokens.styles.js';
import type { ConnectModel } from './connect-model.js';
import type { ConnectStrings } from './connect-templates.js';
import { connectStyles } from './connect.styles.js';
import { ConnectWarningEvent, type ConnectWarningCode } from './events.js';
import { FrameController } from './frame-controller.js';
import { panel, type PanelView } from './panel-templates.js';
import { panelStyles } from './panel.styles.js';
import { WindowController } from './window-controller.js';

/** What the panel needs of its element. */
export interface PanelHost extends HTMLElement {
  readonly clock: Clock;
  readonly presentation: 'inline' | 'dialog';
  readonly renderRoot: HTMLElement | DocumentFragment;
  readonly updateComplete: Promise<boolean>;
  requestUpdate(): void;
  cancel(): void;
  words(): ConnectStrings;
}

/** What a session shows, and the ways to its page: the frame, another window, the QR code; in the page or as a dialog over it. */
export class ConnectPanel implements PanelView {
  /** What is wrong with the frame. */
  warning: ConnectWarningCode | null = null;
  /** Until the session ends: what is wrong with the frame comes and goes beside it. */
  popupBlocked = false;
  modal = false;
  readonly window = new WindowController();
  private readonly host: PanelHost;
  /** There may be news. */
  private readonly hint: () => void;
  private connectUrl: string | null = null;
  qr: TemplateResult | null = null;
  private styled = false;
  private returnTo: Element | null = null;
  /** What had the focus before a render. */
  private focused: Element | null = null;
  private stopOver: (() => void) | null = null;
  readonly frame = new FrameController(
    (code) => this.warn(code),
    (first) => this.onFrameLoad(first),
  );

  constructor(host: PanelHost, hint: () => void) {
    this.host = host;
    this.hint = hint;
  }

  /** What there is to say of the way to the connect page. */
  get told(): keyof ConnectStrings {
    if (this.popupBlocked) return 'popup';
    if (this.window.opened) return 'elsewhere';
    if (this.warning === 'slow') return 'slow';
    return this.warning ? 'blocked' : 'pending';
  }

  /** Another session begins. */
  begin(): void {
    this.modal = this.host.presentation === 'dialog';
    this.connectUrl = this.warning = this.qr = null;
    this.window.opened = false;
    this.popupBlocked = false;
  }

  /** Makes the frame, unless it is there, and listens to it. */
  show({ connectUrl, embeddable }: ConnectModel): void {
    this.connectUrl = connectUrl;
    window.addEventListener('message', this.onMessage);
    if (this.frame.node || !connectUrl) return;
    if (embeddable) this.onReload();
    else if (!this.warning) this.warn('not-embeddable');
  }

  /** Leaves nothing behind in the page. */
  hide(): void {
    window.removeEventListener('message', this.onMessage);
    document.removeEventListener('focusin', this.onFocusIn);
    this.pause();
    this.frame.close();
  }

  /** Closes the dialog without a word; the next render in the page opens it anew. Out of the page it would stay open, and be modal no more. */
  pause(): void {
    const dialog = this.dialog();
    if (this.stopOver) this.stopOver();
    this.stopOver = null;
    if (dialog) dialog.removeAttribute('open');
  }

  render(model: ConnectModel, status: TemplateResult): TemplateResult {
    this.focused = (this.host.renderRoot as ShadowRoot).activeElement;
    return panel(this, model, this.host.words(), status);
  }

  /** After each render. */
  updated(): void {
    const { renderRoot } = this.host;
    // Style sheets hold only in the document that made them: in another one the session has to do without, and none comes back from there.
    const here = renderRoot.ownerDocument === document;
    if (here && !this.styled) adoptStyles(renderRoot as ShadowRoot, [tokens, connectStyles, panelStyles]);
    this.styled = here;
    // Both are made once; the language may change.
    const { connect, phone } = this.host.words();
    if (this.frame.node) this.frame.node.title = connect;
    const code = renderRoot.querySelector('[part=qr]');
    if (code) code.setAttribute('aria-label', phone);
    const dialog = this.dialog();
    if (dialog && !dialog.hasAttribute('open') && this.host.isConnected) this.openDialog(dialog);
    // What had the focus is gone: the button that has begun this, that has loaded the frame anew, or that a link has taken the place of.
    if (this.focused && !(renderRoot as ShadowRoot).activeElement)
      (renderRoot.querySelector('a') || renderRoot.querySelector<HTMLElement>('.panel')!).focus({
        preventScroll: true,
      });
    this.focused = null;
  }

  /**
   * As a session begins, remembers what is to have the focus back after a dialog, which takes it by itself; as it ends, gives it back, or
   * to the button that stands in the panel's place. Never scrolls.
   */
  moveFocus(entering: boolean): void {
    const root = this.host.shadowRoot;
    const inside = root && root.activeElement;
    const { returnTo } = this;
    this.returnTo = entering && this.host.presentation === 'dialog' && !inside ? focused(this.host) : null;
    if (entering || !root || !(this.modal || inside)) return;
    const focus = (target: Element | null): void => {
      if (target) (target as HTMLElement).focus({ preventScroll: true });
    };
    void this.host.updateComplete.then(() => {
      focus(returnTo);
      // What has started it may be hidden meanwhile, or disabled.
      if (focused(this.host) !== returnTo) focus(root.querySelector('.rest button'));
    });
  }

  private dialog(): HTMLDialogElement | null {
    return this.host.renderRoot && this.host.renderRoot.querySelector('dialog');
  }

  private warn(code: ConnectWarningCode): void {
    if (code === 'popup-blocked') this.popupBlocked = true;
    else this.warning = code;
    if (code === 'csp-blocked') this.frame.close();
    this.host.requestUpdate();
    this.host.dispatchEvent(new ConnectWarningEvent({ code }));
  }

  private onFrameLoad(first: boolean): void {
    if (this.warning === 'slow') this.warning = null;
    this.host.requestUpdate();
    if (!first) this.hint();
  }

  /** A message is at most a hint, and only from the connect page in the frame: one in a window has no opener to write to. */
  private readonly onMessage = ({ origin, source }: MessageEvent): void => {
    const { frame } = this;
    if (frame.node && source === frame.node.contentWindow && origin === frame.origin) this.hint();
  };

  /** Not the second half of a double click on what begins a session: this may have come under the finger. */
  readonly onCancel = ({ detail }: UIEvent): void => {
    if (!(detail > 1)) this.host.cancel();
  };

  /** A new frame, the first one or one to try again with. */
  readonly onReload = (): void => {
    this.warning = null;
    this.frame.open(this.connectUrl!, this.host.words().connect, this.host.clock);
    this.host.requestUpdate();
  };

  readonly onOpenWindow = (): void => {
    if (!this.window.open(this.connectUrl!)) this.warn('popup-blocked');
    this.host.requestUpdate();
  };

  readonly onToggleQr = (): void => {
    const { connectUrl } = this;
    const shown = this.qr;
    this.qr = null;
    this.host.requestUpdate();
    if (shown) return;
    import('./qr.js')
      .then(({ qrCode }) => qrCode(connectUrl!))
      .then((qr) => {
        if (this.connectUrl === connectUrl) this.qr = qr;
        this.host.requestUpdate();
      })
      // Without its library there is none; another press asks for it again.
      .catch(() => {});
  };

  /** Escape, the system's way back, or the dialog closed by the browser. */
  readonly onClosing = (event: Event): void => {
    if (event.type === 'keydown' && (event as KeyboardEvent).key !== 'Escape') return;
    // Browsers tell of it a frame later, when it may be open again.
    if (event.type === 'close' && (event.target as Element).hasAttribute('open')) return;
    event.preventDefault();
    this.host.cancel();
  };

  /** Modal where the browser can; a box over the page that keeps the focus where `<dialog>` is unknown (Safari before 15.4). */
  private openDialog(dialog: HTMLDialogElement): void {
    // The browser may have closed it.
    this.pause();
    this.stopOver = layOverPage(dialog);
    if (!this.stopOver) {
      dialog.setAttribute('open', '');
      dialog.setAttribute('role', 'dialog');
      dialog.setAttribute('aria-modal', 'true');
      document.addEventListener('focusin', this.onFocusIn);
    }
    // Browsers would take the panel in it, or Cancel: a screen reader tells its name by neither.
    dialog.focus({ preventScroll: true });
  }

  /** Its target would be the component that the element is in. */
  private readonly onFocusIn = (): void => {
    if (!(this.host.renderRoot as ShadowRoot).activeElement) this.dialog()!.focus({ preventScroll: true });
  };
}

/** What has the focus: beside the element, also where it is in a shadow root that is closed, or inside of open ones. */
function focused(host: Element): Element | null {
  let { activeElement } = host.getRootNode() as ShadowRoot;
  if (!activeElement) ({ activeElement } = document);
  while (activeElement && activeElement.shadowRoot && activeElement.shadowRoot.activeElement) {
    ({ activeElement } = activeElement.shadowRoot);
  }
  return activeElement;
}
