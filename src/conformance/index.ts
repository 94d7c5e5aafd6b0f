import { answerChecks } from './answer-checks.js';
import { connectChecks } from './connect-checks.js';
import { ereceiptChecks } from './ereceipt-checks.js';
import { gateChecks } from './gate-checks.js';
import { Mismatch, Probe, Skip, StoreDown } from './probe.js';
import { Story, type Checks } from './story.js';
import { storeHelp, texts } from './texts.js';
import { troubleChecks } from './trouble-checks.js';
import {
  checkIds,
  type CheckId,
  type CheckOptions,
  type CheckReport,
  type CheckResult,
  type SandboxAccess,
} from './types.js';

export { checkIds } from './types.js';
export type { CheckId, CheckOptions, CheckReport, CheckResult, SandboxAccess } from './types.js';

const checks: Required<Checks> = {
  ...gateChecks,
  ...connectChecks,
  ...ereceiptChecks,
  ...troubleChecks,
  ...answerChecks,
};

/**
 * Checks a proxy, in whatever language it is written, against the contract of `openapi.yaml`: as a till would call it, as a
 * stranger's page would, and with requests that nobody should send. Give it a store that may be disconnected.
 *
 * ```ts
 * const report = await checkProxy('http://localhost:8080/rulrr', {
 *   headers: { Cookie: 'session=till-of-store-1' },
 *   otherHeaders: { Cookie: 'session=till-of-store-2' },
 *   sandbox: 'http://localhost:4444',
 * });
 * if (!report.ok) console.error(report.checks.filter((check) => check.status === 'fail'));
 * ```
 * @throws TypeError where the URL or an option cannot be used, a sandbox that the proxy does not use among them; a proxy that does
 * not answer fails the check `reachable`
 */
export async function checkProxy(proxyUrl: string | URL, options: CheckOptions = {}): Promise<CheckReport> {
  const url = proxyUrl instanceof URL ? proxyUrl.href : proxyUrl;
  checkArguments(url, options);
  const probe = new Probe(url, options);
  const story = new Story(probe);
  const results: CheckResult[] = [];
  for (const id of checkIds) {
    const unreachable = results[0]?.status === 'fail';
    results.push(unreachable ? result(id, 'skip', 'The first check failed.') : await run(id, probe, story));
    if (id === 'reachable' && results[0]?.status === 'pass') await story.aim();
  }
  return { ok: results.every(({ status }) => status !== 'fail'), url, checks: results };
}

function result(id: CheckId, status: CheckResult['status'], actual: string): CheckResult {
  return { id, title: texts[id].title, status, expected: texts[id].expected, actual, help: texts[id].help };
}

async function run(id: CheckId, probe: Probe, story: Story): Promise<CheckResult> {
  try {
    await checks[id](probe, story);
    return result(id, 'pass', 'As expected.');
  } catch (error) {
    if (error instanceof Skip) return result(id, 'skip', error.message);
    const said = error instanceof Mismatch ? error.message : noAnswer(error, probe);
    const failed = result(id, 'fail', hide(said, probe.options));
    return error instanceof StoreDown ? { ...failed, help: storeHelp } : failed;
  }
}

/** Why a call came to nothing: the code of the network error where there is one. */
function noAnswer(error: unknown, { exchanges }: Probe): string {
  if (!(error instanceof Error)) return 'A call failed.';
  if (error.name === 'TimeoutError') return 'No answer in time.';
  const { code, message } = (error.cause ?? error) as { code?: unknown; message?: unknown };
  if (message === 'bad port') return 'No answer: a port that neither fetch nor browsers open.';
  if (typeof code !== 'string') return `No answer: ${error.message}.`;
  // As of a server that closes what its answer let others keep, or that refuses a body before it has read it.
  const broken = exchanges.length && ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'].includes(code);
  const change =
    ' The connection was closed: a server says so in the answer before (Connection: close), and takes the rest of a body that it refuses.';
  return `No answer (${code}).${broken ? change : ''}`;
}

function hide(text: string, { canaries = [], headers = {}, otherHeaders = {} }: CheckOptions): string {
  const secrets = [...canaries, ...Object.values(headers), ...Object.values(otherHeaders)];
  return secrets.reduce((shown, secret) => (secret.length >= 6 ? shown.split(secret).join('***') : shown), text);
}

function checkArguments(url: string, options: CheckOptions): void {
  if (typeof url !== 'string' || !/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : '')) {
    throw new TypeError('checkProxy: the URL of the proxy must be absolute, such as http://localhost:8080/rulrr.');
  }
  if (new URL(url).search || new URL(url).hash) {
    throw new TypeError('checkProxy: the URL of the proxy must have neither query nor fragment.');
  }
  // fetch takes none, and the report quotes the URL.
  if (new URL(url).username || new URL(url).password) {
    throw new TypeError(
      'checkProxy: the URL of the proxy must hold no user name or password; give them as a header, such as Authorization.',
    );
  }
  if (typeof options !== 'object' || options === null)
    throw new TypeError('checkProxy: the options must be an object.');
  const { sandbox, origin, phoneNumber, timeoutMs, canaries = [], fetch: fetchIt } = options;
  for (const name of ['headers', 'otherHeaders'] as const) {
    if (options[name] !== undefined && !areHeaders(options[name])) {
      throw new TypeError(
        `checkProxy: option "${name}" must hold names and values of headers, such as {Cookie: 'session=…'}.`,
      );
    }
  }
  if (!Array.isArray(canaries) || !canaries.every((secret) => typeof secret === 'string')) {
    throw new TypeError('checkProxy: option "canaries" must be an array of texts.');
  }
  if (fetchIt !== undefined && typeof fetchIt !== 'function') {
    throw new TypeError('checkProxy: option "fetch" must be a function.');
  }
  if (sandbox !== undefined && !isSandbox(sandbox)) {
    throw new TypeError(
      'checkProxy: option "sandbox" must be the http(s) URL of the sandbox as a text, without credentials, or the sandbox itself.',
    );
  }
  if (origin !== undefined && (!URL.canParse(origin) || new URL(origin).origin !== origin)) {
    throw new TypeError('checkProxy: option "origin" must be scheme, host and port only, such as https://pos.example.');
  }
  if (phoneNumber !== undefined && !/^\+[1-9]\d{6,14}$/.test(phoneNumber)) {
    throw new TypeError('checkProxy: option "phoneNumber" must be E.164, such as +12135550123.');
  }
  // Beyond that a timer fires at once, and a good proxy would fail.
  if (timeoutMs !== undefined && !(typeof timeoutMs === 'number' && timeoutMs > 0 && timeoutMs < 2 ** 31)) {
    throw new TypeError(`checkProxy: option "timeoutMs" must be a positive number, ${2 ** 31 - 1} at most.`);
  }
}

function isSandbox(given: SandboxAccess): boolean {
  if (typeof given !== 'string') return typeof given?.fetch === 'function';
  const { protocol, username, password } = URL.canParse(given) ? new URL(given) : { protocol: '' };
  return /^https?:$/.test(protocol) && !username && !password;
}

/** Never quotes what it looks at: a session is in it. */
function areHeaders(given: unknown): boolean {
  // What is iterable has no fields of its own: no till would be signed in.
  if (typeof given !== 'object' || given === null || Symbol.iterator in given) return false;
  try {
    for (const [name, value] of Object.entries(given)) new Headers({ [name]: value as string });
    return Object.values(given).every((value) => typeof value === 'string');
  } catch {
    return false;
  }
}
