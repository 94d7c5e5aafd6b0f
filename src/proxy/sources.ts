import { embedHeader, embedHeaderValue } from '../shared/wire.js';

/** Where the proxy takes requests from. */
export interface SourceRules {
  /** The proxy's own origin, or null: that of the request's URL. */
  origin: string | null;
  allowedOrigins: ReadonlySet<string>;
}

/** What the browser says of the page behind a request. A page cannot forge these headers; only browsers are held back by them. */
export interface Source {
  /** The origin of the till's page as far as it is known: `Origin`, else the proxy's own. */
  page: string;
  /** The allowed origin that gets CORS headers; null for the proxy's own pages, and for strangers. */
  cors: string | null;
  /** True if a request that changes something may come from here. */
  trusted: boolean;
  /** True if the page is the proxy's own, or an allowed one, or unknown: strangers get no preflight. */
  known: boolean;
}

/** Origin and path of a request, as `URL` reads them. */
export interface Place {
  origin: string;
  pathname: string;
}

/** Paths that `URL` leaves as they are: nothing to escape, no segment that begins with a dot. */
const plainPath = /^(?:\/[\w~-][\w.~-]*)+$/;

/** Reads where requests go. They all go to one or two origins, so that the last one read need not be read again. */
export function createPlaces(): (url: string) => Place {
  let lastPrefix = '';
  let lastOrigin = '';
  return (url) => {
    const at = url.indexOf('/', url.indexOf('://') + 3);
    const end = url.indexOf('?', at);
    const pathname = end < 0 ? url.slice(at) : url.slice(at, end);
    const prefix = url.slice(0, at);
    const plain = at > 0 && plainPath.test(pathname);
    if (plain && prefix === lastPrefix) return { origin: lastOrigin, pathname };
    const read = new URL(url);
    if (plain) {
      lastPrefix = prefix;
      lastOrigin = read.origin;
    }
    return read;
  };
}

/** Reads the source of a request. The content type plays no part, so nothing hangs on it. */
export function sourceOf(headers: Headers, requestOrigin: string, rules: SourceRules): Source {
  const own = rules.origin ?? requestOrigin;
  const origin = headers.get('Origin');
  const fromOwn = origin === own;
  const fromAllowed = origin !== null && rules.allowedOrigins.has(origin);
  return {
    page: fromOwn || fromAllowed ? origin : own,
    cors: fromAllowed && !fromOwn ? origin : null,
    trusted:
      headers.get(embedHeader) === embedHeaderValue &&
      (fromOwn || fromAllowed || headers.get('Sec-Fetch-Site') === 'same-origin'),
    known: origin === null || fromOwn || fromAllowed,
  };
}
