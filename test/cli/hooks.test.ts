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
  for (const [title, body, status, code] of [
    ['nothing more than 200', '', 200, undefined],
    ['a page', '<p>done', 200, undefined],
    ['success', '{"success":true}', 200, undefined],
    ['no success', '{"success":false,"error":"gateway"}', 504, 'send_unconfirmed'],
    ['not sent', '{"sent":false}', 504, 'send_unconfirmed'],
    ['the refusal of its gateway', '{"ok":false,"status":422}', 502, 'send_failed'],
  ] as const) {
    it(`200 and ${title}: ${code ?? 'sent'}`, async () => {
      const server = await serve((_request, response) => void response.end(body));
      const { call, connect } = harness({ sendEreceipt: sendBy(server.origin, undefined) });
      await connect();
      const answer = await call('POST', '/ereceipts', {
        headers: { 'Idempotency-Key': 'k' },
        body: { orderId: '1', phoneNumber: '+12135550176' },
      });
      const told = (await answer.json()) as { code?: string };
      await server.close();
      assert.deepEqual([answer.status, told.code], [status, code]);
    });
  }

  it('200 whose body breaks off: unclear', async () => {
    const error = await thrown(
      (url) => sendBy(url, undefined)(job),
      (response) => {
        response.writeHead(200, { 'Content-Length': 100 });
        response.write('{"succ', () => response.destroy());
      },
    );
    assert.equal(surelyNotSent(error), false);
  });

  it('200 whose body cannot be read: unclear', async () => {
    const error = await thrown(
      (url) => sendBy(url, undefined)(job),
      (response) => response.writeHead(200, { 'Content-Encoding': 'gzip' }).end('no gzip'),
    );
    assert.deepEqual([surelyNotSent(error), errorClass(error)], [false, 'EreceiptUnconfirmedError']);
  });
});
