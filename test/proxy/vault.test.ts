import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { memoryTokenStore } from '../../src/proxy/stores/memory.js';
import { createVault, UnreadableRow } from '../../src/proxy/vault.js';
import { bench, connect, day, newKey, oldKey } from './support/bench.js';

describe('what stands in the store', () => {
  test('no token in the clear; two rows swapped are noticed, and so is an altered byte', async () => {
    const { store, events, connections } = bench();
    await connect(connections, 'a', 'one');
    await connect(connections, 'b', 'two');
    const keys = await store.list('store/');
    const [first, second] = [(await store.get(keys[0]!))!, (await store.get(keys[1]!))!];
    for (const { value } of [first, second]) assert.doesNotMatch(value, /access|refresh|canary|one|two/);
    await store.put(keys[0]!, second.value, { ifVersion: first.version });
    await store.put(keys[1]!, first.value, { ifVersion: second.version });
    await assert.rejects(connections.connection('one'), { code: 'store_unavailable' });
    await assert.rejects(connections.forStore('two'), { code: 'store_unavailable' });
    assert.ok(events.some(({ type }) => type === 'row-unreadable'));
    // Forgetting is the way out, and connecting again works.
    await connections.forget('one');
    await connections.forget('two');
    await connect(connections, 'c', 'one');
    assert.equal((await connections.connection('one')).connected, true);
  });

  test('every altered character is noticed', async () => {
    const vault = createVault([newKey]);
    const sealed = await vault.seal('row', 'a secret');
    for (let at = 0; at < sealed.length; at++) {
      const other = sealed[at] === 'A' ? 'B' : 'A';
      const altered = sealed.slice(0, at) + other + sealed.slice(at + 1);
      await vault.open('row', altered).then(
        // The last character of base64url may carry bits that mean nothing.
        (text) => assert.ok(at === sealed.length - 1 || sealed[at + 1] === '.', `altered at ${at}: ${text}`),
        (error: unknown) => assert.ok(error instanceof UnreadableRow),
      );
    }
    await assert.rejects(vault.open('other row', sealed), UnreadableRow);
    for (const odd of ['', '.', 'v1', 'v1...', 'v1.a.b.c', sealed + '.x'])
      await assert.rejects(vault.open('row', odd), UnreadableRow);
    assert.equal(await vault.open('row', sealed), 'a secret');
  });

  test('keys rotate while it runs: nothing fails to read, and then the old key can go', async () => {
    const { store, make } = bench({ keys: [oldKey] });
    const old = make();
    for (let index = 0; index < 30; index++) await connect(old, `f${index}`, `store ${index}`);
    await assert.rejects(make({ keys: [newKey] }).connection('store 3'), { code: 'store_unavailable' });
    const both = make({ keys: [newKey, oldKey] });
    const reads = (async () => {
      for (let index = 0; index < 30; index++) assert.equal((await both.connection(`store ${index}`)).connected, true);
    })();
    const report = await both.rotate();
    await reads;
    assert.deepEqual(report, { rewritten: 60, current: 0, failed: 0 });
    assert.deepEqual(await both.rotate(), { rewritten: 0, current: 60, failed: 0 });
    const fresh = make({ keys: [newKey] });
    for (let index = 0; index < 30; index++) assert.equal((await fresh.connection(`store ${index}`)).connected, true);
    assert.equal((await store.list('')).length >= 60, true);
  });

  test('keys rotate while a store is forgotten: what was written meanwhile stays, and needs the old key no more', async () => {
    const store = memoryTokenStore();
    let meanwhile: (() => Promise<void>) | undefined;
    const { make } = bench({
      keys: [oldKey],
      store: {
        ...store,
        async put(key, ...rest) {
          const work = key.startsWith('store/') ? meanwhile : undefined;
          if (work) meanwhile = undefined;
          await work?.();
          return store.put(key, ...rest);
        },
      },
    });
    const old = make();
    await connect(old, 'a', 'shop');
    meanwhile = () => old.forget('shop');
    assert.equal((await make({ keys: [newKey, oldKey] }).rotate()).failed, 0);
    const fresh = make({ keys: [newKey] });
    assert.equal((await fresh.connection('shop')).connected, false);
    assert.deepEqual(await fresh.rotate(), { rewritten: 0, current: 2, failed: 0 });
  });

  test('a rotation that the end of the process cuts short does not pass for a whole one', async () => {
    const { make } = bench({ keys: [oldKey] });
    await connect(make());
    const both = make({ keys: [newKey, oldKey] });
    await both.close();
    assert.ok((await both.rotate()).failed > 0);
  });

  test('after a rotation the old key is needed by nothing: sends are remembered, stores looked after, tokens refreshed', async () => {
    const { make, clock, upstream, events } = bench({ keys: [oldKey] });
    const old = make();
    await connect(old);
    await old.sweep();
    assert.equal((await make({ keys: [newKey, oldKey] }).rotate()).failed, 0);
    clock.advance(340 * day);
    assert.equal((await make({ keys: [newKey] }).sweep()).failed, 0);
    assert.equal(upstream.calls.refresh, 1);
    assert.ok(!events.some(({ type }) => type === 'row-unreadable'));
  });

  test('a key that went too early keeps no store from being looked after', async () => {
    const { make, clock, upstream } = bench({ keys: [newKey] });
    await make({ keys: [oldKey] }).sweep();
    const fresh = make();
    await connect(fresh);
    clock.advance(340 * day);
    await fresh.sweep();
    assert.equal(upstream.calls.refresh, 1);
  });
});
