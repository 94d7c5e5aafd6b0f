import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { Redemption } from '../../src/proxy/redemption.js';
import { Refresher } from '../../src/proxy/refresh.js';
import { ConnectionsWorld } from './model/connections-world.js';
import { keepsInvariants } from './model/invariants.js';
import { mishaps, type Fate } from './model/replicated-world.js';

// 2,000 schedules as a rule; `RULRR_MODEL_RUNS=1000000 RULRR_MODEL_SEED=… node test/run.mjs node test/proxy/connections-model.test.ts` for more.
const runs = Number(process.env['RULRR_MODEL_RUNS'] ?? 2_000);
const seed = Number(process.env['RULRR_MODEL_SEED'] ?? Date.now() % 2 ** 31);

type Command =
  | ['poll', number, number]
  | ['connect' | 'use' | 'disconnect' | 'sweep' | 'rotate' | 'crash' | 'terminate', number]
  | ['finish' | 'cancel', number]
  | ['revoke']
  | ['run' | 'pass' | 'wait' | 'calm', number]
  | ['step' | 'answered', number, Fate];

const small = fc.nat({ max: 6 });
const just = <T extends string>(name: T) => fc.constant(name);

// As long as a call for tokens may stand, as the lease of a refresh, as an access token until it is due, until it has ended; a day.
const long = fc.constantFrom(2_000, 700_000, 1_300_000, 6_500_000, 8_000_000, 90_000_000);

const weighted = (weight: number, arbitrary: fc.Arbitrary<Command>) => ({ weight, arbitrary });

const common = [
  weighted(8, fc.tuple(just('run'), fc.constantFrom(1, 2, 3, 5, 8, 100))),
  weighted(2, fc.tuple(just('step'), small, fc.constant<Fate>('well'))),
  weighted(2, fc.tuple(just('step'), small, fc.constantFrom(...mishaps))),
  weighted(3, fc.tuple(just('answered'), small, fc.constantFrom<Fate>('well', 'answer delayed'))),
  weighted(1, fc.tuple(just('answered'), small, fc.constantFrom(...mishaps))),
  weighted(2, fc.tuple(just('sweep'), small)),
  weighted(1, fc.tuple(just('rotate'), small)),
  weighted(1, fc.tuple(just('crash'), small)),
  weighted(1, fc.tuple(just('terminate'), small)),
  weighted(3, fc.tuple(just('pass'), fc.constantFrom(300, 2_000, 5_000, 30_000, 100_000))),
  weighted(2, fc.tuple(just('wait'), long)),
  weighted(2, fc.tuple(just('calm'), long)),
];
const calls = [weighted(6, fc.tuple(just('use'), small)), weighted(2, fc.tuple(just('revoke')))];
const sessions = [
  weighted(6, fc.tuple(just('poll'), small, small)),
  weighted(2, fc.tuple(just('connect'), small)),
  weighted(3, fc.tuple(just('finish'), small)),
  weighted(3, fc.tuple(just('cancel'), small)),
  weighted(3, fc.tuple(just('answered'), small, fc.constantFrom<Fate>('server error', 'request lost'))),
  weighted(2, fc.tuple(just('disconnect'), small)),
];
const some = (...kinds: (typeof common)[]) => fc.array(fc.oneof(...kinds.flat()), { minLength: 10, maxLength: 50 });

// Clocks that differ by less than the ten minutes that the lease of a refresh allows for.
const skew = fc.constantFrom(0, -240_000, -20_000, 20_000, 240_000);

const schedule = fc.record({
  skews: fc.array(skew, { minLength: 2, maxLength: 3 }),
  keepsOldAccess: fc.boolean(),
  commands: fc.oneof(some(common, calls), some(common, sessions), some(common, calls, sessions)),
});

type Schedule = typeof schedule extends fc.Arbitrary<infer T> ? T : never;

async function play({ skews, keepsOldAccess, commands }: Schedule): Promise<ConnectionsWorld> {
  const world = await ConnectionsWorld.create(skews, keepsOldAccess);
  for (const [name, one, two] of commands) {
    if (name === 'poll') world.poll(one, two);
    else if (name === 'step' || name === 'answered') await world[name](one, two);
    else if (name === 'revoke') world.revoke();
    else if (name === 'use') void world.use(one);
    else await world[name](one);
  }
  await world.rest();
  return world;
}

const property = keepsInvariants(schedule, play, (world) => world.happened);

describe('a connection on replicas that share a store', () => {
  test(`keeps every invariant in ${runs} schedules (seed ${seed})`, { timeout: 24 * 3_600_000 }, async (t) => {
    const started = Date.now();
    const happened = new Map<string, number>();
    await fc.assert(property(happened), { numRuns: runs, seed });
    t.diagnostic(`${runs} schedules, seed ${seed}, 0 violations, ${Math.round((Date.now() - started) / 1000)} s`);
    t.diagnostic(`schedules in which it was: ${JSON.stringify(Object.fromEntries(happened))}`);
    // A model that never gets anywhere would pass as well.
    for (const what of [
      'refreshed',
      'refreshed after a refusal',
      'reverted',
      'revoked',
      'connected anew',
      'disconnected',
    ]) {
      assert.ok((happened.get(what) ?? 0) >= runs / 1_000, `too few schedules in which it was ${what}`);
    }
  });
});

describe('the model notices', () => {
  type Row = Record<string, unknown>;
  type Change = (row: Row | null) => Row | undefined;
  /** Each is blind for some of what stands in a row. */
  const mutants: Record<
    string,
    { invariant: RegExp; of: typeof Redemption | typeof Refresher; method: string; blindFor: string[] }
  > = {
    'a proxy that refreshes beside another one': {
      invariant: /C1/,
      of: Refresher,
      method: 'work',
      blindFor: ['lease'],
    },
    'a proxy that puts a refused pair back while it is being refreshed': {
      invariant: /C1|C2/,
      of: Refresher,
      method: 'revert',
      blindFor: ['lease', 'refreshed'],
    },
    'a proxy that leaves the answer to a refresh unread': {
      invariant: /C1|C2/,
      of: Refresher,
      method: 'apply',
      blindFor: ['refreshed'],
    },
    'a proxy that stores the tokens of a session that was disconnected': {
      invariant: /C3/,
      of: Redemption,
      method: 'complete',
      blindFor: ['endedThrough'],
    },
    'a proxy that puts the tokens of an older session over those of a newer one': {
      invariant: /C2/,
      of: Redemption,
      method: 'complete',
      blindFor: ['pair'],
    },
  };
  for (const [name, { invariant, of, method, blindFor }] of Object.entries(mutants)) {
    test(name, async () => {
      const prototype = of.prototype as unknown as Record<string, (...args: unknown[]) => unknown>;
      const real = prototype[method];
      assert.ok(real, `there is no ${method}() to break`);
      prototype[method] = function (this: { options: { rows: { update: (...args: unknown[]) => unknown } } }, ...args) {
        const { rows } = this.options;
        const blind = Object.create(rows, {
          update: {
            value: (key: string, change: Change) =>
              rows.update(key, (row: Row | null) => {
                const next = change(
                  row && { ...row, ...Object.fromEntries(blindFor.map((field) => [field, undefined])) },
                );
                for (const field of blindFor) if (next && row) next[field] ??= row[field];
                return next;
              }),
          },
        });
        return real.apply(Object.create(this, { options: { value: { ...this.options, rows: blind } } }), args);
      };
      try {
        const result = await fc.check(property(), { numRuns: 4_000, seed: 1, endOnFailure: true });
        assert.equal(result.failed, true);
        assert.match(String(result.errorInstance), invariant);
      } finally {
        prototype[method] = real;
      }
    });
  }
});
