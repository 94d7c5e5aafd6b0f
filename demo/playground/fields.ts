import { choicesOf, presetOf, type Field, type Named } from './manifest.js';

/** A labelled control; the description belongs to it. */
export function labelled(text: string, control: HTMLElement, about = ''): HTMLElement {
  const label = document.createElement('label');
  label.className = 'field';
  const name = document.createElement('code');
  name.textContent = text;
  const note = document.createElement('small');
  note.textContent = about;
  label.append(name, control, note);
  return label;
}

export function input(type: string, value = ''): HTMLInputElement {
  const control = document.createElement('input');
  control.type = type;
  control.value = value;
  control.spellcheck = false;
  control.autocomplete = 'off';
  return control;
}

export function select(choices: readonly string[], value = ''): HTMLSelectElement {
  const control = document.createElement('select');
  for (const choice of choices) control.add(new Option(choice || '(none)', choice));
  control.value = value;
  return control;
}

export function button(text: string, press: () => void): HTMLButtonElement {
  const control = document.createElement('button');
  control.type = 'button';
  control.textContent = text;
  control.addEventListener('click', press);
  return control;
}

/** What a function may do in a page: anything that answers with a promise fits `fetch` as well as `send`. */
const doings: Record<string, (() => Promise<never>) | (() => Promise<void>)> = {
  '() => Promise.resolve()': () => Promise.resolve(),
  "() => Promise.reject(new Error('no'))": () => Promise.reject(new Error('no')),
  '() => new Promise(() => {})': () => new Promise<never>(() => {}),
};

export interface Setting {
  /** As it is written in JavaScript; null for what the kit does by itself. */
  code: string | null;
  value: unknown;
}

/** The control that fits a property's type; `change` hears what it stands for. */
export function controlOf(field: Field, change: (setting: Setting) => void): HTMLElement {
  const type = field.type?.text ?? '';
  const preset = presetOf(field);
  const set = (value: unknown) => change({ value, code: value === preset ? null : JSON.stringify(value) });
  const choices = choicesOf(type);
  if (choices) {
    const control = select(choices, String(preset ?? choices[0]));
    control.addEventListener('change', () => set(control.value));
    return control;
  }
  if (type === 'boolean') {
    const control = input('checkbox');
    control.checked = preset === true;
    control.addEventListener('change', () => set(control.checked));
    return control;
  }
  if (type === 'number') {
    const control = input('number', String(preset ?? ''));
    control.addEventListener('input', () => set(Number(control.value)));
    return control;
  }
  if (type === 'string') {
    const control = input('text', String(preset ?? ''));
    control.addEventListener('input', () => set(control.value));
    return control;
  }
  if (/^(Partial|Record)</.test(type)) {
    const control = document.createElement('textarea');
    control.placeholder = '{"key": "words"}';
    control.addEventListener('input', () => {
      try {
        const value = JSON.parse(control.value || '{}') as object;
        control.setCustomValidity('');
        change({ value, code: control.value.trim() ? JSON.stringify(value) : null });
      } catch {
        control.setCustomValidity('This is not JSON yet.');
      }
      control.toggleAttribute('aria-invalid', !control.validity.valid);
    });
    return control;
  }
  const control = select(['', ...Object.keys(doings)]);
  control.options[0]!.text = 'as it is';
  control.addEventListener('change', () =>
    change({ value: control.value ? doings[control.value] : undefined, code: control.value || null }),
  );
  return control;
}

export function group(title: string, children: HTMLElement[]): HTMLElement {
  const section = document.createElement('section');
  const heading = document.createElement('h2');
  heading.textContent = title;
  section.append(heading, ...children);
  section.hidden = !children.length;
  return section;
}

export const aboutOf = ({ description = '' }: Named) => description.replace(/`/g, '');
