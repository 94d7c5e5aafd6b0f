import { aboutOf, button, controlOf, group, input, labelled, type Setting } from './fields.js';
import type { Described, Field, Method } from './manifest.js';

const camel = (text: string) => text.replace(/-(\w)/g, (_all, letter: string) => letter.toUpperCase());

/** As it is written in HTML, in a text or in quotes. */
const escaped = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;');

/** One element with everything that can be changed of it, and the code that says the same. */
export class Bench {
  readonly element: HTMLElement;
  readonly controls: HTMLElement[];
  private readonly described: Described;
  private readonly changed: () => void;
  private readonly settings = new Map<Field, Setting>();
  private readonly properties = new Map<string, string>();
  private readonly parts = new Map<string, string>();
  private readonly slots = new Map<string, string>();
  private readonly sheet = new CSSStyleSheet();
  private readonly readings: (() => void)[] = [];

  /** @param log hears each event and each outcome of a method. */
  constructor(described: Described, changed: () => void, log: (name: string, detail: unknown) => void) {
    this.described = described;
    this.changed = changed;
    this.element = document.createElement(described.tagName);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, this.sheet];
    for (const { name } of described.events)
      this.element.addEventListener(name, (event) => log(name, (event as CustomEvent).detail ?? null));
    const fields = described.members.filter((member): member is Field => member.kind === 'field');
    const methods = described.members.filter((member): member is Method => member.kind === 'method');
    this.controls = [
      group(
        'Methods',
        methods.map((method) => this.method(method, log)),
      ),
      group(
        'Attributes and properties',
        fields.filter(({ readonly }) => !readonly).map((field) => this.field(field)),
      ),
      group(
        'Events',
        described.events.map((event) => {
          const output = document.createElement('output');
          output.dataset['eventName'] = event.name;
          let count = 0;
          this.element.addEventListener(event.name, () => (output.value = `× ${(count += 1)}`));
          return labelled(event.name, output, aboutOf(event));
        }),
      ),
      group(
        'Read-only',
        fields.filter(({ readonly }) => readonly).map((field) => this.reading(field)),
      ),
      group(
        'Slots',
        (described.slots ?? []).map((slot) => this.slot(slot.name, aboutOf(slot))),
      ),
      group(
        'CSS properties',
        described.cssProperties.map((property) => this.property(property)),
      ),
      group(
        'Parts',
        described.cssParts.map((part) => this.part(part.name, aboutOf(part))),
      ),
    ];
  }

  /** Read-only properties, as they are now. */
  read(): void {
    for (const read of this.readings) read();
  }

  /** What to paste: markup, style, and script for what markup cannot say. */
  get code(): string {
    const { tagName } = this.described;
    const attributes: string[] = [];
    const lines: string[] = [];
    for (const [{ name, attribute }, { code, value }] of this.settings) {
      if (code === null) continue;
      if (!attribute) lines.push(`element.${name} = ${code};`);
      else if (typeof value !== 'boolean') attributes.push(` ${attribute}="${escaped(String(value))}"`);
      else if (value) attributes.push(` ${attribute}`);
    }
    const slotted = Array.from(this.slots, ([name, text]) =>
      name ? `<span slot="${name}">${escaped(text)}</span>` : escaped(text),
    ).join('');
    const css = this.css;
    return [
      `<${tagName}${attributes.join('')}>${slotted}</${tagName}>`,
      css && `\n<style>\n${css}\n</style>`,
      lines.length &&
        `\n<script type="module">\n  const element = document.querySelector('${tagName}');\n  ${lines.join('\n  ')}\n</script>`,
    ]
      .filter(Boolean)
      .join('\n');
  }

  private get css(): string {
    const { tagName } = this.described;
    const rule = (selector: string, body: string) => `${selector} {\n  ${body}\n}`;
    const own = Array.from(this.properties, ([name, value]) => `${name}: ${value};`).join('\n  ');
    const parts = Array.from(this.parts, ([name, text]) => rule(`${tagName}::part(${name})`, text));
    return [...(own ? [rule(tagName, own)] : []), ...parts].join('\n');
  }

  private style(): void {
    this.sheet.replaceSync(this.css);
    this.changed();
  }

  private field(field: Field): HTMLElement {
    const record = this.element as unknown as Record<string, unknown>;
    const before = record[field.name];
    const control = controlOf(field, (setting) => {
      this.settings.set(field, setting);
      record[field.name] = setting.value === undefined ? before : setting.value;
      this.changed();
    });
    control.dataset['property'] = field.name;
    return labelled(field.attribute ?? field.name, control, aboutOf(field));
  }

  private reading(field: Field): HTMLElement {
    const output = document.createElement('output');
    output.dataset['property'] = field.name;
    this.readings.push(() => {
      const text = JSON.stringify((this.element as unknown as Record<string, unknown>)[field.name]) ?? 'undefined';
      if (output.value !== text) output.value = text;
    });
    return labelled(field.name, output, aboutOf(field));
  }

  private method(
    { name, parameters = [], description = '' }: Method,
    log: (name: string, detail: unknown) => void,
  ): HTMLElement {
    const row = document.createElement('div');
    row.className = 'method';
    const given = parameters.map((parameter) => {
      const control = input('text', parameter.name === 'orderId' ? '1041' : '');
      control.setAttribute('aria-label', `${name}: ${parameter.name}`);
      control.placeholder = parameter.name;
      return control;
    });
    const call = button(`${name}()`, () => {
      const target = this.element as unknown as Record<string, (...values: string[]) => unknown>;
      Promise.resolve(target[name]!(...given.map(({ value }) => value))).then(
        (outcome) => outcome !== undefined && log(`${name}() →`, outcome),
        (error: unknown) => log(`${name}() ✖`, (error as Error).message),
      );
    });
    call.dataset['method'] = name;
    call.title = description;
    row.append(call, ...given);
    return row;
  }

  private slot(name: string, about: string): HTMLElement {
    const control = input('text');
    control.dataset['slot'] = name;
    control.addEventListener('input', () => {
      if (control.value) this.slots.set(name, control.value);
      else this.slots.delete(name);
      this.element.replaceChildren(
        ...Array.from(this.slots, ([slot, text]) => {
          const span = document.createElement('span');
          if (slot) span.slot = slot;
          span.textContent = text;
          return span;
        }),
      );
      this.changed();
    });
    return labelled(name || '(default)', control, about);
  }

  private property({
    name,
    default: preset,
    description = '',
  }: {
    name: string;
    default?: string;
    description?: string;
  }): HTMLElement {
    const control = input('text');
    control.placeholder = preset ?? '';
    control.dataset['cssProperty'] = name;
    control.addEventListener('input', () => {
      if (control.value) this.properties.set(name, control.value);
      else this.properties.delete(name);
      this.style();
    });
    return labelled(name, control, description);
  }

  private part(name: string, about: string): HTMLElement {
    const control = input('text');
    control.placeholder = 'outline: 2px dashed;';
    control.dataset['cssPart'] = name;
    control.addEventListener('input', () => {
      if (control.value) this.parts.set(name, control.value);
      else this.parts.delete(name);
      this.style();
    });
    return labelled(`::part(${name})`, control, about);
  }

  /** A first setting, as if it had been made by hand. */
  preset(property: string, value: string): void {
    const control = this.controls.flatMap((section) =>
      Array.from(section.querySelectorAll<HTMLInputElement>('[data-property]')),
    );
    const found = control.find(({ dataset }) => dataset['property'] === camel(property));
    if (!found) return;
    found.value = value;
    found.dispatchEvent(new Event('input'));
  }
}
