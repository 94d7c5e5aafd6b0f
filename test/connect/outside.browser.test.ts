// What a page and its framework may do to the element, by its public names alone.
import { expect } from '@open-wc/testing';
import { finished, pending, pendingStage, refusal, ScriptedProxy, stage, type Stage } from './support.js';

type Loose = Record<string, unknown>;

/** Stands in for the page's own `fetch` while `work` runs. */
async function withFetch(work: (proxy: ScriptedProxy, asked: string[]) => Promise<void>): Promise<void> {
  const real = window.fetch;
  const proxy = new ScriptedProxy();
  const asked: string[] = [];
  window.fetch = function (this: unknown, input: string, init?: RequestInit) {
    // As a browser's: it is called by itself or by the window.
    if (this !== undefined && this !== window) throw new TypeError('Illegal invocation');
    asked.push(`${init!.method} ${input}`);
    return proxy.fetch(input, init);
  } as typeof window.fetch;
  try {
    await work(proxy, asked);
  } finally {
    window.fetch = real;
  }
}

async function startedWith(set: (element: HTMLElement & Loose) => void): Promise<Stage> {
  const it = await stage((element) => set(element as unknown as HTMLElement & Loose));
  await it.pass();
  void it.element.start();
  await it.pass();
  return it;
}

describe('<rulrr-connect>: a page that', () => {
  for (const unset of [undefined, null]) {
    it(`unsets its fetch and the address of its proxy by ${unset} has the usual ones`, () =>
      withFetch(async (proxy, asked) => {
        const it = await startedWith((element) => Object.assign(element, { fetch: unset, proxyUrl: unset }));
        expect(it.element.state).to.equal('pending');
        expect(asked).to.deep.equal(['GET /rulrr/connection', 'POST /rulrr/integrations']);
        proxy.status = finished();
        await it.pass(3000);
        expect(it.events).to.deep.equal(['connect-started', 'connect-finished']);
        expect(asked[2]).to.equal(`GET /rulrr/integrations/${proxy.name}-1`);
      }));
  }

  it('is signed in is asked as who it is, and nothing comes from what a browser remembers', async () => {
    const asked: string[] = [];
    const it = await startedWith((element) => {
      const { fetch } = element as unknown as { fetch: ScriptedProxy['fetch'] };
      element['fetch'] = (input: string, init: RequestInit) => {
        asked.push(`${init.method} ${init.credentials} ${init.cache}`);
        return fetch(input, init);
      };
    });
    await it.pass(3000);
    expect(asked).to.deep.equal(['GET', 'POST', 'GET'].map((method) => `${method} same-origin no-store`));
  });

  it('answers from a fetch of its own with no more than it has to is told what the proxy refused', async () => {
    const bare = (status: number, code: string) => ({ ok: false, status, text: async () => JSON.stringify({ code }) });
    const starting = await startedWith((element) => (element['fetch'] = async () => bare(403, 'forbidden_origin')));
    expect(starting.details).to.have.lengthOf(1);
    expect((starting.details[0] as { code: string }).code).to.equal('forbidden_origin');
    const polled = await startedWith((element) => {
      const { fetch } = element as unknown as { fetch: ScriptedProxy['fetch'] };
      element['fetch'] = (input: string, init: RequestInit) =>
        /integrations\/./.test(input) ? Promise.resolve(bare(409, 'tokens_lost')) : fetch(input, init);
    });
    await polled.pass(3000);
    expect(polled.events).to.deep.equal(['connect-started', 'connect-failed']);
    expect((polled.details[1] as { code: string }).code).to.equal('tokens_lost');
    const asJson = { ok: false, status: 403, json: async () => ({ code: 'forbidden_origin' }) };
    const parsed = await startedWith((element) => (element['fetch'] = async () => asJson));
    expect((parsed.details[0] as { code: string }).code).to.equal('forbidden_origin');
    const plain = { ...asJson, headers: { 'retry-after': '3' } };
    const listed = await startedWith((element) => (element['fetch'] = async () => plain));
    expect((listed.details[0] as { code: string }).code).to.equal('forbidden_origin');
  });

  it('takes the attribute away has the usual proxy, and a blank one is the root', async () => {
    for (const [set, path] of [
      [(element: HTMLElement) => element.setAttribute('proxy-url', '/x'), '/x/connection'],
      [
        (element: HTMLElement) => {
          element.setAttribute('proxy-url', '/x');
          element.removeAttribute('proxy-url');
        },
        '/rulrr/connection',
      ],
      [(element: HTMLElement) => element.setAttribute('proxy-url', ''), '/connection'],
    ] as const) {
      const asked: string[] = [];
      await stage((element, proxy) => {
        set(element);
        element.fetch = (input, init) => {
          asked.push(input);
          return proxy.fetch('/rulrr' + input.slice(input.lastIndexOf('/')), init);
        };
      });
      expect(asked).to.deep.equal([path]);
    }
  });

  it('forbids storage connects all the same', async () => {
    const own = Object.getOwnPropertyDescriptor(window, 'sessionStorage')!;
    Object.defineProperty(window, 'sessionStorage', {
      configurable: true,
      get: () => {
        throw new DOMException('', 'SecurityError');
      },
    });
    try {
      const it = await startedWith(() => undefined);
      expect(it.element.state).to.equal('pending');
      it.proxy.status = finished();
      await it.pass(3000);
      expect(it.events).to.deep.equal(['connect-started', 'connect-finished']);
    } finally {
      Object.defineProperty(window, 'sessionStorage', own);
    }
  });

  it('cancels as soon as it hears of a start has it cancelled for good', async () => {
    const it = await stage();
    it.element.addEventListener('connect-started', () => it.element.cancel(), { once: true });
    void it.element.start();
    await it.pass();
    await it.pass();
    expect(it.element.state).to.equal('cancelled');
    expect(sessionStorage.length).to.equal(0);
    const calls = it.proxy.calls.length;
    await it.pass(60_000);
    expect([it.proxy.calls.length, it.clock.pending]).to.deep.equal([calls, 0]);
    expect(it.events).to.deep.equal(['connect-started', 'connect-cancelled']);
  });

  it('gives properties what is no value for them harms nothing', async () => {
    const it = await pendingStage();
    const element = it.element as unknown as Loose;
    for (const junk of [null, undefined, {}, [], 'x', -1, NaN, true, () => {}]) {
      Object.assign(element, { strings: junk, presentation: junk, timeout: junk, autostart: junk });
      await it.pass(10);
      expect(it.element.state, String(junk)).to.equal('pending');
      expect(it.part('cancel')!.textContent).to.contain('Cancel');
    }
    element['strings'] = { cancel: null, retry: 7 };
    await it.pass();
    expect(it.part('cancel')!.textContent!.trim()).to.equal('Cancel');
    expect(() => ((it.element as unknown as Loose)['state'] = 'finished')).to.throw(TypeError);
    it.proxy.status = finished();
    await it.pass(3000);
    expect(it.events).to.deep.equal(['connect-started', 'connect-finished']);
  });

  it('leaves words unset has the usual ones, after a failure too', async () => {
    for (const [unset, words] of [
      [undefined, 'Could not connect (upstream_error).'],
      [null, 'Could not connect (upstream_error).'],
      [7, '7'],
    ] as const) {
      const it = await stage((element, proxy) => {
        Object.assign(element, { strings: { failed: unset, retry: unset } });
        proxy.start = refusal(502, 'upstream_error');
      });
      void it.element.start();
      await it.pass();
      expect(it.part('status')!.textContent!.trim()).to.equal(words);
      expect(it.part('retry')!.textContent!.trim()).to.equal(unset ? '7' : 'Try again');
    }
  });

  it('has a proxy that changes its mind about the connect page keeps the first one', async () => {
    const it = await pendingStage();
    const frame = it.frame();
    const opened: unknown[] = [];
    const { open } = window;
    window.open = (url) => (opened.push(url), null);
    for (const connectUrl of ['javascript:alert(1)', 'https://elsewhere.example/', '', null]) {
      it.proxy.status = pending({ connectUrl });
      await it.pass(3000);
      expect([it.frame() === frame, it.frame()!.src]).to.deep.equal([true, it.proxy.connectUrl]);
    }
    it.part('open-window')!.click();
    window.open = open;
    await it.pass();
    expect([...opened, (it.part('open-window') as HTMLAnchorElement).href]).to.deep.equal(
      Array(2).fill(it.proxy.connectUrl),
    );
  });

  it('is put away and shown again by the browser goes on with one request', async () => {
    const it = await pendingStage();
    window.dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }));
    await it.pass();
    expect([it.proxy.polls, it.element.state]).to.deep.equal([0, 'pending']);
    window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));
    await it.pass();
    expect([it.proxy.polls, it.proxy.count('POST', '/')]).to.deep.equal([1, 1]);
  });

  it('moves it through a closed shadow root and another document goes on with the session', async () => {
    const it = await pendingStage();
    const host = document.createElement('div');
    const shadow = host.attachShadow({ mode: 'closed' });
    const other = document.createElement('iframe');
    document.body.append(host, other);
    const places = [shadow, other.contentDocument!.body, document.body];
    for (const place of places) {
      place.append(it.element);
      await it.pass();
      await it.pass();
      expect(it.element.state).to.equal('pending');
      expect(it.frame()!.src).to.equal(it.proxy.connectUrl);
    }
    expect(it.proxy.count('POST', '/')).to.equal(1);
    it.proxy.status = finished();
    await it.pass(3000);
    expect(it.events).to.deep.equal(['connect-started', 'connect-finished']);
    for (const node of [it.element, host, other]) node.remove();
    await it.pass();
    expect(it.clock.pending).to.equal(0);
  });

  for (const presentation of ['inline', 'dialog'] as const) {
    it(`starts it in another document has a session there, and a styled one back here: ${presentation}`, async () => {
      const it = await stage((element) => (element.presentation = presentation));
      // Drawn anew with all that a session brings.
      it.element.strings = { connect: 'Link' };
      await it.pass();
      const other = document.createElement('iframe');
      document.body.append(other);
      other.contentDocument!.body.append(it.element);
      await it.pass();
      void it.element.start();
      await it.pass();
      await it.pass();
      expect([it.element.state, it.frame()!.src]).to.deep.equal(['pending', it.proxy.connectUrl]);
      if (presentation === 'dialog') expect((it.part('dialog') as HTMLDialogElement).matches(':modal')).to.equal(true);
      document.body.append(it.element);
      await it.pass();
      expect(getComputedStyle(it.element.shadowRoot!.querySelector('.panel')!).paddingTop).to.equal('8px');
      expect(getComputedStyle(it.part('cancel')!).minHeight).to.equal('48px');
      it.proxy.status = finished();
      await it.pass(3000);
      expect(it.events).to.deep.equal(['connect-started', 'connect-finished']);
      it.element.remove();
      other.remove();
    });
  }
});
