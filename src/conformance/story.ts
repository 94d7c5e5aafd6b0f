import { describe, expectStatus, field, Mismatch, Skip, type Exchange, type Probe } from './probe.js';
import { SandboxControl } from './sandbox-control.js';

export interface Session {
  id: string;
  connectUrl: string;
  answer: Exchange;
}

/** What the checks have in common: one session that stays pending, one that was finished. Started once, when first needed. */
export class Story {
  private readonly probe: Probe;
  private pending: Promise<Session> | undefined;
  private finished: Promise<Session> | undefined;

  constructor(probe: Probe) {
    this.probe = probe;
  }

  sandbox(): SandboxControl {
    const { sandbox, fetch } = this.probe.options;
    if (!sandbox) throw new Skip('Needs the sandbox, to act as the merchant: give its URL.');
    return new SandboxControl(sandbox, typeof sandbox === 'string' ? fetch : undefined);
  }

  async start(): Promise<Session> {
    const answer = await this.probe.call('POST', '/integrations');
    expectStatus(answer, 201);
    const [id, connectUrl] = [field(answer.json, 'id'), field(answer.json, 'connectUrl')];
    if (typeof id !== 'string' || !id) throw new Mismatch('POST /integrations answered without a text "id".');
    if (typeof connectUrl !== 'string' || !URL.canParse(connectUrl)) {
      throw new Mismatch('POST /integrations answered without an absolute "connectUrl".');
    }
    return { id, connectUrl, answer };
  }

  /** The session that nobody ends. */
  session(): Promise<Session> {
    return (this.pending ??= this.start());
  }

  /** Polls as the element does, until the session is no longer pending. */
  async outcome(id: string): Promise<Exchange> {
    const until = Date.now() + (this.probe.options.timeoutMs ?? 20_000);
    for (;;) {
      const answer = await this.probe.call('GET', `/integrations/${id}`);
      const again = [429, 502, 503, 504].includes(answer.status);
      if (!again) {
        expectStatus(answer, 200);
        if (field(answer.json, 'status') !== 'pending') return answer;
      }
      const asked = again
        ? Number(answer.headers.get('Retry-After') ?? 1) * 1000
        : Number(field(answer.json, 'pollAfterMs'));
      const wait = Math.min(Math.max(Number.isFinite(asked) ? asked : 1000, 50), 5000);
      if (Date.now() + wait > until) throw new Mismatch(`${describe(answer)} to the last: the session never ended.`);
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  /** A session that the merchant finished, with e-receipts on. */
  connect(): Promise<Session> {
    return (this.finished ??= (async () => {
      const sandbox = this.sandbox();
      const session = await this.start();
      await sandbox.end(session.connectUrl, 'finish', 'on');
      const answer = await this.outcome(session.id);
      if (field(answer.json, 'status') !== 'finished') {
        throw new Mismatch(`${describe(answer)} with another "status" than "finished".`);
      }
      return { ...session, answer };
    })());
  }
}
