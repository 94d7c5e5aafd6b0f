import { chmodSync, existsSync, mkdirSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { codeOf, orMissing, sqlTokenStore, type Query } from './sql.js';
import type { TokenStore } from './token-store.js';

export interface LibsqlTokenStoreOptions {
  /** `file:data/rulrr.db` or `file:///var/lib/till/rulrr.db`. The folder is made if it is missing. */
  url: string;
}

const table = 'rulrr_embed_rows';
const counter = 'rulrr_embed_version';
const schema = [
  `CREATE TABLE IF NOT EXISTS ${table} (key TEXT PRIMARY KEY, value TEXT NOT NULL, version INTEGER NOT NULL) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS ${counter} (one INTEGER PRIMARY KEY CHECK (one = 1), n INTEGER NOT NULL)`,
  // Within the writing statement, so that the number is taken exactly when the row is written.
  `CREATE TRIGGER IF NOT EXISTS rulrr_embed_inserted AFTER INSERT ON ${table} BEGIN UPDATE ${counter} SET n = NEW.version; END`,
  `CREATE TRIGGER IF NOT EXISTS rulrr_embed_updated AFTER UPDATE ON ${table} BEGIN UPDATE ${counter} SET n = NEW.version; END`,
];

/** How long SQLite itself waits while another process writes. This process stands still meanwhile: a few ms, as a rule. */
const busyTimeoutMs = 100;
/** Between two tries, in which this process does everything else. */
const busyPauseMs = 200;
/** How long a call tries in all before it fails, its place in the line with it. */
const busyBudgetMs = 15_000;

/**
 * The embedded store: one SQLite file through `@libsql/client`, an optional peer dependency. Every write is on the disk
 * before it is confirmed (`synchronous = FULL`); several processes of one machine may use the same file. The file is
 * readable by its owner only, and what it holds is sealed anyway.
 *
 * @throws TypeError if `url` is not a `file:` URL. Calls reject if `@libsql/client` is not installed, saying so.
 */
export function libsqlTokenStore(options: LibsqlTokenStoreOptions): TokenStore {
  const path = pathOf(options?.url);
  // In this order: Deno throws where a variable is looked up that it was not allowed.
  if (path.startsWith('/tmp/') && process.env['AWS_LAMBDA_FUNCTION_NAME']) warnOfLambda();
  let client: Client | undefined;
  /** The files that `client` has open. */
  let opened = '';
  let closed = false;
  let last: Promise<unknown> = Promise.resolve();
  /** Whoever writes waits for its turn to try again and again; whoever reads goes between, since a file that somebody writes is read all the same. */
  const reads = createLine();
  const writes = createLine();

  /**
   * After an error the connection is thrown away. The native driver does not reset a statement that failed (seen in
   * @libsql/client 0.18 on a busy file), and while it stands, SQLite holds back the commit of every later one: writes
   * would be confirmed and lost.
   */
  function discard(): void {
    client?.close();
    client = undefined;
  }

  async function execute(sql: string, params: readonly (string | number)[]): Promise<Row[]> {
    try {
      if (!client) {
        client = await connect(path);
        opened = filesAt(path);
      }
      const { rows } = await client.execute({ sql, args: [...params] });
      // SQLite goes on writing to files that were deleted or replaced, and all of that ends with this process.
      if (filesAt(path) !== opened) throw new Error('The file of the token store was deleted or replaced.');
      return rows;
    } catch (error) {
      discard();
      throw error;
    }
  }

  // One call at a time, so that an error cannot take the connection away from another one.
  const attempt: Query = (sql, params) => {
    const turn = last.then(() => execute(sql, params));
    last = turn.catch(() => undefined);
    return turn;
  };

  const query: Query = async (sql, params) => {
    if (closed) throw new Error('The token store is closed.');
    return (sql.startsWith('SELECT') ? reads : writes).wait(() => attempt(sql, params));
  };

  return sqlTokenStore(query, { table, nextVersion: `(SELECT n + 1 FROM ${counter})` }, async () => {
    closed = true;
    await Promise.all([reads.idle(), writes.idle()]);
    // What SQLite itself does as the last one closes, and its driver does not: until then all of it may be in the write-ahead log beside
    // the file, and whoever moves the one file would leave every connection behind.
    if (client && filesAt(path) === opened)
      await client.execute({ sql: 'PRAGMA wal_checkpoint(TRUNCATE)', args: [] }).catch(() => undefined);
    discard();
  });
}

let warned = false;

/** The only folder there that takes a file: "read-only file system" leads everybody to it. */
function warnOfLambda(): void {
  if (warned) return;
  warned = true;
  console.warn(
    'rulrr-embed: on AWS Lambda each process has a /tmp of its own, and it ends with it: libsqlTokenStore() forgets every connection there. ' +
      'Use rulrr-embed/proxy/postgres, or a store of your own.',
  );
}

/** Calls of one kind, one after another. A file that is busy makes all of them wait, and each no longer than its time. */
function createLine() {
  let last: Promise<unknown> = Promise.resolve();
  /** What the file said when it was busy the last time, if it still was then. */
  let busy: unknown;

  async function patiently<T>(work: () => Promise<T>, until: number): Promise<T> {
    for (;;) {
      // Each try costs time in which this process stands still: the line fails as a whole.
      if (busy && performance.now() > until) throw busy;
      try {
        const result = await work();
        busy = undefined;
        return result;
      } catch (error) {
        // It refuses before anything is written, so trying again is safe.
        busy = /SQLITE_(BUSY|LOCKED)/.test(codeOf(error)) ? error : undefined;
        if (!busy) throw error;
        await new Promise((resume) => setTimeout(resume, busyPauseMs * Math.random()));
      }
    }
  }

  return {
    wait<T>(work: () => Promise<T>): Promise<T> {
      const until = performance.now() + busyBudgetMs;
      const turn = last.then(() => patiently(work, until));
      last = turn.catch(() => undefined);
      return turn;
    },
    idle: () => last,
  };
}

type Row = Record<string, unknown>;

interface Client {
  execute(statement: { sql: string; args: (string | number)[] }): Promise<{ rows: Row[] }>;
  close(): void;
}

/** One by one: where a file system makes no folders (/proc), Node's own `recursive` never comes to an end. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    // Another process was faster.
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

async function connect(path: string): Promise<Client> {
  // Asked twice: Node takes the first failure of a driver whose binary is missing for one that nobody heard, and ends the process.
  const driver = () => import('@libsql/client');
  const { createClient } = await driver().catch(driver).catch(orMissing('libsqlTokenStore', '@libsql/client'));
  // The write-ahead files that SQLite puts beside it take over its mode.
  makeFolder(dirname(path));
  if (!existsSync(path)) writeFileSync(path, '', { flag: 'a', mode: 0o600 });
  // Of a folder, or a device, the mode below would shut out everybody else.
  const found = statSync(path);
  if (!found.isFile())
    throw Object.assign(new Error('The url of libsqlTokenStore() must name a file, and this is none.'), {
      code: 'ERR_NOT_A_FILE',
    });
  chmodSync(path, 0o600);
  // One connection, so that what is set below holds for every call.
  const client = createClient({ url: pathToFileURL(path).href, concurrency: 1 }) as unknown as Client;
  try {
    const settings = [
      `PRAGMA busy_timeout = ${busyTimeoutMs}`,
      'PRAGMA journal_mode = WAL',
      'PRAGMA synchronous = FULL',
    ];
    for (const sql of [...settings, ...schema]) await client.execute({ sql, args: [] });
    // Only where it is needed: to write, even nothing, is refused while another process does, and so would every read be.
    const { rows } = await client.execute({ sql: `SELECT n FROM ${counter}`, args: [] });
    if (!rows.length)
      await client.execute({
        sql: `INSERT INTO ${counter} (one, n) VALUES (1, 0) ON CONFLICT (one) DO NOTHING`,
        args: [],
      });
  } catch (error) {
    client.close();
    // Somebody else's file stays readable to whom it was.
    if (codeOf(error) === 'SQLITE_NOTADB') chmodSync(path, found.mode);
    throw error;
  }
  return client;
}

/** Which files stand at the path now, and at that of its write-ahead log: SQLite puts that beside the file, not beside a link to it. */
function filesAt(path: string): string {
  const one = (file: string) => statSync(file, { throwIfNoEntry: false })?.ino;
  const file = one(path);
  return `${file} ${file && one(`${realpathSync(path)}-wal`)}`;
}

function pathOf(url: unknown): string {
  if (typeof url !== 'string' || !url.startsWith('file:') || url === 'file:') {
    throw new TypeError('libsqlTokenStore: `url` must be a file URL, such as "file:data/rulrr.db".');
  }
  if (url.includes(':memory:')) {
    throw new TypeError('libsqlTokenStore: `url` must name a file; for tests there is memoryTokenStore().');
  }
  if (!url.startsWith('file://')) return resolve(url.slice('file:'.length));
  try {
    return fileURLToPath(url);
  } catch {
    throw new TypeError(
      'libsqlTokenStore: `url` names no file of this machine; write "file:///var/lib/till/rulrr.db".',
    );
  }
}
