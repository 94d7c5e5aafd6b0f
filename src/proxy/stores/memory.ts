import { comparePoints } from './keys.js';
import type { StoredRow, TokenStore } from './token-store.js';

let warned = false;

/**
 * Keeps rows in this process's memory: for tests and demos. A restart forgets every store's connection, and Rulrr hands
 * tokens out once, so each merchant would have to connect again. In production it says so, once.
 */
export function memoryTokenStore(): TokenStore {
  const env = typeof process === 'undefined' ? undefined : process.env['NODE_ENV'];
  if (env === 'production' && !warned) {
    warned = true;
    // Not as a warning of Node's: those are often switched off where it matters.
    console.warn(
      'rulrr-embed: memoryTokenStore() forgets every connection when the process ends. ' +
        'Use rulrr-embed/proxy/libsql (one file) or rulrr-embed/proxy/postgres in production.',
    );
  }
  const rows = new Map<string, StoredRow>();
  // One sequence for all keys, so that a key deleted and written again gets a version it never had.
  let version = 0;
  const copy = (key: string): StoredRow | null => {
    const row = rows.get(key);
    return row ? { ...row } : null;
  };

  return {
    async get(key) {
      return copy(key);
    },
    async put(key, value, { ifVersion }) {
      const current = copy(key);
      if ((current?.version ?? null) !== ifVersion) return { ok: false, current };
      rows.set(key, { value, version: ++version });
      return { ok: true, version };
    },
    async delete(key, condition) {
      const current = rows.get(key);
      if (!current) return false;
      if (condition?.ifVersion !== undefined && condition.ifVersion !== current.version) return false;
      return rows.delete(key);
    },
    async list(prefix, { after, limit = 1000 } = {}) {
      const found: string[] = [];
      for (const key of rows.keys()) {
        if (key.startsWith(prefix) && (after === undefined || comparePoints(key, after) > 0)) found.push(key);
      }
      return found.sort(comparePoints).slice(0, limit);
    },
    async close() {},
  };
}
