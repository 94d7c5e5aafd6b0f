import { expect } from '@open-wc/testing';
import 'axe-core/axe.min.js';
import type Axe from 'axe-core';
import { correction, generate } from 'lean-qr/nano';
import { until } from '../support/until.js';
import { cancelled, finished, pending, pendingStage, refusal, settle, stage, type Stage } from './support.js';
import { en } from '../../src/shared/messages/en.js';

const { axe } = window as unknown as { axe: typeof Axe };

/** Stands in for `window.open` while `work` runs. */
async function withOpen(open: typeof window.open, work: () => Promise<void>): Promise<void> {
  const real = window.open;
  window.open = open;
  try {
    await work();
  } finally {
    window.open = real;
  }
}

describe('<rulrr-connect>: other ways', () => {
  it('opens the same session in another window with one click, and believes only the proxy', async () => {
    const { element, proxy, part, pass, events } = await pendingStage();
    let opened: unknown[] = [];
    // As under COOP: closed at once, though it is open.
    const handle = { closed: true, opener: window, close: () => undefined, focus: () => undefined };
    await withOpen(
      (...args) => {
        opened = args;
        return handle as unknown as Window;
      },
      async () => {
        part('open-window')!.click();
        expect(opened).to.deep.equal([proxy.connectUrl, '_blank']);
        expect(handle.opener as unknown).to.equal(null);
        await pass(30_000);
        expect(element.state).to.equal('pending');
        expect(part('status')!.textContent).to.contain('other window');
        proxy.status = finished();
        await pass(3000);
        expect(events).to.deep.equal(['connect-started', 'connect-finished']);
      },
    );
  });

  const blocked: [string, typeof window.open | null][] = [
    ['are blocked', () => null],
    [
      'are forbidden with an error',
      () => {
        throw new DOMException('', 'SecurityError');
      },
    ],
    ['were taken away from the page', null],
  ];
  for (const [what, open] of blocked) {
    it(`offers a plain link where windows ${what}`, async () => {
      const { proxy, part, pass, details } = await pendingStage();
      await withOpen(open as typeof window.open, async () => {
        part('open-window')!.click();
        await pass();
      });
      expect(details[1]).to.deep.equal({ code: 'popup-blocked' });
      const link = part('open-window') as HTMLAnchorElement;
      expect([link.localName, link.href, link.target, link.rel]).to.deep.equal([
        'a',
        proxy.connectUrl,
        '_blank',
        'noopener',
      ]);
      // The words name a link: it is to be told from the button that it stands in for.
      expect(getComputedStyle(link).textDecorationLine).to.equal('underline');
    });
  }

  it('opens another window with each click, which is the page’s to close no more', async () => {
    const { element, proxy, part, pass } = await pendingStage();
    const told: string[] = [];
    let opened = 0;
    await withOpen(
      () => {
        opened += 1;
        const handle = {
          closed: false,
          opener: window,
          close: () => told.push('close'),
          focus: () => told.push('focus'),
        };
        return handle as unknown as Window;
      },
      async () => {
        part('open-window')!.click();
        await pass();
        part('open-window')!.click();
        await pass();
        proxy.status = finished();
        await pass(3000);
      },
    );
    expect([element.state, opened, ...told]).to.deep.equal(['finished', 2]);
    void element.start();
    proxy.status = pending();
    await pass();
    expect(part('status')!.textContent).to.not.contain('other window');
  });

  it('keeps the link beside the way to load the frame anew', async () => {
    const { part, pass, details } = await pendingStage((_, proxy) => (proxy.page = '/hang'));
    const link = (): string => part('open-window')!.localName;
    await withOpen(
      () => null,
      async () => {
        part('open-window')!.click();
        await pass(10_000);
      },
    );
    expect(details.slice(1)).to.deep.equal([{ code: 'popup-blocked' }, { code: 'slow' }]);
    expect([link(), part('retry') === null]).to.deep.equal(['a', false]);
    part('retry')!.click();
    await pass();
    expect([link(), part('retry') === null]).to.deep.equal(['a', true]);
  });

  it('draws a QR code of the connect page, and puts it away', async () => {
    const { proxy, part, pass } = await pendingStage();
    expect(part('phone')!.getAttribute('aria-expanded')).to.equal('false');
    part('phone')!.click();
    await until(() => part('qr'));
    const qr = part('qr')!;
    expect(qr.getAttribute('role')).to.equal('img');
    expect(qr.getAttribute('aria-label')).to.equal(en.connect.phone);
    const code = generate(proxy.connectUrl, { minCorrectionLevel: correction.M });
    let dark = '';
    for (let y = 0; y < code.size; y++) {
      for (let x = 0; x < code.size; x++) if (code.get(x, y)) dark += `M${x + 4} ${y + 4}h1v1h-1z`;
    }
    expect(qr.querySelectorAll('path')[1]!.getAttribute('d')).to.equal(dark);
    expect(qr.getAttribute('viewBox')).to.equal(`0 0 ${code.size + 8} ${code.size + 8}`);
    expect(part('phone')!.getAttribute('aria-expanded')).to.equal('true');
    part('phone')!.click();
    await pass();
    expect(part('qr') === null).to.equal(true);
  });

  it('begins each session without what was in the way of the last one, and without its QR code', async () => {
    const { element, proxy, part, pass } = await pendingStage((_, asked) => (asked.page = '/hang'));
    await withOpen(
      () => null,
      async () => part('open-window')!.click(),
    );
    part('phone')!.click();
    await until(() => part('qr') !== null);
    await pass(10_000);
    expect([part('open-window')!.localName, part('retry') === null]).to.deep.equal(['a', false]);
    element.cancel();
    await pass();
    proxy.page = '/';
    void element.start();
    await pass();
    const { localName } = part('open-window')!;
    // The code of a session that is over leads nowhere.
    expect([part('qr') === null, localName, part('retry') === null]).to.deep.equal([true, 'button', true]);
    expect(part('status')!.textContent!.trim()).to.equal(en.connect.pending);
  });

  it('is a modal dialog if asked, and gives the focus back without scrolling', async () => {
    const filler = document.createElement('div');
    filler.style.height = '3000px';
    const opener = document.createElement('button');
    document.body.append(opener, filler);
    opener.focus({ preventScroll: true });
    const { element, proxy, part, pass } = await stage((el) => (el.presentation = 'dialog'));
    const scroll = [window.scrollX, window.scrollY];
    void element.start();
    await pass();
    const dialog = part('dialog') as HTMLDialogElement;
    expect(dialog.open).to.equal(true);
    expect(dialog.matches(':modal')).to.equal(true);
    // Not a button in it, that Enter would press if it is still held, nor a part of it that has no name.
    expect(element.shadowRoot!.activeElement === dialog).to.equal(true);
    expect(dialog.getAttribute('aria-label')).to.equal('Connect to Rulrr');
    expect(dialog.contains(part('frame'))).to.equal(true);
    expect(element.shadowRoot!.querySelectorAll('[role="status"]').length).to.equal(1);
    // Behind it, nothing of the page moves.
    expect(part('button')!.getClientRects().length).to.equal(1);
    // Keys are for what is in it; only Escape is its own.
    for (const key of ['Tab', 'Enter', 'a']) {
      const press = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true });
      expect([part('cancel')!.dispatchEvent(press), element.state], key).to.deep.equal([true, 'pending']);
    }
    await pass();
    expect(element.state).to.equal('pending');
    // A tap beside it leaves the focus nowhere.
    (element.shadowRoot!.activeElement as HTMLElement).blur();
    proxy.queue = [cancelled];
    await pass(3000);
    await settle(element);
    expect(part('dialog') === null).to.equal(true);
    expect(document.activeElement === opener).to.equal(true);
    expect([window.scrollX, window.scrollY]).to.deep.equal(scroll);

    void element.start();
    await pass();
    part('dialog')!.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true, cancelable: true }));
    await pass();
    expect(element.state).to.equal('cancelled');
    opener.remove();
    filler.remove();
  });

  it('comes up with the view that it is in, and not with Cancel under the Enter that has brought that', async () => {
    const { element, part, pass } = await stage((el) => (el.presentation = 'dialog'));
    const view = element.parentElement!;
    view.style.display = 'none';
    void element.start();
    await pass();
    const over = () => element.shadowRoot!.querySelector('dialog:modal');
    await until(() => part('dialog') && !over());
    view.style.display = '';
    await until(over);
    const focused = element.shadowRoot!.activeElement!;
    expect([focused.localName === 'button', focused.getAttribute('aria-label')]).to.deep.equal([
      false,
      'Connect to Rulrr',
    ]);
  });

  it('is given up with the system’s way back, and where the browser closes it', async () => {
    for (const close of [
      (dialog: HTMLDialogElement) => dialog.dispatchEvent(new Event('cancel', { cancelable: true })),
      (dialog: HTMLDialogElement) => dialog.close(),
    ]) {
      const { element, events, part, pass } = await pendingStage((el) => (el.presentation = 'dialog'));
      close(part('dialog') as HTMLDialogElement);
      await until(() => element.state !== 'pending', pass);
      expect(events, String(close)).to.deep.equal(['connect-started', 'connect-cancelled']);
    }
  });

  it('keeps the focus where what has started it cannot have it back: a menu that has closed, or a button that is put to rest meanwhile', async () => {
    for (const name of ['hidden', 'disabled'] as const) {
      const opener = document.createElement('button');
      document.body.append(opener);
      const { element, part, pass } = await stage((el) => (el.presentation = 'dialog'));
      opener.focus();
      void element.start();
      await pass();
      opener[name] = true;
      element.cancel();
      await pass();
      await settle(element);
      expect([element.state, element.shadowRoot!.activeElement === part('button')]).to.deep.equal(['cancelled', true]);
      opener.remove();
    }
  });

  for (const [place, mode] of [
    ['inside of a component that is closed to the page', 'closed'],
    ['outside of the component that it is in', 'open'],
  ] as const) {
    it(`gives the focus back to what has started it ${place}`, async () => {
      const host = document.createElement('div');
      const root = host.attachShadow({ mode });
      const opener = document.createElement('button');
      document.body.append(host);
      const within = mode === 'closed' ? root : document;
      (within === document ? document.body : root).append(opener);
      const { element, proxy, part, pass } = await stage((el) => (el.presentation = 'dialog'));
      root.append(element);
      await pass();
      opener.focus();
      void element.start();
      await pass();
      expect(part('dialog')!.matches(':modal')).to.equal(true);
      proxy.status = cancelled;
      await pass(3000);
      await settle(element);
      expect(within.activeElement === opener).to.equal(true);
      host.remove();
      opener.remove();
    });
  }

  it('gives the focus back to what has started it inside of another component', async () => {
    const host = document.createElement('div');
    const opener = document.createElement('button');
    host.attachShadow({ mode: 'open' }).append(opener);
    document.body.append(host);
    const { element, proxy, pass } = await stage((el) => (el.presentation = 'dialog'));
    opener.focus();
    void element.start();
    await pass();
    proxy.status = cancelled;
    await pass(3000);
    await settle(element);
    expect(host.shadowRoot!.activeElement === opener).to.equal(true);
    host.remove();
  });

  it('is a dialog that can be pressed and seen in a place that the page has put to rest meanwhile', async () => {
    const it = await stage((el) => (el.presentation = 'dialog'));
    it.element.parentElement!.style.cssText = 'pointer-events: none; visibility: hidden';
    void it.element.start();
    await it.pass();
    const { left, top } = it.part('cancel')!.getBoundingClientRect();
    expect(it.element.shadowRoot!.elementFromPoint(left + 9, top + 9) === it.part('cancel')).to.equal(true);
    it.element.cancel();
    await it.pass();
  });

  for (const tag of ['div', 'dialog', 'details'] as const) {
    it(`as a dialog leaves the page to the operator while the ${tag} around it does not show, and goes on when it does`, async () => {
      const place = document.createElement(tag);
      const show = (shown: boolean): void => {
        if (place instanceof HTMLDetailsElement) place.open = shown;
        else if (!(place instanceof HTMLDialogElement)) place.hidden = !shown;
        else if (shown) place.showModal();
        else place.close();
      };
      const sell = document.createElement('button');
      document.body.append(place, sell);
      if (tag === 'div') show(false);
      const canSell = (): boolean => {
        sell.focus();
        return document.activeElement === sell;
      };
      for (const before of [true, false]) {
        const { element, proxy, events, frame, part, pass } = await stage((el) => (el.presentation = 'dialog'));
        place.append(element.parentElement!);
        if (!before) show(true);
        void element.start();
        await pass();
        const page = frame();
        if (!before) show(false);
        await until(canSell);
        expect([canSell(), element.state]).to.deep.equal([true, 'pending']);
        show(true);
        const isModal = (): boolean => part('dialog')!.matches(':modal');
        await until(isModal);
        expect([isModal(), canSell(), element.state]).to.deep.equal([true, false, 'pending']);
        expect(frame() === page).to.equal(true);
        expect(part('cancel')!.getClientRects().length).to.equal(1);
        proxy.status = finished();
        await pass(3000);
        expect(events).to.deep.equal(['connect-started', 'connect-finished']);
        show(false);
      }
      place.remove();
      sell.remove();
    });
  }

  it('falls back to a box over the page where <dialog> is unknown', async () => {
    const { showModal } = HTMLDialogElement.prototype;
    // @ts-expect-error As in Safari before 15.4.
    HTMLDialogElement.prototype.showModal = undefined;
    try {
      const { element, part, pass } = await pendingStage((el) => (el.presentation = 'dialog'));
      const dialog = part('dialog')!;
      expect(dialog.getAttribute('role')).to.equal('dialog');
      expect(dialog.getAttribute('aria-modal')).to.equal('true');
      expect([getComputedStyle(dialog).position, dialog.getClientRects().length]).to.deep.equal(['fixed', 1]);
      expect(element.shadowRoot!.activeElement === dialog).to.equal(true);
      part('cancel')!.focus();
      part('cancel')!.dispatchEvent(new FocusEvent('focusin', { bubbles: true, composed: true }));
      expect(element.shadowRoot!.activeElement === part('cancel')).to.equal(true);
      const outside = document.createElement('button');
      document.body.append(outside);
      outside.focus();
      // A page in the background moves its focus without saying so.
      outside.dispatchEvent(new FocusEvent('focusin', { bubbles: true, composed: true }));
      await pass();
      expect(document.activeElement === element).to.equal(true);
      element.cancel();
      await pass();
      outside.focus();
      expect(document.activeElement === outside).to.equal(true);
      outside.remove();
    } finally {
      HTMLDialogElement.prototype.showModal = showModal;
    }
  });

  it('lets the focus go from button to button in that box inside of another component too', async () => {
    const { showModal } = HTMLDialogElement.prototype;
    // @ts-expect-error As in Safari before 15.4.
    HTMLDialogElement.prototype.showModal = undefined;
    try {
      const { element, part, pass } = await stage((el) => (el.presentation = 'dialog'));
      const component = document.createElement('div');
      element.replaceWith(component);
      component.attachShadow({ mode: 'closed' }).append(element);
      void element.start();
      await pass();
      const root = element.shadowRoot!;
      expect(root.activeElement === part('dialog')).to.equal(true);
      for (const name of ['cancel', 'phone']) {
        part(name)!.focus();
        part(name)!.dispatchEvent(new FocusEvent('focusin', { bubbles: true, composed: true }));
        expect(root.activeElement === part(name), name).to.equal(true);
      }
      element.cancel();
      await pass();
    } finally {
      HTMLDialogElement.prototype.showModal = showModal;
    }
  });

  it('is not given up by a double click on what begins it, where Cancel comes under the finger', async () => {
    const { element, proxy, events, part, pass } = await stage();
    const press = (name: string, detail: number): void =>
      void part(name)!.dispatchEvent(new MouseEvent('click', { bubbles: true, composed: true, detail }));
    press('button', 1);
    await pass();
    press('cancel', 2);
    await pass();
    expect([element.state, proxy.polls]).to.deep.equal(['pending', 0]);
    press('cancel', 1);
    await pass();
    expect(events).to.deep.equal(['connect-started', 'connect-cancelled']);
  });

  it('keeps the focus with the session, inline', async () => {
    const { element, part, pass } = await stage();
    part('button')!.focus();
    part('button')!.click();
    await pass();
    const panel = element.shadowRoot!.activeElement!;
    expect(panel.contains(part('frame'))).to.equal(true);
    // What has the focus tells a screen reader what it is; without a name, all of its text would be read out, that of the frame too.
    expect([panel.getAttribute('role'), panel.getAttribute('aria-label')]).to.deep.equal(['group', 'Connect to Rulrr']);
    part('cancel')!.focus();
    part('cancel')!.click();
    await pass();
    await settle(element);
    expect(element.shadowRoot!.activeElement === part('button')).to.equal(true);
  });

  it('leaves the focus where a clerk is typing when an inline session ends', async () => {
    const { element, proxy, part, pass } = await pendingStage();
    part('cancel')!.focus();
    const field = document.createElement('input');
    element.parentElement!.append(field);
    field.focus();
    proxy.status = finished();
    await pass(3000);
    await settle(element);
    expect([element.state, document.activeElement === field]).to.deep.equal(['finished', true]);
  });

  for (const presentation of ['inline', 'dialog'] as const) {
    it(`loses the focus with nothing that is pressed: ${presentation}`, async () => {
      const { element, proxy, part, pass } = await stage((el) => (el.presentation = presentation));
      const press = async (name: string): Promise<Element | null> => {
        part(name)!.focus();
        part(name)!.click();
        await pass();
        // Browsers look after the focus with the next frame.
        for (let frame = 0; frame < 2; frame++) await new Promise((resolve) => requestAnimationFrame(resolve));
        return element.shadowRoot!.activeElement;
      };
      expect((await press('button')) === null).to.equal(false);
      await withOpen(
        () => null,
        async () => {
          expect((await press('open-window')) === part('open-window')).to.equal(true);
        },
      );
      expect(part('open-window')!.localName).to.equal('a');
      proxy.status = { hang: true };
      expect((await press('cancel')) === part('cancel')).to.equal(true);
      await pass(3000);
      await settle(element);
      expect([element.state, element.shadowRoot!.activeElement === part('button')]).to.deep.equal(['cancelled', true]);
    });
  }

  it('keeps the focus where the way to load the frame anew was pressed', async () => {
    const { element, part, pass } = await pendingStage((_, proxy) => (proxy.page = '/hang'));
    await pass(10_000);
    part('retry')!.focus();
    part('retry')!.click();
    await pass();
    expect(part('retry') === null).to.equal(true);
    expect(element.shadowRoot!.activeElement === element.shadowRoot!.querySelector('.panel')).to.equal(true);
  });
});

describe('<rulrr-connect>: words and access', () => {
  it('speaks eight languages, from right to left where they do, and the page’s own words', async () => {
    for (const [lang, words] of [
      ['es-MX', 'Conectar'],
      ['fr', 'connecter'],
      ['de-AT', 'verbinden'],
      ['pt-BR', 'Conectar'],
      ['he', 'התחברות'],
      ['ar', 'الربط'],
      ['ja', '接続'],
      ['sv', 'Connect'],
      ['en', 'Connect'],
    ] as const) {
      const { element, part } = await stage((el) => el.setAttribute('lang', lang));
      await until(() => part('button')!.textContent!.includes(words));
      expect(getComputedStyle(part('button')!).direction).to.equal(lang === 'he' || lang === 'ar' ? 'rtl' : 'ltr');
      element.strings = { connect: 'Link the shop' };
      await element.updateComplete;
      expect(part('button')!.textContent).to.contain('Link the shop');
      // Whatever language it is, the page's words are in it.
      await element.updateComplete;
      expect(element.shadowRoot!.querySelector<HTMLElement>('[lang]')!.lang).to.equal(lang.slice(0, 2));
    }
  });

  it('speaks Hebrew also where the page says iw, as old Java systems do', async () => {
    for (const lang of ['iw', 'iw_IL', 'IW-il']) {
      const { element, part } = await stage((el) => el.setAttribute('lang', lang));
      await until(() => part('button')!.textContent!.includes('התחברות'));
      expect(getComputedStyle(part('button')!).direction).to.equal('rtl');
      expect(element.shadowRoot!.querySelector<HTMLElement>('[lang]')!.lang).to.equal('he');
    }
  });

  it('follows the language when it changes, the frame’s title and the name of the QR code with it', async () => {
    const { element, frame, part } = await pendingStage();
    part('phone')!.click();
    await until(() => part('qr') && part('qr')!.getAttribute('aria-label') === 'Continue on your phone');
    element.lang = 'de';
    await until(() => frame()!.title === 'Mit Rulrr verbinden');
    expect(part('qr')!.getAttribute('aria-label')).to.equal('Auf dem Telefon weitermachen');
  });

  it('wears what the page gives to its parts, and the shared tokens elsewhere', async () => {
    const given: [string, string, string, keyof CSSStyleDeclaration, string][] = [
      ['button-background', 'rgb(1, 2, 3)', 'button', 'backgroundColor', 'rgb(1, 2, 3)'],
      ['button-color', 'rgb(4, 5, 6)', 'button', 'color', 'rgb(4, 5, 6)'],
      ['button-radius', '7px', 'button', 'borderTopLeftRadius', '7px'],
      ['status-color', 'rgb(8, 9, 10)', 'status', 'color', 'rgb(8, 9, 10)'],
      ['panel-background', 'rgb(11, 12, 13)', 'panel', 'backgroundColor', 'rgb(11, 12, 13)'],
      ['panel-border', '3px dashed rgb(14, 15, 16)', 'panel', 'borderTopStyle', 'dashed'],
      ['panel-radius', '17px', 'panel', 'borderTopLeftRadius', '17px'],
    ];
    const shared: Record<string, string> = {
      accent: 'rgb(20, 21, 22)',
      'surface-raised': 'rgb(23, 24, 25)',
      radius: '26px',
    };
    const it = await stage((element) => {
      for (const [token, value] of Object.entries(shared)) element.style.setProperty('--rulrr-' + token, value);
    });
    const styleOf = (name: string): CSSStyleDeclaration =>
      getComputedStyle(it.element.shadowRoot!.querySelector(name === 'panel' ? '.panel' : `[part="${name}"]`)!);
    const worn = (panel: boolean): string[] =>
      given.filter(([, , name]) => panel === (name === 'panel')).map(([, , name, key]) => styleOf(name)[key] as string);
    const wanted = (panel: boolean): string[] =>
      given.filter(([, , name]) => panel === (name === 'panel')).map(([, , , , value]) => value);
    expect(styleOf('button').backgroundColor).to.equal(shared['accent']);
    expect(styleOf('button').borderTopLeftRadius).to.equal(shared['radius']);
    for (const [property, value] of given) it.element.style.setProperty('--rulrr-connect-' + property, value);
    expect(worn(false)).to.deep.equal(wanted(false));
    void it.element.start();
    await it.pass();
    expect(worn(true)).to.deep.equal(wanted(true));
    for (const [property] of given) it.element.style.removeProperty('--rulrr-connect-' + property);
    expect([styleOf('panel').backgroundColor, styleOf('panel').borderTopLeftRadius]).to.deep.equal([
      shared['surface-raised'],
      shared['radius'],
    ]);
  });

  const states: [string, () => Promise<Stage>][] = [
    ['idle', () => stage()],
    ['connected', () => stage((_, proxy) => (proxy.connection = finishedConnection))],
    [
      'starting',
      async () => {
        const it = await stage((_, proxy) => (proxy.start = { hang: true }));
        void it.element.start();
        await it.pass();
        return it;
      },
    ],
    ['pending', () => pendingStage()],
    ['pending in a dialog', () => pendingStage((element) => (element.presentation = 'dialog'))],
    ['not embeddable', () => pendingStage((_, proxy) => (proxy.embeddable = false))],
    [
      'slow',
      async () => {
        const it = await pendingStage((_, proxy) => (proxy.page = '/hang'));
        await it.pass(10_000);
        return it;
      },
    ],
    [
      'the window blocked',
      async () => {
        const it = await pendingStage();
        await withOpen(
          () => null,
          async () => {
            it.part('open-window')!.click();
            await it.pass();
          },
        );
        return it;
      },
    ],
    [
      'with a QR code',
      async () => {
        const it = await pendingStage();
        it.part('phone')!.click();
        await until(() => it.part('qr'));
        return it;
      },
    ],
    [
      'without a connection',
      async () => {
        const it = await pendingStage((_, proxy) => (proxy.status = { fails: true }));
        for (let turn = 0; turn < 3; turn++) await it.pass(30_000);
        return it;
      },
    ],
    [
      'cancelling, in a dialog',
      async () => {
        const it = await pendingStage((element, proxy) => {
          element.presentation = 'dialog';
          proxy.status = { hang: true };
        });
        it.element.cancel();
        await it.pass();
        return it;
      },
    ],
    ['finished', () => ended(finished())],
    [
      'finished in a dialog',
      async () => {
        const it = await pendingStage((element) => (element.presentation = 'dialog'));
        it.proxy.status = finished();
        await it.pass(3000);
        return it;
      },
    ],
    ['cancelled', () => ended(cancelled)],
    ['expired', () => ended(refusal(410, 'expired'))],
    ['failed', () => ended(refusal(409, 'tokens_lost'))],
  ];
  const finishedConnection = { body: { connected: true, ereceipt: true, expiration: null } };
  async function ended(status: ReturnType<typeof finished>): Promise<Stage> {
    const it = await pendingStage((_, proxy) => (proxy.status = status));
    await it.pass(3000);
    return it;
  }

  const dark = {
    accent: '#6fd3bd',
    'on-accent': '#06231d',
    surface: '#17201e',
    'surface-raised': '#24302d',
    text: '#eef4f2',
    border: '#7d8c87',
    danger: '#ff9d92',
  };

  for (const [name, make] of states) {
    it(`has nothing for axe to find, one live region and large targets: ${name}`, async () => {
      const { element } = await make();
      const root = element.shadowRoot!;
      expect(root.querySelectorAll('[role="status"], [aria-live]').length).to.equal(1);
      for (const target of root.querySelectorAll('button, a')) {
        const { width, height } = target.getBoundingClientRect();
        expect(Math.min(width, height), target.textContent!).to.be.at.least(44);
      }
      for (const theme of ['light', 'dark']) {
        if (theme === 'dark') {
          element.parentElement!.style.background = dark.surface;
          for (const [token, value] of Object.entries(dark)) element.style.setProperty('--rulrr-' + token, value);
        }
        const { violations } = await axe.run(element, {
          iframes: false,
          preload: false,
          resultTypes: ['violations'],
          rules: { region: { enabled: false } },
        });
        expect(violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)])).to.deep.equal([]);
      }
    });
  }
});
