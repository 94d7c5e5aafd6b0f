import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { Redemption } from '../../src/proxy/redemption.js';
import { keepsInvariants } from './model/invariants.js';
import { mishaps, type Fate } from './model/replicated-world.js';
import { World } from './model/world.js';

// 20,000 schedules as a rule; `RULRR_MODEL_RUNS=1000000 RULRR_MODEL_SEED=… node test/run.mjs node test/proxy/model.test.ts` for more.
const runs = Number(process.env['RULRR_MODEL_RUNS'] ?? 20_000);
const seed = Number(process.env['RULRR_MODEL_SEED'] ?? Date.now() % 2 ** 31);

type Command =
  | ['poll', number, number]
  | ['finish' | 'cancel' | 'sweep' | 'rotate' | 'crash' | 'terminate' | 'pause', number]
  | ['jump', number, number]
  | ['pass', number]
  | ['run', number]
  | ['step' | 'answered', number, Fate];

const small = fc.nat({ max: 6 });
const just = <T extends string>(name: T) => fc.constant(name);

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(just('run'), fc.nat({ max: 8 })) },
  { weight: 4, arbitrary: fc.tuple(just('step'), small, fc.constant<Fate>('well')) },
  { weight: 4, arbitrary: fc.tuple(just('step'), small, fc.constantFrom(...mishaps)) },
  { weight: 4, arbitrary: fc.tuple(just('answered'), small, fc.constantFrom<Fate>('well', ...mishaps)) },
  { weight: 6, arbitrary: fc.tuple(just('poll'), small, small) },
  { weight: 3, arbitrary: fc.tuple(just('finish'), small) },
  { weight: 4, arbitrary: fc.tuple(just('pass'), fc.constantFrom(50, 300, 1_200, 5_000, 20_000, 50_000, 100_000)) },
  { weight: 1, arbitrary: fc.tuple(just('cancel'), small) },
  { weight: 1, arbitrary: fc.tuple(just('sweep'), small) },
  { weight: 1, arbitrary: fc.tuple(just('rotate'), small) },
  { weight: 1, arbitrary: fc.tuple(just('crash'), small) },
  { weight: 1, arbitrary: fc.tuple(just('terminate'), small) },
  { weight: 1, arbitrary: fc.tuple(just('pause'), small) },
  { weight: 1, arbitrary: fc.tuple(just('jump'), small, fc.constantFrom(-3_600_000, 3_600_000)) },
);

const schedule = fc.tuple(fc.integer({ min: 2, max: 5 }), fc.array(command, { minLength: 10, maxLength: 50 }));

async function play([replicas, commands]: [number, Command[]]): Promise<World> {
  const world = await World.create(replicas);
  // Without a finished one there is nothing to lose.
  world.finish(commands.length);
  world.poll(0, commands.length);
  world.poll(1, commands.length);
  for (const [name, one, two] of commands) {
    if (name === 'poll') world.poll(one, two);
    else if (name === 'jump') world.jump(one, two);
    else if (name === 'pass') await world.pass(one);
    else if (name === 'run') await world.run(one);
    else if (name === 'step') await world.step(one, two);
    else if (name === 'answered') await world.answered(one, two);
    else world[name](one);
  }
  await world.rest();
  return world;
}

const property = keepsInvariants(schedule, play, (world) => world.ends());

describe('replicas that share a store', () => {
  test(`keep every invariant in ${runs} schedules (seed ${seed})`, { timeout: 24 * 3_600_000 }, async (t) => {
    const started = Date.now();
    const ends = new Map<string, number>();
    await fc.assert(property(ends), { numRuns: runs, seed });
    t.diagnostic(`${runs} schedules, seed ${seed}, 0 violations, ${Math.round((Date.now() - started) / 1000)} s`);
    t.diagnostic(`sessions ended: ${JSON.stringify(Object.fromEntries(ends))}`);
    // A model that never gets anywhere would pass as well.
    for (const end of ['stored', 'stored after more than one call', 'superseded', 'lost', 'cancelled', 'pending']) {
      assert.ok((ends.get(end) ?? 0) >= runs / 100, `too few sessions ended as ${end}`);
    }
  });
});

describe('the model notices', () => {
  const prototype = Redemption.prototype as unknown as Record<string, (...args: never[]) => unknown>;
  const mutants: Record<
    string,
    { invariant: RegExp; method: string; mutate: (real: (...args: never[]) => unknown) => unknown }
  > = {
    'a proxy that answers before the tokens are stored': {
      invariant: /I3/,
      method: 'keep',
      mutate: (real) =>
        function (this: unknown, ...args: never[]) {
          void real.apply(this, args);
          return Promise.resolve('stored');
        },
    },
    'a proxy that drops the tokens when the store fails': {
      invariant: /I1/,
      method: 'keep',
      mutate: (real) =>
        function (this: { options: { rows: { update: unknown } } }, ...args: never[]) {
          const { rows } = this.options;
          let failed = false;
          const once = Object.create(rows) as { update: unknown };
          once.update = (...given: never[]) =>
            failed
              ? Promise.resolve(null)
              : (rows.update as (...a: never[]) => Promise<unknown>).apply(rows, given).catch((error) => {
                  failed = true;
                  throw error;
                });
          return real.apply(
            Object.create(this, { options: { value: { ...this.options, rows: once } } }) as never,
            args,
          );
        },
    },
    'a proxy that takes 410 for an answer of its own': {
      invariant: /I3|I1|I8/,
      method: 'afterGone',
      mutate: () => () => Promise.resolve('stored'),
    },
    'a proxy that redeems again and again, and lets go of what it has': {
      invariant: /I1|I8/,
      method: 'complete',
      mutate: () => () => Promise.resolve('busy'),
    },
  };
  for (const [name, { invariant, method, mutate }] of Object.entries(mutants)) {
    test(name, async () => {
      const real = prototype[method];
      assert.ok(real, `there is no ${method}() to break`);
      prototype[method] = mutate(real) as typeof real;
      try {
        const result = await fc.check(property(), { numRuns: 2_000, seed: 1, endOnFailure: true });
        assert.equal(result.failed, true);
        assert.match(String(result.errorInstance), invariant);
      } finally {
        prototype[method] = real;
      }
    });
  }
});
