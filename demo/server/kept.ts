import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A small text in the demo's data folder: made once, read ever after. */
export function kept(folder: string, name: string, make = () => randomBytes(24).toString('hex')): string {
  const file = join(folder, name);
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : keep(folder, name, make());
}

/** Writes such a text, over the one that is there. */
export function keep(folder: string, name: string, value: string): string {
  writeFileSync(join(folder, name), value, { mode: 0o600 });
  return value;
}

/** The key for sealed ids and stored tokens. A vendor keeps such a key in its secret store, not beside the data. */
export const sealingKey = (folder: string) => kept(folder, 'sealing-key', () => randomBytes(32).toString('base64'));

/** Order numbers that go on after a restart, and beside another demo with the same folder: a number is never used twice. */
export function keptNumbers(folder: string): () => string {
  let last = 1040;
  return () => {
    last = Math.max(last, Number(kept(folder, 'last-order', () => String(last))) || 0) + 1;
    return keep(folder, 'last-order', String(last));
  };
}
