// Lit's templates are strings, which no minifier shortens. Here their white space goes: runs that hold a line break become one space in markup,
// and nothing where a style sheet needs none.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { edited } from './edits.mjs';
import { childrenOf, moduleOf } from './syntax.mjs';

const markup = (text) => text.replace(/\s*\n\s*/g, ' ');

function styles(text) {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\s+/g, ' ')
    .replace(/ ?([{};]) ?/g, '$1')
    .replace(/, /g, ',')
    .replace(/([{;][-\w]+): /g, '$1:')
    .replace(/;\}/g, '}')
    .trim();
}

const minifiers = { html: markup, svg: markup, css: styles };

function* templates(node) {
  if (node.type === 'TaggedTemplateExpression' && minifiers[node.tag.name]) yield node;
  for (const inner of childrenOf(node)) yield* templates(inner);
}

export function minifyTemplates(code) {
  const edits = [];
  for (const { tag, quasi } of templates(moduleOf(code))) {
    // A fragment that begins or ends at an expression may be anything, so a style sheet with expressions keeps the space around them.
    const minify = tag.name === 'css' && quasi.expressions.length ? markup : minifiers[tag.name];
    for (const { start, end } of quasi.quasis) edits.push({ start, end, text: minify(code.slice(start, end)) });
  }
  return edited(code, edits);
}

/** Shortens the templates of all emitted modules that run in a page. */
export function minifyTemplatesIn(folder) {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!/^(connect|numpad|shared)[\\/].*\.js$/.test(name)) continue;
    const path = join(folder, name);
    const code = readFileSync(path, 'utf8');
    const short = minifyTemplates(code);
    if (short !== code) writeFileSync(path, short);
  }
}
