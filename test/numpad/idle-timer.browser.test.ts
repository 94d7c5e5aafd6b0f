import { expect } from '@open-wc/testing';
import { till, type Till } from './support.js';

describe('a page that', () => {
  let t: Till;
  const start = async (...options: Parameters<typeof till>) => (t = await till(...options));
  afterEach(() => t.remove());

  it('gives seconds of any kind', async () => {
    const prints = async (timeout: string | null, after: number) => {
      await start(timeout === null ? {} : { 'idle-timeout': timeout });
      if (timeout === null) t.pad.removeAttribute('idle-timeout');
      void t.pad.prompt('order');
      await t.pass(after - 100);
      expect(t.told, `${timeout} early`).to.deep.equal([]);
      await t.pass(200);
      expect(t.reasons(), String(timeout)).to.deep.equal(['order idle']);
      t.remove();
    };
    await prints('1', 1000);
    await prints('2.5', 2500);
    await prints('12', 12_000);
    // No number of seconds: the usual ones, rather than a number that stands there for ever.
    await prints('soon', 60_000);
    await prints('-5', 60_000);
    await prints(null, 60_000);
    await prints('', 60_000);
    await prints(' ', 60_000);
    for (const blank of ['', ' ', '30s', false, null, undefined]) {
      await start({}, { idleTimeout: blank as unknown as number });
      void t.pad.prompt('order');
      await t.pass(60_100);
      expect(t.reasons(), `as a property: ${JSON.stringify(blank)}`).to.deep.equal(['order idle']);
      t.remove();
    }
    await start({ 'idle-timeout': '0' });
    void t.pad.prompt('order');
    await t.pass(86_400_000);
    expect(t.told).to.deep.equal([]);
    t.remove();
    // A month. Browsers run a timer of more than 24 days at once.
    await start({ 'idle-timeout': '2592000' });
    const { clock } = t;
    t.pad.clock = { ...clock, after: (ms, callback) => clock.after(ms < 2 ** 31 ? ms : 0, callback) };
    void t.pad.prompt('order');
    await t.pass(86_400_000);
    expect(t.told).to.deep.equal([]);
  });

  it('changes the seconds while it asks has the new ones count from then on', async () => {
    await start();
    void t.pad.prompt('order');
    await t.pass(55_000);
    t.pad.idleTimeout = 0;
    await t.pass(86_400_000);
    expect(t.told).to.deep.equal([]);
    t.pad.setAttribute('idle-timeout', '2');
    await t.pass(1900);
    expect(t.told).to.deep.equal([]);
    await t.pass(200);
    expect(t.reasons()).to.deep.equal(['order idle']);
  });

  it('gives so few seconds that the warning stands all the time has it read out once, not with each key', async () => {
    await start({ 'idle-timeout': '8' });
    void t.pad.prompt('order');
    await t.pass(1500);
    const status = t.part('status');
    const countdown = t.pad.shadowRoot!.querySelector('.countdown')!;
    expect(status.textContent).to.contain(' 8 s');
    const seen: string[] = [];
    const observer = new MutationObserver(() => seen.push(status.textContent, countdown.textContent!));
    observer.observe(t.pad.shadowRoot!, { childList: true, characterData: true, subtree: true });
    for (const key of '213') {
      t.tap(key);
      await t.pass(1500);
    }
    observer.disconnect();
    expect([...new Set(seen)].map((words) => words.replace(/\D+/g, ' ').trim()).sort()).to.deep.equal(['7', '8']);
    await t.pass(6600);
    expect(t.reasons()).to.deep.equal(['order idle']);
  });

  it('gives the same seconds once as a number and once as a text keeps nothing on the screen by that', async () => {
    await start({ 'idle-timeout': '30' });
    void t.pad.prompt('order');
    await t.pass();
    for (const seconds of ['30', 30, '30', 30]) {
      t.pad.idleTimeout = seconds as number;
      await t.pass(7500);
    }
    expect(t.reasons()).to.deep.equal(['order idle']);
  });
});
