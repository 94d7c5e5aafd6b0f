/** What a check came to. */
export interface CheckResult {
  /** Stable, such as `csrf-foreign-origin`. */
  id: CheckId;
  title: string;
  status: 'pass' | 'fail' | 'skip';
  /** What the contract asks for. */
  expected: string;
  /** What the proxy did, or why the check was left out. Secrets that were given as canaries are never quoted. */
  actual: string;
  /** What a failure means, and what to change. */
  help: string;
}

export interface CheckReport {
  /** True if no check failed. */
  ok: boolean;
  url: string;
  checks: CheckResult[];
}

/** Something that answers as the sandbox does: a `Sandbox`, or the sandbox's URL. */
export type SandboxAccess = string | { fetch(request: Request): Promise<Response> };

export interface CheckOptions {
  /** Sent as a signed-in till sends them, such as `{Cookie: 'session=…'}`. Without them the proxy must let in whoever asks. */
  headers?: Record<string, string> | undefined;
  /** The same for a till of **another** store; needed to check that stores are kept apart. */
  otherHeaders?: Record<string, string> | undefined;
  /** Origin of the till's page. Default: that of the proxy's URL. */
  origin?: string | undefined;
  /**
   * The sandbox that the proxy is set up with. With it the whole story is checked: cancel, finish, send, fail, forget. The store's
   * connection is forgotten on the way, so without it nothing is sent that a correct proxy would carry out, apart from starts; nor
   * is it before the proxy has shown that it uses this sandbox. Faults that were set in the sandbox are cleared.
   */
  sandbox?: SandboxAccess | undefined;
  /** E.164; gets the sandbox's text messages. Default `+12135550176`. */
  phoneNumber?: string | undefined;
  /** Secrets of the proxy (client secret, sealing key …), searched for in every answer. */
  canaries?: readonly string[] | undefined;
  fetch?: typeof fetch | undefined;
  /** How long a single answer, and a session's end, may take, in milliseconds; 2,147,483,647 at most. Default 20,000. */
  timeoutMs?: number | undefined;
}

/** Every check, in the order in which they run. Closed, so that a build can rely on it. */
export const checkIds = [
  'reachable',
  'connection-shape',
  'unauthorized',
  'csrf-header',
  'csrf-foreign-origin',
  'csrf-fetch-site',
  'csrf-content-type',
  'csrf-let-in',
  'cors-strangers',
  'not-found',
  'exact-paths',
  'methods',
  'unknown-integration',
  'start',
  'id-opaque',
  'pending',
  'id-tampered',
  'not-yours',
  'cancelled',
  'ereceipt-bad-request',
  'ereceipt-too-large',
  'ereceipt-content-type',
  'ereceipt-phone-number',
  'ereceipt-disabled',
  'upstream-trouble',
  'finished',
  'finished-stays',
  'connection-after',
  'stores-apart',
  'ereceipt-sent',
  'ereceipt-once',
  'ereceipt-at-once',
  'ereceipt-key-reuse',
  'ereceipt-refused',
  'ereceipt-unconfirmed',
  'tokens-retried',
  'tokens-at-once',
  'tokens-gone',
  'refused-not-done',
  'forgotten',
  'no-store',
  'problem-json',
  'no-secrets',
] as const;

export type CheckId = (typeof checkIds)[number];

/** Title, requirement and help of one check. */
export interface CheckText {
  title: string;
  expected: string;
  help: string;
}
