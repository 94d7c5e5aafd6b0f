// The promise of one outcome, against a model that knows nothing of how it is kept.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  initialPrompt,
  isOpen,
  step as real,
  type PromptEvent,
  type PromptState,
  type PromptStep,
} from '../../src/numpad/prompt-machine.js';

type Step = (state: PromptState, event: PromptEvent) => PromptStep;

/** What may happen at a till; `late` answers belong to a send or a check before the last one. */
type Move =
  | { do: 'prompt'; way: 'check' | 'ask' | 'none' }
  | { do: 'connection'; late: boolean; ereceipt: boolean }
  | { do: 'send'; number: string; presses: number }
  | { do: 'answer'; late: boolean; result: 'sent' | 'failed' | 'refused' | 'disabled' | 'unclear' }
  | { do: 'edit' | 'print' | 'idle' | 'close' | 'rest' };

const results = ['sent', 'failed', 'refused', 'disabled', 'unclear'] as const;
const ways = ['check', 'ask', 'ask', 'none'] as const;
const plain = ['edit', 'print', 'idle', 'close', 'rest'] as const;

/** One number a move: what fast-check draws fastest, and shrinks best. */
function moveOf(code: number): Move {
  const kind = code % 10;
  const rest = Math.floor(code / 10);
  if (kind < 2) return { do: 'prompt', way: ways[rest % 4]! };
  if (kind < 4) return { do: 'connection', late: rest % 5 === 0, ereceipt: rest % 4 !== 1 };
  if (kind < 6)
    return { do: 'send', number: rest % 2 ? '+12135550123' : '+13105550199', presses: rest % 7 === 0 ? 20 : 1 };
  if (kind < 9) return { do: 'answer', late: rest % 4 === 0, result: results[rest % 5]! };
  return { do: plain[rest % 5]! };
}

interface Sent {
  attempt: number;
  orderId: string;
  number: string;
  key: string;
}

/** Plays moves; answers with the first breach of the promise, or null. */
function play(step: Step, moves: readonly number[]): string | null {
  let state = initialPrompt;
  let orders = 0;
  let keys = 0;
  const outcomes = new Map<string, string>();
  const sends: Sent[] = [];
  const confirmed = new Set<string>();
  const checks: number[] = [];
  let breach: string | null = null;
  const fail = (text: string) => void (breach ??= text);

  const feed = (event: PromptEvent) => {
    const before = state;
    const { state: next, effects } = step(state, event);
    state = next;
    for (const effect of effects) {
      if (effect.type === 'check') checks.push(effect.turn);
      else if (effect.type === 'send') {
        if (before.phase === 'sending') fail('two sends at a time');
        const last = [...sends].reverse().find(({ orderId }) => orderId === effect.orderId);
        if (last && last.number === effect.phoneNumber && last.key !== effect.idempotencyKey)
          fail('another key for the same number');
        if (
          sends.some(
            ({ key, orderId, number }) =>
              key === effect.idempotencyKey && (orderId !== effect.orderId || number !== effect.phoneNumber),
          )
        ) {
          fail('one key for two sends');
        }
        if (outcomes.has(effect.orderId)) fail('sent after its outcome');
        sends.push({
          attempt: effect.attempt,
          orderId: effect.orderId,
          number: effect.phoneNumber,
          key: effect.idempotencyKey,
        });
      } else if (effect.type === 'outcome') {
        const { outcome } = effect;
        if (outcomes.has(outcome.orderId)) fail('two outcomes');
        outcomes.set(outcome.orderId, outcome.type);
        if (outcome.type === 'ereceipt-sent' && !confirmed.has(outcome.orderId + outcome.phoneNumber))
          fail('sent without a confirmation');
      }
    }
    if (!isOpen(state) && (state.number || Object.keys(state.keys).length)) fail('the number outlives the prompt');
  };

  for (const code of moves) {
    const move = moveOf(code);
    if (move.do === 'prompt') feed({ type: 'prompt', orderId: `order-${++orders}`, way: move.way });
    else if (move.do === 'connection') {
      const turn = checks[checks.length - (move.late ? 2 : 1)];
      if (turn !== undefined) feed({ type: 'connection', turn, ereceipt: move.ereceipt });
    } else if (move.do === 'send') {
      for (let press = 0; press < move.presses; press++)
        feed({ type: 'send', number: move.number, key: `key-${++keys}` });
    } else if (move.do === 'answer') {
      const sent = sends[sends.length - (move.late ? 2 : 1)];
      if (!sent) continue;
      if (move.result === 'sent') confirmed.add(sent.orderId + sent.number);
      feed({ type: 'answer', attempt: sent.attempt, result: move.result });
    } else feed({ type: move.do });
    // All but the last order have their outcome by now, and the last one has it as soon as its prompt is over.
    const owed = orders - outcomes.size;
    if (owed !== (isOpen(state) ? 1 : 0)) fail('an outcome is owed');
    if (breach) return breach;
  }
  feed({ type: 'close' });
  if (outcomes.size !== orders) fail('none in the end');
  return breach;
}

const moves = fc.array(fc.nat(9999), { minLength: 30, maxLength: 36, size: 'max' });
const runs = (step: Step, numRuns: number, seed: number) =>
  fc.check(
    fc.property(moves, (list) => {
      const breach = play(step, list);
      if (breach) throw new Error(breach);
    }),
    { numRuns, seed },
  );

describe('one outcome', () => {
  it('for each prompt, in 100,000 runs of 30 steps and more', () => {
    const { failed, numRuns, counterexample, errorInstance } = runs(real, 100_000, 20261124);
    assert.equal(failed, false, `${String(errorInstance)} ${JSON.stringify(counterexample)}`);
    assert.equal(numRuns, 100_000);
  });

  // Machines that are wrong in one place each: the model must see every one of them.
  const broken: Record<string, Step> = {
    'takes late answers': (state, event) =>
      real(state, event.type === 'answer' ? { ...event, attempt: state.attempt } : event),
    'takes an unclear send for done': (state, event) =>
      real(state, event.type === 'answer' && event.result === 'unclear' ? { ...event, result: 'sent' } : event),
    'forgets the order before': (state, event) =>
      real(event.type === 'prompt' ? { ...state, phase: 'idle' } : state, event),
    'uses a new key for each try': (state, event) =>
      real(event.type === 'send' ? { ...state, number: '' } : state, event),
    'sends while it sends': (state, event) =>
      real(event.type === 'send' && state.phase === 'sending' ? { ...state, phase: 'asking' } : state, event),
    'tells twice': (state, event) => {
      const result = real(state, event);
      return event.type === 'print' ? { ...result, effects: result.effects.concat(result.effects.slice(-1)) } : result;
    },
    'keeps the number': (state, event) => {
      const result = real(state, event);
      return { ...result, state: { ...result.state, number: result.state.number || state.number } };
    },
  };
  for (const [name, step] of Object.entries(broken)) {
    it(`is not kept by a machine that ${name}`, () => {
      assert.equal(runs(step, 3000, 1).failed, true);
    });
  }

  it('has the reason that fits', () => {
    const reasonAfter = (...events: PromptEvent[]) => {
      let state = initialPrompt;
      let reason: string | undefined;
      for (const event of events) {
        const result = real(state, event);
        state = result.state;
        for (const effect of result.effects) {
          if (effect.type === 'outcome')
            reason ??= effect.outcome.type === 'print-receipt' ? effect.outcome.reason : 'sent';
        }
      }
      return reason;
    };
    const ask: PromptEvent = { type: 'prompt', orderId: 'a', way: 'ask' };
    const send: PromptEvent = { type: 'send', number: '+12135550123', key: 'k' };
    const answer = (result: (typeof results)[number]): PromptEvent => ({ type: 'answer', attempt: 1, result });
    assert.equal(reasonAfter(ask, { type: 'print' }), 'declined');
    assert.equal(reasonAfter(ask, { type: 'idle' }), 'idle');
    assert.equal(reasonAfter(ask, { type: 'close' }), 'closed');
    assert.equal(reasonAfter(ask, ask), 'superseded');
    assert.equal(reasonAfter({ ...ask, way: 'none' }), 'not-configured');
    assert.equal(
      reasonAfter({ ...ask, way: 'check' }, { type: 'connection', turn: 1, ereceipt: false }),
      'ereceipt-disabled',
    );
    assert.equal(reasonAfter(ask, send, answer('sent')), 'sent');
    assert.equal(reasonAfter(ask, send, answer('unclear')), 'send-unconfirmed');
    assert.equal(reasonAfter(ask, send, answer('disabled')), 'ereceipt-disabled');
    assert.equal(reasonAfter(ask, send, answer('failed'), { type: 'print' }), 'send-failed');
    assert.equal(reasonAfter(ask, send, answer('failed'), { type: 'idle' }), 'send-failed');
    assert.equal(reasonAfter(ask, send, answer('refused'), { type: 'print' }), 'declined');
    assert.equal(reasonAfter(ask, send, { type: 'print' }), undefined);
  });

  it('is decided by what the proxy says of its own order, and no proxy is asked where there is none', () => {
    const check = (orderId: string): PromptEvent => ({ type: 'prompt', orderId, way: 'check' });
    const after = (...events: PromptEvent[]) =>
      events.reduce((state, event) => real(state, event).state, initialPrompt);
    // As a call ends that is given up for the next order.
    const late: PromptEvent = { type: 'connection', turn: 1, ereceipt: false };
    assert.equal(after(check('a'), check('b'), late).phase, 'checking');
    assert.equal(after(check('a'), check('b'), late, { ...late, turn: 2, ereceipt: true }).phase, 'asking');
    assert.deepEqual(real(initialPrompt, { type: 'prompt', orderId: 'a', way: 'ask' }).effects, []);
  });
});
