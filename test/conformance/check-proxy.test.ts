import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { checkIds, checkProxy, type CheckReport } from '../../src/conformance/index.js';
import type { ServedSandbox } from '../../src/sandbox/index.js';
import { listen } from '../support/listen.mjs';
import { client, openSandbox, other, own, sealingKey, serveProxy, type Breaking } from './support/served.js';

const failed = (report: CheckReport) =>
  report.checks.filter(({ status }) => status === 'fail').map(({ id, actual }) => `${id}: ${actual}`);
const withStatus = (report: CheckReport, status: string) =>
  report.checks.filter((check) => check.status === status).map(({ id }) => id);

describe('checkProxy on the proxy of the package', () => {
  let sandbox: ServedSandbox;
  before(async () => void (sandbox = await openSandbox()));
  after(() => sandbox.close());

  it('passes every check, with the whole story', async () => {
    const proxy = await serveProxy(sandbox);
    const canaries = [client.clientSecret, sealingKey];
    const report = await checkProxy(proxy.url, {
      headers: own,
      otherHeaders: other,
      sandbox: sandbox.origin,
      canaries,
    });
    await proxy.close();
    assert.deepEqual(failed(report), []);
    assert.deepEqual(withStatus(report, 'skip'), []);
    assert.equal(report.ok, true);
    assert.deepEqual(
      report.checks.map(({ id }) => id),
      [...checkIds],
    );
  });

  it('says so where a web server in front shows pages of its own for errors', async () => {
    const proxy = await serveProxy(sandbox, async (request, next) => {
      const answer = await next(request);
      const headers = { 'Content-Type': 'text/html', 'Cache-Control': 'no-store' };
      return answer.status === 401 ? new Response('<h1>Sorry</h1>', { status: 401, headers }) : answer;
    });
    const report = await checkProxy(proxy.url, { headers: own });
    await proxy.close();
    assert.match(
      failed(report).join('\n'),
      /^unauthorized: .* answered 401 with a web page, as a web server .*, not 401 unauthorized\./m,
    );
  });

  it('takes the URL as an object, too', async () => {
    const proxy = await serveProxy(sandbox);
    const report = await checkProxy(new URL(proxy.url), { headers: own });
    await proxy.close();
    assert.deepEqual(failed(report), []);
    assert.equal(report.url, proxy.url);
  });

  it("takes a connect page over http where it is this machine's own, as the proxy does, and nowhere else", async () => {
    const at =
      (connectBaseUrl: string): Breaking =>
      async (request, next) => {
        const answer = await next(request);
        const text = (await answer.text()) || null;
        const body = text && text.replace(/http:\/\/127\.0\.0\.1:\d+\/connect\//, connectBaseUrl);
        return new Response(body, { status: answer.status, headers: answer.headers });
      };
    const reports = ['http://rulrr.localhost:4444/', 'http://localhost.example/'].map(async (connectBaseUrl) => {
      const proxy = await serveProxy(sandbox, at(connectBaseUrl));
      const report = await checkProxy(proxy.url, { headers: own });
      await proxy.close();
      return failed(report);
    });
    assert.deepEqual(await Promise.all(reports), [[], ['start: "connectUrl" is not https.']]);
  });

  it('waits where the proxy lets no more sessions start for a while, as its answer asks', async () => {
    let limited = 0;
    const proxy = await serveProxy(sandbox, async (request, next) => {
      const answer = await next(request);
      if (answer.status !== 201 || limited++ % 2) return answer;
      const headers = new Headers(answer.headers);
      headers.set('Content-Type', 'application/problem+json');
      headers.set('Retry-After', '0');
      const problem = { type: 'about:blank', title: 'Too many requests', status: 429, code: 'rate_limited' };
      return new Response(JSON.stringify(problem), { status: 429, headers });
    });
    const report = await checkProxy(proxy.url, { headers: own, otherHeaders: other, sandbox: sandbox.origin });
    await proxy.close();
    assert.deepEqual(failed(report), []);
    assert.ok(limited > 2);
  });

  it('passes a proxy that lets nobody ask twice in a second how a session stands', async () => {
    const asked = new Map<string, number>();
    const hasty = { type: 'x', title: 'Too many requests', status: 429, code: 'rate_limited' };
    const headers = { 'Content-Type': 'application/problem+json', 'Cache-Control': 'no-store', 'Retry-After': '1' };
    const strict = await serveProxy(sandbox, async (request, next) => {
      const answer = await next(request);
      const known = answer.status === 200 || answer.status === 410;
      if (!known || !/\/integrations\/./.test(request.url)) return answer;
      const before = asked.get(request.url) ?? -Infinity;
      if (performance.now() - before < 900) return new Response(JSON.stringify(hasty), { status: 429, headers });
      asked.set(request.url, performance.now());
      return answer;
    });
    const report = await checkProxy(strict.url, { headers: own, otherHeaders: other, sandbox: sandbox.origin });
    await strict.close();
    assert.deepEqual(failed(report), []);
  });

  it('does not wait for longer than a till would, and says why no session was started', async () => {
    const proxy = await serveProxy(sandbox, undefined, { startLimit: { burst: 1, everyMs: 3_600_000 } });
    await fetch(`${proxy.url}/integrations`, {
      method: 'POST',
      headers: { ...own, 'Rulrr-Embed': '1', Origin: new URL(proxy.url).origin },
    });
    const report = await checkProxy(proxy.url, { headers: own });
    await proxy.close();
    assert.match(failed(report).join(), /start: POST \/integrations answered 429 rate_limited/);
  });

  it('says so where a secret is too short to be told from other text, and looks for the others', async () => {
    const proxy = await serveProxy(sandbox);
    const report = await checkProxy(proxy.url, { headers: own, canaries: ['true', client.clientSecret] });
    await proxy.close();
    assert.equal(report.ok, true);
    const { status, actual } = report.checks.find(({ id }) => id === 'no-secrets')!;
    assert.equal(status, 'skip');
    assert.match(actual, /fewer than 6 characters/);
    const leaky = await serveProxy(sandbox, async (request, next) => {
      const answer = await next(request);
      answer.headers.set('Server', client.clientSecret);
      return answer;
    });
    const told = await checkProxy(leaky.url, { headers: own, canaries: ['true', client.clientSecret] });
    await leaky.close();
    assert.equal(told.checks.find(({ id }) => id === 'no-secrets')!.status, 'fail');
  });

  it('takes the sandbox itself, too', async () => {
    const proxy = await serveProxy(sandbox);
    const report = await checkProxy(proxy.url, { headers: own, sandbox: sandbox.sandbox });
    await proxy.close();
    assert.deepEqual(failed(report), []);
    assert.deepEqual(withStatus(report, 'skip'), ['not-yours', 'stores-apart']);
  });

  it('without the sandbox leaves out what it cannot do, and neither sends nor forgets', async () => {
    const calls: string[] = [];
    const proxy = await serveProxy(sandbox, (request, next) => {
      calls.push(request.method + new URL(request.url).pathname);
      return next(request);
    });
    const sent = sandbox.sandbox.orders.length;
    const report = await checkProxy(proxy.url, { headers: own, otherHeaders: other });
    await proxy.close();
    assert.deepEqual(failed(report), []);
    assert.ok(withStatus(report, 'skip').includes('finished'));
    assert.equal(sandbox.sandbox.orders.length, sent);
    assert.equal(calls.filter((call) => call === 'DELETE/rulrr/connection').length, 0);
  });

  it('forgets nothing before the proxy has shown that it uses the sandbox', async () => {
    const deleted: string[] = [];
    const proxy = await serveProxy(sandbox, (request, next) => {
      if (request.method === 'DELETE') deleted.push(request.url);
      return next(request);
    });
    const another = await openSandbox();
    for (const [given, says] of [
      [another.origin, /"sandbox" leads to another sandbox/],
      [another.sandbox, /"sandbox" leads to another sandbox/],
      [new URL(proxy.url).origin, /"sandbox" does not lead to a sandbox/],
      ['http://127.0.0.1:9', /"sandbox" does not lead to a sandbox/],
    ] as const) {
      await assert.rejects(checkProxy(proxy.url, { headers: own, sandbox: given }), (error: Error) => {
        assert.ok(error instanceof TypeError);
        assert.match(error.message, says);
        return true;
      });
    }
    await Promise.all([another.close(), proxy.close()]);
    assert.deepEqual(deleted, []);
  });

  it('knows the sandbox by another name of this machine', async () => {
    const proxy = await serveProxy(sandbox);
    const report = await checkProxy(proxy.url, {
      headers: own,
      sandbox: sandbox.origin.replace('127.0.0.1', 'localhost'),
    });
    await proxy.close();
    assert.deepEqual(failed(report), []);
    assert.deepEqual(withStatus(report, 'skip'), ['not-yours', 'stores-apart']);
  });

  it("passes a proxy that the till's page calls from another origin", async () => {
    const origin = 'https://till.example';
    const proxy = await serveProxy(sandbox, undefined, { allowedOrigins: [origin] });
    const report = await checkProxy(proxy.url, { headers: own, otherHeaders: other, sandbox: sandbox.origin, origin });
    await proxy.close();
    assert.deepEqual([failed(report), withStatus(report, 'skip')], [[], []]);
  });

  it('asks for no CORS headers behind a load balancer, where both are of one origin to browsers', async () => {
    const origin = 'https://pos.example';
    const proxy = await serveProxy(sandbox, undefined, { origin });
    const report = await checkProxy(proxy.url, { headers: own, otherHeaders: other, sandbox: sandbox.origin, origin });
    await proxy.close();
    assert.deepEqual([failed(report), withStatus(report, 'skip')], [[], []]);
  });

  it('forgets nothing where the proxy starts no session', async () => {
    const methods: string[] = [];
    const proxy = await serveProxy(
      sandbox,
      (request, next) => {
        methods.push(`${request.method} ${new URL(request.url).pathname}`);
        return next(request);
      },
      { apiBaseUrl: 'http://127.0.0.1:9' },
    );
    const report = await checkProxy(proxy.url, { headers: own, sandbox: sandbox.origin });
    await proxy.close();
    assert.ok(failed(report).some((line) => line.startsWith('start:')));
    assert.ok(withStatus(report, 'skip').includes('forgotten'));
    assert.ok(!methods.includes('DELETE /rulrr/connection'));
  });

  it('leaves failing sends out for a proxy that sends by another way than the sandbox', async () => {
    const proxy = await serveProxy(sandbox, undefined, { sendEreceipt: () => Promise.resolve() });
    const report = await checkProxy(proxy.url, { headers: own, otherHeaders: other, sandbox: sandbox.origin });
    await proxy.close();
    assert.deepEqual(failed(report), []);
    for (const id of ['ereceipt-refused', 'ereceipt-unconfirmed'] as const)
      assert.ok(withStatus(report, 'skip').includes(id));
  });

  it('says that nobody answers, and runs nothing else', async () => {
    const report = await checkProxy('http://127.0.0.1:9/rulrr');
    assert.deepEqual(withStatus(report, 'fail'), ['reachable']);
    assert.match(report.checks[0]!.actual, /No answer: a port that neither/);
    assert.equal(withStatus(report, 'skip').length, checkIds.length - 1);
    const proxy = await serveProxy(sandbox);
    await proxy.close();
    assert.match((await checkProxy(proxy.url)).checks[0]!.actual, /No answer \(ECONNREFUSED\)/);
  });

  it('says what to look at where connections are closed in the place of an answer', async () => {
    const proxy = await serveProxy(sandbox);
    const { origin, close } = await listen((request, response) => {
      const { method = '', headers } = request;
      if (method === 'POST') response.destroy();
      else
        void fetch(new URL(request.url!, proxy.url), { method, headers: { Cookie: headers.cookie ?? '' } }).then(
          async (answer) => response.writeHead(answer.status).end(await answer.text()),
        );
    });
    const report = await checkProxy(`${origin}/rulrr`, { headers: own });
    await Promise.all([proxy.close(), close()]);
    assert.equal(report.checks[0]!.status, 'pass');
    const { actual } = report.checks.find(({ id }) => id === 'ereceipt-too-large')!;
    assert.match(actual, /^No answer \(UND_ERR_SOCKET\)\. .*Connection: close/);
  });

  it('refuses arguments that cannot be used', async () => {
    for (const [url, options] of [
      ['/rulrr', {}],
      ['ftp://x/rulrr', {}],
      ['http://x/rulrr?a=1', {}],
      ['http://x/rulrr', { origin: 'https://pos.example/till' }],
      ['http://x/rulrr', { phoneNumber: '555' }],
      ['http://x/rulrr', { sandbox: 'nowhere' }],
      ['http://x/rulrr', { sandbox: 'localhost:4444' }],
      ['http://x/rulrr', { sandbox: 'http://user:secret@x/' }],
      ['http://x/rulrr', { sandbox: new URL('http://127.0.0.1:9/') }],
      ['http://x/rulrr', { sandbox: {} }],
      ['http://x/rulrr', { timeoutMs: 0 }],
      ['http://x/rulrr', { timeoutMs: 2 ** 31 }],
      ['http://x/rulrr', { timeoutMs: '5000' as never }],
      ['http://x/rulrr', null],
      ['http://x/rulrr', { headers: 'Cookie: session=1' }],
      ['http://x/rulrr', { headers: { 'Cookie:': 'session=1' } }],
      ['http://x/rulrr', { headers: new Headers({ Cookie: 'session=1' }) }],
      ['http://x/rulrr', { otherHeaders: new Map([['Cookie', 'session=1']]) }],
      ['http://x/rulrr', { headers: null }],
      ['http://x/rulrr', { otherHeaders: { Cookie: 'session=1\nX-More: 1' } }],
      ['http://x/rulrr', { otherHeaders: { Cookie: undefined } }],
      ['http://x/rulrr', { canaries: 'secret' }],
      ['http://x/rulrr', { fetch: 'fetch' }],
    ] as const) {
      await assert.rejects(checkProxy(url, options as never), {
        name: 'TypeError',
        message: /^checkProxy: .* must /,
      });
    }
  });
});
