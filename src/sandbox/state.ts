import { randomToken } from './tokens.js';

/** A till's attempt to link a store. */
export interface Integration {
  token: string;
  clientId: string;
  status: 'pending' | 'finished' | 'cancelled';
  createdAt: number;
  /** Chosen on the connect page. */
  ereceipt: boolean;
  storeName: string;
  /** Rulrr hands the tokens out once. */
  retrieved: boolean;
  /** Set by a scenario: the token is no longer known. */
  expired?: boolean;
}

/** A token pair and the store it belongs to. */
export interface Grant {
  accessToken: string;
  refreshToken: string;
  clientId: string;
  storeId: string;
  expiresAt: number;
  revoked: boolean;
}

export interface Store {
  id: string;
  ereceipt: boolean;
  profile: Record<string, unknown>;
}

/** A text message as the customer's phone shows it. */
export interface SandboxMessage {
  orderId: string;
  /** E.164. */
  phoneNumber: string;
  text: string;
  storeName: string;
  /** ISO 8601. */
  at: string;
}

export interface SandboxOrder {
  orderId: string;
  storeId: string;
  /** The body as it came. */
  order: Record<string, unknown>;
  at: string;
}

export interface SandboxUpload {
  storeId: string;
  contentType: string;
  bytes: number;
  /** As UTF-8. */
  text: string;
  at: string;
}

/** An upload URL that was given out. */
export interface UploadTarget {
  storeId: string;
  path: string;
}

/** Everything the sandbox remembers; plain JSON, so that it can be kept across restarts. */
export interface SandboxData {
  integrations: Integration[];
  grants: Grant[];
  stores: Store[];
  messages: SandboxMessage[];
  orders: SandboxOrder[];
  uploads: SandboxUpload[];
  uploadTargets: UploadTarget[];
  scenario: string;
}

const empty = (): SandboxData => ({
  integrations: [],
  grants: [],
  stores: [],
  messages: [],
  orders: [],
  uploads: [],
  uploadTargets: [],
  scenario: 'normal',
});

/** How many of each are remembered: a sandbox may run for weeks. */
const most = 10_000;

/** Reads what `save` was given, in this version or an earlier one. @throws TypeError if it is something else */
export function dataFrom(text: string): SandboxData {
  const isRecord = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
  const isLike = (value: unknown, fresh: unknown) =>
    Array.isArray(fresh) ? Array.isArray(value) && value.every(isRecord) : typeof value === typeof fresh;
  let saved: unknown;
  try {
    saved = JSON.parse(text);
  } catch {
    // Said below.
  }
  const data: Record<string, unknown> = { ...empty(), ...(saved as object) };
  if (!isRecord(saved) || !Object.entries(empty()).every(([name, fresh]) => isLike(data[name], fresh)))
    throw new TypeError('createSandbox: option "state" is not what a sandbox saved.');
  return data as unknown as SandboxData;
}

/** The sandbox's memory. `save` is called after each change with the whole of it as text. */
export class SandboxState {
  readonly data: SandboxData;
  private readonly save: ((text: string) => void) | undefined;

  constructor(text: string | null, save?: (text: string) => void) {
    this.data = text ? dataFrom(text) : empty();
    this.save = save;
  }

  changed(): void {
    for (const list of Object.values(this.data)) {
      if (Array.isArray(list) && list.length > most) list.splice(0, list.length - most);
    }
    this.save?.(JSON.stringify(this.data));
  }

  /** Forgets everything, in place: whoever holds `messages` or `orders` sees them empty. */
  reset(): void {
    for (const list of Object.values(this.data)) if (Array.isArray(list)) list.length = 0;
    this.data.scenario = 'normal';
    this.changed();
  }

  addIntegration(clientId: string, now: number): Integration {
    const integration: Integration = {
      token: randomToken('it'),
      clientId,
      status: 'pending',
      createdAt: now,
      ereceipt: true,
      storeName: 'Corner Bakery',
      retrieved: false,
    };
    this.data.integrations.push(integration);
    this.changed();
    return integration;
  }

  /** The one that a token and a client name, unless its time is up or a scenario has let it expire. */
  integration(token: string | null, clientId: string | null, now: number, ttlMs: number): Integration | null {
    const found = this.data.integrations.find((one) => one.token === token && one.clientId === clientId);
    const isOver = found?.expired || (found?.status === 'pending' && now >= found.createdAt + ttlMs);
    return found && !isOver ? found : null;
  }

  /** Hands the tokens of a finished integration out. The caller has checked that this is the first time. */
  grant(integration: Integration, now: number, lifeMs: number): { grant: Grant; store: Store } {
    integration.retrieved = true;
    const store: Store = {
      id: randomToken('store'),
      ereceipt: integration.ereceipt,
      profile: { storeName: integration.storeName, storeAddress: '1 Sample Street', storeCountryCode: 'US' },
    };
    this.data.stores.push(store);
    const grant = this.addGrant(integration.clientId, store.id, now, lifeMs);
    return { grant, store };
  }

  addGrant(clientId: string, storeId: string, now: number, lifeMs: number): Grant {
    const grant: Grant = {
      accessToken: randomToken('at'),
      refreshToken: randomToken('rt'),
      clientId,
      storeId,
      expiresAt: now + lifeMs,
      revoked: false,
    };
    this.data.grants.push(grant);
    this.changed();
    return grant;
  }
}
