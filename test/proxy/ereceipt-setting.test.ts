import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settle } from '../support/settle.js';
import { bench, connect } from './support/bench.js';

test('e-receipts on or off are read anew, minutes apart', async () => {
  let reads = 0;
  const { connections, upstream, clock, events } = bench({
    readEreceipt: async (api) => {
      reads += 1;
      const { receipts } = await api.getStore();
      if (receipts === 'broken') throw new Error('canary-hook');
      return receipts as boolean;
    },
  });
  await connect(connections);
  assert.equal(
    (await connections.connection('store')).ereceipt,
    true,
    'the settings do not say: what came with the tokens holds',
  );
  upstream.settings = { receipts: false };
  assert.equal((await connections.connection('store')).ereceipt, true);
  assert.equal(reads, 1);
  clock.advance(6 * 60_000);
  assert.equal((await connections.connection('store')).ereceipt, false);
  upstream.settings = { receipts: 'broken' };
  clock.advance(6 * 60_000);
  for (let call = 0; call < 5; call++) assert.equal((await connections.connection('store')).ereceipt, false);
  assert.equal(reads, 3);
  assert.deepEqual(
    events.filter(({ type }) => type === 'hook-failed').map(({ hook, code }) => [hook, code]),
    [
      ['readEreceipt', 'no_boolean'],
      ['readEreceipt', 'Error'],
    ],
    'a hook that looks for a field that is not there is told as well',
  );
});

for (const odd of ['on', 1, 0, null, undefined] as unknown[]) {
  test(`a hook that answers ${JSON.stringify(odd)} turns nothing on or off, and its operator hears of it`, async () => {
    const { connections, clock, events } = bench({ readEreceipt: () => odd as boolean });
    await connect(connections);
    for (let call = 0; call < 3; call++) assert.equal((await connections.connection('store')).ereceipt, true);
    clock.advance(6 * 60_000);
    assert.equal((await connections.connection('store')).ereceipt, true);
    const told = events.filter(({ type }) => type === 'hook-failed');
    assert.deepEqual(
      told.map(({ hook, storeId, code }) => [hook, storeId, code]),
      Array.from({ length: 2 }, () => ['readEreceipt', 'store', 'no_boolean']),
    );
  });
}

test('a hook that throws at once is asked again later', async () => {
  let broken = true;
  const { connections, clock } = bench({
    readEreceipt() {
      if (broken) throw new Error('canary-hook');
      return false;
    },
  });
  await connect(connections);
  assert.equal((await connections.connection('store')).ereceipt, true);
  broken = false;
  clock.advance(6 * 60_000);
  assert.equal((await connections.connection('store')).ereceipt, false);
});

test('a hook that never comes back is told, and asked again later: until then nobody waits for it any more', async () => {
  let hangs = true;
  const { connections, clock, events } = bench({
    readEreceipt: () => (hangs ? new Promise<boolean>(() => {}) : false),
  });
  await connect(connections);
  const first = connections.connection('store');
  await settle();
  clock.advance(60_000);
  assert.equal((await first).ereceipt, true);
  assert.equal((await connections.connection('store')).ereceipt, true, 'at once');
  assert.deepEqual(
    events.filter(({ type }) => type === 'hook-failed').map(({ hook, storeId, code }) => [hook, storeId, code]),
    [['readEreceipt', 'store', 'timeout']],
  );
  hangs = false;
  clock.advance(6 * 60_000);
  assert.equal((await connections.connection('store')).ereceipt, false);
});
