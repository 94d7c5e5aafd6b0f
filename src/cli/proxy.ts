import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRulrrProxy, memoryTokenStore, type RulrrProxy, type TokenStore } from '../proxy/index.js';
import { toNodeHandler } from '../proxy/node.js';
import { libsqlTokenStore } from '../proxy/stores/libsql.js';
import { postgresTokenStore } from '../proxy/stores/postgres.js';
import { TroubleError, UsageError } from './fail.js';
import { authorizeBy, sendAsOrder, sendBy } from './hooks.js';
import { aheadMs, closeServer, listen, onSignal } from './listen.js';
import { readConfig, type Env, type ProxyConfig } from './proxy-config.js';

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

/** In a container whose file system is read-only, the file alone is often the one thing that was mounted; or somebody else made it, root mostly. */
const unwritable =
  ' The user of this process must own the file and be able to write to its folder: SQLite keeps further files beside it.';

/** Since PostgreSQL 15 only the database's owner may make tables, unless somebody has said otherwise. */
const mayMakeNothing =
  ' The role may make nothing there: let somebody make the table and the sequence for it, as the guide "Going live" has them.';

function adviceOn(code: string, isFile: boolean): string {
  if (isFile) return /^(EACCES|EPERM|EROFS|ENOENT|SQLITE_(READONLY|CANTOPEN))/.test(code) ? unwritable : '';
  return code === '42501' ? mayMakeNothing : '';
}

/** The proxy as a process of its own, until a signal ends it. */
export async function runProxy(env: Env): Promise<void> {
  const config = readConfig(env);
  const store = openStore(config.storeUrl);
  const isFile = config.storeUrl.startsWith('file:');
  const proxy = makeProxy(config, store);
  // Now rather than at the first merchant's tap.
  await store.get('health').catch((error: unknown) => {
    const { message = '', code = '' } = error as { message?: string; code?: string };
    // The store's own advice, such as what to install, is safe; what a driver says may hold the address.
    const advice = /^(libsqlTokenStore|postgresTokenStore)\b/.test(message)
      ? message
      : `The token store does not open (${code || 'error'}).${adviceOn(code, isFile)}`;
    throw new TroubleError(`RULRR_STORE_URL: ${advice}`);
  });

  let stopping = false;
  const takesRows = probe(store);
  const handler = toNodeHandler(proxy) as (request: IncomingMessage, response: ServerResponse) => void;
  const { server, origin } = await listen(
    (request, response) => {
      if (request.url === '/health') void health(response, takesRows, stopping);
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
  if (config.sealingKeys.length > 1) void rotateKeys();
}

/** Whether the store takes a row: a full disk and a standby are read all the same. One look at a time, however many ask. */
function probe(store: TokenStore): () => Promise<boolean> {
  let looking: Promise<boolean> | undefined;
  const look = async () => {
    const row = await store.get('health');
    await store.put('health', 'ok', { ifVersion: row?.version ?? null });
    return true;
  };
  return () =>
    (looking ??= look()
      .catch(() => false)
      .finally(() => (looking = undefined)));
}

async function health(response: ServerResponse, takesRows: () => Promise<boolean>, stopping: boolean): Promise<void> {
  const inTime = new Promise<false>((resolve) => setTimeout(resolve, 2000, false).unref());
  const answers = await Promise.race([takesRows(), inTime]);
  const ok = answers && !stopping;
  response.writeHead(ok ? 200 : 503, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
  response.end(JSON.stringify({ status: stopping ? 'stopping' : answers ? 'ok' : 'store unavailable' }));
}
