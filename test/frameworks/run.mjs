// `npm run test:frameworks [react vue …]`: each page under demo/frameworks is copied out of the repository, given the packed tarball, type-checked and
// built by its own tools, and driven in Chromium; then its own dev server shows it while it is
// edited. Installs five frameworks, so `npm test` leaves it to `.ci/run`.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureInstalled, root } from '../../.config/install.mjs';

ensureInstalled();
const { ensureBrowsers } = await import('../support/browsers.mjs');
ensureBrowsers('chromium');

const known = readdirSync(join(root, 'demo/frameworks'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);
const asked = process.argv.slice(2).filter((arg) => !arg.startsWith('--'));
const unknown = asked.filter((name) => !known.includes(name));
if (unknown.length) {
  console.error(`No such page: ${unknown.join(', ')}. There are ${known.join(', ')}.`);
  process.exit(1);
}
const names = asked.length ? asked : known;
const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
const env = {
  ...process.env,
  npm_config_loglevel: 'error',
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  NG_CLI_ANALYTICS: 'false',
  CI: '1',
};

/** Says what took how long; ends everything where it failed. */
function run(title, command, args, cwd) {
  const started = Date.now();
  const child = spawn(command, args, { cwd, env, shell: process.platform === 'win32' });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  return new Promise((resolve) => {
    child.on('error', (error) => (output += error.message));
    child.on('close', (code) => {
      if (code !== 0) {
        console.error(`${title} failed:\n${output}`);
        process.exit(1);
      }
      console.log(`${title}: ${((Date.now() - started) / 1000).toFixed(1)} s`);
      resolve();
    });
  });
}

const folder = join(root, '.cache/frameworks');
mkdirSync(folder, { recursive: true });
if (!process.argv.includes('--no-build') || !existsSync(join(root, 'dist/rulrr-embed.iife.js')))
  await run('Building the kit', process.execPath, ['.config/build.mjs'], root);
for (const old of readdirSync(folder).filter((name) => name.endsWith('.tgz'))) rmSync(join(folder, old));
await run('Packing it', npm, ['pack', '--silent', '--pack-destination', folder], root);
const tarball = join(
  folder,
  readdirSync(folder).find((name) => name.endsWith('.tgz')),
);

// What must not pass the type check, compiled along with a page: each line in it is expected to be an error.
const wrong = readdirSync(join(root, 'test/frameworks/wrong'));

async function prepare(name) {
  const copy = join(folder, name);
  mkdirSync(copy, { recursive: true });
  // What was installed last time stays; the page itself is copied anew.
  for (const entry of readdirSync(copy)) if (entry !== 'node_modules') rmSync(join(copy, entry), { recursive: true });
  cpSync(join(root, 'demo/frameworks', name), copy, {
    recursive: true,
    filter: (path) => !/[\\/](node_modules|dist|\.angular)$/.test(path),
  });
  const info = JSON.parse(readFileSync(join(copy, 'package.json'), 'utf8'));
  info.dependencies['rulrr-embed'] = `file:${tarball}`;
  writeFileSync(join(copy, 'package.json'), JSON.stringify(info, null, 2));
  writeFileSync(join(copy, '.npmrc'), 'ignore-scripts=true\n');
  rmSync(join(copy, 'node_modules/rulrr-embed'), { recursive: true, force: true });
  const lock = join(copy, 'package-lock.json');
  if (existsSync(lock)) forgetKit(lock);
  for (const file of wrong.filter((file) => file.startsWith(`${name}.`)))
    cpSync(join(root, 'test/frameworks/wrong', file), join(copy, 'src', file.replace(name, 'wrong')));
  await run(`${name}: install`, npm, ['install', '--prefer-offline'], copy);
  await run(`${name}: types and build`, npm, ['run', '--silent', 'build'], copy);
}

// Two at once: while one waits for the network, the other builds.
const waiting = [...names];
const next = async () => {
  for (let name = waiting.shift(); name; name = waiting.shift()) await prepare(name);
};
await Promise.all([next(), next()]);

/** The lock names the kit by the repository's path; here it is the tarball, whose hash changes with each build. */
function forgetKit(path) {
  const lock = JSON.parse(readFileSync(path, 'utf8'));
  for (const key of Object.keys(lock.packages))
    if (key === 'node_modules/rulrr-embed' || key.startsWith('..')) delete lock.packages[key];
  writeFileSync(path, JSON.stringify(lock, null, 2));
}

const { status } = spawnSync(
  process.execPath,
  [
    '--test',
    '--test-reporter=spec',
    '--test-concurrency=1',
    'test/frameworks/till.frameworks.mjs',
    'test/frameworks/hot.frameworks.mjs',
    'test/frameworks/served.frameworks.mjs',
  ],
  {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, RULRR_FRAMEWORKS: names.join(' ') },
  },
);
process.exit(status ?? 1);
