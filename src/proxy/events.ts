/** What the proxy tells its operator. Closed, so that a log pipeline can be built on it. */
export const proxyEventTypes = [
  // Sessions: each names its `flowId`.
  'integration-started',
  'integration-finished',
  'integration-cancelled',
  'integration-expired',
  /** Rulrr says that the tokens were handed out, and no replica has them: the merchant must connect again. */
  'integration-lost',
  /** A redemption did not come through and is tried again. */
  'redeem-retried',
  /** The tokens are held in memory because the store did not take them, and are saved again and again. */
  'save-retried',
  /** Rulrr answered 200 and no token was found in it: the answer is kept, sealed, for a release that can read it. */
  'answer-not-understood',
  /** The tokens came when a newer session had its own stored, or after the store was forgotten. */
  'tokens-superseded',
  /** The proxy stopped with `count` answers that no store had taken. */
  'tokens-unsaved',
  // Stores.
  'token-refreshed',
  'refresh-failed',
  'connection-forgotten',
  'row-unreadable',
  /** The token store threw; `code` says why in the words of system or database, such as `ECONNREFUSED`, `57P01` or `SQLITE_FULL`; `ERR_MODULE_NOT_FOUND` where its package is not installed. */
  'store-failed',
  // E-receipts.
  'ereceipt-sent',
  /** `sendEreceipt` threw, or came back with a no (`hook_result`), and nothing was sent. */
  'ereceipt-failed',
  /** `sendEreceipt` threw, came back with a no (`hook_result`) or took too long (`send_timeout`), and nobody knows what became of it. */
  'ereceipt-unconfirmed',
  /** The hook came to an end after its answer had already been given as unconfirmed: `sent`, `unclear` or `send_failed`. */
  'ereceipt-late',
  // Upkeep and trouble.
  'sweep-done',
  /** Polls are answered from what is known, since Rulrr may be asked again in `waitMs` only. Told once a minute at most. */
  'budget-short',
  /** Rulrr did not do its part; `reason` says why, as `ENOTFOUND`, `CERT_HAS_EXPIRED`, `timeout` or `server_error` do. */
  'upstream-failed',
  /** A request was refused; `code` and `status` are those of the answer. */
  'refused',
  /** A hook of the vendor's threw, named no store, said neither true nor false (`no_boolean`), or nothing for a minute (`timeout`); `hook` names it. What `sendEreceipt` throws is told by the events of e-receipts. */
  'hook-failed',
  /** A defect, here or in a dependency; `code` is the error's class. */
  'internal-error',
] as const;

export type ProxyEventType = (typeof proxyEventTypes)[number];

/**
 * One line for the operator's log. By construction it holds no token, no phone number, no URL, no header and no text of a
 * caught error: only names of ours, codes and classes of errors, numbers, and the vendor's own store id.
 */
export interface ProxyEvent {
  type: ProxyEventType;
  /** Milliseconds since the epoch. */
  at: number;
  /** Ours, random: names one linking session. */
  flowId?: string;
  /** The vendor's own id of the store. */
  storeId?: string;
  /** A problem's code, an API error's code or its `sent`, the class of a caught error, a system's or database's own code, or a word named above. */
  code?: string;
  /** What became of a call to Rulrr: an API error's code, or the system's, TLS's or `fetch`'s own where the connection failed. */
  reason?: string;
  /** An HTTP status. */
  status?: number;
  /** Name of the route, such as `POST /integrations`. */
  route?: string;
  hook?: 'authorize' | 'readEreceipt';
  attempt?: number;
  waitMs?: number;
  /** How many, where the event counts something. */
  count?: number;
}

/** Events that an operator must see even where no `onEvent` was given. */
const alarming = new Set<ProxyEventType>([
  'integration-lost',
  'save-retried',
  'answer-not-understood',
  'tokens-unsaved',
  'refresh-failed',
  'row-unreadable',
  'store-failed',
  'ereceipt-failed',
  'ereceipt-unconfirmed',
  'hook-failed',
  'internal-error',
]);

/** Where no `onEvent` is given: one line on the console for what must not pass unseen, nothing for the rest. */
export function consoleEvents(event: ProxyEvent): void {
  if (alarming.has(event.type) || event.code === 'misconfigured')
    console.error('rulrr-embed: ' + JSON.stringify(event));
}

/** Tells an event; the time is put in. Never throws: a log hook can neither cost a token nor spoil an answer. */
export type Emit = (event: Omit<ProxyEvent, 'at'>) => void;

/** The class of something caught, if it is named as classes of errors are; never its message, which may quote a URL or a number. */
export function errorClass(error: unknown): string {
  let name: unknown;
  try {
    name = error instanceof Error ? error.name : undefined;
  } catch {
    // A getter that throws: there is nothing to learn from it.
  }
  return typeof name === 'string' && /^[A-Z]?[A-Za-z]{0,30}Error$/.test(name) ? name : 'Error';
}

/** The code that systems (errno), TLS, PostgreSQL (SQLSTATE), SQLite and Node give their errors, or else the error's class. */
export function storeErrorCode(error: unknown): string {
  let code: unknown;
  try {
    ({ code } = (error ?? {}) as { code?: unknown });
  } catch {
    // A getter that throws.
  }
  // An errno, an SQLSTATE, or words: an unbroken run of letters and digits could be a key.
  const known =
    typeof code === 'string' && /^(?:E[A-Z]{3,15}|[0-9A-Z]{5}|[A-Z]{1,15}(?:_[A-Z0-9]{1,15}){1,8})$/.test(code);
  return known ? (code as string) : errorClass(error);
}
