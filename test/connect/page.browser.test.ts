import { expect } from '@open-wc/testing';
import { until } from '../support/until.js';
import {
  cancelled,
  finished,
  pendingStage,
  refusal,
  setHidden,
  stage,
  terminal,
  type Reply,
  type Stage,
} from './support.js';
import type { RulrrConnect } from '../../src/connect/connect-element.js';

const visible = ({ part }: Stage): string => part('status')!.textContent!.trim();

describe('<rulrr-connect>: as a page uses it', () => {
  it('says how it went after the operator gave up', async () => {
    const it = await pendingStage();
    it.element.cancel();
    await it.pass();
    expect(visible(it)).to.equal('Connecting was cancelled.');
    expect(it.part('error') === null).to.equal(true);
    expect(it.part('button')!.textContent).to.contain('Connect to Rulrr');
  });

  it('resolves start() with each end, and reflects each state', async () => {
    const cases: [Reply, object, string][] = [
      [finished(), { type: 'finished', ereceipt: true, expiration: '2027-01-01T00:00:00Z' }, 'finished'],
      [{ body: { status: 'cancelled' } }, { type: 'cancelled', by: 'merchant' }, 'cancelled'],
      [refusal(410, 'expired'), { type: 'expired' }, 'expired'],
    ];
    for (const [reply, outcome, state] of cases) {
      const { element, proxy, events, pass } = await stage();
      const seen: string[] = [];
      const observer = new MutationObserver(() => seen.push(element.getAttribute('state')!));
      observer.observe(element, { attributeFilter: ['state'] });
      const ended = element.start();
      expect(element.getAttribute('state')).to.equal('starting');
      await pass();
      proxy.status = reply;
      await pass(3000);
      expect(await ended).to.deep.equal(outcome);
      expect([element.state, element.getAttribute('state')]).to.deep.equal([state, state]);
      expect(seen).to.deep.equal(['starting', 'pending', state]);
      expect(events).to.deep.equal(['connect-started', 'connect-' + state]);
      observer.disconnect();
    }
    const { element, pass } = await stage((_, proxy) => (proxy.start = refusal(500, 'misconfigured')));
    const ended = element.start();
    await pass();
    expect(await ended).to.deep.include({ type: 'failed', code: 'misconfigured', phase: 'start', retryable: false });
  });

  it('tells its events to a listener far up, the fields in the detail and on the event', async () => {
    const outer = document.createElement('div');
    const root = outer.attachShadow({ mode: 'open' });
    document.body.append(outer);
    const told: Event[] = [];
    for (const type of ['connect-started', 'connect-warning', ...terminal])
      document.addEventListener(type, (event) => told.push(event), { once: true });
    const it = await pendingStage((_, proxy) => (proxy.embeddable = false));
    expect(told.map(({ type }) => type)).to.deep.equal(['connect-started', 'connect-warning']);
    root.append(it.element);
    it.proxy.status = finished();
    await it.pass();
    await it.pass();
    const end = told[2] as CustomEvent;
    expect([end.type, end.bubbles, end.composed, end.cancelable]).to.deep.equal([
      'connect-finished',
      true,
      true,
      false,
    ]);
    expect(end.target === outer).to.equal(true);
    expect(end.detail).to.deep.equal({ ereceipt: true, expiration: '2027-01-01T00:00:00Z' });
    expect(end).to.include({ ereceipt: true, expiration: '2027-01-01T00:00:00Z' });
    outer.remove();
  });

  it('expires after one second where the page wants that, also while it starts', async () => {
    const one = await stage((element) => element.setAttribute('timeout', '1'));
    void one.element.start();
    await one.pass();
    await one.pass(1000);
    await one.pass();
    expect(one.events).to.deep.equal(['connect-started', 'connect-expired']);
    const other = await stage((element, proxy) => {
      element.setAttribute('timeout', '1');
      proxy.start = { hang: true };
    });
    const ended = other.element.start();
    await other.pass(1000);
    expect(await ended).to.deep.equal({ type: 'expired' });
    expect(other.events).to.deep.equal(['connect-expired']);
  });

  it('keeps to half an hour where the limit is no number', async () => {
    for (const timeout of ['soon', '0', '-5', '']) {
      const { element, events, pass } = await pendingStage((el) => el.setAttribute('timeout', timeout));
      await pass(1_799_000);
      expect(element.state, timeout).to.equal('pending');
      await pass(1000);
      await pass();
      expect(events, timeout).to.deep.equal(['connect-started', 'connect-expired']);
    }
  });

  it('stays with the proxy that a session began with, and reads anew of another one', async () => {
    const it = await pendingStage();
    const paths: string[] = [];
    const { fetch } = it.element;
    it.element.fetch = (input, init) => (paths.push(input), fetch(input, init));
    const first = it.element.proxyUrl;
    it.element.proxyUrl = '/rulrr-other/';
    await it.pass(3000);
    expect(paths).to.deep.equal([]);
    it.proxy.status = finished();
    await it.pass(3000);
    expect(it.events).to.deep.equal(['connect-started', 'connect-finished']);
    expect(it.proxy.polls).to.equal(2);
    // What the old one has said at the end is not about the other one.
    await it.pass();
    expect(paths).to.deep.equal(['/rulrr-other/connection']);
    expect([it.element.state, it.element.connection]).to.deep.equal([
      'idle',
      { connected: false, ereceipt: false, expiration: null },
    ]);
    paths.length = 0;
    it.proxy.connection = { body: { connected: false } };
    it.element.proxyUrl = first;
    await it.pass();
    await it.pass();
    expect(paths).to.deep.equal([first + '/connection']);
    expect([it.element.state, it.element.getAttribute('state')]).to.deep.equal(['idle', 'idle']);
    expect(it.element.connection).to.deep.equal({ connected: false, ereceipt: false, expiration: null });
    expect(visible(it)).to.equal('');
  });

  it('knows nothing of another proxy before that one has answered', async () => {
    for (const answer of [{ hang: true }, refusal(503, 'store_unavailable'), { fails: true }]) {
      const it = await stage((_, proxy) => {
        proxy.connection = { body: { connected: true, ereceipt: true, expiration: null } };
      });
      expect(it.element.connection!.connected).to.equal(true);
      expect(visible(it)).not.to.equal('');
      it.proxy.connection = answer;
      it.element.proxyUrl = '/rulrr-another';
      await it.pass();
      await it.pass();
      expect(it.element.connection, JSON.stringify(answer)).to.equal(null);
      expect(visible(it)).to.equal('');
    }
  });

  it('knows nothing of the proxy before where a session with another one is started at once, nor where that one answers late', async () => {
    const connected = { body: { connected: true, ereceipt: true, expiration: null } };
    for (const late of [false, true]) {
      const it = await stage((_, proxy) => (proxy.connection = late ? { hang: true } : connected));
      const { fetch } = it.element;
      let answer!: () => void;
      if (late) {
        it.element.fetch = (input, init) =>
          input.endsWith('/connection')
            ? new Promise((resolve) => (answer = () => resolve(Response.json(connected.body))))
            : fetch(input, init);
        it.element.proxyUrl = '/rulrr-first';
        await it.pass();
      } else expect(it.element.connection!.connected).to.equal(true);
      it.element.proxyUrl = '/rulrr-another';
      void it.element.start();
      await it.pass();
      if (late) answer();
      await it.pass();
      expect([it.element.state, it.element.connection], `late: ${late}`).to.deep.equal(['pending', null]);
      it.proxy.queue = [cancelled];
      await it.pass(3000);
      expect([it.element.state, it.element.connection], `late: ${late}`).to.deep.equal(['cancelled', null]);
      expect(it.part('button')!.textContent).to.contain('Connect to Rulrr');
    }
  });

  it('reads of another proxy though the first one has not answered', async () => {
    const it = await stage((_, proxy) => (proxy.connection = { hang: true }));
    it.proxy.connection = { body: { connected: true } };
    it.element.proxyUrl = '/rulrr-another';
    await it.pass();
    expect(it.element.connection!.connected).to.equal(true);
    expect(it.proxy.inFlight).to.equal(0);
  });

  it('tells of the start of each session, and asks how each one goes', async () => {
    const it = await stage();
    for (let session = 1; session <= 3; session++) {
      void it.element.start();
      await it.pass();
      await it.pass(3000);
      expect([it.element.state, it.proxy.polls, it.frame()!.src]).to.deep.equal([
        'pending',
        2 * session - 1,
        it.proxy.connectUrl,
      ]);
      it.proxy.queue = [cancelled];
      await it.pass(3000);
      expect(it.events).to.have.lengthOf(2 * session);
    }
    expect(it.events.join()).to.equal('connect-started,connect-cancelled,'.repeat(3).slice(0, -1));
  });

  it('reads the connection once for a page that makes its fetch anew with each render', async () => {
    const { element, proxy, pass } = await stage();
    for (let render = 0; render < 50; render++) {
      element.fetch = (input, init) => proxy.fetch(input, init);
      await pass();
    }
    expect(proxy.count('GET', '/connection')).to.equal(1);
  });

  it('reads the connection again with a fetch that came while the first was refused', async () => {
    const { element, proxy, pass } = await stage((_, scripted) => {
      scripted.connection = { hang: true };
    });
    let asked = 0;
    proxy.connection = { body: { connected: true, ereceipt: true, expiration: null } };
    element.fetch = (input, init) => {
      asked += 1;
      return proxy.fetch(input, init);
    };
    await pass();
    expect(asked).to.equal(0);
    await pass(30_000);
    await pass();
    expect(asked).to.equal(1);
    expect(proxy.count('GET', '/connection')).to.equal(2);
    expect(element.connection).to.deep.equal({ connected: true, ereceipt: true, expiration: null });
  });

  it('knows what it knew after a move, and asks again after an absence', async () => {
    const { element, proxy, pass } = await stage();
    const parent = element.parentElement!;
    await pass();
    parent.append(element);
    await pass();
    expect(proxy.count('GET', '/connection')).to.equal(1);
    expect(element.connection).to.deep.equal({ connected: false, ereceipt: false, expiration: null });
    element.remove();
    await pass();
    proxy.connection = { body: { connected: true } };
    parent.append(element);
    await pass();
    await pass();
    expect(element.connection!.connected).to.equal(true);
  });

  it('asks again after an absence also where a session has ended: the store may be disconnected meanwhile, or another one', async () => {
    for (const status of [finished(), cancelled]) {
      const { element, proxy, events, pass } = await pendingStage((_, asked) => (asked.status = status));
      const parent = element.parentElement!;
      await pass(3000);
      const { state } = element;
      for (const connected of [false, true, false]) {
        element.remove();
        await pass();
        proxy.connection = { body: { connected, ereceipt: connected, expiration: null } };
        parent.append(element);
        await pass();
        await pass();
        expect(element.connection).to.deep.equal({ connected, ereceipt: connected, expiration: null });
      }
      expect(element.shadowRoot!.textContent).to.not.contain('Connected');
      expect([element.state, events.length]).to.deep.equal([state, 2]);
    }
  });

  it('reads where it stands though its first render came while it was out', async () => {
    const { proxy } = await stage();
    const element = document.createElement('rulrr-connect');
    element.fetch = proxy.fetch;
    const holder = document.createElement('div');
    document.body.append(holder);
    const before = proxy.calls.length;
    holder.append(element);
    element.remove();
    await element.updateComplete;
    holder.append(element);
    await element.updateComplete;
    expect(proxy.calls.length).to.equal(before + 1);
    holder.remove();
  });

  it('starts by itself where the store is not connected, also if that is wished for later', async () => {
    const { element, proxy, events, pass } = await stage();
    await pass();
    element.autostart = true;
    await pass();
    await pass();
    expect(events).to.deep.equal(['connect-started']);
    element.cancel();
    await pass();
    await pass(600_000);
    const parent = element.parentElement!;
    element.remove();
    await pass();
    parent.append(element);
    await pass();
    await pass();
    expect(element.state).to.equal('cancelled');
    expect(proxy.count('POST', '/')).to.equal(1);
  });

  it('takes the attribute "false" for no, as frameworks write it where they render on a server', async () => {
    const { element, events, pass } = await stage((el) => el.setAttribute('autostart', 'false'));
    await pass();
    await pass();
    expect(events).to.deep.equal([]);
    element.setAttribute('autostart', '');
    await pass();
    await pass();
    expect(events).to.deep.equal(['connect-started']);
  });

  it('does not start by itself while nobody knows how the store stands: it looks again', async () => {
    for (const reply of [
      refusal(503, 'store_unavailable'),
      { status: 502, body: '<html>' },
      refusal(429, 'rate_limited'),
      { fails: true },
    ]) {
      const { element, proxy, pass } = await stage((el, scripted) => {
        el.autostart = true;
        scripted.connection = reply;
      });
      const what = JSON.stringify(reply);
      for (let turn = 0; turn < 10; turn++) await pass(60_000);
      const looks = proxy.calls.length;
      expect(looks, what).to.be.within(8, 16);
      expect([element.state, proxy.count('POST', '/')], what).to.deep.equal(['idle', 0]);
      proxy.connection = { body: { connected: what.includes('503') } };
      await pass(60_000);
      await pass();
      expect(element.state, what).to.equal(what.includes('503') ? 'idle' : 'pending');
    }
  });

  it('finds the store connected once the network is there, which a till that has just been switched on may have to wait for', async () => {
    const { element, proxy, part, pass } = await stage((_, scripted) => {
      scripted.connection = { fails: true };
    });
    await pass(60_000);
    proxy.connection = { body: { connected: true, ereceipt: true, expiration: null } };
    await pass(60_000);
    expect(part('status')!.textContent).to.contain('Connected');
    expect([element.connection!.connected, element.state, proxy.count('POST', '/')]).to.deep.equal([true, 'idle', 0]);
    const { length } = proxy.calls;
    await pass(120_000);
    expect(proxy.calls.length).to.equal(length);
  });

  it('looks with another fetch also where it would have looked again during a session that was given up', async () => {
    const { element, proxy, pass } = await stage((_, scripted) => {
      scripted.connection = { fails: true };
    });
    void element.start();
    await pass(60_000);
    element.cancel();
    await pass(3000);
    proxy.connection = { body: { connected: true, ereceipt: true, expiration: null } };
    element.fetch = (input, init) => proxy.fetch(input, init);
    await pass();
    await pass();
    expect([element.state, element.connection!.connected]).to.deep.equal(['cancelled', true]);
  });

  it('asks once, and starts nothing, where it is refused for good', async () => {
    const { element, proxy, pass } = await stage((_, scripted) => {
      scripted.connection = refusal(401, 'unauthorized');
    });
    await pass(120_000);
    expect([element.state, proxy.calls.length]).to.deep.equal(['idle', 1]);
  });

  it('looks again where no answer came in time', async () => {
    const { element, proxy, pass } = await stage((el, scripted) => {
      el.autostart = true;
      scripted.connection = { hang: true };
    });
    await pass(30_000);
    proxy.connection = { body: { connected: false } };
    await pass(2000);
    await pass();
    expect([element.state, proxy.count('GET', '/connection')]).to.deep.equal(['pending', 2]);
  });

  it('looks again no sooner than it is asked to, not for being moved either, and not while it is out', async () => {
    const { element, proxy, clock, pass } = await stage((el, scripted) => {
      el.autostart = true;
      scripted.connection = refusal(503, 'store_unavailable', { 'Retry-After': '30' });
    });
    const parent = element.parentElement!;
    for (let turn = 0; turn < 29; turn++) {
      parent.append(element);
      await pass(1000);
    }
    expect(proxy.calls.length).to.equal(1);
    await pass(1000);
    await pass();
    expect(proxy.calls.length).to.equal(2);
    element.remove();
    await pass();
    expect(clock.pending).to.equal(0);
    proxy.connection = { body: { connected: false } };
    parent.append(element);
    await pass();
    await pass();
    expect(element.state).to.equal('pending');
  });

  it('starts by itself where it is refused for good, so that it is said why', async () => {
    for (const reply of [
      refusal(401, 'unauthorized'),
      refusal(403, 'forbidden_origin'),
      { status: 404, body: '<html>' },
      refusal(500, 'misconfigured'),
    ]) {
      const { events, pass } = await stage((el, scripted) => {
        el.autostart = true;
        scripted.connection = scripted.start = reply;
      });
      await pass();
      expect(events, JSON.stringify(reply)).to.deep.equal(['connect-failed']);
    }
  });

  it('gives each start the outcome of its own session, also before it is all loaded', async () => {
    const ended: string[] = [];
    const outcomes: string[] = [];
    const starts: Promise<unknown>[] = [];
    const it = await stage((element) => {
      for (const type of terminal) element.addEventListener(type, () => ended.push(type));
      for (let round = 1; round <= 3; round++) {
        starts.push(element.start().then((outcome) => outcomes.push(round + outcome.type)));
        if (round < 3) element.cancel();
      }
    });
    await it.pass();
    expect([it.element.state, ...outcomes]).to.deep.equal(['pending', '1cancelled', '2cancelled']);
    it.proxy.status = finished();
    await it.pass(3000);
    await Promise.all(starts);
    expect(outcomes[2]).to.equal('3finished');
    expect(ended).to.deep.equal(['connect-cancelled', 'connect-cancelled', 'connect-finished']);
    expect(it.proxy.count('POST', '/')).to.equal(1);
  });

  it('stays cancelled where that came before it was all loaded', async () => {
    const it = await stage((element) => {
      void element.start();
      element.cancel();
    });
    await it.pass();
    expect([it.element.state, it.element.getAttribute('state')]).to.deep.equal(['cancelled', 'cancelled']);
    expect(visible(it)).to.equal('Connecting was cancelled.');
  });

  it('keeps its words where only white space is between the tags, until there is something', async () => {
    const labelled = (it: Stage): string => {
      const button = it.part('button')!;
      const own = Array.from(button.childNodes).filter((node) => node.nodeType === 3);
      return [...button.querySelector('slot')!.assignedNodes({ flatten: true }), ...own]
        .map((node) => node.textContent)
        .join('')
        .trim();
    };
    for (const blank of ['\n  ', '<!-- none -->', '\n<!-- none -->\n', '']) {
      const it = await stage((element) => (element.innerHTML = blank));
      expect(labelled(it), blank).to.equal('Connect to Rulrr');
    }
    const it = await stage((element) => element.append('\n'));
    const text = it.element.firstChild as Text;
    text.data = 'Link the shop';
    await it.pass();
    expect(labelled(it)).to.equal('Link the shop');
    text.data = ' ';
    await it.pass();
    expect(labelled(it)).to.equal('Connect to Rulrr');
    it.element.append(document.createElement('img'));
    await it.pass();
    expect(labelled(it)).to.equal('');
  });

  it('cancels in every state, with one end for each start and none without', async () => {
    const { element, events, ends, pass } = await stage();
    element.cancel();
    expect(ends()).to.equal(0);
    for (let round = 1; round <= 3; round++) {
      void element.start();
      if (round > 1) await pass();
      for (let press = 0; press < 5; press++) element.cancel();
      await pass();
      for (let press = 0; press < 5; press++) element.cancel();
      expect([ends(), element.state], String(round)).to.deep.equal([round, 'cancelled']);
    }
    expect(events.filter((type) => type === 'connect-cancelled').length).to.equal(3);
  });

  it('does nothing where it is told to end or to ask, and nothing has ever begun', async () => {
    const it = await stage((element) => {
      element.cancel();
      element.checkNow();
      expect(element.state).to.equal('idle');
    });
    await it.pass();
    expect([it.element.state, it.events, it.proxy.polls]).to.deep.equal(['idle', [], 0]);
  });

  it('checks now at most once a second, also while hidden, and not at all without a session', async () => {
    const { element, proxy, pass } = await stage();
    for (let press = 0; press < 100; press++) element.checkNow();
    await pass();
    expect(proxy.polls).to.equal(0);
    void element.start();
    await pass();
    setHidden(true);
    try {
      for (let tick = 0; tick < 100; tick++) {
        for (let press = 0; press < 10; press++) element.checkNow();
        await pass(100);
      }
    } finally {
      setHidden(false);
    }
    expect(proxy.polls).to.be.within(9, 11);
  });

  it('takes every word from the page, in every state', async () => {
    const mark = (key: string): string => `«${key}»`;
    const strings = new Proxy({} as Record<string, string>, {
      ownKeys: () => keys,
      getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
      get: (_, key) => mark(String(key)),
    });
    const { en } = await import('../../src/shared/messages/en.js');
    const keys = Object.keys(en.connect);
    const seen = new Set<string>();
    const look = ({ element }: Stage): void => {
      const root = element.shadowRoot!;
      const text = [
        root.textContent,
        ...[...root.querySelectorAll('[title], [aria-label]')].map(
          (node) => node.getAttribute('title') ?? node.getAttribute('aria-label'),
        ),
      ].join(' ');
      for (const key of keys) if (text.includes(mark(key))) seen.add(key);
      for (const words of Object.values(en.connect)) {
        if (words.length > 6) expect(text).to.not.contain(words);
      }
    };
    const set = (element: RulrrConnect): void => void (element.strings = strings);
    const ways: ((it: Stage) => Promise<void> | void)[] = [
      () => {},
      async (it) => {
        it.proxy.status = finished();
        await it.pass(3000);
      },
      async (it) => {
        it.proxy.status = finished(false);
        await it.pass(3000);
      },
      async (it) => {
        it.proxy.status = { body: { status: 'cancelled' } };
        await it.pass(3000);
      },
      async (it) => {
        it.proxy.status = { hang: true };
        it.element.cancel();
        await it.pass();
      },
      ...(
        [
          [410, 'expired'],
          [409, 'tokens_lost'],
          [401, 'unauthorized'],
          [403, 'not_yours'],
        ] as const
      ).map(([status, code]) => async (it: Stage) => {
        it.proxy.status = refusal(status, code);
        await it.pass(3000);
      }),
      async (it) => {
        it.proxy.status = { fails: true };
        await it.pass(60_000);
        await it.pass(60_000);
      },
    ];
    for (const way of ways) {
      const it = await pendingStage(set);
      look(it);
      await way(it);
      look(it);
    }
    const slow = await pendingStage((element, proxy) => {
      set(element);
      proxy.page = '/hang';
    });
    await slow.pass(10_000);
    look(slow);
    look(
      await pendingStage((element, proxy) => {
        set(element);
        proxy.embeddable = false;
      }),
    );
    const { open } = window;
    for (const handle of [null, { closed: false, opener: null, close() {}, focus() {} }]) {
      window.open = () => handle as Window | null;
      const it = await pendingStage(set);
      it.part('open-window')!.click();
      await it.pass();
      look(it);
    }
    window.open = open;
    const starting = await stage((element, proxy) => {
      set(element);
      proxy.start = { hang: true };
    });
    look(starting);
    void starting.element.start();
    await starting.pass();
    look(starting);
    expect(keys.filter((key) => !seen.has(key))).to.deep.equal([]);
  });

  it('inherits language and direction, and follows the page’s own direction', async () => {
    const it = await stage((element) => element.setAttribute('lang', 'he'));
    await until(() => it.part('button')!.textContent!.includes('התחברות'));
    const direction = (): string => getComputedStyle(it.part('button')!).direction;
    expect(direction()).to.equal('rtl');
    it.element.setAttribute('dir', 'ltr');
    await it.pass();
    expect(direction()).to.equal('ltr');
    it.element.removeAttribute('dir');
    await it.pass();
    expect(direction()).to.equal('rtl');
  });

  it('follows the language of the page around it, and of where it is moved to', async () => {
    const it = await stage();
    const page = document.documentElement;
    const { lang } = page;
    const says = (words: string): Promise<void> => until(() => it.part('button')!.textContent!.includes(words));
    const place = document.createElement('div');
    place.lang = 'fr';
    document.body.append(place);
    try {
      page.lang = 'de';
      await says('verbinden');
      page.lang = 'es';
      await says('Conectar');
      place.append(it.element);
      await says('Se connecter');
      place.lang = 'de';
      await says('verbinden');
      // Moved without leaving the page, where the browser can.
      const { body } = document as unknown as { body: { moveBefore?(node: Node, before: null): void } };
      if (body.moveBefore) {
        body.moveBefore(it.element, null);
        await says('Conectar');
      }
      // Away, nothing is heard; back, it is seen.
      it.element.remove();
      await it.pass(10);
      page.lang = 'es';
      document.body.append(it.element);
      await says('Conectar');
    } finally {
      page.lang = lang;
      it.element.remove();
      place.remove();
    }
  });

  it('follows the direction of a page outside of the shadow root that it is in', async () => {
    const it = await stage((element) => element.setAttribute('lang', 'he'));
    const host = document.createElement('div');
    host.dir = 'ltr';
    document.body.append(host);
    host.attachShadow({ mode: 'open' }).append(it.element);
    it.element.setAttribute('lang', 'he');
    await it.pass();
    await until(() => it.part('button')!.textContent!.includes('התחברות'));
    expect(getComputedStyle(it.part('button')!).direction).to.equal('ltr');
    host.remove();
  });

  it('keeps one live region from before a session until after it', async () => {
    const it = await stage();
    const region = it.part('status');
    void it.element.start();
    await it.pass();
    expect(it.part('status') === region).to.equal(true);
    it.proxy.status = finished();
    await it.pass(3000);
    expect(it.part('status') === region).to.equal(true);
    expect(visible(it)).to.contain('Connected to Rulrr.');
  });
});
