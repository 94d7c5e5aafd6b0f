// Each check asks for several things: of a proxy that breaks one of them, it says which.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RulrrApiError } from '../../src/api/index.js';
import { checkProxy, type CheckId } from '../../src/conformance/index.js';
import { memoryTokenStore, type RulrrProxyOptions, type TokenStore } from '../../src/proxy/index.js';
import { as, changing, edit, is, json, onceToldOf, pathOf, session, trusted } from './support/breaking.js';
import { openSandbox, other, own, serveProxy, type Breaking } from './support/served.js';

/** What the check `start` says of a session that was started wrongly. */
const wrongStarts: [rule: string, change: (body: Record<string, unknown>, url: URL) => void, says: RegExp][] = [
  ['begins as finished', (body) => (body['status'] = 'finished'), /"status" is not "pending"/],
  [
    'ends in a month that there is not',
    (body) => (body['expiresAt'] = '2130-13-01T10:00:00Z'),
    /"expiresAt" is not a time/,
  ],
  ['ends as a number', (body) => (body['expiresAt'] = 4_070_908_800_000), /"expiresAt" is not a time/],
  ['has ended already', (body) => (body['expiresAt'] = '2020-01-01T10:00:00Z'), /"expiresAt" has passed already/],
  ['is to be asked for in a week', (body) => (body['pollAfterMs'] = 604_800_000), /"pollAfterMs" is 604800000/],
  ['has no id', (body) => (body['id'] = ''), /without a text "id"/],
  ['has a number for its id', (body) => (body['id'] = 7), /without a text "id"/],
  ['has no connect page', (body) => (body['connectUrl'] = '/connect/?integration_token=a&client_id=b'), /"connectUrl"/],
  ['names no token', (_, url) => url.searchParams.delete('integration_token'), /has no "integration_token"/],
  ['names no client', (_, url) => url.searchParams.set('client_id', ''), /has no "client_id"/],
  ['tells the secret', (_, url) => url.searchParams.set('client_secret', 's'), /holds the client secret/],
  ['leads over http', (_, url) => (url.host = 'connect.rulrr.example'), /"connectUrl" is not https/],
];

interface Given {
  breaking?: Breaking;
  options?: Partial<RulrrProxyOptions>;
  /** With the sandbox, as the merchant; without it only what a till can do alone. */
  story?: boolean;
  /** Without the session of a till. */
  nobody?: boolean;
}

describe('checkProxy says which part of a rule is broken', { concurrency: 4 }, () => {
  const examine = async (given: Given) => {
    const { breaking, options, story = false, nobody = false } = given;
    const sandbox = await openSandbox();
    const proxy = await serveProxy(sandbox, breaking, options);
    const report = await checkProxy(proxy.url, {
      ...(nobody ? {} : { headers: own, otherHeaders: other }),
      sandbox: story ? sandbox.origin : undefined,
      timeoutMs: 10_000,
    });
    await Promise.all([proxy.close(), sandbox.close()]);
    const of = (status: string) =>
      Object.fromEntries(
        report.checks.filter((check) => check.status === status).map(({ id, actual }) => [id, actual]),
      ) as Partial<Record<CheckId, string>>;
    return { failed: of('fail'), skipped: of('skip') };
  };
  const mustSay = (failed: Partial<Record<CheckId, string>>, words: Partial<Record<CheckId, RegExp>>) => {
    for (const [id, pattern] of Object.entries(words))
      assert.match(failed[id as CheckId] ?? `${id} passed`, pattern, id);
  };

  for (const [rule, change, says] of wrongStarts) {
    it(`of a session that ${rule}`, async () => {
      const { failed } = await examine({
        breaking: changing('POST', /^\/integrations$/, (body) => {
          const url = new URL(String(body['connectUrl']));
          body['connectUrl'] = undefined;
          change(body, url);
          body['connectUrl'] ??= url.href;
        }),
      });
      mustSay(failed, { start: says });
    });
  }

  it('of a session whose connect page is of the same origin as the till, or whose id is that of another', async () => {
    let first: string | undefined;
    const twice = changing('POST', /^\/integrations$/, (body) => (body['id'] = first ??= String(body['id'])));
    mustSay((await examine({ breaking: twice })).failed, { start: /the same "id"/ });
    const within: Breaking = async (request, next) => {
      const { origin } = new URL(request.url);
      const moved = changing('POST', /^\/integrations$/, (body) => {
        body['connectUrl'] = String(body['connectUrl']).replace(/^http:..[^/]+/, origin);
      });
      return moved(request, next);
    };
    mustSay((await examine({ breaking: within })).failed, { start: /same origin as the till/ });
  });

  it('of an id that is read loosely: its last bits, its case, its middle, a part of it', async () => {
    // Each maps what is asked for to what the proxy takes for the same id.
    const readings: ((id: string) => string)[] = [
      (id) => Buffer.from(id, 'base64url').toString('base64url'),
      (id) => id.toLowerCase(),
      (id) => id.slice(0, 8) + id.slice(-8),
      (id) => id.slice(8),
      (id) => id.slice(0, -1),
    ];
    for (const read of readings) {
      const known = new Map<string, string>();
      const { failed } = await examine({
        async breaking(request, next) {
          const id = pathOf(request).replace('/integrations/', '');
          const meant = is(request, 'GET', session) ? known.get(read(id)) : undefined;
          const answer = await next(meant ? await as(request, {}, `/integrations/${meant}`) : request);
          if (answer.status !== 201) return answer;
          const body = (await answer.clone().json()) as { id: string };
          known.set(read(body.id), body.id);
          return answer;
        },
      });
      mustSay(failed, { 'id-tampered': /answered 200 \(a changed id\), not 404/ });
    }
    const spaced = changing('POST', /^\/integrations$/, (body) => (body['id'] = `${String(body['id'])}/x`));
    mustSay((await examine({ breaking: spaced })).failed, { 'id-opaque': /a path does not carry/ });
  });

  it('of several at once, where the store is not known to be a made-up one', async () => {
    const problem = async (answer: Response, change: (body: Record<string, unknown>) => void) => edit(change)(answer);
    const { failed } = await examine({
      async breaking(request, next) {
        const copy = request.clone();
        const nobody = !request.headers.has('Cookie');
        if (request.headers.get('Sec-Fetch-Site') === 'none') return next(await as(request, trusted));
        // A session is looked for before anybody asks who is there.
        if (nobody && is(request, 'GET', session)) return next(await as(request, own));
        const body = request.method === 'POST' ? await copy.text() : '';
        if (/"orderId":7\b/.test(body)) return json(200, { sent: true });
        const answer = await next(request);
        if (is(request, 'GET', /^\/connection$/) && answer.ok) {
          answer.headers.set('Cache-Control', 'no-store, public');
          return edit((said) => (said['connected'] = 'no'))(answer);
        }
        if (answer.status === 405) answer.headers.append('Allow', request.method);
        if (answer.status === 401) return problem(answer, (said) => (said['status'] = 200));
        if (answer.status === 400 && /12135550176/.test(body))
          return problem(answer, (said) => (said['detail'] = `This cannot be read: ${body}`));
        return answer;
      },
    });
    mustSay(failed, {
      'connection-shape': /"connected" is not true or false/,
      unauthorized: /GET \/integrations\/x answered 404 unknown_integration, not 401/,
      'csrf-fetch-site': /Sec-Fetch-Site: none/,
      methods: /without the header Allow/,
      'ereceipt-bad-request': /answered 200 \(body .*"orderId":7/,
      'no-store': /with Cache-Control: no-store, public/,
      'problem-json': /401 unauthorized with another "status" in the body/,
      'no-secrets': /quotes the phone number/,
    });
  });

  for (const [rule, change, words] of [
    ['a code of its own', (said) => (said['code'] = 'no_such_thing'), /with a "code" outside the list/],
    ['no title', (said) => (said['title'] = ''), /without "type" or "title"/],
    ['no type', (said) => delete said['type'], /without "type" or "title"/],
  ] as [string, (said: Record<string, unknown>) => void, RegExp][])
    it(`of refusals with ${rule}`, async () => {
      const refuse: Breaking = async (request, next) => {
        const answer = await next(request);
        return answer.status === 404 ? edit(change)(answer) : answer;
      };
      mustSay((await examine({ breaking: refuse })).failed, { 'problem-json': words });
    });

  it('of a proxy that is asked without the session of a till, or needs none', async () => {
    const locked = await examine({ nobody: true });
    assert.deepEqual(Object.keys(locked.failed), ['reachable']);
    mustSay(locked.failed, { reachable: /answered 401: give the headers of a till that is signed in/ });
    const open = await examine({ nobody: true, options: { authorize: () => ({ storeId: 'store-1' }) } });
    assert.deepEqual(open.failed, {});
    assert.match(open.skipped.unauthorized ?? '', /No headers of a signed-in till/);
  });

  it('of a proxy whose token store does not answer: that alone, and what to look at', async () => {
    const down = async () => {
      throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    };
    const store = memoryTokenStore();
    const withStore = async (tokenStore: TokenStore) => {
      const sandbox = await openSandbox();
      const proxy = await serveProxy(sandbox, undefined, { tokenStore });
      const { checks } = await checkProxy(proxy.url, { headers: own, timeoutMs: 10_000 });
      await Promise.all([proxy.close(), sandbox.close()]);
      return checks.filter(({ status }) => status === 'fail');
    };
    const gone = await withStore({ ...store, get: down, put: down, delete: down, list: down });
    assert.deepEqual(
      gone.map(({ id }) => id),
      ['reachable'],
    );
    // As a standby or a full disk, which can be read.
    const readOnly = await withStore({ ...store, put: down, delete: down });
    assert.equal(readOnly[0]?.id, 'start');
    for (const { actual, help } of [...gone, ...readOnly]) {
      assert.match(actual, /answered 503 store_unavailable/);
      assert.match(help, /^Look at the database or folder behind the proxy first/);
    }
  });

  it('and nothing of a proxy that says whether its connect page may be framed', async () => {
    for (const embeddable of [true, false]) {
      const says: Breaking = async (request, next) => {
        const answer = await next(request);
        const told = /"connectUrl"/.test(await answer.clone().text());
        return told ? edit((body) => (body['embeddable'] = embeddable))(answer) : answer;
      };
      assert.deepEqual((await examine({ breaking: says })).failed, {});
    }
  });

  it('of several at once, in the story of a store', async () => {
    const ended = onceToldOf('finished', (body) => (body['status'] = 'cancelled'));
    const { failed } = await examine({
      story: true,
      options: {
        async sendEreceipt({ api, orderId, phoneNumber }) {
          for (const _ of [1, 2]) await api.createOrder({ orderId, ereceipt: { phoneNumber } });
        },
      },
      async breaking(request, next) {
        if (is(request, 'DELETE', /^\/connection$/)) {
          const { href, headers } = { href: request.url, headers: { Cookie: request.headers.get('Cookie') ?? '' } };
          const stands = await next(new Request(href, { headers }));
          const answer = await next(request);
          if (answer.status !== 204 || /"connected":true/.test(await stands.text())) return answer;
          return json(404, { type: 'x', title: 'x', status: 404, code: 'not_found' }, 'application/problem+json');
        }
        if (is(request, 'GET', /^\/connection$/))
          return edit((body) => (body['ereceipt'] = false))(await next(request));
        const answer = await (is(request, 'GET', session) ? ended(request, next) : next(request));
        if (!is(request, 'GET', session) || !answer.ok) return answer;
        return edit((body) => {
          if (body['status'] === 'cancelled')
            body['connection'] = { connected: false, ereceipt: false, expiration: null };
          if (body['status'] === 'finished') Object.assign(body['connection'] ?? {}, { expiration: 'soon' });
        })(answer);
      },
    });
    mustSay(failed, {
      cancelled: /A cancelled session came with a "connection"/,
      'ereceipt-disabled': /DELETE \/connection answered 404 not_found, not 204/,
      finished: /"connection.expiration" is no time/,
      'finished-stays': /"status" went back from "finished"/,
      'connection-after': /"ereceipt" is false though the merchant chose it/,
      'stores-apart': /answered 404 not_found \(the other store\), not 204/,
      'ereceipt-sent': /One send made 2 text messages/,
      'tokens-at-once': /the session did not finish/,
      forgotten: /answered 404 not_found \(nothing left to forget\), not 204/,
    });
  });

  it('of several more, in the story of a store whose Rulrr fails', async () => {
    const sent = new Set<string | null>();
    const doubted = new Set<string | null>();
    const refusal = (status: number, code: string) =>
      json(status, { type: 'x', title: 'x', status, code }, 'application/problem+json');
    const { failed } = await examine({
      story: true,
      options: {
        sendEreceipt: ({ api, orderId, phoneNumber, idempotencyKey }) =>
          api.createOrder({ orderId, ereceipt: { phoneNumber } }).catch((error: RulrrApiError) => {
            if (error.code !== 'connection_lost') throw error;
            doubted.add(idempotencyKey);
          }),
      },
      async breaking(request, next) {
        const key = request.headers.get('Idempotency-Key');
        const again = key !== null && sent.has(key) && request.headers.get('Cookie') === own.Cookie;
        const answer = await next(request);
        const text = await answer.clone().text();
        if (again && answer.status === 200) return refusal(409, 'in_progress');
        if (answer.status === 200 && !doubted.has(key)) sent.add(key);
        if (/"in_progress"/.test(text)) return refusal(502, 'send_failed');
        if (/"send_failed"/.test(text)) return refusal(500, 'internal');
        if (answer.status === 502 && is(request, 'GET', session)) return refusal(500, 'internal');
        if (is(request, 'GET', /^\/connection$/) && answer.ok)
          return request.headers.get('Cookie') === other.Cookie
            ? json(200, { connected: true, ereceipt: false, expiration: null })
            : edit((body) => (body['expiration'] ??= '2030-01-01T00:00:00Z'))(answer);
        if (!/"finished"/.test(text) || !answer.ok) return answer;
        return edit((body) => Object.assign(body['connection'] ?? {}, { ereceipt: true, storeName: 'Corner Bakery' }))(
          answer,
        );
      },
    });
    mustSay(failed, {
      'upstream-trouble': /answered 500 internal while Rulrr's status call answered 500/,
      'ereceipt-disabled': /"ereceipt" is not what the merchant chose \(off\)/,
      finished: /a field that the contract does not know: "storeName"/,
      'stores-apart': /A store that never connected is told that it is connected/,
      'ereceipt-once': /answered 409 in_progress \(the same key again\), not 200/,
      'ereceipt-at-once': /answered 502 send_failed \(four sends at once with one key\), not 409/,
      'ereceipt-refused': /answered 500 internal \(Rulrr refused the order with 400\), not 502 send_failed/,
      'ereceipt-unconfirmed': /\(the connection to Rulrr broke\), and nothing was sent/,
      forgotten: /"expiration" is not null after DELETE/,
    });
  });
});
