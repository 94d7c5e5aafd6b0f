import { comparePoints } from './keys.js';
import type { TokenStore } from './token-store.js';

export interface StoreCheck {
  name: string;
  ok: boolean;
  /** What was seen, and what was expected, where it failed. */
  detail: string;
}

export interface CheckTokenStoreOptions {
  /** Increments in the lost-update race (default 10 000). */
  increments?: number;
  /** Rounds of the create race (default 10). */
  rounds?: number;
  /** Runs only the checks whose name holds this text. */
  only?: string;
}

interface Bench {
  store: TokenStore;
  open: () => Promise<TokenStore>;
  /** A key of this check's own. */
  key: (name: string) => string;
  options: Required<Omit<CheckTokenStoreOptions, 'only'>>;
}

class Unmet extends Error {}

function expect(actual: unknown, expected: unknown, what: string): void {
  const [seen, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (seen !== wanted) throw new Unmet(`${what}: expected ${shorten(wanted)}, saw ${shorten(seen)}`);
}

const shorten = (text: string | undefined) => (text && text.length > 200 ? `${text.slice(0, 200)}…` : String(text));

async function create(store: TokenStore, key: string, value: string): Promise<number> {
  const result = await store.put(key, value, { ifVersion: null });
  if (!result.ok) throw new Unmet(`a key without a row could not be created: ${key}`);
  return result.version;
}

/** Three others write at the same time: who loses this often was not given the row that stands. */
const mostTries = 1000;

async function increment(store: TokenStore, key: string): Promise<void> {
  let row = await store.get(key);
  for (let tries = 0; tries < mostTries; tries++) {
    const result = await store.put(key, String(Number(row?.value ?? 0) + 1), { ifVersion: row?.version ?? null });
    if (result.ok) return;
    row = result.current;
  }
  throw new Unmet(`${mostTries} puts in a row were refused, each with the version that the one before had brought`);
}

/** Each is one promise of `TokenStore`. */
const checks: Record<string, (bench: Bench) => Promise<void>> = {
  async 'a key without a row is null'({ store, key }) {
    expect(await store.get(key('none')), null, 'get');
  },
  async 'what was put is read, with its version'({ store, key }) {
    const version = await create(store, key('a'), 'one');
    expect(Number.isSafeInteger(version), true, 'the version is a safe integer');
    expect(await store.get(key('a')), { value: 'one', version }, 'get');
  },
  async 'creating an existing key is refused, with the row that stands'({ store, key }) {
    const version = await create(store, key('a'), 'one');
    const result = await store.put(key('a'), 'two', { ifVersion: null });
    expect(result, { ok: false, current: { value: 'one', version } }, 'put');
  },
  async 'the right version writes, and the version grows'({ store, key }) {
    let version = await create(store, key('a'), '0');
    for (let round = 1; round <= 5; round++) {
      const result = await store.put(key('a'), String(round), { ifVersion: version });
      if (!result.ok) throw new Unmet('an update with the current version was refused');
      expect(result.version > version, true, 'the version is greater than before');
      version = result.version;
    }
    expect(await store.get(key('a')), { value: '5', version }, 'get');
  },
  async 'writing the same value again makes a new version'({ store, key }) {
    const first = await create(store, key('a'), 'same');
    const result = await store.put(key('a'), 'same', { ifVersion: first });
    expect(result.ok && result.version > first, true, 'the version grew');
  },
  async 'any other version writes and deletes nothing'({ store, key }) {
    const first = await create(store, key('a'), 'one');
    const second = await store.put(key('a'), 'two', { ifVersion: first });
    const version = second.ok ? second.version : -1;
    // Greater than the row's is what a backup that was put back, or a replica that took over, leaves in somebody's hands.
    for (const ifVersion of [first, version + 1]) {
      const result = await store.put(key('a'), 'three', { ifVersion });
      expect(result, { ok: false, current: { value: 'two', version } }, 'put');
      expect(await store.delete(key('a'), { ifVersion }), false, 'delete');
    }
    expect(await store.get(key('a')), { value: 'two', version }, 'get');
  },
  async 'a version for a key without a row writes nothing'({ store, key }) {
    expect(await store.put(key('a'), 'one', { ifVersion: 1 }), { ok: false, current: null }, 'put');
    expect(await store.get(key('a')), null, 'get');
  },
  async 'delete says whether there was a row'({ store, key }) {
    await create(store, key('a'), 'one');
    expect(await store.delete(key('a')), true, 'first delete');
    expect(await store.delete(key('a')), false, 'second delete');
    expect(await store.get(key('a')), null, 'get');
  },
  async 'delete goes by the version where one is given'({ store, key }) {
    const first = await create(store, key('a'), 'one');
    const second = await store.put(key('a'), 'two', { ifVersion: first });
    expect(await store.delete(key('a'), { ifVersion: first }), false, 'delete with an old version');
    expect((await store.get(key('a')))?.value, 'two', 'get');
    expect(
      await store.delete(key('a'), { ifVersion: second.ok ? second.version : -1 }),
      true,
      'delete with the version',
    );
  },
  async 'put and delete touch one row, and no other'({ store, key }) {
    const others = ['a', 'B', 'b ', 'b%', 'b/c', 'bb', 'c'];
    for (const name of others) await create(store, key(name), `of ${name}`);
    const first = await create(store, key('b'), 'one');
    const second = await store.put(key('b'), 'two', { ifVersion: first });
    await store.delete(key('b'), { ifVersion: second.ok ? second.version : -1 });
    await create(store, key('b'), 'three');
    await store.delete(key('b'));
    for (const name of others) expect((await store.get(key(name)))?.value, `of ${name}`, `key ${name}`);
  },
  async 'a key deleted and made again never gets an old version'({ store, key }) {
    const seen = new Set<number>();
    let highest = -Infinity;
    for (let life = 0; life < 10; life++) {
      let version = await create(store, key('a'), 'one');
      for (let write = 0; write < 3; write++) {
        if (seen.has(version) || version <= highest) throw new Unmet(`version ${version} was used before`);
        seen.add(version);
        highest = version;
        const result = await store.put(key('a'), `life ${life}`, { ifVersion: version });
        if (!result.ok) throw new Unmet('an update with the current version was refused');
        version = result.version;
      }
      highest = version;
      seen.add(version);
      await store.delete(key('a'));
    }
    await create(store, key('a'), 'new');
    for (const version of seen) {
      if ((await store.put(key('a'), 'ghost', { ifVersion: version })).ok) throw new Unmet('an old version wrote');
      if (await store.delete(key('a'), { ifVersion: version })) throw new Unmet('an old version deleted');
    }
  },
  async '64 that create one key: one wins'({ open, key, options }) {
    const stores = await Promise.all([open(), open(), open(), open()]);
    try {
      for (let round = 0; round < options.rounds; round++) {
        const tries = Array.from({ length: 64 }, (_, who) =>
          stores[who % 4]!.put(key(`race ${round}`), `writer ${who}`, { ifVersion: null }),
        );
        const results = await Promise.all(tries);
        const winners = results.flatMap((result, who) => (result.ok ? [who] : []));
        expect(winners.length, 1, 'winners');
        expect((await stores[0]!.get(key(`race ${round}`)))?.value, `writer ${winners[0]}`, 'the row');
      }
    } finally {
      await Promise.all(stores.map((store) => store.close()));
    }
  },
  async '64 that delete one key: one wins'({ store, key }) {
    const version = await create(store, key('a'), 'one');
    const results = await Promise.all(Array.from({ length: 64 }, () => store.delete(key('a'), { ifVersion: version })));
    expect(results.filter(Boolean).length, 1, 'deletes that say true');
  },
  async 'no increment is lost'({ open, key, options }) {
    const stores = await Promise.all([open(), open(), open(), open()]);
    try {
      const share = Math.ceil(options.increments / stores.length);
      await Promise.all(
        stores.map(async (store) => {
          for (let done = 0; done < share; done++) await increment(store, key('count'));
        }),
      );
      expect((await stores[0]!.get(key('count')))?.value, String(share * stores.length), 'the count');
    } finally {
      await Promise.all(stores.map((store) => store.close()));
    }
  },
  async 'values come back as they were: 1 MiB, every kind of character'({ store, key }) {
    const values = ['', ' ', '\n\r\t', `'"\\;--$1 ?`, '\u{1f9fe}é中', 'x'.repeat(1024 * 1024)];
    for (const [index, value] of values.entries()) {
      await create(store, key(`value ${index}`), value);
      expect((await store.get(key(`value ${index}`)))?.value === value, true, `value ${index} is unchanged`);
    }
  },
  async 'keys that look alike are different keys'({ store, key }) {
    const names = [
      'a',
      'A',
      'a ',
      ' a',
      'a%',
      'a_',
      'ab',
      'a/b',
      'a//b',
      "a'b",
      'a"b',
      'a\\b',
      'é',
      'e\u0301',
      '\u{1f9fe}',
      '$1',
      '?',
    ];
    names.push('long'.repeat(100));
    for (const name of names) await create(store, key(name), `of ${name}`);
    for (const name of names) expect((await store.get(key(name)))?.value, `of ${name}`, `key ${name}`);
  },
  async 'list is ordered by code point, and keeps to the prefix'({ store, key }) {
    const names = ['b', 'a', 'B', 'é', '\uff5e', '\u{1f9fe}', 'a%', 'a_', 'ab', '10', '9'];
    for (const name of names) await create(store, key(`in/${name}`), 'x');
    for (const name of ['in', 'in0', 'In/a', 'out/a']) await create(store, key(name), 'x');
    const wanted = names.map((name) => key(`in/${name}`)).sort(comparePoints);
    expect(await store.list(key('in/')), wanted, 'list');
    expect(
      await store.list(key('in/a')),
      wanted.filter((name) => name.startsWith(key('in/a'))),
      'list of a longer prefix',
    );
    expect(await store.list(key('in/a_')), [key('in/a_')], 'list of a prefix with a wildcard character');
    expect(await store.list(key('nowhere/')), [], 'list of nothing');
  },
  async 'list goes page by page, without gaps or repeats'({ store, key }) {
    const wanted = Array.from({ length: 57 }, (_, index) => key(`p/${String(index).padStart(3, '0')}`));
    for (const name of [...wanted].reverse()) await create(store, name, 'x');
    const found: string[] = [];
    for (let after: string | undefined; ; after = found.at(-1)) {
      const page = await store.list(key('p/'), { after, limit: 10 });
      expect(page.length <= 10, true, 'a page keeps to its limit');
      found.push(...page);
      // More than there are: `after` is not heeded, and there would be no end.
      if (page.length < 10 || found.length > wanted.length) break;
    }
    expect(found, wanted, 'all pages');
  },
  async 'a write through one connection is read through another at once'({ store, open, key }) {
    const other = await open();
    try {
      for (let round = 0; round < 20; round++) {
        await create(store, key(`here ${round}`), 'x');
        expect((await other.get(key(`here ${round}`)))?.value, 'x', 'get through the other');
      }
    } finally {
      await other.close();
    }
  },
  async 'rows are there after everything was closed and opened again'({ open, key }) {
    const first = await open();
    const version = await create(first, key('kept'), 'x');
    await first.close();
    const second = await open();
    try {
      expect(await second.get(key('kept')), { value: 'x', version }, 'get');
    } finally {
      await second.close();
    }
  },
  async 'close may be called twice'({ open, key }) {
    const store = await open();
    await create(store, key('a'), 'x');
    await store.close();
    await store.close();
  },
};

export const storeCheckNames = Object.keys(checks);

/**
 * Proves an adapter of your own: each promise of `TokenStore`, one after another, races among four connections included. Rows
 * of the checks are removed again. What needs processes of its own is left to you: end one with SIGKILL after `ok`, and
 * read again; race several over one counter.
 *
 * @param open opens another connection to the same rows each time
 */
export async function checkTokenStore(
  open: () => Promise<TokenStore>,
  { increments = 10_000, rounds = 10, only = '' }: CheckTokenStoreOptions = {},
): Promise<StoreCheck[]> {
  const results: StoreCheck[] = [];
  const run = `check/${crypto.randomUUID()}`;
  const made = new Set<string>();
  const store = await open();
  try {
    for (const [index, [name, check]] of Object.entries(checks).entries()) {
      if (!name.includes(only)) continue;
      const key = (part: string) => {
        const name = `${run}/${index}/${part}`;
        made.add(name);
        return name;
      };
      try {
        await check({ store, open, key, options: { increments, rounds } });
        results.push({ name, ok: true, detail: '' });
      } catch (error) {
        const detail = error instanceof Unmet ? error.message : `threw ${String(error)}`;
        results.push({ name, ok: false, detail });
      }
    }
    // By name, and not as the store lists them: one that forgets the prefix would have the rows of others deleted.
    for (const key of made) await store.delete(key).catch(() => false);
  } finally {
    // Whether it can be closed has been checked.
    await store.close().catch(() => undefined);
  }
  return results;
}

export interface AmbiguousFaults {
  /** Throws before the call takes effect. */
  before?: (call: 'get' | 'put' | 'delete' | 'list') => boolean;
  /** Throws after it took effect: a commit whose answer was lost. */
  after?: (call: 'get' | 'put' | 'delete' | 'list') => boolean;
}

/** A store that fails on demand, before or after the effect, for tests of what stands on it. */
export function faultyTokenStore(store: TokenStore, { before, after }: AmbiguousFaults): TokenStore {
  async function wrap<T>(call: 'get' | 'put' | 'delete' | 'list', work: () => Promise<T>): Promise<T> {
    if (before?.(call)) throw new Error('The store failed before the call took effect.');
    const result = await work();
    if (after?.(call)) throw new Error('The store failed after the call took effect.');
    return result;
  }
  return {
    get: (key) => wrap('get', () => store.get(key)),
    put: (key, value, condition) => wrap('put', () => store.put(key, value, condition)),
    delete: (key, condition) => wrap('delete', () => store.delete(key, condition)),
    list: (prefix, page) => wrap('list', () => store.list(prefix, page)),
    close: () => store.close(),
  };
}
