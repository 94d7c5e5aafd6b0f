// The promise of one outcome through the real element: fingers, sends that end in every way, time, and a page that does as it likes.
import { expect } from '@open-wc/testing';
import { fakeClock } from '../support/fake-clock.js';
import { task, till, type Till } from './support.js';

const { random } = fakeClock(0, 20261125);
const below = (count: number) => Math.floor(random() * count);
const numbers = ['2135550123', '3105550199', '213'];

interface Run {
  t: Till;
  orders: string[];
  /** Orders whose send was confirmed, with the number. */
  confirmed: Set<string>;
  calls: { orderId: string; phoneNumber: string; key: string; resolve(): void; reject(error: unknown): void }[];
  log: string[];
}

const moves: { [name: string]: (run: Run) => void } = {
  prompt: ({ t, orders }) => {
    orders.push(`order-${orders.length}`);
    void t.pad.prompt(orders[orders.length - 1]!);
  },
  tap: ({ t }) => {
    t.pad.clear();
    t.tap(numbers[below(3)]!);
  },
  digit: ({ t }) => t.tap(String(below(10)) + (below(2) ? '<' : '')),
  send: ({ t }) => {
    for (let press = 0; press < (below(4) ? 1 : 20); press++) t.part('send').click();
  },
  enter: ({ t }) => void t.keyDown('Enter', { gap: 300 }),
  confirm: ({ calls, confirmed }) => {
    const call = calls[calls.length - 1 - below(2)];
    if (!call) return;
    confirmed.add(call.orderId + call.phoneNumber);
    call.resolve();
  },
  fail: ({ calls }) => calls[calls.length - 1 - below(2)]?.reject(new Error('no')),
  cut: ({ calls }) => calls[calls.length - 1 - below(2)]?.reject(new TypeError('Failed to fetch')),
  print: ({ t }) => t.part('print').click(),
  escape: ({ t }) => void t.keyDown('Escape', { gap: 300 }),
  close: ({ t }) => t.pad.close(),
  clear: ({ t }) => t.pad.clear(),
  shut: ({ t }) => (t.pad.open = false),
  move: ({ t }) => document.body.append(t.pad),
  redraw: ({ t }) => t.pad.setAttribute('presentation', below(2) ? 'dialog' : 'inline'),
  value: ({ t }) => (t.pad.value = '+12135550123'),
  gone: ({ t }) => t.pad.remove(),
};
const names = Object.keys(moves);

const next = ({ pad }: Till): string => {
  if (pad.state === 'sending') return ['confirm', 'confirm', 'fail'][below(3)]!;
  if (pad.state === 'failed' || pad.value) return 'send';
  return pad.state === 'asking' ? 'tap' : 'prompt';
};

describe('one outcome, through the element', () => {
  it('for each prompt, in 250 runs of 40 steps', async () => {
    let sent = 0;
    let printed = 0;
    for (let round = 0; round < 250; round++) {
      const calls: Run['calls'] = [];
      const t = await till(
        { 'idle-timeout': '30' },
        {
          send: ({ orderId, phoneNumber, idempotencyKey: key }) =>
            new Promise((resolve, reject) => calls.push({ orderId, phoneNumber, key, resolve, reject })),
        },
      );
      const run: Run = { t, orders: [], confirmed: new Set(), calls, log: [] };
      const promised: string[] = [];
      const { prompt } = t.pad;
      t.pad.prompt = (orderId) => {
        const outcome = prompt.call(t.pad, orderId);
        void outcome.then(({ type, orderId: of }) => promised.push(`${type} ${of}`));
        return outcome;
      };
      moves['prompt']!(run);
      for (let index = 0; index < 40; index++) {
        // Half of the time what a customer would do next; all else comes in between.
        const name = below(2) ? next(t) : names[below(names.length)]!;
        run.log.push(name);
        moves[name]!(run);
        const ms = below(3) ? 0 : [50, 1000, 4000, 8000, 31_000][below(5)]!;
        run.log.push(String(ms));
        await t.clock.advanceAsync(ms);
        if (!t.pad.isConnected) document.body.append(t.pad);
      }
      t.pad.close();
      await t.clock.advanceAsync(4000);
      await task();
      const what = run.log.join(' ');
      expect(t.told.map(({ orderId }) => orderId).sort(), what).to.deep.equal([...run.orders].sort());
      expect(promised.sort(), what).to.deep.equal(t.told.map(({ type, orderId }) => `${type} ${orderId}`).sort());
      for (const { type, orderId, phoneNumber } of t.told) {
        if (type === 'ereceipt-sent') {
          sent++;
          expect(run.confirmed.has(orderId + phoneNumber), what).to.equal(true);
        } else printed++;
      }
      const keys = new Map<string, string>();
      for (const { orderId, phoneNumber, key } of calls) {
        // One number of one order keeps its key until another is tried; no key serves two.
        expect(keys.get(key) ?? orderId + phoneNumber, what).to.equal(orderId + phoneNumber);
        keys.set(key, orderId + phoneNumber);
      }
      expect(t.pad.value, what).to.equal('');
      expect(t.shown(), what).to.equal('');
      t.remove();
      await t.clock.advanceAsync(10);
    }
    // A run in which nothing is ever sent would prove little.
    expect(sent).to.be.greaterThan(100);
    expect(printed).to.be.greaterThan(500);
  }).timeout(120_000);
});
