import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';

/** One HTTP exchange on a raw socket. */
export interface Exchange {
  socket: Socket;
  /** The integration's token. */
  token: string;
  /** The whole answer as the upstream gives it; asking for it takes effect, so tokens are consumed here. */
  take(): string;
}

export type Fault = (exchange: Exchange) => void;

export interface FaultServer {
  url: string;
  port: number;
  /** What becomes of the next redeem calls, one after the other; then all goes well. */
  faults: Fault[];
  statusFaults: Fault[];
  /** Rulrr's secret of the day; a call with another one gets 403. */
  secret: string;
  /** Integrations are finished unless named here. */
  states: Map<string, string>;
  calls: { status: number; token: number; refresh: number; other: number };
  /** Integration tokens whose pair was given out. */
  issued: Set<string>;
  /** Body of the token answer, for tests that change it. */
  body: (token: string) => string;
  /** Adds `Content-Length`; without it, the end of the connection ends the answer. */
  framed: boolean;
  delayMs: number;
  close(): Promise<void>;
}

export const answer = (status: number, body: string, headers: Record<string, string> = {}, framed = true) => {
  const lines = [`HTTP/1.1 ${status} Whatever`, 'Connection: close'];
  const all = { 'Content-Type': 'application/json', ...headers };
  for (const [name, value] of Object.entries(all)) lines.push(`${name}: ${value}`);
  if (framed) lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
};

export const goodBody = (token: string) =>
  JSON.stringify({
    success: true,
    accessToken: `access-${token}`,
    refreshToken: `refresh-${token}`,
    expiration: '2027-11-24T00:00:00.000Z',
    ereceipt: true,
  });

/** A stand-in for Rulrr on a bare socket: everything that can go wrong on a wire can be made to. */
export async function startFaultServer(): Promise<FaultServer> {
  const sockets = new Set<Socket>();
  const tcp = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    let text = '';
    socket.on('data', function listen(chunk) {
      // A TLS handshake on a port that does not speak TLS.
      if (chunk[0] === 0x16) return void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
      text += String(chunk);
      if (!text.includes('\r\n\r\n')) return;
      socket.off('data', listen);
      socket.resume();
      handle(socket, text);
    });
  });
  tcp.listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  const { port } = tcp.address() as AddressInfo;

  const server: FaultServer = {
    url: `http://127.0.0.1:${port}`,
    port,
    faults: [],
    statusFaults: [],
    secret: 'secret',
    states: new Map(),
    calls: { status: 0, token: 0, refresh: 0, other: 0 },
    issued: new Set(),
    body: goodBody,
    framed: true,
    delayMs: 0,
    async close() {
      for (const socket of sockets) socket.destroy();
      tcp.close();
      await once(tcp, 'close');
    },
  };

  function handle(socket: Socket, text: string): void {
    const [method, target] = text.split(' ', 2) as [string, string];
    const { pathname, searchParams } = new URL(target, server.url);
    const token = searchParams.get('integration_token') ?? '';
    const refused = searchParams.get('client_secret') !== server.secret;
    if (pathname.endsWith('/integration/token')) {
      server.calls.token += 1;
      const take = () => {
        if (refused) return answer(403, '{}');
        if (server.issued.has(token)) return answer(410, '{}');
        server.issued.add(token);
        return answer(200, server.body(token), {}, server.framed);
      };
      const fault = server.faults.shift() ?? ((exchange: Exchange) => exchange.socket.end(exchange.take()));
      setTimeout(() => fault({ socket, token, take }), server.delayMs);
    } else if (pathname.endsWith('/auth/integration')) {
      server.calls.status += 1;
      const status = server.states.get(token) ?? 'finished';
      const take = () => (refused ? answer(403, '{}') : answer(200, JSON.stringify({ success: true, status })));
      const fault = server.statusFaults.shift() ?? ((exchange: Exchange) => exchange.socket.end(exchange.take()));
      fault({ socket, token, take });
    } else {
      server.calls[method === 'POST' && pathname.endsWith('/auth/token') ? 'refresh' : 'other'] += 1;
      socket.end(answer(404, '{}'));
    }
  }
  return server;
}
