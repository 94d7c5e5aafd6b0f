import type { RulrrConnect } from '../../src/index.js';
import { StillClock, until } from './still.js';

/** What the proxy answers in a state: a status and a body, or nothing at all. */
type Answer = [status: number, body: object] | 'silence' | 'unreachable';

interface ConnectState {
  title: string;
  /** Answers to GET /connection, POST /integrations and GET /integrations/{id}. */
  connection?: Answer;
  start?: Answer;
  status?: Answer;
  /** A modal dialog covers the page: it is shown on a page of its own. */
  alone?: boolean;
  /** Leads into the state, once the element is in the page and has read its connection. */
  act?: (tools: { element: RulrrConnect; clock: StillClock; press: (part: string) => void }) => Promise<void> | void;
}

const expiresAt = '2026-01-01T00:30:00Z';
const connected = (ereceipt: boolean): Answer => [
  200,
  { connected: true, ereceipt, expiration: '2027-01-01T00:00:00Z' },
];
const problem = (status: number, code: string): Answer => [status, { code, detail: code }];
const pending = (connectUrl: string, more: object = {}): Answer => [
  200,
  { id: 'gallery', status: 'pending', connectUrl, expiresAt, pollAfterMs: 2000, ...more },
];
const start = ({ element }: { element: RulrrConnect }) => void element.start();
const open = async (tools: { element: RulrrConnect }, state = 'pending') => {
  start(tools);
  await until(state, () => tools.element.state === state);
  await until('the panel', () => Boolean(tools.element.renderRoot.querySelector('[part~="open-window"]')));
};

/** Each state that a merchant or an operator can see. */
export function connectStates(): Record<string, ConnectState> {
  // Always the same address where no frame is shown: it is in the QR code.
  const refuses = pending('https://connect.example/?integration_token=gallery', { embeddable: false });
  return {
    idle: { title: 'Not connected' },
    'connected-on': { title: 'Connected, e-receipts on', connection: connected(true) },
    'connected-off': { title: 'Connected, e-receipts off', connection: connected(false) },
    starting: { title: 'Starting', start: 'silence', act: start },
    pending: { title: 'Pending', act: open },
    slow: {
      title: 'Slow to load',
      async act(tools) {
        // The page comes, for the picture's sake, yet to the element it looks as if it had not.
        const { renderRoot } = tools.element;
        const came = new Promise<void>((resolve) => {
          const hush = (event: Event) => (event.stopImmediatePropagation(), resolve());
          renderRoot.addEventListener('load', hush, true);
        });
        await open(tools);
        Object.defineProperty(renderRoot.querySelector('iframe'), 'contentDocument', { value: document });
        await came;
        await tools.clock.advance(10_000);
      },
    },
    blocked: { title: 'Cannot be framed', start: refuses, status: refuses, act: (tools) => open(tools) },
    'popup-blocked': {
      title: 'Window was blocked',
      start: refuses,
      async act(tools) {
        await open(tools);
        await withWindow(null, () => tools.press('open-window'));
      },
    },
    elsewhere: {
      title: 'Goes on in another window',
      start: refuses,
      async act(tools) {
        await open(tools);
        await withWindow({ closed: false, close() {}, focus() {} } as unknown as Window, () =>
          tools.press('open-window'),
        );
      },
    },
    qr: {
      title: 'On the merchant’s phone',
      start: refuses,
      async act(tools) {
        await open(tools);
        tools.press('phone');
        await until('the code', () => Boolean(tools.element.renderRoot.querySelector('[part~="qr"]')));
      },
    },
    offline: {
      title: 'Proxy not reached for a while',
      start: refuses,
      status: 'unreachable',
      async act(tools) {
        await open(tools);
        await tools.clock.advance(30_000);
      },
    },
    cancelling: {
      title: 'Cancelling',
      start: refuses,
      status: 'silence',
      async act(tools) {
        await open(tools);
        tools.element.cancel();
      },
    },
    cancelled: {
      title: 'Cancelled',
      status: [200, { status: 'cancelled', expiresAt, pollAfterMs: 2000 }],
      async act(tools) {
        await open(tools);
        await tools.clock.advance(5000);
      },
    },
    expired: {
      title: 'Expired',
      status: problem(410, 'expired'),
      async act(tools) {
        await open(tools);
        await tools.clock.advance(5000);
      },
    },
    failed: { title: 'Failed', start: problem(502, 'upstream_error'), act: start },
    'signed-out': { title: 'Signed out', start: problem(401, 'unauthorized'), act: start },
    lost: {
      title: 'Tokens lost',
      status: problem(409, 'tokens_lost'),
      async act(tools) {
        await open(tools);
        await tools.clock.advance(5000);
      },
    },
    finished: {
      title: 'Finished just now',
      status: [
        200,
        { status: 'finished', expiresAt, pollAfterMs: 2000, connection: (connected(true) as [number, object])[1] },
      ],
      async act(tools) {
        await open(tools);
        await tools.clock.advance(5000);
      },
    },
    dialog: {
      title: 'Pending, as a dialog',
      alone: true,
      async act(tools) {
        tools.element.presentation = 'dialog';
        await open(tools);
      },
    },
  };
}

async function withWindow(opened: Window | null, act: () => void): Promise<void> {
  const { open: real } = window;
  window.open = () => opened;
  act();
  window.open = real;
}

export async function showConnect(
  place: HTMLElement,
  name: string,
  state: ConnectState,
  connectUrl: string,
): Promise<void> {
  const element = document.createElement('rulrr-connect');
  const clock = new StillClock();
  element.clock = clock;
  // Of its own: a session that is kept for a reload belongs to one proxy.
  element.proxyUrl = `/gallery/${name}`;
  const {
    connection = [200, { connected: false, ereceipt: false, expiration: null }],
    start: created = pending(connectUrl),
  } = state;
  const { status = pending(connectUrl) } = state;
  element.fetch = async (input, init) => {
    const path = String(input).slice(element.proxyUrl.length);
    const answer: Answer = path === '/connection' ? connection : init?.method === 'POST' ? created : status;
    if (answer === 'unreachable') throw new TypeError('Failed to fetch');
    if (answer === 'silence') return new Promise<Response>(() => {});
    return new Response(JSON.stringify(answer[1]), {
      status: answer[0],
      headers: { 'Content-Type': 'application/json' },
    });
  };
  place.append(element);
  await until('the connection', () => element.connection !== null);
  const press = (part: string) => element.renderRoot.querySelector<HTMLElement>(`[part~="${part}"]`)!.click();
  await state.act?.({ element, clock, press });
  await element.updateComplete;
}
