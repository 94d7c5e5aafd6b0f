import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSandbox, scenarioNames, scenarios } from '../../src/sandbox/index.js';
import { answer, call, client, credentials, started, walk } from './support/linked-store.js';

describe('scenarios', () => {
  it('sets the faults of each, and counts what was asked', async () => {
    for (const name of scenarioNames) {
      const sandbox = createSandbox({ clients: [client] });
      sandbox.scenario(name);
      assert.equal(sandbox.currentScenario, name);
      assert.deepEqual(sandbox.faults.active, scenarios[name].faults, name);
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
    for (const [name, header, value] of [
      ['refuses-framing', 'X-Frame-Options', 'DENY'],
      ['coop', 'Cross-Origin-Opener-Policy', 'same-origin'],
    ] as const) {
      const sandbox = createSandbox({ clients: [client] });
      const query = { integration_token: await started(sandbox), client_id: client.clientId };
      sandbox.scenario(name);
      const answers: [Promise<Response>, status: number][] = [
        [call(sandbox, 'GET', '/connect/', query), 200],
        [call(sandbox, 'GET', '/connect/'), 400],
        [call(sandbox, 'GET', '/connect/', { ...query, integration_token: 'wrong' }), 403],
        [call(sandbox, 'GET', '/connect', query), 303],
      ];
      for (const [asked, status] of answers) {
        const response = await asked;
        assert.deepEqual([response.status, response.headers.get(header)], [status, value], name);
      }
    }
  });
});
