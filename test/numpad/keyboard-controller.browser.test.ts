import { expect } from '@open-wc/testing';
import { askingTill, till, type Till } from './support.js';

describe('a hardware keyboard', () => {
  let t: Till;
  const start = async (...options: Parameters<typeof till>) => (t = await askingTill(...options));
  afterEach(() => t.remove());
  /** At the pace of a person, unless told otherwise. */
  const type = (keys: string[], gap = 85, target?: EventTarget, init: KeyboardEventInit = {}) =>
    keys.map((key) => t.keyDown(key, { gap, ...init }, target));

  it('keys, deletes, sends and declines', async () => {
    await start();
    type(['+', '1', '2', '1', 'Backspace', '2', 'Delete', '3']);
    expect(t.digits()).to.equal('+123');
    t.pad.clear();
    type([...'213555012']);
    type(['Enter']);
    expect(t.sends).to.deep.equal([]);
    type(['٣', 'Enter']);
    expect(t.sends.map(({ phoneNumber }) => phoneNumber)).to.deep.equal(['+12135550123']);
    t.settle.reject(new Error('no'));
    await t.pass();
    type(['Escape']);
    await t.pass();
    expect(t.told.map(({ reason }) => reason)).to.deep.equal(['send-failed']);
  });

  it('takes digits while the focus is on what takes no text, though it is an input, and leaves it its Enter', async () => {
    await start({ capture: 'document' });
    for (const kind of ['button', 'submit', 'reset', 'image', 'checkbox', 'radio', 'range']) {
      const pressed = document.body.appendChild(document.createElement('input'));
      pressed.type = kind;
      t.pad.clear();
      type(['2', '1', 'Backspace'], 85, pressed);
      expect(t.digits(), kind).to.equal('2');
      t.pad.value = '+12135550123';
      const [enter] = type(['Enter'], 85, pressed);
      expect(enter!.defaultPrevented, kind).to.equal(false);
      pressed.remove();
    }
    expect(t.sends).to.deep.equal([]);
    t.pad.clear();
    const texts = 'text search tel url email password number date datetime-local month week time'.split(' ');
    for (const kind of [...texts, 'textarea', 'select', 'multiple']) {
      const tag = kind === 'multiple' ? 'select' : texts.includes(kind) ? 'input' : kind;
      const field = document.body.appendChild(document.createElement(tag)) as HTMLInputElement;
      if (tag === 'input') field.type = kind;
      else field.toggleAttribute(kind, kind === 'multiple');
      type(['2'], 85, field);
      expect(t.digits(), kind).to.equal('');
      field.remove();
    }
  });

  it("takes digits while the focus is on a component of the page's own, whatever kind of button that calls itself", async () => {
    await start({ capture: 'document' });
    const component = document.body.appendChild(document.createElement('till-button')) as HTMLInputElement;
    for (const kind of 'primary secondary tertiary danger default dark warning neutral error menu module'.split(' ')) {
      component.type = kind;
      t.pad.clear();
      type(['2', '1'], 85, component);
      expect(t.digits(), kind).to.equal('21');
    }
    // Of one that is closed to the page no more is known: it may have a field inside.
    t.pad.clear();
    for (const kind of ['text', 'tel', 'number', 'password', 'search']) {
      component.type = kind;
      const [two] = type(['2'], 85, component);
      expect(two!.defaultPrevented, kind).to.equal(false);
    }
    expect(t.digits()).to.equal('');
    component.remove();
  });

  it('leaves alone what is not meant for it', async () => {
    await start({ capture: 'document' });
    const input = document.createElement('input');
    const button = document.createElement('button');
    document.body.append(input, button);
    for (const init of [
      { ctrlKey: true },
      { metaKey: true },
      { altKey: true },
      { isComposing: true },
      { keyCode: 229 },
    ]) {
      const [event] = type(['5'], 85, undefined, init);
      expect(event!.defaultPrevented).to.equal(false);
    }
    const text = document.body.appendChild(document.createElement('div'));
    text.contentEditable = 'true';
    for (const field of [input, text]) {
      for (const key of ['5', 'Enter', 'Backspace', 'Escape']) {
        const [event] = type([key], 85, field);
        expect(event!.defaultPrevented, key).to.equal(false);
      }
    }
    text.remove();
    t.pad.value = '+12135550123';
    const link = document.createElement('a');
    const summary = document.createElement('summary');
    const role = document.createElement('div');
    role.setAttribute('role', 'button');
    document.body.append(link, summary, role);
    for (const pressed of [button, link, summary, role]) {
      const [enter] = type(['Enter'], 85, pressed);
      expect(enter!.defaultPrevented).to.equal(false);
      pressed.remove();
    }
    expect(t.sends).to.deep.equal([]);
    t.pad.clear();
    // What the page has taken for itself, such as a hotkey.
    const take = (event: Event) => event.preventDefault();
    document.addEventListener('keydown', take, true);
    type(['5', 'Escape'], 85, document.body);
    document.removeEventListener('keydown', take, true);
    expect(t.digits()).to.equal('');
    expect(t.told).to.deep.equal([]);
    type(['5'], 85, document.body);
    expect(t.digits()).to.equal('5');
    type(['5', '5'], 40, document.body, { repeat: true });
    expect(t.digits()).to.equal('5');
    input.remove();
    // Its own box need not be one.
    t.pad.style.display = 'contents';
    type(['4'], 85, document.body);
    expect(t.digits()).to.equal('54');
    t.pad.capture = '';
    await t.pass();
    type(['6'], 85, document.body);
    expect(t.digits()).to.equal('54');
  });

  it('leaves alone what is not meant for it inside a component that is closed to the page, and in one around that', async () => {
    await start({ capture: 'document', 'idle-timeout': '0' });
    for (const depth of [1, 2]) {
      const component = document.createElement('div');
      let root = component.attachShadow({ mode: 'closed' });
      document.body.append(component);
      for (let level = 1; level < depth; level++) {
        root = root.appendChild(document.createElement('div')).attachShadow({ mode: 'closed' });
      }
      root.append(t.pad, document.createElement('input'));
      // A field beside the inner component, in the outer one.
      const fields = [root.querySelector('input')!];
      if (depth > 1) fields.push((root.host.getRootNode() as ShadowRoot).appendChild(document.createElement('input')));
      await t.pass();
      t.pad.value = '+12135550123';
      for (const field of fields) {
        field.focus();
        for (const key of ['5', 'Enter', 'Backspace', 'Escape']) {
          const [event] = type([key], 85, field);
          expect(event!.defaultPrevented, `${key} at ${depth}`).to.equal(false);
        }
        const data = new DataTransfer();
        data.setData('text/plain', '2015550199');
        const pasted = { bubbles: true, composed: true, cancelable: true, clipboardData: data };
        field.dispatchEvent(new ClipboardEvent('paste', pasted));
      }
      t.part('print').focus();
      const [enter] = type(['Enter'], 85, t.part('print'));
      expect(enter!.defaultPrevented).to.equal(false);
      await t.pass();
      expect(t.sends, `sends at ${depth}`).to.deep.equal([]);
      expect(t.told).to.deep.equal([]);
      expect(t.pad.value).to.equal('+12135550123');
      // What is meant for it arrives, from inside and from the page.
      type(['Backspace'], 85);
      type(['4'], 85, document.body);
      expect(t.pad.value).to.equal('+12135550124');
      document.body.append(t.pad);
      component.remove();
    }
  });

  it('is that of one of several in a page: the one that has the focus, or else the last one that can be seen', async () => {
    await start({ capture: 'document' });
    const hidden = document.body.appendChild(document.createElement('div'));
    const other = await till({ capture: 'document' });
    void other.pad.prompt('other');
    await t.pass();
    await other.pass();
    const shown = () => [t.digits(), other.digits()];
    type([...'21'], 85, document.body);
    expect(shown()).to.deep.equal(['', '21']);
    type(['3']);
    type(['4'], 85, other.part('display'));
    expect(shown()).to.deep.equal(['3', '214']);
    // In a tab of the page that is behind another.
    hidden.hidden = true;
    hidden.append(other.pad);
    type(['1'], 85, document.body);
    hidden.hidden = false;
    type(['5'], 85, document.body);
    expect(shown()).to.deep.equal(['31', '2145']);
    // Enter once more, while what it has sent is under way, does not send the other's.
    t.pad.value = '+12135550123';
    other.pad.value = '+13105550199';
    type(['Enter', 'Enter']);
    expect([t.sends.length, other.sends.length]).to.deep.equal([1, 0]);
    // Nor where nothing has the focus.
    type(['Enter'], 85, document.body);
    expect([t.sends.length, other.sends.length]).to.deep.equal([1, 0]);
    other.pad.close();
    t.settle.reject(new Error('no'));
    await t.pass();
    type(['Backspace'], 85, document.body);
    expect(t.digits()).to.equal('+1213555012');
    // One that takes keys only inside of it does not keep those of the page from it.
    other.pad.capture = '';
    void other.pad.prompt('inside');
    await other.pass();
    type(['3'], 85, document.body);
    expect(shown()).to.deep.equal(['+12135550123', '']);
    // Nor does one that has the focus and has ended.
    other.pad.value = '+13105550199';
    other.part('send').click();
    other.settle.resolve();
    await other.pass();
    expect(other.pad.state).to.equal('sent');
    type(['Backspace'], 85, other.part('display'));
    expect(t.digits()).to.equal('+1213555012');
    other.remove();
    hidden.remove();
  });

  it('is heard by the page as well: by its hotkeys as taken, by its scanner to the last digit', async () => {
    await start();
    const heard: string[] = [];
    const hotkeys = ({ key, defaultPrevented }: KeyboardEvent) => heard.push(key + (defaultPrevented ? '' : '!'));
    document.addEventListener('keydown', hotkeys);
    try {
      type([...'5+', 'Backspace', ...'x#:', 'F2', 'Tab', ' ', 'Enter']);
      [...'96385074', 'Enter'].forEach((key, index) => t.keyDown(key, { gap: index ? 10 : 500 }));
      type(['Escape']);
    } finally {
      document.removeEventListener('keydown', hotkeys);
    }
    const left = ['x!', '#!', ':!', 'F2!', 'Tab!'];
    expect(heard).to.deep.equal(['5', '+', 'Backspace', ...left, ' ', 'Enter', ...'96385074', 'Enter', 'Escape']);
    expect(t.told.map(({ reason }) => reason)).to.deep.equal(['declined']);
  });

  it('is not heard in the key at which the page asks: a hotkey is no digit, and no early Send', async () => {
    for (const key of ['5', '+', 'Enter', 'Escape']) {
      t = await till({ capture: 'document' });
      const ask = () => void t.pad.prompt('order');
      document.body.addEventListener('keydown', ask, { once: true });
      type([key], 85, document.body);
      await t.pass();
      expect([t.pad.state, t.digits(), t.part('error').textContent], key).to.deep.equal(['asking', '', '']);
      // The next one is.
      type(['5'], 85, document.body);
      expect(t.digits(), key).to.equal('5');
      t.remove();
    }
  });

  it('takes no digit from a scanner, and sends nothing', async () => {
    await start();
    t.tap('2135550123');
    await t.pass(200);
    type(['9'], 100);
    type(['Backspace'], 100);
    // One that ends with Tab would take the focus along, and the next digits with it.
    for (const [code, end] of [
      ['96385074', 'Enter'],
      ['4006381333931', 'Tab'],
      ['036000291452', 'Enter'],
    ] as const) {
      const keys = [...code, end].map((key, index) => t.keyDown(key, { gap: index ? 10 : 500 }));
      expect(t.digits(), code).to.equal('2135550123');
      expect(keys.pop()!.defaultPrevented, code).to.equal(true);
    }
    expect(t.sends).to.deep.equal([]);
  });

  it('goes on after the country was chosen, and after ×: neither digits nor Enter go elsewhere', async () => {
    await start({ countries: 'US CA' });
    const country = t.part('country') as HTMLSelectElement;
    country.focus();
    country.value = 'CA';
    country.dispatchEvent(new Event('change', { bubbles: true }));
    type([...'20423456781', 'Backspace'], 85, country);
    expect(t.pad.value).to.equal('+12042345678');
    const [enter, escape] = type(['Enter', 'Escape'], 85, country);
    expect([enter!.defaultPrevented, escape!.defaultPrevented, t.told.length]).to.deep.equal([false, false, 0]);
    t.key('clear').focus();
    t.key('clear').click();
    const focused = t.pad.shadowRoot!.activeElement!;
    type([...'2042345678', 'Enter'], 85, focused);
    expect(t.sends.length).to.equal(1);
  });

  it('keys a number with spaces in it without scrolling the page, and presses buttons with them', async () => {
    await start();
    const blanks = type([...'213 555 0123']).filter(({ key }) => key === ' ');
    expect(t.pad.value).to.equal('+12135550123');
    expect(blanks.map(({ defaultPrevented }) => defaultPrevented)).to.deep.equal([true, true]);
    for (const name of ['print', 'send', 'key-1']) {
      const [space] = type([' '], 200, t.part(name));
      expect(space!.defaultPrevented, name).to.equal(false);
    }
  });

  it('pastes', async () => {
    await start();
    // Taken, as the page hears.
    expect(t.paste('Phone: +1 (213) 555-0123\r\n')).to.equal(false);
    expect(t.pad.value).to.equal('+12135550123');
    // A picture is no number.
    expect(t.paste('')).to.equal(true);
    expect(t.pad.value).to.equal('+12135550123');
    t.paste('213-555-0123 ext. 9');
    expect(t.pad.value).to.equal('');
    expect(t.pad.reason).to.equal('extension');
    t.paste('213-555-0123 / 310-555-0199');
    expect(t.pad.reason).to.equal('ambiguous');
    t.part('send').click();
    expect(t.sends).to.deep.equal([]);
    t.tap('2');
    expect(t.pad.reason).to.equal('too-short');
  });
});
