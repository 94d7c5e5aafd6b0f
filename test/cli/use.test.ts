// What a user sees who gets it right, and who does not: words and an exit code, never a stack trace.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { runCheck } from '../../src/cli/check.js';
import { listen } from '../support/listen.mjs';
import { rulrr, running } from './support.js';

const stack = /\n\s+at .+:\d+:\d+/;

describe('rulrr-embed, used wrongly', { concurrency: 3 }, () => {
  const cases: [args: string[], says: RegExp][] = [
    [['nonsense'], /unknown command 'nonsense'/],
    [['check'], /missing required argument 'proxy-url'/],
    [['demo', '--nonsense'], /unknown option '--nonsense'/],
    [['demo', '--port', 'seventy'], /--port must be a number/],
    [['demo', '--port', '65536'], /--port must be a number from 0 to 65535/],
    // Chromium says ERR_UNSAFE_PORT, and the proxy's own calls to the sandbox would fail as "bad port".
    [['demo', '--port', '6000'], /--port: browsers .* open no port 6000/],
    [['sandbox', '--port', '5060'], /--port: browsers .* open no port 5060/],
    [['check', '/rulrr'], /url/i],
    [['check', 'http://127.0.0.1:9/rulrr', '-H', 'no colon'], /--header must be "Name: value"/],
    [['check', 'http://127.0.0.1:9/rulrr', '--secret-env', 'NOT_THERE'], /NOT_THERE: there is no such variable/],
    [['sandbox', '--scenario', 'nonsense'], /no scenario "nonsense".*Scenarios: /],
    [['sandbox', '--fault', 'token:nonsense'], /kinds are /],
    [['sandbox', '--fault', 'nonsense:reset'], /routes are /],
    [['sandbox', '--port', '0', '--fault', 'token:status'], /needs a "status"/],
    [['sandbox', '--port', '0', '--fault', 'token:slow:ms=soon'], /ms must be a whole number, not "soon"/],
    [['sandbox', '--port', '0', '--fault', 'token:slow:times=0'], /"times" must be 1 or more/],
    [['sandbox', '--port', '0', '--fault', 'token:slow:m=5'], /"m=5" is none of .*ms=/],
    [['sandbox', '--port', '0', '--fault', 'token:slow:ms='], /"ms=" is none of .*ms=/],
    [['sandbox', '--client', 'a: '], /--client must be/],
    [['proxy', '--env', 'not-there.env'], /not-there\.env: it cannot be read \(ENOENT\)/],
    [['demo', 'extra'], /too many arguments/],
    [['demo', '--port', ''], /--port must be a number/],
    [['doctor', '--connect-base-url', ''], /--connect-base-url must be an http\(s\) URL/],
    [['sandbox', '--client', 'nosecret'], /--client must be/],
    [['sandbox', '--client', ' :x'], /--client must be/],
    [['sandbox', '--client', 'a:x', '--client', 'a:y'], /--client: "a" is there more than once/],
    // A flag has no way to say which headers.
    [['sandbox', '--port', '0', '--fault', 'token:headers'], /kinds are (?!.*headers)/],
    [['doctor', '--page', 'pos.example'], /--page must be an http\(s\) URL/],
    [['doctor', '--page', ''], /--page must be an http\(s\) URL/],
    [['doctor', '--proxy', ''], /--proxy must be an http\(s\) URL/],
    [['sandbox', '--state', ''], /--state must not be empty/],
    [['sandbox', '--env', ''], /--env must not be empty/],
    [['sandbox', '--host', ''], /--host must not be empty/],
    [['sandbox', '--scenario', ''], /no scenario "".*Scenarios: /],
    [['check', 'http://127.0.0.1:9/rulrr', '--timeout', '1e12'], /--timeout must be a number of seconds up to 86400/],
    [['check', 'http://127.0.0.1:9/rulrr', '--timeout', '0'], /--timeout must be a number of seconds up to 86400/],
    [['check', 'http://127.0.0.1:9/rulrr', '--phone', '12'], /^--phone must be E\.164/],
    [['check', 'http://127.0.0.1:9/rulrr', '--sandbox', 'localhost:4444'], /^--sandbox must be the http\(s\) URL/],
    [['check', 'http://127.0.0.1:9/rulrr', '--origin', 'nonsense'], /^--origin must be scheme, host and port/],
  ];
  for (const [args, says] of cases) {
    it(`${args.join(' ')}: exit code 2`, async () => {
      const { code, stdout, stderr } = await rulrr(args);
      assert.equal(code, 2, stdout + stderr);
      assert.match(stderr, says);
      assert.doesNotMatch(stdout + stderr, stack);
    });
  }

  // Debian 12 and Ubuntu 24.04 bring 18: the demo hung there, after words of a global that was missing.
  for (const [version, fits] of [
    ['18.20.8', false],
    ['20.18.3', false],
    ['20.19.0', true],
    ['22.0.0', true],
  ] as const)
    it(`with Node ${version}: ${fits ? 'goes on' : 'says which one it needs, exit code 1'}`, async () => {
      const versions = `Object.defineProperty(process,'versions',{value:{...process.versions,node:'${version}'}})`;
      const name = `Object.defineProperty(process,'version',{value:'v${version}'})`;
      const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(`${versions};${name}`)}`;
      const { code, stdout, stderr } = await rulrr(['sandbox', '--list'], { NODE_OPTIONS });
      assert.equal(code, fits ? 0 : 1, stdout + stderr);
      if (!fits)
        assert.match(stderr, new RegExp(`^rulrr-embed needs Node 20\\.19 or newer; this is v${version}\\..*\n$`));
    });

  it('demo with a PORT that is none: exit code 2', async () => {
    const { code, stderr } = await rulrr(['demo'], { PORT: 'seventy' });
    assert.equal(code, 2);
    assert.match(stderr, /^PORT must be a number from 0 to 65535, not "seventy"/);
  });

  it('sandbox --env with a file of somebody else: exit code 2, and the file stays as it was', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rulrr-cli-'));
    const file = join(folder, 'package.json');
    writeFileSync(file, '{}');
    const { code, stderr } = await rulrr(['sandbox', '--port', '0', '--env', file]);
    const now = readFileSync(file, 'utf8');
    rmSync(folder, { recursive: true });
    assert.equal(code, 2);
    assert.match(stderr, /package\.json: it exists and is not of the sandbox.*nothing was changed/);
    assert.equal(now, '{}');
  });

  it('sandbox with a scenario, and with a fault that is none: exit code 2, and the next start has no scenario', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rulrr-cli-'));
    const kept = ['sandbox', '--port', '0', '--state', join(folder, 'sandbox.json')];
    const { code, stderr } = await rulrr([...kept, '--scenario', 'send-failed', '--fault', 'token:status']);
    const next = running(kept);
    await next.says(/_sandbox\n/);
    const { stdout } = await next.kill();
    rmSync(folder, { recursive: true });
    assert.doesNotMatch(stdout, /send-failed/);
    assert.equal(code, 2);
    assert.match(stderr, /^--fault token:status: .*needs a "status"/);
  });

  for (const [title, args, says] of [
    ['doctor: a password in a URL', ['doctor', '--page', 'http://till:cli-canary@127.0.0.1:9/'], /^--page must/],
    ['check: a password in the URL', ['check', 'http://till:cli-canary@127.0.0.1:9/rulrr'], /^the URL of the proxy/],
    [
      'check: a header that cannot be sent',
      ['check', 'http://127.0.0.1:9/rulrr', '-H', 'Authorization: cli-canary 漢'],
      /^--header Authorization: the value/,
    ],
  ] as [string, string[], RegExp][]) {
    it(`${title} is refused, and not quoted`, async () => {
      const { code, stdout, stderr } = await rulrr(args);
      assert.equal(code, 2, stdout + stderr);
      assert.match(stderr, /^[^\n]+\n$/);
      assert.match(stderr, says);
      assert.doesNotMatch(stdout + stderr, /cli-canary/);
    });
  }

  it('proxy without settings lists all that are missing at once', async () => {
    const { code, stderr } = await rulrr(['proxy']);
    assert.equal(code, 2);
    for (const name of ['CLIENT_ID', 'CLIENT_SECRET', 'API_BASE_URL', 'SEALING_KEYS', 'STORE_URL', 'AUTHORIZE_URL'])
      assert.match(stderr, new RegExp(`RULRR_${name} is missing`));
    assert.doesNotMatch(stderr, stack);
  });

  it('proxy names a variable that was meant to be another one, which would quietly do nothing', async () => {
    const { code, stderr } = await rulrr(['proxy'], {
      RULRR_ALLOWED_ORIGIN: 'https://till.example',
      RULRR_SEALING_KEY_FILE: '/run/secrets/keys',
      RULRR_OF_ANOTHER: 'yes',
    });
    assert.equal(code, 2);
    assert.match(stderr, /RULRR_ALLOWED_ORIGIN is unknown; RULRR_ALLOWED_ORIGINS was meant, probably\./);
    assert.match(stderr, /RULRR_SEALING_KEY_FILE is unknown; RULRR_SEALING_KEYS_FILE was meant, probably\./);
    assert.doesNotMatch(stderr, /RULRR_OF_ANOTHER/);
  });

  it('proxy quotes no secret when it refuses its settings', async () => {
    const { code, stdout, stderr } = await rulrr(['proxy'], {
      RULRR_CLIENT_ID: 'pos',
      RULRR_CLIENT_SECRET: 'cli-canary-secret',
      RULRR_CLIENT_SECRET_FILE: '/nowhere/secret',
      RULRR_API_BASE_URL: 'not a url',
      RULRR_SEALING_KEYS: 'cli-canary-key',
      RULRR_STORE_URL: 'mysql://cli-canary-password@db/x',
      RULRR_AUTHORIZE_URL: 'http://127.0.0.1:9/',
      PORT: '99999',
    });
    assert.equal(code, 2);
    for (const says of [
      /both set/,
      /cannot be read \(ENOENT\)/,
      /API_BASE_URL must/,
      /STORE_URL must begin/,
      /PORT must/,
    ])
      assert.match(stderr, says);
    assert.doesNotMatch(stdout + stderr, /cli-canary/);
  });

  it('proxy refuses settings that would quietly do something else', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rulrr-cli-'));
    writeFileSync(join(folder, 'empty'), '\n');
    const { code, stderr } = await rulrr(['proxy'], {
      RULRR_CLIENT_SECRET_FILE: join(folder, 'empty'),
      RULRR_AUTHORIZE_URL: 'file:///etc/whoami',
      RULRR_SEND_URL: 'pos.example/send',
      RULRR_SEND: 'orders',
      RULRR_SWEEP_SECONDS: 'soon',
      RULRR_BUDGET_PER_SECOND: '0',
    });
    rmSync(folder, { recursive: true });
    assert.equal(code, 2);
    for (const says of [
      'RULRR_CLIENT_SECRET_FILE: the file is empty.',
      'RULRR_AUTHORIZE_URL must be an http(s) URL.',
      'RULRR_SEND_URL must be an http(s) URL.',
      'RULRR_SEND can only be "order".',
      'RULRR_SEND and RULRR_SEND_URL are both set; keep one.',
      'RULRR_SWEEP_SECONDS must be a number from 0 to 86400.',
      'RULRR_BUDGET_PER_SECOND must be a number from 0.1 to 1000000.',
    ])
      assert.ok(stderr.includes(says), says);
    assert.doesNotMatch(stderr, /RULRR_CLIENT_SECRET is missing/);
  });

  const settings = {
    RULRR_CLIENT_ID: 'pos', RULRR_CLIENT_SECRET: 'cli-canary-secret', RULRR_API_BASE_URL: 'http://127.0.0.1:9',
    RULRR_SEALING_KEYS: 'cli-canary-key-of-thirty-two-characters', RULRR_AUTHORIZE_URL: 'http://127.0.0.1:9/',
    RULRR_STORE_URL: 'memory:', PORT: '0',
  }; // prettier-ignore
  for (const [name, value, says] of [
    ['RULRR_CLIENT_SECRET', 'pos', 'RULRR_CLIENT_SECRET is the same'],
    ['RULRR_API_BASE_URL', 'http://api.example/cli-canary', 'RULRR_API_BASE_URL must be https'],
    ['RULRR_CONNECT_BASE_URL', 'http://connect.example/?cli-canary', 'RULRR_CONNECT_BASE_URL must be https'],
    ['RULRR_SEALING_KEYS', `${settings.RULRR_SEALING_KEYS} cli-canary`, 'RULRR_SEALING_KEYS[1] is too short'],
    ['RULRR_ALLOWED_ORIGINS', 'https://pos.example/cli-canary', 'RULRR_ALLOWED_ORIGINS[0] must be scheme, host'],
    ['RULRR_ORIGIN', 'https://pos.example/cli-canary', 'RULRR_ORIGIN must be scheme, host'],
    ['RULRR_BASE_PATH', 'https://pos.example/cli-canary', 'RULRR_BASE_PATH must be a plain path'],
  ] as const) {
    it(`proxy with a ${name} that does not fit names the variable, and does not quote it: exit code 2`, async () => {
      const { code, stdout, stderr } = await rulrr(['proxy'], { ...settings, [name]: value });
      assert.equal(code, 2);
      assert.ok(stderr.startsWith(`The proxy cannot start:\n  ${says}`), stderr);
      assert.doesNotMatch(stdout + stderr, /cli-canary/);
      assert.doesNotMatch(stderr, stack);
    });
  }

  it('proxy refuses passwords in the URLs of its hooks, and names the variables', async () => {
    const { code, stdout, stderr } = await rulrr(['proxy'], {
      RULRR_AUTHORIZE_URL: 'http://till:cli-canary@127.0.0.1:9/whoami',
      RULRR_SEND_URL: 'http://cli-canary@127.0.0.1:9/send',
    });
    assert.equal(code, 2);
    for (const name of ['RULRR_AUTHORIZE_URL', 'RULRR_SEND_URL'])
      assert.match(stderr, new RegExp(`${name} must hold no user name or password`));
    assert.doesNotMatch(stdout + stderr, /cli-canary/);
  });

  it("proxy recommends the sidecar's own header for the vendor's URLs only: nobody at Rulrr reads it", async () => {
    const { code, stderr } = await rulrr(['proxy'], {
      RULRR_API_BASE_URL: 'https://till:cli-canary@api.example',
      RULRR_AUTHORIZE_URL: 'http://till:cli-canary@127.0.0.1:9/whoami',
    });
    assert.equal(code, 2);
    assert.match(stderr, /^ {2}RULRR_API_BASE_URL must hold no user name or password\.$/m);
    assert.match(stderr, /^ {2}RULRR_AUTHORIZE_URL must hold .*; RULRR_SEND_SECRET is sent as a header\.$/m);
  });

  it('proxy refuses a secret that no header can carry, without quoting it', async () => {
    for (const odd of ['cli-canary\nline', 'cli-canary 漢']) {
      const { code, stdout, stderr } = await rulrr(['proxy'], { RULRR_SEND_SECRET: odd });
      assert.equal(code, 2);
      assert.match(stderr, /RULRR_SEND_SECRET must be one line of plain characters/);
      assert.doesNotMatch(stdout + stderr, /cli-canary/);
    }
  });

  it('proxy takes what is set already for more than what its file says', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rulrr-cli-'));
    const file = join(folder, '.env');
    writeFileSync(file, 'RULRR_AUTHORIZE_URL=of the file\nRULRR_SEND_URL=of the file\n');
    const { stderr } = await rulrr(['proxy', '--env', file], { RULRR_AUTHORIZE_URL: 'https://pos.example/whoami' });
    assert.match(stderr, /RULRR_SEND_URL must be an http\(s\) URL/);
    assert.doesNotMatch(stderr, /RULRR_AUTHORIZE_URL/);
    rmSync(folder, { recursive: true });
  });

  it('proxy reads a file as editors on Windows write it, and says so where it cannot', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rulrr-cli-'));
    const file = join(folder, '.env');
    const text = '\ufeffRULRR_CLIENT_ID=pos\r\nRULRR_API_BASE_URL=https://api.example\r\n';
    writeFileSync(file, text);
    const utf8 = await rulrr(['proxy', '--env', file]);
    assert.match(utf8.stderr, /RULRR_SEALING_KEYS is missing/);
    assert.doesNotMatch(utf8.stderr, /CLIENT_ID is missing|API_BASE_URL/);
    writeFileSync(file, text, 'utf16le');
    const utf16 = await rulrr(['proxy', '--env', file]);
    assert.equal(utf16.code, 2);
    assert.match(utf16.stderr, /^--env .*: it is not UTF-8\. Save it so\.\n$/);
    rmSync(folder, { recursive: true });
  });

  it('proxy says what its store needs where it cannot be opened', async () => {
    const proxy = (url: string) => rulrr(['proxy'], {
      RULRR_CLIENT_ID: 'pos', RULRR_CLIENT_SECRET: 'a secret of nobody', RULRR_API_BASE_URL: 'http://127.0.0.1:9',
      RULRR_SEALING_KEYS: '0123456789abcdefghijklmnopqrstuvwxyz', RULRR_AUTHORIZE_URL: 'http://127.0.0.1:9/',
      RULRR_STORE_URL: url, PORT: '0',
    }); // prettier-ignore
    const { code, stderr } = await proxy('file:/proc/rulrr.db');
    assert.equal(code, 1);
    assert.match(stderr, /^RULRR_STORE_URL: The token store does not open \(ENOENT\)\. .*own the file.*folder.*\n$/);
    const certificate = await proxy('postgres://db.example/x?sslmode=verify-full&sslrootcert=/missing');
    assert.match(certificate.stderr, /^RULRR_STORE_URL: The token store does not open \(ENOENT\)\.\n$/);
    for (const [url, advice] of [
      ['postgres://till:can#ary@db.example/x', /\(ERR_INVALID_URL\)\. .*percent-encoded/],
      ['postgres://till:canary@127.0.0.1:9/x', /\(ECONNREFUSED\)\. Nothing listens/],
    ] as const) {
      const { code, stderr: told } = await proxy(url);
      assert.equal(code, 1);
      assert.match(told, advice);
      assert.doesNotMatch(told, /can|ary/);
    }
    for (const url of ['file://host/x', 'file:///tmp/%zz']) {
      const { code, stderr: told } = await proxy(url);
      assert.equal(code, 2);
      assert.match(told, /^RULRR_STORE_URL: .*`url` names no file of this machine.*\n$/);
    }
  });

  // Below a file, in a file system that takes no files, and in one that takes no folders.
  for (const state of ['/dev/null/state.json', '/proc/state.json', '/proc/folder/state.json']) {
    it(`a state file that cannot be used, ${state}, is said in one line`, async () => {
      const { code, stdout, stderr } = await rulrr(['sandbox', '--port', '0', '--state', state]);
      assert.equal(code, 1, stdout + stderr);
      assert.match(stderr, new RegExp(`^--state ${state}: the file cannot be used \\(E[A-Z]+\\)\\.\\n$`));
    });
  }

  it('a state file of something else is said in one line, and stays as it was', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rulrr-cli-'));
    const file = join(folder, 'notes.json');
    writeFileSync(file, 'nothing of a sandbox');
    const { code, stderr } = await rulrr(['sandbox', '--port', '0', '--state', file]);
    const now = readFileSync(file, 'utf8');
    rmSync(folder, { recursive: true });
    assert.equal(code, 1);
    assert.match(stderr, /^[^\n]*notes\.json[^\n]*\n$/);
    assert.doesNotMatch(stderr, /DEBUG/);
    assert.equal(now, 'nothing of a sandbox');
  });

  it('demo: a port in use is said in one line', async () => {
    const taken = await listen((_request, response) => response.end());
    const { code, stderr } = await rulrr(['demo', '--port', String(taken.port)]);
    await taken.close();
    assert.equal(code, 1);
    assert.match(stderr, /^(Port \d+ on localhost is in use\.|rulrr-embed\.iife\.js is missing).*\n$/);
  });

  it('demo: a port in use for browsers that take localhost for IPv6 is said too', async (test) => {
    const other = createServer();
    const port = await new Promise<number>((resolve) => {
      other.once('error', () => resolve(0));
      other.listen(0, '::1', () => resolve((other.address() as AddressInfo).port));
    });
    if (!port) return test.skip('no IPv6 here');
    const { code, stderr } = await rulrr(['demo', '--port', String(port)]);
    other.close();
    assert.equal(code, 1);
    assert.match(stderr, /^(Port \d+ on localhost is in use\.|rulrr-embed\.iife\.js is missing).*\n$/);
  });

  // With a file for its state, too: that is not to blame.
  for (const more of [[], ['--state', join(tmpdir(), 'rulrr-cli-never-written.json')]]) {
    const also = more.length ? ', with --state too' : '';
    it(`an address that this machine does not have is said in one line${also}`, async () => {
      for (const host of ['192.0.2.1', 'no-such-host.invalid']) {
        const { code, stderr } = await rulrr(['sandbox', '--port', '0', '--host', host, ...more]);
        assert.equal(code, 1);
        assert.equal(stderr, `This machine has no address "${host}".\n`);
      }
    });

    it(`a port in use is said in one line${also}`, async () => {
      const taken = await listen((_request, response) => response.end());
      const { code, stderr } = await rulrr(['sandbox', '--port', String(taken.port), ...more]);
      await taken.close();
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`^Port ${taken.port} on 127\\.0\\.0\\.1 is in use\\..*\\n$`));
    });
  }

  it('what nobody foresaw is said in one line, and with DEBUG=1 with its stack', async (test) => {
    // An address of one link, without its link: the system's words differ.
    const args = ['sandbox', '--port', '0', '--host', 'fe80::1'];
    const [short, long] = await Promise.all([rulrr(args), rulrr(args, { DEBUG: '1' })]);
    if (short.stderr.startsWith('This machine')) return test.skip('here it is foreseen');
    assert.deepEqual([short.code, long.code], [1, 1]);
    assert.match(short.stderr, /^Error: [^\n]*fe80::1[^\n]* \(DEBUG=1 shows more\)\n$/);
    assert.match(long.stderr, stack);
  });
});

describe('rulrr-embed, asked for help', { concurrency: 3 }, () => {
  it('names every command, with examples', async () => {
    const { code, stdout } = await rulrr(['--help']);
    assert.equal(code, 0);
    for (const name of ['demo', 'sandbox', 'proxy', 'check', 'doctor', 'Examples:', 'Exit codes:'])
      assert.ok(stdout.includes(name), name);
  });

  it('names in the policy the connect page that it was given by flag or environment, or else that of Rulrr', async () => {
    const [flag, variable] = ['http://127.0.0.1:9/connect/', 'http://127.0.0.2:9/connect/'];
    for (const [args, env, origin] of [
      [[], { RULRR_CONNECT_BASE_URL: variable }, 'http://127.0.0.2:9'],
      [['--connect-base-url', flag], { RULRR_CONNECT_BASE_URL: variable }, 'http://127.0.0.1:9'],
    ] as const) {
      const { stdout } = await rulrr(['doctor', ...args], env);
      assert.match(stdout, new RegExp(`connect-src 'self'; frame-src ${origin};`));
    }
    const { stdout } = await rulrr(['doctor', '--help']);
    assert.match(stdout, /default:\s+"https:\/\/connect\.rulrr\.com\/"/);
  });

  it('says in words what a flag that may be repeated is without it', async () => {
    const [sandbox, check] = await Promise.all(['sandbox', 'check'].map((name) => rulrr([name, '--help'])));
    assert.match(sandbox!.stdout, /--client .*\(default:\s+sandbox, and a made-up secret\)/);
    assert.match(check!.stdout, /--header [^(]*\(default:\s+none\)/);
  });

  it('tells its version', async () => {
    const { code, stdout } = await rulrr(['--version']);
    assert.equal(code, 0);
    assert.match(stdout, /^\d+\.\d+\.\d+/);
  });

  it('lists routes, kinds and fields of faults, each of which a flag can set', async () => {
    const { code, stdout } = await rulrr(['sandbox', '--fault', 'help']);
    assert.equal(code, 0);
    const listed = /^Routes: (.*create-integration.*)\nKinds: {2}(.*lose-answer.*)\nFields: (.*)\n$/.exec(stdout);
    assert.ok(listed, stdout);
    const [, routes, kinds, fields] = listed.map((names) => names.split(', '));
    const given: Record<string, string> = { retryAfter: 'soon', status: '503' };
    const faults = kinds!.map((kind, at) => {
      const values = fields!.map((field) => `${field}=${given[field] ?? 1}`);
      return ['--fault', [routes![at % routes!.length], kind, ...values].join(':')];
    });
    const sandbox = running(['sandbox', '--port', '0', ...faults.flat()]);
    await sandbox.says(/\/_sandbox/);
    assert.equal((await sandbox.kill()).code, 0);
  });

  it('lists the scenarios', async () => {
    const { code, stdout } = await rulrr(['sandbox', '--list']);
    assert.equal(code, 0);
    assert.ok(stdout.trim().split('\n').length > 3);
    for (const line of stdout.trim().split('\n')) assert.match(line, /^[a-z0-9-]+ +\S/);
  });
});

describe('rulrr-embed check and doctor', { concurrency: 3 }, () => {
  it('check: 2 where nobody answers', async () => {
    const { code, stdout } = await rulrr(['check', 'http://127.0.0.1:9/rulrr']);
    assert.equal(code, 2, stdout);
    // The rest would fail as well, and tell nobody anything; nor would more flags help.
    assert.match(stdout, /^✖ [^\n]+ \(reachable\)\n( {4}[^\n]+\n){3}\n0 passed, 1 failed, \d+ left out\n$/);
  });

  it('check tells what passed, what was left out and why, and of what failed what to change', async () => {
    const server = await listen((_request, response) => response.end('hello'));
    const url = `${server.origin}/rulrr`;
    const [short, long] = await Promise.all([rulrr(['check', url]), rulrr(['check', url, '--verbose'])]);
    await server.close();
    assert.deepEqual([short.code, long.code], [1, 1]);
    for (const { stdout } of [short, long]) {
      assert.match(stdout, /^✖ [^\n]+ \(connection-shape\)\n {4}was: .+\n {4}wanted: .+\n {4}change: .+\n[✔✖–]/m);
      assert.match(stdout, /^– [^\n]+ \(unauthorized\): .+\n[✔✖–]/m);
      const [, ...counts] = /\n(\d+) passed, (\d+) failed, (\d+) left out\nWith --sandbox/.exec(stdout)!;
      const lines = ['✔', '✖', '–'].map((sign) => stdout.split(`\n${sign} `).length - 1);
      // The first line has none before it.
      assert.deepEqual(counts.map(Number), [lines[0]! + 1, lines[1], lines[2]]);
    }
    assert.match(short.stdout, /^✔ [^\n]+ \(cors-strangers\)\n[✔✖–]/m);
    assert.match(long.stdout, /^✔ [^\n]+ \(cors-strangers\)\n {4}.+\n[✔✖–]/m);
  });

  // As the port of a container does in which nothing listens. Node's fetch waits there for its signal, which keeps no process up.
  it('check and doctor say so where connections are closed as soon as they are taken', async () => {
    const port = createServer((socket) => socket.on('error', () => {}).destroy());
    await new Promise<void>((resolve) => port.listen(0, '127.0.0.1', resolve));
    const origin = `http://127.0.0.1:${(port.address() as AddressInfo).port}`;
    const [check, doctor] = await Promise.all([
      rulrr(['check', `${origin}/rulrr`, '--timeout', '2']),
      rulrr(['doctor', '--connect-base-url', origin]),
    ]);
    port.close();
    assert.match(check.stdout, /✖ .*\(reachable\)[^]*No answer/);
    assert.match(doctor.stdout, /Connect page: .* does not answer/);
    assert.deepEqual([check.code, doctor.code], [2, 0]);
  });

  it('check waits for an answer as long as --timeout says, in seconds', async () => {
    const waited: number[] = [];
    const silent = await listen((_request, response) => {
      const since = performance.now();
      response.on('close', () => waited.push(performance.now() - since));
    });
    const { code, stdout } = await rulrr(['check', `${silent.origin}/rulrr`, '--timeout', '2']);
    await silent.close();
    assert.equal(code, 2, stdout);
    assert.ok(waited[0]! > 200 && waited[0]! < 15_000, `${waited[0]} ms`);
  });

  it('check sends every header that it is given, several cookies too', async () => {
    const came: IncomingHttpHeaders[] = [];
    // A redirect, at which the check ends.
    const server = await listen((request, response) => {
      came.push(request.headers);
      response.writeHead(302, { Location: '/' }).end();
    });
    const headers = ['Cookie: session=till-1', 'X-Till: 1', 'cookie: team=2', 'x-till: 2', 'X_Team: a: b'];
    await rulrr(['check', `${server.origin}/rulrr`, ...headers.flatMap((line) => ['-H', line])]);
    await server.close();
    const { cookie, 'x-till': till, x_team: team } = came[0]!;
    assert.deepEqual([cookie, till, team], ['session=till-1; team=2', '1, 2', 'a: b']);
  });

  it('check: 2 where --sandbox leads to none, before anything is forgotten', async () => {
    const methods: string[] = [];
    const server = await listen((request, response) => {
      methods.push(request.method!);
      response.setHeader('Content-Type', 'application/json');
      response.end('{"connected":false,"ereceipt":false,"expiration":null}');
    });
    const { code, stdout, stderr } = await rulrr(['check', `${server.origin}/rulrr`, '--sandbox', server.origin]);
    await server.close();
    assert.equal(code, 2, stdout);
    assert.match(stderr, /^--sandbox does not lead to a sandbox[^\n]+\n$/);
    assert.ok(!methods.includes('DELETE'));
  });

  it('check --json: 1 where something is wrong, with what to change', async () => {
    const server = await listen((_request, response) => response.end('hello'));
    const { code, stdout } = await rulrr(['check', `${server.origin}/rulrr`, '--json', '--timeout', '5']);
    await server.close();
    assert.equal(code, 1);
    const report = JSON.parse(stdout) as { ok: boolean; checks: { id: string; status: string; help: string }[] };
    assert.equal(report.ok, false);
    const noStore = report.checks.find(({ id }) => id === 'no-store');
    assert.equal(noStore?.status, 'fail');
    assert.ok(noStore.help);
  });

  it('doctor says what page, policy and proxy lack', async () => {
    const server = await listen((request, response) => {
      if (request.url === '/connect/') response.setHeader('X-Frame-Options', 'DENY');
      if (request.url === '/till') response.setHeader('Content-Security-Policy', "default-src 'self'");
      response.end('hello');
    });
    const args = ['--connect-base-url', `${server.origin.replace('127.0.0.1', 'localhost')}/connect/`];
    const flags = [...args, '--page', `${server.origin}/till`, '--proxy', `${server.origin}/rulrr`];
    const [words, json] = await Promise.all([rulrr(['doctor', ...flags]), rulrr(['doctor', ...flags, '--json'])]);
    await server.close();
    assert.equal(words.code, 1);
    for (const says of [/refuses to be framed/, /frame-src lacks/, /that is not the proxy/, /no Cache-Control/])
      assert.match(words.stdout, says);
    const findings = JSON.parse(json.stdout) as { status: string }[];
    assert.ok(findings.filter(({ status }) => status === 'problem').length >= 4);
  });
});

it(
  'check does not wait for a --sandbox that does not answer for longer than --timeout',
  { timeout: 60_000 },
  async (t) => {
    const proxy = await listen((_request, response) => response.end('hello'));
    let asked = () => {};
    const silence = new Promise<void>((resolve) => (asked = resolve));
    const silent = await listen(() => asked());
    t.after(() => Promise.all([proxy.close(), silent.close()]));
    const flags = { header: [], otherHeader: [], secretEnv: [], sandbox: silent.origin, timeout: '30' };
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const refused = assert.rejects(
      runCheck(`${proxy.origin}/rulrr`, flags, {}),
      /^\w+: --sandbox does not lead to a sandbox/,
    );
    await silence;
    t.mock.timers.tick(30_000);
    await refused;
  },
);
