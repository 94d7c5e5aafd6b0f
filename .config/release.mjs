// `npm run release`: publishes what is committed, after everything that must hold has been seen to hold. Meant for a CI job with an identity token
// (`id-token: write`), from which npm makes the provenance statement; without one, npm refuses to publish.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureInstalled, root } from './install.mjs';

function stop(reason) {
  console.error(`Not released: ${reason}`);
  process.exit(1);
}

function run(command, args) {
  console.log(`── ${command} ${args.join(' ')}`);
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' });
  if (result.status !== 0) stop(`${command} ${args.join(' ')} failed.`);
}

function assertClean() {
  const { stdout, status } = spawnSync('git', ['status', '--porcelain'], { cwd: root, encoding: 'utf8' });
  if (status !== 0 || stdout.trim()) stop(`the work tree is not clean:\n${stdout}`);
}

ensureInstalled();
const { repository } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
if (!repository) stop('package.json names no "repository", which the provenance statement is checked against.');
assertClean();
run('bash', ['.ci/run']);
run('npm', ['run', '--silent', 'build']);
assertClean();
run('npm', ['publish', '--provenance', '--access', 'public']);
run('npx', ['--no-install', 'changeset', 'tag']);
