import '../../../src/define/rulrr-connect.js';
import type { ConnectWarningEvent } from '../../../src/connect/events.js';

const { origin } = (await (await fetch('/frame-origin.json')).json()) as { origin: string };
const events: string[] = [];
let violations = 0;
let startedAt = 0;
let took = NaN;
let warned = false;
document.addEventListener('securitypolicyviolation', () => (violations += 1));

const element = document.createElement('rulrr-connect');
element.fetch = async (input, init) => {
  const body =
    init?.method === 'POST'
      ? { id: 'csp', connectUrl: origin + '/', status: 'pending', expiresAt: '', pollAfterMs: 0 }
      : input.endsWith('/connection')
        ? { connected: false, ereceipt: false, expiration: null }
        : warned
          ? { status: 'finished', connection: { connected: true, ereceipt: true, expiration: null } }
          : { status: 'pending', pollAfterMs: 0 };
  return new Response(JSON.stringify(body));
};
element.addEventListener('connect-started', () => {
  events.push('connect-started');
  startedAt = performance.now();
});
element.addEventListener('connect-warning', (event) => {
  events.push('connect-warning ' + (event as ConnectWarningEvent).code);
  took = performance.now() - startedAt;
  // Long enough for a second warning to show itself, were there one.
  setTimeout(() => {
    warned = true;
    element.checkNow();
  }, 300);
});
element.addEventListener('connect-finished', () => {
  events.push('connect-finished');
  parent.postMessage({ events, violations, took }, '*');
});
document.body.append(element);
void element.start();
