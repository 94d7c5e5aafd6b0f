import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'acorn';
import type { Node } from 'acorn';
import { integrityOf } from '../../.config/integrity.mjs';
import { minifyTemplates } from '../../.config/minify-templates.mjs';
import { derivedFrom } from '../../.config/generate.mjs';
import { read, root } from './support.js';

const script = read('dist/rulrr-embed.iife.js');

/** Every node of a syntax tree. */
function* walk(node: unknown): Generator<Record<string, unknown> & Node> {
  if (!node || typeof node !== 'object') return;
  if (Array.isArray(node)) {
    for (const inner of node) yield* walk(inner);
    return;
  }
  if ('type' in node) yield node as Record<string, unknown> & Node;
  for (const inner of Object.values(node)) yield* walk(inner);
}

const named = (node: unknown): string | undefined => (node as { name?: string } | undefined)?.name;

/** Globals by name and calls by method that Chromium 70 or Safari 12 do not have. */
function missingThere(code: string): string[] {
  const globals = new Set([
    'globalThis',
    'queueMicrotask',
    'structuredClone',
    'WeakRef',
    'FinalizationRegistry',
    'AggregateError',
    'reportError',
    'BigInt',
  ]);
  const statics = new Set([
    'Object.fromEntries',
    'Object.hasOwn',
    'Object.groupBy',
    'Promise.allSettled',
    'Promise.any',
    'Promise.withResolvers',
    'AbortSignal.any',
    'AbortSignal.timeout',
    'crypto.randomUUID',
    'URL.canParse',
    'URL.parse',
    'Array.fromAsync',
  ]);
  const methods = new Set([
    'replaceChildren',
    'replaceAll',
    'matchAll',
    'at',
    'findLast',
    'findLastIndex',
    'toSorted',
    'toReversed',
    'trimStart',
    'trimEnd',
  ]);
  // A name on the left of `typeof x` or in a test for its presence does no harm; these are told apart by hand, since there are few.
  const guarded = new Set(['Object.hasOwn']);
  const found: string[] = [];
  for (const node of walk(parse(code, { ecmaVersion: 2019 }))) {
    if (node.type === 'Identifier' && globals.has(String(node.name))) found.push(String(node.name));
    if (node.type === 'CallExpression') {
      const callee = node.callee as Record<string, unknown>;
      if (callee.type !== 'MemberExpression' || callee.computed) continue;
      const method = named(callee.property) ?? '';
      const full = `${named(callee.object)}.${method}`;
      if ((statics.has(full) && !guarded.has(full)) || methods.has(method)) found.push(full);
    }
  }
  return found;
}

describe('the script tag', () => {
  it('is syntax of ECMAScript 2019, which Chromium 70 and Safari 12 read', () => {
    assert.doesNotThrow(() => parse(script, { ecmaVersion: 2019 }));
  });

  it('calls nothing that Chromium 70 or Safari 12 lack', () => {
    assert.deepEqual(missingThere(script), []);
    assert.deepEqual(missingThere('queueMicrotask(f); x.replaceAll(1); Object.fromEntries(y)'), [
      'queueMicrotask',
      'x.replaceAll',
      'Object.fromEntries',
    ]);
  });

  it('is one file: it imports nothing and names no other', () => {
    for (const node of walk(parse(script, { ecmaVersion: 2020 }))) assert.notEqual(node.type, 'ImportExpression');
    assert.deepEqual(
      readdirSync(join(root, 'dist')).filter((name) => /\.(css|map)$|chunk/.test(name)),
      [],
    );
  });

  it('leaves no name of its own in the page', () => {
    const { body } = parse(script, { ecmaVersion: 2019 });
    assert.deepEqual(
      body.map((node) => node.type),
      ['ExpressionStatement'],
    );
  });

  it('has the integrity that the build wrote down', () => {
    assert.deepEqual(JSON.parse(read('dist/integrity.json')), {
      'rulrr-embed.iife.js': integrityOf(Buffer.from(script)),
    });
  });

  it('says whose code it contains', () => {
    assert.match(script.slice(0, 200), /^\uFEFF\/\*! rulrr-embed/);
    const notices = read('dist/THIRD-PARTY-NOTICES.txt');
    for (const name of ['lit 3', 'lit-html 3', '@lit/reactive-element', 'libphonenumber-js'])
      assert.ok(notices.includes(name), `notices name ${name}`);
  });
});

describe('the modules', () => {
  const browserFiles = readdirSync(join(root, 'dist'), { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.js') && /^(index|define|connect|numpad|shared)\b/.test(name),
  );

  for (const name of browserFiles) {
    it(`${name} has neither decorators, nor accessor, nor private names`, () => {
      const tree = parse(read(join('dist', name)), { ecmaVersion: 2022, sourceType: 'module' });
      // Decorators and `accessor` are no syntax that this parser knows: it would have thrown.
      assert.ok(![...walk(tree)].some((node) => node.type === 'PrivateIdentifier'));
    });
  }

  it('have templates without idle white space, and lose nothing else', () => {
    const code =
      'x = css`\n  /* why */\n  a :hover > b,\n  .c {\n    margin: 0 auto;\n    width: calc(1px + 2px);\n  }\n`; y = html`<p>\n  one ${two} <b>three</b>\n</p>`; z = `\n  kept`;';
    assert.equal(
      minifyTemplates(code),
      'x = css`a :hover > b,.c{margin:0 auto;width:calc(1px + 2px)}`; y = html`<p> one ${two} <b>three</b> </p>`; z = `\n  kept`;',
    );
  });

  it('are described by data that is derived from the manifest', async () => {
    const derived = await derivedFrom(read('custom-elements.json'));
    for (const [name, text] of Object.entries(derived))
      assert.equal(read(join('dist', name)), text, `dist/${name} is stale: run the build`);
  });
});
