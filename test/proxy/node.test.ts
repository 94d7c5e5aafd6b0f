import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { toNodeHandler } from '../../src/proxy/node.js';
import type { ProxyContext } from '../../src/proxy/options.js';
import { until } from '../support/until.js';
import { planted } from './canaries.js';
import { assertHardened, harness, type Harness } from './harness.js';

const receipt = JSON.stringify({ orderId: 'order-1', phoneNumber: planted.phoneNumber });
const ours = { 'Rulrr-Embed': '1', 'Sec-Fetch-Site': 'same-origin', Cookie: 'store=store-1' };
const sending = { ...ours, 'Content-Type': 'application/json', 'Idempotency-Key': 'till-7-order-1' };

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** As they were before any handler was made. */
const own = { Request: globalThis.Request, Response: globalThis.Response };

const till = (more = {}): Harness => harness({ sendEreceipt: async () => undefined, checkFraming: false, ...more });

/** The proxy behind a `fetch` of the vendor's own. */
const ownFetch = (h: Harness) => ({
  ...h.proxy,
  fetch: (request: Request, context?: ProxyContext) => h.proxy.fetch(request, context),
});

/** What node:http says to bytes that fetch would not send. */
async function raw(url: string, text: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.end(text);
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}

test('node:http: the whole story over a socket', async () => {
  const h = till();
  const url = await serve(toNodeHandler(h.proxy));
  const started = await fetch(url + '/rulrr/integrations', { method: 'POST', headers: ours });
  assert.equal(started.status, 201);
  assertHardened(started);
  const { id } = (await started.json()) as { id: string };
  h.upstream.status = 'finished';
  const finished = await fetch(`${url}/rulrr/integrations/${encodeURIComponent(id)}`, { headers: ours });
  assert.equal(((await finished.json()) as { status: string }).status, 'finished');
  const sent = await fetch(url + '/rulrr/ereceipts', { method: 'POST', headers: sending, body: receipt });
  assert.deepEqual(await sent.json(), { sent: true });
  const forgotten = await fetch(url + '/rulrr/connection', { method: 'DELETE', headers: ours });
  assert.deepEqual([forgotten.status, await forgotten.text()], [204, '']);
  const elsewhere = await fetch(url + '/other');
  assert.equal(elsewhere.status, 404);
  assertHardened(elsewhere);
  h.assertClean();
});

test('a path counts as it was sent: one that only `URL` would read as one of ours is unknown', async () => {
  const h = till();
  const url = await serve(toNodeHandler(h.proxy));
  const status = async (path: string) => {
    const request = httpRequest(url, { path, headers: ours }).end();
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    answer.resume();
    return answer.statusCode;
  };
  assert.equal(await status('/rulrr/connection'), 200);
  assert.equal(await status('/rulrr/connection?at=./../x%2e#y'), 200);
  for (const path of ['/rulrr/./connection', '/rulrr/%2E/connection', '/rulrr/x/../connection', '/x/../rulrr/connection', '/x/%2e%2E/rulrr/connection', '/rulrr/connection/.', '/rulrr/connection#x', 'http://pos.example/x/../rulrr/connection'])
    assert.equal(await status(path), 404, path); // prettier-ignore
  h.assertClean();
});

test('the own origin is scheme and host as they came; the option `origin` takes their place; forwarded headers count for nothing', async () => {
  const plain = await serve(toNodeHandler(till().proxy));
  const post = (url: string, headers: Record<string, string>) =>
    fetch(url + '/rulrr/integrations', { method: 'POST', headers: { 'Rulrr-Embed': '1', Cookie: 'store=store-1', ...headers } }).then(({ status }) => status);
  assert.equal(await post(plain, { Origin: plain }), 201);
  assert.equal(await post(plain, { Origin: 'https://pos.example' }), 403);
  assert.equal(await post(plain, { Origin: 'https://pos.example', 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'pos.example', Forwarded: 'host=pos.example;proto=https' }), 403);
  const behind = await serve(toNodeHandler(till({ origin: 'https://pos.example' }).proxy));
  assert.equal(await post(behind, { Origin: 'https://pos.example' }), 201);
  assert.equal(await post(behind, { Origin: behind }), 403);
}); // prettier-ignore

test('Express: mounted below the base path, after express.json(), beside other routes', async () => {
  const h = till();
  await h.connect();
  const handler = toNodeHandler(h.proxy);
  for (const parse of [
    (text: string) => ({ body: JSON.parse(text || '{}') as unknown }),
    (text: string) => ({ body: text }),
    (text: string) => ({ body: Buffer.from(text) }),
    (text: string) => ({ body: {}, rawBody: Buffer.from(text) }),
  ]) {
    // What app.use(express.json()) and app.use('/rulrr', handler) do to a request.
    const url = await serve((req, res) => {
      void (async () => {
        let text = '';
        for await (const chunk of req) text += String(chunk);
        Object.assign(req, parse(text), { originalUrl: req.url });
        const inside = req.url!.startsWith('/rulrr');
        if (inside) req.url = req.url!.slice('/rulrr'.length) || '/';
        handler(req, res, () => res.writeHead(418).end(`next ${req.url}`));
      })();
    });
    const sent = await fetch(url + '/rulrr/ereceipts?x=1', { method: 'POST', headers: sending, body: receipt });
    assert.deepEqual(await sent.json(), { sent: true });
    assert.equal((await fetch(url + '/rulrr/connection', { headers: ours })).status, 200);
    for (const path of ['/', '/rulrrx/connection', '/connection']) assert.equal(await (await fetch(url + path)).text(), `next ${path.startsWith('/rulrr') ? path.slice(6) : path}`);
    assert.equal((await fetch(url + '/rulrr')).status, 404, 'the base path is the proxy’s own');
    const large = await fetch(url + '/rulrr/ereceipts', { method: 'POST', headers: sending, body: JSON.stringify({ orderId: 'x'.repeat(9000), phoneNumber: '' }) });
    assert.equal(large.status, 413);
  }
  h.assertClean();
}); // prettier-ignore

test('a body that something in front has set to come as text is read all the same, and capped by its bytes', async () => {
  const orders: string[] = [];
  const h = till({ sendEreceipt: async ({ orderId }: { orderId: string }) => void orders.push(orderId) });
  await h.connect();
  const handler = toNodeHandler(h.proxy);
  const url = await serve((req, res) => handler(req.setEncoding('utf8'), res));
  const send = async (orderId: string) => {
    const body = JSON.stringify({ orderId, phoneNumber: planted.phoneNumber });
    return (await fetch(url + '/rulrr/ereceipts', { method: 'POST', headers: sending, body })).status;
  };
  assert.equal(await send('\u00f6'.repeat(4200)), 413);
  assert.equal(await send('\u00f6rder-\u{1f9fe}'), 200);
  assert.deepEqual(orders, ['\u00f6rder-\u{1f9fe}']);
  h.assertClean();
});

test('Fastify: its request and reply as a route gets them, the body read already', async () => {
  const h = till();
  await h.connect();
  const handler = toNodeHandler(h.proxy);
  let hijacked = 0;
  const url = await serve((raw, response) => {
    void (async () => {
      let text = '';
      for await (const chunk of raw) text += String(chunk);
      const request = { raw, body: text ? (JSON.parse(text) as unknown) : undefined };
      handler(request, { raw: response, hijack: () => (hijacked += 1) });
    })();
  });
  const sent = await fetch(url + '/rulrr/ereceipts', { method: 'POST', headers: sending, body: receipt });
  assert.deepEqual(await sent.json(), { sent: true });
  const started = await fetch(url + '/rulrr/integrations', { method: 'POST', headers: ours });
  assert.equal(started.status, 201);
  assertHardened(started);
  assert.equal((await fetch(url + '/rulrr/connection', { headers: ours })).status, 200);
  assert.equal((await fetch(url + '/other')).status, 404);
  assert.equal(hijacked, 4);
  h.assertClean();
});

test('Fastify: as a hook it answers before bodies are read, and lets the rest of the server pass', async () => {
  const h = till();
  await h.connect();
  const handler = toNodeHandler(h.proxy);
  const url = await serve((raw, response) => {
    let hijacked = false;
    const next = () => {
      assert.ok(!hijacked, 'a reply that Fastify is to send is left to it');
      response.end('the shop');
    };
    handler({ raw }, { raw: response, hijack: () => (hijacked = true) }, next);
  });
  assert.equal(await (await fetch(url + '/menu')).text(), 'the shop');
  const sent = await fetch(url + '/rulrr/ereceipts', { method: 'POST', headers: sending, body: receipt });
  assert.deepEqual(await sent.json(), { sent: true });
  const empty = await fetch(url + '/rulrr/ereceipts', { method: 'POST', headers: sending });
  assert.deepEqual([empty.status, ((await empty.json()) as { code: string }).code], [400, 'bad_request']);
  assertHardened(empty);
  h.assertClean();
});

test('the framework finds its URL again, and what the host knows reaches authorize', async () => {
  let incoming: (IncomingMessage & { session?: unknown }) | undefined;
  const h = till({ authorize: (_request: Request, context: { incoming?: typeof incoming }) => ((incoming = context.incoming), { storeId: 'store-1' }) });
  let seen = '';
  const handler = toNodeHandler(h.proxy);
  const url = await serve((req, res) => {
    Object.assign(req, { originalUrl: req.url, url: '/connection', session: { user: 7 } });
    handler(req, res);
    seen = req.url!;
  });
  assert.equal((await fetch(url + '/rulrr/connection', { headers: ours })).status, 200);
  assert.equal(seen, '/connection');
  assert.deepEqual(incoming?.session, { user: 7 });
}); // prettier-ignore

test('a fetch of one’s own gets a Request that others can be made of, and authorize one that can be cloned for it', async () => {
  const seen: (string | null)[] = [];
  const authorize = (request: Request) => {
    seen.push(new Request(request.clone(), { headers: { 'X-Seen': request.method } }).headers.get('X-Seen'));
    return { storeId: 'store-1' };
  };
  const { proxy } = till({ authorize });
  const bare = await serve(toNodeHandler(proxy));
  const wrapped = await serve(
    toNodeHandler({ ...proxy, fetch: (request) => proxy.fetch(new Request(request, { cache: 'no-store' })) }),
  );
  for (const url of [bare, wrapped]) {
    assert.equal((await fetch(url + '/rulrr/connection', { headers: ours })).status, 200);
    assert.equal((await fetch(url + '/rulrr/integrations', { method: 'POST', headers: ours })).status, 201);
    const receiptFor = await fetch(url + '/rulrr/ereceipts', { method: 'POST', headers: sending, body: receipt });
    assert.equal(((await receiptFor.json()) as { code: string }).code, 'ereceipt_disabled', 'the body came along');
  }
  assert.deepEqual(seen, ['GET', 'POST', 'POST', 'GET', 'POST', 'POST']);
});

test('a fetch of one’s own that throws is not said to be the till’s mistake', async () => {
  const { proxy } = till();
  const url = await serve(toNodeHandler({ ...proxy, fetch: () => Promise.reject(new Error(planted.clientSecret)) }));
  const answer = await fetch(url + '/rulrr/connection', { headers: ours });
  assert.equal(answer.status, 500);
  assertHardened(answer);
  const text = await answer.text();
  assert.match(text, /"code":"internal"/);
  assert.ok(!text.includes(planted.clientSecret));
});

test('a fetch of one’s own may answer at once, as routers do, and throw at once', async () => {
  const { proxy } = till();
  const at = async (fetchIt: () => Response) =>
    fetch((await serve(toNodeHandler({ ...proxy, fetch: fetchIt as unknown as typeof proxy.fetch }))) + '/rulrr/hello');
  const answer = await at(() => new Response('hello', { status: 201 }));
  assert.equal(answer.status, 201);
  assert.equal(await answer.text(), 'hello');
  const broken = await at(() => {
    throw new Error('not a Response');
  });
  assert.equal(broken.status, 500);
  assert.match(await broken.text(), /"code":"internal"/);
});

test('a handler for nothing is a mistake that is told as it is made', () => {
  for (const nothing of [undefined, null, {}])
    assert.throws(() => toNodeHandler(nothing as never), { name: 'TypeError', message: /needs a proxy/ });
});

test('the application’s own Request and Response stay what they were', () => {
  toNodeHandler(till().proxy);
  assert.ok(globalThis.Request === own.Request && globalThis.Response === own.Response);
});

test('requests that are none: an answer with every header, and the server lives on', async () => {
  const h = till();
  const urls = [await serve(toNodeHandler(h.proxy)), await serve(toNodeHandler(ownFetch(h)))];
  for (const [head, status] of [
    ['GET /rulrr/connection HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n', 400],
    ['GET http://:99999/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 400],
    ['GET /rulrr\\connection HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 400],
    ['GET /rulrr/./connection HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 404],
    ['GET //rulrr/connection HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 404],
    ['POST /rulrr/connection HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello', 405],
    ['TRACE /rulrr/connection HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 405],
    ['OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 400],
  ] as const) {
    for (const url of urls) {
      const answer = await raw(url, head);
      assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `), head);
      for (const header of ['cache-control: no-store', 'x-content-type-options: nosniff', 'application/problem+json']) {
        assert.ok(answer.toLowerCase().includes(header), `${head}${answer}`);
      }
    }
  }
  for (const url of urls) assert.equal((await fetch(url + '/rulrr/connection', { headers: ours })).status, 200);
});

test('a body without end is refused while it comes in, and the connection does not stay open for it', async () => {
  const h = till();
  await h.connect();
  const url = await serve(toNodeHandler(h.proxy));
  const post = httpRequest(url + '/rulrr/ereceipts', {
    method: 'POST',
    headers: { ...sending, 'Transfer-Encoding': 'chunked' },
  });
  const answered = once(post, 'response') as Promise<[IncomingMessage]>;
  let written = 0;
  let closed = false;
  post.on('error', () => (closed = true));
  post.on('close', () => (closed = true));
  const pump = setInterval(() => {
    if (closed) return clearInterval(pump);
    post.write('x'.repeat(1024));
    written += 1024;
  }, 1);
  const [response] = await answered;
  assert.equal(response.statusCode, 413);
  response.resume();
  for (let turn = 0; !closed; turn++) {
    assert.ok(turn < 1000, 'the connection was kept');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  clearInterval(pump);
  assert.ok(written > 8192);
  h.assertClean();
});

test('an answer that the application gives meanwhile stays whole, and its own', async () => {
  for (const [method, kind] of [
    ['GET', 'bare'],
    ['DELETE', 'bare'],
    ['GET', 'own'],
  ] as const) {
    let signIn: (subject: { storeId: string }) => void = () => {};
    const h = till({ authorize: () => new Promise<{ storeId: string }>((resolve) => (signIn = resolve)) });
    const handler = toNodeHandler(kind === 'own' ? ownFetch(h) : h.bare);
    const url = await serve((req, res) => {
      handler(req, res);
      // Its own time is up: half of what it says has gone out when the proxy comes through.
      res.writeHead(503, { 'Content-Length': 8 }).write('too ', async () => {
        signIn({ storeId: 'store-1' });
        for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
        res.end('late');
      });
    });
    const answer = await fetch(url + '/rulrr/connection', { method, headers: ours });
    assert.deepEqual([answer.status, await answer.text()], [503, 'too late'], method);
  }
});

test('an answer is as long as it says, also with signs of more than a byte', async () => {
  const h = till();
  const id = await h.start();
  h.upstream.faults.push(() => Response.json({ success: true, status: 'finished' }));
  const expiration = 'fin de l’année';
  const tokens = { accessToken: planted.accessToken, refreshToken: planted.refreshToken, expiration, ereceipt: true };
  h.upstream.faults.push(() => Response.json({ success: true, ...tokens }));
  const url = await serve(toNodeHandler(h.proxy));
  const answer = await fetch(`${url}/rulrr/integrations/${id}`, { headers: ours });
  assert.equal(((await answer.json()) as { connection: { expiration: string } }).connection.expiration, expiration);
  h.assertClean();
});

test('the browser hangs up in the middle of a poll: the redemption goes on', async () => {
  const h = till();
  const id = await h.start();
  h.upstream.status = 'finished';
  let release: () => void = () => {};
  let redeeming = false;
  // The first call asks for the status; the second is the redemption, held until the browser is gone.
  h.upstream.faults.push(() => Response.json({ success: true, status: 'finished' }));
  h.upstream.faults.push(async () => {
    redeeming = true;
    await new Promise<void>((resolve) => (release = resolve));
    return Response.json({ success: true, accessToken: planted.accessToken, refreshToken: planted.refreshToken, expiration: '2027-11-24T00:00:00.000Z', ereceipt: true });
  });
  const url = await serve(toNodeHandler(h.proxy));
  const gone = new AbortController();
  const poll = fetch(`${url}/rulrr/integrations/${id}`, { headers: ours, signal: gone.signal }).catch(() => 'gone');
  for (let turn = 0; !redeeming; turn++) {
    assert.ok(turn < 1000, 'it never redeemed');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  gone.abort();
  assert.equal(await poll, 'gone');
  release();
  for (let turn = 0; ; turn++) {
    const connection = (await (await h.call('GET', '/connection')).json()) as { connected: boolean };
    if (connection.connected) break;
    assert.ok(turn < 1000, 'the tokens were lost with the browser');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  h.assertClean();
}); // prettier-ignore

test('a till that hangs up before anything was sent prints: nothing goes out after that, and the key is free', async () => {
  for (const through of [(h: Harness) => h.proxy, ownFetch]) {
    let sends = 0;
    let session = Promise.resolve();
    let isAsked = false;
    const h = till({
      sendEreceipt: async () => void (sends += 1),
      authorize: async () => {
        isAsked = true;
        await session;
        return { storeId: 'store-1' };
      },
    });
    await h.connect();
    const handle = toNodeHandler(through(h));
    let hasHungUp = false;
    const url = await serve((request, response) => {
      response.once('close', () => (hasHungUp = true));
      handle(request, response);
    });
    const send = (signal?: AbortSignal) =>
      fetch(url + '/rulrr/ereceipts', { method: 'POST', headers: sending, body: receipt, signal: signal ?? null });

    let release: () => void = () => {};
    session = new Promise((resolve) => (release = resolve));
    isAsked = false;
    const gone = new AbortController();
    const called = send(gone.signal).catch(() => 'gone');
    await until(() => isAsked);
    gone.abort();
    assert.equal(await called, 'gone');
    await until(() => hasHungUp);
    release();
    await until(() => h.events.some(({ type }) => type === 'refused' || type === 'ereceipt-sent'));
    assert.equal(sends, 0);
    assert.deepEqual(await (await send()).json(), { sent: true });
    assert.equal(sends, 1);
    h.assertClean();
  }
});

test('nothing is sent for a till that hung up, or was answered by the application, before the proxy got to it', async () => {
  type Meanwhile = (request: IncomingMessage, response: ServerResponse, handle: () => void, stop: () => void) => void;
  const parsed = (request: IncomingMessage) => Object.assign(request, { rawBody: Buffer.from(receipt) });
  const slow: Record<string, Meanwhile> = {
    'it hangs up while middleware asks for its session': (request, response, handle, stop) => {
      response.once('close', () => (parsed(request), handle()));
      stop();
    },
    'middleware answers, and lets it on all the same': (request, response, handle) => {
      response.end('no');
      parsed(request);
      handle();
    },
    'the application answers while authorize is asked': (_request, response, handle) => {
      handle();
      response.end('too slow');
    },
  };
  for (const through of [(h: Harness) => h.proxy, ownFetch]) {
    for (const [name, meanwhile] of Object.entries(slow)) {
      let sends = 0;
      let answered: Promise<unknown> | undefined;
      const h = till({
        sendEreceipt: async () => void (sends += 1),
        authorize: async () => {
          await answered;
          return { storeId: 'store-1' };
        },
      });
      await h.connect();
      const handle = toNodeHandler(through(h));
      const gone = new AbortController();
      let first = true;
      const url = await serve((request, response) => {
        if (!first) return handle(request, response);
        first = false;
        answered = once(response, 'close');
        const goOn = () => handle(request, response);
        meanwhile(request, response, goOn, () => gone.abort());
      });
      const send = (signal: AbortSignal | null) =>
        fetch(url + '/rulrr/ereceipts', { method: 'POST', headers: sending, body: receipt, signal });
      await send(gone.signal).catch(() => 'gone');
      await until(() => h.events.some(({ type }) => type === 'refused' || type === 'ereceipt-sent'));
      assert.equal(sends, 0, name);
      assert.deepEqual(await (await send(null)).json(), { sent: true }, name);
      assert.equal(sends, 1, name);
    }
  }
});

test('a request that an adapter of a cloud’s functions has made, with `headers` and no others: who is signed in is found for every method', async () => {
  const h = till();
  await h.connect();
  const handle = toNodeHandler(h.proxy);
  const url = await serve((request, response) => {
    const headers = { ...request.headers, 'content-length': Number(request.headers['content-length'] ?? 0) };
    handle(Object.assign(request, { headers, rawHeaders: [] }) as unknown as IncomingMessage, response);
  });
  const sent = await fetch(url + '/rulrr/ereceipts', { method: 'POST', headers: sending, body: receipt });
  assert.deepEqual([sent.status, await sent.json()], [200, { sent: true }]);
  assert.equal((await fetch(url + '/rulrr/connection', { headers: ours })).status, 200);
});

test('an answer arrives through a writeHead that something has replaced by one that returns nothing', async () => {
  const handle = toNodeHandler(till().proxy);
  const url = await serve((request, response) => {
    const writeHead = response.writeHead.bind(response) as (...given: unknown[]) => unknown;
    handle(request, Object.assign(response, { writeHead: (...given: unknown[]) => void writeHead(...given) }) as never);
  });
  const answers = await Promise.all([
    fetch(url + '/rulrr/connection', { headers: ours }),
    fetch(url + '/rulrr/connection', { method: 'DELETE', headers: ours }),
  ]);
  const texts = await Promise.all(answers.map((answer) => answer.text()));
  assert.deepEqual(
    answers.map(({ status }, at) => [status, texts[at]]),
    [
      [200, '{"connected":false,"ereceipt":false,"expiration":null}'],
      [204, ''],
    ],
  );
});
