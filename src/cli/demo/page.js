// The whole of a till's own part: ask after each order, print where the answer is no.
(() => {
  const numpad = document.querySelector('rulrr-ereceipt-numpad');
  const at = (name) => document.querySelector(`[data-demo="${name}"]`);
  /** What this tab has printed: paper stays on the counter when the page is loaded again. */
  const printed = JSON.parse(sessionStorage.getItem('printed') || '[]');

  function show(order) {
    // A reload finds it there, and shows the same order.
    history.replaceState({ order }, '');
    sessionStorage.setItem('last', order);
    at('order').textContent = order;
    at('pay').disabled = false;
    giveFocusBack();
  }

  // A dialog cannot give the focus back to a button that was disabled meanwhile.
  let pressed = false;
  function giveFocusBack() {
    const pay = at('pay');
    // Just closed, the dialog still has it.
    const lost = [document.body, numpad].includes(document.activeElement);
    if (pressed && lost && !pay.disabled && numpad.state === 'idle') pay.focus({ preventScroll: true });
  }
  new MutationObserver(giveFocusBack).observe(numpad, { attributes: true, attributeFilter: ['state'] });

  /**
   * The server numbers the orders, since no two tabs may have the same. It may be starting again: asks until it answers. Not at once either: a prompt may
   * end because the page is being left, and what is asked for then Firefox never answers, also once the page is back.
   */
  function next() {
    history.replaceState(null, '');
    at('pay').disabled = true;
    setTimeout(number);
  }
  async function number() {
    try {
      const answer = await fetch(`/demo/orders?after=${sessionStorage.getItem('last') || 0}`, { method: 'POST' });
      show((await answer.json()).orderId);
    } catch {
      setTimeout(number, 1000);
    }
  }

  function add(list, text, data) {
    const item = document.createElement('li');
    item.textContent = text;
    Object.assign(item.dataset, data);
    at(list).prepend(item);
  }
  const print = ({ orderId, reason }) => add('paper', `Order ${orderId}: printed (${reason})`, { orderId, reason });

  async function showPhone() {
    const answer = await fetch('/demo/state');
    const { messages } = await answer.json();
    // Another tab has forgotten everything, and may have gone on since.
    const oldest = at('sms').lastElementChild;
    if (oldest && (!messages[0] || messages[0].orderId !== oldest.dataset.orderId)) at('sms').textContent = '';
    for (const { orderId, phoneNumber, text } of messages.slice(at('sms').children.length))
      add('sms', `${phoneNumber}: ${text}`, { orderId, phoneNumber });
  }
  const look = () => void showPhone().catch(() => {});

  at('pay').addEventListener('click', () => {
    pressed = true;
    at('pay').disabled = true;
    numpad.prompt(at('order').textContent);
  });
  numpad.addEventListener('ereceipt-sent', () => {
    next();
    look();
  });
  numpad.addEventListener('print-receipt', ({ detail: { orderId, reason } }) => {
    printed.push({ orderId, reason });
    sessionStorage.setItem('printed', JSON.stringify(printed));
    print({ orderId, reason });
    next();
  });
  at('reset').addEventListener('click', async () => {
    numpad.close();
    document.querySelector('rulrr-connect').cancel();
    at('trouble').textContent = '';
    try {
      const reset = await fetch('/demo/reset', { method: 'POST' });
      const forgotten = await fetch('/rulrr/connection', { method: 'DELETE', headers: { 'Rulrr-Embed': '1' } });
      if (!reset.ok || !forgotten.ok) throw new Error('refused');
    } catch {
      at('trouble').textContent = 'Not done: the server did not answer as it should. Try again.';
      return;
    }
    sessionStorage.clear();
    location.reload();
  });
  // A text message may also come late, after the till has printed.
  setInterval(() => document.hidden || look(), 1000);
  for (const one of printed) print(one);
  look();
  const { order } = history.state || {};
  // What was printed while the page went away has had its outcome.
  if (order && printed.every(({ orderId }) => orderId !== order)) show(order);
  else next();
})();
