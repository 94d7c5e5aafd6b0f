import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { checkIds, checkProxy, type CheckId } from '../../src/conformance/index.js';
import type { RulrrProxyOptions } from '../../src/proxy/index.js';
import type { ServedSandbox } from '../../src/sandbox/index.js';
import { client, openSandbox, other, own, serveProxy, type Breaking } from './support/served.js';

interface Broken {
  rule: string;
  /** Must fail. */
  fails: CheckId;
  /** May fail too: the same defect seen from elsewhere. */
  also?: readonly CheckId[];
  breaking?: Breaking;
  options?: (sandbox: ServedSandbox) => Partial<RulrrProxyOptions>;
}

const pathOf = (request: Request) => new URL(request.url).pathname.replace(/^\/rulrr/, '');
const json = (status: number, body: unknown, type = 'application/json') =>
  new Response(JSON.stringify(body), { status, headers: { 'Content-Type': type, 'Cache-Control': 'no-store' } });
const rebuilt = async (answer: Response, change: (text: string, headers: Headers) => string) => {
  const headers = new Headers(answer.headers);
  const text = change(await answer.text(), headers);
  return new Response(answer.status === 204 ? null : text, { status: answer.status, headers });
};
const edit = (change: (body: Record<string, unknown>) => void) => async (answer: Response) =>
  rebuilt(answer, (text) => {
    const body = JSON.parse(text) as Record<string, unknown>;
    change(body);
    return JSON.stringify(body);
  });
/** The request as it would look had it come with these headers. */
const as = async (request: Request, headers: Record<string, string>, path?: string) => {
  const merged = new Headers(request.headers);
  for (const [name, value] of Object.entries(headers)) merged.set(name, value);
  const body = request.method === 'GET' || request.method === 'DELETE' ? undefined : await request.arrayBuffer();
  return new Request(path ? new URL('/rulrr' + path, request.url) : request.url, {
    method: request.method,
    headers: merged,
    body,
  });
};
const trusted = { 'Rulrr-Embed': '1', 'Sec-Fetch-Site': 'same-origin' };
/** What follows where a till without a session, or of another store, forgot the tokens on the way. */
const unsent = ['ereceipt-sent', 'ereceipt-once', 'ereceipt-at-once', 'ereceipt-key-reuse'] as const;
const is = (request: Request, method: string, path: RegExp) => request.method === method && path.test(pathOf(request));
const session = /^\/integrations\/./;

/** Changes the body of one call's good answers. */
const changing = (method: string, path: RegExp, change: (body: Record<string, unknown>) => void): Breaking => {
  const editor = edit(change);
  return async (request, next) => {
    const answer = await next(request);
    return is(request, method, path) && answer.ok ? editor(answer) : answer;
  };
};
/** Gives one refusal another face. */
const insteadOf = (code: string, replace: (request: Request) => Response | Promise<Response>): Breaking => {
  return async (request, next) => {
    const copy = request.clone();
    const answer = await next(request);
    const body = answer.status < 400 ? null : ((await answer.clone().json()) as { code: string });
    return body?.code === code ? replace(copy) : answer;
  };
};

const brokenProxies: Broken[] = [
  { rule: 'answers redirects', fails: 'reachable', breaking: () => Response.redirect('http://127.0.0.1:9/', 302) },
  {
    rule: 'leaves expiration out',
    fails: 'connection-shape',
    also: ['finished', 'connection-after', 'forgotten', 'stores-apart'],
    breaking: changing('GET', /^\/connection$/, (body) => delete body['expiration']),
  },
  {
    rule: 'takes everybody for the first store',
    fails: 'unauthorized',
    also: ['not-yours', 'stores-apart', ...unsent],
    options: () => ({ authorize: () => ({ storeId: 'store-1' }) }),
  },
  {
    rule: 'needs no Rulrr-Embed',
    fails: 'csrf-header',
    breaking: async (request, next) => next(await as(request, { 'Rulrr-Embed': '1' })),
  },
  {
    rule: 'believes origins that begin like its own',
    fails: 'csrf-foreign-origin',
    breaking: async (request, next) => {
      const own = new URL(request.url).origin;
      return next(request.headers.get('Origin')?.startsWith(own) ? await as(request, { Origin: own }) : request);
    },
  },
  {
    rule: 'takes a missing Origin for its own',
    fails: 'csrf-fetch-site',
    breaking: async (request, next) =>
      next(request.headers.has('Origin') ? request : await as(request, { 'Sec-Fetch-Site': 'same-origin' })),
  },
  {
    rule: 'asks for the origin of JSON only',
    fails: 'csrf-content-type',
    breaking: async (request, next) =>
      next(request.headers.get('Content-Type') === 'text/plain' ? await as(request, trusted) : request),
  },
  {
    rule: 'lets its own page in by Sec-Fetch-Site only',
    fails: 'csrf-let-in',
    also: checkIds.filter((id) => id !== 'reachable' && id !== 'connection-shape'),
    breaking: async (request, next) => {
      const site = request.headers.get('Sec-Fetch-Site') === 'same-origin' || request.method === 'GET';
      return next(site ? request : await as(request, { Origin: 'https://stranger.example' }));
    },
  },
  {
    rule: 'echoes every origin',
    fails: 'cors-strangers',
    breaking: async (request, next) =>
      rebuilt(await next(request), (text, headers) => {
        headers.set('Access-Control-Allow-Origin', request.headers.get('Origin') ?? '*');
        return text;
      }),
  },
  {
    rule: "shows the framework's own 404 page",
    fails: 'not-found',
    also: ['exact-paths', 'problem-json', 'no-store'],
    breaking: insteadOf(
      'not_found',
      () => new Response('<h1>Not Found</h1>', { status: 404, headers: { 'Content-Type': 'text/html' } }),
    ),
  },
  {
    rule: 'folds double slashes',
    fails: 'exact-paths',
    breaking: async (request, next) => next(await as(request, {}, pathOf(request).replace(/^\/\/+/, '/'))),
  },
  {
    rule: 'has no Allow',
    fails: 'methods',
    breaking: async (request, next) => rebuilt(await next(request), (text, headers) => (headers.delete('Allow'), text)),
  },
  {
    rule: 'answers 403 to made-up ids',
    fails: 'unknown-integration',
    also: ['id-tampered'],
    breaking: insteadOf('unknown_integration', () =>
      json(403, { type: 'x', title: 'x', status: 403, code: 'not_yours' }, 'application/problem+json'),
    ),
  },
  {
    rule: 'starts with seconds',
    fails: 'start',
    breaking: changing('POST', /^\/integrations$/, (body) => (body['pollAfterMs'] = 1)),
  },
  {
    rule: 'gives the token as id',
    fails: 'id-opaque',
    also: checkIds.filter((id) => !/^(reach|csrf|cors|connection-shape|unauth)/.test(id)),
    breaking: changing('POST', /^\/integrations$/, (body) => {
      body['id'] = Buffer.from(
        `store-1:${new URL(String(body['connectUrl'])).searchParams.get('integration_token')}`,
      ).toString('base64url');
    }),
  },
  {
    rule: 'forgets connectUrl while pending',
    fails: 'pending',
    breaking: changing('GET', session, (body) => delete body['connectUrl']),
  },
  {
    rule: 'ignores what follows the id',
    fails: 'id-tampered',
    also: ['unknown-integration'],
    breaking: async (request, next) =>
      next(is(request, 'GET', session) ? await as(request, {}, pathOf(request).replace(/[=.]$/, '')) : request),
  },
  {
    rule: 'does not bind the session to its store',
    fails: 'not-yours',
    also: ['stores-apart'],
    breaking: async (request, next) =>
      next(is(request, 'GET', session) && request.headers.has('Cookie') ? await as(request, own) : request),
  },
  {
    rule: 'hears no cancel',
    fails: 'cancelled',
    also: ['upstream-trouble'],
    breaking: changing('GET', session, (body) => {
      if (body['status'] === 'cancelled') Object.assign(body, { status: 'finished', connection: {} });
    }),
  },
  {
    rule: 'answers 500 to bad bodies',
    fails: 'ereceipt-bad-request',
    also: ['csrf-let-in', 'ereceipt-key-reuse'],
    breaking: insteadOf('bad_request', () =>
      json(500, { type: 'x', title: 'x', status: 500, code: 'internal' }, 'application/problem+json'),
    ),
  },
  {
    rule: 'reads bodies of any size',
    fails: 'ereceipt-too-large',
    breaking: async (request, next) => {
      const text = request.method === 'POST' ? await request.clone().text() : '';
      return text.length < 8192
        ? next(request)
        : json(400, { type: 'x', title: 'x', status: 400, code: 'bad_request' }, 'application/problem+json');
    },
  },
  {
    rule: 'reads JSON of any content type',
    fails: 'ereceipt-content-type',
    breaking: async (request, next) =>
      next(request.headers.has('Content-Type') ? await as(request, { 'Content-Type': 'application/json' }) : request),
  },
  {
    rule: 'takes every number',
    fails: 'ereceipt-phone-number',
    breaking: insteadOf('invalid_phone_number', () => json(200, { sent: true })),
  },
  {
    rule: 'sends for stores without e-receipts',
    fails: 'ereceipt-disabled',
    breaking: insteadOf('ereceipt_disabled', () => json(200, { sent: true })),
  },
  {
    rule: "passes Rulrr's failure on without a hint to try again",
    fails: 'upstream-trouble',
    breaking: async (request, next) =>
      rebuilt(await next(request), (text, headers) => (headers.delete('Retry-After'), text)),
  },
  {
    rule: 'tells another choice than the merchant made',
    fails: 'finished',
    also: ['ereceipt-disabled'],
    breaking: changing('GET', session, (body) => {
      if (body['connection']) Object.assign(body['connection'], { ereceipt: false });
    }),
  },
  {
    rule: 'redeems again and hears 410',
    fails: 'finished-stays',
    also: ['stores-apart'],
    breaking: (() => {
      const seen = new Set<string>();
      return async (request, next) => {
        const answer = await next(request);
        const finished =
          is(request, 'GET', session) && answer.ok && (await answer.clone().text()).includes('"finished"');
        if (!finished || !seen.has(request.url)) return finished ? (seen.add(request.url), answer) : answer;
        return json(409, { type: 'x', title: 'x', status: 409, code: 'tokens_lost' }, 'application/problem+json');
      };
    })(),
  },
  {
    rule: 'says finished before it stored',
    fails: 'connection-after',
    also: ['stores-apart'],
    breaking: async (request, next) =>
      is(request, 'GET', /^\/connection$/) && request.headers.has('Cookie')
        ? json(200, { connected: false, ereceipt: false, expiration: null })
        : next(request),
  },
  {
    rule: "lets one store forget another's tokens",
    fails: 'stores-apart',
    also: unsent,
    breaking: async (request, next) =>
      next(is(request, 'DELETE', /^\/connection$/) && request.headers.has('Cookie') ? await as(request, own) : request),
  },
  {
    rule: 'answers sent without sending',
    fails: 'ereceipt-sent',
    breaking: async (request, next) => {
      const answer = await next(request);
      return is(request, 'POST', /^\/ereceipts$/) && answer.status === 200 ? json(200, { sent: 'yes' }) : answer;
    },
    also: ['ereceipt-once', 'ereceipt-key-reuse'],
  },
  {
    rule: 'does not know keys',
    fails: 'ereceipt-once',
    also: ['ereceipt-at-once', 'ereceipt-key-reuse'],
    breaking: async (request, next) => {
      const key = request.headers.get('Idempotency-Key');
      return next(key ? await as(request, { 'Idempotency-Key': crypto.randomUUID() }) : request);
    },
  },
  {
    rule: 'looks for the key, then sends, then writes it',
    fails: 'ereceipt-at-once',
    breaking: (() => {
      const known = new Set<string>();
      return async (request, next) => {
        const key = request.headers.get('Idempotency-Key') ?? '';
        if (key.length < 8 || known.has(key)) return next(request);
        const copy = request.clone();
        const [first] = await Promise.all([next(request), new Promise((resolve) => setTimeout(resolve, 100))]);
        const late = known.has(key);
        if (first.ok) known.add(key);
        return late || first.status === 409 ? next(await as(copy, { 'Idempotency-Key': crypto.randomUUID() })) : first;
      };
    })(),
  },
  {
    rule: 'lets a key be used for another order',
    fails: 'ereceipt-key-reuse',
    breaking: async (request, next) => {
      const copy = request.clone();
      const answer = await next(request);
      const valid =
        is(request, 'POST', /^\/ereceipts$/) && answer.status === 400 && /"check-[0-9a-f]{8}"/.test(await copy.text());
      return valid ? json(200, { sent: true }) : answer;
    },
  },
  {
    rule: 'keeps the tokens when told to forget',
    fails: 'forgotten',
    also: ['ereceipt-disabled', 'stores-apart'],
    breaking: async (request, next) => {
      const trustedPage =
        request.headers.get('Origin') === new URL(request.url).origin && request.headers.has('Rulrr-Embed');
      const forgets =
        is(request, 'DELETE', /^\/connection$/) && trustedPage && request.headers.get('Rulrr-Embed') === '1';
      return forgets && request.headers.has('Cookie')
        ? new Response(null, { status: 204, headers: { 'Cache-Control': 'no-store' } })
        : next(request);
    },
  },
  {
    rule: 'lets refusals be cached',
    fails: 'no-store',
    breaking: async (request, next) =>
      rebuilt(await next(request), (text, headers) => {
        if (/problem/.test(headers.get('Content-Type') ?? '')) headers.set('Cache-Control', 'private');
        return text;
      }),
  },
  {
    rule: 'refuses in plain JSON',
    fails: 'problem-json',
    breaking: async (request, next) =>
      rebuilt(await next(request), (text, headers) => {
        if (/problem/.test(headers.get('Content-Type') ?? '')) headers.set('Content-Type', 'application/json');
        return text;
      }),
  },
  {
    rule: 'hands out the access token',
    fails: 'no-secrets',
    breaking: changing('GET', session, (body) => {
      if (body['connection']) Object.assign(body['connection'], { accessToken: 'at_1' });
    }),
  },
  {
    rule: 'shows the client secret in base64 in a header',
    fails: 'no-secrets',
    breaking: async (request, next) =>
      rebuilt(await next(request), (text, headers) => {
        headers.set('X-Debug', Buffer.from(`${client.clientSecret}`).toString('base64'));
        return text;
      }),
  },
];

describe('checkProxy on proxies that break one rule each', () => {
  let sandbox: ServedSandbox;
  before(async () => void (sandbox = await openSandbox()));
  after(() => sandbox.close());

  for (const { rule, fails, also = [], breaking, options } of brokenProxies) {
    it(`${rule}: ${fails}`, async () => {
      const proxy = await serveProxy(sandbox, breaking, options?.(sandbox));
      const report = await checkProxy(proxy.url, {
        headers: own,
        otherHeaders: other,
        sandbox: sandbox.origin,
        canaries: [client.clientSecret],
        timeoutMs: 4000,
      });
      await proxy.close();
      const failed = report.checks.filter(({ status }) => status === 'fail');
      assert.ok(
        failed.some(({ id }) => id === fails),
        `${fails} did not fail; these did: ${failed.map(({ id, actual }) => `${id} (${actual})`).join(', ')}`,
      );
      const unexpected = failed.filter(({ id }) => id !== fails && !also.includes(id));
      assert.deepEqual(
        unexpected.map(({ id, actual }) => `${id}: ${actual}`),
        [],
      );
      for (const check of failed) {
        assert.ok(check.help.length > 20 && check.expected.length > 5 && check.actual.length > 5);
        assert.ok(!JSON.stringify(check).includes(client.clientSecret), 'The report itself tells the secret.');
      }
    });
  }

  it('has a broken proxy for every check', () => {
    const covered = new Set(brokenProxies.map(({ fails }) => fails));
    assert.deepEqual(
      checkIds.filter((id) => !covered.has(id)),
      [],
    );
  });
});
