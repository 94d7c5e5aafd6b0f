// What a page may do to the element, by its public names alone.
import { expect, nextFrame } from '@open-wc/testing';
import { until } from '../support/until.js';
import { connected, json, proxy, reply, till, type Till } from './support.js';

const good = '2135550123';

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
  const reasons = () => t.told.map(({ orderId, reason, type }) => `${orderId} ${reason ?? type}`);
  const sending = async () => {
    void t.pad.prompt('order');
    await t.pass();
    t.tap(good);
    t.part('send').click();
    await t.pass();
  };

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
        await sending();
        await until(() => states.includes(state));
        expect(reasons(), String(send)).to.deep.equal(outcome ? [`order ${outcome}`] : []);
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
      const states = new Set<string>();
      new MutationObserver(() => states.add(t.pad.state)).observe(t.pad, { attributeFilter: ['state'] });
      await sending();
      expect(calls, String(answer)).to.deep.equal(['/p/connection', '/p/ereceipts']);
      if (outcome === 'failed' || outcome === 'asking') {
        expect(t.pad.state, String(answer)).to.equal(outcome);
        expect(t.told).to.deep.equal([]);
      } else expect(reasons(), String(answer)).to.deep.equal([`order ${outcome}`]);
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
      expect(reasons(), String(answer)).to.deep.equal(['order ereceipt-disabled']);
      t.remove();
    }
  });

  it('closes, clears or keys while a receipt is being sent, loses nothing', async () => {
    await start();
    await sending();
    t.pad.value = '+13105550199';
    expect(t.pad.value).to.equal('+12135550123');
    t.tap('5<');
    t.pad.clear();
    t.settle.resolve();
    await t.pass();
    expect(t.told).to.deep.equal([{ type: 'ereceipt-sent', orderId: 'order', phoneNumber: '+12135550123' }]);
    expect(t.shown().replace(/\D/g, '')).to.equal('0123');
    await t.pass(5000);
    await sending();
    t.pad.close();
    expect(t.sends[1]!.signal.aborted).to.equal(true);
    t.settle.resolve();
    await t.pass(9000);
    expect(reasons().slice(1)).to.deep.equal(['order closed']);
    expect(t.pad.state).to.equal('idle');
  });

  it('asks twice for one order, by a number, or from before it is in the page', async () => {
    await start();
    void t.pad.prompt('order');
    void t.pad.prompt('order');
    void t.pad.prompt(42 as unknown as string);
    await t.pass();
    t.part('print').click();
    await t.pass();
    expect(reasons()).to.deep.equal(['order superseded', 'order superseded', '42 declined']);
    t.remove();
    await start({ presentation: 'dialog' });
    t.remove();
    await t.pass(10);
    void t.pad.prompt('away');
    document.body.append(t.pad);
    await t.pass(10);
    expect(t.pad.state).to.equal('asking');
    t.remove();
    await t.pass(10);
    expect(reasons()).to.deep.equal(['away closed']);
    void t.pad.prompt('never');
    await t.pass(10);
    expect(reasons()).to.deep.equal(['away closed', 'never closed']);
  });

  it('takes it out and puts it back in any state', async () => {
    for (const state of ['checking', 'asking', 'sending', 'failed', 'sent', 'printed']) {
      const server = proxy({
        '/p/connection': state === 'checking' ? () => new Promise<Response>(() => undefined) : connected,
      });
      await start({ 'proxy-url': '/p' }, { fetch: server.fetch });
      void t.pad.prompt('order');
      await t.pass();
      if (state !== 'checking' && state !== 'asking') {
        t.tap(good);
        t.part('send').click();
        if (state === 'failed') t.settle.reject(new Error('no'));
        if (state === 'sent') t.settle.resolve();
        if (state === 'printed') t.settle.reject(new TypeError('cut'));
        await t.pass();
      }
      expect(t.pad.state).to.equal(state);
      const box = document.createElement('div');
      document.body.append(box);
      box.append(t.pad);
      await t.pass(10);
      expect(t.pad.state, 'moved').to.equal(state);
      t.pad.remove();
      await t.pass(10);
      expect(t.told.length, state).to.equal(1);
      expect(['idle', 'printed']).to.include(t.pad.state);
      expect(t.pad.value).to.equal('');
      document.body.append(t.pad);
      // The first key is rehearsed some time after a frame.
      await nextFrame();
      await t.pass(5000);
      expect(t.pad.state).to.equal('idle');
      box.remove();
      t.remove();
      // Out of the page: in it, a frame may still come that the rehearsal has asked for.
      await t.pass(10);
      expect(t.clock.pending, `timers after ${state}`).to.equal(0);
    }
  });

  it('gives seconds of any kind', async () => {
    const prints = async (timeout: string | null, after: number) => {
      await start(timeout === null ? {} : { 'idle-timeout': timeout });
      if (timeout === null) t.pad.removeAttribute('idle-timeout');
      void t.pad.prompt('order');
      await t.pass(after - 100);
      expect(t.told, `${timeout} early`).to.deep.equal([]);
      await t.pass(200);
      expect(reasons(), String(timeout)).to.deep.equal(['order idle']);
      t.remove();
    };
    await prints('1', 1000);
    await prints('2.5', 2500);
    await prints('12', 12_000);
    // No number of seconds: the usual ones, rather than a number that stands there for ever.
    await prints('soon', 60_000);
    await prints('-5', 60_000);
    await prints(null, 60_000);
    await prints('', 60_000);
    await prints(' ', 60_000);
    for (const blank of ['', ' ', '30s', false, null, undefined]) {
      await start({}, { idleTimeout: blank as unknown as number });
      void t.pad.prompt('order');
      await t.pass(60_100);
      expect(reasons(), `as a property: ${JSON.stringify(blank)}`).to.deep.equal(['order idle']);
      t.remove();
    }
    await start({ 'idle-timeout': '0' });
    void t.pad.prompt('order');
    await t.pass(86_400_000);
    expect(t.told).to.deep.equal([]);
    t.remove();
    // A month. Browsers run a timer of more than 24 days at once.
    await start({ 'idle-timeout': '2592000' });
    const { clock } = t;
    t.pad.clock = { ...clock, after: (ms, callback) => clock.after(ms < 2 ** 31 ? ms : 0, callback) };
    void t.pad.prompt('order');
    await t.pass(86_400_000);
    expect(t.told).to.deep.equal([]);
  });

  it('changes the seconds while it asks has the new ones count from then on', async () => {
    await start();
    void t.pad.prompt('order');
    await t.pass(55_000);
    t.pad.idleTimeout = 0;
    await t.pass(86_400_000);
    expect(t.told).to.deep.equal([]);
    t.pad.setAttribute('idle-timeout', '2');
    await t.pass(1900);
    expect(t.told).to.deep.equal([]);
    await t.pass(200);
    expect(reasons()).to.deep.equal(['order idle']);
  });

  it('gives the same seconds once as a number and once as a text keeps nothing on the screen by that', async () => {
    await start({ 'idle-timeout': '30' });
    void t.pad.prompt('order');
    await t.pass();
    for (const seconds of ['30', 30, '30', 30]) {
      t.pad.idleTimeout = seconds as number;
      await t.pass(7500);
    }
    expect(reasons()).to.deep.equal(['order idle']);
  });

  it('asks where its own send was set before it was put in, in the same breath', async () => {
    await start();
    const template = document.createElement('template');
    template.innerHTML = '<rulrr-ereceipt-numpad idle-timeout="0"></rulrr-ereceipt-numpad>';
    const pad = (template.content.cloneNode(true) as DocumentFragment).querySelector('rulrr-ereceipt-numpad')!;
    pad.send = () => Promise.resolve();
    document.body.append(pad);
    const outcome = pad.prompt('order');
    expect(pad.state).to.equal('asking');
    await pad.updateComplete;
    pad.value = '+12135550123';
    pad.shadowRoot!.querySelector<HTMLElement>('[part~=send]')!.click();
    expect((await outcome).type).to.equal('ereceipt-sent');
    pad.remove();
  });

  it('writes countries as it likes', async () => {
    await start({ countries: ' us, ca ', 'default-country': ' ca\n' });
    void t.pad.prompt('order');
    t.tap('4165550123');
    expect(t.pad.value).to.equal('+14165550123');
    const select = t.part('country') as HTMLSelectElement;
    expect([...select.options].map(({ value }) => value)).to.deep.equal(['US', 'CA']);
    expect(select.value).to.equal('CA');
    t.remove();
    await start({ countries: 'CA' });
    void t.pad.prompt('order');
    t.tap('4165550123');
    await t.pass(200);
    expect(t.pad.value).to.equal('+14165550123');
    expect(t.shown()).to.equal('(416) 555-0123');
    t.pad.value = '+12135550123';
    expect(t.pad.reason).to.equal('country');
    expect(t.pad.value).to.equal('');
    t.remove();
    for (const defaultCountry of ['', ' ', undefined]) {
      await start({}, { defaultCountry } as never);
      void t.pad.prompt('order');
      t.tap(good);
      expect(t.pad.value).to.equal('+12135550123');
      t.remove();
    }
    await start({ 'default-country': 'XX' });
    void t.pad.prompt('order');
    t.tap('+12135550123');
    expect(t.pad.value).to.equal('+12135550123');
    t.pad.clear();
    t.tap(good);
    await t.pass(200);
    await until(() => t.pad.reason === 'invalid');
    expect(t.pad.value).to.equal('');
  });

  it('gives countries as a list, the proxy as a URL, and names a country twice is understood', async () => {
    await start({}, { countries: ['us', 'ca'], defaultCountry: ['CA'] } as never);
    const choice = () =>
      [...((t.part('country') as HTMLSelectElement | null)?.options ?? [])].map(({ value }) => value);
    void t.pad.prompt('order');
    await t.pass();
    expect(choice()).to.deep.equal(['US', 'CA']);
    t.pad.countries = 'US, us US';
    await t.pass();
    expect(choice()).to.deep.equal([]);
    t.tap(good);
    expect(t.pad.value).to.equal('+12135550123');
    t.remove();
    const server = proxy({ 'https://till.example/p/connection': connected });
    await start({}, { proxyUrl: new URL('https://till.example/p'), fetch: server.fetch, send: null } as never);
    void t.pad.prompt('order');
    await t.pass();
    expect(t.pad.state).to.equal('asking');
    t.tap(good);
    t.part('send').click();
    await t.pass();
    expect(server.calls.map(({ path }) => path.slice(-10))).to.deep.equal(['connection', '/ereceipts']);
  });

  it('opens it for order number 0 has that one asked about, and for no order none', async () => {
    await start();
    Object.assign(t.pad, { orderId: false, open: true });
    await t.pass();
    expect(t.pad.state).to.equal('idle');
    Object.assign(t.pad, { orderId: 0, open: true });
    await t.pass();
    expect(t.pad.state).to.equal('asking');
    t.part('print').click();
    await t.pass();
    expect(reasons()).to.deep.equal(['0 declined']);
  });

  it('names one country alone has numbers read as they are written there', async () => {
    await start({ countries: 'GB' });
    void t.pad.prompt('order');
    t.tap('07400123456');
    await until(() => t.pad.value === '+447400123456');
    await t.pass(200);
    expect(t.shown()).to.equal('07400 123456');
  });

  it('hears of the number as it changes, and of outcomes wherever it listens', async () => {
    await start();
    const heard: Event[] = [];
    const listen = (event: Event) => void heard.push(event);
    for (const name of ['input', 'print-receipt', 'ereceipt-sent']) document.addEventListener(name, listen);
    void t.pad.prompt('order');
    t.pad.value = '(213) 555-0123';
    expect(t.pad.value).to.equal('+12135550123');
    expect(t.inputs).to.deep.equal(['+12135550123']);
    t.pad.value = '+1 213 555 0123';
    t.pad.value = '';
    t.pad.value = '';
    t.tap('2');
    await t.pass(200);
    expect(t.inputs.length).to.equal(4);
    t.part('print').click();
    await t.pass();
    const last = heard[heard.length - 1] as CustomEvent<unknown>;
    expect([last.type, last.bubbles, last.composed, last.detail]).to.deep.equal([
      'print-receipt',
      true,
      true,
      { orderId: 'order', reason: 'declined' },
    ]);
    for (const name of ['input', 'print-receipt', 'ereceipt-sent']) document.removeEventListener(name, listen);
  });

  it('waits for its update finds what was keyed formatted, told, and ready to be sent', async () => {
    await start();
    void t.pad.prompt('order');
    await t.pass();
    t.tap(good);
    await t.pad.updateComplete;
    expect(t.shown()).to.equal('(213) 555-0123');
    expect(t.inputs).to.deep.equal(['+12135550123']);
    expect(t.part('send').getAttribute('aria-disabled')).to.equal('false');
    await t.pad.updateComplete;
    await t.pad.updateComplete;
    await t.pass(200);
    expect(t.inputs).to.deep.equal(['+12135550123']);
  });

  it('sets a value hears of it what a paste would say', async () => {
    await start();
    void t.pad.prompt('order');
    for (const [value, number, reason] of [
      ['+1 (213) 555-0123', '+12135550123', null],
      ['+1 (213) 555-0123 ext. 5', '', 'extension'],
      ['tel:+1-213-555-0123;ext=5', '', 'extension'],
      ['213-555-0123 / 310-555-0199', '', 'ambiguous'],
      [12_135_550_123, '+12135550123', null],
      [{}, '', null],
      [null, '', null],
    ] as const) {
      t.pad.value = value as string;
      expect([t.pad.value, t.pad.reason], String(value)).to.deep.equal([number, reason]);
    }
  });

  it('binds the value, as frameworks do, has what the customer keys, and may still forget it', async () => {
    await start();
    void t.pad.prompt('order');
    let bound = '';
    t.pad.addEventListener('input', () => {
      const { value } = t.pad;
      // A property is written when it has changed, a moment after the event.
      if (value !== bound) void Promise.resolve().then(() => (t.pad.value = value));
      bound = value;
    });
    t.tap('2135550123');
    await t.pass(100);
    expect([bound, t.shown()]).to.deep.equal(['+12135550123', '(213) 555-0123']);
    t.tap('<');
    await t.pass(100);
    expect([bound, t.shown()]).to.deep.equal(['', '(213) 555-012']);
    t.tap('45');
    await t.pass(100);
    expect([bound, t.shown()]).to.deep.equal(['', '(213) 555-01245']);
    t.pad.value = '';
    expect(t.shown()).to.equal('');
  });

  it('takes the proxy away during a prompt sends the number nowhere', async () => {
    for (const nothing of ['', null]) {
      const server = proxy({ '/p/connection': connected, '/ereceipts': () => json({ sent: true }) });
      await start({ 'proxy-url': '/p' }, { fetch: server.fetch, send: null });
      void t.pad.prompt('order');
      await t.pass();
      t.tap(good);
      t.pad.proxyUrl = nothing as string;
      t.part('send').click();
      await t.pass();
      expect(server.calls.map(({ path }) => path)).to.deep.equal(['/p/connection']);
      expect(t.pad.state).to.equal('failed');
      t.part('print').click();
      await t.pass();
      expect(reasons()).to.deep.equal(['order send-failed']);
      t.remove();
    }
  });

  it('unsets its fetch sends all the same', async () => {
    const real = window.fetch;
    const server = proxy({ '/p/connection': connected, '/p/ereceipts': () => json({ sent: true }) });
    window.fetch = server.fetch as typeof window.fetch;
    try {
      await start({ 'proxy-url': '/p' }, { fetch: undefined, send: null });
      await sending();
      expect(reasons()).to.deep.equal(['order ereceipt-sent']);
    } finally {
      window.fetch = real;
    }
  });

  it('changes the order while one is being sent has both outcomes', async () => {
    await start();
    await sending();
    t.pad.setAttribute('order-id', 'next');
    await t.pass();
    expect([t.pad.state, t.sends[0]!.signal.aborted]).to.deep.equal(['asking', true]);
    t.settle.resolve();
    await t.pass();
    t.pad.removeAttribute('order-id');
    await t.pass();
    t.part('print').click();
    await t.pass();
    expect(reasons()).to.deep.equal(['order superseded', 'next declined']);
  });

  it('keeps it in a form finds nothing of the number in what the browser keeps of the form', async () => {
    const kept: unknown[] = [];
    const { setFormValue } = ElementInternals.prototype;
    ElementInternals.prototype.setFormValue = function (value, ...state) {
      // Without a state of its own, the value is kept: for a reload, a crash and the way back.
      kept.push(state.length ? state[0] : value);
      setFormValue.call(this, value, ...state);
    };
    const form = document.createElement('form');
    const fields = document.createElement('fieldset');
    form.append(fields);
    document.body.append(form);
    let submitted = 0;
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      submitted += 1;
    });
    try {
      await start({ name: 'phone' });
      fields.append(t.pad);
      await t.pass(10);
      void t.pad.prompt('order');
      t.tap(good);
      await t.pass(200);
      expect(new FormData(form).get('phone')).to.equal('+12135550123');
      expect(kept.filter(Boolean)).to.deep.equal([]);
      t.keyDown('Enter', { gap: 300 });
      await t.pass();
      expect([submitted, t.sends.length]).to.deep.equal([0, 1]);
      fields.disabled = true;
      expect([new FormData(form).get('phone'), form.checkValidity()]).to.deep.equal([null, true]);
      t.settle.resolve();
      await t.pass();
      expect(reasons()).to.deep.equal(['order ereceipt-sent']);
    } finally {
      ElementInternals.prototype.setFormValue = setFormValue;
      form.remove();
    }
  });

  it('moves it through another document and back has its number still', async () => {
    await start();
    const other = document.createElement('iframe');
    document.body.append(other);
    void t.pad.prompt('order');
    t.tap('213');
    other.contentDocument!.body.append(t.pad);
    await t.pass(10);
    t.tap('555');
    document.body.append(t.pad);
    await t.pass(10);
    t.tap('0123');
    expect([t.pad.value, t.pad.state]).to.deep.equal(['+12135550123', 'asking']);
    other.remove();
    t.part('send').click();
    t.settle.resolve();
    await t.pass();
    expect(reasons()).to.deep.equal(['order ereceipt-sent']);
  });

  it('puts it into another document has its keys there, and Delete ends with the finger', async () => {
    await start({ capture: 'document' });
    const frame = document.body.appendChild(document.createElement('iframe'));
    const there = frame.contentDocument!;
    void t.pad.prompt('order');
    await t.pass();
    there.body.append(t.pad);
    await t.pass(10);
    for (const digit of '213') t.keyDown(digit, { gap: 85 }, there.body);
    t.keyDown('9', { gap: 85 }, document.body);
    t.tap('5<');
    await t.pass(2000);
    expect(t.shown().replace(/\D/g, '')).to.equal('213');
    document.body.append(t.pad);
    t.tap('5');
    t.keyDown('6', { gap: 85 }, document.body);
    frame.remove();
    await t.pass(2000);
    expect(t.shown().replace(/\D/g, '')).to.equal('21356');
  });

  it('puts it into another document, first or later, and takes it back sees it styled, and keys are heard', async () => {
    await start();
    const height = (pad = t.pad) => pad.shadowRoot!.querySelector('[data-key="5"]')!.getBoundingClientRect().height;
    const frame = document.body.appendChild(document.createElement('iframe'));
    frame.height = '800';
    void t.pad.prompt('order');
    await t.pass();
    for (const there of [frame.contentDocument!, document]) {
      there.body.append(t.pad);
      await t.pass(10);
      expect(height()).to.equal(64);
    }
    const fresh = document.createElement('rulrr-ereceipt-numpad');
    Object.assign(fresh, { send: t.pad.send, clock: t.clock });
    frame.contentDocument!.body.append(fresh);
    void fresh.prompt('first there');
    await t.pass();
    const display = fresh.shadowRoot!.querySelector('#number')!;
    for (const digit of '213') t.keyDown(digit, { gap: 85 }, display);
    await t.pass(10);
    expect([display.textContent!.replace(/\D/g, ''), height(fresh)]).to.deep.equal(['213', 64]);
    // The page goes that has opened the window, and its script with it.
    window.dispatchEvent(new Event('pagehide'));
    expect([fresh.open, display.textContent]).to.deep.equal([false, '']);
    fresh.remove();
    frame.remove();
  });

  it('closes the window that it is in gets paper, also of an order that comes later; not where it is taken back', async () => {
    await start({ 'idle-timeout': '0', capture: 'document' });
    const open = () => document.body.appendChild(document.createElement('iframe'));
    const one = open();
    one.contentWindow!.addEventListener('pagehide', () => document.body.append(t.pad));
    one.contentDocument!.body.append(t.pad);
    await t.pass();
    void t.pad.prompt('order');
    await t.pass();
    one.remove();
    await t.pass();
    expect(reasons()).to.deep.equal([]);
    const other = open();
    other.contentDocument!.body.append(t.pad);
    await t.pass();
    other.remove();
    await t.pass();
    expect(reasons()).to.deep.equal(['order closed']);
    // By its promise and by the document, where the browser has taken all listeners from what was in the window.
    const heard: string[] = [];
    const hear = (event: Event) => void heard.push((event as CustomEvent<{ orderId: string }>).detail.orderId);
    const unhandled: unknown[] = [];
    const note = (event: PromiseRejectionEvent) => void unhandled.push(event.reason);
    document.addEventListener('print-receipt', hear);
    window.addEventListener('unhandledrejection', note);
    try {
      t.pad.presentation = 'dialog';
      const outcome = await Promise.race([t.pad.prompt('later'), t.pass().then(() => t.pass(10))]);
      expect(outcome).to.deep.equal({ type: 'print-receipt', orderId: 'later', reason: 'closed' });
      await new Promise((resolve) => setTimeout(resolve));
    } finally {
      document.removeEventListener('print-receipt', hear);
      window.removeEventListener('unhandledrejection', note);
    }
    expect([heard, unhandled]).to.deep.equal([['later'], []]);
  });

  it('has two of them has two numbers and two outcomes', async () => {
    await start();
    const other = await till();
    void t.pad.prompt('one');
    void other.pad.prompt('two');
    t.tap(good);
    other.tap('3105550199');
    await t.pass(200);
    expect([t.pad.value, other.pad.value]).to.deep.equal(['+12135550123', '+13105550199']);
    other.part('print').click();
    await t.pass();
    expect(reasons()).to.deep.equal([]);
    expect(other.told.map(({ orderId }) => orderId)).to.deep.equal(['two']);
    expect(t.pad.value).to.equal('+12135550123');
    other.remove();
  });

  it('has set it up before it was defined finds it so', async () => {
    await start();
    const tag = 'late-numpad';
    const early = document.createElement(tag) as typeof t.pad;
    early.send = () => new Promise(() => undefined);
    early.idleTimeout = 7;
    early.value = '+12135550123';
    early.setAttribute('countries', 'US CA');
    document.body.append(early);
    customElements.define(
      tag,
      class extends (customElements.get('rulrr-ereceipt-numpad') as { new (): typeof t.pad }) {},
    );
    await early.updateComplete;
    expect(early.idleTimeout).to.equal(7);
    void early.prompt('order');
    expect(early.state).to.equal('asking');
    expect(early.value).to.equal('+12135550123');
    early.clear();
    expect(early.value).to.equal('');
    early.remove();
  });

  it('finds nothing written into its markup but how it stands', async () => {
    await start();
    const plain = document.createElement('rulrr-ereceipt-numpad');
    document.body.append(plain);
    await plain.updateComplete;
    expect(plain.getAttributeNames()).to.deep.equal(['state']);
    plain.name = 'phone';
    await plain.updateComplete;
    expect(plain.getAttribute('name')).to.equal('phone');
    plain.remove();
  });

  it('changes how it is shown in the middle of a prompt', async () => {
    await start();
    void t.pad.prompt('order');
    await t.pass();
    t.tap('213');
    await t.pass(200);
    const dialog = t.pad.shadowRoot!.querySelector('dialog')!;
    for (const presentation of ['dialog', 'inline', 'dialog'] as const) {
      t.pad.presentation = presentation;
      await t.pass(10);
      expect(dialog.matches(':modal'), presentation).to.equal(presentation === 'dialog');
      expect(dialog.hasAttribute('open')).to.equal(true);
    }
    expect(t.shown()).to.equal('(213)');
    expect(t.told).to.deep.equal([]);
  });

  it('colours the keys alone', async () => {
    await start();
    void t.pad.prompt('order');
    await t.pass();
    for (const [name, value] of Object.entries({
      'key-background': 'rgb(1, 2, 3)',
      'key-color': 'rgb(4, 5, 6)',
      'key-border': 'rgb(7, 8, 9)',
      'key-radius': '3px',
      'display-color': 'rgb(10, 11, 12)',
      'send-background': 'rgb(13, 14, 15)',
      'send-color': 'rgb(16, 17, 18)',
    }))
      t.pad.style.setProperty(`--rulrr-numpad-${name}`, value);
    t.tap(good);
    await t.pass(200);
    const style = (part: HTMLElement) => getComputedStyle(part);
    const key = style(t.key('5'));
    expect([key.backgroundColor, key.color, key.borderTopColor, key.borderTopLeftRadius]).to.deep.equal([
      'rgb(1, 2, 3)',
      'rgb(4, 5, 6)',
      'rgb(7, 8, 9)',
      '3px',
    ]);
    expect(style(t.part('display')).color).to.equal('rgb(10, 11, 12)');
    expect(style(t.part('send')).backgroundColor).to.equal('rgb(13, 14, 15)');
    expect(style(t.part('send')).color).to.equal('rgb(16, 17, 18)');
    expect(style(t.part('print')).backgroundColor).not.to.equal('rgb(1, 2, 3)');
  });
});
