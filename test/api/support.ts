import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { RulrrApi, RulrrApiError, type RulrrApiOptions } from '../../src/api/index.js';

/** Secrets that may stand nowhere but on the wire. */
export const canaries = {
  clientId: 'canary-client-id-5x8',
  clientSecret: 'canary/client+secret=9q&2',
  integrationToken: 'canary-integration-token-7m1',
  accessToken: 'canary access token/3k',
  refreshToken: 'canary-refresh-token-4z',
  phoneNumber: '+12135550177',
  upstreamText: 'canary-upstream-text-6y',
};

export const client = { clientId: canaries.clientId, clientSecret: canaries.clientSecret };

export function apiAt(apiBaseUrl: string, options: Partial<RulrrApiOptions> = {}): RulrrApi {
  return new RulrrApi({ apiBaseUrl, ...client, timeoutMs: 5000, ...options });
}

/** The error of a call that must fail. */
export async function failureOf(call: Promise<unknown>): Promise<RulrrApiError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RulrrApiError)) throw new Error(`Not a RulrrApiError: ${inspect(error)}`);
  return error;
}

/** A server that speaks bytes: `onRequest` is called once a request's head has come. Counts the requests it saw. */
export async function rawServer(onRequest: (socket: Socket, head: string) => void) {
  const sockets = new Set<Socket>();
  const seen: string[] = [];
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    let head = '';
    socket.on('data', (bytes) => {
      head += bytes.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      seen.push(head);
      const whole = head;
      head = '';
      onRequest(socket, whole);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** An HTTP/1.1 answer as bytes. */
export function httpAnswer(status: number, body: string, headers: Record<string, string> = {}): string {
  const all = { 'Content-Type': 'application/json', Connection: 'close', ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} Said\r\n${lines.join('')}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}
