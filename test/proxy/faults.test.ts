import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { RulrrApi } from '../../src/api/index.js';
import { createConnections, type Connections, type ConnectionsOptions } from '../../src/proxy/connections.js';
import type { ProxyEvent } from '../../src/proxy/events.js';
import type { Flow } from '../../src/proxy/flow.js';
import { Refusal } from '../../src/proxy/refusal.js';
import { faultyTokenStore } from '../../src/proxy/stores/conformance.js';
import { libsqlTokenStore } from '../../src/proxy/stores/libsql.js';
import { memoryTokenStore } from '../../src/proxy/stores/memory.js';
import type { TokenStore } from '../../src/proxy/stores/token-store.js';
import { lifeOf, parseTokens } from '../../src/proxy/tokens-answer.js';
import { systemClock, type Clock } from '../../src/shared/clock.js';
import { fakeClock } from '../support/fake-clock.js';
import { withoutInvalidHosts } from '../support/invalid-hosts.js';
import {
  answer,
  goodBody,
  startFaultServer,
  type Exchange,
  type Fault,
  type FaultServer,
} from './support/fault-server.js';

/** The real timing, made short. */
const timing = {
  lease: 400,
  attempt: 5_000,
  grace: 800,
  retries: [10, 20, 40, 80, 160],
  saves: [10, 20, 40],
  cooldown: 100,
};
/** The time of the calls' own deadlines stands still, since the machine may be busy: no call runs out of it but one that stalls. */
const deadlines = fakeClock();
const deadlineMs = 5_000;
const stalls = () => deadlines.advance(deadlineMs);
/** Where replicas share the work and nothing fails: nobody takes over from anybody. */
const unhurried = { ...timing, lease: 20_000, grace: 30_000 };
/** For verdicts that wait for nobody. */
const unending = { ...timing, grace: 3_600_000 };
const keys = ['k'.repeat(32)];

let server: FaultServer;
before(async () => {
  server = await startFaultServer();
});
after(() => server.close());
beforeEach(() => {
  server.faults = [];
  server.statusFaults = [];
  server.secret = 'secret';
  server.body = goodBody;
  server.framed = true;
  server.delayMs = 0;
  server.calls.status = server.calls.token = 0;
});

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
let made = 0;
function flowOf(storeId = `store-${made}`): Flow {
  const name = `flow-${made++}`;
  return { flowId: name, storeId, integrationToken: name, startedAt: Date.now(), expiresAt: Date.now() + 600_000 };
}

interface Bench {
  connections: Connections;
  events: Omit<ProxyEvent, 'at'>[];
  store: TokenStore;
}

interface BenchOptions {
  store?: TokenStore;
  fetch?: typeof fetch;
  clientSecret?: string;
  clock?: Clock;
  options?: Partial<ConnectionsOptions>;
}

function bench({
  store = memoryTokenStore(),
  fetch,
  clientSecret = 'secret',
  clock = systemClock,
  options,
}: BenchOptions = {}): Bench {
  const events: Omit<ProxyEvent, 'at'>[] = [];
  const api = new RulrrApi({
    apiBaseUrl: server.url,
    clientId: 'client',
    clientSecret,
    fetch,
    clock: deadlines,
    redeemTimeoutMs: deadlineMs,
    timeoutMs: deadlineMs,
  });
  const connections = createConnections({
    api,
    store,
    keys,
    clock,
    emit: (event) => events.push(event),
    statusTtlMs: 20,
    budgetPerSecond: 1e6,
    redeemWaitMs: 50,
    redemption: timing,
    ...options,
  });
  return { connections, events, store };
}

/** Waits for an outcome. Looks are counted, and no seconds: a busy machine gets as many. */
async function eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let looks = 0; !(await holds()); await pause(5)) assert.ok(looks++ < 2000, what);
}

/** Polls as an element does, until there is an end. */
async function endOf(
  connections: Connections,
  flow: Flow,
  polls = 500,
): Promise<'stored' | 'lost' | 'cancelled' | 'stuck'> {
  for (; polls > 0; polls--, await pause(20)) {
    try {
      const { status } = await connections.check(flow);
      if (status === 'finished') {
        assert.equal((await connections.connection(flow.storeId)).connected, true, 'finished means stored');
        return 'stored';
      }
      if (status === 'cancelled') return status;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.code === 'tokens_lost') return 'lost';
    }
  }
  return 'stuck';
}

async function ends(faults: Fault[], options: BenchOptions = {}) {
  server.faults = [...faults];
  const flow = flowOf();
  const { connections, events } = bench(options);
  await connections.open(flow);
  const end = await endOf(connections, flow);
  await connections.close();
  assert.equal(server.issued.has(flow.integrationToken) || end !== 'stored', true);
  return { end, events };
}

const reset = (socket: Socket) => socket.resetAndDestroy();
/** The fault with the tokens still at Rulrr, and with the tokens given out and lost on the wire. */
const consumed =
  (fault: Fault): Fault =>
  (exchange) => {
    exchange.take();
    fault(exchange);
  };
const says =
  (status: number, body = '{}', headers: Record<string, string> = {}): Fault =>
  ({ socket }) =>
    void socket.end(answer(status, body, headers));

/** Sends redeem calls somewhere else, `times` times. */
function detour(origin: () => string, times: number): typeof fetch {
  let left = times;
  return (input, init) => {
    const url = new URL(String(input));
    if (!url.pathname.endsWith('/integration/token') || left-- <= 0) return fetch(input, init);
    return fetch(`${origin()}${url.pathname}${url.search}`, init);
  };
}

describe('surely unsent: tried again until it is stored', () => {
  test('DNS failure', async (t) => {
    withoutInvalidHosts(t);
    assert.equal((await ends([], { fetch: detour(() => 'https://api.something.invalid', 3) })).end, 'stored');
  });
  test('connection refused', async () => {
    const tcp = createServer().listen(0, '127.0.0.1');
    await once(tcp, 'listening');
    const { port } = tcp.address() as AddressInfo;
    tcp.close();
    await once(tcp, 'close');
    assert.equal((await ends([], { fetch: detour(() => `http://127.0.0.1:${port}`, 3) })).end, 'stored');
  });
  test('TLS failure', async () => {
    assert.equal((await ends([], { fetch: detour(() => `https://127.0.0.1:${server.port}`, 3) })).end, 'stored');
  });
  test('connect hang', async (t) => {
    // A stopped process with a full backlog: the handshake of any further connection gets no answer.
    const script = `const s = require('net').createServer().listen({port: 0, host: '127.0.0.1', backlog: 1}, () => console.log(s.address().port))`;
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] });
    const port = Number(String((await once(child.stdout, 'data'))[0]));
    child.kill('SIGSTOP');
    const fillers = Array.from({ length: 4 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
    t.after(() => {
      for (const filler of fillers) filler.destroy();
      child.kill('SIGKILL');
    });
    await pause(100);
    const hangs = detour(() => {
      setTimeout(stalls, 100);
      return `http://127.0.0.1:${port}`;
    }, 1);
    assert.equal((await ends([], { fetch: hangs })).end, 'stored');
  });
});

describe('unclear on the wire: stored if Rulrr still has the tokens, connect again if they are gone', () => {
  const faults: Record<string, Fault> = {
    'reset before the answer': ({ socket }) => reset(socket),
    'close before the answer': ({ socket }) => socket.destroy(),
    'half-close before the answer': ({ socket }) => socket.end(),
    'header stall': stalls,
    'stall in the headers': ({ socket }) =>
      void socket.write('HTTP/1.1 200 OK\r\nContent-Type: appl', () => setTimeout(stalls, 20)),
    garbage: ({ socket }) => void socket.end('\u0000\u0001SSH-2.0-nothing like HTTP\r\n\r\n'),
    'a page of somebody else': says(200, '<html>Sign in to the network</html>', { 'Content-Type': 'text/html' }),
    'bad JSON': says(200, '{"success": true, "accessToken": "cut'),
    'an empty 200': says(200, ''),
    'success: false': says(200, '{"success": false}'),
    'oversized answer': ({ socket }) => void socket.end(answer(200, 'x'.repeat(2 * 1024 * 1024))),
  };
  for (const [name, fault] of Object.entries(faults)) {
    test(`${name}, nothing given out`, async () => {
      assert.equal((await ends([fault, fault])).end, 'stored');
    });
    test(`${name}, tokens given out`, async () => {
      const { end, events } = await ends([consumed(fault)]);
      assert.equal(end, 'lost');
      assert.equal(events.filter(({ type }) => type === 'integration-lost').length, 1);
    });
  }

  test('an answer cut at every byte ends stored or lost: never stuck, never false', async () => {
    const kinds = [
      { framed: true, close: (socket: Socket) => socket.end() },
      { framed: true, close: reset },
      // Without a length, the end of the connection is all there is to go by.
      { framed: false, close: (socket: Socket) => socket.end() },
    ];
    for (const { framed, close } of kinds) {
      server.framed = framed;
      const whole = answer(200, goodBody('flow-0000'), {}, framed);
      const { connections } = bench({ options: { redeemWaitMs: 3_000 } });
      const queue = Array.from({ length: whole.length }, (_, cut) => cut);
      const results: Record<string, number> = {};
      const worker = async () => {
        for (let cut = queue.shift(); cut !== undefined; cut = queue.shift()) {
          const flow = flowOf();
          const fault: Fault = ({ socket, take }) => {
            const text = take();
            socket.write(text.slice(0, Math.round((cut / whole.length) * text.length)), () =>
              setTimeout(() => close(socket), 5),
            );
          };
          cutAt.set(flow.integrationToken, fault);
          const end = await endOf(connections, flow, 100);
          results[end] = (results[end] ?? 0) + 1;
          if (cut < whole.length - 1 && end === 'stored') {
            assert.fail(`stored from an answer cut at ${cut} of ${whole.length}`);
          }
        }
      };
      const cutAt = new Map<string, Fault>();
      server.faults = new Proxy<Fault[]>([], {
        get: (target, name) =>
          name === 'shift'
            ? () => (exchange: Exchange) => {
                const fault = cutAt.get(exchange.token);
                cutAt.delete(exchange.token);
                if (fault) fault(exchange);
                else exchange.socket.end(exchange.take());
              }
            : Reflect.get(target, name),
      });
      await Promise.all(Array.from({ length: 150 }, worker));
      await connections.close();
      // Names differ by a character or two, so the last bytes may be the whole answer already.
      assert.ok((results['lost'] ?? 0) >= whole.length - 3, JSON.stringify(results));
      assert.equal((results['lost'] ?? 0) + (results['stored'] ?? 0), whole.length, JSON.stringify(results));
      server.faults = [];
      assert.equal((await ends([({ socket, take }) => void socket.write(take(), () => socket.end())])).end, 'stored');
    }
  });

  test('an answer in drips is stored', async () => {
    const drip: Fault = ({ socket, take }) => {
      const text = take();
      let at = 0;
      const timer = setInterval(() => {
        socket.write(text.slice(at, (at += 20)));
        if (at >= text.length) {
          clearInterval(timer);
          socket.end();
        }
      }, 10);
    };
    assert.equal((await ends([drip])).end, 'stored');
  });
});

describe('answers that are odd and hold the tokens are stored', () => {
  test('wrong content type', async () => {
    const wrong: Fault = ({ socket, take }) =>
      void socket.end(take().replace('application/json', 'text/html; charset=utf-8'));
    assert.equal((await ends([wrong])).end, 'stored');
  });
  test('fields missing, mistyped and added', async () => {
    server.body = (token) =>
      JSON.stringify({ accessToken: `access-${token}`, refreshToken: 5, expiration: 1_795_000_000, extra: [{}] });
    const flow = flowOf();
    const { connections } = bench();
    assert.equal(await endOf(connections, flow), 'stored');
    const { ereceipt, expiration } = await connections.connection(flow.storeId);
    assert.deepEqual([ereceipt, expiration], [false, new Date(1_795_000_000_000).toISOString()]);
  });
  test('what is empty or mistyped beside them counts as not there: no refresh with it, no time that a page would show', () => {
    for (const [refreshToken, expiration, ereceipt] of [
      ['', '', 'yes'],
      [5, true, 1],
      [null, null, null],
      [{}, [], {}],
    ])
      assert.deepEqual(parseTokens(JSON.stringify({ accessToken: 'a', refreshToken, expiration, ereceipt })), {
        accessToken: 'a',
        expiration: null,
      });
  });
  test('an end that has passed, is close or is ages away is taken for a year: it is neither refreshed at each call nor never', () => {
    const now = Date.UTC(2026, 10, 24);
    const year = 365 * 86_400_000;
    for (const odd of [null, 'soon', '2020-01-01', '2026-11-24T00:00:30Z', '9999-12-31T23:59:59Z', '253402300799'])
      assert.equal(lifeOf(odd, now), year, String(odd));
    assert.equal(lifeOf('2026-11-24T00:02:00Z', now), 120_000);
    assert.equal(lifeOf('2036-11-01', now), Date.UTC(2036, 10, 1) - now);
  });
  test('without an access token: kept, told, and connect again', async () => {
    server.body = () => JSON.stringify({ success: true, token: 'renamed' });
    const { end, events } = await ends([]);
    assert.equal(end, 'lost');
    assert.equal(
      events.some(({ type }) => type === 'answer-not-understood'),
      true,
    );
  });
});

describe('answers that are refusals', () => {
  test('500', async () => assert.equal((await ends([says(500), says(500)])).end, 'stored'));
  test('a storm of 502, 503 and 504', async () => {
    const storm = [502, 503, 504, 502, 503, 504, 502, 503, 504, 503, 504].map((status) => says(status));
    assert.equal((await ends(storm)).end, 'stored');
  });
  test('429 with Retry-After is waited for', async () => {
    const started = Date.now();
    assert.equal((await ends([says(429, '{}', { 'Retry-After': '1' })])).end, 'stored');
    assert.ok(Date.now() - started >= 990);
  });
  test('429 without Retry-After', async () => assert.equal((await ends([says(429), says(429)])).end, 'stored'));
  test('a redirect is not followed', async () => {
    const other = await startFaultServer();
    const elsewhere = says(302, '', { Location: `${other.url}/v1/auth/integration/token` });
    assert.equal((await ends([elsewhere, elsewhere])).end, 'stored');
    assert.deepEqual(other.calls, { status: 0, token: 0, refresh: 0, other: 0 });
    await other.close();
  });
  test('410 on the first try is lost at once, since nobody else has called, and says that it was the first', async () => {
    const { end, events } = await ends([says(410)], { options: { redemption: unending } });
    assert.equal(end, 'lost');
    assert.equal(events.find(({ type }) => type === 'integration-lost')?.attempt, 1);
  });
  test('410 after a try that surely never got there says that it was the first', async (t) => {
    withoutInvalidHosts(t);
    const { events } = await ends([says(410)], { fetch: detour(() => 'https://api.something.invalid', 1) });
    assert.equal(events.find(({ type }) => type === 'integration-lost')?.attempt, 1);
  });
  test('410 after an unclear try of the same process is lost at once, and says that there was another', async () => {
    const { end, events } = await ends([consumed(({ socket }) => reset(socket))], {
      options: { redemption: unending },
    });
    assert.equal(end, 'lost');
    assert.equal(events.find(({ type }) => type === 'integration-lost')?.attempt, 2);
  });
  test('duplicate delivery by a middlebox: the second answer comes through, and it is 410', async () => {
    const twice: Fault = ({ socket, take }) => {
      take();
      socket.end(take());
    };
    assert.equal((await ends([twice])).end, 'lost');
  });
  test('a late answer wins over the verdict', async () => {
    const flow = flowOf();
    const store = memoryTokenStore();
    // A process that stands still: its lease runs out.
    const frozen: Clock = { ...systemClock, after: () => () => undefined };
    const slow = bench({ store, clock: frozen });
    let release = () => {};
    const held: Fault = ({ socket, take }) => {
      const text = take();
      release = () => socket.end(text);
    };
    server.faults = [held];
    void slow.connections.check(flow).catch(() => undefined);
    await eventually('the call', () => server.calls.token === 1);
    // Another replica with no patience: it takes over, hears 410 and gives the verdict too early.
    const hasty = bench({ store, options: { redemption: { ...timing, lease: 1, grace: 100 } } });
    await pause(timing.lease - 50);
    assert.equal(await endOf(hasty.connections, flow), 'lost');
    release();
    await eventually('stored after all', async () => (await endOf(hasty.connections, flow)) === 'stored');
    await slow.connections.close();
    await hasty.connections.close();
  });
  test('a rotated secret burns nothing: with the new one the same session is stored', async () => {
    server.secret = 'rotated';
    const flow = flowOf();
    const store = memoryTokenStore();
    const old = bench({ store });
    await old.connections.open(flow);
    assert.equal(await endOf(old.connections, flow, 25), 'stuck');
    await old.connections.close();
    assert.equal(await endOf(bench({ store, clientSecret: 'rotated' }).connections, flow), 'stored');
  });
  test('a secret rotated between finish and redeem burns nothing either', async () => {
    assert.equal((await ends([says(403), says(403), says(400)])).end, 'stored');
  });
  test('cancelled is cancelled', async () => {
    const flow = flowOf();
    server.states.set(flow.integrationToken, 'cancelled');
    assert.equal(await endOf(bench().connections, flow), 'cancelled');
    assert.equal(server.calls.token, 0);
  });
});

describe('processes that are killed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rulrr-kill-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const points: Record<string, 'stored' | 'lost'> = {
    'before the send': 'stored',
    'after the answer': 'lost',
    'after the save': 'stored',
    'after the pair': 'stored',
    'after the reply': 'stored',
  };
  for (const [point, expected] of Object.entries(points)) {
    test(`SIGKILL ${point}: ${expected}`, async () => {
      const url = `file:${join(folder, `${point}.db`)}`;
      server.issued.delete('killed');
      const script = 'test/proxy/support/redeem-worker.ts';
      const child = spawn(process.execPath, ['--import', 'tsx', script, server.url, url, point], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let said = '';
      child.stdout.on('data', (text: Buffer) => (said += String(text)));
      const [, signal] = (await once(child, 'close')) as [number, string];
      assert.equal(signal, 'SIGKILL');
      assert.equal(said, point === 'after the reply' ? 'finished' : '');
      const store = libsqlTokenStore({ url });
      // The dead process's lease has another 20 seconds to run; this replica's clock is past it.
      const clock: Clock = { ...systemClock, now: () => Date.now() + 60_000 };
      const { connections } = bench({ store, clock });
      const flow = {
        flowId: 'killed',
        storeId: 'store',
        integrationToken: 'killed',
        startedAt: 0,
        expiresAt: Date.now() + 600_000,
      };
      assert.equal(await endOf(connections, flow), expected);
      await connections.close();
      await store.close();
    });
  }
});

describe('nobody waits any more, or somebody stops', () => {
  test('browser gone: the redemption goes on, and is stored without another poll', async () => {
    server.delayMs = 100;
    const flow = flowOf();
    const { connections } = bench();
    assert.equal((await connections.check(flow)).status, 'pending');
    await eventually('connected', async () => (await connections.connection(flow.storeId)).connected);
    assert.equal(server.calls.token, 1);
  });
  test('nobody ever polled: sweep completes it', async () => {
    const flow = flowOf();
    const store = memoryTokenStore();
    await bench({ store }).connections.open(flow);
    const { connections } = bench({ store });
    const report = await connections.sweep();
    assert.deepEqual(report, { checked: 1, finished: 1, ended: 0, failed: 0 });
    assert.equal((await connections.connection(flow.storeId)).connected, true);
  });
  test('SIGTERM in the middle: close waits until the answer is stored', async () => {
    server.delayMs = 150;
    const flow = flowOf();
    const { connections } = bench();
    await connections.check(flow);
    await connections.close();
    assert.equal((await connections.connection(flow.storeId)).connected, true);
    await assert.rejects(connections.check(flow), { code: 'store_unavailable' });
  });
  test('a replica that is paused past its lease: stored once', async () => {
    const store = memoryTokenStore();
    const flow = flowOf();
    const held: Fault = ({ socket, take }) => {
      setTimeout(() => socket.end(take()), 450);
    };
    server.faults = [held];
    const [one, two] = [bench({ store }), bench({ store })];
    const results = await Promise.all([endOf(one.connections, flow), endOf(two.connections, flow)]);
    assert.deepEqual(results, ['stored', 'stored']);
    await Promise.all([one.connections.close(), two.connections.close()]);
  });
  test('64 polls on each of 4 replicas at once: one redeem call', async () => {
    const store = memoryTokenStore();
    const flow = flowOf();
    const replicas = Array.from({ length: 4 }, () => bench({ store, options: { redemption: unhurried } }));
    await replicas[0]!.connections.open(flow);
    const polls = replicas.flatMap(({ connections }) => Array.from({ length: 64 }, () => endOf(connections, flow)));
    assert.deepEqual([...new Set(await Promise.all(polls))], ['stored']);
    assert.equal(server.calls.token, 1);
  });
  test('a rolling restart under load: all stored', async () => {
    server.delayMs = 15;
    const store = memoryTokenStore();
    const flows = Array.from({ length: 60 }, () => flowOf());
    let replicas = Array.from({ length: 3 }, () => bench({ store, options: { redemption: unhurried } }));
    const closing: Promise<void>[] = [];
    const load = { rolling: true };
    const restart = (async () => {
      for (let round = 0; load.rolling && round < 500; round++) {
        await pause(40);
        const old = replicas[round % 3]!;
        replicas =
          replicas.with?.(round % 3, bench({ store, options: { redemption: unhurried } })) ??
          replicas.map((one, at) => (at === round % 3 ? bench({ store, options: { redemption: unhurried } }) : one));
        closing.push(old.connections.close());
      }
    })();
    const polled = flows.map(async (flow, index) => {
      await pause(index * 8);
      for (let polls = 0; polls < 1000; polls++, await pause(15)) {
        const { connections } = replicas[Math.floor(Math.random() * 3)]!;
        const status = await connections.check(flow).catch((error: Refusal) => {
          assert.equal(error.code, 'store_unavailable', 'only a replica that is stopping refuses');
          return { status: 'refused' };
        });
        if (status.status === 'finished') return 'stored';
      }
      return 'stuck';
    });
    const ended = await Promise.allSettled(polled);
    load.rolling = false;
    await restart;
    assert.deepEqual(
      [...new Set(ended.map((one) => (one.status === 'fulfilled' ? one.value : String(one.reason))))],
      ['stored'],
    );
    await Promise.all([...closing, ...replicas.map(({ connections }) => connections.close())]);
    for (const flow of flows) assert.equal(server.issued.has(flow.integrationToken), true);
  });
});

describe('the store fails', () => {
  test('down before: nothing is sent, a clean 503, and then it is stored', async () => {
    let down = true;
    const store = faultyTokenStore(memoryTokenStore(), { before: () => down });
    const flow = flowOf();
    const { connections } = bench({ store });
    await assert.rejects(connections.open(flow), { code: 'store_unavailable', status: 503 });
    for (let poll = 0; poll < 5; poll++) await assert.rejects(connections.check(flow), { code: 'store_unavailable' });
    assert.equal(server.calls.token, 0);
    down = false;
    assert.equal(await endOf(connections, flow), 'stored');
  });
  test('down after the answer: kept in memory, pending meanwhile, and then stored', async () => {
    let down = false;
    const store = faultyTokenStore(memoryTokenStore(), { before: () => down });
    const flow = flowOf();
    server.faults = [
      ({ socket, take }) => {
        down = true;
        socket.end(take());
      },
    ];
    const { connections, events } = bench({ store });
    for (let poll = 0; poll < 10; poll++) assert.equal((await connections.check(flow)).status, 'pending');
    await eventually('a try to save', () => events.some(({ type }) => type === 'save-retried'));
    assert.equal((await connections.check(flow)).status, 'pending');
    down = false;
    assert.equal(await endOf(connections, flow), 'stored');
    assert.equal(server.calls.token, 1);
  });
  test('down while it stops: close waits, and tells if it was in vain', async () => {
    let down = false;
    const store = faultyTokenStore(memoryTokenStore(), { before: () => down });
    const flow = flowOf();
    server.faults = [({ socket, take }) => ((down = true), void socket.end(take()))];
    const { connections, events } = bench({ store, options: { drainMs: 100 } });
    await connections.check(flow);
    await eventually('a try to save', () => events.some(({ type }) => type === 'save-retried'));
    await connections.close();
    assert.equal(events.find(({ type }) => type === 'tokens-unsaved')?.count, 1);
    down = false;
    // While it lives, it goes on trying.
    await eventually('connected', async () => (await connections.connection(flow.storeId)).connected);
  });
  // At random and not in turn, or the same step would fail each time.
  test('three in ten calls take effect and report an error', async () => {
    const luck = fakeClock(0, 7);
    const store = faultyTokenStore(memoryTokenStore(), { after: () => luck.random() < 0.3 });
    const { connections } = bench({ store });
    const ended = Array.from({ length: 10 }, () => endOf(connections, flowOf()));
    assert.deepEqual([...new Set(await Promise.all(ended))], ['stored']);
    await connections.close();
  });
  test('three in ten calls fail before they take effect', async () => {
    const luck = fakeClock(0, 8);
    const store = faultyTokenStore(memoryTokenStore(), { before: () => luck.random() < 0.3 });
    const { connections } = bench({ store });
    const ended = Array.from({ length: 10 }, () => endOf(connections, flowOf()));
    assert.deepEqual([...new Set(await Promise.all(ended))], ['stored']);
    await connections.close();
  });
});

describe('clocks', () => {
  for (const hours of [-1, 1]) {
    test(`a clock that jumps by ${hours} h while it redeems`, async () => {
      let offset = 0;
      const clock: Clock = { ...systemClock, now: () => Date.now() + offset };
      const jump: Fault = ({ socket }) => {
        offset += hours * 3_600_000;
        reset(socket);
      };
      assert.equal((await ends([jump], { clock })).end, 'stored');
    });
    test(`two replicas whose clocks are ${hours} h apart`, async () => {
      const store = memoryTokenStore();
      const clock: Clock = { ...systemClock, now: () => Date.now() + hours * 3_600_000 };
      server.delayMs = 100;
      const [one, two] = [bench({ store }), bench({ store, clock })];
      const flow = flowOf();
      const ended = await Promise.all([endOf(one.connections, flow), endOf(two.connections, flow)]);
      assert.deepEqual(ended, ['stored', 'stored']);
    });
  }
});
