import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { toNodeHandler } from '../../src/proxy/node.js';
import {
  createSandbox,
  faultKinds,
  routeNames,
  scenarioNames,
  scenarios,
  serveSandbox,
  type FaultKind,
  type Sandbox,
  type ServedSandbox,
} from '../../src/sandbox/index.js';

const client = { clientId: 'pos', clientSecret: 'pos-secret' };
const base = 'https://rulrr.example';
const credentials = { client_id: client.clientId, client_secret: client.clientSecret };

function call(sandbox: Sandbox, method: string, path: string, query: Record<string, string> = {}, body?: unknown) {
  const url = `${base}${path}?${new URLSearchParams(query)}`;
  const headers = body === undefined ? undefined : { 'Content-Type': 'application/json' };
  return sandbox.fetch(
    new Request(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) }),
  );
}

async function answer(sandbox: Sandbox, ...rest: [string, string, Record<string, string>?, unknown?]) {
  const response = await call(sandbox, ...rest);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function started(sandbox: Sandbox): Promise<string> {
  const { body } = await answer(sandbox, 'POST', '/v1/auth/integration', credentials);
  return String(body['integrationToken']);
}

/** Walks the connect page by its forms, as a browser without scripts would. */
async function walk(sandbox: Sandbox, token: string, end: 'finish' | 'cancel', ereceipt = 'on'): Promise<string> {
  let html = '';
  const post = async (fields: Record<string, string>) => {
    const form = new URLSearchParams({ integration_token: token, client_id: client.clientId, ...fields });
    const response = await sandbox.fetch(new Request(`${base}/connect/`, { method: 'POST', body: form }));
    assert.equal(response.status, 303);
    const next = await sandbox.fetch(new Request(new URL(response.headers.get('Location')!, base)));
    html = await next.text();
  };
  if (end === 'cancel') await post({ step: '1', action: 'cancel' });
  else {
    await post({ step: '1', action: 'next' });
    assert.match(html, /data-ereceipt="on"/);
    await post({ step: '2', action: 'next', ereceipt });
    assert.match(html, /data-action="finish"/);
    await post({ step: '3', action: 'finish' });
  }
  return html;
}

async function connected(sandbox: Sandbox, ereceipt = 'on'): Promise<Record<string, string>> {
  const token = await started(sandbox);
  await walk(sandbox, token, 'finish', ereceipt);
  const { body } = await answer(sandbox, 'GET', '/v1/auth/integration/token', {
    ...credentials,
    integration_token: token,
  });
  return body as Record<string, string>;
}

describe('the sandbox', () => {
  it('says what is wrong with its options', () => {
    const badClients = [[], [null], [{ clientId: 5, clientSecret: 'x' }], [{ clientId: 'a', clientSecret: ' ' }]];
    for (const options of [undefined, null, {}, ...badClients.map((clients) => ({ clients }))]) {
      assert.throws(() => createSandbox(options as never), /createSandbox: option/);
    }
    const wrong = {
      integrationTtlMs: [-1, 0, Infinity, '60'],
      accessTokenTtlMs: [0],
      now: [5],
      save: ['file'],
      state: [{}],
    };
    for (const [name, values] of Object.entries(wrong))
      for (const value of values)
        assert.throws(
          () => createSandbox({ clients: [client], [name]: value } as never),
          new RegExp(`option "${name}"`),
          `${name}: ${String(value)}`,
        );
    for (const state of ['{', '5', 'null', '[]', '{"integrations":5}', '{"grants":[null]}', '{"scenario":1}'])
      assert.throws(() => createSandbox({ clients: [client], state }), /option "state" is not what a sandbox saved/);
    const twice = [client, { clientId: 'other', clientSecret: 'x' }, { ...client, clientSecret: 'y' }];
    assert.throws(() => createSandbox({ clients: twice }), /option "clients\[2\]\.clientId" is there already: "pos"/);
  });

  it('goes on from what another saved, of an earlier version too', async () => {
    let state = '';
    const query = {
      access_token: (await connected(createSandbox({ clients: [client], save: (text) => (state = text) })))
        .accessToken!,
    };
    const { uploadTargets: _, ...earlier } = JSON.parse(state) as Record<string, unknown>;
    const later = { ...(JSON.parse(state) as object), scenario: 'one-of-a-later-version' };
    for (const text of [state, JSON.stringify(earlier), JSON.stringify(later)]) {
      const sandbox = createSandbox({ clients: [client], state: text });
      assert.equal((await answer(sandbox, 'GET', '/v1/customers', query)).status, 200);
    }
  });

  it('saves each change at once: one that ends without a word has lost nothing', async () => {
    let state = '';
    const sandbox = createSandbox({ clients: [client], save: (text) => (state = text) });
    const next = () => createSandbox({ clients: [client], state });
    const session = { ...credentials, integration_token: await started(sandbox) };
    const statusOf = async (token: string) =>
      (await answer(next(), 'GET', '/v1/auth/integration', { ...session, integration_token: token })).body['status'];
    assert.equal(await statusOf(session.integration_token), 'pending');
    await walk(sandbox, session.integration_token, 'finish', 'off');
    assert.equal(await statusOf(session.integration_token), 'finished');
    const given = await started(sandbox);
    await walk(sandbox, given, 'cancel');
    assert.equal(await statusOf(given), 'cancelled');

    const { body } = await answer(sandbox, 'GET', '/v1/auth/integration/token', session);
    assert.equal((await call(next(), 'GET', '/v1/auth/integration/token', session)).status, 410);
    const query = { access_token: String(body['accessToken']) };
    const store = async () => (await answer(next(), 'GET', '/v1/stores', query)).body;
    assert.equal((await store())['ereceipt'], false);
    sandbox.setEreceipt(true);
    assert.equal((await store())['ereceipt'], true);
    const profile = { storeName: 'Café', storeAddress: '1 Rue', storeCountryCode: 'FR' };
    await call(sandbox, 'PUT', '/v1/stores', query, profile);
    assert.equal((await store())['storeName'], 'Café');

    const { uploadUrl } = (await answer(sandbox, 'GET', '/v1/customers', query)).body;
    const upload = { method: 'PUT', body: 'name', headers: { 'Content-Type': 'text/csv' } };
    assert.equal((await next().fetch(String(uploadUrl), upload)).status, 200);
    await sandbox.fetch(String(uploadUrl), upload);
    assert.equal(next().uploads.length, 1);
    await call(sandbox, 'POST', '/v1/orders', query, { orderId: 'o1', phoneNumber: '+12133734253' });
    assert.deepEqual([next().orders.length, next().messages.length], [1, 1]);
    sandbox.revokeTokens();
    assert.equal((await call(next(), 'GET', '/v1/stores', query)).status, 403);
    sandbox.scenario('server-error');
    assert.equal(next().currentScenario, 'server-error');
    assert.deepEqual(next().faults.active, sandbox.faults.active);
    sandbox.reset();
    assert.deepEqual([next().currentScenario, next().orders.length], ['normal', 0]);
  });

  it('forgets the oldest of ten thousand and more, since it may run for weeks', async () => {
    let state = '';
    const first = createSandbox({ clients: [client], save: (text) => (state = text) });
    const query = { access_token: (await connected(first)).accessToken! };
    await answer(first, 'GET', '/v1/customers', query);
    await answer(first, 'POST', '/v1/orders', query, { orderId: 'o1', phoneNumber: '+12133734253' });
    const data = JSON.parse(state) as Record<string, object[] | string>;
    for (const list of Object.values(data)) {
      if (Array.isArray(list)) list.unshift(...Array.from({ length: 10_005 }, (_, at) => ({ at })));
    }
    const sandbox = createSandbox({ clients: [client], state: JSON.stringify(data), save: (text) => (state = text) });
    await answer(sandbox, 'POST', '/v1/orders', query, { orderId: 'o2' });
    for (const list of Object.values(JSON.parse(state) as object)) {
      if (Array.isArray(list)) assert.equal(list.length, 10_000);
    }
    assert.deepEqual(
      sandbox.orders.slice(-2).map(({ orderId }) => orderId),
      ['o1', 'o2'],
    );
    assert.equal((await answer(sandbox, 'GET', '/v1/stores', query)).status, 200);
  });

  it('links a store: pending, finished, and tokens once', async () => {
    const sandbox = createSandbox({ clients: [client] });
    const token = await started(sandbox);
    const query = { ...credentials, integration_token: token };
    assert.deepEqual((await answer(sandbox, 'GET', '/v1/auth/integration', query)).body, {
      success: true,
      status: 'pending',
    });
    assert.equal((await answer(sandbox, 'GET', '/v1/auth/integration/token', query)).status, 403, 'not before the end');
    assert.match(await walk(sandbox, token, 'finish'), /You are connected/);
    assert.equal((await answer(sandbox, 'GET', '/v1/auth/integration', query)).body['status'], 'finished');
    const first = await answer(sandbox, 'GET', '/v1/auth/integration/token', query);
    assert.deepEqual(Object.keys(first.body).sort(), [
      'accessToken',
      'ereceipt',
      'expiration',
      'refreshToken',
      'success',
    ]);
    assert.equal((await answer(sandbox, 'GET', '/v1/auth/integration/token', query)).status, 410);
  });

  it('hands tokens out to one of a hundred that ask at once', async () => {
    const sandbox = createSandbox({ clients: [client] });
    const token = await started(sandbox);
    await walk(sandbox, token, 'finish');
    const query = { ...credentials, integration_token: token };
    const all = await Promise.all(
      Array.from({ length: 100 }, () => call(sandbox, 'GET', '/v1/auth/integration/token', query)),
    );
    const count = (status: number) => all.filter((one) => one.status === status).length;
    assert.deepEqual([count(200), count(410)], [1, 99]);
  });

  it('hears a merchant who gives up', async () => {
    const sandbox = createSandbox({ clients: [client] });
    const token = await started(sandbox);
    assert.match(await walk(sandbox, token, 'cancel'), /Not connected/);
    const query = { ...credentials, integration_token: token };
    assert.equal((await answer(sandbox, 'GET', '/v1/auth/integration', query)).body['status'], 'cancelled');
  });

  it('refuses wrong credentials and tokens as documented', async () => {
    const sandbox = createSandbox({ clients: [client] });
    const token = await started(sandbox);
    const wrongId = { ...credentials, client_id: 'nobody' };
    const wrongSecret = { ...credentials, client_secret: 'wrong' };
    const rows: [string, string, Record<string, string>, number][] = [
      ['POST', '/v1/auth/integration', wrongId, 400],
      ['POST', '/v1/auth/integration', wrongSecret, 403],
      ['POST', '/v1/auth/integration', {}, 400],
      ['GET', '/v1/auth/integration', { ...wrongSecret, integration_token: token }, 403],
      ['GET', '/v1/auth/integration', { ...credentials, integration_token: 'wrong' }, 403],
      ['GET', '/v1/auth/integration/token', { ...credentials, integration_token: 'wrong' }, 403],
      ['POST', '/v1/auth/token', { ...credentials, refresh_token: 'wrong' }, 403],
      ['POST', '/v1/auth/token', { ...credentials, refresh_token: '' }, 403],
      ['GET', '/v1/stores', { access_token: 'wrong' }, 403],
      ['PUT', '/v1/stores', {}, 403],
      ['GET', '/v1/customers', {}, 403],
      ['POST', '/v1/orders', {}, 403],
      ['GET', '/v1/orders', {}, 403],
      ['GET', '/v1/elsewhere', {}, 404],
      ['DELETE', '/v1/stores', {}, 404],
      ['PUT', '/v1/orders', {}, 404],
    ];
    for (const [method, path, query, status] of rows) {
      assert.equal(
        (await call(sandbox, method, path, query)).status,
        status,
        `${method} ${path} ${JSON.stringify(query)}`,
      );
    }
  });

  it('gives tokens to nobody but the client whose session it is, and keeps them for that one', async () => {
    const other = { clientId: 'other', clientSecret: 'other-secret' };
    const sandbox = createSandbox({ clients: [client, other] });
    const strangers: [Record<string, string>, number][] = [
      [{ ...credentials, client_id: 'nobody' }, 400],
      [{ ...credentials, client_secret: 'wrong' }, 403],
      [{ client_id: other.clientId, client_secret: other.clientSecret }, 403],
    ];
    const refused = async (method: string, path: string, query: Record<string, string>, status: number) => {
      const { status: seen, body } = await answer(sandbox, method, path, query);
      assert.equal(seen, status, `${method} ${path} ${JSON.stringify(query)}`);
      assert.deepEqual([Object.keys(body), body['success']], [['success', 'error'], false]);
    };

    const token = await started(sandbox);
    await walk(sandbox, token, 'finish');
    for (const [asking, status] of strangers) {
      await refused('GET', '/v1/auth/integration', { ...asking, integration_token: token }, status);
      await refused('GET', '/v1/auth/integration/token', { ...asking, integration_token: token }, status);
    }
    const { body: first } = await answer(sandbox, 'GET', '/v1/auth/integration/token', {
      ...credentials,
      integration_token: token,
    });
    const refresh = { refresh_token: String(first['refreshToken']) };
    for (const [asking, status] of strangers)
      await refused('POST', '/v1/auth/token', { ...asking, ...refresh }, status);
    const { body: second } = await answer(sandbox, 'POST', '/v1/auth/token', { ...credentials, ...refresh });
    assert.equal(second['success'], true);
    sandbox.revokeTokens();
    const revoked = { ...credentials, refresh_token: String(second['refreshToken']) };
    await refused('POST', '/v1/auth/token', revoked, 403);
  });

  it('asks for a whole store profile, and keeps what a later one leaves out', async () => {
    const sandbox = createSandbox({ clients: [client] });
    const query = { access_token: (await connected(sandbox)).accessToken! };
    const profile = { storeName: 'Café', storeAddress: '1 Rue', storeCountryCode: 'FR', storeCity: 'Paris' };
    assert.equal((await answer(sandbox, 'PUT', '/v1/stores', query, profile)).status, 200);
    for (const name of ['storeName', 'storeAddress', 'storeCountryCode']) {
      for (const value of [undefined, null, '', ' ', 7]) {
        const { status, body } = await answer(sandbox, 'PUT', '/v1/stores', query, { ...profile, [name]: value });
        assert.equal(status, 400, `${name}: ${String(value)}`);
        assert.match(String(body['error']), new RegExp(name));
      }
    }
    const { storeCity: _, ...rest } = profile;
    await answer(sandbox, 'PUT', '/v1/stores', query, { ...rest, storeName: 'Bistro' });
    const { body } = await answer(sandbox, 'GET', '/v1/stores', query);
    assert.deepEqual(body, { success: true, ...profile, storeName: 'Bistro', ereceipt: true });
  });

  it('takes nothing but a JSON object for a store or an order', async () => {
    const sandbox = createSandbox({ clients: [client] });
    const query = String(new URLSearchParams({ access_token: (await connected(sandbox)).accessToken! }));
    const profile = JSON.stringify({ storeName: 'Café', storeAddress: '1 Rue', storeCountryCode: 'FR' });
    const bodies: [string, string][] = [
      ['application/json', 'null'],
      ['application/json', '[]'],
      ['application/json', '"text"'],
      ['application/json', '{"storeName"'],
      ['text/plain', profile],
      ['text/application/json', profile],
    ];
    for (const [method, path] of [
      ['PUT', '/v1/stores'],
      ['POST', '/v1/orders'],
    ] as const) {
      for (const [type, body] of bodies) {
        const headers = { 'Content-Type': type };
        const { status } = await sandbox.fetch(`${base}${path}?${query}`, { method, headers, body });
        assert.equal(status, 400, `${method} ${type} ${body}`);
      }
    }
    assert.equal(sandbox.orders.length, 0);
  });

  it('shows an order to the store whose it is', async () => {
    const sandbox = createSandbox({ clients: [client] });
    const own = { access_token: (await connected(sandbox)).accessToken! };
    const other = { access_token: (await connected(sandbox)).accessToken! };
    await answer(sandbox, 'POST', '/v1/orders', own, { orderId: 'o1', total: '500' });
    assert.deepEqual((await answer(sandbox, 'GET', '/v1/orders', { ...own, orderId: 'o1' })).body['order'], {
      orderId: 'o1',
      total: '500',
    });
    assert.equal((await answer(sandbox, 'GET', '/v1/orders', { ...other, orderId: 'o1' })).status, 404);
  });

  it('knows stores, orders and customers', async () => {
    const sandbox = createSandbox({ clients: [client] });
    const { accessToken } = await connected(sandbox);
    const query = { access_token: accessToken! };
    assert.equal((await answer(sandbox, 'PUT', '/v1/stores', query, { storeName: 'Only a name' })).status, 400);
    const profile = { storeName: 'Café', storeAddress: '1 Rue', storeCountryCode: 'FR' };
    assert.equal((await answer(sandbox, 'PUT', '/v1/stores', query, profile)).status, 200);
    const store = (await answer(sandbox, 'GET', '/v1/stores', query)).body;
    assert.deepEqual([store['storeName'], store['ereceipt']], ['Café', true]);
    const put = await answer(sandbox, 'PUT', '/v1/stores', query, { ...profile, success: false });
    assert.deepEqual([put.status, put.body['success']], [200, true], "a store's field is not the answer's");
    assert.throws(() => sandbox.setEreceipt('off' as never), /true or false/);
    sandbox.setEreceipt(false);
    assert.equal((await answer(sandbox, 'GET', '/v1/stores', query)).body['ereceipt'], false);
    assert.equal((await answer(sandbox, 'POST', '/v1/orders', query, { orderId: 'o1' })).status, 200);
    assert.equal((await answer(sandbox, 'GET', '/v1/orders', { ...query, orderId: 'o1' })).body['orderId'], 'o1');
    assert.equal((await answer(sandbox, 'GET', '/v1/orders', { ...query, orderId: 'none' })).status, 404);
  });

  it('takes lists of customers where it was asked for, and records them as they came', async () => {
    const sandbox = createSandbox({ clients: [client] });
    const query = { access_token: (await connected(sandbox)).accessToken! };
    const { uploadUrl } = (await answer(sandbox, 'GET', '/v1/customers', query)).body;
    const put = async (url: string, body: string | Uint8Array<ArrayBuffer>) =>
      (await sandbox.fetch(url, { method: 'PUT', body, headers: { 'Content-Type': 'text/csv' } })).status;
    assert.equal(await put(String(uploadUrl), 'name\nAda'), 200);
    assert.equal(await put(String(uploadUrl), new Uint8Array([0xff, 0xfe, 0x00, 0x80])), 200);
    assert.equal(await put(String(uploadUrl).replace(/\w+$/, 'up_guessed'), 'x'), 403);
    assert.equal((await sandbox.fetch(String(uploadUrl))).status, 404);
    assert.deepEqual(
      sandbox.uploads.map(({ bytes }) => bytes),
      [8, 4],
    );
    assert.equal(sandbox.uploads[0]!.text, 'name\nAda');
    assert.equal(sandbox.uploads[0]!.contentType, 'text/csv');
  });

  it('is served by Node, and takes a POST there', async () => {
    const sandbox = createSandbox({ clients: [client] });
    const server = createServer(toNodeHandler(sandbox));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const url = `http://127.0.0.1:${port}/v1/auth/integration?${new URLSearchParams(credentials)}`;
      const response = await fetch(url, { method: 'POST' });
      assert.equal(response.status, 200);
      assert.ok(((await response.json()) as { integrationToken: string }).integrationToken);
    } finally {
      server.close();
      server.closeAllConnections();
      await sandbox.close();
    }
  });

  it('texts the receipt of an order that names a number, where e-receipts are on', async () => {
    const sandbox = createSandbox({ clients: [client] });
    const on = { access_token: (await connected(sandbox)).accessToken! };
    const off = { access_token: (await connected(sandbox, 'off')).accessToken! };
    const order = { orderId: 'o7', ereceipt: { phoneNumber: '+12133734253' } };
    assert.equal((await answer(sandbox, 'POST', '/v1/orders', off, order)).status, 400);
    assert.equal(
      (await answer(sandbox, 'POST', '/v1/orders', on, { ...order, ereceipt: { phoneNumber: '213' } })).status,
      400,
    );
    assert.equal(sandbox.messages.length, 0);
    assert.equal((await answer(sandbox, 'POST', '/v1/orders', on, order)).status, 200);
    assert.deepEqual(
      sandbox.messages.map(({ orderId, phoneNumber }) => [orderId, phoneNumber]),
      [['o7', '+12133734253']],
    );
  });

  it('signs the text with the name that the merchant gave to the store on the connect page', async () => {
    const sandbox = createSandbox({ clients: [client] });
    const session = { ...credentials, integration_token: await started(sandbox) };
    const fields = { integration_token: session.integration_token, client_id: client.clientId };
    for (const step of [
      { step: '1', action: 'next' },
      { step: '2', action: 'next', store: ' Café Lou ' },
      { step: '3', action: 'finish' },
    ] as Record<string, string>[]) {
      const body = new URLSearchParams({ ...fields, ...step });
      await sandbox.fetch(`${base}/connect/`, { method: 'POST', body });
    }
    const { body } = await answer(sandbox, 'GET', '/v1/auth/integration/token', session);
    const query = { access_token: String(body['accessToken']) };
    assert.equal((await answer(sandbox, 'GET', '/v1/stores', query)).body['storeName'], 'Café Lou');
    await answer(sandbox, 'POST', '/v1/orders', query, { id: 7, phoneNumber: '+12133734253' });
    const [message] = sandbox.messages;
    assert.deepEqual([message!.storeName, message!.orderId], ['Café Lou', '7']);
    assert.match(message!.text, /Café Lou.*\b7\b/);
  });

  it('texts nothing for an order that names no number, in the ways tills write that', async () => {
    const sandbox = createSandbox({ clients: [client] });
    const on = { access_token: (await connected(sandbox)).accessToken! };
    const off = { access_token: (await connected(sandbox, 'off')).accessToken! };
    const phone = '+12133734253';
    for (const order of [
      { customer: { phone: null } },
      { customer: { phone: '' }, phoneNumber: null },
      { ereceipt: { phoneNumber: null } },
      { ereceipt: null, customer: null },
      { ereceipt: false, customer: { phone } },
      { ereceipt: false, customer: { phone: 'unknown' } },
    ]) {
      assert.equal((await answer(sandbox, 'POST', '/v1/orders', on, order)).status, 200, JSON.stringify(order));
      assert.equal((await answer(sandbox, 'POST', '/v1/orders', off, order)).status, 200, JSON.stringify(order));
    }
    assert.equal(sandbox.messages.length, 0);
    await answer(sandbox, 'POST', '/v1/orders', on, { orderId: 'o8', ereceipt: { phoneNumber: '', phone } });
    await answer(sandbox, 'POST', '/v1/orders', on, {
      orderId: 'o9',
      ereceipt: { phoneNumber: null },
      customer: { phone },
    });
    assert.deepEqual(
      sandbox.messages.map(({ orderId, phoneNumber }) => [orderId, phoneNumber]),
      [
        ['o8', phone],
        ['o9', phone],
      ],
    );
  });

  it('refreshes once a refresh token, lets tokens end, and revokes them', async () => {
    let now = Date.UTC(2026, 10, 24);
    const sandbox = createSandbox({ clients: [client], now: () => now });
    const { accessToken, refreshToken, expiration } = await connected(sandbox);
    assert.equal(Date.parse(expiration!) - now, 365 * 86_400_000, 'Rulrr says: one year');
    const refresh = { ...credentials, refresh_token: refreshToken! };
    const next = await answer(sandbox, 'POST', '/v1/auth/token', refresh);
    assert.equal(next.status, 200);
    assert.equal((await answer(sandbox, 'POST', '/v1/auth/token', refresh)).status, 403);
    assert.equal((await answer(sandbox, 'POST', '/v1/auth/token', { ...credentials, refresh_token: '' })).status, 403);
    now += 366 * 86_400_000;
    assert.equal((await answer(sandbox, 'GET', '/v1/stores', { access_token: accessToken! })).status, 403);
    now -= 366 * 86_400_000;
    sandbox.revokeTokens();
    assert.equal((await answer(sandbox, 'GET', '/v1/stores', { access_token: accessToken! })).status, 403);
  });

  it('lets access tokens end as early as it is told to', async () => {
    let now = Date.UTC(2026, 10, 24);
    const sandbox = createSandbox({ clients: [client], now: () => now, accessTokenTtlMs: 60_000 });
    const { accessToken, refreshToken, expiration } = await connected(sandbox);
    assert.equal(Date.parse(expiration!), now + 60_000);
    now += 60_000;
    assert.equal((await answer(sandbox, 'GET', '/v1/stores', { access_token: accessToken! })).status, 403);
    const { body } = await answer(sandbox, 'POST', '/v1/auth/token', { ...credentials, refresh_token: refreshToken! });
    const fresh = { access_token: String(body['accessToken']) };
    assert.equal((await answer(sandbox, 'GET', '/v1/stores', fresh)).status, 200);
  });

  it('lets integrations end after their time', async () => {
    let now = 0;
    const sandbox = createSandbox({ clients: [client], now: () => now, integrationTtlMs: 1000 });
    const token = await started(sandbox);
    now = 1000;
    assert.equal(
      (await call(sandbox, 'GET', '/v1/auth/integration', { ...credentials, integration_token: token })).status,
      403,
    );
    const page = await call(sandbox, 'GET', '/connect/', { integration_token: token, client_id: 'pos' });
    assert.equal(page.status, 403);
  });

  it('keeps the tokens of a session that was finished in time, however late they are asked for', async () => {
    let now = 0;
    const sandbox = createSandbox({ clients: [client], now: () => now, integrationTtlMs: 1000 });
    const session = { ...credentials, integration_token: await started(sandbox) };
    await walk(sandbox, session.integration_token, 'finish');
    now = 3_600_000;
    assert.equal((await answer(sandbox, 'GET', '/v1/auth/integration', session)).body['status'], 'finished');
    assert.equal((await call(sandbox, 'GET', '/v1/auth/integration/token', session)).status, 200);
  });

  it('offers on each step of the connect page what its merchant can do there, and starts with the choice made before', async () => {
    const sandbox = createSandbox({ clients: [client] });
    const query = { integration_token: await started(sandbox), client_id: client.clientId };
    const page = async (step: string) => (await call(sandbox, 'GET', '/connect/', { ...query, step })).text();
    const offered = (html: string) =>
      [...html.matchAll(/data-(?:action|ereceipt)="(\w+)"( checked)?/g)].map(([all]) => all);
    const [next, finish, cancel] = ['next', 'finish', 'cancel'].map((action) => `data-action="${action}"`);
    const [on, off] = ['data-ereceipt="on"', 'data-ereceipt="off"'];
    const first = await (await call(sandbox, 'GET', '/connect/', query)).text();
    assert.deepEqual(offered(first), [next, cancel]);
    for (const none of ['0', 'two']) assert.deepEqual(offered(await page(none)), [next, cancel]);
    assert.deepEqual(offered(await page('2')), [`${on} checked`, off, next, cancel]);
    assert.deepEqual(offered(await page('3')), [finish, cancel]);
    const body = new URLSearchParams({ ...query, step: '2', action: 'next', ereceipt: 'off' });
    await sandbox.fetch(`${base}/connect/`, { method: 'POST', body });
    assert.deepEqual(offered(await page('2')), [on, `${off} checked`, next, cancel]);
    body.set('ereceipt', 'on');
    await sandbox.fetch(`${base}/connect/`, { method: 'POST', body });
    assert.deepEqual(offered(await page('2')), [`${on} checked`, off, next, cancel]);
  });

  it('is finished by the last step of the connect page, and by nothing before it', async () => {
    const sandbox = createSandbox({ clients: [client] });
    const session = { ...credentials, integration_token: await started(sandbox) };
    for (const [step, action, status] of [
      ['1', 'finish', 'pending'],
      ['2', 'finish', 'pending'],
      ['3', 'next', 'pending'],
      ['3', '', 'pending'],
      ['3', 'finish', 'finished'],
      ['3', 'cancel', 'finished'],
    ] as const) {
      const body = new URLSearchParams({ ...session, step, action });
      await sandbox.fetch(`${base}/connect/`, { method: 'POST', body });
      const { body: said } = await answer(sandbox, 'GET', '/v1/auth/integration', session);
      assert.equal(said['status'], status, `${action} at step ${step}`);
    }
  });

  it('says on the page what is wrong with its address', async () => {
    const sandbox = createSandbox({ clients: [client] });
    assert.equal((await call(sandbox, 'GET', '/connect/')).status, 400);
    const token = await started(sandbox);
    const asked: [Record<string, string>, number][] = [
      [{ integration_token: token }, 400],
      [{ client_id: 'pos' }, 400],
      [{ integration_token: 'x', client_id: 'pos' }, 403],
      [{ integration_token: token, client_id: 'other' }, 403],
      [{ integration_token: token, client_id: 'pos' }, 200],
    ];
    for (const [query, status] of asked)
      assert.equal((await call(sandbox, 'GET', '/connect/', query)).status, status, JSON.stringify(query));
    const bare = await call(sandbox, 'GET', '/connect', { integration_token: token, client_id: 'pos' });
    assert.equal(bare.headers.get('Location'), `/connect/?integration_token=${token}&client_id=pos`);
  });

  it('answers HEAD as GET, for those who look whether the page may be framed', async () => {
    const sandbox = createSandbox({ clients: [client] });
    const query = { integration_token: await started(sandbox), client_id: client.clientId };
    const head = await call(sandbox, 'HEAD', '/connect/', query);
    const page = await call(sandbox, 'GET', '/connect/', query);
    assert.deepEqual([head.status, [...head.headers]], [200, [...page.headers]]);
  });

  it('writes no markup that came from outside', async () => {
    const sandbox = createSandbox({ clients: [client] });
    const token = await started(sandbox);
    const form = {
      integration_token: token,
      client_id: 'pos',
      step: '2',
      action: 'next',
      store: '<img src=x onerror=1>',
    };
    await sandbox.fetch(new Request(`${base}/connect/`, { method: 'POST', body: new URLSearchParams(form) }));
    const page = await call(sandbox, 'GET', '/connect/', { integration_token: token, client_id: 'pos', step: '3' });
    assert.doesNotMatch(await page.text(), /<img/);
  });

  it('can be steered by nobody where it is told so', async () => {
    for (const [control, status] of [
      [true, 200],
      [undefined, 200],
      [false, 404],
    ] as const) {
      const sandbox = createSandbox({ clients: [client], control });
      assert.equal((await call(sandbox, 'GET', '/_sandbox/state')).status, status);
      assert.equal((await call(sandbox, 'GET', '/_sandbox')).status, status);
      assert.equal((await call(sandbox, 'GET', '/')).status, status === 200 ? 303 : 404);
      assert.ok(await started(sandbox), 'it is still Rulrr');
    }
  });

  it('answers 413 to a body over 1 MiB', async () => {
    const sandbox = createSandbox({ clients: [client] });
    const { accessToken } = await connected(sandbox);
    const big = { filler: 'x'.repeat(1024 * 1024) };
    assert.equal((await call(sandbox, 'POST', '/v1/orders', { access_token: accessToken! }, big)).status, 413);
  });

  it('forgets everything in place', async () => {
    const sandbox = createSandbox({ clients: [client] });
    const { orders } = sandbox;
    await answer(
      sandbox,
      'POST',
      '/v1/orders',
      { access_token: (await connected(sandbox)).accessToken! },
      { orderId: 'o' },
    );
    assert.equal(orders.length, 1);
    const { calls } = sandbox;
    sandbox.faults.set({ route: 'token', kind: 'hang' });
    sandbox.reset();
    assert.equal(orders.length, 0);
    assert.deepEqual([calls, sandbox.faults.active], [{}, []]);
  });
});

describe('scenarios', () => {
  it('sets the faults of each, and counts what was asked', async () => {
    for (const name of scenarioNames) {
      const sandbox = createSandbox({ clients: [client] });
      sandbox.scenario(name);
      assert.equal(sandbox.currentScenario, name);
      assert.equal(sandbox.faults.active.length, scenarios[name].faults.length);
    }
    const sandbox = createSandbox({ clients: [client] });
    await started(sandbox);
    assert.equal((await call(sandbox, 'GET', '/_sandbox/state')).status, 200);
    assert.deepEqual(sandbox.calls, { 'create-integration': 1 });
    sandbox.faults.set({ route: 'token', kind: 'hang' });
    sandbox.scenario('normal');
    assert.deepEqual(sandbox.faults.active, [], 'a scenario begins without the faults of before');
    assert.throws(() => sandbox.scenario('none' as never), /There is no scenario "none". Scenarios: normal/);
  });

  it('ends sessions that began before and after it was chosen', async () => {
    for (const [name, expected] of [
      ['cancelled', [200, 'cancelled']],
      ['expired', [403, undefined]],
    ] as const) {
      const sandbox = createSandbox({ clients: [client] });
      const done = await started(sandbox);
      await walk(sandbox, done, 'finish');
      const early = await started(sandbox);
      sandbox.scenario(name);
      const session = { ...credentials, integration_token: done };
      assert.equal((await answer(sandbox, 'GET', '/v1/auth/integration', session)).body['status'], 'finished');
      const late = await started(sandbox);
      const open = await call(sandbox, 'GET', '/connect/', { integration_token: early, client_id: 'pos' });
      assert.equal(open.status, expected[0], 'at once, whether or not a till asks');
      for (const token of [early, late]) {
        const query = { ...credentials, integration_token: token };
        const { status, body } = await answer(sandbox, 'GET', '/v1/auth/integration', query);
        assert.deepEqual([status, body['status']], expected);
        const page = await call(sandbox, 'GET', '/connect/', { integration_token: token, client_id: 'pos' });
        assert.equal(page.status, expected[0]);
      }
    }
  });

  it('fails three times with a pause, then goes on', async () => {
    const sandbox = createSandbox({ clients: [client] });
    const query = { ...credentials, integration_token: await started(sandbox) };
    sandbox.scenario('rate-limited');
    for (let turn = 0; turn < 3; turn++) {
      const response = await call(sandbox, 'GET', '/v1/auth/integration', query);
      assert.deepEqual([response.status, response.headers.get('Retry-After')], [429, '3']);
    }
    assert.equal((await call(sandbox, 'GET', '/v1/auth/integration', query)).status, 200);
  });

  it('refuses framing by header, on every answer of the connect page', async () => {
    const sandbox = createSandbox({ clients: [client] });
    sandbox.scenario('refuses-framing');
    assert.equal((await call(sandbox, 'GET', '/connect/')).headers.get('X-Frame-Options'), 'DENY');
    sandbox.scenario('coop');
    assert.equal((await call(sandbox, 'GET', '/connect/')).headers.get('Cross-Origin-Opener-Policy'), 'same-origin');
  });
});

describe('faults', () => {
  it('are checked when they are set', () => {
    const { faults } = createSandbox({ clients: [client] });
    assert.throws(() => faults.set({ route: 'nowhere' as never, kind: 'hang' }), /There is no route "nowhere"/);
    assert.throws(() => faults.set({ route: 'token', kind: 'odd' as never }), /There is no fault "odd"/);
    for (const status of [undefined, 199, 600, 404.5, '500'])
      assert.throws(() => faults.set({ route: 'token', kind: 'status', status: status as never }), /needs a "status"/);
    assert.throws(() => faults.set({ route: 'token', kind: 'hang', times: 0 }), /"times"/);
    assert.equal(routeNames.length, 11);
    const wrong: [string, object][] = [
      ['times', { kind: 'hang', times: 1.5 }],
      ['ms', { kind: 'slow', ms: NaN }],
      ['ms', { kind: 'slow', ms: -5 }],
      ['ms', { kind: 'slow', ms: '20' }],
      ['ms', { kind: 'slow', ms: 2 ** 31 }],
      ['at', { kind: 'cut', at: -3 }],
      ['at', { kind: 'cut', at: NaN }],
      ['at', { kind: 'cut', at: 1.5 }],
      ['headers', { kind: 'headers' }],
      ['headers', { kind: 'headers', headers: null }],
      ['headers', { kind: 'headers', headers: new Headers({ 'X-Frame-Options': 'DENY' }) }],
      ['headers', { kind: 'headers', headers: { 'bad name': 'x' } }],
      ['retryAfter', { kind: 'status', status: 429, retryAfter: '3\n4' }],
      ['location', { kind: 'redirect', location: '/a\nb' }],
      ['time', { kind: 'hang', time: 1 }],
    ];
    for (const [name, fault] of wrong)
      assert.throws(
        () => faults.set({ route: 'token', ...fault } as never),
        (error) => error instanceof TypeError && error.message.includes(`"${name}"`),
        JSON.stringify(fault),
      );
    for (const none of [undefined, null]) assert.throws(() => faults.set(none as never), /A fault must be/);
    assert.deepEqual(faults.active, []);
    const hang = { route: 'token', kind: 'hang', times: Infinity } as const;
    const limits = { route: 'refresh', kind: 'status', status: 599, ms: 0, at: 0 } as const;
    for (const fault of [hang, limits, hang]) faults.set(fault);
    assert.throws(() => faults.clear('tokens' as never), /There is no route "tokens"/);
    assert.deepEqual(faults.active, [hang, limits, hang]);
    faults.clear('token');
    assert.deepEqual(faults.active, [limits]);
    faults.clear();
    assert.deepEqual(faults.active, []);
  });

  it('answers with any status, and with Retry-After, on every route', async () => {
    for (const [route, method, path] of [
      ['create-integration', 'POST', '/v1/auth/integration'],
      ['connect-page', 'GET', '/connect/'],
    ] as const) {
      for (const status of [200, 204, 205, 304, 404, 503]) {
        const sandbox = createSandbox({ clients: [client] });
        sandbox.faults.set({ route, kind: 'status', status, retryAfter: '3' });
        const response = await call(sandbox, method, path, credentials);
        assert.deepEqual([response.status, response.headers.get('Retry-After')], [status, '3'], route);
      }
    }
  });

  it('lets go of an answer that drips when the sandbox closes, or its caller goes away', async () => {
    const sandbox = createSandbox({ clients: [client] });
    sandbox.faults.set({ route: 'create-integration', kind: 'drip', ms: 60_000 });
    const gone = new AbortController();
    const url = `${base}/v1/auth/integration?${new URLSearchParams(credentials)}`;
    const first = await sandbox.fetch(url, { method: 'POST', signal: gone.signal });
    const second = await sandbox.fetch(url, { method: 'POST' });
    gone.abort();
    await assert.rejects(first.text(), { name: 'AbortError' });
    const reading = second.text();
    await sandbox.close();
    await assert.rejects(reading, { name: 'AbortError' });
  });

  it('strike a caller that takes the sandbox for its own fetch, too', async () => {
    const sandbox = createSandbox({ clients: [client] });
    sandbox.faults.set({ route: 'create-integration', kind: 'status', status: 503, times: 1 });
    // As the proxy's and the client's option `fetch`: detached, with an address and what goes with it.
    const { fetch } = sandbox;
    const url = `${base}/v1/auth/integration?${new URLSearchParams(credentials)}`;
    assert.equal((await fetch(url, { method: 'POST' })).status, 503);
    assert.equal((await fetch(new URL(url), { method: 'POST' })).status, 200);
  });

  it('strike as often as they are told, each in its own way, before or after the request is carried out', async () => {
    const done = '{"success":true,"orderId":"o1"}';
    const ways: Record<FaultKind, [seen: string, carriedOut: number]> = {
      slow: [`200 application/json null ${done}`, 1],
      hang: ['AbortError undefined', 0],
      status: ['503 application/json null {"success":false,"error":"fault: 503"}', 0],
      redirect: ['302 null null ', 0],
      reset: ['TypeError ECONNRESET', 0],
      close: ['TypeError UND_ERR_SOCKET', 0],
      garbage: ['TypeError HPE_INVALID_CONSTANT', 0],
      oversized: ['200 application/json null more than 8 MiB', 0],
      'lose-answer': ['TypeError UND_ERR_SOCKET', 1],
      cut: ['TypeError UND_ERR_SOCKET', 1],
      drip: [`200 application/json null ${done}`, 1],
      'wrong-content-type': [`200 text/html null ${done}`, 1],
      'bad-json': [`200 application/json null ${done.slice(0, -1)}`, 1],
      'missing-fields': ['200 application/json null {"success":true}', 1],
      headers: [`200 application/json 1 ${done}`, 1],
    };
    for (const kind of faultKinds) {
      const sandbox = createSandbox({ clients: [client] });
      const query = { access_token: (await connected(sandbox)).accessToken! };
      const fields = { ms: 1, status: 503, at: 3, headers: { 'X-Fault': '1' } };
      sandbox.faults.set({ route: 'post-order', kind, times: 2, ...fields });
      const send = () => call(sandbox, 'POST', '/v1/orders', query, { orderId: 'o1' });
      const struck = async () => {
        const asked = send();
        // What hangs ends with the sandbox.
        if (kind === 'hang') await sandbox.close();
        return asked
          .then(async (response) => {
            const whole = await response.text();
            const text = whole.length > 8 * 1024 * 1024 ? 'more than 8 MiB' : whole;
            const [type, header] = ['Content-Type', 'X-Fault'].map((name) => response.headers.get(name));
            return `${response.status} ${type} ${header} ${text}`;
          })
          .catch((error: Error & { cause?: { code?: string } }) => `${error.name} ${error.cause?.code}`);
      };
      const [seen, carriedOut] = ways[kind];
      for (const time of [1, 2]) {
        assert.equal(await struck(), seen, kind);
        assert.equal(sandbox.orders.length, carriedOut * time, `${kind}, ${carriedOut ? '' : 'not '}carried out`);
      }
      assert.equal(await (await send()).text(), done, `after ${kind}`);
    }
  });

  it('cuts an answer after as many bytes as it is told, or in its middle, in process as on a socket', async (t) => {
    const served = await serveSandbox({ clients: [client] });
    t.after(() => served.close());
    const path = `/v1/auth/integration?${new URLSearchParams(credentials)}`;
    for (const [where, ask] of [
      [base, served.sandbox.fetch],
      [served.origin, fetch],
    ] as const) {
      const whole = (await (await ask(where + path, { method: 'POST' })).text()).length;
      for (const [at, came] of [
        [0, 0],
        [5, 5],
        [undefined, Math.floor(whole / 2)],
        [whole + 10, whole],
      ] as const) {
        served.sandbox.faults.set({ route: 'create-integration', kind: 'cut', at, times: 1 });
        const response = await ask(where + path, { method: 'POST' });
        let seen = 0;
        const reading = (async () => {
          for await (const chunk of response.body!) seen += chunk.length;
        })();
        // A whole answer whose length the socket has told is one that no cut can harm any more.
        if (where === base || came < whole) await assert.rejects(reading, `${where} at ${at}`);
        else await reading;
        assert.equal(seen, came, `${where} at ${at}`);
      }
      served.sandbox.faults.set({ route: 'create-integration', kind: 'drip', ms: 90, times: 1 });
      const dripping = await ask(where + path, { method: 'POST' });
      assert.match(await dripping.text(), /^\{"success":true,"integrationToken":"it_\w+"\}$/, 'drips to its end');
    }
  });

  it('a hanging request ends with its caller, or with the sandbox, and is not carried out', async () => {
    const sandbox = createSandbox({ clients: [client] });
    sandbox.faults.set({ route: 'post-order', kind: 'hang' });
    const { accessToken } = await connected(sandbox);
    const gone = new AbortController();
    const url = `${base}/v1/orders?access_token=${accessToken}`;
    const init = { method: 'POST', body: '{"orderId":"o"}', headers: { 'Content-Type': 'application/json' } };
    const first = sandbox.fetch(new Request(url, { ...init, signal: gone.signal }));
    const second = sandbox.fetch(new Request(url, init));
    gone.abort();
    await assert.rejects(first, { name: 'AbortError' });
    await sandbox.close();
    await assert.rejects(second, { name: 'AbortError' });
    await assert.rejects(sandbox.fetch(new Request(url, init)), { name: 'AbortError' }, 'begun afterwards');
    assert.equal(sandbox.orders.length, 0);
  });

  it('a request that was given up before it was made is not carried out, as with the global fetch', async () => {
    const sandbox = createSandbox({ clients: [client] });
    const { accessToken } = await connected(sandbox);
    const url = `${base}/v1/orders?access_token=${accessToken}`;
    const body = '{"orderId":"o","ereceipt":{"phoneNumber":"+12133734253"}}';
    const init = { method: 'POST', body, headers: { 'Content-Type': 'application/json' }, signal: AbortSignal.abort() };
    await assert.rejects(sandbox.fetch(url, init), { name: 'AbortError' });
    await assert.rejects(sandbox.fetch(new Request(url, init)), { name: 'AbortError' });
    assert.deepEqual([sandbox.orders.length, sandbox.messages.length], [0, 0]);
  });
});

describe('the sandbox on a socket', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rulrr-sandbox-'));
  const stateFile = join(folder, 'state.json');
  let served: ServedSandbox;
  before(async () => void (served = await serveSandbox({ clients: [client], stateFile })));
  after(async () => {
    await served.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const post = (path: string, body: string, headers: Record<string, string> = {}) =>
    fetch(served.origin + path, { method: 'POST', body, headers, redirect: 'manual' });

  it('breaks connections in the ways that a Response cannot', async () => {
    const url = `${served.origin}/v1/auth/integration?${new URLSearchParams(credentials)}`;
    for (const kind of ['reset', 'close', 'garbage', 'lose-answer', 'cut'] as const) {
      served.sandbox.faults.set({ route: 'create-integration', kind, times: 1, at: 5 });
      await assert.rejects(
        fetch(url, { method: 'POST' }).then((response) => response.text()),
        TypeError,
        kind,
      );
      assert.equal((await fetch(url, { method: 'POST' })).status, 200, `after ${kind}`);
    }
  });

  it('is steered by its page, and by no page of another site', async () => {
    const query = { access_token: (await connected(served.sandbox)).accessToken! };
    const textsReceipts = async () => (await answer(served.sandbox, 'GET', '/v1/stores', query)).body['ereceipt'];
    const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
    assert.equal(
      (await post('/_sandbox/scenario', 'name=send-failed', { ...form, 'Sec-Fetch-Site': 'cross-site' })).status,
      403,
    );
    assert.equal(served.sandbox.currentScenario, 'normal');
    assert.equal((await post('/_sandbox/scenario', 'name=send-failed', form)).status, 303);
    assert.equal(served.sandbox.currentScenario, 'send-failed');
    assert.equal((await post('/_sandbox/fault', 'route=token&kind=status&status=500&times=2&ms=', form)).status, 303);
    assert.deepEqual(served.sandbox.faults.active.at(-1), { route: 'token', kind: 'status', status: 500, times: 2 });
    assert.equal((await post('/_sandbox/fault', '{"route":"token","kind":"odd"}')).status, 400);
    assert.equal((await post('/_sandbox/fault', 'route=token&kind=slow&ms=soon', form)).status, 400);
    // A name that was spelt wrong must not turn e-receipts off.
    for (const odd of ['{}', '{"ereceipt":true}', '{"on":"yes"}', '{"on":1}'])
      assert.equal((await post('/_sandbox/ereceipt', odd)).status, 400, odd);
    assert.equal((await post('/_sandbox/ereceipt', 'on=false', form)).status, 303);
    assert.equal(await textsReceipts(), false);
    assert.equal((await post('/_sandbox/ereceipt', '{"on":true}')).status, 200);
    assert.equal(await textsReceipts(), true);
    assert.equal((await post('/_sandbox/clear-faults', '', form)).status, 303);
    assert.match(await (await fetch(`${served.origin}/_sandbox`)).text(), /The customer's phone/);
    // An address that is only looked at, by a preview of links for one, changes nothing.
    for (const [path, method] of [
      ['/_sandbox/revoke', 'GET'],
      ['/_sandbox/reset', 'GET'],
      ['/_sandbox/forget', 'POST'],
      ['/_sandbox', 'POST'],
      ['/_sandbox/state', 'POST'],
    ] as const)
      assert.equal((await fetch(served.origin + path, { method })).status, 404, `${method} ${path}`);
    assert.equal(await textsReceipts(), true);
    // By the page itself, by a form whose page the browser does not name, and by a program that has nothing more to say.
    for (const site of ['same-origin', 'none'])
      assert.equal((await post('/_sandbox/revoke', '', { ...form, 'Sec-Fetch-Site': site })).status, 303, site);
    const done = await post('/_sandbox/revoke', '');
    assert.deepEqual([done.status, await done.json()], [200, { ok: true }]);
    assert.equal(await textsReceipts(), undefined);
    const told = async (body: string) => JSON.stringify(await (await post('/_sandbox/scenario', body)).json());
    assert.match(await told('{"name":"nice"}'), /There is no scenario \\"nice\\"/);
    assert.match(await told('{"name"'), /not valid JSON/);
    const state = (await (await fetch(`${served.origin}/_sandbox/state`)).json()) as { scenario: string };
    assert.equal(state.scenario, 'send-failed');
    await post('/_sandbox/scenario', '{"name":"normal"}');
  });

  it('does nothing for a caller who went away meanwhile, and tells one who only asks for the head', async () => {
    const { accessToken } = await connected(served.sandbox);
    const order = (orderId: string, signal?: AbortSignal) =>
      fetch(`${served.origin}/v1/orders?access_token=${accessToken}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ orderId }),
        signal,
      });
    const gone = new AbortController();
    served.sandbox.faults.set({ route: 'post-order', kind: 'slow', ms: 300, times: 2 });
    const lost = order('lost', gone.signal);
    while (served.sandbox.faults.active[0]?.times !== 1) await new Promise((resolve) => setTimeout(resolve, 5));
    gone.abort();
    await assert.rejects(lost);
    assert.equal((await order('kept')).status, 200);
    assert.deepEqual(
      served.sandbox.orders.map(({ orderId }) => orderId),
      ['kept'],
    );
    const query = new URLSearchParams({ integration_token: await started(served.sandbox), client_id: client.clientId });
    assert.equal((await fetch(`${served.origin}/connect/?${query}`, { method: 'HEAD' })).status, 200);
  });

  it('remembers across restarts', async () => {
    const { accessToken } = await connected(served.sandbox);
    await served.close();
    served = await serveSandbox({ clients: [client], stateFile });
    const { status } = await answer(served.sandbox, 'GET', '/v1/stores', { access_token: accessToken! });
    assert.equal(status, 200);
  });

  it('says which file it cannot read', async () => {
    const broken = join(folder, 'broken.json');
    for (const text of ['{"integr', '5', '{"orders":{}}']) {
      writeFileSync(broken, text);
      await assert.rejects(serveSandbox({ clients: [client], stateFile: broken }), /broken\.json\. Delete the file/);
    }
  });

  it('takes for its port what is one: given another text, Node would listen at a file of that name', async () => {
    for (const port of ['till', '', NaN, 1.5, -1, 65_536, null]) {
      const served = serveSandbox({ clients: [client], port: port as never });
      await assert.rejects(
        served.then(({ close }) => close()),
        /option "port"/,
        String(port),
      );
    }
    await assert.rejects(serveSandbox(undefined as never), /options are missing/);
    const given = await serveSandbox({ clients: [client], port: '0' as never });
    await given.close();
  });

  it('names an address of this machine where it listens at all of them', async () => {
    const everywhere = await serveSandbox({ clients: [client], host: '0.0.0.0' });
    try {
      assert.match(everywhere.origin, /^http:\/\/127\.0\.0\.1:\d+$/);
      assert.equal((await fetch(`${everywhere.origin}/_sandbox/state`)).status, 200);
    } finally {
      await everywhere.close();
    }
    const six = await serveSandbox({ clients: [client], host: '::' }).catch(
      (error: NodeJS.ErrnoException) => error.code,
    );
    // A machine without IPv6 has no such address.
    if (typeof six !== 'object') return assert.match(String(six), /EAFNOSUPPORT|EADDRNOTAVAIL/);
    await six.close();
    assert.match(six.origin, /^http:\/\/\[::1\]:\d+$/);
  });
});
