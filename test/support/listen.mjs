// Servers of this machine alone, each on a port that was free.
import { once } from 'node:events';
import { createServer } from 'node:http';

/**
 * @param {import('node:http').RequestListener} handler
 * @returns {Promise<{origin: string, port: number, close(): Promise<void>}>} `close` waits for no connection
 */
export async function listen(handler) {
  const server = createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** For a program that has to be told its port. */
export async function freePort() {
  const { port, close } = await listen(() => {});
  await close();
  return port;
}
