import type { EreceiptJob } from '../../src/proxy/index.js';

/**
 * The vendor's hook: how the number reaches Rulrr. Here the order itself carries it. `createOrder` never sends an order again after an
 * unclear failure, and its errors and its answer tell the proxy what is known; so nothing is caught here.
 */
export async function sendReceipt({ api, orderId, phoneNumber, signal }: EreceiptJob): Promise<unknown> {
  return api.createOrder({ orderId, ereceipt: { phoneNumber } }, { signal });
}
