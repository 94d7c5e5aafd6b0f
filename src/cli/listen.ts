import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { TroubleError, UsageError } from './fail.js';

export interface Listening {
  server: Server;
  /** Such as `http://127.0.0.1:8787`. */
  origin: string;
}

/** Reads a port number. @throws UsageError */
export function portFrom(text: string, name: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535)
    throw new UsageError(`${name} must be a number from 0 to 65535, not "${text}".`);
  return port;
}

/** From 1024 on, those that neither browsers nor Node's fetch ask ("bad ports" of the Fetch standard). */
const unasked = new Set([
  1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10_080,
]);

/** The same for what browsers open themselves, with nothing in front. @throws UsageError */
export function browserPortFrom(text: string, name: string): number {
  const port = portFrom(text, name);
  if (unasked.has(port))
    throw new UsageError(`${name}: browsers and Node's fetch open no port ${port}. Choose another.`);
  return port;
}

/** In words, where a port cannot be had. */
export function listenTrouble(error: unknown, port: number, host: string): Error {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE')
    return new TroubleError(`Port ${port} on ${host} is in use. Stop what uses it, or choose another.`);
  if (code === 'EACCES') return new TroubleError(`Port ${port} is not for this user. Choose one above 1023.`);
  // Without a network, a name that nobody has looked up is no address either.
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return new TroubleError(`This machine has no address "${host}".`);
  return error as Error;
}

interface Open {
  /** To tell which connections were opened ahead: those are not idle to Node. */
  sockets: Set<Socket>;
  /** Those that have not gone out. */
  answers: Set<ServerResponse>;
  closing: boolean;
}

const opened = new WeakMap<Server, Open>();

/** Whoever keeps the connection learns that it goes, rather than ask on it while it does. */
function lastOf(answer: ServerResponse): void {
  if (!answer.headersSent) answer.setHeader('Connection', 'close');
}

function serverFor(handler: RequestListener): Server {
  const open: Open = { sockets: new Set(), answers: new Set(), closing: false };
  const server = createServer((request, response) => {
    open.answers.add(response);
    response.once('close', () => open.answers.delete(response));
    if (open.closing) lastOf(response);
    handler(request, response);
  });
  opened.set(server, open);
  return server.on('connection', (socket: Socket) => {
    open.sockets.add(socket);
    socket.once('close', () => open.sockets.delete(socket));
  });
}

export async function listen(handler: RequestListener, port: number, host: string): Promise<Listening> {
  const server = serverFor(handler);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  }).catch((error: unknown) => {
    throw listenTrouble(error, port, host);
  });
  const address = server.address();
  const shown = host.includes(':') ? `[${host}]` : host;
  return { server, origin: `http://${shown}:${typeof address === 'object' && address ? address.port : port}` };
}

/**
 * On IPv4 and IPv6, since browsers differ in what `localhost` is to them: another server on either is noticed.
 * @throws what `listen` says
 */
export async function listenOnLocalhost(
  handler: RequestListener,
  wanted: number,
): Promise<{ servers: Server[]; origin: string }> {
  const servers: Server[] = [];
  let port = wanted;
  for (const host of ['127.0.0.1', '::1']) {
    const server = serverFor(handler);
    const failure = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
      server.once('error', resolve);
      server.listen(port, host, () => resolve(null));
    });
    // A machine without IPv6 has no ::1.
    if (failure && host === '::1' && failure.code !== 'EADDRINUSE') continue;
    if (failure) {
      for (const other of servers) other.close();
      throw failure;
    }
    servers.push(server);
    ({ port } = server.address() as AddressInfo);
  }
  return { servers, origin: `http://localhost:${port}` };
}

/** How long a connection that was opened ahead, by a browser or a load balancer, is left to ask after all. */
export const aheadMs = 1000;

/** Takes no more connections, and waits for the answers that are on their way; after `ms` it waits no longer. */
export async function closeServer(server: Server, ms = 5000): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const open = opened.get(server)!;
  open.closing = true;
  for (const answer of open.answers) lastOf(answer);
  // Whose answer has gone out by now would otherwise hold the stop up for as long as connections are kept alive.
  const idle = setInterval(() => server.closeIdleConnections(), 50);
  const ahead = setTimeout(() => {
    for (const socket of open.sockets) if (!socket.bytesRead) socket.destroy();
  }, aheadMs);
  const timer = setTimeout(() => server.closeAllConnections(), ms);
  await closed;
  clearInterval(idle);
  clearTimeout(ahead);
  clearTimeout(timer);
}

/**
 * Runs `stop` once, at the first SIGINT, SIGTERM or SIGHUP (a terminal that is closed), and ends the process; another one, a second
 * later or more, ends it at once.
 * Sooner it is the same one: of a Ctrl+C the terminal tells npm and this process, and npm may pass it on once more.
 */
export function onSignal(stop: () => Promise<void>): void {
  let since: number | undefined;
  const handle = () => {
    const now = performance.now();
    if (since !== undefined) {
      if (now - since >= 1000) process.exit(1);
      return;
    }
    since = now;
    stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, handle);
}
