import { expect } from '@open-wc/testing';
import { cancelled, finished, pendingStage, refusal, settle, stage } from './support.js';

describe('<rulrr-connect>: a session', () => {
  it('starts with a click, shows the connect page, polls and finishes', async () => {
    const { element, proxy, events, details, part, frame, pass } = await stage();
    expect(element.getAttribute('state')).to.equal('idle');
    expect(element.connection).to.deep.equal({ connected: false, ereceipt: false, expiration: null });
    part('button')!.click();
    expect(element.state).to.equal('starting');
    await pass();
    expect(element.getAttribute('state')).to.equal('pending');
    expect(frame()!.src).to.equal(proxy.connectUrl);
    await pass(3000);
    expect(proxy.polls).to.equal(1);
    proxy.status = finished();
    await pass(3000);
    expect(events).to.deep.equal(['connect-started', 'connect-finished']);
    expect(details[1]).to.deep.equal({ ereceipt: true, expiration: '2027-01-01T00:00:00Z' });
    expect(element.connection).to.deep.equal({ connected: true, ereceipt: true, expiration: '2027-01-01T00:00:00Z' });
    expect(frame() === null).to.equal(true);
    expect(part('status')!.textContent).to.contain('Text receipts are on');
    expect(part('error') === null).to.equal(true);
    const calls = proxy.calls.length;
    await pass(600_000);
    expect(proxy.calls.length).to.equal(calls);
  });

  it('hears from the merchant that it was cancelled, and offers Connect again', async () => {
    const { element, proxy, events, details, part, pass } = await pendingStage();
    proxy.status = cancelled;
    await pass(3000);
    expect(events).to.deep.equal(['connect-started', 'connect-cancelled']);
    expect(details[1]).to.deep.equal({ by: 'merchant' });
    part('button')!.click();
    await pass();
    expect(element.state).to.equal('pending');
  });

  it('asks once more when the operator gives up', async () => {
    const one = await pendingStage();
    one.part('cancel')!.click();
    await one.pass();
    expect(one.proxy.polls).to.equal(1);
    expect(one.events).to.deep.equal(['connect-started', 'connect-cancelled']);
    expect(one.details[1]).to.deep.equal({ by: 'operator' });

    const other = await pendingStage();
    other.proxy.status = finished(false);
    const outcome = other.element.start();
    other.element.cancel();
    await other.pass();
    expect(other.events).to.deep.equal(['connect-started', 'connect-finished']);
    expect(await outcome).to.deep.equal({ type: 'finished', ereceipt: false, expiration: '2027-01-01T00:00:00Z' });
  });

  it('expires at its own limit and starts afresh with one click', async () => {
    const { element, proxy, events, ends, part, pass } = await pendingStage((el) => (el.timeout = 60));
    await pass(60_000);
    await pass();
    expect(events).to.deep.equal(['connect-started', 'connect-expired']);
    expect(part('error')!.textContent).to.equal(part('status')!.textContent!.trim());
    part('retry')!.click();
    await pass();
    expect(element.state).to.equal('pending');
    expect(proxy.count('POST', '/integrations')).to.equal(2);
    await pass(60_000);
    await pass();
    expect([element.state, ends()]).to.deep.equal(['expired', 2]);
  });

  it('says why a start failed', async () => {
    const { element, events, details, part, pass } = await stage(
      (_, proxy) => (proxy.start = refusal(502, 'upstream_error')),
    );
    const outcome = element.start();
    await pass();
    expect(events).to.deep.equal(['connect-failed']);
    expect(details[0]).to.deep.include({ code: 'upstream_error', phase: 'start', retryable: true });
    expect(part('error')!.textContent).to.contain('upstream_error');
    expect(await outcome).to.deep.include({ type: 'failed', code: 'upstream_error' });
    await settle(element);
    expect(part('retry') === null).to.equal(false);
  });
});
