import assert from 'node:assert/strict';
import * as fc from 'fast-check';

interface World {
  readonly violations: readonly unknown[];
}

/**
 * The property that no schedule breaks an invariant.
 * @param happenedIn what a schedule has come to, to see that the schedules reach what they are meant to reach; counted in `happened`
 */
export function keepsInvariants<Schedule, W extends World>(
  schedule: fc.Arbitrary<Schedule>,
  play: (schedule: Schedule) => Promise<W>,
  happenedIn: (world: W) => Iterable<string>,
) {
  return (happened = new Map<string, number>()) =>
    fc.asyncProperty(schedule, async (input) => {
      const world = await play(input);
      for (const what of happenedIn(world)) happened.set(what, (happened.get(what) ?? 0) + 1);
      assert.deepEqual(world.violations, []);
    });
}
