import { field, Skip } from './probe.js';
import type { SandboxAccess } from './types.js';
import { within } from './within.js';

interface State {
  messages?: { orderId: string }[];
  faults?: { route: string; times?: number }[];
}

/** An origin, with the names that a machine has for itself taken for one: the proxy and the check may use different ones. */
function placeOf(url: URL): string {
  return url.origin.replace(/^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(?=:|$)/, 'http://loopback');
}

/** What a merchant does on the connect page, and what the customer's phone shows; through the sandbox's own pages. */
export class SandboxControl {
  private readonly access: SandboxAccess;
  private readonly fetch: typeof fetch;
  private readonly timeoutMs: number;

  constructor(access: SandboxAccess, timeoutMs: number, fetchIt: typeof fetch = fetch) {
    this.access = access;
    this.timeoutMs = timeoutMs;
    this.fetch = fetchIt;
  }

  /** True if the other end answers as a sandbox does that can be steered. */
  async answers(): Promise<boolean> {
    try {
      return Array.isArray(field(await this.state(), 'messages'));
    } catch {
      return false;
    }
  }

  /** True if a session was started at this sandbox. A token that leads elsewhere is not shown to it. */
  async knows(connectUrl: string): Promise<boolean> {
    if (!this.isHere(connectUrl)) return false;
    const answer = await this.ask(`/connect/${new URL(connectUrl).search}`);
    await answer.body?.cancel();
    return answer.status !== 400 && answer.status !== 403;
  }

  /** A sandbox that is at hand as an object has no address to compare. */
  private isHere(connectUrl: string): boolean {
    return typeof this.access !== 'string' || placeOf(new URL(connectUrl)) === placeOf(new URL(this.access));
  }

  private async ask(path: string, init?: RequestInit): Promise<Response> {
    const { access } = this;
    if (typeof access !== 'string') return access.fetch(new Request(new URL(path, 'http://sandbox.invalid'), init));
    return within(this.timeoutMs, (signal) =>
      this.fetch(new URL(path, access), { ...init, redirect: 'manual', signal }),
    );
  }

  /** Takes the last step of the connect page. Only ever asks the sandbox, wherever `connectUrl` points. */
  async end(connectUrl: string, action: 'finish' | 'cancel', ereceipt: 'on' | 'off' = 'on'): Promise<void> {
    if (!this.isHere(connectUrl)) throw new Skip("The proxy's connectUrl does not lead to the sandbox that was given.");
    const form = new URLSearchParams({ action, ereceipt, step: '3' });
    const { searchParams } = new URL(connectUrl);
    for (const name of ['integration_token', 'client_id']) form.set(name, searchParams.get(name) ?? '');
    const answer = await this.ask('/connect/', {
      method: 'POST',
      body: form.toString(),
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    });
    if (answer.status >= 400) throw new Skip(`The sandbox does not know this session (${answer.status}).`);
  }

  /** How many text messages there are for an order. */
  async messagesFor(orderId: string): Promise<number> {
    const { messages } = await this.state();
    return (messages ?? []).filter((message) => message.orderId === orderId).length;
  }

  /**
   * Runs something while Rulrr misbehaves in one way, `times` times. What runs may ask whether that came about, since a proxy may
   * have answered without asking Rulrr, and whether it came about each time.
   */
  async during<Result>(
    fault: { route: string; kind: string; status?: number; ms?: number; times: number },
    run: (struck: () => Promise<boolean>, spent: () => Promise<boolean>) => Promise<Result>,
  ): Promise<Result> {
    await this.post('/_sandbox/clear-faults', {});
    await this.post('/_sandbox/fault', fault);
    try {
      const left = async () => (await this.state()).faults?.find(({ route }) => route === fault.route)?.times;
      return await run(
        async () => (await left()) !== fault.times,
        async () => (await left()) === undefined,
      );
    } finally {
      await this.post('/_sandbox/clear-faults', {});
    }
  }

  private async state(): Promise<State> {
    return (await (await this.ask('/_sandbox/state')).json()) as State;
  }

  private async post(path: string, body: unknown): Promise<void> {
    const headers = { 'Content-Type': 'application/json' };
    const answer = await this.ask(path, { method: 'POST', body: JSON.stringify(body), headers });
    await answer.body?.cancel();
    if (answer.status !== 200) throw new Skip(`The sandbox has no controls at ${path} (${answer.status}).`);
  }
}
