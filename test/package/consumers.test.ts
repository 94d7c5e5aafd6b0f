// What a vendor's own tools make of the installed package: bundlers, the type check in each way of resolving, `require`, a proxy that answers.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { build as esbuild } from 'esbuild';
import { build as vite } from 'vite';
import { launchChromium } from '../support/chromium.mjs';
import { installPacked, root, run, serve, watchedPage } from './support.js';

const page = `import 'rulrr-embed/define.js';
import type {
  Connection, ConnectState, ConnectStrings, EreceiptOutcome, EreceiptSend, FetchLike, NumberReason, NumpadStrings, PromptPhase,
  RulrrConnect, RulrrEreceiptNumpad,
} from 'rulrr-embed';
/** Every type that the README's tables name, as a page of one's own would. */
export interface Till {
  fetch: FetchLike; send: EreceiptSend; connection: Connection | null; connecting: ConnectState; asking: PromptPhase;
  why: NumberReason | null; words: Partial<NumpadStrings> & Partial<ConnectStrings>; last: EreceiptOutcome;
}
const connect: RulrrConnect = document.createElement('rulrr-connect');
const pad: RulrrEreceiptNumpad = document.createElement('rulrr-ereceipt-numpad');
pad.send = async ({ phoneNumber }) => { document.title = phoneNumber; };
/** Whoever hands on what the server answered has it judged: a 500 prints. */
export const judged: EreceiptSend = ({ orderId, signal }) => fetch('/receipts/' + orderId, { method: 'POST', signal });
connect.addEventListener('connect-finished', (event) => console.log(event.detail.ereceipt));
pad.addEventListener('print-receipt', (event) => console.log(event.detail.reason));
document.body.append(connect, pad);
`;

const server = `import { createServer } from 'node:http';
import { RulrrApi, RulrrApiError } from 'rulrr-embed/api';
import { checkProxy } from 'rulrr-embed/conformance';
import { createRulrrProxy, memoryTokenStore } from 'rulrr-embed/proxy';
import { libsqlTokenStore } from 'rulrr-embed/proxy/libsql';
import { toNodeHandler } from 'rulrr-embed/proxy/node';
import { postgresTokenStore } from 'rulrr-embed/proxy/postgres';
import { createSandbox } from 'rulrr-embed/sandbox';
const client = { clientId: 'shop', clientSecret: 'shop-secret' };
const listen = async (handler: Parameters<typeof createServer>[1]) => {
  const server = createServer(handler).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return 'http://127.0.0.1:' + (server.address() as { port: number }).port;
};
const apiBaseUrl = await listen(toNodeHandler(createSandbox({ clients: [client] })));
const proxy = createRulrrProxy({
  ...client, apiBaseUrl, connectBaseUrl: apiBaseUrl + '/connect/', sealingKeys: ['a sealing key that is long enough for this'],
  tokenStore: memoryTokenStore(), authorize: () => ({ storeId: 'store-1' }), onEvent: () => {},
});
const origin = await listen(toNodeHandler(proxy));
const started = await fetch(origin + '/rulrr/integrations', { method: 'POST', headers: { 'Rulrr-Embed': '1', Origin: origin } });
const { id } = (await started.json()) as { id: string };
const polled = await fetch(origin + '/rulrr/integrations/' + id);
const { status } = (await polled.json()) as { status: string };
console.log(started.status, polled.status, status);
export const rest = [RulrrApi, RulrrApiError, checkProxy, libsqlTokenStore, postgresTokenStore];
process.exit(0);
`;

/** A server that has no DOM, and takes optional fields at their word. */
const strict = `import { RulrrApi, type StoreProfile } from 'rulrr-embed/api';
import { checkProxy } from 'rulrr-embed/conformance';
import { createRulrrProxy, memoryTokenStore } from 'rulrr-embed/proxy';
import { createSandbox, serveSandbox } from 'rulrr-embed/sandbox';
interface Order { orderId: string; total: string }
export async function run(order: Order, signal: AbortSignal | undefined, ms: number | undefined, word: string | undefined) {
  const client = { clientId: 'shop', clientSecret: 'shop-secret' };
  const clock = undefined, onRawAnswer = undefined, given = undefined;
  const api = new RulrrApi({
    ...client, apiBaseUrl: 'https://api.example', accessToken: word, fetch: given, clock, timeoutMs: ms, redeemTimeoutMs: ms,
    maxAnswerBytes: ms, refreshRequest: given, parseRefresh: given, customersUploadUrl: given,
  });
  await api.createIntegration({ signal });
  await api.retrieveTokens('it', { signal, onRawAnswer });
  const profile: StoreProfile = { storeName: 'Deli', storeAddress: '2 Side Street', storeCountryCode: 'DE', storeCity: word };
  await api.updateStore(profile);
  await api.createOrder(order, { signal });
  await api.uploadCustomers('name', 'text/csv');
  await api.uploadCustomers(new Uint8Array([1]), 'text/csv');
  // @ts-expect-error a body is none of any shape
  await api.uploadCustomers({ wrong: 1 }, 'text/csv');
  const sandbox = createSandbox({ clients: [client], now: given, save: given, state: word, control: given, accessTokenTtlMs: ms });
  sandbox.faults.set({ route: 'token', kind: 'slow', ms, times: ms, status: ms, at: ms, retryAfter: word, location: word, headers: given });
  await serveSandbox({ clients: [client], port: ms, host: word, stateFile: word });
  await checkProxy('http://127.0.0.1/rulrr', {
    headers: given, otherHeaders: given, origin: word, sandbox: given, phoneNumber: word, canaries: given, fetch: given, timeoutMs: ms,
  });
  return createRulrrProxy({
    ...client, apiBaseUrl: 'https://api.example', connectBaseUrl: process.env['RULRR_CONNECT_BASE_URL'], basePath: word, origin: word,
    sealingKeys: ['a sealing key that is long enough for this'], tokenStore: memoryTokenStore(), authorize: () => null, fetch: given,
    sendEreceipt: given, allowedOrigins: given, allowedHeaders: given, onEvent: given, integrationTtlMs: ms, sendTimeoutMs: ms,
    startLimit: given, checkFraming: given, statusTtlMs: ms, budgetPerSecond: ms, readEreceipt: given, refreshRequest: given,
    parseRefresh: given, clock,
  });
}
`;

describe('the installed package', () => {
  let project = '';
  let remove = () => {};

  before(() => {
    ({ project, remove } = installPacked());
    writeFileSync(join(project, 'page.ts'), page);
    writeFileSync(join(project, 'server.ts'), server);
    writeFileSync(join(project, 'strict.ts'), strict);
    symlinkSync(join(root, 'node_modules/@types/node'), join(project, 'node_modules/@types/node'), 'junction');
  });
  after(() => remove());

  for (const [module, moduleResolution] of [
    ['node16', 'node16'],
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ] as const) {
    it(`passes the type check with moduleResolution ${moduleResolution}, its declarations included`, () => {
      const options = { module, moduleResolution, target: 'es2022', lib: ['es2022', 'dom', 'dom.iterable'] };
      writeFileSync(
        join(project, 'tsconfig.json'),
        JSON.stringify({
          compilerOptions: { ...options, strict: true, noEmit: true, skipLibCheck: false, types: ['node'] },
          files: ['page.ts', 'server.ts'],
        }),
      );
      assert.deepEqual(run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project], project), {
        status: 0,
        output: '',
      });
    });
  }

  it('passes the type check of a server without the DOM, as strict as it goes', () => {
    const options = { module: 'nodenext', moduleResolution: 'nodenext', target: 'es2022', lib: ['es2023'] };
    writeFileSync(
      join(project, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          ...options, strict: true, exactOptionalPropertyTypes: true, noEmit: true, skipLibCheck: false, types: ['node'],
        },
        files: ['server.ts', 'strict.ts'],
      }), // prettier-ignore
    );
    assert.deepEqual(run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project], project), {
      status: 0,
      output: '',
    });
  });

  it('answers a browser from a proxy of three lines', async () => {
    const { code } = await (await import('esbuild')).transform(server, { loader: 'ts', format: 'esm' });
    writeFileSync(join(project, 'server.js'), code);
    assert.deepEqual(run(process.execPath, ['server.js'], project), { status: 0, output: '201 200 pending\n' });
  });

  it('is given to require, or refused in words that say what to do', () => {
    writeFileSync(join(project, 'old.cjs'), `console.log(typeof require('rulrr-embed/proxy').createRulrrProxy);`);
    const { status, output } = run(process.execPath, ['old.cjs'], project);
    // Node 20.19 and newer load ES modules by require; a flag or an older one refuses with this code.
    if (status === 0) assert.equal(output.trim().split('\n').at(-1), 'function');
    else assert.match(output, /ERR_REQUIRE_ESM/);
  });

  const bundlers: Record<string, () => Promise<unknown>> = {
    vite: () =>
      vite({
        root: project,
        configFile: false,
        logLevel: 'silent',
        build: {
          outDir: 'out-vite',
          rolldownOptions: { input: join(project, 'page.ts'), output: { entryFileNames: 'page.js' } },
        },
      }),
    esbuild: () =>
      esbuild({
        entryPoints: [join(project, 'page.ts')],
        bundle: true,
        splitting: true,
        minify: true,
        format: 'esm',
        outdir: join(project, 'out-esbuild'),
        logLevel: 'silent',
      }),
  };
  for (const [name, bundle] of Object.entries(bundlers)) {
    it(`bundled by ${name}, registers both elements and sends a foreign number by rules that load on demand`, async () => {
      await bundle();
      const folder = join(project, `out-${name}`);
      const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.js'));
      const world = files.filter(
        (file) =>
          readFileSync(join(folder, file), 'utf8').includes('country_calling_codes:{1:[`US`,`AG`') ||
          /country_calling_codes["':{ ]+1["']?:\[.US.,.AG./.test(readFileSync(join(folder, file), 'utf8')),
      );
      assert.equal(world.length, 1, 'the rules of the world stand in one file');
      assert.ok(!world[0]!.endsWith('page.js'), 'and not in the one that loads first');
      const site = await serve(folder, (url) =>
        url.pathname === '/'
          ? { body: '<!doctype html><title>till</title><body><script type="module" src="/page.js"></script>' }
          : url.pathname === '/favicon.ico'
            ? { body: '', status: 204 }
            : url.pathname === '/rulrr/connection'
              ? { body: '{"connected":false,"ereceipt":false,"expiration":null}', type: 'application/json' }
              : null,
      );
      const browser = await launchChromium();
      try {
        const { page: tab, problems } = await watchedPage(browser);
        await tab.goto(site.origin);
        const pad = tab.locator('rulrr-ereceipt-numpad');
        await pad.evaluate((element) => void (element as HTMLElementTagNameMap['rulrr-ereceipt-numpad']).prompt('1'));
        for (const key of ['plus', ...'819012345678']) await pad.locator(`[data-key="${key}"]`).click();
        await tab.waitForFunction(() => document.querySelector('rulrr-ereceipt-numpad')!.value === '+819012345678');
        await pad.locator('[part~="send"]').click();
        await tab.waitForFunction(() => document.title === '+819012345678');
        assert.deepEqual(problems, []);
      } finally {
        await browser.close();
        await site.close();
      }
    });
  }
});
