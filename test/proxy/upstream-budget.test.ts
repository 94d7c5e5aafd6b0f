import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UpstreamBudget } from '../../src/proxy/upstream-budget.js';
import { fakeClock } from '../support/fake-clock.js';

/** How many calls are to be had now. */
function taken(budget: UpstreamBudget): number {
  let count = 0;
  while (count < 1000 && budget.take()) count += 1;
  return count;
}

test('as many calls at once as a second has, then one by one, however long it was quiet', () => {
  const clock = fakeClock();
  const budget = new UpstreamBudget(2, clock);
  assert.deepEqual([taken(budget), budget.waitMs()], [2, 500]);
  clock.advance(400);
  assert.deepEqual([taken(budget), budget.waitMs()], [0, 100]);
  clock.advance(100);
  assert.deepEqual([budget.waitMs(), taken(budget)], [0, 1]);
  clock.advance(3_600_000);
  assert.equal(taken(budget), 2);
});

test('calls that must not wait are counted, and hold the others up for a second and a half at most', () => {
  const clock = fakeClock();
  const budget = new UpstreamBudget(2, clock);
  for (let call = 0; call < 3; call++) budget.spend();
  assert.deepEqual([taken(budget), budget.waitMs()], [0, 1000]);
  for (let call = 0; call < 100; call++) budget.spend();
  assert.equal(budget.waitMs(), 1500);
  clock.advance(1500);
  assert.equal(taken(budget), 1);
});

test('a clock that was set back or on neither takes nor gives more than a full bucket', () => {
  const clock = fakeClock();
  const budget = new UpstreamBudget(2, clock);
  taken(budget);
  clock.advance(-3_600_000);
  assert.deepEqual([taken(budget), budget.waitMs()], [0, 500]);
  clock.advance(500);
  assert.equal(taken(budget), 1);
});

test('a budget below one call a second holds one', () => {
  const clock = fakeClock();
  const budget = new UpstreamBudget(0.1, clock);
  assert.deepEqual([taken(budget), budget.waitMs()], [1, 10_000]);
  clock.advance(10_000);
  assert.equal(taken(budget), 1);
});
