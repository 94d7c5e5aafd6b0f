import { randomBytes } from 'node:crypto';
import {
  faultKinds,
  routeNames,
  scenarioNames,
  scenarios,
  serveSandbox,
  type Client,
  type Fault,
  type Scenario,
  type ScenarioName,
} from '../sandbox/index.js';
import { Faults, numberFields } from '../sandbox/faults.js';
import { keptEnv, writeEnv } from './env-file.js';
import { TroubleError, UsageError } from './fail.js';
import { listenTrouble, onSignal, browserPortFrom } from './listen.js';

export interface SandboxFlags {
  port: string;
  host: string;
  client: string[];
  scenario?: string;
  fault: string[];
  state?: string;
  env?: string;
  list?: boolean;
}

/** `id:secret`. */
function clientFrom(text: string): Client {
  const at = text.indexOf(':');
  const client = { clientId: text.slice(0, Math.max(at, 0)), clientSecret: text.slice(at + 1) };
  if (!client.clientId.trim() || !client.clientSecret.trim())
    throw new UsageError('--client must be <client id>:<client secret>.');
  return client;
}

/** Their values may hold colons, as dates and URLs do. */
const textFields = ['retryAfter', 'location'];
const faultFields = [...numberFields, ...textFields];
/** A flag has no way to say which headers: those are set by program. */
const kinds = faultKinds.filter((kind) => kind !== 'headers');

/** `route:kind`, with further fields as `name=value`: `token:status:status=500:times=2`. */
function faultFrom(text: string): Fault {
  const [route, kind, ...more] = text.split(':');
  const fault: Record<string, unknown> = { route, kind };
  let before = '';
  for (const part of more) {
    const [, name = '', value] = /^(\w+)=(.*)$/.exec(part) ?? [];
    if (!name && textFields.includes(before)) {
      fault[before] = `${String(fault[before])}:${part}`;
      continue;
    }
    before = name;
    if (!faultFields.includes(name) || !value)
      throw new UsageError(
        `--fault ${text}: "${part}" is none of ${faultFields.map((each) => `${each}=`).join(', ')}.`,
      );
    const isNumber = numberFields.includes(name);
    if (isNumber && !/^\d{1,9}$/.test(value))
      throw new UsageError(`--fault ${text}: ${name} must be a whole number, not "${value}".`);
    fault[name] = isNumber ? Number(value) : value;
  }
  if (!(routeNames as readonly unknown[]).includes(route))
    throw new UsageError(`--fault ${text}: routes are ${routeNames.join(', ')}; kinds are ${kinds.join(', ')}.`);
  if (!(kinds as readonly unknown[]).includes(kind))
    throw new UsageError(`--fault ${text}: kinds are ${kinds.join(', ')}.`);
  try {
    // Before anything is opened or changed.
    new Faults().set(fault as unknown as Fault);
  } catch (error) {
    throw new UsageError(`--fault ${text}: ${(error as Error).message}`);
  }
  return fault as unknown as Fault;
}

/** Rulrr's stand-in, until a signal ends it. */
export async function runSandbox(flags: SandboxFlags): Promise<void> {
  if (flags.list) {
    for (const [name, { description }] of Object.entries(scenarios)) console.log(`${name.padEnd(18)} ${description}`);
    return;
  }
  if (flags.fault.includes('help')) {
    console.log(`Routes: ${routeNames.join(', ')}\nKinds:  ${kinds.join(', ')}\nFields: ${faultFields.join(', ')}`);
    return;
  }
  // As `--state "$STATE"` gives where the variable is not set: silence would look as if the state were kept.
  for (const name of ['env', 'state', 'host'] as const)
    if (flags[name]?.trim() === '') throw new UsageError(`--${name} must not be empty.`);
  const clients = flags.client.map(clientFrom);
  const ids = clients.map(({ clientId }) => clientId);
  for (const id of ids)
    if (ids.indexOf(id) !== ids.lastIndexOf(id)) throw new UsageError(`--client: "${id}" is there more than once.`);
  const { env: envFile } = flags;
  const kept = envFile === undefined ? {} : keptEnv(envFile);
  if (!clients.length) {
    const secret = kept['RULRR_CLIENT_SECRET'] ?? randomBytes(18).toString('base64url');
    clients.push({ clientId: kept['RULRR_CLIENT_ID'] ?? 'sandbox', clientSecret: secret });
  }
  const port = browserPortFrom(flags.port, '--port');
  const faults = flags.fault.map(faultFrom);
  const { scenario } = flags;
  if (scenario !== undefined && !(scenarioNames as readonly string[]).includes(scenario)) {
    throw new UsageError(`There is no scenario "${scenario}". Scenarios: ${scenarioNames.join(', ')}.`);
  }
  const served = await serveSandbox({ clients, port, host: flags.host, stateFile: flags.state }).catch(
    (error: unknown) => {
      const { code, syscall } = error as NodeJS.ErrnoException;
      if (flags.state && code && syscall !== 'listen' && syscall !== 'getaddrinfo')
        throw new TroubleError(`--state ${flags.state}: the file cannot be used (${code}).`);
      // Not JSON: the sandbox says so, and what to do.
      if (flags.state && !code) throw new TroubleError((error as Error).message);
      throw listenTrouble(error, port, flags.host);
    },
  );
  if (scenario) served.sandbox.scenario(scenario as ScenarioName);
  for (const fault of faults) served.sandbox.faults.set(fault);
  if (envFile !== undefined) {
    const [{ clientId, clientSecret }] = clients as [Client];
    try {
      writeEnv(envFile, {
        RULRR_CLIENT_ID: clientId,
        RULRR_CLIENT_SECRET: clientSecret,
        RULRR_API_BASE_URL: served.origin,
        RULRR_CONNECT_BASE_URL: served.connectBaseUrl,
        RULRR_SEALING_KEYS: kept['RULRR_SEALING_KEYS'] ?? randomBytes(32).toString('base64'),
        // Theirs to change, or to take out, once they are there.
        ...(Object.keys(kept).length ? {} : { RULRR_STORE_URL: 'file:rulrr.db', RULRR_SEND: 'order' }),
      });
    } catch (error) {
      await served.close();
      throw error;
    }
  }
  onSignal(() => served.close());
  console.log(`Rulrr's stand-in is ready. Nothing leaves this machine.

RULRR_API_BASE_URL=${served.origin}
RULRR_CONNECT_BASE_URL=${served.connectBaseUrl}`);
  for (const { clientId, clientSecret } of clients)
    console.log(`RULRR_CLIENT_ID=${clientId}\nRULRR_CLIENT_SECRET=${clientSecret}`);
  if (envFile !== undefined)
    console.log(`\nAll of it, and a sealing key, is in ${envFile}: node --env-file=${envFile} server.mjs`);
  // A proxy keeps its tokens all the same: the store looks connected, and each receipt fails.
  if (flags.state === undefined)
    console.log('\nWhat is connected has to connect again once this has ended. --state <file> remembers it.');
  // Kept in the state as well: who asked for it last week wonders today why each receipt fails.
  const on = (scenarios as Record<string, Scenario>)[served.sandbox.currentScenario];
  if (on && on !== scenarios.normal)
    console.log(
      `\nThe scenario "${served.sandbox.currentScenario}" is on: ${on.description} --scenario normal ends it.`,
    );
  console.log(`\nThe customer's phone, orders and scenarios: ${served.origin}/_sandbox`);
}
