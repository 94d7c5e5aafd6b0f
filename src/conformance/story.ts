import {
  describe,
  expectStatus,
  field,
  Mismatch,
  mismatchOf,
  pause,
  Skip,
  type Exchange,
  type Probe,
} from './probe.js';
import { SandboxControl } from './sandbox-control.js';
import type { CheckId } from './types.js';

/** One part of the checks: each throws `Mismatch` where it fails, and `Skip` where it cannot be made. */
export type Checks = Partial<Record<CheckId, (probe: Probe, story: Story) => Promise<void>>>;

export interface Session {
  id: string;
  connectUrl: string;
  answer: Exchange;
}

/** What the checks have in common: one session that stays pending, one that was finished. Started once, when first needed. */
export class Story {
  private readonly probe: Probe;
  private control: SandboxControl | undefined;
  private pending: Promise<Session> | undefined;
  private finished: Promise<Session> | undefined;
  /** Sends that were told as failed or in doubt, and the text messages that there were of them then: it stays at those. */
  readonly unsent: { orderId: string; messages: number; when: string }[] = [];

  constructor(probe: Probe) {
    this.probe = probe;
  }

  /**
   * Before anything is forgotten: does the proxy use the sandbox that was given? The store behind it might be a real one.
   * @throws TypeError if it does not
   */
  async aim(): Promise<void> {
    const { sandbox, fetch } = this.probe.options;
    if (!sandbox) return;
    const control = new SandboxControl(sandbox, this.probe.timeoutMs, typeof sandbox === 'string' ? fetch : undefined);
    if (!(await control.answers())) {
      throw new TypeError(
        'checkProxy: option "sandbox" does not lead to a sandbox: nothing there answers as one. Nothing was sent or forgotten.',
      );
    }
    const session = await this.start().catch(() => null);
    // Where the proxy starts none, the check `start` says why.
    if (!session) return;
    if (!(await control.knows(session.connectUrl))) {
      throw new TypeError(
        'checkProxy: option "sandbox" leads to another sandbox than the proxy uses: the "connectUrl" that it gives is not of this one. Nothing was sent or forgotten.',
      );
    }
    this.pending = Promise.resolve(session);
    this.control = control;
    this.probe.mayForget = true;
  }

  sandbox(): SandboxControl {
    if (this.control) return this.control;
    throw new Skip(
      this.probe.options.sandbox
        ? 'The proxy started no session, so it is not known whether it uses the sandbox.'
        : 'Needs the sandbox, to act as the merchant: give its URL.',
    );
  }

  async start(): Promise<Session> {
    const until = Date.now() + this.probe.timeoutMs;
    let answer = await this.probe.call('POST', '/integrations');
    // How many sessions may start is the proxy's to say: the contract has an answer for it.
    while (answer.status === 429) {
      const wait = Number(answer.headers.get('Retry-After') ?? NaN) * 1000;
      if (!(Date.now() + wait <= until)) break;
      await pause(Math.max(wait, 50));
      answer = await this.probe.call('POST', '/integrations');
    }
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

  /** Asks once; who asks again at once may be told to wait. */
  async ask(id: string): Promise<Exchange> {
    const answer = await this.probe.call('GET', `/integrations/${id}`);
    if (answer.status !== 429) return answer;
    await pause(waitAfter(answer));
    return this.probe.call('GET', `/integrations/${id}`);
  }

  /** How a session that is not over comes out. */
  async outcome(id: string): Promise<Exchange> {
    const answer = await this.ended(id);
    expectStatus(answer, 200);
    return answer;
  }

  /** Polls as the element does, until the session is no longer pending. */
  async ended(id: string): Promise<Exchange> {
    const until = Date.now() + this.probe.timeoutMs;
    for (;;) {
      const answer = await this.probe.call('GET', `/integrations/${id}`);
      const pending = answer.status === 200 && field(answer.json, 'status') === 'pending';
      if (!pending && !mayAskAgain(answer)) return answer;
      const wait = waitAfter(answer);
      if (Date.now() + wait > until)
        throw mismatchOf(answer, `${describe(answer)} to the last: the session never ended.`);
      await pause(wait);
    }
  }

  /** Polls until Rulrr's fault has met the proxy, or the session has ended; answers with the last poll's answer. */
  async meeting(id: string, struck: () => Promise<boolean>): Promise<Exchange> {
    const until = Date.now() + this.probe.timeoutMs;
    for (;;) {
      const answer = await this.probe.call('GET', `/integrations/${id}`);
      const pending = answer.status === 200 && field(answer.json, 'status') === 'pending';
      if ((await struck()) || !(pending || mayAskAgain(answer))) return answer;
      const wait = waitAfter(answer);
      if (Date.now() + wait > until)
        throw mismatchOf(answer, `${describe(answer)} to the last, and Rulrr was never asked.`);
      await pause(wait);
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

/** True for answers after which a till asks again. */
export const mayAskAgain = ({ status }: Exchange): boolean => [429, 502, 503, 504].includes(status);

/** How long the answer asks a till to wait, within bounds. */
export function waitAfter(answer: Exchange): number {
  const asked = mayAskAgain(answer)
    ? Number(answer.headers.get('Retry-After') ?? 1) * 1000
    : Number(field(answer.json, 'pollAfterMs'));
  return Math.min(Math.max(Number.isFinite(asked) ? asked : 1000, 50), 5000);
}
