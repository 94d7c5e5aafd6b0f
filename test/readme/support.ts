// README.md as its reader has it: the blocks are copied out into an empty project, in which the packed tarball is installed.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { read, root, run } from '../package/support.js';

export interface Block {
  language: string;
  /** The file that the first line names, or ''. */
  file: string;
  text: string;
}

/** Every fenced block of the README, in order. */
export function blocksOf(readme = read('README.md')): Block[] {
  return Array.from(readme.matchAll(/^```(\w*)\n([^]*?)^```$/gm), ([, language, text]) => ({
    language: language!,
    file: /^(?:\/\/|<!--) ([\w./-]+)(?: -->)?\n/.exec(text!)?.[1] ?? '',
    text: text!,
  }));
}

/** An empty folder after `npm install`: the tarball unpacked, and beside it what it and the blocks import. No network. */
export function emptyProject(): { folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'rulrr-readme-'));
  const packed = run('npm', ['pack', '--json', '--pack-destination', folder]);
  if (packed.status !== 0) throw new Error(packed.output);
  const [{ filename }] = JSON.parse(packed.output.slice(packed.output.indexOf('['))) as [{ filename: string }];
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, '.bin'), { recursive: true });
  const unpacked = run('tar', ['-xzf', join(folder, filename), '-C', modules]);
  if (unpacked.status !== 0) throw new Error(unpacked.output);
  const own = join(modules, 'rulrr-embed');
  run('mv', [join(modules, 'package'), own]);
  symlinkSync('../rulrr-embed/dist/cli/main.js', join(modules, '.bin/rulrr-embed'));
  for (const name of readdirSync(join(root, 'node_modules')))
    if (!name.startsWith('.')) symlinkSync(join(root, 'node_modules', name), join(modules, name));
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

export function put(folder: string, { file, text }: Block): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), text);
}

export interface Running {
  output(): string;
  says(pattern: RegExp): Promise<RegExpExecArray>;
  stop(): Promise<void>;
  ended: Promise<number | null>;
}

const open = new Set<Running>();

/** Ends whatever a test that failed has left running. */
export const stopAll = () => Promise.all(Array.from(open, (command) => command.stop()));

/** Types a line into a shell in `folder`. The shell leads a group of its own, which is ended with it. */
export function typed(line: string, folder: string, env: NodeJS.ProcessEnv = {}): Running {
  const kept = Object.entries(process.env).filter(([name]) => !/^(RULRR_|HOST$|PORT$|NODE_)/.test(name));
  const child: ChildProcess = spawn('sh', ['-c', line], {
    cwd: folder,
    env: { ...Object.fromEntries(kept), npm_config_offline: 'true', npm_config_update_notifier: 'false', ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let over = false;
  let look = () => {};
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding('utf8').on('data', (text: string) => ((output += text), look()));
  const ended = new Promise<number | null>((resolve) =>
    child.once('close', (code) => {
      over = true;
      look();
      resolve(code);
    }),
  );
  const command: Running = {
    output: () => output,
    ended,
    says: (pattern) =>
      new Promise((resolve, reject) => {
        look = () => {
          const found = pattern.exec(output);
          if (found) resolve(found);
          else if (over) reject(new Error(`\`${line}\` ended without saying ${String(pattern)}:\n${output}`));
        };
        look();
      }),
    async stop() {
      open.delete(command);
      if (!over) process.kill(-child.pid!, 'SIGTERM');
      await ended;
    },
  };
  open.add(command);
  return command;
}

/** Resolves once something answers there. @throws if the command ends first */
export async function answers(url: string, command: Running): Promise<void> {
  let over = false;
  void command.ended.then(() => (over = true));
  for (;;) {
    if (over) throw new Error(`It ended: ${command.output()}`);
    const response = await fetch(url).catch(() => null);
    if (response?.status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
