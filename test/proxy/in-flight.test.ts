import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InFlight } from '../../src/proxy/in-flight.js';
import { fakeClock } from '../support/fake-clock.js';

function setup() {
  const clock = fakeClock();
  const inFlight = new InFlight(clock);
  const done: string[] = [];
  const drain = (name: string, ms = 60_000) => void inFlight.drain(ms).then(() => done.push(name));
  return { clock, inFlight, done, drain };
}

test('drain waits for all that is tracked, whether it comes off or fails, and for what that begins', async () => {
  const { clock, inFlight, done, drain } = setup();
  let first = () => {};
  let second = (_error: Error) => {};
  let third = () => {};
  const one = inFlight.track(new Promise<void>((resolve) => (first = resolve)));
  const two = inFlight.track(new Promise<void>((_resolve, reject) => (second = reject)));
  // As in the proxy: some awaits lie between an answer and the work that it begins.
  void (async () => {
    await one;
    for (let turn = 0; turn < 8; turn++) await Promise.resolve();
    void inFlight.track(new Promise<void>((resolve) => (third = resolve)));
  })();
  two.catch(() => {});
  drain('once');
  drain('twice');
  await clock.advanceAsync(0);
  second(new Error('failed'));
  await clock.advanceAsync(0);
  first();
  await clock.advanceAsync(0);
  assert.deepEqual(done, []);
  third();
  await clock.advanceAsync(0);
  assert.deepEqual(done, ['once', 'twice']);
  assert.equal(clock.pending, 0);
});

test('drain ends at once where nothing is under way, and in time where something hangs', async () => {
  const { clock, inFlight, done, drain } = setup();
  drain('idle');
  await clock.advanceAsync(0);
  assert.deepEqual(done, ['idle']);
  void inFlight.track(new Promise(() => {}));
  drain('hung', 500);
  await clock.advanceAsync(499);
  assert.deepEqual(done, ['idle']);
  await clock.advanceAsync(1);
  assert.deepEqual(done, ['idle', 'hung']);
});

test('a pause ends when the proxy closes, and says so; no timer of it keeps the process up', async () => {
  const { clock, inFlight } = setup();
  const outcomes: boolean[] = [];
  void inFlight.pause(100).then((whole) => outcomes.push(whole));
  void inFlight.pause(1000).then((whole) => outcomes.push(whole));
  await clock.advanceAsync(100);
  await inFlight.drain(0);
  await clock.advanceAsync(0);
  assert.deepEqual(outcomes, [true, false]);
  assert.equal(await inFlight.pause(1), false);
  assert.equal(clock.pending, 0);
});
