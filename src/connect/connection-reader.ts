import type { Clock } from '../shared/clock.js';
import { callProxy, type FetchLike } from '../shared/proxy-client.js';
import type { Connection } from '../shared/wire.js';
import { Call } from './deadline.js';

const readDeadline = 30_000;

/** Reads whether the store is connected. One question at a time: a new one takes the place of the one that is on its way. */
export class ConnectionReader {
  private call: Call | null = null;

  get busy(): boolean {
    return !!this.call;
  }

  /** `done` hears null where no usable answer came, and nothing after `stop`. */
  read(clock: Clock, proxyUrl: string, fetch: FetchLike, done: (connection: Connection | null) => void): void {
    this.stop();
    const end = (answer: Connection | null): void => {
      this.call = null;
      done(
        answer && {
          connected: answer.connected === true,
          ereceipt: answer.ereceipt === true,
          expiration: answer.expiration || null,
        },
      );
    };
    this.call = new Call().run<Connection>(
      clock,
      readDeadline,
      (signal) => callProxy(proxyUrl, fetch, 'GET', '/connection', { signal, wants: ['connected'] }),
      end,
      () => end(null),
    );
  }

  stop(): void {
    if (this.call) this.call.abort();
    this.call = null;
  }
}
