import type { IncomingMessage, ServerResponse } from 'node:http';
import { getRequestListener, type Http2Bindings, type HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { RulrrProxy } from './create-proxy.js';
import { Refusal } from './refusal.js';
import { partsFor, partsOf, problem, respond, type Parts } from './respond.js';

/** What Express and its kin leave on a request. */
interface FrameworkRequest extends IncomingMessage {
  originalUrl?: string;
  body?: unknown;
  rawBody?: unknown;
}

/** Fastify's wrappers around Node's two. */
interface WrappedRequest {
  raw: IncomingMessage;
  body?: unknown;
}
interface WrappedReply {
  raw: ServerResponse;
  hijack(): unknown;
}

/** For `node:http`, Express and Connect; the second form for a hook of Fastify, or a route. */
export interface NodeHandler {
  (req: IncomingMessage, res: ServerResponse, next?: (error?: unknown) => void): void;
  (request: WrappedRequest, reply: WrappedReply, next?: () => void): void;
}

/** What `URL` would read as another path than the one that was sent, and so than the one that servers before this one judged. */
const respelt = /#|%2e|\/\.\.?(?:\/|$)/i;

const unreadable = new Refusal('bad_request', 'The request cannot be read.');
const failed = new Refusal('internal', 'The request could not be answered.');

/** The proxy, or the sandbox, which has no path of its own and takes every request. */
type Handled = Pick<RulrrProxy, 'fetch'> & Partial<Pick<RulrrProxy, 'basePath'>>;

/**
 * The proxy as a handler for Node's frameworks.
 *
 * ```ts
 * createServer(toNodeHandler(proxy));                   // node:http
 * app.use(toNodeHandler(proxy));                        // Express, with or without express.json() before it
 * fastify.addHook('onRequest', toNodeHandler(proxy));   // Fastify
 * ```
 *
 * In a route of Fastify, and after express.json(), the framework's own parsers answer some refusals before the proxy does, and in another form.
 *
 * Paths are judged as the browser sent them (`originalUrl`), so `basePath` is the whole path also where the handler is mounted
 * on a part of it. Paths elsewhere go to `next`, where there is one. A body that was read already is taken from `rawBody` or
 * `body`. Scheme and host are those of the connection and the `Host` header; where a load balancer changes them, set the
 * proxy's option `origin`: forwarded headers are not trusted.
 *
 * @throws TypeError without a proxy
 */
export function toNodeHandler(proxy: Handled): NodeHandler {
  if (typeof proxy?.fetch !== 'function')
    throw new TypeError('toNodeHandler: needs a proxy, as createRulrrProxy makes it.');
  async function answer(request: Request, { incoming, outgoing }: HttpBindings | Http2Bindings): Promise<Response> {
    // Polls look at no signal, and are too many to be given one.
    if (request.method !== 'GET') Object.defineProperty(request, 'signal', { value: unheard(outgoing) });
    const fetchParts = partsOf(proxy.fetch);
    if (!fetchParts) {
      const response = await answerOfOthers(proxy, copyable(request), incoming);
      return outgoing.headersSent ? RESPONSE_ALREADY_SENT : response;
    }
    const parts = await fetchParts(request, { incoming });
    // A browser may be gone, and an application's own time be up: what it says meanwhile is not ours to end.
    if (!outgoing.destroyed && !outgoing.headersSent) write(outgoing as ServerResponse, parts);
    // After a GET the listener has nothing left to do, and nobody waits for it: it is let go of rather than have it read headers
    // that say so. The promise is one of its own, so that nothing gathers on it.
    if (request.method === 'GET') await new Promise<never>(() => {});
    return RESPONSE_ALREADY_SENT;
  }

  const listener = getRequestListener(answer, {
    // Leaves the application's own Request and Response alone.
    overrideGlobalObjects: false,
    errorHandler: () => respond(partsFor(problem(unreadable), null)),
  });

  function isOurs(url: string): boolean {
    const path = url.split('?', 1)[0]!;
    const { basePath } = proxy;
    return basePath === undefined || path === basePath || path.startsWith(basePath + '/');
  }

  function handle(req: FrameworkRequest, res: ServerResponse, next?: (error?: unknown) => void): void {
    const url = urlOf(req);
    if (next && !isOurs(url)) return next();
    if (req.readableEnded && !Buffer.isBuffer(req.rawBody)) req.rawBody = bodyOf(req.body);
    // The listener reads `rawHeaders`, which adapters of AWS Lambda (serverless-http and its kin) leave empty.
    if (!req.rawHeaders?.length)
      req.rawHeaders = Object.entries(req.headers).flatMap(([name, value]) => [name, String(value)]);
    const mounted = req.url;
    const { basePath } = proxy;
    // The listener reads the URL before it returns; afterwards the framework finds its own again. A path that would be read as another one
    // becomes one that there is not.
    req.url = basePath !== undefined && respelt.test(url.split('?', 1)[0]!) ? basePath + '//' : url;
    const done = listener(req, res);
    req.url = mounted;
    done.catch(() => res.destroy());
  }

  return (
    req: IncomingMessage | WrappedRequest,
    res: ServerResponse | WrappedReply,
    next?: (error?: unknown) => void,
  ) => {
    if (!('hijack' in res)) return handle(req as FrameworkRequest, res, next);
    const { raw, body } = req as WrappedRequest;
    if (next && !isOurs(urlOf(raw))) return next();
    res.hijack();
    handle(body === undefined ? raw : Object.assign(raw, { body }), res.raw);
  };
}

/** As the browser sent it. */
function urlOf({ originalUrl, url = '/' }: FrameworkRequest): string {
  return originalUrl ?? url;
}

/**
 * Aborted once nobody hears what is answered: the till has hung up, or the application has answered. The listener's own signal knows
 * nothing of the application, and nothing of what was over before, while middleware asked for a session.
 */
function unheard(outgoing: (HttpBindings | Http2Bindings)['outgoing']): AbortSignal {
  const controller = new AbortController();
  const isOver = outgoing.destroyed || ('stream' in outgoing && outgoing.stream.destroyed);
  if (isOver) controller.abort();
  else outgoing.once('close', () => controller.abort());
  return controller.signal;
}

/** Somebody's own `fetch` around the proxy's, which may answer at once. What it throws is not the request's fault. */
async function answerOfOthers(proxy: Handled, request: Request, incoming: unknown): Promise<Response> {
  try {
    return await proxy.fetch(request, { incoming });
  } catch {
    return respond(partsFor(problem(failed), null));
  }
}

/** The listener's own makes `new Request(request)` and `fetch(request)` throw: it only looks like one until it is asked for more. */
function copyable(request: Request): Request {
  const { url, method, headers, body, signal } = request;
  // Methods that `Request` takes from nobody.
  if (/^(TRACE|TRACK|CONNECT)$/i.test(method)) return request;
  const init: RequestInit & { duplex?: 'half' } = { method, headers, signal };
  if (body) Object.assign(init, { body, duplex: 'half' });
  return new Request(url, init);
}

function write(res: ServerResponse, { status, headers, text }: Parts): void {
  // Not chained: what stands in the place of `writeHead` (serverless-http, old middleware) often returns nothing.
  res.writeHead(status, text === null ? headers : { ...headers, 'Content-Length': Buffer.byteLength(text) });
  res.end(text ?? undefined);
}

/** A consumed body, as the bytes it came from or as others that mean the same. */
function bodyOf(body: unknown): Buffer {
  if (Buffer.isBuffer(body)) return body;
  if (typeof body === 'string') return Buffer.from(body);
  return body === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(body));
}
