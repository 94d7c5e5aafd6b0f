import type { Fault } from './faults.js';

export interface Scenario {
  title: string;
  /** What one sees at the till. */
  description: string;
  faults: readonly Fault[];
  /** What happens to the integrations that are pending when the scenario is chosen. */
  open?: 'cancel' | 'expire';
}

/** One name for each way in which linking a store or sending a receipt can go. */
export const scenarios = {
  normal: { title: 'All is well', description: 'Everything answers at once.', faults: [] },
  slow: {
    title: 'Slow connect page',
    description: 'The connect page takes 12 seconds: the element says that it is slow, and goes on.',
    faults: [{ route: 'connect-page', kind: 'slow', ms: 12_000 }],
  },
  hang: {
    title: 'Connect page hangs',
    description: 'The connect page never answers: another window and the QR code are offered from the start.',
    faults: [{ route: 'connect-page', kind: 'hang' }],
  },
  'refuses-framing': {
    title: 'Refuses to be framed',
    description: 'X-Frame-Options: DENY. The proxy sees it beforehand, and the element offers a window.',
    faults: [{ route: 'connect-page', kind: 'headers', headers: { 'X-Frame-Options': 'DENY' } }],
  },
  'frame-ancestors': {
    title: 'frame-ancestors of another site',
    description: "Content-Security-Policy: frame-ancestors 'none', the newer way to refuse.",
    faults: [
      { route: 'connect-page', kind: 'headers', headers: { 'Content-Security-Policy': "frame-ancestors 'none'" } },
    ],
  },
  coop: {
    title: 'Opener policy same-origin',
    description:
      'Cross-Origin-Opener-Policy makes another window look closed at once. The element does not believe it.',
    faults: [{ route: 'connect-page', kind: 'headers', headers: { 'Cross-Origin-Opener-Policy': 'same-origin' } }],
  },
  'page-500': {
    title: 'Connect page fails',
    description: 'The connect page answers 500.',
    faults: [{ route: 'connect-page', kind: 'status', status: 500 }],
  },
  cancelled: {
    title: 'Merchant gives up',
    description: 'Every open integration is cancelled.',
    faults: [],
    open: 'cancel',
  },
  expired: {
    title: 'Integration expires',
    description:
      'Rulrr no longer knows the open integrations: the connect page says so, the till goes on asking until its own limit.',
    faults: [],
    open: 'expire',
  },
  'status-403': {
    title: 'Status refused',
    description: 'The status call answers 403, as after a change of the client secret.',
    faults: [{ route: 'integration-status', kind: 'status', status: 403 }],
  },
  'already-retrieved': {
    title: 'Tokens already retrieved',
    description: 'The token call answers 410 on the first try: the tokens are lost, one click connects again.',
    faults: [{ route: 'token', kind: 'status', status: 410 }],
  },
  'lost-answer': {
    title: 'Token answer lost',
    description:
      'Rulrr hands the tokens out and the connection dies: the one loss that nobody but Rulrr could prevent.',
    faults: [{ route: 'token', kind: 'lose-answer', times: 1 }],
  },
  'rate-limited': {
    title: 'Too many requests',
    description: 'Three status calls answer 429 with Retry-After: 3.',
    faults: [{ route: 'integration-status', kind: 'status', status: 429, retryAfter: '3', times: 3 }],
  },
  'server-error': {
    title: 'Rulrr fails for a while',
    description: 'Three status calls answer 500; polling goes on.',
    faults: [{ route: 'integration-status', kind: 'status', status: 500, times: 3 }],
  },
  'start-fails': {
    title: 'Cannot start',
    description: 'Creating an integration answers 500: a named failure with a retry.',
    faults: [{ route: 'create-integration', kind: 'status', status: 500 }],
  },
  'slow-api': {
    title: 'Slow API',
    description: 'Every status call takes 4 seconds.',
    faults: [{ route: 'integration-status', kind: 'slow', ms: 4000 }],
  },
  'send-failed': {
    title: 'Send fails',
    description: 'Orders are refused with 400: the customer tries again or takes paper.',
    faults: [{ route: 'post-order', kind: 'status', status: 400 }],
  },
  'send-unconfirmed': {
    title: 'Send stays unconfirmed',
    description: 'Orders never get an answer: paper prints by itself.',
    faults: [{ route: 'post-order', kind: 'hang' }],
  },
} as const satisfies Record<string, Scenario>;

export type ScenarioName = keyof typeof scenarios;

export const scenarioNames = Object.keys(scenarios) as ScenarioName[];
