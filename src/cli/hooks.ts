import { EreceiptUnconfirmedError, type EreceiptJob, type Subject } from '../proxy/index.js';

const sidecarHeader = 'Rulrr-Sidecar';
const authorizeTimeoutMs = 5000;

/** Asks the vendor's server who is signed in, with the till's own Cookie and Authorization. */
export function authorizeBy(url: string, secret: string | undefined): (request: Request) => Promise<Subject | null> {
  return async (request) => {
    const headers = new Headers({ Accept: 'application/json' });
    for (const name of ['Cookie', 'Authorization']) {
      const value = request.headers.get(name);
      if (value) headers.set(name, value);
    }
    if (secret) headers.set(sidecarHeader, secret);
    const answer = await fetch(url, { headers, redirect: 'manual', signal: AbortSignal.timeout(authorizeTimeoutMs) });
    // A server that sends strangers to its login page says the same as 401.
    if (
      answer.status === 401 ||
      answer.status === 403 ||
      answer.status === 204 ||
      (answer.status >= 300 && answer.status < 400)
    ) {
      await answer.body?.cancel();
      return null;
    }
    if (answer.status !== 200) throw new Error('The authorize URL did not answer 200 or 401.');
    const body = (await answer.json()) as { storeId?: unknown } | null;
    return body === null ? null : (body as Subject);
  };
}

/** Lets the vendor's server send the receipt. */
export function sendBy(url: string, secret: string | undefined): (job: EreceiptJob) => Promise<void> {
  return async ({ storeId, orderId, phoneNumber, idempotencyKey, signal }) => {
    const headers: Record<string, string> = { 'Content-Type': 'application/json', 'Idempotency-Key': idempotencyKey };
    if (secret) headers[sidecarHeader] = secret;
    const body = JSON.stringify({ storeId, orderId, phoneNumber, idempotencyKey });
    // What fetch throws is judged by the proxy: it knows which failures happen before anything is sent.
    const answer = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal });
    await answer.body?.cancel();
    if (answer.ok) return;
    if (answer.status >= 400 && answer.status < 500) throw new Error('The send URL refused the receipt.');
    throw new EreceiptUnconfirmedError();
  };
}

/** The order itself carries the number, as the sandbox takes it. */
export async function sendAsOrder({ api, orderId, phoneNumber, signal }: EreceiptJob): Promise<void> {
  await api.createOrder({ orderId, ereceipt: { phoneNumber } }, { signal });
}
