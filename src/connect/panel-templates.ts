import { html, nothing, type TemplateResult } from 'lit';
import type { ConnectModel } from './connect-model.js';
import type { ConnectStrings } from './connect-templates.js';
import type { ConnectWarningCode } from './events.js';

/** What the panel knows and can do. */
export interface PanelView {
  readonly modal: boolean;
  readonly warning: ConnectWarningCode | null;
  readonly popupBlocked: boolean;
  readonly frame: { node: HTMLIFrameElement | null };
  readonly qr: TemplateResult | null;
  onCancel(event: UIEvent): void;
  onOpenWindow(): void;
  onToggleQr(): void;
  onReload(): void;
  onClosing(event: Event): void;
}

/**
 * What is shown while a session is on: in the page, or as a dialog over it.
 * @param status the live region: a dialog has its own, since nothing outside of it is read
 */
export const panel = (
  view: PanelView,
  model: ConnectModel,
  text: ConnectStrings,
  status: TemplateResult,
): TemplateResult =>
  view.modal
    ? html`<dialog
        part="dialog"
        aria-label=${text.connect}
        tabindex="-1"
        autofocus
        @cancel=${view.onClosing}
        @close=${view.onClosing}
        @keydown=${view.onClosing}
      >
        ${content(view, model, text, status)}
      </dialog>`
    : content(view, model, text, null);

/** The ways around the frame come before it: below, on most screens, nobody would see them. */
function content(
  view: PanelView,
  { connectUrl, ending }: ConnectModel,
  text: ConnectStrings,
  status: TemplateResult | null,
): TemplateResult {
  const { warning, popupBlocked } = view;
  const { node } = view.frame;
  return html`<div class="panel" role="group" aria-label=${text.connect} tabindex="-1">
    <div class="bar">
      ${status}<button part="cancel" aria-disabled=${!!ending} @click=${view.onCancel}>${text.cancel}</button>
    </div>
    <div class="ways">
      ${
        popupBlocked
          ? html`<a part="open-window" href=${connectUrl} target="_blank" rel="noopener">${text.window}</a>`
          : html`<button
              part="open-window"
              class=${node ? '' : 'primary'}
              ?disabled=${!connectUrl}
              @click=${view.onOpenWindow}
            >
              ${text.window}
            </button>`
      }
      <button
        part="phone"
        ?disabled=${!connectUrl}
        aria-expanded=${view.qr ? 'true' : 'false'}
        @click=${view.onToggleQr}
      >
        ${text.phone}
      </button>
      ${
        warning === 'slow' || warning === 'load-failed'
          ? html`<button part="retry" @click=${view.onReload}>${text.retry}</button>`
          : nothing
      }
    </div>
    ${view.qr}${node ? html`<div class="stage">${node}</div>` : nothing}
  </div>`;
}
