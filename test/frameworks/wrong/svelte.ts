// Compiled along with the Svelte page: each of these must be an error, or the types let anything through. As in markup, so here: svelte-check
// takes the attributes of a tag from this table.
import type { EreceiptSentEvent, PrintReceiptEvent } from 'rulrr-embed';
import type { SvelteHTMLElements } from 'svelte/elements';

type Connect = SvelteHTMLElements['rulrr-connect'];
type Numpad = SvelteHTMLElements['rulrr-ereceipt-numpad'];

export const right: [Connect, Numpad] = [
  { 'proxy-url': '/rulrr', timeout: 900, presentation: 'dialog' },
  { 'default-country': 'US', 'onereceipt-sent': ({ detail }) => detail.phoneNumber },
];

/** What a component of one's own was not given, it hands on as it is. */
export const handedOn = (timeout: number | undefined, countries: string | undefined): [Connect, Numpad] => [
  { timeout, 'proxy-url': undefined },
  { countries, 'onprint-receipt': undefined },
];

// @ts-expect-error a number of seconds
export const timeout: Connect = { timeout: 'soon' };

// @ts-expect-error inline or dialog
export const presentation: Connect = { presentation: 'window' };

// @ts-expect-error a function like the global one
export const fetcher: Connect = { fetch: (text: number) => text };

// @ts-expect-error no such property
export const unknown: Numpad = { colour: 'red' };

// @ts-expect-error the event of another outcome
export const event: Numpad = { 'onprint-receipt': (sent: EreceiptSentEvent) => sent.detail.phoneNumber };

// @ts-expect-error the outcome has no such detail
export const detail = (printed: PrintReceiptEvent) => printed.detail.nothing;
