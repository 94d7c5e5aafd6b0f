// Bytes after brotli 11. Two limits for each figure: the bound, and 2 % above what was last agreed on, so that growth is a decision. A figure that was
// agreed on above its bound is named as such, here and in test/bench/results.md; until it is below, it may not grow either.
//
//   RULRR_ACCEPT_SIZES=1 node test/run.mjs package test/package/sizes.test.ts     writes today's figures to sizes.json
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { measureKit } from '../bench/sections/sizes.mjs';
import { read, root } from './support.js';

const bounds = {
  scriptTag: 50_000,
  connect: 10_000,
  numpad: 25_000,
  world: 21_000,
  ownConnect: 5_000,
  ownNumpad: 8_000,
};
type Figure = keyof typeof bounds;
const what: Record<Figure, string> = {
  scriptTag: 'the script tag with both elements, all languages and the world',
  connect: 'rulrr-connect with Lit, bundled',
  numpad: 'the numpad with Lit, to its first key',
  world: "the world's phone metadata, on demand",
  ownConnect: 'own code of rulrr-connect',
  ownNumpad: 'own code of the numpad',
};

const baselinePath = 'test/package/sizes.json';
const sizes: Record<Figure, number> = await measureKit();
if (process.env.RULRR_ACCEPT_SIZES) writeFileSync(join(root, baselinePath), `${JSON.stringify(sizes, null, 2)}\n`);
const baseline: Partial<Record<Figure, number>> = existsSync(join(root, baselinePath))
  ? JSON.parse(read(baselinePath))
  : {};

describe('sizes', () => {
  for (const name of Object.keys(bounds) as Figure[]) {
    const agreed = baseline[name];
    const missed = agreed !== undefined && agreed > bounds[name] ? ', bound missed' : '';
    it(`${what[name]}: ${sizes[name]} of at most ${bounds[name]} bytes${missed}`, () => {
      assert.ok(sizes[name] > 0, 'nothing was measured');
      assert.ok(agreed, `${baselinePath} has no figure for ${name}`);
      assert.ok(missed || sizes[name] <= bounds[name], `${sizes[name]} bytes; the bound is ${bounds[name]}`);
      assert.ok(
        sizes[name] <= agreed * 1.02,
        `${sizes[name]} bytes is more than 2 % above the ${agreed} of ${baselinePath}`,
      );
    });
  }
});
