// Durable writes: libSQL's one file, and a PostgreSQL of the bench's own, under the same load. A write is a compare-and-set of a row as the proxy
// makes it; it counts once the store has confirmed it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { libsqlTokenStore } from '../../../dist/proxy/stores/libsql.js';
import { postgresTokenStore } from '../../../dist/proxy/stores/postgres.js';
import { startPostgres } from '../../support/postgres.mjs';
import { median, quantile, spread } from '../support/stats.mjs';

const writers = 8;
const rounds = 5;
const roundMs = 3000;
/** About what a sealed row of a connected store weighs. */
const value = 'x'.repeat(900);

/** Each writer has rows of its own, as each store of a vendor has; every tenth write makes a row, the others replace it. */
async function writeFor(store, ms, name) {
  const waits = [];
  const end = performance.now() + ms;
  await Promise.all(
    Array.from({ length: writers }, async (_, who) => {
      let version = null;
      for (let count = 0; performance.now() < end; count++) {
        if (count % 10 === 0) version = null;
        const start = performance.now();
        const key = `connection/${name}-${who}-${Math.floor(count / 10)}`;
        const result = await store.put(key, value, { ifVersion: version });
        if (!result.ok) throw new Error(`a write to a row of its own was refused: ${key}`);
        version = result.version;
        waits.push(performance.now() - start);
      }
    }),
  );
  return waits;
}

export default async function stores() {
  const folder = mkdtempSync(join(tmpdir(), 'rulrr-bench-store-'));
  const server = await startPostgres();
  const subjects = { libSQL: libsqlTokenStore({ url: `file:${join(folder, 'rows.db')}` }) };
  if (server) subjects.PostgreSQL = postgresTokenStore({ connectionString: server.connectionString });
  const figures = {};
  try {
    for (let round = -1; round < rounds; round++) {
      for (const [name, store] of Object.entries(subjects)) {
        const waits = await writeFor(store, round < 0 ? 500 : roundMs, `round ${round}`);
        // The first round opens connections and makes the tables.
        if (round < 0) figures[name] = { perSecond: [], p99: [] };
        else {
          figures[name].perSecond.push(waits.length / (roundMs / 1000));
          figures[name].p99.push(quantile(waits, 0.99));
        }
      }
    }
  } finally {
    for (const store of Object.values(subjects)) await store.close();
    await server?.remove();
    rmSync(folder, { recursive: true, force: true });
  }
  const rows = Object.entries(figures).map(([name, { perSecond, p99 }]) => ({
    what: `${name}, ${writers} writers`,
    figure: `${spread(perSecond, 0)} writes/s, p99 ${spread(p99)} ms`,
    bound: 'reported',
  }));
  if (!server) rows.push({ what: 'PostgreSQL', figure: 'not to be had on this machine', bound: 'reported' });
  else {
    const ratio = median(figures.PostgreSQL.perSecond) / median(figures.libSQL.perSecond);
    rows.push({ what: 'PostgreSQL ÷ libSQL', figure: ratio.toFixed(2) });
  }
  return {
    title: `Token stores: durable compare-and-set writes, ${rounds} interleaved rounds of ${roundMs / 1000} s`,
    rows,
  };
}
