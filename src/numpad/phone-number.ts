/** Why a number cannot get a text message. */
export type NumberReason =
  'too-short' | 'too-long' | 'invalid' | 'country' | 'not-textable' | 'extension' | 'ambiguous';

/** What the library makes of a text. */
export interface PhoneReading {
  /** E.164, valid or not. */
  number: string;
  /** ISO 3166-1 alpha-2: the one that it belongs to, and others where it is valid, too, as of a mainland and its islands; none that is known, perhaps. */
  countries: readonly string[];
  callingCode: string;
  /** The national (significant) number. */
  national: string;
  /** Valid under mobile metadata: it can get a text message. */
  valid: boolean;
  /** Against the possible lengths of its numbering plan. */
  length: 'too-short' | 'too-long' | null;
  /** A number of some kind in its numbering plan. */
  assigned: boolean;
}

/** The phone rules that are here; `phone-library.ts` has them. They are asked about ASCII digits, with a `+` in front or not. */
export interface PhoneRules {
  knows(country: string): boolean;
  /** As-you-type format. */
  format(text: string, country: string): string;
  /** Null where there is no number to be read at all. */
  read(text: string, country: string): PhoneReading | null;
}

export interface PhoneQuestion {
  rules: PhoneRules;
  /** Whose national numbers these are, ISO 3166-1 alpha-2. */
  country: string;
  /** Countries that may be texted; none named means all. */
  allowed: readonly string[];
  /** The rules of the whole world: `rules` has them, they are on their way, or they cannot be had. */
  world: 'here' | 'coming' | 'blocked';
}

export interface Verdict {
  /** What to show. */
  shown: string;
  /** E.164; '' while there is no number that may be sent. */
  number: string;
  /** Null with a number, and with nothing keyed. */
  reason: NumberReason | null;
  /** Only the world's rules can tell. */
  needsWorld: boolean;
  /** The reason may go with more digits. */
  unfinished: boolean;
}

/** 00 is dialled before a country code almost everywhere, and people write it in the rest of the world, too; in Australia 0011, and no code begins with 11. */
const withPlus = (text: string): string => text.replace(/^00(11)?/, '+');
/** Toll-free and premium numbers of the +1 plan, which gets no rule of its own for them from mobile metadata. */
const neverTextable = /^(8(00|22|33|44|55|66|77|88)|900)/;

/** Judges what has been keyed: at least one digit, or a plus. "Textable" is valid under mobile metadata; +1 numbers are never told apart as mobile or fixed. */
export function judge(text: string, question: PhoneQuestion): Verdict {
  const { rules, allowed, world } = question;
  const abroad = withPlus(text);
  const reading = read(text, question);
  const shown = show(text, question, reading);
  const verdict = (
    number: string,
    reason: NumberReason | null,
    needsWorld = false,
    unfinished = reason === 'too-short',
  ): Verdict => ({ shown, number, reason, needsWorld, unfinished });

  const digits = text.replace('+', '');
  // Also one that cannot be texted is, first of all, another country's.
  if (reading && !reading.length && (reading.valid || reading.countries[0]) && !permits(allowed, reading))
    return verdict('', 'country');
  if (reading && reading.valid) return verdict(reading.number, null);
  const textless = reading && (reading.callingCode === '1' ? neverTextable.test(reading.national) : reading.assigned);
  if (world !== 'here') {
    const away = !rules.knows(question.country) || /^\+(?!1)/.test(abroad);
    const inPlan = reading && !reading.length && !textless;
    // Prefixes such as 011 hide a country code from rules that do not know it.
    const idd = !reading && digits.length > 6;
    const needsWorld = away || inPlan || idd;
    if (needsWorld && world === 'coming') return verdict('', digits.length < 7 ? 'too-short' : null, true);
    if (needsWorld && !(allowed.length && allowed.every((one) => rules.knows(one)))) {
      // The server decides. A national number of a country without rules has no E.164 form, so it needs its country code.
      if (inPlan) return verdict(reading!.number, null);
      if (digits.length < 8) return verdict('', 'too-short');
      if (digits.length > 17) return verdict('', 'too-long');
      // Where there are rules at all, they are those of +1.
      const number = rules.knows(question.country) ? abroad.replace(/^011/, '+') : abroad;
      return number[0] === '+' ? verdict(number, null) : verdict('', 'country');
    }
  }
  if (!reading) return verdict('', digits.length < 9 ? 'too-short' : digits.length > 17 ? 'too-long' : 'invalid');
  if (reading.length) return verdict('', reading.length);
  const longer = read(text + '0', question);
  return verdict('', textless ? 'not-textable' : 'invalid', false, (longer || reading).length !== 'too-long');
}

function read(text: string, { rules, country }: PhoneQuestion): PhoneReading | null {
  const reading = rules.read(text, country);
  const abroad = withPlus(text);
  return (abroad !== text && !(reading && reading.valid) && rules.read(abroad, country)) || reading;
}

function permits(allowed: readonly string[], { countries }: PhoneReading): boolean {
  return !allowed.length || countries.some((country) => allowed.indexOf(country) >= 0);
}

/** As-you-type format. Past the longest length the format of what fits stays, with the rest behind it. */
function show(text: string, question: PhoneQuestion, reading: PhoneReading | null): string {
  const { rules, country } = question;
  const whole = rules.format(text, country);
  if (!reading || reading.length !== 'too-long') return whole;
  for (let end = text.length - 1; end > 4; end--) {
    const part = text.slice(0, end);
    const shorter = read(part, question);
    if (shorter && shorter.length !== 'too-long') return rules.format(part, country) + text.slice(end);
  }
  return whole;
}

/** Digits that people write and machines paste, besides ASCII and full-width: Arabic-Indic, Persian, Devanagari. */
const zeros = [0x660, 0x6f0, 0x966];

/** Turns every written digit, and full-width signs and letters, into ASCII; drops marks that show nothing. */
export function fold(text: string): string {
  const folded = text.replace(/[^ -~]/g, (character) => {
    const code = character.charCodeAt(0);
    const zero = zeros.filter((start) => code >= start && code < start + 10)[0];
    return zero ? String(code - zero) : code > 0xff00 && code < 0xff60 ? String.fromCharCode(code - 0xfee0) : character;
  });
  return folded.replace(/[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, '');
}

export interface Pasted {
  /** As if it had been keyed. */
  text: string;
  reason: 'extension' | 'ambiguous' | null;
}

const count = (part: string): number => part.replace(/\D/g, '').length;

/**
 * Reads a number as people write it, with words around it or `tel:` in front. Two numbers are no number; one with an extension belongs to a
 * switchboard, which reads no texts.
 */
export function readPasted(written: string): Pasted {
  let text = fold(written.slice(0, 500));
  let extension = false;
  if (/^\s*(tel|sms):/i.test(text)) {
    extension = /;ext=\d/i.test(text);
    text = text.split(/[;?]/)[0]!;
  }
  text = text.replace(/[\s)\d](?:;?\s*ext(?:ension|n)?\.?\s*[:=]?|\s*[x#]|\s*,{1,2})\s*\d{1,6}#?\s*$/i, (tail) => {
    extension = true;
    return /\d/.test(tail[0]!) ? tail[0]! : '';
  });
  // A slash stands between two numbers, or inside one.
  if (text.split('/').filter((part) => count(part) > 6).length > 1) return { text: '', reason: 'ambiguous' };
  // Words part numbers; signs do not, nor does the long vowel that Japanese keyboards give for a dash.
  const parts = text
    .replace(/(\d[\s)]*)\+/g, '$1\n+')
    .split(/[,;|\r\n]|[^\W\d_]{2,}|[^\0-\u05cf\u2000-\u303f\u30fc]/)
    .filter((part) => count(part) > 6);
  if (parts.length > 1) return { text: '', reason: 'ambiguous' };
  let chosen = parts[0] || text;
  const plus = /^[^\d]*\+/.test(chosen);
  // "+44 (0) 7911 …": the zero is for callers inside the country.
  if (plus || /^\D*00/.test(chosen)) chosen = chosen.replace(/\(0\)/, '');
  return { text: ((plus ? '+' : '') + chosen.replace(/\D/g, '')).slice(0, 32), reason: extension ? 'extension' : null };
}
