// Polls a proxy in this process, all sessions in turn, and prints the heap after each 100,000 polls. Run with --expose-gc.
import { getHeapSpaceStatistics } from 'node:v8';
import { createRulrrProxy, memoryTokenStore } from '../../../dist/proxy/index.js';

const sessions = Number(process.argv[2]);
const polls = Number(process.argv[3]);
let tokens = 0;
const answer = (body) => new Response(JSON.stringify(body), { headers: { 'Content-Type': 'application/json' } });
const proxy = createRulrrProxy({
  clientId: 'bench',
  clientSecret: 's'.repeat(32),
  apiBaseUrl: 'https://api.example',
  sealingKeys: ['a key for the bench that is long enough, out of no random source'],
  tokenStore: memoryTokenStore(),
  authorize: () => ({ storeId: 'bench-store' }),
  checkFraming: false,
  startLimit: { burst: 1_000_000, everyMs: 1 },
  budgetPerSecond: 1_000_000,
  fetch: async (_url, init) =>
    init?.method === 'POST'
      ? answer({ success: true, integrationToken: `bench-integration-${tokens++}` })
      : answer({ success: true, status: 'pending' }),
});
const base = 'https://pos.example/rulrr/integrations';
const ids = [];
for (let at = 0; at < sessions; at++) {
  const response = await proxy.fetch(
    new Request(base, { method: 'POST', headers: { 'Rulrr-Embed': '1', 'Sec-Fetch-Site': 'same-origin' } }),
  );
  ids.push((await response.json()).id);
}
/** Data on the heap: machine code is the compiler's, which goes on improving it for as long as the loop runs. */
const dataOnHeap = () =>
  getHeapSpaceStatistics()
    .filter(({ space_name: name }) => !name.startsWith('code_'))
    .reduce((sum, { space_used_size: used }) => sum + used, 0);

/** What is left once nothing more can be collected: one collection frees what lets the next one free more. */
async function settledHeap() {
  let least = Infinity;
  for (let turn = 0; turn < 10; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    globalThis.gc();
    const used = dataOnHeap();
    if (used >= least) break;
    least = used;
  }
  return least;
}

// Before it counts, the bounded caches fill, and so do the compiler's notes on the code, which are on the heap too.
const warmUp = 200_000;
const heap = [];
for (let at = -warmUp; at < polls; at++) {
  const response = await proxy.fetch(new Request(`${base}/${ids[(at + warmUp) % sessions]}`));
  if (response.status !== 200) throw new Error(`poll answered ${response.status}`);
  await response.arrayBuffer();
  if (at >= 0 && (at + 1) % 100_000 === 0) heap.push(await settledHeap());
}
console.log(JSON.stringify(heap));
process.exit(0);
