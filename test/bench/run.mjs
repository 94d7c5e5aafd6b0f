// npm run bench [section …]: measures this kit and its peers in one run on one machine, prints a table, writes results.md.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureInstalled, root } from '../../.config/install.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const order = ['sizes', 'load', 'keys', 'taps', 'mounts', 'connect', 'proxy', 'pollers', 'memory', 'stores'];
const known = readdirSync(join(here, 'sections')).map((file) => file.replace(/\.mjs$/, ''));
const asked = process.argv.slice(2);
for (const name of asked) {
  if (!known.includes(name)) {
    console.error(`There is no section "${name}". Sections: ${known.join(', ')}.`);
    process.exit(2);
  }
}

ensureInstalled();
if (!existsSync(join(here, 'node_modules/.package-lock.json'))) {
  console.log('Installing the peers …');
  const installed = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: here,
    stdio: 'inherit',
  });
  if (installed.status !== 0) process.exit(1);
}
if (!existsSync(join(root, 'dist/rulrr-embed.iife.js'))) {
  const built = spawnSync(process.execPath, ['.config/build.mjs'], { cwd: root, stdio: 'inherit' });
  if (built.status !== 0) process.exit(1);
}

const version = (name, folder = here) =>
  JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')).version;
const parts = [];
let missed = 0;
for (const name of order.filter((section) => known.includes(section) && (!asked.length || asked.includes(section)))) {
  console.log(`\n── ${name}`);
  const started = Date.now();
  const section = (await import(`./sections/${name}.mjs`)).default;
  const { title, rows } = await section();
  const lines = [`### ${title}`, '', '| what | measured | to reach | |', '|---|---|---|---|'];
  for (const { what, figure, bound, ok } of rows) {
    if (ok === false) missed += 1;
    lines.push(`| ${what} | ${figure} | ${bound ?? ''} | ${ok === undefined ? '' : ok ? 'reached' : '**missed**'} |`);
  }
  lines.push('', `\`npm run bench ${name}\`, ${Math.round((Date.now() - started) / 1000)} s`, '');
  console.log(lines.join('\n'));
  parts.push({ name, text: lines.join('\n') });
}

const head = `# What the bench measured

\`npm run bench\` writes this page; \`npm run bench SECTION\` replaces one section. Ratios are the result: both sides of each ran in the
same run on the same machine, interleaved. Absolute times are those of one machine.

Machine: ${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()} ${release().split('-')[0]} · Node ${process.version}
· lit ${version('lit', root)} · libphonenumber-js ${version('libphonenumber-js', root)} · intl-tel-input ${version('intl-tel-input')}
· simple-keyboard ${version('simple-keyboard')} · react-phone-number-input ${version('react-phone-number-input')} · @lion/ui ${version('@lion/ui')}
· @adyen/adyen-web ${version('@adyen/adyen-web')} · @nangohq/frontend ${version('@nangohq/frontend')}
`;
const file = join(here, 'results.md');
const kept = new Map();
if (asked.length && existsSync(file)) {
  for (const [, name, text] of readFileSync(file, 'utf8').matchAll(/<!-- (\w+) -->\n([\s\S]*?)(?=<!-- \w+ -->|$)/g))
    kept.set(name, text.trim());
}
for (const { name, text } of parts) kept.set(name, text.trim());
const body = order.filter((name) => kept.has(name)).map((name) => `<!-- ${name} -->\n${kept.get(name)}\n`);
writeFileSync(file, `${head}\n${body.join('\n')}`);
console.log(missed ? `${missed} figures missed.` : 'Every figure reached.');
