import { checkProxy, type CheckResult } from '../conformance/index.js';
import { UsageError } from './fail.js';

export interface CheckFlags {
  header: string[];
  otherHeader: string[];
  origin?: string;
  sandbox?: string;
  phone?: string;
  secretEnv: string[];
  timeout: string;
  json?: boolean;
  verbose?: boolean;
}

function headersFrom(lines: string[], flag: string): Record<string, string> | undefined {
  if (!lines.length) return undefined;
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const found = /^([\w!#$%&'*+.^`|~-]+):\s*(.+)$/.exec(line);
    // A header holds bytes. What is refused may be a secret, so it is not quoted.
    if (found && /[^\t\x20-\x7e\x80-\xff]/.test(found[2]!))
      throw new UsageError(`${flag} ${found[1]}: the value has characters that no header can carry.`);
    if (!found) throw new UsageError(`${flag} must be "Name: value", such as ${flag} "Cookie: session=abc".`);
    const [, given, value] = found as unknown as [string, string, string];
    const before = Object.keys(headers).find((name) => name.toLowerCase() === given.toLowerCase());
    // As curl and browsers send several of one name: a session may be of two cookies.
    if (before) headers[before] += (/^cookie$/i.test(before) ? '; ' : ', ') + value;
    else headers[given] = value;
  }
  return headers;
}

const signs = { pass: '✔', fail: '✖', skip: '–' } as const;

function show(check: CheckResult, verbose: boolean): string {
  const line = `${signs[check.status]} ${check.title} (${check.id})`;
  if (check.status === 'fail')
    return `${line}\n    was:     ${check.actual}\n    wanted:  ${check.expected}\n    change:  ${check.help}`;
  return check.status === 'skip' ? `${line}: ${check.actual}` : verbose ? `${line}\n    ${check.expected}` : line;
}

/** Prints the report. Answers with the exit code: 0 all passed, 1 something failed, 2 the proxy did not answer. */
export async function runCheck(url: string, flags: CheckFlags, env: NodeJS.ProcessEnv): Promise<number> {
  if (!(Number(flags.timeout) > 0 && Number(flags.timeout) <= 86_400))
    throw new UsageError(`--timeout must be a number of seconds up to 86400, not "${flags.timeout}".`);
  const canaries = flags.secretEnv.map((name) => env[name] ?? missing(name));
  const report = await checkProxy(url, {
    headers: headersFrom(flags.header, '--header'),
    otherHeaders: headersFrom(flags.otherHeader, '--other-header'),
    origin: flags.origin,
    sandbox: flags.sandbox,
    phoneNumber: flags.phone,
    timeoutMs: Number(flags.timeout) * 1000,
    canaries,
  }).catch((error: unknown) => {
    throw error instanceof TypeError && error.message.startsWith('checkProxy: ')
      ? new UsageError(
          error.message
            .slice(12)
            .replace('option "phoneNumber"', '--phone')
            .replace(/option "(\w+)"/, '--$1'),
        )
      : error;
  });
  const count = (status: string) => report.checks.filter((check) => check.status === status).length;
  const unreachable = report.checks[0]!.status === 'fail';
  if (flags.json) console.log(JSON.stringify(report, null, 2));
  else {
    for (const check of unreachable ? report.checks.slice(0, 1) : report.checks)
      console.log(show(check, Boolean(flags.verbose)));
    console.log(`\n${count('pass')} passed, ${count('fail')} failed, ${count('skip')} left out`);
    if (!flags.sandbox && !unreachable)
      console.log('With --sandbox <url> the whole story is checked: connect, send, forget.');
  }
  return unreachable ? 2 : report.ok ? 0 : 1;
}

function missing(name: string): never {
  throw new UsageError(`--secret-env ${name}: there is no such variable.`);
}
