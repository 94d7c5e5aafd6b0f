import { _$LH as lit } from 'lit-html/private-ssr-support.js';
import { parseFragment, serialize } from 'parse5';
import { edited } from './edits.mjs';
import { childrenOf, moduleOf } from './syntax.mjs';

const helper = 'prepared-template';

/**
 * Lit's templates with the work done that Lit does at the first rendering: finding where the bindings are. What Lit itself calls compiled
 * templates; made here by Lit's own scanner, which then need not come along: see lit-trimming.mjs. A template costs one parse of its markup, on a
 * till whose first screen waits for it.
 */
export const preparedTemplates = () => ({
  name: 'prepared-templates',
  resolveId: (id) => (id === helper ? `\0${helper}` : null),
  load: (id) => (id === `\0${helper}` ? helperCode : null),
  transform(code, id) {
    if (/node_modules|^\0/.test(id) || !/\bhtml\s*`/.test(code)) return null;
    return { code: prepareTemplates(code), map: null };
  },
});

/** Parts as one word each, `3@click`: the element's or comment's place in the markup, and the attribute, if it is one. */
const helperCode = `
import { parts } from 'lit-html';
export function prepared(markup, bindings) {
  const h = [markup];
  // By this Lit knows that the markup was not put together from data.
  h.raw = h;
  return {
    h,
    parts: bindings.split(' ').filter(Boolean).map((binding) => {
      const index = parseInt(binding, 10);
      const name = binding.slice(String(index).length);
      if (!name) return { type: 2, index };
      const ctor = name[0] === '@' ? parts.event : name[0] === '?' ? parts.boolean : parts.attribute;
      return { type: 1, index, name: name.replace(/^[@?]/, ''), strings: ['', ''], ctor };
    }),
  };
}`;

/** A module with its templates prepared, each when it is first rendered. */
export function prepareTemplates(code) {
  const names = [];
  const prepared = (node) => {
    const name = `template${names.length}`;
    names.push(name);
    const { markup, bindings } = prepare(node.quasi.quasis.map(({ value }) => value.cooked));
    const made = `prepared(${JSON.stringify(markup)}, ${JSON.stringify(bindings.join(' '))})`;
    const values = node.quasi.expressions.map((inner) => printed(inner));
    return `({ _$litType$: ${name} || (${name} = ${made}), values: [${values.join(', ')}] })`;
  };
  /** The code of a node, from its outermost templates inwards. */
  const printed = (node) => {
    const text = code.slice(node.start, node.end);
    const edits = outermost(node).map((template) => ({
      start: template.start - node.start,
      end: template.end - node.start,
      text: prepared(template),
    }));
    return edited(text, edits);
  };
  const body = printed(moduleOf(code));
  return `import { prepared } from '${helper}';\nlet ${names.join(', ')};\n${body}`;
}

const outermost = (node) =>
  node.type === 'TaggedTemplateExpression' && node.tag.name === 'html' ? [node] : childrenOf(node).flatMap(outermost);

/** What Lit's template walker does in a browser, on the tree of a parser that follows the same standard. */
export function prepare(strings) {
  const scanned = Object.assign([...strings], { raw: strings });
  const [html, names] = lit.getTemplateHtml(scanned, lit.HTML_RESULT);
  const fragment = parseFragment(String(html));
  const bindings = [];
  let index = 0;
  const walk = ({ childNodes = [] }) => {
    for (const node of childNodes) {
      if (node.nodeName === '#text') continue;
      if (node.nodeName === '#comment' && node.data === lit.markerMatch) bindings.push(String(index));
      const bound = (node.attrs ?? []).filter(({ name }) => name.endsWith(lit.boundAttributeSuffix));
      for (const attribute of bound) {
        const name = names.shift();
        if (attribute.value !== lit.marker || name.startsWith('.'))
          throw new Error(`The script tag knows attributes that are one binding, and no properties: ${name}`);
        bindings.push(index + name);
      }
      if (bound.length) node.attrs = node.attrs.filter((one) => !bound.includes(one));
      if (node.data === lit.markerMatch) node.data = '?';
      index++;
      walk(node);
    }
  };
  walk(fragment);
  const markup = serialize(fragment).replaceAll('<!--?-->', '<?>');
  if (
    bindings.length !== strings.length - 1 ||
    markup.includes(lit.marker) ||
    /<(?:template|style|script|title|textarea)\b/.test(markup)
  )
    throw new Error(`A template has bindings where the script tag knows none: ${strings.join('${…}')}`);
  return { markup, bindings };
}
