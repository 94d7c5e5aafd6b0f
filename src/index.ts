/**
 * The elements' classes, their events and the types of both. Importing this registers nothing and needs no DOM; `rulrr-embed/define.js` registers.
 *
 * @module
 */
export { RulrrConnect } from './connect/connect-element.js';
export * from './connect/events.js';
export { RulrrEreceiptNumpad } from './numpad/numpad-element.js';
export * from './numpad/events.js';
export type { EreceiptSend, EreceiptSendRequest } from './numpad/send-result.js';
export type { Messages } from './shared/messages/en.js';
