// A PostgreSQL of our own for one test file: a fresh cluster in a temporary folder, on loopback, gone afterwards.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './listen.mjs';

function binaries() {
  const base = '/usr/lib/postgresql';
  if (!existsSync(base)) return undefined;
  const versions = readdirSync(base).sort((a, b) => Number(b) - Number(a));
  return versions.map((version) => join(base, version, 'bin')).find((folder) => existsSync(join(folder, 'initdb')));
}

function install() {
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) return undefined;
  console.log('PostgreSQL is not installed: installing the package postgresql …');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  try {
    execFileSync('apt-get', ['install', '-y', '--no-install-recommends', 'postgresql'], { env, stdio: 'ignore' });
  } catch {
    return undefined;
  }
  return binaries();
}

/**
 * Starts a server, or answers with null where none can be had.
 * @returns {Promise<{connectionString: string, stop(): Promise<void>, start(): Promise<void>, remove(): Promise<void>} | null>}
 */
export async function startPostgres() {
  const bin = binaries() ?? install();
  if (!bin) return null;
  const folder = mkdtempSync(join(tmpdir(), 'rulrr-postgres-'));
  // The server refuses to run as root.
  const user = {};
  if (process.getuid?.() === 0) {
    const id = (flag) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
    Object.assign(user, { uid: id('-u'), gid: id('-g') });
    chownSync(folder, user.uid, user.gid);
  }
  const data = join(folder, 'data');
  const options = { ...user, stdio: 'ignore', cwd: folder };
  execFileSync(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'till', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '-N'],
    options,
  );
  const port = await freePort();
  let server;

  async function start() {
    server = spawn(
      join(bin, 'postgres'),
      ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', folder, '-c', 'max_connections=200'],
      options,
    );
    for (let tries = 0; ; tries++) {
      try {
        execFileSync(join(bin, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(port), '-q'], { stdio: 'ignore' });
        return;
      } catch (error) {
        if (tries > 300 || server.exitCode !== null) throw error;
        await new Promise((resume) => setTimeout(resume, 100));
      }
    }
  }
  async function stop() {
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    // Immediate: as if the power had gone.
    server.kill('SIGQUIT');
    await once(server, 'exit');
  }
  await start();
  return {
    connectionString: `postgres://till@127.0.0.1:${port}/postgres`,
    start,
    stop,
    async remove() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
