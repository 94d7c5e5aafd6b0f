/** One way to write the numbers of a plan, as the metadata has it. */
export interface NumberFormat {
  /** Groups of digits, such as `(\d{3})(\d{3})(\d{4})`. */
  pattern(): string;
  /** Such as `($1) $2-$3`. */
  format(): string;
  internationalFormat(): string;
  /** What numbers in this format begin with, more exactly with each digit beyond the third. */
  leadingDigitsPatterns(): string[];
  nationalPrefixFormattingRule(): string | undefined;
}

/** What the format needs to know of a numbering plan. */
export interface NumberPlan {
  possibleLengths(): number[];
  nationalNumberPattern(): string;
  nationalPrefix(): string | undefined;
  IDDPrefix(): string | undefined;
  formats(): NumberFormat[];
}

/**
 * The digits of a national number as far as they have been keyed, in the format that they may grow into. Less than libphonenumber's own
 * `AsYouType`, which weighs a third of the numpad; whole numbers get its exact format elsewhere.
 *
 * @param prefix the national prefix that was keyed, or ''.
 */
export function formatPartial(digits: string, plan: NumberPlan, international: boolean, prefix = ''): string {
  const plain = prefix + digits;
  // As Google has it: three digits tell which format it may be.
  if (digits.length < 3) return plain;
  const lengths = plan.possibleLengths();
  for (const each of plan.formats()) {
    const leading = each.leadingDigitsPatterns();
    const start = leading[Math.min(leading.length - 1, digits.length - 3)];
    if (start && !new RegExp(`^(?:${start})`).test(digits)) continue;
    const sizes = groupSizes(each.pattern());
    let whole = 0;
    // Not `reduce`: old libraries have one of their own.
    for (const size of sizes) whole += size;
    if (digits.length > whole || lengths.indexOf(whole) < 0) continue;
    let template = each.format();
    if (international) {
      template = each.internationalFormat() || template;
      if (template === 'NA') continue;
      template = template.replace(/[^$\d]+/g, ' ').trim();
    } else if (prefix) {
      const rule = each.nationalPrefixFormattingRule();
      template = rule && rule.indexOf(prefix) >= 0 ? template.replace(/\$1/, rule) : `${prefix} ${template}`;
    }
    const filled = fillIn(template, digits, sizes);
    if (filled.replace(/\D/g, '') === plain) return filled;
  }
  return plain;
}

/** How many digits each group of a pattern takes: the fewest, and the last one the most. */
function groupSizes(pattern: string): number[] {
  const groups = pattern.match(/\((?:[^()]|\(\?:[^()]*\))*\)/g) || [];
  return groups.map((group, index) => {
    let size = 0;
    group.replace(/(?:\\d|\[[^\]]*\]|\d)(?:\{(\d+)(?:,(\d+))?\})?/g, (_, least?: string, most?: string) => {
      size += Number((index === groups.length - 1 && most) || least || 1);
      return '';
    });
    return size;
  });
}

/** Fills a template up to the last digit; a bracket closes as soon as its group is full. */
function fillIn(template: string, digits: string, sizes: number[]): string {
  let filled = '';
  let used = 0;
  for (const part of template.split(/(\$\d)/)) {
    if (part[0] !== '$') {
      if (used < digits.length) filled += part;
      else return part[0] === ')' ? filled + ')' : filled;
    } else {
      const size = sizes[Number(part[1]) - 1] || 0;
      filled += digits.slice(used, used + size);
      used += size;
      if (used > digits.length) return filled;
    }
  }
  return filled;
}
