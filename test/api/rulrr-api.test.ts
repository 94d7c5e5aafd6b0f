import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { RulrrApi, type RulrrApiOptions } from '../../src/api/index.js';
import { serveSandbox, type ServedSandbox } from '../../src/sandbox/index.js';
import { apiAt, client, failureOf } from './support.js';

let served: ServedSandbox;
let api: RulrrApi;
before(async () => {
  served = await serveSandbox({ clients: [client] });
  api = apiAt(served.origin);
});
after(() => served.close());

async function finish(integrationToken: string, ereceipt = 'on'): Promise<void> {
  for (const [step, action] of [
    ['2', 'next'],
    ['3', 'finish'],
  ] as const) {
    const form = { integration_token: integrationToken, client_id: client.clientId, step, action, ereceipt };
    await fetch(served.connectBaseUrl, { method: 'POST', body: new URLSearchParams(form) });
  }
}

async function connected(): Promise<RulrrApi> {
  const { integrationToken } = await api.createIntegration();
  await finish(integrationToken);
  return api.withAccessToken((await api.retrieveTokens(integrationToken)).accessToken);
}

/** As a till's own model has it: whoever asks is told, and JSON sees none of it. */
class OrderOfShop {
  readonly #orderId: string;
  constructor(orderId: string) {
    this.#orderId = orderId;
  }
  get orderId(): string {
    return this.#orderId;
  }
}

describe('RulrrApi against the sandbox over a real socket', () => {
  it('links a store: created, pending, finished, tokens once, then 410', async () => {
    const { integrationToken } = await api.createIntegration();
    assert.deepEqual(await api.getIntegrationStatus(integrationToken), { status: 'pending' });
    await finish(integrationToken, 'off');
    assert.deepEqual(await api.getIntegrationStatus(integrationToken), { status: 'finished' });
    const raw: string[] = [];
    const onRawAnswer = async (text: string) => void raw.push(text);
    const tokens = await api.retrieveTokens(integrationToken, { onRawAnswer });
    assert.equal(tokens.ereceipt, false);
    assert.ok(Date.parse(String(tokens.expiration)) > Date.now());
    assert.deepEqual(JSON.parse(raw[0]!), { success: true, ...tokens });
    const again = await failureOf(api.retrieveTokens(integrationToken, { onRawAnswer }));
    assert.deepEqual([again.code, again.status, again.sent], ['already_retrieved', 410, 'answered']);
    assert.equal(raw.length, 1);
  });

  it('reads JSON of a server that names no type, and no page of somebody else', async () => {
    const text = JSON.stringify({ success: true, integrationToken: 'it-1' });
    // A Response of a text says text/plain by itself.
    const untyped = apiAt(served.origin, { fetch: async () => new Response(text) });
    assert.deepEqual(await untyped.createIntegration(), { integrationToken: 'it-1' });
    const page = async () => new Response(text, { headers: { 'Content-Type': 'text/html' } });
    const error = await failureOf(apiAt(served.origin, { fetch: page }).createIntegration());
    assert.equal(error.code, 'bad_answer');
  });

  it('lets Deno repeat no call of its own accord that counts once: its fetch does so on a connection kept open', async () => {
    const deno = { createHttpClient: (options: object) => ({ options }) };
    const clients: Record<string, unknown> = {};
    const watched: typeof fetch = (input, init) => {
      const { client: given, ...rest } = (init ?? {}) as RequestInit & { client?: unknown };
      clients[`${rest.method} ${new URL(input as string).pathname}`] = given;
      return fetch(input, rest);
    };
    Object.assign(globalThis, { Deno: deno });
    try {
      const till = apiAt(served.origin, { fetch: watched });
      const { integrationToken } = await till.createIntegration();
      await till.getIntegrationStatus(integrationToken);
      await finish(integrationToken);
      const { accessToken, refreshToken } = await till.retrieveTokens(integrationToken);
      await till.withAccessToken(accessToken).createOrder({ orderId: 'deno-1' });
      await till.refreshTokens(refreshToken);
    } finally {
      Reflect.deleteProperty(globalThis, 'Deno');
    }
    const alone = { options: { poolMaxIdlePerHost: 0 } };
    assert.deepEqual(clients, {
      'POST /v1/auth/integration': alone,
      'GET /v1/auth/integration': undefined,
      'GET /v1/auth/integration/token': alone,
      'POST /v1/orders': alone,
      'POST /v1/auth/token': alone,
    });
  });

  it('lets Bun repeat no call of its own accord that counts once: its fetch does so on a connection kept open', async () => {
    const kept: Record<string, unknown> = {};
    const watched: typeof fetch = (input, init) => {
      kept[`${init?.method} ${new URL(input as string).pathname}`] = init?.keepalive ?? true;
      return fetch(input, init);
    };
    const till = apiAt(served.origin, { fetch: watched });
    const { integrationToken } = await till.createIntegration();
    await till.getIntegrationStatus(integrationToken);
    await finish(integrationToken);
    const { accessToken, refreshToken } = await till.retrieveTokens(integrationToken);
    await till.withAccessToken(accessToken).createOrder({ orderId: 'bun-1' });
    await till.refreshTokens(refreshToken);
    assert.deepEqual(kept, {
      'POST /v1/auth/integration': false,
      'GET /v1/auth/integration': true,
      'GET /v1/auth/integration/token': false,
      'POST /v1/orders': false,
      'POST /v1/auth/token': false,
    });
  });

  it('waits for the raw answer to be saved before it reads it, and rejects if that fails', async () => {
    const body = 'this is not JSON';
    const fetch = async () => new Response(body, { headers: { 'Content-Type': 'application/json' } });
    const order: string[] = [];
    const onRawAnswer = async (text: string) => {
      order.push(text);
      await new Promise(setImmediate);
      order.push('saved');
    };
    const error = await failureOf(apiAt(served.origin, { fetch }).retrieveTokens('it', { onRawAnswer }));
    assert.equal(error.code, 'bad_answer');
    assert.deepEqual(order, [body, 'saved']);
    const full = new Error('disk full');
    const failing = () => Promise.reject(full);
    await assert.rejects(apiAt(served.origin, { fetch }).retrieveTokens('it', { onRawAnswer: failing }), full);
  });

  it('names the refusals: 400 client id, 403 secret, 403 integration token', async () => {
    const stranger = await failureOf(apiAt(served.origin, { clientId: 'somebody' }).createIntegration());
    assert.deepEqual([stranger.code, stranger.status], ['bad_client_id', 400]);
    const wrong = await failureOf(apiAt(served.origin, { clientSecret: 'wrong' }).createIntegration());
    assert.deepEqual([wrong.code, wrong.status], ['forbidden', 403]);
    const unknown = await failureOf(api.getIntegrationStatus('unknown'));
    assert.deepEqual([unknown.code, unknown.status], ['forbidden', 403]);
  });

  it('reads and writes the store, its orders and its list of customers', async () => {
    const store = await connected();
    await store.updateStore({ storeName: 'Deli', storeAddress: '2 Side Street', storeCountryCode: 'DE' });
    const settings = await store.getStore();
    assert.deepEqual([settings['storeName'], settings['ereceipt']], ['Deli', true]);
    const order = { orderId: 'A-1', total: '1250', currency: 'EUR', ereceipt: { phoneNumber: '+12135550123' } };
    await store.createOrder(order);
    assert.deepEqual((await store.getOrder({ orderId: 'A-1' }))['order'], order);
    assert.equal(served.sandbox.messages.at(-1)?.phoneNumber, '+12135550123');
    await store.uploadCustomers('name,phone\nAda,+12135550123\n', 'text/csv');
    const upload = served.sandbox.uploads.at(-1)!;
    assert.deepEqual([upload.contentType, upload.text], ['text/csv', 'name,phone\nAda,+12135550123\n']);
    const stream = new Blob(['name\nGrace\n']).stream();
    await store.uploadCustomers(stream, 'text/csv');
    assert.equal(served.sandbox.uploads.at(-1)!.text, 'name\nGrace\n');
    // As files are read and lists are made in Node.
    async function* lines() {
      for (const line of ['name\n', 'Linus\n']) yield Buffer.from(line);
    }
    for (const body of [lines(), Readable.from(lines()), Buffer.from('name\nLinus\n'), new Blob(['name\nLinus\n'])]) {
      await store.uploadCustomers(body as RequestInit['body'] & {}, 'text/csv');
      assert.equal(served.sandbox.uploads.at(-1)!.text, 'name\nLinus\n');
    }
  });

  it('refreshes by the documented default, and by a request and an answer of the caller', async () => {
    const { integrationToken } = await api.createIntegration();
    await finish(integrationToken);
    const first = await api.retrieveTokens(integrationToken);
    const second = await api.refreshTokens(first.refreshToken);
    assert.notEqual(second.accessToken, first.accessToken);
    assert.equal((await failureOf(api.refreshTokens(first.refreshToken))).code, 'forbidden');
    const seen: string[] = [];
    const custom = apiAt(served.origin, {
      fetch: async (input, init) => {
        seen.push(`${init!.method} ${new URL(String(input)).search} ${String(init!.body)}`);
        return Response.json({ pair: ['a', 'r'] });
      },
      refreshRequest: ({ refreshToken }) => ({ query: { v: '2' }, body: { token: refreshToken } }),
      parseRefresh: ({ pair }) => {
        const [accessToken, refreshToken] = pair as [string, string];
        return { accessToken, refreshToken, expiration: '2027-01-01T00:00:00Z', ereceipt: true };
      },
    });
    assert.equal((await custom.refreshTokens('old')).accessToken, 'a');
    assert.deepEqual(seen, ['POST ?v=2 {"token":"old"}']);
  });

  it('calls an answer of the refresh unreadable in which `parseRefresh` finds no token', async () => {
    const fetch = async () => Response.json({ success: true });
    for (const found of [undefined, null, {}, { accessToken: '' }, Promise.resolve({ accessToken: 'a' })]) {
      const custom = apiAt(served.origin, { fetch, parseRefresh: () => found as never });
      assert.equal((await failureOf(custom.refreshTokens('r'))).code, 'bad_answer');
    }
  });

  it('hears 403 from every data endpoint once the token is revoked', async () => {
    const store = await connected();
    served.sandbox.revokeTokens();
    const profile = { storeName: 'Deli', storeAddress: '2 Side Street', storeCountryCode: 'DE' };
    const calls = [
      () => store.getStore(),
      () => store.updateStore(profile),
      () => store.createOrder({}),
      () => store.getOrder({ orderId: 'A-1' }),
      () => store.getCustomersUploadUrl(),
    ];
    for (const call of calls) assert.equal((await failureOf(call())).code, 'forbidden');
  });
});

describe('RulrrApi refuses what cannot be right before anything is sent', () => {
  const good: RulrrApiOptions = { apiBaseUrl: 'https://api.example', clientId: 'id', clientSecret: 'secret' };
  const wrong: [string, Partial<Record<keyof RulrrApiOptions, unknown>>][] = [
    ['apiBaseUrl', { apiBaseUrl: undefined }],
    ['apiBaseUrl', { apiBaseUrl: '  ' }],
    ['apiBaseUrl', { apiBaseUrl: 'api.example' }],
    ['apiBaseUrl', { apiBaseUrl: 'http://api.example' }],
    ['apiBaseUrl', { apiBaseUrl: 'http://127.0.0.1.example' }],
    ['apiBaseUrl', { apiBaseUrl: 'https://user:word@api.example' }],
    ['apiBaseUrl', { apiBaseUrl: 'https://api.example?x=1' }],
    ['apiBaseUrl', { apiBaseUrl: 'https://api.example/v1' }],
    ['apiBaseUrl', { apiBaseUrl: 'https://api.example/rulrr/v1/' }],
    ['clientId', { clientId: '' }],
    ['clientSecret', { clientSecret: undefined }],
    ['accessToken', { accessToken: ' ' }],
    ['timeoutMs', { timeoutMs: 0 }],
    ['maxAnswerBytes', { maxAnswerBytes: NaN }],
    ['redeemTimeoutMs', { redeemTimeoutMs: -1 }],
    // A timer of more fires at once: each call, the one for the tokens among them, would be given up unheard.
    ['timeoutMs', { timeoutMs: 2 ** 31 }],
    ['redeemTimeoutMs', { redeemTimeoutMs: 30 * 86_400_000 }],
    ['fetch', { fetch: 'fetch' }],
    ['refreshRequest', { refreshRequest: {} }],
    ['parseRefresh', { parseRefresh: 'x' }],
    ['customersUploadUrl', { customersUploadUrl: {} }],
    ['clock', { clock: null }],
    ['clock', { clock: { now: Date.now } }],
  ];
  for (const [name, change] of wrong) {
    it(`option ${name}: ${JSON.stringify(Object.values(change)[0]) ?? 'missing'}`, () => {
      const options = { ...good, ...change } as RulrrApiOptions;
      assert.throws(
        () => new RulrrApi(options),
        (error: Error) => error instanceof TypeError && error.message.includes(`"${name}"`),
      );
    });
  }

  for (const [name, value] of [
    ['clientId', 20417],
    ['apiBaseUrl', new URL('https://api.example')],
    ['accessToken', ['token']],
  ] as const) {
    it(`option ${name} of another kind is not said to be missing`, () => {
      const options = { ...good, [name]: value } as unknown as RulrrApiOptions;
      assert.throws(() => new RulrrApi(options), {
        name: 'TypeError',
        message: `RulrrApi: option "${name}" must be a string.`,
      });
    });
  }

  for (const apiBaseUrl of [
    'http://localhost:1',
    'http://127.0.0.1:1/base/',
    'http://[::1]:1',
    'https://api.example/x',
  ]) {
    it(`takes ${apiBaseUrl}`, () => void new RulrrApi({ ...good, apiBaseUrl }));
  }

  it('arguments that are missing', async () => {
    let calls = 0;
    const fetch = async () => Response.json({ calls: ++calls });
    const bare = new RulrrApi({ ...good, fetch });
    const store = bare.withAccessToken('token');
    const profile = { storeName: 'Deli', storeAddress: '2 Side Street', storeCountryCode: 'DE' };
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    const mistakes: [RegExp, () => Promise<unknown>][] = [
      [/integrationToken/, () => bare.getIntegrationStatus('')],
      [/integrationToken/, () => bare.retrieveTokens(undefined as never)],
      [/refreshToken/, () => bare.refreshTokens(' ')],
      [/access token/, () => bare.getStore()],
      [/access token/, () => bare.createOrder({})],
      [/storeAddress/, () => store.updateStore({ ...profile, storeAddress: '' })],
      [/storeCountryCode/, () => store.updateStore({ ...profile, storeCountryCode: 'Germany' })],
      [/order/, () => store.createOrder(null as never)],
      // JSON writes each of these as {}: an order without its number, which Rulrr may well take.
      [/"order".*promise/, () => store.createOrder(Promise.resolve({ ereceipt: { phoneNumber: '+12135550123' } }))],
      [
        /"phoneNumber" is a promise/,
        () => store.createOrder({ ereceipt: { phoneNumber: Promise.resolve('+12135550123') } }),
      ],
      [/"order".*Map/, () => store.createOrder(new Map([['orderId', 'A-1']]))],
      [/"order".*getters/, () => store.createOrder(new OrderOfShop('A-1'))],
      [/"order".*undefined/, () => store.createOrder({ orderId: undefined, ereceipt: undefined })],
      [/"order".*Date/, () => store.createOrder(new Date())],
      [/"order".*URLSearchParams/, () => store.createOrder(new URLSearchParams({ orderId: 'A-1' }))],
      [/accessToken/, async () => bare.withAccessToken(undefined as never)],
      [/JSON/, () => store.createOrder(circular)],
      [/query/, () => store.getOrder(undefined as never)],
      [/contentType/, () => store.uploadCustomers('x', '')],
      [/contentType/, () => store.uploadCustomers('x', 'text/csv\nX-More: 1')],
      [/contentType/, () => store.uploadCustomers('x', 'text/č')],
      [/body/, () => store.uploadCustomers(undefined as never, 'text/csv')],
      [/body/, () => store.uploadCustomers([{ name: 'Ada' }] as never, 'application/json')],
      [/body/, () => store.uploadCustomers({ customers: [] } as never, 'application/json')],
      [/body/, () => store.uploadCustomers(7 as never, 'text/csv')],
      [/body/, () => store.uploadCustomers(Promise.resolve('name') as never, 'text/csv')],
      [/body/, () => store.uploadCustomers(new Response('name') as never, 'text/csv')],
      [/body/, () => store.uploadCustomers(new Map([['name', 'Ada']]) as never, 'text/csv')],
      [/body/, () => store.uploadCustomers(new Date() as never, 'text/csv')],
      [/body/, () => store.uploadCustomers(new FormData() as never, 'multipart/form-data')],
      [/"orderId" of the query/, () => store.getOrder({ orderId: undefined as never })],
      [/plain object/, () => store.getOrder(new URLSearchParams({ orderId: 'A-1' }) as never)],
      [/plain object/, () => store.getOrder(Promise.resolve({ orderId: 'A-1' }) as never)],
      [/"signal"/, () => store.getStore({ signal: new AbortController() as never })],
      [/"signal"/, () => store.createOrder({ id: 1 }, { signal: new AbortController() as never })],
      [/"signal"/, () => bare.retrieveTokens('token', { signal: new AbortController() as never })],
      [/"onRawAnswer"/, () => bare.retrieveTokens('token', { onRawAnswer: 'keep' as never })],
      [/refreshRequest/, () => new RulrrApi({ ...good, fetch, refreshRequest: () => 5 as never }).refreshTokens('r')],
      [
        /refreshRequest/,
        () =>
          new RulrrApi({ ...good, fetch, refreshRequest: (async () => ({ query: {} })) as never }).refreshTokens('r'),
      ],
    ];
    for (const [names, mistake] of mistakes) {
      await assert.rejects(mistake, (error: Error) => error instanceof TypeError && names.test(error.message));
    }
    assert.equal(calls, 0);
  });

  it('an upload URL that is not https, holds a password, or is missing', async () => {
    const wrong = [
      'http://elsewhere.example/up',
      'http://127.0.0.1/up',
      'ftp://x/',
      'https://user:word@x/up',
      'https://user@x/up',
      'https://:word@x/up',
      undefined,
    ];
    // Where the API is the sandbox on this machine, a list of customers leaves the machine in the clear no more than elsewhere.
    for (const apiBaseUrl of [good.apiBaseUrl, 'http://127.0.0.1:4444'])
      for (const customersUploadUrl of [undefined, ({ uploadUrl }: Record<string, unknown>) => uploadUrl as string])
        for (const uploadUrl of wrong) {
          if (apiBaseUrl !== good.apiBaseUrl && uploadUrl === 'http://127.0.0.1/up') continue;
          const fetch = async () => Response.json({ uploadUrl });
          const store = new RulrrApi({ ...good, apiBaseUrl, accessToken: 'a', fetch, customersUploadUrl });
          assert.equal((await failureOf(store.getCustomersUploadUrl())).code, 'bad_answer', uploadUrl);
        }
  });

  it('sends neither credentials nor token to the upload URL', async () => {
    const sent: string[] = [];
    const fetch: typeof globalThis.fetch = async (input, init) => {
      sent.push(`${String(input)} ${JSON.stringify(init?.headers)}`);
      return Response.json({ uploadUrl: 'https://bucket.example/put?sig=1' });
    };
    await new RulrrApi({ ...good, accessToken: 'a-token', fetch }).uploadCustomers('x', 'text/csv');
    assert.match(sent[1]!, /^https:\/\/bucket\.example\/put\?sig=1 /);
    assert.doesNotMatch(sent[1]!, /a-token|secret|client_id/);
  });

  it('has nothing kept by Next 14, whose own fetch keeps what nobody says otherwise of, with the access token in its URL', async () => {
    const before = globalThis.fetch;
    const kept: string[] = [];
    try {
      globalThis.fetch = async (input, init: RequestInit & { next?: { revalidate?: number } } = {}) => {
        if (init.next?.revalidate !== 0) kept.push(String(input));
        return Response.json({ status: 'pending' });
      };
      await new RulrrApi(good).getIntegrationStatus('it');
    } finally {
      globalThis.fetch = before;
    }
    assert.deepEqual(kept, []);
  });

  it('keeps a path of the base URL and asks below /v1', async () => {
    const sent: URL[] = [];
    const fetch: typeof globalThis.fetch = async (input) => {
      sent.push(new URL(String(input)));
      return Response.json({ integrationToken: 'it' });
    };
    await new RulrrApi({ ...good, apiBaseUrl: 'https://api.example/base/', fetch }).createIntegration();
    assert.equal(sent[0]!.pathname, '/base/v1/auth/integration');
  });

  it('asks about the very token that it was given, whatever is in it', async () => {
    const asked: (string | null)[] = [];
    const fetch: typeof globalThis.fetch = async (input) => {
      asked.push(new URL(String(input)).searchParams.get('integration_token'));
      return Response.json({ status: 'pending' });
    };
    const api = new RulrrApi({ ...good, fetch });
    const tokens = ['it_1-a.b*c', 'a b+c/d==', 'a&client_id=x#y', '100%', 'a%20b', 'jeton-é'];
    for (const token of tokens) await api.getIntegrationStatus(token);
    assert.deepEqual(asked, tokens);
  });
});
