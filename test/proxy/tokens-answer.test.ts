import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { expirationText, lifeOf, parseTokens } from '../../src/proxy/tokens-answer.js';
import { day } from './support/bench.js';

describe('the answer with the tokens', () => {
  test('is read leniently: what holds an access token is kept', () => {
    assert.deepEqual(parseTokens('{"accessToken":"a"}'), { accessToken: 'a', expiration: null });
    assert.deepEqual(parseTokens('{"accessToken":"a","refreshToken":"r","expiration":1795000000,"ereceipt":false}'), {
      accessToken: 'a',
      refreshToken: 'r',
      expiration: new Date(1_795_000_000_000).toISOString(),
      ereceipt: false,
    });
    for (const bad of [
      '',
      'null',
      '[]',
      '5',
      '{}',
      '{"accessToken":""}',
      '{"accessToken":5}',
      '{"success":false,"accessToken":"a"}',
      '{"accessToken":"a"',
    ]) {
      assert.equal(parseTokens(bad), null, bad);
    }
  });
  test('expiration: text verbatim, numbers as seconds or milliseconds', () => {
    assert.equal(expirationText('2027-01-01'), '2027-01-01');
    assert.equal(expirationText(1_795_000_000), expirationText(1_795_000_000_000));
    assert.equal(expirationText(undefined), null);
    assert.equal(lifeOf('2027-11-24T00:00:00Z', Date.UTC(2026, 10, 24)), 365 * day);
    assert.equal(lifeOf(String(Date.UTC(2026, 10, 25) / 1000), Date.UTC(2026, 10, 24)), day);
  });
  test('expiration: a page can read every number as a time, in quotes or far ahead', () => {
    for (const seconds of [1_795_000_000, '1795000000', '1795000000.0', '1795000000000'])
      assert.equal(expirationText(seconds), '2026-11-18T11:06:40.000Z', String(seconds));
    const never = '9999-12-31T23:59:59.000Z';
    for (const number of [Date.parse(never), Date.parse(never) / 1000]) assert.equal(expirationText(number), never);
    assert.equal(expirationText(1e300), null);
    // Years and dates without dashes are no count of seconds.
    for (const text of ['2099', '20271124', '20271124000000']) assert.equal(expirationText(text), text);
  });
});
