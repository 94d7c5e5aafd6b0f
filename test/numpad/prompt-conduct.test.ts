import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { EreceiptOutcome } from '../../src/numpad/events.js';
import { PromptConduct, type ConductHost } from '../../src/numpad/prompt-conduct.js';
import { fakeClock } from '../support/fake-clock.js';
import { until } from '../support/until.js';

function conductOf(host: Partial<ConductHost> = {}) {
  const told: EreceiptOutcome[] = [];
  const clock = fakeClock();
  const conduct = new PromptConduct({
    clock,
    proxyUrl: '',
    send: () => Promise.resolve(),
    fetch: () => Promise.reject(new TypeError()),
    changed() {},
    forget() {},
    refuse() {},
    tell: (outcome) => told.push(outcome),
    ...host,
  });
  return { conduct, told, clock };
}

for (const name of ['changed', 'forget', 'tell'] as const) {
  it(`owes no outcome because of what breaks in ${name}()`, async (test) => {
    test.mock.method(console, 'error', () => {});
    const breaks = () => {
      throw new Error('broken');
    };
    const { conduct, told } = conductOf({ [name]: breaks });
    const first = conduct.prompt('1');
    const second = conduct.prompt('2');
    conduct.feed({ type: 'print' });
    const outcomes = [
      { type: 'print-receipt', orderId: '1', reason: 'superseded' },
      { type: 'print-receipt', orderId: '2', reason: 'declined' },
    ];
    assert.deepEqual(await Promise.all([first, second]), outcomes);
    assert.deepEqual(told, name === 'tell' ? [] : outcomes);
  });
}

it('asks nothing for a prompt that another one has taken the place of before its turn came', () => {
  const asked: string[] = [];
  const { conduct } = conductOf({
    proxyUrl: '/rulrr',
    fetch: (url) => {
      asked.push(url);
      return new Promise(() => {});
    },
    tell({ orderId }) {
      if (orderId === '1') void conduct.prompt('3');
    },
  });
  void conduct.prompt('1');
  void conduct.prompt('2');
  assert.equal(asked.length, 2);
});

it('says that a send is unconfirmed though the page closes the prompt when its signal aborts', async () => {
  const { conduct, told, clock } = conductOf({
    send: ({ signal }) => {
      signal.addEventListener('abort', () => conduct.feed({ type: 'close' }));
      return new Promise(() => {});
    },
  });
  void conduct.prompt('1');
  conduct.feed({ type: 'send', number: '+12135550123', key: 'key' });
  clock.advance(8000);
  assert.deepEqual(told, [{ type: 'print-receipt', orderId: '1', reason: 'send-unconfirmed' }]);
});

it('leaves a signal alone once the send was confirmed: the page may take it for a call to cancel the text', async () => {
  const signals: AbortSignal[] = [];
  let confirm = () => {};
  const { conduct, told, clock } = conductOf({
    proxyUrl: '/rulrr',
    fetch: () => Promise.resolve(Response.json({ connected: true, ereceipt: true })),
    send: ({ signal }) => {
      signals.push(signal);
      return new Promise((resolve) => (confirm = resolve));
    },
  });
  const outcome = conduct.prompt('1');
  await until(() => conduct.model.phase === 'asking');
  // What would have ended the check falls into the send.
  await clock.advanceAsync(3000);
  conduct.feed({ type: 'send', number: '+12135550123', key: 'key' });
  await clock.advanceAsync(2000);
  confirm();
  await outcome;
  await clock.advanceAsync(8000);
  assert.deepEqual(
    told.map(({ type }) => type),
    ['ereceipt-sent'],
  );
  assert.equal(signals[0]!.aborted, false);
});

it('prints in time for an order whose check hangs, though the answer to the last order comes late', async () => {
  let late = () => {};
  const { conduct, told, clock } = conductOf({
    proxyUrl: '/rulrr',
    send: () => new Promise((resolve) => (late = resolve)),
    fetch: () => new Promise(() => {}),
  });
  void conduct.prompt('1');
  conduct.feed({ type: 'connection', turn: 1, ereceipt: true });
  conduct.feed({ type: 'send', number: '+12135550123', key: 'key' });
  void conduct.prompt('2');
  late();
  await clock.advanceAsync(4000);
  assert.deepEqual(told, [
    { type: 'print-receipt', orderId: '1', reason: 'superseded' },
    { type: 'print-receipt', orderId: '2', reason: 'ereceipt-disabled' },
  ]);
});
