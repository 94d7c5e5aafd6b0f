import { isLoopback } from '../api/loopback.js';
import { checkConnection } from '../conformance/gate-checks.js';
import { within } from '../conformance/within.js';
import { frameAncestorsOf, mayFrame } from '../proxy/embeddable.js';
import { UsageError } from './fail.js';

export interface DoctorFlags {
  connectBaseUrl: string;
  page?: string;
  proxy?: string;
  json?: boolean;
}

export interface Finding {
  status: 'ok' | 'problem' | 'unknown';
  about: string;
  text: string;
}

const timeoutMs = 10_000;

function urlFrom(text: string, flag: string): URL {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new UsageError(`${flag} must be an http(s) URL.`);
  const url = new URL(text);
  // It would stand in the findings, which are pasted into tickets.
  if (url.username || url.password) throw new UsageError(`${flag} must hold no user name or password.`);
  return url;
}

/** Without its query, which may hold a session. */
const shown = ({ origin, pathname }: URL) => origin + pathname;

/** What a URL answers, or why it does not. Only where the body is wanted is it there. */
async function look(
  url: URL,
  init: RequestInit = {},
  body = false,
): Promise<{ status: number; ok: boolean; headers: Headers; text: string } | string> {
  try {
    return await within(timeoutMs, async (signal) => {
      const answer = await fetch(url, { redirect: 'follow', ...init, signal });
      const text = body ? await answer.text() : '';
      if (!body) await answer.body?.cancel();
      return { status: answer.status, ok: answer.ok, headers: answer.headers, text };
    });
  } catch (error) {
    const { code, message, name } = ((error as Error).cause ?? error) as Error & { code?: unknown };
    if (message === 'bad port') return 'a port that browsers do not open';
    return typeof code === 'string' ? code : name === 'TimeoutError' ? `within ${timeoutMs / 1000} s` : 'no connection';
  }
}

/** The policy that a till's page needs for both elements. */
export function policyFor(connectOrigin: string, proxyOrigin: string | null): string {
  const proxy = proxyOrigin ? ` ${proxyOrigin}` : '';
  return `default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'${proxy}; frame-src ${connectOrigin}; require-trusted-types-for 'script'`;
}

/** The source list that counts for a directive in each policy of a header; null where the policy does not say. */
function sourcesOf(header: string, names: readonly string[]): (string[] | null)[] {
  return header
    .split(',')
    .filter((policy) => policy.trim())
    .map((policy) => {
      const directives = policy.split(';').map((directive) => directive.trim().split(/\s+/));
      for (const name of names) {
        const found = directives.find(([first]) => first?.toLowerCase() === name);
        if (found) return found.slice(1);
      }
      return null;
    });
}

/** True for a source without a path, or with one that has the other below it, if it ends in a slash, and else is the same. */
function isAt(source: string, pathname: string): boolean {
  const [, path] = /^[^/]*(\/.*)?$/.exec(source.replace(/^[a-z][a-z\d+.-]*:\/\//i, '')) ?? [];
  return path === undefined || (path.endsWith('/') ? pathname.startsWith(path) : pathname === path);
}

/**
 * What the first of these directives that is set lacks, in some policy of the header, for a page of `pageOrigin` to reach what is
 * there: the origin, or with it the path; null if nothing.
 */
function lackedBy(
  header: string,
  names: readonly string[],
  { origin, pathname }: { origin: string; pathname?: string },
  pageOrigin: string,
): string | null {
  const lists = sourcesOf(header, names).filter((sources) => sources !== null);
  const lets = (sources: string[]) => mayFrame({ frameAncestors: [sources], frameOptions: null }, origin, pageOrigin);
  if (!lists.every(lets)) return origin;
  if (pathname === undefined) return null;
  return lists.every((sources) => lets(sources.filter((source) => isAt(source, pathname)))) ? null : origin + pathname;
}

type Answer = Awaited<ReturnType<typeof look>>;

/** True if some policy of the header lets no script run at all. Which ones it lets in depends on the page. */
function stopsScripts(header: string): boolean {
  return sourcesOf(header, ['script-src-elem', 'script-src', 'default-src']).some((sources) =>
    sources?.every((source) => source.toLowerCase() === "'none'"),
  );
}

/** True if some policy of the header names the policies for Trusted Types and not Lit's, which it makes as it loads. */
function refusesLit(header: string): boolean {
  return sourcesOf(header, ['trusted-types']).some(
    (names) => names !== null && !names.includes('*') && !names.includes('lit-html'),
  );
}

/** What a policy's `sandbox` keeps from the page and both elements need; empty if nothing. */
function keptBySandbox(header: string): string[] {
  const lists = sourcesOf(header, ['sandbox']).map((list) => list?.map((word) => word.toLowerCase()));
  return ['allow-scripts', 'allow-same-origin'].filter((word) => lists.some((list) => list && !list.includes(word)));
}

/** True if a page keeps frames blank that are not in order with its embedder policy (COEP): no event tells of that. */
function isolates(headers: Headers): boolean {
  return /^(require-corp|credentialless)\b/.test(headers.get('Cross-Origin-Embedder-Policy') ?? '');
}

/** What is wrong with a proxy's answer to `GET /connection`; null if nothing is. */
function proxyTrouble({ status, headers, text }: Exclude<Answer, string>): string | null {
  const type = headers.get('Content-Type') ?? '';
  const spoken = status === 200 ? /^application\/json\b/i : /^application\/problem\+json\b/i;
  if (!spoken.test(type))
    return `answers ${status} as "${type}": that is not the proxy. Look at basePath and at what stands in front.`;
  if (status === 401) return null;
  if (status === 503 && text.includes('"store_unavailable"'))
    return `answers 503: its token store does not answer. Its log says why, and so does /health of the sidecar.`;
  if (status !== 200)
    return `answers ${status}${status === 404 ? ': look at basePath and at what stands in front' : ': its log says why'}.`;
  try {
    checkConnection(JSON.parse(text));
    return null;
  } catch {
    return 'answers 200, and not with {connected, ereceipt, expiration}: that is not the proxy.';
  }
}

type Judgement = [status: Finding['status'], text: string];

/** What the connect page's answer says about framing. */
function judgeConnectPage(answer: Answer, connect: URL, pageOrigin: string): Judgement {
  if (typeof answer === 'string') return ['unknown', `${connect.origin} does not answer (${answer}) from here.`];
  const frameAncestors = frameAncestorsOf(answer.headers.get('Content-Security-Policy') ?? '');
  const frameOptions = answer.headers.get('X-Frame-Options');
  if (!mayFrame({ frameAncestors, frameOptions }, pageOrigin, connect.origin))
    return [
      'problem',
      `refuses to be framed by ${pageOrigin}. <rulrr-connect> offers another window and a QR code instead; ask Rulrr to allow your origin.`,
    ];
  if (answer.ok || frameAncestors.length) return ['ok', `may be framed by ${pageOrigin}.`];
  // Without a session 4xx is in order. Its refusal counts; its silence may be that of the error page alone.
  return answer.status < 500
    ? [
        'unknown',
        `answers ${answer.status} without a session, and does not refuse to be framed there. To be sure, start a session and give its connectUrl to --connect-base-url.`,
      ]
    : ['unknown', `${connect.origin} answers ${answer.status}: it is out of order, which says nothing about framing.`];
}

/** Whether the policies of the till's page let both elements work. */
function judgePage(answer: Answer, page: URL, proxy: URL | null, connect: URL, connectPage: Answer): Judgement[] {
  if (typeof answer === 'string') return [['problem', `${shown(page)} does not answer (${answer}).`]];
  if (answer.status >= 400)
    return [['problem', `${shown(page)} answers ${answer.status}: the policy of an error page says nothing.`]];
  const policy = answer.headers.get('Content-Security-Policy') ?? '';
  const kept = keptBySandbox(policy);
  const frameLacks = lackedBy(policy, ['frame-src', 'child-src', 'default-src'], connect, page.origin);
  const proxyPath = proxy?.pathname.replace(/\/*$/, '/');
  const reached = { origin: proxy?.origin ?? page.origin, pathname: proxyPath };
  const connectLacks = lackedBy(policy, ['connect-src', 'default-src'], reached, page.origin);
  const reports: [boolean, string][] = [
    [!frameLacks, `frame-src lacks ${frameLacks}: the connect page stays blank.`],
    [
      !connectLacks,
      `connect-src lacks ${connectLacks === page.origin ? "'self'" : connectLacks}: the elements cannot reach the proxy.`,
    ],
    [!stopsScripts(policy), 'script-src lets no script run: there will be no elements.'],
    [!refusesLit(policy), "trusted-types lacks lit-html 'allow-duplicates': there will be no elements."],
    [!kept.length, `sandbox lacks ${kept.join(' and ')}: the elements cannot work.`],
  ];
  const found = reports.filter(([good]) => !good).map(([, text]): Judgement => ['problem', text]);
  if (!found.length)
    found.push([
      'ok',
      policy
        ? 'its Content-Security-Policy lets both elements work.'
        : 'has no Content-Security-Policy header; a <meta> policy is not looked at.',
    ]);
  const framed = typeof connectPage === 'string' ? null : connectPage;
  const joins =
    framed && isolates(framed.headers) && framed.headers.get('Cross-Origin-Resource-Policy') === 'cross-origin';
  if (isolates(answer.headers) && !joins)
    found.push([
      // Without a session, the connect page's silence may be that of an error page alone.
      framed?.ok ? 'problem' : 'unknown',
      `sends Cross-Origin-Embedder-Policy, and ${connect.origin} does not send it here with Cross-Origin-Resource-Policy: cross-origin. Without both the frame stays blank, and the browser tells nobody; another window and the QR code work. Best leave the policy out on the page with <rulrr-connect>.`,
    ]);
  if (page.protocol === 'http:' && !isLoopback(page))
    found.push(['problem', 'is not https: browsers hold cookies and keyboards back there.']);
  return found;
}

/** Asks the proxy as a page of `pageOrigin` would. */
async function examineProxy(proxy: URL, pageOrigin: string): Promise<Judgement[]> {
  // Slashes at its end go, as the elements have it; where the proxy has an origin to itself, a URL has one all the same.
  const below = (path: string) => new URL(proxy.href.replace(/\/+$/, '') + path);
  const target = below('/connection');
  const headers = { Origin: pageOrigin, 'Rulrr-Embed': '1' };
  const answer = await look(target, { headers }, true);
  if (typeof answer === 'string') return [['problem', `${shown(target)} does not answer (${answer}).`]];
  const found: Judgement[] = [];
  const trouble = proxyTrouble(answer);
  if (trouble) found.push(['problem', `${shown(target)} ${trouble}`]);
  else found.push(['ok', `answers${answer.status === 401 ? '; it wants a signed-in till, as it should' : ''}.`]);
  const store = (answer.headers.get('Cache-Control') ?? '').toLowerCase();
  if (store.includes('no-store')) found.push(['ok', 'answers with Cache-Control: no-store.']);
  else
    found.push([
      'problem',
      `answers with ${store ? `Cache-Control: ${store}` : 'no Cache-Control'}: a cache may hand one store's answer to another. Look for rules of a CDN or web server in front.`,
    ]);
  if (proxy.origin !== pageOrigin) {
    const allowed = answer.headers.get('Access-Control-Allow-Origin') === pageOrigin;
    found.push(
      allowed
        ? ['ok', `lets ${pageOrigin} in.`]
        : [
            'problem',
            `is on another origin than the page, and does not let ${pageOrigin} in: add it to allowedOrigins.`,
          ],
    );
  } else if (!trouble) {
    // Nobody is signed in and there is nothing to send: a refusal of the page's origin comes before either.
    const send = { method: 'POST', headers, redirect: 'manual' } as const;
    const gate = await look(below('/ereceipts'), send, true);
    if (typeof gate !== 'string' && gate.status === 403 && gate.text.includes('forbidden_origin'))
      found.push([
        'problem',
        `does not take ${proxy.origin} for its own origin: what stands in front changes scheme or host. Tills without Sec-Fetch-Site (Chromium before 76, Safari before 16.4, any page over http) can neither connect nor text. Give it to the proxy: option origin, or RULRR_ORIGIN.`,
      ]);
  }
  return found;
}

/** Looks at the connect page, the till's page and the proxy from outside. */
export async function examine(flags: DoctorFlags): Promise<Finding[]> {
  const connect = urlFrom(flags.connectBaseUrl, '--connect-base-url');
  const page = flags.page === undefined ? null : urlFrom(flags.page, '--page');
  const proxy = flags.proxy === undefined ? null : urlFrom(flags.proxy, '--proxy');
  const pageOrigin = page?.origin ?? proxy?.origin ?? 'https://pos.example';
  const findings: Finding[] = [];
  const add = (about: string, judgements: Judgement[]) => {
    for (const [status, text] of judgements) findings.push({ status, about, text });
  };
  add('Node.js', [['ok', process.version]]);
  const connectPage = await look(connect);
  add('Connect page', [judgeConnectPage(connectPage, connect, pageOrigin)]);
  if (page) add('Page', judgePage(await look(page), page, proxy, connect, connectPage));
  if (proxy) add('Proxy', await examineProxy(proxy, pageOrigin));
  add('Policy', [['ok', policyFor(connect.origin, proxy && proxy.origin !== pageOrigin ? proxy.origin : null)]]);
  return findings;
}

const signs = { ok: '✔', problem: '✖', unknown: '–' } as const;

/** Prints what was found. Answers with the exit code: 1 if there is a problem. */
export async function runDoctor(flags: DoctorFlags): Promise<number> {
  const findings = await examine(flags);
  if (flags.json) console.log(JSON.stringify(findings, null, 2));
  else {
    for (const { status, about, text } of findings) {
      console.log(
        about === 'Policy'
          ? `\nThe Content-Security-Policy that a till's page needs:\n${text}`
          : `${signs[status]} ${about}: ${text}`,
      );
    }
    if (!flags.page || !flags.proxy)
      console.log('\nWith --page <url> and --proxy <url> your own page and proxy are looked at, too.');
  }
  return findings.some(({ status }) => status === 'problem') ? 1 : 0;
}
