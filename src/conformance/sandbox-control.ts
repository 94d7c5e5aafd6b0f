import { Skip } from './probe.js';
import type { SandboxAccess } from './types.js';

/** What a merchant does on the connect page, and what the customer's phone shows; through the sandbox's own pages. */
export class SandboxControl {
  private readonly access: SandboxAccess;
  private readonly fetch: typeof fetch;

  constructor(access: SandboxAccess, fetchIt: typeof fetch = fetch) {
    this.access = access;
    this.fetch = fetchIt;
  }

  private async ask(path: string, init?: RequestInit): Promise<Response> {
    const { access } = this;
    if (typeof access !== 'string') return access.fetch(new Request(new URL(path, 'http://sandbox.invalid'), init));
    return this.fetch(new URL(path, access), { ...init, redirect: 'manual' });
  }

  /** Takes the last step of the connect page. Only ever asks the sandbox, wherever `connectUrl` points. */
  async end(connectUrl: string, action: 'finish' | 'cancel', ereceipt: 'on' | 'off' = 'on'): Promise<void> {
    const url = new URL(connectUrl);
    if (typeof this.access === 'string' && url.origin !== new URL(this.access).origin) {
      throw new Skip("The proxy's connectUrl does not lead to the sandbox that was given.");
    }
    const form = new URLSearchParams({ action, ereceipt, step: '3' });
    for (const name of ['integration_token', 'client_id']) form.set(name, url.searchParams.get(name) ?? '');
    const answer = await this.ask('/connect/', {
      method: 'POST',
      body: form.toString(),
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    });
    if (answer.status >= 400) throw new Skip(`The sandbox does not know this session (${answer.status}).`);
  }

  /** How many text messages there are for an order. */
  async messagesFor(orderId: string): Promise<number> {
    const answer = await this.ask('/_sandbox/state');
    const state = (await answer.json()) as { messages?: { orderId: string }[] };
    return (state.messages ?? []).filter((message) => message.orderId === orderId).length;
  }

  async fault(fault: Record<string, unknown>): Promise<void> {
    await this.post('/_sandbox/fault', fault);
  }

  async clearFaults(): Promise<void> {
    await this.post('/_sandbox/clear-faults', {});
  }

  private async post(path: string, body: unknown): Promise<void> {
    const headers = { 'Content-Type': 'application/json' };
    const answer = await this.ask(path, { method: 'POST', body: JSON.stringify(body), headers });
    await answer.body?.cancel();
    if (answer.status !== 200) throw new Skip(`The sandbox has no controls at ${path} (${answer.status}).`);
  }
}
