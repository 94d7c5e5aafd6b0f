import type { SandboxRoute } from './faults.js';
import type { Client } from './options.js';
import { textOf } from './respond.js';
import { randomToken } from './tokens.js';
import type { Grant, Integration, SandboxState, Store } from './state.js';

/** What an API route works with. */
export interface ApiContext {
  state: SandboxState;
  clients: readonly Client[];
  now: () => number;
  integrationTtlMs: number;
  accessTokenTtlMs: number;
  query: URLSearchParams;
  /** Scheme, host and port that the request came to: the upload URL is made from it. */
  origin: string;
  /** The body, read once, capped. */
  bytes: () => Promise<Uint8Array>;
  contentType: string;
}

type Answer = { status: number; body: Record<string, unknown> };

// `success` first, as Rulrr writes it, and ours even where a store's own profile has a field of that name.
const ok = (body: Record<string, unknown> = {}): Answer => ({
  status: 200,
  body: Object.assign({ success: true }, body, { success: true }),
});
const refuse = (status: number, error: string): Answer => ({ status, body: { success: false, error } });

/** The client's refusal, or null: 400 for an unknown client id, 403 for a wrong secret. */
function clientRefusal({ clients, query }: ApiContext): Answer | null {
  const client = clients.find(({ clientId }) => clientId === query.get('client_id'));
  if (!client) return refuse(400, 'client_id is wrong');
  if (client.clientSecret !== query.get('client_secret')) return refuse(403, 'client_secret is wrong');
  return null;
}

function integrationOf({ state, query, now, integrationTtlMs }: ApiContext): Integration | null {
  return state.integration(query.get('integration_token'), query.get('client_id'), now(), integrationTtlMs);
}

const tokensOf = (grant: Grant, store: Store) => ({
  accessToken: grant.accessToken,
  refreshToken: grant.refreshToken,
  expiration: new Date(grant.expiresAt).toISOString(),
  ereceipt: store.ereceipt,
});

function storeOf({ state, query, now }: ApiContext): Store | null {
  const grant = state.data.grants.find(({ accessToken }) => accessToken === query.get('access_token'));
  if (!grant || grant.revoked || now() >= grant.expiresAt) return null;
  return state.data.stores.find(({ id }) => id === grant.storeId) ?? null;
}

async function jsonOf(context: ApiContext): Promise<Record<string, unknown> | null> {
  if (!/^application\/json\b/i.test(context.contentType)) return null;
  const text = textOf(await context.bytes());
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

/** `POST /v1/auth/integration` */
function createIntegration(context: ApiContext): Answer {
  const refusal = clientRefusal(context);
  if (refusal) return refusal;
  const { token } = context.state.addIntegration(context.query.get('client_id')!, context.now());
  return ok({ integrationToken: token });
}

/** `GET /v1/auth/integration` */
function integrationStatus(context: ApiContext): Answer {
  const refusal = clientRefusal(context);
  if (refusal) return refusal;
  const integration = integrationOf(context);
  return integration ? ok({ status: integration.status }) : refuse(403, 'integration_token is wrong');
}

/** `GET /v1/auth/integration/token`: truly once, since nothing waits between the check and the mark. */
function retrieveTokens(context: ApiContext): Answer {
  const refusal = clientRefusal(context);
  if (refusal) return refusal;
  const integration = integrationOf(context);
  if (!integration) return refuse(403, 'integration_token is wrong');
  if (integration.status !== 'finished') return refuse(403, 'the integration is not finished');
  if (integration.retrieved) return refuse(410, 'the tokens were already retrieved');
  const { grant, store } = context.state.grant(integration, context.now(), context.accessTokenTtlMs);
  return ok(tokensOf(grant, store));
}

/**
 * `POST /v1/auth/token`. Rotates: a refresh token works once. The access token before it works until its own end.
 * (What Rulrr does here is not published; this is the sandbox's choice.)
 */
function refreshTokens(context: ApiContext): Answer {
  const refusal = clientRefusal(context);
  if (refusal) return refusal;
  const { state, query } = context;
  const given = query.get('refresh_token');
  // A used token is kept as '', which nobody may present.
  const old = given
    ? state.data.grants.find((one) => one.refreshToken === given && one.clientId === query.get('client_id'))
    : undefined;
  const store = old && state.data.stores.find(({ id }) => id === old.storeId);
  if (!old || old.revoked || !store) return refuse(403, 'refresh_token is wrong');
  old.refreshToken = '';
  const grant = state.addGrant(old.clientId, old.storeId, context.now(), context.accessTokenTtlMs);
  return ok(tokensOf(grant, store));
}

const noAccess = () => refuse(403, 'access_token is missing, expired or revoked');
const required = ['storeName', 'storeAddress', 'storeCountryCode'];

/** `PUT /v1/stores` */
async function putStore(context: ApiContext): Promise<Answer> {
  const store = storeOf(context);
  if (!store) return noAccess();
  const body = await jsonOf(context);
  if (!body) return refuse(400, 'the body must be a JSON object');
  const missing = required.filter((name) => typeof body[name] !== 'string' || !String(body[name]).trim());
  if (missing.length) return refuse(400, `missing: ${missing.join(', ')}`);
  store.profile = { ...store.profile, ...body };
  context.state.changed();
  return ok({ ...store.profile, ereceipt: store.ereceipt });
}

/** `GET /v1/stores` */
function getStore(context: ApiContext): Answer {
  const store = storeOf(context);
  return store ? ok({ ...store.profile, ereceipt: store.ereceipt }) : noAccess();
}

/** `GET /v1/customers` */
function customers(context: ApiContext): Answer {
  const store = storeOf(context);
  if (!store) return noAccess();
  const path = `/_upload/${store.id}/${randomToken('up')}`;
  context.state.data.uploadTargets.push({ storeId: store.id, path });
  context.state.changed();
  return ok({ uploadUrl: context.origin + path });
}

/** The PUT target that `GET /v1/customers` names, and no other. */
export async function upload(context: ApiContext, path: string): Promise<Answer> {
  const { state, contentType } = context;
  const target = state.data.uploadTargets.find((one) => one.path === path);
  if (!target) return refuse(403, 'the upload URL is wrong');
  const bytes = await context.bytes();
  const at = new Date(context.now()).toISOString();
  const { storeId } = target;
  state.data.uploads.push({ storeId, contentType, bytes: bytes.length, text: textOf(bytes), at });
  state.changed();
  return ok();
}

/**
 * Where an order may name the number for its e-receipt; Rulrr's field is not published, so all that vendors are likely to try.
 * A place that is null or empty names none, as tills write it for a customer without a number; `ereceipt: false` asks for none.
 */
function phoneNumberOf(order: Record<string, unknown>): unknown {
  const { ereceipt } = order;
  if (ereceipt === false) return undefined;
  // More than the 1 or 0 of a yes or no.
  if (typeof ereceipt === 'string' && /\d\D*\d/.test(ereceipt)) return ereceipt;
  for (const part of [ereceipt, order['customer'], order]) {
    if (typeof part !== 'object' || part === null) continue;
    const { phoneNumber, customerPhoneNumber, phone } = part as Record<string, unknown>;
    const found = [phoneNumber, customerPhoneNumber, phone].find(
      (one) => one !== undefined && one !== null && one !== '',
    );
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `POST /v1/orders`; with a phone number, such as `{"ereceipt": {"phoneNumber": "+1…"}}`, the receipt is texted. */
async function postOrder(context: ApiContext): Promise<Answer> {
  const store = storeOf(context);
  if (!store) return noAccess();
  const order = await jsonOf(context);
  if (!order) return refuse(400, 'the body must be a JSON object');
  const phoneNumber = phoneNumberOf(order);
  if (phoneNumber !== undefined && !/^\+[1-9]\d{6,14}$/.test(String(phoneNumber))) {
    return refuse(400, 'the phone number must be E.164');
  }
  if (phoneNumber !== undefined && !store.ereceipt) return refuse(400, 'e-receipts are off for this store');
  const { state } = context;
  const orderId = String(order['orderId'] ?? order['id'] ?? randomToken('order'));
  const at = new Date(context.now()).toISOString();
  state.data.orders.push({ orderId, storeId: store.id, order, at });
  if (phoneNumber !== undefined) {
    const storeName = String(store.profile['storeName'] ?? 'the store');
    const text = `${storeName}: thank you! Your receipt for order ${orderId}.`;
    state.data.messages.push({ orderId, phoneNumber: String(phoneNumber), text, storeName, at });
  }
  state.changed();
  return ok({ orderId });
}

/** `GET /v1/orders?orderId=…` */
function getOrder(context: ApiContext): Answer {
  const store = storeOf(context);
  if (!store) return noAccess();
  const orderId = context.query.get('orderId') ?? context.query.get('order_id') ?? context.query.get('id');
  const found = context.state.data.orders.findLast((one) => one.orderId === orderId && one.storeId === store.id);
  return found ? ok({ orderId: found.orderId, order: found.order, at: found.at }) : refuse(404, 'no such order');
}

export interface ApiRow {
  route: SandboxRoute;
  run(context: ApiContext): Answer | Promise<Answer>;
}

/** Rulrr's reference, row by row. */
export const reference: Readonly<Record<string, ApiRow>> = {
  'POST /v1/auth/integration': { route: 'create-integration', run: createIntegration },
  'GET /v1/auth/integration': { route: 'integration-status', run: integrationStatus },
  'GET /v1/auth/integration/token': { route: 'token', run: retrieveTokens },
  'POST /v1/auth/token': { route: 'refresh', run: refreshTokens },
  'PUT /v1/stores': { route: 'put-store', run: putStore },
  'GET /v1/stores': { route: 'get-store', run: getStore },
  'GET /v1/customers': { route: 'customers', run: customers },
  'POST /v1/orders': { route: 'post-order', run: postOrder },
  'GET /v1/orders': { route: 'get-order', run: getOrder },
};
