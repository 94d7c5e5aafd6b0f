import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkTokenStore, faultyTokenStore } from '../../../src/proxy/stores/conformance.js';
import { memoryTokenStore } from '../../../src/proxy/stores/memory.js';
import type { StoredRow, TokenStore } from '../../../src/proxy/stores/token-store.js';

describe('the conformance suite notices', () => {
  const broken: Record<string, (store: TokenStore) => Partial<TokenStore>> = {
    'a store that looks before it writes': (store) => ({
      async put(key, value, condition) {
        const current = await store.get(key);
        await new Promise((resolve) => setImmediate(resolve));
        if ((current?.version ?? null) !== condition.ifVersion) return { ok: false, current };
        const now = await store.get(key);
        return store.put(key, value, { ifVersion: now?.version ?? null });
      },
    }),
    'a store that does not bring the row that stands in the way': (store) => ({
      async put(key, value, condition) {
        const result = await store.put(key, value, condition);
        return result.ok ? result : { ok: false, current: null };
      },
    }),
    'a store that brings the row as it first was': (store) => {
      const first = new Map<string, StoredRow | null>();
      return {
        async put(key, value, condition) {
          const result = await store.put(key, value, condition);
          if (!first.has(key)) first.set(key, await store.get(key));
          return result.ok ? result : { ok: false, current: first.get(key)! };
        },
      };
    },
    'a store that begins each page anew': (store) => ({
      list: (prefix, page) => store.list(prefix, { limit: page?.limit ?? 1000 }),
    }),
    'a store that reuses versions after a delete': (store) => {
      const base = new Map<string, number>();
      return {
        async get(key) {
          const row = await store.get(key);
          return row && { ...row, version: row.version - (base.get(key) ?? 0) };
        },
        async put(key, value, { ifVersion }) {
          const offset = base.get(key) ?? 0;
          const result = await store.put(key, value, { ifVersion: ifVersion === null ? null : ifVersion + offset });
          if (!result.ok) {
            return {
              ok: false,
              current: result.current && { ...result.current, version: result.current.version - offset },
            };
          }
          if (ifVersion === null) base.set(key, result.version - 1);
          return { ok: true, version: result.version - (base.get(key) ?? 0) };
        },
        delete: (key, condition) =>
          store.delete(key, { ifVersion: condition?.ifVersion && condition.ifVersion + (base.get(key) ?? 0) }),
      };
    },
    'a delete that takes all keys from its own on': (store) => ({
      async delete(key, condition) {
        const gone = await store.delete(key, condition);
        if (gone) for (const other of await store.list('', { after: key })) await store.delete(other);
        return gone;
      },
    }),
    'a store that refuses old versions alone': (store) => ({
      async put(key, value, { ifVersion }) {
        const version = (await store.get(key))?.version ?? null;
        const later = ifVersion !== null && version !== null && ifVersion > version;
        return store.put(key, value, { ifVersion: later ? version : ifVersion });
      },
    }),
    'a list that forgets the prefix': (store) => ({ list: (_, page) => store.list('', page) }),
    'a store that confirms and drops': (store) => {
      let puts = 0;
      return {
        put: (key, value, condition) =>
          ++puts % 50 === 0 && condition.ifVersion !== null
            ? Promise.resolve({ ok: true as const, version: condition.ifVersion + 1 })
            : store.put(key, value, condition),
      };
    },
  };
  for (const [name, breakIt] of Object.entries(broken)) {
    test(name, async () => {
      const store = memoryTokenStore();
      const bad = { ...store, ...breakIt(store), close: async () => {} };
      const failed = (await checkTokenStore(async () => bad, { increments: 400 })).filter(({ ok }) => !ok);
      assert.ok(failed.length > 0);
      assert.ok(failed.every(({ detail }) => detail.length > 0));
    });
  }
  test('and leaves the rows of others alone, even where a list forgets the prefix', async () => {
    const store = memoryTokenStore();
    await store.put('store/mine', 'x', { ifVersion: null });
    const bad: TokenStore = { ...store, list: (_, page) => store.list('', page), close: async () => {} };
    await checkTokenStore(async () => bad, { increments: 400, only: 'list' });
    assert.deepEqual(await store.list(''), ['store/mine']);
  });
  for (const call of ['list', 'delete', 'close'] as const) {
    test(`and reports on a store whose ${call} only throws`, async () => {
      const bad: TokenStore = { ...memoryTokenStore(), [call]: () => Promise.reject(new Error('Not written yet.')) };
      const results = await checkTokenStore(async () => bad, { increments: 400 });
      assert.ok(results.some(({ ok, name }) => !ok && name.includes(call)));
    });
  }
  test('and a store that fails on demand fails before or after the effect', async () => {
    const store = memoryTokenStore();
    const before = faultyTokenStore(store, { before: (call) => call === 'put' });
    await assert.rejects(before.put('a', 'x', { ifVersion: null }));
    assert.equal(await store.get('a'), null);
    const after = faultyTokenStore(store, { after: (call) => call === 'put' });
    await assert.rejects(after.put('a', 'x', { ifVersion: null }));
    assert.equal((await store.get('a'))?.value, 'x');
  });
});
