import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { attachScopes } from '@rollup/pluginutils';
import { parse } from 'acorn';
import { edited } from './edits.mjs';
import { childrenOf, moduleOf, statementsOf } from './syntax.mjs';

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
    const module = moduleOf(code);
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

const marksIn = (node) => [
  ...(node.type === 'CallExpression' && node.callee.name === mark ? [node] : []),
  ...childrenOf(node).flatMap(marksIn),
];

const under = (node, { start, end }) => node.start >= start && node.end <= end;

/**
 * What stands at the top, in the order of the code: each declared thing, and each statement that declares nothing and so has to stay. `needs` are
 * the names that it refers to, outside of the marks in it; those inside are the marks' own.
 */
function thingsAt(statements) {
  const things = statements.flatMap((node) =>
    node.type === 'VariableDeclaration'
      ? node.declarations.map((one) => ({ name: one.id.name, node: one, kind: node.kind, value: one.init }))
      : [{ name: node.id?.name, node, value: node }],
  );
  const marks = statements.flatMap(marksIn).map((node) => ({ node, room: node.arguments[0].value, needs: [] }));
  for (const thing of things) {
    thing.needs = [];
    thing.marks = marks.filter(({ node }) => under(node, thing.node));
  }
  const names = new Set(things.flatMap(({ name }) => name ?? []));
  let at = 0;
  for (const found of references({ type: 'Program', body: statements }, names)) {
    while (things[at].node.end <= found.start) at++;
    const thing = things[at];
    if (found !== thing.node.id) (thing.marks.find(({ node }) => under(found, node)) ?? thing).needs.push(found.name);
  }
  return things;
}

/**
 * Which things go into which room: what is reached from its marks, and neither from outside nor from another room.
 *
 * @returns by the room's name: `things`, `marks`, and `exits` from the names that are asked for to those of the things
 */
function roomsOf(things) {
  const byName = new Map(things.map((thing) => [thing.name, thing]));
  const outside = new Set();
  const reach = (names, into, withMarks) => {
    const waiting = [...names];
    while (waiting.length) {
      const thing = byName.get(waiting.pop());
      if (into.has(thing) || outside.has(thing)) continue;
      into.add(thing);
      waiting.push(...thing.needs);
      if (withMarks) waiting.push(...thing.marks.flatMap(({ needs }) => needs));
    }
    return into;
  };
  for (const thing of things) {
    if (thing.name) continue;
    outside.add(thing);
    reach(thing.needs, outside, false);
  }
  const rooms = new Map();
  for (const one of [...outside].flatMap(({ marks }) => marks)) {
    const room = rooms.get(one.room) ?? { marks: [], exits: new Map() };
    rooms.set(one.room, room);
    room.marks.push(one);
    for (const { key, value } of one.node.arguments[1].body.properties) room.exits.set(key.name, value.name);
  }
  const inside = ({ exits }) => reach(exits.values(), new Set(), true);
  for (const room of rooms.values()) {
    for (const other of rooms.values()) {
      const both = room === other ? [] : [...inside(room)].filter((thing) => inside(other).has(thing));
      reach(
        both.map(({ name }) => name),
        outside,
        true,
      );
    }
  }
  for (const [name, room] of rooms) {
    room.things = things.filter((thing) => inside(room).has(thing));
    // Functions wait by themselves; a room is for what would be set up.
    if (room.things.every(({ value }) => /Function/.test(value?.type))) rooms.delete(name);
  }
  return rooms;
}

/** The one scope, with rooms in it. */
export function withRooms(code) {
  const program = parse(code, { ecmaVersion: 2022 }).body;
  const call = program.find(({ expression }) => expression?.callee?.type === 'FunctionExpression');
  if (!call) throw new Error('the script is expected to be one function that is called at once');
  const scope = call.expression.callee.body;
  const things = thingsAt(scope.body);
  const rooms = roomsOf(things);
  const moved = new Set(Array.from(rooms.values(), (room) => room.things).flat());

  const doorOf = (name) => `room_${name.replace(/\W/g, '_')}`;
  // A mark that no room came of, or that stands inside one, asks for what is there.
  const edits = things
    .flatMap(({ marks }) => marks)
    .map((one) => {
      const { start, end } = one.node.arguments[1].body;
      const text = rooms.get(one.room)?.marks.includes(one) ? `${doorOf(one.room)}()` : `(${code.slice(start, end)})`;
      return { start: one.node.start, end: one.node.end, text };
    });
  const print = ({ kind, node }) => {
    const own = edits.filter((one) => under(one, node));
    const text = edited(
      code.slice(node.start, node.end),
      own.map(({ start, end, ...edit }) => ({ ...edit, start: start - node.start, end: end - node.start })),
    );
    return kind ? `${kind} ${text};` : text;
  };
  const printRoom = ([name, room]) => {
    const door = doorOf(name);
    return `
      function ${door}_setUp() {
        ${room.things.map(print).join('\n')}
        return { ${Array.from(room.exits, ([asked, thing]) => `${asked}: ${thing}`).join(', ')} };
      }
      var ${door}_ready;
      function ${door}() { return ${door}_ready || (${door}_ready = ${door}_setUp()); }`;
  };
  return [
    code.slice(0, scope.start + 1),
    // Before the rest: an element that is in the page already may ask as soon as it is defined.
    ...Array.from(rooms, printRoom),
    ...things.filter((thing) => !moved.has(thing)).map(print),
    code.slice(scope.end - 1),
  ].join('\n');
}
