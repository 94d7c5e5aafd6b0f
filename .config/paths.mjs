import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './install.mjs';

export { root };
export const dist = join(root, 'dist');

/** A folder for what tools leave behind; never committed, never shipped. */
export function cache() {
  const folder = join(root, '.cache');
  mkdirSync(folder, { recursive: true });
  return folder;
}
