import { expect } from '@open-wc/testing';
import { finished, pending, pendingStage, refusal, stage, type Reply, type Stage } from './support.js';

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
      expect((details[0] as { message: string }).message, what).to.match(/\w+ \w+/);
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
