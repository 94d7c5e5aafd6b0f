import { parsePhoneNumberFromString } from 'libphonenumber-js/mobile';
import * as v from 'valibot';
import { idempotencyHeader } from '../shared/wire.js';
import { readJson } from './body.js';
import type { Connections } from './connections.js';
import { errorClass } from './events.js';
import type { ProxySettings } from './options.js';
import { Refusal } from './refusal.js';
import { ereceiptPrefix, Rows } from './rows.js';
import { doubtAfter } from './send-answer.js';
import { surelyNotSent } from './send-doubts.js';
import { createVault, type Vault } from './vault.js';
import { within } from './within.js';

/**
 * Throw this from `sendEreceipt` where it is unknown whether the receipt went out: the till prints, and the same key never
 * sends again. Errors of a connection that broke or timed out, and those with a status of 408, 499, or 500 and more, are taken for
 * the same. Anything else means "not sent".
 */
export class EreceiptUnconfirmedError extends Error {
  override readonly name = 'EreceiptUnconfirmedError';
  constructor(message = 'It is not known whether the receipt was sent.') {
    super(message);
  }
}

/** A send, read and checked. */
export interface EreceiptOrder {
  orderId: string;
  phoneNumber: string;
  idempotencyKey: string;
}

/** One idempotency key, kept in the token store before anything is sent, so that replicas and restarts know it too. */
interface SendRow {
  state: 'running' | 'sent' | 'unclear';
  /** Digest of what is to be sent: the same key with something else is a mistake. Holds no number. */
  job: string;
  /** Which attempt wrote the row: a store may throw after it wrote. */
  owner: string;
  at: number;
}

/** How long a key is remembered. Longer than any till keeps one. */
const rememberedMs = 7 * 24 * 3600_000;
/** Each run reads every key there is, of a million stores many million. */
const pruneEveryMs = 24 * 3600_000;
/** Clocks of replicas may differ by this, before a send that nobody finished counts as unclear. */
const slackMs = 5000;
/** How long an answer waits for its outcome to be written down: the till prints after its eight seconds, whatever was sent. */
const keepPatienceMs = 1000;

const orderSchema = v.object({
  orderId: v.pipe(v.string(), v.regex(/\S/), v.regex(/^.{1,200}$/su)),
  phoneNumber: v.string(),
});

/** In E.164 as it stands, with no 0 after the country code, and mobile: for codes of no country the mobile set has other types as well, toll-free +800 … */
function isTextable(number: string): boolean {
  const phone = parsePhoneNumberFromString(number);
  return phone?.number === number && phone.getType() === 'MOBILE';
}

/** Reads `POST /ereceipts`. @throws Refusal; never quotes what it refuses. */
export async function readEreceiptOrder(request: Request): Promise<EreceiptOrder> {
  const parsed = v.safeParse(orderSchema, await readJson(request));
  if (!parsed.success) {
    throw new Refusal(
      'bad_request',
      'The body must be {"orderId", "phoneNumber"}: orderId a text of 1 to 200 characters.',
    );
  }
  const idempotencyKey = request.headers.get(idempotencyHeader);
  if (idempotencyKey === null || !/^[\x21-\x7e]{1,200}$/.test(idempotencyKey)) {
    throw new Refusal('bad_request', `Needs the header ${idempotencyHeader} with 1 to 200 visible ASCII characters.`);
  }
  const { orderId, phoneNumber } = parsed.output;
  if (!/^\+[1-9]\d{6,14}$/.test(phoneNumber) || !isTextable(phoneNumber)) {
    throw new Refusal(
      'invalid_phone_number',
      'Not a number in E.164, such as +12135550123, that can get a text message.',
    );
  }
  return { orderId, phoneNumber, idempotencyKey };
}

type SendSettings = Pick<
  ProxySettings,
  'sendEreceipt' | 'tokenStore' | 'sealingKeys' | 'emit' | 'clock' | 'sendTimeoutMs'
>;

/** Sends receipts through the vendor's hook, each key once. */
export class Ereceipts {
  private readonly settings: SendSettings;
  private readonly connections: Pick<Connections, 'connection' | 'forStore'>;
  private readonly rows: Rows;
  private readonly vault: Vault;
  private readonly running = new Set<Promise<unknown>>();
  private pruning = false;
  private closed = false;

  /** @param vault for tests that run many thousand schedules: replaces encryption */
  constructor(settings: SendSettings, connections: Pick<Connections, 'connection' | 'forStore'>, vault?: Vault) {
    this.settings = settings;
    this.connections = connections;
    const { tokenStore, sealingKeys, emit, clock } = settings;
    this.vault = vault ?? createVault(sealingKeys);
    this.rows = new Rows(tokenStore, this.vault, emit, clock);
  }

  /**
   * Resolves once the receipt is surely sent, now or by an earlier call with the same key.
   * @param begun when the call came
   * @param gone aborts once nobody hears the answer any more; not every runtime's requests have one
   * @throws Refusal
   */
  async send(storeId: string, order: EreceiptOrder, begun: number, gone?: AbortSignal | null): Promise<void> {
    const hook = this.settings.sendEreceipt;
    if (!hook) throw new Refusal('misconfigured', 'The proxy has no sendEreceipt hook.');
    const { digest } = this.vault;
    const key = ereceiptPrefix + (await digest(JSON.stringify([storeId, order.idempotencyKey])));
    const job = await digest(JSON.stringify([storeId, order.idempotencyKey, order.orderId, order.phoneNumber]));
    const known = await this.rows.read<SendRow>(key);
    if (known) return this.judge(known, job);
    const { ereceipt } = await this.connections.connection(storeId);
    if (!ereceipt) throw new Refusal('ereceipt_disabled', 'This store does not text receipts.');

    const owner = crypto.randomUUID();
    const row = await this.claim(key, { state: 'running', job, owner, at: this.settings.clock.now() });
    if (row.owner !== owner) return this.judge(row, job);
    return this.track(this.run(hook, storeId, order, key, owner, begun, gone));
  }

  /** Waits for the sends that are under way; each ends within its time. */
  async close(): Promise<void> {
    this.closed = true;
    while (this.running.size) await Promise.allSettled([...this.running]);
  }

  private track<T>(work: Promise<T>): Promise<T> {
    this.running.add(work);
    work.finally(() => this.running.delete(work)).catch(() => undefined);
    return work;
  }

  /** Forgets keys that no till holds any more: one run at a time, a day apart, by one replica of all. Answers how many. */
  async prune(): Promise<number> {
    const { clock } = this.settings;
    // With many keys a run takes longer than sweeps are apart, and runs beside each other would only slow each other down.
    if (this.pruning) return 0;
    this.pruning = true;
    try {
      let pruned = 0;
      for await (const key of this.rows.turn('ereceipts', ereceiptPrefix, pruneEveryMs)) {
        if (this.closed) return pruned;
        const isOld = ({ at }: SendRow) => clock.now() - at > rememberedMs;
        if (await this.rows.remove<SendRow>(key, isOld).catch(() => false)) pruned += 1;
      }
      return pruned;
    } finally {
      this.pruning = false;
    }
  }

  /** Writes the row unless there is one, and answers with the one that stands. Nothing was sent before this has resolved. */
  private async claim(key: string, row: SendRow): Promise<SendRow> {
    try {
      return (await this.rows.update<SendRow>(key, (standing) => (standing ? undefined : row)))!;
    } catch (error) {
      // It may have been written all the same. If so it is ours, by its owner; if not, or if nobody can tell, nothing is sent.
      const standing = await this.rows.read<SendRow>(key);
      if (standing) return standing;
      throw error;
    }
  }

  /** What an earlier call with the same key means for this one. */
  private judge(row: SendRow, job: string): void {
    if (row.job !== job) throw new Refusal('bad_request', 'This Idempotency-Key was used for another receipt.');
    if (row.state === 'sent') return;
    // A send that nobody finished in its time: its process is gone, and what it did is unknown. A clock that was set back must not
    // hold that up.
    const over = Math.abs(this.settings.clock.now() - row.at) > this.settings.sendTimeoutMs + slackMs;
    if (row.state === 'unclear' || over) throw unconfirmed();
    throw new Refusal('in_progress', 'The same receipt is being sent. Ask again in a moment.', 1);
  }

  /** Calls the hook, waits for its time at most, and keeps what became of it. */
  private async run(
    hook: NonNullable<ProxySettings['sendEreceipt']>,
    storeId: string,
    order: EreceiptOrder,
    key: string,
    owner: string,
    begun: number,
    gone: AbortSignal | null | undefined,
  ): Promise<void> {
    const { clock, emit, sendTimeoutMs } = this.settings;
    const controller = new AbortController();
    // The till has waited since the call came, and prints: what a slow session or token store has used up of its time is gone.
    const left = sendTimeoutMs - Math.max(0, clock.now() - begun);
    let late = left <= 0;
    let started = false;
    const doubtful = (failed: boolean, code: string): Refusal | 'unclear' => {
      // After its time it has been told already, and what comes then is told as late.
      if (!late) emit({ type: failed ? 'ereceipt-failed' : 'ereceipt-unconfirmed', storeId, code });
      return failed ? new Refusal('send_failed', 'The receipt was not sent.') : 'unclear';
    };
    const work = (async (): Promise<SendRow['state'] | Refusal> => {
      try {
        const api = await this.connections.forStore(storeId);
        // Time ran out before anything was sent, or the till broke off and prints; after this nobody would hear of it.
        if (late || gone?.aborted) return new Refusal('send_failed', 'The receipt was not sent.');
        started = true;
        const doubt = await doubtAfter(await hook({ storeId, ...order, api, signal: controller.signal }));
        return doubt ? doubtful(doubt === 'failed', 'hook_result') : 'sent';
      } catch (error) {
        const refused = refusalIn(error);
        if (refused) return new Refusal('send_failed', refused.message);
        return doubtful(surelyNotSent(error), errorClass(error));
      }
    })();
    const timeUp = new Promise<'late'>((resolve) => {
      const cancel = clock.after(left, () => {
        late = true;
        controller.abort();
        resolve('late');
      });
      void work.then(cancel);
    });

    const first = await Promise.race([work, timeUp]);
    if (first !== 'late') return this.settle(key, owner, storeId, first);
    if (!started) {
      await this.settle(key, owner, storeId, new Refusal('send_failed', 'The receipt was not sent.'));
    }
    emit({ type: 'ereceipt-unconfirmed', storeId, code: 'send_timeout' });
    const kept = this.track(this.keep(key, owner, 'unclear'));
    // The hook may still come through. The till has printed by then; a repeat of the call will hear the truth.
    // Nothing waits for it, `close` neither: the row already says that it is unclear.
    void work.then(async (state) => {
      emit({ type: 'ereceipt-late', storeId, code: typeof state === 'string' ? state : 'send_failed' });
      // Not before the doubt has been written down, or it would be so over this.
      await kept;
      if (state === 'sent') await this.keep(key, owner, 'sent');
    });
    await within(clock, kept, keepPatienceMs);
    throw unconfirmed();
  }

  private async settle(key: string, owner: string, storeId: string, result: SendRow['state'] | Refusal): Promise<void> {
    const written =
      result instanceof Refusal
        ? // Surely not sent: the key is free again, for the same till to try once more.
          this.rows.remove<SendRow>(key, (row) => row.owner === owner && row.state === 'running').catch(() => undefined)
        : this.keep(key, owner, result);
    await within(this.settings.clock, this.track<unknown>(written), keepPatienceMs);
    if (result instanceof Refusal) throw result;
    if (result === 'unclear') throw unconfirmed();
    this.settings.emit({ type: 'ereceipt-sent', storeId });
  }

  /** A row that cannot be written stays `running`, which in time reads as unclear: never as a key that is free. */
  private async keep(key: string, owner: string, state: SendRow['state']): Promise<void> {
    const change = (row: SendRow | null) =>
      row && row.owner === owner && row.state !== state ? { ...row, state } : undefined;
    const write = () => this.rows.update<SendRow>(key, change);
    await write()
      .catch(write)
      .catch(() => undefined);
  }
}

/** Of what a hook throws: of a proxy that was revoked not even that can be asked. */
function refusalIn(thrown: unknown): Refusal | undefined {
  try {
    return thrown instanceof Refusal ? thrown : undefined;
  } catch {
    return undefined;
  }
}

function unconfirmed(): Refusal {
  return new Refusal('send_unconfirmed', 'It is not known whether the receipt was sent. Print it.');
}
