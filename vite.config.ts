import { defineConfig } from 'vite';
import { lazyFunctions } from './.config/lazy-functions.mjs';
import { trimLit } from './.config/lit-trimming.mjs';
import { trimPhoneLibrary } from './.config/phone-trimming.mjs';
import { onDemand } from './.config/on-demand.mjs';
import { plainStrings } from './.config/plain-strings.mjs';
import { preparedTemplates } from './.config/prepared-templates.mjs';
import { banner, messagesAsText, metadataAsJson, microtasks, moduleList } from './.config/vite-plugins.mjs';

/**
 * The script tag: one classic script with both elements, every language and the world's phone metadata, for tills whose browser stopped updating
 * at Chromium 70 or Safari 12. Built from what tsc emitted, whose decorators are lowered already: the bundler passes them through as they stand.
 */
export default defineConfig({
  // A page's own assets are no part of the kit.
  publicDir: false,
  // Chromium has `globalThis` from 71 on and Safari from 12.1 on. A script tag always has `window`, so nothing needs to be added to the page.
  define: { globalThis: 'window', 'process.env.NODE_ENV': '"production"' },
  resolve: { conditions: ['browser', 'production', 'module', 'import', 'default'] },
  plugins: [
    preparedTemplates(),
    trimLit(),
    trimPhoneLibrary(),
    onDemand(),
    metadataAsJson(),
    messagesAsText(),
    microtasks(),
    moduleList(),
    plainStrings(),
    lazyFunctions(),
    banner('/*! rulrr-embed, MIT. Contains third-party software: see THIRD-PARTY-NOTICES.txt */'),
  ],
  build: {
    outDir: 'dist',
    emptyOutDir: false,
    target: ['chrome70', 'safari12'],
    lib: { entry: 'dist/define.js', formats: ['iife'], name: 'rulrrEmbed', fileName: () => 'rulrr-embed.iife.js' },
    minify: 'oxc',
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        comments: { legal: false },
        // Old pages call classes and functions of their own by these names, in scripts that come later.
        intro: 'var Map = window.Map, Set = window.Set, crypto = window.crypto;',
      },
    },
  },
});
