import { embedHeader, embedHeaderValue } from '../shared/wire.js';

/** Where the proxy takes requests from. */
export interface SourceRules {
  /** The proxy's own origin, or null: that of the request's URL. */
  origin: string | null;
  allowedOrigins: ReadonlySet<string>;
}

/** What the browser says of the page behind a request. A page cannot forge these headers; only browsers are held back by them. */
export interface Source {
  /** The `Origin` header. */
  origin: string | null;
  /** The origin of the till's page as far as it is known: `Origin`, else the proxy's own. */
  page: string;
  /** The allowed origin that gets CORS headers; null for the proxy's own pages, and for strangers. */
  cors: string | null;
  /** True if a request that changes something may come from here. */
  trusted: boolean;
  /** True if the page is the proxy's own, or an allowed one, or unknown: strangers get no preflight. */
  known: boolean;
}

/** Reads the source of a request. The content type plays no part, so nothing hangs on it. */
export function sourceOf(headers: Headers, requestOrigin: string, rules: SourceRules): Source {
  const own = rules.origin ?? requestOrigin;
  const origin = headers.get('Origin');
  const fromOwn = origin === own;
  const fromAllowed = origin !== null && rules.allowedOrigins.has(origin);
  return {
    origin,
    page: fromOwn || fromAllowed ? origin : own,
    cors: fromAllowed && !fromOwn ? origin : null,
    trusted:
      headers.get(embedHeader) === embedHeaderValue &&
      (fromOwn || fromAllowed || headers.get('Sec-Fetch-Site') === 'same-origin'),
    known: origin === null || fromOwn || fromAllowed,
  };
}
