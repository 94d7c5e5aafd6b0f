import { expect } from '@open-wc/testing';
import {
  finished,
  pending,
  pendingStage,
  refusal,
  setHidden,
  stage,
  terminal,
  type Reply,
  type Stage,
} from './support.js';
import type { RulrrConnect } from '../../src/connect/connect-element.js';

const start = (extra: object = {}): Reply => ({
  status: 201,
  body: {
    id: 'sealed',
    connectUrl: 'https://connect.invalid/?integration_token=t',
    status: 'pending',
    expiresAt: '2026-11-24T01:00:00Z',
    pollAfterMs: 0,
    ...extra,
  },
});
const failed = async (reply: Reply): Promise<Stage> => {
  const it = await stage((_, proxy) => (proxy.start = reply));
  void it.element.start();
  await it.pass();
  return it;
};
const visible = ({ part }: Stage): string => part('status')!.textContent!.trim();

describe('<rulrr-connect>: a proxy that answers oddly', () => {
  it('names each refusal of a start by a code of the closed union', async () => {
    const cases: [Reply, string, boolean][] = [
      [refusal(401, 'unauthorized'), 'unauthorized', false],
      [{ status: 401, body: '<html>' }, 'unauthorized', false],
      [refusal(403, 'forbidden_origin'), 'forbidden_origin', false],
      [{ status: 403, body: '<html>' }, 'bad_answer', false],
      [{ status: 404, body: '<html>' }, 'bad_answer', false],
      [refusal(429, 'rate_limited', { 'Retry-After': '30' }), 'rate_limited', true],
      [{ status: 429, body: null }, 'rate_limited', true],
      [refusal(500, 'misconfigured'), 'misconfigured', false],
      [{ status: 500, body: '<html>' }, 'internal', true],
      [refusal(502, 'upstream_error'), 'upstream_error', true],
      [{ status: 502, body: '<html>' }, 'upstream_error', true],
      [{ status: 503, body: '<html>' }, 'store_unavailable', true],
      [refusal(504, 'upstream_timeout'), 'upstream_timeout', true],
      [{ status: 504, body: '<html>' }, 'upstream_timeout', true],
      [refusal(400, 'toString'), 'bad_answer', false],
      [refusal(418, 'not_in_the_union'), 'bad_answer', false],
      [{ status: 204, body: undefined }, 'bad_answer', false],
      [{ body: null }, 'bad_answer', false],
      [{ body: '<html>' }, 'bad_answer', false],
      [{ body: [] }, 'bad_answer', false],
      [{ body: {} }, 'bad_answer', false],
      [start({ id: undefined }), 'bad_answer', false],
      [start({ id: '' }), 'bad_answer', false],
      [start({ id: null }), 'bad_answer', false],
      [start({ id: 7 }), 'bad_answer', false],
      [start({ connectUrl: undefined }), 'bad_answer', false],
      [{ fails: true }, 'network', true],
    ];
    for (const [reply, code, retryable] of cases) {
      const what = JSON.stringify(reply);
      const { element, events, details, part, proxy, pass, frame } = await failed(reply);
      expect(events, what).to.deep.equal(['connect-failed']);
      expect(Object.keys(details[0] as object).sort(), what).to.deep.equal(['code', 'message', 'phase', 'retryable']);
      expect(details[0], what).to.deep.include({ code, phase: 'start', retryable });
      expect((details[0] as { message: string }).message, what).to.be.a('string').that.is.not.empty;
      expect(element.getAttribute('state'), what).to.equal('failed');
      expect(part(retryable ? 'retry' : 'button') === null, what).to.equal(false);
      expect(frame() === null, what).to.equal(true);
      await pass(120_000);
      expect([proxy.count('POST', '/'), proxy.polls], what).to.deep.equal([1, 0]);
    }
  });

  it('frames nothing that it has not looked at, whatever else the answer says', async () => {
    for (const status of ['pending', undefined, null, 'weird']) {
      for (const connectUrl of ['javascript:alert(1)', location.origin + '/x', null, 5]) {
        const { events, details, frame, part } = await failed(start({ status, connectUrl }));
        expect(events, String(connectUrl)).to.deep.equal(['connect-failed']);
        expect(details[0]).to.deep.include({ code: 'bad_connect_url', phase: 'frame' });
        expect([frame() === null, part('open-window') === null]).to.deep.equal([true, true]);
      }
    }
  });

  it('goes on through status answers that say nothing', async () => {
    const odd: Reply[] = [
      { body: { status: 'weird' } },
      { body: { status: '' } },
      { body: { status: null } },
      { body: {} },
      { body: [] },
      { body: null },
      { status: 204, body: undefined },
      { body: '<html>' },
      { status: 403, body: '<html>' },
      { status: 404, body: '<html>' },
      { status: 409, body: null },
      { body: { status: 'pending', pollAfterMs: 'soon' } },
      { body: { status: 'pending' } },
    ];
    for (const reply of odd) {
      const it = await pendingStage();
      it.proxy.queue = [reply];
      await it.pass(3000);
      expect([it.proxy.polls, it.element.state], JSON.stringify(reply)).to.deep.equal([1, 'pending']);
      it.proxy.status = finished();
      await it.pass(6000);
      expect(it.events, JSON.stringify(reply)).to.deep.equal(['connect-started', 'connect-finished']);
    }
  });

  it('ends once with what is missing filled in', async () => {
    for (const [connection, ereceipt, expiration] of [
      [undefined, false, null],
      [null, false, null],
      [{}, false, null],
      [{ connected: true, ereceipt: 'yes' }, false, null],
      [{ connected: true, ereceipt: true, accessToken: 'at_secret' }, true, null],
    ] as const) {
      const it = await pendingStage((_, proxy) => (proxy.status = { body: { status: 'finished', connection } }));
      await it.pass(3000);
      expect(it.details[1]).to.deep.equal({ ereceipt, expiration });
      expect(it.element.connection).to.deep.equal({ connected: true, ereceipt, expiration });
    }
  });

  it('shows a connection as three fields, or null', async () => {
    for (const [reply, connection] of [
      [{ body: { connected: true } }, { connected: true, ereceipt: false, expiration: null }],
      [
        { body: { connected: true, ereceipt: true, expiration: '2027-01-01T00:00:00Z', accessToken: 'at_secret' } },
        { connected: true, ereceipt: true, expiration: '2027-01-01T00:00:00Z' },
      ],
      [{ body: { connected: 'no' } }, { connected: false, ereceipt: false, expiration: null }],
      [{ body: {} }, null],
      [{ body: '<html>' }, null],
      [{ status: 204, body: undefined }, null],
      [refusal(401, 'unauthorized'), null],
      [{ fails: true }, null],
    ] as const) {
      const { element, events, pass } = await stage((_, proxy) => (proxy.connection = reply));
      await pass();
      expect(element.connection, JSON.stringify(reply)).to.deep.equal(connection);
      expect([element.state, events]).to.deep.equal(['idle', []]);
    }
  });

  it('asks again soon where the merchant’s last step met a failing proxy', async () => {
    for (const failures of [1, 2, 3]) {
      const { element, proxy, clock, frame, pass } = await pendingStage();
      // The proxy fails from long before: the back-off is at its longest.
      proxy.status = refusal(502, 'upstream_error');
      for (let turn = 0; turn < 8; turn++) await pass(30_000);
      proxy.queue = Array.from({ length: failures }, () => refusal(502, 'upstream_error'));
      proxy.status = finished();
      const at = clock.now();
      frame()!.dispatchEvent(new Event('load'));
      while (element.state === 'pending') await pass(500);
      expect(clock.now() - at).to.be.at.most(2000 * (2 ** failures - 1) + 500 * failures);
    }
  });

  it('backs off all the same from hints that keep coming: never more than one poll a second', async () => {
    const { proxy, pass } = await pendingStage((_, scripted) => (scripted.status = { fails: true }));
    for (let tick = 0; tick < 200; tick++) {
      window.dispatchEvent(new Event('focus'));
      await pass(100);
    }
    expect(proxy.polls).to.be.within(15, 21);
  });

  it('does not stay without a connection after a move', async () => {
    const it = await pendingStage();
    it.proxy.status = { fails: true };
    for (let turn = 0; turn < 4; turn++) await it.pass(30_000);
    expect(visible(it)).to.contain('No connection');
    it.proxy.status = pending();
    it.element.parentElement!.append(it.element);
    await it.pass();
    await it.pass();
    expect(visible(it)).to.equal('Sign in to Rulrr to connect this store.');
  });
});

describe('<rulrr-connect>: as a page uses it', () => {
  it('says how it went after the operator gave up', async () => {
    const it = await pendingStage();
    it.element.cancel();
    await it.pass();
    expect(visible(it)).to.equal('Connecting was cancelled.');
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

  it('tells its events to a listener far up, the fields in the detail', async () => {
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
    it.element.proxyUrl = '/other/';
    await it.pass(3000);
    it.proxy.status = finished();
    await it.pass(3000);
    expect(it.events).to.deep.equal(['connect-started', 'connect-finished']);
    expect(paths).to.deep.equal([]);
    expect(it.proxy.polls).to.equal(2);
    it.proxy.connection = { body: { connected: false } };
    it.element.proxyUrl = first;
    await it.pass();
    await it.pass();
    expect(paths).to.deep.equal([first + '/connection']);
    expect([it.element.state, it.element.getAttribute('state')]).to.deep.equal(['idle', 'idle']);
    expect(it.element.connection).to.deep.equal({ connected: false, ereceipt: false, expiration: null });
    expect(visible(it)).to.equal('');
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
    element.fetch = async () => {
      asked += 1;
      return new Response('{"connected":true,"ereceipt":true,"expiration":null}');
    };
    await pass();
    expect(asked).to.equal(0);
    await pass(30_000);
    await pass();
    expect(asked).to.equal(1);
    expect(proxy.count('GET', '/connection')).to.equal(1);
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
    expect(element.state).to.equal('cancelled');
    expect(proxy.count('POST', '/')).to.equal(1);
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
    for (let turn = 0; turn < 100 && !it.part('button')!.textContent!.includes('התחברות'); turn++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    const direction = (): string => getComputedStyle(it.part('button')!).direction;
    expect(direction()).to.equal('rtl');
    it.element.setAttribute('dir', 'ltr');
    await it.pass();
    expect(direction()).to.equal('ltr');
    it.element.removeAttribute('dir');
    await it.pass();
    expect(direction()).to.equal('rtl');
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
