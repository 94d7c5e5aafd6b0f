// The promise of one outcome through the real element: fingers, sends that end in every way, time, and a page that does as it likes.
import { expect } from '@open-wc/testing';
import { fakeClock } from '../support/fake-clock.js';
import { task } from '../support/until.js';
import { json, till, type Till } from './support.js';

/** Run 0 begins with this, run 1 with the next. What fails says with which one; alone, it fails again: set `runs` to 1. */
const firstSeed = 20261125;
const runs = 250;
const steps = 40;
const numbers = ['2135550123', '3105550199', '213'];

interface Call {
  orderId: string;
  phoneNumber: string;
  key: string;
  resolve(): void;
  reject(error: unknown): void;
  /** Only by a proxy. */
  answer?(response: Response): void;
}

interface Run {
  t: Till;
  below(count: number): number;
  orders: string[];
  /** Orders whose send was confirmed, with the number. */
  confirmed: Set<string>;
  calls: Call[];
  /** Questions to the proxy whether e-receipts are on; without a proxy there are none. */
  checks: { orderId: string; answer(response: Response): void }[];
  /** Orders of which the proxy said that they may be asked about. */
  allowed: Set<string>;
}

/** The last one, or the one before it: then the answer is late. */
const lately = <Item>({ below }: Run, list: Item[]): Item | undefined => list[list.length - 1 - below(2)];
const refuse = (run: Run, status: number, code: string) => lately(run, run.calls)?.answer?.(json({ code }, status));
const connection = (run: Run, ereceipt: boolean) => {
  const check = lately(run, run.checks);
  if (!check) return;
  if (ereceipt) run.allowed.add(check.orderId);
  check.answer(json({ connected: true, ereceipt, expiration: null }));
};

const moves: { [name: string]: (run: Run) => void } = {
  prompt: ({ t, orders }) => {
    orders.push(`order-${orders.length}`);
    void t.pad.prompt(orders[orders.length - 1]!);
  },
  open: ({ t, orders }) => {
    if (t.pad.open) return;
    orders.push(`order-${orders.length}`);
    Object.assign(t.pad, { orderId: orders[orders.length - 1], open: true });
  },
  on: (run) => connection(run, true),
  off: (run) => connection(run, false),
  tap: ({ t, below }) => {
    t.pad.clear();
    t.tap(numbers[below(3)]!);
  },
  digit: ({ t, below }) => t.tap(String(below(10)) + (below(2) ? '<' : '')),
  send: ({ t, below }) => {
    for (let press = 0; press < (below(4) ? 1 : 20); press++) t.part('send').click();
  },
  enter: ({ t }) => void t.keyDown('Enter', { gap: 300 }),
  confirm: (run) => {
    const call = lately(run, run.calls);
    if (!call) return;
    run.confirmed.add(call.orderId + call.phoneNumber);
    call.resolve();
  },
  fail: (run) => lately(run, run.calls)?.reject(new Error('no')),
  cut: (run) => lately(run, run.calls)?.reject(new TypeError('Failed to fetch')),
  refused: (run) => refuse(run, 422, 'invalid_phone_number'),
  disabled: (run) => refuse(run, 403, 'ereceipt_disabled'),
  unconfirmed: (run) => refuse(run, 504, 'send_unconfirmed'),
  print: ({ t }) => t.part('print').click(),
  escape: ({ t }) => void t.keyDown('Escape', { gap: 300 }),
  close: ({ t }) => t.pad.close(),
  clear: ({ t }) => t.pad.clear(),
  shut: ({ t }) => (t.pad.open = false),
  move: ({ t }) => document.body.append(t.pad),
  redraw: ({ t, below }) => t.pad.setAttribute('presentation', below(2) ? 'dialog' : 'inline'),
  value: ({ t }) => (t.pad.value = '+12135550123'),
  gone: ({ t }) => t.pad.remove(),
  leave: () => void window.dispatchEvent(new Event('pagehide')),
};
const names = Object.keys(moves);

/** What a customer, and a proxy that is well, would do next. */
const next = ({ t: { pad }, below }: Run): string => {
  if (pad.state === 'checking') return 'on';
  if (pad.state === 'sending') return ['confirm', 'confirm', 'fail'][below(3)]!;
  if (pad.state === 'failed' || pad.value) return 'send';
  return pad.state === 'asking' ? 'tap' : 'prompt';
};

/** An element that sends by a function of the page, or by its proxy. */
async function begin(seed: number): Promise<Run> {
  const { random } = fakeClock(0, seed);
  const calls: Call[] = [];
  const checks: Run['checks'] = [];
  const orders: string[] = [];
  const ways: Parameters<typeof till>[1][] = [
    {
      send: ({ orderId, phoneNumber, idempotencyKey: key }) =>
        new Promise((resolve, reject) => calls.push({ orderId, phoneNumber, key, resolve, reject })),
    },
    {
      send: null,
      proxyUrl: '/p',
      fetch: (path, init) =>
        new Promise((answer, reject) => {
          if (path === '/p/connection') return void checks.push({ orderId: orders[orders.length - 1]!, answer });
          const { orderId, phoneNumber } = JSON.parse(init!.body as string) as Call;
          const key = (init!.headers as Record<string, string>)['Idempotency-Key']!;
          const sayNo = (error: unknown) =>
            error instanceof TypeError ? reject(error) : answer(json({ code: 'send_failed' }, 502));
          calls.push({
            orderId,
            phoneNumber,
            key,
            resolve: () => answer(json({ sent: true })),
            reject: sayNo,
            answer,
          });
        }),
    },
  ];
  const t = await till({ 'idle-timeout': '30' }, ways[seed % 2]);
  const below = (count: number) => Math.floor(random() * count);
  return { t, below, orders, confirmed: new Set(), calls, checks, allowed: new Set() };
}

describe('one outcome, through the element', () => {
  it(`for each prompt, in ${runs} runs of ${steps} steps`, async () => {
    let sent = 0;
    const printed: Record<string, number> = {};
    for (let round = 0; round < runs; round++) {
      const seed = firstSeed + round;
      const run = await begin(seed);
      const { t, below, orders, confirmed, calls } = run;
      const log = [`seed ${seed}:`];
      const promised: string[] = [];
      const { prompt } = t.pad;
      t.pad.prompt = (orderId) => {
        const outcome = prompt.call(t.pad, orderId);
        void outcome.then(({ type, orderId: of }) => promised.push(`${type} ${of}`));
        return outcome;
      };
      moves['prompt']!(run);
      for (let index = 0; index < steps; index++) {
        // Half of the time what a customer would do next; all else comes in between.
        const name = below(2) ? next(run) : names[below(names.length)]!;
        log.push(name);
        moves[name]!(run);
        const ms = below(3) ? 0 : [50, 1000, 4000, 8000, 31_000][below(5)]!;
        log.push(String(ms));
        await t.clock.advanceAsync(ms);
        // Nobody can answer any more: nothing may be owed.
        if (!t.pad.isConnected || name === 'leave') expect(t.told.length, log.join(' ')).to.equal(orders.length);
        if (!t.pad.isConnected) document.body.append(t.pad);
      }
      t.pad.close();
      await t.clock.advanceAsync(4000);
      await task();
      const what = log.join(' ');
      expect(t.told.map(({ orderId }) => orderId).sort(), what).to.deep.equal([...orders].sort());
      expect(promised.sort(), what).to.deep.equal(t.told.map(({ type, orderId }) => `${type} ${orderId}`).sort());
      for (const { type, orderId, phoneNumber, reason } of t.told) {
        if (type === 'ereceipt-sent') {
          sent++;
          expect(confirmed.has(orderId + phoneNumber), what).to.equal(true);
        } else printed[reason!] = (printed[reason!] ?? 0) + 1;
      }
      const keys = new Map<string, string>();
      for (const { orderId, phoneNumber, key } of calls) {
        // One number of one order keeps its key until another is tried; no key serves two.
        expect(keys.get(key) ?? orderId + phoneNumber, what).to.equal(orderId + phoneNumber);
        keys.set(key, orderId + phoneNumber);
        if (t.pad.proxyUrl) expect(run.allowed.has(orderId), what).to.equal(true);
      }
      expect(t.pad.value, what).to.equal('');
      expect(t.shown(), what).to.equal('');
      t.remove();
      await t.clock.advanceAsync(10);
      expect(t.clock.pending, what).to.equal(0);
    }
    // Runs in which nothing is ever sent, or printed for one reason only, would prove little.
    expect(sent).to.be.greaterThan(100);
    const reasons = [
      'closed',
      'declined',
      'ereceipt-disabled',
      'idle',
      'send-failed',
      'send-unconfirmed',
      'superseded',
    ];
    expect(Object.keys(printed).sort(), JSON.stringify(printed)).to.deep.equal(reasons);
    for (const reason of reasons) expect(printed[reason], JSON.stringify(printed)).to.be.greaterThan(9);
  }).timeout(120_000);
});
