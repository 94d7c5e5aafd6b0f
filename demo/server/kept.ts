import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A small text in the demo's data folder: made once, read ever after. */
export function kept(folder: string, name: string, make = () => randomBytes(24).toString('hex'), anew = false): string {
  const file = join(folder, name);
  if (!anew && existsSync(file)) return readFileSync(file, 'utf8').trim();
  const value = make();
  writeFileSync(file, value, { mode: 0o600 });
  return value;
}

/** The key for sealed ids and stored tokens. A vendor keeps such a key in its secret store, not beside the data. */
export const sealingKey = (folder: string) => kept(folder, 'sealing-key', () => randomBytes(32).toString('base64'));

/** Order numbers that go on after a restart, and beside another demo with the same folder: a number is never used twice. */
export function keptNumbers(folder: string): () => string {
  let last = 1040;
  return () => {
    last = Math.max(last, Number(kept(folder, 'last-order', () => String(last))) || 0) + 1;
    return kept(folder, 'last-order', () => String(last), true);
  };
}
