import { edited } from './edits.mjs';
import { childrenOf, statementsOf } from './syntax.mjs';

/**
 * Lit as the script tag carries it: without the scanner of templates, since all of them are prepared (prepared-templates.mjs), without what
 * only controllers, initializers and Lit's own minifier need, and with listeners that have no options.
 */
export const trimLit = () => ({
  name: 'trim-lit',
  transform(code, id) {
    if (/[\\/]lit-html[\\/]lit-html\.js$/.test(id)) return { code: withoutScanner(code), map: null };
    if (/[\\/]reactive-element[\\/]reactive-element\.js$/.test(id)) return { code: withoutHooks(code), map: null };
    return null;
  },
});

function expect(found, what) {
  if (!found) throw new Error(`Lit is built in another way than before: no ${what}. See .config/lit-trimming.mjs`);
}

const declared = (body) =>
  body.filter(({ type }) => type === 'VariableDeclaration').flatMap(({ declarations }) => declarations);

/** The class that has a static method of this name. */
const classWith = (body, name) =>
  body.find(
    ({ type, body: members }) =>
      type === 'ClassDeclaration' && members.body.some((one) => one.static && one.key.name === name),
  );

/** Its `Template` only makes elements, and the parts it makes have names. */
function withoutScanner(code) {
  const body = statementsOf(code);
  const constructor = classWith(body, 'createElement')?.body.body.find(({ kind }) => kind === 'constructor');
  expect(constructor, 'constructor of a template');
  const local = (exported) =>
    body
      .filter(({ type }) => type === 'ExportNamedDeclaration')
      .flatMap(({ specifiers }) => specifiers)
      .find((one) => one.exported.name === exported)?.local.name;
  const inside = declared(body).find(({ id }) => id.name === local('_$LH'))?.init.properties;
  // Under these letters Lit gives its parts to its own packages: lit-html/private-ssr-support.js says which is which.
  const [attribute, boolean, event] = ['H', 'N', 'U'].map((letter) => {
    const part = inside?.find(({ key }) => key.name === letter)?.value.name;
    expect(part, `part ${letter}`);
    return part;
  });
  // Calls that a bundler can't know to have no effects, though they have none: so they may go with what used them.
  const pure = declared(body)
    .filter(({ init }) => init?.type === 'CallExpression' && init.callee.type === 'Identifier')
    .map(({ init }) => ({ start: init.start, end: init.start, text: '/* @__PURE__ */ ' }));
  // Lit gives the handler itself for them. Beside Sugar, by which each function has a method `once`, it would be heard once.
  const optionless = [...code.matchAll(/EventListener\(this\.name,\s*this(,\s*\w+)\)/g)].map(
    ({ index, 0: call, 1: option }) => {
      const from = index + call.length - option.length - 1;
      return { start: from, end: from + option.length, text: '' };
    },
  );
  expect(optionless.length === 2, 'listener');
  const { start, end } = constructor.value.body;
  const made = { start, end, text: '{throw Error("a template that was not prepared")}' };
  const shorter = edited(code, [made, ...optionless, ...pure]);
  return `${shorter}\nexport const parts = { attribute: ${attribute}, boolean: ${boolean}, event: ${event} };`;
}

const unused = ['addInitializer', 'addController', 'removeController'];

/** Its base class without the hooks that neither element has, and with the names of properties as they are. */
function withoutHooks(code) {
  const body = statementsOf(code);
  const base = classWith(body, 'createProperty');
  expect(base, 'class with properties');
  const edits = [];
  for (const { key, start, end } of base.body.body) if (unused.includes(key.name)) edits.push({ start, end, text: '' });
  expect(edits.length === unused.length, unused.join(', '));
  // `renamed('finalized')`: what Lit's own minifier would have renamed had it been told to.
  const renamed = declared(body).find(
    ({ init }) =>
      init?.type === 'ArrowFunctionExpression' && init.params.length === 2 && init.body.name === init.params[0].name,
  );
  expect(renamed, 'name of a property');
  const visit = (node) => {
    const { start, end } = node;
    if (node.type === 'CallExpression' && node.callee.name === renamed.id.name) {
      edits.push({ start, end, text: node.arguments[0].raw });
    } else if (
      node.type === 'ChainExpression' &&
      /^this\.(?:_\$EO|constructor\.l)\?\.forEach\(/.test(code.slice(start, end))
    ) {
      edits.push({ start, end, text: 'void 0' });
    } else if (!(node.type === 'MethodDefinition' && unused.includes(node.key.name))) {
      childrenOf(node).forEach(visit);
    }
  };
  body.forEach(visit);
  return edited(code, edits);
}
