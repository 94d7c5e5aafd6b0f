// What is kept of a send, and what becomes of it while the token store is in trouble.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settle } from '../support/settle.js';
import { until } from '../support/until.js';
import { planted } from './canaries.js';
import { harness, problemOf } from './harness.js';
import { key, send, till } from './support/ereceipt-till.js';

test('rows hold no number and no order in plain text, and are forgotten after a week', async () => {
  const { h } = await till();
  await send(h);
  const keys = await h.store.list('ereceipt/');
  assert.equal(keys.length, 1);
  const row = await h.store.get(keys[0]!);
  h.canaries.look('row', keys[0]! + row!.value);
  assert.ok(!(keys[0]! + row!.value).includes('order-1001'));
  h.clock.advance(6 * 86_400_000);
  assert.equal((await h.proxy.sweep()).pruned, 0);
  h.clock.advance(2 * 86_400_000);
  assert.equal((await h.proxy.sweep()).pruned, 1);
  assert.deepEqual(await h.store.list('ereceipt/'), []);
  h.assertClean();
});

test('a key that was rotated away: what it sealed of sends is sealed anew, and never sent again', async () => {
  const one = await till();
  await send(one.h);
  const { store, clock, upstream } = one.h;
  const fresh = 'another sealing key of the tests, long enough 0123456789';
  const keys = (...sealingKeys: string[]) => till(() => undefined, { sealingKeys }, { store, clock, upstream });
  const both = await keys(fresh, planted.sealingKey);
  assert.equal((await both.h.proxy.rotateKeys()).failed, 0);
  const after = await keys(fresh);
  assert.equal((await send(after.h)).status, 200);
  assert.equal(one.jobs.length + both.jobs.length + after.jobs.length, 1);
});

test('the token store in trouble: nothing is sent that could not be remembered', async () => {
  const { h, jobs } = await till();
  const { put, get } = h.store;
  h.store.put = () => Promise.reject(new Error(planted.connectionString));
  assert.equal((await problemOf(await send(h))).code, 'store_unavailable');
  assert.equal(jobs.length, 0);
  // Written, but the answer was lost: the row is known by its owner, and the send goes on.
  h.store.put = async (...args) => {
    await put.apply(h.store, args);
    throw new Error('connection lost after the commit');
  };
  assert.equal((await send(h)).status, 200);
  assert.equal(jobs.length, 1);
  h.store.put = put;
  assert.equal((await send(h)).status, 200);
  assert.equal(jobs.length, 1);
  h.store.get = () => Promise.reject(new Error(planted.connectionString));
  assert.equal((await problemOf(await send(h, { key: key + 'c' }))).code, 'store_unavailable');
  h.store.get = get;
  assert.equal(jobs.length, 1);
  h.assertClean();
});

test('the token store in trouble: the log says why in the words of system or database, and in no others', async () => {
  const { h } = await till();
  const failing = (error: unknown) => (h.store.get = () => Promise.reject(error as Error));
  const said: unknown[] = [
    Object.assign(new Error('x'), { code: 'ECONNREFUSED' }),
    Object.assign(new Error('x'), { code: '57P01' }),
    Object.assign(new Error('x'), { name: 'LibsqlError', code: 'SQLITE_FULL' }),
    Object.assign(new Error('x'), { code: 'MODULE_NOT_FOUND' }),
    Object.assign(new Error('x'), { code: 'ERR_DLOPEN_FAILED' }),
    Object.assign(new Error('x'), { code: 'EAI_AGAIN' }),
    Object.assign(new Error('x'), { code: 'SELF_SIGNED_CERT_IN_CHAIN' }),
    Object.assign(new Error('x'), { code: 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA' }),
    new TypeError('x'),
    Object.assign(new Error('x'), { code: planted.connectionString }),
    // A secret in base32.
    Object.assign(new Error('x'), { code: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP' }),
    Object.assign(new Error('x'), { code: `ECONNREFUSED ${planted.connectionString}` }),
    Object.assign(new Error('x'), { code: `${planted.connectionString} EPIPE` }),
    Object.assign(new Error('x'), { name: `TypeError: ${planted.connectionString}` }),
    Object.assign(new Error('x'), { name: `${planted.connectionString} is an Error` }),
    planted.connectionString,
    undefined,
  ];
  for (const error of said) {
    failing(error);
    await h.call('GET', '/connection');
  }
  const codes = h.events.filter(({ type }) => type === 'store-failed').map(({ code }) => code);
  assert.deepEqual(codes, [
    'ECONNREFUSED',
    '57P01',
    'SQLITE_FULL',
    'MODULE_NOT_FOUND',
    'ERR_DLOPEN_FAILED',
    'EAI_AGAIN',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
    'TypeError',
    ...Array.from({ length: 8 }, () => 'Error'),
  ]);
  h.assertClean();
});

test('a token store so slow that the till has printed: nothing is sent any more, and the key stays free', async () => {
  const { h, jobs } = await till();
  const { put } = h.store;
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  let putting = false;
  h.store.put = async (...args) => {
    putting = true;
    await held;
    return put(...args);
  };
  const answer = send(h);
  await until(() => putting);
  h.clock.advance(8000);
  release();
  assert.equal((await problemOf(await answer)).code, 'send_failed');
  assert.equal(jobs.length, 0);
  h.store.put = put;
  assert.equal((await send(h)).status, 200);
});

test('a session so slow to check that the till has printed: nothing is sent any more, and the key stays free', async () => {
  let signIn: ((subject: { storeId: string }) => void) | undefined;
  let slow = false;
  const authorize = () =>
    slow ? new Promise<{ storeId: string }>((resolve) => (signIn = resolve)) : { storeId: 'store-1' };
  const { h, jobs } = await till(undefined, { authorize });
  slow = true;
  const answer = send(h);
  await until(() => signIn);
  h.clock.advance(8000);
  signIn!({ storeId: 'store-1' });
  assert.equal((await problemOf(await answer)).code, 'send_failed');
  assert.equal(jobs.length, 0);
  slow = false;
  assert.equal((await send(h)).status, 200);
});

test('the token store fails before the hook is called: surely not sent, and the key is free', async () => {
  const { h, jobs } = await till();
  const { get, put } = h.store;
  h.store.put = async (...args) => {
    h.store.put = put;
    // The key is taken: what is read next is the store's access token.
    h.store.get = () => {
      h.store.get = get;
      return Promise.reject(new Error(planted.connectionString));
    };
    return put.apply(h.store, args);
  };
  assert.equal((await problemOf(await send(h))).code, 'send_failed');
  assert.equal(jobs.length, 0);
  assert.equal((await send(h)).status, 200);
  assert.equal(jobs.length, 1);
  h.assertClean();
});

test('the token store hangs before the hook is called: surely not sent, now or later, and the key is free', async () => {
  const { h, jobs } = await till();
  const { get, put } = h.store;
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  let hanging = false;
  h.store.put = async (...args) => {
    h.store.put = put;
    // The key is taken: what is read next is the store's access token.
    const taken = await put.apply(h.store, args);
    h.store.get = async (name) => {
      h.store.get = get;
      hanging = true;
      await held;
      return get.call(h.store, name);
    };
    return taken;
  };
  const waiting = send(h);
  await until(() => hanging);
  await h.clock.advanceAsync(8000);
  assert.equal((await problemOf(await waiting)).code, 'send_failed');
  release();
  await settle();
  assert.equal(jobs.length, 0);
  assert.equal((await send(h)).status, 200);
  assert.equal(jobs.length, 1);
});

test('not sent, and the store does not let go of the key: the till hears that it was not sent', async () => {
  const { h, jobs } = await till(() => false);
  h.store.delete = () => Promise.reject(new Error(planted.connectionString));
  assert.equal((await problemOf(await send(h))).code, 'send_failed');
  h.clock.advance(20_000);
  assert.equal((await problemOf(await send(h))).code, 'send_unconfirmed');
  assert.equal(jobs.length, 1);
  h.assertClean();
});

test('sent, but the outcome could not be kept: the answer is true, and a repeat never sends', async () => {
  const { h, jobs } = await till();
  const { put } = h.store;
  let writes = 0;
  h.store.put = (...args) => (++writes === 1 ? put.apply(h.store, args) : Promise.reject(new Error('down')));
  assert.equal((await send(h)).status, 200);
  h.store.put = put;
  assert.equal((await problemOf(await send(h))).code, 'in_progress');
  h.clock.advance(20_000);
  assert.equal((await problemOf(await send(h))).code, 'send_unconfirmed');
  assert.equal(jobs.length, 1);
});

for (const [what, outcome, code, ms] of [
  ['sent', undefined, undefined, 0],
  ['not sent', false, 'send_failed', 0],
  ['out of time', new Promise(() => {}), 'send_unconfirmed', 8_000],
] as const)
  test(`${what}, and the token store hangs over that: the till hears of it all the same, and stopping waits for the store`, async () => {
    let hanging: (() => void)[] | undefined;
    const { h } = await till(() => {
      hanging = [];
      return outcome;
    });
    for (const call of ['get', 'put', 'delete'] as const) {
      const real = h.store[call] as (...args: unknown[]) => Promise<never>;
      h.store[call] = async (...args: unknown[]): Promise<never> => {
        if (hanging) await new Promise<void>((resolve) => hanging?.push(resolve));
        return real(...args);
      };
    }
    let answer: Response | undefined;
    void send(h).then((response) => (answer = response));
    await until(() => hanging);
    await h.clock.advanceAsync(ms);
    await until(() => hanging?.length);
    await h.clock.advanceAsync(2000);
    await settle();
    assert.ok(answer);
    const body = (await answer.json()) as { sent?: boolean; code?: string };
    assert.deepEqual([body.sent, body.code], [code ? undefined : true, code]);
    let closed = false;
    const closing = h.proxy.close().then(() => (closed = true));
    await settle();
    assert.equal(closed, false);
    const held = hanging!;
    hanging = undefined;
    for (const go of held) go();
    await closing;
    const keys = await h.store.list('ereceipt/');
    assert.equal(keys.length, code === 'send_failed' ? 0 : 1);
  });

test('sent, and the store takes it at the second try: a repeat hears that it was sent', async () => {
  const { h, jobs } = await till();
  const { put } = h.store;
  let writes = 0;
  h.store.put = (...args) => (++writes === 2 ? Promise.reject(new Error('down')) : put.apply(h.store, args));
  assert.equal((await send(h)).status, 200);
  assert.equal((await send(h)).status, 200);
  assert.ok(writes > 2);
  assert.equal(jobs.length, 1);
});

test('the token store in trouble: a sweep says so and does not throw, and the next one forgets what is due', async () => {
  const { h } = await till();
  await send(h);
  h.clock.advance(8 * 86_400_000);
  const { list } = h.store;
  h.store.list = () => Promise.reject(new Error(planted.connectionString));
  for (let turn = 0; turn < 2; turn++) {
    const report = await h.proxy.sweep();
    assert.ok(report.failed > 0);
    assert.equal(report.pruned, 0);
  }
  h.store.list = list;
  assert.equal((await h.proxy.sweep()).pruned, 1);
  h.assertClean();
});

test('many replicas sweep: old keys are looked through by one of them, once a day', async () => {
  const { h } = await till();
  const { store, clock, upstream } = h;
  const other = await till(() => undefined, {}, { store, clock, upstream });
  await send(h);
  const { get } = store;
  let looks = 0;
  store.get = (name) => {
    if (name.startsWith('ereceipt/')) looks += 1;
    return get(name);
  };
  let pruned = 0;
  for (let hour = 0; hour < 9 * 24; hour++) {
    for (const { proxy } of [h, other.h]) pruned += (await proxy.sweep()).pruned;
    clock.advance(3600_000);
  }
  assert.equal(pruned, 1);
  assert.equal(looks, 9);
});

test('an old key that nobody can read any more, or that the store does not let go of, holds up no other', async () => {
  const { h } = await till();
  for (const one of ['a', 'b', 'c', 'd']) await send(h, { key: one });
  h.clock.advance(8 * 86_400_000);
  const [first, second, ...others] = await h.store.list('ereceipt/');
  const { value, version } = (await h.store.get(first!))!;
  await h.store.put(first!, value.slice(0, -9) + 'unreadable', { ifVersion: version });
  const { delete: forget } = h.store;
  h.store.delete = async (name, options) => {
    if (name === second) throw new Error('locked');
    return forget(name, options);
  };
  assert.equal((await h.proxy.sweep()).pruned, others.length);
  assert.deepEqual(await h.store.list('ereceipt/'), [first, second]);
});

test('sweeps while old keys are still being forgotten: they do not begin anew, and stopping ends it', async () => {
  const { h } = await till();
  for (const one of ['a', 'b', 'c']) await send(h, { key: one });
  h.clock.advance(8 * 86_400_000);
  const { get } = h.store;
  let looks = 0;
  let release = () => {};
  const slow = new Promise<void>((resolve) => (release = resolve));
  h.store.get = async (name) => {
    if (name.startsWith('ereceipt/') && (looks += 1) === 1) await slow;
    return get(name);
  };
  const first = h.proxy.sweep();
  await until(() => looks === 1);
  assert.deepEqual([(await h.proxy.sweep()).pruned, (await h.proxy.sweep()).pruned], [0, 0]);
  await h.proxy.close();
  release();
  assert.equal((await first).pruned, 1);
  assert.equal(looks, 1);
});

test('a host that ends each sweep after so many calls of the store: what one leaves over the next ones do', async () => {
  const { h } = await till();
  for (let sent = 0; sent < 30; sent++) await send(h, { key: `old-${sent}` });
  h.clock.advance(8 * 86_400_000);
  for (let sent = 0; sent < 300; sent++) await send(h, { key: `young-${sent}` });
  for (let minute = 0; minute < 24 * 60; minute += 5) {
    let calls = 0;
    const counted =
      <Args extends unknown[], Answer>(call: (...args: Args) => Promise<Answer>) =>
      async (...args: Args): Promise<Answer> => {
        if (++calls > 50) throw new Error('Too many API requests by single worker invocation.');
        return call(...args);
      };
    const { get, put, delete: forget, list, close } = h.store;
    const store = { get: counted(get), put: counted(put), delete: counted(forget), list: counted(list), close };
    const { proxy } = harness({}, { store, clock: h.clock, upstream: h.upstream });
    await proxy.sweep();
    await proxy.close();
    h.clock.advance(5 * 60_000);
  }
  assert.equal((await h.store.list('ereceipt/')).length, 300);
});
