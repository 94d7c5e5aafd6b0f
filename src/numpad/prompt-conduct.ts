import type { Clock } from '../shared/clock.js';
import { callProxy, type FetchLike } from '../shared/proxy-client.js';
import type { Connection } from '../shared/wire.js';
import type { EreceiptOutcome } from './events.js';
import { initialPrompt, step, type PromptEffect, type PromptEvent, type PromptState } from './prompt-machine.js';
import { resultOf, type EreceiptSend } from './send-result.js';

/** After this without an answer, in ms: whether e-receipts are on is in doubt; whether the text was sent is. */
const checkDeadline = 4000;
const sendDeadline = 8000;

export interface ConductHost {
  readonly clock: Clock;
  readonly proxyUrl: string;
  readonly send: EreceiptSend | null;
  readonly fetch: FetchLike;
  /** The prompt stands otherwise than before. */
  changed(before: PromptState): void;
  /** The number is wanted no more. */
  forget(): void;
  /** The receiver says that there is no such number. */
  refuse(): void;
  tell(outcome: EreceiptOutcome): void;
}

/** Conducts prompts: feeds the machine that decides, makes the calls it asks for, and tells each outcome once. */
export class PromptConduct {
  model = initialPrompt;

  private readonly host: ConductHost;
  private queue: PromptEffect[] | null = null;
  private readonly promises: { [turn: number]: (outcome: EreceiptOutcome) => void } = {};
  private running: AbortController | null = null;
  private stopDeadline: () => void = () => {};

  constructor(host: ConductHost) {
    this.host = host;
  }

  prompt(orderId: string): Promise<EreceiptOutcome> {
    const { proxyUrl, send } = this.host;
    return new Promise((resolve) => {
      this.promises[this.model.turn + 1] = resolve;
      this.feed({ type: 'prompt', orderId, way: proxyUrl ? 'check' : send ? 'ask' : 'none' });
    });
  }

  /** Effects run in order, one after the other, also if a listener of an outcome starts the next prompt. */
  feed(event: PromptEvent): void {
    const before = this.model;
    const { state, effects } = step(before, event);
    this.model = state;
    try {
      if (state.phase !== before.phase || state.turn !== before.turn) this.host.changed(before);
    } catch (error) {
      console.error(error);
    }
    if (this.queue) {
      this.queue.push(...effects);
      return;
    }
    this.queue = effects.slice();
    let effect: PromptEffect | undefined;
    while ((effect = this.queue.shift())) {
      try {
        this.perform(effect);
      } catch (error) {
        // Whatever broke (a page's own fetch, say), the outcomes that are owed are still told.
        console.error(error);
      }
    }
    this.queue = null;
  }

  private perform(effect: PromptEffect): void {
    if (effect.type === 'check') {
      // A late one: the next prompt has begun meanwhile.
      if (effect.turn === this.model.turn) this.check(effect.turn);
    } else if (effect.type === 'send') this.transmit(effect);
    else if (effect.type === 'forget') {
      if (this.running) this.running.abort();
      this.settleCall();
      this.host.forget();
    } else {
      const { turn, outcome } = effect;
      const resolve = this.promises[turn]!;
      delete this.promises[turn];
      try {
        this.host.tell(outcome);
      } finally {
        resolve(outcome);
      }
    }
  }

  /** Any doubt prints: an error and silence are no. */
  private check(turn: number): void {
    const answer = (ereceipt: boolean): void => this.feed({ type: 'connection', turn, ereceipt });
    const { proxyUrl, fetch } = this.host;
    const signal = this.call(checkDeadline, () => answer(false));
    callProxy<Connection>(proxyUrl, fetch, 'GET', '/connection', { signal, wants: ['connected'] }).then(
      (connection) => answer(connection.connected === true && connection.ereceipt === true),
      () => answer(false),
    );
  }

  private transmit({ attempt, orderId, phoneNumber, idempotencyKey }: PromptEffect & { type: 'send' }): void {
    const { host } = this;
    const signal = this.call(sendDeadline, () => this.feed({ type: 'answer', attempt, result: 'unclear' }));
    void resultOf({ orderId, phoneNumber, idempotencyKey, signal }, host).then((result) => {
      if (attempt !== this.model.attempt || this.model.phase !== 'sending') return;
      this.settleCall();
      if (result === 'refused') host.refuse();
      this.feed({ type: 'answer', attempt, result });
    });
  }

  /** The signal of a call that ends in time; the last one is over. */
  private call(deadline: number, late: () => void): AbortSignal {
    this.settleCall();
    const abort = (this.running = new AbortController());
    const wait = (ms: number, then: () => void): (() => void) => (this.stopDeadline = this.host.clock.after(ms, then));
    // In two parts: after a dialog of the browser's, which stops the page, a timer that is over comes before the answer that is there.
    wait(deadline * 0.9, () =>
      wait(deadline * 0.1, () => {
        late();
        abort.abort();
      }),
    );
    return abort.signal;
  }

  private settleCall(): void {
    this.stopDeadline();
    this.running = null;
  }
}
