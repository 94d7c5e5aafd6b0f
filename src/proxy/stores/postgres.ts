import { codeOf, orMissing, sqlTokenStore, type Query } from './sql.js';
import type { TokenStore } from './token-store.js';

/** What is used of a `pg` pool. */
export interface PostgresPool {
  query(sql: string, params?: unknown[]): Promise<{ rows: Record<string, unknown>[] }>;
  on?(event: 'error', listener: () => void): unknown;
  listenerCount?(event: 'error'): number;
}

export type PostgresTokenStoreOptions =
  /** The store makes a pool of its own, and ends it in `close()`. */
  | { connectionString: string; pool?: undefined }
  /** Your pool; yours to end, and to give a `lock_timeout` below its `query_timeout`. */
  | { pool: PostgresPool; connectionString?: undefined };

const table = 'rulrr_embed_rows';
const sequence = 'rulrr_embed_version';
const schema = [
  `CREATE SEQUENCE IF NOT EXISTS ${sequence}`,
  // Byte order, so that pages of keys do not depend on the database's language.
  `CREATE TABLE IF NOT EXISTS ${table} (key text COLLATE "C" PRIMARY KEY, value text NOT NULL, version bigint NOT NULL)`,
];
/**
 * Of each write, since a server that is too slow for somebody may be told to confirm before it has written while this runs: for this one
 * statement it is told otherwise. Where the setting asks for more than the server's own disk, it is left.
 */
const durably =
  `CASE current_setting('synchronous_commit') ` +
  `WHEN 'off' THEN 0 * length(set_config('synchronous_commit', 'local', true)) ELSE 0 END`;
/** unique_violation, duplicate_table, duplicate_object: another replica made it at the same moment. */
const madeByAnother = new Set(['23505', '42P07', '42710']);

/** serialization_failure, deadlock_detected: the statement was undone, and may simply be made again. */
const undone = new Set(['40001', '40P01']);
const undoneBudgetMs = 5_000;

/**
 * How long the server waits for a lock that somebody else's session holds. Given up by this side alone, the statement would wait on there, and
 * each try hold one more of the server's connections until it has none left for anybody. Below half of `query_timeout`: a row can take two waits.
 */
const lockTimeoutMs = 5_000;
/** protocol_violation, feature_not_supported, undefined_object: poolers that take no such setting as a connection begins. */
const notTaken = new Set(['08P01', '0A000', '42704']);

/**
 * For replicas: PostgreSQL through `pg`, an optional peer dependency. Makes its table and sequence at first use; where
 * the role may not, make them beforehand (see the schema in this file). Works behind a transaction pooler.
 *
 * What `put` confirms is on the server's disk, with `synchronous_commit = off` too. A row that was deleted
 * may come back after a crash; the proxy deletes only rows that do no harm then.
 *
 * @throws TypeError without `connectionString` or `pool`, with a URL of something else, or with a Client as `pool`. Calls reject, saying so, if
 * `pg` is not installed, or if `pool.query` answers with something else than `{rows: […]}`.
 */
export function postgresTokenStore(options: PostgresTokenStoreOptions): TokenStore {
  const { connectionString, pool: given } = options ?? {};
  if (given ? typeof given.query !== 'function' : typeof connectionString !== 'string' || !connectionString.trim()) {
    throw new TypeError('postgresTokenStore: give `connectionString` (postgres://…) or `pool` (of the package pg).');
  }
  // `pg` takes any other for its own: of a file or jdbc: URL it would ask the PostgreSQL of this machine.
  if (!given && !/^(postgres(ql)?:\/\/|socket:|\/)/i.test(connectionString!.trim())) {
    throw new TypeError('postgresTokenStore: `connectionString` must begin with postgres://, or be that of a socket.');
  }
  // One connection: a transaction that is open on it would take tokens back that count as stored, and once it breaks it is gone for good.
  if (given && 'escapeLiteral' in given) {
    throw new TypeError('postgresTokenStore: `pool` must be a Pool of the package pg; this is a Client.');
  }
  let opening: Promise<Query> | undefined;
  let release = async () => {};
  let closing: Promise<void> | undefined;

  async function open(settings: object = { lock_timeout: lockTimeoutMs }): Promise<Query> {
    const pool = given ?? (await ownPool(connectionString!.trim(), settings));
    // An idle connection that the server drops is replaced at the next query; with no listener at all it would end the process.
    if (!pool.listenerCount?.('error')) pool.on?.('error', () => undefined);
    const run: Query = async (sql, params) => {
      for (const until = Date.now() + undoneBudgetMs; ;) {
        try {
          return rowsOf(await pool.query(sql, [...params]));
        } catch (error) {
          // Where the database or the role has a stricter isolation than the usual one.
          if (!undone.has(codeOf(error)) || Date.now() > until) throw named(error);
          await new Promise((resume) => setTimeout(resume, 20 * Math.random()));
        }
      }
    };
    try {
      await prepare(run);
    } catch (error) {
      if (given) throw error;
      await (pool as unknown as { end(): Promise<void> }).end();
      if (Object.keys(settings).length && notTaken.has(codeOf(error))) return open({});
      throw error;
    }
    if (!given) release = () => (pool as unknown as { end(): Promise<void> }).end();
    return run;
  }

  const query: Query = async (sql, params) => {
    if (closing) throw new Error('The token store is closed.');
    opening ??= open().catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return (await opening)(sql, params);
  };

  async function close(): Promise<void> {
    await opening?.catch(() => undefined);
    await release();
  }

  // A pool ends once only.
  return sqlTokenStore(
    query,
    { table, nextVersion: `nextval('${sequence}') + ${durably}` },
    () => (closing ??= close()),
  );
}

/** Other packages have a `query` too, most of which answers with the rows alone. The code is what the proxy's log tells of an error. */
function rowsOf(answer: { rows?: unknown } | null | undefined): Record<string, unknown>[] {
  if (Array.isArray(answer?.rows)) return answer.rows;
  const text =
    'postgresTokenStore: `pool.query(sql, params)` must answer with {rows: […]}, as that of a Pool of the package pg does. ' +
    'Give such a pool, or wrap yours: {query: async (sql, params) => ({rows: await yours.query(sql, params)})}.';
  throw Object.assign(new TypeError(text), { code: 'ERR_INVALID_RETURN_VALUE' });
}

const codesOf = [
  [/timeout/, 'ETIMEDOUT'],
  [/terminated|not queryable/, 'ECONNRESET'],
  // The URL asks for TLS, and the server has none.
  [/SSL/, 'EPROTO'],
  // invalid_password: none was given, mostly.
  [/^SASL/, '28P01'],
] as const;

/** `pg` gives no code to what it finds out by itself, and a log that names causes by their code would say nothing. */
function named(error: unknown): unknown {
  if (!(error instanceof Error) || 'code' in error) return error;
  const code = codesOf.find(([text]) => text.test(error.message))?.[1];
  return code ? Object.assign(error, { code }) : error;
}

async function ownPool(connectionString: string, settings: object): Promise<PostgresPool> {
  const { default: pg } = await import('pg').catch(orMissing('postgresTokenStore', 'pg'));
  /** Where it is this side that cannot go on, as without a password, `pg` leaves the connection open, and the next call opens another. */
  class Client extends pg.Client {
    override connect(): Promise<this>;
    override connect(done: (error: Error) => void): void;
    override connect(done?: (error: Error) => void): Promise<this> | void {
      return super.connect((error: Error) => {
        if (error) this.end().catch(() => undefined);
        // A pool always waits this way.
        done!(error);
      });
    }
  }
  const limits = { max: 10, connectionTimeoutMillis: 5_000, query_timeout: 15_000 };
  return new pg.Pool({ connectionString, Client, ...limits, ...settings });
}

async function prepare(run: Query): Promise<void> {
  const [found] = await run(`SELECT to_regclass($1) AS rows, to_regclass($2) AS versions`, [table, sequence]);
  if (found?.['rows'] && found['versions']) return;
  for (const statement of schema) {
    await run(statement, []).catch((error: unknown) => {
      if (!madeByAnother.has(codeOf(error))) throw error;
    });
  }
}
