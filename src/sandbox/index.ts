/** A stand-in for Rulrr, for development and tests; see `createSandbox`. */
export { createSandbox } from './create-sandbox.js';
export type { Sandbox } from './sandbox.js';
export type { WireFault } from './broken-answer.js';
export { serveSandbox, type ServedSandbox, type ServeSandboxOptions } from './serve.js';
export { faultKinds, routeNames, type Fault, type FaultKind, type Faults, type SandboxRoute } from './faults.js';
export { scenarioNames, scenarios, type Scenario, type ScenarioName } from './scenarios.js';
export type { Client, SandboxOptions } from './options.js';
export type { SandboxMessage, SandboxOrder, SandboxUpload } from './state.js';
