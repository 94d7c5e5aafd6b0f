// Secrets travel in every call. None may come out again: not in an error, not in what `inspect` or JSON make of one.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { RulrrApiError, type RulrrApi } from '../../src/api/index.js';
import { apiAt, canaries, httpAnswer, rawServer } from './support.js';

/** A secret as it is, and as a URL, JSON, base64 or hex would write it. */
function spellings(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const encoded = [encodeURIComponent(secret), new URLSearchParams({ s: secret }).toString().slice(2)];
  const plain = [secret, JSON.stringify(secret).slice(1, -1)];
  return [...plain, ...encoded, bytes.toString('base64'), bytes.toString('base64url'), bytes.toString('hex')];
}

/** Names of the canaries that stand in a text. */
function leaks(text: string): string[] {
  return Object.entries(canaries)
    .filter(([, secret]) => spellings(secret).some((spelling) => text.includes(spelling)))
    .map(([name]) => name);
}

/** Every way in which a value gets into a log. */
function shown(value: unknown): string {
  const all = [inspect(value, { depth: 20, showHidden: true }), JSON.stringify(value), String(value)];
  if (value instanceof Error)
    all.push(value.message, value.stack ?? '', inspect(Object.getOwnPropertyDescriptors(value), { depth: 20 }));
  return all.join('\n');
}

const calls: Record<string, (api: RulrrApi) => Promise<unknown>> = {
  createIntegration: (api) => api.createIntegration(),
  getIntegrationStatus: (api) => api.getIntegrationStatus(canaries.integrationToken),
  retrieveTokens: (api) => api.retrieveTokens(canaries.integrationToken),
  refreshTokens: (api) => api.refreshTokens(canaries.refreshToken),
  updateStore: (api) =>
    api.updateStore({
      storeName: 'Deli',
      storeAddress: 'x',
      storeCountryCode: 'US',
      storePhoneNumber: canaries.phoneNumber,
    }),
  getStore: (api) => api.getStore(),
  uploadCustomers: (api) => api.uploadCustomers(canaries.phoneNumber, 'text/csv'),
  createOrder: (api) => api.createOrder({ ereceipt: { phoneNumber: canaries.phoneNumber } }),
  getOrder: (api) => api.getOrder({ phoneNumber: canaries.phoneNumber }),
};

const text = canaries.upstreamText;
const says = (answer: string) => () => rawServer((socket) => void socket.end(answer));
const faults: Record<string, () => ReturnType<typeof rawServer>> = {
  'a reset': () => rawServer((socket) => socket.resetAndDestroy()),
  'an early end': () => rawServer((socket) => socket.end()),
  garbage: says(`\u0000 ${text} \r\n\r\n`),
  'a cut answer': says(httpAnswer(200, JSON.stringify({ success: true, text })).slice(0, -4)),
  'bad JSON': says(httpAnswer(200, `{"${text}`)),
  'another content type': says(httpAnswer(200, text, { 'Content-Type': 'text/html' })),
  'missing fields': says(httpAnswer(200, JSON.stringify([text]))),
  'a refusal in a 200': says(httpAnswer(200, JSON.stringify({ success: false, error: text }))),
  'a redirect': says(httpAnswer(302, text, { Location: `https://elsewhere.invalid/?${text}` })),
  'a 400': says(httpAnswer(400, JSON.stringify({ error: text }))),
  'a 403': says(httpAnswer(403, text)),
  'a 500': says(httpAnswer(500, text)),
  'a date nobody can read': says(httpAnswer(429, text, { 'Retry-After': text })),
  'a deadline': () => rawServer(() => undefined),
  'a refused connection': async () => {
    const gone = await rawServer(() => undefined);
    await gone.close();
    return { ...gone, close: async () => undefined };
  },
};

describe('no secret comes out of a failure', () => {
  for (const [fault, start] of Object.entries(faults)) {
    it(`${fault}: every method`, async () => {
      const server = await start();
      const api = apiAt(server.url, { accessToken: canaries.accessToken, timeoutMs: 300, redeemTimeoutMs: 300 });
      for (const [name, call] of Object.entries(calls)) {
        const error = await call(api).then(
          () => assert.fail(`${name} must fail`),
          (thrown: unknown) => thrown,
        );
        assert.ok(error instanceof RulrrApiError, name);
        assert.deepEqual(leaks(shown(error)), [], name);
        assert.doesNotMatch(shown(error), new RegExp(new URL(server.url).port), `${name}: not even where the API is`);
        assert.equal(error.cause, undefined);
        assert.match(error.message, new RegExp(`^(${name}|getCustomersUploadUrl): `));
      }
      await server.close();
    });
  }

  it('a fetch that quotes everything in what it throws is not quoted in turn', async () => {
    const fetch: typeof globalThis.fetch = async (input, init) => {
      throw Object.assign(new Error(`${String(input)} ${String(init?.body)}`), {
        cause: new Error(String(input)),
        input,
      });
    };
    const api = apiAt('http://127.0.0.1:1', { accessToken: canaries.accessToken, fetch });
    for (const call of Object.values(calls)) {
      const error = await call(api).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof RulrrApiError);
      assert.deepEqual(leaks(shown(error)), []);
    }
  });

  it('the client itself shows nothing, nor do its mistakes at construction', () => {
    const api = apiAt('http://127.0.0.1:1', { accessToken: canaries.accessToken });
    assert.deepEqual(leaks(shown(api)), []);
    assert.deepEqual(leaks(shown(api.withAccessToken(canaries.refreshToken))), []);
    assert.deepEqual(leaks(JSON.stringify({ ...api })), []);
    for (const apiBaseUrl of [`http://api.example/${text}`, text, `https://${text}:x@api.example`]) {
      assert.throws(
        () => apiAt(apiBaseUrl),
        (error) => leaks(shown(error)).length === 0,
      );
    }
  });

  it('the scan finds each canary in each spelling', () => {
    for (const [name, secret] of Object.entries(canaries)) {
      for (const spelling of spellings(secret)) {
        assert.ok(leaks(shown(new Error(`x ${spelling} y`))).includes(name), `${name} as ${spelling}`);
      }
      assert.ok(leaks(shown(new Error('x', { cause: new Error(secret) }))).includes(name));
    }
  });
});
