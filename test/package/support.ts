import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { root } from '../../.config/install.mjs';

export { root };
export const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** What is made of a request before files are looked up; null leaves it to the files. */
export type Route = (
  url: URL,
) => { body: string; type?: string; status?: number; headers?: Record<string, string> } | null;

const types: Record<string, string> = {
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.html': 'text/html',
  '.css': 'text/css',
  '.json': 'application/json',
};

/** Serves a folder, and pages made on the spot, on a port of its own. */
export async function serve(
  folder: string,
  route: Route = () => null,
): Promise<{ origin: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const made = route(url);
    if (made) {
      response.writeHead(made.status ?? 200, {
        'content-type': made.type ?? 'text/html; charset=utf-8',
        ...made.headers,
      });
      response.end(made.body);
      return;
    }
    try {
      const path = normalize(join(folder, decodeURIComponent(url.pathname)));
      if (!path.startsWith(folder)) throw new Error('outside');
      const body = readFileSync(path);
      response.writeHead(200, {
        'content-type': `${types[extname(path)] ?? 'application/octet-stream'}; charset=utf-8`,
      });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** A page whose errors are kept, so that a test can say there were none. */
export async function watchedPage(browser: Browser): Promise<{ page: Page; problems: string[] }> {
  const page = await browser.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning')
      problems.push(`${message.type()}: ${message.text()}`);
  });
  return { page, problems };
}

/** Runs a command and answers with what it wrote; `status` is its exit code. */
export function run(command: string, args: string[], cwd: string = root): { status: number; output: string } {
  const result = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    timeout: 300_000,
    env: {
      ...process.env,
      NO_COLOR: '1',
      npm_config_audit: 'false',
      npm_config_fund: 'false',
      npm_config_loglevel: 'error',
    },
  });
  return { status: result.status ?? 1, output: `${result.stdout ?? ''}${result.stderr ?? ''}` };
}

const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';

/** What `npm pack` makes, installed into an empty project. */
export function installPacked(): { tarball: string; packed: string[]; project: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'rulrr-package-'));
  const { status, output } = run(npm, ['pack', '--json', '--pack-destination', folder]);
  if (status !== 0) throw new Error(output);
  const [result] = JSON.parse(output.slice(output.indexOf('['))) as [{ filename: string; files: { path: string }[] }];
  const tarball = join(folder, result.filename);
  const project = join(folder, 'project');
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }));
  const installed = run(npm, ['install', '--ignore-scripts', '--prefer-offline', tarball], project);
  if (installed.status !== 0) throw new Error(installed.output);
  return {
    tarball,
    packed: result.files.map(({ path }) => path),
    project,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
