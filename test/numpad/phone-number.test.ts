// The phone rules against Google's own library, and the forms in which people write numbers.
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import google from 'google-libphonenumber';
import { parsePhoneNumberFromString } from 'libphonenumber-js/core/es6';
import metadata from 'libphonenumber-js/mobile/metadata';
import { world as allRules } from '../../src/numpad/phone-world.js';
import { loadWorld, phoneRules } from '../../src/numpad/phone-library.js';
import { judge, readPasted, type PhoneQuestion } from '../../src/numpad/phone-number.js';
import { phoneRulesNow } from '../../.config/phone-metadata.mjs';
import { readFileSync } from 'node:fs';
import { fakeClock } from '../support/fake-clock.js';

const { AsYouTypeFormatter, PhoneNumberUtil, PhoneNumberFormat, PhoneNumberType } = google;
const world = allRules();
const util = PhoneNumberUtil.getInstance();
const ask = (country = 'US', more: Partial<PhoneQuestion> = {}): PhoneQuestion => ({
  rules: phoneRules,
  country,
  allowed: [],
  world: 'here',
  ...more,
});

/** What Google says of a number in E.164: valid, and of a kind that gets text messages. */
function textable(number: string): boolean {
  try {
    const parsed = util.parse(number);
    const type = util.getNumberType(parsed);
    return (
      util.isValidNumber(parsed) && (type === PhoneNumberType.MOBILE || type === PhoneNumberType.FIXED_LINE_OR_MOBILE)
    );
  } catch {
    return false;
  }
}

describe('the rules that come with the element', () => {
  it('are what the installed library has', async () => {
    assert.equal(readFileSync('src/numpad/phone-us.ts', 'utf8'), await phoneRulesNow());
  });

  const small = (more: Partial<PhoneQuestion> = {}) => ask('US', { world: 'coming', ...more });

  it('decide for the United States and Canada alone', () => {
    assert.equal(judge('2135550123', small()).number, '+12135550123');
    assert.equal(judge('4165550123', small()).number, '+14165550123');
    assert.deepEqual(judge('213555', small()), {
      shown: '(213) 555',
      number: '',
      reason: 'too-short',
      needsWorld: false,
      unfinished: true,
    });
    assert.equal(judge('8005550123', small()).reason, 'not-textable');
  });

  it('ask for the world where it may know more', () => {
    for (const text of ['2425550123', '+447911123456', '00447911123456', '011447911123456']) {
      assert.equal(judge(text, small()).needsWorld, true, text);
      assert.equal(judge(text, small()).number, '', text);
    }
    assert.equal(judge('015123456789', small({ country: 'DE' })).needsWorld, true);
  });

  it('take no number of the world for one of +1 by the prefix that Australia dials first', () => {
    for (const world of ['coming', 'blocked'] as const)
      assert.notEqual(judge('00115016221234', ask('AU', { world })).number, '+15016221234', world);
    assert.equal(judge('001112462501234', ask('AU', { world: 'blocked' })).number, '+12462501234');
  });

  it('call no beginning of a number wrong that is dialled as one of the world', () => {
    const digits = '011447911123456';
    const wrong = [...digits].filter((_, index) => judge(digits.slice(0, index + 1), small()).reason === 'invalid');
    assert.deepEqual(wrong, []);
  });

  it('leave it to the server if the world cannot be had', () => {
    const blocked = (text: string, more: Partial<PhoneQuestion> = {}) =>
      judge(text, small({ world: 'blocked', ...more }));
    assert.equal(blocked('+447911123456').number, '+447911123456');
    assert.equal(blocked('00447911123456').number, '+447911123456');
    assert.equal(blocked('011447911123456').number, '+447911123456');
    assert.equal(blocked('0011447911123456', { country: 'AU' }).number, '+447911123456');
    assert.equal(blocked('2425550123').number, '+12425550123');
    assert.equal(blocked('+44791').reason, 'too-short');
    assert.equal(blocked('8005550123').reason, 'not-textable');
    // No form in E.164 without the country's rules.
    assert.equal(blocked('015123456789', { country: 'DE' }).reason, 'country');
    // All that is allowed is known here, so nothing is left to ask.
    assert.equal(blocked('2425550123', { allowed: ['US', 'CA'] }).number, '');
  });
});

describe('the rules of the world', () => {
  before(() => loadWorld());

  it('agree with Google on 99.8 % of 36,750 random numbers of all regions', () => {
    const { random } = fakeClock(0, 20261124);
    let asked = 0;
    let alike = 0;
    for (const country of Object.keys(world.countries)) {
      const code = (world.countries as Record<string, unknown[]>)[country]![0] as string;
      const lengths = (world.countries as Record<string, unknown[]>)[country]![3] as number[];
      for (let index = 0; index < 150; index++) {
        const length = lengths[Math.floor(random() * lengths.length)]!;
        let national = '';
        while (national.length < length) national += Math.floor(random() * 10);
        const number = '+' + code + national;
        asked++;
        if ((judge(number, ask(country)).number !== '') === textable(number)) alike++;
      }
    }
    assert.ok(asked >= 30_000, String(asked));
    assert.ok(alike / asked >= 0.998, `${alike} of ${asked}`);
    console.log(`      agreement with Google: ${alike} of ${asked}, ${((alike / asked) * 100).toFixed(2)} %`);
  });

  const examples = (type: google.PhoneNumberType) =>
    Object.keys(world.countries)
      .map((country) => ({ country, found: util.getExampleNumberForType(country, type) }))
      .filter(({ found }) => found?.getNationalNumber())
      .map(({ country, found }) => ({
        country,
        number: util.format(found, PhoneNumberFormat.E164),
        national: util.format(found, PhoneNumberFormat.NATIONAL),
      }));

  it('take every mobile example, and none that is toll-free or premium', () => {
    const mobile = examples(PhoneNumberType.MOBILE);
    assert.ok(mobile.length >= 244, String(mobile.length));
    assert.deepEqual(
      mobile.filter(({ country, number }) => judge(number, ask(country)).number !== number),
      [],
    );
    const free = examples(PhoneNumberType.TOLL_FREE);
    const premium = examples(PhoneNumberType.PREMIUM_RATE);
    assert.ok(free.length >= 180 && premium.length >= 145, `${free.length}, ${premium.length}`);
    assert.deepEqual(
      [...free, ...premium].filter(({ country, number }) => judge(number, ask(country)).number !== ''),
      [],
    );
  });

  it('tell satellite phones from toll-free, premium and company numbers, where the code is that of no country', () => {
    const { random } = fakeClock(0, 20261128);
    const entities = util as unknown as { getExampleNumberForNonGeoEntity(code: number): google.PhoneNumber };
    const codes = Object.keys(world.nonGeographic);
    const taken = new Set<string>();
    for (const code of codes) {
      const example = entities.getExampleNumberForNonGeoEntity(Number(code)).getNationalNumber();
      for (let index = 0; index < 100; index++) {
        const digits = [...String(example)];
        for (let change = 0; change < index % 4; change++)
          digits[Math.floor(random() * digits.length)] = String(Math.floor(random() * 10));
        const number = `+${code}${digits.join('')}`;
        const right = textable(number);
        const { number: sent, reason } = judge(number, ask());
        assert.equal(sent, right ? number : '', number);
        if (right) taken.add(code);
        else if (!index) assert.equal(reason, 'not-textable', number);
      }
    }
    assert.ok(taken.has('881') && codes.length === 9, [...taken].join());
  });

  it('come along also where the library keeps no type of a code that belongs to no country, as it does with countries', () => {
    const rows = metadata.nonGeographic as unknown as Record<string, unknown[]>;
    const row = rows['800']!;
    rows['800'] = row.slice(0, 10);
    try {
      const rules = allRules();
      const valid = (number: string) => parsePhoneNumberFromString(number, rules)!.isValid();
      assert.deepEqual(['+447400123456', '+80012345678'].map(valid), [true, false]);
    } finally {
      rows['800'] = row;
    }
  });

  it('take each mobile example as it is written at home', () => {
    const other = examples(PhoneNumberType.MOBILE).filter(
      ({ country, number, national }) => judge(readPasted(national).text, ask(country)).number !== number,
    );
    assert.deepEqual(other, []);
  });

  it('show each mobile example, digit by digit, as phones do: 98 % of 2,208 steps at home, 99 % of 2,970 from abroad', () => {
    // Where a bracket closes, and whether a hyphen stands before its digit, is another question.
    const groups = (shown: string) => shown.replace(/[^\d+]+/g, ' ').trim();
    for (const [from, least] of [
      ['national', 0.98],
      ['number', 0.99],
    ] as const) {
      let asked = 0;
      let alike = 0;
      for (const example of examples(PhoneNumberType.MOBILE)) {
        const phone = new AsYouTypeFormatter(example.country);
        let text = '';
        for (const key of example[from].replace(/[^\d+]/g, '')) {
          text += key;
          asked++;
          if (groups(judge(text, ask(example.country)).shown) === groups(phone.inputDigit(key))) alike++;
        }
      }
      assert.ok(asked > 2000 && alike / asked >= least, `${from}: ${alike} of ${asked}`);
    }
  });

  it('call no mobile example wrong while it is being keyed: at home, in the world, with a prefix that is dialled first', () => {
    const wrong: string[] = [];
    for (const { country, number, national } of examples(PhoneNumberType.MOBILE)) {
      const code = number.slice(1);
      const ways = [
        [national, country],
        [number, country],
        [code, 'US', '011'],
        [code, 'US', '00'],
        [code, 'AU', '0011'],
        [code, 'DE', '00'],
        [number.startsWith('+1') ? code : number, 'US'],
      ] as const;
      for (const [written, home, prefix = ''] of ways) {
        const text = prefix + written.replace(/[^\d+]/g, '');
        for (let end = 1; end < text.length; end++) {
          const { reason, unfinished } = judge(text.slice(0, end), ask(home));
          if (reason && !unfinished) wrong.push(`${home} ${text} ${text.slice(0, end)} ${reason}`);
        }
      }
    }
    // To itself, Australia says 0011 of a number at home.
    assert.deepEqual(
      wrong.filter((line) => !line.startsWith('AU 001161')),
      [],
    );
    // Where more digits do not help.
    for (const text of ['5555555555', '8885550123', '21355501234', '+442079460958', '02079460958'])
      assert.equal(judge(text, ask(text.startsWith('0') ? 'GB' : 'US')).unfinished, false, text);
  });

  it('take what follows the prefix that a country dials first for the number, also where 00 and the rest would be one of +1', () => {
    const { random } = fakeClock(0, 20261129);
    let either = 0;
    for (const { number } of examples(PhoneNumberType.MOBILE))
      for (let index = 0; index < 20; index++) {
        const digits = number.slice(1, -3) + String(Math.floor(random() * 1000)).padStart(3, '0');
        if (!textable(`+${digits}`)) continue;
        if (textable(`+1${digits}`)) either++;
        for (const country of ['GY', 'HK', 'MN', 'SG'])
          assert.equal(judge(`001${digits}`, ask(country)).number, `+${digits}`, country);
      }
    assert.ok(either > 20, String(either));
  });

  it('never take a number without its last digit where Google does not', () => {
    const wrong = examples(PhoneNumberType.MOBILE)
      .map(({ country, number }) => ({ country, number: number.slice(0, -1) }))
      .filter(({ country, number }) => judge(number, ask(country)).number !== '' && !textable(number));
    assert.deepEqual(wrong, []);
  });

  it('keep to the countries that are allowed', () => {
    const allowed = ['US', 'CA'];
    for (const text of ['2425550123', '8095550123', '8765550123', '+447911123456', '+4915123456789']) {
      assert.equal(judge(text, ask('US', { allowed })).reason, 'country', text);
      assert.equal(judge(text, ask('US', { allowed })).number, '');
    }
    assert.equal(judge('4165550123', ask('CA', { allowed: ['CA'] })).number, '+14165550123');
    assert.equal(judge('4165550123', ask('CA', { allowed: ['CA'] })).shown, '(416) 555-0123');
    assert.equal(judge('2135550123', ask('CA', { allowed: ['CA'] })).reason, 'country');
  });

  it('take each mobile example where its country is the only one allowed, also that of an island with the numbers of its mainland', () => {
    const refused = examples(PhoneNumberType.MOBILE).filter(
      ({ country, number, national }) =>
        judge(number, ask(country, { allowed: [country] })).number !== number ||
        judge(national.replace(/\D/g, ''), ask(country, { allowed: [country] })).number !== number,
    );
    assert.deepEqual(refused, []);
    // Also where it is not the first one.
    assert.equal(judge('+590690001234', ask('FR', { allowed: ['FR', 'MF'] })).number, '+590690001234');
    assert.equal(judge('+590690001234', ask('FR', { allowed: ['FR', 'MQ'] })).reason, 'country');
    // Of two with one plan, each has its own.
    assert.equal(judge('+12135550123', ask('CA', { allowed: ['CA'] })).reason, 'country');
    assert.equal(judge('+77012345678', ask('RU', { allowed: ['RU'] })).reason, 'country');
  });

  it('say why', () => {
    const reasons: [string, string, string | null][] = [
      ['2', 'US', 'too-short'],
      ['213555012', 'US', 'too-short'],
      ['21355501234', 'US', 'too-long'],
      ['+44791112345678', 'GB', 'too-long'],
      ['5555555555', 'US', 'invalid'],
      ['0000000000', 'US', 'invalid'],
      ['1111111111', 'US', 'invalid'],
      ['+999123456789', 'US', 'invalid'],
      ['8885550123', 'US', 'not-textable'],
      ['9005550123', 'US', 'not-textable'],
      ['02079460958', 'GB', 'not-textable'],
      ['2135550123', 'US', null],
    ];
    for (const [text, country, reason] of reasons) assert.equal(judge(text, ask(country)).reason, reason, text);
  });

  it('format in both directions, and keep the format past the longest length', () => {
    const steps = [
      '2',
      '21',
      '(213)',
      '(213) 5',
      '(213) 55',
      '(213) 555',
      '(213) 555-0',
      '(213) 555-01',
      '(213) 555-012',
      '(213) 555-0123',
    ];
    const digits = '2135550123';
    const there = [...digits].map((_, index) => judge(digits.slice(0, index + 1), ask()).shown);
    assert.deepEqual(there, steps);
    assert.equal(judge('21355501234', ask()).shown, '(213) 555-01234');
    assert.equal(judge('213555012345', ask()).shown, '(213) 555-012345');
    assert.equal(judge('12135550123', ask()).shown, '1 (213) 555-0123');
    assert.equal(judge('121355501234', ask()).shown, '1 (213) 555-01234');
    assert.equal(judge('+447911123456', ask()).shown, '+44 7911 123456');
    assert.equal(judge('+4479111234567', ask()).shown, '+44 7911 1234567');
    assert.equal(judge('00447911123456', ask()).shown, '00 44 7911 123456');
    // Whatever is shown has the digits that were pressed, in their order.
    const { random } = fakeClock(0, 7);
    for (let index = 0; index < 2000; index++) {
      let text = random() < 0.3 ? '+' : '';
      const length = Math.floor(random() * 20);
      while (text.length < length) text += Math.floor(random() * 10);
      const country = ['US', 'DE', 'GB', 'BR', 'JP', 'AR', 'MX'][Math.floor(random() * 7)]!;
      assert.equal(judge(text, ask(country)).shown.replace(/[^\d+]/g, ''), text, country);
    }
  });
});

describe('what is pasted', () => {
  before(() => loadWorld());
  const forms: [string, string?, string?][] = [
    ['2135550123'],
    ['213 555 0123'],
    ['213-555-0123'],
    ['213.555.0123'],
    ['(213) 555-0123'],
    ['(213)555-0123'],
    ['1 213 555 0123'],
    ['1-213-555-0123'],
    ['1 (213) 555-0123'],
    ['+1 213 555 0123'],
    ['+1-213-555-0123'],
    ['+1 (213) 555-0123'],
    ['+12135550123'],
    ['＋１２１３５５５０１２３'],
    ['２１３－５５５－０１２３'],
    ['٢١٣٥٥٥٠١٢٣'],
    ['+١ ٢١٣ ٥٥٥ ٠١٢٣'],
    ['۲۱۳ ۵۵۵ ۰۱۲۳'],
    ['२१३५५५०१२३'],
    ['\u200e+1 213 555 0123\u200e'],
    ['\u202a213-555-0123\u202c'],
    ['\u2066(213) 555-0123\u2069'],
    ['\ufeff2135550123'],
    ['213\u00a0555\u00a00123'],
    ['213\u2011555\u20110123'],
    ['213–555–0123'],
    ['213—555—0123'],
    ['  2135550123\r\n'],
    ['213\t555\t0123'],
    ['tel:+12135550123'],
    ['tel:+1-213-555-0123'],
    ['TEL:2135550123'],
    ['tel:213-555-0123;phone-context=+1'],
    ['sms:+12135550123?body=hi'],
    ['Phone: 213-555-0123'],
    ['Call me at (213) 555-0123, thanks'],
    ['213-555-0123 (home)'],
    ['213/555/0123'],
    ['00 1 213 555 0123'],
    ['011 1 213 555 0123'],
    ['[213] 555 0123'],
    ['213·555·0123'],
    ['+44 7911 123456', '+447911123456'],
    ['+44 (0) 7911 123456', '+447911123456'],
    ['0044 7911 123456', '+447911123456'],
    ['011 44 7911 123456', '+447911123456'],
    ['(+44) 7911 123456', '+447911123456'],
    ['07911 123456', '+447911123456', 'GB'],
    ['0151/23456789', '+4915123456789', 'DE'],
    ['0151 / 234 567 89', '+4915123456789', 'DE'],
    ['+49 151 23456789', '+4915123456789', 'DE'],
    ['0049 (0)151 23456789', '+4915123456789', 'DE'],
    ['0011 1 213 555 0123', '+12135550123', 'AU'],
    ['8 (912) 345-67-89', '+79123456789', 'RU'],
    ['06 12 34 56 78', '+33612345678', 'FR'],
    ['(11) 96123-4567', '+5511961234567', 'BR'],
    ['090-1234-5678', '+819012345678', 'JP'],
    ['هاتف: ٢١٣ ٥٥٥ ٠١٢٣'],
    // A dash of the customer's own keyboard is no word between two numbers: what stands before it belongs to the number.
    ['＋８６－１３１２２３４５６７８', '+8613122345678'],
    ['＋８１（０）９０－１２３４５６７８', '+819012345678'],
    ['電話：０９０－１２３４５６７８', '+819012345678', 'JP'],
    ['０９０ー１２３４５６７８', '+819012345678', 'JP'],
    ['050־2345678', '+972502345678', 'IL'],
  ];

  it(`is read in ${forms.length} forms`, () => {
    assert.ok(forms.length >= 40);
    const got = forms.map(([written, , country]) => {
      const { text, reason } = readPasted(written);
      return [written, reason ?? judge(text, ask(country)).number];
    });
    assert.deepEqual(
      got,
      forms.map(([written, number]) => [written, number ?? '+12135550123']),
    );
  });

  it('is refused with an extension', () => {
    for (const written of [
      '213-555-0123 ext. 99',
      '213-555-0123 ext 99',
      '213-555-0123 extension 99',
      '213-555-0123x99',
      '(213) 555-0123 x 99',
      '213-555-0123 #99',
      '213-555-0123,99',
      '213-555-0123,,1234',
      'tel:+12135550123;ext=99',
      '２１３－５５５－０１２３　ｅｘｔ．９９',
    ]) {
      assert.deepEqual(readPasted(written).reason, 'extension', written);
    }
  });

  it('is refused where it is two numbers', () => {
    for (const written of [
      '213-555-0123 / 310-555-0199',
      '213-555-0123, 310-555-0199',
      '2135550123;3105550199',
      '213-555-0123 or 310-555-0199',
      '213-555-0123\n310-555-0199',
      '+12135550123+13105550199',
      'home 213-555-0123, mobile 310-555-0199',
      '宅03-1234-5678携090-1234-5678',
      'ｲｴ03-1234-5678ｹｰﾀｲ090-1234-5678',
    ]) {
      assert.deepEqual(readPasted(written), { text: '', reason: 'ambiguous' }, written);
    }
  });

  it('is no number where it is none', () => {
    for (const written of ['', 'hello', '1-800-FLOWERS', '+', '#', 'a'.repeat(5000)]) {
      const { text, reason } = readPasted(written);
      assert.equal(reason, null);
      assert.equal(judge(text, ask()).number, '', written.slice(0, 20));
    }
  });
});
