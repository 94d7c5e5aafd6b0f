import type { Verdict } from './phone-number.js';
import type { PromptState } from './prompt-machine.js';
import type { NumpadStrings } from './numpad-templates.js';

/** What is shown of the seconds that are left. */
export const countdown = (text: NumpadStrings, seconds: number): string =>
  text.idle.replace('{seconds}', String(seconds));

/** What the live region says of a prompt. */
export function wordsFor(
  { phase, reason }: PromptState,
  text: NumpadStrings,
  entry: { judged(): Verdict; masked: string },
  secondsLeft: number,
  eager: boolean,
): string {
  switch (phase) {
    case 'sending':
    case 'failed':
      if (phase === 'sending' || !secondsLeft) return text[phase];
      break;
    case 'sent':
      return text.sent.replace('{last4}', entry.masked);
    case 'printed':
      return reason === 'send-unconfirmed' ? text.unconfirmed : text.printed;
    case 'asking':
      break;
    default:
      return '';
  }
  const { needsWorld, number, reason: wrong } = entry.judged();
  if (secondsLeft) return countdown(text, 10);
  if (needsWorld) return text.checking;
  if (number) return text.ready;
  return wrong && (wrong !== 'too-short' || eager) ? text[wrong === 'country' ? 'wrong-country' : wrong] : '';
}

/** ISO code and name of the countries to choose from; none where there is no choice. */
export function choiceOf(allowed: readonly string[], language: string): (readonly [string, string])[] {
  if (allowed.length < 2) return [];
  const names =
    typeof Intl.DisplayNames === 'function' && new Intl.DisplayNames([language], { type: 'region', fallback: 'code' });
  return allowed.map((code) => [code, (/^[A-Z]{2}$/.test(code) && names && names.of(code)) || code] as const);
}

/** An idempotency key. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => (byte + 256).toString(16).slice(1)).join('');
}
