import { EreceiptUnconfirmedError, Ereceipts } from '../../../src/proxy/ereceipts.js';
import { Refusal } from '../../../src/proxy/refusal.js';
import { ReplicatedWorld, type Fate, type Issue, type Replica } from './replicated-world.js';

/** A call of the hook. */
interface Attempt {
  began: number;
  /** What is known of it where it ran. */
  state: 'running' | 'refused' | 'unclear' | 'done';
  /** The text message went out. */
  out: boolean;
}

/** Of a till, to a replica. */
interface Call {
  replica: Replica;
  began: number;
  till: AbortController;
}

/** A receipt, and the idempotency key that goes with it. */
interface Receipt {
  key: string;
  attempts: Attempt[];
  /** Calls of tills that have no answer yet. */
  calls: Set<Call>;
  /** The last answer that each call in turn has heard. */
  heard: string[];
}

const storeId = 'store-a';
/** As long as the proxy gives a send, and as a till waits. */
const sendTimeoutMs = 8_000;
const dayMs = 86_400_000;

/**
 * Tills that send receipts through any of the replicas, each with a key, break off, and ask again; and a gateway that may do what it is told
 * and not say so. The hook tells the truth about it: a refusal that it hears means that no text went out.
 */
export class SendsWorld extends ReplicatedWorld {
  readonly receipts: Receipt[] = [];
  /** What happened, to see that the schedules reach what they are meant to reach. */
  readonly happened = new Set<string>();
  private readonly senders = new Map<Replica, Ereceipts>();

  /** @param skews by how much each replica's clock is off (ms) */
  static create(skews: number[], receipts: number): SendsWorld {
    const world = new SendsWorld();
    const pair = {
      accessToken: 'access',
      refreshToken: 'refresh',
      expiration: null,
      ereceipt: true,
      flowId: 'flow',
      order: 1,
      generation: 0,
      obtainedAt: world.now,
    };
    const row = JSON.stringify({ storeId, lastOrder: 1, endedThrough: 0, pair });
    world.rows.set(`store/${storeId}`, { value: `store/${storeId} ${row}`, version: -1 });
    for (const [id, skew] of skews.entries()) world.replicas.push(world.replica(id, skew));
    for (let index = 0; index < receipts; index++)
      world.receipts.push({ key: `key-${index}`, attempts: [], calls: new Set(), heard: [] });
    return world;
  }

  // ── What a schedule can do ──

  send(replica: number, which: number): void {
    const target = this.pick(replica);
    const receipt = this.receipts[which % this.receipts.length]!;
    const call: Call = { replica: target, began: this.now, till: new AbortController() };
    receipt.calls.add(call);
    // The till prints.
    this.after(sendTimeoutMs, () => call.till.abort());
    const order = { orderId: `order of ${receipt.key}`, phoneNumber: '+12135550123', idempotencyKey: receipt.key };
    const begun = this.now + target.skew;
    this.senders
      .get(target)!
      .send(storeId, order, begun, call.till.signal)
      .then(
        () => this.hears(receipt, call, 'sent'),
        (error: unknown) => {
          this.onlyRefusals(error);
          this.hears(receipt, call, (error as Refusal).code);
        },
      );
  }

  /** Somebody at the till closes the prompt, or the page: it prints. */
  breakOff(which: number): void {
    for (const { till } of this.receipts[which % this.receipts.length]!.calls) till.abort();
  }

  prune(replica: number): void {
    this.senders
      .get(this.pick(replica))!
      .prune()
      .catch((error: unknown) => this.onlyRefusals(error));
  }

  override terminate(replica: number): void {
    const target = this.pick(replica);
    const sender = this.senders.get(target)!;
    sender
      .close()
      .then(() => target.connections.close())
      .then(
        () => this.kill(target),
        (error: unknown) => this.violate(`I0 close threw ${String(error)}`),
      );
    this.succeed(target);
  }

  /** Nothing fails any more, and each till asks once more. */
  async rest(): Promise<void> {
    await this.runWell();
    await this.passWell(200_000);
    for (const receipt of this.receipts) {
      if (receipt.calls.size) this.violate(`E4 a call for ${receipt.key} has no answer`);
      const heard: string[] = [];
      for (const replica of this.replicas.keys()) {
        this.send(replica, this.receipts.indexOf(receipt));
        await this.runWell();
        await this.passWell(100_000);
        heard.push(receipt.heard.at(-1)!);
      }
      if (heard.some((code) => !['sent', 'send_unconfirmed'].includes(code)) || new Set(heard).size > 1)
        this.violate(`E4 ${receipt.key} ends as ${heard.join()}`);
    }
  }

  // ── The invariants ──

  private hears(receipt: Receipt, call: Call, what: string): void {
    receipt.calls.delete(call);
    if (!call.replica.alive) return;
    receipt.heard.push(what);
    this.happened.add(what);
    const { attempts } = receipt;
    if (what === 'sent' && !attempts.some(({ out }) => out)) this.violate(`E2 ${receipt.key} sent was said of no text`);
    // With its key free again, another call may have sent it before this one heard.
    const refused = attempts.findLastIndex(({ state }) => state === 'refused');
    const isEarlier = (one: Attempt, index: number) => index < refused || one.began < call.began;
    const contradicts = (one: Attempt, index: number) => isOpen(one) && this.isRemembered(one) && isEarlier(one, index);
    if (what === 'send_failed' && attempts.some(contradicts))
      this.violate(`E3 ${receipt.key} failed was said, and a text went out or may still`);
  }

  /** Keys are forgotten after a week: nothing is promised of what a receipt with the same one came to before that. */
  private isRemembered({ began }: Attempt): boolean {
    return this.now - began < 6 * dayMs;
  }

  /** The hook is called. */
  private begins(receipt: Receipt, replica: Replica): Attempt {
    const { attempts, calls } = receipt;
    if (attempts.some((one) => isOpen(one) && this.isRemembered(one)))
      this.violate(`E1 ${receipt.key} is sent again, and a text went out or may still`);
    if (attempts.some((one) => isOpen(one))) this.happened.add('sent again after a week');
    const waits = [...calls].some(
      ({ replica: asked, began, till }) =>
        asked === replica && !till.signal.aborted && this.now - began < sendTimeoutMs,
    );
    if (!waits) this.violate(`E5 ${receipt.key} is sent, and its till has printed`);
    const attempt: Attempt = { began: this.now, state: 'running', out: false };
    attempts.push(attempt);
    return attempt;
  }

  protected committed(): void {
    // What counts is what is sent.
  }

  // ── The parts ──

  protected override kill(target: Replica): void {
    super.kill(target);
    for (const { calls } of this.receipts) for (const call of calls) if (call.replica === target) calls.delete(call);
  }

  protected override replica(id: number, skew = 0): Replica {
    const replica = super.replica(id, skew);
    const settings = {
      tokenStore: this.store(replica),
      sealingKeys: [],
      emit: () => undefined,
      clock: this.clockOf(replica),
      sendTimeoutMs,
      sendEreceipt: ({ idempotencyKey }: { idempotencyKey: string }) => this.hook(idempotencyKey, replica),
    };
    this.senders.set(replica, new Ereceipts(settings, replica.connections, this.vault));
    return replica;
  }

  private hook(key: string, replica: Replica): Promise<void> {
    const receipt = this.receipts.find((one) => one.key === key)!;
    const attempt = this.begins(receipt, replica);
    return this.call<void>(replica, 'token', (fate, resolve, reject) => this.gateway(attempt, fate, resolve, reject));
  }

  private gateway(attempt: Attempt, fate: Fate, resolve: () => void, reject: (error: Error) => void): void {
    if (fate === 'request lost' || fate === 'server error') {
      attempt.state = 'refused';
      return reject(new Error('The gateway knows no such number.'));
    }
    attempt.out = true;
    if (fate === 'answer lost' || fate === 'garbage') {
      attempt.state = 'unclear';
      return reject(new EreceiptUnconfirmedError());
    }
    attempt.state = 'done';
    resolve();
  }

  // ── What does not happen here ──

  protected refresh(): Issue {
    throw new Error('No token is old enough.');
  }

  protected getStore(): never {
    throw new Error('Nobody calls with an access token here.');
  }
}

/** A text went out, or may still. */
const isOpen = ({ state, out }: Attempt) => out || state === 'running' || state === 'unclear';
