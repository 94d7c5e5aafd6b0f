// Every block of the README is copied out of it and run, in an empty project with the packed tarball: what a newcomer does in the first five minutes.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { read, root, run, serve } from '../package/support.js';
import { launchChromium } from '../support/chromium.mjs';
import { linkStore } from '../support/merchant.mjs';
import { freePort } from '../support/listen.mjs';
import { until } from '../support/until.js';
import { answers, blocksOf, emptyProject, put, stopAll, typed, type Block, type Running } from './support.js';

const blocks = blocksOf();
const ran = new Set<Block>();
const info = JSON.parse(read('package.json')) as { scripts: Record<string, string>; dependencies: object };

function file(name: string): Block {
  const block = blocks.find((one) => one.file === name);
  assert.ok(block, `README.md has a block for ${name}`);
  ran.add(block);
  return block;
}

/** The line of a shell block that begins so, or holds this. */
function line(part: string): string {
  for (const block of blocks) {
    const found = block.language === 'sh' && block.text.split('\n').find((one) => one.includes(part));
    if (!found) continue;
    ran.add(block);
    return found;
  }
  throw new assert.AssertionError({ message: `README.md has no command with "${part}"` });
}

/** Connects the store on the page of the README, as operator and merchant do. */
async function connect(page: Page): Promise<void> {
  await page.locator('rulrr-connect [part~="button"]').click();
  await linkStore(page.frameLocator('rulrr-connect iframe'));
  await page.locator('rulrr-connect[state="finished"]').waitFor();
}

async function text(page: Page, digits: string): Promise<void> {
  for (const digit of digits) await page.locator(`rulrr-ereceipt-numpad [data-key="${digit}"]`).click();
  await page.locator('rulrr-ereceipt-numpad [part~="send"][aria-disabled="false"]').click();
}

describe('README.md', { timeout: 600_000 }, () => {
  const project = emptyProject();
  const { folder } = project;
  let browser: Browser;
  let sandboxPort: number;
  let sandbox: Running;
  let api: string;

  /** What the customer's phone has, from the sandbox itself. */
  async function messages(): Promise<{ orderId: string; phoneNumber: string }[]> {
    const state = await fetch(`${api}/_sandbox/state`);
    return ((await state.json()) as { messages: { orderId: string; phoneNumber: string }[] }).messages;
  }
  const forget = () => fetch(`${api}/_sandbox/reset`, { method: 'POST' });

  async function newPage(): Promise<{ page: Page; problems: string[] }> {
    const page = await browser.newPage();
    page.setDefaultTimeout(60_000);
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' && !/favicon/.test(message.location().url)) problems.push(message.text());
    });
    return { page, problems };
  }

  before(async () => {
    browser = await launchChromium();
    sandboxPort = await freePort();
    sandbox = typed(`${line('rulrr-embed sandbox')} --port ${sandboxPort}`, folder);
    await sandbox.says(/is in \.env/);
    api = `http://127.0.0.1:${sandboxPort}`;
    for (const name of ['public/index.html', 'rulrr.mjs']) put(folder, file(name));
  });
  after(async () => {
    await stopAll();
    await browser?.close();
    project.remove();
  });

  it('shows a picture that is there', () => {
    const [, path] = /!\[[^\]]{20,}\]\(([^)]+\.png)\)/.exec(read('README.md')) ?? [];
    assert.ok(path, 'a picture, and what it shows in words');
    const image = readFileSync(join(root, path));
    assert.equal(image.toString('latin1', 1, 4), 'PNG');
    assert.ok(image.readUInt32BE(16) >= 1000, 'wide enough for a page');
    assert.ok(statSync(join(root, path)).size < 300_000);
    assert.match(info.scripts['screenshots']!, /make\.mjs/);
  });

  it('tells of scripts that there are, and links to files that there are', () => {
    const readme = read('README.md');
    for (const [, name] of readme.matchAll(/`npm (?:run )?(start|test|build|generate|bench|screenshots|test:\w+)`/g))
      assert.ok(info.scripts[name!], `npm run ${name}`);
    for (const [, target] of readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g))
      assert.ok(existsSync(join(root, target!)), target);
  });

  it('`npm start` prints one URL, and the till is there', async () => {
    const port = await freePort();
    const start = typed(line('npm start'), root, { PORT: String(port), RULRR_DEMO_DATA: join(folder, 'demo-data') });
    const [, url] = await start.says(/Open (http:\/\/localhost:\d+\/)/);
    assert.match(await (await fetch(url!)).text(), /<rulrr-connect/);
    await start.stop();
    // The other command of the same block is the one that runs this test.
    assert.equal(line('npm test'), 'npm test');
  });

  it('`npx rulrr-embed demo`: a store is connected and a receipt texted', async () => {
    const demo = typed(`${line('rulrr-embed demo')} --port 0`, folder);
    const [, url] = await demo.says(/(http:\/\/localhost:\d+\/)[^]*Ctrl\+C/);
    const { page, problems } = await newPage();
    await page.goto(url!);
    await connect(page);
    await page.locator('[data-demo="pay"]').click();
    await text(page, /tap a number such as\s+([\d ]+)/.exec(read('README.md'))![1]!.replaceAll(/\D/g, ''));
    const sms = page.locator('[data-demo="sms"] [data-phone-number]');
    await sms.first().waitFor();
    assert.equal(await sms.first().getAttribute('data-phone-number'), '+12133734253');
    assert.equal(await page.locator('[data-demo="paper"] [data-order-id]').count(), 0, 'no paper');
    assert.deepEqual(problems, []);
    await page.close();
    await demo.stop();
  });

  it('`npm install` names packages that the blocks need', () => {
    const install = line('npm install').split(' ').slice(2);
    assert.ok(install.includes('rulrr-embed') && install.includes('@libsql/client'), String(install));
  });

  it('the sandbox writes what the proxy needs into .env, readable by its owner alone', () => {
    const written = readFileSync(join(folder, '.env'), 'utf8');
    for (const { text: source } of blocks)
      for (const [, name] of source.matchAll(/process\.env\.(RULRR_\w+)/g))
        assert.match(written, new RegExp(`^${name}=.+$`, 'm'));
    assert.equal(statSync(join(folder, '.env')).mode & 0o077, 0);
  });

  for (const name of ['server.mjs', 'express.mjs', 'hono.mjs']) {
    it(`${name} with the script tag's page: a store is connected, a receipt texted, another printed`, async () => {
      await forget();
      put(folder, file(name));
      const port = await freePort();
      const server = typed(line('node --env-file').replace('server.mjs', name), folder, { PORT: String(port) });
      const url = `http://localhost:${port}`;
      await answers(`${url}/`, server);
      const { page, problems } = await newPage();
      await page.goto(`${url}/`);
      await connect(page);
      await page.locator('#pay').click();
      await text(page, '2133734253');
      await page.locator('#printer', { hasText: /^no paper for order-\d+/ }).waitFor();
      assert.deepEqual(
        (await messages()).map(({ phoneNumber }) => phoneNumber),
        ['+12133734253'],
      );
      await page.locator('rulrr-ereceipt-numpad[state="idle"]').waitFor({ state: 'attached' });
      await page.locator('#pay').click();
      await page.locator('rulrr-ereceipt-numpad [part~="print"]').click();
      await page.locator('#printer', { hasText: /print order-\d+: declined/ }).waitFor();
      assert.equal((await messages()).length, 1);
      assert.deepEqual(problems, [], 'the page throws nothing, and the script is what its hash says');
      await fetch(`${url}/rulrr/connection`, { method: 'DELETE', headers: { 'Rulrr-Embed': '1', Origin: url } });
      await page.close();
      await server.stop();
    });
  }

  it('in production, until `authorize` is written, nobody is let in', async () => {
    put(folder, file('server.mjs'));
    const port = await freePort();
    const env = { PORT: String(port), NODE_ENV: 'production' };
    const server = typed(line('node --env-file'), folder, env);
    await answers(`http://localhost:${port}/`, server);
    assert.equal((await fetch(`http://localhost:${port}/rulrr/connection`)).status, 401);
    await server.stop();
  });

  it('till.js, bundled: `afterPayment` says how the order ended', async () => {
    put(folder, file('till.js'));
    const { outputFiles } = await build({
      stdin: {
        contents: "import { afterPayment } from './till.js'; window.afterPayment = afterPayment;",
        resolveDir: folder,
      },
      bundle: true,
      format: 'esm',
      write: false,
      outdir: folder,
      logLevel: 'silent',
    });
    const bundle = outputFiles[0]!.text;
    const answer = (body: object) => ({ body: JSON.stringify(body), type: 'application/json' });
    const site = await serve(folder, ({ pathname }) => {
      if (pathname === '/')
        return { body: '<!doctype html><title>till</title><body><script type="module" src="/bundle.js"></script>' };
      if (pathname === '/bundle.js') return { body: bundle, type: 'text/javascript' };
      if (pathname === '/rulrr/connection') return answer({ connected: true, ereceipt: true, expiration: null });
      if (pathname === '/rulrr/ereceipts') return answer({ sent: true });
      return null;
    });
    const { page, problems } = await newPage();
    await page.goto(site.origin);
    await page.locator('rulrr-connect [part~="button"]').waitFor();
    const sent = page.evaluate(() =>
      (window as unknown as { afterPayment(id: string): Promise<object> }).afterPayment('order-7'),
    );
    await text(page, '2133734253');
    assert.deepEqual(await sent, { type: 'ereceipt-sent', orderId: 'order-7', phoneNumber: '+12133734253' });
    assert.deepEqual(problems, []);
    await page.close();
    await site.close();
  });

  it('the sidecar starts from .env; `check` and `doctor` look at it', async () => {
    const whoami = await serve(folder, ({ pathname }) =>
      pathname === '/whoami'
        ? { body: '{"storeId":"store-1"}', type: 'application/json' }
        : { body: '<!doctype html><title>till</title>' },
    );
    const port = await freePort();
    const put8787 = (command: string) => command.replaceAll('localhost:8787', `127.0.0.1:${port}`);
    const command = line('rulrr-embed proxy').replace('http://localhost:8000', whoami.origin);
    const sidecar = typed(command, folder, { PORT: String(port), RULRR_ALLOWED_ORIGINS: whoami.origin });
    await sidecar.says(/"type":"ready"/);
    const check = typed(put8787(line('rulrr-embed check')), folder);
    assert.equal(await check.ended, 0, check.output());
    assert.match(check.output(), /passed, 0 failed/);
    const page = `--page ${whoami.origin}/ --connect-base-url ${api}/connect/`;
    const doctor = typed(put8787(line('rulrr-embed doctor')).replace(/--page \S+/, page), folder);
    assert.equal(await doctor.ended, 0, doctor.output());
    assert.match(doctor.output(), /Connect page: /);
    assert.match(doctor.output(), /✔ Proxy: answers with Cache-Control: no-store/);
    await sidecar.stop();
    await whoami.close();
  });

  describe('beside other languages', { concurrency: true }, () => {
    for (const [language, tool] of [
      ['php', 'php'],
      ['python', 'python3'],
    ] as const) {
      it(`demo/${language}/README.md, typed in a clone: its proxy passes every check`, async (test) => {
        if (run(tool, ['--version']).status !== 0) return test.skip(`${tool} is not installed`);
        const [upstream, port] = [await freePort(), await freePort()];
        const [{ text: printed }] = blocksOf(read(`demo/${language}/README.md`)) as [Block];
        // In one go: the one number may hold the other.
        const moved = printed.replaceAll(/4444|8080/g, (given) => String(given === '4444' ? upstream : port));
        const [build, ...commands] = moved.replace(' sandbox ', ` sandbox --port ${upstream} `).split('\n');
        // A fresh clone has no `dist`, and npx, asked too early, does not find the command afterwards either.
        assert.equal(build, 'npm run build');
        const other = commands.indexOf('# In another terminal:');
        const stored = {
          RULRR_DATA: join(folder, 'rows'),
          RULRR_DATABASE: join(folder, 'rows.db'),
          PORT: String(port),
        };
        const proxy = typed(commands.slice(0, other).join('\n'), root, stored);
        await proxy.says(/stand-in is ready/);
        await until(() =>
          fetch(`http://127.0.0.1:${port}/rulrr/connection`).then(
            ({ status }) => status === 401,
            () => false,
          ),
        );
        const check = typed(commands.slice(other).join('\n'), root);
        assert.equal(await check.ended, 0, check.output() + proxy.output());
        assert.match(check.output(), / passed, 0 failed, 0 left out/);
        await proxy.stop();
      });
    }
  });

  it('the guides start the command without npx also where pnpm has installed it', async () => {
    const bin = join(folder, 'node_modules/.bin/rulrr-embed');
    const guides = ['going-live', 'quickstart-measured'].map((name) => read(`demo/guides/${name}.md`)).join('\n');
    const commands = Array.from(guides.matchAll(/`(node \S+) proxy\b/g), ([, command]) => command!);
    assert.ok(commands.length >= 2);
    // As pnpm writes it, and npm on Windows: no JavaScript.
    rmSync(bin);
    writeFileSync(bin, '#!/bin/sh\nexec node "$(dirname "$0")/../rulrr-embed/dist/cli/main.js" "$@"\n', {
      mode: 0o755,
    });
    for (const command of commands) {
      const version = typed(`${command} --version`, folder);
      assert.equal(await version.ended, 0, version.output());
    }
  });

  it('has no block that no test has run', () => {
    const left = blocks.filter((block) => !ran.has(block));
    assert.deepEqual(
      left.map(({ text: source }) => source),
      [],
    );
    assert.ok(blocks.length >= 11);
  });
});
