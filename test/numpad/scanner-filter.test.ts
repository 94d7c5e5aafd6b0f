// Barcode scanners and people, by the rhythm of their keys.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ScannerFilter } from '../../src/numpad/scanner-filter.js';
import { fakeClock } from '../support/fake-clock.js';

/** Keys a text with these gaps; answers with what is left, and whether an Enter behind it gets through. */
function key(
  filter: ScannerFilter,
  text: string,
  gap: () => number,
  start = 10_000,
  before = '',
): { left: string; enter: boolean; at: number } {
  let at = start;
  let left = before;
  for (const character of text) {
    at += gap();
    const restored = filter.character(at, left);
    left = restored ?? left + (/\d/.test(character) ? character : '');
  }
  at += gap();
  return { left, enter: !filter.terminator(at), at };
}

const codes = {
  'EAN-8': '96385074',
  'EAN-13': '4006381333931',
  UPC: '036000291452',
  QR: 'https://example.org/r/2135550123?x=1',
  'six digits': '213555',
};

describe('a scanner', () => {
  for (const [name, text] of Object.entries(codes)) {
    it(`leaves nothing and sends nothing: ${name}`, () => {
      for (const gap of [0, 1, 5, 10, 20, 30, 35]) {
        assert.deepEqual(key(new ScannerFilter(), text, () => gap).left, '', `${gap} ms`);
        assert.equal(key(new ScannerFilter(), text, () => gap).enter, false, `${gap} ms`);
      }
      const { random } = fakeClock(0, 5);
      for (let run = 0; run < 200; run++) {
        const { left, enter } = key(new ScannerFilter(), text.repeat(2), () => 5 + random() * 40);
        assert.equal(left, '');
        assert.equal(enter, false);
      }
    });
  }

  it('is known by its rhythm as a whole: one stumble, and an Enter that lags, change nothing', () => {
    const text = codes['EAN-13'];
    for (const stumbles of [90, 120, 150]) {
      for (let at = 2; at < text.length; at++) {
        let character = -1;
        const filter = new ScannerFilter();
        const { left } = key(filter, text, () => (++character === at ? stumbles : 15));
        assert.equal(left, '', `${stumbles} ms before character ${at}`);
      }
    }
    for (const lag of [90, 200, 500]) {
      const filter = new ScannerFilter();
      const { at } = key(filter, text, () => 15);
      // What `key` has sent behind the text is the first of two.
      assert.equal(filter.terminator(at + 5), true, `${lag} ms`);
      assert.equal(filter.terminator(at + 5 + lag), false, 'a hand');
      const late = new ScannerFilter();
      let last = 0;
      for (const character of text) late.character((last += 15), character);
      assert.equal(late.terminator(last + lag), true, `${lag} ms`);
    }
  });

  it('swallows each Enter of its own that lags, also of a second scan, and the Tab behind it', () => {
    const filter = new ScannerFilter();
    let at = 10_000;
    for (const scan of ['first', 'second']) {
      for (const character of codes.UPC) filter.character((at += 15), character);
      assert.equal(filter.terminator((at += 300)), true, `the Enter of the ${scan} scan`);
      assert.equal(filter.terminator((at += 10)), true, `the Tab of the ${scan} scan`);
      at += 2000;
    }
  });

  it('is known by all of a short code, though it stumbles in the middle of it', () => {
    for (let at = 2; at < codes['EAN-8'].length; at++) {
      let character = -1;
      const { left } = key(new ScannerFilter(), codes['EAN-8'], () => (++character === at ? 150 : 15));
      assert.equal(left, '', `before character ${at}`);
    }
  });

  it('takes no digit that a person has keyed right before it', () => {
    // One digit, or several, by a slow hand and by a quick one.
    for (const gap of [60, 100]) {
      for (const keyed of ['2', '213']) {
        const filter = new ScannerFilter();
        const person = key(filter, keyed, () => gap);
        const scan = key(filter, codes['EAN-13'], () => 10, person.at - gap + 90, keyed);
        assert.equal(scan.left, keyed, `${gap} ms`);
      }
    }
  });

  it('gives nothing of one customer to the next, though its burst goes on', () => {
    const filter = new ScannerFilter();
    const person = key(filter, '2133734253', () => 120);
    const scan = key(filter, '400638', () => 15, person.at + 300, person.left);
    assert.equal(scan.left, '2133734253');
    filter.forget();
    assert.equal(key(filter, '1333931', () => 15, scan.at - 15, '').left, '');
    assert.doesNotMatch(JSON.stringify(filter), /2133734253/);
  });

  it('puts back what a person had keyed before', () => {
    const filter = new ScannerFilter();
    const person = key(filter, '213', () => 300);
    const scan = key(filter, codes['EAN-13'], () => 8, person.at + 500, person.left);
    assert.equal(scan.left, '213');
    // And the person goes on.
    assert.equal(key(filter, '555', () => 200, scan.at + 500, scan.left).left, '213555');
  });
});

describe('a person', () => {
  it('at 12 keys a second is never taken for one', () => {
    const { random } = fakeClock(0, 9);
    for (let run = 0; run < 5000; run++) {
      // 12 a second on average, as uneven as hands are: 43 to 123 ms.
      const { left, enter } = key(new ScannerFilter(), '2135550123', () => 83 + (random() - 0.5) * 80);
      assert.equal(left, '2135550123');
      assert.equal(enter, true);
    }
    assert.equal(key(new ScannerFilter(), '2135550123', () => 1000 / 12).left, '2135550123');
  });

  it('may roll a finger or two over', () => {
    const gaps = [120, 25, 130, 20, 140, 30, 120, 25, 140, 90, 150];
    let index = 0;
    assert.equal(key(new ScannerFilter(), '2135550123', () => gaps[index++]!).left, '2135550123');
  });
});
