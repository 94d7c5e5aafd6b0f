import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRulrrProxy, type RulrrProxyOptions } from '../../src/proxy/index.js';
import { libsqlTokenStore } from '../../src/proxy/stores/libsql.js';
import { toNodeHandler } from '../../src/proxy/node.js';
import { serveSandbox } from '../../src/sandbox/index.js';
import { sendAsOrder } from '../../src/cli/hooks.js';
import { closeServer, listenOnLocalhost, onSignal, browserPortFrom } from '../../src/cli/listen.js';
import { controls } from './controls.js';
import { serveGallery } from './gallery.js';
import { keep, kept, keptNumbers, sealingKey } from './kept.js';
import { buildSite, siteHandler } from './site.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The till's own store. A real POS knows from its session who is signed in; this one has one store and nobody else. */
const storeId = 'demo-store';
const clientId = 'demo-pos';

/** In words, where a port cannot be had. */
function portTrouble(error: unknown, port: number): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const another = port < 65_535 ? port + 1 : port - 1;
  if (code === 'EADDRINUSE')
    return new Error(`Port ${port} is in use. Stop what uses it, or choose another: PORT=${another} npm start`);
  if (code === 'EACCES')
    return new Error(`Port ${port} is not for this user. Choose one above 1023: PORT=5173 npm start`);
  return error;
}

async function run(): Promise<void> {
  const data = process.env['RULRR_DEMO_DATA'] || join(root, 'demo/.data');
  try {
    mkdirSync(data, { recursive: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`RULRR_DEMO_DATA: there can be no folder at ${data} (${code ?? 'error'}).`, { cause: error });
  }
  const wanted = browserPortFrom(process.env['PORT'] || '5173', 'PORT');

  // The port first: whoever finds it in use should not wait for the rest.
  let handle: ReturnType<typeof siteHandler> = (_request, response) => void response.writeHead(503).end();
  const { servers, origin } = await listenOnLocalhost((request, response) => handle(request, response), wanted).catch(
    (error: unknown) => {
      throw portTrouble(error, wanted);
    },
  );

  console.log('Starting the sandbox, a stand-in for Rulrr, on an origin of its own …');
  const clientSecret = kept(data, 'client-secret');
  const clients = [{ clientId, clientSecret }];
  const stateFile = join(data, 'sandbox.json');
  const sandboxPort = kept(data, 'sandbox-port', () => '0');
  const sandbox = await serveSandbox({ clients, stateFile, port: Number(sandboxPort) }).catch(() =>
    // The port of last time is taken: any other will do, only an open connect page would notice.
    serveSandbox({ clients, stateFile }),
  );
  keep(data, 'sandbox-port', new URL(sandbox.origin).port);
  const gallery = await serveGallery();

  console.log('Starting the proxy, with its tokens in one encrypted file …');
  const options: RulrrProxyOptions = {
    clientId,
    clientSecret,
    apiBaseUrl: sandbox.origin,
    connectBaseUrl: sandbox.connectBaseUrl,
    sealingKeys: [sealingKey(data)],
    tokenStore: libsqlTokenStore({ url: `file:${join(data, 'tokens.db')}` }),
    authorize: () => ({ storeId }),
    sendEreceipt: sendAsOrder,
  };
  let proxy = createRulrrProxy(options);
  let handleProxy = toNodeHandler(proxy);
  /** A proxy looks at the connect page's headers once in minutes: a scenario that changes them gets one that has not looked yet. */
  let retired: Promise<unknown> = Promise.resolve();
  const changed = () => {
    retired = Promise.allSettled([retired, proxy.close()]);
    proxy = createRulrrProxy(options);
    handleProxy = toNodeHandler(proxy);
  };
  // A merchant may finish while no till is asking.
  const sweeping = setInterval(() => void proxy.sweep().catch(() => {}), 15_000);

  console.log('Building the till …');
  const site = await buildSite(root, [sandbox.origin, gallery.origin]);
  const control = controls({
    sandbox: sandbox.sandbox,
    numbers: keptNumbers(data),
    changed,
    galleryUrl: () => gallery.connectUrl(),
  });
  handle = siteHandler(site, [control, (request, response, next) => handleProxy(request, response, next)]);

  onSignal(async () => {
    clearInterval(sweeping);
    const closed = Promise.all(servers.map((server) => closeServer(server)));
    // A redemption in flight is finished and stored before the process ends.
    await Promise.allSettled([retired, proxy.close()]);
    await Promise.all([sandbox.close(), gallery.close()]);
    await closed;
  });

  console.log(`\nReady. Open ${origin}/\n`);
}

/** Whatever goes wrong on the way ends in one line that says so. */
export async function main(): Promise<void> {
  try {
    await run();
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(1);
  }
}
