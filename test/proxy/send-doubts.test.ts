import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EreceiptUnconfirmedError, type EreceiptJob } from '../../src/proxy/index.js';
import { problemOf } from './harness.js';
import { send, till } from './support/ereceipt-till.js';

test('what the hook throws is judged: any doubt is `send_unconfirmed`, and its key never sends again', async () => {
  const apiError = (fields: object) =>
    Object.assign(new Error('x'), { name: 'RulrrApiError', code: 'x', status: 0, ...fields });
  const fetchFailed = (code: string) => new TypeError('fetch failed', { cause: Object.assign(new Error(), { code }) });
  const withCode = (message: string, code: string) => Object.assign(new Error(message), { code });
  const denoFailed = (call: string, kind: string, why: string) =>
    `error sending request ${call}: client error (${kind}): ${why}`;
  const bunsAdvice = 'For more information, pass `verbose: true` in the second argument to fetch()';
  const answeredWith = (fields: object) => Object.assign(new Error('x'), fields);
  const anyOf = (...errors: Error[]) => new AggregateError(errors, 'All promises were rejected');
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
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
    ['Deno: closed', new TypeError(denoFailed('from 127.0.0.1:5000 for https://sms.example/ (10.0.0.1:443)', 'SendRequest', 'connection closed before message completed')), 'send_unconfirmed'], // prettier-ignore
    ['Deno: cut', new TypeError('error reading a body from connection'), 'send_unconfirmed'],
    ['Deno: unreadable', new TypeError('Invalid gzip header'), 'send_unconfirmed'],
    ['Deno: refused', new TypeError(denoFailed('for url (https://sms.example/)', 'Connect', 'tcp connect error')), 'send_failed'], // prettier-ignore
    ['Bun: closed', withCode(`The socket connection was closed unexpectedly. ${bunsAdvice}`, 'ConnectionClosed'), 'send_unconfirmed'], // prettier-ignore
    ['Bun: garbage', withCode(`Malformed_HTTP_Response fetching "https://sms.example/". ${bunsAdvice}`, 'Malformed_HTTP_Response'), 'send_unconfirmed'], // prettier-ignore
    ['Bun: refused', withCode('Unable to connect. Is the computer able to access the url?', 'ConnectionRefused'), 'send_failed'], // prettier-ignore
    ['workerd: lost', new Error('Network connection lost.'), 'send_unconfirmed'],
    ['workerd: garbage', new Error('internal error; reference = k5vcqflok77u14aoku2lnfdh'), 'send_unconfirmed'],
    ['workerd: unreadable', new TypeError('Gzip decompression failed.'), 'send_unconfirmed'],
    ['a gateway that knows no such mobile network', new Error('unknown network'), 'send_failed'],
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
    ['wrapped, said so', new Error('sms', { cause: new EreceiptUnconfirmedError() }), 'send_unconfirmed'],
    ['wrapped, API: unclear', new Error('sms', { cause: apiError({ sent: 'unclear' }) }), 'send_unconfirmed'],
    ['wrapped, API: refused', new Error('sms', { cause: apiError({ sent: 'answered', status: 403 }) }), 'send_failed'],
    ['wrapped, API: not sent', new Error('sms', { cause: apiError({ sent: 'no' }) }), 'send_failed'],
    ['several gateways: one reset', anyOf(new Error('no'), withCode('read', 'ECONNRESET')), 'send_unconfirmed'],
    ['several gateways: one said so', anyOf(new Error('no'), new EreceiptUnconfirmedError()), 'send_unconfirmed'],
    ['several gateways: none sent', anyOf(new Error('no'), fetchFailed('ECONNREFUSED')), 'send_failed'],
    ['an object that is no error', { code: 'ETIMEDOUT' }, 'send_unconfirmed'],
    ['an error that has caused itself', causeOfItself(), 'send_failed'],
    ['a file of the hook', withCode('no such file', 'ENOENT'), 'send_failed'],
    ['aborted', new DOMException('x', 'AbortError'), 'send_unconfirmed'],
    ['timed out', new DOMException('x', 'TimeoutError'), 'send_unconfirmed'],
    ['what cannot even be asked', revoked.proxy, 'send_unconfirmed'],
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

test('a hook that hands on its order without waiting for it: not sent, rather than an order without a number', async () => {
  const orderOf = async ({ orderId, phoneNumber }: EreceiptJob) => ({ orderId, ereceipt: { phoneNumber } });
  const { h } = await till((job) => job.api.createOrder(orderOf(job)));
  assert.equal((await problemOf(await send(h))).code, 'send_failed');
  assert.ok(!h.upstream.calls.includes('POST /v1/orders'));
});
