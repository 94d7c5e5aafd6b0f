import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { checkTokenStore } from '../../../src/proxy/stores/conformance.js';
import { postgresTokenStore } from '../../../src/proxy/stores/postgres.js';
import { startPostgres } from '../../support/postgres.mjs';
import { until } from '../../support/until.js';
import { harness } from '../harness.js';
import { conforms, killedAfterOk, raceOfProcesses } from '../support/store-trials.js';

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
  test('a pool of another package, which answers with the rows alone: the first call says so, and in the log of the proxy it has a code', async () => {
    const code = 'ERR_INVALID_RETURN_VALUE';
    for (const answer of [[], [{ rows: 'rulrr_embed_rows', versions: 'rulrr_embed_version' }], [[], {}], undefined]) {
      const pool = { query: async () => answer as never };
      const refusal = { name: 'TypeError', code, message: /`pool\.query.+\{rows: \[…\]\}.+pg/ };
      await assert.rejects(postgresTokenStore({ pool }).get('a'), refusal);
      const { events, call } = harness({ tokenStore: postgresTokenStore({ pool }) });
      assert.equal((await call('GET', '/connection')).status, 503);
      assert.equal(events.find(({ type }) => type === 'store-failed')?.code, code);
    }
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
  test('a server that is told, under way, to confirm before it has written: what the store confirms outlives a crash all the same', async (t) => {
    if (needs(t)) return;
    const { default: pg } = await import('pg');
    const pool = new pg.Pool({ connectionString: server!.connectionString, max: 1 });
    const store = postgresTokenStore({ pool });
    const first = await store.put('before the crash', '0', { ifVersion: null });
    // As somebody does to whom a busy server is too slow. What has not been asked for is written ten seconds later.
    for (const setting of ['synchronous_commit = off', "wal_writer_delay = '10s'"])
      await pool.query(`ALTER SYSTEM SET ${setting}`);
    await pool.query('SELECT pg_reload_conf()');
    await until(async () => (await pool.query('SHOW synchronous_commit')).rows[0].synchronous_commit === 'off');
    let { version } = first as { version: number };
    for (const value of ['1', '2', '3'])
      ({ version } = (await store.put('before the crash', value, { ifVersion: version })) as { version: number });
    const made = await store.put('made before the crash', 'x', { ifVersion: null });
    assert.ok(made.ok);
    await server!.stop();
    await server!.start();
    assert.equal((await store.get('before the crash'))?.value, '3');
    assert.equal((await store.get('made before the crash'))?.value, 'x');
    await pool.query('ALTER SYSTEM RESET ALL');
    await pool.query('SELECT pg_reload_conf()');
    await pool.end();
  });
  test('options that are missing are refused at construction', () => {
    for (const bad of [undefined, {}, { connectionString: ' ' }, { pool: {} }]) {
      assert.throws(() => postgresTokenStore(bad as never), { name: 'TypeError', message: /give `connectionString`/ });
    }
  });
  test('a URL of something else is refused at construction: pg would ask the PostgreSQL of this machine, or a host named "base"', async () => {
    for (const connectionString of [
      'file:rulrr.db',
      'memory:',
      'jdbc:postgresql://db.example/till',
      'db.example/till',
    ]) {
      assert.throws(() => postgresTokenStore({ connectionString }), { name: 'TypeError', message: /postgres:\/\// });
    }
    for (const connectionString of [
      'PostgreSQL://db.example/till',
      'socket:/run/postgresql?db=till',
      '/run/postgresql till',
    ]) {
      await postgresTokenStore({ connectionString }).close();
    }
  });
  test('a URL with blanks around it, as a file or a variable may have them, is the URL: pg would ask a host named "base", or for a database "till "', async (t) => {
    if (needs(t)) return;
    const store = postgresTokenStore({ connectionString: ` ${server!.connectionString} \n` });
    await store.put('blanks', 'x', { ifVersion: null });
    assert.equal((await store.get('blanks'))?.value, 'x');
    await store.close();
  });
  test('a Client in the place of the pool is refused at construction: a transaction of the vendor’s on it could take tokens back', async () => {
    const { default: pg } = await import('pg');
    const pool = new pg.Client('postgres://db.example/till') as never;
    assert.throws(() => postgresTokenStore({ pool }), { name: 'TypeError', message: /must be a Pool/ });
  });
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

/** AuthenticationSASL with the one mechanism that it offers, and AuthenticationSASLContinue. */
const wantsPassword = ['R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0', 'R\0\0\0\x0a\0\0\0\x0br='];

for (const [what, serve, code, options] of [
  ['ends the connection', (socket: Socket) => void socket.destroy(), 'ECONNRESET', {}],
  // Until the other side has had enough.
  [
    'never answers',
    (socket: Socket) => void socket.on('end', () => socket.destroy()).resume(),
    'ETIMEDOUT',
    { connectionTimeoutMillis: 50 },
  ],
  ['has no TLS', (socket: Socket) => void socket.once('data', () => socket.end('N')), 'EPROTO', { ssl: true }],
  [
    'wants a password, and was told none',
    (socket: Socket) => {
      const says = [...wantsPassword];
      socket.on('data', () => void socket.write(says.shift() ?? ''));
    },
    '28P01',
    {},
  ],
] as const)
  test(`a PostgreSQL that ${what}: the log says so by a code`, async (t) => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      serve(socket.on('error', () => {}));
    }).listen(0, '127.0.0.1');
    t.after(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { default: pg } = await import('pg');
    const pool = new pg.Pool({ host: '127.0.0.1', port, user: 'till', ...options });
    t.after(() => pool.end());
    const h = harness({ tokenStore: postgresTokenStore({ pool }) });
    assert.equal((await h.call('GET', '/connection')).status, 503);
    const failures = h.events.filter(({ type }) => type === 'store-failed');
    assert.deepEqual(
      failures.map((event) => event.code),
      [code],
    );
  });

test(
  'a PostgreSQL that wants a password, and was told none: no call leaves a connection behind, which the server would hold for a minute',
  { timeout: 20_000 },
  async (t) => {
    const left = new Set<Socket>();
    const server = createServer((socket) => {
      left.add(socket);
      socket.on('error', () => {}).on('close', () => left.delete(socket));
      const says = [...wantsPassword];
      socket.on('data', () => void socket.write(says.shift() ?? ''));
    }).listen(0, '127.0.0.1');
    t.after(() => {
      server.close();
      for (const socket of left) socket.destroy();
    });
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const store = postgresTokenStore({ connectionString: `postgres://till@127.0.0.1:${port}/till` });
    for (let calls = 0; calls < 3; calls++) await assert.rejects(store.get('a'), { code: '28P01' });
    await until(() => left.size === 0);
    await store.close();
  },
);
