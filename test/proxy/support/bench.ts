import assert from 'node:assert/strict';
import { RulrrApi } from '../../../src/api/index.js';
import { createConnections, type Connections, type ConnectionsOptions } from '../../../src/proxy/connections.js';
import type { ProxyEvent } from '../../../src/proxy/events.js';
import type { Flow } from '../../../src/proxy/flow.js';
import { memoryTokenStore } from '../../../src/proxy/stores/memory.js';
import type { Vault } from '../../../src/proxy/vault.js';
import { fakeClock, type FakeClock } from '../../support/fake-clock.js';

export const day = 86_400_000;
export const oldKey = 'the old key, thirty-two bytes or more';
export const newKey = 'the new key, thirty-two bytes or more';

/** No encryption, so nothing runs on another thread: turns alone bring everything as far as it gets at this time. */
export const plain: { vault: Vault } = {
  vault: {
    seal: async (key, text) => `${key} ${text}`,
    open: async (key, sealed) => sealed.slice(key.length + 1),
    isCurrent: async () => true,
    digest: async (text) => text,
  },
};

interface Upstream {
  status: 'pending' | 'finished' | 'cancelled';
  calls: { status: number; redeem: number; refresh: number; data: number };
  /** Access tokens that are refused. */
  revoked: Set<string>;
  /** The status that they are refused with. */
  revokedStatus: number;
  expiration: unknown;
  refreshBody: ((generation: number) => unknown) | null;
  generation: number;
  statusFails: boolean;
  settings: Record<string, unknown>;
  /** What the server at the upload URL answers. */
  uploadStatus: number;
  /** What the answers wait for; see `hold`. The tokens are given out by then. */
  redeemGate: Promise<void>;
  refreshGate: Promise<void>;
  dataGate: Promise<void>;
}

/**
 * A replica on a fake clock, with Rulrr in the process: told what to answer by `upstream`, which also counts what it was asked. `make`
 * gives further replicas on the same store.
 */
export function bench(options: Partial<ConnectionsOptions> = {}) {
  const clock = (options.clock as FakeClock | undefined) ?? fakeClock();
  const store = options.store ?? memoryTokenStore();
  const events: Omit<ProxyEvent, 'at'>[] = [];
  const upstream: Upstream = {
    status: 'finished',
    calls: { status: 0, redeem: 0, refresh: 0, data: 0 },
    revoked: new Set(),
    revokedStatus: 403,
    expiration: new Date(clock.now() + 365 * day).toISOString(),
    refreshBody: (generation) => ({
      success: true,
      accessToken: `access-${generation}`,
      refreshToken: `refresh-${generation}`,
      expiration: upstream.expiration,
      ereceipt: true,
    }),
    generation: 0,
    statusFails: false,
    settings: {},
    uploadStatus: 200,
    refreshGate: Promise.resolve(),
    dataGate: Promise.resolve(),
    redeemGate: Promise.resolve(),
  };
  const json = (body: unknown, status = 200) =>
    new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } });
  const api = new RulrrApi({
    apiBaseUrl: 'https://api.example',
    clientId: 'client',
    clientSecret: 'canary-secret',
    fetch: async (input, init) => {
      const { pathname, searchParams } = new URL(String(input));
      if (pathname.endsWith('/integration/token')) {
        upstream.calls.redeem += 1;
        const token = searchParams.get('integration_token')!;
        if (redeemedOnce.has(token)) return json({}, 410);
        redeemedOnce.add(token);
        await upstream.redeemGate;
        return json(upstream.refreshBody!(0));
      }
      if (pathname.endsWith('/auth/integration')) {
        upstream.calls.status += 1;
        return upstream.statusFails ? json({}, 503) : json({ success: true, status: upstream.status });
      }
      if (pathname.endsWith('/auth/token')) {
        upstream.calls.refresh += 1;
        await upstream.refreshGate;
        if (!upstream.refreshBody) return json({}, 403);
        return json(upstream.refreshBody(++upstream.generation));
      }
      if (pathname === '/list') {
        uploads.push(String(init?.body));
        return new Response('', { status: upstream.uploadStatus });
      }
      upstream.calls.data += 1;
      await upstream.dataGate;
      return upstream.revoked.has(searchParams.get('access_token')!)
        ? json({}, upstream.revokedStatus)
        : json({ success: true, ...upstream.settings, used: searchParams.get('access_token') });
    },
  });
  const redeemedOnce = new Set<string>();
  const uploads: string[] = [];
  const make = (more: Partial<ConnectionsOptions> = {}): Connections =>
    createConnections({
      api,
      store,
      keys: [newKey],
      budgetPerSecond: 1e6,
      clock,
      emit: (event) => events.push(event),
      ...options,
      ...more,
    });
  return { clock, store, events, upstream, uploads, api, make, connections: make() };
}

export function flowOf(name: string, storeId = `store of ${name}`): Flow {
  const startedAt = Date.UTC(2026, 10, 24);
  return {
    flowId: name,
    storeId,
    integrationToken: `canary-integration-${name}`,
    startedAt,
    expiresAt: startedAt + 30 * 60_000,
  };
}

/** Connects a store, as a merchant does. */
export async function connect(connections: Connections, name = 'a', storeId = 'store'): Promise<void> {
  const flow = flowOf(name, storeId);
  await connections.open(flow);
  assert.equal((await connections.check(flow)).status, 'finished');
}

/** Holds back Rulrr's answers to redeem calls, to refreshes or to the calls of stores. Answers with what lets them go. */
export function hold(upstream: Upstream, calls: 'redeem' | 'refresh' | 'data'): () => void {
  let release = () => {};
  upstream[`${calls}Gate`] = new Promise((resolve) => (release = resolve));
  return release;
}
