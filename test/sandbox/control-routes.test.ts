import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createSandbox, serveSandbox, type ServedSandbox } from '../../src/sandbox/index.js';
import { answer, call, client, connected, started } from './support/linked-store.js';

describe('the sandbox', () => {
  let served: ServedSandbox;
  before(async () => void (served = await serveSandbox({ clients: [client] })));
  after(() => served.close());
  const post = (path: string, body: string, headers: Record<string, string> = {}) =>
    fetch(served.origin + path, { method: 'POST', body, headers, redirect: 'manual' });

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
    // With the slash that a hand adds, too.
    for (const path of ['/_sandbox', '/_sandbox/'])
      assert.match(await (await fetch(served.origin + path)).text(), /The customer's phone/, path);
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

  it('writes no markup into its page that came with an order or a fault', async () => {
    const sandbox = createSandbox({ clients: [client] });
    const query = { access_token: (await connected(sandbox)).accessToken! };
    const markup = '<img src=x onerror=1>';
    await answer(sandbox, 'POST', '/v1/orders', query, { orderId: `order ${markup}`, phoneNumber: '+12133734253' });
    sandbox.faults.set({ route: 'token', kind: 'redirect', location: `/fault/${markup}` });
    const page = await (await call(sandbox, 'GET', '/_sandbox')).text();
    assert.doesNotMatch(page, /<img/);
    // In the list of orders, in the words of the text message, and among the faults.
    assert.equal(page.split('&lt;img src=x onerror=1&gt;').length - 1, 3);
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
});
