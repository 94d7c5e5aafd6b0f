// Cuts from phone metadata what no number that can get a text message needs: formats, and parts of their leading digits, that such a number never
// meets. Decided by finite automata over the patterns themselves, not by samples: what is cut matches no textable number of its calling code.

/** Of a country's row in the metadata: the pattern of its national numbers, its formats, its types. */
const general = 2;
const formatList = 4;
const types = 11;
const mobile = 1;

/** A pattern's syntax tree. The metadata uses digits, `\d`, classes, groups, alternatives and counts; anything else is an error. */
function parse(pattern) {
  let at = 0;
  const alternatives = () => {
    const options = [sequence()];
    while (pattern[at] === '|') {
      at++;
      options.push(sequence());
    }
    return { options };
  };
  const sequence = () => {
    const parts = [];
    while (at < pattern.length && pattern[at] !== '|' && pattern[at] !== ')') parts.push(counted(atom()));
    return { parts };
  };
  const atom = () => {
    const [text] = /^(?:\\d|\[[\d-]+\]|\d)/.exec(pattern.slice(at)) ?? [''];
    if (text) {
      at += text.length;
      const is = new RegExp(`^${text}$`);
      return { text, digits: [...'0123456789'].filter((digit) => is.test(digit)) };
    }
    const [open] = /^\((?:\?:)?/.exec(pattern.slice(at)) ?? [''];
    if (!open) throw new Error(`not a pattern of phone metadata: ${pattern}`);
    at += open.length;
    const inner = alternatives();
    if (pattern[at++] !== ')') throw new Error(`a group without its end: ${pattern}`);
    return { open, inner };
  };
  const counted = (node) => {
    const [text, least, comma, most] = /^(?:\{(\d+)(,(\d+)?)?\}|\?)/.exec(pattern.slice(at)) ?? [''];
    if (!text) return { node, text: '', least: 1, most: 1 };
    at += text.length;
    if (text === '?') return { node, text, least: 0, most: 1 };
    if (comma && !most) throw new Error(`a count without an end: ${pattern}`);
    return { node, text, least: Number(least), most: Number(most ?? least) };
  };
  const tree = alternatives();
  if (at < pattern.length) throw new Error(`not a pattern of phone metadata: ${pattern}`);
  return tree;
}

function write({ options }) {
  const part = ({ node, text }) => (node.text ?? `${node.open}${write(node.inner)})`) + text;
  return options.map(({ parts }) => parts.map(part).join('')).join('|');
}

/** Thompson's automaton. `open`: accepts whatever begins with the pattern. */
function automaton(tree, open) {
  const states = [];
  const state = () => states.push({ free: [], on: {} }) - 1;
  const join = (from, to) => states[from].free.push(to);
  const alternatives = ({ options }, from, to) => {
    for (const { parts } of options)
      join(
        parts.reduce((last, part) => counted(part, last), from),
        to,
      );
  };
  const once = (node, from) => {
    const to = state();
    if (node.digits) for (const digit of node.digits) states[from].on[digit] = to;
    else alternatives(node.inner, from, to);
    return to;
  };
  const counted = ({ node, least, most }, from) => {
    const start = state();
    join(from, start);
    let last = start;
    for (let round = 0; round < least; round++) last = once(node, last);
    const end = state();
    join(last, end);
    for (let round = least; round < most; round++) join((last = once(node, last)), end);
    // What comes next must not add to a state that others leave, too.
    const after = state();
    join(end, after);
    return after;
  };
  const start = state();
  const end = state();
  const first = state();
  join(start, first);
  alternatives(tree, first, end);
  if (open) for (const digit of '0123456789') states[end].on[digit] = end;

  const closed = (list) => {
    const set = new Set(list);
    for (const each of set) for (const next of states[each].free) set.add(next);
    return [...set].sort((one, other) => one - other);
  };
  const known = new Map();
  const named = (list) => {
    const set = closed(list);
    const key = set.join();
    if (!known.has(key)) known.set(key, { key, set, accepts: set.includes(end), next: {} });
    return known.get(key);
  };
  const step = (of, digit) =>
    (of.next[digit] ??= named(of.set.map((each) => states[each].on[digit]).filter((next) => next !== undefined)));
  return { start: named([start]), step };
}

/** True if some text is accepted by all of `yes` and by none of `no`. */
function some(yes, no) {
  const all = [...yes, ...no];
  const begin = all.map(({ start }) => start);
  const seen = new Set();
  const queue = [begin];
  while (queue.length) {
    const at = queue.pop();
    const key = at.map((each) => each.key).join('/');
    if (seen.has(key) || at.some((each, index) => index < yes.length && !each.set.length)) continue;
    seen.add(key);
    if (at.every((each, index) => each.accepts === index < yes.length)) return true;
    for (const digit of '0123456789') queue.push(at.map((each, index) => all[index].step(each, digit)));
  }
  return false;
}

/** Every place in a tree where an alternative could go. */
function* choices({ options }, path = []) {
  for (let index = options.length - 1; index >= 0; index--) {
    if (options.length > 1) yield [...path, index];
    for (const [place, { node }] of options[index].parts.entries())
      if (node.inner) yield* choices(node.inner, [...path, index, place]);
  }
}

function without(tree, [index, place, ...rest]) {
  if (place === undefined) return { options: tree.options.filter((_, at) => at !== index) };
  return {
    options: tree.options.map((option, at) =>
      at !== index
        ? option
        : {
            parts: option.parts.map((part, where) =>
              where !== place ? part : { ...part, node: { ...part.node, inner: without(part.node.inner, rest) } },
            ),
          },
    ),
  };
}

/** The shortest form of leading digits that says the same of all numbers in `numbers`. */
function shortened(leading, numbers) {
  let tree = parse(leading);
  for (let again = true; again;) {
    again = false;
    for (const choice of choices(tree)) {
      const less = without(tree, choice);
      if (some([...numbers, automaton(tree, true)], [automaton(less, true)])) continue;
      tree = less;
      again = true;
      break;
    }
  }
  return write(tree);
}

/** Metadata that is worth the same to whoever asks whether a number is textable, and how it is written. */
export function prunedMetadata(metadata) {
  const countries = structuredClone(metadata.countries);
  for (const regions of Object.values(metadata.country_calling_codes)) {
    const rows = regions.map((region) => countries[region]).filter(Boolean);
    const patterns = rows.map((row) => (row[types]?.[mobile] ? row[types][mobile][0] : row[general]));
    if (!rows.length) continue;
    const textable = automaton(parse(patterns.map((pattern) => `(?:${pattern})`).join('|')), false);
    for (const row of rows) {
      if (!row[formatList]) continue;
      row[formatList] = row[formatList].flatMap((format) => {
        const [groups, template, leading, ...rest] = format;
        const numbers = [textable, automaton(parse(groups), false)];
        if (!some(numbers, [])) return [];
        if (!leading?.length) return [format];
        // The last of them decides; those before serve while the number is being keyed.
        if (!some([...numbers, automaton(parse(leading.at(-1)), true)], [])) return [];
        return [[groups, template, [...new Set(leading.map((each) => shortened(each, numbers)))], ...rest]];
      });
    }
  }
  return { ...metadata, countries };
}
