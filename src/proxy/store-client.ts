import type { RulrrApi, RulrrApiError } from '../api/index.js';
import { Refusal } from './refusal.js';
import type { Refresher } from './refresh.js';
import { type ConnectionRow, type Rows, type StoredPair } from './rows.js';
import { upstreamStatusOf } from './upstream-refusal.js';

/** What needs the client's credentials and no access token. */
const withoutToken = new Set([
  'createIntegration',
  'getIntegrationStatus',
  'retrieveTokens',
  'refreshTokens',
  'withAccessToken',
]);

export function notConnected(): Refusal {
  return new Refusal('not_found', 'No Rulrr store is connected.');
}

/**
 * A `RulrrApi` of one store. Each call takes the access token that stands in the store at that moment; a refresh that is due
 * runs beside it. A call refused with 403 was not carried out, so it is made once more, with a newer token; a list of customers has not
 * been read by then.
 */
export function storeClient(api: RulrrApi, storeId: string, rows: Rows, refresher: Refresher): RulrrApi {
  const read = async () => rows.read<ConnectionRow>(await rows.connectionKey(storeId));

  async function run(name: string, args: unknown[]): Promise<unknown> {
    const call = (pair: StoredPair) => {
      const client = api.withAccessToken(pair.accessToken) as unknown as Record<
        string,
        (...args: unknown[]) => unknown
      >;
      return client[name]!(...args);
    };
    let row = await read();
    if (!row?.pair) throw notConnected();
    if (refresher.isDue(row)) {
      const refresh = refresher.refresh(storeId, false).catch(() => null);
      if (refresher.hasEnded(row.pair)) row = (await refresh) ?? row;
      if (!row.pair) throw notConnected();
    }
    const first = row.pair!;
    try {
      const answer = await call(first);
      if (row.previous) await refresher.proved(storeId, first);
      return answer;
    } catch (error) {
      if (!isForbidden(error)) throw error;
      const next = await newer(first, call);
      if (!next) throw error;
      return 'answer' in next ? next.answer : call(next.pair);
    }
  }

  /** What to do once more after a 403: a newer pair, or the answer that the one before gave. */
  async function newer(
    refused: StoredPair,
    call: (pair: StoredPair) => unknown,
  ): Promise<{ pair: StoredPair } | { answer: unknown } | null> {
    const row = await read();
    if (!row?.pair) return null;
    if (row.pair.accessToken !== refused.accessToken) return { pair: row.pair };
    if (row.previous) {
      // A pair that has not worked yet, with the one before it still at hand.
      try {
        const answer = await call(row.previous);
        await refresher.revert(storeId, refused);
        return { answer };
      } catch (error) {
        // The second call may have been carried out: what is known of the first says nothing about it.
        if (!isForbidden(error)) throw error;
        await refresher.proved(storeId, refused);
        return null;
      }
    }
    const refreshed = await refresher.refresh(storeId, true);
    return refreshed?.pair && refreshed.pair.accessToken !== refused.accessToken ? { pair: refreshed.pair } : null;
  }

  return new Proxy(api, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function' || typeof name !== 'string' || name in Object.prototype) return value;
      if (withoutToken.has(name) || name === 'toJSON') return value.bind(target);
      return (...args: unknown[]) => run(name, args);
    },
  });
}

/** Rulrr documents 403 for a token that is missing, expired or revoked. By the code: the server of an upload URL says 403 too. */
const isForbidden = (error: unknown) =>
  upstreamStatusOf(error) !== undefined && (error as RulrrApiError).code === 'forbidden';
