/** Why a receipt is printed. */
export type PrintReason =
  | 'declined'
  | 'ereceipt-disabled'
  | 'send-failed'
  | 'send-unconfirmed'
  | 'idle'
  | 'closed'
  | 'superseded'
  | 'not-configured';

/** How a prompt ended: one of the two, once. */
export type EreceiptOutcome =
  | { type: 'ereceipt-sent'; orderId: string; phoneNumber: string }
  | { type: 'print-receipt'; orderId: string; reason: PrintReason };

/** `sent` and `printed` are rests after an outcome: they show it for a moment. */
export type PromptPhase = 'idle' | 'checking' | 'asking' | 'sending' | 'failed' | 'sent' | 'printed';

export interface PromptState {
  phase: PromptPhase;
  orderId: string;
  /** Counts prompts; an answer that belongs to another one is late. */
  turn: number;
  /** Counts sends, over all prompts; likewise. */
  attempt: number;
  /** The number that was sent last in this prompt, E.164. */
  number: string;
  /** The idempotency key of each number that was tried in this prompt. */
  keys: { readonly [number: string]: string };
  /** A send of this prompt surely failed. */
  failed: boolean;
  /** Why the last receipt was printed. */
  reason: PrintReason | null;
}

/**
 * What is known of a send. `failed` and `refused`: it surely did not happen, for a passing reason or because of the number itself.
 * `disabled`: e-receipts are off. `unclear`: it may have happened.
 */
export type SendResult = 'sent' | 'failed' | 'refused' | 'disabled' | 'unclear';

export type PromptEvent =
  /** `check` asks the proxy first whether the store texts receipts. */
  | { type: 'prompt'; orderId: string; way: 'check' | 'ask' | 'none' }
  | { type: 'connection'; turn: number; ereceipt: boolean }
  /** `key` is used unless this number was tried before in this prompt. */
  | { type: 'send'; number: string; key: string }
  | { type: 'answer'; attempt: number; result: SendResult }
  | { type: 'edit' }
  | { type: 'print' }
  | { type: 'idle' }
  | { type: 'close' }
  | { type: 'rest' };

export type PromptEffect =
  | { type: 'check'; turn: number }
  | { type: 'send'; attempt: number; orderId: string; phoneNumber: string; idempotencyKey: string }
  /** Drop the number and every call that is under way. */
  | { type: 'forget' }
  | { type: 'outcome'; turn: number; outcome: EreceiptOutcome };

export interface PromptStep {
  state: PromptState;
  effects: PromptEffect[];
}

export const initialPrompt: PromptState = {
  phase: 'idle',
  orderId: '',
  turn: 0,
  attempt: 0,
  number: '',
  keys: {},
  failed: false,
  reason: null,
};

/** A prompt is on: its outcome is still owed. */
export function isOpen(state: PromptState): boolean {
  return state.phase !== 'idle' && !isResting(state);
}

/** The end of a prompt is on screen. */
export function isResting({ phase }: PromptState): boolean {
  return phase === 'sent' || phase === 'printed';
}

/** The customer may change the number. */
export function isEditable({ phase }: PromptState): boolean {
  return phase === 'asking' || phase === 'failed';
}

/**
 * The one place where an outcome comes from. A prompt leaves its open phases only through `end`, which emits exactly one; every event that
 * does not fit the phase, the turn or the attempt changes nothing.
 */
export function step(state: PromptState, event: PromptEvent): PromptStep {
  switch (event.type) {
    case 'prompt': {
      const before = isOpen(state) ? end(state, 'superseded') : to(state);
      const turn = state.turn + 1;
      const next: PromptState = {
        ...initialPrompt,
        phase: event.way === 'check' ? 'checking' : 'asking',
        orderId: event.orderId,
        turn,
        attempt: state.attempt,
      };
      const after = event.way === 'none' ? end(next, 'not-configured') : to(next);
      if (event.way === 'check') after.effects.push({ type: 'check', turn });
      return { state: after.state, effects: before.effects.concat(after.effects) };
    }
    case 'connection':
      if (state.phase !== 'checking' || event.turn !== state.turn) break;
      return event.ereceipt ? to({ ...state, phase: 'asking' }) : end(state, 'ereceipt-disabled');
    case 'send': {
      if (!isEditable(state) || !event.number) break;
      const attempt = state.attempt + 1;
      const { number } = event;
      const key = state.keys[number] || event.key;
      return {
        state: { ...state, phase: 'sending', attempt, number, keys: { ...state.keys, [number]: key } },
        effects: [{ type: 'send', attempt, orderId: state.orderId, phoneNumber: number, idempotencyKey: key }],
      };
    }
    case 'answer':
      if (state.phase !== 'sending' || event.attempt !== state.attempt) break;
      if (event.result === 'sent') return end(state, null);
      if (event.result === 'failed') return to({ ...state, phase: 'failed', failed: true });
      if (event.result === 'refused') return to({ ...state, phase: 'asking' });
      return end(state, event.result === 'disabled' ? 'ereceipt-disabled' : 'send-unconfirmed');
    case 'edit':
      if (state.phase === 'failed') return to({ ...state, phase: 'asking' });
      break;
    case 'print':
    case 'idle':
      // Not while a send is under way: it ends by itself within seconds, and may have reached the customer.
      if (isEditable(state))
        return end(state, state.failed ? 'send-failed' : event.type === 'idle' ? 'idle' : 'declined');
      break;
    case 'close':
      return isOpen(state) ? end(state, 'closed') : step(state, { type: 'rest' });
    case 'rest':
      if (isResting(state)) return to({ ...state, phase: 'idle' });
  }
  return to(state);
}

function to(state: PromptState): PromptStep {
  return { state, effects: [] };
}

function end(state: PromptState, reason: PrintReason | null): PromptStep {
  const { orderId, turn, attempt } = state;
  const outcome: EreceiptOutcome = reason
    ? { type: 'print-receipt', orderId, reason }
    : { type: 'ereceipt-sent', orderId, phoneNumber: state.number };
  return {
    state: { ...initialPrompt, phase: reason ? 'printed' : 'sent', orderId, turn, attempt, reason },
    effects: [{ type: 'forget' }, { type: 'outcome', turn, outcome }],
  };
}
