import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../src/shared/clock.js';

const rung = (): Promise<boolean> =>
  new Promise((resolve) => {
    systemClock.after(0, () => resolve(true));
    delete (globalThis as { window?: unknown }).window;
    setTimeout(resolve, 1, false);
  });

test('a timer runs at a server, and does nothing in a page that is gone, as under jsdom in a test runner', async () => {
  assert.equal(await rung(), true);
  Object.assign(globalThis, { window: globalThis });
  assert.equal(await rung(), false);
});
