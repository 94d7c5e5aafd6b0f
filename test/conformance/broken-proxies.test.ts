import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RulrrApiError } from '../../src/api/index.js';
import { checkIds, checkProxy, type CheckId } from '../../src/conformance/index.js';
import type { RulrrProxyOptions } from '../../src/proxy/index.js';
import { as, changing, edit, is, json, onceToldOf, pathOf, rebuilt, session, trusted } from './support/breaking.js';
import { client, openSandbox, other, own, serveProxy, type Breaking } from './support/served.js';

interface Broken {
  rule: string;
  /** Must fail. */
  fails: CheckId;
  /** May fail too: the same defect seen from elsewhere. */
  also?: readonly CheckId[];
  breaking?: Breaking;
  options?: () => Partial<RulrrProxyOptions>;
  /** Where the till's page stands, if elsewhere than the proxy. */
  page?: string;
}

const elsewhere = 'https://till.example';
/** A proxy that is called from another origin, and breaks the headers of its answers. */
const fromElsewhere = (change: (headers: Headers) => void): Pick<Broken, 'page' | 'options' | 'breaking'> => ({
  page: elsewhere,
  options: () => ({ allowedOrigins: [elsewhere] }),
  breaking: async (request, next) => rebuilt(await next(request), (text, headers) => (change(headers), text)),
});

/** What follows where a till without a session, or of another store, forgot the tokens on the way. */
const unsent = [
  'ereceipt-sent',
  'ereceipt-once',
  'ereceipt-at-once',
  'ereceipt-key-reuse',
  'ereceipt-refused',
  'ereceipt-unconfirmed',
] as const;
/** Reads a path as another one. */
const takenFor = (path: RegExp, other: (path: string) => string): Breaking => {
  return async (request, next) =>
    next(path.test(pathOf(request)) ? await as(request, {}, other(pathOf(request))) : request);
};
/** Changes what the proxy gets for its token calls. */
const onTokens = (change: (answer: Response) => Response | Promise<Response>): typeof fetch => {
  return async (input, init) => {
    const answer = await fetch(input, init);
    const { href } = new URL(input instanceof Request ? input.url : input);
    return /\/auth\/integration\/token\?/.test(href) ? change(answer) : answer;
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

const forgetful = onceToldOf('pending', (body) => delete body['connectUrl']);

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
    rule: 'takes the store that a query names',
    fails: 'unauthorized',
    options: () => ({
      authorize(request) {
        const till = /till=(store-\d)/.exec(request.headers.get('Cookie') ?? '')?.[1];
        const storeId = till ?? new URL(request.url).searchParams.get('storeId');
        return storeId ? { storeId } : null;
      },
    }),
  },
  {
    rule: 'takes the store that a body names',
    fails: 'unauthorized',
    breaking: async (request, next) => {
      const body = (await request
        .clone()
        .json()
        .catch(() => null)) as { storeId?: string } | null;
      return next(body?.storeId ? await as(request, { Cookie: 'till=store-1' }) : request);
    },
  },
  {
    rule: 'needs no Rulrr-Embed',
    fails: 'csrf-header',
    breaking: async (request, next) => next(await as(request, { 'Rulrr-Embed': '1' })),
  },
  ...[/^\d+$/, /^1(\.0)?$/].map((taken): Broken => ({
    rule: `takes whatever is like ${taken} for Rulrr-Embed: 1`,
    fails: 'csrf-header',
    breaking: async (request, next) =>
      next(taken.test(request.headers.get('Rulrr-Embed') ?? '') ? await as(request, { 'Rulrr-Embed': '1' }) : request),
  })),
  {
    rule: 'believes origins that begin like its own',
    fails: 'csrf-foreign-origin',
    breaking: async (request, next) => {
      const own = new URL(request.url).origin;
      return next(request.headers.get('Origin')?.startsWith(own) ? await as(request, { Origin: own }) : request);
    },
  },
  {
    rule: 'believes every page of its own host, whatever the scheme',
    fails: 'csrf-foreign-origin',
    breaking: async (request, next) => {
      const { origin, host } = new URL(request.url);
      return next(
        request.headers.get('Origin')?.endsWith(`://${host}`) ? await as(request, { Origin: origin }) : request,
      );
    },
  },
  {
    rule: 'believes every port of its own host',
    fails: 'csrf-foreign-origin',
    breaking: async (request, next) => {
      const { origin, hostname } = new URL(request.url);
      const from = request.headers.get('Origin') ?? '';
      const near = from.startsWith('http:') && URL.canParse(from) && new URL(from).hostname === hostname;
      return next(near ? await as(request, { Origin: origin }) : request);
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
    rule: 'wants Rulrr-Embed for reading',
    fails: 'csrf-let-in',
    breaking: (request, next) =>
      request.method === 'GET' && !request.headers.has('Rulrr-Embed')
        ? json(403, { type: 'x', title: 'x', status: 403, code: 'forbidden_origin' }, 'application/problem+json')
        : next(request),
  },
  {
    rule: 'has no CORS headers for the page that it allows',
    fails: 'csrf-let-in',
    also: ['pending'],
    ...fromElsewhere((headers) => headers.delete('Access-Control-Allow-Origin')),
  },
  ...(
    [
      ['for a session', 'csrf-let-in', (status) => status > 0],
      ['for a session that there is', 'pending', (status) => status === 200],
    ] as [string, CheckId, (status: number) => boolean][]
  ).map(([what, fails, where]): Broken => ({
    ...fromElsewhere(() => {}),
    rule: `has no CORS headers ${what}`,
    fails,
    also: ['pending'],
    breaking: async (request, next) => {
      const answer = await next(request);
      if (is(request, 'GET', session) && where(answer.status)) answer.headers.delete('Access-Control-Allow-Origin');
      return answer;
    },
  })),
  {
    rule: 'lets no cookie come with the page that it allows',
    fails: 'csrf-let-in',
    also: ['pending'],
    ...fromElsewhere((headers) => headers.delete('Access-Control-Allow-Credentials')),
  },
  {
    rule: 'forgets Idempotency-Key in its preflights',
    fails: 'csrf-let-in',
    ...fromElsewhere((headers) => {
      if (headers.has('Access-Control-Allow-Headers'))
        headers.set('Access-Control-Allow-Headers', 'Rulrr-Embed, Content-Type');
    }),
  },
  {
    rule: 'forgets DELETE in its preflights',
    fails: 'csrf-let-in',
    ...fromElsewhere((headers) => {
      if (headers.has('Access-Control-Allow-Methods')) headers.set('Access-Control-Allow-Methods', 'GET, POST');
    }),
  },
  {
    rule: 'wants a session for preflights, which never have one',
    fails: 'csrf-let-in',
    page: elsewhere,
    options: () => ({ allowedOrigins: [elsewhere] }),
    breaking: (request, next) =>
      request.method === 'OPTIONS' && !request.headers.has('Cookie')
        ? json(401, { type: 'x', title: 'x', status: 401, code: 'unauthorized' }, 'application/problem+json')
        : next(request),
  },
  {
    rule: 'believes Sec-Fetch-Site before the list of allowed pages',
    fails: 'csrf-let-in',
    page: elsewhere,
    options: () => ({ allowedOrigins: [elsewhere] }),
    breaking: (request, next) =>
      request.method !== 'GET' && /^(cross|same)-site$/.test(request.headers.get('Sec-Fetch-Site') ?? '')
        ? json(403, { type: 'x', title: 'x', status: 403, code: 'forbidden_origin' }, 'application/problem+json')
        : next(request),
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
  ...['null', 'stranger.example'].map((end): Broken => ({
    rule: `gives CORS headers to origins that end in ${end}`,
    fails: 'cors-strangers',
    breaking: async (request, next) =>
      rebuilt(await next(request), (text, headers) => {
        const from = request.headers.get('Origin');
        if (from?.endsWith(end)) headers.set('Access-Control-Allow-Origin', from);
        return text;
      }),
  })),
  ...(
    [
      ['a preflight for a session', ({ method }) => method === 'OPTIONS', session],
      ['the answer to what a session is', ({ method }) => method === 'GET', session],
      ['its own 404', () => true, /^\/nothing$/],
    ] as [string, (request: Request) => boolean, RegExp][]
  ).map(([what, asked, path]): Broken => ({
    rule: `lets every page read ${what}`,
    fails: 'cors-strangers',
    breaking: async (request, next) => {
      const open = asked(request) && path.test(pathOf(request));
      return rebuilt(await next(request), (text, headers) => {
        if (open) headers.set('Access-Control-Allow-Origin', '*');
        return text;
      });
    },
  })),
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
    rule: "shows the framework's own 404 page to a POST",
    fails: 'not-found',
    also: ['exact-paths', 'problem-json', 'no-store'],
    breaking: insteadOf('not_found', async (request) =>
      request.method === 'POST'
        ? new Response('<h1>Cannot POST</h1>', { status: 404, headers: { 'Content-Type': 'text/html' } })
        : json(
            404,
            { type: 'about:blank', title: 'Not found', status: 404, code: 'not_found' },
            'application/problem+json',
          ),
    ),
  },
  {
    rule: 'folds double slashes',
    fails: 'exact-paths',
    breaking: async (request, next) => next(await as(request, {}, pathOf(request).replace(/^\/\/+/, '/'))),
  },
  ...(
    [
      ['a slash behind a session', /^\/integrations\/.+\/$/, (path) => path.slice(0, -1)],
      ['a slash behind /integrations', /^\/integrations\/$/, (path) => path.slice(0, -1)],
      ['/ereceipts with a slash', /^\/ereceipts\/$/, (path) => path.slice(0, -1)],
      ['/ereceipts in any case', /^\/ereceipts$/i, (path) => path.toLowerCase()],
      ['/integrations in any case', /^\/integrations$/i, (path) => path.toLowerCase()],
    ] as [string, RegExp, (path: string) => string][]
  ).map(([what, path, other]): Broken => ({
    rule: `takes ${what}`,
    fails: 'exact-paths',
    breaking: takenFor(path, other),
  })),
  {
    rule: 'has no Allow',
    fails: 'methods',
    breaking: async (request, next) => rebuilt(await next(request), (text, headers) => (headers.delete('Allow'), text)),
  },
  {
    rule: 'names a method in Allow that the path does not take, and none that it takes',
    fails: 'methods',
    breaking: async (request, next) =>
      rebuilt(await next(request), (text, headers) => {
        if (headers.has('Allow')) headers.set('Allow', 'PUT');
        return text;
      }),
  },
  ...(
    [
      ['a started session', 'start', 'POST', /^\/integrations$/],
      ['a session', 'pending', 'GET', session],
      ['a sent receipt', 'ereceipt-sent', 'POST', /^\/ereceipts$/],
    ] as const
  ).map(([what, fails, method, path]): Broken => ({
    rule: `calls the answer for ${what} text/html`,
    fails,
    also: checkIds.filter((id) => !/^(reach|csrf|cors|connection-shape|unauth)/.test(id)),
    breaking: async (request, next) => {
      const answer = await next(request);
      if (!is(request, method, path) || !answer.ok) return answer;
      return rebuilt(answer, (text, headers) => (headers.set('Content-Type', 'text/html'), text));
    },
  })),
  {
    rule: 'gives a time without a zone',
    fails: 'start',
    breaking: changing('POST', /^\/integrations$/, (body) => (body['expiresAt'] = '2130-11-24T10:00:00')),
  },
  {
    rule: 'gives a time in words',
    fails: 'pending',
    also: ['finished', 'cancelled'],
    breaking: changing(
      'GET',
      session,
      (body) => (body['expiresAt'] = new Date(String(body['expiresAt'])).toUTCString()),
    ),
  },
  {
    rule: 'waits for parts of a millisecond',
    fails: 'pending',
    also: ['finished', 'cancelled'],
    breaking: changing('GET', session, (body) => (body['pollAfterMs'] = 1000.5)),
  },
  ...['pollAfterMs', 'expiresAt'].map((name): Broken => ({
    rule: `leaves ${name} out when the merchant has given up`,
    fails: 'cancelled',
    breaking: changing('GET', session, (body) => {
      if (body['status'] === 'cancelled') delete body[name];
    }),
  })),
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
    rule: 'tells connectUrl once while pending',
    fails: 'pending',
    breaking: (request, next) => (is(request, 'GET', session) ? forgetful(request, next) : next(request)),
  },
  {
    rule: 'ignores what follows the id',
    fails: 'id-tampered',
    also: ['unknown-integration'],
    breaking: async (request, next) =>
      next(is(request, 'GET', session) ? await as(request, {}, pathOf(request).replace(/[=.]$/, '')) : request),
  },
  {
    rule: 'decodes the id before it looks at it',
    fails: 'id-tampered',
    breaking: takenFor(/^\/integrations\/.*%/, decodeURIComponent),
  },
  {
    rule: 'does not bind the session to its store',
    fails: 'not-yours',
    also: ['stores-apart'],
    breaking: async (request, next) =>
      next(is(request, 'GET', session) && request.headers.has('Cookie') ? await as(request, own) : request),
  },
  {
    rule: 'gives the connect page away when the merchant has finished',
    fails: 'finished',
    breaking: changing('GET', session, (body) => {
      if (body['status'] === 'finished')
        body['connectUrl'] = 'https://connect.rulrr.com/?integration_token=it&client_id=pos';
    }),
  },
  {
    rule: 'gives the connect page away when the merchant has given up',
    fails: 'cancelled',
    breaking: changing('GET', session, (body) => {
      if (body['status'] === 'cancelled')
        body['connectUrl'] = 'https://connect.rulrr.com/?integration_token=it&client_id=pos';
    }),
  },
  {
    rule: 'hears no cancel',
    fails: 'cancelled',
    breaking: changing('GET', session, (body) => {
      if (body['status'] === 'cancelled') Object.assign(body, { status: 'finished', connection: {} });
    }),
  },
  {
    rule: 'asks anew whether the merchant has given up, and knows no more that it was told so',
    fails: 'cancelled',
    breaking: onceToldOf('cancelled', (body) => (body['status'] = 'pending')),
  },
  {
    rule: 'lets the second start of a store end its first session',
    fails: 'start',
    also: ['pending', 'finished-stays'],
    breaking: (() => {
      let latest = '';
      return async (request, next) => {
        const answer = await next(request);
        if (is(request, 'POST', /^\/integrations$/) && answer.ok)
          latest = ((await answer.clone().json()) as { id: string }).id;
        return is(request, 'GET', session) && answer.ok && !request.url.endsWith(latest)
          ? json(410, { type: 'x', title: 'x', status: 410, code: 'expired' }, 'application/problem+json')
          : answer;
      };
    })(),
  },
  {
    rule: 'says as a text whether its connect page may be framed',
    fails: 'start',
    breaking: changing('POST', /^\/integrations$/, (body) => (body['embeddable'] = 'false')),
  },
  {
    rule: 'knows no more what a finished session came to, once it was told',
    fails: 'finished-stays',
    breaking: onceToldOf('finished', (body) => delete body['connection']),
  },
  {
    rule: 'keeps the last session of each store alone',
    fails: 'finished-stays',
    breaking: (() => {
      const seenFinished = new Set<string>();
      let last = '';
      return async (request, next) => {
        const answer = await next(request);
        const told = is(request, 'GET', session) && (await answer.clone().text()).includes('"finished"');
        if (!told || request.url === last) return answer;
        const isNew = !seenFinished.has(request.url);
        seenFinished.add(request.url);
        if (isNew) last = request.url;
        return isNew
          ? answer
          : json(410, { type: 'x', title: 'x', status: 410, code: 'expired' }, 'application/problem+json');
      };
    })(),
  },
  {
    rule: 'lets tills ask on about a session whose tokens were forgotten',
    fails: 'forgotten',
    breaking: insteadOf('expired', () =>
      json(502, { type: 'x', title: 'x', status: 502, code: 'upstream_error' }, 'application/problem+json'),
    ),
  },
  {
    rule: 'answers 500 to bad bodies',
    fails: 'ereceipt-bad-request',
    also: ['csrf-let-in', 'ereceipt-key-reuse'],
    breaking: insteadOf('bad_request', () =>
      json(500, { type: 'x', title: 'x', status: 500, code: 'internal' }, 'application/problem+json'),
    ),
  },
  ...[
    ['reads keys of any length', 201, 300],
    ['reads keys with spaces', 7, 7],
  ].map(([rule, from, to]): Broken => ({
    rule: String(rule),
    fails: 'ereceipt-bad-request',
    breaking: async (request, next) => {
      const { length } = request.headers.get('Idempotency-Key') ?? '';
      const taken = length >= Number(from) && length <= Number(to);
      return next(taken ? await as(request, { 'Idempotency-Key': 'short-enough' }) : request);
    },
  })),
  {
    rule: 'reads keys beyond ASCII',
    fails: 'ereceipt-bad-request',
    breaking: async (request, next) => {
      const beyond = /[^\x20-\x7e]/.test(request.headers.get('Idempotency-Key') ?? '');
      return next(beyond ? await as(request, { 'Idempotency-Key': 'plain' }) : request);
    },
  },
  {
    rule: 'sends for an order of blanks',
    fails: 'ereceipt-bad-request',
    breaking: async (request, next) => {
      const text = request.method === 'POST' ? await request.clone().text() : '';
      return /"orderId":" +"/.test(text) ? json(200, { sent: true }) : next(request);
    },
  },
  ...(
    [
      [
        'refuses order ids of 200 characters',
        'ereceipt-bad-request',
        400,
        'bad_request',
        (_, body) => /"o{200}"/.test(body),
      ],
      [
        'refuses keys of 200 characters',
        'ereceipt-bad-request',
        400,
        'bad_request',
        ({ headers }) => headers.get('Idempotency-Key')?.length === 200,
      ],
      ['refuses a body of 8192 bytes', 'ereceipt-too-large', 413, 'body_too_large', (_, body) => body.length === 8192],
      [
        'refuses JSON that names its charset',
        'ereceipt-content-type',
        415,
        'unsupported_media_type',
        ({ headers }) => /charset/i.test(headers.get('Content-Type') ?? ''),
      ],
    ] as [string, CheckId, number, string, (request: Request, body: string) => boolean][]
  ).map(([rule, fails, status, code, refused]): Broken => ({
    rule,
    fails,
    breaking: async (request, next) => {
      const body = request.method === 'POST' ? await request.clone().text() : '';
      if (!refused(request, body)) return next(request);
      return json(status, { type: 'x', title: 'x', status, code }, 'application/problem+json');
    },
  })),
  {
    rule: 'reads bodies up to 32 KiB and a little more',
    fails: 'ereceipt-too-large',
    breaking: async (request, next) => {
      const text = request.method === 'POST' ? await request.clone().text() : '';
      return text.length > 8192 && text.length < 40_000
        ? json(422, { type: 'x', title: 'x', status: 422, code: 'invalid_phone_number' }, 'application/problem+json')
        : next(request);
    },
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
    rule: 'counts characters rather than bytes',
    fails: 'ereceipt-too-large',
    breaking: async (request, next) => {
      const text = request.method === 'POST' ? await request.clone().text() : '';
      return text.length <= 8192 && Buffer.byteLength(text) > 8192
        ? json(422, { type: 'x', title: 'x', status: 422, code: 'invalid_phone_number' }, 'application/problem+json')
        : next(request);
    },
  },
  {
    rule: 'reads whatever begins as JSON does',
    fails: 'ereceipt-content-type',
    breaking: async (request, next) =>
      next(
        request.headers.get('Content-Type')?.startsWith('application/json')
          ? await as(request, { 'Content-Type': 'application/json' })
          : request,
      ),
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
    also: ['ereceipt-bad-request', 'ereceipt-too-large', 'ereceipt-content-type'],
    breaking: insteadOf('invalid_phone_number', () => json(200, { sent: true })),
  },
  ...[
    ['lets a line end pass behind a number', /\\n"/],
    ["takes Unicode's digits", /\u0666/],
    ['takes numbers of five digits', /"\+12345"/],
  ].map(([rule, taken]): Broken => ({
    rule: String(rule),
    fails: 'ereceipt-phone-number',
    breaking: async (request, next) => {
      const text = request.method === 'POST' ? await request.clone().text() : '';
      return (taken as RegExp).test(text) ? json(200, { sent: true }) : next(request);
    },
  })),
  {
    rule: 'has the keypad ask for numbers at each store that is connected',
    fails: 'ereceipt-disabled',
    breaking: changing('GET', /^\/connection$/, (body) => (body['ereceipt'] = body['connected'])),
  },
  {
    rule: 'keeps what it told of a store for a while',
    fails: 'ereceipt-disabled',
    also: ['connection-after', 'stores-apart', 'forgotten'],
    breaking: (() => {
      const kept = new Map<string | null, { text: string; until: number }>();
      return async (request, next) => {
        if (!is(request, 'GET', /^\/connection$/) || !request.headers.has('Cookie')) return next(request);
        const till = request.headers.get('Cookie');
        const found = kept.get(till);
        if (found && Date.now() < found.until) return json(200, JSON.parse(found.text));
        const answer = await next(request);
        kept.set(till, { text: await answer.clone().text(), until: Date.now() + 60_000 });
        return answer;
      };
    })(),
  },
  {
    rule: 'sends for stores without e-receipts',
    fails: 'ereceipt-disabled',
    also: ['ereceipt-once', 'forgotten'],
    breaking: insteadOf('ereceipt_disabled', () => json(200, { sent: true })),
  },
  {
    rule: "passes Rulrr's failure on without a hint to try again",
    fails: 'upstream-trouble',
    breaking: async (request, next) =>
      rebuilt(await next(request), (text, headers) => (headers.delete('Retry-After'), text)),
  },
  {
    rule: "passes Rulrr's 429 on without a hint when to try again",
    fails: 'upstream-trouble',
    breaking: async (request, next) => {
      const answer = await next(request);
      return answer.status === 429 && is(request, 'GET', session)
        ? rebuilt(answer, (text, headers) => (headers.delete('Retry-After'), text))
        : answer;
    },
  },
  {
    rule: "takes Rulrr's failure at the start for one of its own",
    fails: 'upstream-trouble',
    breaking: insteadOf('upstream_error', (request) =>
      is(request, 'POST', /^\/integrations$/)
        ? json(500, { type: 'x', title: 'x', status: 500, code: 'internal' }, 'application/problem+json')
        : json(200, { status: 'pending', pollAfterMs: 1000, expiresAt: '2099-01-01T00:00:00Z' }),
    ),
    also: ['pending', 'tokens-retried'],
  },
  {
    rule: 'ends the session at an error of the status call',
    fails: 'upstream-trouble',
    breaking: (() => {
      const ended = new Set<string>();
      return async (request, next) => {
        const answer = await next(request);
        if (is(request, 'GET', session) && answer.status === 502) ended.add(request.url);
        return ended.has(request.url)
          ? json(200, { status: 'cancelled', pollAfterMs: 1000, expiresAt: new Date().toISOString() })
          : answer;
      };
    })(),
    also: ['tokens-retried'],
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
    also: ['stores-apart', 'tokens-retried', 'tokens-at-once'],
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
    also: ['stores-apart', 'ereceipt-disabled'],
    breaking: async (request, next) =>
      is(request, 'GET', /^\/connection$/) && request.headers.has('Cookie')
        ? json(200, { connected: false, ereceipt: false, expiration: null })
        : next(request),
  },
  ...(
    [
      ['in a query', 'GET', /^\/connection$/],
      ['in the body of a start', 'POST', /^\/integrations$/],
      ['in the body of a send', 'POST', /^\/ereceipts$/],
    ] as const
  ).map(([where, method, path]): Broken => ({
    rule: `takes the store that a signed-in till names ${where}`,
    fails: 'stores-apart',
    breaking: async (request, next) => {
      const names =
        is(request, method, path) &&
        request.headers.has('Cookie') &&
        /\bstoreId\b/.test(request.url + (method === 'POST' ? await request.clone().text() : ''));
      return next(names ? await as(request, other) : request);
    },
  })),
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
    also: [
      'ereceipt-bad-request',
      'ereceipt-at-once',
      'ereceipt-key-reuse',
      'ereceipt-refused',
      'ereceipt-unconfirmed',
    ],
    breaking: async (request, next) => {
      const key = request.headers.get('Idempotency-Key');
      return next(key ? await as(request, { 'Idempotency-Key': crypto.randomUUID() }) : request);
    },
  },
  {
    rule: "takes another store's key for its own",
    fails: 'ereceipt-once',
    breaking: (() => {
      const sent = new Set<string | null>();
      return async (request, next) => {
        const key = request.headers.get('Idempotency-Key');
        const answer = await next(request);
        if (key && answer.status === 200) sent.add(key);
        return answer.status === 403 && sent.has(key) ? json(200, { sent: true }) : answer;
      };
    })(),
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
    rule: 'says sent while the first call is under way',
    fails: 'ereceipt-at-once',
    breaking: insteadOf('in_progress', () => json(200, { sent: true })),
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
    rule: 'compares orders alone',
    fails: 'ereceipt-key-reuse',
    also: ['ereceipt-once'],
    breaking: (() => {
      const known = new Map<string, string>();
      return async (request, next) => {
        const key = request.headers.get('Idempotency-Key') ?? '';
        const { orderId = '' } =
          (key &&
            (await request
              .clone()
              .json()
              .catch(() => null))) ||
          {};
        if (key && orderId && known.get(key) === orderId) return json(200, { sent: true });
        const answer = await next(request);
        if (key && answer.status === 200) known.set(key, orderId);
        return answer;
      };
    })(),
  },
  {
    rule: 'answers before it sends',
    fails: 'ereceipt-refused',
    also: ['ereceipt-at-once', 'ereceipt-unconfirmed'],
    options: () => ({
      sendEreceipt({ api, orderId, phoneNumber }) {
        api.createOrder({ orderId, ereceipt: { phoneNumber } }).catch(() => {});
        return Promise.resolve();
      },
    }),
  },
  {
    rule: 'does not look at what came of the send',
    fails: 'ereceipt-refused',
    also: ['ereceipt-unconfirmed'],
    options: () => ({
      sendEreceipt: ({ api, orderId, phoneNumber }) =>
        api.createOrder({ orderId, ereceipt: { phoneNumber } }).catch(() => {}),
    }),
  },
  {
    rule: 'looks at the status of the send alone',
    fails: 'ereceipt-refused',
    options: () => ({
      sendEreceipt: ({ api, orderId, phoneNumber }) =>
        api.createOrder({ orderId, ereceipt: { phoneNumber } }).catch((error: RulrrApiError) => {
          if (error.code !== 'refused') throw error;
        }),
    }),
  },
  ...(['server_error', 'redirect_refused'] as const).map((code): Broken => ({
    rule: `takes a send for sent that ended in ${code}`,
    fails: 'ereceipt-refused',
    options: () => ({
      sendEreceipt: ({ api, orderId, phoneNumber }) =>
        api.createOrder({ orderId, ereceipt: { phoneNumber } }).catch((error: RulrrApiError) => {
          if (error.code !== code) throw error;
        }),
    }),
  })),
  {
    rule: 'takes a failed send for sent when the key comes again',
    fails: 'ereceipt-refused',
    breaking: (() => {
      const failed = new Set<string | null>();
      return async (request, next) => {
        const key = request.headers.get('Idempotency-Key');
        if (failed.has(key)) return json(200, { sent: true });
        const answer = await next(request);
        if (answer.status === 502 && key) failed.add(key);
        return answer;
      };
    })(),
  },
  {
    rule: 'sends after a doubt when the key comes again',
    fails: 'ereceipt-refused',
    also: ['ereceipt-unconfirmed'],
    breaking: (() => {
      const doubtful = new Set<string | null>();
      return async (request, next) => {
        const key = request.headers.get('Idempotency-Key');
        const answer = await next(doubtful.has(key) ? await as(request, { 'Idempotency-Key': `${key}-2` }) : request);
        if (answer.status === 504) doubtful.add(key);
        return answer;
      };
    })(),
  },
  {
    rule: 'takes a lost answer for a failed send',
    fails: 'ereceipt-unconfirmed',
    options: () => ({
      sendEreceipt: ({ api, orderId, phoneNumber }) =>
        api.createOrder({ orderId, ereceipt: { phoneNumber } }).catch(() => {
          throw new Error('not sent');
        }),
    }),
  },
  {
    rule: 'sends again after a broken connection',
    fails: 'ereceipt-unconfirmed',
    options: () => ({
      sendEreceipt: ({ api, orderId, phoneNumber }) => {
        const send = () => api.createOrder({ orderId, ereceipt: { phoneNumber } });
        return send().catch(send);
      },
    }),
  },
  {
    rule: 'takes every failure of the token call for lost tokens',
    fails: 'tokens-retried',
    options: () => ({ fetch: onTokens((answer) => (answer.ok ? answer : json(410, {}))) }),
  },
  {
    rule: 'takes any answer to the token call for tokens',
    fails: 'tokens-retried',
    options: () => ({
      fetch: onTokens(async (answer) =>
        answer.ok ? json(200, { accessToken: 'undefined', ...((await answer.json()) as object) }) : answer,
      ),
    }),
  },
  {
    rule: 'says finished as soon as Rulrr does, and fetches the tokens afterwards',
    fails: 'tokens-retried',
    ...(() => {
      let failed = () => {};
      const tokensFailed = new Promise<void>((resolve) => (failed = resolve));
      const connection = { connected: true, ereceipt: true, expiration: '2030-01-01T00:00:00Z' };
      const early = { status: 'finished', pollAfterMs: 1000, expiresAt: '2030-01-01T00:00:00Z', connection };
      return {
        options: () => ({ fetch: onTokens((answer) => (answer.status === 500 && failed(), answer)) }),
        breaking: (request, next) =>
          is(request, 'GET', session)
            ? Promise.race([next(request), tokensFailed.then(() => json(200, early))])
            : next(request),
      } satisfies Partial<Broken>;
    })(),
    also: ['tokens-gone', 'forgotten'],
  },
  {
    rule: 'lets every poll redeem',
    fails: 'tokens-at-once',
    breaking: (() => {
      const under = new Map<string, number>();
      return async (request, next) => {
        const others = under.get(request.url) ?? 0;
        under.set(request.url, others + 1);
        const answer = await next(request);
        under.set(request.url, under.get(request.url)! - 1);
        return is(request, 'GET', session) && others
          ? json(409, { type: 'x', title: 'x', status: 409, code: 'tokens_lost' }, 'application/problem+json')
          : answer;
      };
    })(),
  },
  {
    rule: 'says finished where there are no tokens',
    fails: 'tokens-gone',
    also: ['tokens-retried'],
    options: () => ({
      fetch: onTokens((answer) =>
        answer.status === 410
          ? json(200, { accessToken: 'none', refreshToken: 'none', expiration: '2030-01-01T00:00:00Z', ereceipt: true })
          : answer,
      ),
    }),
  },
  {
    rule: 'tries again behind the back of a till that was told of a failure',
    fails: 'refused-not-done',
    options: () => {
      const queue = new Map<string, () => Promise<unknown>>();
      return {
        async sendEreceipt({ api, orderId, phoneNumber }) {
          const send = () => api.createOrder({ orderId, ereceipt: { phoneNumber } });
          try {
            return await send();
          } catch (error) {
            // What is left of the orders before has its turn with each new one.
            for (const [id, again] of queue)
              await again().then(
                () => queue.delete(id),
                () => undefined,
              );
            queue.set(orderId, send);
            throw error;
          }
        },
      };
    },
  },
  ...(
    [
      ['forgets the tokens', 'DELETE', /^\/connection$/],
      ['sends the receipt', 'POST', /^\/ereceipts$/],
    ] as const
  ).flatMap(([done, method, path]): Broken[] => [
    {
      rule: `answers a stranger's page with 403, and ${done} all the same`,
      fails: 'refused-not-done',
      breaking: async (request, next) => {
        const foreign = is(request, method, path) && request.headers.get('Origin') === 'https://stranger.example';
        const done = foreign && next(await as(request.clone(), { Origin: new URL(request.url).origin }));
        const answer = await next(request);
        await done;
        return answer;
      },
    },
    {
      rule: `answers 401 where nobody is signed in, and ${done} all the same`,
      fails: 'refused-not-done',
      breaking: async (request, next) => {
        const nobody = is(request, method, path) && !request.headers.has('Cookie');
        const done = nobody && next(await as(request.clone(), own));
        const answer = await next(request);
        await done;
        return answer;
      },
    },
  ]),
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
    rule: 'keeps sending for a store that was disconnected',
    fails: 'forgotten',
    breaking: (() => {
      const connected = new Set<string | null>();
      return async (request, next) => {
        const till = request.headers.get('Cookie');
        const answer = await next(request);
        const text = await answer.clone().text();
        if (is(request, 'GET', session) && /"ereceipt":true/.test(text)) connected.add(till);
        if (is(request, 'GET', session) && /"ereceipt":false/.test(text)) connected.delete(till);
        return connected.has(till) && /"ereceipt_disabled"/.test(text) ? json(200, { sent: true }) : answer;
      };
    })(),
  },
  {
    rule: 'connects a store again by a session from before it was disconnected',
    fails: 'forgotten',
    breaking: (() => {
      const finished = new Set<string>();
      const connection = { connected: true, ereceipt: true, expiration: '2030-01-01T00:00:00Z' };
      const again = { status: 'finished', pollAfterMs: 1000, expiresAt: '2030-01-01T00:00:00Z', connection };
      return async (request, next) => {
        const answer = await next(request);
        if (is(request, 'GET', session) && answer.ok && (await answer.clone().text()).includes('"finished"'))
          finished.add(request.url);
        return answer.status === 410 && !finished.has(request.url) ? json(200, again) : answer;
      };
    })(),
  },
  {
    rule: 'tells a session as finished whose store was disconnected',
    fails: 'forgotten',
    breaking: (() => {
      const finished = new Map<string, unknown>();
      return async (request, next) => {
        const answer = await next(request);
        if (!is(request, 'GET', session)) return answer;
        const body = (await answer.clone().json()) as { status: unknown };
        if (body.status === 'finished') finished.set(request.url, body);
        return answer.status === 410 && finished.has(request.url) ? json(200, finished.get(request.url)) : answer;
      };
    })(),
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
    rule: 'says in words when to try again',
    fails: 'problem-json',
    breaking: async (request, next) =>
      rebuilt(await next(request), (text, headers) => {
        if (headers.has('Retry-After')) headers.set('Retry-After', 'soon');
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
  ...(
    [
      ['the order', (_request: Request, body: string) => /"orderId":"([^"]+)"/.exec(body)?.[1]],
      ['the key', (request: Request) => request.headers.get('Idempotency-Key')],
      ['the session', (request: Request) => pathOf(request).replace('/integrations/', '')],
      ['the cookie', (request: Request) => request.headers.get('Cookie')],
    ] as const
  ).map(([what, quoted]): Broken => ({
    rule: `quotes ${what} in its refusals`,
    fails: 'problem-json',
    breaking: async (request, next) => {
      const sent = await request.clone().text();
      const answer = await next(request);
      if (answer.status < 400) return answer;
      return edit((problem) => (problem['detail'] = `Refused: ${quoted(request, sent) ?? ''}`))(answer);
    },
  })),
  {
    rule: 'hands out the access token',
    fails: 'no-secrets',
    also: ['finished'],
    breaking: changing('GET', session, (body) => {
      if (body['connection']) Object.assign(body['connection'], { accessToken: 'at_1' });
    }),
  },
  {
    rule: 'tells more of a connection than the contract names',
    fails: 'connection-shape',
    also: ['finished', 'connection-after', 'forgotten', 'stores-apart'],
    breaking: changing('GET', /^\/connection$/, (body) => (body['storeName'] = 'Corner Bakery')),
  },
  {
    rule: 'shows a token under a name of its own',
    fails: 'no-secrets',
    breaking: changing('GET', session, (body) => (body['ticket'] = `at_${'0123456789abcdef'.repeat(3)}`)),
  },
  {
    rule: 'quotes the call of a session that broke off',
    fails: 'no-secrets',
    ...(() => {
      let broken = '';
      return {
        options: () => ({
          fetch: (input, init) =>
            fetch(input, init).catch((error: unknown) => {
              broken = input instanceof Request ? input.url : String(input);
              throw error;
            }),
        }),
        breaking: async (request, next) => {
          broken = '';
          const answer = await next(request);
          if (!broken || pathOf(request) === '/ereceipts') return answer;
          return edit((body) => (body['detail'] = `Cannot read ${broken}.`))(answer);
        },
      } satisfies Partial<Broken>;
    })(),
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

describe('checkProxy on proxies that break one rule each', { concurrency: 4 }, () => {
  for (const { rule, fails, also = [], breaking, options, page } of brokenProxies) {
    it(`${rule}: ${fails}`, async () => {
      // One for each: checks set faults.
      const sandbox = await openSandbox();
      const proxy = await serveProxy(sandbox, breaking, options?.());
      const report = await checkProxy(proxy.url, {
        headers: own,
        otherHeaders: other,
        sandbox: sandbox.origin,
        origin: page,
        canaries: [client.clientSecret],
        // On a busy machine an answer may take seconds.
        timeoutMs: 10_000,
      });
      await Promise.all([proxy.close(), sandbox.close()]);
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
