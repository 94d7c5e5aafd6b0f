import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FakeClock } from '../support/fake-clock.js';
import { settle } from '../support/settle.js';
import { memoryTokenStore } from '../../src/proxy/stores/memory.js';
import { bench, connect, day, flowOf, hold, plain } from './support/bench.js';

type Call = 'get' | 'put' | 'list';

/** A token store of which one call, the next one of its kind, never comes to an end: as over a connection whose other side is gone. */
function hangingStore() {
  const store = memoryTokenStore();
  return {
    store,
    hangOnce(call: Call): void {
      const { [call]: real } = store;
      Object.assign(store, {
        [call]() {
          Object.assign(store, { [call]: real });
          return new Promise(() => {});
        },
      });
    },
  };
}

async function minutes(clock: FakeClock, count: number): Promise<void> {
  for (let second = 0; second < count * 60; second++) {
    await settle(1);
    await clock.advanceAsync(1_000);
  }
}

test('a save that never comes to an end: the tokens in hand are saved by another one', async () => {
  const { store, hangOnce } = hangingStore();
  const { connections, upstream, clock, events } = bench({ ...plain, store });
  const release = hold(upstream, 'redeem');
  await connections.open(flowOf('a', 'store'));
  void connections.check(flowOf('a', 'store'));
  await settle(5);
  hangOnce('put');
  release();
  await minutes(clock, 2);
  assert.equal((await connections.connection('store')).connected, true);
  assert.deepEqual(
    events.filter(({ type }) => type === 'store-failed').map(({ code }) => code),
    ['ETIMEDOUT'],
  );
});

for (const call of ['get', 'put', 'list'] as const)
  test(`a ${call} of a sweep that never comes to an end: the next sweep completes the session`, async () => {
    const { store, hangOnce } = hangingStore();
    const { connections, clock } = bench({ ...plain, store });
    await connections.open(flowOf('a', 'store'));
    hangOnce(call);
    void connections.sweep();
    await minutes(clock, 2);
    void connections.sweep();
    await settle(5);
    assert.equal((await connections.connection('store')).connected, true);
  });

test('a write of a refresh that never comes to an end: the store goes on with a new token once its own has ended', async () => {
  const { store, hangOnce } = hangingStore();
  const { connections, clock } = bench({ ...plain, store });
  await connect(connections);
  const api = await connections.forStore('store');
  clock.advance(340 * day);
  hangOnce('put');
  assert.equal((await api.getStore())['used'], 'access-0');
  clock.advance(30 * day);
  let used: unknown;
  void api.getStore().then((answer) => (used = answer['used']));
  await minutes(clock, 2);
  assert.equal(used, 'access-1');
});

for (const [what, refused, used] of [
  ['the new token has worked', [], 'access-1'],
  ['the one before it stands in for a new token that is refused', ['access-1'], 'access-0'],
] as const)
  test(`a write of no consequence that never comes to an end, once ${what}: the order that went through is told at once`, async () => {
    const { store, hangOnce } = hangingStore();
    const { connections, upstream, clock } = bench({ ...plain, store });
    await connect(connections);
    const api = await connections.forStore('store');
    clock.advance(340 * day);
    await api.getStore();
    await settle();
    for (const token of refused) upstream.revoked.add(token);
    hangOnce('put');
    const answered: unknown[] = [];
    void api.createOrder({ id: 1 }).then((answer) => answered.push(answer['used']));
    await settle();
    // The till waits for eight seconds in all.
    await clock.advanceAsync(2_000);
    assert.deepEqual(answered, [used]);
  });
