// The proxy's heap over a million polls of a hundred thousand sessions.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const script = fileURLToPath(new URL('../support/memory-run.mjs', import.meta.url));
const sessions = 100_000;
const polls = 1_000_000;
/**
 * By the interpreter alone: what the compilers keep beside the code grows and shrinks as they please for as long as a loop runs, and it is the
 * proxy's own memory that is looked for. Notes on a function are made when it first runs, and its bytecode is kept.
 */
const flags = ['--expose-gc', '--no-opt', '--no-sparkplug', '--no-lazy-feedback-allocation', '--no-flush-bytecode'];

/** Least squares: bytes gained with each step. */
function slope(values) {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  let over = 0;
  let under = 0;
  values.forEach((value, at) => {
    over += (at - middle) * (value - mean);
    under += (at - middle) ** 2;
  });
  return over / under;
}

export default async function memory() {
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, script, sessions, polls], {
    maxBuffer: 1e7,
  });
  const heap = JSON.parse(stdout);
  const growth = slope(heap) / 1024;
  return {
    title: `Proxy memory, ${polls} polls of ${sessions} sessions in one process`,
    rows: [
      {
        what: 'heap after each 100,000 polls',
        figure: heap.map((bytes) => (bytes / 1e6).toFixed(3)).join(', ') + ' MB',
      },
      { what: 'growth in 100,000 polls', figure: `${growth.toFixed(2)} KiB`, bound: '< 1 KiB', ok: growth < 1 },
    ],
  };
}
