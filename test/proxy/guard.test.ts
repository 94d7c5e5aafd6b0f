import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeClock } from '../support/fake-clock.js';
import { admit, findRoute, routeTable, type RoutePath } from '../../src/proxy/guard.js';
import { sourceOf } from '../../src/proxy/sources.js';
import { assertHardened, base, harness, problemOf, site } from './harness.js';

const friend = 'https://till.example';
const pathOf = (route: RoutePath) => route.replace(':id', 'eyJh.b.c');

test('the gate: every route, method, header and origin, against the rule as it is written down', () => {
  const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'QUERY', 'get', 'POSTX'];
  const sites = [null, 'same-origin', 'same-site', 'cross-site', 'none', 'Same-Origin', 'same-origin, cross-site', ''];
  const origins = [null, site, friend, 'https://evil.example', 'null', '', site + '.evil.example', 'http://pos.example', site + ':8443', site + '/', site.toUpperCase(), `${site} ${friend}`];
  const embeds = [null, '1', '0', 'true', '', '1, 1', '01'];
  const types = [null, 'application/json', 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'];
  const rules = { basePath: '/rulrr', allowedHeaders: ['Authorization'], origin: null, allowedOrigins: new Set([friend]) };
  let cases = 0;
  let letIn = 0;
  for (const route of Object.keys(routeTable) as RoutePath[]) {
    for (const method of methods) {
      for (const fetchSite of sites) {
        for (const origin of origins) {
          for (const embed of embeds) {
            for (const type of types) {
              const headers = new Headers();
              if (fetchSite !== null) headers.set('Sec-Fetch-Site', fetchSite);
              if (origin !== null) headers.set('Origin', origin);
              if (embed !== null) headers.set('Rulrr-Embed', embed);
              if (type !== null) headers.set('Content-Type', type);
              const source = sourceOf(headers, site, rules);
              const outcome = admit({ method, headers }, '/rulrr' + pathOf(route), source, rules);
              cases += 1;

              const known = (routeTable[route] as readonly string[]).includes(method);
              const page = fetchSite === 'same-origin' || origin === site || origin === friend;
              const admitted = known && (method === 'GET' || (embed === '1' && page));
              const label = JSON.stringify({ route, method, fetchSite, origin, embed, type });
              assert.equal('route' in outcome, admitted, label);
              if ('route' in outcome) letIn += 1;
              else if (method === 'OPTIONS') {
                const stranger = origin !== null && origin !== site && origin !== friend;
                assert.equal(outcome.status, stranger ? 403 : 204, label);
              } else {
                assert.equal(outcome.status, known ? 403 : 405, label);
                assert.equal(outcome.refusal?.code, known ? 'forbidden_origin' : 'method_not_allowed', label);
              }
              assert.equal(source.cors, origin === friend ? friend : null, label);
            }
          }
        }
      }
    }
  }
  assert.equal(cases, 4 * methods.length * sites.length * origins.length * embeds.length * types.length);
  assert.ok(letIn > 0);
}); // prettier-ignore

test('one reading of the path: every other spelling is another path, and there is none', () => {
  for (const path of ['/integrations', '/integrations/abc', '/connection', '/ereceipts'])
    assert.ok(findRoute('/rulrr' + path, '/rulrr'));
  const wrong = ['', '/', '/rulrr', '/rulrr/', '/rulrrx/connection', '/rulrr//connection', '//rulrr/connection', '/rulrr/connection/', '/rulrr/Connection', '/RULRR/connection',
    '/rulrr/connection;x', '/rulrr/connection.', '/rulrr/%63onnection', '/rulrr%2fconnection', '/rulrr/integrations/', '/rulrr/integrations/a/b', '/rulrr/integrations/a%2fb',
    '/rulrr/integrations/a%2Fb', '/rulrr/integrations/%2e%2e', '/rulrr/integrations/a\\b', '/rulrr/integrations/a%5cb', '/rulrr/integrations//a', '/rulrr/integrations/a b',
    '/rulrr/integrations/\u00e9', '/rulrr/ereceipts/1', '/rulrr/../rulrr/connection', '/connection', '/rulrr/integrations/%', '/rulrr/integrations/' + 'a'.repeat(7000)]; // prettier-ignore
  for (const path of wrong) assert.equal(findRoute(path, '/rulrr'), null, path.slice(0, 60));
  assert.ok(findRoute('/connection', ''));
  assert.equal(findRoute('//connection', ''), null);
});

test('preflights: an allowed origin is told what it may send, for ten minutes; strangers are told nothing', async () => {
  const h = harness({ allowedOrigins: [friend], allowedHeaders: ['X-Till', 'till_id'] });
  const preflight = (path: string, origin: string) =>
    h.proxy.fetch(
      new Request(base + path, {
        method: 'OPTIONS',
        headers: { Origin: origin, 'Access-Control-Request-Method': 'POST' },
      }),
    );
  const yes = await preflight('/ereceipts', friend);
  assert.equal(yes.status, 204);
  assert.equal(yes.headers.get('access-control-allow-origin'), friend);
  assert.equal(yes.headers.get('access-control-allow-credentials'), 'true');
  assert.equal(yes.headers.get('access-control-allow-methods'), 'POST');
  assert.equal(
    yes.headers.get('access-control-allow-headers'),
    'Content-Type, Rulrr-Embed, Idempotency-Key, X-Till, till_id',
  );
  assert.equal(yes.headers.get('access-control-max-age'), '600');
  for (const origin of ['https://evil.example', 'null', friend + '.evil.example']) {
    const no = await preflight('/ereceipts', origin);
    assert.equal((await problemOf(no)).code, 'forbidden_origin');
    for (const [name] of no.headers) assert.ok(!name.startsWith('access-control-'), name);
  }
  h.assertClean();
});

test('CORS: an allowed origin may read refusals too, a stranger reads nothing', async () => {
  const h = harness({ allowedOrigins: [friend] });
  const from = (origin: string, method: string, path: string) =>
    h.call(method, path, { headers: { Origin: origin, 'Sec-Fetch-Site': 'cross-site' } });
  const answers = [
    await from(friend, 'GET', '/connection'),
    await from(friend, 'POST', '/integrations'),
    await from(friend, 'GET', '/integrations/unknown'),
    await from(friend, 'PUT', '/connection'),
    await from(friend, 'GET', '/nothing'),
  ];
  assert.deepEqual(answers.map((each) => each.status), [200, 201, 404, 405, 404]); // prettier-ignore
  for (const each of answers) {
    assert.equal(each.headers.get('access-control-allow-origin'), friend);
    assert.equal(each.headers.get('access-control-expose-headers'), 'Retry-After', 'how long a till is to wait');
  }
  assert.equal(answers[0]!.headers.get('content-type'), 'application/json');
  assert.equal(answers[3]!.headers.get('allow'), 'GET, DELETE, OPTIONS');
  for (const path of ['/connection', '/integrations/unknown', '/nothing']) {
    assert.equal((await from('https://evil.example', 'GET', path)).headers.get('access-control-allow-origin'), null);
  }
  assert.equal((await from('https://evil.example', 'POST', '/integrations')).status, 403);
  h.assertClean();
});

test('a session that names no store is refused, and the operator told that it is `authorize` that names none', async () => {
  for (const storeId of [undefined, '', 7, 'x'.repeat(257)]) {
    const h = harness({ authorize: () => ({ storeId }) as never });
    const { status, code } = await problemOf(await h.call('GET', '/connection'));
    assert.deepEqual([status, code], [500, 'internal']);
    const told = h.events.find(({ type }) => type === 'hook-failed');
    assert.deepEqual([told?.hook, told?.code], ['authorize', 'bad_store_id']);
  }
});

test('the operator sees each refusal, and where it was one of ours; strange methods and paths are not repeated in the log', async () => {
  const h = harness();
  await h.call('GET', '/connection', { store: null });
  await h.call('GET', '/integrations/unknown');
  await h.call('POST', '/integrations', { headers: { 'Rulrr-Embed': '' } });
  await h.call('PUT', '/connection');
  await h.call('GET', '/nothing');
  assert.deepEqual(
    h.events.map(({ at: _at, ...event }) => event),
    [
      { type: 'refused', code: 'unauthorized', status: 401, route: 'GET /connection' },
      { type: 'refused', code: 'unknown_integration', status: 404, route: 'GET /integrations/:id' },
      { type: 'refused', code: 'forbidden_origin', status: 403 },
      { type: 'refused', code: 'method_not_allowed', status: 405 },
      { type: 'refused', code: 'not_found', status: 404 },
    ],
  );
});

test('behind a load balancer the option `origin` says who is own', async () => {
  const h = harness({ origin: 'https://public.example' });
  const from = (origin: string) =>
    h.call('DELETE', '/connection', { headers: { Origin: origin, 'Sec-Fetch-Site': '' } });
  assert.equal((await from('https://public.example')).status, 204);
  assert.equal((await from(site)).status, 403);
});

test('100,000 fuzzed requests: no throw, nothing passes the gate but what the rule lets in', async () => {
  let asked = 0;
  const h = harness({ allowedOrigins: [friend], authorize: () => ((asked += 1), null) });
  const clock = fakeClock(0, 20);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(clock.random() * list.length)]!;
  const pieces = ['rulrr', 'integrations', 'connection', 'ereceipts', 'Connection', '..', '.', '', '%2f', '%2e%2e', '%00', ';', 'a.b.c', '%63onnection', '\\', '#', '?x=1', '%', '%zz', '__proto__', 'é', ' ', '\t', '*', ':id', 'constructor'];
  const separators = ['/', '/', '/', '/', '//', '\\', '%2f', ';', ''];
  const methods = ['GET', 'GET', 'POST', 'POST', 'DELETE', 'PUT', 'OPTIONS', 'HEAD', 'PATCH', 'QUERY', 'post', 'M-SEARCH'];
  const names = ['Origin', 'Sec-Fetch-Site', 'Rulrr-Embed', 'Cookie', 'Content-Type', 'Content-Length', 'Host', 'X-Forwarded-Host', 'X-HTTP-Method-Override', 'X-Original-URL', 'Authorization', 'Idempotency-Key', 'Access-Control-Request-Method'];
  const values = ['1', 'same-origin', 'cross-site', site, friend, 'null', '*', 'https://evil.example', 'DELETE', '/rulrr/connection', 'store=store-1', 'application/json', '999999999', '-1', '', 'é', '\u0080'];
  let letIn = 0;
  let refused = 0;
  for (let round = 0; round < 104_000; round++) {
    let target = site;
    if (clock.random() < 0.2) target += '/rulrr/' + pick(['connection', 'integrations', 'ereceipts', 'integrations/a.b.c']);
    else if (clock.random() < 0.8) target += '/rulrr';
    if (target === site || target.endsWith('/rulrr')) for (let length = Math.floor(clock.random() * 4); length >= 0; length--) target += pick(separators) + pick(pieces);
    const headers = new Headers();
    for (let length = Math.floor(clock.random() * 5); length > 0; length--) headers.append(pick(names), pick(values));
    const method = pick(methods);
    let request: Request;
    try {
      request = new Request(target, { method, headers });
    } catch {
      continue; // Not a request at all.
    }
    const before = asked;
    const response = await h.bare.fetch(request);
    assertHardened(response);
    h.canaries.look('answer', (await response.text()) + JSON.stringify([...response.headers]));
    const reached = asked > before;
    const { pathname } = new URL(request.url);
    const found = /^\/rulrr\/(integrations|connection|ereceipts|integrations\/[^/]+)$/.exec(pathname)?.[1];
    const wants = found === 'connection' ? ['GET', 'DELETE'] : found?.startsWith('integrations/') ? ['GET'] : found ? ['POST'] : [];
    const own = headers.get('Origin') === site || headers.get('Origin') === friend || headers.get('Sec-Fetch-Site') === 'same-origin';
    const may = wants.includes(request.method) && (request.method === 'GET' || (headers.get('Rulrr-Embed') === '1' && own));
    if (reached) {
      assert.ok(may, `${request.method} ${request.url}`);
      assert.equal(response.status, 401);
      letIn += 1;
    } else {
      assert.ok([204, 403, 404, 405].includes(response.status), `${response.status} ${request.method} ${request.url}`);
      refused += 1;
    }
  }
  assert.ok(letIn > 1000 && refused > 50_000, `${letIn} let in, ${refused} refused`);
  assert.deepEqual(h.upstream.calls, []);
  assert.ok(!h.events.some((event) => event.type === 'internal-error'));
  h.assertClean();
}); // prettier-ignore

test('100,000 mutated ids of a till that is signed in: each unknown, none costs a call to Rulrr or to the store', async () => {
  const h = harness();
  const ids = await Promise.all(Array.from({ length: 10 }, () => h.start()));
  await h.call('GET', '/integrations/' + ids[0]);
  const upstreamCalls = h.upstream.calls.length;
  let storeCalls = 0;
  for (const name of ['get', 'put', 'delete', 'list'] as const) {
    const real = h.store[name] as (...args: unknown[]) => Promise<never>;
    Object.assign(h.store, { [name]: (...args: unknown[]) => ((storeCalls += 1), real.apply(h.store, args)) });
  }
  const clock = fakeClock(0, 7);
  const pick = (below: number) => Math.floor(clock.random() * below);
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~=';
  const mutate = (id: string): string => {
    const at = pick(id.length);
    if (pick(4) === 0) return id.slice(0, at) + ids[pick(ids.length)]!.slice(at);
    return id.slice(0, at) + letters[pick(letters.length)] + id.slice(at + pick(2));
  };
  const headers = { Cookie: 'store=store-1' };
  for (let tried = 0; tried < 100_000;) {
    const batch: Promise<Response>[] = [];
    while (batch.length < 250) {
      const id = mutate(ids[pick(ids.length)]!);
      if (ids.includes(id)) continue;
      batch.push(h.bare.fetch(new Request(`${base}/integrations/${id}`, { headers })));
    }
    for (const response of await Promise.all(batch)) {
      assert.equal(response.status, 404);
      assert.match(await response.text(), /"code":"(unknown_integration|not_found)"/);
    }
    tried += batch.length;
  }
  assert.equal(h.upstream.calls.length, upstreamCalls);
  assert.equal(storeCalls, 0);
  // The genuine ones are what they were.
  for (const id of ids) assert.equal((await h.call('GET', '/integrations/' + id)).status, 200);
  h.assertClean();
});
