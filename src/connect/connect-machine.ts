import type { Connection, IntegrationAnswer } from '../shared/wire.js';
import { initialModel, type ConnectModel, type ConnectState } from './connect-model.js';
import type { ConnectFailure, ConnectOutcome } from './outcome.js';

export type ConnectInput =
  | { type: 'start' }
  | { type: 'resume'; id: string }
  /** The proxy answered, to the start (with `id`) or to a status call. */
  | { type: 'answered'; answer: IntegrationAnswer & { id?: string } }
  /** The proxy refused for good, or what it gave cannot be used. `expired` is a refusal too. */
  | { type: 'refused'; failure: ConnectFailure | 'expired' }
  /** The operator gives up, or the limit is reached. */
  | { type: 'end'; by: 'cancelled' | 'expired' }
  /** The last question before the end brought no answer in time. */
  | { type: 'silence' };

/**
 * What the element has to do, in this order:
 * `create` a session · `recall` a kept one with one status call · `watch` it: keep the id, show the page, poll · `ask-last`: one
 * last status call · `ended`: stop everything, forget the id, say so once · `forgotten`: the kept id was not ours; be as new ·
 * `put-off`: signed out here; keep the id for a page that brings another `fetch`, and be as new until then.
 */
export type ConnectEffect = 'create' | 'recall' | 'watch' | 'ask-last' | 'ended' | 'forgotten' | 'put-off';

export interface ConnectStep {
  model: ConnectModel;
  effects: ConnectEffect[];
}

type Handler<Type extends ConnectInput['type']> = (
  model: ConnectModel,
  input: Extract<ConnectInput, { type: Type }>,
) => ConnectStep;
type Row = { [Type in ConnectInput['type']]?: Handler<Type> };

const stay = (model: ConnectModel): ConnectStep => ({ model, effects: [] });
const end = (model: ConnectModel, outcome: ConnectOutcome): ConnectStep => ({
  model: { ...model, state: outcome.type, outcome, connectUrl: null, ending: null },
  effects: ['ended'],
});
const giveUp = (model: ConnectModel): ConnectStep =>
  end(model, model.ending === 'expired' ? { type: 'expired' } : { type: 'cancelled', by: 'operator' });
/** A proxy in another language may leave the connection out, or say null. */
const finish = (model: ConnectModel, connection?: Partial<Connection> | null): ConnectStep => {
  const { ereceipt, expiration } = connection || {};
  return end(model, { type: 'finished', ereceipt: ereceipt === true, expiration: expiration || null });
};

const create: Handler<'start'> = () => ({ model: { ...initialModel, state: 'starting' }, effects: ['create'] });
const recall: Handler<'resume'> = (_, { id }) => ({
  model: { ...initialModel, state: 'starting', id, resumed: true },
  effects: ['recall'],
});
const want: Handler<'start'> = (model) => stay({ ...model, wanted: true });
/** A session that was found is over, or not ours; somebody has asked for one meanwhile. */
const createInstead = ({ resumed, state, wanted, ending }: ConnectModel): ConnectStep | null =>
  resumed && wanted && !ending && state === 'starting'
    ? { model: { ...initialModel, state }, effects: ['forgotten', 'create'] }
    : null;

const answered: Handler<'answered'> = (model, { answer }) => {
  if (answer.status === 'finished') return finish(model, answer.connection);
  if (answer.status === 'cancelled') return createInstead(model) || end(model, { type: 'cancelled', by: 'merchant' });
  if (model.ending) return giveUp(model);
  // A session that was taken up may hear of its page later than of itself; the first page that it has, it keeps.
  if (model.state === 'pending' && (model.connectUrl || !answer.connectUrl)) return stay(model);
  return {
    model: {
      ...model,
      state: 'pending',
      id: answer.id || model.id,
      connectUrl: answer.connectUrl || null,
      embeddable: answer.embeddable !== false,
    },
    effects: ['watch'],
  };
};

const refused: Handler<'refused'> = (model, { failure }) => {
  if (failure === 'expired')
    return model.ending ? giveUp(model) : createInstead(model) || end(model, { type: 'expired' });
  if (model.ending && failure.code !== 'tokens_lost') return giveUp(model);
  if (model.state === 'starting' && model.resumed) {
    // Another store's, or sealed by keys that are gone: nothing that this page has started. Signed out: it may be ours later.
    const { code } = failure;
    if (code === 'unknown_integration' || code === 'not_yours')
      return createInstead(model) || { model: initialModel, effects: ['forgotten'] };
    if (code === 'unauthorized' && !model.wanted) return { model: initialModel, effects: ['put-off'] };
  }
  return end(model, { type: 'failed', ...failure });
};

/** A session that the server knows may have finished this very moment: ask once more before ending it. */
const askLast: Handler<'end'> = (model, { by }) =>
  model.ending ? stay(model) : { model: { ...model, ending: by }, effects: ['ask-last'] };
/** Nothing has been shown to anybody yet, so there is nothing to ask. */
const endStarting: Handler<'end'> = (model, input) =>
  model.id ? askLast(model, input) : giveUp({ ...model, ending: input.by });
const silence: Handler<'silence'> = (model) => (model.ending ? giveUp(model) : stay(model));

/** The table: what each state does with each input. What is not in it changes nothing. */
const table: Record<ConnectState, Row> = {
  idle: { start: create, resume: recall },
  starting: { start: want, answered, refused, end: endStarting, silence },
  pending: { answered, refused, end: askLast, silence },
  finished: { start: create },
  cancelled: { start: create },
  expired: { start: create },
  failed: { start: create },
};

export function step(model: ConnectModel, input: ConnectInput): ConnectStep {
  const handler = table[model.state][input.type] as
    ((model: ConnectModel, input: ConnectInput) => ConnectStep) | undefined;
  return handler ? handler(model, input) : stay(model);
}
