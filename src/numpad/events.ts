import type { EreceiptOutcome, PrintReason } from './prompt-machine.js';

export type { EreceiptOutcome, PrintReason };

export interface EreceiptSentDetail {
  orderId: string;
  /** E.164, such as `+12135550123`. */
  phoneNumber: string;
}
export interface PrintReceiptDetail {
  orderId: string;
  reason: PrintReason;
}

/** Bubbles and crosses shadow roots; the detail's fields stand on the event itself, too. */
class OutcomeEvent<Detail> extends CustomEvent<Detail> {
  constructor(type: EreceiptOutcome['type'], detail: Detail) {
    super(type, { detail, bubbles: true, composed: true });
    Object.assign(this, detail);
  }
}

/** The receipt was texted, and that was confirmed: paper may be dismissed. */
export class EreceiptSentEvent extends OutcomeEvent<EreceiptSentDetail> {
  declare readonly orderId: string;
  declare readonly phoneNumber: string;
  constructor(detail: EreceiptSentDetail) {
    super('ereceipt-sent', detail);
  }
}
/** The receipt is to be printed. */
export class PrintReceiptEvent extends OutcomeEvent<PrintReceiptDetail> {
  declare readonly orderId: string;
  declare readonly reason: PrintReason;
  constructor(detail: PrintReceiptDetail) {
    super('print-receipt', detail);
  }
}

export interface EreceiptNumpadEventMap {
  'ereceipt-sent': EreceiptSentEvent;
  'print-receipt': PrintReceiptEvent;
}

declare global {
  // They bubble and are composed, so any element or the document may listen.
  interface GlobalEventHandlersEventMap extends EreceiptNumpadEventMap {}
}
