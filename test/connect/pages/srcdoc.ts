import '../../../src/define/rulrr-connect.js';

const element = document.createElement('rulrr-connect');
element.fetch = async (_, init) => {
  const body =
    init?.method === 'POST'
      ? { id: 'srcdoc', connectUrl: new URL('/', document.baseURI).href, status: 'pending', pollAfterMs: 0 }
      : { connected: false, ereceipt: false, expiration: null };
  return new Response(JSON.stringify(body), { status: init?.method === 'POST' ? 201 : 200 });
};
const tell = (type: string): void => parent.postMessage(type, '*');
element.addEventListener('connect-started', () => tell('framed'));
element.addEventListener('connect-failed', ({ detail }) => tell(detail.code));
document.body.append(element);
void element.start();
