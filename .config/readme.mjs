// What of README.md is generated: the hash of the script tag that this version builds, and the elements' tables from the manifest.
const attribute = /(src="[^"]*rulrr-embed\.iife\.js"[^>]*?\bintegrity=")[^"]*(")/g;

/** The README with the hash put in wherever it shows the script tag with an `integrity`. */
export const withIntegrity = (readme, integrity) => readme.replace(attribute, `$1${integrity}$2`);

const cell = (text) =>
  String(text ?? '')
    .replace(/\s+/g, ' ')
    .replace(/\|/g, '\\|')
    .trim();
const code = (text) => (text ? `\`${cell(text)}\`` : '');
const table = (head, rows) =>
  rows.length
    ? [`| ${head.join(' | ')} |`, `|${'---|'.repeat(head.length)}`, ...rows.map((row) => `| ${row.join(' | ')} |`), '']
    : [];

function tablesOf({ members = [], attributes = [], events = [], slots = [], cssParts = [], cssProperties = [] }) {
  const fields = members.filter(({ kind }) => kind === 'field');
  const attributeOf = (name) => attributes.find(({ fieldName }) => fieldName === name)?.name ?? '';
  const quoted = ({ parameters = [] }) => parameters.map(({ name }) => name).join(', ');
  return [
    ...table(
      ['attribute', 'property', 'type', 'default', ''],
      fields.map((field) => {
        const { name, type, readonly, description } = field;
        const preset = field.default && field.default.length < 30 ? code(field.default) : '';
        return [
          code(attributeOf(name)),
          code(name),
          code(type?.text),
          preset,
          cell(`${readonly ? 'Read-only. ' : ''}${description ?? ''}`),
        ];
      }),
    ),
    ...table(
      ['method', ''],
      members
        .filter(({ kind }) => kind === 'method')
        .map((method) => [code(`${method.name}(${quoted(method)})`), cell(method.description)]),
    ),
    ...table(
      ['event', ''],
      events.map(({ name, description }) => [code(name), cell(description)]),
    ),
    ...table(
      ['slot', ''],
      slots.map(({ name, description }) => [name ? code(name) : '(default)', cell(description)]),
    ),
    ...table(
      ['part', ''],
      cssParts.map(({ name, description }) => [code(name), cell(description)]),
    ),
    ...table(
      ['CSS property', 'default', ''],
      cssProperties.map(({ name, default: preset, description }) => [code(name), code(preset), cell(description)]),
    ),
  ]
    .join('\n')
    .trim();
}

/** The README with each element's tables put between `<!-- api TAG -->` and `<!-- /api -->`. */
export function withTables(readme, manifest) {
  const elements = manifest.modules.flatMap(({ declarations = [] }) => declarations).filter(({ tagName }) => tagName);
  return readme.replace(/(<!-- api ([\w-]+) -->\n)[\s\S]*?(<!-- \/api -->)/g, (whole, open, tag, close) => {
    const element = elements.find(({ tagName }) => tagName === tag);
    return element ? `${open}\n${tablesOf(element)}\n\n${close}` : whole;
  });
}
