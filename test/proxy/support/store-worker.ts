// A process of its own on one store, for races and for SIGKILL. Arguments: kind, address, job, key, count.
import { libsqlTokenStore } from '../../../src/proxy/stores/libsql.js';
import { postgresTokenStore } from '../../../src/proxy/stores/postgres.js';

const [kind, address, job, key, count] = process.argv.slice(2) as [string, string, string, string, string];
const store =
  kind === 'libsql' ? libsqlTokenStore({ url: address }) : postgresTokenStore({ connectionString: address });

if (job === 'increment') {
  for (let done = 0; done < Number(count); done++) {
    for (let row = await store.get(key); ;) {
      const next = String(Number(row?.value ?? 0) + 1);
      const result = await store.put(key, next, { ifVersion: row?.version ?? null });
      if (result.ok) break;
      row = result.current;
    }
  }
  await store.close();
} else {
  // Writes on and on; each number it prints was confirmed. It is ended from outside.
  let version: number | null = null;
  for (let written = 1; ; written++) {
    const result: Awaited<ReturnType<typeof store.put>> = await store.put(key, String(written), { ifVersion: version });
    if (!result.ok) throw new Error('The only writer lost a race.');
    version = result.version;
    process.stdout.write(`${written}\n`);
  }
}
