// A replica in a process of its own that is killed with SIGKILL at a named point. Arguments: API's URL, store's URL, point.
import { RulrrApi } from '../../../src/api/index.js';
import { createConnections } from '../../../src/proxy/connections.js';
import { libsqlTokenStore } from '../../../src/proxy/stores/libsql.js';
import type { TokenStore } from '../../../src/proxy/stores/token-store.js';
import { systemClock } from '../../../src/shared/clock.js';

const [apiBaseUrl, url, point] = process.argv.slice(2) as [string, string, string];
const die = () => process.kill(process.pid, 'SIGKILL');

let answered = false;
const api = new RulrrApi({
  apiBaseUrl,
  clientId: 'client',
  clientSecret: 'secret',
  fetch: async (input, init) => {
    const redeems = String(input).includes('/integration/token');
    if (redeems && point === 'before the send') die();
    const response = await fetch(input, init);
    answered ||= redeems;
    return response;
  },
});
const real = libsqlTokenStore({ url });
let puts = 0;
const store: TokenStore = {
  ...real,
  async put(key, value, condition) {
    if (answered && point === 'after the answer') die();
    const result = await real.put(key, value, condition);
    if (answered) puts += 1;
    // The first write after the answer is the answer itself, the second brings the pair to the store's row.
    if (puts === 1 && point === 'after the save') die();
    if (puts === 2 && point === 'after the pair') die();
    return result;
  },
};
const connections = createConnections({
  api,
  store,
  keys: ['k'.repeat(32)],
  clock: systemClock,
  emit: () => undefined,
});
const flow = {
  flowId: 'killed',
  storeId: 'store',
  integrationToken: 'killed',
  startedAt: Date.now(),
  expiresAt: Date.now() + 600_000,
};
await connections.open(flow);
const { status } = await connections.check(flow);
process.stdout.write(status);
if (point === 'after the reply') die();
await connections.close();
