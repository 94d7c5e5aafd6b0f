// What can be seen of the elements, measured in the page from the colours that the browser has computed: whatever their styles say.
import type { Page } from 'playwright-core';

/** One thing of an element that is on screen, in the state that its figure shows. */
export interface Thing {
  /** The figure of the gallery, and what it is in there. */
  name: string;
  figure: string;
  part: string;
  text: string;
  /** Of its words against what is behind them; 0 without words of its own. */
  contrast: number;
  isControl: boolean;
  disabled: boolean;
  /** The weakest of its borders against what is around it, and the one below; 0 where there is none. */
  border: number;
  underline: number;
  /** With the focus of a keyboard: its ring against what is around it, 0 without one. */
  ring: number;
  /** All that tells a control from another: widths, colours, weight. */
  look: string;
  width: number;
  height: number;
  /** How far it stands out of the page to either side. */
  outside: number;
}

/** Everything of both elements that is on screen. */
export async function look(page: Page): Promise<Thing[]> {
  // A ring is shown to those who use the keyboard.
  await page.keyboard.press('Tab');
  return page.evaluate(() => {
    type Colour = [red: number, green: number, blue: number, alpha: number];
    const read = (text: string): Colour => {
      const numbers = /^rgba?\(([^)]+)\)$/
        .exec(text)?.[1]!
        .split(/[, /]+/)
        .map(Number);
      if (!numbers) throw new Error(`What colour is ${text}?`);
      return [numbers[0]!, numbers[1]!, numbers[2]!, numbers[3] ?? 1];
    };
    const over = (top: Colour, under: Colour): Colour => {
      const alpha = top[3] + under[3] * (1 - top[3]);
      const mix = (at: 0 | 1 | 2) => (alpha ? (top[at] * top[3] + under[at] * under[3] * (1 - top[3])) / alpha : 0);
      return [mix(0), mix(1), mix(2), alpha];
    };
    const luminance = (colour: Colour) => {
      const [red, green, blue] = colour.slice(0, 3).map((value) => {
        const part = value / 255;
        return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
    };
    const probe = document.createElement('i');
    probe.style.cssText = 'background: Canvas; forced-color-adjust: none';
    document.body.append(probe);
    const canvas = read(getComputedStyle(probe).backgroundColor);
    probe.remove();

    const parentOf = (element: Element): Element | null =>
      element.assignedSlot ?? element.parentElement ?? (element.parentNode as Partial<ShadowRoot> | null)?.host ?? null;
    /** WCAG's contrast of a colour on `element` (`inside`), or around it, with what is behind. */
    const contrastOf = (ink: Colour, element: Element, inside: boolean): number => {
      let ground: Colour = [0, 0, 0, 0];
      for (let at: Element | null = inside ? element : parentOf(element); at; at = parentOf(at)) {
        const { backgroundColor, opacity } = getComputedStyle(at);
        ink = over(ink, read(backgroundColor));
        ground = over(ground, read(backgroundColor));
        ink = [ink[0], ink[1], ink[2], ink[3] * Number(opacity)];
        ground = [ground[0], ground[1], ground[2], ground[3] * Number(opacity)];
      }
      const [one, other] = [luminance(over(ink, canvas)), luminance(over(ground, canvas))];
      return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    };
    const lineOf = (element: Element, style: CSSStyleDeclaration, side: string): number =>
      style.getPropertyValue(`border-${side}-style`) === 'none' ||
      !(parseFloat(style.getPropertyValue(`border-${side}-width`)) >= 1)
        ? 0
        : contrastOf(read(style.getPropertyValue(`border-${side}-color`)), element, false);

    const things: Thing[] = [];
    for (const host of document.querySelectorAll('rulrr-connect, rulrr-ereceipt-numpad')) {
      const figure = (host.closest('[data-state]') as HTMLElement | null)?.dataset['state'] ?? host.localName;
      for (const element of host.shadowRoot!.querySelectorAll<HTMLElement>('*')) {
        const style = getComputedStyle(element);
        const { left, right, width, height } = element.getBoundingClientRect();
        const isSlot = element instanceof HTMLSlotElement;
        if (!isSlot && (!element.checkVisibility({ visibilityProperty: true }) || width <= 1 || height <= 1)) continue;
        const own = element.matches('select')
          ? (element as HTMLSelectElement).selectedOptions[0]!.text
          : Array.from(element.childNodes, (node) => (node instanceof Text ? node.data : '')).join('');
        const isControl = element.matches('button, a, select, [part~="display"]');
        const text = element.matches('option, style') ? '' : own.trim();
        if (!text && !isControl && !element.matches('.panel, dialog, [part~="error"]')) continue;
        const part = element.getAttribute('part') ?? element.id ?? '';
        const lines = ['top', 'right', 'bottom', 'left'].map((side) => lineOf(element, style, side));
        let ring = 0;
        if (isControl && element.tabIndex >= 0 && !element.matches(':disabled')) {
          element.focus({ preventScroll: true });
          const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(element);
          if (element.matches(':focus-visible') && outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2)
            ring = contrastOf(read(outlineColor), element, false);
          element.blur();
        }
        things.push({
          name: `${figure} ${part || element.className || element.localName} “${text.slice(0, 24)}”`,
          figure,
          part,
          text,
          contrast: text ? contrastOf(read(style.color), element, true) : 0,
          isControl,
          disabled: element.matches(':disabled, [aria-disabled="true"]'),
          border: Math.min(...lines),
          underline: element.matches('[part~="display"]')
            ? lineOf(element.parentElement!, getComputedStyle(element.parentElement!), 'bottom')
            : lines[2]!,
          ring,
          look: [
            style.color,
            style.borderTopWidth,
            style.borderTopStyle,
            style.borderTopColor,
            style.opacity,
            style.fontWeight,
          ].join(' '),
          width,
          height,
          outside: Math.max(0, -left, right - document.documentElement.clientWidth),
        });
      }
    }
    return things;
  });
}
