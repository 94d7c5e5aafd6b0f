// Servers of this machine alone, each on a port that was free.
import { randomInt } from 'node:crypto';
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

/**
 * For a program that has to be told its port, and has it again when it is started anew. No system gives any of these to whoever asks for
 * just a port, so that nobody else comes to it while the program is not there.
 */
export async function freePort() {
  for (;;) {
    const server = createServer().listen(randomInt(20_000, 32_768), '127.0.0.1');
    const taken = await once(server, 'listening').then(
      () => false,
      (error) => error.code === 'EADDRINUSE' || Promise.reject(error),
    );
    if (taken) continue;
    const { port } = server.address();
    server.close();
    await once(server, 'close');
    return port;
  }
}
