// What the sidecar's log gets where the vendor's server fails: a name that says what to look at, and nothing else.
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, it } from 'node:test';
import { authorizeBy, sendBy } from '../../src/cli/hooks.js';
import type { EreceiptJob } from '../../src/proxy/index.js';
import { surelyNotSent } from '../../src/proxy/ereceipts.js';
import { errorClass } from '../../src/proxy/events.js';
import { harness } from '../proxy/harness.js';
import { serve } from './support.js';

const job = { storeId: 's', orderId: '1', phoneNumber: '+12135550176', idempotencyKey: 'k' } as EreceiptJob;

/** What a hook throws while the vendor's server answers so, or is gone. */
async function thrown(call: (url: string) => Promise<unknown>, answer?: (response: ServerResponse) => void) {
  const server = await serve((_request, response) => answer?.(response));
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
    ['500', 'EreceiptUnconfirmedError', false, status(500)],
  ] as const) {
    it(`send, ${title}: ${code}, ${sure ? 'surely not sent' : 'unclear'}`, async () => {
      const error = await thrown(send, answer);
      assert.equal(errorClass(error), code);
      assert.equal(surelyNotSent(error), sure);
    });
  }
});

describe("what the vendor's server says of a receipt decides between text message and paper", () => {
  /** What the till hears of a receipt that this server is to send. */
  const answerTo = async (
    say: (response: ServerResponse) => void,
  ): Promise<[status: number, code: string | undefined]> => {
    const server = await serve((_request, response) => say(response));
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
    ['the refusal of its gateway', '{"ok":false,"status":422}', 'application/json', [502, 'send_failed']],
  ] as const) {
    it(`200 and ${title}: ${told[1] ?? 'sent'}`, async () => {
      const answer = await answerTo((response) => void response.setHeader('Content-Type', type).end(body));
      assert.deepEqual(answer, told);
    });
  }

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
