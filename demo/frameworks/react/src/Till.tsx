import { useCallback, useRef, useState } from 'react';
import type { ConnectFinishedEvent, RulrrEreceiptNumpad } from 'rulrr-embed';

interface Printed {
  orderId: string;
  reason: string;
}

interface Texted {
  orderId: string;
  phoneNumber: string;
}

export function Till() {
  const numpad = useRef<RulrrEreceiptNumpad>(null);
  const [order, setOrder] = useState(1001);
  const [settings, setSettings] = useState(true);
  const [counter, setCounter] = useState(true);
  const [draws, setDraws] = useState(0);
  const [connection, setConnection] = useState('not connected');
  const [calls, setCalls] = useState(0);
  const [printed, setPrinted] = useState<Printed[]>([]);
  const [texted, setTexted] = useState<Texted[]>([]);

  // A function goes in as a property: the place for a vendor's own headers.
  const shopFetch = useCallback<typeof fetch>((input, init) => {
    setCalls((count) => count + 1);
    return fetch(input, init);
  }, []);

  // Awaited rather than listened for: React gives elements no listeners as it takes over a page that a server rendered.
  const pay = async () => {
    const outcome = await numpad.current!.prompt(String(order));
    if (outcome.type === 'ereceipt-sent') setTexted((list) => [...list, outcome]);
    else setPrinted((list) => [...list, outcome]);
    setOrder((number) => number + 1);
  };

  const onFinished = (event: ConnectFinishedEvent) =>
    setConnection(event.detail.ereceipt ? 'connected, e-receipts on' : 'connected, e-receipts off');

  return (
    <main>
      <h1>A till in React</h1>
      <button data-demo="toggle" onClick={() => setSettings(!settings)}>
        Settings
      </button>
      <button data-demo="redraw" onClick={() => setDraws(draws + 1)}>
        Drawn again {draws} times
      </button>
      <p data-demo="connection">{connection}</p>
      <p>
        <span data-demo="calls">{calls}</span> calls by the shop's own fetch
      </p>

      {settings && (
        <rulrr-connect proxyUrl="/rulrr" timeout={900} fetch={shopFetch} onconnect-finished={onFinished}>
          Connect till {draws}
        </rulrr-connect>
      )}

      <button data-demo="pay" onClick={() => void pay()}>
        Order {order} is paid
      </button>
      <button data-demo="leave" onClick={() => setCounter(!counter)}>
        Numpad
      </button>

      {counter && <rulrr-ereceipt-numpad ref={numpad} proxy-url="/rulrr" default-country="US" />}

      <h2>Printed</h2>
      <ul data-demo="paper">
        {printed.map(({ orderId, reason }) => (
          <li key={orderId} data-order-id={orderId} data-reason={reason}>
            Order {orderId}: {reason}
          </li>
        ))}
      </ul>
      <h2>Texted</h2>
      <ul data-demo="texted">
        {texted.map(({ orderId, phoneNumber }) => (
          <li key={orderId} data-order-id={orderId} data-phone-number={phoneNumber}>
            Order {orderId}: {phoneNumber}
          </li>
        ))}
      </ul>
    </main>
  );
}
