import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSandbox, faultKinds, routeNames, serveSandbox, type FaultKind } from '../../src/sandbox/index.js';
import { base, call, client, connected, credentials } from './support/linked-store.js';

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
});
