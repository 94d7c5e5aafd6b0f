/**
 * The elements' classes, their events and the types of both. Importing this registers nothing and needs no DOM; `rulrr-embed/define.js` registers.
 *
 * @module
 */
export { RulrrConnect } from './connect/connect-element.js';
export type { ConnectStrings } from './connect/connect-templates.js';
export * from './connect/events.js';
export { RulrrEreceiptNumpad } from './numpad/numpad-element.js';
export * from './numpad/events.js';
export type { NumpadStrings } from './numpad/numpad-model.js';
export type { NumberReason } from './numpad/phone-number.js';
export type { PromptPhase } from './numpad/prompt-machine.js';
export type { EreceiptSend, EreceiptSendRequest } from './numpad/send-result.js';
export type { FetchLike } from './shared/proxy-client.js';
export type { Messages } from './shared/messages/en.js';
export type { Connection } from './shared/wire.js';
