import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect as connectTo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { checkProxy } from '../../src/conformance/index.js';
import type { ServedSandbox } from '../../src/sandbox/index.js';
import { freePort, listen } from '../support/listen.mjs';
import { until } from '../support/until.js';
import { client, openSandbox, sealingKey } from './support/served.js';

const root = new URL('../..', import.meta.url).pathname;
const own = { Cookie: 'session=till-1' };
const other = { Cookie: 'session=till-2' };

function installed(command: string, debianPackage: string): boolean {
  const runs = () => spawnSync(command, ['--version']).status === 0;
  if (runs()) return true;
  if (!existsSync('/etc/debian_version') || process.getuid?.() !== 0) return false;
  spawnSync('apt-get', ['update', '-qq']);
  spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', debianPackage]);
  return runs();
}

const languages = [
  {
    name: 'PHP',
    command: 'php',
    debianPackage: 'php-cli',
    args: (port: number) => ['-S', `127.0.0.1:${port}`, 'demo/php/proxy.php'],
    env: (folder: string) => ({ RULRR_DATA: folder, PHP_CLI_SERVER_WORKERS: '4' }),
    encrypts: true,
    // Its server has the whole body before it runs the script.
    readsAll: true,
  },
  {
    name: 'Python',
    command: 'python3',
    debianPackage: 'python3',
    args: () => ['demo/python/proxy.py'],
    env: (folder: string, port: number) => ({ RULRR_DATABASE: join(folder, 'rulrr.db'), PORT: String(port) }),
    encrypts: false,
    readsAll: false,
  },
];

function runSql(database: string, sql: string): void {
  const python = 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute(sys.argv[2])';
  assert.equal(spawnSync('python3', ['-c', python, database, sql]).status, 0);
}

/** Makes the store refuse what is written of sessions; answers with what makes it take them again. */
function refuseRows(folder: string): () => void {
  const sessions = join(folder, 'flow');
  if (!existsSync(sessions)) {
    const run = (sql: string) => runSql(join(folder, 'rulrr.db'), sql);
    run("CREATE TRIGGER refuse BEFORE UPDATE OF raw ON flows BEGIN SELECT RAISE(ABORT, 'refused'); END");
    return () => run('DROP TRIGGER refuse');
  }
  // In the place of the file that is written beside a row.
  const ways = readdirSync(sessions)
    .filter((name) => /^[0-9a-f]{64}$/.test(name))
    .map((name) => join(sessions, `${name}.new`));
  for (const way of ways) mkdirSync(way);
  return () => ways.forEach((way) => rmdirSync(way));
}

/** Makes the store refuse the tokens of the store `till-1`; answers with what makes it take them again. */
function refuseStore(folder: string): () => void {
  const database = join(folder, 'rulrr.db');
  if (existsSync(database)) {
    runSql(database, "CREATE TRIGGER closed BEFORE INSERT ON stores BEGIN SELECT RAISE(ABORT, 'refused'); END");
    return () => runSql(database, 'DROP TRIGGER closed');
  }
  const way = join(folder, 'store', `${createHash('sha256').update('till-1').digest('hex')}.new`);
  mkdirSync(way);
  return () => rmdirSync(way);
}

/** Leaves a store's row as it is after the clock was set back by a day. */
function setClockBack(folder: string): void {
  const php =
    'include "demo/php/proxy.php"; $row = read_row("store", "till-1"); $row["started"] += 86400; write_row("store", "till-1", $row);';
  const python = `import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as db: db.execute("UPDATE stores SET started = started + 86400")`;
  const database = join(folder, 'rulrr.db');
  const [command, ...args] = existsSync(database) ? ['python3', '-c', python, database] : ['php', '-r', php];
  const env = { ...process.env, RULRR_DATA: folder, RULRR_SEALING_KEY: sealingKey };
  assert.equal(spawnSync(command!, args, { cwd: root, env }).status, 0);
}

/** Leaves a session as it is after the clock was set back by a day: Rulrr was asked tomorrow. */
function setAskedAhead(folder: string, id: string): void {
  const php = `include "demo/php/proxy.php"; $flow = unseal($argv[1], "id", "integration")["flow"];
$row = read_row("flow", $flow); $row["askedAt"] += 86400; write_row("flow", $flow, $row);`;
  const python = `import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as db: db.execute("UPDATE flows SET asked = asked + 86400")`;
  const database = join(folder, 'rulrr.db');
  const [command, ...args] = existsSync(database) ? ['python3', '-c', python, database] : ['php', '-r', php, '--', id];
  const env = { ...process.env, RULRR_DATA: folder, RULRR_SEALING_KEY: sealingKey };
  assert.equal(spawnSync(command!, args, { cwd: root, env }).status, 0);
}

/** Keeps the store from taking the idempotency key `stalled` until what is answered is called. */
async function stallKey(folder: string): Promise<() => void> {
  const database = join(folder, 'rulrr.db');
  const python = `import sqlite3, sys
sqlite3.connect(sys.argv[1], isolation_level=None).execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()`;
  // A pipe in the place of the lock: who opens it waits for a reader.
  const pipe = join(folder, 'key', `${createHash('sha256').update('till-1\nstalled').digest('hex')}.lock`);
  if (!existsSync(database)) assert.equal(spawnSync('mkfifo', [pipe]).status, 0);
  const [command, ...args] = existsSync(database)
    ? ['python3', '-c', python, database]
    : ['sh', '-c', 'echo held; read go; exec 3< "$0"; cat', pipe];
  const child = spawn(command!, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child.stdout!, 'data');
  return () => child.stdin!.end('go\n');
}

/**
 * Keeps the store from writing down that the key `after-full` was sent, as a disk that is full by then does; answers with what lets it write
 * again.
 */
function refuseSent(folder: string): () => void {
  const database = join(folder, 'rulrr.db');
  if (existsSync(database)) {
    runSql(database, "CREATE TRIGGER full BEFORE UPDATE OF sent ON sends BEGIN SELECT RAISE(ABORT, 'full'); END");
    return () => runSql(database, 'DROP TRIGGER full');
  }
  const way = join(folder, 'key', `${createHash('sha256').update('till-1\nafter-full').digest('hex')}.new`);
  mkdirSync(way);
  return () => rmdirSync(way);
}

/** Keeps the store from opening what a key and a session need; answers with what lets it. */
function blockRows(folder: string): () => void {
  const database = join(folder, 'rulrr.db');
  const ways = existsSync(database) ? [database] : ['key', 'store'].map((kind) => join(folder, kind));
  for (const way of ways) {
    renameSync(way, `${way}.away`);
    if (way === database) mkdirSync(way);
    else {
      mkdirSync(way);
      for (const id of ['till-1', 'till-1\nblocked'])
        mkdirSync(join(way, `${createHash('sha256').update(id).digest('hex')}.lock`));
    }
  }
  return () => {
    for (const way of ways) {
      rmSync(way, { recursive: true });
      renameSync(`${way}.away`, way);
    }
  };
}

/** Every file below a folder, as one text. */
function everything(folder: string): string {
  return (readdirSync(folder, { recursive: true }) as string[])
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, 'latin1'))
    .join('\n');
}

/** Takes what is Rulrr's in the test's own hand: given the call, and its answer as the sandbox has it. */
type Wire = (response: ServerResponse, answer: () => Promise<Response>) => unknown;

/** Stands before the sandbox. The next call whose path ends as named goes to its wire; all others through. */
async function openRelay(sandbox: ServedSandbox) {
  const next = new Map<string, Wire>();
  const relay = await listen((request: IncomingMessage, response: ServerResponse) => {
    const path = request.url!.split('?')[0]!;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method } = request;
      const answer = () =>
        fetch(sandbox.origin + request.url!, {
          method,
          headers: { 'Content-Type': 'application/json' },
          ...(method === 'POST' ? { body: Buffer.concat(chunks) } : {}),
        });
      const key = [...next.keys()].find((end) => `${method} ${path}`.endsWith(end));
      const wire: Wire = key ? next.get(key)! : plain;
      if (key) next.delete(key);
      void wire(response, answer);
    });
  });
  return { ...relay, next };
}

/** Faults of the sandbox's wire come through as they are. */
const plain: Wire = async (response, answer) => {
  try {
    const given = await answer();
    const text = await given.text();
    response.writeHead(given.status, { 'Content-Type': given.headers.get('Content-Type') ?? '' }).end(text);
  } catch {
    response.destroy();
  }
};

for (const { name, command, debianPackage, args, env, encrypts, readsAll } of languages) {
  const missing = !installed(command, debianPackage) && `${command} is not installed`;
  describe(`the proxy in ${name}`, { skip: missing }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'rulrr-proxy-'));
    let sandbox: ServedSandbox;
    let relay: Awaited<ReturnType<typeof openRelay>>;
    let url: string;
    let output = '';
    let stop: (signal?: NodeJS.Signals) => Promise<void>;

    before(async () => {
      sandbox = await openSandbox();
      relay = await openRelay(sandbox);
      const port = await freePort();
      url = `http://127.0.0.1:${port}/rulrr`;
      const child = spawn(command, args(port), {
        cwd: root,
        // A group of its own: PHP's server works in processes of its own.
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          ...process.env,
          RULRR_CLIENT_ID: client.clientId,
          RULRR_CLIENT_SECRET: client.clientSecret,
          RULRR_API_BASE_URL: relay.origin,
          RULRR_CONNECT_BASE_URL: sandbox.connectBaseUrl,
          RULRR_SEALING_KEY: sealingKey,
          // As people write them, and no browser does.
          RULRR_ORIGIN: `HTTP://127.0.0.1:${port}/`,
          RULRR_ALLOWED_ORIGINS: 'https://Elsewhere.example/, https://b.example',
          ...env(folder, port),
        },
      });
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (output += String(text)));
      const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      stop = async (signal = 'SIGTERM') => {
        process.kill(-child.pid!, signal);
        await ended;
      };
      for (let tries = 0; tries < 100; tries++) {
        if (
          await fetch(`${url}/connection`).then(
            () => true,
            () => false,
          )
        )
          return;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      throw new Error(`It did not start: ${output}`);
    });
    after(async () => {
      await stop?.();
      await relay?.close();
      await sandbox?.close();
      rmSync(folder, { recursive: true, force: true });
    });

    const tillHeaders = () => ({ ...own, 'Rulrr-Embed': '1', Origin: new URL(url).origin });
    /** A session that the merchant has finished, and nobody has asked about. Answers with its id. */
    const finished = async (ereceipt = 'on'): Promise<string> => {
      const { id, connectUrl } = await begun();
      await finish(connectUrl, ereceipt);
      return id;
    };
    const begun = async () => {
      const started = await fetch(`${url}/integrations`, { method: 'POST', headers: tillHeaders() });
      return (await started.json()) as { id: string; connectUrl: string };
    };
    const finish = async (connectUrl: string, ereceipt = 'on'): Promise<void> => {
      const form = new URLSearchParams(new URL(connectUrl).search);
      for (const [field, value] of Object.entries({ action: 'finish', ereceipt, step: '3' })) form.set(field, value);
      await fetch(`${sandbox.origin}/connect/`, { method: 'POST', body: form, redirect: 'manual' });
    };

    it('passes every check, the whole story included', async () => {
      const report = await checkProxy(url, {
        headers: own,
        otherHeaders: other,
        sandbox: sandbox.origin,
        canaries: [client.clientSecret, sealingKey],
      });
      const bad = report.checks.filter(({ status }) => status !== 'pass').map(({ id, actual }) => `${id}: ${actual}`);
      assert.deepEqual(bad, []);
    });

    it('asks again after an error, and says connect again only where the tokens are surely lost', async () => {
      const headers = tillHeaders();
      /** Connects with one fault on the call for the tokens; answers with what the last poll said. */
      const connect = async (fault: object): Promise<string> => {
        sandbox.sandbox.faults.set({ route: 'token', kind: 'status', times: 1, ...fault });
        const id = await finished();
        for (let tries = 0; ; tries++) {
          const answer = await fetch(`${url}/integrations/${id}`, { headers });
          const { status, code } = (await answer.json()) as { status: string | number; code?: string };
          if (status !== 'pending' && ![502, 504].includes(answer.status)) return code ?? String(status);
          assert.ok(tries < 40, 'it never ended');
          await new Promise((resolve) => setTimeout(resolve, 250));
        }
      };
      assert.equal(await connect({ status: 500 }), 'finished');
      assert.equal(await connect({ kind: 'reset' }), 'finished');
      for (const kind of ['cut', 'bad-json', 'lose-answer']) assert.equal(await connect({ kind }), 'tokens_lost', kind);
    });

    it('says that it is set up wrongly where Rulrr refuses its id or secret', async () => {
      for (const status of [400, 403]) {
        sandbox.sandbox.faults.set({ route: 'create-integration', kind: 'status', status, times: 1 });
        const answer = await fetch(`${url}/integrations`, { method: 'POST', headers: tillHeaders() });
        const { code } = (await answer.json()) as { code: string };
        assert.deepEqual([answer.status, code], [500, 'misconfigured']);
      }
    });

    it('lets no session that was begun before the store was disconnected connect it again', async () => {
      const headers = tillHeaders();
      const poll = async (id: string) => (await fetch(`${url}/integrations/${id}`, { headers })).status;
      const connected = async () =>
        ((await (await fetch(`${url}/connection`, { headers })).json()) as { connected: boolean }).connected;
      const before = await finished();
      assert.equal((await fetch(`${url}/connection`, { method: 'DELETE', headers })).status, 204);
      assert.deepEqual([await poll(before), await connected()], [410, false]);
      const after = await finished();
      assert.deepEqual([await poll(after), await connected()], [200, true]);
      assert.equal(await poll(before), 410, 'it is over, whoever has connected since');
    });

    it('says that a receipt was sent only where the answer says so', async () => {
      const till = tillHeaders();
      const id = await finished();
      assert.match(await (await fetch(`${url}/integrations/${id}`, { headers: till })).text(), /"finished"/);
      const send = async (orderId: string): Promise<unknown[]> => {
        const answer = await fetch(`${url}/ereceipts`, {
          method: 'POST',
          headers: { ...till, 'Content-Type': 'application/json', 'Idempotency-Key': orderId },
          body: JSON.stringify({ orderId, phoneNumber: '+12133734253' }),
        });
        return [answer.status, ((await answer.json()) as { code?: string }).code];
      };
      const refused = { route: 'post-order', kind: 'status', status: 200, times: 1 } as const;
      sandbox.sandbox.faults.set(refused);
      assert.deepEqual(await send('refused'), [502, 'send_failed'], 'success: false');
      for (const kind of ['cut', 'bad-json'] as const) {
        sandbox.sandbox.faults.set({ route: 'post-order', kind, times: 1 });
        assert.deepEqual(await send(kind), [504, 'send_unconfirmed'], kind);
      }
      for (const status of [408, 499]) {
        sandbox.sandbox.faults.set({ route: 'post-order', kind: 'status', status, times: 1 });
        assert.deepEqual(await send(`late-${status}`), [504, 'send_unconfirmed'], 'a gateway may have passed it on');
      }
      assert.deepEqual(await send('whole'), [200, undefined]);
    });

    const poll = async (id: string): Promise<unknown[]> => {
      const answer = await fetch(`${url}/integrations/${id}`, {
        headers: tillHeaders(),
        signal: AbortSignal.timeout(20_000),
      });
      const { status, code } = (await answer.json()) as { status: unknown; code?: string };
      return [answer.status, code ?? status];
    };
    const send = async (orderId: string): Promise<unknown[]> => {
      const answer = await fetch(`${url}/ereceipts`, {
        method: 'POST',
        headers: { ...tillHeaders(), 'Content-Type': 'application/json', 'Idempotency-Key': orderId },
        body: JSON.stringify({ orderId, phoneNumber: '+12133734253' }),
        signal: AbortSignal.timeout(20_000),
      });
      return [answer.status, ((await answer.json()) as { code?: string }).code];
    };

    /** Sends a receipt whose body comes so many ms after its head; answers with the status. */
    const sendSlowly = async (orderId: string, ms: number): Promise<number[]> => {
      const { hostname, port, host } = new URL(url);
      const order = JSON.stringify({ orderId, phoneNumber: '+12133734253' });
      const headers = {
        ...tillHeaders(),
        Host: host,
        'Content-Type': 'application/json',
        'Idempotency-Key': orderId,
        'Content-Length': String(order.length),
        Connection: 'close',
      };
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      const socket = connectTo(Number(port), hostname);
      socket.write(`POST /rulrr/ereceipts HTTP/1.1\r\n${lines.join('')}\r\n`);
      setTimeout(() => socket.write(order), ms);
      let answer = '';
      for await (const text of socket) answer += String(text);
      return [Number(answer.split(' ', 2)[1])];
    };

    it('keeps tokens that came whole, however their connection ends, or does not', async () => {
      const endings: Record<string, (head: string, body: string) => string> = {
        'stays open': (head, body) => `${head}Content-Length: ${body.length}\r\n\r\n${body}`,
        'claims a length that it never reaches': (head, body) => `${head}Content-Length: 9999\r\n\r\n${body}`,
        'never sends its last chunk': (head, body) =>
          `${head}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n`,
      };
      for (const [ending, write] of Object.entries(endings)) {
        const id = await finished();
        relay.next.set('/integration/token', async (response, answer) => {
          const body = await (await answer()).text();
          response.socket!.write(write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n', body));
        });
        assert.deepEqual(await poll(id), [200, 'finished'], ending);
      }
    });

    it('keeps tokens that the store does not take at first', async () => {
      const id = await finished();
      relay.next.set('/integration/token', async (response, answer) => {
        const accept = refuseRows(folder);
        await plain(response, answer);
        setTimeout(accept, 700);
      });
      assert.deepEqual(await poll(id), [200, 'finished']);
    });

    it('says finished only once the tokens are in the store', async () => {
      assert.deepEqual(await poll(await finished('off')), [200, 'finished']);
      const id = await finished('on');
      const accept = refuseStore(folder);
      try {
        assert.deepEqual(await poll(id), [503, 'store_unavailable']);
        assert.deepEqual(await poll(id), [503, 'store_unavailable']);
      } finally {
        accept();
      }
      assert.deepEqual(await poll(id), [200, 'finished']);
      const connection = await fetch(`${url}/connection`, { headers: own });
      assert.equal(((await connection.json()) as { ereceipt: boolean }).ereceipt, true);
    });

    it('asks Rulrr about a session once a second, however many ask', async () => {
      const { id } = await begun();
      for (;;) {
        const since = performance.now();
        let calls = 0;
        const count: Wire = async (response, answer) => {
          calls += 1;
          await plain(response, answer);
        };
        for (let time = 0; time < 3; time++) {
          relay.next.set('GET /v1/auth/integration', count);
          assert.deepEqual(await poll(id), [200, 'pending']);
        }
        relay.next.clear();
        // On a busy machine three polls may take their second.
        if (performance.now() - since > 900) continue;
        assert.ok(calls <= 1, `it was asked ${calls} times`);
        break;
      }
    });

    it('takes the tokens of the session that was begun last, also after its clock was set back', async () => {
      const ereceipt = async () =>
        ((await (await fetch(`${url}/connection`, { headers: own })).json()) as { ereceipt: boolean }).ereceipt;
      assert.deepEqual(await poll(await finished('off')), [200, 'finished']);
      setClockBack(folder);
      const [earlier, later] = [await finished('off'), await finished('on')];
      assert.deepEqual(await poll(later), [200, 'finished']);
      assert.deepEqual(await poll(earlier), [200, 'finished']);
      assert.equal(await ereceipt(), true);
      const begun = await finished();
      assert.equal((await fetch(`${url}/connection`, { method: 'DELETE', headers: tillHeaders() })).status, 204);
      assert.deepEqual(await poll(begun), [410, 'expired'], 'begun before it was forgotten');
      assert.deepEqual(await poll(await finished()), [200, 'finished']);
    });

    it('takes whatever Rulrr may say with an answer that is good', async () => {
      /** An answer of the sandbox, as another server would have written it. */
      const rewritten =
        (change: (answer: Record<string, unknown>) => string | Buffer): Wire =>
        async (response, answer) => {
          const said = (await (await answer()).json()) as Record<string, unknown>;
          response.writeHead(201, { 'Content-Type': 'application/json' }).end(change(said));
        };
      for (const path of ['POST /v1/auth/integration', 'GET /v1/auth/integration'])
        relay.next.set(path, rewritten(JSON.stringify));
      relay.next.set(
        '/integration/token',
        rewritten((said) => {
          const odd = { ...said, expiration: 1798761600, refreshToken: {}, note: '?' };
          const text = Buffer.from(JSON.stringify(odd).replace('"?"', '"\x80"'), 'latin1');
          return Buffer.concat([Buffer.from('\ufeff'), text]);
        }),
      );
      assert.deepEqual(await poll(await finished()), [200, 'finished']);
      const { expiration } = (await (await fetch(`${url}/connection`, { headers: own })).json()) as Record<
        string,
        string
      >;
      assert.match(expiration!, /^2027-01-01T00:00:00(\.000)?Z$/);
    });

    it('goes on with a session where its clock was set back', async () => {
      const { id, connectUrl } = await begun();
      assert.deepEqual(await poll(id), [200, 'pending']);
      setAskedAhead(folder, id);
      await finish(connectUrl);
      assert.deepEqual(await poll(id), [200, 'finished']);
    });

    it('holds no other till up while tokens are on their way', async () => {
      const id = await finished();
      let release = () => {};
      const underWay = new Promise<void>((asked) => {
        relay.next.set('/integration/token', async (response, answer) => {
          const held = new Promise<void>((resolve) => (release = resolve));
          asked();
          await held;
          await plain(response, answer);
        });
      });
      const first = poll(id);
      await underWay;
      try {
        assert.deepEqual(await poll(id), [200, 'pending']);
      } finally {
        release();
      }
      assert.deepEqual(await first, [200, 'finished']);
    });

    it('takes no answer that says no for a receipt that was sent', async () => {
      const answers = [
        { success: true, error: 'no credit' },
        { success: true, error: {} },
        { success: 'failed' },
        { success: true, status: 'not sent' },
        { success: true, status: ' denied' },
        { success: true, status: '400 Bad Request' },
        { success: true, data: 'rejected' },
        { success: 'false' },
        { success: null },
        { ok: 0 },
        { sent: false },
        { success: true, status: 'failed' },
        { success: true, status: 'Rejected' },
        { success: true, status: 'undelivered' },
        { success: true, status: 'Canceled' },
        { success: true, statusCode: 422 },
        { success: true, data: { sent: 'no' } },
        { data: { text: null }, errors: [{ message: 'No credit left' }] },
        { status: false },
        { success: true, data: false },
        // One of a list; Rulrr's answer itself is none.
        { success: true, data: [{ sent: true }, { sent: false }] },
        { data: [[{ error: 'no credit' }]] },
        [{ success: false }],
        [{ success: true }],
      ];
      for (const answer of answers) {
        const said = JSON.stringify(answer);
        relay.next.set('POST /v1/orders', (response) =>
          response.writeHead(200, { 'Content-Type': 'application/json' }).end(said),
        );
        assert.deepEqual(await send(`says-no ${said}`.replaceAll(' ', '')), [504, 'send_unconfirmed'], said);
      }
      const good = {
        success: true,
        ok: 1,
        sent: 'yes',
        status: 'queued',
        error: null,
        errors: [],
        data: { orderId: '7', recipients: [{ sent: true }] },
      };
      relay.next.set('POST /v1/orders', (response) =>
        response.writeHead(201, { 'Content-Type': 'application/json' }).end(JSON.stringify(good)),
      );
      assert.deepEqual(await send('says-yes'), [200, undefined]);
    });

    it('sends nothing once the till has printed, since the store was slow', async () => {
      const sent = sandbox.sandbox.orders.length;
      const release = await stallKey(folder);
      const answer = send('stalled');
      // PHP's own server does not tell when a call began that has come since; Python's reads the body itself.
      const slow = readsAll ? [502] : sendSlowly('slow-body', 8200);
      setTimeout(release, 8200);
      assert.deepEqual(await answer, [502, 'send_failed']);
      assert.deepEqual(await slow, [502]);
      assert.equal(sandbox.sandbox.orders.length, sent);
      if (encrypts) rmSync(join(folder, 'key', `${createHash('sha256').update('till-1\nstalled').digest('hex')}.lock`));
      assert.deepEqual(await send('stalled'), [200, undefined], 'its key is free');
    });

    it(
      'sends nothing once the till has printed, since a process or the way to Rulrr was slow',
      { skip: !encrypts && 'Python has no processes to wait for' },
      async () => {
        const port = await freePort();
        // The server in front says when the call came, and looking up Rulrr's name takes half a second.
        const script = join(folder, 'slow.php');
        writeFileSync(
          script,
          `<?php $_SERVER['RULRR_ARRIVED'] = (string) (microtime(true) - (float) ($_SERVER['HTTP_WAITED'] ?? 0));
           function stream_socket_client($address, &$code, &$said, $seconds) {
             usleep(500_000);
             ['host' => $host, 'port' => $port] = parse_url($address);
             return fsockopen($host, $port, $code, $said, $seconds);
           }
           require ${JSON.stringify(join(root, 'demo/php/proxy.php'))};`,
        );
        const settings = ['-d', 'disable_functions=stream_socket_client', '-S', `127.0.0.1:${port}`, script];
        const child = spawn(command, settings, {
          cwd: root,
          stdio: 'ignore',
          env: {
            ...process.env,
            RULRR_CLIENT_ID: client.clientId,
            RULRR_CLIENT_SECRET: client.clientSecret,
            RULRR_API_BASE_URL: relay.origin,
            RULRR_SEALING_KEY: sealingKey,
            RULRR_ORIGIN: new URL(url).origin,
            RULRR_DATA: folder,
          },
        });
        try {
          const slow = `http://127.0.0.1:${port}/rulrr`;
          await until(() => fetch(slow).then(Boolean, () => false));
          const after = async (seconds: number): Promise<unknown[]> => {
            const key = `waited-${seconds}`;
            const answer = await fetch(`${slow}/ereceipts`, {
              method: 'POST',
              headers: {
                ...tillHeaders(),
                'Content-Type': 'application/json',
                'Idempotency-Key': key,
                Waited: String(seconds),
              },
              body: JSON.stringify({ orderId: key, phoneNumber: '+12133734253' }),
            });
            return [answer.status, ((await answer.json()) as { code?: string }).code];
          };
          const sent = sandbox.sandbox.orders.length;
          assert.deepEqual(await after(8.1), [502, 'send_failed']);
          assert.deepEqual(await after(7.7), [502, 'send_failed']);
          assert.equal(sandbox.sandbox.orders.length, sent);
          assert.deepEqual(await after(1), [200, undefined]);
        } finally {
          child.kill();
        }
      },
    );

    it(
      'begins no send for a till that has hung up',
      { skip: encrypts && 'PHP learns of it only as it writes' },
      async () => {
        assert.deepEqual(await poll(await finished()), [200, 'finished']);
        const { hostname, port, host } = new URL(url);
        const request = (orderId: string, key: string) => ({
          headers: { ...tillHeaders(), 'Content-Type': 'application/json', 'Idempotency-Key': key },
          body: JSON.stringify({ orderId, phoneNumber: '+12133734253' }),
        });
        // Of another receipt: had the first been sent, its key would be taken.
        const another = async (key: string): Promise<number> =>
          (await fetch(`${url}/ereceipts`, { method: 'POST', ...request('another', key) })).status;
        let status = 0;
        for (let time = 0; !status && time < 5; time++) {
          const key = `hung-up-${time}`;
          const { headers, body } = request('hung-up', key);
          const lines = Object.entries({ ...headers, Host: host, 'Content-Length': String(body.length) });
          const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
          const socket = connectTo(Number(port), hostname);
          // A connection that the proxy has.
          socket.write(`GET /rulrr/nothing HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
          await once(socket, 'data');
          const release = await stallKey(folder);
          socket.write(`POST /rulrr/ereceipts HTTP/1.1\r\n${head}\r\n${body}`);
          // The first that comes has the key, and waits for the store.
          const isFirst = (await another(key)) === 409;
          socket.destroy();
          await once(socket, 'close');
          release();
          if (isFirst) await until(async () => [200, 400].includes((status = await another(key))));
        }
        assert.equal(status, 200);
        const orders = sandbox.sandbox.messages.map(({ orderId }) => orderId);
        assert.deepEqual([orders.includes('hung-up'), orders.includes('another')], [false, true]);
      },
    );

    it(
      'waits for no answer longer than a till does, however slowly it comes',
      { skip: encrypts && 'PHP has one limit for all of an answer' },
      async () => {
        assert.deepEqual(await poll(await finished()), [200, 'finished']);
        const dripping: NodeJS.Timeout[] = [];
        relay.next.set('POST /v1/orders', ({ socket }) => {
          socket!.write('HTTP/1.1 200 OK\r\nX-Slow: ');
          dripping.push(setInterval(() => socket!.write('.'), 200));
        });
        try {
          assert.deepEqual(await send('dripping'), [504, 'send_unconfirmed']);
        } finally {
          dripping.forEach(clearInterval);
        }
      },
    );

    it('lets nobody in by a store that is empty, and tells nothing of an error of yours but where it is', async () => {
      const script = join(folder, encrypts ? 'yours.php' : 'yours.py');
      const proxy = readFileSync(join(root, encrypts ? 'demo/php/proxy.php' : 'demo/python/proxy.py'), 'utf8');
      const [end, yours] = encrypts
        ? [
            /return is_string\(\$session\)[^;]*;/,
            "if ($session === 'broken') throw new Exception('a-secret'); return $session === '7' ? 7 : $session;",
          ]
        : [
            /return found\[1\] if found else None/,
            `session = headers.get("Cookie", "")[len("session="):]
    if session == "broken":
        raise ValueError("a-secret")
    return 7 if session == "7" else session`,
          ];
      assert.match(proxy, end);
      writeFileSync(
        script,
        proxy.replace(end, () => yours),
      );
      const port = await freePort();
      const child = spawn(command, encrypts ? ['-S', `127.0.0.1:${port}`, script] : [script], {
        cwd: root,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          ...process.env,
          RULRR_CLIENT_ID: client.clientId,
          RULRR_CLIENT_SECRET: client.clientSecret,
          RULRR_API_BASE_URL: relay.origin,
          RULRR_SEALING_KEY: sealingKey,
          ...env(join(folder), port),
          PHP_CLI_SERVER_WORKERS: undefined,
        },
      });
      let said = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (said += String(text)));
      try {
        const base = `http://127.0.0.1:${port}/rulrr`;
        await until(() => fetch(base).then(Boolean, () => false));
        const ask = async (session: string): Promise<unknown[]> => {
          const answer = await fetch(`${base}/connection`, { headers: { Cookie: `session=${session}` } });
          const { connected, code, detail } = (await answer.json()) as Record<string, unknown>;
          return [answer.status, connected ?? code, detail];
        };
        assert.deepEqual((await ask('')).slice(0, 2), [401, 'unauthorized']);
        assert.deepEqual(await ask('7'), [200, false, undefined]);
        assert.deepEqual(await ask('broken'), [500, 'internal', 'The proxy failed.']);
        await until(() => /(Exception in yours\.php|ValueError in yours\.py), line \d+/.test(said));
        assert.doesNotMatch(said, /a-secret/);
      } finally {
        child.kill();
      }
    });

    it(
      'connects no store again by a session from before it was disconnected, and waits no longer, where its clock was set back',
      { skip: !encrypts && 'Python keeps its sessions, and has a clock that nobody sets' },
      async () => {
        const port = await freePort();
        const [script, clock] = [join(folder, 'clock.php'), join(folder, 'clock')];
        writeFileSync(
          script,
          `<?php function microtime(): float {
             return (float) (new DateTime())->format('U.u') + (float) file_get_contents(${JSON.stringify(clock)});
           }
           function time(): int { return (int) microtime(); }
           $_SERVER['REQUEST_TIME_FLOAT'] = microtime();
           require ${JSON.stringify(join(root, 'demo/php/proxy.php'))};`,
        );
        const aheadBy = (seconds: number) => writeFileSync(clock, String(seconds));
        aheadBy(0);
        const settings = ['-d', 'disable_functions=microtime,time', '-S', `127.0.0.1:${port}`, script];
        const child = spawn(command, settings, {
          cwd: root,
          detached: true,
          stdio: 'ignore',
          env: {
            ...process.env,
            RULRR_CLIENT_ID: client.clientId,
            RULRR_CLIENT_SECRET: client.clientSecret,
            RULRR_API_BASE_URL: relay.origin,
            RULRR_CONNECT_BASE_URL: sandbox.connectBaseUrl,
            RULRR_SEALING_KEY: sealingKey,
            ...env(join(folder, 'clocks'), port),
          },
        });
        const before = url;
        try {
          url = `http://127.0.0.1:${port}/rulrr`;
          await until(() => fetch(url).then(Boolean, () => false));
          aheadBy(86_400);
          const id = await finished();
          aheadBy(0);
          assert.equal((await fetch(`${url}/connection`, { method: 'DELETE', headers: tillHeaders() })).status, 204);
          assert.deepEqual(await poll(id), [410, 'expired']);
          const another = await finished();
          let release = () => {};
          const underWay = new Promise<void>((asked) => {
            relay.next.set('/integration/token', async (response, answer) => {
              const held = new Promise<void>((resolve) => (release = resolve));
              asked();
              await held;
              await plain(response, answer);
            });
          });
          const first = poll(another);
          await underWay;
          try {
            const second = poll(another);
            setTimeout(() => aheadBy(-86_400), 1000);
            assert.deepEqual(await second, [200, 'pending']);
          } finally {
            release();
          }
          assert.deepEqual(await first, [200, 'finished']);
        } finally {
          url = before;
          process.kill(-child.pid!);
        }
      },
    );

    it('says so where a receipt was sent, though the store can no longer write it down', async () => {
      let write = () => {};
      relay.next.set('POST /v1/orders', async (response, answer) => {
        write = refuseSent(folder);
        await plain(response, answer);
      });
      const answer = await send('after-full');
      write();
      assert.deepEqual(answer, [200, undefined]);
      const sent = sandbox.sandbox.orders.length;
      assert.deepEqual(await send('after-full'), [504, 'send_unconfirmed']);
      assert.equal(sandbox.sandbox.orders.length, sent);
    });

    it('takes no row for that of another store', { skip: !encrypts && 'nothing is sealed' }, async () => {
      assert.deepEqual(await poll(await finished()), [200, 'finished']);
      const row = (store: string) => join(folder, 'store', createHash('sha256').update(store).digest('hex'));
      copyFileSync(row('till-1'), row('till-2'));
      assert.equal((await fetch(`${url}/connection`, { headers: other })).status, 503);
      rmSync(row('till-2'));
    });

    it('says that its store does not answer where that cannot be opened', async () => {
      const unblock = blockRows(folder);
      try {
        const remove = await fetch(`${url}/connection`, { method: 'DELETE', headers: tillHeaders() });
        assert.deepEqual([remove.status, remove.headers.get('Retry-After')], [503, '5']);
        assert.deepEqual(await send('blocked'), [503, 'store_unavailable']);
      } finally {
        unblock();
      }
      assert.deepEqual(await send('blocked'), [200, undefined]);
    });

    it('does not take a word in its own URL for what became of a call', async () => {
      const id = await finished();
      relay.next.set('/integration/token', async (response, answer) => {
        const body = (await (await answer()).json()) as object;
        response.end(JSON.stringify({ ...body, accessToken: 'could-not-resolve-refused' }));
      });
      assert.deepEqual(await poll(id), [200, 'finished']);
      relay.next.set('POST /v1/orders', (response) => response.destroy());
      assert.deepEqual(await send('own-url'), [504, 'send_unconfirmed']);
      assert.deepEqual(await poll(await finished()), [200, 'finished']);
    });

    it('tells a key’s first outcome, also where the store was disconnected since', async () => {
      assert.deepEqual(await send('told-again'), [200, undefined]);
      const sent = sandbox.sandbox.orders.length;
      assert.equal((await fetch(`${url}/connection`, { method: 'DELETE', headers: tillHeaders() })).status, 204);
      assert.deepEqual(await send('told-again'), [200, undefined]);
      assert.deepEqual(await send('another'), [403, 'ereceipt_disabled']);
      assert.equal(sandbox.sandbox.orders.length, sent);
      assert.deepEqual(await poll(await finished()), [200, 'finished']);
    });

    it('knows who asks, whatever other cookies there are, and its paths and ids as they are written', async () => {
      const status = async (path: string, Cookie = own.Cookie) =>
        (await fetch(new URL(url).origin + path, { headers: { Cookie } })).status;
      for (const cookie of ['prefs={"a":1}', 'flag', 'x=a b c', 't=12:30, ok'])
        assert.equal(await status('/rulrr/connection', `${cookie}; ${own.Cookie}`), 200, cookie);
      assert.equal(await status('/rulrr/connection', `other-${own.Cookie}`), 401);
      assert.equal(await status('//rulrr/connection'), 404);
      const { id } = await begun();
      assert.equal(await status(`/rulrr/integrations/${id}`), 200);
      const first = `%${id.charCodeAt(0).toString(16)}`;
      assert.equal(await status(`/rulrr/integrations/${first}${id.slice(1)}`), 404);
    });

    it('refuses in the form of the contract what it cannot read', async () => {
      const headers = { ...tillHeaders(), 'Content-Type': 'application/json' };
      const refusal = async (method: string, path: string, body?: string): Promise<unknown[]> => {
        const answer = await fetch(url + path, { method, body, headers: { ...headers, 'Idempotency-Key': 'unread' } });
        const { code } = (await answer.json().catch(() => ({}))) as { code?: string };
        return [answer.status, code, answer.headers.get('Cache-Control')];
      };
      const unread = [400, 'bad_request', 'no-store'];
      assert.deepEqual(await refusal('POST', '/ereceipts', '{"a":'.repeat(1500)), unread);
      // Half a pair: PHP reads no such text, Python any.
      const half = JSON.stringify({ orderId: '\ud800', phoneNumber: '+12133734253' });
      assert.notEqual((await refusal('POST', '/ereceipts', half))[0], 500);
      assert.deepEqual(await refusal('PROPFIND', '/connection'), [405, 'method_not_allowed', 'no-store']);
    });

    it('takes no body for a request, where its length cannot be read', async () => {
      const { hostname, port, host } = new URL(url);
      const hidden = `GET /rulrr/connection HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
      const lengths = ['-5', '0x10', '1e3', '5, 5', `0\r\nContent-Length: ${hidden.length}`];
      // What comes after a line that is no header, or an empty one, as some servers in front let through.
      const before = ['X y: z', 'X', 'Content-Length : 0', 'X\u00e9: z', 'X: y\r', ' X: y'];
      for (const header of [
        ...lengths.map((length) => `Content-Length: ${length}`),
        ...before.map((line) => `${line}\r\nContent-Length: ${hidden.length}`),
        `Content-Type: message/rfc822\r\nX y: z\r\nContent-Length: ${hidden.length}`,
        // Part of the line before it, or a line of its own: servers differ.
        `X: y\r\n Content-Length: ${hidden.length}`,
      ]) {
        const socket = connectTo(Number(port), hostname);
        let answers = '';
        socket.on('data', (text: Buffer) => (answers += String(text)));
        socket.on('error', () => {});
        socket.write(`POST /rulrr/ereceipts HTTP/1.1\r\n${header}\r\nHost: ${host}\r\n\r\n${hidden}`, 'latin1');
        await new Promise<void>((resolve) => socket.once('close', () => resolve()));
        assert.doesNotMatch(answers, /401 Unauthorized/, header);
      }
    });

    it('says so where it goes on with a connection no more, and takes the rest of a body that is too large', async () => {
      const { hostname, port, host } = new URL(url);
      const socket = connectTo({ port: Number(port), host: hostname, allowHalfOpen: true });
      const headers = { ...tillHeaders(), Host: host, 'Content-Type': 'application/json', 'Content-Length': '65536' };
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      const half = ' '.repeat(32768);
      socket.write(`POST /rulrr/ereceipts HTTP/1.1\r\n${lines.join('')}\r\n${half}`);
      if (readsAll) socket.write(half);
      let answer = '';
      for await (const text of socket.iterator({ destroyOnReturn: false })) answer += String(text);
      assert.match(answer, /^HTTP\/1.1 413 /);
      assert.match(answer, /^Connection: close\r$/im);
      if (!readsAll) socket.write(half);
      socket.end();
      const [failed] = await once(socket, 'close');
      assert.equal(failed, false, 'it was reset');
    });

    it('takes a body that breaks off for no receipt, however whole it looks, and forgets the till that went away', async () => {
      const id = await finished();
      assert.deepEqual(await poll(id), [200, 'finished']);
      const { hostname, port, host } = new URL(url);
      const order = JSON.stringify({ orderId: 'broken-off', phoneNumber: '+12133734253' });
      const headers = {
        ...tillHeaders(),
        Host: host,
        'Content-Type': 'application/json',
        'Idempotency-Key': 'broken-off',
        'Content-Length': String(order.length + 1),
      };
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      const socket = connectTo(Number(port), hostname);
      socket.end(`POST /rulrr/ereceipts HTTP/1.1\r\n${lines.join('')}\r\n${order}`);
      let answer = '';
      for await (const text of socket) answer += String(text);
      assert.match(answer, /^(HTTP\/1.1 400 |$)/);
      assert.equal(sandbox.sandbox.messages.filter(({ orderId }) => orderId === 'broken-off').length, 0);
      assert.deepEqual(await send('broken-off'), [200, undefined]);
      // What it keeps for the next call is reset.
      const asking = connectTo(Number(port), hostname);
      asking.write(`GET /rulrr/connection HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      await once(asking, 'data');
      asking.resetAndDestroy();
    });

    it('lets the pages in that it was told of, however their origins were written there, and no others', async () => {
      const status = async (Origin: string) =>
        (await fetch(`${url}/ereceipts`, { method: 'POST', headers: { ...tillHeaders(), Origin } })).status;
      for (const known of [new URL(url).origin, 'https://elsewhere.example', 'https://b.example'])
        assert.equal(await status(known), 415, known);
      for (const stranger of ['', 'http://127.0.0.1', 'https://elsewhere.example/', 'https://c.example'])
        assert.equal(await status(stranger), 403, stranger);
    });

    it('sends no secret without TLS, but to this machine: they are in the URLs', () => {
      const start = (RULRR_API_BASE_URL: string) =>
        spawnSync(
          command,
          encrypts ? ['-r', '$_COOKIE["session"] = "till-1"; include "demo/php/proxy.php";'] : args(0),
          {
            cwd: root,
            timeout: 5000,
            encoding: 'utf8',
            env: {
              ...process.env,
              RULRR_CLIENT_ID: client.clientId,
              RULRR_CLIENT_SECRET: client.clientSecret,
              RULRR_SEALING_KEY: sealingKey,
              ...env(folder, 0),
              RULRR_API_BASE_URL,
              // What PHP is asked for; Python is not even to start.
              REQUEST_METHOD: 'POST',
              REQUEST_URI: '/rulrr/integrations',
              HTTP_RULRR_EMBED: '1',
              HTTP_SEC_FETCH_SITE: 'same-origin',
            },
          },
        );
      for (const base of [
        'http://api.invalid',
        'http://127.0.0.1.invalid',
        'http://localhost@api.invalid',
        'ftp://api.invalid',
      ]) {
        const { stdout, stderr } = start(base);
        assert.match(stdout + stderr, /RULRR_API_BASE_URL must be https/, base);
      }
    });

    it(
      'sends nothing twice where the row of its key cannot be read',
      { skip: !encrypts && 'nothing is sealed' },
      async () => {
        assert.deepEqual(await send('unreadable'), [200, undefined]);
        const sent = sandbox.sandbox.orders.length;
        const keys = join(folder, 'key');
        for (const row of readdirSync(keys).filter((name) => /^[0-9a-f]{64}$/.test(name)))
          writeFileSync(join(keys, row), 'broken');
        assert.deepEqual(await send('unreadable'), [503, 'store_unavailable']);
        assert.equal(sandbox.sandbox.orders.length, sent);
      },
    );

    it('ends when it is told to, though a till goes on asking, and a redemption that is under way first', async () => {
      // PHP's own server ends at once.
      const id = encrypts ? null : await finished();
      let poll: Promise<unknown> | undefined;
      let release = () => {};
      if (id) {
        const asked = new Promise<void>((resolve) =>
          relay.next.set('/token', async (response, answer) => {
            resolve();
            await new Promise<void>((resume) => (release = resume));
            await plain(response, answer);
          }),
        );
        poll = fetch(`${url}/integrations/${id}`, { headers: own }).then(
          async (answer) => [((await answer.json()) as { status: string }).status, answer.headers.get('Connection')],
          () => 'gone',
        );
        await asked;
      }
      const ask = () =>
        fetch(`${url}/connection`, { headers: own }).then(
          () => true,
          () => false,
        );
      const asking = setInterval(() => void ask(), 100);
      const late = AbortSignal.timeout(15_000);
      // As of a terminal that is closed.
      const stopped = stop('SIGHUP');
      if (poll) await until(async () => !(await ask()));
      release();
      await Promise.race([stopped, once(late, 'abort').then(() => assert.fail('it goes on'))]);
      clearInterval(asking);
      stop = async () => {};
      // Whoever keeps the connection is told that it goes.
      if (poll) assert.deepEqual(await poll, ['finished', 'close']);
    });

    it('writes no secret to its log, and no error where a till went away', () => {
      assert.equal(output.includes(client.clientSecret), false);
      assert.doesNotMatch(output, /Traceback/);
      assert.doesNotMatch(output, /\b(it|at|rt)_[0-9a-f]{16}/);
    });

    it(encrypts ? 'keeps nothing readable in its files' : 'keeps its file to its own user', () => {
      if (encrypts) assert.doesNotMatch(everything(folder), /\b(it|at|rt)_[0-9a-f]{16}/);
      else assert.equal(statSync(join(folder, 'rulrr.db')).mode & 0o777, 0o600);
    });
  });
}

it(
  'the README of the proxy in PHP has lines for PHP-FPM that it can read, whatever key openssl makes',
  { skip: !installed('php', 'php-cli') },
  () => {
    const key = 'A/+b'.repeat(10) + 'cdw=';
    const [, lines] = /```ini\n([^]*?)```/.exec(readFileSync(join(root, 'demo/php/README.md'), 'utf8'))!;
    // PHP-FPM reads its files as PHP does its own.
    const php = 'echo json_encode(parse_ini_string($argv[1]));';
    const pool = lines!.replace('what openssl rand -base64 32 says', key);
    const { stdout } = spawnSync('php', ['-r', php, '--', pool], { encoding: 'utf8' });
    assert.ok(stdout.includes(`"RULRR_SEALING_KEY":${JSON.stringify(key).replaceAll('/', '\\/')}`), stdout);
  },
);
