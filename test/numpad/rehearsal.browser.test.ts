import { expect, nextFrame } from '@open-wc/testing';
// Here from the start, so that no pad of an earlier test rehearses during a later one.
import '../../src/numpad/rehearsal.js';
import { until } from '../support/until.js';
import { till, type Till } from './support.js';

describe('the keypad', () => {
  let t: Till;
  afterEach(() => t.remove());

  it('rehearses the first key where nobody sees it, and once', async () => {
    const listened: string[] = [];
    const listen = window.addEventListener.bind(window);
    window.addEventListener = (...listening: Parameters<typeof listen>) => {
      listened.push(listening[0]);
      listen(...listening);
    };
    const ask = window.requestAnimationFrame;
    const frames: FrameRequestCallback[] = [];
    window.requestAnimationFrame = (callback) => frames.push(callback);
    try {
      t = await till({ 'idle-timeout': '0' });
      void t.pad.prompt('order');
      await t.pass();
      t.tap('2');
      listened.length = 0;
      // Not before it has been seen once, however slow the till is.
      await t.pass(200);
      expect(listened).to.deep.equal([]);
      for (const frame of frames.splice(0)) frame(0);
      await t.pass(199);
      expect(listened).to.deep.equal([]);
      await t.pass(1);
      // It goes through a press: a finger may lift anywhere.
      await until(() => listened.includes('pointerup'));
      expect(t.clock.pending).to.equal(0);
      listened.length = 0;
      await t.pass(60_000);
      expect(listened).to.deep.equal([]);
    } finally {
      window.addEventListener = listen;
      window.requestAnimationFrame = ask;
    }
    expect(t.digits()).to.equal('2');
    expect(t.inputs).to.deep.equal(['']);
    expect(t.pad.value).to.equal('');
  });

  it('rehearses without an error where the page puts the keys in another order meanwhile', async () => {
    t = await till();
    await nextFrame();
    const errors: unknown[] = [];
    const note = (event: PromiseRejectionEvent) => void errors.push(event.reason);
    window.addEventListener('unhandledrejection', note);
    try {
      t.clock.advance(200);
      t.pad.layout = 'calculator';
      for (let turn = 0; turn < 10; turn++) await t.pass();
    } finally {
      window.removeEventListener('unhandledrejection', note);
    }
    expect(errors).to.deep.equal([]);
  });

  it('rehearses the font of the number, and leaves nothing of that on screen', async () => {
    t = await till({ 'idle-timeout': '0' });
    void t.pad.prompt('order');
    await t.pass();
    await nextFrame();
    const laidOut: string[] = [];
    const display = t.part('display');
    display.getBoundingClientRect = () => {
      laidOut.push(display.textContent);
      return new DOMRect();
    };
    await t.pass(200);
    await until(() => laidOut.length > 0);
    expect(laidOut).to.deep.equal(['0']);
    expect(display.textContent).to.equal('');
    expect(t.pad.value).to.equal('');
    expect(t.inputs).to.deep.equal([]);
  });
});
