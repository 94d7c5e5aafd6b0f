import { RulrrEreceiptNumpad } from '../numpad/numpad-element.js';

declare global {
  interface HTMLElementTagNameMap {
    'rulrr-ereceipt-numpad': RulrrEreceiptNumpad;
  }
}

// Loaded twice, or on a server: the first one stays, and nothing happens.
if (typeof customElements !== 'undefined' && !customElements.get('rulrr-ereceipt-numpad')) {
  customElements.define('rulrr-ereceipt-numpad', RulrrEreceiptNumpad);
}
