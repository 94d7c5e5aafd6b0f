import { expect } from '@open-wc/testing';
import { until } from '../support/until.js';
import { askingTill, connected, good, proxy, till, type Till } from './support.js';

describe('the keypad', () => {
  let t: Till;
  const start = async (...options: Parameters<typeof till>) => (t = await askingTill(...options));
  afterEach(() => t.remove());

  it('says what is wrong with a number when it is asked to send it, and at once where more digits do not help', async () => {
    await start();
    t.tap('213');
    await t.pass(200);
    expect(t.part('error').textContent).to.equal('');
    t.part('send').click();
    await t.pass();
    expect(t.part('error').dataset['reason']).to.equal('too-short');
    expect(t.sends).to.deep.equal([]);
    t.tap('5');
    await t.pass(200);
    expect(t.part('error').textContent).to.equal('');
    t.tap('5501234');
    await t.pass(200);
    expect(t.part('error').dataset['reason']).to.equal('too-long');
    expect(t.shown()).to.equal('(213) 555-01234');
    expect(t.pad.value).to.equal('');
    t.tap('<');
    await t.pass(200);
    expect(t.part('error').textContent).to.equal('');
    expect(t.pad.value).to.equal('+12135550123');
  });

  it('finds nothing wrong with a number on the way to its last digit, where some of its country are shorter', async () => {
    await start({ 'default-country': 'DE' });
    t.pad.value = '+4915123456789';
    await until(() => t.pad.value !== '');
    t.pad.clear();
    const said: string[] = [];
    for (const digit of '0151234567') {
      t.tap(digit);
      await t.pass(1200);
      said.push(t.part('error').textContent + t.part('status').textContent);
    }
    expect(said.join('')).to.equal('');
    t.part('send').click();
    await t.pass();
    expect(t.part('error').dataset['reason']).to.equal('not-textable');
    t.tap('89');
    await t.pass(200);
    expect(t.part('error').textContent).to.equal('');
    expect(t.pad.value).to.equal('+4915123456789');
  });

  it('says at once that an extension is in the way, however many digits could follow', async () => {
    await start({ 'default-country': 'DE' });
    t.paste('+49 30 901820 ext. 5');
    await until(() => t.part('error').dataset['reason'] === 'extension');
    await t.pass();
    expect(t.part('error').textContent).not.to.equal('');
  });

  it('says nothing of a number that nobody has keyed', async () => {
    await start();
    t.pad.clear();
    t.key('clear').click();
    t.part('send').click();
    await t.pass(200);
    expect(t.inputs).to.deep.equal([]);
  });

  it('shows the number that is being sent until that has ended, whatever is pressed', async () => {
    await start({ countries: 'US GB' });
    t.tap('2135550123');
    t.part('send').click();
    const { sends, pad } = t;
    const country = t.part('country') as HTMLSelectElement;
    for (const press of [
      () => t.tap('7<'),
      () => t.keyDown('7'),
      () => t.keyDown('Backspace'),
      () => t.key('clear').click(),
      () => t.paste('+13105550199'),
      () => {
        country.value = 'GB';
        country.dispatchEvent(new Event('change', { bubbles: true }));
      },
    ]) {
      press();
      await t.pass(200);
      expect([t.shown(), pad.value, pad.state]).to.deep.equal(['(213) 555-0123', '+12135550123', 'sending']);
      expect(country.value).to.equal('US');
    }
    t.settle.reject(new Error('no credit'));
    await t.pass();
    t.part('send').click();
    expect(sends.map(({ phoneNumber }) => phoneNumber)).to.deep.equal(['+12135550123', '+12135550123']);
  });
});

describe('a page that', () => {
  let t: Till;
  const start = async (...options: Parameters<typeof till>) => (t = await till(...options));
  afterEach(() => t.remove());

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
    expect(heard.map(({ type }) => type)).to.deep.equal(['input', 'input', 'input', 'input']);
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

  it('names one country alone has numbers read as they are written there', async () => {
    await start({ countries: 'GB' });
    void t.pad.prompt('order');
    t.tap('07400123456');
    await until(() => t.pad.value === '+447400123456');
    await t.pass(200);
    expect(t.shown()).to.equal('07400 123456');
  });
});
