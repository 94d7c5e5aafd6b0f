import {
  embedHeader,
  embedHeaderValue,
  idempotencyHeader,
  type Connection,
  type EreceiptAnswer,
  type EreceiptRequest,
  type IntegrationAnswer,
  type StartedIntegration,
} from './wire.js';

export type FetchLike = (input: string, init?: RequestInit) => Promise<Response>;

/**
 * A call to the proxy that brought no usable answer.
 *
 * `sent` says what is known of the request itself: `false` only where a refusal proves that the proxy did not act on it.
 */
export class ProxyError extends Error {
  override readonly name = 'ProxyError';
  /** The problem's `code`; `network` where no answer came, `bad_answer` where it could not be read. */
  readonly code: string;
  /** HTTP status; 0 where no answer came. */
  readonly status: number;
  /** The answer's `Retry-After` as it stood, or null. */
  readonly retryAfter: string | null;

  constructor(code: string, status: number, message: string, retryAfter: string | null = null) {
    super(message);
    this.code = code;
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** One call of the proxy: what has to go along, what may come back. */
export interface ProxyCall {
  signal?: AbortSignal;
  body?: unknown;
  headers?: Record<string, string>;
  /** Fields that an answer must have. */
  wants?: string[];
}

/**
 * Calls the proxy at `base` (path or URL, without or with a closing slash).
 * @throws ProxyError
 */
export async function callProxy<Answer>(
  base: string,
  fetch: FetchLike,
  method: string,
  path: string,
  options: ProxyCall,
): Promise<Answer> {
  const headers: Record<string, string> = { Accept: 'application/json', [embedHeader]: embedHeaderValue };
  const init: RequestInit = { method, headers, credentials: 'same-origin', cache: 'no-store', signal: options.signal };
  if (options.body !== undefined) {
    headers['Content-Type'] = 'application/json';
    init.body = JSON.stringify(options.body);
  }
  Object.assign(headers, options.headers);

  let response: Response;
  let text: string;
  try {
    // Called without a receiver: a page's own `fetch` property must not see this client as `this`.
    response = await fetch(base.replace(/\/+$/, '') + path, init);
    text = await response.text();
  } catch (error) {
    if (options.signal && options.signal.aborted) throw error;
    throw new ProxyError('network', 0, 'The proxy could not be reached.');
  }
  let answer: unknown = null;
  try {
    answer = text ? JSON.parse(text) : null;
  } catch {
    // Judged below: an answer that is not JSON has none of the fields that are wanted.
  }
  const record = (answer && typeof answer === 'object' ? answer : {}) as Record<string, unknown>;
  if (!response.ok) {
    const code = typeof record['code'] === 'string' ? record['code'] : 'bad_answer';
    const detail =
      typeof record['detail'] === 'string' ? record['detail'] : 'The proxy refused: ' + response.status + '.';
    throw new ProxyError(code, response.status, detail, response.headers.get('Retry-After'));
  }
  for (const field of options.wants || []) {
    if (!(field in record))
      throw new ProxyError('bad_answer', response.status, `The proxy's answer has no "${field}".`);
  }
  return answer as Answer;
}

/** The calls that the elements make below `proxy-url`. Holds no state: base and `fetch` are given with each client. */
export class ProxyClient {
  private readonly base: string;
  private readonly fetch: FetchLike;

  /** @param base path or URL of the proxy, without or with a closing slash. */
  constructor(base: string, fetch: FetchLike) {
    this.base = base;
    this.fetch = fetch;
  }

  private call<Answer>(method: string, path: string, options: ProxyCall): Promise<Answer> {
    return callProxy<Answer>(this.base, this.fetch, method, path, options);
  }

  /** `POST /integrations`. @throws ProxyError */
  startIntegration(signal?: AbortSignal): Promise<StartedIntegration> {
    return this.call<StartedIntegration>('POST', '/integrations', { signal, wants: ['id', 'connectUrl', 'expiresAt'] });
  }

  /** `GET /integrations/{id}`. @throws ProxyError */
  integration(id: string, signal?: AbortSignal): Promise<IntegrationAnswer> {
    return this.call<IntegrationAnswer>('GET', '/integrations/' + encodeURIComponent(id), {
      signal,
      wants: ['status'],
    });
  }

  /** `GET /connection`. @throws ProxyError */
  connection(signal?: AbortSignal): Promise<Connection> {
    return this.call<Connection>('GET', '/connection', { signal, wants: ['connected'] });
  }

  /** `DELETE /connection`. @throws ProxyError */
  async disconnect(signal?: AbortSignal): Promise<void> {
    await this.call('DELETE', '/connection', { signal });
  }

  /** `POST /ereceipts`. Resolves only if the proxy said `{sent: true}`. @throws ProxyError */
  async sendEreceipt(receipt: EreceiptRequest, idempotencyKey: string, signal?: AbortSignal): Promise<void> {
    const answer = await this.call<EreceiptAnswer>('POST', '/ereceipts', {
      signal,
      body: { orderId: receipt.orderId, phoneNumber: receipt.phoneNumber },
      headers: { [idempotencyHeader]: idempotencyKey },
    });
    if (!answer || answer.sent !== true) throw new ProxyError('bad_answer', 200, 'The proxy did not confirm the send.');
  }
}
