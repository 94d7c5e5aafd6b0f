import { afterPrefix } from './keys.js';
import type { StoredRow, TokenStore } from './token-store.js';

/** Runs one statement, alone and at once in effect (autocommit), with parameters `$1`, `$2` … in order of appearance. */
export type Query = (sql: string, params: readonly (string | number)[]) => Promise<readonly Record<string, unknown>[]>;

export interface SqlDialect {
  /** An expression for a number that was never used for any row of the table, and is greater than all that were. */
  nextVersion: string;
  table: string;
}

/** What a driver, the system or the database calls an error; '' where it has no name. */
export function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code ?? '');
}

/** For the `catch` of a driver's import: says what to install. */
export function orMissing(store: string, driver: string): (error: unknown) => never {
  return (error) => {
    if (codeOf(error) !== 'ERR_MODULE_NOT_FOUND') throw error;
    const text = `${store}() needs the package ${driver}. Install it with: npm install ${driver}`;
    throw Object.assign(new Error(text), { code: codeOf(error) });
  };
}

/**
 * The one SQL implementation. Each method is one statement, so it needs no transaction and works behind a connection
 * pooler. Versions come from one sequence for the whole table: a row deleted and written again never gets an old one.
 */
export function sqlTokenStore(
  query: Query,
  { table, nextVersion }: SqlDialect,
  close: () => Promise<void>,
): TokenStore {
  const rowOf = (row: Record<string, unknown> | undefined): StoredRow | null =>
    row ? { value: String(row['value']), version: Number(row['version']) } : null;

  async function get(key: string): Promise<StoredRow | null> {
    return rowOf((await query(`SELECT value, version FROM ${table} WHERE key = $1`, [key]))[0]);
  }

  return {
    get,
    async put(key, value, { ifVersion }) {
      const written =
        ifVersion === null
          ? await query(
              `INSERT INTO ${table} (key, value, version) VALUES ($1, $2, ${nextVersion}) ` +
                `ON CONFLICT (key) DO NOTHING RETURNING version`,
              [key, value],
            )
          : await query(
              `UPDATE ${table} SET value = $1, version = ${nextVersion} WHERE key = $2 AND version = $3 RETURNING version`,
              [value, key, ifVersion],
            );
      const row = written[0];
      if (row) return { ok: true, version: Number(row['version']) };
      return { ok: false, current: await get(key) };
    },
    async delete(key, condition) {
      const ifVersion = condition?.ifVersion;
      const gone =
        ifVersion === undefined
          ? await query(`DELETE FROM ${table} WHERE key = $1 RETURNING key`, [key])
          : await query(`DELETE FROM ${table} WHERE key = $1 AND version = $2 RETURNING key`, [key, ifVersion]);
      return gone.length > 0;
    },
    async list(prefix, { after, limit = 1000 } = {}) {
      const end = afterPrefix(prefix);
      const conditions = ['key >= $1'];
      const params: (string | number)[] = [prefix];
      const add = (condition: string, value: string | number) => {
        params.push(value);
        conditions.push(`${condition} $${params.length}`);
      };
      if (end !== null) add('key <', end);
      if (after !== undefined) add('key >', after);
      params.push(limit);
      const rows = await query(
        `SELECT key FROM ${table} WHERE ${conditions.join(' AND ')} ORDER BY key LIMIT $${params.length}`,
        params,
      );
      return rows.map((row) => String(row['key']));
    },
    close,
  };
}
