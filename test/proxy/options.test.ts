import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRulrrProxy, memoryTokenStore, type RulrrProxyOptions } from '../../src/proxy/index.js';
import { resolveOptions } from '../../src/proxy/options.js';
import { findSecrets, planted, textsOf } from './canaries.js';
import { harness } from './harness.js';

const good = (): RulrrProxyOptions => ({
  clientId: 'client-1',
  clientSecret: planted.clientSecret,
  apiBaseUrl: 'https://api.example',
  sealingKeys: [planted.sealingKey],
  tokenStore: memoryTokenStore(),
  authorize: () => null,
});

function refusal(options: unknown): Error {
  try {
    createRulrrProxy(options as RulrrProxyOptions);
  } catch (error) {
    assert.ok(error instanceof TypeError);
    assert.deepEqual(findSecrets(textsOf(error)), [], 'a value was quoted');
    return error;
  }
  return assert.fail('nothing was thrown');
}

test('the smallest configuration is good, and has the documented defaults', () => {
  const settings = resolveOptions(good());
  assert.equal(settings.basePath, '/rulrr');
  assert.equal(settings.connectBaseUrl.href, 'https://connect.rulrr.com/');
  assert.equal(settings.integrationTtlMs, 1_800_000);
  assert.equal(settings.sendTimeoutMs, 8000);
  assert.deepEqual(settings.startLimit, { burst: 30, everyMs: 2000 });
  assert.equal(settings.allowedOrigins.size, 0);
});

const url = [
  '',
  ' ',
  'api',
  '/v1',
  'ftp://api.example',
  'ftp://localhost',
  'http://api.rulrr.com',
  'http://notlocalhost',
  'http://localhost.example',
  'http://127.0.0.1.example',
  'https://u:p@api.example',
  'https://u@api.example',
  'https://:p@api.example',
  'https://api.example#x',
  7,
  null,
];
const wrongValues: Record<string, unknown[]> = {
  clientId: [undefined, null, '', '   ', ' client', 7, {}],
  clientSecret: [undefined, null, '', '   ', 'secret\n', 7, 'client-1'],
  apiBaseUrl: [undefined, ...url, 'https://api.example?x=1', 'https://api.example/v1', 'https://api.example/rulrr/v1/'],
  connectBaseUrl: [...url, 'https://connect.example/?client_id=1', 'https://connect.example/?integration_token=1', 'https://connect.example/?client_secret=1'],
  basePath: [7, null, 'rulrr', '//', '/a//b', '/a/../b', '/.', '/a?b', '/a#b', '/a%2fb', 'https://pos.example/rulrr', '/ru lrr', '\\rulrr'],
  sealingKeys: [undefined, null, [], '', planted.sealingKey, {}],
  'sealingKeys[0]': [[''], ['short'], ['x'.repeat(31)], [7], [null], [new Uint8Array(31)], [' ' + planted.sealingKey], ['change-me-change-me-change-me-0123456789'],
    ['your-sealing-key-goes-here-0123456789-abcdef'], ['PLACEHOLDER-placeholder-placeholder-1'], [planted.clientSecret + '']],
  'sealingKeys[1]': [[planted.sealingKey, planted.sealingKey], [planted.sealingKey, 'short'], [planted.sealingKey, null]],
  tokenStore: [undefined, null, {}, { ...memoryTokenStore(), put: undefined }, 'file:rulrr.db'],
  authorize: [undefined, null, {}, 'x', true],
  sendEreceipt: [null, {}, 'x', true],
  allowedOrigins: ['https://pos.example', {}, 7, null],
  'allowedOrigins[0]': [['*'], ['null'], [''], ['https://pos.example/'], ['https://POS.example'], ['https://pos.example:443'], ['https://*.example'], ['pos.example'],
    ['https://pos.example/till'], ['https://u@pos.example'], ['https://pos.example:99999'], ['Capacitor://localhost'], ['capacitor://localhost/'], [7], [null]],
  allowedHeaders: ['X', {}],
  'allowedHeaders[0]': [['*'], [''], ['X Y'], ['a,b'], [7]],
  origin: ['', '*', 'pos.example', 'https://pos.example/', 7, null],
  fetch: [{}, 'x', null],
  onEvent: [{}, 'x', null],
  integrationTtlMs: [0, -1, 86_400_001, Number.NaN, Infinity, '1800000', null],
  sendTimeoutMs: [0, -1, Number.NaN, '8', null],
  startLimit: [7, 'x', null],
  'startLimit.burst': [{}, { burst: 0, everyMs: 1 }, { everyMs: 2000 }],
  'startLimit.everyMs': [{ burst: 1 }, { burst: 1, everyMs: 0 }],
  checkFraming: [0, 'no', null],
  statusTtlMs: [-1, 'x', null],
  budgetPerSecond: [0, -1, 'x', null],
  readEreceipt: [{}, 'x', null],
  refreshRequest: [{}, 'x', null],
  parseRefresh: [{}, 'x', null],
  clock: [{}, { now: 1 }, null, 'x', { now: Date.now }, { now: Date.now, after: () => () => {}, random: 0.5 }],
}; // prettier-ignore

for (const [name, values] of Object.entries(wrongValues)) {
  test(`wrong ${name}: throws at construction and names the option`, () => {
    const option = name.replace(/[[.].*/, '');
    for (const value of values) {
      const error = refusal({ ...good(), [option]: value });
      assert.ok(
        error.message.includes(`"${name}`) || error.message.includes(`"${option}`),
        `${JSON.stringify(value)} → ${error.message}`,
      );
    }
  });
}

test('no options at all, and misspelt ones', () => {
  for (const nothing of [undefined, null, 'x', 7]) assert.match(refusal(nothing).message, /options are missing/);
  for (const [wrong, meant] of [['allowedOrigin', 'allowedOrigins'], ['SealingKeys', 'sealingKeys'], ['client_secret', 'clientSecret'], ['basepath', 'basePath']]) {
    assert.match(refusal({ ...good(), [wrong!]: 'x' }).message, new RegExp(`"${wrong}" is unknown; "${meant}"`));
  }
}); // prettier-ignore

test('what is right is taken', () => {
  const takes = (more: Partial<RulrrProxyOptions>) => resolveOptions({ ...good(), ...more });
  for (const local of [
    'http://localhost:4000',
    'http://127.0.0.1:4000',
    'http://[::1]:4000',
    'https://rulrr.test/base/',
  ]) {
    assert.equal(takes({ apiBaseUrl: local }).apiBaseUrl, local);
    assert.ok(takes({ connectBaseUrl: local }));
  }
  for (const [given, meant] of [
    ['/rulrr/', '/rulrr'],
    ['/', ''],
    ['', ''],
    ['/api/v2/rulrr', '/api/v2/rulrr'],
  ]) {
    assert.equal(takes({ basePath: given }).basePath, meant);
  }
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  const keys = [bytes, Buffer.from(bytes).toString('hex'), Buffer.from(bytes).toString('base64')];
  assert.equal(takes({ sealingKeys: keys }).sealingKeys.length, 3);
  const origins = ['https://pos.example', 'http://192.168.1.5:8080', 'capacitor://localhost', 'app://till'];
  assert.deepEqual([...takes({ allowedOrigins: origins }).allowedOrigins], origins);
});

test('the client secret is no sealing key, however long it is', () => {
  const secret = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('hex');
  const error = refusal({ ...good(), clientSecret: secret, sealingKeys: [secret] });
  assert.match(error.message, /"sealingKeys\[0\]" must not be the client secret/);
  assert.ok(!error.message.includes(secret));
});

test('a fetch that takes the place of the global one later on counts', async () => {
  const before = globalThis.fetch;
  const settings = resolveOptions(good());
  try {
    globalThis.fetch = async () => new Response('another');
    assert.equal(await (await settings.fetch('https://api.example')).text(), 'another');
  } finally {
    globalThis.fetch = before;
  }
});

test('under Next 14, whose fetch keeps what it brings, the sweep hears that the merchant has finished, and nothing secret is kept', async () => {
  const before = globalThis.fetch;
  const h = harness({ fetch: undefined });
  const kept = new Map<string, string>();
  try {
    // What next/dist/server/lib/patch-fetch.js makes of it in a handler of GET, `force-dynamic` too.
    globalThis.fetch = async (input, init: RequestInit & { next?: { revalidate?: number } } = {}) => {
      if (init.next?.revalidate === 0) return h.upstream.fetch(input as string, init);
      const key = `${init.method} ${input as string}`;
      if (!kept.has(key)) kept.set(key, await (await h.upstream.fetch(input as string, init)).text());
      return new Response(kept.get(key), { headers: { 'Content-Type': 'application/json' } });
    };
    await h.start();
    assert.equal((await h.proxy.sweep()).finished, 0);
    h.upstream.status = 'finished';
    h.clock.advance(2000);
    assert.equal((await h.proxy.sweep()).finished, 1);
  } finally {
    globalThis.fetch = before;
  }
  assert.deepEqual(findSecrets(textsOf([...kept])), []);
  h.assertClean();
});

test('a key without randomness is refused in production, and one with it is taken', () => {
  const before = process.env['NODE_ENV'];
  try {
    process.env['NODE_ENV'] = 'production';
    assert.match(refusal({ ...good(), sealingKeys: ['k'.repeat(40)] }).message, /not random/);
    assert.match(refusal({ ...good(), sealingKeys: [new Uint8Array(32)] }).message, /not random/);
    const bytes = crypto.getRandomValues(new Uint8Array(32));
    // The shortest that are long enough.
    const text = Buffer.from(bytes.subarray(8)).toString('base64');
    assert.equal(resolveOptions({ ...good(), sealingKeys: [bytes, text] }).sealingKeys.length, 2);
    process.env['NODE_ENV'] = 'test';
    assert.ok(resolveOptions({ ...good(), sealingKeys: ['k'.repeat(40)] }));
  } finally {
    if (before === undefined) delete process.env['NODE_ENV'];
    else process.env['NODE_ENV'] = before;
  }
});

test('a log hook that throws or rejects spoils nothing', () => {
  const seen: string[] = [];
  resolveOptions({ ...good(), onEvent: ({ type }) => { seen.push(type); throw new Error(); } }).emit({ type: 'refused' }); // prettier-ignore
  resolveOptions({ ...good(), onEvent: (async () => Promise.reject(new Error())) as () => void }).emit({
    type: 'refused',
  });
  assert.deepEqual(seen, ['refused']);
});

test('rotateKeys seals every row anew with the first key, and tells how many', async () => {
  const tokenStore = memoryTokenStore();
  const old = planted.sealingKey;
  const fresh = 'another sealing key of the tests, long enough 0123456789';
  const answer = () => Response.json({ success: true, integrationToken: 'token-of-the-test' });
  const options = {
    ...good(),
    tokenStore,
    checkFraming: false,
    authorize: () => ({ storeId: 'store-1' }),
    fetch: async () => answer(),
  };
  const headers = { 'Rulrr-Embed': '1', 'Sec-Fetch-Site': 'same-origin' };
  const before = createRulrrProxy({ ...options, sealingKeys: [old] });
  const started = await before.fetch(
    new Request('https://pos.example/rulrr/integrations', { method: 'POST', headers }),
  );
  assert.equal(started.status, 201);
  const both = createRulrrProxy({ ...options, sealingKeys: [fresh, old] });
  // The session's row and its store's.
  assert.deepEqual(await both.rotateKeys(), { rewritten: 2, current: 0, failed: 0 });
  assert.deepEqual(await both.rotateKeys(), { rewritten: 0, current: 2, failed: 0 });
  const after = createRulrrProxy({ ...options, sealingKeys: [fresh] });
  assert.deepEqual(await after.rotateKeys(), { rewritten: 0, current: 2, failed: 0 });
});
