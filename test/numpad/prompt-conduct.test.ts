import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { EreceiptOutcome } from '../../src/numpad/events.js';
import { PromptConduct } from '../../src/numpad/prompt-conduct.js';

it('owes no outcome because of what breaks while a change is shown', async (test) => {
  const said = test.mock.method(console, 'error', () => {});
  const told: EreceiptOutcome[] = [];
  const conduct = new PromptConduct({
    clock: { now: () => 0, after: () => () => {}, random: () => 0 },
    proxyUrl: '',
    send: () => Promise.resolve(),
    fetch: () => Promise.reject(new TypeError()),
    changed: () => {
      throw new Error('not shown');
    },
    forget() {},
    refuse() {},
    tell: (outcome) => told.push(outcome),
  });
  const first = conduct.prompt('1');
  const second = conduct.prompt('2');
  conduct.feed({ type: 'print' });
  const outcomes = [
    { type: 'print-receipt', orderId: '1', reason: 'superseded' },
    { type: 'print-receipt', orderId: '2', reason: 'declined' },
  ];
  assert.deepEqual(await Promise.all([first, second]), outcomes);
  assert.deepEqual(told, outcomes);
  assert.equal(said.mock.callCount(), 3);
});
