import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { RulrrApi, RulrrApiError } from '../../src/api/index.js';
import { createConnections, type Connections, type ConnectionsOptions } from '../../src/proxy/connections.js';
import type { ProxyEvent } from '../../src/proxy/events.js';
import type { Flow } from '../../src/proxy/flow.js';
import { InFlight } from '../../src/proxy/in-flight.js';
import { Refusal } from '../../src/proxy/refusal.js';
import { StatusPoller } from '../../src/proxy/status-poller.js';
import { memoryTokenStore } from '../../src/proxy/stores/memory.js';
import type { TokenStore } from '../../src/proxy/stores/token-store.js';
import { expirationText, lifeOf, parseTokens } from '../../src/proxy/tokens-answer.js';
import { UpstreamBudget } from '../../src/proxy/upstream-budget.js';
import { createVault, UnreadableRow, type Vault } from '../../src/proxy/vault.js';
import { fakeClock, type FakeClock } from '../support/fake-clock.js';
import { settle } from '../support/settle.js';

const day = 86_400_000;
const oldKey = 'the old key, thirty-two bytes or more';
const newKey = 'the new key, thirty-two bytes or more';

/** No encryption, so nothing runs on another thread: turns alone bring everything as far as it gets at this time. */
const plain: { vault: Vault } = {
  vault: {
    seal: async (key, text) => `${key} ${text}`,
    open: async (key, sealed) => sealed.slice(key.length + 1),
    isCurrent: async () => true,
    digest: async (text) => text,
  },
};

/** As good as a release that knows by which name the kept answer of session `a` has its token; for the `plain` vault. */
async function learnToRead(store: TokenStore): Promise<void> {
  const { value, version } = (await store.get('flow/a'))!;
  await store.put('flow/a', value.replace('token\\":\\"odd', 'accessToken\\":\\"access-late'), { ifVersion: version });
}

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
  refreshGate: Promise<void>;
  /** Holds back what the calls of a store come to. */
  dataGate: Promise<void>;
  /** Holds back the answer with the tokens, which are given out by then. */
  redeemGate: Promise<void>;
}

function bench(options: Partial<ConnectionsOptions> = {}) {
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

function flowOf(name: string, storeId = `store of ${name}`): Flow {
  const startedAt = Date.UTC(2026, 10, 24);
  return {
    flowId: name,
    storeId,
    integrationToken: `canary-integration-${name}`,
    startedAt,
    expiresAt: startedAt + 30 * 60_000,
  };
}

async function connect(connections: Connections, name = 'a', storeId = 'store'): Promise<void> {
  const flow = flowOf(name, storeId);
  await connections.open(flow);
  assert.equal((await connections.check(flow)).status, 'finished');
}

describe('limits on the upstream', () => {
  test('10,000 pollers on 100 integrations for a minute: at most 6,000 status calls', async () => {
    const { clock, upstream, connections } = bench({ budgetPerSecond: 1e6 });
    upstream.status = 'pending';
    const flows = Array.from({ length: 100 }, (_, index) => flowOf(`f${index}`));
    // Each of the 10,000 asks every two seconds, spread over all moments.
    for (let tick = 0; tick < 60_000; tick += 50) {
      const asking: Promise<unknown>[] = [];
      for (let poller = (tick / 50) % 40; poller < 10_000; poller += 40)
        asking.push(connections.check(flows[poller % 100]!));
      await Promise.all(asking);
      clock.advance(50);
    }
    assert.ok(upstream.calls.status <= 6_000, `${upstream.calls.status} calls`);
    assert.ok(upstream.calls.status >= 2_500, 'and they were asked about all the time');
  });

  test('one session: calls begin a second apart, to the millisecond, however many ask', async () => {
    const { clock, upstream, connections } = bench();
    upstream.status = 'pending';
    const flow = flowOf('a');
    const calledAt: number[] = [];
    for (let tick = 0; tick < 10_000; tick += 37) {
      const before = upstream.calls.status;
      await Promise.all(Array.from({ length: 20 }, () => connections.check(flow)));
      if (upstream.calls.status > before) calledAt.push(clock.now());
      assert.ok(upstream.calls.status - before <= 1);
      clock.advance(37);
    }
    assert.ok(calledAt.length <= 10 && calledAt.length >= 9);
    for (const [index, at] of calledAt.entries()) if (index) assert.ok(at - calledAt[index - 1]! >= 1_000);
  });

  test('failures are shared, not remembered, and no more frequent', async () => {
    const { clock, upstream, connections } = bench();
    upstream.statusFails = true;
    const flow = flowOf('a');
    const polls = Array.from({ length: 10 }, () => connections.check(flow));
    for (const result of await Promise.allSettled(polls)) {
      assert.equal(result.status === 'rejected' && (result.reason as Refusal).code, 'upstream_error');
    }
    upstream.statusFails = false;
    upstream.status = 'pending';
    const next = connections.check(flow);
    await settle();
    assert.equal(upstream.calls.status, 1, 'the next call is not due yet');
    await clock.advanceAsync(1_000);
    assert.equal((await next).status, 'pending');
    assert.equal(upstream.calls.status, 2);
  });

  test('the budget of the process holds, and pollers are told to wait longer', async () => {
    const { clock, upstream, connections } = bench({ budgetPerSecond: 10 });
    upstream.status = 'pending';
    const flows = Array.from({ length: 200 }, (_, index) => flowOf(`f${index}`));
    let longest = 0;
    for (let second = 0; second < 20; second++) {
      for (const flow of flows) {
        const status = await connections.check(flow);
        assert.equal(status.status, 'pending');
        if (status.status === 'pending') longest = Math.max(longest, status.pollAfterMs);
      }
      clock.advance(1_000);
    }
    assert.ok(upstream.calls.status <= 10 * 20 + 10, `${upstream.calls.status} calls`);
    assert.equal(longest, 20_000, '200 sessions at 10 calls a second');
  });

  test('finished stays finished where the budget is used up, on every replica', async () => {
    const { make, upstream, clock } = bench({ budgetPerSecond: 0.1 });
    const [one, two] = [make(), make()];
    const flow = flowOf('a');
    await one.open(flow);
    assert.equal((await one.check(flow)).status, 'finished');
    for (const connections of [one, two]) await connections.check(flowOf('b')).catch(() => undefined);
    for (let second = 0; second < 5; second++) {
      clock.advance(1_000);
      for (const connections of [one, two]) assert.equal((await connections.check(flow)).status, 'finished');
    }
    upstream.status = 'pending';
    assert.equal((await two.check(flowOf('c'))).status, 'pending');
  });

  test('what is remembered of sessions is bounded', async () => {
    const clock = fakeClock();
    const poller = new StatusPoller({
      api: { getIntegrationStatus: async () => ({ status: 'pending' }) },
      clock,
      budget: new UpstreamBudget(1e6, clock),
      inFlight: new InFlight(clock),
      emit: () => {},
      ttlMs: 1_000,
      pollAfterMs: 1_000,
      maxEntries: 50,
      known: async () => 'pending',
    });
    let most = 0;
    for (let index = 0; index < 2_000; index++) {
      await poller.ask(flowOf(`f${index}`));
      most = Math.max(most, poller.size);
      clock.advance(1);
    }
    assert.equal(most, 50);
    clock.advance(60_000);
    await poller.ask(flowOf('last'));
    assert.equal(poller.size, 1, 'those that nobody asks about are forgotten');
  });

  test('two stores never share an answer, even under one session name', async () => {
    const { upstream, connections } = bench();
    upstream.status = 'finished';
    await connect(connections, 'same', 'mine');
    await assert.rejects(connections.check({ ...flowOf('same', 'theirs') }), { code: 'not_yours' });
    assert.equal((await connections.connection('theirs')).connected, false);
  });
});

describe('a redeem call that stalls', () => {
  test('past its time, past 410 and past the grace is still waited for, on every replica', async () => {
    const { clock, connections, make, upstream, events } = bench(plain);
    let release = () => {};
    upstream.redeemGate = new Promise((resolve) => (release = resolve));
    const flow = flowOf('a');
    await connections.open(flow);
    const replicas = [connections, make(), make()];
    const heard: string[] = [];
    // Eight minutes: four times as long as the deadline and the grace together.
    for (let round = 0; round < 48; round++) {
      for (const one of replicas) {
        void one.check(flow).then(({ status }) => heard.push(status), (error: Refusal) => heard.push(error.code)); // prettier-ignore
      }
      await settle(20);
      clock.advance(10_000);
      await settle(20);
    }
    assert.deepEqual([...new Set(heard)], ['pending'], 'above all not lost');
    assert.ok(heard.length > 100);
    assert.equal(upstream.calls.redeem, 2, 'Rulrr has said 410 meanwhile');
    release();
    await settle();
    for (const one of replicas) assert.equal((await one.check(flow)).status, 'finished');
    assert.ok(!events.some(({ type }) => type === 'integration-lost'));
  });

  test('in another replica that says nothing any more: 410 is not believed before the grace is over', async () => {
    const { clock, connections, make, upstream, events } = bench(plain);
    let release = () => {};
    upstream.redeemGate = new Promise((resolve) => (release = resolve));
    const flow = flowOf('a');
    // Its timers come late, as those of a machine that was put to sleep: it does not renew its lease.
    const stalled = make({ clock: { ...clock, after: () => () => {} } });
    await stalled.open(flow);
    void stalled.check(flow).catch(() => undefined);
    await settle();
    clock.advance(21_000);
    const heard: string[] = [];
    for (let round = 0; round < 16; round++) {
      void connections.check(flow).then(({ status }) => heard.push(status), (error: Refusal) => heard.push(error.code)); // prettier-ignore
      await settle(20);
      clock.advance(5_000);
      await settle(20);
    }
    assert.equal(upstream.calls.redeem, 2);
    assert.deepEqual([...new Set(heard)], ['pending']);
    release();
    await settle();
    // Once the other one has stored them after all, with the poll that asks next, and not with the end of the grace.
    const next = connections.check(flow);
    await settle();
    clock.advance(5_000);
    assert.equal((await next).status, 'finished');
    assert.ok(!events.some(({ type }) => type === 'integration-lost'));
  });

  test('nor by the successor of a process that has heard 410 and died', async () => {
    const { clock, connections, make, upstream, events } = bench(plain);
    let release = () => {};
    upstream.redeemGate = new Promise((resolve) => (release = resolve));
    const flow = flowOf('a');
    await connections.open(flow);
    // The first holds the tokens and sleeps, the second hears 410 and dies.
    for (const calls of [1, 2]) {
      const asleep = make({ clock: { ...clock, after: () => () => {} } });
      void asleep.check(flow).catch(() => undefined);
      await settle(20);
      assert.equal(upstream.calls.redeem, calls);
      clock.advance(21_000);
    }
    const heard: string[] = [];
    for (let round = 0; round < 8; round++) {
      void connections.check(flow).then(({ status }) => heard.push(status), (error: Refusal) => heard.push(error.code)); // prettier-ignore
      await settle(20);
      clock.advance(5_000);
      await settle(20);
    }
    assert.deepEqual([...new Set(heard)], ['pending']);
    release();
    await settle();
    clock.advance(60_000);
    await settle();
    assert.equal((await connections.check(flow)).status, 'finished');
    assert.equal(upstream.calls.redeem, 2);
    assert.ok(!events.some(({ type }) => type === 'integration-lost'));
  });

  test('tokens that are saved and not read yet stay, whatever another replica has heard before that', async () => {
    for (const heard of ['already retrieved', 'pending, and the time is up']) {
      const rows = memoryTokenStore();
      let refuses = false;
      const store: TokenStore = {
        ...rows,
        put: (key, ...rest) =>
          refuses && key.startsWith('store/') ? Promise.reject(new Error('full')) : rows.put(key, ...rest),
      };
      const { api, clock, connections, make, upstream, events } = bench({ ...plain, store });
      let release = () => {};
      const gate = new Promise<void>((resolve) => (release = resolve));
      const flow = flowOf('a');
      await connections.open(flow);
      let other = connections;
      if (heard === 'pending, and the time is up') {
        const slow = Object.create(api) as RulrrApi;
        slow.getIntegrationStatus = () => gate.then(() => ({ success: true, status: 'pending' }));
        other = make({ api: slow });
        clock.advance(100 * 60_000);
        void other.sweep();
        await settle(20);
        refuses = true;
        await connections.check(flow).catch(() => undefined);
        release();
      } else {
        upstream.redeemGate = gate;
        void make({ clock: { ...clock, after: () => () => {} } }).check(flow).catch(() => undefined); // prettier-ignore
        await settle(20);
        clock.advance(21_000);
        void other.check(flow).catch(() => undefined);
        await settle(20);
        refuses = true;
        release();
        await settle(20);
        for (let second = 0; second < 100; second++) await clock.advanceAsync(1_000);
      }
      await settle(20);
      refuses = false;
      clock.advance(21_000);
      assert.equal((await connections.check(flow)).status, 'finished', heard);
      assert.ok(!events.some(({ type }) => type === 'integration-lost'), heard);
    }
  });

  test('of a process that died is not waited for longer than the grace', async () => {
    const { clock, connections, make, upstream } = bench(plain);
    let release = () => {};
    upstream.redeemGate = new Promise((resolve) => (release = resolve));
    const flow = flowOf('a');
    // Its timers never run: for the others it is dead.
    const dead = make({ clock: { ...clock, now: clock.now, after: () => () => {} } });
    await dead.open(flow);
    void dead.check(flow).catch(() => undefined);
    await settle();
    const started = clock.now();
    let end = '';
    while (!end && clock.now() - started < 600_000) {
      void connections.check(flow).catch((error: Refusal) => (end = error.code));
      await settle(20);
      clock.advance(5_000);
    }
    assert.equal(end, 'tokens_lost');
    assert.ok(clock.now() - started < 130_000, `${clock.now() - started} ms`);
    // And if it lives after all, its answer wins.
    release();
    await settle();
    assert.equal((await connections.check(flow)).status, 'finished');
  });
});

describe('what stands in the store', () => {
  test('no token in the clear; two rows swapped are noticed, and so is an altered byte', async () => {
    const { store, events, connections } = bench();
    await connect(connections, 'a', 'one');
    await connect(connections, 'b', 'two');
    const keys = await store.list('store/');
    const [first, second] = [(await store.get(keys[0]!))!, (await store.get(keys[1]!))!];
    for (const { value } of [first, second]) assert.doesNotMatch(value, /access|refresh|canary|one|two/);
    await store.put(keys[0]!, second.value, { ifVersion: first.version });
    await store.put(keys[1]!, first.value, { ifVersion: second.version });
    await assert.rejects(connections.connection('one'), { code: 'store_unavailable' });
    await assert.rejects(connections.forStore('two'), { code: 'store_unavailable' });
    assert.ok(events.some(({ type }) => type === 'row-unreadable'));
    // Forgetting is the way out, and connecting again works.
    await connections.forget('one');
    await connections.forget('two');
    await connect(connections, 'c', 'one');
    assert.equal((await connections.connection('one')).connected, true);
  });

  test('every altered character is noticed', async () => {
    const vault = createVault([newKey]);
    const sealed = await vault.seal('row', 'a secret');
    for (let at = 0; at < sealed.length; at++) {
      const other = sealed[at] === 'A' ? 'B' : 'A';
      const altered = sealed.slice(0, at) + other + sealed.slice(at + 1);
      await vault.open('row', altered).then(
        // The last character of base64url may carry bits that mean nothing.
        (text) => assert.ok(at === sealed.length - 1 || sealed[at + 1] === '.', `altered at ${at}: ${text}`),
        (error: unknown) => assert.ok(error instanceof UnreadableRow),
      );
    }
    await assert.rejects(vault.open('other row', sealed), UnreadableRow);
    for (const odd of ['', '.', 'v1', 'v1...', 'v1.a.b.c', sealed + '.x'])
      await assert.rejects(vault.open('row', odd), UnreadableRow);
    assert.equal(await vault.open('row', sealed), 'a secret');
  });

  test('keys rotate while it runs: nothing fails to read, and then the old key can go', async () => {
    const { store, make, clock } = bench({ keys: [oldKey] });
    const old = make();
    for (let index = 0; index < 30; index++) await connect(old, `f${index}`, `store ${index}`);
    await assert.rejects(make({ keys: [newKey] }).connection('store 3'), { code: 'store_unavailable' });
    const both = make({ keys: [newKey, oldKey] });
    const reads = (async () => {
      for (let index = 0; index < 30; index++) assert.equal((await both.connection(`store ${index}`)).connected, true);
    })();
    const report = await both.rotate();
    await reads;
    assert.deepEqual(report, { rewritten: 60, current: 0, failed: 0 });
    assert.deepEqual(await both.rotate(), { rewritten: 0, current: 60, failed: 0 });
    const fresh = make({ keys: [newKey] });
    for (let index = 0; index < 30; index++) assert.equal((await fresh.connection(`store ${index}`)).connected, true);
    assert.equal((await store.list('')).length >= 60, true);
    void clock;
  });

  test('keys rotate while a store is forgotten: what was written meanwhile stays, and needs the old key no more', async () => {
    const store = memoryTokenStore();
    let meanwhile: (() => Promise<void>) | undefined;
    const { make } = bench({
      keys: [oldKey],
      store: {
        ...store,
        async put(key, ...rest) {
          const work = key.startsWith('store/') ? meanwhile : undefined;
          if (work) meanwhile = undefined;
          await work?.();
          return store.put(key, ...rest);
        },
      },
    });
    const old = make();
    await connect(old, 'a', 'shop');
    meanwhile = () => old.forget('shop');
    assert.equal((await make({ keys: [newKey, oldKey] }).rotate()).failed, 0);
    const fresh = make({ keys: [newKey] });
    assert.equal((await fresh.connection('shop')).connected, false);
    assert.deepEqual(await fresh.rotate(), { rewritten: 0, current: 2, failed: 0 });
  });

  test('a rotation that the end of the process cuts short does not pass for a whole one', async () => {
    const { make } = bench({ keys: [oldKey] });
    await connect(make());
    const both = make({ keys: [newKey, oldKey] });
    await both.close();
    assert.ok((await both.rotate()).failed > 0);
  });

  test('after that the old key is needed by nothing: sends are remembered, stores looked after, tokens refreshed', async () => {
    const { make, clock, upstream, events } = bench({ keys: [oldKey] });
    const old = make();
    await connect(old);
    await old.sweep();
    assert.equal((await make({ keys: [newKey, oldKey] }).rotate()).failed, 0);
    clock.advance(340 * day);
    assert.equal((await make({ keys: [newKey] }).sweep()).failed, 0);
    assert.equal(upstream.calls.refresh, 1);
    assert.ok(!events.some(({ type }) => type === 'row-unreadable'));
  });

  test('a key that went too early keeps no store from being looked after', async () => {
    const { make, clock, upstream } = bench({ keys: [newKey] });
    await make({ keys: [oldKey] }).sweep();
    const fresh = make();
    await connect(fresh);
    clock.advance(340 * day);
    await fresh.sweep();
    assert.equal(upstream.calls.refresh, 1);
  });

  test('tokens come in for a session whose row nobody can read any more: the store is connected all the same', async () => {
    const { connections, upstream, store } = bench();
    let release = () => {};
    upstream.redeemGate = new Promise((resolve) => (release = resolve));
    const flow = flowOf('a', 'store');
    await connections.open(flow);
    const first = connections.check(flow).catch(() => undefined);
    await settle();
    const row = (await store.get('flow/a'))!;
    assert.equal((await store.put('flow/a', 'nothing that anybody sealed', { ifVersion: row.version })).ok, true);
    release();
    await settle();
    assert.equal((await connections.connection('store')).connected, true);
    await first;
  });

  test('an answer that nobody could read is kept, though the merchant is then said to have given up', async () => {
    const { connections, upstream, store, make } = bench();
    upstream.refreshBody = () => ({ success: true, token: 'odd' });
    const flow = flowOf('a', 'store');
    await connections.open(flow);
    void connections.check(flow).catch(() => undefined);
    await settle();
    upstream.status = 'cancelled';
    assert.equal((await make().check(flow)).status, 'cancelled');
    await settle();
    assert.ok(await store.get('flow/a'));
  });

  test('tokens that are saved and not read yet stay, whatever an earlier call still brings', async () => {
    let refuses = false;
    let late = () => {};
    const said = [
      new Promise<string>((resolve) => (late = () => resolve('{"success":true}'))),
      Promise.resolve('{"success":true,"accessToken":"access","refreshToken":"refresh"}'),
    ];
    const api = {
      getIntegrationStatus: async () => ({ status: 'finished' }),
      async retrieveTokens(_token: string, { onRawAnswer }: { onRawAnswer(raw: string): Promise<void> }) {
        const answer = said.shift();
        if (!answer) throw new RulrrApiError('retrieveTokens', 'already_retrieved', { status: 410, sent: 'answered' });
        await onRawAnswer(await answer);
        throw new RulrrApiError('retrieveTokens', 'bad_answer', { status: 200, sent: 'unclear' });
      },
    } as unknown as RulrrApi;
    const rows = memoryTokenStore();
    const store: TokenStore = {
      ...rows,
      put: (key, ...rest) =>
        refuses && key.startsWith('store/') ? Promise.reject(new Error('full')) : rows.put(key, ...rest),
    };
    const { connections, clock } = bench({ ...plain, api, store });
    const flow = flowOf('a');
    await connections.open(flow);
    refuses = true;
    const first = connections.check(flow);
    // The first call is waited for in vain, the second brings the tokens.
    for (let second = 0; second < 100 && said.length; second++) {
      await settle();
      clock.advance(1_000);
    }
    assert.equal((await first).status, 'pending');
    await settle();
    late();
    await settle();
    refuses = false;
    clock.advance(2_000);
    assert.equal((await connections.check(flow)).status, 'finished');
  });

  test('what could be stored only at the second try is stored: the end of the process has nothing unsaved to tell', async () => {
    const store = memoryTokenStore();
    let failures = 0;
    const brittle: TokenStore = {
      ...store,
      put: (...args) => (failures-- > 0 ? Promise.reject(new Error('down')) : store.put(...args)),
    };
    const { connections, upstream, events, clock } = bench({ store: brittle });
    let release = () => {};
    upstream.redeemGate = new Promise((resolve) => (release = resolve));
    const flow = flowOf('a', 'store');
    await connections.open(flow);
    const first = connections.check(flow);
    await settle();
    failures = 1;
    release();
    await settle();
    await clock.advanceAsync(100);
    await settle();
    assert.equal((await first).status, 'finished');
    assert.ok(events.some(({ type }) => type === 'save-retried'));
    const closing = connections.close();
    await settle(20);
    await clock.advanceAsync(0);
    await closing;
    assert.ok(!events.some(({ type }) => type === 'tokens-unsaved'));
  });

  test('however long the store is down: tokens in hand are stored as soon as it is up again', async () => {
    const store = memoryTokenStore();
    let down = false;
    const { connections, upstream, events, clock } = bench({
      ...plain,
      store: { ...store, put: (...args) => (down ? Promise.reject(new Error('down')) : store.put(...args)) },
    });
    let release = () => {};
    upstream.redeemGate = new Promise((resolve) => (release = resolve));
    await connections.open(flowOf('a', 'store'));
    void connections.check(flowOf('a', 'store'));
    await settle(5);
    down = true;
    release();
    for (let second = 0; second < 120; second++) {
      await settle(1);
      await clock.advanceAsync(1_000);
    }
    const tries = events.filter(({ type }) => type === 'save-retried').length;
    assert.ok(tries > 10 && tries < 30, `${tries} tries in two minutes`);
    down = false;
    await clock.advanceAsync(10_000);
    await settle(5);
    assert.equal((await connections.connection('store')).connected, true);
  });

  test('an older session that finishes later does not replace a newer one', async () => {
    const { connections, upstream } = bench();
    const [older, newer] = [flowOf('older', 'shop'), flowOf('newer', 'shop')];
    await connections.open(older);
    await connections.open(newer);
    await connections.check(newer);
    const calls = upstream.calls.redeem;
    assert.equal((await connections.check(older)).status, 'finished');
    assert.equal(upstream.calls.redeem, calls, 'its tokens were not even asked for');
  });

  test('forgotten is forgotten: a session that was started before brings nothing back', async () => {
    const { clock, store, connections, events, upstream } = bench();
    await connect(connections, 'a', 'shop');
    const open = flowOf('still open', 'shop');
    await connections.open(open);
    await connections.forget('shop');
    assert.deepEqual(await connections.connection('shop'), { connected: false, ereceipt: false, expiration: null });
    const calls = upstream.calls.redeem;
    await assert.rejects(connections.check(open), { code: 'expired' });
    await assert.rejects(connections.check(flowOf('a', 'shop')), { code: 'expired' });
    await assert.rejects(connections.forStore('shop'), { code: 'not_found' });
    assert.equal(upstream.calls.redeem, calls);
    assert.deepEqual(await connections.sweep(), { checked: 0, finished: 0, ended: 1, failed: 0 });
    // Nor after the sweep, though Rulrr would give out the tokens.
    await assert.rejects(connections.check(open), { code: 'expired' });
    assert.equal(upstream.calls.redeem, calls);
    assert.equal((await connections.connection('shop')).connected, false);
    await connect(connections, 'b', 'shop');
    assert.equal((await connections.connection('shop')).connected, true);
    assert.equal(events.filter(({ type }) => type === 'connection-forgotten').length, 1);
    clock.advance(3 * day);
    await connections.sweep();
    assert.deepEqual(await store.list('flow/'), [], 'nor is anything of it kept');
  });

  test('forgotten is forgotten, also where the row of the store cannot be read any more', async () => {
    const { connections, upstream, store } = bench();
    await connect(connections, 'a', 'shop');
    const open = flowOf('still open', 'shop');
    await connections.open(open);
    const [key] = await store.list('store/');
    const { value, version } = (await store.get(key!))!;
    await store.put(key!, value.slice(0, -8), { ifVersion: version });
    await connections.forget('shop');
    const calls = upstream.calls.redeem;
    await assert.rejects(connections.check(open), { code: 'expired' });
    assert.equal(upstream.calls.redeem, calls);
    assert.equal((await connections.connection('shop')).connected, false);
    await connect(connections, 'b', 'shop');
    assert.equal((await connections.connection('shop')).connected, true);
  });

  test('forgotten is forgotten: tokens that were on their way at that moment are not kept', async () => {
    const { connections, events, upstream } = bench();
    let release = () => {};
    upstream.redeemGate = new Promise((resolve) => (release = resolve));
    const flow = flowOf('a', 'shop');
    await connections.open(flow);
    const check = connections.check(flow);
    await settle();
    assert.equal(upstream.calls.redeem, 1);
    await connections.forget('shop');
    release();
    await assert.rejects(check, { code: 'expired' });
    assert.equal((await connections.connection('shop')).connected, false);
    await assert.rejects(connections.forStore('shop'), { code: 'not_found' });
    assert.ok(events.some(({ type }) => type === 'tokens-superseded'));
    assert.ok(!events.some(({ type }) => type === 'integration-finished'));
  });
});

describe('sweep', () => {
  test('asks until sessions end or expire, and then knows no more of them', async () => {
    const { clock, store, upstream, connections, events } = bench();
    upstream.status = 'pending';
    await connections.open(flowOf('a'));
    await connections.open(flowOf('b'));
    assert.deepEqual(await connections.sweep(), { checked: 2, finished: 0, ended: 0, failed: 0 });
    upstream.statusFails = true;
    clock.advance(2_000);
    assert.deepEqual(await connections.sweep(), { checked: 2, finished: 0, ended: 0, failed: 2 });
    upstream.statusFails = false;
    clock.advance(30_000);
    // Whoever has finished on a phone meanwhile does not wait longer for that.
    assert.deepEqual(await connections.sweep(), { checked: 2, finished: 0, ended: 0, failed: 0 });
    clock.advance(2 * 3_600_000);
    assert.deepEqual(await connections.sweep(), { checked: 2, finished: 0, ended: 2, failed: 0 });
    assert.deepEqual(await connections.sweep(), { checked: 0, finished: 0, ended: 0, failed: 0 });
    assert.equal(events.filter(({ type }) => type === 'integration-expired').length, 2);
    clock.advance(day);
    await connections.sweep();
    assert.deepEqual(await store.list('flow/'), []);
  });

  test('asks seldom for what Rulrr will not tell any more past its time, tells how it ended, and completes it if Rulrr does tell', async () => {
    const { clock, store, upstream, connections, events } = bench();
    upstream.status = 'pending';
    await connections.open(flowOf('a'));
    await connections.open(flowOf('b'));
    clock.advance(31 * 60_000);
    upstream.statusFails = true;
    for (let sweeps = 0; sweeps < 120; sweeps++) {
      await connections.sweep();
      clock.advance(30_000);
    }
    assert.equal(upstream.calls.status, 2 * 12, 'each five minutes, in an hour of sweeps each half minute');
    upstream.statusFails = false;
    upstream.status = 'finished';
    await connections.check(flowOf('b'));
    assert.equal((await connections.sweep()).finished, 1);
    assert.equal((await connections.connection('store of a')).connected, true);

    upstream.statusFails = true;
    await connections.open(flowOf('c'));
    clock.advance(2 * day);
    await connections.sweep();
    assert.deepEqual(await store.list('flow/'), []);
    const told = events.filter(({ type }) => type === 'integration-expired');
    assert.deepEqual(
      told.map(({ flowId }) => flowId),
      ['c'],
    );
  });

  test('a stored session is remembered for a day and then let go', async () => {
    const { clock, store, connections } = bench();
    await connect(connections);
    await connections.sweep();
    assert.equal((await store.list('flow/')).length, 1);
    clock.advance(2 * day);
    await connections.sweep();
    assert.equal((await store.list('flow/')).length, 0);
    assert.equal((await connections.connection('store')).connected, true);
  });

  test('a stored session that a clock gone wrong has let go is stored all the same', async () => {
    const { clock, upstream, connections, events } = bench();
    await connect(connections);
    clock.advance(2 * day);
    await connections.sweep();
    clock.advance(-2 * day);
    assert.equal((await connections.check(flowOf('a', 'store'))).status, 'finished');
    assert.equal(upstream.calls.redeem, 1);
    assert.deepEqual(
      events.filter(({ type }) => type === 'integration-lost'),
      [],
    );
    // Known again, it is asked about by no sweep.
    assert.equal((await connections.sweep()).checked, 0);
  });

  test('an answer that nobody could read is kept for a later release, for ninety days', async () => {
    const { connections, upstream, store, clock } = bench(plain);
    upstream.refreshBody = () => ({ success: true, token: 'odd' });
    await connections.open(flowOf('a'));
    void connections.check(flowOf('a')).catch(() => undefined);
    for (let second = 0; second < 400; second++) {
      await settle(5);
      clock.advance(1_000);
    }
    await assert.rejects(connections.check(flowOf('a')), { code: 'tokens_lost' });
    clock.advance(89 * day);
    await connections.sweep();
    assert.deepEqual(await store.list('flow/'), ['flow/a']);
    clock.advance(2 * day);
    await connections.sweep();
    assert.deepEqual(await store.list('flow/'), []);
  });

  test('the later release that can read it connects the store by itself', async () => {
    const { connections, upstream, store, clock } = bench(plain);
    upstream.refreshBody = () => ({ success: true, token: 'odd', refreshToken: 'refresh' });
    await connections.open(flowOf('a'));
    void connections.check(flowOf('a')).catch(() => undefined);
    for (let second = 0; second < 400; second++) {
      await settle(5);
      clock.advance(1_000);
    }
    await assert.rejects(connections.check(flowOf('a')), { code: 'tokens_lost' });
    assert.equal((await connections.sweep()).finished, 0);
    await learnToRead(store);
    clock.advance(30 * day);
    assert.equal((await connections.sweep()).finished, 1);
    assert.equal((await (await connections.forStore('store of a')).getStore())['used'], 'access-late');
  });

  test('an answer that nobody could read is kept as well where the session had been given up before it came', async () => {
    const { connections, make, upstream, store, clock } = bench(plain);
    const asleep = make({ clock: { ...clock, after: () => () => {} } });
    let answer!: () => void;
    upstream.redeemGate = new Promise((resolve) => (answer = resolve));
    upstream.refreshBody = () => ({ success: true, token: 'odd', refreshToken: 'refresh' });
    await asleep.open(flowOf('a'));
    void asleep.check(flowOf('a')).catch(() => undefined);
    for (let rounds = 0; rounds < 40; rounds++) {
      await settle(20);
      clock.advance(5_000);
      void connections.check(flowOf('a')).catch(() => undefined);
    }
    await assert.rejects(connections.check(flowOf('a')), { code: 'tokens_lost' });
    answer();
    await settle(50);
    clock.advance(day);
    assert.equal((await connections.sweep()).ended, 0, 'it had ended before');

    await learnToRead(store);
    clock.advance(30 * day);
    assert.equal((await connections.sweep()).finished, 1);
    assert.equal((await (await connections.forStore('store of a')).getStore())['used'], 'access-late');
  });

  test('an answer that nobody could read is given up after a day where Rulrr does not say any more how the session ended', async () => {
    const { connections, make, upstream, store, clock, events } = bench(plain);
    const dies = make({ clock: { ...clock, after: () => () => {} } });
    upstream.refreshBody = () => ({ success: true, token: 'odd' });
    await dies.open(flowOf('a'));
    void dies.check(flowOf('a')).catch(() => undefined);
    await settle(50);
    upstream.statusFails = true;
    clock.advance(2 * day);
    await connections.sweep();
    assert.deepEqual(
      events.filter(({ type }) => type === 'integration-lost').map(({ flowId }) => flowId),
      ['a'],
    );
    const { status } = upstream.calls;
    clock.advance(day);
    await connections.sweep();
    assert.equal(upstream.calls.status, status, 'there is nothing to ask any more');
    assert.deepEqual(await store.list('flow/'), ['flow/a']);
    clock.advance(89 * day);
    await connections.sweep();
    assert.deepEqual(await store.list('flow/'), []);
  });

  test('what was let go is over for good: no call, no alarm, and the store stays connected', async () => {
    const { clock, connections, upstream, events } = bench();
    await connect(connections);
    clock.advance(2 * day);
    await connections.sweep();
    const calls = upstream.calls.redeem;
    await assert.rejects(connections.check(flowOf('a', 'store')), { code: 'expired' });
    assert.equal(upstream.calls.redeem, calls);
    assert.ok(!events.some(({ type }) => type === 'integration-lost'));
    assert.equal((await connections.connection('store')).connected, true);
  });

  test('tells once of a merchant who gave up, whoever hears of it', async () => {
    const { clock, connections, upstream, events } = bench();
    upstream.status = 'cancelled';
    const told = () => events.filter(({ type }) => type === 'integration-cancelled').map(({ flowId }) => flowId);
    await connections.open(flowOf('polled'));
    await connections.open(flowOf('swept'));
    for (let turn = 0; turn < 3; turn++) {
      assert.deepEqual(await connections.check(flowOf('polled')), { status: 'cancelled' });
      await settle(20);
      clock.advance(2_000);
    }
    assert.deepEqual(told(), ['polled']);
    await connections.sweep();
    assert.deepEqual(told(), ['polled', 'swept']);
  });

  test('many replicas may sweep at once', async () => {
    const { make, upstream } = bench();
    const replicas = Array.from({ length: 5 }, () => make());
    for (let index = 0; index < 20; index++) await replicas[0]!.open(flowOf(`f${index}`));
    await Promise.all(replicas.map((one) => one.sweep()));
    assert.equal(upstream.calls.redeem, 20);
    for (let index = 0; index < 20; index++) {
      assert.equal((await replicas[1]!.connection(`store of f${index}`)).connected, true);
    }
  });

  test('looks through all stores four times a day, whatever the number of replicas and sweeps', async () => {
    const store = memoryTokenStore();
    let looks = 0;
    const { clock, make } = bench({
      ...plain,
      store: {
        ...store,
        list: (prefix, page) => {
          if (prefix === 'store/') looks += 1;
          return store.list(prefix, page);
        },
      },
    });
    const replicas = Array.from({ length: 3 }, () => make());
    await connect(replicas[0]!);
    for (let minute = 0; minute < 24 * 60; minute += 30) {
      for (const one of replicas) await one.sweep();
      clock.advance(30 * 60_000);
    }
    assert.equal(looks, 4);
  });

  test('a replica whose clock is two years ahead keeps no store from being looked through by the others', async () => {
    const { connections, clock, make, upstream } = bench(plain);
    await make({ clock: { ...clock, now: () => clock.now() + 730 * day } }).sweep();
    await connect(connections);
    clock.advance(340 * day);
    await connections.sweep();
    await settle();
    assert.equal(upstream.calls.refresh, 1);
  });

  test('leaves out no session, however many there are', async () => {
    const { connections, upstream } = bench(plain);
    upstream.status = 'pending';
    for (let index = 0; index < 250; index++) await connections.open(flowOf(`f${index}`));
    assert.equal((await connections.sweep()).checked, 250);
  });

  test('forgotten is forgotten: a session that had expired before, and that the merchant finishes after all, brings nothing back', async () => {
    const { clock, upstream, connections } = bench();
    await connect(connections, 'a', 'shop');
    upstream.status = 'pending';
    await connections.open(flowOf('left open', 'shop'));
    clock.advance(2 * 3_600_000);
    await connections.sweep();
    await connections.forget('shop');
    upstream.status = 'finished';
    clock.advance(2_000);
    await assert.rejects(connections.check(flowOf('left open', 'shop')), { code: 'expired' });
    assert.equal((await connections.connection('shop')).connected, false);
  });

  test('an expired session that the merchant finishes after all takes no newer session’s place', async () => {
    const { clock, upstream, connections } = bench();
    upstream.status = 'pending';
    await connections.open(flowOf('left open', 'shop'));
    clock.advance(2 * 3_600_000);
    await connections.sweep();
    upstream.status = 'finished';
    await connect(connections, 'newer', 'shop');
    clock.advance(2_000);
    const calls = upstream.calls.redeem;
    assert.equal((await connections.check(flowOf('left open', 'shop'))).status, 'finished');
    assert.equal(upstream.calls.redeem, calls, 'its tokens were not even asked for');
  });

  test('an expired session that the merchant finishes after all, and whose process dies at it: a sweep completes it that had let it be', async () => {
    const store = memoryTokenStore();
    let dead = false;
    const { clock, upstream, connections } = bench({
      store: {
        ...store,
        put: (key, ...rest) =>
          dead && key.startsWith('store/') ? Promise.reject(new Error('gone')) : store.put(key, ...rest),
      },
    });
    upstream.status = 'pending';
    await connections.open(flowOf('left open', 'shop'));
    clock.advance(2 * 3_600_000);
    await connections.sweep();
    await connections.sweep();
    upstream.status = 'finished';
    clock.advance(2_000);
    dead = true;
    assert.equal((await connections.check(flowOf('left open', 'shop'))).status, 'pending');
    dead = false;
    clock.advance(10 * 60_000);
    assert.equal((await connections.sweep()).finished, 1);
    assert.equal((await connections.connection('shop')).connected, true);
  });

  test('stores whose refresh hangs keep no session waiting: the next sweep completes it', async () => {
    const { clock, upstream, make } = bench(plain);
    const connections = make();
    for (const name of ['a', 'b', 'c']) await connect(connections, name, `store ${name}`);
    clock.advance(340 * day);
    let release = () => {};
    upstream.refreshGate = new Promise((resolve) => (release = resolve));
    const first = connections.sweep();
    await settle(50);
    assert.equal(upstream.calls.refresh, 1, 'it hangs there');
    const startedAt = clock.now();
    await connections.open({ ...flowOf('new'), startedAt, expiresAt: startedAt + 30 * 60_000 });
    let report: { finished: number } | undefined;
    void connections.sweep().then((done) => (report = done));
    await settle(200);
    assert.equal(report?.finished, 1);
    assert.equal((await connections.connection('store of new')).connected, true);
    for (let store = 1; store <= 3; store++) {
      assert.equal(upstream.calls.refresh, store, 'no store is left out');
      await clock.advanceAsync(60_000);
      await settle(50);
    }
    assert.equal((await first).failed, 0);
    release();
  });

  test('a token store that fails while all stores are looked through: the next sweep looks, not one six hours later', async () => {
    let down = false;
    const store = memoryTokenStore();
    const list: TokenStore['list'] = (prefix, ...rest) =>
      down && prefix.startsWith('store/') ? Promise.reject(new Error('down')) : store.list(prefix, ...rest);
    const { clock, upstream, connections } = bench({ store: { ...store, list } });
    await connect(connections);
    clock.advance(340 * day);
    down = true;
    assert.equal((await connections.sweep()).failed, 1);
    down = false;
    clock.advance(30_000);
    await connections.sweep();
    assert.equal(upstream.calls.refresh, 1);
  });

  test('refreshes a store that makes no calls', async () => {
    const { clock, upstream, connections } = bench();
    await connect(connections);
    clock.advance(340 * day);
    await connections.sweep();
    assert.equal(upstream.calls.refresh, 1);
  });
});

describe('after connecting', () => {
  test('a call goes with the store’s token, typed and whole', async () => {
    const { connections, upstream } = bench();
    await connect(connections);
    const api = await connections.forStore('store');
    assert.ok(api instanceof RulrrApi);
    assert.equal((await api.getStore())['used'], 'access-0');
    assert.equal((await api.createOrder({ id: 1 }))['used'], 'access-0');
    assert.equal(upstream.calls.refresh, 0);
    await assert.rejects(connections.forStore('nobody'), { code: 'not_found' });
  });

  test('a server that refuses the list of customers says nothing of the token: no refresh, no second upload', async () => {
    const { connections, upstream, uploads } = bench();
    await connect(connections);
    upstream.settings = { uploadUrl: 'https://bucket.example/list?signature=1' };
    const api = await connections.forStore('store');
    for (const status of [400, 401, 403, 404, 410]) {
      uploads.length = 0;
      upstream.uploadStatus = status;
      await assert.rejects(api.uploadCustomers('name', 'text/csv'), (error: RulrrApiError) => {
        assert.deepEqual([error.status, error.code, error.sent], [status, 'refused', 'answered']);
        assert.match(error.message, /^uploadCustomers: .*upload URL/);
        return true;
      });
      assert.equal(uploads.length, 1);
    }
    assert.equal(upstream.calls.refresh, 0);
  });

  test('refreshes ahead of the end, beside the call, once for all replicas', async () => {
    const { clock, connections, upstream, events, make } = bench();
    await connect(connections);
    clock.advance(280 * day);
    await (await connections.forStore('store')).getStore();
    await settle();
    assert.equal(upstream.calls.refresh, 0, 'too early at 77 %');
    clock.advance(60 * day);
    const replicas = [connections, make(), make(), make()];
    const answers = await Promise.all(
      replicas.flatMap((one) => Array.from({ length: 8 }, async () => (await one.forStore('store')).getStore())),
    );
    assert.equal(answers.length, 32);
    await settle();
    assert.equal(upstream.calls.refresh, 1);
    assert.equal((await (await connections.forStore('store')).getStore())['used'], 'access-1');
    assert.equal(events.filter(({ type }) => type === 'token-refreshed').length, 1);
  });

  test('a store that made no call for longer than its token lives goes on with a new one at once', async () => {
    const { clock, connections, upstream } = bench(plain);
    await connect(connections);
    clock.advance(400 * day);
    assert.equal((await (await connections.forStore('store')).getStore())['used'], 'access-1');
    assert.deepEqual([upstream.calls.refresh, upstream.calls.data], [1, 1], 'no call with the token that has ended');
  });

  test('stores refresh at moments of their own', async () => {
    const { clock, connections, upstream } = bench();
    for (let index = 0; index < 40; index++) await connect(connections, `f${index}`, `store ${index}`);
    const dueAt: number[] = [];
    for (let at = 280; at <= 340; at++) {
      clock.advance((at === 280 ? 280 : 1) * day);
      const before = upstream.calls.refresh;
      for (let index = 0; index < 40; index++) await (await connections.forStore(`store ${index}`)).getStore();
      await settle(20);
      if (upstream.calls.refresh > before) dueAt.push(at);
    }
    assert.equal(upstream.calls.refresh, 40);
    assert.ok(dueAt.length > 8, `on ${dueAt.length} different days`);
  });

  for (const status of [403, 401]) {
    test(`a ${status} is answered by one refresh and one more try`, async () => {
      const { connections, upstream } = bench();
      await connect(connections);
      upstream.revokedStatus = status;
      upstream.revoked.add('access-0');
      const api = await connections.forStore('store');
      assert.equal((await api.getStore())['used'], 'access-1');
      assert.deepEqual(upstream.calls, { status: 1, redeem: 1, refresh: 1, data: 2 });
    });
  }

  test('a store that is refused for good costs one refresh a minute, not one a call', async () => {
    const { connections, upstream, clock } = bench();
    await connect(connections);
    for (let generation = 0; generation < 50; generation++) upstream.revoked.add(`access-${generation}`);
    const api = await connections.forStore('store');
    for (let call = 0; call < 20; call++) {
      await assert.rejects(api.getStore(), (error: unknown) => error instanceof RulrrApiError && error.status === 403);
      clock.advance(1_000);
    }
    assert.ok(upstream.calls.refresh <= 1, `${upstream.calls.refresh} refreshes`);
  });

  test('a refusal that a clock gone wrong has dated far ahead holds up no later refresh', async () => {
    const { connections, upstream, clock, make } = bench();
    await connect(connections);
    upstream.revoked.add('access-0');
    const ahead = make({ clock: { ...clock, now: () => clock.now() + 30 * day } });
    await (await ahead.forStore('store')).getStore();
    const api = await connections.forStore('store');
    assert.equal((await api.getStore())['used'], 'access-1');
    clock.advance(day);
    upstream.revoked.add('access-1');
    assert.equal((await api.getStore())['used'], 'access-2');
  });

  test('the old pair works on until the new one has worked once', async () => {
    const { connections, upstream, clock } = bench();
    await connect(connections);
    clock.advance(340 * day);
    upstream.revoked.add('access-1');
    const api = await connections.forStore('store');
    await api.getStore();
    await settle();
    assert.equal(upstream.calls.refresh, 1);
    assert.equal((await api.getStore())['used'], 'access-0', 'the new one was refused, the old one stands again');
    assert.equal((await api.getStore())['used'], 'access-0');
    assert.equal(upstream.calls.refresh, 1);
  });

  test('a pair that had to stand back is kept: its refresh token may be the only good one', async () => {
    const { connections, upstream, clock } = bench();
    await connect(connections);
    clock.advance(340 * day);
    upstream.expiration = new Date(clock.now() + 365 * day).toISOString();
    upstream.revoked.add('access-1');
    const api = await connections.forStore('store');
    await api.getStore();
    await settle();
    for (let call = 0; call < 3; call++) assert.equal((await api.getStore())['used'], 'access-0');
    // Rulrr has come round to the new pair, and ends the old one.
    upstream.revoked.delete('access-1');
    upstream.revoked.add('access-0');
    upstream.refreshBody = null;
    assert.equal((await api.getStore())['used'], 'access-1');
  });

  test('a new pair that is refused at first is tried again, later and later: the refresh token that brought it works once', async () => {
    const { connections, upstream, clock } = bench();
    await connect(connections);
    clock.advance(340 * day);
    upstream.expiration = new Date(clock.now() + 365 * day).toISOString();
    upstream.revoked.add('access-1');
    const api = await connections.forStore('store');
    for (let minute = 0; minute < 24 * 60; minute++) {
      assert.equal((await api.getStore())['used'], 'access-0');
      await settle();
      clock.advance(60_000);
    }
    // Its first call, and at each further try of the new pair one more.
    assert.ok(upstream.calls.data < 24 * 60 + 20, `${upstream.calls.data} calls`);
    // Rulrr has come round to it.
    upstream.revoked.delete('access-1');
    clock.advance(7 * 3_600_000);
    await api.getStore();
    await settle();
    upstream.revoked.add('access-0');
    assert.equal((await api.getStore())['used'], 'access-1');
    assert.equal(upstream.calls.refresh, 1);
  });

  test('a new pair that has worked and is refused later is refreshed, as the first was', async () => {
    const { connections, upstream, clock } = bench();
    await connect(connections);
    clock.advance(340 * day);
    upstream.expiration = new Date(clock.now() + 365 * day).toISOString();
    const api = await connections.forStore('store');
    await api.getStore();
    await settle();
    assert.equal((await api.getStore())['used'], 'access-1');
    for (const token of ['access-0', 'access-1']) upstream.revoked.add(token);
    assert.equal((await api.getStore())['used'], 'access-2');
  });

  test('a second try that is unclear is told as unclear, not as the refusal of the first', async () => {
    const { connections, upstream, clock, api: raw } = bench();
    await connect(connections);
    clock.advance(340 * day);
    upstream.revoked.add('access-1');
    const api = await connections.forStore('store');
    await api.getStore();
    await settle();
    const { withAccessToken } = raw;
    raw.withAccessToken = (token) => {
      const client = withAccessToken.call(raw, token);
      if (token === 'access-0')
        client.createOrder = () =>
          Promise.reject(new RulrrApiError('createOrder', 'connection_lost', { sent: 'unclear' }));
      return client;
    };
    await assert.rejects((await connections.forStore('store')).createOrder({ id: 1 }), { code: 'connection_lost' });
  });

  test('a call that was on its way while its token was replaced goes out once more with the new one', async () => {
    const { connections, upstream, clock, make } = bench();
    await connect(connections);
    const api = await connections.forStore('store');
    let release = () => {};
    upstream.dataGate = new Promise((resolve) => (release = resolve));
    const call = api.getStore();
    await settle();
    clock.advance(340 * day);
    await make().sweep();
    upstream.revoked.add('access-0');
    release();
    assert.equal((await call)['used'], 'access-1');
    assert.equal(upstream.calls.refresh, 1);
  });

  test('refused while another replica refreshes: waits for its token, and asks for none beside it', async () => {
    const { connections, upstream, clock, make } = bench(plain);
    await connect(connections);
    upstream.revoked.add('access-0');
    let release = () => {};
    upstream.refreshGate = new Promise((resolve) => (release = resolve));
    const first = (await connections.forStore('store')).getStore();
    await settle(20);
    const second = (await make().forStore('store')).getStore();
    await settle(20);
    await clock.advanceAsync(5_000);
    release();
    await settle(20);
    await clock.advanceAsync(1_000);
    for (const call of [first, second]) assert.equal((await call)['used'], 'access-1');
    assert.equal(upstream.calls.refresh, 1);
  });

  test('refused while the refresh of another replica hangs: no call waits for it for more than twenty seconds', async () => {
    const { connections, upstream, clock, make } = bench(plain);
    await connect(connections);
    upstream.revoked.add('access-0');
    let release = () => {};
    upstream.refreshGate = new Promise((resolve) => (release = resolve));
    const refused: unknown[] = [];
    for (const one of [connections, make()]) {
      void (await one.forStore('store')).getStore().catch((error: RulrrApiError) => refused.push(error.status));
      await settle(20);
    }
    for (let second = 0; second < 21; second++) {
      await clock.advanceAsync(1_000);
      await settle(5);
    }
    assert.deepEqual(refused, [403, 403]);
    // Nor does any that comes later: each would keep a customer waiting, and in vain.
    await assert.rejects((await make().forStore('store')).getStore(), { status: 403 });
    assert.equal(upstream.calls.refresh, 1);
    release();
  });

  test('a refreshed token that the store does not take at once is kept until it does', async () => {
    const store = memoryTokenStore();
    let down = false;
    const { connections, upstream, clock, events, make } = bench({
      ...plain,
      store: { ...store, put: (...args) => (down ? Promise.reject(new Error('down')) : store.put(...args)) },
    });
    await connect(connections);
    clock.advance(340 * day);
    let release = () => {};
    upstream.refreshGate = new Promise((resolve) => (release = resolve));
    const api = await connections.forStore('store');
    assert.equal((await api.getStore())['used'], 'access-0');
    await settle(20);
    down = true;
    release();
    for (let second = 0; second < 60; second++) {
      await settle(2);
      await clock.advanceAsync(1_000);
    }
    assert.ok(events.some(({ type }) => type === 'save-retried'));
    down = false;
    await clock.advanceAsync(10_000);
    await settle(20);
    // Rulrr has ended the pair before with that.
    upstream.revoked.add('access-0');
    assert.equal((await (await make().forStore('store')).getStore())['used'], 'access-1');
    assert.equal(upstream.calls.refresh, 1);
  });

  test('a refresh that brings no refresh token keeps the old one, and what was known of e-receipts', async () => {
    const { connections, upstream, clock } = bench();
    await connect(connections);
    upstream.refreshBody = (generation) => ({
      success: true,
      accessToken: `access-${generation}`,
      expiration: new Date(clock.now() + 365 * day).toISOString(),
    });
    for (const round of [1, 2]) {
      clock.advance(340 * day);
      const api = await connections.forStore('store');
      await api.getStore();
      await settle();
      assert.equal((await api.getStore())['used'], `access-${round}`);
      assert.equal((await connections.connection('store')).ereceipt, true);
    }
    assert.equal(upstream.calls.refresh, 2);
  });

  test('a refreshed token that the store never takes: who stops the process is told that one is lost', async () => {
    const store = memoryTokenStore();
    let down = false;
    const { connections, upstream, clock, events } = bench({
      ...plain,
      store: { ...store, put: (...args) => (down ? Promise.reject(new Error('down')) : store.put(...args)) },
    });
    await connect(connections);
    clock.advance(340 * day);
    let release = () => {};
    upstream.refreshGate = new Promise((resolve) => (release = resolve));
    await (await connections.forStore('store')).getStore();
    await settle(20);
    down = true;
    release();
    await settle(20);
    const closing = connections.close();
    for (let second = 0; second < 70; second++) await clock.advanceAsync(1_000);
    await closing;
    assert.deepEqual(
      events.filter(({ type }) => type === 'tokens-unsaved').map(({ count }) => count),
      [1],
    );
    assert.ok(!events.some(({ type }) => type === 'refresh-failed'), 'Rulrr has answered well');
  });

  test('a store whose tokens came without one to refresh them: nothing is asked of Rulrr that cannot come off', async () => {
    const { connections, upstream, clock, events } = bench(plain);
    upstream.refreshBody = () => ({ success: true, accessToken: 'access-0', expiration: upstream.expiration });
    await connect(connections);
    clock.advance(340 * day);
    const api = await connections.forStore('store');
    assert.equal((await api.getStore())['used'], 'access-0');
    upstream.revoked.add('access-0');
    await assert.rejects(api.getStore(), { status: 403 });
    await connections.sweep();
    await settle(20);
    assert.equal(upstream.calls.refresh, 0);
    assert.ok(!events.some(({ type }) => type === 'refresh-failed'));
  });

  test('a refresh that comes in after the store was connected anew replaces nothing', async () => {
    const { connections, upstream, clock } = bench();
    await connect(connections);
    clock.advance(340 * day);
    let release = () => {};
    upstream.refreshGate = new Promise((resolve) => (release = resolve));
    const api = await connections.forStore('store');
    await api.getStore();
    await settle();
    const body = upstream.refreshBody!;
    upstream.refreshBody = (generation) => ({ ...(body(generation) as object), accessToken: 'access-new' });
    await connect(connections, 'b', 'store');
    upstream.refreshBody = body;
    release();
    await settle();
    for (let call = 0; call < 2; call++) assert.equal((await api.getStore())['used'], 'access-new');
  });

  test('an answer to a refresh that nobody can read is kept until somebody can', async () => {
    const { connections, upstream, clock, events, make } = bench();
    await connect(connections);
    clock.advance(340 * day);
    upstream.refreshBody = (generation) => ({ token: { a: `other-${generation}`, r: 'r' } });
    const api = await connections.forStore('store');
    await api.getStore();
    await settle();
    assert.equal((await api.getStore())['used'], 'access-0');
    assert.deepEqual(
      events.filter(({ type }) => type.includes('refresh')).map(({ type, code }) => [type, code]),
      [['refresh-failed', 'not-understood']],
    );
    // Rulrr has ended the old refresh token with that.
    upstream.refreshBody = null;
    clock.advance(day);
    await connections.sweep();
    assert.equal((await api.getStore())['used'], 'access-0');
    const parseRefresh = ({ token }: Record<string, unknown>) => {
      const { a, r } = token as Record<string, string>;
      return { accessToken: a, refreshToken: r, expiration: '2099', ereceipt: true } as never;
    };
    const released = make({ parseRefresh });
    clock.advance(7 * 3_600_000);
    await released.sweep();
    assert.equal((await (await released.forStore('store')).getStore())['used'], 'other-1');
  });

  test('so it is when another comes after it that says nothing at all', async () => {
    const { connections, upstream, clock, make } = bench();
    await connect(connections);
    clock.advance(340 * day);
    for (const body of [{ token: 'other' }, { success: true }]) {
      upstream.refreshBody = () => body;
      await connections.sweep();
      clock.advance(7 * 3_600_000);
    }
    assert.equal(upstream.calls.refresh, 2, 'it is asked again, with the old token');
    const parseRefresh = ({ token }: Record<string, unknown>) =>
      (token ? { accessToken: token, refreshToken: 'r', expiration: '2099', ereceipt: true } : null) as never;
    const released = make({ parseRefresh });
    await released.sweep();
    assert.equal((await (await released.forStore('store')).getStore())['used'], 'other');
  });

  test('while a refresh stalls no second one is sent, by no replica; its late answer is taken', async () => {
    const { connections, upstream, clock, make } = bench(plain);
    await connect(connections);
    clock.advance(340 * day);
    let release = () => {};
    upstream.refreshGate = new Promise((resolve) => (release = resolve));
    const replicas = [connections, make(), make()];
    for (let minute = 0; minute < 8; minute++) {
      for (const one of replicas) assert.equal((await (await one.forStore('store')).getStore())['used'], 'access-0');
      await settle(20);
      clock.advance(60_000);
    }
    assert.equal(upstream.calls.refresh, 1);
    release();
    await settle();
    for (const one of replicas) assert.equal((await (await one.forStore('store')).getStore())['used'], 'access-1');
    assert.equal(upstream.calls.refresh, 1);
  });

  for (const apart of [-0.2, 0.2, -15, 15, -120, 120, -600, 600]) {
    test(`a replica whose clock is ${apart} s apart sends no second refresh beside the first`, async () => {
      const { connections, upstream, clock, make } = bench(plain);
      await connect(connections);
      clock.advance(340 * day);
      let release = () => {};
      upstream.refreshGate = new Promise((resolve) => (release = resolve));
      const other = make({ clock: { ...clock, now: () => clock.now() + apart * 1_000 } });
      for (const one of [connections, other]) {
        await (await one.forStore('store')).getStore();
        await settle(20);
      }
      assert.equal(upstream.calls.refresh, 1);
      release();
      await settle(20);
      assert.equal((await (await other.forStore('store')).getStore())['used'], 'access-1');
    });
  }

  test('a stalled refresh that ends badly, or whose process died, leaves the way free again, to the process itself too', async () => {
    for (const [dies, alone] of [
      [false, false],
      [false, true],
      [true, false],
    ]) {
      const { connections, upstream, clock, make } = bench(plain);
      await connect(connections);
      clock.advance(340 * day);
      let release = () => {};
      upstream.refreshGate = new Promise((resolve) => (release = resolve));
      await (await connections.forStore('store')).getStore();
      await settle(20);
      clock.advance(25_000);
      await settle(20);
      const body = upstream.refreshBody;
      if (!dies) {
        upstream.refreshBody = null;
        release();
        await settle();
        upstream.refreshBody = body;
      }
      upstream.refreshGate = Promise.resolve();
      clock.advance(1_200_000);
      const other = await (alone ? connections : make()).forStore('store');
      await other.getStore();
      await settle();
      assert.equal((await other.getStore())['used'], 'access-1', dies ? 'died' : 'failed');
      assert.equal(upstream.calls.refresh, 2);
      release();
    }
  });

  test('an answer of another shape that was saved and not read is read by whoever comes next', async () => {
    const parseRefresh = ({ a, r }: Record<string, unknown>) =>
      ({ accessToken: a, refreshToken: r, expiration: '2099', ereceipt: true }) as never;
    const { connections, upstream, clock } = bench({ parseRefresh });
    await connect(connections);
    clock.advance(340 * day);
    // The client of this bench does not know the shape: it saves the answer, and fails as if it had died there.
    upstream.refreshBody = (generation) => ({ a: `other-${generation}`, r: 'r' });
    const api = await connections.forStore('store');
    await api.getStore();
    await settle();
    assert.equal((await api.getStore())['used'], 'other-1');
  });

  test('a session that a clock gone wrong has claimed from far ahead is held up by nobody', async () => {
    const { connections, clock, make } = bench(plain);
    const flow = flowOf('a', 'store');
    await connections.open(flow);
    // Its replica gets no further than to the claim.
    const stuck = new RulrrApi({
      apiBaseUrl: 'https://api.example',
      clientId: 'client',
      clientSecret: 'canary-secret',
      fetch: async (input) =>
        String(input).includes('/token?')
          ? new Promise<Response>(() => {})
          : Response.json({ success: true, status: 'finished' }),
    });
    const ahead = make({ api: stuck, clock: { ...clock, now: () => clock.now() + 365 * day } });
    void ahead.check(flow);
    await settle();
    assert.equal((await connections.check(flow)).status, 'finished');
  });

  test('a pause that a clock gone wrong has set far ahead holds nothing up', async () => {
    const { connections, upstream, clock, make } = bench();
    await connect(connections);
    const body = upstream.refreshBody;
    upstream.refreshBody = null;
    const ahead = make({ clock: { ...clock, now: () => clock.now() + 700 * day } });
    await (await ahead.forStore('store')).getStore();
    await settle();
    assert.equal(upstream.calls.refresh, 1);
    upstream.refreshBody = body;
    clock.advance(340 * day);
    const api = await connections.forStore('store');
    await api.getStore();
    await settle();
    assert.equal((await api.getStore())['used'], 'access-1');
  });

  test('a refresh that fails leaves the pair as it is, and pauses', async () => {
    const { connections, upstream, clock, events } = bench();
    await connect(connections);
    clock.advance(340 * day);
    upstream.refreshBody = null;
    const api = await connections.forStore('store');
    for (let call = 0; call < 10; call++) {
      assert.equal((await api.getStore())['used'], 'access-0');
      await settle(20);
      clock.advance(1_000);
    }
    assert.equal(upstream.calls.refresh, 1);
    assert.equal(events.filter(({ type }) => type === 'refresh-failed').length, 1);
  });

  test('the longer refreshes fail, the longer the pauses between them: a store in use for a day costs few', async () => {
    const { connections, upstream, clock } = bench(plain);
    await connect(connections);
    clock.advance(340 * day);
    upstream.refreshBody = null;
    const api = await connections.forStore('store');
    for (let minute = 0; minute < 24 * 60; minute += 10) {
      assert.equal((await api.getStore())['used'], 'access-0');
      await settle(10);
      clock.advance(600_000);
    }
    assert.ok(upstream.calls.refresh > 3 && upstream.calls.refresh <= 20, `${upstream.calls.refresh} refreshes`);
  });

  for (const expiration of [
    '2001-01-01T00:00:00Z',
    'soon',
    '',
    0,
    -5,
    1e18,
    '9999999999999999',
    null,
    {},
    '2026-11-24T00:00:30.000Z',
  ]) {
    test(`an odd expiration (${JSON.stringify(expiration)}) causes no refresh`, async () => {
      const { connections, upstream, clock } = bench();
      upstream.expiration = expiration;
      await connect(connections);
      const api = await connections.forStore('store');
      for (let call = 0; call < 30; call++) {
        await api.getStore();
        await settle(5);
        clock.advance(day);
      }
      assert.equal(upstream.calls.refresh, 0);
    });
  }

  test('e-receipts on or off are read anew, minutes apart', async () => {
    let reads = 0;
    const { connections, upstream, clock, events } = bench({
      readEreceipt: async (api) => {
        reads += 1;
        const { receipts } = await api.getStore();
        if (receipts === 'broken') throw new Error('canary-hook');
        return receipts as boolean | undefined;
      },
    });
    await connect(connections);
    assert.equal(
      (await connections.connection('store')).ereceipt,
      true,
      'the settings do not say: what came with the tokens holds',
    );
    upstream.settings = { receipts: false };
    assert.equal((await connections.connection('store')).ereceipt, true);
    assert.equal(reads, 1);
    clock.advance(6 * 60_000);
    assert.equal((await connections.connection('store')).ereceipt, false);
    upstream.settings = { receipts: 'broken' };
    clock.advance(6 * 60_000);
    for (let call = 0; call < 5; call++) assert.equal((await connections.connection('store')).ereceipt, false);
    assert.equal(reads, 3);
    assert.deepEqual(
      events.filter(({ type }) => type === 'hook-failed').map(({ hook, code }) => [hook, code]),
      [['readEreceipt', 'Error']],
    );
  });

  test('a hook that throws at once is asked again later', async () => {
    let broken = true;
    const { connections, clock } = bench({
      readEreceipt() {
        if (broken) throw new Error('canary-hook');
        return false;
      },
    });
    await connect(connections);
    assert.equal((await connections.connection('store')).ereceipt, true);
    broken = false;
    clock.advance(6 * 60_000);
    assert.equal((await connections.connection('store')).ereceipt, false);
  });
});

describe('the answer with the tokens', () => {
  test('is read leniently: what holds an access token is kept', () => {
    assert.deepEqual(parseTokens('{"accessToken":"a"}'), { accessToken: 'a', expiration: null });
    assert.deepEqual(parseTokens('{"accessToken":"a","refreshToken":"r","expiration":1795000000,"ereceipt":false}'), {
      accessToken: 'a',
      refreshToken: 'r',
      expiration: new Date(1_795_000_000_000).toISOString(),
      ereceipt: false,
    });
    for (const bad of [
      '',
      'null',
      '[]',
      '5',
      '{}',
      '{"accessToken":""}',
      '{"accessToken":5}',
      '{"success":false,"accessToken":"a"}',
      '{"accessToken":"a"',
    ]) {
      assert.equal(parseTokens(bad), null, bad);
    }
  });
  test('expiration: text verbatim, numbers as seconds or milliseconds', () => {
    assert.equal(expirationText('2027-01-01'), '2027-01-01');
    assert.equal(expirationText(1_795_000_000), expirationText(1_795_000_000_000));
    assert.equal(expirationText(undefined), null);
    assert.equal(lifeOf('2027-11-24T00:00:00Z', Date.UTC(2026, 10, 24)), 365 * day);
    assert.equal(lifeOf(String(Date.UTC(2026, 10, 25) / 1000), Date.UTC(2026, 10, 24)), day);
  });
  test('expiration: a page can read every number as a time, in quotes or far ahead', () => {
    for (const seconds of [1_795_000_000, '1795000000', '1795000000.0', '1795000000000'])
      assert.equal(expirationText(seconds), '2026-11-18T11:06:40.000Z', String(seconds));
    const never = '9999-12-31T23:59:59.000Z';
    for (const number of [Date.parse(never), Date.parse(never) / 1000]) assert.equal(expirationText(number), never);
    assert.equal(expirationText(1e300), null);
    // Years and dates without dashes are no count of seconds.
    for (const text of ['2099', '20271124', '20271124000000']) assert.equal(expirationText(text), text);
  });
});

test('no event, refusal or inspection holds a secret', async () => {
  const store: TokenStore = memoryTokenStore();
  let failing = false;
  const brittle: TokenStore = {
    ...store,
    put: (...args) => (failing ? Promise.reject(new Error('canary-connection-string')) : store.put(...args)),
  };
  const { connections, upstream, events, clock } = bench({ store: brittle });
  const texts: string[] = [];
  const note = (value: unknown) =>
    texts.push(inspect(value, { depth: 20, showHidden: true }), JSON.stringify(value) ?? '');
  await connect(connections);
  const api = await connections.forStore('store');
  note(api);
  upstream.revoked.add('access-0').add('access-1');
  await api.getStore().catch(note);
  upstream.statusFails = true;
  await connections.check(flowOf('b')).catch(note);
  failing = true;
  await connections.open(flowOf('c')).catch(note);
  await connections.forget('store').catch(note);
  clock.advance(1_000);
  note(events);
  note(connections);
  assert.ok(events.length > 3);
  for (const text of texts) assert.doesNotMatch(text, /canary|access-\d|refresh-\d|api\.example/);
});
