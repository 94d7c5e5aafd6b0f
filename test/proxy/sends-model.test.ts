import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { Ereceipts } from '../../src/proxy/ereceipts.js';
import { Refusal } from '../../src/proxy/refusal.js';
import { keepsInvariants } from './model/invariants.js';
import { mishaps, type Fate } from './model/replicated-world.js';
import { SendsWorld } from './model/sends-world.js';

// 1,000 schedules as a rule; `RULRR_MODEL_RUNS=1000000 RULRR_MODEL_SEED=… node test/run.mjs node test/proxy/sends-model.test.ts` for more.
const runs = Number(process.env['RULRR_MODEL_RUNS'] ?? 1_000);
const seed = Number(process.env['RULRR_MODEL_SEED'] ?? Date.now() % 2 ** 31);

type Method = (this: unknown, ...args: unknown[]) => unknown;

type Command =
  | ['send', number, number]
  | ['breakOff' | 'prune' | 'sweep' | 'rotate' | 'crash' | 'terminate', number]
  | ['run' | 'pass', number]
  | ['step' | 'answered', number, Fate];

const small = fc.nat({ max: 6 });
const just = <T extends string>(name: T) => fc.constant(name);
const weighted = (weight: number, arbitrary: fc.Arbitrary<Command>) => ({ weight, arbitrary });

const command = fc.oneof(
  weighted(8, fc.tuple(just('run'), fc.constantFrom(1, 2, 3, 4, 5, 8, 100))),
  weighted(6, fc.tuple(just('send'), small, small)),
  weighted(3, fc.tuple(just('step'), small, fc.constant<Fate>('well'))),
  weighted(3, fc.tuple(just('step'), small, fc.constantFrom(...mishaps))),
  weighted(4, fc.tuple(just('answered'), small, fc.constantFrom<Fate>('well', 'request lost', ...mishaps))),
  weighted(1, fc.tuple(just('breakOff'), small)),
  weighted(1, fc.tuple(just('prune'), small)),
  weighted(1, fc.tuple(just('sweep'), small)),
  weighted(1, fc.tuple(just('rotate'), small)),
  weighted(1, fc.tuple(just('crash'), small)),
  weighted(1, fc.tuple(just('terminate'), small)),
  weighted(4, fc.tuple(just('pass'), fc.constantFrom(300, 1_000, 3_000, 7_000, 9_000, 20_000, 61_000))),
  weighted(1, fc.tuple(just('pass'), fc.constantFrom(86_400_000, 8 * 86_400_000))),
);

const schedule = fc.record({
  // Each clock is off by less than a send that nobody finished is given beyond its time.
  skews: fc.array(fc.constantFrom(0, -2_000, 2_000), { minLength: 2, maxLength: 3 }),
  receipts: fc.integer({ min: 1, max: 2 }),
  commands: fc.array(command, { minLength: 10, maxLength: 50 }),
});

type Schedule = typeof schedule extends fc.Arbitrary<infer T> ? T : never;

async function play({ skews, receipts, commands }: Schedule): Promise<SendsWorld> {
  const world = SendsWorld.create(skews, receipts);
  for (const [name, one, two] of commands) {
    if (name === 'send') world.send(one, two);
    else if (name === 'step' || name === 'answered') await world[name](one, two);
    else await world[name](one);
  }
  await world.rest();
  return world;
}

const property = keepsInvariants(schedule, play, (world) => world.happened);

describe('receipts that are sent through replicas that share a store', () => {
  test(`keep every invariant in ${runs} schedules (seed ${seed})`, { timeout: 24 * 3_600_000 }, async (t) => {
    const started = Date.now();
    const happened = new Map<string, number>();
    await fc.assert(property(happened), { numRuns: runs, seed });
    t.diagnostic(`${runs} schedules, seed ${seed}, 0 violations, ${Math.round((Date.now() - started) / 1000)} s`);
    t.diagnostic(`schedules in which a till heard: ${JSON.stringify(Object.fromEntries(happened))}`);
    // A model that never gets anywhere would pass as well.
    for (const what of ['sent', 'send_failed', 'send_unconfirmed', 'in_progress', 'store_unavailable']) {
      assert.ok((happened.get(what) ?? 0) >= runs / 100, `too few schedules in which a till heard ${what}`);
    }
  });
});

describe('the model notices', () => {
  const prototype = Ereceipts.prototype as unknown as Record<string, (...args: unknown[]) => unknown>;
  const mutants: Record<string, { invariant: RegExp; method: string; mutate: (real: Method) => Method }> = {
    'a proxy that does not write down what it is about to send': {
      invariant: /E1/,
      method: 'claim',
      mutate: () => async (_key, row) => row,
    },
    'a proxy that says of any receipt it knows that it was sent': {
      invariant: /E2/,
      method: 'judge',
      mutate: () => () => undefined,
    },
    'a proxy that takes a doubt for a refusal': {
      invariant: /E1|E3/,
      method: 'settle',
      mutate: (real) =>
        function (this: unknown, ...args) {
          const result = args[3] === 'unclear' ? new Refusal('send_failed', 'The receipt was not sent.') : args[3];
          return real.call(this, ...args.slice(0, 3), result);
        },
    },
    'a proxy that sends for a till that has printed': {
      invariant: /E5/,
      method: 'send',
      mutate: (real) =>
        function (this: unknown, ...args) {
          return real.call(this, ...args.slice(0, 2), Infinity);
        },
    },
    'a proxy that frees a key of which it does not know whether it was used': {
      invariant: /E1/,
      method: 'keep',
      mutate: (real) =>
        function (this: unknown, ...args) {
          const { rows } = this as { rows: { remove(key: unknown, condition: () => boolean): Promise<boolean> } };
          const [key, , state] = args;
          return state === 'unclear' ? rows.remove(key, () => true).catch(() => false) : real.apply(this, args);
        },
    },
  };
  for (const [name, { invariant, method, mutate }] of Object.entries(mutants)) {
    test(name, async () => {
      const real = prototype[method];
      assert.ok(real, `there is no ${method}() to break`);
      prototype[method] = mutate(real);
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
