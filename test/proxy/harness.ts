import assert from 'node:assert/strict';
import {
  createRulrrProxy,
  memoryTokenStore,
  type ProxyEvent,
  type RulrrProxy,
  type RulrrProxyOptions,
} from '../../src/proxy/index.js';
import { partsOf, respond, withParts } from '../../src/proxy/respond.js';
import { fakeClock, type FakeClock } from '../support/fake-clock.js';
import { CanaryWatch, planted } from './canaries.js';

export const site = 'https://pos.example';
export const base = site + '/rulrr';

/** Rulrr as far as these tests need it, in the process: told what to answer, counting what it was asked. */
export class Upstream {
  status: 'pending' | 'finished' | 'cancelled' = 'pending';
  ereceipt = true;
  /** Takes the place of the next answers. */
  readonly faults: ((url: URL, init: RequestInit) => Response | Promise<Response>)[] = [];
  readonly calls: string[] = [];
  pageHeaders: Record<string, string> = {};
  /** Put after the planted token, so that several sessions can be told apart. */
  private made = 0;

  readonly fetch = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(input instanceof Request ? input.url : input);
    const method = init.method ?? 'GET';
    this.calls.push(`${method} ${url.pathname}`);
    const fault = this.faults.shift();
    if (fault) return fault(url, init);
    if (url.hostname === 'connect.example') return new Response('<!doctype html>', { headers: this.pageHeaders });
    if (url.searchParams.has('client_secret') && url.searchParams.get('client_secret') !== planted.clientSecret) {
      return Response.json({ success: false }, { status: 403 });
    }
    switch (`${method} ${url.pathname}`) {
      case 'POST /v1/auth/integration':
        this.made += 1;
        return Response.json({ success: true, integrationToken: planted.integrationToken + this.made });
      case 'GET /v1/auth/integration':
        return Response.json({ success: true, status: this.status });
      case 'GET /v1/auth/integration/token':
        return Response.json({
          success: true,
          accessToken: planted.accessToken,
          refreshToken: planted.refreshToken,
          expiration: '2027-11-24T00:00:00.000Z',
          ereceipt: this.ereceipt,
        });
      case 'POST /v1/orders':
        return Response.json({ success: true });
      default:
        return Response.json({ success: false }, { status: 404 });
    }
  };

  /** Calls to the API; the look at the connect page is not one of them. */
  get apiCalls(): string[] {
    return this.calls.filter((call) => call.includes(' /v1/'));
  }
}

export interface Harness {
  proxy: RulrrProxy;
  /** The same proxy without the watch on its answers, for who looks at them in another way. */
  bare: RulrrProxy;
  upstream: Upstream;
  clock: FakeClock;
  events: ProxyEvent[];
  canaries: CanaryWatch;
  store: ReturnType<typeof memoryTokenStore>;
  /** A request as the elements send it: same origin, with the header, signed in as `store-1` unless told. */
  call(method: string, path: string, options?: CallOptions): Promise<Response>;
  /** Starts a session and answers with its id. */
  start(store?: string): Promise<string>;
  /** Connects a store through the whole story. */
  connect(store?: string): Promise<void>;
  /** Fails if anything of all this has shown a secret. */
  assertClean(): void;
}

export interface CallOptions {
  store?: string | null;
  headers?: Record<string, string>;
  body?: unknown;
}

/** A proxy on an in-process Rulrr, with planted secrets and every answer, event and header watched. */
export function harness(
  options: Partial<RulrrProxyOptions> = {},
  shared: { upstream?: Upstream; store?: Harness['store']; clock?: FakeClock; create?: typeof createRulrrProxy } = {},
): Harness {
  const upstream = shared.upstream ?? new Upstream();
  const clock = shared.clock ?? fakeClock();
  const store = shared.store ?? memoryTokenStore();
  const events: ProxyEvent[] = [];
  const canaries = new CanaryWatch();
  const inner = (shared.create ?? createRulrrProxy)({
    clientId: 'client-1',
    clientSecret: planted.clientSecret,
    apiBaseUrl: 'https://api.example',
    connectBaseUrl: 'https://connect.example/',
    sealingKeys: [planted.sealingKey, planted.olderSealingKey],
    tokenStore: store,
    authorize: (request) => {
      const name = /(?:^|; )store=([^;]+)/.exec(request.headers.get('Cookie') ?? '')?.[1];
      return name ? { storeId: decodeURIComponent(name) } : null;
    },
    fetch: upstream.fetch as typeof fetch,
    clock,
    onEvent: (event) => {
      events.push(event);
      canaries.event(event);
    },
    ...options,
  });
  const watched = async (request: Request, response: Response) => {
    assertHardened(response);
    await canaries.answer(`${request.method} ${new URL(request.url).pathname.slice(0, 40)}`, response);
    return response;
  };
  const watchedFetch: RulrrProxy['fetch'] = async (request, context) =>
    watched(request, await inner.fetch(request, context));
  // Node's handler writes the parts of an answer, and so it does here: this is no `fetch` of one's own to it.
  const partsOfInner = partsOf(inner.fetch);
  const proxy: RulrrProxy = {
    ...inner,
    fetch: partsOfInner
      ? withParts(watchedFetch, async (request, context) => {
          const parts = await partsOfInner(request, context);
          await watched(request, respond(parts));
          return parts;
        })
      : watchedFetch,
  };
  const call: Harness['call'] = (method, path, { store: asking = 'store-1', headers = {}, body } = {}) =>
    proxy.fetch(
      new Request(base + path, {
        method,
        headers: {
          'Rulrr-Embed': '1',
          'Sec-Fetch-Site': 'same-origin',
          ...(asking === null
            ? {}
            : { Cookie: `session=${encodeURIComponent(planted.session)}; store=${encodeURIComponent(asking)}` }),
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
    );
  const start: Harness['start'] = async (asking = 'store-1') => {
    const response = await call('POST', '/integrations', { store: asking });
    assert.equal(response.status, 201);
    return ((await response.json()) as { id: string }).id;
  };
  return {
    proxy,
    bare: inner,
    upstream,
    clock,
    events,
    canaries,
    store,
    call,
    start,
    async connect(asking = 'store-1') {
      const id = await start(asking);
      const before = upstream.status;
      upstream.status = 'finished';
      const response = await call('GET', '/integrations/' + id, { store: asking });
      assert.equal(((await response.json()) as { status: string }).status, 'finished');
      upstream.status = before;
    },
    assertClean() {
      assert.ok(canaries.scanned > 0);
      assert.deepEqual(canaries.hits, []);
    },
  };
}

/** What every answer carries, whatever it says. */
export function assertHardened(response: Response): void {
  const wanted = {
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'referrer-policy': 'no-referrer',
    vary: 'Origin, Cookie, Sec-Fetch-Site',
  };
  for (const [name, value] of Object.entries(wanted))
    assert.equal(response.headers.get(name), value, `${response.status} ${name}`);
  const allowed = response.headers.get('access-control-allow-origin');
  assert.notEqual(allowed, '*');
  assert.notEqual(allowed, 'null');
  assert.equal(response.headers.get('cross-origin-resource-policy'), allowed ? 'cross-origin' : 'same-origin');
  assert.equal(response.headers.get('etag'), null);
  if (response.status >= 400) assert.equal(response.headers.get('content-type'), 'application/problem+json');
}

export async function problemOf(response: Response): Promise<{ status: number; code: string; detail?: string }> {
  assert.ok(response.status >= 400, `a refusal, not ${response.status}`);
  const body = (await response.json()) as {
    status: number;
    code: string;
    type: string;
    title: string;
    detail?: string;
  };
  assert.equal(body.status, response.status);
  assert.equal(typeof body.type, 'string');
  assert.equal(typeof body.title, 'string');
  return body;
}
