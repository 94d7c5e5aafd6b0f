import { expect } from '@open-wc/testing';
import {
  cancelled,
  finished,
  frameOrigin,
  pending,
  pendingStage,
  refusal,
  setHidden,
  settle,
  stage,
  stageOf,
  type Stage,
} from './support.js';
import { fakeClock } from '../support/fake-clock.js';

const kept = (): string[] => Object.keys(sessionStorage).map((key) => sessionStorage.getItem(key)!);

describe('<rulrr-connect>: resume', () => {
  it('keeps the sealed id and nothing else, and forgets it at the end', async () => {
    for (const [end, how] of [
      [finished(), 'finished'],
      [cancelled, 'cancelled'],
      [refusal(410, 'expired'), 'expired'],
      [refusal(409, 'tokens_lost'), 'failed'],
    ] as const) {
      const it = await pendingStage();
      expect(kept(), how).to.deep.equal([`${it.proxy.name}-1`]);
      it.proxy.status = end;
      await it.pass(3000);
      expect(it.element.state).to.equal(how);
      expect(sessionStorage.length).to.equal(0);
    }
  });

  it('goes on after a reload with one request, and shows the page again', async () => {
    const it = await stage((element, proxy) => {
      sessionStorage.setItem('rulrr-connect ' + element.proxyUrl, 'sealed');
      proxy.status = pending({ connectUrl: proxy.connectUrl });
    });
    await it.pass();
    expect(it.proxy.calls.map(({ method, path }) => method + ' ' + path)).to.deep.equal(['GET /integrations/sealed']);
    expect(it.element.state).to.equal('pending');
    expect(it.frame()!.src).to.equal(it.proxy.connectUrl);
    expect(it.events).to.deep.equal(['connect-started']);
    expect(it.details[0]).to.deep.equal({ resumed: true });
    const outcome = it.element.start();
    it.proxy.status = finished();
    await it.pass(3000);
    expect((await outcome).type).to.equal('finished');
    expect(it.proxy.count('POST', '/')).to.equal(0);
  });

  it('hears after a reload that it has finished meanwhile', async () => {
    const it = await stage((element, proxy) => {
      sessionStorage.setItem('rulrr-connect ' + element.proxyUrl, 'sealed');
      proxy.status = finished();
    });
    await it.pass();
    expect(it.events).to.deep.equal(['connect-finished']);
    expect(it.proxy.calls.length).to.equal(1);
    expect(sessionStorage.length).to.equal(0);
  });

  it('is silent about a kept session that is not ours, and starts anew if somebody asked', async () => {
    for (const wanted of [false, true]) {
      const it = await stage((element, proxy) => {
        sessionStorage.setItem('rulrr-connect ' + element.proxyUrl, 'sealed');
        proxy.status = refusal(404, 'unknown_integration');
      });
      if (wanted) void it.element.start();
      await it.pass();
      expect(it.element.state).to.equal(wanted ? 'pending' : 'idle');
      expect(it.ends()).to.equal(0);
      expect(kept().includes('sealed')).to.equal(false);
      expect(it.proxy.count('GET', '/connection')).to.equal(wanted ? 0 : 1);
    }
  });

  it('asks about a kept session that is not ours once, also where the storage cannot be written any more', async () => {
    const { removeItem, setItem } = Storage.prototype;
    try {
      for (const ids of ['stuck', 'stuck-too stuck-as-well']) {
        const it = await stage((element, proxy) => {
          sessionStorage.setItem('rulrr-connect ' + element.proxyUrl, ids);
          let answers = 0;
          element.fetch = (input, init) => (++answers < 20 ? proxy.fetch(input, init) : new Promise(() => {}));
          proxy.status = refusal(404, 'unknown_integration');
          Storage.prototype.setItem = Storage.prototype.removeItem = () => {
            throw new DOMException('full', 'QuotaExceededError');
          };
        });
        await it.pass();
        await it.pass(1000);
        expect(it.proxy.polls, ids).to.equal(ids.split(' ').length);
        expect([it.element.state, it.proxy.count('GET', '/connection')]).to.deep.equal(['idle', 1]);
        it.element.remove();
        await it.pass();
        Object.assign(Storage.prototype, { removeItem, setItem });
      }
    } finally {
      Object.assign(Storage.prototype, { removeItem, setItem });
    }
  });

  it('is taken up by one element each, where several come at once', async () => {
    for (const ids of [['one'], ['two', 'three']]) {
      const twin = document.createElement('rulrr-connect');
      const it = await stage((element, proxy) => {
        sessionStorage.setItem('rulrr-connect ' + element.proxyUrl, ids.join(' '));
        proxy.status = pending({ connectUrl: proxy.connectUrl });
        Object.assign(twin, { clock: element.clock, fetch: element.fetch, proxyUrl: element.proxyUrl });
        document.body.append(twin);
      });
      await it.pass();
      await it.pass();
      expect([twin.state, it.element.state]).to.deep.equal(['pending', ids[1] ? 'pending' : 'idle']);
      const asked = it.proxy.calls.map(({ path }) => path).filter((path) => path !== '/connection');
      expect(asked).to.deep.equal(ids.map((id) => '/integrations/' + id));
      it.proxy.status = finished();
      await it.pass(5000);
      expect([twin.state, sessionStorage.length]).to.deep.equal(['finished', 0]);
      twin.remove();
    }
  });

  it('is free for the next element where one went before it could take it up', async () => {
    const clock = fakeClock();
    const gone = document.createElement('rulrr-connect');
    const it = await stage((element, proxy) => {
      sessionStorage.setItem('rulrr-connect ' + element.proxyUrl, 'left');
      proxy.status = pending({ connectUrl: proxy.connectUrl });
      Object.assign(gone, { clock, fetch: proxy.fetch, proxyUrl: element.proxyUrl });
      document.body.append(gone);
      element.setAttribute('proxy-url', '/rulrr-else');
    });
    gone.remove();
    clock.advance(0);
    await settle();
    it.element.proxyUrl = gone.proxyUrl;
    await it.pass();
    await it.pass();
    expect([gone.state === 'pending', it.element.state]).to.deep.equal([false, 'pending']);
  });

  it('is free for the next element where one went before it was all loaded, and is looked for anew on return', async () => {
    for (const next of ['another', 'the same'] as const) {
      const it = await stage((_, proxy) => (proxy.status = pending({ connectUrl: proxy.connectUrl })));
      const gone = document.createElement('rulrr-connect');
      Object.assign(gone, { clock: it.clock, fetch: it.proxy.fetch, proxyUrl: it.element.proxyUrl + '-left' });
      sessionStorage.setItem('rulrr-connect ' + gone.proxyUrl, next.replace(' ', '-'));
      document.body.append(gone);
      await gone.updateComplete;
      expect(gone.state).to.equal('starting');
      gone.remove();
      it.clock.advance(0);
      expect(gone.state).to.equal('idle');
      if (next === 'another') it.element.proxyUrl = gone.proxyUrl;
      else document.body.append(gone);
      await it.pass();
      await it.pass();
      const element = next === 'another' ? it.element : gone;
      expect([element.state, it.proxy.polls], next).to.deep.equal(['pending', 1]);
      if (next === 'another') expect(gone.state).to.equal('idle');
      gone.remove();
      it.clock.advance(0);
    }
  });

  it('is asked about before it is given up, also where that comes before it is all loaded', async () => {
    const it = await stage((element, proxy) => {
      sessionStorage.setItem('rulrr-connect ' + element.proxyUrl, 'sealed');
      proxy.status = finished();
      void element.updateComplete.then(() => element.cancel());
    });
    await it.pass();
    expect([it.events, it.proxy.polls]).to.deep.equal([['connect-finished'], 1]);
  });

  it('keeps an id with a space in it, and reads what was kept as it stood', async () => {
    for (const id of ['sealed id+/=%', 'two  spaces %20', 'sealed+/=%']) {
      const first = await pendingStage(
        (_, proxy) => (proxy.start = { status: 201, body: { id, connectUrl: proxy.connectUrl, status: 'pending' } }),
      );
      first.element.remove();
      await first.pass();
      const second = await stage((element, proxy) => {
        element.proxyUrl = first.element.proxyUrl;
        proxy.status = finished();
      });
      await second.pass();
      expect(second.proxy.calls[0]!.path).to.equal('/integrations/' + encodeURIComponent(id));
      expect([second.element.state, sessionStorage.length]).to.deep.equal(['finished', 0]);
    }
    const old = await stage((element) => sessionStorage.setItem('rulrr-connect ' + element.proxyUrl, 'a+/=% b%41'));
    await old.pass();
    expect(old.proxy.calls[0]!.path).to.equal('/integrations/' + encodeURIComponent('a+/=%'));
  });

  it('shows the page that it hears of later than of the session', async () => {
    const it = await stage((element, proxy) => {
      sessionStorage.setItem('rulrr-connect ' + element.proxyUrl, 'pageless');
      proxy.queue = [pending(), pending()];
    });
    await it.pass();
    expect([it.element.state, it.frame() === null]).to.deep.equal(['pending', true]);
    it.proxy.status = pending({ connectUrl: it.proxy.connectUrl });
    await it.pass(6000);
    expect(it.frame()!.src).to.equal(it.proxy.connectUrl);
    expect(it.events).to.deep.equal(['connect-started']);
  });

  it('waits for the page’s own fetch where the first one is not let in', async () => {
    const it = await stage((element, proxy) => {
      sessionStorage.setItem('rulrr-connect ' + element.proxyUrl, 'sealed');
      proxy.status = refusal(401, 'unauthorized');
    });
    await it.pass();
    expect(it.element.state).to.equal('idle');
    it.proxy.status = finished();
    it.element.fetch = (input, init) => it.proxy.fetch(input, init);
    await it.pass();
    expect(it.events).to.deep.equal(['connect-finished']);
  });

  it('asks with the page’s own fetch where that came while the first one was being refused', async () => {
    let refuse: () => void = () => {};
    const it = await stage((element, proxy) => {
      sessionStorage.setItem('rulrr-connect ' + element.proxyUrl, 'sealed');
      proxy.status = refusal(401, 'unauthorized');
      element.fetch = async (input, init) => {
        const answer = await proxy.fetch(input, init);
        await new Promise<void>((resolve) => (refuse = resolve));
        return answer;
      };
    });
    await it.pass();
    it.proxy.status = finished();
    it.element.fetch = (input, init) => it.proxy.fetch(input, init);
    await it.pass();
    refuse();
    await it.pass();
    await it.pass();
    expect(it.events).to.deep.equal(['connect-finished']);
  });

  it('gives up what waits so for another session', async () => {
    const it = await stage((element, proxy) => {
      sessionStorage.setItem('rulrr-connect ' + element.proxyUrl, 'sealed');
      proxy.status = refusal(401, 'unauthorized');
    });
    await it.pass();
    expect(sessionStorage.getItem('rulrr-connect ' + it.element.proxyUrl)).to.equal('sealed');
    it.proxy.status = pending();
    void it.element.start();
    await it.pass();
    expect(it.element.state).to.equal('pending');
    expect(sessionStorage.getItem('rulrr-connect ' + it.element.proxyUrl)).not.to.contain('sealed');
  });
});

describe('<rulrr-connect>: removal, return and company', () => {
  it('goes on where it was after a move, without a second start', async () => {
    const { element, proxy, events, frame, pass } = await pendingStage();
    const node = frame();
    const other = document.createElement('div');
    element.parentElement!.append(other);
    for (let round = 0; round < 5; round++) {
      other.append(element);
      element.parentElement!.parentElement!.append(element);
    }
    await pass();
    expect(frame() === node).to.equal(true);
    expect(element.state).to.equal('pending');
    expect(proxy.count('POST', '/integrations')).to.equal(1);
    proxy.status = finished();
    await pass(3000);
    expect(events).to.deep.equal(['connect-started', 'connect-finished']);
  });

  it('is started once though it is moved meanwhile', async () => {
    const it = await stage((_, proxy) => (proxy.start = { hang: true }));
    void it.element.start();
    await it.pass();
    const holder = it.element.parentElement!;
    document.body.append(it.element);
    holder.append(it.element);
    await it.pass();
    expect(it.proxy.count('POST', '/integrations')).to.equal(1);
  });

  it('stops at once when removed, leaves nothing, and takes the session up when it returns', async () => {
    const { element, proxy, clock, events, frame, pass } = await pendingStage();
    const parent = element.parentElement!;
    const outcome = element.start();
    proxy.status = { hang: true };
    await pass(3000);
    expect(proxy.inFlight).to.equal(1);
    element.remove();
    await pass();
    expect(proxy.inFlight).to.equal(0);
    expect(clock.pending).to.equal(0);
    expect(frame() === null).to.equal(true);
    proxy.status = finished();
    await pass(600_000);
    const calls = proxy.calls.length;
    parent.append(element);
    await pass();
    expect(proxy.calls.length).to.equal(calls + 1);
    expect(events).to.deep.equal(['connect-started', 'connect-finished']);
    expect((await outcome).type).to.equal('finished');
  });

  it('asks to the end when it is taken out by whoever gives up, before or after', async () => {
    for (const [status, how] of [
      [finished(), 'finished'],
      [pending(), 'cancelled'],
      [{ hang: true }, 'cancelled'],
    ] as const) {
      for (const order of ['before', 'after', 'long after']) {
        const { element, proxy, clock, events, pass } = await pendingStage();
        const outcome = element.start();
        proxy.status = status;
        if (order === 'before') element.cancel();
        element.remove();
        if (order === 'long after') await pass(60_000);
        element.cancel();
        await pass();
        await pass(3000);
        const what = order + ' ' + how;
        expect((await outcome).type, what).to.equal(how);
        expect(events, what).to.deep.equal(['connect-started', 'connect-' + how]);
        expect([proxy.polls, proxy.inFlight, clock.pending, sessionStorage.length], what).to.deep.equal([1, 0, 0, 0]);
      }
    }
  });

  it('hears the answer to its last question, and to a start, that is there as a page goes on which stood still for longer than they may take', async () => {
    const { element, proxy, clock, events } = await stage();
    element.fetch = (input, init) => {
      const answer = proxy.fetch(input as string, init);
      if (init!.method === 'POST') clock.freeze(40_000);
      return answer;
    };
    void element.start();
    await settle(element);
    expect(events).to.deep.equal(['connect-started']);
    proxy.status = finished();
    element.cancel();
    clock.freeze(5000);
    await settle(element);
    expect(events).to.deep.equal(['connect-started', 'connect-finished']);
  });

  it('asks its last question once, also when it is moved meanwhile', async () => {
    const { element, proxy, events, pass } = await pendingStage();
    proxy.status = { hang: true };
    element.cancel();
    document.body.append(element);
    await pass(100);
    document.body.append(element);
    await pass(2900);
    expect(events).to.deep.equal(['connect-started', 'connect-cancelled']);
    expect(proxy.polls).to.equal(1);
    element.remove();
  });

  it('asks no more often for being moved: once a second, and as late as the proxy wants', async () => {
    for (const status of [pending(), { hang: true }]) {
      const { element, proxy, pass } = await pendingStage();
      proxy.status = status;
      for (let move = 0; move < 20; move++) {
        document.body.append(element);
        await pass(100);
      }
      expect(proxy.polls).to.be.within(2, 3);
      element.remove();
    }
    const { element, proxy, pass } = await pendingStage();
    proxy.status = refusal(429, 'rate_limited', { 'Retry-After': '30' });
    await pass(3000);
    for (let move = 0; move < 20; move++) {
      document.body.append(element);
      await pass(1000);
    }
    expect(proxy.polls).to.equal(1);
    await pass(11_000);
    expect(proxy.polls).to.equal(2);
    element.remove();
  });

  it('goes on when the clock is set back', async () => {
    let back = 0;
    const { element, proxy, pass } = await pendingStage((el) => {
      const { clock } = el;
      el.clock = { now: () => clock.now() - back, after: clock.after, random: clock.random };
    });
    element.checkNow();
    await pass();
    expect(proxy.polls).to.equal(1);
    back = 3_600_000;
    element.checkNow();
    for (let turn = 0; turn < 10; turn++) await pass(1000);
    expect(proxy.polls).to.be.within(4, 6);
  });

  it('is a modal dialog again after a move', async () => {
    const { element, part, pass } = await pendingStage((el) => (el.presentation = 'dialog'));
    document.body.append(element);
    await pass();
    expect((part('dialog') as HTMLDialogElement).matches(':modal')).to.equal(true);
    expect(element.state).to.equal('pending');
    element.remove();
    await pass();
  });

  it('is taken up by no other element while it is asked about for the last time', async () => {
    const first = await pendingStage();
    const parent = first.element.parentElement!;
    first.element.remove();
    await first.pass();
    first.proxy.status = { hang: true };
    first.element.cancel();
    const element = document.createElement('rulrr-connect');
    Object.assign(element, { clock: fakeClock(), fetch: first.proxy.fetch, proxyUrl: first.element.proxyUrl });
    parent.append(element);
    const second = stageOf(element, first.proxy, element.clock as ReturnType<typeof fakeClock>);
    await second.pass();
    await first.pass(3000);
    expect(first.events).to.deep.equal(['connect-started', 'connect-cancelled']);
    expect([element.state, first.proxy.polls]).to.deep.equal(['idle', 1]);
    element.remove();
  });

  it('is taken up by a new element where the first one is gone for good', async () => {
    const first = await pendingStage();
    const parent = first.element.parentElement!;
    first.element.remove();
    await first.pass();
    const element = document.createElement('rulrr-connect');
    Object.assign(element, { clock: fakeClock(), fetch: first.proxy.fetch, proxyUrl: first.element.proxyUrl });
    first.proxy.status = pending({ connectUrl: first.proxy.connectUrl });
    const second = stageOf(element, first.proxy, element.clock as ReturnType<typeof fakeClock>);
    parent.append(element);
    await second.pass();
    await second.pass();
    expect(element.state).to.equal('pending');
    expect(first.proxy.count('POST', '/')).to.equal(1);
  });

  it('is taken up by a new element that the page starts as it puts it in, as it did with the first one', async () => {
    const first = await pendingStage();
    const { proxy } = first;
    const parent = first.element.parentElement!;
    proxy.status = pending({ connectUrl: proxy.connectUrl });
    for (let visit = 0, last = first; visit < 3; visit++) {
      last.element.remove();
      await last.pass();
      const element = document.createElement('rulrr-connect');
      const clock = fakeClock();
      Object.assign(element, { clock, fetch: proxy.fetch, proxyUrl: first.element.proxyUrl });
      last = stageOf(element, proxy, clock);
      parent.append(element);
      void element.start();
      await last.pass();
      await last.pass();
      expect([element.state, last.events]).to.deep.equal(['pending', ['connect-started']]);
    }
    expect(proxy.count('POST', '/')).to.equal(1);
    expect(kept()).to.deep.equal([`${proxy.name}-1`]);
  });

  it('is left to the next element by one that was started and taken out again before it could do anything', async () => {
    const { element: gone, proxy, pass } = await pendingStage();
    const parent = gone.parentElement!;
    proxy.status = pending({ connectUrl: proxy.connectUrl });
    gone.remove();
    await pass();
    const [brief, next] = [0, 1].map(() => {
      const element = document.createElement('rulrr-connect');
      const clock = fakeClock();
      Object.assign(element, { clock, fetch: proxy.fetch, proxyUrl: gone.proxyUrl });
      return stageOf(element, proxy, clock);
    }) as [Stage, Stage];
    parent.append(brief.element);
    void brief.element.start();
    brief.element.remove();
    brief.clock.advance(0);
    await brief.pass();
    parent.append(next.element);
    void next.element.start();
    await next.pass();
    await next.pass();
    expect([next.element.state, next.details, proxy.count('POST', '/')]).to.deep.equal([
      'pending',
      [{ resumed: true }],
      1,
    ]);
  });

  it('gives way to a new one where it is over, and the page has just asked for one', async () => {
    for (const over of [refusal(410, 'expired'), cancelled]) {
      const { element: gone, proxy, pass } = await pendingStage();
      const parent = gone.parentElement!;
      gone.remove();
      await pass();
      const element = document.createElement('rulrr-connect');
      const clock = fakeClock();
      Object.assign(element, { clock, fetch: proxy.fetch, proxyUrl: gone.proxyUrl });
      const next = stageOf(element, proxy, clock);
      proxy.queue = [over];
      parent.append(element);
      void element.start();
      await next.pass();
      await next.pass();
      expect([element.state, next.events]).to.deep.equal(['pending', ['connect-started']]);
      expect(kept()).to.deep.equal([`${proxy.name}-2`]);
      element.cancel();
      await next.pass();
      expect([element.state, kept()]).to.deep.equal(['cancelled', []]);
    }
  });

  it('is taken up by a new element where the page takes the first one out as it starts', async () => {
    const first = await stage();
    const { element: gone, proxy, pass } = first;
    const parent = gone.parentElement!;
    gone.addEventListener('connect-started', () => gone.remove());
    void gone.start();
    await pass();
    expect([first.events, gone.isConnected]).to.deep.equal([['connect-started'], false]);
    expect(kept()).to.deep.equal([`${proxy.name}-1`]);
    const element = document.createElement('rulrr-connect');
    Object.assign(element, { clock: fakeClock(), fetch: proxy.fetch, proxyUrl: gone.proxyUrl });
    proxy.status = finished();
    const second = stageOf(element, proxy, element.clock as ReturnType<typeof fakeClock>);
    parent.append(element);
    await second.pass();
    await second.pass();
    expect(second.events).to.deep.equal(['connect-finished']);
    expect(proxy.count('POST', '/')).to.equal(1);
  });

  it('starts once under StrictMode: mounted, unmounted, mounted', async () => {
    const it = await stage((element) => (element.autostart = true));
    const parent = it.element.parentElement!;
    it.element.remove();
    parent.append(it.element);
    await it.pass();
    await it.pass();
    expect(it.element.state).to.equal('pending');
    expect(it.proxy.count('POST', '/')).to.equal(1);
    expect(it.events).to.deep.equal(['connect-started']);
  });

  it('does not start by itself for a store that is connected', async () => {
    const it = await stage((element, proxy) => {
      element.autostart = true;
      proxy.connection = { body: { connected: true, ereceipt: false, expiration: null } };
    });
    await it.pass();
    expect(it.element.state).to.equal('idle');
    expect(it.part('status')!.textContent).to.contain('Text receipts are off');
  });

  it('does not start by itself for a store that was connected, where that cannot be read any more', async () => {
    const it = await stage((_, proxy) => {
      proxy.connection = { body: { connected: true, ereceipt: true, expiration: null } };
    });
    const parent = it.element.parentElement!;
    await it.pass();
    it.element.remove();
    await it.pass();
    it.proxy.connection = refusal(503, 'store_unavailable');
    it.element.autostart = true;
    parent.append(it.element);
    await it.pass();
    await it.pass();
    expect(it.element.connection!.connected).to.equal(true);
    expect(it.proxy.count('POST', '/integrations')).to.equal(0);
  });

  it('waits for the page when it is started outside of it', async () => {
    for (const how of ['just before', 'long before'] as const) {
      const { proxy } = await stage();
      const element = document.createElement('rulrr-connect');
      const clock = fakeClock();
      Object.assign(element, { clock, fetch: proxy.fetch, proxyUrl: '/rulrr-' + how.slice(0, 4) });
      const { pass } = stageOf(element, proxy, clock);
      expect(element.start()).to.equal(element.start());
      if (how === 'long before') await settle();
      expect(proxy.count('POST', '/')).to.equal(0);
      document.body.append(element);
      await pass();
      expect([element.state, proxy.count('POST', '/')], how).to.deep.equal(['pending', 1]);
      element.remove();
      await pass();
    }
  });

  it('can be cancelled outside of the page too, though it never was in one', async () => {
    const { proxy } = await stage();
    const element = document.createElement('rulrr-connect');
    Object.assign(element, { clock: fakeClock(), fetch: proxy.fetch });
    const outcome = element.start();
    await settle();
    element.cancel();
    expect(await outcome).to.deep.equal({ type: 'cancelled', by: 'operator' });
  });

  it('asks for no session while it is out of the page, and for one when it is back', async () => {
    const it = await stage();
    const parent = it.element.parentElement!;
    it.element.remove();
    await it.pass();
    void it.element.start();
    await it.pass(60_000);
    expect([it.proxy.count('POST', '/'), it.clock.pending]).to.deep.equal([0, 0]);
    parent.append(it.element);
    await it.pass();
    expect([it.element.state, it.proxy.count('POST', '/')]).to.deep.equal(['pending', 1]);
    expect(it.events).to.deep.equal(['connect-started']);
  });

  it('leaves another element with the same proxy alone', async () => {
    const one = await pendingStage();
    const element = document.createElement('rulrr-connect');
    const clock = fakeClock();
    Object.assign(element, { clock, fetch: one.proxy.fetch, proxyUrl: one.element.proxyUrl });
    const two = stageOf(element, one.proxy, clock);
    one.element.parentElement!.append(element);
    await two.pass();
    expect(element.state).to.equal('idle');
    void element.start();
    await two.pass();
    expect(kept()).to.deep.equal([`${one.proxy.name}-1 ${one.proxy.name}-2`]);
    one.proxy.queue = [cancelled];
    await one.pass(3000);
    expect([one.element.state, element.state]).to.deep.equal(['cancelled', 'pending']);
    expect(kept()).to.deep.equal([`${one.proxy.name}-2`]);
    one.proxy.queue = [finished()];
    await two.pass(3000);
    expect([one.element.state, element.state]).to.deep.equal(['cancelled', 'finished']);
    expect(one.ends()).to.equal(1);
    expect(sessionStorage.length).to.equal(0);
  });

  it('stays with its element where both are moved together, and the other one has yet to look or was not let in', async () => {
    for (const refused of [false, true]) {
      const one = await pendingStage();
      const { proxy } = one;
      const parent = one.element.parentElement!;
      const around = parent.parentElement!;
      proxy.status = pending({ connectUrl: proxy.connectUrl });
      const element = document.createElement('rulrr-connect');
      const clock = fakeClock();
      const shut = () => Promise.resolve(Response.json({ code: 'unauthorized' }, { status: 401 }));
      Object.assign(element, { clock, fetch: refused ? shut : proxy.fetch, proxyUrl: one.element.proxyUrl });
      const two = stageOf(element, proxy, clock);
      parent.prepend(element);
      await element.updateComplete;
      if (refused) await two.pass();
      parent.remove();
      around.append(parent);
      await one.pass();
      await two.pass();
      expect([one.element.state, element.state, two.events]).to.deep.equal(['pending', 'idle', []]);
      one.element.remove();
      element.remove();
      sessionStorage.clear();
    }
  });

  it('goes on in the element that takes its place in one go, as frameworks and hot reloads replace them', async () => {
    const one = await pendingStage();
    const element = document.createElement('rulrr-connect');
    const clock = fakeClock();
    Object.assign(element, { clock, fetch: one.proxy.fetch, proxyUrl: one.element.proxyUrl });
    const two = stageOf(element, one.proxy, clock);
    one.proxy.status = pending({ connectUrl: one.proxy.connectUrl });
    one.element.replaceWith(element);
    await settle();
    await one.pass();
    await two.pass();
    await two.pass();
    expect(element.state).to.equal('pending');
    expect(kept()).to.deep.equal([`${one.proxy.name}-1`]);
    one.proxy.status = finished();
    await two.pass(3000);
    expect(element.state).to.equal('finished');
    expect([one.ends(), two.ends(), sessionStorage.length]).to.deep.equal([0, 1, 0]);
  });

  it('keeps two elements with a proxy each apart: hints, ends and what is kept', async () => {
    const one = await pendingStage();
    const two = await pendingStage();
    expect(kept().sort()).to.deep.equal([`${one.proxy.name}-1`, `${two.proxy.name}-1`].sort());
    one.frame()!.dispatchEvent(new Event('load'));
    await one.pass();
    await two.pass();
    expect([one.proxy.polls, two.proxy.polls]).to.deep.equal([1, 0]);
    one.element.remove();
    await one.pass();
    await two.pass(3000);
    expect([one.proxy.inFlight, one.element.state, two.element.state]).to.deep.equal([0, 'pending', 'pending']);
    two.proxy.status = finished();
    await two.pass(3000);
    expect([one.ends(), two.ends(), two.element.state]).to.deep.equal([0, 1, 'finished']);
    expect(kept()).to.deep.equal([`${one.proxy.name}-1`]);
  });

  it('slows down while hidden and asks at once when shown', async () => {
    const { proxy, pass } = await pendingStage();
    setHidden(true);
    for (let turn = 0; turn < 60; turn++) await pass(1000);
    expect(proxy.polls).to.be.within(3, 4);
    for (let turn = 0; turn < 30; turn++) await pass(10_000);
    const before = proxy.polls;
    for (let turn = 0; turn < 60; turn++) await pass(5_000);
    expect(proxy.polls - before).to.be.within(4, 5);
    const last = proxy.polls;
    setHidden(false);
    await pass();
    expect(proxy.polls).to.equal(last + 1);
    await pass(5000);
    expect(proxy.polls).to.equal(last + 2);
  });

  it('pauses while offline', async () => {
    let onLine = false;
    Object.defineProperty(navigator, 'onLine', { configurable: true, get: () => onLine });
    try {
      const { proxy, pass } = await pendingStage();
      await pass(600_000);
      expect(proxy.polls).to.equal(0);
      const other = await pendingStage();
      other.element.cancel();
      await other.pass(3000);
      expect(other.events).to.deep.equal(['connect-started', 'connect-cancelled']);
      onLine = true;
      window.dispatchEvent(new Event('online'));
      await pass();
      expect(proxy.polls).to.equal(1);
    } finally {
      delete (navigator as { onLine?: boolean }).onLine;
    }
  });

  it('leaves nothing after a thousand mounts and unmounts, mid-request and mid-load among them', async function () {
    this.timeout(60_000);
    const counts = new Map<EventTarget, number>();
    const targets: EventTarget[] = [window, document];
    const undo = targets.map((target) => {
      const { addEventListener, removeEventListener } = target;
      const seen = new Set<string>();
      const ids = new Map<unknown, number>();
      const key = (type: string, listener: unknown): string => {
        if (!ids.has(listener)) ids.set(listener, ids.size);
        return type + ids.get(listener);
      };
      counts.set(target, 0);
      target.addEventListener = function (
        type: string,
        listener: EventListenerOrEventListenerObject | null,
        options?: unknown,
      ) {
        seen.add(key(type, listener));
        counts.set(target, seen.size);
        addEventListener.call(target, type, listener, options as AddEventListenerOptions);
      };
      target.removeEventListener = function (
        type: string,
        listener: EventListenerOrEventListenerObject | null,
        options?: unknown,
      ) {
        seen.delete(key(type, listener));
        counts.set(target, seen.size);
        removeEventListener.call(target, type, listener, options as EventListenerOptions);
      };
      return () => {
        target.addEventListener = addEventListener;
        target.removeEventListener = removeEventListener;
      };
    });
    const body = document.body.getAttribute('style');
    const scroll = [window.scrollX, window.scrollY];
    const clock = fakeClock();
    const holder = document.createElement('div');
    document.body.append(holder);
    let inFlight = 0;
    let warnings = 0;
    let sessions = 0;
    let round = 0;
    const replies: (() => unknown)[] = [
      () => ({ id: 'r' + round, connectUrl: frameOrigin + '/hang', status: 'pending', expiresAt: '', pollAfterMs: 0 }),
      () => null,
    ];
    try {
      for (; round < 1000; round++) {
        const element = document.createElement('rulrr-connect');
        element.clock = clock;
        element.proxyUrl = '/leak' + round;
        element.presentation = round % 3 ? 'inline' : 'dialog';
        const body = replies[round % 4 === 3 ? 1 : 0]!();
        element.fetch = async (input, init) => {
          inFlight += 1;
          try {
            // Every fourth start, and every status call, is under way when the element goes.
            if (!body || /integrations\//.test(input)) {
              await new Promise((_, reject) =>
                init!.signal!.addEventListener('abort', () => reject(new Error('gone'))),
              );
            }
            const text = input.endsWith('/connection') ? { connected: false } : body;
            return {
              ok: true,
              status: 200,
              headers: new Headers(),
              text: async () => JSON.stringify(text),
            } as Response;
          } finally {
            inFlight -= 1;
          }
        };
        element.addEventListener('connect-warning', () => (warnings += 1));
        element.addEventListener('connect-started', () => (sessions += 1));
        holder.append(element);
        void element.start();
        if (round % 2) await element.updateComplete;
        // What a session needs is loaded first: every fifth gets as far as that, with a frame of its own unless its start is under way.
        if (round % 5 === 1) await settle();
        await clock.advanceAsync(round % 2 ? 3000 : 0);
        element.remove();
        await clock.advanceAsync(0);
        expect(element.shadowRoot!.querySelector('iframe') === null).to.equal(true);
      }
      await settle();
      await clock.advanceAsync(3_600_000);
      expect(clock.pending).to.equal(0);
      expect(inFlight).to.equal(0);
      expect(warnings).to.equal(0);
      expect(sessions).to.be.at.least(100);
      expect([...counts.values()]).to.deep.equal([0, 0]);
      expect(document.querySelectorAll('iframe').length).to.equal(0);
      expect(document.body.getAttribute('style')).to.equal(body);
      expect([window.scrollX, window.scrollY]).to.deep.equal(scroll);
    } finally {
      undo.forEach((back) => back());
      holder.remove();
    }
  });
});
