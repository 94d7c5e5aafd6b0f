import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planted } from './canaries.js';
import { problemOf, type CallOptions } from './harness.js';
import { key, receipt, request, send, till } from './support/ereceipt-till.js';

test('bodies: JSON, in UTF-8, of the right shape; the rest is refused by name', async () => {
  const { h, jobs } = await till();
  const refused = async (code: string, options: CallOptions & { key?: string | null }) =>
    assert.equal((await problemOf(await send(h, options))).code, code, JSON.stringify(options).slice(0, 120));
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    'application/json+x',
    '',
  ]) {
    await refused('unsupported_media_type', { headers: { 'Content-Type': type } });
  }
  await refused('unsupported_media_type', { headers: { 'Content-Encoding': 'gzip' } });
  for (const body of [
    '',
    '{',
    'null',
    '7',
    '"x"',
    '[]',
    '{}',
    '[{"orderId":"a","phoneNumber":"+12135550109"}]',
    'NaN',
    '\u0000',
    "{'orderId':1}",
  ])
    await refused('bad_request', { body });
  for (const orderId of [undefined, null, 7, '', '   ', '\n', 'x'.repeat(201), '🧾'.repeat(201), {}, ['a']])
    await refused('bad_request', { body: { ...receipt, orderId } });
  for (const phoneNumber of [undefined, null, 12135550109, {}, ['+12135550109']])
    await refused('bad_request', { body: { ...receipt, phoneNumber } });
  await refused('bad_request', { body: '['.repeat(8000) });
  for (const wrong of [null, '', 'x'.repeat(201), 'has space in it', 'ünïcödé-key-1'])
    await refused('bad_request', { key: wrong });
  assert.equal(jobs.length, 0);
  const polluted =
    '{"__proto__":{"orderId":"evil","polluted":true},"constructor":1,"storeId":"store-2","orderId":"order-1","phoneNumber":"+12135550109"}';
  assert.equal(
    (await send(h, { body: polluted, headers: { 'Content-Type': 'Application/JSON; charset=utf-8' } })).status,
    200,
  );
  assert.deepEqual(
    [jobs[0]!.orderId, jobs[0]!.storeId, ({} as { polluted?: boolean }).polluted],
    ['order-1', 'store-1', undefined],
  );
  h.assertClean();
});

test('bodies: capped while they stream, whatever their length claims', async () => {
  const { h, jobs } = await till();
  assert.equal(
    (await problemOf(await send(h, { body: { ...receipt, filler: 'x'.repeat(8192) } }))).code,
    'body_too_large',
  );
  const post = (...sent: Parameters<typeof request>) => h.proxy.fetch(request(...sent));
  let pulled = 0;
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled += 1;
      controller.enqueue(new Uint8Array(1024).fill(32));
    },
    cancel() {
      cancelled = true;
    },
  });
  assert.equal((await problemOf(await post({ body: endless, duplex: 'half' }))).code, 'body_too_large');
  assert.ok(pulled < 12 && cancelled, `${pulled} chunks were taken`);
  const broken = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(new Error(planted.session)) });
  assert.equal((await problemOf(await post({ body: broken, duplex: 'half' }))).code, 'bad_request');
  const chopped = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const byte of new TextEncoder().encode(JSON.stringify({ ...receipt, orderId: 'örder-\u{1f9fe}' })))
        controller.enqueue(Uint8Array.of(byte));
      controller.close();
    },
  });
  assert.equal((await post({ body: chopped, duplex: 'half' })).status, 200);
  const whole = (bytes: number, start = '') => start + JSON.stringify(receipt).padEnd(bytes - Buffer.byteLength(start));
  // A byte order mark counts, and is no part of the JSON.
  for (const body of [whole(8192), whole(8192, '\ufeff')])
    for (const more of [{}, { 'Content-Length': '8192', 'Content-Encoding': 'identity' }] as Record<string, string>[])
      assert.equal((await post({ body }, { 'Idempotency-Key': 'a', ...more })).status, 200);
  assert.equal((await problemOf(await post({ body: whole(8193) }))).code, 'body_too_large');
  const hanging = new ReadableStream<Uint8Array>({});
  const long = { 'Content-Length': '8193' };
  assert.equal(
    (await problemOf(await post({ body: hanging, duplex: 'half' }, long))).code,
    'body_too_large',
    'not waited for',
  );
  assert.equal((await problemOf(await post({}))).code, 'bad_request', 'no body at all');
  // Good JSON, but for a byte that UTF-8 does not have.
  const latin = Buffer.from(JSON.stringify({ ...receipt, orderId: 'order-\xff' }), 'latin1');
  assert.equal((await problemOf(await post({ body: latin }, { 'Idempotency-Key': key + 'b' }))).code, 'bad_request');
  assert.deepEqual(
    jobs.map(({ orderId }) => orderId),
    ['örder-\u{1f9fe}', receipt.orderId],
  );
  h.assertClean();
});

test('bodies: one that something in front of the proxy has read, or left empty, is told as that', async () => {
  const { h, jobs } = await till();
  const logged = request({ body: JSON.stringify(receipt) });
  await logged.json();
  for (const sent of [logged, request({ body: '' })]) {
    const problem = await problemOf(await h.proxy.fetch(sent));
    assert.equal(problem.code, 'bad_request');
    assert.match(problem.detail!, /is empty, or was read before/);
  }
  assert.equal(jobs.length, 0);
});

test('numbers: E.164 that can get a text message, or 422, and never quoted', async () => {
  const { h, jobs } = await till();
  const wrong = [
    '',
    'abc',
    '12135550109',
    '0012135550109',
    '+1 213 555 0109',
    '+1213555010',
    '+121355501099',
    '+1',
    '+0',
    '+9999999999',
    '+15555550109',
    '+441212345678',
    '+12135550109\n',
    '+12135550109;ext=5',
    '+12135550109 x5',
    'tel:+12135550109',
    'to +12135550109',
    '+1２135550109',
    '+' + '1'.repeat(15),
    // Whose 0 is for callers inside the country.
    '+4407911123456',
    // Of no country: toll-free, shared cost, numbers on the net, premium.
    '+80012345678',
    '+80812345678',
    '+878101234567890',
    '+883510012345',
    '+88812345678901',
    '+979123456789',
  ];
  for (const phoneNumber of wrong) {
    const response = await send(h, { body: { ...receipt, phoneNumber } });
    const problem = await problemOf(response);
    assert.equal(problem.code, 'invalid_phone_number', JSON.stringify(phoneNumber));
    if (phoneNumber.length > 5) assert.ok(!JSON.stringify(problem).includes(phoneNumber));
  }
  assert.equal(jobs.length, 0);
  for (const [at, phoneNumber] of [
    '+12135550109',
    '+447911123456',
    '+33612345678',
    '+4915123456789',
    '+972502345678',
    '+5511987654321',
    // A satellite phone.
    '+881612345678',
  ].entries()) {
    assert.equal((await send(h, { body: { ...receipt, phoneNumber }, key: `till-7-${at}` })).status, 200, phoneNumber);
  }
});

test('an order id has up to 200 characters as JSON Schema counts them, whatever they take to write down', async () => {
  const { h, jobs } = await till(async () => {});
  for (const orderId of ['🧾'.repeat(200), 'é'.repeat(200), `${'x'.repeat(199)}\n`]) {
    assert.equal((await send(h, { key: `k${jobs.length}`, body: { ...receipt, orderId } })).status, 200);
    assert.equal(jobs.at(-1)!.orderId, orderId);
  }
});
