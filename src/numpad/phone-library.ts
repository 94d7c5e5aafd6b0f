// The one place that runs libphonenumber-js. `core/es6`: without it, helpers lowered to ES5 come along, 3 kB more after brotli.
import {
  Metadata,
  parsePhoneNumberWithError,
  type CountryCode,
  type MetadataJson,
  type PhoneNumber,
} from 'libphonenumber-js/core/es6';
import { formatPartial, type NumberPlan } from './as-you-type.js';
import type { PhoneRules } from './phone-number.js';
import { us } from './phone-us.js';

let metadata: MetadataJson = us;
let coming: Promise<typeof import('./phone-world.js').complain> | null = null;

/** Null where there is no number to be read. The library's own way to say so without throwing weighs more. */
function parse(text: string, country: string): PhoneNumber | null {
  try {
    const defaultCountry = phoneRules.knows(country) ? (country as CountryCode) : undefined;
    return parsePhoneNumberWithError(text, { defaultCountry, extract: false }, metadata);
  } catch {
    return null;
  }
}

/** @param of a country, or a calling code: its main country's plan. */
function planOf(of: string): NumberPlan {
  const plan = new Metadata(metadata);
  plan.selectNumberingPlan(of as CountryCode);
  // Its type leaves out most of what it has.
  return plan.numberingPlan as unknown as NumberPlan;
}

function formatInternational(text: string): string {
  for (let end = 2; end < 5; end++) {
    const code = text.slice(1, end);
    if (code in metadata.country_calling_codes)
      return ('+' + code + ' ' + formatPartial(text.slice(end), planOf(code), true)).trim();
  }
  return text;
}

/** The phone rules that are here: those for +1 from the start, the world's once they have been loaded. */
export const phoneRules: PhoneRules = {
  knows: (country) => country in metadata.countries,

  format(text, country) {
    const found = parse(text, country);
    if (found && found.isValid()) {
      const whole = found.format(text[0] === '+' ? 'INTERNATIONAL' : 'NATIONAL');
      if (whole.replace(/[^\d+]/g, '') === text) return whole;
    }
    if (text[0] === '+') return formatInternational(text);
    if (!this.knows(country)) return text;
    const plan = planOf(country);
    const idd = new RegExp(`^(?:${plan.IDDPrefix()}|00(?:11)?)`).exec(text);
    if (idd && idd[0]) return (idd[0] + ' ' + formatInternational('+' + text.slice(idd[0].length)).slice(1)).trim();
    const prefix = plan.nationalPrefix();
    return prefix && text.slice(0, prefix.length) === prefix
      ? formatPartial(text.slice(prefix.length), plan, false, prefix)
      : formatPartial(text, plan, false);
  },

  read(text, country) {
    const found = parse(text, country);
    if (!found) return null;
    const { country: own, countryCallingCode: callingCode, nationalNumber: national } = found;
    const rules = planOf(own || callingCode);
    const lengths = rules.possibleLengths();
    const { length } = national;
    const valid = found.isValid();
    return {
      number: found.number,
      countries: (metadata.country_calling_codes[callingCode] || []).filter((code) => {
        // The same number, as each country's: to read it anew for each would cost more.
        found.country = code;
        return code === own || (valid && found.isValid());
      }),
      callingCode,
      national,
      valid,
      length:
        valid || lengths.indexOf(length) >= 0 ? null : length > lengths[lengths.length - 1]! ? 'too-long' : 'too-short',
      assigned: new RegExp(`^(?:${rules.nationalNumberPattern()})$`).test(national),
    };
  },
};

/** True once every region's rules are here. */
export function worldIsHere(): boolean {
  return metadata !== us;
}

/**
 * Loads the world's rules, once for all elements. A load that failed is forgotten, so that the next call tries again.
 * @returns what tells of countries that they do not know
 */
export function loadWorld(): NonNullable<typeof coming> {
  if (!coming) {
    coming = import('./phone-world.js').then(
      ({ world, complain }) => {
        metadata = world();
        return complain;
      },
      (error: unknown) => {
        coming = null;
        throw error;
      },
    );
  }
  return coming;
}
