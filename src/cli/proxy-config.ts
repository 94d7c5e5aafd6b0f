import { readFileSync } from 'node:fs';
import { meantBy } from '../proxy/misspelt.js';
import { UsageError } from './fail.js';
import { portFrom } from './listen.js';

export type Env = Readonly<Record<string, string | undefined>>;

export interface ProxyConfig {
  clientId: string;
  clientSecret: string;
  apiBaseUrl: string;
  connectBaseUrl: string | undefined;
  basePath: string | undefined;
  origin: string | undefined;
  sealingKeys: string[];
  storeUrl: string;
  allowedOrigins: string[];
  authorizeUrl: string;
  send: { url: string } | 'order' | null;
  /** Shows the vendor's server that it is the sidecar who calls. */
  sendSecret: string | undefined;
  host: string;
  port: number;
  sweepMs: number;
  budgetPerSecond: number | undefined;
}

/** Every variable of the sidecar: whether it must be there, whether it may come from a file, what it is. */
export const variables = [
  ['RULRR_CLIENT_ID', 'needed', 'Your client id.'],
  ['RULRR_CLIENT_SECRET', 'needed', 'Your client secret. Or RULRR_CLIENT_SECRET_FILE: a file that holds it.'],
  ['RULRR_API_BASE_URL', 'needed', "Rulrr's API, as given with the credentials."],
  [
    'RULRR_SEALING_KEYS',
    'needed',
    'Newest first, separated by spaces, commas or lines (openssl rand -base64 32). Or RULRR_SEALING_KEYS_FILE. With several, each start seals everything with the first and logs "keys-rotated".',
  ],
  [
    'RULRR_STORE_URL',
    'needed',
    'file:data/rulrr.db, or postgres://… for replicas; memory: for a trial. Or RULRR_STORE_URL_FILE.',
  ],
  [
    'RULRR_AUTHORIZE_URL',
    'needed',
    'Your server\'s answer to "who is asking?": gets the till\'s Cookie and Authorization, answers 200 {"storeId": "…"} or 401.',
  ],
  ['RULRR_CONNECT_BASE_URL', 'optional', 'The connect page. Default https://connect.rulrr.com/.'],
  [
    'RULRR_SEND_URL',
    'optional',
    'Your server sends the receipt: gets POST {storeId, orderId, phoneNumber, idempotencyKey}; 2xx is sent (unless its JSON has ok, success or sent as false, 0, null, empty or "no", an error or errors, or a status of 300 to 599 or of a failure, such as "failed" or "undelivered", or is a list with one that says so, or it is an HTML page or says to be JSON and cannot be read), 4xx but 408 and 499 is not sent, all else is unknown.',
  ],
  [
    'RULRR_SEND_SECRET',
    'optional',
    'Sent to RULRR_SEND_URL and RULRR_AUTHORIZE_URL as the header Rulrr-Sidecar. Or RULRR_SEND_SECRET_FILE.',
  ],
  [
    'RULRR_SEND',
    'optional',
    '"order": instead of RULRR_SEND_URL post {orderId, ereceipt: {phoneNumber}} to Rulrr\'s orders. Right for the sandbox; ask Rulrr whether for you.',
  ],
  ['RULRR_ALLOWED_ORIGINS', 'optional', 'Origins of tills elsewhere than the proxy, separated by spaces or commas.'],
  [
    'RULRR_ORIGIN',
    'optional',
    "The proxy's origin as browsers see it, such as https://pos.example, behind a load balancer.",
  ],
  ['RULRR_BASE_PATH', 'optional', 'Default /rulrr.'],
  [
    'RULRR_SWEEP_SECONDS',
    'optional',
    'How often sessions that nobody asks about are looked after. Default 30; 0 is never.',
  ],
  [
    'RULRR_BUDGET_PER_SECOND',
    'optional',
    'Status calls to Rulrr a second, on average. Default 50; divide what Rulrr allows you by the number of replicas.',
  ],
  ['HOST', 'optional', 'Default 127.0.0.1; 0.0.0.0 in a container.'],
  ['PORT', 'optional', 'Default 8787.'],
] as const satisfies readonly (readonly [string, 'needed' | 'optional', string])[];

type Name = (typeof variables)[number][0];
const fromFile: readonly Name[] = ['RULRR_CLIENT_SECRET', 'RULRR_SEALING_KEYS', 'RULRR_STORE_URL', 'RULRR_SEND_SECRET'];
const words = (text: string | undefined) => (text ?? '').split(/[\s,]+/).filter(Boolean);

/** Reads the environment. @throws UsageError that lists everything that is missing or wrong at once; quotes no secret */
export function readConfig(env: Env): ProxyConfig {
  const wrong: string[] = [];
  const known = [...variables.map(([name]) => name), ...fromFile.map((name) => `${name}_FILE`)];
  for (const name of Object.keys(env).filter((one) => one.startsWith('RULRR_'))) {
    const meant = meantBy(name, known);
    if (meant) wrong.push(`${name} is unknown; ${meant} was meant, probably.`);
  }
  const value = (name: Name): string | undefined => {
    const direct = env[name]?.trim() || undefined;
    const file = fromFile.includes(name) ? env[`${name}_FILE`]?.trim() : undefined;
    if (!file) return direct;
    if (direct) wrong.push(`${name} and ${name}_FILE are both set; keep one.`);
    try {
      const text = readFileSync(file, 'utf8').trim();
      if (!text) wrong.push(`${name}_FILE: the file is empty.`);
      return text || undefined;
    } catch (error) {
      wrong.push(`${name}_FILE: the file cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'}).`);
      return undefined;
    }
  };
  const given = Object.fromEntries(variables.map(([name]) => [name, value(name)])) as Record<Name, string | undefined>;
  for (const [name, need, text] of variables) {
    const broken = wrong.some((line) => line.startsWith(`${name}_FILE`));
    if (need === 'needed' && !given[name] && !broken) wrong.push(`${name} is missing. ${text}`);
  }
  for (const name of [
    'RULRR_API_BASE_URL',
    'RULRR_AUTHORIZE_URL',
    'RULRR_CONNECT_BASE_URL',
    'RULRR_SEND_URL',
  ] as const) {
    const url = given[name];
    if (url && !(URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)))
      wrong.push(`${name} must be an http(s) URL.`);
    // fetch() takes none: every call would fail.
    else if (url && (new URL(url).username || new URL(url).password)) {
      const isHook = name === 'RULRR_AUTHORIZE_URL' || name === 'RULRR_SEND_URL';
      const instead = isHook ? '; RULRR_SEND_SECRET is sent as a header' : '';
      wrong.push(`${name} must hold no user name or password${instead}.`);
    }
  }
  // fetch() takes no other: nobody could sign in.
  if (given.RULRR_SEND_SECRET && !/^[\t\x20-\x7e\x80-\xff]+$/.test(given.RULRR_SEND_SECRET))
    wrong.push('RULRR_SEND_SECRET must be one line of plain characters, since it is sent as a header.');
  const storeUrl = given.RULRR_STORE_URL ?? '';
  if (storeUrl && !/^(file:.|postgres(ql)?:\/\/.|memory:$)/.test(storeUrl)) {
    wrong.push('RULRR_STORE_URL must begin with file: or postgres://, or be memory:.');
  }
  const { RULRR_SEND: send, RULRR_SEND_URL: sendUrl } = given;
  if (send && send !== 'order') wrong.push('RULRR_SEND can only be "order".');
  if (send && sendUrl) wrong.push('RULRR_SEND and RULRR_SEND_URL are both set; keep one.');
  const sweep = Number(given.RULRR_SWEEP_SECONDS ?? 30);
  if (!(sweep >= 0 && sweep <= 86_400)) wrong.push('RULRR_SWEEP_SECONDS must be a number from 0 to 86400.');
  const budget = given.RULRR_BUDGET_PER_SECOND === undefined ? undefined : Number(given.RULRR_BUDGET_PER_SECOND);
  if (budget !== undefined && !(budget >= 0.1 && budget <= 1e6))
    wrong.push('RULRR_BUDGET_PER_SECOND must be a number from 0.1 to 1000000.');
  let port = 0;
  try {
    port = portFrom(given.PORT ?? '8787', 'PORT');
  } catch (error) {
    wrong.push((error as Error).message);
  }
  if (wrong.length) {
    throw new UsageError(
      `The proxy cannot start:\n${wrong.map((line) => `  ${line}`).join('\n')}\nAll variables: rulrr-embed proxy --help`,
    );
  }
  return {
    clientId: given.RULRR_CLIENT_ID!,
    clientSecret: given.RULRR_CLIENT_SECRET!,
    apiBaseUrl: given.RULRR_API_BASE_URL!,
    connectBaseUrl: given.RULRR_CONNECT_BASE_URL,
    basePath: given.RULRR_BASE_PATH,
    origin: given.RULRR_ORIGIN,
    sealingKeys: words(given.RULRR_SEALING_KEYS),
    storeUrl,
    allowedOrigins: words(given.RULRR_ALLOWED_ORIGINS),
    authorizeUrl: given.RULRR_AUTHORIZE_URL!,
    send: sendUrl ? { url: sendUrl } : send === 'order' ? 'order' : null,
    sendSecret: given.RULRR_SEND_SECRET,
    host: given.HOST ?? '127.0.0.1',
    port,
    sweepMs: sweep * 1000,
    budgetPerSecond: budget,
  };
}
