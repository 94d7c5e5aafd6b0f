import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { transformSync } from 'esbuild';
import { checkTokenStore, faultyTokenStore } from '../../src/proxy/stores/conformance.js';
import { afterPrefix, comparePoints } from '../../src/proxy/stores/keys.js';
import { libsqlTokenStore } from '../../src/proxy/stores/libsql.js';
import { memoryTokenStore } from '../../src/proxy/stores/memory.js';
import { postgresTokenStore } from '../../src/proxy/stores/postgres.js';
import type { StoredRow, TokenStore } from '../../src/proxy/stores/token-store.js';
import { startPostgres } from '../support/postgres.mjs';
import { harness } from './harness.js';

const folder = mkdtempSync(join(tmpdir(), 'rulrr-stores-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const worker = (...args: string[]) =>
  spawn(process.execPath, ['--import', 'tsx', 'test/proxy/support/store-worker.ts', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });

async function conforms(open: () => Promise<TokenStore>, increments: number) {
  const results = await checkTokenStore(open, { increments });
  assert.ok(results.length >= 18, `${results.length} checks`);
  assert.deepEqual(
    results.filter(({ ok }) => !ok),
    [],
  );
}

/** Four processes, one counter: every increment counts. */
async function raceOfProcesses(kind: string, address: string, store: TokenStore, each: number) {
  const key = `race/${kind}`;
  const workers = Array.from({ length: 4 }, () => worker(kind, address, 'increment', key, String(each)));
  const codes = await Promise.all(workers.map(async (child) => (await once(child, 'exit'))[0] as number));
  assert.deepEqual(codes, [0, 0, 0, 0]);
  assert.equal((await store.get(key))?.value, String(4 * each));
}

/** What was confirmed before SIGKILL is there; at most the one write after it may be as well. */
async function killedAfterOk(kind: string, address: string, open: () => TokenStore) {
  for (let round = 0; round < 3; round++) {
    const key = `kill/${kind}/${round}`;
    const child = worker(kind, address, 'write', key, '0');
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.split('\n').length > 20 + round * 7) child.kill('SIGKILL');
    });
    await once(child, 'close');
    const confirmed = Number(said.split('\n').filter(Boolean).at(-1));
    const store = open();
    const found = Number((await store.get(key))?.value);
    await store.close();
    assert.ok(
      confirmed > 19 && (found === confirmed || found === confirmed + 1),
      `confirmed ${confirmed}, found ${found}`,
    );
  }
}

/** The stores, built as they are shipped, with drivers of the test's own; answers with what the script says. */
function shipped(name: string, drivers: Record<string, string>, script: string): string {
  const home = join(folder, name);
  mkdirSync(home);
  // Built: the loader of these tests has failures of its own.
  for (const file of ['libsql', 'postgres', 'sql', 'keys']) {
    const source = readFileSync(new URL(`../../src/proxy/stores/${file}.ts`, import.meta.url), 'utf8');
    writeFileSync(join(home, `${file}.js`), transformSync(source, { loader: 'ts' }).code);
  }
  writeFileSync(join(home, 'package.json'), '{"type":"module"}');
  for (const [file, text] of Object.entries(drivers)) {
    const place = join(home, 'node_modules/@libsql/client');
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'package.json'), '{"type":"module","exports":"./client.js"}');
    writeFileSync(join(place, file), text);
  }
  const imports =
    "import { libsqlTokenStore } from './libsql.js';\nimport { postgresTokenStore } from './postgres.js';\n";
  writeFileSync(join(home, 'main.js'), imports + script);
  return spawnSync(process.execPath, ['main.js'], { cwd: home, encoding: 'utf8' }).stdout;
}

for (const [store, options, driver] of [
  ['libsqlTokenStore', "{ url: 'file:rows.db' }", '@libsql/client'],
  ['postgresTokenStore', "{ connectionString: 'postgres://db.example/till' }", 'pg'],
])
  test(`${store} without its driver says what to install`, () => {
    const script = `${store}(${options}).get('row').catch(({ code, message }) => console.log(code, message))`;
    const advice = `${store}() needs the package ${driver}. Install it with: npm install ${driver}`;
    assert.equal(shipped(`${store} alone`, {}, script), `ERR_MODULE_NOT_FOUND ${advice}\n`);
  });

describe('memory', () => {
  test('keeps every promise of a store but durability', async () => {
    const store = memoryTokenStore();
    await conforms(async () => ({ ...store, close: async () => {} }), 10_000);
  });

  test('says once, in production, that it forgets', (t) => {
    const { mock } = t.mock.method(console, 'warn', () => undefined);
    const before = process.env['NODE_ENV'];
    memoryTokenStore();
    assert.equal(mock.callCount(), 0);
    process.env['NODE_ENV'] = 'production';
    memoryTokenStore();
    memoryTokenStore();
    if (before === undefined) delete process.env['NODE_ENV'];
    else process.env['NODE_ENV'] = before;
    assert.equal(mock.callCount(), 1);
    assert.match(String(mock.calls[0]!.arguments[0]), /libsql|postgres/);
  });
});

describe('libSQL', () => {
  const path = join(folder, 'made', 'on', 'demand', 'rulrr test.db');
  const url = `file:${path}`;

  test('conforms, four connections racing', async () => {
    await conforms(async () => libsqlTokenStore({ url }), 1_000);
  });
  test('no increment of four processes is lost', async () => {
    const store = libsqlTokenStore({ url });
    await raceOfProcesses('libsql', url, store, 2_500);
    await store.close();
  });
  test('what was confirmed outlives SIGKILL', () => killedAfterOk('libsql', url, () => libsqlTokenStore({ url })));
  test('a driver whose binary is missing is a call that rejects, and the process lives on', () => {
    const said = shipped(
      'no binary',
      {
        'client.js': "import './native.cjs'; export const createClient = () => {};",
        'native.cjs': "require('@libsql/no-such-machine');",
      },
      `libsqlTokenStore({ url: 'file:rows.db' }).get('row').catch(({ code }) => {
        setImmediate(() => setImmediate(() => console.log('alive after', code)));
      });`,
    );
    assert.equal(said, 'alive after MODULE_NOT_FOUND\n');
  });
  test('a row is written only once the driver was told to have each on the disk before it confirms', () => {
    // No test can cut the power. What SQLite does by default is up to who built it.
    const said = shipped(
      'told',
      {
        'client.js': `export const createClient = () => ({
          execute: async ({ sql }) => (console.log(sql), { rows: [{ version: 1 }] }), close() {},
        });`,
      },
      "void libsqlTokenStore({ url: 'file:rows.db' }).put('row', 'x', { ifVersion: null });",
    ).split('\n');
    const full = said.indexOf('PRAGMA synchronous = FULL');
    const written = said.findIndex((sql) => sql.startsWith('INSERT INTO rulrr_embed_rows'));
    assert.ok(full >= 0 && full < written, said.join('\n'));
  });
  test('the file is for its owner only', () => {
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(join(folder, 'made', 'on', 'demand')).mode & 0o777, 0o700);
  });
  test('a file that everybody could read is for its owner only once it is opened', async () => {
    const file = join(folder, 'open to all.db');
    writeFileSync(file, '', { mode: 0o644 });
    const store = libsqlTokenStore({ url: `file:${file}` });
    await store.put('a', 'x', { ifVersion: null });
    for (const each of [file, `${file}-wal`, `${file}-shm`]) assert.equal(statSync(each).mode & 0o777, 0o600, each);
    await store.close();
  });
  for (const [what, gone] of [
    ['deleted', (file: string) => rmSync(file)],
    ['replaced by a backup', (file: string) => renameSync(`${file}.backup`, file)],
  ] as const) {
    test(`a file that is ${what} while it is open: what is confirmed is there after a restart`, async () => {
      const file = join(folder, `${what}.db`);
      for (const made of [`${file}.backup`, file]) {
        const store = libsqlTokenStore({ url: `file:${made}` });
        await store.put('before', made, { ifVersion: null });
        await store.close();
      }
      const open = libsqlTokenStore({ url: `file:${file}` });
      assert.ok(await open.get('before'));
      gone(file);
      const put = (key: string) => open.put(key, 'x', { ifVersion: null }).catch(() => null);
      const confirmed: string[] = [];
      for (const key of ['one', 'two', 'three']) if ((await put(key))?.ok) confirmed.push(key);
      assert.ok(confirmed.includes('three'), 'it goes on with the file that is there now');
      // As after SIGKILL: the file as it lies there, without what a close would still write to it.
      const found = libsqlTokenStore({ url: `file:${file}` });
      for (const key of confirmed) assert.ok(await found.get(key), key);
      await found.close();
      await open.close();
    });
  }
  test('a file whose write-ahead log is deleted while it is open: the write that meets it is refused, and what is confirmed later is there', async () => {
    const file = join(folder, 'without log.db');
    const store = libsqlTokenStore({ url: `file:${file}` });
    await store.put('before', 'x', { ifVersion: null });
    rmSync(`${file}-wal`);
    await assert.rejects(store.put('one', 'x', { ifVersion: null }));
    // SQLite refuses the rest too, but for a collection of garbage in between: with that, the old connection lets go of the file.
    const confirmed: string[] = [];
    for (const key of ['two', 'three']) {
      const put = await store.put(key, 'x', { ifVersion: null }).catch(() => null);
      if (put?.ok) confirmed.push(key);
    }
    // As after SIGKILL: the files as they lie there.
    const copy = `${file}.copy`;
    for (const part of ['', '-wal']) if (existsSync(file + part)) copyFileSync(file + part, copy + part);
    const found = libsqlTokenStore({ url: `file:${copy}` });
    for (const key of confirmed) assert.ok(await found.get(key), key);
    await found.close();
    await store.close();
  });
  test('a file that was closed is all there is: moved alone, it has every row', async () => {
    const file = join(folder, 'moved.db');
    const store = libsqlTokenStore({ url: `file:${file}` });
    for (const key of ['one', 'two', 'three']) await store.put(key, 'x', { ifVersion: null });
    // Another process may have it open still, and must go on.
    const other = libsqlTokenStore({ url: `file:${file}` });
    assert.ok(await other.get('one'));
    await store.close();
    assert.ok((await other.put('four', 'x', { ifVersion: null })).ok);
    await other.close();
    mkdirSync(join(folder, 'elsewhere'));
    renameSync(file, join(folder, 'elsewhere/moved.db'));
    const moved = libsqlTokenStore({ url: `file:${join(folder, 'elsewhere/moved.db')}` });
    for (const key of ['one', 'two', 'three', 'four']) assert.ok(await moved.get(key), key);
    await moved.close();
  });
  test('a file that another program has locked for writing is read all the same, and written as soon as it is free', async () => {
    const url = `file:${join(folder, 'locked.db')}`;
    const store = libsqlTokenStore({ url });
    await store.put('before', 'x', { ifVersion: null });
    const { createClient } = await import('@libsql/client');
    const other = createClient({ url });
    const lock = await other.transaction('write');
    await lock.execute({ sql: 'UPDATE rulrr_embed_version SET n = n', args: [] });
    const writing = Promise.all(['one', 'two'].map((key) => store.put(key, 'x', { ifVersion: null })));
    for (let round = 0; round < 3; round++) assert.equal((await store.get('before'))?.value, 'x');
    await lock.rollback();
    assert.ok((await writing).every(({ ok }) => ok));
    other.close();
    await store.close();
  });
  test('a file that stays locked: who waits to write gives up after fifteen seconds and says why, and who reads does not wait', async (t) => {
    const url = `file:${join(folder, 'stays locked.db')}`;
    const store = libsqlTokenStore({ url });
    await store.put('before', 'x', { ifVersion: null });
    const { createClient } = await import('@libsql/client');
    const other = createClient({ url });
    const lock = await other.transaction('write');
    t.after(() => lock.close());
    await lock.execute({ sql: 'UPDATE rulrr_embed_version SET n = n', args: [] });
    const now = performance.now.bind(performance);
    let ahead = 0;
    t.mock.method(performance, 'now', () => now() + ahead);
    let gaveUp = 0;
    const writing = ['one', 'two'].map((key) =>
      assert.rejects(store.put(key, 'x', { ifVersion: null }), { code: 'SQLITE_BUSY' }).finally(() => gaveUp++),
    );
    for (let round = 0; round < 3; round++) assert.equal((await store.get('before'))?.value, 'x');
    assert.equal(gaveUp, 0);
    ahead = 15_000;
    await Promise.race([
      Promise.all(writing),
      new Promise((_, late) => setTimeout(late, 20_000, new Error('late')).unref()),
    ]);
    lock.close();
    assert.ok((await store.put('three', 'x', { ifVersion: null })).ok);
    other.close();
    await store.close();
  });
  test('a new file that another program has locked: the store says so, and opens it as soon as it is free', async (t) => {
    const url = `file:${join(folder, 'locked before.db')}`;
    const { createClient } = await import('@libsql/client');
    const other = createClient({ url });
    const lock = await other.transaction('write');
    t.after(() => lock.close());
    await lock.execute('CREATE TABLE theirs (id INTEGER)');
    const store = libsqlTokenStore({ url });
    const now = performance.now.bind(performance);
    let looks = 0;
    t.mock.method(performance, 'now', () => now() + 5000 * looks++);
    await assert.rejects(store.put('a', 'x', { ifVersion: null }), { code: 'SQLITE_BUSY' });
    lock.close();
    assert.ok((await store.put('a', 'x', { ifVersion: null })).ok);
    other.close();
    await store.close();
  });
  test('a close waits for what is on its way: whoever ends the process then loses nothing of it', async () => {
    const store = libsqlTokenStore({ url: `file:${join(folder, 'closing.db')}` });
    let confirmed = 0;
    const writing = ['one', 'two', 'three'].map(async (key) => {
      if ((await store.put(key, 'x', { ifVersion: null })).ok) confirmed++;
    });
    await store.close();
    assert.equal(confirmed, 3);
    await Promise.all(writing);
  });
  test('a relative and a slashed URL name the same file', async (t) => {
    const before = process.cwd();
    process.chdir(folder);
    t.after(() => process.chdir(before));
    const file = join(folder, 'made/slashed till.db');
    const one = libsqlTokenStore({ url: pathToFileURL(file).href });
    await one.put('a', 'x', { ifVersion: null });
    await one.close();
    for (const url of ['file:made/slashed till.db', `file:${file}`]) {
      const two = libsqlTokenStore({ url });
      assert.equal((await two.get('a'))?.value, 'x', url);
      await two.close();
      await assert.rejects(two.get('a'), /closed/);
    }
  });
  test('a wrong url is refused at construction, naming the option', () => {
    for (const bad of [undefined, '', 'file:', 'data.db', 'libsql://host', 'http://host', 'file::memory:', 5]) {
      assert.throws(() => libsqlTokenStore({ url: bad as string }), { name: 'TypeError', message: /`url`/ });
    }
  });
  test('a file that is no database is an error, and nothing is written to it', async () => {
    const odd = join(folder, 'odd.db');
    writeFileSync(odd, 'not a database, but somebody needs it '.repeat(100));
    const size = statSync(odd).size;
    const store = libsqlTokenStore({ url: `file:${odd}` });
    await assert.rejects(store.get('a'));
    await store.close();
    assert.equal(statSync(odd).size, size);
  });
});

describe('PostgreSQL', () => {
  let server: Awaited<ReturnType<typeof startPostgres>>;
  before(async () => {
    server = await startPostgres();
  });
  after(() => server?.remove());
  const needs = (t: { skip(text: string): void }): t is never => {
    if (!server) t.skip('PostgreSQL cannot be had here');
    return !server;
  };

  test('eight replicas that start at once make one schema', async (t) => {
    if (needs(t)) return;
    const stores = Array.from({ length: 8 }, () => postgresTokenStore({ connectionString: server!.connectionString }));
    const results = await Promise.all(stores.map((store) => store.put('first', 'x', { ifVersion: null })));
    assert.equal(results.filter(({ ok }) => ok).length, 1);
    await Promise.all(stores.map((store) => store.close()));
  });
  test('conforms, four pools racing', async (t) => {
    if (needs(t)) return;
    await conforms(async () => postgresTokenStore({ connectionString: server!.connectionString }), 1_000);
  });
  test('no increment of four processes is lost', async (t) => {
    if (needs(t)) return;
    const store = postgresTokenStore({ connectionString: server!.connectionString });
    await raceOfProcesses('postgres', server!.connectionString, store, 2_500);
    await store.close();
  });
  test('what was confirmed outlives SIGKILL of the writer, and of the server', async (t) => {
    if (needs(t)) return;
    const { connectionString } = server!;
    await killedAfterOk('postgres', connectionString, () => postgresTokenStore({ connectionString }));
    const store = postgresTokenStore({ connectionString });
    await store.put('power', 'kept', { ifVersion: null });
    await server!.stop();
    await assert.rejects(store.get('power'));
    await server!.start();
    assert.equal((await store.get('power'))?.value, 'kept', 'the same store works again once the server does');
    await store.close();
  });
  test('the server drops the idle connections of a pool that nobody listens to: the process lives on', async (t) => {
    if (needs(t)) return;
    const { default: pg } = await import('pg');
    const pool = new pg.Pool({ connectionString: server!.connectionString });
    const store = postgresTokenStore({ pool });
    await store.put('dropped', 'x', { ifVersion: null });
    const other = new pg.Client(server!.connectionString);
    await other.connect();
    const gone = new Promise((resolve) => void pool.once('remove', resolve));
    await other.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
    );
    await gone;
    assert.equal((await store.get('dropped'))?.value, 'x');
    await other.end();
    await pool.end();
  });
  test('a table that somebody else’s session has locked: a call gives up, and leaves none behind that waits at the server', async (t) => {
    if (needs(t)) return;
    const store = postgresTokenStore({ connectionString: server!.connectionString });
    await store.put('locked', 'x', { ifVersion: null });
    const { default: pg } = await import('pg');
    const other = new pg.Client(server!.connectionString);
    await other.connect();
    await other.query('BEGIN');
    await other.query('LOCK TABLE rulrr_embed_rows IN ACCESS EXCLUSIVE MODE');
    await assert.rejects(store.get('locked'), { code: '55P03' });
    const waiting = await other.query("SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
    assert.equal(waiting.rows[0].n, 0);
    await other.query('ROLLBACK');
    assert.equal((await store.get('locked'))?.value, 'x');
    await other.end();
    await store.close();
  });
  // Poolers differ in what they call it; the first is PgBouncer's.
  for (const code of ['08P01', '0A000', '42704'])
    test(`behind a pooler that takes no settings as a connection begins (${code})`, { timeout: 60_000 }, async (t) => {
      if (needs(t)) return;
      const { port } = new URL(server!.connectionString);
      const refusal = (text: string) => {
        const fields = Buffer.from(`SFATAL\0C${code}\0M${text}\0\0`);
        const head = Buffer.from('E....');
        head.writeInt32BE(fields.length + 4, 1);
        return Buffer.concat([head, fields]);
      };
      let refusesAll = false;
      const pooler = createServer((socket) => {
        socket
          .on('error', () => {})
          .once('data', (startup) => {
            if (refusesAll || startup.includes('_timeout')) return socket.end(refusal('unsupported startup parameter'));
            const inner = connect(Number(port), '127.0.0.1').on('error', () => {});
            inner.write(startup);
            socket.pipe(inner).pipe(socket);
          });
      }).listen(0, '127.0.0.1');
      t.after(() => pooler.close());
      await once(pooler, 'listening');
      const through = new URL(server!.connectionString);
      through.port = String((pooler.address() as AddressInfo).port);
      const store = postgresTokenStore({ connectionString: through.href });
      // PgBouncer says the same where it knows no such database or user.
      refusesAll = true;
      await assert.rejects(store.get('a'), { code });
      refusesAll = false;
      assert.ok((await store.put(`through a pooler, ${code}`, 'x', { ifVersion: null })).ok);
      await store.close();
    });
  test('closed by two at once, as by two who hear of one signal, it is closed for both', async (t) => {
    if (needs(t)) return;
    const store = postgresTokenStore({ connectionString: server!.connectionString });
    await store.put('closed', 'x', { ifVersion: null });
    await Promise.all([store.close(), store.close()]);
    await assert.rejects(store.get('closed'), /closed/);
  });
  test('takes a pool of the vendor’s, and leaves it open', async (t) => {
    if (needs(t)) return;
    const { default: pg } = await import('pg');
    const pool = new pg.Pool({ connectionString: server!.connectionString });
    const store = postgresTokenStore({ pool });
    await store.put('pooled', 'x', { ifVersion: null });
    await store.close();
    assert.equal((await pool.query('SELECT 1 AS one')).rows[0].one, 1);
    await pool.end();
  });
  test('a database with a stricter isolation than the usual one: nobody hears of it', async (t) => {
    if (needs(t)) return;
    for (const level of ['repeatable%5C%20read', 'serializable']) {
      const connectionString = `${server!.connectionString}?options=-c%20default_transaction_isolation%3D${level}`;
      const store = postgresTokenStore({ connectionString });
      const key = `strict/${level}`;
      const increment = async () => {
        for (let current = await store.get(key); ;) {
          const next = String(Number(current?.value ?? 0) + 1);
          const result = await store.put(key, next, { ifVersion: current?.version ?? null });
          if (result.ok) return;
          current = result.current;
        }
      };
      await Promise.all(Array.from({ length: 40 }, increment));
      assert.equal((await store.get(key))?.value, '40', level);
      await store.close();
    }
  });
  test('a role that may make nothing: that is said, and it works once the table and the sequence were made for it', async (t) => {
    if (needs(t)) return;
    const { default: pg } = await import('pg');
    const owner = new pg.Client(server!.connectionString);
    await owner.connect();
    await owner.query('CREATE ROLE clerk LOGIN');
    await owner.query('CREATE SCHEMA strict');
    await owner.query('GRANT USAGE ON SCHEMA strict TO clerk');
    const within = `${server!.connectionString}?options=-c%20search_path%3Dstrict`;
    const store = postgresTokenStore({ connectionString: within.replace('till@', 'clerk@') });
    await assert.rejects(store.get('a'), { code: '42501' });
    const maker = postgresTokenStore({ connectionString: within });
    await maker.get('a');
    await maker.close();
    await owner.query('GRANT SELECT, INSERT, UPDATE, DELETE ON strict.rulrr_embed_rows TO clerk');
    await owner.query('GRANT USAGE ON SEQUENCE strict.rulrr_embed_version TO clerk');
    await owner.end();
    assert.ok((await store.put('a', 'x', { ifVersion: null })).ok);
    assert.equal(await store.delete('a'), true);
    await store.close();
  });
  test('a database whose language sorts otherwise: keys are listed as everywhere', async (t) => {
    if (needs(t)) return;
    const { default: pg } = await import('pg');
    const owner = new pg.Client(server!.connectionString);
    await owner.connect();
    const sorted = "CREATE DATABASE sorted TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'";
    const made = await owner.query(sorted).catch(() => null);
    await owner.end();
    if (!made) return t.skip('this PostgreSQL has no such languages');
    const connectionString = server!.connectionString.replace(/postgres$/, 'sorted');
    const results = await checkTokenStore(async () => postgresTokenStore({ connectionString }), { only: 'list' });
    assert.ok(results.length >= 2);
    assert.deepEqual(
      results.filter(({ ok }) => !ok),
      [],
    );
  });
  test(
    'a server that falls silent: a call gives up after fifteen seconds, and one that has to connect first after five',
    { timeout: 60_000 },
    async (t) => {
      if (needs(t)) return;
      const { port } = new URL(server!.connectionString);
      let silent = false;
      let heard = () => {};
      const sockets: Socket[] = [];
      const between = createServer((socket) => {
        const inner = connect(Number(port), '127.0.0.1');
        sockets.push(
          socket.on('error', () => {}),
          inner.on('error', () => {}),
        );
        socket.on('data', (data) => (silent ? heard() : inner.write(data)));
        inner.pipe(socket);
      }).listen(0, '127.0.0.1');
      t.after(() => {
        between.close();
        for (const socket of sockets) socket.destroy();
      });
      await once(between, 'listening');
      const through = new URL(server!.connectionString);
      through.port = String((between.address() as AddressInfo).port);
      const store = postgresTokenStore({ connectionString: through.href });
      await store.put('silence', 'x', { ifVersion: null });
      silent = true;
      for (const seconds of [15, 5]) {
        t.mock.timers.enable({ apis: ['setTimeout'] });
        const asked = new Promise<void>((resolve) => (heard = resolve));
        const failing = assert.rejects(store.get('silence'), { code: 'ETIMEDOUT' });
        await asked;
        t.mock.timers.tick(seconds * 1000);
        await failing;
        t.mock.timers.reset();
      }
      silent = false;
      assert.equal((await store.get('silence'))?.value, 'x');
      await store.close();
    },
  );
  test('a server that confirms before it has written is refused', async (t) => {
    if (needs(t)) return;
    const connectionString = `${server!.connectionString}?options=-c%20synchronous_commit%3Doff`;
    const store = postgresTokenStore({ connectionString });
    await assert.rejects(store.get('a'), /synchronous_commit/);
    await store.close();
  });
  test('options that are missing are refused at construction', () => {
    for (const bad of [undefined, {}, { connectionString: ' ' }, { pool: {} }]) {
      assert.throws(() => postgresTokenStore(bad as never), { name: 'TypeError', message: /give `connectionString`/ });
    }
  });
});

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

test('a folder in the place of the libSQL file is refused, and stays open to others', async () => {
  const place = join(folder, 'a folder');
  mkdirSync(place, { mode: 0o755 });
  const store = libsqlTokenStore({ url: `file:${place}` });
  await assert.rejects(store.get('a'), { code: 'ERR_NOT_A_FILE', message: /must name a file/ });
  await store.close();
  assert.equal(statSync(place).mode & 0o777, 0o755);
});

test('PostgreSQL that was down at the first call is asked again at the next', async () => {
  let down = true;
  const query = async (sql: string) => {
    if (down) throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    return { rows: sql.startsWith('SELECT value') ? [{ value: 'x', version: '7' }] : [{ rows: 'r', versions: 'v' }] };
  };
  const store = postgresTokenStore({ pool: { query } });
  await assert.rejects(store.get('a'), { code: 'ECONNREFUSED' });
  down = false;
  assert.deepEqual(await store.get('a'), { value: 'x', version: 7 });
  await store.close();
  await assert.rejects(store.get('a'), /closed/);
});

/** A pool whose server answers with what `run` throws, and else as if all were in order. */
const poolThat = (run: (sql: string) => void) => ({
  async query(sql: string) {
    run(sql);
    return { rows: sql.startsWith('SELECT value') ? [{ value: 'x', version: '7' }] : [{}] };
  },
});
const failure = (code: string) => Object.assign(new Error('refused'), { code });

for (const code of ['23505', '42P07', '42710'])
  test(`PostgreSQL, whose schema another replica makes at the same moment (${code}): nobody hears of it`, async () => {
    const pool = poolThat((sql) => {
      if (sql.startsWith('CREATE')) throw failure(code);
    });
    assert.equal((await postgresTokenStore({ pool }).get('a'))?.value, 'x');
  });

for (const code of ['40001', '40P01'])
  test(`PostgreSQL that undoes a statement (${code}): it is made again, for five seconds`, async (t) => {
    let until = 3;
    const pool = poolThat((sql) => {
      if (sql.startsWith('SELECT value') && until-- > 0) throw failure(code);
    });
    const store = postgresTokenStore({ pool });
    assert.equal((await store.get('a'))?.value, 'x');
    const now = Date.now.bind(Date);
    let asked = 0;
    t.mock.method(Date, 'now', () => now() + 1000 * asked++);
    until = 100;
    await assert.rejects(store.get('a'), { code });
    assert.ok(until > 90 && until < 97, `${100 - until} tries`);
  });

for (const [what, serve, code, connectionTimeoutMillis] of [
  ['ends the connection', (socket: Socket) => void socket.destroy(), 'ECONNRESET', 0],
  // Until the other side has had enough.
  ['never answers', (socket: Socket) => void socket.on('end', () => socket.destroy()).resume(), 'ETIMEDOUT', 50],
] as const)
  test(`a PostgreSQL that ${what}: the log says so by a code`, async (t) => {
    const server = createServer((socket) => serve(socket.on('error', () => {}))).listen(0, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { default: pg } = await import('pg');
    const pool = new pg.Pool({ host: '127.0.0.1', port, user: 'till', connectionTimeoutMillis });
    t.after(() => pool.end());
    const h = harness({ tokenStore: postgresTokenStore({ pool }) });
    assert.equal((await h.call('GET', '/connection')).status, 503);
    const failures = h.events.filter(({ type }) => type === 'store-failed');
    assert.deepEqual(
      failures.map((event) => event.code),
      [code],
    );
  });

test('keys are ordered by code point, and prefix ranges end right after the last key of the prefix', () => {
  assert.equal(afterPrefix('a/'), 'a0');
  assert.equal(afterPrefix('a\u{10ffff}'), 'b');
  assert.equal(afterPrefix('\ud7ff'), '\ue000');
  assert.equal(afterPrefix(''), null);
  assert.ok(comparePoints('\uff5e', '\u{1f9fe}') < 0);
  assert.ok(comparePoints('a', 'ab') < 0 && comparePoints('ab', 'a') > 0 && comparePoints('ab', 'ab') === 0);
});
