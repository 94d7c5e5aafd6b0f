// What npm would publish: packed, looked through, installed into an empty project, imported and run there.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { launchChromium } from '../support/chromium.mjs';
import { installPacked, read, root, run, serve, watchedPage } from './support.js';

const info = JSON.parse(read('package.json')) as {
  exports: Record<string, string | { types: string; default?: string }>;
  sideEffects: string[];
  peerDependencies: Record<string, string>;
  version: string;
};
const modules = Object.entries(info.exports).filter(([, target]) => typeof target === 'object' && target.default);
const nameOf = (path: string) => path.replace(/^\./, 'rulrr-embed');

describe('the package', () => {
  let tarball = '';
  let packed: string[] = [];
  let project = '';
  let remove = () => {};

  before(() => {
    ({ tarball, packed, project, remove } = installPacked());
  });

  after(() => remove());

  it('holds what is needed and no more', () => {
    const top = new Set(packed.map((path) => path.split('/')[0]));
    assert.deepEqual([...top].sort(), [
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'custom-elements.json',
      'dist',
      'openapi.yaml',
      'package.json',
    ]);
    assert.deepEqual(
      packed.filter((path) =>
        /^(test|demo)\/|(^|\/)node_modules\/|\.map$|\.tsx?$(?<!\.d\.ts)|(^|\/)\.(?!well-known)|\.sqlite|\.db$/.test(
          path,
        ),
      ),
      [],
    );
  });

  it('has every file that package.json and the manifest name', () => {
    const named = [
      ...Object.values(info.exports).flatMap((target) =>
        typeof target === 'string' ? [target] : Object.values(target),
      ),
      ...['types', 'customElements', 'web-types'].map((key) => (info as unknown as Record<string, string>)[key]!),
      ...Object.values((info as unknown as { bin: Record<string, string> }).bin),
      ...(JSON.parse(read('custom-elements.json')) as { modules: { path: string }[] }).modules.map(({ path }) => path),
    ].map((path) => path.replace(/^\.\//, ''));
    assert.deepEqual(
      named.filter((path) => !packed.includes(path)),
      [],
    );
  });

  it('has a declaration beside each module', () => {
    const scripts = packed.filter((path) => /^dist\/(?!cli\/demo\/).*\.js$/.test(path) && !path.endsWith('.iife.js'));
    assert.ok(scripts.length > 20);
    assert.deepEqual(
      scripts.filter((path) => !packed.includes(path.replace(/\.js$/, '.d.ts'))),
      [],
    );
  });

  it('installs nothing that is optional, and no script of its dependencies has to run', () => {
    for (const name of Object.keys(info.peerDependencies))
      assert.ok(!existsSync(join(project, 'node_modules', name)), name);
    const lock = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { hasInstallScript?: boolean }>;
    };
    assert.deepEqual(
      Object.entries(lock.packages)
        .filter(([, entry]) => entry.hasInstallScript)
        .map(([path]) => path),
      [],
    );
  });

  for (const [path] of modules) {
    it(`${nameOf(path)} imports in Node without a DOM`, () => {
      // The two stores are the ones that need what a vendor installs beside them; they are imported, and ask for it only when they are used.
      const code = `const m = await import('${nameOf(path)}'); console.log(JSON.stringify([Object.keys(m).sort(), typeof document, typeof HTMLElement]));`;
      const { status, output } = run(process.execPath, ['--input-type=module', '-e', code], project);
      assert.equal(status, 0, output);
      const [names, document] = JSON.parse(output.trim().split('\n').at(-1)!) as [string[], string];
      assert.equal(document, 'undefined');
      if (!path.startsWith('./define')) assert.ok(names.length > 0, 'it exports something');
    });
  }

  it('exports what its users rely on', () => {
    const wanted: Record<string, string[]> = {
      'rulrr-embed': ['RulrrConnect', 'RulrrEreceiptNumpad'],
      'rulrr-embed/proxy': ['createRulrrProxy', 'memoryTokenStore'],
      'rulrr-embed/proxy/node': ['toNodeHandler'],
      'rulrr-embed/proxy/libsql': ['libsqlTokenStore'],
      'rulrr-embed/proxy/postgres': ['postgresTokenStore'],
      'rulrr-embed/api': ['RulrrApi', 'RulrrApiError'],
      'rulrr-embed/sandbox': ['createSandbox'],
      'rulrr-embed/conformance': ['checkProxy'],
    };
    const code = `const w = ${JSON.stringify(wanted)}; for (const [p, names] of Object.entries(w)) { const m = await import(p); for (const n of names) if (typeof m[n] !== 'function') console.log(p, n); }`;
    assert.deepEqual(run(process.execPath, ['--input-type=module', '-e', code], project), { status: 0, output: '' });
  });

  it('gives the script tag by its path in the package too, as bundlers ask for it', () => {
    const code = `
      const [short, path] = ['rulrr-embed.iife.js', 'dist/rulrr-embed.iife.js'].map((name) => import.meta.resolve('rulrr-embed/' + name));
      console.log(short === path);`;
    assert.deepEqual(run(process.execPath, ['--input-type=module', '-e', code], project), {
      status: 0,
      output: 'true\n',
    });
  });

  it('registers in the registering modules only', () => {
    const code = `
      const defined = [];
      globalThis.HTMLElement = class {};
      globalThis.customElements = { get: () => undefined, define: (name) => defined.push(name) };
      await import('rulrr-embed');
      const before = defined.length;
      await import('rulrr-embed/define.js');
      console.log(JSON.stringify([before, defined.sort()]));`;
    const { output } = run(process.execPath, ['--input-type=module', '-e', code], project);
    assert.deepEqual(JSON.parse(output), [0, ['rulrr-connect', 'rulrr-ereceipt-numpad']]);
  });

  it('runs its command', () => {
    const { status, output } = run(
      process.platform === 'win32' ? 'npx.cmd' : 'npx',
      ['--no-install', 'rulrr-embed', '--help'],
      project,
    );
    assert.equal(status, 0, output);
    for (const command of ['demo', 'sandbox', 'proxy', 'check', 'doctor'])
      assert.match(output, new RegExp(`\\b${command}\\b`));
  });

  it('gives publint nothing to say', () => {
    const { status, output } = run(process.execPath, [
      join(root, 'node_modules/publint/src/cli.js'),
      'run',
      tarball,
      '--strict',
    ]);
    assert.equal(status, 0, output);
    assert.match(output, /All good/i);
  });

  it('gives arethetypeswrong nothing to say', () => {
    // CSS-like entries without code (the script tag, JSON, YAML) have no types to be wrong.
    const entries = [...modules.map(([path]) => path), './jsx', './vue', './svelte'];
    // `require` of an ES module is answered by each Node that this runs on.
    const { status, output } = run(process.execPath, [
      join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js'),
      tarball,
      '--ignore-rules',
      'cjs-resolves-to-esm',
      '--no-emoji',
      '--entrypoints',
      ...entries,
    ]);
    assert.equal(status, 0, output);
    assert.match(output, /OK \(ESM\)/);
  });

  it('works in a page without a bundler, by an import map', async () => {
    const packages = ['lit', 'lit-html', 'lit-element', '@lit/reactive-element', 'lean-qr', 'libphonenumber-js'];
    const map: Record<string, string> = { 'rulrr-embed/': '/node_modules/rulrr-embed/dist/' };
    for (const name of packages) {
      const own = JSON.parse(readFileSync(join(project, 'node_modules', name, 'package.json'), 'utf8')) as {
        module?: string;
        main?: string;
      };
      map[`${name}/`] = `/node_modules/${name}/`;
      map[name] = `/node_modules/${name}/${(own.module ?? own.main ?? 'index.js').replace(/^\.\//, '')}`;
    }
    map['libphonenumber-js/core/es6'] = '/node_modules/libphonenumber-js/es6/core/index.js';
    Object.assign(map, importMapOf(project));
    const html = `<!doctype html><title>x</title><script type="importmap">${JSON.stringify({ imports: map })}</script>
      <script type="module">import 'rulrr-embed/define.js'; window.ready = true;</script>
      <rulrr-connect proxy-url="/rulrr"></rulrr-connect><rulrr-ereceipt-numpad></rulrr-ereceipt-numpad>`;
    const server = await serve(project, (url) => {
      if (url.pathname === '/') return { body: html };
      if (url.pathname === '/favicon.ico') return { body: '', status: 204 };
      const answer = '{"connected":false,"ereceipt":false,"expiration":null}';
      return url.pathname.startsWith('/rulrr/') ? { body: answer, type: 'application/json' } : null;
    });
    const browser = await launchChromium();
    try {
      const { page, problems } = await watchedPage(browser);
      await page.goto(server.origin);
      await page.waitForFunction('window.ready');
      const pad = page.locator('rulrr-ereceipt-numpad');
      await pad.evaluate((element) => {
        const numpad = element as HTMLElementTagNameMap['rulrr-ereceipt-numpad'];
        numpad.send = () => Promise.resolve();
        void numpad.prompt('1');
      });
      for (const digit of '2015550123') await pad.locator(`[data-key="${digit}"]`).click();
      await page.waitForFunction(() => document.querySelector('rulrr-ereceipt-numpad')!.value === '+12015550123');
      assert.deepEqual(problems, []);
    } finally {
      await browser.close();
      await server.close();
    }
  });
});

/** The subpaths that the built files name, found in the packages' own exports, as an import map needs them: it knows no `exports`. */
function importMapOf(project: string): Record<string, string> {
  const named = new Set<string>();
  for (const name of ['connect', 'numpad', 'shared']) {
    const { output } = run('grep', [
      '-rhoE',
      `(from |import\\(|import )['"][^.'"][^'"]*['"]`,
      join(project, 'node_modules/rulrr-embed/dist', name),
      '--include=*.js',
    ]);
    for (const [, target] of output.matchAll(/['"]([^'"]+)['"]/g)) named.add(target!);
  }
  const map: Record<string, string> = {};
  for (const target of named) {
    const code = `process.stdout.write(import.meta.resolve('${target}'))`;
    const { output } = run(process.execPath, ['--input-type=module', '--conditions=browser', '-e', code], project);
    const path = output.split('/node_modules/').at(-1);
    if (path) map[target] = `/node_modules/${path}`;
  }
  return map;
}
