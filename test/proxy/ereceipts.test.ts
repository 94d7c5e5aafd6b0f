import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settle } from '../support/settle.js';
import { until } from '../support/until.js';
import { planted } from './canaries.js';
import { harness, problemOf, Upstream } from './harness.js';
import { key, receipt, request, send, till } from './support/ereceipt-till.js';

test('a receipt is sent once: the hook gets what it needs, the same key hears the same answer', async () => {
  const { h, jobs } = await till();
  for (let round = 0; round < 3; round++) {
    const response = await send(h);
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), { sent: true });
  }
  assert.equal(jobs.length, 1);
  const told = h.events.filter(({ type }) => type.startsWith('ereceipt-'));
  assert.deepEqual(
    told.map(({ type, storeId }) => [type, storeId]),
    [['ereceipt-sent', 'store-1']],
  );
  assert.ok(!h.events.some(({ type }) => type === 'hook-failed'), 'a hook that was not given does not fail');
  const { api, signal, ...rest } = jobs[0]!;
  assert.deepEqual(rest, { storeId: 'store-1', ...receipt, idempotencyKey: key });
  assert.equal(typeof api.createOrder, 'function');
  assert.equal(signal.aborted, false);
  await send(h, { key: key + 'b' });
  assert.equal(jobs.length, 2, 'another key is another receipt');
  await h.connect('store-2');
  await send(h, { store: 'store-2' });
  assert.equal(jobs.length, 3, 'and so is the same key of another store');
  h.assertClean();
});

test('twenty calls with one key, on two replicas, at once: one send', async () => {
  const upstream = new Upstream();
  let release: () => void = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  const one = await till(() => held, {}, { upstream });
  const two = await till(() => held, {}, { upstream, store: one.h.store, clock: one.h.clock });
  const calls = Array.from({ length: 20 }, (_, at) => send(at % 2 ? one.h : two.h));
  const first = await Promise.race(calls);
  assert.equal((await problemOf(first)).code, 'in_progress');
  release();
  const codes = (await Promise.all(calls)).map((response) => response.status).sort();
  assert.deepEqual(codes, [200, ...Array.from({ length: 19 }, () => 409)]);
  assert.equal(one.jobs.length + two.jobs.length, 1);
  assert.equal((await send(one.h)).status, 200);
  assert.equal((await send(two.h)).status, 200);
  assert.equal(one.jobs.length + two.jobs.length, 1);
  one.h.assertClean();
  two.h.assertClean();
});

test('a failed send leaves the key free: the same till tries again with it', async () => {
  let fails = 2;
  const { h, jobs } = await till(() => {
    if (fails-- > 0) throw new Error('no gateway for ' + planted.phoneNumber + ' ' + planted.connectionString);
  });
  const { delete: forget } = h.store;
  h.store.delete = async (...given) => {
    await settle();
    return forget(...given);
  };
  assert.equal((await problemOf(await send(h))).code, 'send_failed');
  assert.equal((await problemOf(await send(h))).code, 'send_failed');
  assert.equal((await send(h)).status, 200);
  assert.equal(jobs.length, 3);
  assert.equal((await send(h)).status, 200);
  assert.equal(jobs.length, 3);
  h.assertClean();
});

test('the same key with another order or number is a mistake, told as one', async () => {
  const { h, jobs } = await till();
  await send(h);
  assert.equal((await problemOf(await send(h, { body: { ...receipt, orderId: 'order-1002' } }))).code, 'bad_request');
  assert.equal(
    (await problemOf(await send(h, { body: { ...receipt, phoneNumber: planted.otherPhoneNumber } }))).code,
    'bad_request',
  );
  assert.equal(jobs.length, 1);
  h.assertClean();
});

test('a runtime whose requests have no signal sends as well', async () => {
  const { h, jobs } = await till();
  for (const signal of [undefined, null]) {
    const sent = request({ body: JSON.stringify(receipt) }, { 'Idempotency-Key': key + String(signal) });
    Object.defineProperty(sent, 'signal', { value: signal });
    assert.deepEqual(await (await h.proxy.fetch(sent)).json(), { sent: true });
  }
  assert.equal(jobs.length, 2);
  h.assertClean();
});

test('a repeat while the receipt is being sent hears when to ask again', async () => {
  const { h, jobs } = await till(() => new Promise(() => {}));
  void send(h);
  await until(() => jobs.length === 1);
  const again = await send(h);
  assert.equal(again.headers.get('Retry-After'), '1');
  assert.equal((await problemOf(again)).code, 'in_progress');
});

test('a hook that hangs: 504 after its time, its signal aborted, and the key never sends again, on no replica', async () => {
  const { h, jobs } = await till(() => new Promise(() => {}));
  const waiting = send(h);
  await until(() => jobs.length === 1);
  await h.clock.advanceAsync(7999);
  assert.equal((await problemOf(await send(h))).code, 'in_progress');
  await h.clock.advanceAsync(1);
  assert.equal((await problemOf(await waiting)).code, 'send_unconfirmed');
  assert.equal(jobs[0]!.signal.aborted, true);
  const replica = await till(undefined, {}, { upstream: h.upstream, store: h.store, clock: h.clock });
  for (const hours of [0, 1, 24]) {
    h.clock.advance(hours * 3600_000);
    assert.equal((await problemOf(await send(h))).code, 'send_unconfirmed');
    assert.equal((await problemOf(await send(replica.h))).code, 'send_unconfirmed');
  }
  assert.equal(jobs.length + replica.jobs.length, 1);
  await h.proxy.close();
  h.assertClean();
});

test('a hook that hangs, and a clock that was set back as the call came: 504 after its time all the same', async () => {
  let isSetBack = false;
  const authorize = () => {
    if (isSetBack) h.clock.advance(-3_600_000);
    return { storeId: 'store-1' };
  };
  const { h, jobs } = await till(() => new Promise(() => {}), { authorize });
  isSetBack = true;
  const codes: unknown[] = [];
  void send(h).then(async (response) => codes.push((await problemOf(response)).code));
  await until(() => jobs.length === 1);
  await h.clock.advanceAsync(8000);
  await until(() => jobs[0]!.signal.aborted);
  await until(() => codes.length);
  assert.deepEqual(codes, ['send_unconfirmed']);
});

test('a hook that comes through too late: a repeat hears the truth', async () => {
  let finish: (outcome?: unknown) => void = () => {};
  const { h, jobs } = await till(() => new Promise((resolve) => (finish = resolve)));
  const waiting = send(h);
  await until(() => jobs.length === 1);
  await h.clock.advanceAsync(8000);
  assert.equal((await problemOf(await waiting)).code, 'send_unconfirmed');
  finish();
  await until(() => h.events.some(({ type }) => type === 'ereceipt-late'));
  // The outcome is kept right after that.
  await until(async () => (await send(h)).status === 200);
  assert.deepEqual(await (await send(h)).json(), { sent: true });
  assert.equal(jobs.length, 1);
  assert.ok(h.events.some(({ type, code }) => type === 'ereceipt-late' && code === 'sent'));
});

test('a hook that says no too late: no repeat hears that it was sent', async () => {
  const ends: [late: () => unknown, code: string][] = [
    [() => false, 'send_failed'],
    [() => Promise.reject(new Error('no')), 'send_failed'],
    [() => Promise.reject(new TypeError('fetch failed')), 'unclear'],
  ];
  for (const [late, code] of ends) {
    let finish: (outcome?: unknown) => void = () => {};
    const { h, jobs } = await till(() => new Promise((resolve) => (finish = resolve)).then(late));
    const waiting = send(h);
    await until(() => jobs.length === 1);
    await h.clock.advanceAsync(8000);
    assert.equal((await problemOf(await waiting)).code, 'send_unconfirmed');
    finish();
    const told = () => h.events.find(({ type }) => type === 'ereceipt-late');
    await until(() => told() !== undefined);
    assert.deepEqual([told()!.code, told()!.storeId], [code, 'store-1']);
    // What is kept of it would be so a moment later.
    for (let turn = 0; turn < 20; turn++)
      assert.equal((await problemOf(await send(h))).code, 'send_unconfirmed', String(late));
    assert.equal(jobs.length, 1);
  }
});

test('a hook that breaks off as its time is up: one doubt, told once', async () => {
  const { h, jobs } = await till(
    ({ signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
  );
  const waiting = send(h);
  await until(() => jobs.length === 1);
  await h.clock.advanceAsync(8000);
  assert.equal((await problemOf(await waiting)).code, 'send_unconfirmed');
  await until(() => h.events.some(({ type }) => type === 'ereceipt-late'));
  const doubts = h.events.filter(({ type }) => type === 'ereceipt-unconfirmed');
  assert.deepEqual(
    doubts.map(({ code }) => code),
    ['send_timeout'],
  );
});

test('a send that came through in time has its signal left alone after it: a hook may take it for a call to cancel', async () => {
  const { h, jobs } = await till();
  assert.equal((await send(h)).status, 200);
  await h.clock.advanceAsync(60_000);
  assert.equal(jobs[0]!.signal.aborted, false);
});

test('close waits for a send that is under way, however slow its gateway, and the till hears how it ended', async () => {
  let finish: (outcome?: unknown) => void = () => {};
  const { h, jobs } = await till(() => new Promise((resolve) => (finish = resolve)), { sendTimeoutMs: 60_000 });
  const waiting = send(h);
  await until(() => jobs.length === 1);
  let closed = false;
  const closing = h.proxy.close().then(() => (closed = true));
  await settle();
  h.clock.advance(50_000);
  await settle();
  assert.equal(closed, false);
  finish();
  await closing;
  assert.equal((await waiting).status, 200);
});

test('the process dies while it sends: afterwards in progress, then unconfirmed, never sent again', async () => {
  const dead = await till(() => new Promise(() => {}));
  void send(dead.h);
  await until(() => dead.jobs.length === 1);
  const { h, jobs } = await till(undefined, {}, { upstream: dead.h.upstream, store: dead.h.store });
  assert.equal((await problemOf(await send(h))).code, 'in_progress');
  h.clock.advance(8000 + 5001);
  assert.equal((await problemOf(await send(h))).code, 'send_unconfirmed');
  assert.equal(jobs.length, 0);
});

test('the process dies while it sends, and the clock is set back: its key is not in progress for as long as that', async () => {
  const dead = await till(() => new Promise(() => {}));
  void send(dead.h);
  await until(() => dead.jobs.length === 1);
  const { h, jobs } = await till(undefined, {}, { upstream: dead.h.upstream, store: dead.h.store });
  h.clock.advance(-3_600_000);
  assert.equal((await problemOf(await send(h))).code, 'send_unconfirmed');
  assert.equal(jobs.length, 0);
});

test('stores without e-receipts, or not connected: 403 before anything is kept or sent; a sent key is still told the truth', async () => {
  const upstream = new Upstream();
  upstream.ereceipt = false;
  const off = await till(undefined, {}, { upstream });
  assert.equal((await problemOf(await send(off.h))).code, 'ereceipt_disabled');
  assert.equal((await problemOf(await send(off.h, { store: 'store-9' }))).code, 'ereceipt_disabled');
  assert.equal(off.jobs.length, 0);
  assert.deepEqual(await off.h.store.list('ereceipt/'), []);
  const { h } = await till();
  await send(h);
  await h.call('DELETE', '/connection');
  assert.equal((await send(h)).status, 200);
  assert.equal((await problemOf(await send(h, { key: key + 'b' }))).code, 'ereceipt_disabled');
});

test('whether a store texts receipts: a hook that says neither true nor false changes nothing, and a clock that was set back does not hold it up', async () => {
  let says: unknown = false;
  const { h } = await till(undefined, { readEreceipt: async () => says });
  const ereceipt = async () => ((await (await h.call('GET', '/connection')).json()) as { ereceipt: unknown }).ereceipt;
  assert.equal(await ereceipt(), false);
  for (says of [undefined, 'true', 1, null]) {
    h.clock.advance(6 * 60_000);
    assert.equal(await ereceipt(), false, String(says));
  }
  says = true;
  h.clock.advance(-3_600_000);
  assert.equal(await ereceipt(), true);
  assert.equal((await send(h)).status, 200);
});

test('disconnected in the middle of a send: it failed, and the till is told so', async () => {
  const { h } = await till(async ({ api }) => {
    await disconnect();
    await api.getStore();
  });
  const disconnect = () => h.call('DELETE', '/connection');
  assert.equal((await problemOf(await send(h))).code, 'send_failed');
});

test('without a hook: 500 `misconfigured`', async () => {
  const h = harness({ checkFraming: false });
  await h.connect();
  assert.equal((await problemOf(await send(h))).code, 'misconfigured');
  h.assertClean();
});
