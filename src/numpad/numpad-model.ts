import type { Messages } from '../shared/messages/en.js';
import type { NumberReason, Verdict } from './phone-number.js';
import type { PromptState } from './prompt-machine.js';

export type NumpadStrings = Messages['numpad'];

/** What is shown of the seconds that are left. */
export const countdown = (text: NumpadStrings, seconds: number): string =>
  text.idle.replace('{seconds}', String(seconds));

interface Entry {
  /** What has been keyed. */
  readonly text: string;
  judged(): Verdict;
}

/** What the live region says of a prompt. */
export function wordsFor(
  { phase, reason }: PromptState,
  text: NumpadStrings,
  entry: Entry & { masked: string },
  /** What the warning began with; 0 while it does not stand. */
  seconds: number,
  eager: boolean,
): string {
  if (phase === 'idle' || phase === 'checking') return '';
  if (phase === 'sent') return text.sent.replace('{last4}', entry.masked);
  if (phase === 'printed') return reason === 'send-unconfirmed' ? text.unconfirmed : text.printed;
  if (phase === 'sending' || (phase === 'failed' && !seconds)) return text[phase];
  const { needsWorld, number } = entry.judged();
  if (seconds) return countdown(text, seconds);
  if (needsWorld) return text.checking;
  if (number) return text.ready;
  const problem = problemOf(entry, eager);
  return problem ? problemWords(text, problem) : '';
}

/** What is to be said against the number: what more digits may mend, only to who wants to send it. */
export function problemOf(entry: Entry, eager: boolean): NumberReason | null {
  const { reason, unfinished } = entry.judged();
  if (eager && !reason && !entry.text) return 'too-short';
  return unfinished && !eager ? null : reason;
}

export const problemWords = (text: NumpadStrings, problem: NumberReason | 'failed'): string =>
  text[problem === 'country' ? 'wrong-country' : problem];

/** The longest of the words that may stand between the number and the keys, where labels are shorter: it holds their place. */
export const longest = (text: NumpadStrings): string =>
  Object.values({ ...text, title: '', unconfirmed: '' }).sort((one, other) => other.length - one.length)[0]!;

/** ISO code and name of the countries to choose from; none where there is no choice. */
export function choiceOf(allowed: readonly string[], language: string): (readonly [string, string])[] {
  if (allowed.length < 2) return [];
  const names = Intl.DisplayNames && new Intl.DisplayNames([language], { type: 'region' });
  return allowed.map((code) => [code, (/^[A-Z]{2}$/.test(code) && names && names.of(code)) || code] as const);
}

/** What a page without types has given as a text: 0 is one; null, undefined and false, by which frameworks unset a property, are none. */
export const textOf = (value: unknown): string => (value == null || value === false ? '' : String(value));

/** An idempotency key: 32 hexadecimal digits. */
export const newKey = (): string =>
  [...crypto.getRandomValues(new Uint32Array(4))].map((part) => (part + 2 ** 32).toString(16).slice(1)).join('');
