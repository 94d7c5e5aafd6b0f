import { discard } from '../api/transport.js';
import type { Clock } from '../shared/clock.js';
import { within } from './within.js';

/**
 * What the connect page's headers say about framing, before a frame is made: a frame that was refused looks to the page like
 * one that works.
 */
export interface Framing {
  /** False if a page of this origin may not frame the connect page; undefined where that is not known. Waits `patience` at most. */
  allows(pageOrigin: string, patienceMs: number): Promise<boolean | undefined>;
}

interface FramingHeaders {
  frameAncestors: string[][];
  frameOptions: string | null;
}

const keptMs = 5 * 60_000;
const keptFailureMs = 60_000;
const deadlineMs = 3000;

/** Looks at the page once and keeps what it saw for five minutes. No token is sent: the headers are all that is wanted. */
export function createFraming(connectBaseUrl: URL, fetch: typeof globalThis.fetch, clock: Clock): Framing {
  let seen: { headers: FramingHeaders | undefined; at: number } | undefined;
  let looking: Promise<FramingHeaders | undefined> | undefined;

  function look(): Promise<FramingHeaders | undefined> {
    // The deadline holds also where a replaced `fetch` takes no notice of its signal.
    looking ??= within(clock, readHeaders(connectBaseUrl.href, fetch, clock), deadlineMs)
      .catch(() => undefined)
      .then((headers) => {
        seen = { headers, at: clock.now() };
        looking = undefined;
        return headers;
      });
    return looking;
  }

  function isFresh({ headers, at }: NonNullable<typeof seen>): boolean {
    const age = clock.now() - at;
    // A clock that was set back must not keep it until it has caught up.
    return age >= 0 && age < (headers ? keptMs : keptFailureMs);
  }

  return {
    async allows(pageOrigin, patienceMs) {
      const headers = seen && isFresh(seen) ? seen.headers : await within(clock, look(), patienceMs);
      return headers ? mayFrame(headers, pageOrigin, connectBaseUrl.origin) : undefined;
    },
  };
}

async function readHeaders(
  url: string,
  fetch: typeof globalThis.fetch,
  clock: Clock,
): Promise<FramingHeaders | undefined> {
  const controller = new AbortController();
  const cancel = clock.after(deadlineMs, () => controller.abort());
  try {
    const response = await fetch(url, {
      headers: { Accept: 'text/html' },
      redirect: 'manual',
      credentials: 'omit',
      signal: controller.signal,
    });
    discard(response);
    // What a redirect says about itself says nothing about the page behind it.
    if (response.status >= 300 && response.status < 400) return undefined;
    const frameAncestors = frameAncestorsOf(response.headers.get('Content-Security-Policy') ?? '');
    const frameOptions = response.headers.get('X-Frame-Options');
    // Without a token the page may well answer 4xx: its refusal to be framed counts all the same, its silence does not.
    if (!response.ok && !frameAncestors.length && !frameOptions) return undefined;
    return { frameAncestors, frameOptions };
  } finally {
    cancel();
  }
}

/** The source lists of each policy's first `frame-ancestors`; several policies must all agree. */
export function frameAncestorsOf(policies: string): string[][] {
  const lists: string[][] = [];
  for (const policy of policies.split(',')) {
    for (const directive of policy.split(';')) {
      const [name, ...sources] = directive.trim().split(/\s+/);
      if (name?.toLowerCase() !== 'frame-ancestors') continue;
      lists.push(sources);
      break;
    }
  }
  return lists;
}

/** As browsers decide it: `frame-ancestors` where there is one, else `X-Frame-Options`. */
export function mayFrame(headers: FramingHeaders, pageOrigin: string, connectOrigin: string): boolean {
  if (headers.frameAncestors.length) {
    return headers.frameAncestors.every((sources) =>
      sources.some((source) => matches(source, pageOrigin, connectOrigin)),
    );
  }
  const values = (headers.frameOptions ?? '').split(',').map((value) => value.trim().toLowerCase());
  if (values.includes('deny')) return false;
  // Any other value, ALLOW-FROM included, is ignored by today's browsers.
  return !values.includes('sameorigin') || pageOrigin === connectOrigin;
}

/** CSP 3, "match URL to source expression", as far as an ancestor's origin goes. No host has quotes, so `'none'` matches nothing. */
function matches(source: string, pageOrigin: string, connectOrigin: string): boolean {
  const lower = source.toLowerCase();
  if (lower === "'self'") return pageOrigin === connectOrigin;
  const page = /^([a-z][a-z0-9+.-]*):\/\/(\[[^\]]+\]|[^:/]+)(?::(\d+))?$/.exec(pageOrigin);
  if (!page) return false;
  const scheme = page[1]!;
  const host = page[2]!;
  const port = page[3] ?? (scheme === 'https' ? '443' : scheme === 'http' ? '80' : '');
  if (lower === '*') return scheme === 'http' || scheme === 'https';
  const schemeOnly = /^([a-z][a-z0-9+.-]*):$/.exec(lower);
  const sameScheme = (wanted: string) => wanted === scheme || (wanted === 'http' && scheme === 'https');
  if (schemeOnly) return sameScheme(schemeOnly[1]!);
  const parts = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(\[[^\]]+\]|[^:/]+)(?::(\d+|\*))?(?:\/.*)?$/.exec(lower);
  if (!parts) return false;
  const [, wantedScheme, wantedHost, wantedPort] = parts;
  if (!sameScheme(wantedScheme ?? connectOrigin.split(':')[0]!)) return false;
  if (wantedHost!.startsWith('*.') ? !host.endsWith(wantedHost!.slice(1)) : wantedHost !== '*' && wantedHost !== host)
    return false;
  if (wantedPort === '*') return true;
  const standard = scheme === 'http' ? '80' : '443';
  return (wantedPort ?? standard) === port || (wantedPort === '80' && port === '443' && scheme === 'https');
}
