// The one test command: installs what it needs (dependencies, on Debian the browsers too), runs every stage, counts.
//
//   npm test                                          everything
//   node test/run.mjs node test/proxy/seal.test.ts    one stage, some files
//   node test/run.mjs browser --engine chromium test/numpad/number-entry.browser.test.ts
//   node test/run.mjs pages                           the demo, driven as a user
//
// Names: `*.test.ts` runs in Node, `*.browser.test.ts` in three browser engines. `test/pages` drives built pages; `test/package`, `test/readme` and
// `test/cli` (the stage `package`) run what is built.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { ensureInstalled, root } from '../.config/install.mjs';
import { ensureBrowsers } from './support/browsers.mjs';

const args = process.argv.slice(2);
const stages = ['node', 'browser', 'pages', 'package'];
const stage = stages.includes(args[0]) ? args.shift() : undefined;
const engineFlag = args.indexOf('--engine');
const engine = engineFlag >= 0 ? args.splice(engineFlag, 2)[1] : undefined;
const files = args;

ensureInstalled();
const totals = { passed: 0, failed: 0, skipped: 0 };

function tests(folder, wanted) {
  return readdirSync(join(root, folder), { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((name) => /\.test\.(ts|mjs)$/.test(name) && !name.includes('node_modules') && wanted(name))
    .sort();
}

/** Two more than there are cores: much of the time of these files is waiting, for other processes and for the clock. */
const atOnce = availableParallelism() + 2;

/** Most of a minute and more; none of them is to be left alone at the end. */
const long = [
  'conformance/broken-proxies',
  'conformance/other-languages',
  'numpad/taps',
  'pages/access/access',
  'pages/connect',
  'pages/gallery/gallery',
  'pages/scenarios',
  'pages/small-till',
  'pages/till',
  'proxy/guard',
  'proxy/model',
  'readme/readme',
].map((name) => join('test', `${name}.test.ts`));
const isLong = (name) => long.includes(name);
function longestFirst(list) {
  return [...list].sort((one, other) => Number(isLong(other)) - Number(isLong(one)));
}

/** Runs a command, shows its output (once it ends, if `title` names it), and answers with the exit code and the output. */
function run(command, commandArgs, env = {}, title) {
  return new Promise((resolve) => {
    const child = spawn(command, commandArgs, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text) => {
        output += text;
        if (!title) process.stdout.write(text);
      });
    }
    child.on('error', (error) => resolve({ code: 1, output: output + error.message }));
    child.on('close', (code) => {
      if (title) console.log(`\n── ${title}\n${output}`);
      resolve({ code: code ?? 1, output });
    });
  });
}

async function runNode(list, title) {
  if (!list.length) return;
  console.log(`\n── ${title}: ${list.length} files`);
  const { code, output } = await run(
    process.execPath,
    ['--import', 'tsx', 'test/support/run-files.mjs', String(atOnce), ...longestFirst(list)],
    { NODE_NO_WARNINGS: '1' },
  );
  const count = (name) => Number(output.match(new RegExp(`^ℹ ${name} (\\d+)$`, 'm'))?.[1] ?? 0);
  totals.passed += count('pass');
  totals.failed += count('fail') + count('cancelled');
  totals.skipped += count('skipped') + count('todo');
  if (code !== 0 && !count('fail') && !count('cancelled')) totals.failed += 1;
}

async function runBrowsers(list) {
  if (!list.length) return;
  const { engines, missing } = ensureBrowsers(engine);
  for (const name of missing) {
    console.log(`── ${name}: not installed here, skipped`);
    totals.skipped += 1;
  }
  // Side by side: each of them waits for its own page a third of the time.
  await Promise.all(
    engines.map(async ({ name, env, wrap }) => {
      const wtr = [
        join(root, 'node_modules/@web/test-runner/dist/bin.js'),
        '--config',
        'test/web-test-runner.config.mjs',
      ];
      const [command, ...rest] = [...(wrap ?? []), process.execPath, ...wtr];
      const settings = { ...env, RULRR_ENGINE: name, RULRR_FILES: list.join('\n'), NODE_NO_WARNINGS: '1' };
      const { code, output } = await run(command, rest, settings, `${name}: ${list.length} files`);
      const result = output.match(/^RESULT (\d+) passed, (\d+) failed, (\d+) skipped$/m);
      totals.passed += Number(result?.[1] ?? 0);
      totals.failed += Number(result?.[2] ?? 0);
      totals.skipped += Number(result?.[3] ?? 0);
      if ((code !== 0 && !Number(result?.[2] ?? 0)) || !result) totals.failed += 1;
    }),
  );
}

const chosen = files.map((file) => relative(root, join(process.cwd(), file)));
const pick = (list) => (chosen.length ? list.filter((file) => chosen.some((part) => file.startsWith(part))) : list);
const wants = (name) => stage === undefined || stage === name;

const started = Date.now();
const isBrowser = (name) => name.endsWith('.browser.test.ts');
const isPage = (name) => name.startsWith(join('test', 'pages'));
const isPackage = (name) => ['package', 'readme', 'cli'].some((part) => name.startsWith(join('test', part)));
const isBench = (name) => name.startsWith(join('test', 'bench'));
const stageOf = (name) => (isPage(name) ? 'pages' : isPackage(name) ? 'package' : 'node');

if (wants('browser')) await runBrowsers(pick(tests('test', isBrowser)));
const list = pick(tests('test', (name) => !isBrowser(name) && !isBench(name) && wants(stageOf(name))));
let built = true;
if (list.some((name) => stageOf(name) !== 'node')) {
  ensureBrowsers('chromium');
  console.log('\n── build');
  const { code } = await run(process.execPath, ['.config/build.mjs']);
  built = code === 0;
  if (!built) totals.failed += 1;
}
// Each with servers and a browser of its own, so all of them are one pool: while some wait, others compute.
const runnable = built ? list : list.filter((name) => stageOf(name) === 'node');
await runNode(runnable, [...new Set(runnable.map(stageOf))].join(', '));

const seconds = Math.round((Date.now() - started) / 1000);
console.log(`\nDone in ${seconds} s.`);
const skipped = totals.skipped ? `, ${totals.skipped} skipped` : '';
if (totals.passed + totals.failed === 0) {
  console.error('No test ran: no file matched.');
  process.exit(1);
}
console.log(`${totals.passed} passed, ${totals.failed} failed${skipped}`);
process.exit(totals.failed ? 1 : 0);
