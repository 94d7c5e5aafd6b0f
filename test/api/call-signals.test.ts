// Calls that begin together share a signal: none of them may notice.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { describe, it } from 'node:test';
import { CallSignals, leave } from '../../src/api/call-signals.js';
import { fakeClock } from '../support/fake-clock.js';
import { apiAt, failureOf } from './support.js';

const pending = () => Response.json({ success: true, status: 'pending' });

/** A client whose calls hang until they are answered by hand, and the signal of each. */
function hanging() {
  const clock = fakeClock();
  const calls: { signal: AbortSignal; give: (response: Response) => void }[] = [];
  const fetch: typeof globalThis.fetch = (_input, init) =>
    new Promise((resolve) => calls.push({ signal: init!.signal!, give: resolve }));
  const api = apiAt('http://127.0.0.1:1', { fetch, clock, timeoutMs: 10_000 });
  const ends: string[] = [];
  const ask = (name: string, signal?: AbortSignal) =>
    api.getIntegrationStatus('it', { signal }).then(
      ({ status }) => ends.push(`${name} ${status}`),
      ({ code }) => ends.push(`${name} ${code}`),
    );
  return { clock, calls, ends, ask, api };
}

describe('calls that share a signal', () => {
  it('each ends at its own deadline, and the signal is aborted with the last', async () => {
    const { clock, calls, ends, ask } = hanging();
    void ask('first');
    await clock.advanceAsync(60);
    void ask('second');
    assert.equal(calls[0]!.signal, calls[1]!.signal);
    await clock.advanceAsync(9_939);
    assert.deepEqual(ends, []);
    await clock.advanceAsync(1);
    assert.deepEqual(ends, ['first timeout']);
    assert.equal(calls[0]!.signal.aborted, false);
    await clock.advanceAsync(60);
    assert.deepEqual(ends, ['first timeout', 'second timeout']);
    assert.equal(calls[0]!.signal.aborted, true);
    assert.equal(clock.pending, 0);
  });

  it('one that was given up is aborted at once where the others have their answers', async () => {
    const { clock, calls, ends, ask } = hanging();
    void ask('first');
    void ask('second');
    calls[1]!.give(pending());
    await clock.advanceAsync(10_000);
    assert.deepEqual(ends, ['second pending', 'first timeout']);
    assert.equal(calls[0]!.signal.aborted, true);
  });

  it('is never aborted where all were answered', async () => {
    const { clock, calls, ends, ask } = hanging();
    void ask('first');
    void ask('second');
    for (const { give } of calls) give(pending());
    await clock.advanceAsync(20_000);
    assert.deepEqual(ends, ['first pending', 'second pending']);
    assert.equal(calls[0]!.signal.aborted, false);
  });

  it('what comes too late is not read, and its body is let go of', async () => {
    const { clock, calls, ends, ask } = hanging();
    void ask('first');
    await clock.advanceAsync(60);
    void ask('second');
    await clock.advanceAsync(9_940);
    let cancelled = false;
    calls[0]!.give(new Response(new ReadableStream({ cancel: () => void (cancelled = true) })));
    calls[1]!.give(pending());
    await clock.advanceAsync(0);
    assert.deepEqual(ends, ['first timeout', 'second pending']);
    assert.equal(cancelled, true);
    assert.equal(calls[0]!.signal.aborted, true);
  });

  it('few share one, and only within a hundredth of the time', async () => {
    const { clock, calls, ask } = hanging();
    const signals = () => new Set(calls.map(({ signal }) => signal)).size;
    for (let at = 0; at < 5; at++) void ask('together');
    assert.equal(signals(), 1);
    void ask('one too many');
    assert.equal(signals(), 2);
    await clock.advanceAsync(100);
    void ask('later');
    assert.equal(signals(), 3);
    await clock.advanceAsync(9_900);
    void ask('after a timeout');
    assert.equal(signals(), 4);
  });

  it('a clock that was set back joins nothing', () => {
    const signals = new CallSignals(10_000);
    const first = signals.join(5_000);
    assert.equal(signals.join(5_099), first);
    const earlier = signals.join(1_000);
    assert.notEqual(earlier, first);
    assert.equal(signals.join(1_050), earlier);
  });

  it('nobody joins one that was given up', () => {
    const signals = new CallSignals(10_000);
    const first = signals.join(0);
    leave(first, true);
    assert.equal(first.controller.signal.aborted, true);
    assert.notEqual(signals.join(0), first);
  });

  it('a caller’s own signal, and a deadline of its own, stay apart', async () => {
    const { clock, calls, ends, ask, api } = hanging();
    const controller = new AbortController();
    void ask('first');
    void ask('own', controller.signal);
    void api.retrieveTokens('it').catch(() => undefined);
    assert.equal(new Set(calls.map(({ signal }) => signal)).size, 3);
    controller.abort();
    await clock.advanceAsync(0);
    assert.deepEqual(ends, ['own aborted']);
    assert.deepEqual(
      calls.map(({ signal }) => signal.aborted),
      [false, true, false],
    );
  });

  it('over a socket: the one that hangs is cut at the deadline, its neighbours’ connections live on', async (test) => {
    const cut: string[] = [];
    const sockets = new Set<Socket>();
    const server = createServer((request, response) => {
      sockets.add(request.socket);
      response.on('close', () => response.writableFinished || cut.push(request.url!.at(-1)!));
      if (request.url!.endsWith('h')) return;
      response.setHeader('Content-Type', 'application/json');
      response.end('{"success":true,"status":"pending"}');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    test.after(() => {
      server.closeAllConnections();
      server.close();
    });
    // Long enough for the others on a machine that has a lot to do.
    const api = apiAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { timeoutMs: 2000 });
    const hung = failureOf(api.getIntegrationStatus('h'));
    const answered = await Promise.all(['a', 'b', 'c'].map((id) => api.getIntegrationStatus(id)));
    assert.equal(answered.length, 3);
    const error = await hung;
    assert.deepEqual([error.code, error.sent], ['timeout', 'unclear']);
    const before = sockets.size;
    assert.deepEqual(await api.getIntegrationStatus('d'), { status: 'pending' });
    assert.equal(sockets.size, before);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(cut, ['h']);
  });
});
