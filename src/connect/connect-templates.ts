import { html, nothing, type TemplateResult } from 'lit';
import type { Messages } from '../shared/messages/en.js';
import type { Connection } from '../shared/wire.js';
import { isActive, type ConnectModel, type ConnectState } from './connect-model.js';

export type ConnectStrings = Messages['connect'];

/** How things stand, and the words for it. */
export interface ConnectView {
  model: ConnectModel;
  text: ConnectStrings;
  connection: Connection | null;
  /** What there is to say of a session that is on, or did not finish. */
  told: ConnectState | keyof ConnectStrings;
  /** The session's panel, which takes the place of the button unless it is a dialog. */
  panel: TemplateResult | null;
  /** What the page has put between the tags is white space: it fills the slot, and says nothing. */
  blank: boolean;
  modal: boolean;
  start(): void;
}

/** Everything that the element shows. */
export const connectTemplate = (view: ConnectView, language: string, rtl: boolean): TemplateResult =>
  html`<div lang=${language} dir=${rtl ? 'rtl' : nothing}>
    ${view.panel && view.modal ? nothing : status(view)}${view.panel && !view.modal ? nothing : rest(view)}${view.panel}
  </div>`;

/** Between sessions: the way in. Behind the dialog it stays; when the focus comes back from there, it says how things stand. */
function rest(view: ConnectView): TemplateResult {
  const { text, panel } = view;
  const { outcome } = view.model;
  const retry = outcome && (outcome.type === 'expired' || (outcome.type === 'failed' && outcome.retryable));
  const words = retry ? text.retry : view.connection && view.connection.connected ? text.again : text.connect;
  return html`<div class="rest">
    <button
      part=${retry ? 'retry' : 'button'}
      class="primary"
      aria-describedby=${view.modal ? 'status' : nothing}
      ?disabled=${!!panel}
      @click=${view.start}
    >
      <slot>${view.blank ? nothing : words}</slot>${view.blank ? words : nothing}
    </button>
  </div>`;
}

/**
 * The one live region; polite, since nothing here is worth an interruption. It stays the same node from session to session, since
 * many readers are silent about one that comes with its words; only a dialog, outside of which nothing is read, has its own.
 */
export function status(view: ConnectView): TemplateResult {
  const { outcome } = view.model;
  const words = statusText(view);
  return html`<div part="status" id="status" role="status">
    ${outcome && (outcome.type === 'failed' || outcome.type === 'expired') ? html`<span part="error">${words}</span>` : words}
  </div>`;
}

function statusText({ model, text, connection, told }: ConnectView): string {
  const { outcome } = model;
  if (isActive(model) || (outcome && outcome.type !== 'finished')) {
    const words = text[told as keyof ConnectStrings];
    return outcome && outcome.type === 'failed' ? words.replace('{code}', outcome.code) : words;
  }
  return connection && connection.connected
    ? `${text.connected} ${connection.ereceipt ? text.ereceiptOn : text.ereceiptOff}`
    : '';
}
