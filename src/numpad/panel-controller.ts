import { layOverPage } from '../shared/over-page.js';

/** What the templates cannot do by themselves: open and close the panel. */
export class PanelController {
  private readonly host: HTMLElement;
  private modal = false;
  private stopOver: (() => void) | null = null;

  constructor(host: HTMLElement) {
    this.host = host;
  }

  private get panel(): HTMLDialogElement | null {
    return this.host.shadowRoot!.querySelector('dialog');
  }

  get display(): HTMLElement {
    return this.host.shadowRoot!.querySelector<HTMLElement>('#number')!;
  }

  focus(): void {
    this.display.focus({ preventScroll: true });
  }

  /** Shows the panel, in the page or modal over it, or takes it away. */
  present(wanted: boolean, modal: boolean): void {
    const panel = this.panel!;
    if (wanted === panel.hasAttribute('open') && (!wanted || modal === this.modal)) return;
    this.hide();
    if (!wanted) return;
    // Never of one that stands in the page: Chromium would take the focus to it, and the page's scrolling, as it is put in.
    this.modal = this.display.autofocus = modal;
    this.stopOver = modal ? layOverPage(panel) : null;
    if (this.stopOver) return;
    panel.setAttribute('open', '');
    if (!modal) return;
    panel.setAttribute('aria-modal', 'true');
    this.focus();
  }

  hide(): void {
    const { panel } = this;
    if (this.stopOver) this.stopOver();
    this.stopOver = null;
    if (!panel) return;
    if (panel.close) panel.close();
    else panel.removeAttribute('open');
    panel.removeAttribute('aria-modal');
  }
}
