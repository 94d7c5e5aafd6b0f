// The script tag carries the world's phone rules without what no textable number needs. Whoever asks gets the same answer as from the whole.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import examples from 'libphonenumber-js/mobile/examples';
import { parsePhoneNumberFromString, type CountryCode, type MetadataJson } from 'libphonenumber-js/core/es6';
import { prunedMetadata } from '../../.config/phone-pruning.mjs';
import { packMetadata, packMessages, unpackMetadata, unpackMessages } from '../../.config/vite-plugins.mjs';
import { world } from '../../src/numpad/phone-world.js';
import { fakeClock } from '../support/fake-clock.js';

type Row = [code: string, idd: string, national: string, lengths: number[], formats: unknown[] | 0];
const whole = world();
const pruned = prunedMetadata(whole) as MetadataJson;
const rows = Object.entries(whole.countries) as unknown as [CountryCode, Row][];

/** All that the numpad asks of the library. */
function answers(text: string, country: CountryCode, metadata: MetadataJson): unknown {
  const found = parsePhoneNumberFromString(text, { defaultCountry: country, extract: false }, metadata);
  if (!found) return null;
  const valid = found.isValid();
  const written = valid && [found.format('NATIONAL'), found.format('INTERNATIONAL')];
  return [found.number, found.country, found.nationalNumber, valid, written];
}

describe('the rules inside the script tag', () => {
  const { random } = fakeClock(0, 20261125);
  const digit = () => String(Math.floor(random() * 10));

  it('say the same of more than 100,000 numbers of all regions, right ones and others', () => {
    let asked = 0;
    let valid = 0;
    const ask = (text: string, country: CountryCode) => {
      const right = answers(text, country, whole);
      assert.deepEqual(answers(text, country, pruned), right, `${text} in ${country}`);
      asked++;
      if (right && (right as unknown[])[3]) valid++;
    };
    for (const [country, [code, , , lengths]] of rows) {
      for (let index = 0; index < 150; index++) {
        let national = '';
        const length = lengths[Math.floor(random() * lengths.length)]!;
        while (national.length < length) national += digit();
        ask(`+${code}${national}`, country);
        ask(national, country);
      }
      const example = (examples as Record<string, string>)[country];
      if (!example) continue;
      // Near a mobile number: most of these can be texted, and meet all the ways in which they are written.
      for (let index = 0; index < 150; index++) {
        const changed = [...example];
        for (let change = 0; change < 1 + (index % 4); change++)
          changed[Math.floor(random() * changed.length)] = digit();
        ask(`+${code}${changed.join('')}`, country);
      }
    }
    assert.ok(asked >= 100_000 && valid >= 30_000, `${asked} asked, ${valid} of them valid`);
  });

  it('are fewer: a cut that cuts nothing would pass everything else', () => {
    const formats = (metadata: MetadataJson) =>
      (Object.values(metadata.countries) as unknown as Row[]).reduce(
        (sum, row) => sum + (row[4] ? row[4].length : 0),
        0,
      );
    assert.ok(formats(pruned) < formats(whole) / 2, `${formats(pruned)} of ${formats(whole)} formats`);
    assert.ok(JSON.stringify(pruned).length < JSON.stringify(whole).length * 0.8);
  });

  it('cut no format that a textable number meets', () => {
    const cut = (national: string, mobile: string, leading: string) =>
      (
        prunedMetadata({
          ...whole,
          country_calling_codes: { 99: ['US'] },
          countries: {
            US: ['99', '00', national, [4], [['(\\d)(\\d{3})', '$1 $2', [leading]]], 0, 0, 0, 0, 0, 0, [0, [mobile]]],
          },
        } as unknown as MetadataJson) as unknown as { countries: { US: [0, 0, 0, 0, [0, 0, string[]][]] } }
      ).countries.US[4].map(([, , kept]) => kept);
    assert.deepEqual(cut('\\d{4}', '7\\d{3}', '[78]'), [['[78]']]);
    assert.deepEqual(cut('\\d{4}', '7\\d{3}', '6|72|(?:[39]|7[1-3])4'), [['72|(?:7[1-3])4']]);
    assert.deepEqual(cut('\\d{4}', '7\\d{3}', '8'), []);
    assert.deepEqual(cut('\\d{4}', '7\\d{4}', '7'), []);
    assert.deepEqual(cut('\\d{4}', '(?:7|81?)\\d{2,3}', '812|8[3-5]?'), [['8[3-5]?']]);
    assert.throws(() => cut('\\d{4}', '7.*', '7'), /not a pattern/);
  });

  it('come out of their packing as they went in', () => {
    for (const metadata of [whole, pruned]) assert.deepEqual(unpackMetadata(packMetadata(metadata)), metadata);
  });

  it('come with words that come out of theirs', () => {
    const en = { connect: { a: 'one', b: 'two' }, numpad: { c: 'three' } };
    const de = { connect: { a: 'eins', b: 'zwei' }, numpad: { c: 'drei' } };
    assert.deepEqual(unpackMessages(packMessages(de, en), en), de);
    assert.throws(() => packMessages({ ...de, numpad: { c: 'drei | vier' } }, en), /sign/);
  });
});
