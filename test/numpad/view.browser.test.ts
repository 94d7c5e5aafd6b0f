import { expect } from '@open-wc/testing';
import { RulrrEreceiptNumpad } from '../../src/numpad/numpad-element.js';
import { until } from '../support/until.js';
import { askingTill, till, type Till } from './support.js';

describe('what is seen and heard', () => {
  let t: Till;
  const start = async (...options: Parameters<typeof till>) => (t = await askingTill(...options));
  afterEach(() => {
    t.remove();
    document.documentElement.lang = 'en';
  });

  it('is a dialog that can be pressed and seen in a place that the page has put to rest meanwhile', async () => {
    await start({ presentation: 'dialog' });
    const place = document.body.appendChild(document.createElement('div'));
    place.style.cssText = 'pointer-events: none; visibility: hidden';
    place.append(t.pad);
    await t.pass(10);
    const { left, top } = t.key('5').getBoundingClientRect();
    expect(t.pad.shadowRoot!.elementFromPoint(left + 9, top + 9) === t.key('5')).to.equal(true);
    place.remove();
  });

  it('as a dialog leaves the page to the clerk while the view around it does not show, and is over it again when it does', async () => {
    await start({ presentation: 'dialog' });
    const dialog = t.pad.shadowRoot!.querySelector('dialog')!;
    // What is below a modal dialog cannot be pressed; what has none over it can.
    const page = document.body.appendChild(document.createElement('button'));
    page.style.cssText = 'position: fixed; top: 0; left: 0';
    const modal = () => document.elementFromPoint(2, 2) !== page;
    for (const hide of ['display: none', 'content-visibility: hidden']) {
      const place = document.body.appendChild(document.createElement('div'));
      place.style.cssText = hide;
      place.append(t.pad);
      await t.pass(10);
      await until(() => !modal());
      expect(t.pad.state).to.equal('asking');
      place.style.cssText = '';
      await until(modal);
      place.style.cssText = hide;
      await until(() => !modal());
      document.body.append(t.pad);
      await t.pass(10);
      await until(modal);
      place.remove();
    }
    t.pad.close();
    await t.pass(10);
    expect(dialog.hasAttribute('open')).to.equal(false);
    expect(modal()).to.equal(false);
    page.remove();
  });

  for (const presentation of ['inline', 'dialog']) {
    it(`has nothing for axe to report in any state: ${presentation}`, async () => {
      document.documentElement.lang = 'en';
      document.title = 'till';
      await start({ presentation, countries: 'US CA', 'idle-timeout': '30' });
      const check = async (state: string) => {
        try {
          await expect(t.pad).to.be.accessible();
        } catch (error) {
          throw new Error(`${state}: ${(error as Error).message}`, { cause: error });
        }
      };
      await check('asking');
      t.tap('5555555555');
      await t.pass(200);
      await check('invalid');
      t.pad.clear();
      await t.pass(20_100);
      await check('idle warning');
      t.tap('2135550123');
      await t.pass(200);
      await check('complete');
      t.part('send').click();
      await t.pass();
      await check('sending');
      t.settle.reject(new Error('no'));
      await t.pass();
      await check('failed');
      t.part('send').click();
      t.settle.resolve();
      await t.pass();
      expect(t.pad.state).to.equal('sent');
      await check('sent');
    });
  }

  it('tells a screen reader what each key is, and once how things stand', async () => {
    await start({ 'idle-timeout': '60' });
    const root = t.pad.shadowRoot!;
    const display = t.part('display');
    /** What is read of an element. */
    const read = (element: Element): string => {
      if (element.getAttribute('aria-hidden') === 'true' || getComputedStyle(element).visibility === 'hidden')
        return '';
      const words = Array.from(element.childNodes, (node) =>
        node instanceof Element ? read(node) : node instanceof Text ? node.data.trim() : '',
      );
      return element.getAttribute('aria-label') || words.join('');
    };
    const heard = () => ({
      number: [
        display.getAttribute('aria-invalid'),
        root.getElementById(display.getAttribute('aria-describedby')!)!.textContent,
      ]
        .join(' ')
        .trim(),
      ways: ['print', 'send'].map(
        (name) => read(t.part(name)) + (t.part(name).ariaDisabled === 'true' ? ' (off)' : ''),
      ),
      notes: read(root.querySelector('.notes')!),
    });
    expect(display.tabIndex, 'can be reached by Tab').to.equal(0);
    expect([display.getAttribute('role'), read(display)]).to.deep.equal(['textbox', 'Phone number']);
    const pad = t.part('pad');
    expect([pad.getAttribute('role'), pad.getAttribute('aria-label')]).to.deep.equal(['group', 'Keypad']);
    expect(Array.from(root.querySelectorAll('[data-key]'), read)).to.deep.equal([
      'Clear',
      ...'123456789',
      'Plus',
      '0',
      'Delete',
    ]);
    expect(heard()).to.deep.equal({ number: 'false', ways: ['No, thanks', 'Send (off)'], notes: '' });
    t.tap('21355501234');
    await t.pass(1100);
    expect(heard()).to.deep.equal({
      number: 'true This number is too long.',
      ways: ['No, thanks', 'Send (off)'],
      // The number's own, and the live region.
      notes: 'This number is too long.This number is too long.',
    });
    t.tap('<');
    await t.pass(1100);
    expect(heard()).to.deep.equal({
      number: 'false',
      ways: ['No, thanks', 'Send'],
      notes: 'Is this number right? Then press Send.',
    });
    await t.pass(51_000);
    expect(heard().notes).to.equal('Your receipt prints in 10 s. Touch the screen to go on.');
    t.part('send').click();
    await t.pass(1100);
    expect(heard()).to.deep.equal({ number: 'false', ways: ['No, thanks (off)', 'Sending… (off)'], notes: 'Sending…' });
    t.settle.reject(new Error('no'));
    await t.pass(1100);
    // The number is as right as before.
    expect(heard().number).to.equal('false The text message was not sent. Try again, or print the receipt.');
    expect(heard().ways).to.deep.equal(['Print the receipt', 'Try again']);
    t.tap('<4');
    await t.pass(1100);
    expect(heard().ways).to.deep.equal(['Print the receipt', 'Send']);
    t.tap('<3');
    t.part('send').click();
    await t.pass();
    t.settle.resolve();
    await t.pass();
    expect([t.pad.state, heard().notes]).to.deep.equal(['sent', 'Sending…']);
    await t.pass(1000);
    expect(heard().notes).to.equal('Receipt sent to the number ending in 0123.');
  });

  it('says first what is wrong, and shows it then: of words that come together Orca hears but the first, and only in a live region', async () => {
    await start();
    t.tap('21355');
    await t.pass(1100);
    const written: Node[] = [];
    const observer = new MutationObserver((news) => written.push(...news.map(({ target }) => target)));
    observer.observe(t.pad.shadowRoot!, { childList: true, characterData: true, subtree: true });
    t.part('send').click();
    await t.pass();
    observer.disconnect();
    const news = written.filter(({ textContent }) => textContent === 'This number is too short.');
    expect(news.map((node) => t.part('status').contains(node))).to.deep.equal([true, false]);
  });

  it('opens over the page as a dialog, and is closed by Escape', async () => {
    await start({ presentation: 'dialog', countries: 'US CA' });
    const dialog = t.pad.shadowRoot!.querySelector('dialog')!;
    expect(dialog.matches(':modal')).to.equal(true);
    expect(t.pad.shadowRoot!.activeElement).to.equal(t.part('display'));
    dialog.dispatchEvent(new Event('cancel', { cancelable: true }));
    await t.pass();
    expect(t.told.map(({ reason }) => reason)).to.deep.equal(['declined']);
    await t.pass(10);
    expect(dialog.hasAttribute('open')).to.equal(false);
    // Also once the browser has told that nobody sees it any more.
    await new Promise((resolve) => new IntersectionObserver(resolve).observe(dialog));
    expect(dialog.hasAttribute('open')).to.equal(false);
    void t.pad.prompt('order-2');
    await t.pass();
    const closed = new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }));
    dialog.close();
    await closed;
    await t.pass(10);
    // Whoever closes it from outside has not answered for the customer.
    expect(dialog.hasAttribute('open')).to.equal(true);
    // Nor can Escape take it away while it sends.
    t.tap('2135550123');
    t.part('send').click();
    expect(dialog.dispatchEvent(new Event('cancel', { cancelable: true }))).to.equal(false);
    expect(t.pad.state).to.equal('sending');
  });

  it('works where there is no native dialog', async () => {
    const { showModal, close } = HTMLDialogElement.prototype;
    Object.assign(HTMLDialogElement.prototype, { showModal: undefined, close: undefined });
    try {
      await start({ presentation: 'dialog' });
      const dialog = t.pad.shadowRoot!.querySelector('dialog')!;
      expect(dialog.getAttribute('aria-modal')).to.equal('true');
      expect(getComputedStyle(dialog).position).to.equal('fixed');
      expect(t.pad.shadowRoot!.activeElement).to.equal(t.part('display'));
      t.pad.presentation = 'inline';
      await t.pass();
      // What is beside it in the page can be read again.
      expect(dialog.hasAttribute('aria-modal')).to.equal(false);
      t.pad.presentation = 'dialog';
      await t.pass();
      t.part('print').click();
      await t.pass(10);
      expect(getComputedStyle(dialog).display).to.equal('none');
    } finally {
      Object.assign(HTMLDialogElement.prototype, { showModal, close });
    }
  });

  it('has keys of 56 px by default and never under 44, also at 320 px and 200 %', async () => {
    await start();
    for (const key of t.pad.shadowRoot!.querySelectorAll('button')) {
      const { width, height } = key.getBoundingClientRect();
      expect(Math.min(width, height), key.outerHTML).to.be.at.least(56);
    }
    t.pad.style.setProperty('--rulrr-numpad-key-height', '10px');
    t.pad.style.width = '160px';
    t.tap('2135550123');
    await t.pass(200);
    for (const key of t.pad.shadowRoot!.querySelectorAll('button')) {
      const { width, height } = key.getBoundingClientRect();
      expect(Math.min(width, height), key.outerHTML).to.be.at.least(44);
    }
    const dialog = t.pad.shadowRoot!.querySelector('dialog')!;
    expect(dialog.scrollWidth).to.be.at.most(dialog.clientWidth);
  });

  it('shows all of a number, a long one too, in a narrow column of the page', async () => {
    await start();
    const cut: string[] = [];
    for (let width = 160; width <= 260; width += 5) {
      t.pad.style.width = `${width}px`;
      for (const number of ['2135550123', '+12135550123', '+4915123456789', '+628123456789012']) {
        t.pad.value = number;
        await t.pass();
        const { scrollHeight, clientHeight } = t.part('display');
        if (scrollHeight > clientHeight) cut.push(`${width} px: ${t.shown()}`);
      }
    }
    expect(cut).to.deep.equal([]);
  });

  it('shows all of a number that can be texted in a column of any width, also on a low screen', async () => {
    await start();
    const screen = document.body.appendChild(document.createElement('iframe'));
    const cut: string[] = [];
    for (const [height, narrowest] of [
      [768, 165],
      [480, 200],
    ] as const) {
      screen.style.cssText = `width: 800px; height: ${height}px`;
      screen.contentDocument!.body.append(t.pad);
      await t.pass();
      for (const number of ['2135550123', '+12135550123', '+4915123456789', '+5511961234567']) {
        t.pad.value = number;
        // The rules of the world come when they come.
        await until(() => t.pad.value);
        for (let width = narrowest; width <= 420; width += 3) {
          t.pad.style.width = `${width}px`;
          const { scrollHeight, clientHeight } = t.part('display');
          if (scrollHeight > clientHeight) cut.push(`${width} px, ${height} px high: ${t.shown()}`);
        }
      }
    }
    screen.remove();
    expect(cut).to.deep.equal([]);
  });

  it('shows the digit that was keyed last of a number that has no room', async () => {
    await start();
    t.pad.style.width = '300px';
    t.tap('+1234567890123456789');
    await t.pass(200);
    const display = t.part('display');
    expect(display.scrollHeight, 'it has no room').to.be.greaterThan(display.clientHeight);
    const digit = document.createRange();
    digit.setStart(display.firstChild!, t.shown().length - 1);
    digit.setEnd(display.firstChild!, t.shown().length);
    const [last, place] = [digit.getBoundingClientRect(), display.getBoundingClientRect()];
    expect(last.top, 'above').to.be.at.least(place.top - 1);
    expect(last.bottom, 'below').to.be.at.most(place.bottom + 1);
  });

  it('says at most one thing a second, politely', async () => {
    await start();
    const said: number[] = [];
    const observer = new MutationObserver(() => said.push(t.clock.now()));
    observer.observe(t.part('status'), { childList: true, characterData: true, subtree: true });
    for (let round = 0; round < 20; round++) {
      t.tap('2135550123');
      await t.pass(150);
      t.pad.clear();
      await t.pass(150);
    }
    await t.pass(2000);
    expect(t.part('status').getAttribute('role')).to.equal('status');
    expect(t.pad.shadowRoot!.querySelectorAll('[aria-live],[role=status],[role=alert]').length).to.equal(1);
    expect(said.length).to.be.greaterThan(2);
    for (let index = 1; index < said.length; index++) expect(said[index]! - said[index - 1]!).to.be.at.least(1000);
  });

  it('speaks eight languages, with digits from left to right in all of them', async () => {
    await start();
    const titles = new Set<string>();
    for (const language of ['en', 'es', 'fr', 'de', 'pt-BR', 'he', 'ar', 'ja']) {
      t.pad.setAttribute('lang', language);
      const title = () => t.pad.shadowRoot!.querySelector('#title')!.textContent;
      await until(() => !titles.has(title()));
      titles.add(title());
      expect(getComputedStyle(t.part('display')).direction).to.equal('ltr');
      expect(getComputedStyle(t.part('pad')).direction).to.equal('ltr');
      expect(getComputedStyle(t.part('status')).direction).to.equal(/he|ar/.test(language) ? 'rtl' : 'ltr');
    }
    expect(titles.size).to.equal(8);
    // As frameworks unset one.
    Object.assign(t.pad, { strings: { title: 'Receipt by text?', send: null, print: undefined } });
    await t.pass();
    expect(t.pad.shadowRoot!.querySelector('#title')!.textContent).to.equal('Receipt by text?');
    expect(t.part('send').textContent + t.part('print').textContent).not.to.match(/null|undefined/);
  });

  it('speaks the language of a page with words of its own, also to a screen reader, and names the countries in it', async () => {
    await start({ countries: 'US DE' }, { strings: { title: 'Wilt u de bon als sms?' } });
    const spoken = () => t.part('dialog').lang;
    const countries = () => [...(t.part('country') as HTMLSelectElement).options].map(({ text }) => text);
    for (const [tag, lang, name] of [
      ['nl', 'nl', 'Duitsland'],
      ['sv-SE', 'sv', 'Tyskland'],
      ['nl_BE', 'nl', 'Duitsland'],
      // In the script of the page's own words.
      ['zh-Hant-TW', 'zh-hant', '德國'],
      ['zh-CN', 'zh', '德国'],
      ['zh-TW', 'zh-tw', '德國'],
      ['sr-Latn-RS', 'sr-latn', 'Nemačka'],
      // No language that a browser knows.
      ['x-till', 'en', 'Germany'],
      ['nederlands', 'en', 'Germany'],
    ] as const) {
      t.pad.lang = tag;
      await until(() => spoken() === lang);
      await t.pass();
      expect(countries(), tag).to.deep.equal([countries()[0], name]);
    }
    for (const [tag, way] of [
      ['fa', 'rtl'],
      ['sv', 'ltr'],
      ['ur-Arab-PK', 'rtl'],
    ] as const) {
      t.pad.lang = tag;
      await until(() => getComputedStyle(t.part('dialog')).direction === way);
    }
    // The kit's own words are English.
    t.pad.strings = {};
    await until(() => spoken() === 'en');
  });

  it('follows the language of the page around it while it asks', async () => {
    await start();
    void t.pad.prompt('order');
    await t.pass();
    const page = document.documentElement;
    const { lang } = page;
    const no = () => t.part('print').textContent.trim();
    try {
      page.lang = 'es';
      await until(() => no() === 'No, gracias');
      page.lang = 'fr';
      await until(() => no() === 'Non, merci');
    } finally {
      page.lang = lang;
    }
    expect(t.pad.state).to.equal('asking');
  });

  it('follows the language of a component of the page that it is in', async () => {
    await start();
    const component = document.createElement('div');
    const inside = component.attachShadow({ mode: 'closed' }).appendChild(document.createElement('main'));
    document.body.append(component);
    inside.append(t.pad);
    await t.pass();
    const no = () => t.part('print').textContent.trim();
    inside.lang = 'es';
    await until(() => no() === 'No, gracias');
    inside.removeAttribute('lang');
    await until(() => no() === 'No, thanks');
    component.lang = 'fr';
    await until(() => no() === 'Non, merci');
    component.remove();
  });

  it('offers a choice of country where several are named', async () => {
    await start({ countries: 'US DE GB', 'default-country': 'DE' });
    const select = t.part('country') as HTMLSelectElement;
    expect([...select.options].map(({ value }) => value)).to.deep.equal(['US', 'DE', 'GB']);
    expect(select.value).to.equal('DE');
    t.tap('015123456789');
    await until(() => t.pad.value !== '');
    expect(t.pad.value).to.equal('+4915123456789');
    t.pad.clear();
    select.value = 'US';
    select.dispatchEvent(new Event('change'));
    t.tap('2135550123');
    expect(t.pad.value).to.equal('+12135550123');
    t.pad.clear();
    t.tap('+33612345678');
    expect(t.pad.reason).to.equal('country');
    t.pad.countries = 'US';
    await t.pass();
    expect(t.part('country')).to.equal(null);
  });
});

describe('in a form', () => {
  it('has the number as its value, and is valid with it', async () => {
    const form = document.createElement('form');
    document.body.append(form);
    const t = await till({ name: 'phone' });
    form.append(t.pad);
    await t.pass(10);
    void t.pad.prompt('order');
    t.tap('213');
    await t.pass(200);
    expect(new FormData(form).get('phone')).to.equal(null);
    expect(form.checkValidity()).to.equal(false);
    t.tap('5550123');
    await t.pass(200);
    expect(new FormData(form).get('phone')).to.equal('+12135550123');
    expect(form.checkValidity()).to.equal(true);
    form.reset();
    await t.pass();
    expect(t.shown()).to.equal('');
    expect(form.checkValidity()).to.equal(true);
    form.remove();
  });

  it('tells of the number also where the page has no words for what is wrong with it', async () => {
    const t = await till({ name: 'phone' }, { strings: { 'too-short': '' } });
    void t.pad.prompt('order');
    t.tap('213');
    await t.pass(200);
    expect(t.shown()).to.equal('(213)');
    expect(t.inputs).to.deep.equal(['']);
    expect(t.pad.matches(':invalid')).to.equal(true);
    t.remove();
  });

  it('has a hidden input where ElementInternals are missing, or are not for forms (Firefox 93 to 97)', async () => {
    for (const missing of [true, false]) {
      class Old extends RulrrEreceiptNumpad {
        static override formAssociated = false;
      }
      if (missing) Object.defineProperty(Old.prototype, 'attachInternals', { value: undefined });
      const tag = missing ? 'old-numpad' : 'younger-numpad';
      customElements.define(tag, Old);
      const form = document.createElement('form');
      const pad = document.createElement(tag) as Old;
      pad.name = 'phone';
      pad.send = () => new Promise(() => undefined);
      form.append(pad);
      document.body.append(form);
      await pad.updateComplete;
      void pad.prompt('order');
      pad.value = '+12135550123';
      expect(new FormData(form).getAll('phone')).to.deep.equal(['+12135550123']);
      // Moved, it still has one.
      form.append(pad);
      pad.value = '+13105550199';
      expect(new FormData(form).getAll('phone')).to.deep.equal(['+13105550199']);
      pad.close();
      expect(new FormData(form).get('phone')).to.equal(null);
      form.remove();
    }
  });
});
