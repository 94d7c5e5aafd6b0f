import { embedHeader, embedHeaderValue } from './wire.js';

export type FetchLike = (input: string, init?: RequestInit) => Promise<Response>;

/** A call to the proxy that brought no usable answer. Whether the proxy acted on it, only its status and code may tell. */
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
  signal: AbortSignal;
  body?: unknown;
  headers?: Record<string, string>;
  /** Fields that an answer must have. */
  wants?: string[];
}

/**
 * Calls the proxy at `base` (path or URL, without or with a closing slash, and with the white space of a template around it).
 * @throws ProxyError
 */
export async function callProxy<Answer>(
  base: string,
  fetch: FetchLike,
  method: string,
  path: string,
  options: ProxyCall,
): Promise<Answer> {
  const headers: Record<string, string> = {
    Accept: 'application/json',
    [embedHeader]: embedHeaderValue,
    ...options.headers,
  };
  const init: RequestInit = { method, headers, credentials: 'same-origin', cache: 'no-store', signal: options.signal };
  if (options.body) {
    headers['Content-Type'] = 'application/json';
    init.body = JSON.stringify(options.body);
  }

  let response: Response;
  let text: string;
  try {
    // Called without a receiver: a page's own `fetch` property must not see this client as `this`. Frameworks unset a property
    // by giving it undefined or null.
    response = await (fetch || window.fetch)(String(base).replace(/^\s+|[\s/]+$/g, '') + path, init);
    // A page's own `fetch` may answer with as little as `ok`, `status` and one of the two.
    text = response.text ? await response.text() : JSON.stringify(await response.json());
  } catch (error) {
    if (options.signal.aborted) throw error;
    throw new ProxyError('network', 0, 'The proxy could not be reached.');
  }
  let answer: unknown = null;
  try {
    answer = JSON.parse(text);
  } catch {
    // Judged below: an answer that is not JSON has none of the fields that are wanted.
  }
  const record = Object(answer) as Record<string, unknown>;
  if (!response.ok) {
    const code = typeof record['code'] === 'string' ? record['code'] : 'bad_answer';
    const detail =
      typeof record['detail'] === 'string' ? record['detail'] : 'The proxy refused: ' + response.status + '.';
    const { headers } = response;
    throw new ProxyError(code, response.status, detail, headers && headers.get ? headers.get('Retry-After') : null);
  }
  for (const field of options.wants || []) {
    if (!(field in record))
      throw new ProxyError('bad_answer', response.status, `The proxy's answer has no "${field}".`);
  }
  return answer as Answer;
}
