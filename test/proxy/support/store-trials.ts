import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { transformSync } from 'esbuild';
import { checkTokenStore } from '../../../src/proxy/stores/conformance.js';
import type { TokenStore } from '../../../src/proxy/stores/token-store.js';

/** For the files of one test file; gone with it. */
export const folder = mkdtempSync(join(tmpdir(), 'rulrr-stores-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const worker = (...args: string[]) =>
  spawn(process.execPath, ['--import', 'tsx', 'test/proxy/support/store-worker.ts', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });

/** The kit's own checks for token stores, all of them passed. */
export async function conforms(open: () => Promise<TokenStore>, increments: number) {
  const results = await checkTokenStore(open, { increments });
  assert.ok(results.length >= 18, `${results.length} checks`);
  assert.deepEqual(
    results.filter(({ ok }) => !ok),
    [],
  );
}

/** Four processes, one counter: every increment counts. */
export async function raceOfProcesses(kind: string, address: string, store: TokenStore, each: number) {
  const key = `race/${kind}`;
  const workers = Array.from({ length: 4 }, () => worker(kind, address, 'increment', key, String(each)));
  const codes = await Promise.all(workers.map(async (child) => (await once(child, 'exit'))[0] as number));
  assert.deepEqual(codes, [0, 0, 0, 0]);
  assert.equal((await store.get(key))?.value, String(4 * each));
}

/** What was confirmed before SIGKILL is there; at most the one write after it may be as well. */
export async function killedAfterOk(kind: string, address: string, open: () => TokenStore) {
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
export function shipped(name: string, drivers: Record<string, string>, script: string): string {
  const home = join(folder, name);
  mkdirSync(home);
  // Built: the loader of these tests has failures of its own.
  for (const file of ['libsql', 'postgres', 'sql', 'keys']) {
    const source = readFileSync(new URL(`../../../src/proxy/stores/${file}.ts`, import.meta.url), 'utf8');
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
  return spawnSync(process.execPath, ['main.js'], { cwd: home, encoding: 'utf8', timeout: 30_000 }).stdout;
}
