import { edited } from './edits.mjs';
import { childrenOf, statementsOf } from './syntax.mjs';

/**
 * What the script tag leaves out of libphonenumber-js, module by module: what nobody calls for a text of digits, with a plus in front or not
 * (`PhoneRules` gets no other), under metadata of the library's own version. A quarter of its code.
 *
 * - `methods`: taken out of their classes.
 * - `functions`: emptied, or given the body that stands here.
 * - `constants`: expressions that always have the value that stands here.
 */
const trims = {
  'metadata.js': {
    // The versions of metadata before the present one.
    constants: { 'this.v1': 'false', 'this.v2': 'false', 'this.v3': 'false' },
    functions: { setVersion: '', validateMetadata: '' },
    methods: {
      Metadata: [
        'getCountries',
        'isNonGeographicCallingCode',
        'country',
        'defaultIDDPrefix',
        'nationalPrefixForParsing',
        'ext',
        'chooseCountryByCountryCallingCode',
      ],
      NumberingPlan: ['defaultIDDPrefix', 'getDefaultCountryMetadataForRegion', 'ext'],
      Format: ['nationalPrefixIsMandatoryWhenFormattingInNationalFormat', 'usesNationalPrefix'],
    },
  },
  'PhoneNumber.js': {
    constants: { 'isObject(nationalNumber)': 'false' },
    methods: {
      PhoneNumber: [
        'setExt',
        'getPossibleCountries',
        'isPossible',
        'isNonGeographic',
        'isEqual',
        'getType',
        'formatNational',
        'formatInternational',
        'getURI',
      ],
    },
  },
  'parse.js': {
    // Neither `tel:` nor an extension, and nothing around the number.
    constants: { 'options.v2': 'true' },
    functions: { parseInput: 'return /^(\\+?\\d{3,250}|\\d\\d)$/.test(text) ? { number: text } : {};' },
  },
  'isValid.js': { constants: { 'options.v2': 'true' } },
  'helpers/checkNumberLength.js': { constants: { "type === 'FIXED_LINE_OR_MOBILE'": 'false' } },
  'format.js': {
    constants: { 'options.v2': 'true' },
    functions: { formatIDD: '', addExtension: 'return formattedNumber;' },
  },
  'normalizeArguments.js': {
    functions: { normalizeArguments: 'return { text: args[0], options: args[1], metadata: args[2] };' },
  },
  'helpers/RFC3966.js': { functions: { formatRFC3966: '' } },
};

/** libphonenumber-js as the script tag carries it: trimmed, and without what the oldest browser brings itself. */
export const trimPhoneLibrary = () => ({
  name: 'trim-phone-library',
  transform(code, id) {
    const [, name] = /[\\/]libphonenumber-js[\\/][^\\/]+[\\/](.*)$/.exec(id) ?? [];
    if (!name) return null;
    const own = code.replace(/^function _extends\(\) \{.*\}$/m, 'const _extends = Object.assign;');
    const trim = trims[name.replaceAll('\\', '/')];
    return { code: trim ? trimmed(own, trim, name) : own, map: null };
  },
});

function trimmed(code, { constants = {}, functions = {}, methods = {} }, name) {
  const edits = [];
  const missing = new Set([...Object.keys(constants), ...Object.keys(functions), ...Object.values(methods).flat()]);
  const cut = (what, { start, end }, text) => {
    missing.delete(what);
    edits.push({ start, end, text });
  };
  const visit = (node) => {
    const text = code.slice(node.start, node.end);
    if (Object.hasOwn(constants, text)) cut(text, node, constants[text]);
    else if (node.type === 'FunctionDeclaration' && node.id && Object.hasOwn(functions, node.id.name))
      cut(node.id.name, node.body, `{${functions[node.id.name]}}`);
    else if (node.type === 'ClassDeclaration') {
      for (const member of node.body.body) {
        if (methods[node.id.name]?.includes(member.key.name)) cut(member.key.name, member, '');
        else visit(member);
      }
    } else childrenOf(node).forEach(visit);
  };
  statementsOf(code).forEach(visit);
  if (missing.size)
    throw new Error(
      `libphonenumber-js is another one than was trimmed: ${name} lacks ${[...missing].join(', ')}. See .config/phone-trimming.mjs`,
    );
  return edited(code, edits);
}
