import { expect } from '@open-wc/testing';
import { Announcer } from '../../src/shared/announcer.js';
import { fakeClock } from '../support/fake-clock.js';

describe('Announcer', () => {
  it('says at most one message a second, and the newest one', () => {
    const clock = fakeClock();
    const said: string[] = [];
    const announcer = new Announcer(clock, (text) => said.push(text));
    announcer.announce('one');
    announcer.announce('two');
    announcer.announce('three');
    expect(said).to.deep.equal(['one']);
    clock.advance(1000);
    expect(said).to.deep.equal(['one', 'three']);
  });

  it('does not repeat the same words', () => {
    const clock = fakeClock();
    const said: string[] = [];
    const announcer = new Announcer(clock, (text) => said.push(text));
    announcer.announce('one');
    clock.advance(5000);
    announcer.announce('one');
    expect(said).to.deep.equal(['one']);
    expect(clock.pending).to.equal(0);
  });

  it('is silent for no more than a second when the clock is set back', () => {
    const clock = fakeClock();
    const said: string[] = [];
    let back = 0;
    const announcer = new Announcer({ ...clock, now: () => clock.now() - back }, (text) => said.push(text));
    announcer.announce('one');
    back = 3_600_000;
    announcer.announce('two');
    clock.advance(500);
    announcer.announce('three');
    clock.advance(500);
    expect(said).to.deep.equal(['one', 'three']);
  });
});
