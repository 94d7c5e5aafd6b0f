// What the sidecar's log gets where the vendor's server fails: a name that says what to look at, and nothing else.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, it } from 'node:test';
import { authorizeBy, sendAsOrder, sendBy } from '../../src/cli/hooks.js';
import type { EreceiptJob } from '../../src/proxy/index.js';
import { surelyNotSent } from '../../src/proxy/send-doubts.js';
import { errorClass } from '../../src/proxy/events.js';
import { harness } from '../proxy/harness.js';
import { listen } from '../support/listen.mjs';

const job = { storeId: 's', orderId: '1', phoneNumber: '+12135550176', idempotencyKey: 'k' } as EreceiptJob;

/** What a hook throws while the vendor's server answers so, or is gone. */
async function thrown(call: (url: string) => Promise<unknown>, answer?: (response: ServerResponse) => void) {
  const server = await listen((_request, response) => answer?.(response));
  if (!answer) await server.close();
  try {
    return await call(server.origin).then(
      () => assert.fail('it threw nothing'),
      (error: unknown) => error,
    );
  } finally {
    if (answer) await server.close();
  }
}

const status = (code: number) => (response: ServerResponse) => void response.writeHead(code).end();

describe("the sidecar's hooks tell what failed", () => {
  const authorize = (url: string) => authorizeBy(url, undefined)(new Request('http://pos.example/rulrr/connection'));
  const send = (url: string) => sendBy(url, undefined)(job);

  for (const [title, code, answer] of [
    ['nobody answers', 'AuthorizeUnreachableError', undefined],
    ['the connection breaks', 'AuthorizeUnreachableError', (response: ServerResponse) => void response.destroy()],
    ['500', 'AuthorizeServerError', status(500)],
    ['404', 'AuthorizeStatusError', status(404)],
    ['400', 'AuthorizeStatusError', status(400)],
    ['no JSON', 'AuthorizeBodyError', (response: ServerResponse) => void response.end('<p>Sign in')],
  ] as const) {
    it(`authorize, ${title}: ${code}`, async () => {
      assert.equal(errorClass(await thrown(authorize, answer)), code);
    });
  }

  for (const [title, code, sure, answer] of [
    ['nobody answers', 'SendUnreachableError', true, undefined],
    ['the connection breaks', 'SendUnreachableError', false, (response: ServerResponse) => void response.destroy()],
    ['422', 'SendRefusedError', true, status(422)],
    ['400', 'SendRefusedError', true, status(400)],
    ['408', 'EreceiptUnconfirmedError', false, status(408)],
    ['500', 'EreceiptUnconfirmedError', false, status(500)],
  ] as const) {
    it(`send, ${title}: ${code}, ${sure ? 'surely not sent' : 'unclear'}`, async () => {
      const error = await thrown(send, answer);
      assert.equal(errorClass(error), code);
      assert.equal(surelyNotSent(error), sure);
    });
  }
});

describe("the sidecar asks the vendor's server who is signed in", () => {
  const secret = 'cli-canary-sidecar-secret-78';
  const till = { Cookie: 'till=1', Authorization: 'Bearer 2', 'X-Till': '3' };

  /** Who is signed in, if this is what the vendor's server answers. */
  async function asked(say: (request: IncomingMessage, response: ServerResponse) => void) {
    const server = await listen(say);
    const request = new Request('http://pos.example/rulrr/connection', { headers: till });
    return authorizeBy(`${server.origin}/whoami`, secret)(request).finally(() => server.close());
  }

  it('with the till’s Cookie and Authorization, and its own secret', async () => {
    let headers: IncomingMessage['headers'] = {};
    const subject = await asked((request, response) => {
      ({ headers } = request);
      response.end('{"storeId":"store-1"}');
    });
    assert.deepEqual(subject, { storeId: 'store-1' });
    assert.equal(headers.cookie, till.Cookie);
    assert.equal(headers.authorization, till.Authorization);
    assert.equal(headers['rulrr-sidecar'], secret);
    assert.equal(headers['x-till'], undefined);
  });

  it('with nothing that the till did not send, and no secret where none is set; so is its send', async (t) => {
    const heard: IncomingMessage['headers'][] = [];
    const server = await listen((request, response) => {
      heard.push(request.headers);
      response.end('null');
    });
    t.after(() => server.close());
    await authorizeBy(server.origin, undefined)(new Request('http://pos.example/rulrr/connection'));
    await sendBy(server.origin, undefined)(job);
    const names = heard.flatMap((headers) => Object.keys(headers));
    assert.deepEqual(
      names.filter((name) => /^(cookie|authorization|rulrr-sidecar)$/.test(name)),
      [],
    );
    assert.equal(heard.length, 2);
  });

  for (const code of [401, 403, 204])
    it(`${code}: nobody`, async () => {
      assert.equal(await asked((_request, response) => status(code)(response)), null);
    });

  it('a way to its login page: nobody, and no other server hears the secret', async (t) => {
    const heard: unknown[] = [];
    const elsewhere = await listen((request, response) => {
      heard.push(request.headers);
      response.end('{"storeId":"store-2"}');
    });
    t.after(() => elsewhere.close());
    const subject = await asked((_request, response) =>
      response.writeHead(302, { Location: `${elsewhere.origin}/login` }).end(),
    );
    assert.equal(subject, null);
    assert.deepEqual(heard, []);
  });

  // Four seconds: by itself the connection goes with the time for the answer, after five.
  it(
    'an error whose page has no end: the connection is let go of, for the next question',
    { timeout: 4000 },
    async (t) => {
      let closed: Promise<unknown> | undefined;
      const server = await listen((_request, response) => {
        closed = once(response, 'close');
        response.writeHead(503).write('<html>');
      });
      t.after(() => server.close());
      const failure = authorizeBy(server.origin, secret)(new Request('http://pos.example/rulrr/connection'));
      await assert.rejects(failure, { name: 'AuthorizeServerError' });
      await closed;
    },
  );

  for (const [title, begin] of [
    ['nothing', () => {}],
    ['half an answer', (response: ServerResponse) => void response.write('{"store')],
  ] as const)
    it(`${title}, and no end: AuthorizeTimeoutError, after five seconds`, { timeout: 5000 }, async (t) => {
      const deadlines: number[] = [];
      const timeout = AbortSignal.timeout.bind(AbortSignal);
      t.mock.method(AbortSignal, 'timeout', (ms: number) => (deadlines.push(ms), timeout(50)));
      const failure = asked((_request, response) => begin(response));
      await assert.rejects(failure, { name: 'AuthorizeTimeoutError' });
      assert.deepEqual(deadlines, [5000]);
    });
});

describe("what the vendor's server says of a receipt decides between text message and paper", () => {
  /** What the till hears of a receipt that this server is to send. */
  const answerTo = async (
    say: (response: ServerResponse) => void,
  ): Promise<[status: number, code: string | undefined]> => {
    const server = await listen((_request, response) => say(response));
    const { call, connect } = harness({ sendEreceipt: sendBy(server.origin, undefined) });
    await connect();
    const answer = await call('POST', '/ereceipts', {
      headers: { 'Idempotency-Key': 'k' },
      body: { orderId: '1', phoneNumber: '+12135550176' },
    });
    const { code } = (await answer.json()) as { code?: string };
    await server.close();
    return [answer.status, code];
  };
  const doubt = [504, 'send_unconfirmed'];

  for (const [title, body, type, told] of [
    ['nothing more than 200', '', 'text/html', [200, undefined]],
    ['one word', 'ok', 'text/html', [200, undefined]],
    ['a gateway’s XML', '<status>queued</status>', 'application/xml', [200, undefined]],
    ['success', '{"success":true}', 'text/html', [200, undefined]],
    ['the page of an error', '\n<br />\n<b>Fatal error</b>: Uncaught', 'text/html; charset=UTF-8', doubt],
    ['an error in place of its JSON', '<br />\n<b>Fatal error</b>:  Uncaught', 'application/json', doubt],
    ['a warning before its refusal', '<br />\n<b>Warning</b>:  Undefined\n{"ok":false}', 'application/json', doubt],
    ['JSON that ends too early', '{"ok":', 'application/json; charset=utf-8', doubt],
    ['no JSON where it names the type', '', 'application/json', [200, undefined]],
    ['no success', '{"success":false,"error":"gateway"}', 'application/json', doubt],
    ['not sent', '{"sent":false}', 'application/json', doubt],
    ['no success, as a number', '{"success":0}', 'application/json', doubt],
    ['no success, as a text', '{"success":"false"}', 'text/html', doubt],
    ['the refusal of its gateway', '{"ok":false,"status":422}', 'application/json', [502, 'send_failed']],
  ] as const) {
    it(`200 and ${title}: ${told[1] ?? 'sent'}`, async () => {
      const answer = await answerTo((response) => void response.setHeader('Content-Type', type).end(body));
      assert.deepEqual(answer, told);
    });
  }

  it('a way to another page, which says 200 to everything: unclear, and nobody else is asked', async (t) => {
    const heard: unknown[] = [];
    const elsewhere = await listen((request, response) => {
      heard.push(request.url);
      response.end('ok');
    });
    t.after(() => elsewhere.close());
    for (const code of [301, 302, 303, 307]) {
      const answer = await answerTo((response) => response.writeHead(code, { Location: elsewhere.origin }).end());
      assert.deepEqual(answer, doubt, String(code));
    }
    assert.deepEqual(heard, []);
  });

  it('it gets the order, the number and the key, as JSON, and the secret', async () => {
    let headers: IncomingMessage['headers'] = {};
    let body = '';
    const server = await listen((request, response) => {
      ({ headers } = request);
      request.on('data', (text) => (body += String(text)));
      request.on('end', () => response.end());
    });
    await sendBy(server.origin, 'cli-canary-sidecar-secret-78')(job);
    await server.close();
    assert.deepEqual(JSON.parse(body), job);
    assert.equal(headers['content-type'], 'application/json');
    assert.equal(headers['idempotency-key'], job.idempotencyKey);
    assert.equal(headers['rulrr-sidecar'], 'cli-canary-sidecar-secret-78');
  });

  it('is left alone once the time for the send is over', async (t) => {
    const over = new AbortController();
    const server = await listen((_request, response) => (over.abort(), response.end()));
    t.after(() => server.close());
    const sent = sendBy(server.origin, undefined)({ ...job, signal: over.signal });
    await assert.rejects(sent, (error) => !surelyNotSent(error));
  });

  it('200 whose body breaks off: unclear', async () => {
    const answer = await answerTo((response) => {
      response.writeHead(200, { 'Content-Length': 100 });
      response.write('{"succ', () => response.destroy());
    });
    assert.deepEqual(answer, doubt);
  });

  it('200 whose body cannot be read: unclear', async () => {
    const answer = await answerTo((response) => response.writeHead(200, { 'Content-Encoding': 'gzip' }).end('no gzip'));
    assert.deepEqual(answer, doubt);
  });
});

it('an order that Rulrr answered with anything but success is no receipt that was sent', async () => {
  for (const [answer, status] of [
    [{ success: 0 }, 504],
    [{ success: 'false' }, 504],
    [{ success: true, orderId: '1' }, 200],
  ] as const) {
    const api = { createOrder: async () => answer } as unknown as EreceiptJob['api'];
    const { call, connect } = harness({ sendEreceipt: (order) => sendAsOrder({ ...order, api }) });
    await connect();
    const headers = { 'Idempotency-Key': 'k' };
    const told = await call('POST', '/ereceipts', { headers, body: { orderId: '1', phoneNumber: '+12135550176' } });
    assert.equal(told.status, status, JSON.stringify(answer));
  }
});
