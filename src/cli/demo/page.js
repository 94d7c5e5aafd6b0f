// The whole of a till's own part: ask after each order, print where the answer is no.
(() => {
  const numpad = document.querySelector('rulrr-ereceipt-numpad');
  const at = (name) => document.querySelector(`[data-demo="${name}"]`);
  let number = Number(sessionStorage.getItem('last-order') || 1040);

  function next() {
    number += 1;
    sessionStorage.setItem('last-order', String(number));
    at('order').textContent = String(number);
  }

  function add(list, text, data) {
    const item = document.createElement('li');
    item.textContent = text;
    Object.assign(item.dataset, data);
    at(list).prepend(item);
  }

  async function showPhone() {
    const answer = await fetch('/demo/state');
    const { messages } = await answer.json();
    at('sms').textContent = '';
    for (const { orderId, phoneNumber, text } of messages)
      add('sms', `${phoneNumber}: ${text}`, { orderId, phoneNumber });
  }

  at('pay').addEventListener('click', () => numpad.prompt(at('order').textContent));
  numpad.addEventListener('ereceipt-sent', () => {
    next();
    showPhone();
  });
  numpad.addEventListener('print-receipt', ({ detail: { orderId, reason } }) => {
    add('paper', `Order ${orderId}: printed (${reason})`, { orderId, reason });
    next();
    showPhone();
  });
  at('reset').addEventListener('click', async () => {
    await fetch('/demo/reset', { method: 'POST' });
    await fetch('/rulrr/connection', { method: 'DELETE', headers: { 'Rulrr-Embed': '1' } });
    sessionStorage.clear();
    location.reload();
  });
  next();
  showPhone();
})();
