import type { SandboxMessage } from '../../src/sandbox/index.js';
import { money, totalOf, type Order } from './order.js';

/** Why a receipt was printed, in a clerk's words. */
const reasons: Record<string, string> = {
  declined: 'Customer wants paper',
  'ereceipt-disabled': 'E-receipts are off',
  'send-failed': 'Text message failed',
  'send-unconfirmed': 'Text message not confirmed',
  idle: 'Nobody answered',
  closed: 'Numpad was closed',
  superseded: 'Next order came first',
  'not-configured': 'E-receipts are not set up',
};

function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  text = '',
  className = '',
): HTMLElementTagNameMap[Name] {
  const node = document.createElement(name);
  node.textContent = text;
  if (className) node.className = className;
  return node;
}

/** One receipt as it comes out of the printer. */
export function receipt(order: Order, reason: string): HTMLLIElement {
  const item = element('li', '', 'receipt');
  item.dataset['orderId'] = order.orderId;
  item.dataset['reason'] = reason;
  item.append(element('strong', 'Corner Bakery'), element('span', `Order ${order.orderId}`, 'number'));
  const list = element('ul');
  for (const { name, quantity, price } of order.items) {
    const line = element('li');
    line.append(element('span', `${quantity} × ${name}`), element('span', money(price * quantity)));
    list.append(line);
  }
  const total = element('p', '', 'sum');
  total.append(element('span', 'Total'), element('span', money(totalOf(order))));
  item.append(list, total, element('p', reasons[reason] ?? reason, 'why'));
  return item;
}

/** One text message as the customer's phone shows it. */
export function textMessage({ orderId, phoneNumber, text }: SandboxMessage): HTMLLIElement {
  const item = element('li', '', 'bubble');
  item.dataset['orderId'] = orderId;
  item.dataset['phoneNumber'] = phoneNumber;
  item.append(element('p', text), element('small', `to ${phoneNumber}`));
  return item;
}

/** The lines of the order on screen. */
export function lines(order: Order): HTMLTableRowElement[] {
  return order.items.map(({ name, quantity, price }) => {
    const row = element('tr');
    const head = element('th', name);
    head.scope = 'row';
    head.prepend(element('span', `${quantity} ×`, 'quantity'), ' ');
    row.append(head, element('td', money(price * quantity)));
    return row;
  });
}
