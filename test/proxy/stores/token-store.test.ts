import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { afterPrefix, comparePoints } from '../../../src/proxy/stores/keys.js';
import { memoryTokenStore } from '../../../src/proxy/stores/memory.js';
import { conforms, shipped } from '../support/store-trials.js';

for (const [store, options, driver] of [
  ['libsqlTokenStore', "{ url: 'file:rows.db' }", '@libsql/client'],
  ['postgresTokenStore', "{ connectionString: 'postgres://db.example/till' }", 'pg'],
])
  test(`${store} without its driver says what to install`, () => {
    const script = `${store}(${options}).get('row').catch(({ code, message }) => console.log(code, message))`;
    const advice = `${store}() needs the package ${driver}. Install it with: npm install ${driver}`;
    assert.equal(shipped(`${store} alone`, {}, script), `ERR_MODULE_NOT_FOUND ${advice}\n`);
  });

describe('memory', () => {
  test('keeps every promise of a store but durability', async () => {
    const store = memoryTokenStore();
    await conforms(async () => ({ ...store, close: async () => {} }), 10_000);
  });

  test('says once, in production, that it forgets', (t) => {
    const { mock } = t.mock.method(console, 'warn', () => undefined);
    const before = process.env['NODE_ENV'];
    memoryTokenStore();
    assert.equal(mock.callCount(), 0);
    process.env['NODE_ENV'] = 'production';
    memoryTokenStore();
    memoryTokenStore();
    if (before === undefined) delete process.env['NODE_ENV'];
    else process.env['NODE_ENV'] = before;
    assert.equal(mock.callCount(), 1);
    assert.match(String(mock.calls[0]!.arguments[0]), /libsql|postgres/);
  });
});

test('keys are ordered by code point, and prefix ranges end right after the last key of the prefix', () => {
  assert.equal(afterPrefix('a/'), 'a0');
  assert.equal(afterPrefix('a\u{10ffff}'), 'b');
  assert.equal(afterPrefix('\ud7ff'), '\ue000');
  assert.equal(afterPrefix(''), null);
  assert.ok(comparePoints('\uff5e', '\u{1f9fe}') < 0);
  assert.ok(comparePoints('a', 'ab') < 0 && comparePoints('ab', 'a') > 0 && comparePoints('ab', 'ab') === 0);
});
