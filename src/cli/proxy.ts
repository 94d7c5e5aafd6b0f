import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRulrrProxy, memoryTokenStore, type RulrrProxy, type TokenStore } from '../proxy/index.js';
import { storeErrorCode } from '../proxy/events.js';
import { toNodeHandler } from '../proxy/node.js';
import { libsqlTokenStore } from '../proxy/stores/libsql.js';
import { postgresTokenStore } from '../proxy/stores/postgres.js';
import { TroubleError, UsageError } from './fail.js';
import { authorizeBy, sendAsOrder, sendBy } from './hooks.js';
import { aheadMs, closeServer, listen, onSignal } from './listen.js';
import { readConfig, type Env, type ProxyConfig } from './proxy-config.js';
import { remedyFor } from './store-trouble.js';

const log = (line: Record<string, unknown>) => console.log(JSON.stringify({ time: new Date().toISOString(), ...line }));

function openStore(url: string): TokenStore {
  if (url === 'memory:') return memoryTokenStore();
  if (!url.startsWith('file:')) return postgresTokenStore({ connectionString: url });
  try {
    return libsqlTokenStore({ url });
  } catch (error) {
    throw new UsageError(`RULRR_STORE_URL: ${(error as Error).message}`);
  }
}

const variableOf: Record<string, string> = {
  clientId: 'RULRR_CLIENT_ID',
  clientSecret: 'RULRR_CLIENT_SECRET',
  apiBaseUrl: 'RULRR_API_BASE_URL',
  connectBaseUrl: 'RULRR_CONNECT_BASE_URL',
  sealingKeys: 'RULRR_SEALING_KEYS',
  allowedOrigins: 'RULRR_ALLOWED_ORIGINS',
  origin: 'RULRR_ORIGIN',
  basePath: 'RULRR_BASE_PATH',
};

function makeProxy(config: ProxyConfig, tokenStore: TokenStore): RulrrProxy {
  const { send, clientId, clientSecret, apiBaseUrl, connectBaseUrl, basePath, origin, sealingKeys, allowedOrigins } =
    config;
  try {
    return createRulrrProxy({
      clientId, clientSecret, apiBaseUrl, connectBaseUrl, basePath, origin, sealingKeys, allowedOrigins, tokenStore,
      budgetPerSecond: config.budgetPerSecond,
      authorize: authorizeBy(config.authorizeUrl, config.sendSecret),
      sendEreceipt: send === 'order' ? sendAsOrder : send ? sendBy(send.url, config.sendSecret) : undefined,
      onEvent: ({ at, ...event }) => console.log(JSON.stringify({ time: new Date(at).toISOString(), ...event })),
    }); // prettier-ignore
  } catch (error) {
    const told = error instanceof TypeError && /option "(\w+)(\[\d+\])?" (.+)/.exec(error.message);
    if (!told) throw error;
    throw new UsageError(`The proxy cannot start:\n  ${variableOf[told[1]!] ?? told[1]}${told[2] ?? ''} ${told[3]}`);
  }
}

/** The proxy as a process of its own, until a signal ends it. */
export async function runProxy(env: Env): Promise<void> {
  const config = readConfig(env);
  const store = openStore(config.storeUrl);
  const isFile = config.storeUrl.startsWith('file:');
  const proxy = makeProxy(config, store);
  // Now rather than at the first merchant's tap.
  await store.get('health').catch((error: unknown) => {
    const { message = '' } = error as { message?: string };
    const code = storeErrorCode(error);
    // The store's own advice, such as what to install, is safe; what a driver says may hold the address.
    const advice = /^(libsqlTokenStore|postgresTokenStore)\b/.test(message)
      ? message
      : `The token store does not open (${code}). ${remedyFor(code, isFile)}`.trimEnd();
    throw new TroubleError(`RULRR_STORE_URL: ${advice}`);
  });

  let stopping = false;
  const health = probe(store, (code) => {
    if (!stopping) log({ type: 'store-failed', code, text: remedyFor(code, isFile) || undefined });
  });
  const handler = toNodeHandler(proxy) as (request: IncomingMessage, response: ServerResponse) => void;
  const { server, origin } = await listen(
    (request, response) => {
      if (request.url === '/health') void answerHealth(response, health, stopping);
      else handler(request, response);
    },
    config.port,
    config.host,
  ).catch(async (error: unknown) => {
    // What it has open would keep the process up for ten seconds after its last word.
    await store.close().catch(() => undefined);
    throw error;
  });
  // Longer than what stands in front keeps an idle connection (nginx 1 minute, Caddy 2, Google's load balancers 10): who closes it first
  // must not be the one that is asked next.
  server.keepAliveTimeout = 620_000;
  const sweep = () => void proxy.sweep().catch(() => log({ type: 'sweep-failed' }));
  const timer = config.sweepMs ? setInterval(sweep, config.sweepMs) : undefined;
  /** With a newer key in front: what an older one sealed is sealed anew, so that the older one can go. */
  const rotateKeys = async () => {
    const report = await proxy.rotateKeys().catch(() => ({ rewritten: 0, current: 0, failed: 1 }));
    if (!stopping) log({ type: 'keys-rotated', ...report });
  };

  onSignal(async () => {
    stopping = true;
    log({ type: 'stopping' });
    clearInterval(timer);
    // Redemptions and sends that are under way end first, and are answered.
    const closed = closeServer(server, 30_000);
    // What comes in on connections that were taken before is answered as ever: no other replica may be asked for a send.
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, aheadMs))]);
    await proxy.close();
    await closed;
    await store.close();
    log({ type: 'stopped' });
  });
  if (config.storeUrl === 'memory:')
    log({ type: 'warning', text: 'memory: forgets every connection when the process ends.' });
  if (!config.send)
    log({ type: 'warning', text: 'Neither RULRR_SEND_URL nor RULRR_SEND: POST /ereceipts answers misconfigured.' });
  log({ type: 'ready', url: origin + proxy.basePath, health: `${origin}/health` });
  // It has been read so far: a standby is told of now as well.
  void health();
  if (config.sealingKeys.length > 1) void rotateKeys();
}

/**
 * Answers why the store takes no row, by a code; null where it takes one: a full disk and a standby are read all the same. One look at a time,
 * however many ask. `tell` hears of each failure that is not the one before: who asks asks every second, perhaps.
 */
function probe(store: TokenStore, tell: (code: string) => void): () => Promise<string | null> {
  let looking: Promise<string | null> | undefined;
  let failing: string | null = null;
  const look = async () => {
    const row = await store.get('health');
    await store.put('health', 'ok', { ifVersion: row?.version ?? null });
    return null;
  };
  const ended = (code: string | null) => {
    if (code && code !== failing) tell(code);
    failing = code;
    return code;
  };
  return () => {
    looking ??= look()
      .catch(storeErrorCode)
      .then(ended)
      .finally(() => (looking = undefined));
    // Where the store hangs, what it said the last time is the best guess.
    const late = new Promise<string>((resolve) => setTimeout(() => resolve(failing ?? 'ETIMEDOUT'), 2000).unref());
    return Promise.race([looking, late]);
  };
}

async function answerHealth(
  response: ServerResponse,
  health: () => Promise<string | null>,
  stopping: boolean,
): Promise<void> {
  const code = await health();
  response.writeHead(code || stopping ? 503 : 200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
  const body = stopping ? { status: 'stopping' } : code ? { status: 'store unavailable', code } : { status: 'ok' };
  response.end(JSON.stringify(body));
}
