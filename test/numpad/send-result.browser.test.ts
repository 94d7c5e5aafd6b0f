// What a page's own function or its proxy may answer, and the one outcome that is safe then.
import { expect } from '@open-wc/testing';
import { until } from '../support/until.js';
import { connected, json, reply, till, type Till } from './support.js';

const cutBody = () => new ReadableStream({ start: (stream) => stream.error(new Error('cut')) });
const inItself = () => {
  const said: Record<string, unknown> = {};
  said['data'] = said;
  return said;
};
const unreadable = () => ({
  get status(): string {
    throw new Error('gone');
  },
});
const readAlready = async (body: string) => {
  const response = new Response(body);
  await response.text();
  return response;
};

describe('a page that', () => {
  let t: Till;
  const start = async (...options: Parameters<typeof till>) => (t = await till(...options));
  afterEach(() => t.remove());

  it('has a send of any kind gets the one outcome that is safe', async () => {
    const table: [() => unknown, string, string?][] = [
      [() => Promise.resolve(), 'sent', 'ereceipt-sent'],
      [() => Promise.resolve({ ok: true }), 'sent', 'ereceipt-sent'],
      // What `fetch` gives for a refusal, and others say in their own way.
      [() => Promise.resolve(new Response('', { status: 500 })), 'printed', 'send-unconfirmed'],
      // As `fetch` gives it, unread.
      [() => Promise.resolve(new Response(null, { status: 204 })), 'sent', 'ereceipt-sent'],
      [() => Promise.resolve(new Response('queued')), 'sent', 'ereceipt-sent'],
      [() => Promise.resolve(new Response(new Blob(['ok'], { type: 'text/html' }))), 'sent', 'ereceipt-sent'],
      [() => Promise.resolve(Response.json({ sent: true })), 'sent', 'ereceipt-sent'],
      [() => Promise.resolve(Response.json({ sent: false })), 'printed', 'send-unconfirmed'],
      [() => Promise.resolve(Response.json({ success: false })), 'printed', 'send-unconfirmed'],
      [
        () => Promise.resolve(new Response(new Blob(['<h1>Sign in</h1>'], { type: 'text/html' }))),
        'printed',
        'send-unconfirmed',
      ],
      [
        () => Promise.resolve(new Response('\n<h1>Sign in</h1>', { headers: { 'Content-Type': 'Text/HTML' } })),
        'printed',
        'send-unconfirmed',
      ],
      [() => Promise.resolve(new Response(new Blob(['queued<br>'], { type: 'text/html' }))), 'sent', 'ereceipt-sent'],
      [
        () => Promise.resolve(new Response('Warning: no key', { headers: { 'Content-Type': 'Application/JSON' } })),
        'printed',
        'send-unconfirmed',
      ],
      // A script that died after it had named the type.
      [
        () => Promise.resolve(new Response(new Blob(['<b>Fatal error</b>: Uncaught'], { type: 'application/json' }))),
        'printed',
        'send-unconfirmed',
      ],
      [
        () => Promise.resolve(new Response(new Blob(['{"sent":'], { type: 'application/json' }))),
        'printed',
        'send-unconfirmed',
      ],
      [() => Promise.resolve(new Response(new Blob([], { type: 'application/json' }))), 'sent', 'ereceipt-sent'],
      // Or read already, by who gives it on.
      [() => readAlready('{"queued":true}'), 'sent', 'ereceipt-sent'],
      [() => Promise.resolve(new Response(cutBody())), 'printed', 'send-unconfirmed'],
      [() => Promise.resolve({ sent: false }), 'printed', 'send-unconfirmed'],
      [() => Promise.resolve({ success: false, code: 21211 }), 'printed', 'send-unconfirmed'],
      // A refusal's body, read: what our own proxy says of a send that failed is such a one.
      [() => Promise.resolve({ title: 'The receipt was not sent', status: 502 }), 'printed', 'send-unconfirmed'],
      [() => Promise.resolve({ statusCode: 500 }), 'printed', 'send-unconfirmed'],
      [() => Promise.resolve({ status: 302 }), 'printed', 'send-unconfirmed'],
      // No, in the words of other languages.
      [() => Promise.resolve(Response.json({ success: 0 })), 'printed', 'send-unconfirmed'],
      [() => Promise.resolve({ success: 'false' }), 'printed', 'send-unconfirmed'],
      [() => Promise.resolve({ ok: null }), 'printed', 'send-unconfirmed'],
      [() => Promise.resolve({ sent: undefined, success: 1 }), 'sent', 'ereceipt-sent'],
      [() => Promise.resolve({ ok: '' }), 'printed', 'send-unconfirmed'],
      // In other words, or where axios puts the body.
      [() => Promise.resolve({ error: 'No credit left' }), 'printed', 'send-unconfirmed'],
      // GraphQL's way, with a status of 200.
      [
        () => Promise.resolve(Response.json({ data: { text: null }, errors: [{ message: 'No credit left' }] })),
        'printed',
        'send-unconfirmed',
      ],
      [() => Promise.resolve({ errors: { phone: ['is invalid'] } }), 'printed', 'send-unconfirmed'],
      [() => Promise.resolve({ success: true, status: 'rejected' }), 'printed', 'send-unconfirmed'],
      [() => Promise.resolve({ status: 'undelivered', sid: 'SM1' }), 'printed', 'send-unconfirmed'],
      [() => Promise.resolve({ status: 'Expired' }), 'printed', 'send-unconfirmed'],
      [() => Promise.resolve({ data: [{ status: 'unknown' }] }), 'printed', 'send-unconfirmed'],
      [() => Promise.resolve({ status: 'invalid_number' }), 'printed', 'send-unconfirmed'],
      [() => Promise.resolve({ status: 'Canceled' }), 'printed', 'send-unconfirmed'],
      [() => Promise.resolve({ status: 'unread' }), 'sent', 'ereceipt-sent'],
      // As servers in PHP say it.
      [() => Promise.resolve(Response.json({ status: true })), 'sent', 'ereceipt-sent'],
      [
        () => Promise.resolve(Response.json({ status: false, message: 'No credit left' })),
        'printed',
        'send-unconfirmed',
      ],
      [() => Promise.resolve({ status: 'false' }), 'printed', 'send-unconfirmed'],
      // Of a gateway that answers for each recipient.
      [() => Promise.resolve([{ status: 'queued' }, { status: 'failed' }]), 'printed', 'send-unconfirmed'],
      [() => Promise.resolve(Response.json([{ success: false }])), 'printed', 'send-unconfirmed'],
      [() => Promise.resolve({ status: 200, data: [{ error: 'No credit left' }] }), 'printed', 'send-unconfirmed'],
      [() => Promise.resolve([{ status: 'queued' }, null, undefined]), 'sent', 'ereceipt-sent'],
      [() => Promise.resolve([]), 'sent', 'ereceipt-sent'],
      [() => Promise.resolve({ data: { text: 'queued' }, errors: [] }), 'sent', 'ereceipt-sent'],
      [() => Promise.resolve({ data: { text: 'queued' }, errors: null }), 'sent', 'ereceipt-sent'],
      [() => Promise.resolve({ status: 'error' }), 'printed', 'send-unconfirmed'],
      [() => Promise.resolve({ status: 'FAILED', ok: ' Yes ' }), 'printed', 'send-unconfirmed'],
      [() => Promise.resolve({ ok: ' No ' }), 'printed', 'send-unconfirmed'],
      [() => Promise.resolve({ status: 'done', statusCode: 500 }), 'printed', 'send-unconfirmed'],
      [() => Promise.resolve({ status: 200, statusCode: 500 }), 'printed', 'send-unconfirmed'],
      [() => Promise.resolve({ status: 200, data: { success: false } }), 'printed', 'send-unconfirmed'],
      [() => Promise.resolve({ status: 200, data: false }), 'printed', 'send-unconfirmed'],
      [() => Promise.resolve({ status: 200, data: { success: true, error: null } }), 'sent', 'ereceipt-sent'],
      [() => Promise.resolve({ status: 'queued', error: null }), 'sent', 'ereceipt-sent'],
      [() => Promise.resolve({ status: 200, data: '' }), 'sent', 'ereceipt-sent'],
      // Caught, and given on as if it were an answer.
      [() => Promise.reject(new Error('no')).catch((error: unknown) => error), 'printed', 'send-unconfirmed'],
      [() => Promise.resolve(false), 'printed', 'send-unconfirmed'],
      // What cannot be read.
      [() => Promise.resolve(inItself()), 'printed', 'send-unconfirmed'],
      [() => Promise.resolve(unreadable()), 'printed', 'send-unconfirmed'],
      // oxlint-disable-next-line unicorn/no-thenable -- what older promise libraries give
      [() => ({ then: (done: () => void) => done() }), 'sent', 'ereceipt-sent'],
      [() => Promise.reject(new Error('no')), 'failed'],
      [() => Promise.reject(undefined), 'failed'],
      [() => Promise.reject('words'), 'failed'],
      [() => Promise.reject(new TypeError('Failed to fetch')), 'printed', 'send-unconfirmed'],
      [() => Promise.reject(new DOMException('', 'TimeoutError')), 'printed', 'send-unconfirmed'],
      [
        () => {
          throw new Error('at once');
        },
        'failed',
      ],
      [
        () => {
          throw new TypeError('x is not a function');
        },
        'printed',
        'send-unconfirmed',
      ],
      [() => true, 'printed', 'send-unconfirmed'],
      [() => undefined, 'printed', 'send-unconfirmed'],
    ];
    const error = console.error;
    console.error = () => undefined;
    try {
      for (const [send, state, outcome] of table) {
        await start({}, { send: send as never });
        const states: string[] = [];
        new MutationObserver(() => states.push(t.pad.state)).observe(t.pad, { attributeFilter: ['state'] });
        await t.sending();
        await until(() => states.includes(state));
        expect(t.reasons(), String(send)).to.deep.equal(outcome ? [`order ${outcome}`] : []);
        t.remove();
        await t.pass(10);
        expect(t.told.length, String(send)).to.equal(1);
      }
    } finally {
      console.error = error;
    }
  });

  it('has a proxy that answers oddly is never told that the receipt was sent', async () => {
    const odd: [() => unknown, string?][] = [
      [() => json({ sent: true }), 'ereceipt-sent'],
      [() => json({ sent: 'true' })],
      [() => json({ sent: 1 })],
      [() => json([{ sent: true }])],
      [() => json(null)],
      [() => reply('')],
      [() => reply('{"sent":tr')],
      [() => reply('sent')],
      [() => undefined],
      [() => ({ ok: true })],
      [() => ({ ok: false, status: 502, text: () => Promise.resolve('{}') })],
      [() => json({ sent: true }, 500)],
      [() => json({ sent: true }, 302)],
      [() => json({ code: 'bad_request' }, 400), 'failed'],
      [() => json({ code: 'unauthorized' }, 401), 'failed'],
      [() => json({ code: 'forbidden_origin' }, 403), 'failed'],
      [() => json({ code: 'ereceipt_disabled' }, 403), 'ereceipt-disabled'],
      [() => json({ code: 'not_found' }, 404), 'failed'],
      [() => json({ code: 'in_progress' }, 409)],
      [() => json({ code: 'body_too_large' }, 413), 'failed'],
      [() => json({ code: 'unsupported_media_type' }, 415), 'failed'],
      [() => json({ code: 'invalid_phone_number' }, 422), 'asking'],
      [() => json({ code: 'rate_limited' }, 429), 'failed'],
      [() => json({ code: 'internal' }, 500)],
      [() => json({ code: 'send_failed' }, 502), 'failed'],
      [() => json({ code: 'send_unconfirmed' }, 504)],
      [() => json({ code: 'store_unavailable' }, 503)],
      [() => Promise.reject(new Error('cut'))],
      [
        () => {
          throw new Error('at once');
        },
      ],
    ];
    for (const [answer, outcome = 'send-unconfirmed'] of odd) {
      const calls: string[] = [];
      await start(
        { 'proxy-url': '/p' },
        {
          send: null,
          fetch: ((path: string) => {
            calls.push(path);
            return path.endsWith('/connection') ? connected() : answer();
          }) as never,
        },
      );
      await t.sending();
      expect(calls, String(answer)).to.deep.equal(['/p/connection', '/p/ereceipts']);
      if (outcome === 'failed' || outcome === 'asking') {
        expect(t.pad.state, String(answer)).to.equal(outcome);
        expect(t.told).to.deep.equal([]);
      } else expect(t.reasons(), String(answer)).to.deep.equal([`order ${outcome}`]);
      t.remove();
    }
  });

  it('has a proxy whose connection is in doubt prints', async () => {
    for (const answer of [
      () => json({ connected: 'true', ereceipt: true }),
      () => json({ connected: true }),
      () => json({ connected: true, ereceipt: 1 }),
      () => json({ ereceipt: true }),
      () => json([]),
      () => json({ connected: true, ereceipt: true }, 500),
      () => undefined,
      () => {
        throw new Error('at once');
      },
    ]) {
      await start({ 'proxy-url': '/p' }, { fetch: answer as never });
      void t.pad.prompt('order');
      await t.pass();
      expect(t.reasons(), String(answer)).to.deep.equal(['order ereceipt-disabled']);
      t.remove();
    }
  });
});
