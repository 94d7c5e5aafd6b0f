import { html, nothing, type TemplateResult } from 'lit';
import type { ConnectModel } from './connect-model.js';
import type { ConnectStrings } from './connect-templates.js';
import type { ConnectWarningCode } from './events.js';

export interface PanelView {
  model: ConnectModel;
  modal: boolean;
  /** The live region: a dialog has its own, since nothing outside of it is read. */
  status: TemplateResult;
  text: ConnectStrings;
  warning: ConnectWarningCode | null;
  frame: HTMLIFrameElement | null;
  qr: TemplateResult | null;
  cancel(): void;
  openWindow(): void;
  toggleQr(): void;
  reload(): void;
  closing(event: Event): void;
}

/** What is shown while a session is on: in the page, or as a dialog over it. */
export const panel = (view: PanelView): TemplateResult =>
  view.modal
    ? html`<dialog
        part="dialog"
        aria-label=${view.text.connect}
        tabindex="-1"
        @cancel=${view.closing}
        @close=${view.closing}
        @keydown=${view.closing}
      >
        ${content(view)}
      </dialog>`
    : content(view);

function content(view: PanelView): TemplateResult {
  const { text, model, warning, frame } = view;
  const url = model.connectUrl;
  return html`<div class="panel" tabindex="-1">
    <div class="bar">
      ${view.modal ? view.status : nothing}<button part="cancel" ?disabled=${!!model.ending} @click=${view.cancel}>
        ${text.cancel}
      </button>
    </div>
    ${frame ? html`<div class="stage">${frame}</div>` : nothing}
    <div class="ways">
      ${
        warning === 'popup-blocked' && url
          ? html`<a part="open-window" href=${url} target="_blank" rel="noopener">${text.window}</a>`
          : html`<button part="open-window" class=${frame ? '' : 'primary'} ?disabled=${!url} @click=${view.openWindow}>
              ${text.window}
            </button>`
      }
      <button part="phone" ?disabled=${!url} aria-expanded=${view.qr ? 'true' : 'false'} @click=${view.toggleQr}>
        ${text.phone}
      </button>
      ${
        warning === 'slow' || warning === 'load-failed'
          ? html`<button part="retry" @click=${view.reload}>${text.retry}</button>`
          : nothing
      }
    </div>
    ${view.qr}
  </div>`;
}
