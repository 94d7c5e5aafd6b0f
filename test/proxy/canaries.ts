import { inspect } from 'node:util';

/** Twelve secrets, each with characters that look different in every encoding. None is real. */
export const planted = {
  clientSecret: 'cs~Q7/vZ+9 "Ü"=k4?x&canary-01',
  sealingKey: 'sk+J2/hR8=wQ5"tY7-canary-02-padding-padding',
  olderSealingKey: 'ok+M4/nB6=xC1"zL9-canary-03-padding-padding',
  integrationToken: 'it/T3+g5=\u00e9"canary-04',
  accessToken: 'at/A8+d2="canary-05"\u00f1',
  refreshToken: 'rt/B1+f6="canary-06"\u00e7',
  secondAccessToken: 'a2/C9+s4="canary-07"\u00f6',
  secondRefreshToken: 'r2/D5+j7="canary-08"\u00fc',
  phoneNumber: '+12135550109',
  otherPhoneNumber: '+14155552611',
  session: 'sid/F2+h9="canary-11"',
  connectionString: 'postgres://till:pw+G6/canary-12@db.internal:5432/rulrr?x=1',
} as const;

export type SecretName = keyof typeof planted;
export const secretNames = Object.keys(planted) as SecretName[];

/** The ways in which a secret may stand in a text, ready to be searched. */
function spellings(secret: string): Map<string, string> {
  const bytes = Buffer.from(secret, 'utf8');
  const found = new Map<string, string>([
    ['raw', secret],
    ['latin1', bytes.toString('latin1')],
    ['url', encodeURIComponent(secret)],
    ['url lower case', encodeURIComponent(secret).replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase())],
    ['form', new URLSearchParams({ '': secret }).toString().slice(1)],
    ['json', JSON.stringify(secret).slice(1, -1)],
    ['json in json', JSON.stringify(JSON.stringify(secret).slice(1, -1)).slice(1, -1)],
    [
      'json ascii',
      JSON.stringify(secret)
        .slice(1, -1)
        .replace(/[\u007f-\uffff]/g, (c) => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0')),
    ],
    ['reversed', [...secret].reverse().join('')],
  ]);
  // What is encoded is often JSON already, in which quotes are escaped.
  for (const [form, part] of [
    ['', bytes],
    [' of json', Buffer.from(JSON.stringify(secret).slice(1, -1), 'utf8')],
  ] as const) {
    found.set('hex' + form, part.toString('hex'));
    found.set('HEX' + form, part.toString('hex').toUpperCase());
    // Within a longer text, base64 of the same bytes looks different at each of three offsets; the edges mix with the neighbours.
    for (const offset of [0, 1, 2]) {
      const shifted = Buffer.concat([Buffer.alloc(offset), part])
        .toString('base64')
        .replace(/=+$/, '');
      const core = shifted.slice(offset ? 4 : 0, -2);
      found.set(`base64${form} +${offset}`, core);
      found.set(`base64url${form} +${offset}`, core.replaceAll('+', '-').replaceAll('/', '_'));
    }
  }
  // A number is also a number without its plus.
  if (/^\+\d+$/.test(secret)) found.set('digits', secret.slice(1));
  return found;
}

const all = secretNames.map((name) => ({ name, forms: [...spellings(planted[name])] }));

/** Every planted secret in a text, as "name (encoding)". */
export function findSecrets(text: string, except: readonly SecretName[] = []): string[] {
  const hits: string[] = [];
  for (const { name, forms } of all) {
    if (except.includes(name)) continue;
    for (const [form, needle] of forms) if (text.includes(needle)) hits.push(`${name} (${form})`);
  }
  return hits;
}

/** A value in every form in which it could reach a log. */
export function textsOf(value: unknown): string {
  const texts = [inspect(value, { depth: 6, showHidden: true, maxStringLength: null, maxArrayLength: null })];
  if (typeof value === 'string') texts.push(value);
  else {
    try {
      texts.push(JSON.stringify(value) ?? '');
    } catch {
      // Cyclic: what inspect shows must do.
    }
  }
  if (value instanceof Error) texts.push(value.message, String(value.stack), textsOf(value.cause));
  return texts.join('\n');
}

/** Collects what a proxy gives away: answers, events, errors and console lines. */
export class CanaryWatch {
  readonly hits: string[] = [];
  scanned = 0;
  /** Texts that were found clean: a fuzzer hears the same refusal a hundred thousand times. */
  private readonly clean = new Set<string>();

  /** An event of the log hook; the time in it is left aside. */
  event(event: { type: string; at: number }): void {
    const { at: _, ...rest } = event;
    const text = JSON.stringify(rest);
    if (this.clean.has(text)) return;
    this.look(`event ${event.type}`, event);
    this.clean.add(text);
  }

  look(where: string, value: unknown, except: readonly SecretName[] = []): void {
    this.scanned += 1;
    const text = typeof value === 'string' ? value : textsOf(value);
    if (this.clean.has(text)) return;
    const hits = findSecrets(text, except);
    for (const hit of hits) this.hits.push(`${where}: ${hit}`);
    if (!hits.length && !except.length && this.clean.size < 1000) this.clean.add(text);
  }

  /** Looks through an answer. The connect page's URL, and nothing else, may hold the integration token. */
  async answer(where: string, response: Response): Promise<void> {
    this.look(`${where} headers`, JSON.stringify([response.status, response.statusText, ...response.headers]));
    const text = await response.clone().text();
    let rest = text;
    try {
      const body = JSON.parse(text) as Record<string, unknown>;
      if (typeof body['connectUrl'] === 'string') {
        this.look(`${where} connectUrl`, body['connectUrl'], ['integrationToken']);
        const { connectUrl: _, ...others } = body;
        rest = JSON.stringify(others);
      }
    } catch {
      // Not JSON: looked at as it stands.
    }
    this.look(`${where} body`, rest);
  }

  /** Looks at every line that goes to the console until `stop` is called. */
  console(): () => void {
    const methods = ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const;
    const before = methods.map((method) => console[method]);
    for (const method of methods) console[method] = (...args: unknown[]) => this.look(`console.${method}`, args);
    return () => methods.forEach((method, at) => (console[method] = before[at]!));
  }
}
