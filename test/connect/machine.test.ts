import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { step, type ConnectInput } from '../../src/connect/connect-machine.js';
import { initialModel, isActive, type ConnectModel } from '../../src/connect/connect-model.js';
import { failure } from '../../src/connect/outcome.js';

const connectUrl = 'https://connect.rulrr.com/?integration_token=t&client_id=c';
const answer = (status: 'pending' | 'finished' | 'cancelled', extra: object = {}): ConnectInput => ({
  type: 'answered',
  answer: { status, pollAfterMs: 3000, expiresAt: '2026-11-24T01:00:00Z', ...extra },
});
const opened = answer('pending', { id: 'sealed', connectUrl });
const refused = (code: Parameters<typeof failure>[0]): ConnectInput => ({
  type: 'refused',
  failure: failure(code, 'poll', code),
});

/** Feeds one after the other; answers with the last model and all effects. */
function feed(...inputs: ConnectInput[]): { model: ConnectModel; effects: string[] } {
  let model = initialModel;
  const effects: string[] = [];
  for (const input of inputs) {
    const next = step(model, input);
    model = next.model;
    effects.push(...next.effects);
  }
  return { model, effects };
}

describe('the connect machine', () => {
  it('goes from a start to each of the four ends', () => {
    const start: ConnectInput = { type: 'start' };
    const ends: [ConnectInput, string][] = [
      [answer('finished', { connection: { connected: true, ereceipt: true, expiration: null } }), 'finished'],
      [answer('cancelled'), 'cancelled'],
      [{ type: 'refused', failure: 'expired' }, 'expired'],
      [refused('tokens_lost'), 'failed'],
    ];
    for (const [input, state] of ends) {
      const { model, effects } = feed(start, opened, input);
      assert.equal(model.state, state);
      assert.deepEqual(effects, ['create', 'watch', 'ended']);
      assert.equal(model.connectUrl, null);
    }
  });

  it('lets the last answer decide after the operator gave up or the time was up', () => {
    const start: ConnectInput = { type: 'start' };
    for (const by of ['cancelled', 'expired'] as const) {
      const end: ConnectInput = { type: 'end', by };
      assert.equal(feed(start, opened, end, answer('finished')).model.state, 'finished');
      assert.equal(feed(start, opened, end, answer('pending')).model.state, by);
      assert.equal(feed(start, opened, end, { type: 'silence' }).model.state, by);
      assert.equal(feed(start, opened, end, refused('unauthorized')).model.state, by);
      assert.equal(feed(start, opened, end, { type: 'refused', failure: 'expired' }).model.state, by);
      assert.equal(feed(start, opened, end, refused('tokens_lost')).model.state, 'failed');
    }
    assert.deepEqual(feed(start, opened, { type: 'end', by: 'cancelled' }, answer('cancelled')).model.outcome, {
      type: 'cancelled',
      by: 'merchant',
    });
  });

  it('has nothing to ask before the proxy has answered', () => {
    const { model, effects } = feed({ type: 'start' }, { type: 'end', by: 'cancelled' });
    assert.deepEqual(model.outcome, { type: 'cancelled', by: 'operator' });
    assert.deepEqual(effects, ['create', 'ended']);
  });

  it('forgets a kept session that is not ours or is over, and starts anew only if somebody wanted that', () => {
    const resume: ConnectInput = { type: 'resume', id: 'kept' };
    for (const code of ['unknown_integration', 'not_yours'] as const) {
      assert.deepEqual(feed(resume, refused(code)), { model: initialModel, effects: ['recall', 'forgotten'] });
      const wanted = feed(resume, { type: 'start' }, refused(code));
      assert.equal(wanted.model.state, 'starting');
      assert.deepEqual(wanted.effects, ['recall', 'forgotten', 'create']);
    }
    assert.deepEqual(feed(resume, refused('unauthorized')).effects, ['recall', 'put-off']);
    for (const over of [{ type: 'refused', failure: 'expired' } as const, answer('cancelled')]) {
      assert.deepEqual(feed(resume, { type: 'start' }, over).effects, ['recall', 'forgotten', 'create']);
      assert.deepEqual(feed(resume, over).effects, ['recall', 'ended']);
      const givenUp = feed(resume, { type: 'start' }, { type: 'end', by: 'cancelled' }, over);
      assert.deepEqual(givenUp.effects, ['recall', 'ask-last', 'ended']);
    }
    const taken = feed(resume, answer('pending', { connectUrl }));
    assert.equal(taken.model.id, 'kept');
    assert.equal(taken.model.resumed, true);
    assert.equal(feed(resume, answer('finished')).model.state, 'finished');
  });

  it('tells whoever wanted a session that nobody is signed in, though it began with a kept one', () => {
    const { model, effects } = feed({ type: 'resume', id: 'kept' }, { type: 'start' }, refused('unauthorized'));
    assert.equal(model.state, 'failed');
    assert.deepEqual(effects, ['recall', 'ended']);
  });

  it('ends each start exactly once, whatever comes in whatever order', () => {
    const inputs = fc.constantFrom<ConnectInput>(
      { type: 'start' },
      { type: 'resume', id: 'kept' },
      opened,
      answer('pending', { connectUrl }),
      answer('finished'),
      answer('cancelled'),
      refused('tokens_lost'),
      refused('unauthorized'),
      refused('unknown_integration'),
      refused('network'),
      { type: 'refused', failure: 'expired' },
      { type: 'end', by: 'cancelled' },
      { type: 'end', by: 'expired' },
      { type: 'silence' },
    );
    fc.assert(
      fc.property(fc.array(inputs, { maxLength: 40 }), (list) => {
        let model = initialModel;
        let open = false;
        for (const input of list) {
          const before = model;
          const next = step(before, input);
          model = next.model;
          const ended = next.effects.filter((effect) => effect === 'ended').length;
          const quiet =
            next.effects.includes('put-off') ||
            (next.effects.includes('forgotten') && !next.effects.includes('create'));
          if (ended) {
            assert.ok(open, 'an end without a session');
            assert.equal(ended, 1);
            assert.notEqual(model.outcome, null);
          }
          if (next.effects.includes('create') || next.effects.includes('recall')) open = true;
          if (ended || quiet) open = false;
          assert.equal(isActive(model), open, `${before.state} + ${input.type} → ${model.state}`);
          assert.equal(model.outcome !== null, !open && model.state !== 'idle');
        }
      }),
      { numRuns: 2000, seed: 4 },
    );
  });
});
