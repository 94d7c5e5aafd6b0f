import { expect } from '@open-wc/testing';
import { Announcer } from '../../src/numpad/announcer.js';
import type { Clock } from '../../src/shared/clock.js';
import { fakeClock } from '../support/fake-clock.js';

/** An announcer in an element that is in a page, and what it has said. */
function stage(clock: Clock) {
  const said: string[] = [];
  const host = { clock, isConnected: true, requestUpdate: () => void said.push(announcer.spoken) };
  const announcer = new Announcer(host);
  return { announcer, host, said };
}

describe('Announcer', () => {
  it('says at most one message a second, and the newest one', () => {
    const clock = fakeClock();
    const { announcer, said } = stage(clock);
    announcer.announce('one');
    announcer.announce('two');
    announcer.announce('three');
    expect(said).to.deep.equal(['one']);
    clock.advance(1000);
    expect(said).to.deep.equal(['one', 'three']);
  });

  it('does not repeat the same words', () => {
    const clock = fakeClock();
    const { announcer, said } = stage(clock);
    announcer.announce('one');
    clock.advance(5000);
    announcer.announce('one');
    expect(said).to.deep.equal(['one']);
    expect(clock.pending).to.equal(0);
  });

  it('is silent for no more than a second when the clock is set back', () => {
    const clock = fakeClock();
    let back = 0;
    const { announcer, said } = stage({ ...clock, now: () => clock.now() - back });
    announcer.announce('one');
    back = 3_600_000;
    announcer.announce('two');
    clock.advance(500);
    announcer.announce('three');
    clock.advance(500);
    expect(said).to.deep.equal(['one', 'three']);
  });

  it('leaves no timer to an element that is gone', () => {
    const clock = fakeClock();
    const { announcer, host, said } = stage(clock);
    announcer.announce('one');
    announcer.announce('two');
    host.isConnected = false;
    announcer.announce('three');
    expect(clock.pending).to.equal(0);
    clock.advance(5000);
    expect(said).to.deep.equal(['one']);
  });
});
