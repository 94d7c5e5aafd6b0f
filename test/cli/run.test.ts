// The commands that stay: the sandbox, the sidecar with the sandbox behind it, and the demo, over real sockets and real signals.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect, type Socket } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { isDeepStrictEqual, parseEnv, promisify } from 'node:util';
import pg from 'pg';
import { closeServer, listen as listenAs } from '../../src/cli/listen.js';
import { checkIds } from '../../src/conformance/index.js';
import { freePort, listen } from '../support/listen.mjs';
import { startPostgres } from '../support/postgres.mjs';
import { until } from '../support/until.js';
import { rulrr, running, type Running } from './support.js';

const runNode = (args: string[]) => promisify(execFile)(process.execPath, args);
const secret = 'cli-canary-client-secret-19f2';
const sealingKey = 'cli-canary-sealing-key-long-enough-for-the-proxy';
const sendSecret = 'cli-canary-sidecar-secret-77';

async function startSandbox(...flags: string[]): Promise<{ command: Running; origin: string }> {
  const command = running(['sandbox', '--port', '0', '--client', `pos:${secret}`, ...flags]);
  const [, origin] = await command.says(/RULRR_API_BASE_URL=(\S+)[^]*_sandbox\n/);
  return { command, origin: origin! };
}

/** Those that have not struck yet. */
async function faultsOf(sandbox: string): Promise<unknown[]> {
  const state = (await (await fetch(`${sandbox}/_sandbox/state`)).json()) as { faults: unknown[] };
  return state.faults;
}

const post = (url: string, body: unknown) =>
  fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });

describe('rulrr-embed sandbox', () => {
  it('begins with the scenario of its flag', async () => {
    const { command, origin } = await startSandbox('--scenario', 'rate-limited');
    const state = (await (await fetch(`${origin}/_sandbox/state`)).json()) as { scenario: string };
    assert.equal(state.scenario, 'rate-limited');
    await command.kill();
  });

  it('sets scenario and fault by flag, and keeps its state in a file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rulrr-cli-'));
    const state = join(folder, 'state', 'sandbox.json');
    const query = new URLSearchParams({ client_id: 'pos', client_secret: secret });
    const first = await startSandbox('--state', state, '--fault', 'create-integration:status:status=503:times=1');
    assert.doesNotMatch(first.command.output(), /has to connect again/);
    assert.deepEqual(first.command.output().match(/RULRR_CLIENT_ID=.*/g), ['RULRR_CLIENT_ID=pos']);
    const create = `${first.origin}/v1/auth/integration?${query}`;
    assert.equal((await fetch(create, { method: 'POST' })).status, 503);
    const { integrationToken } = (await (await fetch(create, { method: 'POST' })).json()) as Record<string, string>;
    assert.ok(integrationToken);
    assert.equal((await first.command.kill()).code, 0);

    const second = await startSandbox('--state', state);
    query.set('integration_token', integrationToken);
    const answer = await fetch(`${second.origin}/v1/auth/integration?${query}`);
    assert.equal(answer.status, 200, 'the integration is still known');
    await second.command.kill();
    rmSync(folder, { recursive: true });
  });
});

describe('rulrr-embed sandbox --scenario', () => {
  it('is told at each start that finds it in the state, until another start ends it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rulrr-cli-'));
    const start = async (...flags: string[]) => {
      const command = running(['sandbox', '--port', '0', '--state', join(folder, 'sandbox.json'), ...flags]);
      await command.says(/_sandbox\n/);
      await command.kill();
      return command.output();
    };
    for (const flags of [['--scenario', 'send-failed'], []])
      assert.match(await start(...flags), /"send-failed" is on: Orders are refused.*--scenario normal ends it/);
    for (const flags of [['--scenario', 'normal'], []]) assert.doesNotMatch(await start(...flags), /is on:/);
    rmSync(folder, { recursive: true });
  });
});

describe('rulrr-embed sandbox --fault', () => {
  it('takes a date and a URL, which hold colons themselves', async () => {
    const date = 'Wed, 21 Oct 2026 07:28:00 GMT';
    const location = 'http://127.0.0.1:9999/elsewhere?times=5';
    const command = running([
      ...['sandbox', '--port', '0'],
      ...['--fault', `integration-status:status:status=429:retryAfter=${date}:times=2`],
      ...['--fault', `get-store:redirect:location=${location}`],
    ]);
    const [, origin] = await command.says(/RULRR_API_BASE_URL=(\S+)[^]*_sandbox\n/);
    assert.deepEqual(await faultsOf(origin!), [
      { route: 'integration-status', kind: 'status', status: 429, retryAfter: date, times: 2 },
      { route: 'get-store', kind: 'redirect', location },
    ]);
    await command.kill();
  });
});

describe('rulrr-embed sandbox --env', () => {
  it('writes what a proxy needs, for its owner alone, and the same secrets after a restart', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rulrr-cli-'));
    const file = join(folder, '.env');
    const start = async (...flags: string[]) => {
      const command = running(['sandbox', '--port', '0', '--env', file, ...flags]);
      const [, origin] = await command.says(/RULRR_API_BASE_URL=(\S+)[^]*_sandbox\n/);
      return { command, origin, values: parseEnv(readFileSync(file, 'utf8')) };
    };
    const first = await start('--client', 'corner-pos:made-up-secret');
    assert.match(first.command.output(), /has to connect again .*--state/, 'the proxy would keep what it forgets');
    // What to type next, and what a proxy needs that reads no such file.
    assert.ok(first.command.output().includes(`node --env-file=${file} server.mjs`));
    for (const name of ['RULRR_CLIENT_ID', 'RULRR_CLIENT_SECRET'])
      assert.ok(first.command.output().includes(`${name}=${first.values[name]}\n`), name);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.doesNotMatch(
      readFileSync(file, 'utf8'),
      /=["'`]/,
      "Docker's --env-file takes quotes for a part of the value",
    );
    assert.equal(first.values['RULRR_API_BASE_URL'], first.origin);
    assert.equal(first.values['RULRR_CONNECT_BASE_URL'], `${first.origin}/connect/`);
    for (const name of ['RULRR_CLIENT_ID', 'RULRR_CLIENT_SECRET', 'RULRR_SEALING_KEYS', 'RULRR_STORE_URL'])
      assert.ok(first.values[name], name);
    assert.equal(first.values['RULRR_SEND'], 'order', 'without it a sidecar would text nothing');
    await first.command.kill();
    const second = await start();
    for (const name of ['RULRR_CLIENT_ID', 'RULRR_CLIENT_SECRET', 'RULRR_SEALING_KEYS'])
      assert.equal(second.values[name], first.values[name], name);
    assert.equal(second.values['RULRR_API_BASE_URL'], second.origin);
    await second.command.kill();
    rmSync(folder, { recursive: true });
  });

  it('leaves what a developer has put into the file: lines of their own, another store, another way to send', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rulrr-cli-'));
    const file = join(folder, '.env');
    const start = async (...flags: string[]) => {
      const command = running(['sandbox', '--port', '0', '--env', file, ...flags]);
      const [, origin] = await command.says(/RULRR_API_BASE_URL=(\S+)[^]*_sandbox\n/);
      await command.kill();
      return origin!;
    };
    const before = await start();
    const theirs = [
      '',
      '# where my own server answers',
      'RULRR_AUTHORIZE_URL=http://127.0.0.1:8000/whoami',
      "RULRR_SEND_URL='http://127.0.0.1:8000/send'",
      'PORT=3000',
    ];
    const edited = readFileSync(file, 'utf8')
      .replace(/^RULRR_SEND=.*\n/m, '')
      .replace(/^(RULRR_STORE_URL)=.*/m, '$1=postgres://localhost/till');
    // Without a line's end, as some editors leave the last one.
    writeFileSync(file, edited + theirs.join('\n'));
    const wanted = (origin: string) => (edited + theirs.join('\n')).replaceAll(before, origin);
    const again = await start();
    assert.equal(readFileSync(file, 'utf8'), wanted(again));
    // Another client takes the place of the first one's, and of nothing else.
    const last = await start('--client', 'corner-pos:$&');
    assert.deepEqual(
      { ...parseEnv(readFileSync(file, 'utf8')) },
      {
        ...parseEnv(wanted(last)),
        RULRR_CLIENT_ID: 'corner-pos',
        RULRR_CLIENT_SECRET: '$&',
      },
    );
    rmSync(folder, { recursive: true });
  });

  it('writes a variable again that was taken out of the file, and the proxy cannot do without', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rulrr-cli-'));
    const file = join(folder, '.env');
    const start = async () => {
      const command = running(['sandbox', '--port', '0', '--env', file]);
      await command.says(/_sandbox\n/);
      await command.kill();
      return readFileSync(file, 'utf8');
    };
    const whole = await start();
    writeFileSync(file, `${whole.replace(/^RULRR_SEALING_KEYS=.*\n/m, '')}PORT=3000`);
    const values = parseEnv(await start());
    assert.ok(values['RULRR_SEALING_KEYS']);
    assert.equal(values['PORT'], '3000');
    rmSync(folder, { recursive: true });
  });
});

describe('rulrr-embed sandbox --env, secrets of every kind', { concurrency: 3 }, () => {
  for (const odd of ['se#cret', ' spaced ', `it's`, '"quoted"', 'a\\nb', '$HOME', `'"`, 'a:b'])
    it(`${odd} reads back as it was`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'rulrr-cli-'));
      const file = join(folder, '.env');
      const command = running(['sandbox', '--port', '0', '--host', '0.0.0.0', '--client', `pos:${odd}`, '--env', file]);
      await command.says(/_sandbox\n/);
      const { stdout } = await runNode([`--env-file=${file}`, '-p', 'JSON.stringify(process.env)']);
      const values = JSON.parse(stdout) as Record<string, string>;
      assert.equal(values['RULRR_CLIENT_SECRET'], odd);
      assert.match(values['RULRR_API_BASE_URL']!, /^http:\/\/127\.0\.0\.1:\d+$/, 'the proxy takes http for no other');
      await command.kill();
      rmSync(folder, { recursive: true });
    });

  it('is refused, and not quoted, where no quotes can carry it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rulrr-cli-'));
    const file = join(folder, '.env');
    const client = `pos:cli-canary'"\``;
    const { code, stdout, stderr } = await rulrr(['sandbox', '--port', '0', '--client', client, '--env', file]);
    assert.equal(code, 2);
    assert.match(stderr, /^--env .*: RULRR_CLIENT_SECRET has characters that such a file cannot carry.*\n$/);
    assert.doesNotMatch(stdout + stderr, /cli-canary/);
    assert.throws(() => statSync(file), 'nothing was written');
    rmSync(folder, { recursive: true });
  });
});

describe('a stop that hangs', () => {
  it('is ended at once by a second Ctrl+C', async () => {
    const script =
      "import('./src/cli/listen.ts').then(({ onSignal }) => { onSignal(() => (console.log('stopping'), new Promise(() => {}))); console.log('ready'); setInterval(() => {}, 1000); })";
    const child = spawn(process.execPath, ['--import', 'tsx', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    const says = (word: string) =>
      new Promise<void>((resolve) =>
        child.stdout.on('data', (text) => void (String(text).includes(word) && resolve())),
      );
    await says('ready');
    const stopping = says('stopping');
    child.kill('SIGINT');
    await stopping;
    const again = setInterval(() => child.kill('SIGINT'), 300);
    assert.equal(await ended, 1);
    clearInterval(again);
  });
});

describe('a stop that goes wrong', () => {
  it('is told by the exit code', async () => {
    const script =
      "import('./src/cli/listen.ts').then(({ onSignal }) => { onSignal(() => Promise.reject(new Error('no'))); console.log('ready'); setInterval(() => {}, 1000); })";
    const child = spawn(process.execPath, ['--import', 'tsx', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(child, 'exit');
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    assert.equal((await ended)[0], 1);
  });

  it('waits no longer than it may for an answer that never goes out', { timeout: 30_000 }, async (t) => {
    const { server, origin } = await listenAs(() => {}, 0, '127.0.0.1');
    t.after(() => server.closeAllConnections());
    const asked = once(server, 'request');
    const answer = fetch(origin).catch(() => 'cut off');
    await asked;
    await closeServer(server, 50);
    assert.equal(await answer, 'cut off');
  });
});

describe('rulrr-embed proxy', () => {
  let folder: string;
  let sandbox: Awaited<ReturnType<typeof startSandbox>>;
  let vendor: Awaited<ReturnType<typeof listen>>;
  let sidecar: Running;
  let port: number;
  let url: string;
  let whoAsked = 0;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rulrr-cli-'));
    vendor = await listen((request, response) => {
      whoAsked++;
      const store = /till=(store-\d)/.exec(request.headers.cookie ?? '')?.[1];
      response.writeHead(store ? 200 : 401, { 'Content-Type': 'application/json' });
      response.end(store ? JSON.stringify({ storeId: store }) : '{}');
    });
    [sandbox, port] = [await startSandbox(), await freePort()];
    url = `http://127.0.0.1:${port}/rulrr`;
    for (const [name, text] of Object.entries({ secret, keys: `${sealingKey}\n` }))
      writeFileSync(join(folder, name), text, { mode: 0o600 });
    sidecar = running(['proxy'], {
      RULRR_CLIENT_ID: 'pos',
      RULRR_CLIENT_SECRET_FILE: join(folder, 'secret'),
      RULRR_SEALING_KEYS_FILE: join(folder, 'keys'),
      RULRR_API_BASE_URL: sandbox.origin,
      RULRR_CONNECT_BASE_URL: `${sandbox.origin}/connect/`,
      RULRR_STORE_URL: `file:${join(folder, 'rulrr.db')}`,
      RULRR_AUTHORIZE_URL: `${vendor.origin}/whoami`,
      RULRR_SEND: 'order',
      PORT: String(port),
    });
    await sidecar.says(/"type":"ready"/);
  });
  after(async () => {
    await sidecar?.kill();
    await sandbox?.command.kill();
    await vendor?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('answers /health', async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/health`);
    assert.equal(answer.status, 200);
    assert.deepEqual(await answer.json(), { status: 'ok' });
  });

  it('listens at this machine alone unless it is told otherwise', () =>
    assert.rejects(fetch(`http://127.0.0.2:${port}/health`)));

  it('keeps an idle connection longer than a load balancer does, which would ask on one that is being closed', async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/health`);
    const seconds = Number(/timeout=(\d+)/.exec(answer.headers.get('Keep-Alive') ?? '')?.[1]);
    assert.ok(seconds > 600, `${seconds} s`);
  });

  it('goes on when whoever reads its log has ended', async () => {
    const other = await freePort();
    const env = {
      RULRR_CLIENT_ID: 'pos', RULRR_CLIENT_SECRET: secret, RULRR_SEALING_KEYS: sealingKey, RULRR_STORE_URL: 'memory:',
      RULRR_API_BASE_URL: sandbox.origin, RULRR_CONNECT_BASE_URL: `${sandbox.origin}/connect/`,
      RULRR_AUTHORIZE_URL: `${vendor.origin}/whoami`, RULRR_SEND: 'order', PORT: String(other),
    }; // prettier-ignore
    const alone = running(['proxy'], env);
    await alone.says(/"type":"ready"/);
    alone.stopReading();
    const origin = `http://127.0.0.1:${other}`;
    const headers = { Cookie: 'till=store-4', 'Rulrr-Embed': '1', Origin: origin };
    // Each start is logged, or would be.
    for (let start = 0; start < 3; start += 1)
      assert.equal((await fetch(`${origin}/rulrr/integrations`, { method: 'POST', headers })).status, 201);
    assert.equal((await fetch(`${origin}/health`)).status, 200);
    const { code, stderr } = await alone.kill();
    assert.equal(code, 0, stderr);
  });

  it('passes `rulrr-embed check`, the whole story, with secrets by file', async () => {
    const flags = ['-H', 'Cookie: till=store-1', '-O', 'Cookie: till=store-2', '--sandbox', sandbox.origin];
    const { code, stdout, stderr } = await rulrr(['check', url, ...flags, '--secret-env', 'CANARY'], {
      CANARY: secret,
    });
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, new RegExp(`\n${checkIds.length} passed, 0 failed, 0 left out\n`));
    assert.ok(whoAsked > checkIds.length, 'the vendor was asked who is asking');
  });

  it('says in one line that its port is in use', async () => {
    const { code, stderr } = await rulrr(['proxy'], {
      RULRR_CLIENT_ID: 'pos',
      RULRR_CLIENT_SECRET: secret,
      RULRR_SEALING_KEYS: sealingKey,
      RULRR_API_BASE_URL: sandbox.origin,
      RULRR_STORE_URL: 'memory:',
      RULRR_AUTHORIZE_URL: vendor.origin,
      RULRR_SEND_URL: vendor.origin,
      RULRR_SEND_SECRET: sendSecret,
      PORT: String(port),
    });
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`^Port ${port} on 127\\.0\\.0\\.1 is in use\\..*\\n$`));
  });

  const stops: [what: string, signals: NodeJS.Signals[], store: string][] = [
    ['SIGTERM', ['SIGTERM'], 'store-3'],
    ['a terminal that is closed', ['SIGHUP'], 'store-5'],
    ['one Ctrl+C that npm passes on once more', ['SIGINT', 'SIGINT'], 'store-4'],
  ];
  const onStop = 'ends the redemption that is under way, keeps the tokens, and logs no secret';
  for (const [what, signals, store] of stops)
    it(`on ${what} ${onStop}`, async () => {
      const headers = { Cookie: `till=${store}`, 'Rulrr-Embed': '1', Origin: new URL(url).origin };
      const started = (await (await fetch(`${url}/integrations`, { method: 'POST', headers })).json()) as {
        id: string;
        connectUrl: string;
      };
      const token = new URL(started.connectUrl).searchParams.get('integration_token')!;
      await post(`${sandbox.origin}/_sandbox/fault`, { route: 'token', kind: 'slow', ms: 1500, times: 1 });
      const form = { integration_token: token, client_id: 'pos', action: 'finish', ereceipt: 'on', step: '3' };
      await fetch(`${sandbox.origin}/connect/`, {
        method: 'POST',
        body: new URLSearchParams(form),
        redirect: 'manual',
      });
      const poll = fetch(`${url}/integrations/${started.id}`, { headers }).then(
        (answer) => answer.status,
        () => 'gone',
      );
      await until(async () => !(await faultsOf(sandbox.origin)).length);
      for (const signal of signals) {
        void sidecar.kill(signal);
        await sidecar.says(/"type":"stopping"/);
      }
      const { code, stdout, stderr } = await sidecar.ends();
      assert.equal(code, 0, stdout + stderr);
      assert.match(stdout, /"type":"stopping"[^]*"type":"stopped"/);
      assert.notEqual(await poll, 'gone', 'the till got an answer');
      const ahead = statSync(join(folder, 'rulrr.db-wal'), { throwIfNoEntry: false });
      assert.equal(ahead?.size ?? 0, 0, 'whoever moves the one file moves every connection');

      for (const line of stdout.trim().split('\n')) assert.equal(typeof JSON.parse(line), 'object', line);
      assert.doesNotMatch(stdout + stderr, /cli-canary|client_secret|\+1213555|access_token=/);
      assert.ok(!(stdout + stderr).includes(token), 'no integration token');

      sidecar = running(['proxy'], {
        RULRR_CLIENT_ID: 'pos',
        RULRR_CLIENT_SECRET_FILE: join(folder, 'secret'),
        RULRR_SEALING_KEYS_FILE: join(folder, 'keys'),
        RULRR_API_BASE_URL: sandbox.origin,
        RULRR_STORE_URL: `file:${join(folder, 'rulrr.db')}`,
        RULRR_AUTHORIZE_URL: `${vendor.origin}/whoami`,
        RULRR_SWEEP_SECONDS: '0',
        PORT: String(port),
      });
      await sidecar.says(/"type":"ready"/);
      const connection = (await (await fetch(`${url}/connection`, { headers })).json()) as { connected: boolean };
      assert.equal(connection.connected, true, 'the tokens outlived the stop');
    });

  /** A sidecar of one test's own, which forgets all when it ends. */
  const another = (env: Record<string, string>) =>
    running(['proxy'], {
      RULRR_CLIENT_ID: 'pos',
      RULRR_CLIENT_SECRET: secret,
      RULRR_SEALING_KEYS: sealingKey,
      RULRR_API_BASE_URL: sandbox.origin,
      RULRR_CONNECT_BASE_URL: `${sandbox.origin}/connect/`,
      RULRR_STORE_URL: 'memory:',
      RULRR_AUTHORIZE_URL: `${vendor.origin}/whoami`,
      PORT: '0',
      ...env,
    });

  it('says with what it was asked before it stops that the connection ends: a load balancer would ask on it again', async (t) => {
    let asked: (answer: () => void) => void = () => {};
    const underWay = new Promise<() => void>((resolve) => (asked = resolve));
    const slow = await listen((_request, response) => asked(() => response.end('{"storeId":"store-1"}')));
    t.after(() => slow.close());
    const one = another({ RULRR_AUTHORIZE_URL: slow.origin });
    const [, proxyUrl] = await one.says(/"type":"ready","url":"([^"]+)"/);
    const answer = fetch(`${proxyUrl}/connection`);
    const signIn = await underWay;
    const ended = one.kill();
    await one.says(/"type":"stopping"/);
    signIn();
    const { status, headers } = await answer;
    assert.deepEqual([status, headers.get('Connection')], [200, 'close']);
    assert.equal((await ended).code, 0);
  });

  it('keeps the tokens of a merchant who finished and whose till asks no more', async () => {
    const alone = another({ RULRR_SWEEP_SECONDS: '0.2' });
    const [, proxyUrl] = await alone.says(/"type":"ready","url":"([^"]+)"/);
    const headers = { Cookie: 'till=store-5', 'Rulrr-Embed': '1', Origin: new URL(proxyUrl!).origin };
    const started = await fetch(`${proxyUrl}/integrations`, { method: 'POST', headers });
    const { connectUrl } = (await started.json()) as { connectUrl: string };
    const token = new URL(connectUrl).searchParams.get('integration_token')!;
    const form = { integration_token: token, client_id: 'pos', action: 'finish', ereceipt: 'on', step: '3' };
    await fetch(`${sandbox.origin}/connect/`, {
      method: 'POST',
      body: new URLSearchParams(form),
      redirect: 'manual',
    });
    await alone.says(/"type":"integration-finished"/);
    const connection = await fetch(`${proxyUrl}/connection`, { headers });
    assert.equal(((await connection.json()) as { connected: boolean }).connected, true);
    assert.equal((await alone.kill()).code, 0);
  });

  it('stops only once the tokens are kept that it was fetching by itself, while no till was asking', async () => {
    const alone = another({ RULRR_SWEEP_SECONDS: '0.2' });
    const [, proxyUrl] = await alone.says(/"type":"ready","url":"([^"]+)"/);
    const headers = { Cookie: 'till=store-6', 'Rulrr-Embed': '1', Origin: new URL(proxyUrl!).origin };
    const started = await fetch(`${proxyUrl}/integrations`, { method: 'POST', headers });
    const { connectUrl } = (await started.json()) as { connectUrl: string };
    await post(`${sandbox.origin}/_sandbox/fault`, { route: 'token', kind: 'slow', ms: 1500, times: 1 });
    const form = { action: 'finish', ereceipt: 'on', step: '3' };
    const body = new URLSearchParams({ ...Object.fromEntries(new URL(connectUrl).searchParams), ...form });
    await fetch(`${sandbox.origin}/connect/`, { method: 'POST', body, redirect: 'manual' });
    await until(async () => !(await faultsOf(sandbox.origin)).length);
    const { code, stdout } = await alone.kill();
    assert.equal(code, 0);
    assert.match(stdout, /"type":"stopping"[^]*"type":"integration-finished"[^]*"type":"stopped"/);
  });

  it('tells its address so that it can be opened, where it listens on IPv6', async (t) => {
    const isThere = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));
    if (!isThere) return t.skip('This machine has no ::1.');
    const alone = another({ HOST: '::1' });
    t.after(() => alone.kill());
    const [, health] = await alone.says(/"type":"ready",.*"health":"([^"]+)"/);
    assert.equal((await fetch(health!)).status, 200);
  });

  it('asks Rulrr as often as it is told, since what Rulrr allows a vendor is shared by the replicas', async () => {
    const alone = another({ RULRR_BUDGET_PER_SECOND: '0.1' });
    const [, proxyUrl] = await alone.says(/"type":"ready","url":"([^"]+)"/);
    const headers = { Cookie: 'till=store-6', 'Rulrr-Embed': '1', Origin: new URL(proxyUrl!).origin };
    const { id } = (await (await fetch(`${proxyUrl}/integrations`, { method: 'POST', headers })).json()) as {
      id: string;
    };
    const poll = await fetch(`${proxyUrl}/integrations/${id}`, { headers });
    const { pollAfterMs } = (await poll.json()) as { pollAfterMs: number };
    assert.ok(pollAfterMs >= 5000, `one call in ten seconds, and the till is to come again in ${pollAfterMs} ms`);
    assert.equal((await alone.kill()).code, 0);
  });

  it('seals everything with a new key once it is put first, so that the old one can go', async () => {
    const headers = { Cookie: 'till=store-3' };
    const connected = async () =>
      ((await (await fetch(`${url}/connection`, { headers })).json()) as { connected?: boolean }).connected;
    const newKey = 'cli-canary-newer-key-long-enough-for-the-proxy';
    const withKeys = async (keys: string) => {
      await sidecar.kill();
      sidecar = running(['proxy'], {
        RULRR_CLIENT_ID: 'pos',
        RULRR_CLIENT_SECRET_FILE: join(folder, 'secret'),
        RULRR_SEALING_KEYS: keys,
        RULRR_API_BASE_URL: sandbox.origin,
        RULRR_STORE_URL: `file:${join(folder, 'rulrr.db')}`,
        RULRR_AUTHORIZE_URL: `${vendor.origin}/whoami`,
        PORT: String(port),
      });
      await sidecar.says(/"type":"ready"/);
    };
    await withKeys(`${newKey},\n${sealingKey}`);
    await sidecar.says(/"type":"keys-rotated","rewritten":[1-9]\d*,"current":\d+,"failed":0\}/);
    assert.equal(await connected(), true);
    await withKeys(newKey);
    assert.equal(await connected(), true);
    assert.doesNotMatch(sidecar.output(), /row-unreadable|keys-rotated|cli-canary/);
  });
});

describe('rulrr-embed proxy, alone with its vendor', () => {
  const seen: unknown[] = [];
  let vendor: Awaited<ReturnType<typeof listen>>;
  let env: Record<string, string>;

  before(async () => {
    vendor = await listen((request, response) => {
      seen.push(request.headers['rulrr-sidecar']);
      response.end('{"storeId": "store-1"}');
    });
    env = {
      RULRR_CLIENT_ID: 'pos', RULRR_CLIENT_SECRET: secret, RULRR_SEALING_KEYS: sealingKey, RULRR_STORE_URL: 'memory:',
      RULRR_API_BASE_URL: 'http://127.0.0.1:9/', RULRR_AUTHORIZE_URL: `${vendor.origin}/whoami`, RULRR_SEND_SECRET: sendSecret,
    }; // prettier-ignore
  });
  after(() => vendor.close());

  it('goes on when the disk that its log is written to is full', async (t) => {
    if (!existsSync('/dev/full')) return t.skip('this system has no /dev/full');
    const port = await freePort();
    const full = openSync('/dev/full', 'w');
    const alone = running(['proxy'], { ...env, PORT: String(port) }, full);
    closeSync(full);
    let over = false;
    void alone.ends().then(() => (over = true));
    const origin = `http://127.0.0.1:${port}`;
    const health = () => fetch(`${origin}/health`).catch(() => null);
    // It cannot say that it is ready.
    let answer = await health();
    for (; !answer && !over; answer = await health()) await new Promise((resolve) => setTimeout(resolve, 50));
    const headers = { 'Rulrr-Embed': '1', Origin: origin };
    // Each is logged, or would be.
    for (let time = 0; time < 3; time += 1) {
      const started = await fetch(`${origin}/rulrr/integrations`, { method: 'POST', headers }).catch(() => null);
      assert.equal(started?.status, 502, 'nobody is there to link a store');
    }
    const { code, stderr } = await alone.kill();
    assert.equal(code, 0, stderr);
  });

  it('says as it starts what it will not keep and not send, and nothing where it does both', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rulrr-cli-'));
    const complete = { RULRR_STORE_URL: `file:${join(folder, 'rulrr.db')}`, RULRR_SEND: 'order' };
    for (const [settings, warnings] of [
      [{}, [/^memory: forgets every connection/, /RULRR_SEND_URL/]],
      [complete, []],
    ] as const) {
      const one = running(['proxy'], { ...env, PORT: '0', ...settings });
      await one.says(/"type":"ready".*\n/);
      const { stdout } = await one.kill();
      const lines = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { type: string; text: string });
      const told = lines.filter(({ type }) => type === 'warning');
      assert.equal(told.length, warnings.length, stdout);
      warnings.forEach((wanted, at) => assert.match(told[at]!.text, wanted));
    }
    rmSync(folder, { recursive: true });
  });

  it('says in its log why Rulrr cannot be reached', async () => {
    const one = running(['proxy'], { ...env, PORT: '0', RULRR_API_BASE_URL: `http://127.0.0.1:${await freePort()}` });
    const [, url] = await one.says(/"type":"ready","url":"([^"]+)"/);
    const headers = { 'Rulrr-Embed': '1', Origin: new URL(url!).origin };
    assert.equal((await fetch(`${url}/integrations`, { method: 'POST', headers })).status, 502);
    const [line] = await one.says(/.*"type":"upstream-failed".*/);
    await one.kill();
    assert.equal((JSON.parse(line) as { reason?: string }).reason, 'ECONNREFUSED', line);
  });

  it('answers what a load balancer asks as it stops, and waits for no connection that was opened ahead', async () => {
    const one = running(['proxy'], { ...env, PORT: '0' });
    const [, url] = await one.says(/"type":"ready","url":"([^"]+)"/);
    const { port, host } = new URL(url!);
    const [asking, looking, silent] = [1, 2, 3].map(() => connect(Number(port), '127.0.0.1')) as [
      Socket,
      Socket,
      Socket,
    ];
    await Promise.all([asking, looking, silent].map((socket) => once(socket, 'connect')));
    // So that both have been taken, and are not turned away by the system.
    await fetch(`${url}/connection`);
    const ended = one.kill();
    await one.says(/"type":"stopping"/);
    asking.write(`GET /rulrr/connection HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    looking.write(`GET /health HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    const [answer, health] = await Promise.all([text(asking), text(looking)]);
    assert.match(health, /^HTTP\/1\.1 503 [^]*\{"status":"stopping"\}/, 'nobody else is sent here');
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.match(answer, /^Connection: close\r$/m);
    const late = AbortSignal.timeout(15_000);
    const { code } = await Promise.race([ended, once(late, 'abort').then(() => assert.fail('it goes on'))]);
    assert.equal(code, 0);
    silent.destroy();
  });

  it('behind a load balancer, knows its own page and those of tills elsewhere, and no other', async () => {
    const one = running(['proxy'], {
      ...env,
      PORT: '0',
      RULRR_BASE_PATH: '/till/rulrr/',
      RULRR_ORIGIN: 'https://pos.example',
      RULRR_ALLOWED_ORIGINS: 'https://a.example, https://b.example',
    });
    const [, url] = await one.says(/"type":"ready","url":"([^"]+)"/);
    assert.equal(new URL(url!).pathname, '/till/rulrr');
    const forget = async (Origin: string) =>
      (await fetch(`${url}/connection`, { method: 'DELETE', headers: { 'Rulrr-Embed': '1', Origin } })).status;
    for (const known of ['https://pos.example', 'https://a.example', 'https://b.example'])
      assert.equal(await forget(known), 204, known);
    for (const stranger of [new URL(url!).origin, 'https://c.example'])
      assert.equal(await forget(stranger), 403, stranger);
    await one.kill();
  });

  it('is not healthy while its store cannot be read, and is again afterwards', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rulrr-cli-'));
    const path = join(folder, 'rulrr.db');
    const one = running(['proxy'], { ...env, PORT: '0', RULRR_STORE_URL: `file:${path}` });
    const [, url] = await one.says(/"health":"([^"]+)"/);
    const health = async () => {
      const answer = await fetch(url!);
      return [answer.status, ((await answer.json()) as { status: string }).status];
    };
    assert.deepEqual(await health(), [200, 'ok']);
    for (const file of [path, `${path}-wal`, `${path}-shm`]) rmSync(file, { force: true });
    mkdirSync(path);
    assert.deepEqual(await health(), [503, 'store unavailable']);
    assert.deepEqual(await health(), [503, 'store unavailable']);
    rmSync(path, { recursive: true });
    assert.deepEqual(await health(), [200, 'ok']);
    await one.kill();
    rmSync(folder, { recursive: true });
  });

  it('is not healthy while its store can be read and takes nothing, and is again afterwards', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'rulrr-cli-'));
    const store = `file:${join(folder, 'rulrr.db')}`;
    const one = running(['proxy'], { ...env, PORT: '0', RULRR_STORE_URL: store });
    t.after(() => one.kill());
    const [, url] = await one.says(/"health":"([^"]+)"/);
    const { createClient } = await import('@libsql/client');
    const another = createClient({ url: store });
    const holding = await another.transaction('write');
    const answer = await fetch(url!);
    assert.equal(answer.status, 503);
    assert.deepEqual(await answer.json(), { status: 'store unavailable', code: 'ETIMEDOUT' });
    await holding.rollback();
    another.close();
    assert.equal((await fetch(url!)).status, 200);
    await one.kill();
    rmSync(folder, { recursive: true });
  });

  it('says why its store takes nothing: in /health, and once in its log, without waiting for a merchant', async (t) => {
    const server = await startPostgres();
    if (!server) return t.skip('PostgreSQL cannot be had here');
    const owner = new pg.Client(`${server.connectionString}?options=-c%20default_transaction_read_only%3Doff`);
    await owner.connect();
    t.after(async () => {
      await owner.end();
      await server.remove();
    });
    // As a standby is, after a failover.
    const readOnly = async (on: boolean) => {
      await owner.query(`ALTER SYSTEM SET default_transaction_read_only = ${on}`);
      await owner.query('SELECT pg_reload_conf()');
    };
    const start = () => running(['proxy'], { ...env, PORT: '0', RULRR_STORE_URL: server.connectionString });
    const one = start();
    t.after(() => one.kill());
    const [, url] = await one.says(/"health":"([^"]+)"/);
    const health = async () => (await fetch(url!)).json();
    const failed = { status: 'store unavailable', code: '25006' };
    const told = () =>
      one
        .output()
        .split('\n')
        .filter((line) => line.includes('"store-failed"'));
    for (const times of [1, 2]) {
      await readOnly(true);
      await until(async () => !isDeepStrictEqual(await health(), { status: 'ok' }));
      for (let asked = 0; asked < 3; asked++) assert.deepEqual(await health(), failed);
      assert.equal(told().length, times, one.output());
      await readOnly(false);
      await until(async () => isDeepStrictEqual(await health(), { status: 'ok' }));
    }
    const { type, code, text } = JSON.parse(told()[0]!) as Record<string, string>;
    assert.deepEqual([type, code], ['store-failed', '25006']);
    assert.match(text!, /read only.*standby/);

    await readOnly(true);
    await until(async () => isDeepStrictEqual(await health(), failed));
    const another = start();
    t.after(() => another.kill());
    await another.says(/"type":"store-failed","code":"25006"/);
  });

  it('ends as soon as it has said that its port is in use, whatever connections its store has open', async (t) => {
    const server = await startPostgres();
    if (!server) return t.skip('PostgreSQL cannot be had here');
    t.after(() => server.remove());
    const taken = new URL(vendor.origin).port;
    const one = running(['proxy'], { ...env, RULRR_STORE_URL: server.connectionString, PORT: taken });
    await one.says(/is in use/);
    const said = performance.now();
    assert.equal((await one.ends()).code, 1);
    // An idle connection is kept for ten.
    const seconds = (performance.now() - said) / 1000;
    assert.ok(seconds < 5, `${seconds} s`);
  });

  it('says what to make for a role that may make no tables, and starts once that is done as the guide has it', async (t) => {
    const server = await startPostgres();
    if (!server) return t.skip('PostgreSQL cannot be had here');
    const owner = new pg.Client(server.connectionString);
    await owner.connect();
    t.after(async () => {
      await owner.end();
      await server.remove();
    });
    await owner.query('CREATE ROLE pos LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC');
    const store = server.connectionString.replace('till@', 'pos@');
    const start = () => running(['proxy'], { ...env, PORT: '0', RULRR_STORE_URL: store });
    const refused = await start().ends();
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /^RULRR_STORE_URL: The token store does not open \(42501\)\. .*"Going live"/);

    const guide = readFileSync(new URL('../../demo/guides/going-live.md', import.meta.url), 'utf8');
    const [, sql] = /```sql\n([^]*?)```/.exec(guide)!;
    await owner.query(sql!);
    const one = start();
    t.after(() => one.kill());
    const [, health] = await one.says(/"health":"([^"]+)"/);
    assert.equal((await fetch(health!)).status, 200);
  });

  it('shows the vendor who is asking, however receipts are sent and wherever the secret is kept', async () => {
    seen.length = 0;
    const folder = mkdtempSync(join(tmpdir(), 'rulrr-cli-'));
    const files = { store: 'memory:\n', secret: `${sendSecret}\n` };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const ways: Record<string, string>[] = [
      { RULRR_SEND: 'order' },
      { RULRR_SEND_URL: `${vendor.origin}/send` },
      {},
      {
        RULRR_SEND_SECRET: '',
        RULRR_SEND_SECRET_FILE: join(folder, 'secret'),
        RULRR_STORE_URL: '',
        RULRR_STORE_URL_FILE: join(folder, 'store'),
      },
    ];
    for (const send of ways) {
      const one = running(['proxy'], { ...env, PORT: '0', ...send });
      const [, url] = await one.says(/"type":"ready","url":"([^"]+)"/);
      await fetch(`${url}/connection`);
      await one.kill();
    }
    rmSync(folder, { recursive: true });
    assert.deepEqual(seen, [sendSecret, sendSecret, sendSecret, sendSecret]);
  });
});

describe('rulrr-embed demo', () => {
  it('serves its till, and ends on SIGTERM', async () => {
    const port = await freePort();
    const demo = running(['demo', '--port', String(port)]);
    const said = await demo.says(/Ctrl\+C ends it|rulrr-embed\.iife\.js is missing/);
    if (said[0].includes('missing')) {
      // From the sources the script tag has to be built first; that is said, and is no crash.
      assert.equal((await demo.ends()).code, 1);
      return;
    }
    const page = await fetch(`http://localhost:${port}/`);
    assert.equal(page.status, 200);
    assert.match(page.headers.get('Content-Security-Policy') ?? '', /frame-src http/);
    for (const path of ['/page.js', '/page.css', '/rulrr-embed.iife.js', '/rulrr/connection'])
      assert.equal((await fetch(`http://localhost:${port}${path}`)).status, 200, path);
    assert.equal((await demo.kill()).code, 0);
  });

  it('numbers orders and forgets for its own page alone, and numbers above those that a page had before', async () => {
    const demo = running(['demo', '--port', '0']);
    const [url] = await demo.says(/http:\/\/localhost:\d+\//);
    const ask = (path: string, method = 'GET', site?: string) =>
      fetch(url + path, { method, headers: site ? { 'Sec-Fetch-Site': site } : {} });
    const number = async (after: string | number) => {
      const answer = await ask(`demo/orders?after=${after}`, 'POST', 'same-origin');
      return Number(((await answer.json()) as { orderId: string }).orderId);
    };
    const first = await number(0);
    assert.equal(await number(0), first + 1);
    assert.equal(await number(first + 10), first + 11);
    assert.equal(await number('nonsense'), first + 12);
    for (const path of ['demo/orders', 'demo/reset']) {
      assert.equal((await ask(path, 'POST', 'cross-site')).status, 404, `another site, ${path}`);
      assert.equal((await ask(path)).status, 404, `a link to ${path}`);
      assert.ok((await ask(path, 'POST')).ok, `a browser that does not say where from, ${path}`);
    }
    assert.equal((await ask('?from=a-bookmark')).status, 200);
    assert.equal((await ask('', 'POST')).status, 404);
    assert.equal((await ask('nothing')).status, 404);
    await demo.kill();
  });

  it('is given its port by the environment, too', async () => {
    const port = await freePort();
    const demo = running(['demo'], { PORT: String(port) });
    await demo.says(new RegExp(`http://localhost:${port}/\n`));
    await demo.kill();
  });
});
