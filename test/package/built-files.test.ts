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

/** Globals, statics and methods that Chromium 70 or Safari 12.0 do not have. */
const globals = new Set(
  (
    'globalThis queueMicrotask structuredClone WeakRef FinalizationRegistry AggregateError reportError BigInt ResizeObserver ' +
    'scheduler Temporal Iterator CookieStore OffscreenCanvas CSSStyleSheet ElementInternals SubmitEvent'
  ).split(' '),
);
const statics = new Set(
  (
    'Object.fromEntries Object.hasOwn Object.groupBy Promise.allSettled Promise.any Promise.withResolvers Promise.try AbortSignal.any ' +
    'AbortSignal.timeout AbortSignal.abort crypto.randomUUID URL.canParse URL.parse Array.fromAsync Response.json Intl.DisplayNames ' +
    'Intl.ListFormat Intl.RelativeTimeFormat Intl.Segmenter'
  ).split(' '),
);
const methods = new Set(
  (
    'replaceChildren replaceAll matchAll at findLast findLastIndex toSorted toReversed toSpliced with ' +
    'attachInternals showModal showPopover throwIfAborted moveBefore setHTMLUnsafe requestSubmit checkVisibility replaceSync ' +
    'isSubsetOf getOrInsert toWellFormed '
  ).split(' '),
);

/**
 * What may stand in the script all the same, since it is looked for before it is used; the test with these taken away from a page shows
 * that it works without. `new Intl.DisplayNames` and `CSSStyleSheet` are asked for by `typeof` or `in`.
 */
const guarded = new Set([
  'CSSStyleSheet',
  'ElementInternals',
  'Object.hasOwn',
  'attachInternals',
  'showModal',
  'ResizeObserver',
  'checkVisibility',
  'replaceSync',
  'Intl.DisplayNames',
]);

/** Uses of what is missing there: globals by name, statics and methods where they are called or made. */
function missingThere(code: string): string[] {
  const found: string[] = [];
  for (const node of walk(parse(code, { ecmaVersion: 2019 }))) {
    if (node.type === 'Identifier' && globals.has(String(node.name))) found.push(String(node.name));
    if (node.type !== 'CallExpression' && node.type !== 'NewExpression') continue;
    const callee = node.callee as Record<string, unknown>;
    if (callee.type !== 'MemberExpression' || callee.computed) continue;
    const method = named(callee.property) ?? '';
    const full = `${named(callee.object)}.${method}`;
    if (statics.has(full)) found.push(full);
    else if (methods.has(method)) found.push(method);
  }
  return [...new Set(found)].filter((name) => !guarded.has(name)).sort();
}

/** The style sheets in the script: template texts that hold rules. */
function styleSheets(code: string): string[] {
  const texts: string[] = [];
  for (const node of walk(parse(code, { ecmaVersion: 2019 }))) {
    if (node.type !== 'TemplateElement') continue;
    const { cooked } = node.value as { cooked: string };
    if (/:host|\{[-\w]+:[^}]*\}/.test(cooked) && !cooked.includes('</')) texts.push(cooked);
  }
  return texts;
}

describe('the script tag', () => {
  it('is syntax of ECMAScript 2019, which Chromium 70 and Safari 12 read', () => {
    assert.doesNotThrow(() => parse(script, { ecmaVersion: 2019 }));
  });

  it('calls nothing that Chromium 70 or Safari 12 lack', () => {
    assert.deepEqual(missingThere(script), []);
    assert.deepEqual(
      missingThere(
        'queueMicrotask(f); x.replaceAll(1); Object.fromEntries(y); new Intl.Segmenter(); z.showModal(); z.at(1)',
      ),
      ['Intl.Segmenter', 'Object.fromEntries', 'at', 'queueMicrotask', 'replaceAll'],
    );
  });

  it('has no regular expression that Safari 12 cannot read, and makes none from text', () => {
    // In every text as well: libraries put patterns together. Named groups and the flag `s` are known there (Chromium 64, Safari 11.1); a mistake
    // in a literal, a flag or a syntax after 2019 would stop the parser.
    const newer = (code: string): string[] => {
      const found: string[] = [];
      for (const node of walk(parse(code, { ecmaVersion: 2025 }))) {
        const { regex, value } = node as { regex?: { pattern: string; flags: string }; value?: unknown };
        const cooked = node.type === 'TemplateElement' ? (value as { cooked: string }).cooked : value;
        if (regex && /[dv]/.test(regex.flags)) found.push(`/${regex.flags}`);
        const text = regex ? regex.pattern : cooked;
        if (typeof text === 'string' && /\(\?<[=!]|\\[pP]\{|\(\?[a-z]*-?[a-z]+:/.test(text)) found.push(text);
      }
      return found;
    };
    const literals = [...walk(parse(script, { ecmaVersion: 2025 }))].filter((node) => 'regex' in node);
    assert.ok(literals.length > 10);
    assert.deepEqual(newer(script), []);
    const wrong = ['/(?<=a)b/', '"(?<!a)b"', '`\\\\p{L}${x}`', '/a/v', '/a/d', '/(?i:a)/'];
    assert.deepEqual(
      wrong.filter((code) => newer(code).length !== 1),
      [],
    );
    assert.deepEqual(newer('/(?<year>a)(?:b)(?=c)(?!d)/s; "a"'), []);
  });

  for (const [code, since] of [
    ['a?.b', 'Chromium 80'],
    ['a ?? b', 'Chromium 80'],
    ['a ??= b', 'Chromium 85'],
    ['1_000', 'Chromium 75'],
    ['10n', 'Safari 14'],
    ['class A { b = 1 }', 'Chromium 72'],
    ['class A { #b() {} }', 'Chromium 84'],
    ['class A { static { b() } }', 'Chromium 94'],
    ['import("a")', 'a module'],
    ['import.meta', 'a module'],
    ['/a/v', 'Chromium 112'],
    ['/a/d', 'Chromium 90'],
  ]) {
    it(`would not be let through with ${code}, which needs ${since}`, () => {
      assert.throws(() => parse(`${script};${code}`, { ecmaVersion: 2019 }), SyntaxError);
    });
  }

  it('styles with nothing that Chromium 70 or Safari 12 would drop a rule for', () => {
    // `gap` of a grid is known there as `grid-gap`, and by its new name from Chromium 66 and Safari 12 on; that of a flex box is not.
    const problems = (css: string) =>
      [...css.replace(/\s+/g, ' ').matchAll(/([^{}]*)\{([^{}]*)\}/g)].flatMap(([, selector, body]) => [
        // A selector that is not known there takes the rest of its list along.
        ...(/:is\(|:where\(|:has\(|:dir\(|:focus-visible.*,|,.*:focus-visible/.test(selector!) ? [selector!] : []),
        ...(/(^|;| )(inset|inset-[\w-]+|aspect-ratio|translate|scale|rotate|accent-color|margin-(block|inline)|padding-(block|inline)):/.test(
          body!,
        )
          ? [body!]
          : []),
        ...(/display: ?(inline-)?flex/.test(body!) && /(^|;| )(row-|column-)?gap:/.test(body!) ? [body!] : []),
        ...(/\b(min|max|clamp)\(|color-mix\(|light-dark\(|oklch\(|\d[sdl]v[hw]\b/.test(body!) ? [body!] : []),
      ]);
    const sheets = styleSheets(script);
    assert.ok(sheets.join('').length > 4000, 'the style sheets were found');
    assert.deepEqual(sheets.flatMap(problems), []);
    assert.equal(problems('a{display:flex;gap:1px}b{inset:0}c{width:min(1px,2px)}d:is(e){color:red}').length, 4);
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

  it('are described with what each method returns, and without a property that is none', async () => {
    const text = read('custom-elements.json');
    const { modules } = JSON.parse(text) as {
      modules: {
        declarations: { members?: { kind: string; name: string; return?: { type: { text: string } } }[] }[];
      }[];
    };
    const members = modules.flatMap(({ declarations }) => declarations).flatMap((each) => each.members ?? []);
    const methods = members.filter(({ kind }) => kind === 'method');
    assert.ok(methods.length >= 6);
    for (const method of methods) assert.ok(method.return?.type.text, `${method.name} returns something`);
    const derived = await derivedFrom(text);
    assert.doesNotMatch(
      derived['types/jsx.d.ts'],
      /["\s:](?:undefined|state)"?\?:/,
      'the element writes it, and nobody else',
    );
    for (const [name, data] of Object.entries(derived)) assert.doesNotMatch(data, /default: `?undefined/, name);
  });
});
