import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { EreceiptUnconfirmedError, type EreceiptJob } from '../../src/proxy/index.js';
import { planted } from './canaries.js';
import { settle } from '../support/settle.js';
import { until } from '../support/until.js';
import { harness, problemOf, Upstream, type CallOptions, type Harness } from './harness.js';

const key = 'till-7-order-1001-a';
const receipt = { orderId: 'order-1001', phoneNumber: planted.phoneNumber };

const send = (h: Harness, options: CallOptions & { key?: string | null } = {}) =>
  h.call('POST', '/ereceipts', {
    body: receipt,
    ...options,
    headers: { ...(options.key === null ? {} : { 'Idempotency-Key': options.key ?? key }), ...options.headers },
  });

/** A proxy whose hook does what it is told, for a connected store. */
async function till(hook: (job: EreceiptJob) => unknown = () => undefined, more = {}, shared = {}) {
  const jobs: EreceiptJob[] = [];
  const h = harness(
    {
      sendEreceipt: async (job) => {
        jobs.push(job);
        return hook(job);
      },
      checkFraming: false,
      ...more,
    },
    shared,
  );
  await h.connect();
  return { h, jobs };
}

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

test('what the hook throws is judged: any doubt is `send_unconfirmed`, and its key never sends again', async () => {
  const apiError = (fields: object) =>
    Object.assign(new Error('x'), { name: 'RulrrApiError', code: 'x', status: 0, ...fields });
  const fetchFailed = (code: string) => new TypeError('fetch failed', { cause: Object.assign(new Error(), { code }) });
  const withCode = (message: string, code: string) => Object.assign(new Error(message), { code });
  const answeredWith = (fields: object) => Object.assign(new Error('x'), fields);
  const causeOfItself = () => {
    const error = new Error('x');
    return Object.assign(error, { cause: error });
  };
  const cases: [string, unknown, 'send_failed' | 'send_unconfirmed'][] = [
    ['an error', new Error('no'), 'send_failed'],
    ['a text', 'no', 'send_failed'],
    ['nothing', undefined, 'send_failed'],
    ['a defect of the hook', new TypeError('x is not a function'), 'send_failed'],
    ['API: not sent', apiError({ sent: 'no' }), 'send_failed'],
    ['API: refused', apiError({ sent: 'answered', status: 403 }), 'send_failed'],
    ['API: too many', apiError({ sent: 'answered', status: 429 }), 'send_failed'],
    ['API: its time ran out', apiError({ sent: 'answered', status: 408 }), 'send_unconfirmed'],
    ['API: too early', apiError({ sent: 'answered', status: 425 }), 'send_failed'],
    ['API: broke down', apiError({ sent: 'answered', status: 502 }), 'send_unconfirmed'],
    ['API: unclear', apiError({ sent: 'unclear' }), 'send_unconfirmed'],
    ['said so', new EreceiptUnconfirmedError(), 'send_unconfirmed'],
    ['fetch: refused', fetchFailed('ECONNREFUSED'), 'send_failed'],
    ['fetch: unknown host', fetchFailed('ENOTFOUND'), 'send_failed'],
    ['fetch: reset', fetchFailed('ECONNRESET'), 'send_unconfirmed'],
    ['fetch: closed', fetchFailed('UND_ERR_SOCKET'), 'send_unconfirmed'],
    ['fetch: cut', new TypeError('terminated'), 'send_unconfirmed'],
    ['node: hung up', withCode('socket hang up', 'ECONNRESET'), 'send_unconfirmed'],
    ['node: broken pipe', withCode('write EPIPE', 'EPIPE'), 'send_unconfirmed'],
    ['node: refused', withCode('connect ECONNREFUSED', 'ECONNREFUSED'), 'send_failed'],
    ['axios: timeout', withCode('timeout of 5000ms exceeded', 'ECONNABORTED'), 'send_unconfirmed'],
    ['axios: 5xx', withCode('Request failed with status code 502', 'ERR_BAD_RESPONSE'), 'send_unconfirmed'],
    ['axios: 4xx', withCode('Request failed with status code 422', 'ERR_BAD_REQUEST'), 'send_failed'],
    ['got: timeout', Object.assign(new Error('x'), { name: 'TimeoutError', code: 'ETIMEDOUT' }), 'send_unconfirmed'],
    ['got: 5xx', answeredWith({ code: 'ERR_NON_2XX_3XX_RESPONSE', response: { statusCode: 503 } }), 'send_unconfirmed'],
    ['got: 4xx', answeredWith({ code: 'ERR_NON_2XX_3XX_RESPONSE', response: { statusCode: 422 } }), 'send_failed'],
    ['ky: 5xx', answeredWith({ response: new Response('', { status: 502 }) }), 'send_unconfirmed'],
    ['ky: its time ran out', answeredWith({ response: new Response('', { status: 408 }) }), 'send_unconfirmed'],
    ['got: the caller hung up', answeredWith({ response: { statusCode: 499 } }), 'send_unconfirmed'],
    ['ky: 4xx', answeredWith({ response: new Response('', { status: 404 }) }), 'send_failed'],
    ['a gateway of text messages: 5xx', answeredWith({ status: 503, code: 20503 }), 'send_unconfirmed'],
    ['a gateway of text messages: 4xx', answeredWith({ status: 400, code: 21211 }), 'send_failed'],
    ['AWS: 5xx', answeredWith({ $metadata: { httpStatusCode: 500 } }), 'send_unconfirmed'],
    ['wrapped 5xx', new Error('sms', { cause: answeredWith({ statusCode: 504 }) }), 'send_unconfirmed'],
    ['wrapped', new Error('sms', { cause: withCode('read', 'ECONNRESET') }), 'send_unconfirmed'],
    ['an object that is no error', { code: 'ETIMEDOUT' }, 'send_unconfirmed'],
    ['an error that has caused itself', causeOfItself(), 'send_failed'],
    ['a file of the hook', withCode('no such file', 'ENOENT'), 'send_failed'],
    ['aborted', new DOMException('x', 'AbortError'), 'send_unconfirmed'],
    ['timed out', new DOMException('x', 'TimeoutError'), 'send_unconfirmed'],
    ['what cannot be read', { get code() { throw new Error('x'); } }, 'send_unconfirmed'], // prettier-ignore
  ];
  for (const [name, thrown, code] of cases) {
    const { h, jobs } = await till(() => { throw thrown; }); // prettier-ignore
    assert.equal((await problemOf(await send(h))).code, code, name);
    assert.equal((await problemOf(await send(h))).code, code, name);
    assert.equal(jobs.length, code === 'send_failed' ? 2 : 1, name);
    h.assertClean();
  }
});

test('what the hook comes back with is believed where it says no: `fetch` does not throw for a refusal', async () => {
  const read = Response.json({ id: 1 });
  await read.text();
  const cases: [unknown, number, string?][] = [
    [undefined, 200],
    [null, 200],
    [{ success: true }, 200],
    [new Response('', { status: 202 }), 200],
    [new Response('queued'), 200],
    [new Response('<status>queued</status>', { headers: { 'Content-Type': 'application/xml' } }), 200],
    [new Response('ok', { headers: { 'Content-Type': 'text/html' } }), 200],
    [new Response('<h1>Sign in</h1>', { headers: { 'Content-Type': 'text/html' } }), 504, 'send_unconfirmed'],
    [new Response('\n<h1>Sign in</h1>', { headers: { 'Content-Type': 'Text/HTML' } }), 504, 'send_unconfirmed'],
    ['{"id":"7","status":"rej', 504, 'send_unconfirmed'],
    ['[7] queued', 200],
    [{ statusCode: 200, headers: {}, body: 'ERR: 105, no credit left' }, 504, 'send_unconfirmed'],
    [{ statusCode: 200, headers: {}, body: 'queued' }, 200],
    [new Response('queued<br>', { headers: { 'Content-Type': 'text/html' } }), 200],
    [
      new Response('Warning: no key in sms.php', { headers: { 'Content-Type': 'application/json' } }),
      504,
      'send_unconfirmed',
    ],
    [
      new Response('Warning: no key in sms.php', { headers: { 'Content-Type': 'Application/JSON' } }),
      504,
      'send_unconfirmed',
    ],
    [new Response('\n', { headers: { 'Content-Type': 'application/json' } }), 200],
    [Response.json(false), 502, 'send_failed'],
    [Response.json({ success: true }), 200],
    [read, 200],
    [false, 502, 'send_failed'],
    [new Response('', { status: 422 }), 502, 'send_failed'],
    [new Response('', { status: 500 }), 504, 'send_unconfirmed'],
    [new Response('', { status: 408 }), 504, 'send_unconfirmed'],
    [{ statusCode: 499 }, 504, 'send_unconfirmed'],
    [Response.json({ error: 'number' }, { status: 422 }), 502, 'send_failed'],
    [Response.json({ error: 'again' }, { status: 503 }), 504, 'send_unconfirmed'],
    [Response.json({ success: false }), 504, 'send_unconfirmed'],
    [Response.json({ success: false, status: 400 }), 502, 'send_failed'],
    [new Response(new ReadableStream({ start: (body) => body.error(new Error('cut')) })), 504, 'send_unconfirmed'],
    // Of other libraries, and odd: whatever cannot be read came after the send.
    [
      {
        ok: true,
        bodyUsed: false,
        text: () => {
          throw new Error('cut');
        },
      },
      504,
      'send_unconfirmed',
    ],
    [{ ok: true, bodyUsed: false, text: () => Promise.resolve('<p>'), headers: {} }, 504, 'send_unconfirmed'],
    [
      {
        get sent() {
          throw new Error('gone');
        },
      },
      504,
      'send_unconfirmed',
    ],
    [{ ok: false }, 504, 'send_unconfirmed'],
    [{ success: false }, 504, 'send_unconfirmed'],
    [{ sent: false, status: 'queued' }, 504, 'send_unconfirmed'],
    [{ sent: false, status: 0 }, 504, 'send_unconfirmed'],
    // As servers say no that know no `false`, or write it as a text. What is left out says nothing.
    [{ success: 0 }, 504, 'send_unconfirmed'],
    [{ success: 'false' }, 504, 'send_unconfirmed'],
    [{ sent: null }, 504, 'send_unconfirmed'],
    [{ ok: '' }, 504, 'send_unconfirmed'],
    [{ ok: ' No ' }, 504, 'send_unconfirmed'],
    [{ sent: '0', status: 422 }, 502, 'send_failed'],
    [Response.json({ sent: 0 }), 504, 'send_unconfirmed'],
    [{ success: 1, sent: 'true', ok: 'yes' }, 200],
    [{ sent: '2026-11-26T10:30:00Z', ok: undefined }, 200],
    [{ success: {} }, 200],
    // In other words, or where axios puts the body.
    [{ error: 'No credit left' }, 504, 'send_unconfirmed'],
    [{ error: { code: 21211 }, status: 400 }, 502, 'send_failed'],
    // GraphQL's way, with a status of 200.
    [Response.json({ data: { text: null }, errors: [{ message: 'No credit left' }] }), 504, 'send_unconfirmed'],
    [{ status: 200, data: { errors: { phone: ['is invalid'] } } }, 504, 'send_unconfirmed'],
    [{ accepted: 0, errors: 1 }, 504, 'send_unconfirmed'],
    [{ data: { text: 'queued' }, errors: [] }, 200],
    [{ accepted: 1, errors: 0 }, 200],
    [{ data: { text: 'queued' }, errors: null }, 200],
    [{ errors: { phoneNumber: ['is no mobile'] }, status: 422 }, 502, 'send_failed'],
    [{ errors: {} }, 200],
    // Of `Promise.all` and its kin, and of gateways that answer for each recipient.
    [[new Response('no credit', { status: 402 }), undefined], 504, 'send_unconfirmed'],
    [[undefined, Response.json({ success: false })], 504, 'send_unconfirmed'],
    [[{ status: 'rejected', reason: new Error('no credit') }, { status: 'fulfilled' }], 504, 'send_unconfirmed'],
    [Response.json([{ to: '+12135550123', status: 'failed' }]), 504, 'send_unconfirmed'],
    [{ status: 200, data: [{ success: false }] }, 504, 'send_unconfirmed'],
    [[], 200],
    [[Response.json({ success: true }), new Response('queued'), undefined, 7], 200],
    [{ status: 'error', message: 'No credit left' }, 504, 'send_unconfirmed'],
    [{ status: 'failed', sid: 'SM1' }, 504, 'send_unconfirmed'],
    [{ status: 'FAILED' }, 504, 'send_unconfirmed'],
    ...['undelivered', 'Canceled', 'EXPIRED', 'invalid number', 'unknown', 'unsent'].map(
      (status): [unknown, number, string] => [{ status, sid: 'SM1' }, 504, 'send_unconfirmed'],
    ),
    ...['accepted', 'scheduled', 'queued', 'sending', 'sent', 'delivered', 'unread'].map(
      (status): [unknown, number] => [{ status, sid: 'SM1' }, 200],
    ),
    [{ status: 'done', statusCode: 422 }, 502, 'send_failed'],
    // As clients have it that make a class of each answer.
    ...[{ success: false }, { sent: 0 }, { errors: ['No credit left'] }, { data: { error: 'No credit left' } }].map(
      (inherited): [unknown, number, string] => [Object.create(inherited), 504, 'send_unconfirmed'],
    ),
    [Object.create({ success: true, data: { status: 'queued' } }), 200],
    [{ status: 200, statusCode: 500 }, 504, 'send_unconfirmed'],
    [{ status: '503' }, 504, 'send_unconfirmed'],
    [{ status: 200, data: { success: false } }, 504, 'send_unconfirmed'],
    [{ status: 200, data: { status: 'fail' } }, 504, 'send_unconfirmed'],
    [{ status: 200, data: false }, 502, 'send_failed'],
    [{ status: 200, data: 'queued' }, 200],
    [Response.json({ status: 'error' }), 504, 'send_unconfirmed'],
    [{ status: 200, data: { success: true, error: null, data: null } }, 200],
    [{ status: 'queued', error: null, errorCode: 0 }, 200],
    [{ success: false, status: 400 }, 502, 'send_failed'],
    // A gateway's refusal that was read, and answers of clients that throw for none.
    [{ title: 'No such number', status: 422 }, 502, 'send_failed'],
    [{ title: 'Out of order', status: 503 }, 504, 'send_unconfirmed'],
    [{ statusCode: 400, headers: {}, body: {} }, 502, 'send_failed'],
    [{ statusCode: 500, headers: {}, body: {} }, 504, 'send_unconfirmed'],
    [{ statusCode: 302, headers: {}, body: {} }, 504, 'send_unconfirmed'],
    [{ statusCode: 202, headers: {}, body: {} }, 200],
    [{ status: 200, data: { status: 500 } }, 504, 'send_unconfirmed'],
    [{ status: 'queued', code: 500 }, 200],
    [{ status: 1701 }, 200],
    [Response.json({ title: 'Out of order', status: 503 }), 504, 'send_unconfirmed'],
    [new Error('not today'), 502, 'send_failed'],
    [new TypeError('fetch failed'), 504, 'send_unconfirmed'],
  ];
  for (const [result, status, code] of cases) {
    const { h } = await till(() => result);
    const response = await send(h);
    assert.equal(response.status, status, `${inspect(result)} ${code}`);
    if (code) assert.equal((await problemOf(response)).code, code);
    const told = h.events.filter(({ type }) => type === 'ereceipt-failed' || type === 'ereceipt-unconfirmed');
    assert.deepEqual(
      told.map(({ type, storeId }) => [type, storeId]),
      code ? [[code === 'send_failed' ? 'ereceipt-failed' : 'ereceipt-unconfirmed', 'store-1']] : [],
    );
  }
});

/** Each answer as hooks come by it: read, unread, and as axios, got and undici have it. */
const inEachDress = (answer: unknown): unknown[] => {
  const text = JSON.stringify(answer);
  return [
    answer,
    Response.json(answer),
    { status: 200, headers: {}, config: {}, data: answer },
    { statusCode: 200, headers: {}, body: answer },
    { statusCode: 200, headers: {}, body: text },
    { statusCode: 200, headers: {}, body: Buffer.from(text) },
    { statusCode: 200, headers: {}, body: { bodyUsed: false, text: () => Promise.resolve(text) } },
    [answer, undefined],
  ];
};

/** What became of sends whose hook comes back with these, one after the other. */
async function outcomesOf(results: unknown[]): Promise<string> {
  const left = [...results];
  const { h } = await till(() => left.shift());
  const codes = new Set<unknown>();
  for (const at of results.keys()) {
    const response = await send(h, { key: `${key}-${at}` });
    codes.add(response.status === 200 ? 'sent' : (await problemOf(response)).code);
  }
  return [...codes].join(' ');
}

const to = '+12135550123';

test('gateways answer 200 whatever came of it: their no is found where they put it', async () => {
  const answers: [string, unknown][] = [
    ['PHP', { status: false, message: 'No credit left' }],
    ['a text for it', { status: 'false' }],
    ['.NET', { Success: false, ErrorMessage: 'No credit left' }],
    ['.NET, Identity', { Succeeded: false }],
    ['Vonage', { 'message-count': '1', messages: [{ status: '2', 'error-text': 'Missing to param' }] }],
    ['Infobip', { messages: [{ to, status: { groupName: 'REJECTED', name: 'REJECTED_NOT_ENOUGH_CREDITS' } }] }],
    ['Azure', { value: [{ to, httpStatusCode: 400, successful: false, errorMessage: 'Invalid number' }] }],
    ['Azure, its client', [{ to, httpStatusCode: 400, successful: false }]],
    ['AWS Pinpoint', { MessageResponse: { ApplicationId: 'a', Result: { [to]: { DeliveryStatus: 'OPT_OUT' } } } }],
    ['AWS SNS', { Successful: [], Failed: [{ Id: '1', Code: 'InternalFailure' }] }],
    ['AWS Lambda', { StatusCode: 200, FunctionError: 'Unhandled' }],
    ['Clickatell', { messages: [{ accepted: false, error: { code: 607 } }], error: null }],
    ['ClickSend', { http_code: 200, data: { messages: [{ to, status: 'INSUFFICIENT_CREDIT' }] } }],
    ["Africa's Talking", { SMSMessageData: { Recipients: [{ statusCode: 405, status: 'InsufficientBalance' }] } }],
    ['MSG91', { type: 'error', message: 'Authentication failure' }],
    ['a type in capitals', { type: 'ERROR', id: 1 }],
    ['a code in words', { code: 'REJECTED', id: 1 }],
    ['Fast2SMS', { return: false, status_code: 411 }],
    ['SMS.ru', { status: 'OK', sms: { '12135550123': { status: 'ERROR', status_code: 207 } } }],
    ['Gupshup', { response: { status: 'error', id: '105' } }],
    ['Plivo', { message_state: 'failed', error_code: '900' }],
    ['Firebase', { successCount: 0, failureCount: 1, responses: [{ success: false }] }],
    ['MessageBird', { recipients: { totalCount: 1, items: [{ recipient: 1, status: 'delivery_failed' }] } }],
    ['Alibaba', { Code: 'isv.BUSINESS_LIMIT_CONTROL', Message: 'Hourly limit', RequestId: '1' }],
    ['Tencent', { SendStatusSet: [{ SerialNo: '', Code: 'LimitExceeded.PhoneNumberDailyLimit' }], RequestId: '1' }],
    ['GraphQL', { data: { sendReceipt: { success: false, message: 'No credit left' } } }],
    ['GraphQL, in a list', { data: { sendReceipt: { id: null, userErrors: [{ message: 'No credit left' }] } } }],
    ['SOAP', { 'soap:Envelope': { 'soap:Body': { 'soap:Fault': { faultcode: 'soap:Server' } } } }],
    ['an error that was written as JSON', { name: 'AxiosError', message: 'Network Error', status: null }],
    ['an error without a word', { error: {} }],
  ];
  for (const [name, answer] of answers) {
    const codes = new Set((await outcomesOf(inEachDress(answer))).split(' '));
    assert.equal(codes.has('sent'), false, name);
  }
  for (const word of ['not_sent', 'delivery_failed', 'PERMANENT_FAILURE', 'denied', 'Blocked', 'timed out', 'NOK'])
    assert.equal(await outcomesOf(inEachDress({ id: 1, status: word })), 'send_unconfirmed', word);
});

test('gateways that answer in words: those that begin with a no', async () => {
  const dressed = (words: string) => [words, new Response(words), { status: 200, headers: {}, data: words }];
  const no = [
    'ERROR 302: no credit',
    'ERR: 105',
    'Failed',
    'Rejected',
    'Access denied',
    'Not sent',
    'no',
    ' {"sent":0}',
    'Warning: Undefined variable $key in send.php on line 3 {"sent":true}',
    '<br />\n<b>Notice</b>:  Undefined index in <b>send.php</b><br />',
    '<?xml version="1.0"?><response><status>failed</status></response>',
    '<sms:reply xmlns:sms="urn:x"><sms:result success="false"/></sms:reply>',
    '<s:Envelope><s:Body><s:Fault><faultcode>s:Client</faultcode></s:Fault></s:Body></s:Envelope>',
    '<reply status="failed">A1</reply>',
    '<failed/>',
    '<?xml version="1.0"?><string xmlns="urn:x">Not sent</string>',
    '<mt-submission-res><errorcode>5</errorcode></mt-submission-res>',
  ];
  for (const words of no) assert.equal(await outcomesOf(dressed(words)), 'send_unconfirmed', words);
  const yes = [
    'OK',
    '<?xml version="1.0" encoding="utf-8"?><response><status>0</status><error/><id>A1</id></response>',
    '<SendResult><Success>true</Success><ErrorCode>0</ErrorCode><Message>No reply needed</Message></SendResult>',
    'queued',
    '0: Accepted for delivery',
    'No errors',
    'Errors: 0, sent: 1',
    'failed: 0',
    'err5Xk2Pq9',
    '',
  ];
  for (const words of yes) assert.equal(await outcomesOf(dressed(words)), 'sent', words);
  assert.equal(await outcomesOf([0]), 'send_unconfirmed', 'none was sent, or nothing went wrong');
});

test('a long and odd answer of a gateway is judged at once: all other tills would wait for it', async () => {
  const spaces = `${' '.repeat(60_000)}x`;
  const begun = performance.now();
  for (const odd of ['<'.repeat(60_000), { success: spaces }, { error: spaces }, { code: spaces }])
    await outcomesOf([odd, Response.json(odd)]);
  assert.ok(performance.now() - begun < 5000, 'the process stood still');
});

test('a hook that settles each call: what they came back with counts', async () => {
  const settled = (value: unknown) => [[{ status: 'fulfilled', value }]];
  assert.equal(await outcomesOf(settled(Response.json({ success: false }))), 'send_unconfirmed');
  assert.equal(await outcomesOf(settled(Response.json({ success: true }))), 'sent');
});

test('a hook that does not wait for the calls that it lists: what they come back with is read', async () => {
  const call = async (answer: object) => {
    if (answer instanceof Error) throw answer;
    return Response.json(answer);
  };
  const outcomes: [object[], number][] = [
    [[{ success: true }, new Error('no credit')], 504],
    [[{ success: false }], 504],
    [[{ success: true }, {}], 200],
  ];
  for (const [answers, status] of outcomes) {
    const { h } = await till(() => answers.map(call));
    assert.equal((await send(h)).status, status, inspect(answers));
  }
});

test('a clear yes prints no paper as well, whatever else stands in it', async () => {
  const itself: Record<string, unknown> = { success: true };
  itself['data'] = itself;
  const answers: [string, unknown][] = [
    ['Vonage', { messages: [{ to, status: '0', 'message-id': '0A' }] }],
    ['Twilio', { sid: 'SM1', status: 'queued', error_code: null, error_message: null }],
    ['Infobip', { messages: [{ to, status: { groupName: 'PENDING', name: 'PENDING_ACCEPTED' } }] }],
    ['Plivo', { message_state: 'sent', error_code: '000' }],
    ['MessageBird', { recipients: { totalCount: 1, items: [{ recipient: 1, status: 'sent' }] } }],
    ['Alibaba', { Code: 'OK', Message: 'OK', BizId: '1' }],
    ['Tencent', { SendStatusSet: [{ SerialNo: '1', Code: 'Ok', Message: 'send success' }] }],
    ['Yunpian', { code: 0, msg: 'sent', count: 1 }],
    ['a code in words', { code: 'NO_ERROR' }],
    ['a code to fetch the order by', { code: '412', id: 'E1' }],
    ['Unifonic', { success: true, errorCode: 'ER-00' }],
    ['TransmitSMS', { message_id: 1, error: { code: 'SUCCESS', description: 'OK' } }],
    ['Sinch, with the words for the customer', { id: 'x', canceled: false, body: 'No reply needed: your receipt' }],
    ['nodemailer', { accepted: ['a@b.example'], rejected: [] }],
    ['in words', { error: 'none', errorMessage: 'No error' }],
    ['a list that is empty', { error: [], failed: 0 }],
    ['PHP', { status: true }],
    ['an order of which a part did not come off', { success: true, order: { status: 'canceled', refunds: 1 } }],
    ['payments of which one was declined', { orderId: '7', payments: [{ status: 'declined' }, { status: 'paid' }] }],
  ];
  for (const [name, answer] of answers) assert.equal(await outcomesOf(inEachDress(answer)), 'sent', name);
  assert.equal(await outcomesOf([itself, { ok: true, accepted: false, error: false, body: {} }]), 'sent');
});

test('a hook that hands on its order without waiting for it: not sent, rather than an order without a number', async () => {
  const orderOf = async ({ orderId, phoneNumber }: EreceiptJob) => ({ orderId, ereceipt: { phoneNumber } });
  const { h } = await till((job) => job.api.createOrder(orderOf(job)));
  assert.equal((await problemOf(await send(h))).code, 'send_failed');
  assert.ok(!h.upstream.calls.includes('POST /v1/orders'));
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
  while ((await send(h)).status !== 200);
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

test('a send that came through in time has its signal left alone after it: a hook may take it for a call to cancel', async () => {
  const { h, jobs } = await till();
  assert.equal((await send(h)).status, 200);
  await h.clock.advanceAsync(60_000);
  assert.equal(jobs[0]!.signal.aborted, false);
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

test('a repeat while the receipt is being sent hears when to ask again', async () => {
  const { h, jobs } = await till(() => new Promise(() => {}));
  void send(h);
  await until(() => jobs.length === 1);
  const again = await send(h);
  assert.equal(again.headers.get('Retry-After'), '1');
  assert.equal((await problemOf(again)).code, 'in_progress');
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

test('numbers: E.164 that can get a text message, or 422, and never quoted', async () => {
  const { h, jobs } = await till();
  const wrong = ['', 'abc', '12135550109', '0012135550109', '+1 213 555 0109', '+1213555010', '+121355501099', '+1', '+0', '+9999999999', '+15555550109', '+441212345678', '+12135550109\n', '+12135550109;ext=5', '+12135550109 x5', 'tel:+12135550109', 'to +12135550109', '+1２135550109', '+' + '1'.repeat(15)];
  for (const phoneNumber of wrong) {
    const response = await send(h, { body: { ...receipt, phoneNumber } });
    const problem = await problemOf(response);
    assert.equal(problem.code, 'invalid_phone_number', JSON.stringify(phoneNumber));
    if (phoneNumber.length > 5) assert.ok(!JSON.stringify(problem).includes(phoneNumber));
  }
  assert.equal(jobs.length, 0);
  for (const [at, phoneNumber] of ['+12135550109', '+447911123456', '+33612345678', '+4915123456789', '+972502345678', '+5511987654321'].entries()) {
    assert.equal((await send(h, { body: { ...receipt, phoneNumber }, key: `till-7-${at}` })).status, 200, phoneNumber);
  }
}); // prettier-ignore

test('bodies: JSON, in UTF-8, of the right shape; the rest is refused by name', async () => {
  const { h, jobs } = await till();
  const refused = async (code: string, options: CallOptions & { key?: string | null }) =>
    assert.equal((await problemOf(await send(h, options))).code, code, JSON.stringify(options).slice(0, 120));
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonp', 'application/json+x', '']) {
    await refused('unsupported_media_type', { headers: { 'Content-Type': type } });
  }
  await refused('unsupported_media_type', { headers: { 'Content-Encoding': 'gzip' } });
  for (const body of ['', '{', 'null', '7', '"x"', '[]', '{}', '[{"orderId":"a","phoneNumber":"+12135550109"}]', 'NaN', '\u0000', "{'orderId':1}"]) await refused('bad_request', { body });
  for (const orderId of [undefined, null, 7, '', '   ', '\n', 'x'.repeat(201), '🧾'.repeat(201), {}, ['a']]) await refused('bad_request', { body: { ...receipt, orderId } });
  for (const phoneNumber of [undefined, null, 12135550109, {}, ['+12135550109']]) await refused('bad_request', { body: { ...receipt, phoneNumber } });
  await refused('bad_request', { body: '['.repeat(8000) });
  for (const wrong of [null, '', 'x'.repeat(201), 'has space in it', 'ünïcödé-key-1']) await refused('bad_request', { key: wrong });
  assert.equal(jobs.length, 0);
  const polluted = '{"__proto__":{"orderId":"evil","polluted":true},"constructor":1,"storeId":"store-2","orderId":"order-1","phoneNumber":"+12135550109"}';
  assert.equal((await send(h, { body: polluted, headers: { 'Content-Type': 'Application/JSON; charset=utf-8' } })).status, 200);
  assert.deepEqual([jobs[0]!.orderId, jobs[0]!.storeId, ({} as { polluted?: boolean }).polluted], ['order-1', 'store-1', undefined]);
  h.assertClean();
}); // prettier-ignore

test('bodies: capped while they stream, whatever their length claims', async () => {
  const { h, jobs } = await till();
  assert.equal((await problemOf(await send(h, { body: { ...receipt, filler: 'x'.repeat(8192) } }))).code, 'body_too_large');
  const post = (init: RequestInit & { duplex?: 'half' }, headers: Record<string, string> = {}) =>
    h.proxy.fetch(
      new Request('https://pos.example/rulrr/ereceipts', {
        method: 'POST',
        headers: { 'Rulrr-Embed': '1', 'Sec-Fetch-Site': 'same-origin', Cookie: 'store=store-1', 'Content-Type': 'application/json', 'Idempotency-Key': key, ...headers },
        ...init,
      }),
    );
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
      for (const byte of new TextEncoder().encode(JSON.stringify({ ...receipt, orderId: 'örder-\u{1f9fe}' }))) controller.enqueue(Uint8Array.of(byte));
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
  assert.equal((await problemOf(await post({ body: hanging, duplex: 'half' }, long))).code, 'body_too_large', 'not waited for');
  assert.equal((await problemOf(await post({}))).code, 'bad_request', 'no body at all');
  // Good JSON, but for a byte that UTF-8 does not have.
  const latin = Buffer.from(JSON.stringify({ ...receipt, orderId: 'order-\xff' }), 'latin1');
  assert.equal((await problemOf(await post({ body: latin }, { 'Idempotency-Key': key + 'b' }))).code, 'bad_request');
  assert.deepEqual(jobs.map(({ orderId }) => orderId), ['örder-\u{1f9fe}', receipt.orderId]);
  h.assertClean();
}); // prettier-ignore

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

test('the token store in trouble: the log says why in the words of system or database, and in no others', async () => {
  const { h } = await till();
  const failing = (error: unknown) => (h.store.get = () => Promise.reject(error as Error));
  const said: unknown[] = [
    Object.assign(new Error('x'), { code: 'ECONNREFUSED' }),
    Object.assign(new Error('x'), { code: '57P01' }),
    Object.assign(new Error('x'), { name: 'LibsqlError', code: 'SQLITE_FULL' }),
    Object.assign(new Error('x'), { code: 'MODULE_NOT_FOUND' }),
    Object.assign(new Error('x'), { code: 'ERR_DLOPEN_FAILED' }),
    new TypeError('x'),
    Object.assign(new Error('x'), { code: planted.connectionString }),
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
    'TypeError',
    ...Array.from({ length: 7 }, () => 'Error'),
  ]);
  h.assertClean();
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

test('not sent, and the store does not let go of the key: the till hears that it was not sent', async () => {
  const { h, jobs } = await till(() => false);
  h.store.delete = () => Promise.reject(new Error(planted.connectionString));
  assert.equal((await problemOf(await send(h))).code, 'send_failed');
  h.clock.advance(20_000);
  assert.equal((await problemOf(await send(h))).code, 'send_unconfirmed');
  assert.equal(jobs.length, 1);
  h.assertClean();
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

test('an order id has up to 200 characters as JSON Schema counts them, whatever they take to write down', async () => {
  const { h, jobs } = await till(async () => {});
  for (const orderId of ['🧾'.repeat(200), 'é'.repeat(200), `${'x'.repeat(199)}\n`]) {
    assert.equal((await send(h, { key: `k${jobs.length}`, body: { ...receipt, orderId } })).status, 200);
    assert.equal(jobs.at(-1)!.orderId, orderId);
  }
});
