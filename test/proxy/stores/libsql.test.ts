import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { libsqlTokenStore } from '../../../src/proxy/stores/libsql.js';
import { conforms, folder, killedAfterOk, raceOfProcesses, shipped } from '../support/store-trials.js';

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
  test('says once, on AWS Lambda, that a file in its /tmp ends with the process; of one elsewhere it says nothing', (t) => {
    const { mock } = t.mock.method(console, 'warn', () => undefined);
    libsqlTokenStore({ url: 'file:/tmp/rulrr.db' });
    process.env['AWS_LAMBDA_FUNCTION_NAME'] = 'pos';
    t.after(() => delete process.env['AWS_LAMBDA_FUNCTION_NAME']);
    libsqlTokenStore({ url: 'file:/mnt/efs/rulrr.db' });
    assert.equal(mock.callCount(), 0);
    libsqlTokenStore({ url: 'file:/tmp/rulrr.db' });
    libsqlTokenStore({ url: 'file:///tmp/rulrr.db' });
    assert.equal(mock.callCount(), 1);
    assert.match(String(mock.calls[0]!.arguments[0]), /\/tmp/);
  });
  test('opens a file where the process may look up no variable of its environment but those it was allowed, as on Deno', async (t) => {
    const { env } = process;
    const get = (of: object, name: string | symbol) => {
      if (String(name).startsWith('AWS_')) throw new Error(`Requires env access to "${String(name)}"`);
      return Reflect.get(of, name) as unknown;
    };
    process.env = new Proxy<NodeJS.ProcessEnv>(env, { get });
    t.after(() => (process.env = env));
    await libsqlTokenStore({ url: 'file:/var/lib/rulrr.db' }).close();
  });
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
  test('a folder that cannot be made is a call that rejects, and the process lives on', (t) => {
    if (!existsSync('/proc/self')) return t.skip('this system has no /proc, which makes no folders');
    const said = shipped(
      'no folder',
      { 'client.js': 'export const createClient = () => {};' },
      "libsqlTokenStore({ url: 'file:/proc/no/folder/rows.db' }).get('row').catch(({ code }) => console.log(code));",
    );
    assert.equal(said, 'ENOENT\n');
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
  for (const [what, at] of [
    ['', (file: string) => file],
    [' that is opened by a link', (file: string) => (symlinkSync(file, `${file}.link`), `${file}.link`)],
  ] as const)
    test(`a file${what} whose write-ahead log is deleted while it is open: the write that meets it is refused, and what is confirmed later is there`, async () => {
      const file = join(folder, `without log${what}.db`);
      const store = libsqlTokenStore({ url: `file:${at(file)}` });
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
  test('a file that is no database is an error, nothing is written to it, and whoever could read it still can', async () => {
    const odd = join(folder, 'odd.db');
    writeFileSync(odd, 'not a database, but everybody needs it '.repeat(100), { mode: 0o644 });
    const { size, mode } = statSync(odd);
    const store = libsqlTokenStore({ url: `file:${odd}` });
    await assert.rejects(store.get('a'));
    await store.close();
    assert.deepEqual([statSync(odd).size, statSync(odd).mode], [size, mode]);
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
