// The pages that are compared: this kit, a bare button that appends a digit (the floor), and simple-keyboard feeding intl-tel-input.
// Each page sets `window.ready` once it can be used, `window.shown()` answers with the digits on screen, `window.keyBox(digit)` with
// where the key is, and `window.reset()` empties the number.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../../.config/install.mjs';
import { weigh } from './bundle.mjs';

const peerCode = `
import iti from 'intl-tel-input/intlTelInputWithUtils';
import Keyboard from 'simple-keyboard/build/index.modern.esm.js';
window.startPeer = () => {
  const input = document.querySelector('#phone');
  const phone = iti(input, { initialCountry: 'us', separateDialCode: false });
  const keyboard = new (Keyboard.default || Keyboard)('.simple-keyboard', {
    layout: { default: ['1 2 3', '4 5 6', '7 8 9', '{bksp} 0 +'] },
    theme: 'hg-theme-default hg-layout-numeric numeric-theme',
    useTouchEvents: false, usePointerEvents: true,
    onChange: (value) => { input.value = value; input.dispatchEvent(new InputEvent('input', { bubbles: true })); },
  });
  window.reset = () => { keyboard.clearInput(); input.value = ''; };
  window.shown = () => input.value.replace(/\\D/g, '');
  window.keyBox = (digit) => document.querySelector('.hg-button[data-skbtn="' + digit + '"]').getBoundingClientRect().toJSON();
};`;

const html = (body, script) =>
  `<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>bench</title>${body}<script>${script}</script>`;

/** Table for `serve`, plus the code of the kit and of the peers as they would be sent to a page. */
export async function subjects() {
  const kit = readFileSync(join(root, 'dist/rulrr-embed.iife.js'), 'utf8');
  const peer = (await weigh(peerCode, { format: 'iife' })).text;
  const folder = join(root, 'test/bench/node_modules');
  const peerCss =
    readFileSync(join(folder, 'intl-tel-input/dist/css/intlTelInput-no-assets.min.css'), 'utf8') +
    readFileSync(join(folder, 'simple-keyboard/build/css/index.css'), 'utf8');
  const type = 'text/html; charset=utf-8';
  const script = 'text/javascript; charset=utf-8';
  return {
    kit,
    peer,
    table: {
      '/kit.js': { type: script, body: kit },
      '/peer.js': { type: script, body: peer },
      '/peer.css': { type: 'text/css', body: peerCss },
      '/blank': { type, body: html('<main></main>', '') },
      '/floor': {
        type,
        body: html(
          '<style>button{width:96px;height:72px;font-size:28px;touch-action:none}</style><p id="shown" style="font-size:32px;height:40px"></p><button id="key">5</button>',
          `const shown = document.querySelector('#shown'); const key = document.querySelector('#key');
           key.addEventListener('pointerdown', () => { shown.textContent += '5'; });
           window.reset = () => { shown.textContent = ''; };
           window.shown = () => shown.textContent;
           window.keyBox = () => key.getBoundingClientRect().toJSON();
           window.ready = true;`,
        ),
      },
      '/kit': {
        type,
        body: html(
          '<script src="/kit.js"></script><rulrr-ereceipt-numpad idle-timeout="0"></rulrr-ereceipt-numpad>',
          `const pad = document.querySelector('rulrr-ereceipt-numpad');
           pad.send = () => new Promise(() => {});
           const part = (name) => pad.shadowRoot.querySelector(name);
           window.reset = () => pad.clear();
           window.shown = () => part('[part~="display"]').textContent.replace(/\\D/g, '');
           window.keyBox = (digit) => part('[data-key="' + digit + '"]').getBoundingClientRect().toJSON();
           pad.prompt('bench-order');
           const wait = () => (pad.shadowRoot && part('[data-key="5"]') ? (window.ready = true) : setTimeout(wait, 10));
           wait();`,
        ),
      },
      '/peer': {
        type,
        body: html(
          '<link rel="stylesheet" href="/peer.css"><input id="phone" type="tel"><div class="simple-keyboard"></div><script src="/peer.js"></script>',
          'window.startPeer(); window.ready = true;',
        ),
      },
    },
  };
}
