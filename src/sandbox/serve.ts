import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { WireFault } from './broken-answer.js';
import { createSandbox } from './create-sandbox.js';
import { checkOptions, type SandboxOptions } from './options.js';
import { maxBody } from './respond.js';
import type { Sandbox } from './sandbox.js';
import { dataFrom } from './state.js';

export interface ServeSandboxOptions extends Omit<SandboxOptions, 'state' | 'save'> {
  /** Default 0: any free port. */
  port?: number | undefined;
  /** Default 127.0.0.1: a sandbox is for this machine. */
  host?: string | undefined;
  /** A file that keeps the state across restarts. */
  stateFile?: string | undefined;
}

export interface ServedSandbox {
  sandbox: Sandbox;
  /**
   * Such as `http://127.0.0.1:4444`, without a closing slash. The API base URL. Where the sandbox listens at all addresses
   * (`0.0.0.0`, `::`), that of this machine: the proxy takes http for no other.
   */
  origin: string;
  /** The connect page, for the proxy's `connectBaseUrl`. */
  connectBaseUrl: string;
  close(): Promise<void>;
}

/** The sandbox on a real socket (Node only), where faults of the wire are real ones. @throws if the port is in use */
export async function serveSandbox(options: ServeSandboxOptions): Promise<ServedSandbox> {
  // Imported here, so that `createSandbox` itself loads in any JavaScript runtime.
  const { createServer } = await import('node:http');
  checkOptions(options);
  const { port: given = 0, host = '127.0.0.1', stateFile, ...rest } = options;
  // Any other text is a file to Node, and it would listen there.
  const port = /^\d{1,5}$/.test(String(given)) ? Number(given) : NaN;
  if (!(port < 65_536)) throw new TypeError('serveSandbox: option "port" must be a number from 0 to 65535.');
  // A blank host is every address to Node.
  for (const [name, text] of Object.entries({ host, stateFile })) {
    if (text !== undefined && (typeof text !== 'string' || !text.trim())) {
      throw new TypeError(`serveSandbox: option "${name}" must not be blank.`);
    }
  }
  const kept = stateFile ? await keepIn(stateFile) : {};
  const sandbox = createSandbox({ ...rest, ...kept });
  const server: Server = createServer((incoming, outgoing) => {
    handle(sandbox, incoming, outgoing).catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  });
  const address = server.address();
  const bound = typeof address === 'object' && address ? address.address : host;
  const reached = bound === '0.0.0.0' ? '127.0.0.1' : bound === '::' ? '::1' : host;
  const shown = reached.includes(':') ? `[${reached}]` : reached;
  const origin = `http://${shown}:${typeof address === 'object' && address ? address.port : port}`;
  return {
    sandbox,
    origin,
    connectBaseUrl: `${origin}/connect/`,
    async close() {
      await sandbox.close();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Written beside and renamed, so that a crash leaves the old state or the new one. @throws if nothing can be written there */
async function keepIn(file: string): Promise<Pick<SandboxOptions, 'state' | 'save'>> {
  const { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } = await import('node:fs');
  const { dirname, resolve } = await import('node:path');
  // One by one: where a file system makes no folders (/proc), Node's own `recursive` never comes to an end.
  const missing: string[] = [];
  for (let folder = dirname(resolve(file)); !existsSync(folder); folder = dirname(folder)) missing.unshift(folder);
  for (const folder of missing) mkdirSync(folder);
  const state = existsSync(file) ? checked(readFileSync(file, 'utf8'), file) : null;
  // Now, rather than at the first change.
  writeFileSync(`${file}.new`, '', { mode: 0o600 });
  rmSync(`${file}.new`);
  return {
    state,
    save(text) {
      writeFileSync(`${file}.new`, text, { mode: 0o600 });
      renameSync(`${file}.new`, file);
    },
  };
}

function checked(text: string, file: string): string {
  try {
    dataFrom(text);
    return text;
  } catch {
    throw new Error(`The sandbox cannot read its state from ${file}. Delete the file to begin anew.`);
  }
}

async function handle(sandbox: Sandbox, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const gone = new AbortController();
  outgoing.on('close', () => gone.abort());
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    // Of a body that is too large the rest is taken as well: the connection is kept, and who writes it whole hears the refusal.
    if (size <= maxBody) chunks.push(chunk);
    size += chunk.length;
  }
  const { method = 'GET' } = incoming;
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (typeof value === 'string') headers.set(name, value);
  }
  const host = incoming.headers.host ?? 'localhost';
  const request = new Request(new URL(incoming.url ?? '/', `http://${host}`), {
    method,
    headers,
    body: method === 'GET' || method === 'HEAD' ? undefined : Buffer.concat(chunks),
    signal: gone.signal,
  });
  const { response, wire } = await sandbox.respond(request);
  const body = Buffer.from(await response.arrayBuffer());
  if (wire) return strike(wire, response, body, outgoing);
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  outgoing.end(body);
}

/** Breaks the connection as the fault says. */
async function strike(wire: WireFault, response: Response, body: Buffer, outgoing: ServerResponse): Promise<void> {
  const { socket } = outgoing;
  if (!socket) return;
  const { kind } = wire;
  if (kind === 'reset') socket.resetAndDestroy();
  else if (kind === 'close' || kind === 'lose-answer') socket.end();
  else if (kind === 'garbage') socket.end('\u0000\u0001 this is no answer\r\n\r\n');
  else {
    outgoing.writeHead(response.status, { ...Object.fromEntries(response.headers), 'Content-Length': body.length });
    outgoing.flushHeaders();
    if (kind === 'cut') {
      const until = Math.min(wire.at ?? Math.floor(body.length / 2), body.length);
      outgoing.write(body.subarray(0, until), () => socket.destroy());
      return;
    }
    const pause = (wire.ms ?? 2000) / Math.max(1, body.length);
    for (const byte of body) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      if (outgoing.destroyed) return;
      outgoing.write(Buffer.of(byte));
    }
    outgoing.end();
  }
}
