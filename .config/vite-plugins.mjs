import { deepStrictEqual } from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cache } from './paths.mjs';
import { prunedMetadata } from './phone-pruning.mjs';

/**
 * Phone metadata as a string for JSON.parse instead of an object literal: the engine then skips over it when it compiles the script, and it is
 * parsed only when the first number needs it. Packed by columns (all calling codes, then all patterns …), since like stands beside like there, and
 * with signs for what its patterns are full of: 2.1 kB less after brotli; and without what only numbers that get no text messages need: 5.4 kB less.
 */
export const metadataAsJson = () => ({
  name: 'metadata-as-json',
  async transform(code, id) {
    if (!/numpad[\\/]phone-world\.js$/.test(id)) return null;
    const { world, complain } = await import(id);
    const metadata = prunedMetadata(world());
    const packed = packMetadata(metadata);
    deepStrictEqual(unpackMetadata(packed), metadata, 'the phone metadata came out of its packing as something else');
    const text = packed.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
    return {
      code: `${unpackMetadata}\nexport ${complain}\nexport const world = () => unpackMetadata('${text}');`,
      map: null,
    };
  },
});

const formatList = 4;
const typeList = 11;
const column = (rows, at) => rows.map((row) => row[at] ?? 0);

/** By columns: first the regions, by their calling codes, main country first, so that the list of codes follows from them. */
export function packMetadata({ country_calling_codes: codes, countries, ...rest }) {
  const regions = Object.values(codes)
    .flat()
    .filter((region) => countries[region]);
  // In place of its formats, how many a region has (-1: none left, which is not the same as none of its own); in place of its types, the pattern of its mobile numbers, with their lengths in a column more.
  const rows = regions.map((region) => {
    const row = Array.from({ length: 15 }, (_, at) => countries[region][at] ?? 0);
    const [, [mobile, lengths] = []] = row[typeList] || [];
    row[14] = lengths ?? 0;
    row[typeList] = mobile ?? 0;
    row[formatList] = row[formatList] ? row[formatList].length || -1 : 0;
    return row;
  });
  const formats = regions.flatMap((region) => countries[region][formatList] || []);
  const json = JSON.stringify({
    ...rest,
    countries: [regions, ...Array.from({ length: 15 }, (_, at) => column(rows, at))],
    formats: Array.from({ length: 6 }, (_, at) => column(formats, at)),
  });
  if (/[@!]/.test(json)) throw new Error('the phone metadata contains a sign that stands for another');
  return json.replaceAll('\\\\d', '@').replaceAll('(?:', '!');
}

/** Goes into the script as it stands here, so it keeps to what old browsers know. */
export function unpackMetadata(packed) {
  const { countries, formats, ...metadata } = JSON.parse(packed.replace(/@/g, '\\\\d').replace(/!/g, '(?:'));
  // Rows end at their last entry; 0 stands for nothing.
  const rowOf = (columns, at) => {
    const row = columns.map((column) => column[at]);
    while (row[row.length - 1] === 0) row.pop();
    return row;
  };
  const codes = (metadata.country_calling_codes = {});
  metadata.countries = {};
  let format = 0;
  countries[0].forEach((region, at) => {
    const columns = countries.slice(1);
    const [lengths] = columns.pop().slice(at);
    const row = rowOf(columns, at);
    if (row[11]) row[11] = [0, lengths ? [row[11], lengths] : [row[11]]];
    // Not `Array.from`: Prototype.js and MooTools have their own, which calls nothing.
    const last = format + row[4];
    if (row[4]) for (row[4] = []; format < last;) row[4].push(rowOf(formats, format++));
    metadata.countries[region] = row;
    codes[row[0]] = (codes[row[0]] || []).concat(region);
  });
  return metadata;
}

const unpacker = 'unpack-messages';

/**
 * A language's words as one text, in the order of English, whose keys name them: so each key is in the script once, and like stands beside like.
 */
export const messagesAsText = () => ({
  name: 'messages-as-text',
  resolveId: (id) => (id === unpacker ? `\0${unpacker}` : null),
  load: (id) => (id === `\0${unpacker}` ? `export ${unpackMessages}` : null),
  async transform(code, id) {
    const [, folder, language] = /^(.*[\\/]shared[\\/]messages[\\/])(?!en\b)(\w+)\.js$/.exec(id) ?? [];
    if (!language) return null;
    const [{ en }, { messages: words }] = await Promise.all([import(`${folder}en.js`), import(id)]);
    const messages = words();
    const packed = packMessages(messages, en);
    deepStrictEqual(
      unpackMessages(packed, en),
      messages,
      `the words of ${language} came out of their packing as others`,
    );
    return {
      code: `import { en } from './en.js';\nimport { unpackMessages } from '${unpacker}';\nexport const messages = () => unpackMessages(${JSON.stringify(packed)}, en);`,
      map: null,
    };
  },
});

export function packMessages(messages, english) {
  const words = Object.keys(english).flatMap((room) => Object.keys(english[room]).map((key) => messages[room][key]));
  if (words.some((text) => !text || text.includes('|')))
    throw new Error('a message is missing, or has the sign that stands between two');
  return words.join('|');
}

/** Goes into the script as it stands here. */
export function unpackMessages(packed, english) {
  const words = packed.split('|');
  const messages = {};
  // Only their own: a library may have given all objects something.
  for (const room of Object.keys(english)) {
    messages[room] = {};
    for (const key of Object.keys(english[room])) messages[room][key] = words.shift();
  }
  return messages;
}

/** Writes down which modules went into the bundle, for the third-party notices. */
export const moduleList = () => ({
  name: 'module-list',
  generateBundle(_options, bundle) {
    const modules = Object.values(bundle).flatMap((chunk) =>
      chunk.type === 'chunk' ? Object.keys(chunk.modules) : [],
    );
    writeFileSync(join(cache(), 'bundled-modules.json'), JSON.stringify(modules.sort(), null, 1));
  },
});

/** `queueMicrotask` came with Chromium 71 and Safari 12.1; a resolved promise does the same and adds nothing to the page. */
export const microtasks = () => ({
  name: 'microtasks',
  transform(code, id) {
    if (!/\bqueueMicrotask\(/.test(code) || id.startsWith('\0')) return null;
    return { code: code.replaceAll(/\bqueueMicrotask\(/g, 'Promise.resolve().then('), map: null };
  },
});

/**
 * One line at the top that says whose code this is; minifiers drop comments, so it is put there last. Before it a byte order mark: it makes a browser
 * read the file as UTF-8 whatever the page's own encoding or the server's header say.
 */
export const banner = (text) => ({
  name: 'banner',
  generateBundle: {
    order: 'post',
    handler(_options, bundle) {
      for (const chunk of Object.values(bundle))
        if (chunk.type === 'chunk') chunk.code = `\uFEFF${text}\n${chunk.code}`;
    },
  },
});
