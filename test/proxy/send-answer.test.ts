import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from 'node:http';
import { inspect } from 'node:util';
import { problemOf } from './harness.js';
import { key, send, till } from './support/ereceipt-till.js';

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

/** As hooks come by them that leave out an `await`, a `()` or a `subscribe()`. */
function* generator() {}
async function* asyncGenerator() {}
const observable = { source: {}, pipe: () => observable, subscribe: () => ({ unsubscribe() {} }) };

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

test('what has not ended yet, or not even begun, is no receipt that was sent', async () => {
  const unheard = request({ port: 1, host: '127.0.0.1' }).on('error', () => undefined);
  const results = [
    generator(),
    asyncGenerator(),
    () => undefined,
    class {},
    observable,
    [observable, undefined],
    unheard,
  ];
  assert.equal(await outcomesOf(results), 'send_unconfirmed');
  unheard.destroy();
});
