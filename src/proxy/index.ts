export type { RotationReport } from './connections.js';
export { createRulrrProxy, type RulrrProxy, type SweepReport } from './create-proxy.js';
export { EreceiptUnconfirmedError } from './ereceipts.js';
export { proxyEventTypes, type ProxyEvent, type ProxyEventType } from './events.js';
export type { EreceiptJob, ProxyContext, RulrrProxyOptions, Subject } from './options.js';
export { Refusal } from './refusal.js';
export { memoryTokenStore } from './stores/memory.js';
export type { StoredRow, TokenStore } from './stores/token-store.js';
export type { Connection, ProblemCode } from '../shared/wire.js';
