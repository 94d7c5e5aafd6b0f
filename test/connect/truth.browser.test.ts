import { expect } from '@open-wc/testing';
import { until } from '../support/until.js';
import { finished, frameOrigin, pending, pendingStage, refusal, stage } from './support.js';

/** Firefox takes no window of another process as `source`, so it is put there. */
const message = (origin: string, source: Window | null): MessageEvent =>
  Object.defineProperty(new MessageEvent('message', { data: 'finished', origin }), 'source', { value: source });

describe('<rulrr-connect>: the server is the only truth', () => {
  it('takes a thousand forged messages for nothing, and those of the page itself for one poll a second at most', async () => {
    const { element, proxy, frame, pass, events } = await pendingStage();
    const source = frame()!.contentWindow;
    const evil: [string, Window | null][] = [
      ['https://evil.example', source],
      [frameOrigin, window],
      [frameOrigin, null],
      [frameOrigin + '.evil.example', source],
      [frameOrigin.slice(0, -1), source],
      ['null', source],
      [location.origin, window],
    ];
    for (let round = 0; round < 1000; round++) window.dispatchEvent(message(...evil[round % evil.length]!));
    await pass();
    expect(proxy.polls).to.equal(0);
    for (let round = 0; round < 1000; round++) {
      window.dispatchEvent(message(frameOrigin, source));
      if (round % 100 === 0) await pass();
    }
    await pass();
    expect(proxy.polls).to.equal(1);
    await pass(999);
    expect(proxy.polls).to.equal(1);
    await pass(1);
    expect(proxy.polls).to.equal(2);
    expect(element.state).to.equal('pending');
    expect(events).to.deep.equal(['connect-started']);
  });

  it('hears a real message of the connect page as a hint', async () => {
    const { proxy, pass } = await pendingStage((_, scripted) => {
      scripted.status = finished();
      scripted.page = '/message';
    });
    // It may have come before the load did.
    await until(() => proxy.polls, pass);
    expect(proxy.polls).to.equal(1);
  });

  it('polls on each document after the first, on focus, pageshow and online', async () => {
    const { proxy, frame, pass } = await pendingStage();
    expect(proxy.polls).to.equal(0);
    frame()!.dispatchEvent(new Event('load'));
    await pass();
    expect(proxy.polls).to.equal(1);
    for (const type of ['focus', 'pageshow', 'online']) {
      await pass(1000);
      const before = proxy.polls;
      window.dispatchEvent(new Event(type));
      await pass();
      expect(proxy.polls, type).to.equal(before + 1);
    }
    await pass(1000);
    const before = proxy.polls;
    document.dispatchEvent(new Event('visibilitychange'));
    await pass();
    expect(proxy.polls).to.equal(before + 1);
  });

  it('asks once more where the proxy may have answered a hint from its memory', async () => {
    const { element, proxy, frame, pass } = await pendingStage();
    await pass(3000);
    expect(proxy.polls).to.equal(1);
    // A proxy that asked Rulrr just before the merchant was done says so again for the rest of the second.
    await pass(300);
    frame()!.dispatchEvent(new Event('load'));
    await pass();
    expect(proxy.polls).to.equal(2);
    proxy.status = finished();
    await pass(999);
    expect(proxy.polls).to.equal(2);
    await pass(1);
    expect([proxy.polls, element.state]).to.deep.equal([3, 'finished']);

    const other = await pendingStage();
    await other.pass(3000);
    await other.pass(1000);
    other.frame()!.dispatchEvent(new Event('load'));
    await other.pass(2999);
    expect(other.proxy.polls).to.equal(2);
  });

  it('polls no sooner than the proxy asks for with its last answer', async () => {
    const { proxy, pass } = await pendingStage();
    proxy.status = pending({ pollAfterMs: 10_000 });
    await pass(3000);
    expect(proxy.polls).to.equal(1);
    await pass(9999);
    expect(proxy.polls).to.equal(1);
    await pass(1);
    expect(proxy.polls).to.equal(2);
  });

  it('asks the proxy anew where an answer may be older than the last step of the merchant', async () => {
    // Asked just before: a proxy keeps what Rulrr said for a second.
    const one = await pendingStage();
    await one.pass(3000);
    await one.pass(300);
    one.proxy.queue = [pending()];
    one.proxy.status = finished();
    one.element.cancel();
    await one.pass(999);
    expect([one.proxy.polls, one.events]).to.deep.equal([2, ['connect-started']]);
    await one.pass(1);
    expect(one.events).to.deep.equal(['connect-started', 'connect-finished']);

    // On its way since before, whatever it brings.
    for (const old of [pending(), refusal(504, 'upstream_timeout')]) {
      let arrive: () => void = () => {};
      const other = await pendingStage((element, proxy) => {
        element.fetch = async (input, init) => {
          const answer = await proxy.fetch(input, init);
          if (proxy.polls === 1) await new Promise<void>((resolve) => (arrive = resolve));
          return answer;
        };
      });
      other.proxy.queue = [old];
      await other.pass(3000);
      other.proxy.status = finished();
      other.element.cancel();
      await other.pass(500);
      arrive();
      await other.pass(1000);
      expect(other.events).to.deep.equal(['connect-started', 'connect-finished']);
    }

    // What that one has heard from Rulrr the proxy keeps for a second, too.
    let heardAt = -Infinity;
    const keeping = await pendingStage((element, proxy) => {
      element.fetch = (input, init) => {
        const now = element.clock.now();
        if (heardAt < 0) proxy.status = { hang: true };
        else proxy.status = now < heardAt + 1000 ? pending() : finished();
        if (heardAt < 0 && input.includes('/integrations/')) heardAt = now;
        return proxy.fetch(input, init);
      };
    });
    await keeping.pass(3000);
    keeping.element.cancel();
    await keeping.pass(1000);
    expect(keeping.events).to.deep.equal(['connect-started', 'connect-finished']);

    // And it may come back before the answer that counts.
    const arrivals: (() => void)[] = [];
    const crossed = await pendingStage((element, proxy) => {
      element.fetch = async (input, init) => {
        const answer = await proxy.fetch(input, init);
        if (proxy.polls) await new Promise<void>((resolve) => arrivals.push(resolve));
        return answer;
      };
    });
    await crossed.pass(3000);
    crossed.proxy.status = finished();
    crossed.element.cancel();
    await crossed.pass(1000);
    for (const arrive of arrivals) {
      arrive();
      await crossed.pass();
    }
    expect(crossed.events).to.deep.equal(['connect-started', 'connect-finished']);

    // Or hanging.
    const hung = await pendingStage();
    hung.proxy.queue = [{ hang: true }];
    await hung.pass(3000);
    hung.proxy.status = finished();
    hung.element.cancel();
    await hung.pass(1000);
    expect(hung.events).to.deep.equal(['connect-started', 'connect-finished']);

    // It gives up all the same: once, and soon.
    const last = await pendingStage();
    await last.pass(3000);
    last.element.cancel();
    await last.pass(1000);
    expect([last.proxy.polls, last.events]).to.deep.equal([3, ['connect-started', 'connect-cancelled']]);
    await last.pass(60_000);
    expect([last.proxy.polls, last.clock.pending]).to.deep.equal([3, 0]);

    // Nor against the proxy's wish.
    const refused = await pendingStage();
    await refused.pass(3000);
    refused.proxy.status = refusal(429, 'rate_limited', { 'Retry-After': '5' });
    refused.element.cancel();
    await refused.pass();
    expect([refused.proxy.polls, refused.events]).to.deep.equal([2, ['connect-started', 'connect-cancelled']]);
  });

  it('takes a reading that was asked for before the end of a session for what it is: older', async () => {
    let answer: (response: Response) => void = () => {};
    const it = await stage((element, proxy) => {
      element.fetch = (input, init) =>
        input.endsWith('/connection') ? new Promise((resolve) => (answer = resolve)) : proxy.fetch(input, init);
    });
    void it.element.start();
    await it.pass();
    it.proxy.status = finished();
    await it.pass(3000);
    expect(it.element.connection!.connected).to.equal(true);
    answer(new Response('{"connected":false,"ereceipt":false,"expiration":null}'));
    await it.pass();
    expect(it.element.connection!.connected).to.equal(true);
  });

  it('never has two requests under way, and waits after the answer', async () => {
    const { element, proxy, clock, pass } = await pendingStage();
    proxy.status = { hang: true };
    await pass(3000);
    for (let round = 0; round < 20; round++) {
      element.checkNow();
      window.dispatchEvent(new Event('focus'));
      await pass(500);
    }
    expect(proxy.polls).to.equal(1);
    expect(proxy.mostInFlight).to.equal(1);
    proxy.status = pending();
    // The deadline of a hanging request ends it; the next one follows and the session goes on.
    await pass(20_000);
    await pass(30_000);
    expect(proxy.polls).to.be.greaterThan(1);
    expect(proxy.mostInFlight).to.equal(1);
    expect(element.state).to.equal('pending');
    expect(clock.pending).to.be.greaterThan(0);
  });

  it('outlives twenty failures in a row, says so, and finishes', async () => {
    const { element, proxy, part, events, pass } = await pendingStage();
    proxy.queue = [
      { fails: true },
      refusal(429, 'rate_limited', { 'Retry-After': '20' }),
      refusal(502, 'upstream_error'),
      refusal(503, 'store_unavailable'),
      refusal(504, 'upstream_timeout'),
      refusal(500, 'internal'),
      { body: 'not what was asked' },
      { status: 404, body: '<html>' },
      ...Array.from({ length: 12 }, () => ({ fails: true })),
    ];
    await pass(3000);
    await pass(6000);
    expect(proxy.polls).to.equal(2);
    // Retry-After holds against the back-off and against hints.
    await pass(19_000);
    window.dispatchEvent(new Event('focus'));
    await pass();
    expect(proxy.polls).to.equal(2);
    await pass(1000);
    expect(proxy.polls).to.equal(3);
    expect(part('status')!.textContent).to.contain('No connection');
    for (let turn = 0; turn < 20; turn++) await pass(30_000);
    expect(proxy.queue).to.deep.equal([]);
    expect(element.state).to.equal('pending');
    expect(part('status')!.textContent).to.not.contain('No connection');
    proxy.status = finished();
    await pass(5000);
    expect(events).to.deep.equal(['connect-started', 'connect-finished']);
  });

  it('ends with the refusals that end a session', async () => {
    const cases: [number, string, string][] = [
      [410, 'expired', 'connect-expired'],
      [410, '', 'connect-expired'],
      [409, 'tokens_lost', 'connect-failed'],
      [404, 'unknown_integration', 'connect-failed'],
      [403, 'not_yours', 'connect-failed'],
      [401, 'unauthorized', 'connect-failed'],
    ];
    for (const [status, code, type] of cases) {
      const { proxy, events, details, pass } = await pendingStage();
      proxy.status = refusal(status, code);
      await pass(3000);
      expect(events, code).to.deep.equal(['connect-started', type]);
      if (type === 'connect-failed') expect(details[1]).to.deep.include({ code, phase: 'poll' });
      const calls = proxy.calls.length;
      await pass(120_000);
      expect(proxy.calls.length).to.equal(calls);
    }
  });

  it('tells one end for double clicks, late answers and starts inside a listener', async () => {
    const { element, proxy, part, ends, pass } = await stage();
    const button = part('button')!;
    button.click();
    button.click();
    const one = element.start();
    expect(element.start()).to.equal(one);
    await pass();
    expect(proxy.count('POST', '/integrations')).to.equal(1);
    element.addEventListener('connect-finished', () => void element.start(), { once: true });
    proxy.queue = [finished()];
    await pass(3000);
    expect(ends()).to.equal(1);
    expect(element.state).to.equal('pending');
    expect(await one).to.deep.include({ type: 'finished' });
    element.cancel();
    element.cancel();
    await pass();
    expect(ends()).to.equal(2);
    expect(element.state).to.equal('cancelled');
  });

  it('cancels a start that hangs, at once', async () => {
    const { element, proxy, events, details, part, pass } = await stage(
      (_, scripted) => (scripted.start = { hang: true }),
    );
    const outcome = element.start();
    await pass();
    // Nothing leads to a page that nobody has been told of.
    for (const way of ['open-window', 'phone']) expect((part(way) as HTMLButtonElement).disabled, way).to.equal(true);
    element.cancel();
    expect(await outcome).to.deep.equal({ type: 'cancelled', by: 'operator' });
    expect(events).to.deep.equal(['connect-cancelled']);
    expect(details).to.deep.equal([{ by: 'operator' }]);
    await pass();
    expect(proxy.inFlight).to.equal(0);
    proxy.start = null;
    void element.start();
    await pass();
    expect(element.state).to.equal('pending');
  });

  it('cancels what has hardly begun, once', async () => {
    const { element, proxy, events, pass } = await stage();
    const outcome = element.start();
    element.cancel();
    element.cancel();
    await pass();
    expect(await outcome).to.deep.equal({ type: 'cancelled', by: 'operator' });
    expect(events).to.deep.equal(['connect-cancelled']);
    await pass(60_000);
    expect(proxy.polls).to.equal(0);
    element.cancel();
    element.checkNow();
    expect(events.length).to.equal(1);
  });

  it('gives up a start without an answer after 30 s, retryable', async () => {
    const { element, details, events, pass, proxy } = await stage((_, scripted) => (scripted.start = { hang: true }));
    void element.start();
    await pass(30_000);
    expect(events).to.deep.equal(['connect-failed']);
    expect(details[0]).to.deep.include({ code: 'proxy_timeout', phase: 'start', retryable: true });
    await pass();
    expect(proxy.inFlight).to.equal(0);
  });

  it('cancels within seconds though the proxy hangs', async () => {
    const { element, proxy, part, events, pass } = await pendingStage();
    proxy.status = { hang: true };
    const isOff = (): string | null => part('cancel')!.getAttribute('aria-disabled');
    expect(isOff()).to.equal('false');
    element.cancel();
    await pass();
    expect([element.state, isOff()]).to.deep.equal(['pending', 'true']);
    expect(part('status')!.textContent).to.contain('Cancelling');
    await pass(3000);
    expect(events).to.deep.equal(['connect-started', 'connect-cancelled']);
    expect(proxy.inFlight).to.equal(0);
  });
});
