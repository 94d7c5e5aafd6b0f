import { expect } from '@open-wc/testing';
import { until } from '../support/until.js';
import { askingTill, till, type Till } from './support.js';

describe('the keypad', () => {
  let t: Till;
  const start = async (...options: Parameters<typeof till>) => (t = await askingTill(...options));
  afterEach(() => t.remove());

  it('has the order of a phone, or of a calculator', async () => {
    await start();
    const order = () => [...t.part('pad').querySelectorAll('button')].map((key) => key.dataset['key']).join(' ');
    expect(order()).to.equal('1 2 3 4 5 6 7 8 9 plus 0 delete');
    t.pad.layout = 'calculator';
    await t.pass();
    expect(order()).to.equal('7 8 9 4 5 6 1 2 3 plus 0 delete');
    t.tap('789');
    expect(t.digits()).to.equal('789');
  });

  it('does not move while messages come and go', async () => {
    await start();
    const top = () => t.key('5').getBoundingClientRect().top;
    const before = top();
    t.tap('5555555555');
    await t.pass(200);
    // The rules of the world are asked first.
    await until(() => t.pad.reason === 'invalid');
    await t.pass();
    expect(t.part('error').textContent).not.to.equal('');
    expect(top()).to.equal(before);
    t.tap('5555555555');
    await t.pass(200);
    expect(t.part('display').getClientRects()[0]!.height).to.be.greaterThan(50);
    expect(top()).to.equal(before);
    t.pad.clear();
    await t.pass(1500);
    expect(top()).to.equal(before);
  });

  for (const lang of ['en', 'es', 'fr', 'de', 'pt', 'he', 'ar', 'ja']) {
    it(`does not move as a send fails or as the seconds are counted, however wide it is: ${lang}`, async () => {
      await start({ lang, 'idle-timeout': '30' });
      if (lang !== 'en') await until(() => t.part('print').textContent.trim() !== 'No, thanks');
      const tops = () => {
        const found: string[] = [];
        for (let width = 200; width <= 420; width += 4) {
          t.pad.style.width = `${width}px`;
          found.push(`${width} px: ${t.key('5').getBoundingClientRect().top}`);
        }
        return found;
      };
      const before = tops();
      t.tap('2135550123');
      await t.pass(20_500);
      expect(t.pad.shadowRoot!.querySelector('.countdown')!.textContent, 'counted').not.to.equal('');
      expect(tops()).to.deep.equal(before);
      t.part('send').click();
      await t.pass();
      t.settle.reject(new Error('no'));
      await t.pass();
      expect(t.pad.state).to.equal('failed');
      expect(tops()).to.deep.equal(before);
    });
  }
});
