/** The sandbox's routes by name: the rows of Rulrr's reference, the upload target and the connect page. */
export const routeNames = [
  'create-integration',
  'integration-status',
  'token',
  'refresh',
  'put-store',
  'get-store',
  'customers',
  'upload',
  'post-order',
  'get-order',
  'connect-page',
] as const;

export type SandboxRoute = (typeof routeNames)[number];

/**
 * What can go wrong. Before the request is processed: `slow`, `hang`, `status`, `redirect`, `reset`, `close`, `garbage`,
 * `oversized`. After it: `lose-answer`, `cut`, `drip`, `wrong-content-type`, `bad-json`, `missing-fields`, `headers`.
 */
export const faultKinds = [
  'slow',
  'hang',
  'status',
  'redirect',
  'reset',
  'close',
  'garbage',
  'oversized',
  'lose-answer',
  'cut',
  'drip',
  'wrong-content-type',
  'bad-json',
  'missing-fields',
  'headers',
] as const;

export type FaultKind = (typeof faultKinds)[number];

export interface Fault {
  route: SandboxRoute;
  kind: FaultKind;
  /** How many requests it strikes: 1 or more. Default: all until it is cleared. */
  times?: number | undefined;
  /** `slow` (default 3000) and `drip` (2000): how long, in milliseconds; 2,147,483,647 at most. */
  ms?: number | undefined;
  /** `status`: which; that kind needs it. */
  status?: number | undefined;
  /** `status`: the header's value, seconds or an HTTP date. */
  retryAfter?: string | undefined;
  /** `redirect`: where to. Default: a host that there is not. */
  location?: string | undefined;
  /** `cut`: after how many bytes of the body. Default: half of it. */
  at?: number | undefined;
  /** `headers`: further headers of the answer; that kind needs them. */
  headers?: Record<string, string> | undefined;
}

/** What a fault may have. A field by another name is a slip, and would do nothing. */
const fields: Record<keyof Fault, true> = {
  route: true,
  kind: true,
  times: true,
  ms: true,
  status: true,
  retryAfter: true,
  location: true,
  at: true,
  headers: true,
};

/** Those that hold a number: forms and flags have it as text. */
export const numberFields: readonly string[] = ['times', 'ms', 'status', 'at'] satisfies (keyof Fault)[];

/** The faults that are set; one counts down as it strikes. */
export class Faults {
  private list: Fault[] = [];

  /** Adds a fault. @throws TypeError naming what is wrong with it */
  set(fault: Fault): void {
    if (typeof fault !== 'object' || fault === null) throw new TypeError('A fault must be {route, kind, …}.');
    checkRoute(fault.route);
    if (!faultKinds.includes(fault.kind)) {
      throw new TypeError(`There is no fault "${fault.kind}". Faults: ${faultKinds.join(', ')}.`);
    }
    const unknown = Object.keys(fault).find((field) => !Object.hasOwn(fields, field));
    if (unknown !== undefined)
      throw new TypeError(`A fault has no "${unknown}". Its fields: ${Object.keys(fields).join(', ')}.`);
    if (fault.kind === 'status' && !(Number.isInteger(fault.status) && fault.status! >= 200 && fault.status! <= 599)) {
      throw new TypeError('A fault of kind "status" needs a "status" from 200 to 599.');
    }
    const { times, ms, at } = fault;
    if (times !== undefined && !(times >= 1 && (Number.isInteger(times) || times === Infinity)))
      throw new TypeError('"times" must be 1 or more, and whole.');
    // Given more, a timer fires at once.
    if (ms !== undefined && !(typeof ms === 'number' && ms >= 0 && ms < 2 ** 31))
      throw new TypeError(`"ms" must be a number from 0 to ${2 ** 31 - 1}.`);
    if (at !== undefined && !(Number.isInteger(at) && at >= 0))
      throw new TypeError('"at" must be a whole number, 0 or more.');
    checkHeaders(fault);
    this.list.push({ ...fault });
  }

  /** Removes all faults, or those of one route. @throws TypeError for a route that there is not */
  clear(route?: SandboxRoute): void {
    if (route !== undefined) checkRoute(route);
    this.list = route ? this.list.filter((fault) => fault.route !== route) : [];
  }

  /** Those that are set, as copies. */
  get active(): readonly Fault[] {
    return this.list.map((fault) => ({ ...fault }));
  }

  /** All that strike this request. */
  take(route: SandboxRoute): Fault[] {
    const struck = this.list.filter((fault) => fault.route === route);
    for (const fault of struck) if (fault.times !== undefined) fault.times -= 1;
    this.list = this.list.filter((fault) => fault.times === undefined || fault.times > 0);
    return struck;
  }
}

function checkRoute(route: SandboxRoute): void {
  if (!routeNames.includes(route))
    throw new TypeError(`There is no route "${String(route)}". Routes: ${routeNames.join(', ')}.`);
}

/** Said now, rather than when the fault strikes and the answer cannot be made. */
function checkHeaders({ kind, retryAfter, location, headers }: Fault): void {
  const isPlain = typeof headers === 'object' && headers !== null && !(Symbol.iterator in headers);
  if (headers === undefined ? kind === 'headers' : !isPlain)
    throw new TypeError('A fault of kind "headers" needs "headers", such as {"X-Frame-Options": "DENY"}.');
  const named = { retryAfter: { 'Retry-After': retryAfter }, location: { Location: location }, headers };
  for (const [name, given] of Object.entries(named)) {
    for (const [header, value] of Object.entries(given ?? {})) {
      if (value !== undefined && !isHeader(header, value))
        throw new TypeError(`"${name}" cannot stand in a header: ${JSON.stringify(header)}.`);
    }
  }
}

function isHeader(name: string, value: string): boolean {
  try {
    return new Headers([[name, value]]).has(name);
  } catch {
    return false;
  }
}
