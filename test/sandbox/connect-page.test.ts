import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSandbox } from '../../src/sandbox/index.js';
import { answer, base, call, client, credentials, started, walk } from './support/linked-store.js';

describe('the sandbox', () => {
  it('hears a merchant who gives up', async () => {
    const sandbox = createSandbox({ clients: [client] });
    const token = await started(sandbox);
    assert.match(await walk(sandbox, token, 'cancel'), /Not connected/);
    const query = { ...credentials, integration_token: token };
    assert.equal((await answer(sandbox, 'GET', '/v1/auth/integration', query)).body['status'], 'cancelled');
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
      store: '"><img src=x onerror=1>',
    };
    await sandbox.fetch(new Request(`${base}/connect/`, { method: 'POST', body: new URLSearchParams(form) }));
    for (const step of ['2', '3']) {
      const page = await call(sandbox, 'GET', '/connect/', { integration_token: token, client_id: 'pos', step });
      const html = await page.text();
      assert.match(html, /&quot;&gt;&lt;img/, `step ${step}`);
      assert.doesNotMatch(html, /<img/, `step ${step}`);
    }
  });
});
