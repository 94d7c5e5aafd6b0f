import {
  demand,
  describe,
  expectRefusal,
  expectStatus,
  field,
  isStoreDown,
  Mismatch,
  Skip,
  StoreDown,
  type Call,
  type Exchange,
  type Probe,
} from './probe.js';
import type { Checks } from './story.js';

const stranger = 'https://stranger.example';

/** Origins that are not the till's, though one or the other comparison takes them for it. */
function foreignOrigins(probe: Probe): string[] {
  const own = new URL(probe.origin);
  const scheme = own.protocol === 'https:' ? 'http:' : 'https:';
  const lookalikes = [
    `${own.protocol}//${own.hostname}:${own.port === '49151' ? '49150' : '49151'}`,
    `${scheme}//${own.host}`,
    `${probe.origin}.stranger.example`,
    `${own.protocol}//stranger-${own.host}`,
  ];
  // The page may stand elsewhere than the proxy, whose own origin is let in as well.
  return [stranger, 'null', ...lookalikes].filter((origin) => origin !== probe.proxyOrigin);
}

/** Requests that change something. None is one that a proxy would carry out in the end, unless it is asked to start a session. */
function unsafe(probe: Probe): [method: string, path: string, body?: string][] {
  const calls: [string, string, string?][] = [
    ['POST', '/integrations'],
    ['POST', '/ereceipts', '{}'],
  ];
  // Where the store may be a real one, a proxy that fails here would forget it.
  if (probe.mayForget) calls.push(['DELETE', '/connection']);
  return calls;
}

async function eachRefused(probe: Probe, call: Call, when: string): Promise<void> {
  for (const [method, path, body] of unsafe(probe)) {
    const headers = body ? { 'Content-Type': 'application/json', ...call.headers } : call.headers;
    expectRefusal(await probe.call(method, path, { body, ...call, headers }), 403, 'forbidden_origin', when);
  }
}

export function checkConnection(json: unknown): void {
  const [connected, ereceipt, expiration] = ['connected', 'ereceipt', 'expiration'].map((name) => field(json, name));
  demand(typeof connected === 'boolean', '"connected" is not true or false.');
  demand(typeof ereceipt === 'boolean', '"ereceipt" is not true or false.');
  demand(
    typeof expiration === 'string' || expiration === null,
    '"expiration" is neither a text nor null (it must be there).',
  );
  demand(connected || !ereceipt, '"ereceipt" is true for a store that is not connected.');
  const unknown = Object.keys(json as object).filter((name) => !['connected', 'ereceipt', 'expiration'].includes(name));
  demand(!unknown.length, `The connection has a field that the contract does not know: "${unknown[0]?.slice(0, 40)}".`);
}

/** Not where the URL is the proxy's address behind a load balancer, and the page's origin is what browsers know both by. */
async function isElsewhere(probe: Probe): Promise<boolean> {
  if (probe.origin === probe.proxyOrigin) return false;
  const { status } = await probe.ereceipt({ order: {}, headers: { Origin: probe.proxyOrigin } });
  return status !== 403;
}

/** What a browser asks of the proxy before it lets the till's page go on, where that page is of another origin. */
async function checkCors(probe: Probe): Promise<void> {
  for (const site of ['cross-site', 'same-site']) {
    const answer = await probe.ereceipt({ order: {}, headers: { 'Sec-Fetch-Site': site } });
    expectRefusal(answer, 400, 'bad_request', `the page's Origin and Sec-Fetch-Site: ${site}`);
    checkReadable(probe, answer);
  }
  for (const path of ['/connection', '/integrations/x']) checkReadable(probe, await probe.call('GET', path));
  const calls = [
    ['POST', '/integrations', 'rulrr-embed'],
    ['GET', '/integrations/x', 'rulrr-embed'],
    ['GET', '/connection', 'rulrr-embed'],
    ['DELETE', '/connection', 'rulrr-embed'],
    ['POST', '/ereceipts', 'content-type,idempotency-key,rulrr-embed'],
  ] as const;
  for (const [method, path, wanted] of calls) {
    const headers = {
      Origin: probe.origin,
      'Access-Control-Request-Method': method,
      'Access-Control-Request-Headers': wanted,
    };
    const answer = await probe.call('OPTIONS', path, { as: 'nobody', fromElement: false, headers });
    demand(answer.status >= 200 && answer.status < 300, `${describe(answer)}: a preflight comes without a session.`);
    checkReadable(probe, answer);
    const methods = named(answer.headers.get('Access-Control-Allow-Methods'));
    // Browsers need no leave for the other two.
    demand(method !== 'DELETE' || methods.includes('delete'), `${describe(answer)} and does not allow ${method}.`);
    const allowed = named(answer.headers.get('Access-Control-Allow-Headers'));
    const lacking = wanted.split(',').find((name) => !allowed.includes(name));
    demand(lacking === undefined, `${describe(answer)} and does not allow the header ${lacking} (${method}).`);
  }
}

/** @throws Mismatch unless a page of another origin may read the answer */
export function checkReadable(probe: Probe, answer: Exchange): void {
  const allowed = answer.headers.get('Access-Control-Allow-Origin');
  demand(allowed === probe.origin, `${describe(answer)} without Access-Control-Allow-Origin: ${probe.origin}.`);
  const cookies = Object.keys(probe.options.headers ?? {}).some((name) => name.toLowerCase() === 'cookie');
  const credentials = answer.headers.get('Access-Control-Allow-Credentials') === 'true';
  demand(!cookies || credentials, `${describe(answer)} without Access-Control-Allow-Credentials: true.`);
}

/** The names that a header lists, in lower case. */
function named(value: string | null): string[] {
  return (value ?? '').toLowerCase().split(/\s*,\s*/);
}

/** The gate: who may come in, by which path and method. */
export const gateChecks = {
  async reachable(probe) {
    const answer = await probe.call('GET', '/connection');
    demand(
      answer.status < 300 || answer.status >= 400,
      `${describe(answer)}: a redirect; give the URL that it leads to.`,
    );
    if (answer.status === 401 && !probe.options.headers) {
      throw new Mismatch('GET /connection answered 401: give the headers of a till that is signed in.');
    }
    if (isStoreDown(answer)) throw new StoreDown(`${describe(answer)}: without its store nothing can be looked at.`);
  },
  async 'connection-shape'(probe) {
    const answer = await probe.call('GET', '/connection');
    expectStatus(answer, 200);
    checkConnection(answer.json);
  },
  async unauthorized(probe) {
    if (!probe.options.headers)
      throw new Skip('No headers of a signed-in till were given, so there is none to leave out.');
    const calls = [...unsafe(probe), ['GET', '/connection'], ['GET', '/integrations/x']] as [string, string, string?][];
    for (const [method, path, body] of calls) {
      const headers: Record<string, string> = body ? { 'Content-Type': 'application/json' } : {};
      expectRefusal(await probe.call(method, path, { as: 'nobody', body, headers }), 401, 'unauthorized');
    }
    // A store that is only named, as a page of another one could.
    const named = { storeId: 'check', store_id: 'check', store: 'check' };
    for (const path of ['/connection', '/integrations/x']) {
      const answer = await probe.call('GET', `${path}?${new URLSearchParams(named)}`, { as: 'nobody' });
      // The contract knows no queries, so the path may be unknown with one.
      if (answer.status !== 404) expectRefusal(answer, 401, 'unauthorized', 'a store named in the query');
    }
    const order = { orderId: 'check-1', phoneNumber: '+1', ...named };
    expectRefusal(await probe.ereceipt({ order, as: 'nobody' }), 401, 'unauthorized', 'a store named in the body');
  },
  async 'csrf-header'(probe) {
    await eachRefused(probe, { fromElement: false, headers: { Origin: probe.origin } }, 'own Origin, no Rulrr-Embed');
    const site = { 'Sec-Fetch-Site': 'same-origin' };
    await eachRefused(probe, { fromElement: false, headers: site }, 'Sec-Fetch-Site: same-origin, no Rulrr-Embed');
    for (const value of ['yes', '0', '1.0']) {
      const other = { Origin: probe.origin, 'Rulrr-Embed': value };
      await eachRefused(probe, { fromElement: false, headers: other }, `Rulrr-Embed: ${value}`);
    }
  },
  async 'csrf-foreign-origin'(probe) {
    for (const origin of foreignOrigins(probe)) {
      await eachRefused(probe, { headers: { Origin: origin } }, `Origin: ${origin}`);
    }
  },
  async 'csrf-fetch-site'(probe) {
    for (const site of ['cross-site', 'same-site', 'none']) {
      const headers = { 'Rulrr-Embed': '1', 'Sec-Fetch-Site': site };
      await eachRefused(probe, { fromElement: false, headers }, `Sec-Fetch-Site: ${site}, no Origin`);
    }
    await eachRefused(
      probe,
      { fromElement: false, headers: { 'Rulrr-Embed': '1' } },
      'neither Origin nor Sec-Fetch-Site',
    );
  },
  async 'csrf-content-type'(probe) {
    const types = [
      'application/json',
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
    ];
    for (const type of [...types, 'text/plain; application/json', 'APPLICATION/JSON']) {
      const headers = { Origin: stranger, 'Content-Type': type };
      await eachRefused(probe, { fromElement: false, headers, body: '{}' }, `foreign Origin, Content-Type: ${type}`);
    }
  },
  async 'csrf-let-in'(probe) {
    const byOrigin = await probe.ereceipt({ order: {} });
    expectRefusal(byOrigin, 400, 'bad_request', 'own Origin and Rulrr-Embed');
    const headers = { 'Rulrr-Embed': '1', 'Sec-Fetch-Site': 'same-origin' };
    const bySite = await probe.ereceipt({ order: {}, fromElement: false, headers });
    expectRefusal(bySite, 400, 'bad_request', 'Sec-Fetch-Site: same-origin and Rulrr-Embed, no Origin');
    expectStatus(await probe.call('GET', '/connection', { fromElement: false }), 200, 'reading needs no Rulrr-Embed');
    probe.isElsewhere = await isElsewhere(probe);
    if (probe.isElsewhere) await checkCors(probe);
  },
  async 'cors-strangers'(probe) {
    for (const origin of foreignOrigins(probe)) {
      const preflight = { Origin: origin, 'Access-Control-Request-Method': 'POST' };
      const answers: Exchange[] = [];
      for (const path of ['/integrations', '/integrations/x'])
        answers.push(await probe.call('OPTIONS', path, { as: 'nobody', fromElement: false, headers: preflight }));
      for (const path of ['/connection', '/integrations/x', '/nothing'])
        answers.push(await probe.call('GET', path, { headers: { Origin: origin } }));
      for (const answer of answers) {
        const allowed = answer.headers.get('Access-Control-Allow-Origin');
        if (allowed === null || allowed === probe.origin) continue;
        throw new Mismatch(
          `${describe(answer)} with Access-Control-Allow-Origin: ${allowed.slice(0, 80)} (Origin: ${origin}).`,
        );
      }
    }
  },
  async 'not-found'(probe) {
    for (const path of ['/nothing', '/integration', '/connection/x', '/integrations/x/token']) {
      expectRefusal(await probe.call('GET', path), 404, 'not_found');
    }
    // Many a framework has a page of its own for methods that no route takes.
    for (const method of ['POST', 'DELETE']) expectRefusal(await probe.call(method, '/nothing'), 404, 'not_found');
  },
  async 'exact-paths'(probe) {
    const spellings = [
      '//connection',
      '/connection/',
      '/%63onnection',
      '/Connection',
      '/connection%2F',
      '/connection;x',
    ];
    for (const path of spellings) expectRefusal(await probe.call('GET', path), 404, 'not_found');
    // Routes are often written one by one, each with a pattern of its own.
    expectRefusal(await probe.call('GET', '/integrations/x/'), 404, 'not_found');
    for (const path of ['/integrations/', '/Integrations'])
      expectRefusal(await probe.call('POST', path), 404, 'not_found');
    const headers = { 'Content-Type': 'application/json' };
    for (const path of ['/ereceipts/', '/Ereceipts'])
      expectRefusal(await probe.call('POST', path, { body: '{}', headers }), 404, 'not_found');
  },
  async methods(probe) {
    const calls = [
      ['GET', '/integrations', 'POST'],
      ['PUT', '/integrations', 'POST'],
      ['POST', '/integrations/x', 'GET'],
      ['DELETE', '/integrations/x', 'GET'],
      ['POST', '/connection', 'GET, DELETE'],
      ['PATCH', '/connection', 'GET, DELETE'],
      ['GET', '/ereceipts', 'POST'],
    ] as const;
    for (const [method, path, taken] of calls) {
      const answer = await probe.call(method, path);
      expectRefusal(answer, 405, 'method_not_allowed');
      const allowed = named(answer.headers.get('Allow'));
      const whole = named(taken).every((name) => allowed.includes(name)) && !allowed.includes(method.toLowerCase());
      demand(whole, `${describe(answer)} without the header Allow: ${taken}.`);
    }
  },
} satisfies Checks;
