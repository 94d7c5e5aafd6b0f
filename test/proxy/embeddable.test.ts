import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { createFraming, frameAncestorsOf, mayFrame } from '../../src/proxy/embeddable.js';
import { fakeClock } from '../support/fake-clock.js';
import { findSecrets } from './canaries.js';
import { harness } from './harness.js';

const connect = 'https://connect.example';
const may = (page: string, headers: { csp?: string; xfo?: string }) =>
  mayFrame({ frameAncestors: frameAncestorsOf(headers.csp ?? ''), frameOptions: headers.xfo ?? null }, page, connect);

test('X-Frame-Options, as browsers read it', () => {
  for (const [xfo, answer] of [['DENY', false], ['deny', false], ['SAMEORIGIN', false], ['sameorigin, deny', false], ['ALLOW-FROM https://pos.example', true], ['', true], ['nonsense', true]] as const) {
    assert.equal(may('https://pos.example', { xfo }), answer, xfo);
  }
  assert.equal(may(connect, { xfo: 'SAMEORIGIN' }), true);
}); // prettier-ignore

test('frame-ancestors, as CSP 3 matches it, and before X-Frame-Options', () => {
  const cases: [string, string, boolean][] = [
    ["frame-ancestors 'none'", 'https://pos.example', false],
    ["frame-ancestors 'self'", 'https://pos.example', false],
    ["frame-ancestors 'self'", connect, true],
    ['frame-ancestors *', 'https://pos.example', true],
    ['frame-ancestors *', 'http://localhost:5173', true],
    ['frame-ancestors *', 'capacitor://localhost', false],
    ['frame-ancestors https://*', 'https://pos.example', true],
    ['frame-ancestors https://*', 'http://pos.example', false],
    ['frame-ancestors https://pos.example/till', 'https://pos.example', true],
    ['frame-ancestors http://pos.example:80', 'https://pos.example', true],
    ['frame-ancestors http://pos.example:8080', 'https://pos.example', false],
    ['frame-ancestors https:', 'https://pos.example', true],
    ['frame-ancestors https:', 'http://localhost:5173', false],
    ['frame-ancestors http:', 'https://pos.example', true],
    ['frame-ancestors http:', 'capacitor://localhost', false],
    ['frame-ancestors capacitor:', 'https://pos.example', false],
    ['frame-ancestors https://bos.example', 'https://pos.example', false],
    ['frame-ancestors http://localhost:80', 'http://localhost:5173', false],
    ['frame-ancestors https://pos.example', 'https://pos.example', true],
    ['frame-ancestors https://POS.example', 'https://pos.example', true],
    ['frame-ancestors https://pos.example', 'https://pos.example:8443', false],
    ['frame-ancestors https://pos.example:*', 'https://pos.example:8443', true],
    ['frame-ancestors https://pos.example:443', 'https://pos.example', true],
    ['frame-ancestors http://pos.example', 'https://pos.example', true],
    ['frame-ancestors http://localhost', 'http://localhost', true],
    ['frame-ancestors http://localhost:*', 'http://localhost:5173', true],
    ['frame-ancestors pos.example', 'https://pos.example', true],
    ['frame-ancestors pos.example', 'http://pos.example', false],
    ['frame-ancestors *.example', 'https://pos.example', true],
    ['frame-ancestors https://*.example', 'https://a.b.example', true],
    ['frame-ancestors https://*.pos.example', 'https://pos.example', false],
    ['frame-ancestors https://evil.example https://pos.example', 'https://pos.example', true],
    ['frame-ancestors', 'https://pos.example', false],
    ["default-src 'none'; FRAME-ANCESTORS 'none'", 'https://pos.example', false],
    ["frame-ancestors *; frame-ancestors 'none'", 'https://pos.example', true],
    ["frame-ancestors *, frame-ancestors 'none'", 'https://pos.example', false],
    ["default-src 'none'", 'https://pos.example', true],
  ];
  for (const [csp, page, answer] of cases) assert.equal(may(page, { csp }), answer, `${csp} ← ${page}`);
  assert.equal(may('https://pos.example', { csp: 'frame-ancestors https:', xfo: 'DENY' }), true);
});

test('a refusal to be framed counts on an error page too; silence there says nothing, nor does a redirect', async () => {
  const ask = (headers: Record<string, string>, status = 400) =>
    createFraming(new URL(connect), async () => new Response(null, { status, headers }), fakeClock()).allows(
      'https://a.example',
      1500,
    );
  assert.equal(await ask({ 'X-Frame-Options': 'DENY' }), false);
  assert.equal(await ask({ 'Content-Security-Policy': "frame-ancestors 'none'" }), false);
  assert.equal(await ask({}), undefined);
  assert.equal(await ask({ 'X-Frame-Options': 'DENY', Location: '/en/' }, 300), undefined, 'the page is elsewhere');
});

test('one look serves everybody for minutes; failures are kept shorter; nobody waits past their patience', async () => {
  const clock = fakeClock();
  let looks = 0;
  let answer: () => Promise<Response> = async () => new Response('', { headers: { 'X-Frame-Options': 'DENY' } });
  const framing = createFraming(new URL(connect), (() => ((looks += 1), answer())) as typeof fetch, clock);
  const both = await Promise.all([framing.allows('https://a.example', 1500), framing.allows(connect, 1500)]);
  assert.deepEqual([...both, looks, clock.pending], [false, false, 1, 0]);
  clock.advance(299_000);
  assert.equal(await framing.allows('https://a.example', 1500), false);
  assert.equal(looks, 1);
  clock.advance(2000);
  for (const bad of [async () => Promise.reject(new Error('no')), async () => new Response('', { status: 503 }), async () => new Response(null, { status: 302 })]) {
    answer = bad;
    clock.advance(301_000);
    assert.equal(await framing.allows('https://a.example', 1500), undefined);
  }
  assert.equal(looks, 4);
  clock.advance(61_000);
  let aborted = false;
  const hanging = createFraming(
    new URL(connect),
    ((_url: string, init: RequestInit) => new Promise((_resolve, reject) => init.signal!.addEventListener('abort', () => ((aborted = true), reject(new Error()))))) as typeof fetch,
    clock,
  );
  const waiting = hanging.allows('https://a.example', 1500);
  await clock.advanceAsync(1500);
  assert.equal(await waiting, undefined);
  assert.equal(aborted, false);
  await clock.advanceAsync(1500);
  assert.equal(aborted, true, 'the look itself has an end');
  assert.equal(clock.pending, 0);
}); // prettier-ignore

test('the page itself is not read: its connection is free again', async () => {
  let given = 0;
  let letGo = false;
  const page = new ReadableStream<Uint8Array>({
    pull(controller) {
      given += 1;
      controller.enqueue(new Uint8Array(65_536));
    },
    cancel() {
      letGo = true;
    },
  });
  const framing = createFraming(new URL(connect), async () => new Response(page), fakeClock());
  assert.equal(await framing.allows('https://a.example', 1500), true);
  assert.equal(letGo, true);
  assert.ok(given < 3);
});

test('the page of a fetch whose streams are those of Node is judged as well, and let go of', async () => {
  const page = Readable.from(['<!doctype html>']);
  const answer = new Response(null, { headers: { 'X-Frame-Options': 'DENY' } });
  Object.defineProperty(answer, 'body', { value: page });
  const framing = createFraming(new URL(connect), async () => answer, fakeClock());
  assert.equal(await framing.allows('https://a.example', 1500), false);
  assert.equal(page.destroyed, true);
});

test('a clock that was set back does not keep what was seen until it has caught up', async () => {
  const clock = fakeClock();
  let headers: Record<string, string> = {};
  const framing = createFraming(new URL(connect), async () => new Response('', { headers }), clock);
  assert.equal(await framing.allows('https://a.example', 1500), true);
  headers = { 'X-Frame-Options': 'DENY' };
  clock.advance(-24 * 3600_000);
  assert.equal(await framing.allows('https://a.example', 1500), false);
});

test('a fetch of one’s own that never comes back is given up as well: the next look is a new one', async () => {
  const clock = fakeClock();
  let looks = 0;
  const deaf = (() => {
    looks += 1;
    return looks === 1
      ? new Promise<Response>(() => {})
      : Promise.resolve(new Response('', { headers: { 'X-Frame-Options': 'DENY' } }));
  }) as typeof fetch;
  const framing = createFraming(new URL(connect), deaf, clock);
  const told = async () => {
    const waiting = framing.allows('https://a.example', 1500);
    await clock.advanceAsync(1500);
    return waiting;
  };
  assert.equal(await told(), undefined);
  await clock.advanceAsync(1500);
  // As after any look that failed: nobody waits for it, and in a minute there is another.
  const after = framing.allows('https://a.example', 1500);
  assert.equal(clock.pending, 0);
  await clock.advanceAsync(1500);
  assert.deepEqual([await after, looks], [undefined, 1]);
  await clock.advanceAsync(60_000);
  assert.equal(await told(), false);
});

test('answers say `embeddable` where the page forbids frames; the look carries no token', async () => {
  const h = harness();
  h.upstream.pageHeaders = { 'Content-Security-Policy': "frame-ancestors 'none'" };
  let looked = '';
  const inner = h.upstream.fetch;
  const spied = harness({
    fetch: ((input: string, init: RequestInit) => {
      if (String(input).startsWith('https://connect.example'))
        looked = JSON.stringify([input, init.headers, init.redirect, init.credentials]);
      return inner(input, init);
    }) as typeof fetch,
  });
  const started = (await (await spied.call('POST', '/integrations')).json()) as { id: string; embeddable?: boolean };
  assert.equal(started.embeddable, false);
  const polled = (await (await spied.call('GET', '/integrations/' + started.id)).json()) as { embeddable?: boolean };
  assert.equal(polled.embeddable, false);
  assert.deepEqual(findSecrets(looked), []);
  assert.match(looked, /"manual","omit"/);
  spied.assertClean();

  const open = harness();
  assert.equal(
    ((await (await open.call('POST', '/integrations')).json()) as { embeddable?: boolean }).embeddable,
    true,
  );
  const off = harness({ checkFraming: false });
  assert.ok(!('embeddable' in ((await (await off.call('POST', '/integrations')).json()) as object)));
  assert.ok(!off.upstream.calls.includes('GET /'));
});
