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
    const call = (this.call = new Call());
    const end = (answer: Connection | null): void => {
      if (this.call !== call) return;
      this.call = null;
      done(
        answer && {
          connected: answer.connected === true,
          ereceipt: answer.ereceipt === true,
          expiration: answer.expiration || null,
        },
      );
    };
    call
      .run(clock, readDeadline, (signal) =>
        callProxy<Connection>(proxyUrl, fetch, 'GET', '/connection', { signal, wants: ['connected'] }),
      )
      .then(end, () => end(null));
  }

  stop(): void {
    if (this.call) this.call.abort();
    this.call = null;
  }
}
