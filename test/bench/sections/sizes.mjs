// What a page downloads: brotli 11 of what a bundler makes, Lit included.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../../.config/install.mjs';
import { brotli, weigh } from '../support/bundle.mjs';

const own = (path) => JSON.stringify(join(root, 'dist', path));
const kB = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
const lit = [
  'lit',
  'lit/*',
  '@lit/*',
  'lit-html',
  'lit-html/*',
  '@lit/reactive-element',
  'libphonenumber-js',
  'libphonenumber-js/*',
  'lean-qr',
  'lean-qr/*',
];

/** Entries as a vendor's bundler would see them. */
export const peers = {
  'intl-tel-input with utils': `import iti from 'intl-tel-input/intlTelInputWithUtils'; window.peer = iti;`,
  'simple-keyboard (modern)': `import k from 'simple-keyboard/build/index.modern.esm.js'; window.peerKeyboard = k;`,
  'react-phone-number-input with React': `import React from 'react'; import { createRoot } from 'react-dom/client'; import P from 'react-phone-number-input'; window.peer = [React, createRoot, P];`,
  '@lion/ui input-tel': `import '@lion/ui/define/lion-input-tel.js';`,
  '@adyen/adyen-web core': `import { AdyenCheckout } from '@adyen/adyen-web'; window.peer = AdyenCheckout;`,
  '@nangohq/frontend': `import Nango from '@nangohq/frontend'; window.peer = Nango;`,
};

/** Without these a page cannot use them; the kit's styles are in its scripts. */
const styles = {
  'intl-tel-input with utils': 'intl-tel-input/dist/css/intlTelInput.min.css',
  'simple-keyboard (modern)': 'simple-keyboard/build/css/index.css',
};

/** The kit's own figures; also what CI holds to its bounds. */
export async function measureKit() {
  const connect = await weigh(`import ${own('define/rulrr-connect.js')};`);
  const numpad = await weigh(`import ${own('define/rulrr-ereceipt-numpad.js')};`);
  const ownConnect = await weigh(`import ${own('define/rulrr-connect.js')};`, { external: lit });
  const ownNumpad = await weigh(`import ${own('define/rulrr-ereceipt-numpad.js')};`, { external: lit });
  const world = numpad.later
    .filter(({ name }) => /world|metadata/.test(name))
    .reduce((sum, { bytes }) => sum + bytes, 0);
  return {
    scriptTag: brotli(readFileSync(join(root, 'dist/rulrr-embed.iife.js'))),
    connect: connect.first,
    numpad: numpad.first,
    world,
    ownConnect: ownConnect.first,
    ownNumpad: ownNumpad.first,
  };
}

export default async function sizes() {
  const kit = await measureKit();
  const rows = [];
  const add = (what, bytes, bound) =>
    rows.push({
      what,
      figure: kB(bytes),
      bound: bound ? `≤ ${kB(bound)}` : '',
      ok: bound ? bytes <= bound : undefined,
    });
  add('script tag: both elements, all languages, world metadata', kit.scriptTag, 50_000);
  add('rulrr-connect.js with Lit', kit.connect, 10_000);
  add('numpad to first key, US rules, with Lit', kit.numpad, 25_000);
  add('world metadata, on demand', kit.world, 21_000);
  add('own code of rulrr-connect', kit.ownConnect, 5_000);
  add('own code of the numpad', kit.ownNumpad, 8_000);

  const weights = {};
  for (const [name, code] of Object.entries(peers)) {
    const peer = await weigh(code);
    const style = styles[name];
    weights[name] = peer.first + (style ? brotli(readFileSync(join(root, 'test/bench/node_modules', style))) : 0);
    const later = peer.later.reduce((sum, { bytes }) => sum + bytes, 0);
    rows.push({
      what: `peer: ${name}`,
      figure: kB(weights[name]) + (later ? ` + ${kB(later)} on demand` : ''),
      bound: '',
    });
  }
  const sum = weights['intl-tel-input with utils'] + weights['simple-keyboard (modern)'];
  const ratio = kit.scriptTag / sum;
  rows.push({
    what: 'script tag ÷ (intl-tel-input with utils + simple-keyboard, their CSS with them)',
    figure: `${ratio.toFixed(2)} (peers ${kB(sum)})`,
    bound: '≤ 0.65',
    ok: ratio <= 0.65,
  });
  return { title: 'Size', rows };
}
