import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { attachScopes } from '@rollup/pluginutils';
import { parse } from 'acorn';
import { edited } from './edits.mjs';

/** Modules that a page needs later than its first screen, or never, though they are imported in the plain way. */
const later = /[\\/]numpad[\\/]phone-(?:library|number)\.js$/;

/** Modules that compute tables when they are loaded, as a function that does so when it is called. */
const costly = ['lean-qr/nano'];

const mark = '__onDemand';

/**
 * The script tag is one scope, without a module system inside. What a dynamic import brings, and what is needed `later`, stands in a function of its
 * own with all that nothing else needs, and is set up when it is first asked for. The engine passes over such a function once, as a whole; everything
 * else it parses, declares and runs at once. That is a sixth of the time the script takes to compile and run.
 */
export const onDemand = () => ({
  name: 'on-demand',
  async transform(code, id) {
    if (costly.some((name) => id.includes(`/node_modules/${name}.`))) return { code: setUpOnDemand(code), map: null };
    if (/node_modules|\0/.test(id)) return null;
    const edits = [];
    const imports = [];
    for (const { 0: call, 1: from, index } of code.matchAll(/\bimport\('([^']+)'\)/g)) {
      const names = costly.includes(from) ? ['setUp'] : exportsOf((await this.resolve(from, id)).id);
      const own = (name) => `${name}${imports.length}`;
      const text = costly.includes(from)
        ? `Promise.resolve(${own('setUp')}())`
        : `Promise.resolve(${marked(from, names, own)})`;
      imports.push(`import { ${names.map((name) => `${name} as ${own(name)}`).join(', ')} } from '${from}';\n`);
      edits.push({ start: index, end: index + call.length, text });
    }
    const module = parse(code, { ecmaVersion: 2022, sourceType: 'module' });
    for (const { type, source, specifiers } of module.body) {
      if (type !== 'ImportDeclaration' || !later.test((await this.resolve(source.value, id)).id)) continue;
      const names = specifiers.map(({ local }) => local.name);
      const room = marked(source.value, names, (name) => name);
      for (const { name, start, end } of references(module, new Set(names)))
        edits.push({ start, end, text: `${room}.${name}` });
    }
    return edits.length ? { code: imports.join('') + edited(code, edits), map: null } : null;
  },
  renderChunk: (code) => ({ code: withRooms(code), map: null }),
});

const marked = (from, names, own) =>
  `${mark}('${basename(from)}', () => ({ ${names.map((name) => `${name}: ${own(name)}`).join(', ')} }))`;

const statementsOf = (code) => parse(code, { ecmaVersion: 2022, sourceType: 'module' }).body;

/** The names that a module of ours exports. */
const exportsOf = (path) =>
  statementsOf(readFileSync(path, 'utf8'))
    .filter(({ type }) => type === 'ExportNamedDeclaration')
    .flatMap(({ declaration, specifiers }) => [
      ...specifiers.map(({ exported }) => exported.name),
      ...(declaration ? (declaration.declarations ?? [declaration]).map(({ id }) => id.name) : []),
    ]);

/** A module without imports as one that exports nothing but a function that runs it. */
function setUpOnDemand(code) {
  const statements = statementsOf(code);
  const last = statements.at(-1);
  if (statements.some((one) => /^(Import|Export)/.test(one.type) && one !== last) || !last.specifiers?.length)
    throw new Error('a module that is set up on demand imports nothing, and exports at its end only');
  const names = last.specifiers.map(({ local, exported }) => `${exported.name}: ${local.name}`);
  return `export function setUp() {\n${code.slice(0, last.start)}\nreturn { ${names.join(', ')} };\n}`;
}

/**
 * Where a variable of these names is used that is declared at the top of `body`, or nowhere.
 *
 * @param {{body: object}} top a program, or the body of the function that holds everything
 */
function references(top, names) {
  const outer = attachScopes(top, 'scope');
  const found = [];
  const visit = (node, around) => {
    if (!node || typeof node !== 'object') return;
    if (Array.isArray(node)) {
      for (const one of node) visit(one, around);
      return;
    }
    const scope = node.scope ?? around;
    if (node.type === 'Identifier') {
      let home = scope;
      while (home !== outer && !home.declarations[node.name]) home = home.parent;
      if (home === outer && names.has(node.name)) found.push(node);
      return;
    }
    if (node.type === 'ImportDeclaration') return;
    for (const [key, inner] of Object.entries(node)) {
      const named = (key === 'key' || key === 'property') && !node.computed && !node.shorthand;
      if (key !== 'type' && !named) visit(inner, scope);
    }
  };
  visit(top.body, outer);
  return found;
}

const isMark = (node) => node.type === 'CallExpression' && node.callee.name === mark;

function marksIn(node, found = []) {
  if (!node || typeof node !== 'object') return found;
  if (Array.isArray(node)) for (const one of node) marksIn(one, found);
  else {
    if (isMark(node)) found.push(node);
    for (const [key, inner] of Object.entries(node)) if (key !== 'type') marksIn(inner, found);
  }
  return found;
}

/** The one scope, with rooms in it. */
export function withRooms(code) {
  const program = parse(code, { ecmaVersion: 2022 }).body;
  const scope = program.find(({ expression }) => expression?.callee?.type === 'FunctionExpression')?.expression.callee
    .body;
  if (!scope) throw new Error('the script is expected to be one function that is called at once');

  // What is declared at the top, each with what it refers to outside of the marks in it.
  const things = new Map();
  const others = [];
  for (const statement of scope.body) {
    if (statement.type === 'VariableDeclaration') {
      for (const one of statement.declarations)
        things.set(one.id.name, { node: one, kind: statement.kind, init: one.init });
    } else if (/^(Function|Class)Declaration$/.test(statement.type)) {
      things.set(statement.id.name, { node: statement, kind: null, init: statement });
    } else others.push(statement);
  }
  const names = [...things.keys()];
  const marks = marksIn(scope.body);
  const under = (node, { start, end }) => node.start >= start && node.end <= end;
  for (const [at, node] of others.entries()) things.set(at, { node });
  for (const thing of things.values()) {
    thing.refs = [];
    thing.marks = marks.filter((one) => under(one, thing.node));
  }
  // In the order of the code, as both are.
  const inOrder = [...things.values()].sort((one, other) => one.node.start - other.node.start);
  let at = 0;
  for (const found of references({ type: 'Program', body: scope.body }, new Set(names))) {
    while (at < inOrder.length && inOrder[at].node.end <= found.start) at++;
    const { node, marks: inside, refs } = inOrder[at];
    if (under(found, node) && found !== node.id) {
      const mark = inside.find((one) => under(found, one));
      if (mark) (mark.refs ??= []).push(found.name);
      else refs.push(found.name);
    }
  }

  const reach = (from, into = new Set(), past = () => false, throughMarks = false) => {
    const waiting = [...from];
    while (waiting.length) {
      const name = waiting.pop();
      if (into.has(name) || past(name)) continue;
      into.add(name);
      const { refs, marks: inside } = things.get(name);
      waiting.push(...refs);
      if (throughMarks) for (const one of inside) waiting.push(...(one.refs ?? []));
    }
    return into;
  };
  const outside = reach([...things.keys()].filter((key) => typeof key !== 'string'));
  const rooms = new Map();
  for (const one of marks.filter((each) => [...outside].some((name) => things.get(name).marks.includes(each)))) {
    const name = one.arguments[0].value;
    const room = rooms.get(name) ?? { exits: new Map(), marks: [] };
    for (const { key, value } of one.arguments[1].body.properties) room.exits.set(key.name, value.name);
    room.marks.push(one);
    rooms.set(name, room);
  }
  // What two rooms need stays outside.
  const inside = ({ exits }) => reach(exits.values(), new Set(), (name) => outside.has(name), true);
  for (const room of rooms.values()) {
    for (const other of rooms.values()) {
      if (other === room) continue;
      const both = inside(other);
      reach(
        [...inside(room)].filter((name) => both.has(name)),
        outside,
        undefined,
        true,
      );
    }
  }

  const edits = [];
  const moved = new Set();
  const placed = [];
  for (const [name, room] of rooms) {
    const members = names.filter((one) => inside(room).has(one));
    // Functions wait by themselves; a room is for what would be set up.
    if (members.every((one) => /Function/.test(things.get(one).init?.type))) continue;
    for (const one of members) moved.add(one);
    const id = `room_${name.replace(/\W/g, '_')}`;
    placed.push({ id, members, exits: room.exits });
    for (const { start, end } of room.marks) edits.push({ start, end, text: `${id}()` });
  }
  const nameOf = (member) => typeof member === 'string';
  // Marks that no room came of, or that stand inside one.
  for (const one of marks) {
    if (edits.some(({ start }) => start === one.start)) continue;
    const { start, end } = one.arguments[1].body;
    edits.push({ start: one.start, end: one.end, text: `(${code.slice(start, end)})` });
  }
  const textOf = ({ start, end }) =>
    edited(
      code.slice(start, end),
      edits
        .filter((one) => under(one, { start, end }))
        .map((one) => ({ ...one, start: one.start - start, end: one.end - start })),
    );
  const written = (name) => {
    const { node, kind } = things.get(name);
    return kind ? `${kind} ${textOf(node)};` : textOf(node);
  };
  const roomsText = placed.map(
    ({ id, members, exits }) => `
var ${id}_ready;
function ${id}_setUp() {
${members.filter(nameOf).map(written).join('\n')}
return { ${Array.from(exits, ([key, value]) => `${key}: ${value}`).join(', ')} };
}
function ${id}() { return ${id}_ready || (${id}_ready = ${id}_setUp()); }`,
  );
  const rest = scope.body.map((statement) => {
    if (statement.type === 'VariableDeclaration') {
      const kept = statement.declarations.filter(({ id }) => !moved.has(id.name));
      return kept.length ? `${statement.kind} ${kept.map(textOf).join(', ')};` : '';
    }
    return moved.has(statement.id?.name) ? '' : textOf(statement);
  });
  // Before the rest: an element that is in the page already may ask as soon as it is defined.
  return `${code.slice(0, scope.start + 1)}\n${roomsText.join('\n')}\n${rest.join('\n')}\n${code.slice(scope.end - 1)}`;
}
