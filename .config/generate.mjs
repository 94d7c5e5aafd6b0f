// Everything that is generated from the elements' sources: the manifest (committed, at the top), and what is derived from it for frameworks and
// editors (made by the build, shipped in dist).
//
//   npm run generate     writes custom-elements.json, README.md's tables, and after a build its hash of the script tag
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cli as analyze } from '@custom-elements-manifest/analyzer/cli.js';
import { generateJsxTypes } from '@wc-toolkit/jsx-types';
import { generateJetBrainsWebTypes } from 'custom-element-jet-brains-integration';
import { format, resolveConfig } from 'prettier';
import { generateVsCodeCustomElementData } from 'custom-element-vs-code-integration';
import { elementsOf, imports, reactTypes, svelteTypes, vueTypes } from './framework-types.mjs';
import { integrityOf } from './integrity.mjs';
import { cache, root } from './paths.mjs';
import { withIntegrity, withTables } from './readme.mjs';

export const manifestPath = join(root, 'custom-elements.json');
export const readmePath = join(root, 'README.md');

/** The manifest as the sources have it now, as text. */
export async function manifestNow() {
  const manifest = await quietly(() =>
    analyze({
      argv: ['analyze', '--config', '.config/cem.config.mjs', '--quiet'],
      cwd: root,
      noWrite: true,
    }),
  );
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** The README with the tables of a manifest, and the hash of the script tag that was built last, if one was; null without a README. */
export async function readmeNow(manifestText) {
  if (!existsSync(readmePath)) return null;
  const built = join(root, 'dist/rulrr-embed.iife.js');
  const readme = withTables(readFileSync(readmePath, 'utf8'), JSON.parse(manifestText));
  const whole = existsSync(built) ? withIntegrity(readme, integrityOf(readFileSync(built))) : readme;
  return format(whole, {
    ...(await resolveConfig(readmePath, { config: join(root, '.config/prettier.json') })),
    parser: 'markdown',
  });
}

/** What is derived from a manifest: file name below dist → text. */
export async function derivedFrom(manifestText) {
  const outdir = join(cache(), `derived-${process.pid}`);
  mkdirSync(outdir, { recursive: true });
  // Each generator gets a copy of its own: some write into the manifest that they read.
  const manifest = () => JSON.parse(manifestText);
  try {
    await quietly(() => {
      generateJsxTypes(settable(manifest()), {
        outdir,
        fileName: 'jsx.d.ts',
        globalTypePath: '../index.js',
        stronglyTypedEvents: true,
        includeDefaultDOMEvents: true,
        hideLogs: true,
      });
      generateVsCodeCustomElementData(manifest(), {
        outdir,
        htmlFileName: 'vscode.html-custom-data.json',
        cssFileName: 'vscode.css-custom-data.json',
        hideLogs: true,
      });
      generateJetBrainsWebTypes(manifest(), {
        outdir,
        webTypesFileName: 'web-types.json',
        packageJson: false,
        hideLogs: true,
      });
    });
    // What has no default is told by each generator in its own way as one of `undefined`.
    const none = / (?:_\(default: undefined\)_|\(default: `undefined`\))/g;
    const read = (name) => `${readFileSync(join(outdir, name), 'utf8').replace(none, '').trimEnd()}\n`;
    return {
      'types/jsx.d.ts': jsxTypes(read('jsx.d.ts'), manifest()),
      'types/vue.d.ts': vueTypes(manifest()),
      'types/svelte.d.ts': svelteTypes(manifest()),
      'editors/vscode.html-custom-data.json': read('vscode.html-custom-data.json'),
      'editors/vscode.css-custom-data.json': read('vscode.css-custom-data.json'),
      'editors/web-types.json': read('web-types.json'),
    };
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

/** Without the attributes that an element writes itself: templates would set the property of that name, which throws. */
function settable(manifest) {
  for (const { declarations } of manifest.modules)
    for (const { attributes, members } of declarations)
      for (const { name } of members?.filter(({ readonly }) => readonly) ?? [])
        attributes.splice(0, attributes.length, ...attributes.filter((attribute) => attribute.name !== name));
  return manifest;
}

/**
 * One import of `rulrr-embed/jsx` is all that a React page needs. The generator augments ten frameworks at once, which is an error for each that is
 * not installed, imports no event, and has props of its own for what every element takes, which React's types do not fit: so its types are kept, and
 * React is told of the elements by `reactTypes`.
 */
function jsxTypes(generated, manifest) {
  const types = generated
    .slice(0, generated.indexOf('\ndeclare module '))
    .replace(/^import type .*\n/m, imports(elementsOf(manifest)));
  return types + reactTypes(manifest);
}

/** The generators greet on the console. */
async function quietly(work) {
  const { log } = console;
  console.log = () => {};
  try {
    return await work();
  } finally {
    console.log = log;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const manifest = await manifestNow();
  writeFileSync(manifestPath, manifest);
  console.log('Wrote custom-elements.json. The build derives the rest from it.');
  const readme = await readmeNow(manifest);
  if (readme) {
    writeFileSync(readmePath, readme);
    console.log('Wrote the tables of README.md, and after a build the hash of the script tag.');
  }
}
