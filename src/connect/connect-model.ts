import type { ConnectOutcome } from './outcome.js';

/** What the element shows and says, and all that `state` ever is. */
export type ConnectState = 'idle' | 'starting' | 'pending' | 'finished' | 'cancelled' | 'expired' | 'failed';

/** Everything that is known of one session. Never changed in place. */
export interface ConnectModel {
  readonly state: ConnectState;
  /** The sealed id; null until the proxy has given one. */
  readonly id: string | null;
  /** Rulrr's connect page; null until known. */
  readonly connectUrl: string | null;
  /** False where the proxy read that the connect page refuses to be framed. */
  readonly embeddable: boolean;
  /** Found in the session storage rather than started here. */
  readonly resumed: boolean;
  /** `start()` was called while a found session was being looked up: if that one is gone, a new one follows. */
  readonly wanted: boolean;
  /** How the session ends unless the server's last word is another. */
  readonly ending: 'cancelled' | 'expired' | null;
  readonly outcome: ConnectOutcome | null;
}

export const initialModel: ConnectModel = {
  state: 'idle',
  id: null,
  connectUrl: null,
  embeddable: true,
  resumed: false,
  wanted: false,
  ending: null,
  outcome: null,
};

/** True from the start of a session to its end. */
export const isActive = ({ state }: ConnectModel): boolean => state === 'starting' || state === 'pending';
