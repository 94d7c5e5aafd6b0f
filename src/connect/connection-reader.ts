import type { Clock } from '../shared/clock.js';
import { callProxy, type FetchLike, type ProxyError } from '../shared/proxy-client.js';
import type { Connection } from '../shared/wire.js';
import { Call } from './deadline.js';

const readDeadline = 30_000;

/** Reads whether the store is connected. One question at a time: a new one takes the place of the one that is on its way. */
export class ConnectionReader {
  private call: { abort(): void } | null = null;

  /** A question is on its way, or the next one is planned. */
  get busy(): boolean {
    return !!this.call;
  }

  /** `done` hears null where no usable answer came, with the reason (null at the deadline), and nothing after `stop`. */
  read(
    clock: Clock,
    proxyUrl: string,
    fetch: FetchLike,
    done: (connection: Connection | null, reason: ProxyError | null) => void,
  ): void {
    this.stop();
    const end = (answer: Connection | null, reason: ProxyError | null): void => {
      this.call = null;
      done(
        answer && {
          connected: answer.connected === true,
          ereceipt: answer.ereceipt === true,
          expiration: answer.expiration || null,
        },
        reason,
      );
    };
    this.call = new Call().run<Connection>(
      clock,
      readDeadline,
      (signal) => callProxy(proxyUrl, fetch, 'GET', '/connection', { signal, wants: ['connected'] }),
      (answer) => end(answer, null),
      (reason) => end(null, reason as ProxyError | null),
    );
  }

  /** The next question is planned; `stop` calls it off. */
  plan(abort: () => void): void {
    this.call = { abort };
  }

  stop(): void {
    if (this.call) this.call.abort();
    this.call = null;
  }
}
