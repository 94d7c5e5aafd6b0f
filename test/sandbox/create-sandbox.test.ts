import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSandbox } from '../../src/sandbox/index.js';
import { answer, base, call, client, connected, credentials, started, walk } from './support/linked-store.js';

describe('the sandbox', () => {
  it('says what is wrong with its options', () => {
    const badClients = [[], [null], [{ clientId: 5, clientSecret: 'x' }], [{ clientId: 'a', clientSecret: ' ' }]];
    for (const options of [undefined, null, {}, ...badClients.map((clients) => ({ clients }))]) {
      assert.throws(() => createSandbox(options as never), /createSandbox: option/);
    }
    const wrong = {
      integrationTtlMs: [-1, 0, Infinity, '60'],
      // The second ends after the last day that a date can name.
      accessTokenTtlMs: [0, 1e17],
      control: ['off', 0],
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
