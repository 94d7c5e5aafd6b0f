// Bundles an entry as a page's bundler would, and weighs what loads first and what loads on demand.
import { createHash } from 'node:crypto';
import { brotliCompressSync, constants } from 'node:zlib';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const benchFolder = fileURLToPath(new URL('..', import.meta.url));

/** Bytes after brotli 11, as a server that compresses ahead of time sends them. */
export function brotli(bytes) {
  return brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
}

/** The letters of the bundler's hashes. */
const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/**
 * The text of an output as it is weighed. Chunks are named by their place and the modules that they are made of, not by what is in these: eight letters that no
 * compression shortens would else weigh up to 40 bytes more or less after any change to any chunk.
 */
function steadily(result) {
  const names = Object.entries(result.metafile.outputs).flatMap(([name, { inputs }], at) => {
    const [, hash] = /-([A-Z2-7]{8})\.js$/.exec(name) ?? [];
    const made = Object.keys(inputs).map((input) => input.split('/').slice(-2).join('/'));
    const steady = Array.from(
      createHash('sha256')
        .update(at + made.join())
        .digest()
        .subarray(0, 8),
      (byte) => base32.charAt(byte % 32),
    );
    return hash ? [[hash, steady.join('')]] : [];
  });
  return ({ text }) => Buffer.from(names.reduce((code, [hash, name]) => code.replaceAll(hash, name), text));
}

/**
 * @param {string} code an ES module that imports what is measured
 * @param {{external?: string[], resolveDir?: string, format?: 'esm' | 'iife', target?: string}} options
 * @returns {Promise<{first: number, later: {name: string, bytes: number}[], text: string, css: string}>} brotli bytes
 */
export async function weigh(code, options = {}) {
  const { external = [], resolveDir = benchFolder, format = 'esm', target = 'es2022' } = options;
  const result = await build({
    stdin: { contents: code, resolveDir, loader: 'js', sourcefile: 'entry.js' },
    bundle: true,
    minify: true,
    format,
    target,
    platform: 'browser',
    splitting: format === 'esm',
    outdir: 'out',
    write: false,
    metafile: true,
    external,
    legalComments: 'none',
    define: { 'process.env.NODE_ENV': '"production"' },
    conditions: ['production'],
    loader: { '.png': 'empty', '.webp': 'empty', '.svg': 'empty' },
    logLevel: 'error',
  });
  const outputs = Object.entries(result.metafile.outputs);
  // Chunks of dynamic imports have an entry point too; ours is the one that came by stdin.
  const entry = outputs.find(([, output]) => output.entryPoint?.endsWith('entry.js'))[0];
  // What the entry imports statically loads with it; the rest is on demand.
  const first = new Set();
  const visit = (name) => {
    if (first.has(name)) return;
    first.add(name);
    for (const { path, kind } of result.metafile.outputs[name]?.imports ?? []) {
      if (kind === 'import-statement' && result.metafile.outputs[path]) visit(path);
    }
  };
  visit(entry);
  const output = (name) => result.outputFiles.find((file) => file.path.endsWith(name.replace(/^out/, '')));
  const contents = steadily(result);
  const weight = (name) => brotli(contents(output(name)));
  const isScript = ([name]) => name.endsWith('.js');
  return {
    first: outputs
      .filter(isScript)
      .filter(([name]) => first.has(name))
      .reduce((sum, [name]) => sum + weight(name), 0),
    later: outputs
      .filter(isScript)
      .filter(([name]) => !first.has(name))
      .map(([name, output]) => ({
        name:
          Object.keys(output.inputs)
            .map((input) => input.split('/').slice(-2).join('/'))
            .sort()[0] ?? name,
        bytes: weight(name),
      })),
    text: output(entry).text,
    css: result.outputFiles
      .filter((file) => file.path.endsWith('.css'))
      .map((file) => file.text)
      .join(''),
  };
}
