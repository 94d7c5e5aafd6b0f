// `npm run build`: src → dist. One ES module and one .d.ts a file (tsc), the script tag (vite), types and editor data (from the manifest).
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { ensureInstalled, root } from './install.mjs';
import { integrityOf } from './integrity.mjs';
import { cache, dist } from './paths.mjs';

const started = Date.now();
let stepStarted = started;

function step(title) {
  stepStarted = Date.now();
  process.stdout.write(`${title} … `);
}
const done = (note = '') => console.log(`${((Date.now() - stepStarted) / 1000).toFixed(1)} s${note && `  ${note}`}`);

function run(tool, args) {
  const result = spawnSync(process.execPath, [join(root, 'node_modules', tool), ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1', NODE_ENV: 'production' },
  });
  if (result.status === 0) return;
  console.error(`\n${result.stdout}${result.stderr}\nThe build stopped here; dist is not complete.`);
  process.exit(1);
}

function write(name, text) {
  const path = join(dist, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

ensureInstalled();
// Only now: these come from packages.
const { derivedFrom, manifestNow, manifestPath } = await import('./generate.mjs');
const { minifyTemplatesIn } = await import('./minify-templates.mjs');
const { notices } = await import('./notices.mjs');
const { shortenPrivatesIn } = await import('./short-privates.mjs');

step('Modules and types (tsc)');
rmSync(dist, { recursive: true, force: true });
run('typescript/bin/tsc', ['-p', '.config/tsconfig.build.json']);
// What the sources carry besides TypeScript (pages, styles) goes along as it is.
for (const name of readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })) {
  const path = join(root, 'src', name);
  if (statSync(path).isDirectory() || name.endsWith('.ts')) continue;
  mkdirSync(dirname(join(dist, name)), { recursive: true });
  copyFileSync(path, join(dist, name));
}
minifyTemplatesIn(dist);
shortenPrivatesIn(dist);
const command = join(dist, 'cli/main.js');
if (existsSync(command)) chmodSync(command, 0o755);
done();

step('Script tag (vite, for Chromium 70 and Safari 12)');
run('vite/bin/vite.js', ['build', '--logLevel', 'warn']);
const script = readFileSync(join(dist, 'rulrr-embed.iife.js'));
const integrity = integrityOf(script);
write('integrity.json', `${JSON.stringify({ 'rulrr-embed.iife.js': integrity }, null, 2)}\n`);
done();

step('Types for frameworks, data for editors, notices');
const manifest = await manifestNow();
for (const [name, text] of Object.entries(await derivedFrom(manifest))) write(name, text);
write('THIRD-PARTY-NOTICES.txt', notices(JSON.parse(readFileSync(join(cache(), 'bundled-modules.json'), 'utf8'))));
const stale = !existsSync(manifestPath) || readFileSync(manifestPath, 'utf8') !== manifest;
done(stale ? 'custom-elements.json is stale: npm run generate' : '');

const kB = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
console.log(`
dist/rulrr-embed.iife.js   ${kB(script.length)}, ${kB(brotliCompressSync(script).length)} with brotli
integrity                  ${integrity}
Built in ${((Date.now() - started) / 1000).toFixed(1)} s.`);
