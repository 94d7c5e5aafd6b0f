import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import type { IntegrationAnswer, StartedIntegration } from '../../src/shared/wire.js';
import { planted } from './canaries.js';
import { settle } from '../support/settle.js';
import { base, harness, problemOf, Upstream } from './harness.js';

const json = async <T>(response: Response) => (await response.json()) as T;

test('start: 201 with everything the element needs, and the token only in the connect page’s URL', async () => {
  const h = harness();
  const response = await h.call('POST', '/integrations');
  assert.equal(response.status, 201);
  assert.equal(response.headers.get('content-type'), 'application/json');
  const answer = await json<StartedIntegration>(response);
  assert.deepEqual(Object.keys(answer).sort(), [
    'connectUrl',
    'embeddable',
    'expiresAt',
    'id',
    'pollAfterMs',
    'status',
  ]);
  const url = new URL(answer.connectUrl);
  assert.equal(url.origin + url.pathname, 'https://connect.example/');
  assert.deepEqual([...url.searchParams], [['integration_token', planted.integrationToken + '1'], ['client_id', 'client-1']]); // prettier-ignore
  assert.equal(answer.status, 'pending');
  assert.equal(Date.parse(answer.expiresAt), h.clock.now() + 1_800_000);
  assert.ok(answer.pollAfterMs >= 1000);
  h.assertClean();
});

test('status: pending with the URL to go on with, then finished with the connection, and finished it stays', async () => {
  const h = harness();
  const id = await h.start();
  const pending = await json<IntegrationAnswer>(await h.call('GET', '/integrations/' + id));
  assert.equal(pending.status, 'pending');
  assert.match(pending.connectUrl!, /^https:\/\/connect\.example\/\?integration_token=/);
  assert.equal(pending.connection, undefined);
  h.upstream.status = 'finished';
  h.clock.advance(1000);
  const finished = await json<IntegrationAnswer>(await h.call('GET', '/integrations/' + id));
  assert.equal(finished.status, 'finished');
  assert.equal(finished.connectUrl, undefined);
  assert.deepEqual(finished.connection, { connected: true, ereceipt: true, expiration: '2027-11-24T00:00:00.000Z' });
  assert.deepEqual(await json(await h.call('GET', '/connection')), finished.connection);
  // Long past its time: what is stored is stored.
  h.clock.advance(2 * 3600_000);
  assert.equal((await json<IntegrationAnswer>(await h.call('GET', '/integrations/' + id))).status, 'finished');
  h.assertClean();
});

test('cancelled stays cancelled, without a URL', async () => {
  const h = harness();
  const id = await h.start();
  h.upstream.status = 'cancelled';
  const answer = await json<IntegrationAnswer>(await h.call('GET', '/integrations/' + id));
  assert.deepEqual(Object.keys(answer).sort(), ['expiresAt', 'pollAfterMs', 'status']);
  assert.equal(answer.status, 'cancelled');
  h.assertClean();
});

test('expired: 410 once the time and a minute for the clocks are over', async () => {
  const h = harness({ integrationTtlMs: 60_000 });
  const id = await h.start();
  h.clock.advance(60_000 + 59_000);
  assert.equal((await h.call('GET', '/integrations/' + id)).status, 200);
  h.clock.advance(2000);
  assert.equal((await problemOf(await h.call('GET', '/integrations/' + id))).code, 'expired');
  h.upstream.faults.push(() => Promise.reject(new TypeError('fetch failed')));
  h.clock.advance(2000);
  assert.equal((await problemOf(await h.call('GET', '/integrations/' + id))).code, 'expired', 'whatever Rulrr says');
  h.assertClean();
});

test('a session whose end falls between two milliseconds is known to the other replicas too', async () => {
  // A third of an hour and a bit, or a clock such as performance.now().
  const h = harness({ integrationTtlMs: 3_600_000 / 2.9 });
  const id = await h.start();
  const other = harness({}, { upstream: h.upstream, store: h.store, clock: h.clock });
  assert.equal((await other.call('GET', '/integrations/' + id)).status, 200);
});

test('tokens that were handed out and lost are told as lost, past the time of their session too', async () => {
  const h = harness();
  const id = await h.start();
  h.upstream.status = 'finished';
  h.upstream.faults.push(
    () => Response.json({ success: true, status: 'finished' }),
    () => new Response('', { status: 410 }),
  );
  for (const wait of [0, 2 * 3_600_000]) {
    h.clock.advance(wait);
    assert.equal((await problemOf(await h.call('GET', '/integrations/' + id))).code, 'tokens_lost');
  }
  h.assertClean();
});

test('an id is for the store that started it: the full cross product of stores and ids', async () => {
  const h = harness();
  const stores = ['store-1', 'store-2', 'STORE-1', 'store-1 x', 'störe', '__proto__', 'constructor', 'store-1\u0000'.slice(0, 7) + '-b'];
  const ids = await Promise.all(stores.map((store) => h.start(store)));
  h.upstream.status = 'finished';
  const before = h.upstream.apiCalls.length;
  for (const [owner, id] of ids.entries()) {
    for (const [asking, store] of stores.entries()) {
      if (asking === owner) continue;
      assert.equal((await problemOf(await h.call('GET', '/integrations/' + id, { store }))).code, 'not_yours', `${store} with the id of ${stores[owner]}`);
    }
  }
  assert.equal(h.upstream.apiCalls.length, before, 'strangers cost nothing');
  await h.call('GET', '/integrations/' + ids[0], { store: stores[0]! });
  for (const store of stores) {
    const { connected } = await json<{ connected: boolean }>(await h.call('GET', '/connection', { store }));
    assert.equal(connected, store === stores[0], store);
  }
  h.assertClean();
}); // prettier-ignore

test('two stores that ask at the same moment get an answer each', async () => {
  const h = harness();
  await h.connect('store-1');
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, at) =>
      h.call('GET', '/connection', { store: `store-${1 + (at % 2)}` }).then(json<{ connected: boolean }>),
    ),
  );
  assert.deepEqual(answers.map(({ connected }) => connected), answers.map((_, at) => at % 2 === 0)); // prettier-ignore
});

test('an id that was altered, or made elsewhere, is unknown: no upstream call, no store call', async () => {
  const h = harness();
  const id = await h.start();
  const foreign = await harness({ clientId: 'client-2' }).start();
  const otherMount = await harness({ basePath: '/other' }).proxy.fetch(
    new Request('https://pos.example/other/integrations', { method: 'POST', headers: { 'Rulrr-Embed': '1', 'Sec-Fetch-Site': 'same-origin', Cookie: 'store=store-1' } }),
  );
  const mounted = (await json<StartedIntegration>(otherMount)).id;
  const before = h.upstream.calls.length;
  let reads = 0;
  const { get } = h.store;
  h.store.get = (key) => ((reads += 1), get.call(h.store, key));
  for (const wrong of [id.slice(0, -1), id + 'A', id.toLowerCase(), foreign, mounted, 'x', 'a.b.c.d.e', 'x'.repeat(6000), id.replace('.', '%2E'), encodeURIComponent('not an id!')]) {
    const response = await h.call('GET', '/integrations/' + wrong);
    assert.equal(response.status, 404, wrong.slice(0, 20));
    assert.match((await problemOf(response)).code, /^(unknown_integration|not_found)$/);
  }
  assert.equal((await problemOf(await h.call('GET', '/integrations/x', { store: null }))).code, 'unauthorized', 'who asks comes first');
  assert.deepEqual([h.upstream.calls.length, reads], [before, 0]);
  h.assertClean();
}); // prettier-ignore

test('nobody signed in: 401 on every route; the body, the query and the path name nobody', async () => {
  const h = harness();
  for (const [method, path] of [['POST', '/integrations'], ['GET', '/integrations/x'], ['GET', '/connection'], ['DELETE', '/connection'], ['POST', '/ereceipts']] as const) {
    for (const suffix of ['', '?storeId=store-1&store=store-1']) {
      const body = method === 'POST' ? { storeId: 'store-1', store: 'store-1' } : undefined;
      const response = await h.call(method, path + suffix, { store: null, body, headers: { 'X-Store-Id': 'store-1' } });
      assert.equal((await problemOf(response)).code, 'unauthorized');
    }
  }
  assert.deepEqual(h.upstream.calls, []);
}); // prettier-ignore

test('store ids that were cut in the middle of a character are refused: as bytes they would all be one store', async () => {
  const h = harness({ authorize: (request) => ({ storeId: JSON.parse(request.headers.get('Authorization')!) as string }) });
  const cut = ['Bar 🍕', 'Bar 🚕'].map((name) => name.slice(0, 5));
  assert.notEqual(cut[0], cut[1]);
  for (const storeId of cut) {
    const asked = await h.call('POST', '/integrations', { headers: { Authorization: JSON.stringify(storeId) } });
    assert.equal((await problemOf(asked)).code, 'internal');
    await assert.rejects(h.proxy.forStore(storeId), TypeError);
  }
  assert.equal((await h.call('GET', '/connection', { headers: { Authorization: '"\\ud83c\\udf55"' } })).status, 200);
}); // prettier-ignore

test('authorize: its throw, its nonsense and its missing store are refused, and nothing of them is shown', async () => {
  const outcomes: unknown[] = [{}, { storeId: '' }, { storeId: '  ' }, { storeId: 7 }, { storeId: null }, 'store-1', { storeId: 'x'.repeat(257) }, true];
  for (const outcome of outcomes) {
    const h = harness({ authorize: () => outcome as { storeId: string } });
    assert.equal((await problemOf(await h.call('GET', '/connection'))).code, 'internal', JSON.stringify(outcome));
    h.assertClean();
  }
  for (const nobody of [null, undefined, false]) {
    const h = harness({ authorize: () => nobody as null });
    assert.equal((await problemOf(await h.call('GET', '/connection'))).code, 'unauthorized');
  }
  const h = harness({ authorize: () => { throw Object.assign(new Error(planted.connectionString), { cause: new Error(planted.session) }); } });
  assert.equal((await problemOf(await h.call('GET', '/connection'))).code, 'internal');
  assert.deepEqual(h.events.map(({ type, hook }) => [type, hook]), [['hook-failed', 'authorize'], ['refused', undefined]]);
  h.assertClean();
}); // prettier-ignore

test('authorize may answer at once, later, or with a promise of another kind: each is believed and refused alike', async () => {
  const Foreign = runInNewContext('Promise') as PromiseConstructor;
  const forms: ((value: unknown) => unknown)[] = [
    (value) => value,
    async (value) => value,
    (value) => Foreign.resolve(value),
  ];
  for (const form of forms) {
    const called = async (outcome: unknown) => {
      const h = harness({ authorize: () => form(outcome) as { storeId: string } });
      const response = await h.call('GET', '/connection');
      return response.ok ? response.status : (await problemOf(response)).code;
    };
    assert.deepEqual(
      [await called({ storeId: 'store-1' }), await called(null), await called({ storeId: 7 })],
      [200, 'unauthorized', 'internal'],
    );
  }
  const failures: (() => unknown)[] = [
    () => Promise.reject(new Error(planted.session)),
    () => Foreign.reject(new Error(planted.session)),
  ];
  for (const failure of failures) {
    const h = harness({ authorize: () => failure() as { storeId: string } });
    assert.equal((await problemOf(await h.call('GET', '/connection'))).code, 'internal');
    assert.equal(h.events.filter(({ type }) => type === 'hook-failed').length, 1);
    h.assertClean();
  }
});

test('authorize gets what names the session, what the host knows, and no body', async () => {
  const seen: unknown[] = [];
  const h = harness({
    authorize(request, context) {
      seen.push([request.method, new URL(request.url).pathname, request.headers.get('Cookie'), request.body, context]);
      return { storeId: 'store-1' };
    },
  });
  const context = { incoming: { session: 1 } };
  await h.proxy.fetch(new Request(base + '/ereceipts', { method: 'POST', body: 'x', headers: { 'Rulrr-Embed': '1', 'Sec-Fetch-Site': 'same-origin', Cookie: 'a=b' } }), context);
  assert.deepEqual(seen, [['POST', '/rulrr/ereceipts', 'a=b', null, context]]);
}); // prettier-ignore

test('upstream troubles at the start have their code, and Retry-After where trying again helps', async () => {
  const cases: [() => Response | Promise<Response>, string, boolean][] = [
    [() => Response.json({ success: false, message: planted.accessToken }, { status: 400 }), 'misconfigured', false],
    [() => Response.json({ success: false }, { status: 403 }), 'misconfigured', false],
    [() => new Response('', { status: 429, headers: { 'Retry-After': '7' } }), 'rate_limited', true],
    [() => new Response(planted.refreshToken, { status: 500 }), 'upstream_error', true],
    [() => new Response('', { status: 503 }), 'upstream_error', true],
    [() => Promise.reject(new TypeError('fetch failed', { cause: new Error('https://api.example?' + planted.clientSecret) })), 'upstream_error', true],
    [() => Response.json({ success: true, integrationToken: '' }), 'upstream_error', true],
    [() => Response.json({ success: true, integrationToken: 'x'.repeat(3000) }), 'upstream_error', true],
    [() => Response.json({ success: true }), 'upstream_error', true],
    [() => new Response('<html>' + planted.clientSecret), 'upstream_error', true],
  ];
  for (const [fault, code, retry] of cases) {
    const h = harness({ checkFraming: false });
    h.upstream.faults.push(fault);
    const response = await h.call('POST', '/integrations');
    assert.equal((await problemOf(response)).code, code);
    assert.equal(response.headers.has('retry-after'), retry, code);
    const told = h.events.find(({ type }) => type === 'upstream-failed');
    assert.equal(told?.route, 'POST /integrations');
    assert.ok(told.reason || told.code === 'bad_answer', 'the log says what it was');
    h.assertClean();
  }
}); // prettier-ignore

test('upstream troubles at a poll have their code, are not asked about again at once, and the operator hears what it was', async () => {
  const broken = (cause: string) => Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error(planted.clientSecret), { code: cause }) }));
  const cases: [() => Response | Promise<Response>, answer: [string, string], told: [string, number | undefined]][] = [
    [() => new Response('', { status: 429, headers: { 'Retry-After': '7' } }), ['rate_limited', '7'], ['rate_limited', 429]],
    [() => new Response('', { status: 429, headers: { 'Retry-After': '86400' } }), ['rate_limited', '60'], ['rate_limited', 429]],
    [() => Response.json({ success: false }, { status: 400 }), ['upstream_error', '30'], ['bad_request', 400]],
    [() => Response.json({ success: false }, { status: 403 }), ['upstream_error', '30'], ['forbidden', 403]],
    [() => new Response('', { status: 503 }), ['upstream_error', '2'], ['server_error', 503]],
    [() => broken('CERT_HAS_EXPIRED'), ['upstream_error', '2'], ['CERT_HAS_EXPIRED', undefined]],
    [() => broken('UND_ERR_CONNECT_TIMEOUT'), ['upstream_error', '2'], ['UND_ERR_CONNECT_TIMEOUT', undefined]],
    [() => new Promise(() => {}), ['upstream_timeout', '2'], ['timeout', undefined]],
  ];
  for (const [fault, answer, told] of cases) {
    const h = harness({ checkFraming: false });
    const id = await h.start();
    h.upstream.faults.push(fault, fault, fault);
    const asked = h.call('GET', '/integrations/' + id);
    await h.clock.advanceAsync(60_000);
    const response = await asked;
    const retryAfter = response.headers.get('retry-after');
    assert.deepEqual([(await problemOf(response)).code, retryAfter], answer);
    const event = h.events.find(({ type }) => type === 'upstream-failed');
    assert.deepEqual([event?.reason, event?.status], told);
    assert.equal(event?.storeId, 'store-1');
    h.assertClean();
  }
}); // prettier-ignore

test('starts are limited for each store: a burst, then one each two seconds', async () => {
  const h = harness({ checkFraming: false });
  for (let at = 0; at < 30; at++) assert.equal((await h.call('POST', '/integrations')).status, 201);
  const refused = await h.call('POST', '/integrations');
  assert.equal((await problemOf(refused)).code, 'rate_limited');
  assert.equal(refused.headers.get('retry-after'), '2');
  assert.equal(
    (await h.call('POST', '/integrations', { store: 'store-2' })).status,
    201,
    'another store is not held back',
  );
  h.clock.advance(2000);
  assert.equal((await h.call('POST', '/integrations')).status, 201);
  assert.equal((await h.call('POST', '/integrations')).status, 429);
  assert.equal(h.upstream.apiCalls.length, 32);
});

test('starts: a night without any saves up no more than the burst', async () => {
  const h = harness({ checkFraming: false });
  await h.start();
  h.clock.advance(12 * 3600_000);
  for (let at = 0; at < 30; at++) await h.start();
  assert.equal((await h.call('POST', '/integrations')).status, 429);
});

test('starts: a clock that is set back holds nobody up', async () => {
  const h = harness({ checkFraming: false });
  for (let at = 0; at < 10; at++) await h.start();
  h.clock.advance(-3600_000);
  await h.start();
  for (let at = 0; at < 19; at++) await h.start();
  h.clock.advance(-3600_000);
  const refused = await h.call('POST', '/integrations');
  h.clock.advance(Number(refused.headers.get('Retry-After')) * 1000);
  await h.start();
});

test('DELETE /connection: 204, as often as one likes, and for one store only', async () => {
  const h = harness();
  await h.connect('store-1');
  await h.connect('store-2');
  for (let round = 0; round < 2; round++) {
    const response = await h.call('DELETE', '/connection');
    assert.deepEqual([response.status, await response.text()], [204, '']);
  }
  assert.equal((await json<{ connected: boolean }>(await h.call('GET', '/connection'))).connected, false);
  assert.equal(
    (await json<{ connected: boolean }>(await h.call('GET', '/connection', { store: 'store-2' }))).connected,
    true,
  );
  h.assertClean();
});

test('the token store fails: 503 with Retry-After, and its words stay inside', async () => {
  const h = harness();
  const id = await h.start();
  const down = () => Promise.reject(Object.assign(new Error(planted.connectionString), { detail: planted.session }));
  Object.assign(h.store, { get: down, put: down, delete: down, list: down });
  h.upstream.status = 'finished';
  for (const [method, path] of [['GET', '/connection'], ['DELETE', '/connection'], ['POST', '/integrations']] as const) {
    const response = await h.call(method, path);
    assert.equal((await problemOf(response)).code, 'store_unavailable', path);
    assert.ok(Number(response.headers.get('retry-after')) > 0);
  }
  const polling = h.call('GET', '/integrations/' + id);
  await h.clock.advanceAsync(10_000);
  const poll = await polling;
  assert.notEqual(((await poll.json()) as { status: unknown }).status, 'finished', 'not stored is not finished');
  h.assertClean();
}); // prettier-ignore

test('the browser goes away: the redemption does not', async () => {
  const h = harness();
  const id = await h.start();
  h.upstream.status = 'finished';
  const gone = new AbortController();
  const request = new Request(`${base}/integrations/${id}`, {
    headers: { Cookie: 'store=store-1' },
    signal: gone.signal,
  });
  const answer = h.proxy.fetch(request);
  gone.abort();
  await answer;
  assert.equal((await json<{ connected: boolean }>(await h.call('GET', '/connection'))).connected, true);
});

test('tokens that Rulrr refuses are asked for once, those that it fails at six times: then nobody asks before a merchant does', async () => {
  for (const [status, tries] of [[400, 1], [403, 1], [503, 6]] as const) {
    const upstream = new Upstream();
    let answer: number = status;
    let asked = 0;
    const fetch = (async (input, init) => {
      if (!String(input).includes('/integration/token')) return upstream.fetch(input as string, init);
      asked += 1;
      return answer === 200 ? upstream.fetch(input as string, init) : Response.json({}, { status: answer });
    }) as typeof globalThis.fetch;
    const h = harness({ fetch }, { upstream });
    const other = harness({ fetch }, { upstream, store: h.store, clock: h.clock });
    const id = await h.start();
    upstream.status = 'finished';
    const first = h.call('GET', '/integrations/' + id);
    const pass = async (ms: number) => {
      for (const end = h.clock.now() + ms; h.clock.now() < end; ) {
        await settle(10);
        h.clock.advance(250);
      }
    };
    await pass(180_000);
    assert.equal(asked, tries);
    const told = await first;
    if (tries === 1) assert.equal((await problemOf(told)).code, 'upstream_error');
    else assert.equal((await json<IntegrationAnswer>(told)).status, 'pending');
    answer = 200;
    for (const one of [other, h]) {
      const poll = one.call('GET', '/integrations/' + id);
      assert.equal((await json<IntegrationAnswer>(await poll)).status, 'finished');
    }
    assert.equal(asked, tries + 1);
    h.assertClean();
  }
}); // prettier-ignore

test('a replica that stops between two tries leaves the session to the next at once', async () => {
  const upstream = new Upstream();
  const fetch = (async (input, init) => {
    if (String(input).includes('/integration/token')) return Response.json({}, { status: 503 });
    return upstream.fetch(input as string, init);
  }) as typeof globalThis.fetch;
  const h = harness({ fetch }, { upstream });
  const next = harness({}, { upstream, store: h.store, clock: h.clock });
  const id = await h.start();
  upstream.status = 'finished';
  const poll = h.call('GET', '/integrations/' + id);
  await settle();
  const closing = h.proxy.close();
  for (let turn = 0; turn < 10; turn++) {
    await settle(10);
    h.clock.advance(1);
  }
  await closing;
  assert.equal((await json<IntegrationAnswer>(await poll)).status, 'pending');
  const answer = await json<IntegrationAnswer>(await next.call('GET', '/integrations/' + id));
  assert.equal(answer.status, 'finished');
});

test('forStore: a client for a connected store, a refusal for others, an error for nonsense', async () => {
  const h = harness();
  await h.connect();
  assert.ok(await h.proxy.forStore('store-1'));
  await assert.rejects(h.proxy.forStore('store-2'), { name: 'Refusal' });
  for (const wrong of ['', ' ', 7, null, 'x'.repeat(257)])
    await assert.rejects(h.proxy.forStore(wrong as string), TypeError);
});

test('close: waits, then refuses with 503; the store stays open, since another proxy may share it', async () => {
  const h = harness();
  const other = harness({}, { upstream: new Upstream(), store: h.store, clock: h.clock });
  await h.proxy.close();
  await h.proxy.close();
  assert.equal((await problemOf(await h.call('GET', '/connection'))).code, 'store_unavailable');
  assert.equal((await other.call('GET', '/connection')).status, 200);
});

test('close: waits for requests that were let in, but not for a hook that never comes back', async () => {
  let letIn = () => {};
  const authorize = () => new Promise<{ storeId: string }>((done) => (letIn = () => done({ storeId: 'store-1' })));
  for (const comesBack of [true, false]) {
    const h = harness({ authorize });
    const answer = h.call('GET', '/connection');
    let closed = false;
    const closing = h.proxy.close().then(() => (closed = true));
    await h.clock.advanceAsync(9_999);
    assert.equal(closed, false);
    if (comesBack) letIn();
    else await h.clock.advanceAsync(1);
    await closing;
    if (comesBack) assert.equal((await answer).status, 200);
    assert.equal(h.clock.pending, 0);
  }
});

test('every defect ends as 500 `internal`, with nothing of it shown', async () => {
  const broken = { method: 'GET', url: 'not a url ' + planted.session, headers: new Headers() } as unknown as Request;
  const h = harness();
  assert.equal((await problemOf(await h.bare.fetch(broken))).code, 'internal');
  assert.deepEqual(h.events.map(({ type, code }) => [type, code]), [['internal-error', 'TypeError'], ['refused', 'internal']]); // prettier-ignore
  const other = harness({
    tokenStore: { ...h.store, get: () => { throw Object.assign(new Error(planted.session), { name: planted.session }); } },
  }); // prettier-ignore
  assert.ok((await other.call('GET', '/connection')).status >= 500);
  h.assertClean();
  other.assertClean();
});

test('a refresh that Rulrr wants asked and answered in another way', async () => {
  const asked: unknown[] = [];
  const h = harness({
    refreshRequest: ({ clientId, refreshToken }) => ({ query: { client: clientId }, body: { token: refreshToken } }),
    parseRefresh: (answer) => {
      const { access, until } = answer['grant'] as { access: string; until: string };
      return {
        accessToken: access,
        refreshToken: planted.secondRefreshToken,
        expiration: until,
        ereceipt: answer['texts'] === true,
      };
    },
  });
  await h.connect();
  h.clock.advance(350 * 86_400_000);
  const grant = { access: planted.secondAccessToken, until: '2028-11-24T00:00:00.000Z' };
  h.upstream.faults.push((url, init) => {
    asked.push(url.pathname, Object.fromEntries(url.searchParams), JSON.parse(String(init.body)));
    return Response.json({ grant, texts: true });
  });
  await h.proxy.sweep();
  assert.deepEqual(asked, ['/v1/auth/token', { client: 'client-1' }, { token: planted.refreshToken }]);
  const connection = await json<{ expiration: string }>(await h.call('GET', '/connection'));
  assert.equal(connection.expiration, '2028-11-24T00:00:00.000Z');
  h.assertClean();
});

test('a poll repeats what a reloaded page needs to go on, also where nobody looks whether the page may be framed', async () => {
  const h = harness({ checkFraming: false });
  const started = (await (await h.call('POST', '/integrations')).json()) as Record<string, unknown>;
  const { id, ...rest } = started;
  assert.deepEqual(Object.keys(rest).sort(), ['connectUrl', 'expiresAt', 'pollAfterMs', 'status']);
  const polled = await h.call('GET', '/integrations/' + String(id));
  assert.deepEqual(await polled.json(), rest);
});
