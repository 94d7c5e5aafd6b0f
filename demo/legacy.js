// As it may stand in a till that was written in 2018: events only, nothing that Chromium 70 would not know.
(function () {
  var numpad = document.querySelector('rulrr-ereceipt-numpad');
  var order = document.querySelector('[data-demo="order"]');
  var asked = '';

  function line(list, text, data) {
    var item = document.createElement('li');
    item.textContent = text;
    Object.keys(data).forEach(function (key) {
      item.dataset[key] = data[key];
    });
    document.querySelector('[data-demo="' + list + '"]').appendChild(item);
  }

  function next() {
    order.textContent = String(Number(order.textContent) + 1);
  }

  document.querySelector('[data-demo="pay"]').addEventListener('click', function () {
    // Pressed twice, it is still one order. (A disabled button would lose the focus.)
    if (asked === order.textContent) return;
    asked = order.textContent;
    numpad.prompt(order.textContent);
  });

  // Each order ends in exactly one of these two.
  numpad.addEventListener('ereceipt-sent', function (event) {
    line('texted', 'Order ' + event.detail.orderId + ' to ' + event.detail.phoneNumber, event.detail);
    next();
  });
  numpad.addEventListener('print-receipt', function (event) {
    line('paper', 'Order ' + event.detail.orderId + ' (' + event.detail.reason + ')', event.detail);
    next();
  });
})();
