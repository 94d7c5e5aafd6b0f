import { RulrrConnect } from '../connect/connect-element.js';

declare global {
  interface HTMLElementTagNameMap {
    'rulrr-connect': RulrrConnect;
  }
}

// Loaded twice, or on a server: the first one stays, and nothing happens.
if (typeof customElements !== 'undefined' && !customElements.get('rulrr-connect')) {
  customElements.define('rulrr-connect', RulrrConnect);
}
