import type { Connections } from './connections.js';
import { readEreceiptOrder, type Ereceipts } from './ereceipts.js';
import { errorClass } from './events.js';
import type { Admitted, Route } from './guard.js';
import type { Integrations } from './integrations.js';
import type { ProxyContext, ProxySettings } from './options.js';
import { Refusal } from './refusal.js';
import type { Answer } from './respond.js';
import { isStoreId } from './seal.js';
import type { Source } from './sources.js';

/** What the gate found out, handed to the routes. */
export interface RouteInput extends Admitted {
  source: Source;
  context: ProxyContext;
}

/** What a route answers with where nothing goes wrong: the status, and how its body comes about. */
interface Handle {
  status: number;
  /** @param begun when the call came: the till waits from then on */
  body(storeId: string, request: Request, input: RouteInput, begun: number): Promise<object | void>;
}

/** The routes of the contract. What they throw is turned into an answer by the caller. */
export function createRoutes(
  settings: ProxySettings,
  parts: { integrations: Integrations; connections: Connections; ereceipts: Ereceipts },
): (request: Request, input: RouteInput) => Promise<Answer> {
  const { integrations, connections, ereceipts } = parts;
  // A table and no router: the gate has found the route already, and two readings of a path could differ.
  const handles: Record<Route, Handle> = {
    'POST /integrations': {
      status: 201,
      body: (storeId, _request, { source }) => integrations.start(storeId, source.page),
    },
    'GET /integrations/:id': {
      status: 200,
      body: (storeId, _request, { path, source }) =>
        integrations.status(storeId, path.slice('/integrations/'.length), source.page),
    },
    'GET /connection': { status: 200, body: (storeId) => connections.connection(storeId) },
    'DELETE /connection': { status: 204, body: (storeId) => connections.forget(storeId) },
    'POST /ereceipts': {
      status: 200,
      async body(storeId, request, _input, begun) {
        await ereceipts.send(storeId, await readEreceiptOrder(request), begun, request.signal);
        return { sent: true };
      },
    },
  };

  return async (request, input) => {
    const begun = settings.clock.now();
    // Identity first, for every route alike, and from the vendor's callback alone.
    const asked = ask(settings, request, input.context);
    const storeId = storeOf(settings, asked instanceof Promise ? await asked : asked);
    const handle = handles[input.route];
    const body = await handle.body(storeId, request, input, begun);
    return body ? { status: handle.status, body } : { status: handle.status };
  };
}

/** Whoever answers at once is not waited for. */
function ask(settings: ProxySettings, request: Request, context: ProxyContext): unknown {
  try {
    // Without the body: whoever asks is told by headers, and what is read once is gone.
    const bare =
      request.method === 'GET'
        ? request
        : new Request(request.url, { method: request.method, headers: request.headers });
    const subject: unknown = settings.authorize(bare, context);
    return isThenable(subject) ? Promise.resolve(subject).catch((error) => unasked(settings, error)) : subject;
  } catch (error) {
    return unasked(settings, error);
  }
}

function unasked(settings: ProxySettings, error: unknown): never {
  settings.emit({ type: 'hook-failed', hook: 'authorize', code: errorClass(error) });
  throw new Refusal('internal', 'The session could not be checked.');
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

function storeOf(settings: ProxySettings, subject: unknown): string {
  if (subject === null || subject === undefined || subject === false)
    throw new Refusal('unauthorized', 'Sign in first.');
  const storeId = (subject as { storeId?: unknown }).storeId;
  if (!isStoreId(storeId)) {
    settings.emit({ type: 'hook-failed', hook: 'authorize', code: 'bad_store_id' });
    throw new Refusal('internal', 'The session names no store.');
  }
  return storeId;
}
