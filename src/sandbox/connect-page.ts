import type { Integration } from './state.js';

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
export const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (character) => escapes[character]!);

const style = `
:root{color-scheme:light dark;--ink:#1d2230;--muted:#5a6274;--paper:#fff;--line:#c9cedb;--brand:#3a3fb8;--on-brand:#fff}
@media (prefers-color-scheme:dark){:root{--ink:#eef0f7;--muted:#b4bacb;--paper:#1a1d29;--line:#485068;--brand:#a9adff;--on-brand:#12143a}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif}
main{max-width:420px;margin:0 auto;padding:24px 20px}
.brand{font-weight:700;color:var(--brand);letter-spacing:.02em;margin:0 0 4px}
.step{color:var(--muted);margin:0 0 16px;font-size:14px}
h1{font-size:24px;line-height:1.25;margin:0 0 12px;overflow-wrap:anywhere}
label{display:block;margin:12px 0 4px;font-weight:600}
input[type=text]{width:100%;min-height:48px;padding:8px 12px;border:1px solid var(--line);border-radius:8px;background:transparent;color:inherit;font:inherit}
.choice{display:block;border:1px solid var(--line);border-radius:8px;padding:12px;margin:8px 0;font-weight:400}
.choice input{width:22px;height:22px;vertical-align:-4px;margin:0 10px 0 0}
button{display:block;width:100%;min-height:48px;margin:16px 0 0;border-radius:8px;border:1px solid var(--brand);font:inherit;font-weight:600;cursor:pointer}
.primary{background:var(--brand);color:var(--on-brand)}
.quiet{background:transparent;color:var(--brand);border-color:var(--line)}
.note{color:var(--muted);font-size:14px}`;

function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${escapeHtml(title)}</title><style>${style}</style></head><body><main><p class="brand">Rulrr sandbox</p>${body}</main></body></html>`;
}

/** A page that only says something, such as what is wrong with its address. */
export function messagePage(title: string, text: string): string {
  return page(title, `<h1>${escapeHtml(title)}</h1><p>${escapeHtml(text)}</p>`);
}

export const lastStep = 3;

/**
 * One step of the connect page: sign in, choose the store, confirm. Plain forms, so that each step is a document of its own,
 * as on a real site, and works without scripts, cookies or storage: the integration token in the form says whose session it is.
 */
export function connectPage(integration: Integration, step: number): string {
  const { token, clientId, ereceipt, storeName } = integration;
  const hidden = `<input type="hidden" name="integration_token" value="${escapeHtml(token)}"><input type="hidden" name="client_id" value="${escapeHtml(clientId)}"><input type="hidden" name="step" value="${step}">`;
  const name = escapeHtml(storeName);
  const bodies: Record<number, string> = {
    1: `<h1>Sign in to connect your till</h1>
      <label for="merchant">Merchant account (made up)</label><input id="merchant" type="text" name="merchant" value="merchant@example.com" autocomplete="off">`,
    2: `<h1>Choose your store</h1>
      <label for="store">Store</label><input id="store" type="text" name="store" value="${name}" maxlength="80" autocomplete="off">
      <label class="choice"><input type="radio" name="ereceipt" value="on" data-ereceipt="on"${ereceipt ? ' checked' : ''}>Text receipts to customers</label>
      <label class="choice"><input type="radio" name="ereceipt" value="off" data-ereceipt="off"${ereceipt ? '' : ' checked'}>Paper only</label>`,
    3: `<h1>Connect ${name}?</h1>
      <p>The till may read the store's settings and send its orders${ereceipt ? ', and text receipts to customers' : ''}.</p>`,
  };
  const action = step < lastStep ? 'next' : 'finish';
  const text = step < lastStep ? 'Continue' : 'Connect this store';
  return page(
    'Connect your store',
    `<p class="step">Step ${step} of ${lastStep}</p><form method="post" action="./">${hidden}${bodies[step] ?? ''}
      <button class="primary" name="action" value="${action}" data-action="${action}">${text}</button>
      <button class="quiet" name="action" value="cancel" data-action="cancel" formnovalidate>Cancel</button></form>`,
  );
}

/** The last document: the merchant is done here. */
export function endPage(status: 'finished' | 'cancelled'): string {
  return status === 'finished'
    ? messagePage('You are connected', 'Go back to the till. This window may be closed.')
    : messagePage('Not connected', 'You gave up. The till offers to connect again.');
}
