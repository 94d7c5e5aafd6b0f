import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { edited } from './edits.mjs';
import { moduleOf } from './syntax.mjs';

const rooms = ['connect', 'numpad', 'shared'];

/** What the declarations beside a module call private. */
const privatesOf = (module) =>
  Array.from(
    readFileSync(module.replace(/\.js$/, '.d.ts'), 'utf8').matchAll(
      /^\s+private (?:static |readonly |get |set )*(\w+)/gm,
    ),
    ([, name]) => name,
  );

/**
 * Gives what TypeScript calls private a short name in all emitted modules that run in a page, as Lit's own packages do. No bundler may, since it
 * cannot tell them from what a page uses. Counted anew in each module, so that brotli meets the same few names again: 0.3 kB of the numpad. None
 * inherits from a class of another.
 */
export function shortenPrivatesIn(folder) {
  const modules = rooms
    .flatMap((room) => readdirSync(join(folder, room)).map((name) => join(folder, room, name)))
    .filter((path) => path.endsWith('.js'));
  for (const path of modules) {
    const code = readFileSync(path, 'utf8');
    const shorter = shortenPrivates(code, privatesOf(path));
    if (shorter !== code) writeFileSync(path, shorter);
  }
}

/** No other module can name them. A name that stands in its module for something else as well keeps its length. */
function shortenPrivates(code, privates) {
  const names = new Set(privates);
  const short = new Map([...names].map((name, at) => [name, `_${at.toString(36)}`]));
  const edits = [];
  const rename = (key, text = (name) => name) =>
    edits.push({ ...key, name: key.name, text: text(short.get(key.name)) });
  const visit = (node, parent) => {
    if (!node || typeof node !== 'object') return;
    if (Array.isArray(node)) return node.forEach((one) => visit(one, parent));
    const key = node.type === 'MemberExpression' ? node.property : node.key;
    if (key && !node.computed && names.has(key.name)) {
      if (node.type === 'MethodDefinition' || node.type === 'PropertyDefinition') rename(key);
      else if (node.type === 'MemberExpression' && node.object.type === 'ThisExpression') rename(key);
      else if (node.type === 'Property' && parent.type === 'ObjectPattern' && parent.of === 'ThisExpression')
        rename(key, (name) => (node.shorthand ? `${name}: ${key.name}` : name));
      else if (node.type === 'MemberExpression' || parent.type === 'ObjectPattern') names.delete(key.name);
    }
    if (node.type === 'VariableDeclarator' && node.init) node.id.of = node.init.type;
    for (const [name, inner] of Object.entries(node)) if (name !== 'type' && inner !== key) visit(inner, node);
    if (key && node.computed) visit(key, node);
  };
  visit(moduleOf(code), null);
  return edited(
    code,
    edits.filter(({ name }) => names.has(name)),
  );
}
