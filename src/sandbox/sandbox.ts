import type { Faults, SandboxRoute } from './faults.js';
import type { ScenarioName } from './scenarios.js';
import type { SandboxMessage, SandboxOrder, SandboxUpload } from './state.js';
import type { Struck } from './with-faults.js';

export interface Sandbox {
  /** Rulrr's API under `/v1`, the connect page at `/connect/`, the controls under `/_sandbox`. */
  fetch(request: Request | URL | string, init?: RequestInit | object): Promise<Response>;
  /** As `fetch`, with the fault of the wire beside the answer; for adapters that own a socket. */
  respond(request: Request): Promise<Struck>;
  /** Text messages on the customer's phone, oldest first. Live. */
  readonly messages: readonly SandboxMessage[];
  /** Orders posted, oldest first. Live. */
  readonly orders: readonly SandboxOrder[];
  /** Lists of customers that were uploaded. Live. */
  readonly uploads: readonly SandboxUpload[];
  readonly faults: Faults;
  /** Clears all faults and sets those of a named scenario. @throws TypeError for an unknown name */
  scenario(name: ScenarioName): void;
  readonly currentScenario: string;
  /** Turns e-receipts on or off for every store, as a merchant may after connecting. @throws TypeError for what is neither */
  setEreceipt(on: boolean): void;
  /** Requests so far, by route; faulty ones count too. */
  readonly calls: Readonly<Partial<Record<SandboxRoute, number>>>;
  /** Revokes every access and refresh token given out so far. */
  revokeTokens(): void;
  /** Forgets everything: faults, scenario and counts too. */
  reset(): void;
  /** Ends requests that hang or are slow, and answers that drip. */
  close(): Promise<void>;
}
