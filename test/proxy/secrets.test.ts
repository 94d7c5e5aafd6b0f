import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { createRulrrProxy } from '../../src/proxy/index.js';
import { CanaryWatch, findSecrets, planted, secretNames, textsOf } from './canaries.js';
import { harness, Upstream, type Harness } from './harness.js';

const key = 'till-7-order-1001-a';

/** Everything a proxy can be brought to say: each route, each refusal, each failure of what stands behind it. */
async function wholeStory(create: typeof createRulrrProxy): Promise<Harness[]> {
  const all: Harness[] = [];
  const make = (options = {}, upstream = new Upstream()) => {
    const h = harness({ sendEreceipt: async ({ api, orderId, phoneNumber }) => void (await api.createOrder({ orderId, phoneNumber })), ...options }, { upstream, create });
    all.push(h);
    return h;
  };
  const send = (h: Harness, phoneNumber: string, more = {}) =>
    h.call('POST', '/ereceipts', { body: { orderId: 'order-1', phoneNumber, ...more }, headers: { 'Idempotency-Key': key + phoneNumber.length + h.upstream.calls.length } });

  const h = make();
  await h.connect();
  await h.call('GET', '/connection');
  await h.call('GET', '/connection', { headers: { Origin: planted.session, Authorization: planted.accessToken, 'X-Debug': planted.otherPhoneNumber } });
  await send(h, planted.phoneNumber);
  await send(h, planted.otherPhoneNumber + '0');
  await send(h, planted.phoneNumber, { orderId: 7 });
  await h.call('POST', '/ereceipts', { body: `{"phoneNumber":"${planted.phoneNumber}"`, headers: { 'Idempotency-Key': planted.otherPhoneNumber } });
  for (const path of ['/nothing/' + encodeURIComponent(planted.session), '/integrations/' + encodeURIComponent(planted.session), '/connection?token=' + encodeURIComponent(planted.accessToken)]) {
    for (const method of ['GET', 'POST', 'DELETE', 'PUT']) await h.call(method, path);
  }
  await h.call('POST', '/integrations', { store: null });
  for (const status of [400, 403, 410, 429, 500, 503]) {
    for (const path of ['POST start', 'GET status', 'POST order']) {
      const id = path === 'GET status' ? await h.start('store-' + status) : '';
      h.clock.advance(5000);
      h.upstream.faults.push(() => new Response(JSON.stringify(planted), { status, headers: { 'X-Echo': 'echo', 'Retry-After': '3' } }));
      if (path === 'POST start') await h.call('POST', '/integrations');
      else if (path === 'GET status') await h.call('GET', '/integrations/' + id, { store: 'store-' + status });
      else await send(h, planted.phoneNumber);
      h.upstream.faults.length = 0;
    }
  }
  for (const cause of [planted.clientSecret, planted.connectionString]) {
    h.upstream.faults.push((url) => Promise.reject(new TypeError('fetch failed: ' + url.href, { cause: new Error(cause + url.href) })));
    await h.call('POST', '/integrations');
  }
  h.upstream.faults.push(() => new Response('<html>' + planted.clientSecret));
  await h.call('POST', '/integrations');

  const quoting = (text: string) => {
    throw Object.assign(new Error(text, { cause: new Error(text) }), { name: text, code: text, url: text, toJSON: () => text });
  };
  await send(await connected(make({ sendEreceipt: () => quoting(planted.phoneNumber + planted.accessToken) })), planted.phoneNumber);
  await make({ authorize: () => quoting(planted.session) }).call('GET', '/connection');
  const down = make();
  await down.connect();
  Object.assign(down.store, { get: () => quoting(planted.connectionString), put: () => quoting(planted.connectionString), list: () => quoting(planted.connectionString) });
  for (const [method, path] of [['GET', '/connection'], ['DELETE', '/connection'], ['POST', '/integrations']] as const) await down.call(method, path);
  await send(down, planted.phoneNumber);
  await down.proxy.sweep().catch((error: unknown) => down.canaries.look('sweep error', error));
  await down.proxy.forStore('store-1').catch((error: unknown) => down.canaries.look('forStore error', error));

  const api = await (await connected(h)).proxy.forStore('store-1');
  h.upstream.faults.push(() => new Response(JSON.stringify(planted), { status: 500 }));
  await api.createOrder({ phoneNumber: planted.phoneNumber }).catch((error: unknown) => h.canaries.look('API error', error));
  for (const one of [api, h.bare, await h.proxy.sweep()]) h.canaries.look('inspected', one);
  for (const option of ['clientSecret', 'apiBaseUrl', 'sealingKeys', 'allowedOrigins', 'origin'] as const) {
    for (const value of [planted.connectionString + ' ', [planted.clientSecret + ' '], planted.sealingKey.slice(0, 30)]) {
      try {
        harness({ [option]: value }, { create });
      } catch (error) {
        h.canaries.look('construction error', error);
      }
    }
  }
  // A request whose headers cannot be read stands for every defect that nobody thought of.
  const broken = { method: 'GET', url: 'https://pos.example/rulrr/connection', headers: { get: () => quoting(planted.session) } };
  await h.canaries.answer('broken', await h.bare.fetch(broken as unknown as Request));
  for (const each of all) await each.proxy.close();
  return all;
} // prettier-ignore

async function connected(h: Harness): Promise<Harness> {
  await h.connect();
  return h;
}

test('twelve planted secrets, searched in every answer, header, event, error, inspection and console line: none', async () => {
  assert.equal(secretNames.length, 12);
  const lines = new CanaryWatch();
  const stop = lines.console();
  let all: Harness[];
  try {
    all = await wholeStory(createRulrrProxy);
  } finally {
    stop();
  }
  for (const h of all) h.assertClean();
  assert.deepEqual(lines.hits, []);
  const seen = all.reduce((sum, { canaries }) => sum + canaries.scanned, 0);
  assert.ok(seen > 150, `only ${seen} things were looked at`);
  const types = new Set(all.flatMap(({ events }) => events.map(({ type }) => type)));
  for (const type of [
    'refused',
    'hook-failed',
    'store-failed',
    'upstream-failed',
    'integration-started',
    'ereceipt-sent',
    'ereceipt-failed',
  ] as const) {
    assert.ok(types.has(type), `the story had no ${type}`);
  }
});

test('the default log hook prints what alarms, and no secret', async () => {
  const lines = new CanaryWatch();
  const stop = lines.console();
  try {
    const h = harness({ onEvent: undefined, authorize: () => { throw new Error(planted.session); } }); // prettier-ignore
    await h.call('GET', '/connection');
    await h.call('PUT', '/connection');
  } finally {
    stop();
  }
  assert.equal(lines.scanned, 1, 'the throw is told, the refusal is not');
  assert.deepEqual(lines.hits, []);
});

/** Each is a slip that a colleague could make: the line as it stands, and as it would leak. */
const slips: Record<string, { file: string; line: string; leak: string }> = {
  'an error’s message in the answer': {
    file: 'proxy/create-proxy.ts',
    line: "new Refusal('internal', 'The proxy could not do this.')",
    leak: "new Refusal('internal', String(error))",
  },
  'a hook’s error in the log': {
    file: 'proxy/routes.ts',
    line: "hook: 'authorize', code: errorClass(error) }",
    leak: "hook: 'authorize', code: String(error.message) }",
  },
  'the token in an event': {
    file: 'proxy/integrations.ts',
    line: "emit({ type: 'integration-started', flowId: flow.flowId, storeId })",
    leak: "emit({ type: 'integration-started', flowId: flow.integrationToken, storeId })",
  },
  'the session beside its id': {
    file: 'proxy/integrations.ts',
    line: 'return { id, ...this.repeatedOf(flow),',
    leak: "return { id, debug: Buffer.from('flow ' + JSON.stringify({ ...flow, id })).toString('base64'), ...this.repeatedOf(flow),",
  },
  'the number in a refusal': {
    file: 'proxy/ereceipts.ts',
    line: "'Not a number in E.164, such as +12135550123, that can get a text message.'",
    leak: "'Not a number: ' + phoneNumber",
  },
  'a debug header': {
    file: 'proxy/respond.ts',
    line: "'X-Content-Type-Options': 'nosniff',",
    leak: `'X-Content-Type-Options': 'nosniff', 'X-Debug': Buffer.from('debug ' + ${JSON.stringify(planted.clientSecret)}).toString('hex'),`,
  },
  'the refused option’s value': {
    file: 'proxy/options.ts',
    line: "wrong(option, 'has white space around it')",
    leak: "wrong(option, 'has white space around it: ' + value)",
  },
  'a line for the console': {
    file: 'proxy/ereceipts.ts',
    line: 'const owner = crypto.randomUUID();',
    leak: "const owner = crypto.randomUUID(); console.log('sending', order);",
  },
}; // prettier-ignore

const folder = await mkdtemp(join(tmpdir(), 'rulrr-leak-'));
after(() => rm(folder, { recursive: true }));

for (const [at, [name, { file, line, leak }]] of Object.entries(slips).entries()) {
  test(`the scan catches a leaking build: ${name}`, async () => {
    const outfile = join(folder, `leak-${at}.mjs`);
    let patched = 0;
    await build({
      entryPoints: [new URL('../../src/proxy/index.ts', import.meta.url).pathname],
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      logLevel: 'error',
      plugins: [
        {
          name: 'slip',
          setup({ onLoad }) {
            onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, async ({ path }) => {
              const source = await readFile(path, 'utf8');
              if (!path.replaceAll('\\', '/').endsWith('/src/' + file)) return { contents: source, loader: 'ts' };
              const plain = source.replace(/\s+/g, ' ');
              assert.ok(plain.includes(line), `the line has changed: ${line}`);
              patched += 1;
              return { contents: patch(source, line, leak), loader: 'ts' };
            });
          },
        },
      ],
    });
    assert.equal(patched, 1);
    const { createRulrrProxy: leaking } = (await import(pathToFileURL(outfile).href)) as {
      createRulrrProxy: typeof createRulrrProxy;
    };
    const lines = new CanaryWatch();
    const stop = lines.console();
    let hits: string[];
    try {
      const all = await wholeStory(leaking);
      hits = all.flatMap(({ canaries }) => canaries.hits);
    } finally {
      stop();
    }
    assert.ok(hits.length + lines.hits.length > 0, 'the leak went unseen');
  });
}

/** Replaces a line whatever the white space in it. */
function patch(source: string, line: string, by: string): string {
  const pattern = line.split(/\s+/).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('\\s+'); // prettier-ignore
  return source.replace(new RegExp(pattern), () => by);
}

test('the scan knows every secret in every encoding, alone and within other text', () => {
  const encodings: Record<string, (text: string) => string> = {
    raw: (text) => text,
    url: (text) => new URL('https://api.example/?a=1&secret=' + encodeURIComponent(text)).href,
    form: (text) => new URLSearchParams({ secret: text }).toString(),
    hex: (text) => Buffer.from(text).toString('hex'),
    base64: (text) => Buffer.from(text).toString('base64'),
    'base64 of a header': (text) => Buffer.from('client-1:' + text + '\n').toString('base64'),
    'base64url in a token': (text) => Buffer.from(JSON.stringify({ s: 'store-1', t: text })).toString('base64url'),
    json: (text) => JSON.stringify({ text }),
    'json in json': (text) => JSON.stringify({ body: JSON.stringify({ text }) }),
    inspected: (text) => textsOf({ deep: { deeper: [new Map([['x', text]])] } }),
    error: (text) => textsOf(new Error('x', { cause: new Error(text) })),
    'hidden in an error': (text) => textsOf(Object.defineProperty(new Error('x'), 'request', { value: { url: text }, enumerable: false })),
  };
  for (const name of secretNames) {
    for (const [encoding, encode] of Object.entries(encodings)) {
      const hits = findSecrets('before ' + encode(planted[name]) + ' after');
      assert.ok(hits.some((hit) => hit.startsWith(name)), `${name} as ${encoding}`);
    }
  }
  assert.deepEqual(findSecrets('nothing of the kind: ' + 'abc123/+='.repeat(100)), []);
}); // prettier-ignore
