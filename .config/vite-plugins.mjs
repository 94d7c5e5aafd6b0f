import { deepStrictEqual } from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cache } from './paths.mjs';

/**
 * Phone metadata as a string for JSON.parse instead of an object literal: the engine then skips over it when it compiles the script, and the
 * bundler's lazy module wrapper parses it only when the first number needs it. Packed by columns (all calling codes, then all patterns …), since
 * like stands beside like there, and with a sign for the `\d` in its patterns: 0.9 kB less after brotli.
 */
export const metadataAsJson = () => ({
  name: 'metadata-as-json',
  async transform(code, id) {
    if (!/libphonenumber-js[\\/]metadata\.\w+\.json\.js$/.test(id)) return null;
    const { default: metadata } = await import(id);
    const packed = packMetadata(metadata);
    deepStrictEqual(unpackMetadata(packed), metadata, 'the phone metadata came out of its packing as something else');
    const text = packed.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
    return { code: `${unpackMetadata}\nexport default unpackMetadata('${text}');`, map: null };
  },
});

export function packMetadata(metadata) {
  const regions = Object.keys(metadata.countries);
  const width = Math.max(...regions.map((region) => metadata.countries[region].length));
  const columns = Array.from({ length: width }, (_, at) =>
    regions.map((region) => metadata.countries[region][at] ?? 0),
  );
  const json = JSON.stringify({ ...metadata, countries: [regions, ...columns] });
  if (json.includes('@')) throw new Error('the phone metadata contains the sign that stands for \\d');
  return json.replaceAll('\\\\d', '@');
}

/** Goes into the script as it stands here, so it keeps to what old browsers know. */
export function unpackMetadata(packed) {
  const metadata = JSON.parse(packed.replace(/@/g, '\\\\d'));
  const [regions, ...columns] = metadata.countries;
  metadata.countries = {};
  regions.forEach((region, at) => {
    const row = columns.map((column) => column[at]);
    // Rows end at their last entry; 0 stands for nothing.
    while (row[row.length - 1] === 0) row.pop();
    metadata.countries[region] = row;
  });
  return metadata;
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
