// openapi.yaml is what other stacks build from: it must say what the code says.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { maxBodyBytes } from '../../src/proxy/body.js';
import { routeTable } from '../../src/proxy/guard.js';
import type { RulrrProxyOptions } from '../../src/proxy/index.js';
import { Refusal } from '../../src/proxy/refusal.js';
import { maxIdLength } from '../../src/proxy/seal.js';
import { memoryTokenStore } from '../../src/proxy/stores/memory.js';
import { problemCodes, type ProblemCode } from '../../src/shared/wire.js';
import { harness, site, type CallOptions, type Harness } from '../proxy/harness.js';
import {
  answerFaults,
  document,
  documentFaults,
  faults,
  references,
  resolve,
  type Operation,
} from './support/openapi.js';

const methods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];

/** `POST /ereceipts`, as the document and the proxy both name it. */
const operations = new Map<string, Operation>(
  Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([name]) => methods.includes(name))
      .map(([name, operation]): [string, Operation] => [`${name.toUpperCase()} ${path}`, operation]),
  ),
);

function codesOf(response: object): ProblemCode[] {
  const schema = resolve(response as { content?: Record<string, { schema: object }> }).content?.[
    'application/problem+json'
  ]?.schema as { allOf?: { properties?: { code?: { enum?: ProblemCode[] } } }[] } | undefined;
  return schema?.allOf?.flatMap(({ properties }) => properties?.code?.enum ?? []) ?? [];
}

describe('openapi.yaml', () => {
  it("is valid by OpenAPI's own schema", async () => {
    assert.deepEqual(await documentFaults(), []);
  });

  it('is OpenAPI 3.1 of this version, and every reference leads somewhere', () => {
    assert.match(document.openapi, /^3\.1\.\d+$/);
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    assert.equal(document.info.version, version);
    assert.ok(references().length > 50);
    for (const $ref of references()) assert.doesNotThrow(() => resolve({ $ref }), $ref);
    const ids = [...operations.values()].flatMap(({ operationId }) => operationId ?? []);
    assert.equal(new Set(ids).size, 5);
  });

  it('names every route and method of the proxy, and no other', () => {
    const inCode = Object.entries(routeTable).flatMap(([path, known]) =>
      [...known, 'OPTIONS'].map((method) => `${method} ${path.replace(':id', '{id}')}`),
    );
    assert.deepEqual([...operations.keys()].sort(), inCode.sort());
  });

  it('names every code of the proxy, each with its status', () => {
    const { code } = document.components.schemas['Problem']!.properties!;
    assert.deepEqual([...code!.enum!].sort(), [...problemCodes].sort());
    const described = new Set<string>();
    for (const [name, response] of Object.entries(document.components.responses)) {
      const codes = codesOf(response);
      assert.ok(codes.length, name);
      for (const one of codes) {
        described.add(one);
        const { status } = new Refusal(one, '');
        const answer = { type: 'urn:x', title: 'x', status, code: one };
        const { schema } = response.content!['application/problem+json']!;
        assert.deepEqual(faults(schema, answer), [], `${name} ${one}`);
        assert.notDeepEqual(faults(schema, { ...answer, status: status + 1 }), [], `${name} takes another status`);
      }
    }
    assert.deepEqual([...described].sort(), [...problemCodes].sort());
  });

  it('refers to every response from the status it stands for; the two for other paths and methods stand alone', () => {
    const used = new Set<object>();
    for (const [name, { responses }] of operations) {
      for (const [status, response] of Object.entries(responses)) {
        used.add(resolve(response));
        for (const code of codesOf(response))
          assert.equal(String(new Refusal(code, '').status), status, `${name} ${code}`);
      }
    }
    const alone = Object.entries(document.components.responses).filter(([, response]) => !used.has(response));
    assert.deepEqual(alone.map(([name]) => name).sort(), ['MethodNotAllowed', 'NotFound']);
  });

  it('gives examples that its own schemas take', () => {
    let count = 0;
    const check = (media: { schema: object; example?: unknown; examples?: Record<string, { value: unknown }> }) => {
      const values = Object.values(media.examples ?? {}).map(({ value }) => value);
      for (const value of media.example === undefined ? values : [media.example, ...values]) {
        assert.deepEqual(faults(media.schema, value), [], JSON.stringify(value));
        count += 1;
      }
    };
    for (const response of Object.values(document.components.responses))
      Object.values(response.content ?? {}).forEach(check);
    for (const { requestBody, responses } of operations.values()) {
      Object.values(requestBody?.content ?? {}).forEach(check);
      for (const response of Object.values(responses))
        if (!response.$ref) Object.values(response.content ?? {}).forEach(check);
    }
    assert.ok(count >= 25, String(count));
  });

  it('promises no-store for every answer', () => {
    for (const [name, { responses }] of operations) {
      for (const [status, response] of Object.entries(responses)) {
        const { headers } = resolve(response);
        assert.ok(headers?.['Cache-Control'] && resolve(headers['Cache-Control']).required, `${name} ${status}`);
      }
    }
  });

  it('gives the limits of the code', () => {
    const item = document.paths['/integrations/{id}'] as unknown as { parameters: { schema: { maxLength: number } }[] };
    assert.equal(item.parameters[0]!.schema.maxLength, maxIdLength);
    assert.match(document.components.responses['BodyTooLarge']!.description, new RegExp(`\\b${maxBodyBytes}\\b`));
    const header = operations.get('POST /ereceipts')!.parameters!.find(({ name }) => name === 'Idempotency-Key')!;
    for (const key of ['k', '~'.repeat(200)]) assert.deepEqual(faults(header.schema!, key), []);
    for (const key of ['', '~'.repeat(201), 'with space', 'ünicode-key'])
      assert.notDeepEqual(faults(header.schema!, key), []);
    const { schema } = operations.get('POST /ereceipts')!.requestBody!.content['application/json']!;
    for (const orderId of ['1', ' a ', '😀'.repeat(200)]) assert.deepEqual(faults(schema, { ...order, orderId }), []);
    for (const orderId of ['', ' ', '\n', 'o'.repeat(201), '😀'.repeat(201)])
      assert.notDeepEqual(faults(schema, { ...order, orderId }), [], JSON.stringify(orderId));
  });
});

// ── What the proxy really answers ──

const order = { orderId: '1041', phoneNumber: '+12135550123' };
const json = (body: unknown, status = 200) => Response.json(body, { status });
const key = (name: string) => ({ 'Idempotency-Key': `key-of-${name}` });
/** A store that answers until it is switched off. */
function switchable() {
  const store = memoryTokenStore();
  const state = { down: false };
  const guard =
    <A extends unknown[], R>(work: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (state.down) throw new Error('down');
      return work(...args);
    };
  const { get, put, delete: remove, list, close } = store;
  return {
    state,
    store: { ...store, get: guard(get), put: guard(put), delete: guard(remove), list: guard(list), close },
  };
}

/** Moves time on, second by second, until something has come of it. Encryption runs on other threads: each second gives them turns. */
async function passTime(h: Harness, over: () => boolean): Promise<void> {
  for (let second = 0; !over(); second++) {
    assert.ok(second < 2000, 'it never came to an end');
    await crypto.subtle.digest('SHA-256', new Uint8Array(1));
    await new Promise(setImmediate);
    await h.clock.advanceAsync(1000);
  }
}

interface Scene {
  h: Harness;
  answer(operation: string, path: string, options?: CallOptions): Promise<void>;
}
const answered = new Map<string, Set<string>>();

function scene(options: Partial<RulrrProxyOptions> = {}, store?: ReturnType<typeof memoryTokenStore>): Scene {
  const h = harness(options, store ? { store } : {});
  return {
    h,
    async answer(name, path, callOptions) {
      const response = await h.call(name.split(' ')[0]!, path, callOptions);
      const body = await response.text();
      const what = `${name} ${response.status} ${body}`;
      const described = operations.get(name)!.responses[String(response.status)];
      assert.ok(described, `${what} is not described`);
      assert.deepEqual(answerFaults(resolve(described), response.headers, body), [], what);
      const seen = answered.get(name) ?? new Set();
      answered.set(name, seen.add(String(response.status)));
    },
  };
}

describe('the answers of the proxy are those of openapi.yaml', () => {
  const start = 'POST /integrations';
  const poll = 'GET /integrations/{id}';
  const read = 'GET /connection';
  const forget = 'DELETE /connection';
  const send = 'POST /ereceipts';
  const calls = [
    [start, '/integrations'],
    [poll, '/integrations/some-id'],
    [read, '/connection'],
    [forget, '/connection'],
    [send, '/ereceipts'],
  ] as const;

  it('whoever asks, and from wherever', async () => {
    const throwing = scene({
      authorize: () => {
        throw new Error('no session store');
      },
    });
    const known = scene({ allowedOrigins: ['https://till.example'] });
    for (const [name, path] of calls) {
      await known.answer(name, path, { store: null });
      await throwing.answer(name, path);
      if (!name.startsWith('GET')) await known.answer(name, path, { headers: { 'Rulrr-Embed': '0' } });
      const preflight = name.replace(/^\w+/, 'OPTIONS');
      for (const origin of ['https://till.example', site, 'https://evil.example'])
        await known.answer(preflight, path, { headers: { Origin: origin, 'Access-Control-Request-Method': 'POST' } });
    }
  });

  it('a session from its start to each of its ends', async () => {
    const { h, answer } = scene();
    await answer(start, '/integrations');
    const id = await h.start();
    await answer(poll, `/integrations/${id}`);
    await answer(poll, `/integrations/${id}x`);
    await answer(poll, `/integrations/${id}`, { store: 'store-2' });
    h.clock.advance(32 * 60_000);
    await answer(poll, `/integrations/${id}`);
    const cancelled = await h.start();
    h.upstream.status = 'cancelled';
    await answer(poll, `/integrations/${cancelled}`);
    const finished = await h.start();
    h.upstream.status = 'finished';
    await answer(poll, `/integrations/${finished}`);
    await answer(read, '/connection');
    await answer(forget, '/connection');
    await answer(read, '/connection');
  });

  it('tokens that are lost', async () => {
    const { h, answer } = scene();
    const id = await h.start();
    h.upstream.status = 'finished';
    h.upstream.faults.push(
      () => json({ success: true, status: 'finished' }),
      () => json({}, 410),
    );
    const polled = h.call('GET', `/integrations/${id}`);
    await passTime(h, () => h.events.some(({ type }) => type === 'integration-lost'));
    await polled;
    await answer(poll, `/integrations/${id}`);
    assert.ok(answered.get(poll)!.has('409'));
  });

  it('Rulrr in trouble', async () => {
    for (const status of [403, 429, 500]) {
      const { h, answer } = scene();
      const id = await h.start();
      for (const [name, path] of [
        [start, '/integrations'],
        [poll, `/integrations/${id}`],
      ] as const) {
        h.upstream.faults.push((url) => json({}, url.pathname.includes('/v1/') ? status : 200));
        await answer(name, path);
      }
    }
    const { h, answer } = scene();
    const id = await h.start();
    for (const [name, path] of [
      [start, '/integrations'],
      [poll, `/integrations/${id}`],
    ] as const) {
      h.upstream.faults.push(() => new Promise(() => undefined));
      let done = false;
      const asked = answer(name, path).finally(() => (done = true));
      await passTime(h, () => done);
      await asked;
    }
    const limited = scene({ startLimit: { burst: 1, everyMs: 60_000 } });
    await limited.h.start();
    await limited.answer(start, '/integrations');
  });

  it('the store in trouble', async () => {
    const { state, store } = switchable();
    const { h, answer } = scene({ sendEreceipt: () => Promise.resolve() }, store);
    const id = await h.start();
    h.upstream.status = 'finished';
    state.down = true;
    await answer(start, '/integrations');
    await answer(poll, `/integrations/${id}`);
    await answer(read, '/connection');
    await answer(forget, '/connection');
    await answer(send, '/ereceipts', { body: order, headers: key('store-down') });
  });

  it('receipts', async () => {
    await scene().answer(send, '/ereceipts', { body: order, headers: key('no-hook') });
    const outcomes: (() => Promise<void>)[] = [];
    const { h, answer } = scene({ sendEreceipt: () => outcomes.shift()!() });
    await answer(send, '/ereceipts', { body: order, headers: key('unconnected') });
    await h.connect();
    outcomes.push(() => Promise.resolve());
    for (const _ of ['first', 'again']) await answer(send, '/ereceipts', { body: order, headers: key('good') });
    await answer(send, '/ereceipts', { body: { ...order, orderId: '2' }, headers: key('good') });
    outcomes.push(() => Promise.reject(new Error('refused')));
    await answer(send, '/ereceipts', { body: order, headers: key('failed') });
    let finish = () => {};
    outcomes.push(() => new Promise<void>((resolve) => (finish = resolve)));
    const first = h.call('POST', '/ereceipts', { body: order, headers: key('twice') });
    while (outcomes.length) await new Promise(setImmediate);
    await answer(send, '/ereceipts', { body: order, headers: key('twice') });
    finish();
    assert.equal((await first).status, 200);
    outcomes.push(() => Promise.reject(Object.assign(new Error('cut'), { name: 'EreceiptUnconfirmedError' })));
    await answer(send, '/ereceipts', { body: order, headers: key('unclear') });
    await answer(send, '/ereceipts', { body: '{', headers: key('bad') });
    await answer(send, '/ereceipts', { body: order });
    await answer(send, '/ereceipts', { body: 'x'.repeat(maxBodyBytes + 1), headers: key('large') });
    await answer(send, '/ereceipts', { body: order, headers: { ...key('text'), 'Content-Type': 'text/plain' } });
    await answer(send, '/ereceipts', { body: { ...order, phoneNumber: '+1' }, headers: key('number') });
  });

  it('other paths and other methods', async () => {
    const { h } = scene();
    for (const [method, path, name] of [
      ['GET', '/nothing', 'NotFound'],
      ['GET', '//connection', 'NotFound'],
      ['PUT', '/connection', 'MethodNotAllowed'],
      ['HEAD', '/integrations/x', 'MethodNotAllowed'],
    ] as const) {
      const response = await h.call(method, path);
      const described = document.components.responses[name]!;
      assert.equal(String(response.status), String(new Refusal(codesOf(described)[0]!, '').status));
      assert.deepEqual(answerFaults(described, response.headers, await response.text()), [], `${method} ${path}`);
    }
  });

  // Judges what the tests above have collected.
  it('and there is no status in the document that the proxy never gives', () => {
    for (const [name, { responses }] of operations) {
      assert.deepEqual([...(answered.get(name) ?? [])].sort(), Object.keys(responses).sort(), name);
    }
  });
});
