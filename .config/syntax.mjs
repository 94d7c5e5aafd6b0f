import { parse } from 'acorn';

export const moduleOf = (code) => parse(code, { ecmaVersion: 2022, sourceType: 'module' });

/** The statements at the top of a module's code. */
export const statementsOf = (code) => moduleOf(code).body;

/** The nodes right inside one. */
export const childrenOf = (node) =>
  Object.values(node)
    .flat()
    .filter((value) => typeof value?.type === 'string');
