import { leavesOpen } from '../proxy/send-doubts.js';
import { EreceiptUnconfirmedError, type EreceiptJob, type Subject } from '../proxy/index.js';

const sidecarHeader = 'Rulrr-Sidecar';
const authorizeTimeoutMs = 5000;

/** What the log gets as `code` where the vendor's server fails: closed, and nothing of an address. */
type HookErrorName =
  | 'AuthorizeUnreachableError'
  | 'AuthorizeTimeoutError'
  | 'AuthorizeServerError'
  | 'AuthorizeStatusError'
  | 'AuthorizeBodyError'
  | 'SendUnreachableError'
  | 'SendRefusedError';

class HookError extends Error {
  constructor(name: HookErrorName, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = name;
  }
}

/** Asks the vendor's server who is signed in, with the till's own Cookie and Authorization. */
export function authorizeBy(url: string, secret: string | undefined): (request: Request) => Promise<Subject | null> {
  return async (request) => {
    const headers = new Headers({ Accept: 'application/json' });
    for (const name of ['Cookie', 'Authorization']) {
      const value = request.headers.get(name);
      if (value) headers.set(name, value);
    }
    if (secret) headers.set(sidecarHeader, secret);
    const signal = AbortSignal.timeout(authorizeTimeoutMs);
    const failed = (error: unknown) => {
      const late = (error as Error).name === 'TimeoutError';
      const name = late ? 'AuthorizeTimeoutError' : 'AuthorizeUnreachableError';
      throw new HookError(name, 'The authorize URL did not answer.', error);
    };
    const answer = await fetch(url, { headers, redirect: 'manual', signal }).catch(failed);
    if (answer.status !== 200) {
      // Unread, it would hold its connection, and each question would open another.
      await answer.body?.cancel();
      // A server that sends strangers to its login page says the same as 401.
      if ([401, 403, 204].includes(answer.status) || (answer.status >= 300 && answer.status < 400)) return null;
      const name = answer.status >= 500 ? 'AuthorizeServerError' : 'AuthorizeStatusError';
      throw new HookError(name, 'The authorize URL did not answer 200 or 401.');
    }
    const text = await answer.text().catch(failed);
    try {
      return JSON.parse(text) as Subject | null;
    } catch (error) {
      throw new HookError('AuthorizeBodyError', 'The authorize URL did not answer with JSON.', error);
    }
  };
}

/** Lets the vendor's server send the receipt. Resolves with a 2xx as it is, for the proxy to read and judge. */
export function sendBy(url: string, secret: string | undefined): (job: EreceiptJob) => Promise<unknown> {
  return async ({ storeId, orderId, phoneNumber, idempotencyKey, signal }) => {
    const headers: Record<string, string> = { 'Content-Type': 'application/json', 'Idempotency-Key': idempotencyKey };
    if (secret) headers[sidecarHeader] = secret;
    const body = JSON.stringify({ storeId, orderId, phoneNumber, idempotencyKey });
    // What fetch throws is judged by the proxy: it knows which failures happen before anything is sent.
    const answer = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal }).catch((error) => {
      throw new HookError('SendUnreachableError', 'The send URL did not answer.', error);
    });
    if (answer.ok) return answer;
    await answer.body?.cancel();
    if (answer.status >= 400 && !leavesOpen(answer.status))
      throw new HookError('SendRefusedError', 'The send URL refused the receipt.');
    throw new EreceiptUnconfirmedError();
  };
}

/** The order itself carries the number, as the sandbox takes it. Rulrr's answer says how it went, for the proxy to judge. */
export async function sendAsOrder({ api, orderId, phoneNumber, signal }: EreceiptJob): Promise<unknown> {
  return api.createOrder({ orderId, ereceipt: { phoneNumber } }, { signal });
}
