// Installs what a command needs, once, saying so. Plain JavaScript on Node's own modules: it runs before anything is installed.
// (`.npmrc` turns install scripts off, and npm then skips pre- and post-scripts too, so a command cannot leave this to npm.)
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** True if node_modules is what the lock file asks for. npm writes node_modules/.package-lock.json last. */
function isInstalled() {
  const marker = join(root, 'node_modules/.package-lock.json');
  const lock = join(root, 'package-lock.json');
  return existsSync(marker) && statSync(marker).mtimeMs + 1000 >= statSync(lock).mtimeMs
    ? true
    : existsSync(marker) && sameVersions(marker, lock);
}

function sameVersions(marker, lock) {
  const have = JSON.parse(readFileSync(marker, 'utf8')).packages;
  const want = JSON.parse(readFileSync(lock, 'utf8')).packages;
  return Object.entries(want).every(
    ([path, entry]) => !path || entry.optional || have[path]?.version === entry.version,
  );
}

export function ensureInstalled() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(`rulrr-embed needs Node 20.19 or newer; this is ${process.version}.`);
    process.exit(1);
  }
  if (isInstalled()) return;
  const release = takeTurn();
  try {
    // Another command may have installed while this one waited.
    if (!isInstalled()) install();
  } finally {
    release();
  }
}

/** Two `npm ci` at once would delete each other's files: the second command waits for the first. */
function takeTurn() {
  const folder = join(root, '.cache');
  const lock = join(folder, 'installing');
  mkdirSync(folder, { recursive: true });
  for (let told = false; ; told = true) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      return () => rmSync(lock, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const owner = readLock(lock);
    if (owner && !isRunning(owner)) rmSync(lock, { force: true });
    else {
      if (!told) console.log('Another command is installing dependencies: waiting for it …');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
    }
  }
}

/** The process that holds the lock; 0 if it went away meanwhile, or has not signed yet. */
function readLock(path) {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch {
    return 0;
  }
}

function isRunning(pid) {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function install() {
  console.log('Installing dependencies (npm ci) …');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const result = spawnSync(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (result.status !== 0) {
    console.error('npm ci failed: see above. Nothing else was started.');
    rmSync(join(root, '.cache/installing'), { force: true });
    process.exit(1);
  }
}
