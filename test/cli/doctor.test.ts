// What the doctor makes of pages and proxies that are not well.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { examine, policyFor } from '../../src/cli/doctor.js';
import { createRulrrProxy, memoryTokenStore, type RulrrProxyOptions } from '../../src/proxy/index.js';
import { toNodeHandler } from '../../src/proxy/node.js';
import { freePort, listen } from '../support/listen.mjs';

/** What stands there: a page with its policy, a proxy with its answer. */
interface Case {
  title: string;
  page?: { status?: number; policy?: string; embedder?: string };
  /** Headers of the connect page. */
  connect?: Record<string, string>;
  proxy?: { status: number; type: string; body: string };
  says: RegExp | null;
}

const connection = JSON.stringify({ connected: false, ereceipt: false, expiration: null });
const problem = (status: number) => ({ status, type: 'application/problem+json', body: JSON.stringify({ status }) });
const json = (body: string) => ({ status: 200, type: 'application/json', body });

const cases: Case[] = [
  { title: 'a proxy with a connection', proxy: json(connection), says: null },
  { title: 'a proxy that wants a signed-in till', proxy: problem(401), says: null },
  { title: 'a proxy that knows no such path', proxy: problem(404), says: /answers 404: look at basePath/ },
  { title: 'a proxy with a defect', proxy: problem(500), says: /answers 500/ },
  {
    title: 'a proxy whose token store does not answer',
    proxy: { ...problem(503), body: JSON.stringify({ status: 503, code: 'store_unavailable' }) },
    says: /answers 503: its token store does not answer/,
  },
  { title: 'a proxy that refuses', proxy: problem(403), says: /answers 403/ },
  { title: 'another API', proxy: json('{"hello":"world"}'), says: /not with \{connected/ },
  { title: 'JSON that is none', proxy: json('{'), says: /not with \{connected/ },
  { title: 'a page', page: {}, says: null },
  { title: 'a page that is not there', page: { status: 404 }, says: /answers 404/ },
  { title: 'a page with a defect', page: { status: 500 }, says: /answers 500/ },
  { title: 'no scripts', page: { policy: "script-src 'none'; default-src 'self' http:" }, says: /no script/ },
  { title: 'no script elements', page: { policy: "script-src-elem 'none'; default-src http:" }, says: /no script/ },
  {
    title: 'nothing by default',
    page: { policy: "default-src 'none'; connect-src *; frame-src *" },
    says: /no script/,
  },
  { title: 'a second policy without scripts', page: { policy: "script-src 'self', script-src" }, says: /no script/ },
  {
    title: 'Trusted Types of others alone',
    page: { policy: "require-trusted-types-for 'script'; trusted-types app" },
    says: /trusted-types lacks lit-html/,
  },
  { title: 'no Trusted Types at all', page: { policy: "trusted-types 'none'" }, says: /trusted-types lacks lit-html/ },
  {
    title: "Trusted Types, Lit's among them",
    page: { policy: "trusted-types app lit-html 'allow-duplicates'" },
    says: null,
  },
  { title: 'Trusted Types of any name', page: { policy: 'trusted-types *' }, says: null },
  // As browsers have it: a path names what is below it only if it ends in a slash.
  {
    title: 'a frame by its path, without the slash at its end',
    page: { policy: 'frame-src http://localhost:*/connect' },
    says: /frame-src lacks http:\/\/localhost:\d+\/connect\/: /,
  },
  { title: 'a frame by its path', page: { policy: 'frame-src http://localhost:*/connect/' }, says: null },
  { title: 'a frame by a path above its own', page: { policy: 'frame-src localhost:*/' }, says: null },
  { title: 'a frame of any path', page: { policy: 'frame-src http:' }, says: null },
  {
    title: 'a proxy by its path, without the slash at its end',
    page: { policy: 'connect-src http://127.0.0.1:*/rulrr' },
    proxy: json(connection),
    says: /connect-src lacks http:\/\/127\.0\.0\.1:\d+\/rulrr\/: /,
  },
  {
    title: 'a proxy by its path',
    page: { policy: 'connect-src http://127.0.0.1:*/rulrr/' },
    proxy: json(connection),
    says: null,
  },
  {
    title: 'a proxy by a path, and nobody says by which',
    page: { policy: 'connect-src http://127.0.0.1:*/rulrr/' },
    says: null,
  },
  { title: 'scripts by their hash', page: { policy: "script-src 'sha256-AA='" }, says: null },
  { title: 'a sandboxed page', page: { policy: 'sandbox allow-forms' }, says: /allow-scripts and allow-same-origin/ },
  {
    title: 'a sandboxed page of no origin',
    page: { policy: 'sandbox allow-scripts' },
    says: /lacks allow-same-origin:/,
  },
  { title: 'a sandbox that lets them be', page: { policy: 'sandbox Allow-Scripts allow-same-origin' }, says: null },
  // As browsers have it: both headers of the connect page, or its frame stays blank and no event says so.
  { title: 'an isolated page', page: { embedder: 'require-corp' }, says: /Cross-Origin-Embedder-Policy.*stays blank/ },
  {
    title: 'an isolated page without credentials',
    page: { embedder: 'credentialless; report-to="x"' },
    connect: { 'Cross-Origin-Embedder-Policy': 'require-corp' },
    says: /stays blank/,
  },
  {
    title: 'an isolated page whose connect page is a resource for all',
    page: { embedder: 'require-corp' },
    connect: { 'Cross-Origin-Resource-Policy': 'cross-origin' },
    says: /stays blank/,
  },
  {
    title: 'an isolated page whose connect page goes along',
    page: { embedder: 'require-corp' },
    connect: { 'Cross-Origin-Embedder-Policy': 'credentialless', 'Cross-Origin-Resource-Policy': 'cross-origin' },
    says: null,
  },
  { title: 'a page that says it is not isolated', page: { embedder: 'unsafe-none' }, says: null },
];

describe('rulrr-embed doctor', () => {
  let server: Awaited<ReturnType<typeof listen>>;
  let now: Case;
  before(async () => {
    server = await listen((request, response) => {
      const { page, proxy, connect } = now;
      if (request.url === '/till') {
        if (page?.policy !== undefined) response.setHeader('Content-Security-Policy', page.policy);
        if (page?.embedder !== undefined) response.setHeader('Cross-Origin-Embedder-Policy', page.embedder);
        response.writeHead(page?.status ?? 200, { 'Content-Type': 'text/html' }).end('<p>till');
      } else if (request.url === '/rulrr/connection' && proxy) {
        response.writeHead(proxy.status, { 'Content-Type': proxy.type, 'Cache-Control': 'no-store' }).end(proxy.body);
      } else response.writeHead(200, connect).end();
    });
  });
  after(() => server.close());

  const look = async (given: Case) => {
    now = given;
    const findings = await examine({
      connectBaseUrl: `${server.origin.replace('127.0.0.1', 'localhost')}/connect/`,
      page: given.page && `${server.origin}/till`,
      proxy: given.proxy && `${server.origin}/rulrr`,
    });
    return findings.filter(({ status }) => status === 'problem').map(({ about, text }) => `${about}: ${text}`);
  };

  for (const given of cases) {
    it(`${given.title}: ${given.says ? 'a problem' : 'no problem'}`, async () => {
      const problems = await look(given);
      assert.equal(problems.length, given.says ? 1 : 0, problems.join('\n'));
      if (given.says) assert.match(problems[0]!, given.says);
    });
  }

  it('tells of the connect page what its answer is worth: a refusal always, silence only where it is the page', async () => {
    const answers: [status: number, policy: string, judged: string, words: RegExp][] = [
      [200, '', 'ok', /may be framed by/],
      [200, "frame-ancestors 'none'", 'problem', /refuses to be framed by https:..pos\.example/],
      [403, "frame-ancestors 'self'", 'problem', /refuses to be framed/],
      [403, 'frame-ancestors *', 'ok', /may be framed/],
      [403, '', 'unknown', /answers 403 without a session/],
      [503, '', 'unknown', /answers 503: it is out of order/],
    ];
    let answer = answers[0]!;
    const connect = await listen((_, response) => {
      if (answer[1]) response.setHeader('Content-Security-Policy', answer[1]);
      response.writeHead(answer[0]).end();
    });
    for (answer of answers) {
      const findings = await examine({ connectBaseUrl: `${connect.origin}/connect/` });
      const [found] = findings.filter(({ about }) => about === 'Connect page');
      assert.equal(found!.status, answer[2], answer.join(' '));
      assert.match(found!.text, answer[3]);
    }
    await connect.close();
  });

  it('tells whether a proxy on another origin lets the page in, and names it in the policy', async () => {
    now = { title: '', page: {}, says: null };
    const page = `${server.origin}/till`;
    let allowed: string | undefined;
    const proxy = await listen((_, response) => {
      if (allowed) response.setHeader('Access-Control-Allow-Origin', allowed);
      response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }).end(connection);
    });
    for (const [given, judged] of [
      [undefined, 'problem'],
      ['https://other.example', 'problem'],
      [server.origin, 'ok'],
    ] as const) {
      allowed = given;
      const findings = await examine({ connectBaseUrl: `${server.origin}/connect/`, page, proxy: proxy.origin });
      const origin = findings.filter(({ text }) => /lets .* in\.|does not let .* in:/.test(text));
      assert.deepEqual(
        origin.map(({ status }) => status),
        [judged],
        String(given),
      );
      assert.ok(findings.at(-1)!.text.includes(`connect-src 'self' ${proxy.origin};`));
    }
    await proxy.close();
  });

  it('finds a proxy that has an origin to itself, with and without the closing slash', async () => {
    const alone = await listen((request, response) => {
      const known = request.url === '/connection';
      response.setHeader('Cache-Control', 'no-store');
      response.writeHead(known ? 200 : 404, {
        'Content-Type': known ? 'application/json' : 'application/problem+json',
      });
      response.end(known ? connection : '{}');
    });
    const connectBaseUrl = `${server.origin.replace('127.0.0.1', 'localhost')}/connect/`;
    now = { title: '', says: null };
    const findings = [];
    for (const proxy of [alone.origin, `${alone.origin}/`])
      findings.push(...(await examine({ connectBaseUrl, proxy })));
    await alone.close();
    assert.deepEqual(
      findings.filter(({ status }) => status === 'problem'),
      [],
    );
  });

  it('quotes no query, which may hold a session: its findings go into tickets', async () => {
    const gone = await listen((_, response) => void response.writeHead(404).end());
    const [page, proxy] = ['/till', '/rulrr'].map((path) => `${gone.origin}${path}?session=a-secret`);
    const connectBaseUrl = `${gone.origin}/connect/?integration_token=a-secret`;
    const findings = await examine({ connectBaseUrl, page, proxy });
    await gone.close();
    const silent = await examine({ connectBaseUrl, page, proxy });
    for (const one of [findings, silent]) {
      assert.doesNotMatch(JSON.stringify(one), /a-secret/);
      assert.match(JSON.stringify(one), new RegExp(`${gone.origin}/till (answers 404|does not answer)`));
    }
  });

  it('finds a page that is not https, which browsers take for insecure but for this machine', async (t) => {
    t.mock.method(globalThis, 'fetch', async () => new Response('<p>till'));
    const connectBaseUrl = 'https://connect.example/';
    for (const [page, insecure] of [
      ['http://pos.example/till', true],
      ['https://pos.example/till', false],
      ['http://localhost:5173/till', false],
    ] as const) {
      const found = (await examine({ connectBaseUrl, page })).filter(({ text }) => text.includes('is not https'));
      assert.deepEqual(
        found.map(({ status, about }) => `${about}: ${status}`),
        insecure ? ['Page: problem'] : [],
        page,
      );
    }
  });

  it('says what is well, so that nobody has to guess what was looked at', async () => {
    const well = async (given: Omit<Case, 'title' | 'says'>) => {
      now = { title: '', says: null, ...given };
      const findings = await examine({
        connectBaseUrl: `${server.origin.replace('127.0.0.1', 'localhost')}/connect/`,
        page: given.page && `${server.origin}/till`,
        proxy: given.proxy && `${server.origin}/rulrr`,
      });
      return findings.filter(({ about }) => about === 'Page' || about === 'Proxy').map(({ text }) => text);
    };
    assert.match((await well({ page: {} })).join(), /^has no Content-Security-Policy header; [^,]+$/);
    assert.match((await well({ page: { policy: 'img-src *' } })).join(), /^its .+ lets both elements work\.$/);
    const cached = 'answers with Cache-Control: no-store.';
    assert.deepEqual(await well({ proxy: json(connection) }), ['answers.', cached]);
    const [signedIn, ...more] = await well({ proxy: problem(401) });
    assert.match(signedIn!, /^answers; it wants a signed-in till/);
    assert.deepEqual(more, [cached]);
  });

  it('finds a proxy whose answers a cache may keep', async () => {
    let control: string | undefined;
    const proxy = await listen((_, response) => {
      if (control) response.setHeader('Cache-Control', control);
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(connection);
    });
    for (const [given, says] of [
      [undefined, /^answers with no Cache-Control:/],
      ['private, max-age=60', /^answers with Cache-Control: private, max-age=60:/],
      ['private, No-Store', null],
    ] as const) {
      control = given;
      const findings = await examine({ connectBaseUrl: proxy.origin, proxy: `${proxy.origin}/rulrr` });
      const problems = findings.filter(({ status }) => status === 'problem').map(({ text }) => text);
      assert.equal(problems.length, says ? 1 : 0, problems.join('\n'));
      if (says) assert.match(problems[0]!, says);
    }
    await proxy.close();
  });

  it('names in a policy that keeps the elements from the proxy the origin that it lacks', async () => {
    now = { title: '', page: { policy: "connect-src 'none'" }, says: null };
    const page = `${server.origin}/till`;
    const lacks = async (proxy?: string) => {
      const findings = await examine({ connectBaseUrl: 'http://127.0.0.1:9/', page, proxy });
      return /connect-src lacks (\S+):/.exec(findings.map(({ text }) => text).join('\n'))?.[1];
    };
    assert.equal(await lacks(), "'self'");
    assert.equal(await lacks(`${server.origin}/rulrr`), "'self'");
    const elsewhere = server.origin.replace('127.0.0.1', 'localhost');
    assert.equal(await lacks(`${elsewhere}/rulrr`), elsewhere);
    now = { title: '', page: { policy: "connect-src 'self'" }, says: null };
    assert.equal(await lacks(`${elsewhere}/rulrr`), elsewhere);
    assert.equal(await lacks(`${server.origin}/rulrr`), undefined);
  });

  it('says so, and no more, where an isolated page has a connect page that could not be looked at', async () => {
    now = { title: '', page: { embedder: 'require-corp' }, says: null };
    let status = 403;
    const connect = await listen((_, response) => response.writeHead(status).end());
    const judged = async (connectBaseUrl: string) =>
      (await examine({ connectBaseUrl, page: `${server.origin}/till` }))
        .filter(({ text }) => text.startsWith('sends Cross-Origin-Embedder-Policy'))
        .map((finding) => finding.status);
    assert.deepEqual(await judged(connect.origin), ['unknown'], 'the silence of an error page');
    status = 200;
    assert.deepEqual(await judged(connect.origin), ['problem']);
    await connect.close();
    assert.deepEqual(await judged(connect.origin), ['unknown'], 'nobody there');
  });

  it('says why something does not answer', async (t) => {
    const reason = async (page: string) => {
      const [, text] = (await examine({ connectBaseUrl: page, page })).map((finding) => finding.text);
      const [, why] = /does not answer \((.*)\)/.exec(text!) ?? [];
      return why;
    };
    assert.equal(await reason(`http://127.0.0.1:${await freePort()}/`), 'ECONNREFUSED');
    assert.equal(await reason('http://127.0.0.1:1/'), 'a port that browsers do not open');
    const fetching = t.mock.method(globalThis, 'fetch', () => Promise.reject(new TypeError('fetch failed')));
    assert.equal(await reason('https://pos.example/'), 'no connection');
    fetching.mock.mockImplementation(((_: URL, { signal }: RequestInit) => {
      setImmediate(() => t.mock.timers.tick(10_000));
      return once(signal!, 'abort').then(() => Promise.reject(signal!.reason as Error));
    }) as typeof fetch);
    t.mock.timers.enable({ apis: ['setTimeout'] });
    assert.equal(await reason('https://pos.example/'), 'within 10 s');
  });

  it('finds no fault with its own policy', async () => {
    const policy = policyFor(server.origin.replace('127.0.0.1', 'localhost'), null);
    assert.deepEqual(await look({ title: '', page: { policy }, says: null }), []);
  });

  for (const [told, title] of [
    [false, 'finds a proxy behind a load balancer that does not know its own origin'],
    [true, 'finds no fault with one that has been told'],
  ] as const) {
    it(title, async () => {
      const options: RulrrProxyOptions = {
        clientId: 'pos', clientSecret: 'a secret for doctor', apiBaseUrl: 'http://127.0.0.1:9', checkFraming: false,
        sealingKeys: ['0123456789abcdefghijklmnopqrstuvwxyz'], tokenStore: memoryTokenStore(), authorize: () => null,
      }; // prettier-ignore
      const behind = await listen((request, response) => {
        request.headers.host = 'internal:8787';
        handler(request, response);
      });
      const handler = toNodeHandler(createRulrrProxy({ ...options, origin: told ? behind.origin : undefined }));
      const findings = await examine({
        connectBaseUrl: `${server.origin.replace('127.0.0.1', 'localhost')}/connect/`,
        proxy: `${behind.origin}/rulrr`,
      });
      await behind.close();
      const problems = findings.filter(({ status }) => status === 'problem').map(({ text }) => text);
      assert.equal(problems.length, told ? 0 : 1, problems.join('\n'));
      if (!told) assert.match(problems[0]!, /option origin.*RULRR_ORIGIN/);
    });
  }
});
