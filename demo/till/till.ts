import '../../src/define.js';
import type { SandboxMessage } from '../../src/sandbox/index.js';
import { lines, receipt, textMessage } from './drawn.js';
import { money, orderOf, totalOf, type Order } from './order.js';
import { printed, remember } from './paper.js';

interface DemoState {
  messages: SandboxMessage[];
  scenario: string;
  scenarios: { name: string; title: string; description: string }[];
}

function part<Type extends HTMLElement>(name: string): Type {
  return document.querySelector<Type>(`[data-demo="${name}"]`)!;
}

const connect = document.querySelector('rulrr-connect')!;
const numpad = document.querySelector('rulrr-ereceipt-numpad')!;
const pay = part<HTMLButtonElement>('pay');
const paper = part('paper');
const sms = part('sms');
const scenario = part<HTMLSelectElement>('scenario');

let order: Order;
let pressed = false;
/** Orders that were paid, until their one outcome. */
const paid = new Map<string, Order>();

async function post(path: string, body?: unknown): Promise<Response> {
  const headers = body ? { 'Content-Type': 'application/json' } : undefined;
  return fetch(`/demo/${path}`, { method: 'POST', headers, body: body ? JSON.stringify(body) : undefined });
}

/**
 * A new order's number. The server may be starting again: asks until it answers. Not at once either: a prompt may end because the page is being left,
 * and what is asked for then Firefox never answers, also once the page is back.
 */
async function newNumber(): Promise<string> {
  for (let wait = 0; ; wait = 1000) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    try {
      const response = await post('orders');
      if (response.ok) return ((await response.json()) as { orderId: string }).orderId;
    } catch {
      // It is away.
    }
  }
}

async function nextOrder(): Promise<void> {
  show(await newNumber());
}

function show(orderId: string): void {
  // A reload finds it there, and shows the same order.
  history.replaceState({ orderId }, '');
  order = orderOf(orderId);
  part('order').textContent = orderId;
  part('items').replaceChildren(...lines(order));
  part('total').textContent = money(totalOf(order));
  pay.textContent = `Pay ${money(totalOf(order))}`;
  pay.disabled = false;
  giveFocusBack();
}

/** A dialog cannot give the focus back to a button that was disabled meanwhile: whoever pays by keyboard would begin at the top each time. */
function giveFocusBack(): void {
  // Just closed, the dialog still has it.
  const lost = [document.body, numpad].includes(document.activeElement as HTMLElement);
  if (pressed && lost && !pay.disabled && numpad.state === 'idle') pay.focus({ preventScroll: true });
}
new MutationObserver(giveFocusBack).observe(numpad, { attributeFilter: ['state'] });

pay.addEventListener('click', () => {
  pressed = true;
  pay.disabled = true;
  paid.set(order.orderId, order);
  // Every order is handed to the numpad: it knows whether e-receipts are on, and ends in exactly one of two events.
  void numpad.prompt(order.orderId);
});

function settle(orderId: string): Order {
  const done = paid.get(orderId) ?? orderOf(orderId);
  paid.delete(orderId);
  if (orderId === order.orderId) {
    history.replaceState(null, '');
    void nextOrder();
  }
  return done;
}

numpad.addEventListener('print-receipt', ({ detail: { orderId, reason } }) => {
  paper.prepend(receipt(settle(orderId), reason));
  remember(orderId, reason);
});

numpad.addEventListener('ereceipt-sent', ({ detail: { orderId } }) => {
  settle(orderId);
  refresh().catch(() => {});
});

/** The phone shows what the sandbox received, not what the page believes. */
async function refresh(): Promise<void> {
  const response = await fetch('/demo/state');
  if (!response.ok) return;
  const state = (await response.json()) as DemoState;
  // Another tab may have forgotten everything.
  for (const child of Array.from(sms.children) as HTMLElement[])
    if (!state.messages.some(({ orderId }) => orderId === child.dataset['orderId'])) child.remove();
  const shown = new Set(Array.from(sms.children, (child) => (child as HTMLElement).dataset['orderId']));
  const news = state.messages.filter(({ orderId }) => !shown.has(orderId));
  for (const message of news) sms.prepend(textMessage(message));
  if (!scenario.options.length) {
    for (const { name, title } of state.scenarios) scenario.add(new Option(title, name));
  }
  scenario.value = state.scenario;
  const chosen = state.scenarios.find(({ name }) => name === state.scenario);
  part('scenario-text').textContent = chosen?.description ?? '';
  scenario.toggleAttribute('data-fault', state.scenario !== 'normal');
}

/** What only the server can do; it may be away. */
async function atServer(...asked: (() => Promise<Response>)[]): Promise<boolean> {
  const trouble = part('trouble');
  trouble.textContent = '';
  try {
    for (const ask of asked) if (!(await ask()).ok) throw new Error('refused');
    return true;
  } catch {
    trouble.textContent = 'Not done: the server did not answer as it should. Try again.';
    return false;
  }
}

scenario.addEventListener('change', async () => {
  await atServer(() => post('scenario', { name: scenario.value }));
  refresh().catch(() => {});
});

part('reset').addEventListener('click', async () => {
  numpad.close();
  connect.cancel();
  const forget = () => fetch('/rulrr/connection', { method: 'DELETE', headers: { 'Rulrr-Embed': '1' } });
  if (!(await atServer(forget, () => post('reset')))) return;
  sessionStorage.clear();
  location.reload();
});

// A text message may also come late, after the till has printed.
setInterval(() => {
  if (!document.hidden) refresh().catch(() => {});
}, 1000);
for (const { orderId, reason } of printed()) paper.prepend(receipt(orderOf(orderId), reason));
const { orderId: open } = (history.state ?? {}) as { orderId?: string };
// What was printed while the page went away has had its outcome.
const goesOn = open && !printed().some(({ orderId }) => orderId === open);
if (goesOn) show(open);
await Promise.all([goesOn || nextOrder(), refresh()]);
