import type { ConnectFailure } from './outcome.js';

/** What went wrong on the way; the session goes on, and another window still works. */
export type ConnectWarningCode = 'csp-blocked' | 'slow' | 'load-failed' | 'not-embeddable' | 'popup-blocked';

export interface ConnectStartedDetail {
  /** True if a session of this tab was taken up again, after a reload for example. */
  resumed: boolean;
}
export interface ConnectFinishedDetail {
  /** True if the store texts receipts. */
  ereceipt: boolean;
  /** When the access token ends (ISO 8601), or null. */
  expiration: string | null;
}
export interface ConnectCancelledDetail {
  /** `merchant` gave up on the connect page, `operator` here. */
  by: 'merchant' | 'operator';
}
export type ConnectFailedDetail = ConnectFailure;
export interface ConnectWarningDetail {
  code: ConnectWarningCode;
}

/** Bubbles and crosses shadow roots; the detail's fields stand on the event itself, too. */
class ConnectEvent<Detail> extends CustomEvent<Detail> {
  constructor(type: string, detail: Detail) {
    super(type, { detail, bubbles: true, composed: true });
    Object.assign(this, detail);
  }
}

/** A session has begun: the connect page is there. */
export class ConnectStartedEvent extends ConnectEvent<ConnectStartedDetail> {
  declare readonly resumed: boolean;
  constructor(detail: ConnectStartedDetail) {
    super('connect-started', detail);
  }
}
/** The store is connected: its tokens are stored. */
export class ConnectFinishedEvent extends ConnectEvent<ConnectFinishedDetail> {
  declare readonly ereceipt: boolean;
  declare readonly expiration: string | null;
  constructor(detail: ConnectFinishedDetail) {
    super('connect-finished', detail);
  }
}
/** Somebody gave up. */
export class ConnectCancelledEvent extends ConnectEvent<ConnectCancelledDetail> {
  declare readonly by: 'merchant' | 'operator';
  constructor(detail: ConnectCancelledDetail) {
    super('connect-cancelled', detail);
  }
}
/** The time was up. */
export class ConnectExpiredEvent extends ConnectEvent<null> {
  constructor() {
    super('connect-expired', null);
  }
}
/** The session did not come about, or broke. */
export class ConnectFailedEvent extends ConnectEvent<ConnectFailedDetail> {
  declare readonly code: ConnectFailedDetail['code'];
  declare readonly phase: ConnectFailedDetail['phase'];
  declare readonly message: string;
  declare readonly retryable: boolean;
  constructor(detail: ConnectFailedDetail) {
    super('connect-failed', detail);
  }
}
/** Something is in the way, yet the session goes on. */
export class ConnectWarningEvent extends ConnectEvent<ConnectWarningDetail> {
  declare readonly code: ConnectWarningCode;
  constructor(detail: ConnectWarningDetail) {
    super('connect-warning', detail);
  }
}

export interface ConnectEventMap {
  'connect-started': ConnectStartedEvent;
  'connect-finished': ConnectFinishedEvent;
  'connect-cancelled': ConnectCancelledEvent;
  'connect-expired': ConnectExpiredEvent;
  'connect-failed': ConnectFailedEvent;
  'connect-warning': ConnectWarningEvent;
}

declare global {
  // They bubble and are composed, so any element or the document may listen.
  interface GlobalEventHandlersEventMap extends ConnectEventMap {}
}

export type { ConnectErrorCode, ConnectFailure, ConnectOutcome } from './outcome.js';
export type { ConnectState } from './connect-model.js';
