// The command as a user starts it: a process of its own, of what is built.
import { spawn, type ChildProcess } from 'node:child_process';

const root = new URL('../..', import.meta.url).pathname;
/** How long a command may keep a test waiting; one that serves lives as long as its test. */
const limitMs = 60_000;

/** An environment without the sidecar's variables, whatever the machine has set. */
function cleanEnv(env: Record<string, string>): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(RULRR_|HOST$|PORT$|DEBUG$|NODE_OPTIONS$)/.test(name));
  return { ...Object.fromEntries(kept), NODE_NO_WARNINGS: '1', ...env };
}

const start = (args: string[], env: Record<string, string>, stdout: 'pipe' | number): ChildProcess =>
  spawn(process.execPath, ['dist/cli/main.js', ...args], {
    cwd: root,
    env: cleanEnv(env),
    stdio: ['pipe', stdout, 'pipe'],
  });

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs the command to its end. */
export function rulrr(args: string[], env: Record<string, string> = {}): Promise<Ended> {
  return running(args, env).ends();
}

export interface Running {
  output: () => string;
  /** Resolves with the match once the output (both streams) has it. @throws if the process ends or a minute passes first, which ends it */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  /** Closes this end of its output, as a log collector that ends does. */
  stopReading(): void;
  kill(signal?: NodeJS.Signals): Promise<Ended>;
  /** Resolves once it has ended by itself; killed after a minute. */
  ends(): Promise<Ended>;
}

/** @param to a file descriptor that gets what it says, instead of `output` and `says` */
export function running(args: string[], env: Record<string, string> = {}, to: 'pipe' | number = 'pipe'): Running {
  const child = start(args, env, to);
  let stdout = '';
  let stderr = '';
  const watchers = new Set<() => void>();
  const wake = () => watchers.forEach((watcher) => watcher());
  child.stdout?.on('data', (text: Buffer) => ((stdout += String(text)), wake()));
  child.stderr?.on('data', (text: Buffer) => ((stderr += String(text)), wake()));
  let over = false;
  const ended = new Promise<Ended>((resolve) =>
    child.once('close', (code) => {
      over = true;
      resolve({ code, stdout, stderr });
      wake();
    }),
  );
  const limited = <Result>(result: Promise<Result>): Promise<Result> => {
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
    return result.finally(() => clearTimeout(timer));
  };
  return {
    output: () => stdout + stderr,
    ends: () => limited(ended),
    stopReading: () => (child.stdout?.destroy(), child.stderr?.destroy()),
    says: (pattern) =>
      limited(
        new Promise((resolve, reject) => {
          const look = () => {
            const found = pattern.exec(stdout + stderr);
            if (!found && !over) return;
            watchers.delete(look);
            if (found) resolve(found);
            else reject(new Error(`It ended without saying ${String(pattern)}: ${stdout}${stderr}`));
          };
          watchers.add(look);
          look();
        }),
      ),
    kill(signal = 'SIGTERM') {
      if (!over) child.kill(signal);
      return limited(ended);
    },
  };
}
