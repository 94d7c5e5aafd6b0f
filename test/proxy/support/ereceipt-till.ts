import type { EreceiptJob } from '../../../src/proxy/index.js';
import { planted } from '../canaries.js';
import { base, harness, type CallOptions, type Harness } from '../harness.js';

/** What the till sends unless told otherwise. */
export const key = 'till-7-order-1001-a';
export const receipt = { orderId: 'order-1001', phoneNumber: planted.phoneNumber };

/** Asks the proxy to send it, as the numpad does; `key` null leaves the header out. */
export const send = (h: Harness, options: CallOptions & { key?: string | null } = {}) =>
  h.call('POST', '/ereceipts', {
    body: receipt,
    ...options,
    headers: { ...(options.key === null ? {} : { 'Idempotency-Key': options.key ?? key }), ...options.headers },
  });

/** The same as a request, for what `send` cannot say; the body is that of `init`. */
export const request = (init: RequestInit & { duplex?: 'half' }, headers: Record<string, string> = {}) =>
  new Request(base + '/ereceipts', {
    method: 'POST',
    headers: {
      'Rulrr-Embed': '1',
      'Sec-Fetch-Site': 'same-origin',
      Cookie: 'store=store-1',
      'Content-Type': 'application/json',
      'Idempotency-Key': key,
      ...headers,
    },
    ...init,
  });

/** A proxy whose hook does what it is told, for a connected store. `jobs`: what the hook was called with. */
export async function till(hook: (job: EreceiptJob) => unknown = () => undefined, more = {}, shared = {}) {
  const jobs: EreceiptJob[] = [];
  const h = harness(
    {
      sendEreceipt: async (job) => {
        jobs.push(job);
        return hook(job);
      },
      checkFraming: false,
      ...more,
    },
    shared,
  );
  await h.connect();
  return { h, jobs };
}
