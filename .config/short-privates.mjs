import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'acorn';
import { edited } from './edits.mjs';
import { dist } from './paths.mjs';

const privatesOf = (declarations) =>
  Array.from(
    readFileSync(declarations, 'utf8').matchAll(/^\s+private (?:static |readonly |get |set )*(\w+)/gm),
    ([, name]) => name,
  );

/**
 * What TypeScript calls private, under short names: 2.4 kB of the script. The declarations beside a module say which of its members
 * are; no other module can name them. A name that stands in its module for something else as well keeps its length.
 */
export const shortPrivates = () => {
  let short;
  return {
    name: 'short-privates',
    buildStart() {
      // One name is one name everywhere: a subclass, which may not use its parent's, then does not hit upon it either. All are known before the
      // first module comes, since modules come in any order, and the same sources have to make the same script.
      const folders = ['connect', 'numpad', 'shared'].map((room) => join(dist, room));
      const all = folders
        .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
        .filter((path) => path.endsWith('.d.ts'))
        .flatMap(privatesOf);
      short = new Map([...new Set(all)].sort().map((name, at) => [name, `_${at.toString(36)}`]));
    },
    transform(code, id) {
      const declarations = id.replace(/\.js$/, '.d.ts');
      if (!/dist[\\/](connect|numpad|shared)[\\/]/.test(id) || !existsSync(declarations)) return null;
      const names = new Set(privatesOf(declarations));
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
      visit(parse(code, { ecmaVersion: 2022, sourceType: 'module' }), null);
      return {
        code: edited(
          code,
          edits.filter(({ name }) => names.has(name)),
        ),
        map: null,
      };
    },
  };
};
