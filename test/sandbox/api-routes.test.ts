import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSandbox } from '../../src/sandbox/index.js';
import { answer, base, call, client, connected, credentials, started, walk } from './support/linked-store.js';

describe('the sandbox', () => {
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

  it('knows stores and their orders, and turns e-receipts off for stores that are connected', async () => {
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

  it('texts an order whose `ereceipt` is the number itself, and refuses one that is none: it would count as sent', async () => {
    const sandbox = createSandbox({ clients: [client] });
    const on = { access_token: (await connected(sandbox)).accessToken! };
    const post = (order: object) => answer(sandbox, 'POST', '/v1/orders', on, order);
    assert.equal((await post({ orderId: 'o1', ereceipt: '+12133734253' })).status, 200);
    assert.equal((await post({ orderId: 'o2', ereceipt: '213 373 4253' })).status, 400);
    assert.equal((await post({ orderId: 'o3', ereceipt: 'sms', phone: '+14155552671' })).status, 200);
    // Yes and no, as PHP and forms write them.
    assert.equal((await post({ orderId: 'o4', ereceipt: '1', phone: '+14155552671' })).status, 200);
    assert.equal((await post({ orderId: 'o5', ereceipt: '0' })).status, 200);
    assert.deepEqual(
      sandbox.messages.map(({ orderId, phoneNumber }) => [orderId, phoneNumber]),
      [
        ['o1', '+12133734253'],
        ['o3', '+14155552671'],
        ['o4', '+14155552671'],
      ],
    );
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

  it('answers 413 to a body over 1 MiB', async () => {
    const sandbox = createSandbox({ clients: [client] });
    const { accessToken } = await connected(sandbox);
    const big = { filler: 'x'.repeat(1024 * 1024) };
    assert.equal((await call(sandbox, 'POST', '/v1/orders', { access_token: accessToken! }, big)).status, 413);
  });
});
