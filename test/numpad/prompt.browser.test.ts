import { expect } from '@open-wc/testing';
import type { PrintReceiptEvent } from '../../src/numpad/events.js';
import { systemClock } from '../../src/shared/clock.js';
import { until } from '../support/until.js';
import { connected, good, json, proxy, reply, till, type Till } from './support.js';

/** Every value that can be reached from an element by way of its properties and theirs, however deep. */
function everythingIn(root: object): string {
  const found: string[] = [];
  const seen = new Set<unknown>();
  const look = (value: unknown, name: string) => {
    if (typeof value === 'string' || typeof value === 'number') found.push(`${name}=${JSON.stringify(value)}`);
    if (!(value instanceof Object) || value instanceof Window || value instanceof Document || seen.has(value)) return;
    seen.add(value);
    if (value instanceof Node && value !== root) return look((value as Text).data, `${name}.data`);
    for (const key of Object.getOwnPropertyNames(value))
      if (Object.getOwnPropertyDescriptor(value, key)!.get === undefined)
        look((value as Record<string, unknown>)[key], `${name}.${key}`);
  };
  look(root, '');
  return found.join('\n');
}

describe('a prompt', () => {
  let t: Till;
  const start = async (...options: Parameters<typeof till>) => (t = await till(...options));
  afterEach(() => t.remove());

  it('sends by the proxy, and says so once it was confirmed', async () => {
    const server = proxy({ '/rulrr/connection': connected, '/rulrr/ereceipts': () => json({ sent: true }) });
    await start({ 'proxy-url': '/rulrr' }, { fetch: server.fetch, send: null });
    const outcome = t.pad.prompt('order-1');
    expect(t.pad.state).to.equal('checking');
    await t.pass();
    expect(t.pad.state).to.equal('asking');
    expect(t.pad.open).to.equal(true);
    t.tap(good);
    expect(t.pad.value).to.equal('+12135550123');
    await t.pass(200);
    expect(t.shown()).to.equal('(213) 555-0123');
    t.part('send').click();
    await t.pass();
    expect(t.told).to.deep.equal([{ type: 'ereceipt-sent', orderId: 'order-1', phoneNumber: '+12135550123' }]);
    expect(await outcome).to.deep.equal({ type: 'ereceipt-sent', orderId: 'order-1', phoneNumber: '+12135550123' });
    const { init } = server.calls[1]!;
    expect(JSON.parse(init.body as string)).to.deep.equal({ orderId: 'order-1', phoneNumber: '+12135550123' });
    expect((init.headers as Record<string, string>)['Idempotency-Key']).to.match(/^[0-9a-f]{32}$/);
    // As who is signed in, and never from what a browser remembers.
    for (const call of server.calls)
      expect([call.init.credentials, call.init.cache]).to.deep.equal(['same-origin', 'no-store']);
    expect(t.pad.state).to.equal('sent');
    expect(t.pad.open).to.equal(false);
    await t.pass(3000);
    expect(t.pad.state).to.equal('idle');
  });

  it('asks the proxy also where a template has put white space around its path', async () => {
    const server = proxy({ '/rulrr/connection': connected });
    await start({ 'proxy-url': '\n  /rulrr/ ' }, { fetch: server.fetch, send: null });
    void t.pad.prompt('order-1');
    await t.pass();
    expect(t.pad.state).to.equal('asking');
  });

  it('prints at once while e-receipts are off, no store is connected, or the proxy does not answer', async () => {
    const answers = [
      () => json({ connected: true, ereceipt: false, expiration: null }),
      () => json({ connected: false, ereceipt: true, expiration: null }),
      () => json({ code: 'unauthorized' }, 401),
      () => reply('<html>', 200),
      () => Promise.reject(new TypeError('Failed to fetch')),
    ];
    for (const answer of answers) {
      await start({ 'proxy-url': '/rulrr/' }, { fetch: proxy({ '/rulrr/connection': answer }).fetch });
      void t.pad.prompt('order-2');
      await t.pass();
      expect(t.told).to.deep.equal([{ type: 'print-receipt', orderId: 'order-2', reason: 'ereceipt-disabled' }]);
      expect(t.pad.shadowRoot!.querySelector('dialog')!.hasAttribute('open')).to.equal(false);
      t.remove();
    }
    await start({ 'proxy-url': '/rulrr' }, { fetch: () => new Promise(() => undefined) });
    void t.pad.prompt('order-3');
    await t.pass(3999);
    expect(t.told).to.deep.equal([]);
    // Nobody is asked before that is known.
    expect(t.pad.shadowRoot!.querySelector('dialog')!.hasAttribute('open')).to.equal(false);
    await t.pass(1);
    expect(t.told.map(({ reason }) => reason)).to.deep.equal(['ereceipt-disabled']);
  });

  it('prints at once with neither proxy nor function', async () => {
    await start({}, { send: null });
    const outcome = await t.pad.prompt('order-4');
    expect(outcome).to.deep.equal({ type: 'print-receipt', orderId: 'order-4', reason: 'not-configured' });
    expect(t.told.length).to.equal(1);
  });

  it('prints where the customer says no', async () => {
    await start();
    void t.pad.prompt('order-5');
    t.part('print').click();
    await t.pass();
    expect(t.told).to.deep.equal([{ type: 'print-receipt', orderId: 'order-5', reason: 'declined' }]);
  });

  it('shows the whole number before, and only its last four after the send', async () => {
    await start();
    void t.pad.prompt('order-6');
    t.tap(good);
    await t.pass(200);
    expect(parseFloat(getComputedStyle(t.part('display')).fontSize)).to.be.at.least(32);
    expect(t.sends).to.deep.equal([]);
    t.part('send').click();
    t.settle.resolve();
    await t.pass(1000);
    expect(t.shown().replace(/\D/g, '')).to.equal('0123');
    expect(t.part('status').textContent).to.contain('0123');
    expect(t.pad.shadowRoot!.innerHTML).not.to.match(/5550123|555-/);
    await t.pass(3000);
    expect(t.pad.shadowRoot!.innerHTML).not.to.contain('0123');
  });

  it('makes one request of twenty presses', async () => {
    await start();
    void t.pad.prompt('order-7');
    t.tap(good);
    for (let press = 0; press < 20; press++) t.part('send').click();
    await t.pass();
    expect(t.sends.length).to.equal(1);
    t.settle.resolve();
    await t.pass();
    expect(t.told.length).to.equal(1);
  });

  it('offers another try with the same key, and paper, after a send that surely failed', async () => {
    await start();
    void t.pad.prompt('order-8');
    t.tap(good);
    t.part('send').click();
    t.settle.reject(new Error('no credit'));
    await t.pass();
    expect(t.pad.state).to.equal('failed');
    expect(t.part('error').textContent).not.to.equal('');
    t.part('send').click();
    t.settle.reject(new Error('no credit'));
    await t.pass();
    expect(t.sends.length).to.equal(2);
    expect(t.sends[1]!.idempotencyKey).to.equal(t.sends[0]!.idempotencyKey);
    t.tap('<4');
    await t.pass(200);
    t.part('send').click();
    t.settle.reject(new Error('no credit'));
    await t.pass();
    expect(t.sends[2]!.phoneNumber).to.equal('+12135550124');
    expect(t.sends[2]!.idempotencyKey).not.to.equal(t.sends[0]!.idempotencyKey);
    t.part('print').click();
    await t.pass();
    expect(t.told).to.deep.equal([{ type: 'print-receipt', orderId: 'order-8', reason: 'send-failed' }]);
  });

  it('prints by itself where it is not clear whether the text was sent', async () => {
    const cut = async (act: () => void) => {
      await start();
      void t.pad.prompt('order-9');
      t.tap(good);
      t.part('send').click();
      act();
      await t.pass();
      const { told } = t;
      t.remove();
      return told.map(({ reason }) => reason);
    };
    expect(await cut(() => t.settle.reject(new TypeError('Failed to fetch')))).to.deep.equal(['send-unconfirmed']);
    expect(await cut(() => t.settle.reject(new DOMException('', 'AbortError')))).to.deep.equal(['send-unconfirmed']);
    expect(await cut(() => t.clock.advance(7999))).to.deep.equal([]);
    expect(await cut(() => t.clock.advance(8000))).to.deep.equal(['send-unconfirmed']);
    await start({}, { send: (() => undefined) as never });
    void t.pad.prompt('order-10');
    t.tap(good);
    t.part('send').click();
    await t.pass();
    expect(t.told.map(({ reason }) => reason)).to.deep.equal(['send-unconfirmed']);
  });

  it('takes from a refusal of the proxy what it proves', async () => {
    const table: [() => Response | Promise<Response>, string, string?][] = [
      [() => json({ code: 'send_failed' }, 502), 'failed'],
      [() => json({ code: 'rate_limited' }, 429), 'failed'],
      [() => json({ code: 'unauthorized' }, 401), 'failed'],
      [() => reply('<html>', 403), 'failed'],
      [() => json({ code: 'invalid_phone_number' }, 422), 'asking'],
      [() => json({ code: 'ereceipt_disabled' }, 403), 'printed', 'ereceipt-disabled'],
      [() => json({}, 408), 'printed', 'send-unconfirmed'],
      [() => json({ code: 'in_progress' }, 409), 'printed', 'send-unconfirmed'],
      [() => json({ code: 'send_unconfirmed' }, 504), 'printed', 'send-unconfirmed'],
      [() => json({ code: 'internal' }, 500), 'printed', 'send-unconfirmed'],
      [() => reply('<html>', 502), 'printed', 'send-unconfirmed'],
      [() => json({ sent: 'maybe' }), 'printed', 'send-unconfirmed'],
      [() => Promise.reject(new TypeError('Failed to fetch')), 'printed', 'send-unconfirmed'],
    ];
    for (const [answer, state, reason] of table) {
      const server = proxy({ '/p/connection': connected, '/p/ereceipts': answer });
      await start({ 'proxy-url': '/p' }, { fetch: server.fetch, send: null });
      const states: string[] = [];
      new MutationObserver(() => states.push(t.pad.state)).observe(t.pad, { attributeFilter: ['state'] });
      void t.pad.prompt('order-11');
      await t.pass();
      t.tap(good);
      t.part('send').click();
      await t.pass();
      expect(states, String(reason)).to.include(state);
      expect(t.told.map((outcome) => outcome.reason)).to.deep.equal(reason ? [reason] : []);
      if (state === 'asking') {
        expect(t.pad.state).to.equal('asking');
        expect(t.pad.reason).to.equal('invalid');
        expect(t.pad.value).to.equal('');
      }
      t.remove();
    }
  });

  it('never lets a late answer touch the next order', async () => {
    await start();
    void t.pad.prompt('order-12');
    t.tap(good);
    t.part('send').click();
    const late = t.settle.resolve;
    const { signal } = t.sends[0]!;
    void t.pad.prompt('order-13');
    await t.pass();
    expect(t.told).to.deep.equal([{ type: 'print-receipt', orderId: 'order-12', reason: 'superseded' }]);
    expect(signal.aborted).to.equal(true);
    expect(t.shown()).to.equal('');
    late();
    await t.pass();
    expect(t.pad.state).to.equal('asking');
    expect(t.told.length).to.equal(1);
  });

  it('leaves the next order its own time, however late its own answer comes', async () => {
    await start();
    void t.pad.prompt('order-25');
    t.tap(good);
    t.part('send').click();
    const late = t.settle.resolve;
    void t.pad.prompt('order-26');
    await t.pass();
    t.tap(good);
    t.part('send').click();
    await t.pass();
    late();
    await t.pass();
    expect(t.pad.state).to.equal('sending');
    await t.pass(8000);
    expect(t.told.map(({ orderId, reason }) => `${orderId} ${reason}`)).to.deep.equal([
      'order-25 superseded',
      'order-26 send-unconfirmed',
    ]);
  });

  it('leaves the next order its own time to be checked, and ends its own check', async () => {
    const signals: AbortSignal[] = [];
    const hang = (_path: string, { signal }: RequestInit = {}) =>
      new Promise<Response>((_, reject) => {
        signals.push(signal!);
        signal!.addEventListener('abort', () => reject(new DOMException('', 'AbortError')));
      });
    await start({ 'proxy-url': '/rulrr' }, { send: null, fetch: hang });
    void t.pad.prompt('order-27');
    await t.pass();
    void t.pad.prompt('order-28');
    await t.pass();
    expect(signals.map(({ aborted }) => aborted)).to.deep.equal([true, false]);
    await t.pass(4000);
    expect(t.told.map(({ orderId, reason }) => `${orderId} ${reason}`)).to.deep.equal([
      'order-27 superseded',
      'order-28 ereceipt-disabled',
    ]);
    expect(signals.map(({ aborted }) => aborted)).to.deep.equal([true, true]);
  });

  it('hears what came while a dialog of the browser’s stopped the page for longer than an answer may take', async () => {
    // Real time, twice as fast, and answers that take the browser’s own way.
    const fetch = (path: string) =>
      window.fetch(`data:application/json,{"connected":true,"ereceipt":true,"sent":${path.endsWith('ts')}}`);
    const clock = { ...systemClock, after: (ms: number, callback: () => void) => systemClock.after(ms / 2, callback) };
    await start({ 'proxy-url': '/rulrr' }, { fetch, clock, send: null });
    const stop = (ms: number) => {
      const end = performance.now() + ms;
      while (performance.now() < end);
    };
    void t.pad.prompt('order-37');
    stop(2200);
    await until(() => t.pad.state !== 'checking');
    expect(t.pad.state).to.equal('asking');
    t.tap(good);
    t.part('send').click();
    stop(4200);
    await until(() => t.told.length);
    expect(t.told).to.deep.equal([{ type: 'ereceipt-sent', orderId: 'order-37', phoneNumber: '+12135550123' }]);
  });

  it('sends nothing while the till is offline, says so, and sends once it is not', async () => {
    const server = proxy({ '/rulrr/connection': connected, '/rulrr/ereceipts': () => json({ sent: true }) });
    await start({ 'proxy-url': '/rulrr' }, { fetch: server.fetch, send: null });
    void t.pad.prompt('order-29');
    await t.pass();
    t.tap(good);
    Object.defineProperty(navigator, 'onLine', { configurable: true, value: false });
    try {
      t.part('send').click();
      await t.pass();
    } finally {
      delete (navigator as { onLine?: boolean }).onLine;
    }
    expect(t.pad.state).to.equal('failed');
    expect(server.calls.map(({ path }) => path)).to.deep.equal(['/rulrr/connection']);
    t.part('send').click();
    await t.pass();
    expect(t.told).to.deep.equal([{ type: 'ereceipt-sent', orderId: 'order-29', phoneNumber: '+12135550123' }]);
  });

  it('may be followed by the next one from a listener of its outcome', async () => {
    await start();
    t.pad.addEventListener('print-receipt', () => void t.pad.prompt('order-15'), { once: true });
    void t.pad.prompt('order-14');
    t.part('print').click();
    await t.pass(5000);
    expect(t.pad.state).to.equal('asking');
    expect(t.pad.open).to.equal(true);
    t.pad.close();
    await t.pass();
    expect(t.told.map(({ orderId, reason }) => `${orderId} ${reason}`)).to.deep.equal([
      'order-14 declined',
      'order-15 closed',
    ]);
  });

  it('refuses a blank order, and leaves the one that is on alone', async () => {
    await start();
    void t.pad.prompt('order-16');
    for (const blank of ['', '  ', undefined, null]) {
      let message = '';
      await t.pad.prompt(blank as string).catch((error: Error) => (message = error.message));
      expect(message).to.contain('order id');
    }
    expect(t.pad.state).to.equal('asking');
    expect(t.told).to.deep.equal([]);
  });

  it('opens by attributes, too', async () => {
    await start({ 'order-id': 'order-17', open: '' });
    await t.pass();
    expect(t.pad.state).to.equal('asking');
    t.pad.removeAttribute('open');
    await t.pass();
    expect(t.told.map(({ orderId, reason }) => `${orderId} ${reason}`)).to.deep.equal(['order-17 closed']);
    t.pad.setAttribute('order-id', 'order-18');
    t.pad.open = true;
    await t.pass();
    t.pad.orderId = 'order-19';
    await t.pass();
    expect(t.told.map(({ orderId, reason }) => `${orderId} ${reason}`).slice(1)).to.deep.equal(['order-18 superseded']);
    t.part('print').click();
    await t.pass();
    expect(t.pad.hasAttribute('open')).to.equal(false);
    // The same order once more, by the page's wish.
    t.pad.open = true;
    await t.pass();
    expect(t.pad.state).to.equal('asking');
  });

  it('is over in the markup, too, before anybody hears of it: a page may print by putting its body away, and back as markup', async () => {
    await start({ 'order-id': 'order-17', open: '' });
    await t.pass();
    const page = document.createElement('div');
    const again: string[] = [];
    page.addEventListener('print-receipt', ({ detail }) => again.push(`${detail.orderId} ${detail.reason}`));
    t.pad.addEventListener('print-receipt', () => {
      page.innerHTML = t.pad.outerHTML;
      document.body.append(page);
    });
    t.part('print').click();
    await t.pass();
    await (page.firstChild as typeof t.pad).updateComplete;
    page.remove();
    expect(t.reasons()).to.deep.equal(['order-17 declined']);
    expect(again).to.deep.equal([]);
  });

  it('asks also about an order that the page declares as an outcome comes, with others still owed', async () => {
    await start({ 'proxy-url': '/rulrr' }, { fetch: () => new Promise(() => undefined), send: null });
    const declare = (orderId: string) => Object.assign(t.pad, { orderId, open: true });
    const once = (listener: () => void) => t.pad.addEventListener('print-receipt', listener, { once: true });
    const told = () => t.told.splice(0).map(({ orderId, reason }) => `${orderId} ${reason}`);
    declare('order-40');
    await t.pass();
    // The next in line; the one before it ends at once.
    once(() => declare('order-42'));
    t.pad.fetch = () => {
      throw new TypeError('Failed to fetch');
    };
    declare('order-41');
    await t.pass();
    expect(told()).to.deep.equal(['order-40 superseded', 'order-41 ereceipt-disabled', 'order-42 ereceipt-disabled']);

    Object.assign(t.pad, { proxyUrl: '', send: () => new Promise(() => undefined) });
    void t.pad.prompt('order-43');
    once(() => {
      void t.pad.prompt('order-44');
      t.pad.close();
      declare('order-45');
    });
    t.part('print').click();
    await t.pass();
    expect(told()).to.deep.equal(['order-43 declined', 'order-44 closed']);
    expect([t.pad.state, t.pad.open]).to.deep.equal(['asking', true]);
  });

  it('prints where it is taken out of the page or the page goes, and not where it is moved', async () => {
    await start();
    const box = document.createElement('div');
    document.body.append(box);
    void t.pad.prompt('order-20');
    t.tap('213');
    box.append(t.pad);
    await t.pass(10);
    expect(t.pad.state).to.equal('asking');
    expect(t.told).to.deep.equal([]);
    box.remove();
    await t.pass(10);
    expect(t.told.map(({ reason }) => reason)).to.deep.equal(['closed']);
    document.body.append(t.pad);
    await t.pass();
    void t.pad.prompt('order-21');
    t.tap(good);
    t.part('send').click();
    window.dispatchEvent(new Event('pagehide'));
    expect(t.told.map(({ orderId, reason }) => `${orderId} ${reason}`)).to.deep.equal([
      'order-20 closed',
      'order-21 closed',
    ]);
    expect(t.pad.shadowRoot!.innerHTML + t.shown()).not.to.match(/5550123|555-/);
  });

  it('prints where the page takes it out as it goes, in one go', async () => {
    await start();
    void t.pad.prompt('order-20');
    t.remove();
    window.dispatchEvent(new Event('pagehide'));
    expect(t.told.map(({ orderId, reason }) => `${orderId} ${reason}`)).to.deep.equal(['order-20 closed']);
    await t.pass(10);
    window.dispatchEvent(new Event('pagehide'));
    expect(t.told.length).to.equal(1);
  });

  it('tells a page that listens at its document of the receipt also where the element was taken out, once', async () => {
    await start();
    const heard: string[] = [];
    const listen = ({ detail }: PrintReceiptEvent) => heard.push(`${detail.orderId} ${detail.reason}`);
    document.addEventListener('print-receipt', listen);
    void t.pad.prompt('order-22');
    t.pad.remove();
    await t.pass(10);
    document.body.append(t.pad);
    void t.pad.prompt('order-23');
    t.pad.close();
    document.removeEventListener('print-receipt', listen);
    expect(heard).to.deep.equal(['order-22 closed', 'order-23 closed']);
    expect(t.told.map(({ orderId, reason }) => `${orderId} ${reason}`)).to.deep.equal(heard);
  });

  it('prints when nobody is there, with a warning in the last ten seconds', async () => {
    await start({ 'idle-timeout': '30' });
    void t.pad.prompt('order-22');
    const countdown = () => t.pad.shadowRoot!.querySelector('.countdown')!.textContent;
    await t.pass(19_900);
    expect(countdown()).to.equal('');
    await t.pass(200);
    expect(countdown()).to.contain('10');
    t.tap('2');
    await t.pass(200);
    expect(countdown()).to.equal('');
    // Nor is it said any more to who hears it.
    await t.pass(1000);
    expect(t.part('status').textContent).not.to.contain('10');
    await t.pass(26_000);
    expect(countdown()).to.contain('3');
    await t.pass(3000);
    expect(t.told.map(({ reason }) => reason)).to.deep.equal(['idle']);
    expect(t.shown()).to.equal('');
    t.remove();
    await start({ 'idle-timeout': '0' });
    void t.pad.prompt('order-23');
    await t.pass(86_400_000);
    expect(t.told).to.deep.equal([]);
  });

  it('goes on for a key of its last moment, not on screen yet', async () => {
    await start({ 'idle-timeout': '30', capture: 'document' });
    void t.pad.prompt('order-22');
    await t.pass(29_990);
    t.keyDown('5', {}, document.body);
    // In one go: no frame comes between.
    t.clock.advance(20);
    await t.pass(29_000);
    expect(t.told).to.deep.equal([]);
    expect(t.digits()).to.equal('5');
    await t.pass(1000);
    expect(t.told.map(({ reason }) => reason)).to.deep.equal(['idle']);
  });

  it('goes on for a touch of its last second, though the page stood still until that was over', async () => {
    await start({ 'idle-timeout': '1' }, { clock: systemClock });
    void t.pad.prompt('order-22');
    await until(() => t.pad.shadowRoot!.querySelector('.countdown')!.textContent);
    const end = performance.now() + 1200;
    while (performance.now() < end);
    // It waits behind the timers that are due.
    setTimeout(() => t.tap('5'), 20);
    await until(() => t.told.length || t.shown());
    expect(t.told).to.deep.equal([]);
    expect(t.digits()).to.equal('5');
  });

  it('has no number left from a close between prompts, where the page had set one', async () => {
    await start();
    t.pad.value = '+12135550123';
    t.pad.close();
    await t.pass();
    void t.pad.prompt('order-22');
    await t.pass();
    expect(t.shown() + t.pad.value).to.equal('');
  });

  it('gives the next order the whole time, though nobody has touched the last one', async () => {
    await start({ 'idle-timeout': '30' });
    void t.pad.prompt('order-22');
    await t.pass(29_000);
    void t.pad.prompt('order-23');
    await t.pass(29_000);
    expect(t.told.map(({ orderId, reason }) => `${orderId} ${reason}`)).to.deep.equal(['order-22 superseded']);
    await t.pass(1000);
    expect(t.told.map(({ reason }) => reason)).to.deep.equal(['superseded', 'idle']);
  });

  it('prints within minutes, not ten of them, where the till is behind another tab, whose timers run once a minute', async () => {
    await start();
    const { clock } = t;
    const minute = 60_000;
    const onceAMinute = (ms: number) => Math.ceil((clock.now() + ms) / minute) * minute - clock.now();
    t.pad.clock = { ...clock, after: (ms, callback) => clock.after(onceAMinute(ms), callback) };
    void t.pad.prompt('order-22');
    await t.pass(3 * minute);
    expect(t.told.map(({ reason }) => reason)).to.deep.equal(['idle']);
  });

  it('leaves no trace of the number', async () => {
    const written: string[] = [];
    const log = console.log;
    const places = [localStorage.length, sessionStorage.length, document.cookie, location.href].join();
    for (const name of ['log', 'warn', 'error', 'info', 'debug'] as const) {
      console[name] = (...words: unknown[]) => void written.push(words.join(' '));
    }
    try {
      for (const end of [
        () => t.part('print').click(),
        () => t.pad.close(),
        () => void t.pad.prompt('next'),
        () => t.settle.resolve(),
      ]) {
        const form = document.createElement('form');
        document.body.append(form);
        await start({ name: 'phone' });
        form.append(t.pad);
        await t.pass(5);
        void t.pad.prompt('order-24');
        t.tap(good);
        await t.pass(200);
        expect(new FormData(form).get('phone')).to.equal('+12135550123');
        if (end.toString().includes('settle')) t.part('send').click();
        end();
        await t.pass(3100);
        expect(new FormData(form).get('phone')).to.equal(null);
        expect(t.pad.value).to.equal('');
        const kept = everythingIn(t.pad);
        // What is searched here is where the number was.
        expect(kept).to.contain('text=""').and.to.contain('told="/"');
        expect(kept).not.to.match(/\bdue\.\d/);
        expect(kept + form.innerHTML + t.pad.shadowRoot!.innerHTML).not.to.match(/5550123|0123|555-/);
        t.remove();
        form.remove();
      }
    } finally {
      for (const name of ['log', 'warn', 'error', 'info', 'debug'] as const) console[name] = log;
    }
    expect(written.filter((line) => /555|0123/.test(line))).to.deep.equal([]);
    expect([localStorage.length, sessionStorage.length, document.cookie, location.href].join()).to.equal(places);
  });
});
