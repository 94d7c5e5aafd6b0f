// Who may import whom. The rules keep decisions apart from the DOM, the server apart from the page, and the sandbox an independent witness.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { dirname, join, posix, sep } from 'node:path';
import { describe, it } from 'node:test';
import { read, root } from './support.js';

interface Import {
  from: string;
  to: string;
  typeOnly: boolean;
}

const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .map((name) => name.split(sep).join('/'))
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'));

/** Imports and re-exports of a source text, dynamic ones included; own modules as paths below src with `.ts`. */
function importsOf(from: string, code: string): Import[] {
  const bare = code.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const found: Import[] = [];
  const add = (target: string, typeOnly: boolean) => {
    const to = target.startsWith('.')
      ? posix.normalize(posix.join(dirname(from), target)).replace(/\.js$/, '.ts')
      : target;
    found.push({ from, to, typeOnly });
  };
  const statements = /^\s*(import|export)\s+(type\s+)?(?:([^;'"]*?)\s+from\s+)?['"]([^'"]+)['"]/gm;
  for (const [, , type, clause, target] of bare.matchAll(statements)) {
    const names = /^\{([^}]*)\}$/.exec((clause ?? '').trim())?.[1];
    const allTypes =
      names !== undefined && names.split(',').every((name) => !name.trim() || name.trim().startsWith('type '));
    add(target!, Boolean(type) || allTypes);
  }
  for (const [, target] of bare.matchAll(/\bimport\(\s*['"]([^'"]+)['"]\s*\)(?!\s*\.\s*[A-Z])/g)) add(target!, false);
  return found;
}

const imports = files.flatMap((file) => importsOf(file, read(join('src', file))));
const room = (path: string): string => path.split('/')[0]!;
const isLit = (to: string): boolean => /^(lit|@lit|lit-html|lit-element)(\/|$)/.test(to);
const own = (to: string): boolean => to.endsWith('.ts');

function breaches(applies: (file: string) => boolean, allows: (entry: Import) => boolean): string[] {
  return imports.filter((entry) => applies(entry.from) && !allows(entry)).map(({ from, to }) => `${from} → ${to}`);
}

describe('import rules', () => {
  it('reads imports of every kind', () => {
    const code = `import type { A } from './a.js';\nimport { type B } from './b.js';\nimport {\n  c,\n} from './c.js';\nexport * from './d.js';\nimport './e.js';\nconst f = () => import('./f.js');\n// import './no.js'`;
    assert.deepEqual(
      importsOf('room/x.ts', code).map(({ to, typeOnly }) => `${to}${typeOnly ? ' type' : ''}`),
      ['room/a.ts type', 'room/b.ts type', 'room/c.ts', 'room/d.ts', 'room/e.ts', 'room/f.ts'],
    );
    assert.ok(imports.length > 50);
  });

  it('no file imports itself through others, not even for a type', () => {
    const circles: string[] = [];
    const done = new Set<string>();
    const visit = (file: string, way: readonly string[]): void => {
      const at = way.indexOf(file);
      if (at >= 0) circles.push([...way.slice(at), file].join(' → '));
      if (at >= 0 || done.has(file)) return;
      for (const { to } of imports.filter(({ from }) => from === file)) visit(to, [...way, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    assert.deepEqual(circles, []);
  });

  it('machines, models, phone rules and the wire import types and one another only', () => {
    const pure = (file: string) =>
      /-(machine|model)\.ts$/.test(file) || file === 'numpad/phone-number.ts' || file === 'shared/wire.ts';
    assert.deepEqual(
      breaches(pure, ({ to, typeOnly }) => typeOnly || pure(to)),
      [],
    );
  });

  it('templates and styles import lit, their like, and models', () => {
    const drawn = (file: string) => /(-templates|\.styles)\.ts$/.test(file);
    assert.deepEqual(
      breaches(drawn, ({ to, typeOnly }) => typeOnly || isLit(to) || drawn(to) || to.endsWith('-model.ts')),
      [],
    );
  });

  it('controllers import types of lit, and shared', () => {
    const controller = (file: string) =>
      /-(controller|poller)\.ts$/.test(file) && /^(connect|numpad|shared)\//.test(file);
    assert.deepEqual(
      breaches(
        controller,
        ({ from, to, typeOnly }) => typeOnly || room(to) === 'shared' || (own(to) && room(to) === room(from)),
      ),
      [],
    );
  });

  it('what runs in a page imports its own room, shared, lit and what it names', () => {
    const page = (file: string) => /^(connect|numpad|shared)\//.test(file);
    const packages = /^(libphonenumber-js|lean-qr)(\/|$)/;
    assert.deepEqual(
      breaches(page, ({ from, to }) =>
        own(to) ? room(to) === room(from) || room(to) === 'shared' : isLit(to) || packages.test(to),
      ),
      [],
    );
  });

  it('one file names libphonenumber-js to a page', () => {
    const naming = new Set(
      imports
        .filter(({ from, to }) => /^(connect|numpad|shared)\//.test(from) && to.startsWith('libphonenumber-js'))
        .map(({ from }) => from),
    );
    assert.deepEqual(
      [...naming].filter((file) => !file.startsWith('numpad/phone-')),
      [],
    );
  });

  it('the proxy knows no lit and no element', () => {
    const proxy = (file: string) => room(file) === 'proxy';
    assert.deepEqual(
      breaches(proxy, ({ to }) =>
        own(to) ? ['proxy', 'api'].includes(room(to)) || /^shared\/(wire|errors|clock)\.ts$/.test(to) : !isLit(to),
      ),
      [],
    );
  });

  it('the API client knows nobody', () => {
    assert.deepEqual(
      breaches(
        (file) => room(file) === 'api',
        ({ to }) => !own(to) || room(to) === 'api' || /^shared\/(errors|clock)\.ts$/.test(to),
      ),
      [],
    );
  });

  it('the sandbox shares no code with proxy or client', () => {
    assert.deepEqual(
      breaches(
        (file) => room(file) === 'sandbox',
        ({ to, typeOnly }) => !own(to) || room(to) === 'sandbox' || (typeOnly && room(to) === 'shared'),
      ),
      [],
    );
  });

  it('nothing imports the registering modules but the one that registers both', () => {
    assert.deepEqual(
      imports
        .filter(({ from, to }) => /^define(\/|\.ts$)/.test(to) && from !== 'define.ts')
        .map(({ from, to }) => `${from} → ${to}`),
      [],
    );
    assert.deepEqual(
      breaches(
        (file) => room(file) === 'define',
        ({ to }) => to.endsWith('-element.ts'),
      ),
      [],
    );
  });
});
