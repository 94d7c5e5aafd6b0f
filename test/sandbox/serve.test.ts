import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { toNodeHandler } from '../../src/proxy/node.js';
import { createSandbox, serveSandbox, type ServedSandbox } from '../../src/sandbox/index.js';
import { until } from '../support/until.js';
import { answer, client, connected, credentials, started } from './support/linked-store.js';

describe('the sandbox on a socket', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rulrr-sandbox-'));
  const stateFile = join(folder, 'state.json');
  let served: ServedSandbox;
  before(async () => void (served = await serveSandbox({ clients: [client], stateFile })));
  after(async () => {
    await served.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is served by Node, and takes a POST there', async () => {
    const sandbox = createSandbox({ clients: [client] });
    const server = createServer(toNodeHandler(sandbox));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const url = `http://127.0.0.1:${port}/v1/auth/integration?${new URLSearchParams(credentials)}`;
      const response = await fetch(url, { method: 'POST' });
      assert.equal(response.status, 200);
      assert.ok(((await response.json()) as { integrationToken: string }).integrationToken);
    } finally {
      server.close();
      server.closeAllConnections();
      await sandbox.close();
    }
  });

  it('breaks connections in the ways that a Response cannot', async () => {
    const url = `${served.origin}/v1/auth/integration?${new URLSearchParams(credentials)}`;
    for (const kind of ['reset', 'close', 'garbage', 'lose-answer', 'cut'] as const) {
      served.sandbox.faults.set({ route: 'create-integration', kind, times: 1, at: 5 });
      await assert.rejects(
        fetch(url, { method: 'POST' }).then((response) => response.text()),
        TypeError,
        kind,
      );
      assert.equal((await fetch(url, { method: 'POST' })).status, 200, `after ${kind}`);
    }
  });

  it('refuses a body that is too large in words, and goes on with the connection', { timeout: 20_000 }, async (t) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    const clear = async (filler: number) => {
      const post = request(`${served.origin}/_sandbox/clear-faults`, { method: 'POST', agent });
      const heard = once(post, 'response') as Promise<[IncomingMessage]>;
      post.end(JSON.stringify({ filler: 'x'.repeat(filler) }));
      const [response] = await heard;
      return [response.statusCode, JSON.parse(await text(response)) as object, post.reusedSocket];
    };
    const refusal = { success: false, error: 'the body is larger than 1 MiB' };
    assert.deepEqual(await clear(8 * 1024 * 1024), [413, refusal, false]);
    assert.deepEqual(await clear(0), [200, { ok: true }, true]);
  });

  it('does nothing for a caller who went away meanwhile, and tells one who only asks for the head', async (t) => {
    const { accessToken } = await connected(served.sandbox);
    const order = (orderId: string, signal?: AbortSignal) =>
      fetch(`${served.origin}/v1/orders?access_token=${accessToken}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ orderId }),
        signal,
      });
    const gone = new AbortController();
    served.sandbox.faults.set({ route: 'post-order', kind: 'slow', ms: 60_000, times: 2 });
    // Both wait for the same minute, which is over once both have come.
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const lost = order('lost', gone.signal);
    await until(() => served.sandbox.faults.active[0]?.times === 1);
    gone.abort();
    await assert.rejects(lost);
    const kept = order('kept');
    await until(() => served.sandbox.faults.active.length === 0);
    t.mock.timers.tick(60_000);
    assert.equal((await kept).status, 200);
    assert.deepEqual(
      served.sandbox.orders.map(({ orderId }) => orderId),
      ['kept'],
    );
    const query = new URLSearchParams({ integration_token: await started(served.sandbox), client_id: client.clientId });
    assert.equal((await fetch(`${served.origin}/connect/?${query}`, { method: 'HEAD' })).status, 200);
  });

  it('remembers across restarts', async () => {
    const { accessToken } = await connected(served.sandbox);
    await served.close();
    served = await serveSandbox({ clients: [client], stateFile });
    const { status } = await answer(served.sandbox, 'GET', '/v1/stores', { access_token: accessToken! });
    assert.equal(status, 200);
  });

  it('says which file it cannot read', async () => {
    const broken = join(folder, 'broken.json');
    for (const text of ['{"integr', '5', '{"orders":{}}']) {
      writeFileSync(broken, text);
      await assert.rejects(serveSandbox({ clients: [client], stateFile: broken }), /broken\.json\. Delete the file/);
    }
  });

  it('takes for its port what is one: given another text, Node would listen at a file of that name', async () => {
    for (const port of ['till', '', NaN, 1.5, -1, 65_536, null]) {
      const served = serveSandbox({ clients: [client], port: port as never });
      await assert.rejects(
        served.then(({ close }) => close()),
        /option "port"/,
        String(port),
      );
    }
    await assert.rejects(serveSandbox(undefined as never), /options are missing/);
    const given = await serveSandbox({ clients: [client], port: '0' as never });
    await given.close();
  });

  it('takes no blank for its host or its file: Node would listen at every address, and nothing would be kept', async () => {
    for (const blank of ['', ' ', null, 5]) {
      for (const name of ['host', 'stateFile']) {
        const served = serveSandbox({ clients: [client], [name]: blank as never });
        await assert.rejects(
          served.then(({ close }) => close()),
          { name: 'TypeError', message: new RegExp(`option "${name}"`) },
          `${name}: ${blank}`,
        );
      }
    }
  });

  it('names an address of this machine where it listens at all of them', async () => {
    const everywhere = await serveSandbox({ clients: [client], host: '0.0.0.0' });
    try {
      assert.match(everywhere.origin, /^http:\/\/127\.0\.0\.1:\d+$/);
      assert.equal((await fetch(`${everywhere.origin}/_sandbox/state`)).status, 200);
    } finally {
      await everywhere.close();
    }
    const six = await serveSandbox({ clients: [client], host: '::' }).catch(
      (error: NodeJS.ErrnoException) => error.code,
    );
    // A machine without IPv6 has no such address.
    if (typeof six !== 'object') return assert.match(String(six), /EAFNOSUPPORT|EADDRNOTAVAIL/);
    await six.close();
    assert.match(six.origin, /^http:\/\/\[::1\]:\d+$/);
  });
});
