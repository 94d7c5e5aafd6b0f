// A page that puts the element elsewhere: in the page, in another document, in a window that goes.
import { expect, nextFrame } from '@open-wc/testing';
import { connected, good, proxy, till, type Till } from './support.js';

describe('a page that', () => {
  let t: Till;
  const start = async (...options: Parameters<typeof till>) => (t = await till(...options));
  afterEach(() => t.remove());

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
    expect(t.reasons()).to.deep.equal(['order ereceipt-sent']);
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
    expect(t.reasons()).to.deep.equal([]);
    const other = open();
    other.contentDocument!.body.append(t.pad);
    await t.pass();
    other.remove();
    await t.pass();
    expect(t.reasons()).to.deep.equal(['order closed']);
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
});
