import { escapeHtml } from './connect-page.js';
import { faultKinds, routeNames, type Fault } from './faults.js';
import { scenarios } from './scenarios.js';
import type { SandboxData } from './state.js';

// New messages show by themselves, yet nobody loses what they are typing.
const refresh = `setInterval(function () {
  var touched = Array.prototype.some.call(document.querySelectorAll('input'), function (input) { return input.value !== input.defaultValue; });
  if (!touched && !document.querySelector('form :focus')) location.reload();
}, 3000)`;

// A form has no fields for headers of any name: those are set by program.
const kinds = faultKinds.filter((kind) => kind !== 'headers');
const options = (names: readonly string[]) => names.map((name) => `<option>${name}</option>`).join('');
const number = (name: string, text: string) =>
  `<label>${text} <input name="${name}" inputmode="numeric" size="6"></label> `;
const word = (name: string, text: string) => `<label>${text} <input name="${name}" size="12"></label> `;

/** The sandbox's own page: the customer's phone, the orders, the scenarios and the faults. */
export function controlPage(data: SandboxData, faults: readonly Fault[]): string {
  const messages = [...data.messages]
    .reverse()
    .map(
      ({ phoneNumber, text, at }) =>
        `<li><b>${escapeHtml(phoneNumber)}</b> <small>${escapeHtml(at)}</small><br>${escapeHtml(text)}</li>`,
    );
  const orders = [...data.orders]
    .reverse()
    .map(({ orderId, at }) => `<li>${escapeHtml(orderId)} <small>${escapeHtml(at)}</small></li>`);
  const buttons = Object.entries(scenarios).map(
    ([name, { title, description }]) =>
      `<li><button name="name" value="${name}"${name === data.scenario ? ' aria-current="true"' : ''}>${escapeHtml(title)}</button> ${escapeHtml(description)}</li>`,
  );
  const none = '<li>None yet.</li>';
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>Rulrr sandbox</title><style>
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:760px;margin:24px auto;padding:0 16px}li{margin:8px 0}
button{min-height:44px;padding:6px 14px;font:inherit}button[aria-current]{font-weight:700;outline:2px solid}</style></head><body>
<h1>Rulrr sandbox</h1><p>A stand-in for Rulrr. Nothing leaves this machine.</p>
<h2>The customer's phone</h2><ul>${messages.join('') || none}</ul>
<h2>Orders</h2><ul>${orders.join('') || none}</ul>
<h2>Scenarios</h2><form method="post" action="/_sandbox/scenario"><ul>${buttons.join('')}</ul></form>
<h2>Faults</h2><ul>${faults.map((fault) => `<li>${escapeHtml(JSON.stringify(fault))}</li>`).join('') || none}</ul>
<form method="post" action="/_sandbox/fault"><label>Route <select name="route">${options(routeNames)}</select></label>
<label>Fault <select name="kind">${options(kinds)}</select></label>
${number('times', 'times')}${number('ms', 'ms')}${number('status', 'status')}${word('retryAfter', 'Retry-After')}${number('at', 'cut at byte')}${word('location', 'redirect to')}
<button>Add</button></form><form method="post" action="/_sandbox/clear-faults"><button>Clear faults</button></form>
<h2>The connected stores</h2><form method="post" action="/_sandbox/ereceipt"><button name="on" value="true">E-receipts on</button> <button name="on" value="false">E-receipts off</button></form>
<form method="post" action="/_sandbox/revoke"><button>Revoke all tokens</button></form>
<form method="post" action="/_sandbox/reset"><button>Forget everything</button></form><script>${refresh}</script></body></html>`;
}
