import '../../src/define/rulrr-connect.js';
import '../../src/connect/connect-session.js';
import type { RulrrConnect } from '../../src/connect/connect-element.js';
import { fakeClock, type FakeClock } from '../support/fake-clock.js';
import { task, until } from '../support/until.js';

/** One answer of the proxy: a body, or a refusal. */
export interface Reply {
  status?: number;
  body?: unknown;
  headers?: Record<string, string>;
  /** Never answers. */
  hang?: boolean;
  /** No network. */
  fails?: boolean;
}

export const pending = (extra: object = {}): Reply => ({ body: { status: 'pending', pollAfterMs: 0, ...extra } });
export const finished = (ereceipt = true): Reply => ({
  body: { status: 'finished', connection: { connected: true, ereceipt, expiration: '2027-01-01T00:00:00Z' } },
});
export const cancelled: Reply = { body: { status: 'cancelled' } };
export const refusal = (status: number, code: string, headers: Record<string, string> = {}): Reply => ({
  status,
  body: { type: 'about:blank', title: code, status, code },
  headers: { 'Content-Type': 'application/problem+json', ...headers },
});

/** The origin of the test's second server, where the connect page lives. */
export const frameOrigin: string = ((await (await window.fetch('/frame-origin.json')).json()) as { origin: string })
  .origin;

export interface Call {
  method: string;
  path: string;
  signal: AbortSignal | undefined;
}

let next = 0;

/** A proxy that answers as it is told; what is not told is pending, and nobody is connected. */
export class ScriptedProxy {
  readonly calls: Call[] = [];
  connection: Reply = { body: { connected: false, ereceipt: false, expiration: null } };
  start: Reply | null = null;
  status: Reply = pending();
  /** Answers to the next status calls, before `status`. */
  queue: Reply[] = [];
  page = '/';
  name = 'session-' + Date.now() + '-' + next++;
  pollAfterMs = 0;
  embeddable: boolean | undefined;
  inFlight = 0;
  mostInFlight = 0;
  private started = 0;

  get connectUrl(): string {
    return `${frameOrigin}${this.page}?name=${this.name}`;
  }

  readonly fetch = async (input: string, init: RequestInit = {}): Promise<Response> => {
    const method = init.method ?? 'GET';
    const path = input.replace(/^.*?\/rulrr[^/]*/, '');
    this.calls.push({ method, path, signal: init.signal ?? undefined });
    this.inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    try {
      return await this.answer(method, path, init.signal ?? undefined);
    } finally {
      this.inFlight -= 1;
    }
  };

  count(method: string, prefix: string): number {
    return this.calls.filter((call) => call.method === method && call.path.startsWith(prefix)).length;
  }
  get polls(): number {
    return this.count('GET', '/integrations/');
  }

  private async answer(method: string, path: string, signal: AbortSignal | undefined): Promise<Response> {
    let reply: Reply;
    if (path === '/connection') reply = this.connection;
    else if (method === 'POST') {
      reply = this.start ?? {
        status: 201,
        body: {
          id: `${this.name}-${++this.started}`,
          connectUrl: this.connectUrl,
          status: 'pending',
          expiresAt: '2026-11-24T01:00:00Z',
          pollAfterMs: this.pollAfterMs,
          embeddable: this.embeddable,
        },
      };
    } else reply = this.queue.shift() ?? this.status;
    if (reply.hang) {
      await new Promise((_, reject) =>
        signal?.addEventListener('abort', () => reject(new DOMException('gone', 'AbortError'))),
      );
    }
    if (reply.fails) throw new TypeError('Failed to fetch');
    const status = reply.status ?? 200;
    // A real Response takes its time to give its body; this one is there within microtasks, so tests need not guess.
    return {
      ok: status < 300,
      status,
      headers: new Headers(reply.headers),
      text: () => Promise.resolve(JSON.stringify(reply.body)),
    } as Response;
  }
}

export const terminal = ['connect-finished', 'connect-cancelled', 'connect-expired', 'connect-failed'];

export interface Stage {
  element: RulrrConnect;
  proxy: ScriptedProxy;
  clock: FakeClock;
  /** Names of all events so far, in order. */
  events: string[];
  details: unknown[];
  part(name: string): HTMLElement | null;
  frame(): HTMLIFrameElement | null;
  /** Terminal events so far. */
  ends(): number;
  /** Lets promises and renders settle, then moves time on. */
  pass(ms?: number): Promise<void>;
}

/** Whether the page is hidden is what a test says: those that run beside another one are in the background. */
const visibility = { hidden: false };
Object.defineProperty(document, 'hidden', { configurable: true, get: () => visibility.hidden });
export function setHidden(hidden: boolean): void {
  visibility.hidden = hidden;
  document.dispatchEvent(new Event('visibilitychange'));
}

/** Several rounds: a real `fetch` answer and its body take more than a microtask. */
export async function settle(element?: RulrrConnect): Promise<void> {
  for (let round = 0; round < 8; round++) await task();
  if (element) await element.updateComplete;
}

export function watchEvents(element: EventTarget): { events: string[]; details: unknown[] } {
  const events: string[] = [];
  const details: unknown[] = [];
  for (const type of ['connect-started', 'connect-warning', ...terminal]) {
    element.addEventListener(type, (event) => {
      events.push(type);
      details.push((event as CustomEvent).detail);
    });
  }
  return { events, details };
}

export function stageOf(element: RulrrConnect, proxy: ScriptedProxy, clock: FakeClock): Stage {
  const { events, details } = watchEvents(element);
  return {
    element,
    proxy,
    clock,
    events,
    details,
    part: (name) => element.shadowRoot!.querySelector(`[part~="${name}"]`),
    frame: () => element.shadowRoot!.querySelector('iframe'),
    ends: () => events.filter((type) => terminal.includes(type)).length,
    async pass(ms = 0) {
      await settle(element);
      await clock.advanceAsync(ms);
      await settle(element);
    },
  };
}

const holders: HTMLElement[] = [];
/** Documents that the frame of an element has shown. */
const loads = new WeakMap<RulrrConnect, number>();
afterEach(() => {
  for (const holder of holders.splice(0)) holder.remove();
  sessionStorage.clear();
});

/** A new element in the page, its proxy scripted, its clock standing still. */
export async function stage(
  set: (element: RulrrConnect, proxy: ScriptedProxy) => void = () => undefined,
): Promise<Stage> {
  const proxy = new ScriptedProxy();
  const clock = fakeClock();
  const holder = document.createElement('div');
  document.body.append(holder);
  holders.push(holder);
  const element = document.createElement('rulrr-connect');
  element.clock = clock;
  element.fetch = proxy.fetch;
  element.proxyUrl = '/rulrr' + next++;
  set(element, proxy);
  const result = stageOf(element, proxy, clock);
  holder.append(element);
  // Does not bubble, so it is caught on the way down.
  const onLoad = (): void => void loads.set(element, (loads.get(element) ?? 0) + 1);
  element.shadowRoot!.addEventListener('load', onLoad, true);
  await settle(element);
  return result;
}

/** A stage with a session that is pending, its page loaded unless it hangs. */
export async function pendingStage(set?: (element: RulrrConnect, proxy: ScriptedProxy) => void): Promise<Stage> {
  const result = await stage(set);
  void result.element.start();
  await result.pass();
  await until(() => !result.frame() || result.proxy.page === '/hang' || loads.get(result.element));
  return result;
}
