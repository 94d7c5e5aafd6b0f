import { html, nothing, type TemplateResult } from 'lit';
import type { Messages } from '../shared/localize.js';
import type { Connection } from '../shared/wire.js';
import { isActive, type ConnectModel } from './connect-model.js';
import type { ConnectWarningCode } from './events.js';

export type ConnectStrings = Messages['connect'];

/** How things stand, and the words for it. */
export interface ConnectView {
  model: ConnectModel;
  text: ConnectStrings;
  connection: Connection | null;
  warning: ConnectWarningCode | null;
  offline: boolean;
  /** Another window was opened for this session. */
  elsewhere: boolean;
  /** The session's panel, which takes the place of the button unless it is a dialog. */
  panel: TemplateResult | null;
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
  return html`<div class="rest">
    <button
      part=${retry ? 'retry' : 'button'}
      class="primary"
      aria-describedby=${view.modal ? 'status' : nothing}
      ?disabled=${!!panel}
      @click=${view.start}
    >
      <slot>${retry ? text.retry : view.connection && view.connection.connected ? text.again : text.connect}</slot>
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

function statusText({ model, text, connection, warning, offline, elsewhere }: ConnectView): string {
  const { outcome } = model;
  if (model.ending) return text.cancelling;
  if (offline && isActive(model)) return text.offline;
  if (model.state === 'starting') return text.starting;
  if (model.state === 'pending') {
    if (warning === 'popup-blocked') return text.popup;
    if (elsewhere) return text.elsewhere;
    if (warning === 'slow') return text.slow;
    return warning ? text.blocked : text.pending;
  }
  if (outcome && outcome.type === 'failed') {
    if (outcome.code === 'unauthorized') return text.signedOut;
    return outcome.code === 'tokens_lost' ? text.lost : text.failed.replace('{code}', outcome.code);
  }
  if (outcome && outcome.type !== 'finished') return text[outcome.type];
  return connection && connection.connected
    ? `${text.connected} ${connection.ereceipt ? text.ereceiptOn : text.ereceiptOff}`
    : '';
}
