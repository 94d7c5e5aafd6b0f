import { embedHeader, idempotencyHeader } from '../shared/wire.js';
import { Refusal } from './refusal.js';
import { problem, type Answer } from './respond.js';
import { maxIdLength } from './seal.js';
import type { Source } from './sources.js';

/** Every path below the base path, and what may be done there. There is nothing else. */
export const routeTable = {
  '/integrations': ['POST'],
  '/integrations/:id': ['GET'],
  '/connection': ['GET', 'DELETE'],
  '/ereceipts': ['POST'],
} as const;

export type RoutePath = keyof typeof routeTable;

/** Such as `GET /connection`: every method of every path. */
export type Route = { [Path in RoutePath]: `${(typeof routeTable)[Path][number]} ${Path}` }[RoutePath];

/** A request that may go on to its route. */
export interface Admitted {
  route: Route;
  /** The path below the base path: the one reading of it, for policy, limits and routing alike. */
  path: string;
}

// One segment as it stands. Escaped slashes, backslashes and dots are no part of one; other escapes make an id that opens nothing.
// Unrolled, so that a run of plain characters is one step and no input makes it try twice.
const integrationPath =
  /^\/integrations\/(?=.)[A-Za-z0-9_.~!$&'()*+,;=:@-]*(?:%(?!2[EeFf]|5[Cc])[0-9A-Fa-f]{2}[A-Za-z0-9_.~!$&'()*+,;=:@-]*)*$/;

/**
 * Finds the route of a path as it stands: no decoding, no folding of case, no tolerance for a slash too many. What a
 * proxy in front reads differently is therefore unknown here, rather than another way in.
 */
export function findRoute(pathname: string, basePath: string): { route: RoutePath; path: string } | null {
  if (!pathname.startsWith(basePath + '/')) return null;
  const path = pathname.slice(basePath.length);
  if (path === '/integrations' || path === '/connection' || path === '/ereceipts') return { route: path, path };
  if (path.length <= maxIdLength + 14 && integrationPath.test(path)) return { route: '/integrations/:id', path };
  return null;
}

/**
 * The gate before every route and every method. Answers with the admitted request, or with the answer that ends it here.
 * Unsafe methods need the header that a form cannot send, and a page that is known; preflights are answered here.
 */
export function admit(
  request: { method: string; headers: Headers },
  pathname: string,
  source: Source,
  settings: { basePath: string; allowedHeaders: readonly string[] },
): Admitted | Answer {
  const found = findRoute(pathname, settings.basePath);
  if (!found) return problem(new Refusal('not_found', 'The proxy has no such path.'));
  const methods: readonly string[] = routeTable[found.route];
  const allow = () => [...methods, 'OPTIONS'].join(', ');
  const { method } = request;

  if (method === 'OPTIONS') {
    if (!source.known) return strangers();
    const headers: Record<string, string> = { Allow: allow() };
    if (source.cors && request.headers.has('Access-Control-Request-Method')) {
      headers['Access-Control-Allow-Methods'] = methods.join(', ');
      headers['Access-Control-Allow-Headers'] = [
        'Content-Type',
        embedHeader,
        idempotencyHeader,
        ...settings.allowedHeaders,
      ].join(', ');
      headers['Access-Control-Max-Age'] = '600';
    }
    return { status: 204, headers };
  }
  if (!methods.includes(method)) {
    return problem(new Refusal('method_not_allowed', `Allowed here: ${allow()}.`), { Allow: allow() });
  }
  if (method !== 'GET' && !source.trusted) return strangers();
  return { route: `${method} ${found.route}` as Route, path: found.path };
}

function strangers(): Answer {
  return problem(
    new Refusal(
      'forbidden_origin',
      `Needs the header ${embedHeader}: 1, and a page of the proxy's own origin (told by "origin" where a load balancer or framework changes scheme or host) or of one in "allowedOrigins".`,
    ),
  );
}
