// What a page may do to the element, by its public names alone.
import { expect } from '@open-wc/testing';
import { connected, good, json, proxy, till, type Till } from './support.js';

describe('a page that', () => {
  let t: Till;
  const start = async (...options: Parameters<typeof till>) => (t = await till(...options));
  afterEach(() => t.remove());

  it('asks twice for one order, by a number, or from before it is in the page', async () => {
    await start();
    void t.pad.prompt('order');
    void t.pad.prompt('order');
    void t.pad.prompt(42 as unknown as string);
    await t.pass();
    t.part('print').click();
    await t.pass();
    expect(t.reasons()).to.deep.equal(['order superseded', 'order superseded', '42 declined']);
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
    expect(t.reasons()).to.deep.equal(['away closed']);
    void t.pad.prompt('never');
    await t.pass(10);
    expect(t.reasons()).to.deep.equal(['away closed', 'never closed']);
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
    expect(t.reasons()).to.deep.equal(['0 declined']);
  });

  it('closes, clears or keys while a receipt is being sent, loses nothing', async () => {
    await start();
    await t.sending();
    t.pad.value = '+13105550199';
    expect(t.pad.value).to.equal('+12135550123');
    t.tap('5<');
    t.pad.clear();
    t.settle.resolve();
    await t.pass();
    expect(t.told).to.deep.equal([{ type: 'ereceipt-sent', orderId: 'order', phoneNumber: '+12135550123' }]);
    expect(t.shown().replace(/\D/g, '')).to.equal('0123');
    await t.pass(5000);
    await t.sending();
    t.pad.close();
    expect(t.sends[1]!.signal.aborted).to.equal(true);
    t.settle.resolve();
    await t.pass(9000);
    expect(t.reasons().slice(1)).to.deep.equal(['order closed']);
    expect(t.pad.state).to.equal('idle');
  });

  it('changes the order while one is being sent has both outcomes', async () => {
    await start();
    await t.sending();
    t.pad.setAttribute('order-id', 'next');
    await t.pass();
    expect([t.pad.state, t.sends[0]!.signal.aborted]).to.deep.equal(['asking', true]);
    t.settle.resolve();
    await t.pass();
    t.pad.removeAttribute('order-id');
    await t.pass();
    t.part('print').click();
    await t.pass();
    expect(t.reasons()).to.deep.equal(['order superseded', 'next declined']);
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
      expect(t.reasons()).to.deep.equal(['order send-failed']);
      t.remove();
    }
  });

  it('unsets its fetch sends all the same', async () => {
    const real = window.fetch;
    const server = proxy({ '/p/connection': connected, '/p/ereceipts': () => json({ sent: true }) });
    window.fetch = server.fetch as typeof window.fetch;
    try {
      await start({ 'proxy-url': '/p' }, { fetch: undefined, send: null });
      await t.sending();
      expect(t.reasons()).to.deep.equal(['order ereceipt-sent']);
    } finally {
      window.fetch = real;
    }
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
      expect(t.reasons()).to.deep.equal(['order ereceipt-sent']);
    } finally {
      ElementInternals.prototype.setFormValue = setFormValue;
      form.remove();
    }
  });

  it('names countries beside Prototype.js, whose filter hands no list to its callback, asks and sends', async () => {
    const { filter } = Array.prototype;
    Array.prototype.filter = function (this: unknown[], wanted: (value: unknown, at: number) => unknown) {
      return filter.call(this, (value, at) => wanted(value, at));
    } as typeof filter;
    try {
      await start({ countries: 'us, US CA' });
      await t.sending();
      t.settle.resolve();
      await t.pass();
      expect(t.reasons()).to.deep.equal(['order ereceipt-sent']);
    } finally {
      Array.prototype.filter = filter;
    }
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
    expect(t.reasons()).to.deep.equal([]);
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
    await early.updateComplete;
    const choice = early.shadowRoot!.querySelector<HTMLSelectElement>('[part~=country]')!;
    expect([...choice.options].map(({ value }) => value)).to.deep.equal(['US', 'CA']);
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
