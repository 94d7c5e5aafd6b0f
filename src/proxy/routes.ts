import type { Connections } from './connections.js';
import { readEreceiptOrder, type Ereceipts } from './ereceipts.js';
import { errorClass } from './events.js';
import type { Admitted } from './guard.js';
import type { Integrations } from './integrations.js';
import type { ProxyContext, ProxySettings } from './options.js';
import { Refusal } from './refusal.js';
import type { Answer } from './respond.js';
import { maxStoreIdLength } from './seal.js';
import type { Source } from './sources.js';

/** What the gate found out, handed to the routes. */
export interface RouteInput extends Admitted {
  source: Source;
  context: ProxyContext;
}

type Handle = (storeId: string, request: Request, input: RouteInput) => Promise<Answer>;

/** The routes of the contract. What they throw is turned into an answer by the caller. */
export function createRoutes(
  settings: ProxySettings,
  parts: { integrations: Integrations; connections: Connections; ereceipts: Ereceipts },
): (request: Request, input: RouteInput) => Promise<Answer> {
  const { integrations, connections, ereceipts } = parts;
  // A table and no router: the gate has found the route already, and two readings of a path could differ.
  const handles = new Map<string, Handle>([
    [
      'POST /integrations',
      async (storeId, _request, { source }) => ({ status: 201, body: await integrations.start(storeId, source.page) }),
    ],
    [
      'GET /integrations/:id',
      async (storeId, _request, { path, source }) => ({
        status: 200,
        body: await integrations.status(storeId, path.slice('/integrations/'.length), source.page),
      }),
    ],
    ['GET /connection', async (storeId) => ({ status: 200, body: await connections.connection(storeId) })],
    [
      'DELETE /connection',
      async (storeId) => {
        await connections.forget(storeId);
        return { status: 204 };
      },
    ],
    [
      'POST /ereceipts',
      async (storeId, request) => {
        await ereceipts.send(storeId, await readEreceiptOrder(request));
        return { status: 200, body: { sent: true } };
      },
    ],
  ]);

  return async (request, input) => {
    const handle = handles.get(`${request.method} ${input.route}`);
    if (!handle) throw new Refusal('not_found', 'The proxy has no such path.');
    // Identity first, for every route alike, and from the vendor's callback alone.
    const storeId = await authorize(settings, request, input.context);
    return handle(storeId, request, input);
  };
}

async function authorize(settings: ProxySettings, request: Request, context: ProxyContext): Promise<string> {
  let subject: unknown;
  try {
    // Without the body: whoever asks is told by headers, and what is read once is gone.
    const bare =
      request.method === 'GET'
        ? request
        : new Request(request.url, { method: request.method, headers: request.headers });
    subject = await settings.authorize(bare, context);
  } catch (error) {
    settings.emit({ type: 'hook-failed', hook: 'authorize', code: errorClass(error) });
    throw new Refusal('internal', 'The session could not be checked.');
  }
  if (subject === null || subject === undefined || subject === false)
    throw new Refusal('unauthorized', 'Sign in first.');
  const storeId = (subject as { storeId?: unknown }).storeId;
  if (typeof storeId !== 'string' || !storeId.trim() || storeId.length > maxStoreIdLength) {
    settings.emit({ type: 'hook-failed', hook: 'authorize', code: 'bad_store_id' });
    throw new Refusal('internal', 'The session names no store.');
  }
  return storeId;
}
