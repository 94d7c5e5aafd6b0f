import { parse } from 'acorn';
import { edited } from './edits.mjs';
import { childrenOf } from './syntax.mjs';

/**
 * Functions in place of the arrows that stand in the script's outermost scope. V8 passes over the body of a function until it is called; inside
 * another function it parses an arrow's whole, though it compiles it no sooner. A fourteenth of the time to compile the script went into that.
 */
export const lazyFunctions = () => ({
  name: 'lazy-functions',
  generateBundle: {
    order: 'post',
    handler(_options, bundle) {
      for (const chunk of Object.values(bundle)) if (chunk.type === 'chunk') chunk.code = withLazyFunctions(chunk.code);
    },
  },
});

const isFunction = ({ type }) => type === 'FunctionExpression' || type === 'FunctionDeclaration';

/** Has what an arrow shares with the function around it. */
const shares = (node) =>
  node.type === 'ThisExpression' ||
  node.type === 'Super' ||
  node.type === 'MetaProperty' ||
  (node.type === 'Identifier' && node.name === 'arguments') ||
  (!isFunction(node) && childrenOf(node).some(shares));

export function withLazyFunctions(code) {
  const edits = [];
  const visit = (node) => {
    // What is inside a function is passed over with it.
    if (isFunction(node)) return;
    if (node.type !== 'ArrowFunctionExpression' || shares(node)) {
      childrenOf(node).forEach(visit);
      return;
    }
    const { params, body, async } = node;
    const names = params.length ? code.slice(params[0].start, params.at(-1).end) : '';
    const text = code.slice(body.start, body.end);
    edits.push({
      start: node.start,
      end: node.end,
      text: `${async ? 'async ' : ''}function(${names})${body.type === 'BlockStatement' ? text : `{return ${text}}`}`,
    });
  };
  const [{ expression }] = parse(code, { ecmaVersion: 2022 }).body;
  if (!isFunction(expression.callee))
    throw new Error('the script is expected to be one function that is called at once');
  childrenOf(expression.callee.body).forEach(visit);
  return edited(code, edits);
}
