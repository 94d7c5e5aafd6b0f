import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { RulrrApiError } from '../../src/api/index.js';
import { memoryTokenStore } from '../../src/proxy/stores/memory.js';
import type { TokenStore } from '../../src/proxy/stores/token-store.js';
import { settle } from '../support/settle.js';
import { bench, connect, day, flowOf, hold } from './support/bench.js';

test('forgotten is forgotten: a session that was started before brings nothing back', async () => {
  const { clock, store, connections, events, upstream } = bench();
  await connect(connections, 'a', 'shop');
  const open = flowOf('still open', 'shop');
  await connections.open(open);
  await connections.forget('shop');
  assert.deepEqual(await connections.connection('shop'), { connected: false, ereceipt: false, expiration: null });
  const calls = upstream.calls.redeem;
  await assert.rejects(connections.check(open), { code: 'expired' });
  await assert.rejects(connections.check(flowOf('a', 'shop')), { code: 'expired' });
  await assert.rejects(connections.forStore('shop'), { code: 'not_found' });
  assert.equal(upstream.calls.redeem, calls);
  assert.deepEqual(await connections.sweep(), { checked: 0, finished: 0, ended: 1, failed: 0 });
  // Nor after the sweep, though Rulrr would give out the tokens.
  await assert.rejects(connections.check(open), { code: 'expired' });
  assert.equal(upstream.calls.redeem, calls);
  assert.equal((await connections.connection('shop')).connected, false);
  await connect(connections, 'b', 'shop');
  assert.equal((await connections.connection('shop')).connected, true);
  assert.equal(events.filter(({ type }) => type === 'connection-forgotten').length, 1);
  clock.advance(3 * day);
  await connections.sweep();
  assert.deepEqual(await store.list('flow/'), [], 'nor is anything of it kept');
});

test('forgotten is forgotten, also where the row of the store cannot be read any more', async () => {
  const { connections, upstream, store } = bench();
  await connect(connections, 'a', 'shop');
  const open = flowOf('still open', 'shop');
  await connections.open(open);
  const [key] = await store.list('store/');
  const { value, version } = (await store.get(key!))!;
  await store.put(key!, value.slice(0, -8), { ifVersion: version });
  await connections.forget('shop');
  const calls = upstream.calls.redeem;
  await assert.rejects(connections.check(open), { code: 'expired' });
  assert.equal(upstream.calls.redeem, calls);
  assert.equal((await connections.connection('shop')).connected, false);
  await connect(connections, 'b', 'shop');
  assert.equal((await connections.connection('shop')).connected, true);
});

test('forgotten is forgotten: tokens that were on their way at that moment are not kept', async () => {
  const { connections, events, upstream } = bench();
  const release = hold(upstream, 'redeem');
  const flow = flowOf('a', 'shop');
  await connections.open(flow);
  const check = connections.check(flow);
  await settle();
  assert.equal(upstream.calls.redeem, 1);
  await connections.forget('shop');
  release();
  await assert.rejects(check, { code: 'expired' });
  assert.equal((await connections.connection('shop')).connected, false);
  await assert.rejects(connections.forStore('shop'), { code: 'not_found' });
  assert.ok(events.some(({ type }) => type === 'tokens-superseded'));
  assert.ok(!events.some(({ type }) => type === 'integration-finished'));
});

test('forgotten is forgotten: so are tokens on their way of a session that was called cancelled meanwhile', async () => {
  const { connections, make, clock, store, upstream } = bench();
  const release = hold(upstream, 'redeem');
  const flow = flowOf('a', 'shop');
  await connections.open(flow);
  const check = connections.check(flow);
  await settle();
  upstream.status = 'cancelled';
  clock.advance(2_000);
  assert.equal((await make().check(flow)).status, 'cancelled');
  await settle();
  assert.deepEqual(await store.list('flow/'), []);
  await connections.forget('shop');
  release();
  await assert.rejects(check, { code: 'expired' });
  assert.equal((await connections.connection('shop')).connected, false);
});

test('forgotten is forgotten: so are tokens that are tried for again and again, of a session that was called cancelled meanwhile', async () => {
  const { connections, make, clock, store, upstream, api } = bench();
  let down = true;
  const retrieveTokens = api.retrieveTokens.bind(api);
  api.retrieveTokens = async (...args) => {
    if (down) throw new RulrrApiError('retrieveTokens', 'server_error', { status: 503, sent: 'answered' });
    return retrieveTokens(...args);
  };
  const flow = flowOf('a', 'shop');
  await connections.open(flow);
  const ended = assert.rejects(connections.check(flow), { code: 'expired' });
  await settle();
  upstream.status = 'cancelled';
  const other = make();
  assert.equal((await other.check(flow)).status, 'cancelled');
  await settle();
  assert.deepEqual(await store.list('flow/'), []);
  await other.forget('shop');
  down = false;
  await clock.advanceAsync(300);
  await settle();
  await ended;
  assert.equal((await connections.connection('shop')).connected, false);
});

test('forgotten is forgotten, also by a replica that had just seen the session open', async () => {
  const store = memoryTokenStore();
  let read = () => {};
  let letGo = () => {};
  const asked = new Promise<void>((resolve) => (read = resolve));
  const held = new Promise<void>((resolve) => (letGo = resolve));
  let holds = false;
  const { connections, make, upstream } = bench({
    store: {
      ...store,
      async get(key) {
        const row = await store.get(key);
        if (holds && key.startsWith('store/')) {
          holds = false;
          read();
          await held;
        }
        return row;
      },
    },
  });
  const flow = flowOf('a', 'shop');
  await connections.open(flow);
  holds = true;
  const check = connections.check(flow);
  await asked;
  const other = make();
  await other.forget('shop');
  await other.sweep();
  letGo();
  await assert.rejects(check, { code: 'expired' });
  assert.equal(upstream.calls.redeem, 0);
});

test('finished stays finished, on every replica, though the merchant then gives up in another window', async () => {
  const { connections, upstream, clock, events, make } = bench();
  await connect(connections, 'a', 'shop');
  upstream.status = 'cancelled';
  clock.advance(2_000);
  for (const replica of [connections, make()])
    assert.equal((await replica.check(flowOf('a', 'shop'))).status, 'finished');
  assert.equal(upstream.calls.redeem, 1);
  assert.ok(!events.some(({ type }) => type === 'integration-cancelled'));
});

test('no event, refusal or inspection holds a secret', async () => {
  const store: TokenStore = memoryTokenStore();
  let failing = false;
  const brittle: TokenStore = {
    ...store,
    put: (...args) => (failing ? Promise.reject(new Error('canary-connection-string')) : store.put(...args)),
  };
  const { connections, upstream, events, clock } = bench({ store: brittle });
  const texts: string[] = [];
  const note = (value: unknown) =>
    texts.push(inspect(value, { depth: 20, showHidden: true }), JSON.stringify(value) ?? '');
  await connect(connections);
  const api = await connections.forStore('store');
  note(api);
  upstream.revoked.add('access-0').add('access-1');
  await api.getStore().catch(note);
  upstream.statusFails = true;
  await connections.check(flowOf('b')).catch(note);
  failing = true;
  await connections.open(flowOf('c')).catch(note);
  await connections.forget('store').catch(note);
  clock.advance(1_000);
  note(events);
  note(connections);
  assert.ok(events.length > 3);
  for (const text of texts) assert.doesNotMatch(text, /canary|access-\d|refresh-\d|api\.example/);
});
