// What a socket can do to a call, over real ones: which code comes of it, and what is known of the request.
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { createServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { RulrrApi, type RulrrApiError } from '../../src/api/index.js';
import { neverSent } from '../../src/api/errors.js';
import { serveSandbox, type Fault, type ServedSandbox } from '../../src/sandbox/index.js';
import { systemClock } from '../../src/shared/clock.js';
import { fakeClock } from '../support/fake-clock.js';
import { withoutInvalidHosts } from '../support/invalid-hosts.js';
import { until } from '../support/until.js';
import { apiAt, client, failureOf, httpAnswer, rawServer } from './support.js';

const verdict = ({ code, sent, status }: RulrrApiError) => `${code} ${sent} ${status}`;
const answer = '{"success":true,"integrationToken":"it_1"}';

const toWebStream = (parts: AsyncGenerator<Uint8Array>) =>
  new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await parts.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
const toNodeStream = (parts: AsyncGenerator<Uint8Array>) => Readable.from(parts);

/** As a replaced `fetch` may have it: its stream of any kind. */
function answerWith(stream: unknown): Response {
  const response = new Response(null, { headers: { 'Content-Type': 'application/json' } });
  return Object.defineProperty(response, 'body', { value: stream });
}

describe('faults that the sandbox makes on the wire', () => {
  let served: ServedSandbox;
  before(async () => (served = await serveSandbox({ clients: [client] })));
  after(() => served.close());

  const table: [Omit<Fault, 'route'>, string][] = [
    [{ kind: 'status', status: 400 }, 'bad_client_id answered 400'],
    [{ kind: 'status', status: 403 }, 'forbidden answered 403'],
    [{ kind: 'status', status: 404 }, 'not_found answered 404'],
    [{ kind: 'status', status: 410 }, 'unexpected_status answered 410'],
    [{ kind: 'status', status: 418 }, 'unexpected_status answered 418'],
    [{ kind: 'status', status: 429 }, 'rate_limited answered 429'],
    [{ kind: 'status', status: 500 }, 'server_error answered 500'],
    [{ kind: 'status', status: 502 }, 'server_error answered 502'],
    [{ kind: 'status', status: 503 }, 'server_error answered 503'],
    [{ kind: 'status', status: 504 }, 'server_error answered 504'],
    [{ kind: 'redirect' }, 'redirect_refused answered 302'],
    [{ kind: 'reset' }, 'connection_lost unclear 0'],
    [{ kind: 'close' }, 'connection_lost unclear 0'],
    [{ kind: 'lose-answer' }, 'connection_lost unclear 0'],
    [{ kind: 'garbage' }, 'connection_lost unclear 0'],
    [{ kind: 'cut', at: 0 }, 'connection_lost unclear 200'],
    [{ kind: 'cut', at: 20 }, 'connection_lost unclear 200'],
    [{ kind: 'oversized' }, 'answer_too_large unclear 200'],
    [{ kind: 'wrong-content-type' }, 'bad_answer unclear 200'],
    [{ kind: 'bad-json' }, 'bad_answer unclear 200'],
    [{ kind: 'missing-fields' }, 'bad_answer unclear 200'],
  ];
  for (const [fault, expected] of table) {
    it(`${Object.values(fault).join(' ')} → ${expected}`, async () => {
      served.sandbox.faults.set({ route: 'create-integration', times: 1, ...fault });
      assert.equal(verdict(await failureOf(apiAt(served.origin).createIntegration())), expected);
      assert.deepEqual(served.sandbox.faults.active, []);
    });
  }

  describe('an answer that is given once counts if all of it came, however its connection ends', () => {
    const tokens = '{"success":true,"accessToken":"a","refreshToken":"r","expiration":"2099-01-01","ereceipt":true}';
    const redeemed = async (api: RulrrApi): Promise<string[]> => {
      const kept: string[] = [];
      const onRawAnswer = async (raw: string) => void kept.push(raw);
      const calls = [api.retrieveTokens('it_1', { onRawAnswer }), api.refreshTokens('r', { onRawAnswer })];
      const ends = calls.map((call) =>
        call.then(
          (pair) => pair.accessToken,
          (error: RulrrApiError) => error.sent,
        ),
      );
      const said = await Promise.all(ends);
      return [...kept, ...said];
    };

    for (const ending of ['breaks', 'stays'] as const) {
      async function* parts(text: string) {
        for (const part of [text.slice(0, 30), text.slice(30)]) yield new TextEncoder().encode(part);
        if (ending === 'breaks') throw new TypeError('terminated');
        await new Promise(() => {});
      }
      const streams = { 'of the web': toWebStream, 'of Node, as those of node-fetch': toNodeStream };
      for (const [kind, toStream] of Object.entries(streams))
        it(`${ending} once it is read, from a stream ${kind}`, async () => {
          const answering = (text: string) =>
            apiAt(served.origin, {
              timeoutMs: 300,
              redeemTimeoutMs: 300,
              fetch: async () => answerWith(toStream(parts(text))),
            });
          assert.deepEqual(await redeemed(answering(tokens)), [tokens, tokens, 'a', 'a']);
          assert.deepEqual(await redeemed(answering(tokens.slice(0, -1))), ['unclear', 'unclear']);
          // Any other call is told that its connection broke.
          const { code, sent } = await failureOf(answering(tokens).createIntegration());
          assert.equal(`${code} ${sent}`, ending === 'breaks' ? 'connection_lost unclear' : 'timeout unclear');
        });
    }

    it('claims a length that it never reaches, over a socket', async () => {
      const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${tokens.length + 1}\r\n\r\n`;
      const server = await rawServer((socket) => void socket.write(head + tokens));
      const clock = fakeClock();
      let left = 2 * tokens.length;
      // Time is up once all that came has been read, however long that takes here.
      const reading = () =>
        new TransformStream<Uint8Array, Uint8Array>({
          transform(chunk, controller) {
            controller.enqueue(chunk);
            left -= chunk.length;
            if (!left) setImmediate(() => clock.advance(60_000));
          },
        });
      const watched = async (...call: Parameters<typeof fetch>) => {
        const response = await fetch(...call);
        return new Response(response.body!.pipeThrough(reading()), response);
      };
      const api = apiAt(server.url, { clock, fetch: watched });
      assert.deepEqual(await redeemed(api), [tokens, tokens, 'a', 'a']);
      await server.close();
    });

    it('comes while this process is frozen, for longer than it may take', async () => {
      for (const ask of ['retrieveTokens', 'refreshTokens'] as const) {
        let arrived = () => {};
        /** Of which the call's time begins as it comes to the server, however long that takes here. */
        const clock = {
          now: systemClock.now,
          after(ms: number, callback: () => void) {
            arrived = () => {
              clock.after = systemClock.after;
              systemClock.after(ms, callback);
            };
            return () => {};
          },
        };
        const server = await rawServer((socket) => {
          arrived();
          socket.write(httpAnswer(200, tokens));
          // As a machine that was paused: with the answer at hand, no code runs until the deadline is over.
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 450);
        });
        const call = apiAt(server.url, { clock, redeemTimeoutMs: 400 })[ask]('it_1');
        const said = await call.then(({ accessToken }) => accessToken, String);
        await server.close();
        assert.equal(said, 'a');
      }
    });
  });

  for (const kind of ['hang', 'drip'] as const) {
    it(`${kind} ends at the deadline, which covers the body`, async () => {
      served.sandbox.faults.set({ route: 'create-integration', kind, times: 1, ms: 60_000 });
      const clock = fakeClock();
      let hasBegun = false;
      const watched = async (...call: Parameters<typeof fetch>) => {
        const response = await fetch(...call);
        hasBegun = true;
        return response;
      };
      const failure = failureOf(apiAt(served.origin, { clock, timeoutMs: 150, fetch: watched }).createIntegration());
      await until(() => (kind === 'hang' ? !served.sandbox.faults.active.length : hasBegun));
      clock.advance(150);
      const error = await failure;
      assert.equal(`${error.code} ${error.sent}`, 'timeout unclear');
    });
  }

  it('a redirect is never followed, whatever its status', async () => {
    const elsewhere = await rawServer((socket) => socket.end(httpAnswer(200, answer)));
    for (const status of [300, 301, 302, 303, 307, 308]) {
      const server = await rawServer((socket) =>
        socket.end(httpAnswer(status, '', { Location: `${elsewhere.url}/x` })),
      );
      assert.equal((await failureOf(apiAt(server.url).createIntegration())).code, 'redirect_refused');
      await server.close();
    }
    assert.equal(elsewhere.seen.length, 0);
    await elsewhere.close();
  });
});

describe('faults below HTTP', () => {
  it('refused and unknown hosts are surely unsent', async (t) => {
    withoutInvalidHosts(t);
    const gone = await rawServer(() => undefined);
    await gone.close();
    const localhost = gone.url.replace('127.0.0.1', 'localhost');
    for (const url of [gone.url, localhost, 'https://no-such-host.invalid']) {
      assert.equal(verdict(await failureOf(apiAt(url).createIntegration())), 'unreachable no 0', url);
    }
  });

  it('a TLS handshake that fails is surely unsent', async () => {
    // Answers the handshake's first bytes: they hold no end of a head for which `rawServer` would wait.
    const plain = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(httpAnswer(400, '')));
    });
    const bare = createServer({}, () => assert.fail('nothing may arrive'));
    // As a firewall that does not like the name: Node gives it the code of a reset, which may come after a request too.
    const cut = createTcpServer((socket) => void socket.once('data', () => socket.end()));
    try {
      for (const server of [plain, bare, cut]) {
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        const { port } = server.address() as AddressInfo;
        const error = await failureOf(apiAt(`https://127.0.0.1:${port}`).createIntegration());
        assert.equal(verdict(error), 'unreachable no 0');
      }
    } finally {
      for (const server of [plain, bare, cut]) server.close();
    }
  });

  it('an answer cut at every byte is unclear, and never half a pair', { timeout: 60_000 }, async () => {
    const body = JSON.stringify({
      success: true,
      accessToken: 'a',
      refreshToken: 'r',
      expiration: '2027',
      ereceipt: true,
    });
    const whole = httpAnswer(200, body);
    let at = 0;
    const server = await rawServer((socket) => void socket.end(whole.slice(0, at)));
    const api = apiAt(server.url);
    const raw: string[] = [];
    for (at = 0; at < whole.length; at++) {
      const call = api.retrieveTokens('it', { onRawAnswer: async (text) => void raw.push(text) });
      const error = await failureOf(call);
      assert.equal(`${error.code} ${error.sent}`, 'connection_lost unclear', `cut at ${at}`);
    }
    assert.deepEqual(raw, []);
    assert.equal(server.seen.length, whole.length);
    at = whole.length;
    assert.equal((await api.retrieveTokens('it')).accessToken, 'a');
    await server.close();
  });

  it('an order whose answer is lost went out once, and is not sent again', async () => {
    const server = await rawServer((socket) => socket.destroy());
    const error = await failureOf(apiAt(server.url, { accessToken: 'a' }).createOrder({ orderId: '1' }));
    assert.equal(error.sent, 'unclear');
    assert.equal(server.seen.length, 1);
    await server.close();
  });

  it('an order that was answered with a redirect may have been carried out', async () => {
    const server = await rawServer((socket) => socket.end(httpAnswer(303, '', { Location: '/elsewhere' })));
    const error = await failureOf(apiAt(server.url, { accessToken: 'a' }).createOrder({ orderId: '1' }));
    assert.equal(verdict(error), 'redirect_refused unclear 303');
    assert.equal(server.seen.length, 1);
    await server.close();
  });

  it('nor may one whose redirect is hidden, as browsers do it, or was followed by a fetch that takes no heed', async () => {
    const hidden = { type: 'opaqueredirect', status: 0 };
    const followed = { redirected: true, status: 200 };
    for (const fields of [hidden, followed]) {
      const answer = new Response('{"success":true}');
      for (const [name, value] of Object.entries(fields)) Object.defineProperty(answer, name, { value });
      const api = apiAt('https://api.example', { accessToken: 'a', fetch: async () => answer });
      const { code, sent } = await failureOf(api.createOrder({ orderId: '1' }));
      assert.equal(`${code} ${sent}`, 'redirect_refused unclear', JSON.stringify(fields));
    }
  });

  it('a refusal is one also from a fetch whose streams are those of Node, and its connection is let go of', async () => {
    const refusals = [
      [410, 'already_retrieved answered 410'],
      [403, 'forbidden answered 403'],
      [302, 'redirect_refused answered 302'],
    ] as const;
    for (const [status, expected] of refusals) {
      const stream = Readable.from(['{"success":false}']);
      const answer = new Response(null, { status });
      Object.defineProperty(answer, 'body', { value: stream });
      const error = await failureOf(apiAt('https://api.example', { fetch: async () => answer }).retrieveTokens('it'));
      assert.equal(verdict(error), expected);
      assert.equal(stream.destroyed, true);
    }
  });

  it('an answer that is too large is one also from a fetch whose streams are those of Node, and its connection is let go of', async () => {
    const stream = Readable.from([' '.repeat(1500), ' '.repeat(1500)]);
    const api = apiAt('https://api.example', { maxAnswerBytes: 2000, fetch: async () => answerWith(stream) });
    assert.equal(verdict(await failureOf(api.createIntegration())), 'answer_too_large unclear 200');
    assert.equal(stream.destroyed, true);
  });

  it('an answer is read also from a fetch that has no streams, as the polyfills of browsers', async () => {
    const answered = (text: string) => {
      const { status, headers } = answerWith(undefined);
      return { status, headers, text: async () => text } as Response;
    };
    const text = '{"success":true,"accessToken":"a","refreshToken":"r","expiration":"2099-01-01","ereceipt":true}';
    const kept: string[] = [];
    const api = apiAt('https://api.example', { maxAnswerBytes: 2000, fetch: async () => answered(text) });
    const onRawAnswer = async (raw: string) => void kept.push(raw);
    assert.equal((await api.retrieveTokens('it', { onRawAnswer })).accessToken, 'a');
    assert.deepEqual(kept, [text]);
    const large = apiAt('https://api.example', { maxAnswerBytes: 20, fetch: async () => answered(text) });
    assert.equal((await failureOf(large.createIntegration())).code, 'answer_too_large');
  });

  it('a read or an order that surely never left is tried once more', async () => {
    let tries = 0;
    const fetch: typeof globalThis.fetch = async () => {
      if (++tries === 1) throw Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNREFUSED' } });
      return Response.json({ success: true, orderId: '1' });
    };
    const api = new RulrrApi({ apiBaseUrl: 'https://api.example', ...client, accessToken: 'a', fetch });
    await api.createOrder({ orderId: '1' });
    assert.equal(tries, 2);
    tries = 0;
    assert.equal((await failureOf(api.retrieveTokens('it'))).sent, 'no');
    assert.equal(tries, 1, 'redeeming is tried again by whoever keeps the books, not here');
  });

  it('the deadline covers both tries: what the first has used up, the second does not have', async () => {
    const clock = fakeClock();
    let tries = 0;
    const fetch: typeof globalThis.fetch = async () => {
      if (++tries === 2) return new Promise(() => {});
      // As long as a name server may be asked in vain.
      await clock.advanceAsync(5_000);
      throw Object.assign(new TypeError('fetch failed'), { cause: { code: 'EAI_AGAIN' } });
    };
    const ends: string[] = [];
    void failureOf(apiAt('https://api.example', { accessToken: 'a', fetch, clock, timeoutMs: 6_000 }).getStore()).then(
      ({ code }) => ends.push(code),
    );
    await until(() => tries === 2);
    await clock.advanceAsync(999);
    assert.deepEqual(ends, []);
    await clock.advanceAsync(1);
    assert.deepEqual(ends, ['timeout']);
  });

  it('success: false is a failure, whatever the status says', async () => {
    const server = await rawServer((socket) =>
      socket.end(httpAnswer(200, '{"success":false,"integrationToken":"it"}')),
    );
    assert.equal(verdict(await failureOf(apiAt(server.url).createIntegration())), 'refused answered 200');
    await server.close();
  });

  it('an order is confirmed by an object of JSON or by 204, and by nothing else', async () => {
    const order = (body: BodyInit | null, type?: string, status = 200) => {
      const answer = async () => new Response(body, { status, headers: type ? { 'Content-Type': type } : {} });
      return apiAt('https://api.example', { accessToken: 'at', fetch: answer }).createOrder({ orderId: 'A-1' });
    };
    const json = 'application/json';
    for (const [body, type] of [
      ['', json],
      ['', undefined],
      ['[]', json],
      ['[{"success":true}]', json],
      ['null', json],
      ['"ok"', json],
      ['1', json],
      ['{"success":true}', 'text/html'],
      ['{"success":true}', 'application/jsonp'],
      ['{"success":true}', 'application/x-javascript'],
      ['{"success":true', json],
    ] as const)
      assert.equal(verdict(await failureOf(order(body, type))), 'bad_answer unclear 200', `${type}: ${body}`);
    for (const type of [undefined, 'APPLICATION/JSON', 'application/vnd.rulrr.v1+json; charset=utf-8', 'text/plain'])
      assert.deepEqual(await order(new TextEncoder().encode('{"id":1}'), type), { id: 1 });
    assert.deepEqual(await order(null, undefined, 204), {});
  });

  it('says what a status means, call by call', async () => {
    const code = async (status: number, call: (api: RulrrApi) => Promise<unknown>) => {
      const fetch: typeof globalThis.fetch = async (_url, init) =>
        init?.method === 'GET' ? Response.json({ url: 'https://bucket.example/' }) : new Response('', { status });
      return (await failureOf(call(apiAt('https://api.example', { accessToken: 'at', fetch })))).code;
    };
    const order = (api: RulrrApi) => api.createOrder({});
    const upload = (api: RulrrApi) => api.uploadCustomers('a', 'text/csv');
    assert.equal(await code(400, (api) => api.createIntegration()), 'bad_client_id');
    for (const [status, meant] of [
      [400, 'bad_request'],
      [401, 'forbidden'],
      [403, 'forbidden'],
      [404, 'not_found'],
      [418, 'unexpected_status'],
      [429, 'rate_limited'],
      [500, 'server_error'],
    ] as const)
      assert.equal(await code(status, order), meant, String(status));
    for (const [status, meant] of [
      [401, 'refused'],
      [410, 'refused'],
      [429, 'rate_limited'],
      [503, 'server_error'],
    ] as const)
      assert.equal(await code(status, upload), meant, String(status));
  });

  it('takes the first upload URL that is one', async () => {
    for (const name of ['uploadUrl', 'uploadURL', 'upload_url', 'url']) {
      const fetch = async () => Response.json({ uploadUrl: 'see below', [name]: 'https://bucket.example/' });
      const api = apiAt('https://api.example', { accessToken: 'at', fetch });
      assert.equal((await api.getCustomersUploadUrl()).href, 'https://bucket.example/', name);
    }
  });

  it('tokens that are not whole are refused, field by field', async () => {
    const good = { success: true, accessToken: 'a', refreshToken: 'r', expiration: '2027', ereceipt: true };
    const odd: Record<string, unknown>[] = [
      { accessToken: '' },
      { refreshToken: 1 },
      { expiration: null },
      { ereceipt: 'yes' },
    ];
    for (const change of odd) {
      const fetch = async () => Response.json({ ...good, ...change });
      const error = await failureOf(apiAt('http://127.0.0.1:1', { fetch }).retrieveTokens('it'));
      assert.equal(error.code, 'bad_answer');
      assert.match(error.message, new RegExp(Object.keys(change)[0]!));
    }
    for (const body of ['[]', 'null', '"x"', '']) {
      const fetch = async () => new Response(body, { headers: { 'Content-Type': 'application/json' } });
      assert.equal((await failureOf(apiAt('http://127.0.0.1:1', { fetch }).retrieveTokens('it'))).code, 'bad_answer');
    }
    const fetch = async () => Response.json({ success: true, status: 'done' });
    assert.equal(
      (await failureOf(apiAt('http://127.0.0.1:1', { fetch }).getIntegrationStatus('it'))).code,
      'bad_answer',
    );
  });

  it('tells the status that came with an answer that says nothing usable', async () => {
    const status = async (given: string, call: (api: RulrrApi) => Promise<unknown>) => {
      const server = await rawServer((socket) => void socket.end(given));
      const error = await failureOf(call(apiAt(server.url, { accessToken: 'at' })));
      await server.close();
      return `${error.code} ${error.status}`;
    };
    const nothing = 'HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n';
    const odd = (body: string) => httpAnswer(201, body);
    assert.equal(await status(nothing, (api) => api.getIntegrationStatus('it')), 'bad_answer 204');
    assert.equal(await status(nothing, (api) => api.retrieveTokens('it')), 'bad_answer 204');
    assert.equal(await status(nothing, (api) => api.getCustomersUploadUrl()), 'bad_answer 204');
    assert.equal(await status(odd('{}'), (api) => api.createIntegration()), 'bad_answer 201');
    assert.equal(await status(odd('{"status":"done"}'), (api) => api.getIntegrationStatus('it')), 'bad_answer 201');
    const tokens = JSON.stringify({ accessToken: 'at', refreshToken: 'rt', expiration: 1 });
    assert.equal(await status(odd(tokens), (api) => api.refreshTokens('rt')), 'bad_answer 201');
    assert.equal(
      await status(odd('{"url":"ftp://till.example/"}'), (api) => api.getCustomersUploadUrl()),
      'bad_answer 201',
    );
  });
});

describe('time and abort', () => {
  const silent: typeof globalThis.fetch = () => new Promise(() => {});

  it('the deadlines hold though a replaced fetch takes no notice: 10 s, 60 s where the answer comes once, and for the upload', async () => {
    const clock = fakeClock();
    const fetch: typeof globalThis.fetch = async (url, init) =>
      String(url).includes('/v1/customers') ? Response.json({ url: 'https://bucket.example/' }) : silent(url, init);
    const api = apiAt('http://127.0.0.1:1', { accessToken: 'a', fetch, clock, timeoutMs: undefined });
    const ended: string[] = [];
    const upload = failureOf(api.uploadCustomers('a', 'text/csv')).then(({ code }) => ended.push(`upload ${code}`));
    await new Promise(setImmediate);
    const status = failureOf(api.getIntegrationStatus('it')).then(({ code }) => ended.push(`status ${code}`));
    const tokens = failureOf(api.retrieveTokens('it')).then(({ code }) => ended.push(`tokens ${code}`));
    await clock.advanceAsync(9_999);
    assert.deepEqual(ended, []);
    await clock.advanceAsync(1);
    await status;
    await clock.advanceAsync(49_999);
    assert.deepEqual(ended, ['status timeout']);
    await clock.advanceAsync(1);
    await Promise.all([tokens, upload]);
    assert.deepEqual(ended, ['status timeout', 'upload timeout', 'tokens timeout']);
    assert.equal(clock.pending, 0);
  });

  it('the deadline covers a body that never ends, and lets go of its connection, though a replaced fetch takes no notice', async () => {
    const clock = fakeClock();
    let isLetGo = false;
    const ofTheWeb = new ReadableStream<Uint8Array>({
      start: (to) => to.enqueue(new Uint8Array([123])),
      cancel: () => void (isLetGo = true),
    });
    const ofNode = new Readable({ read() {} });
    ofNode.push('{');
    for (const stream of [ofTheWeb, ofNode]) {
      const fetch = async () => answerWith(stream);
      const failed = failureOf(apiAt('http://127.0.0.1:1', { fetch, clock, timeoutMs: 700 }).createIntegration());
      await new Promise(setImmediate);
      await clock.advanceAsync(700);
      assert.equal(verdict(await failed), 'timeout unclear 200');
    }
    assert.deepEqual([isLetGo, ofNode.destroyed], [true, true]);
  });

  it('an answer that comes after the deadline is let go of', async () => {
    const clock = fakeClock();
    let give: (response: Response) => void = () => {};
    const fetch = () => new Promise<Response>((resolve) => (give = resolve));
    const failed = failureOf(apiAt('http://127.0.0.1:1', { fetch, clock, timeoutMs: 700 }).createIntegration());
    clock.advance(700);
    await failed;
    const stream = new Readable({ read() {} });
    give(answerWith(stream));
    await new Promise(setImmediate);
    assert.equal(stream.destroyed, true);
  });

  it('a signal that many calls are given, as that of a process which stops, keeps none of them', async () => {
    const api = apiAt('http://127.0.0.1:1', { fetch: async () => Response.json({ success: true, status: 'pending' }) });
    const { signal } = new AbortController();
    for (let call = 0; call < 3; call++) await api.getIntegrationStatus('it', { signal });
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  it('an abort before the call is unsent, one during it unclear; a redeem under way goes on', async () => {
    let calls = 0;
    let give: (response: Response) => void = () => {};
    const fetch = () => {
      calls += 1;
      return new Promise<Response>((resolve) => (give = resolve));
    };
    const api = apiAt('http://127.0.0.1:1', { fetch });
    const stopped = AbortSignal.abort();
    assert.equal(verdict(await failureOf(api.getIntegrationStatus('it', { signal: stopped }))), 'aborted no 0');
    assert.equal(verdict(await failureOf(api.retrieveTokens('it', { signal: stopped }))), 'aborted no 0');
    assert.equal(verdict(await failureOf(api.refreshTokens('rt', { signal: stopped }))), 'aborted no 0');
    assert.equal(calls, 0);
    const during = new AbortController();
    const failed = failureOf(api.getIntegrationStatus('it', { signal: during.signal }));
    during.abort();
    assert.equal(verdict(await failed), 'aborted unclear 0');
    const later = new AbortController();
    const tokens = api.retrieveTokens('it', { signal: later.signal });
    later.abort();
    give(Response.json({ success: true, accessToken: 'a', refreshToken: 'r', expiration: '2027', ereceipt: true }));
    assert.equal((await tokens).accessToken, 'a');
  });

  it('reads Retry-After as seconds and as a date, and nothing else', async () => {
    const clock = fakeClock(Date.UTC(2026, 10, 24, 12, 0, 0));
    const cases: [string | undefined, number | undefined][] = [
      [undefined, undefined],
      ['3', 3000],
      [' 0 ', 0],
      ['9'.repeat(400), 86_400_000],
      ['Tue, 24 Nov 2026 12:00:20 GMT', 20_000],
      ['Tue, 24 Nov 2026 11:00:00 GMT', 0],
      ['soon', undefined],
      ['-5', undefined],
      ['1.5', undefined],
    ];
    for (const [value, expected] of cases) {
      const headers: Record<string, string> = value === undefined ? {} : { 'Retry-After': value };
      const fetch = async () => new Response('', { status: 429, headers });
      const error = await failureOf(apiAt('http://127.0.0.1:1', { fetch, clock }).createIntegration());
      assert.equal(error.retryAfterMs, expected, String(value));
    }
  });

  it('a broken connection that stood is not taken for one that never came about', () => {
    const caused = (cause: unknown) => Object.assign(new TypeError('fetch failed'), { cause });
    assert.equal(neverSent(caused({ code: 'EHOSTUNREACH', syscall: 'connect' })), true);
    assert.equal(neverSent(caused({ code: 'EHOSTUNREACH', syscall: 'read' })), false);
    assert.equal(neverSent(caused({ code: 'ETIMEDOUT', syscall: 'connect' })), true);
    assert.equal(neverSent(caused({ code: 'ETIMEDOUT', syscall: 'read' })), false);
    assert.equal(neverSent(caused({ code: 'ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC' })), false);
    assert.equal(neverSent(caused({ code: 'UND_ERR_SOCKET' })), false);
    const tried = (codes: string[]) => ({ errors: codes.map((code) => ({ code })) });
    assert.equal(neverSent(caused(tried(['ECONNREFUSED', 'ECONNREFUSED']))), true);
    assert.equal(neverSent(caused(tried(['ECONNREFUSED', 'ECONNRESET']))), false);
    assert.equal(neverSent(caused(tried([]))), false, 'no address tried says nothing');
    for (const code of [
      'CERT_HAS_EXPIRED',
      'ERR_TLS_CERT_ALTNAME_INVALID',
      'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
      'EAI_AGAIN',
      'UNKNOWN_CERTIFICATE_VERIFICATION_ERROR',
      'ENOTFOUND',
    ])
      assert.equal(neverSent(caused({ code })), true, code);
    for (const code of ['ECONNREFUSED_LATER', 'SOME_ECONNREFUSED', 'ConnectionRefusedLater'])
      assert.equal(neverSent(caused({ code })), false, code);
    const deno = (kind: string) =>
      new TypeError('fetch failed', {
        cause: new Error(`error sending request for url (https://x/): client error (${kind}): x`),
      });
    assert.equal(neverSent(deno('Connect')), true, 'Deno gives no code');
    assert.equal(neverSent(deno('SendRequest')), false, 'a connection that stood');
    const bun = (message: string) => Object.assign(new TypeError(message), { code: 'EPROTO' });
    assert.equal(neverSent(bun('EPROTO: The TLS handshake failed. Does the server speak TLS on this port?')), true);
    assert.equal(neverSent(bun('write EPROTO')), false);
    assert.equal(neverSent('odd'), false);
  });
});
