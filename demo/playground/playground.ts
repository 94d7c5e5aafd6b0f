// Everything that the manifest says of both elements, to be changed by hand. Nothing here knows a property, an event or a part by name.
import '../../src/define.js';
import { Bench } from './bench.js';
import { button } from './fields.js';
import { readManifest } from './manifest.js';

const part = <Type extends HTMLElement = HTMLElement>(name: string) =>
  document.querySelector<Type>(`[data-play="${name}"]`)!;

const benches = new Map<string, Bench>();
let shown: Bench | undefined;

function log(name: string, detail: unknown): void {
  const item = document.createElement('li');
  item.dataset['event'] = name;
  item.textContent = `${new Date().toLocaleTimeString()}  ${name}  ${detail === null ? '' : JSON.stringify(detail)}`;
  part('log').prepend(item);
  // As long as anyone reads back.
  while (part('log').children.length > 200) part('log').lastChild!.remove();
}

function refresh(): void {
  part('code').textContent = shown?.code ?? '';
}

function show(tag: string): void {
  shown = benches.get(tag)!;
  part('stage').replaceChildren(shown.element);
  part('controls').replaceChildren(...shown.controls);
  for (const choice of part('elements').querySelectorAll('button'))
    choice.setAttribute('aria-pressed', String(choice.textContent === `<${tag}>`));
  refresh();
}

async function scenarios(): Promise<void> {
  const state = (await (await fetch('/demo/state')).json()) as {
    scenario: string;
    scenarios: { name: string; title: string; description: string }[];
  };
  const buttons = state.scenarios.map(({ name, title }) => {
    const choice = button(title, () => {
      const body = JSON.stringify({ name });
      void fetch('/demo/scenario', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body }).then(
        scenarios,
      );
    });
    choice.dataset['scenario'] = name;
    choice.setAttribute('aria-pressed', String(name === state.scenario));
    return choice;
  });
  // Kept in place, so that the focus stays where it is.
  const before = part('scenarios').children;
  if (before.length !== buttons.length) part('scenarios').replaceChildren(...buttons);
  else
    for (const [at, choice] of buttons.entries())
      before[at]!.setAttribute('aria-pressed', choice.getAttribute('aria-pressed')!);
  part('scenario-text').textContent = state.scenarios.find(({ name }) => name === state.scenario)?.description ?? '';
}

async function themes(): Promise<void> {
  const { themes: names } = (await (await fetch('/site.json')).json()) as { themes: string[] };
  const control = part<HTMLSelectElement>('theme');
  for (const name of ['', ...names]) control.add(new Option(name || "the kit's own", name));
  const link = document.createElement('link');
  link.rel = 'stylesheet';
  control.addEventListener('change', () => {
    if (control.value) {
      link.href = `/themes/${control.value}.css`;
      document.head.append(link);
    } else link.remove();
  });
}

function directions(): void {
  const control = part<HTMLSelectElement>('lang');
  const languages: [string, string][] = [
    ['en', 'left to right'],
    ['he', 'right to left (he)'],
    ['ar', 'right to left (ar)'],
  ];
  for (const [language, text] of languages) control.add(new Option(text, language));
  control.addEventListener('change', () => {
    part('stage').lang = control.value;
    part('stage').dir = control.value === 'en' ? 'ltr' : 'rtl';
  });
}

for (const described of await readManifest()) {
  const { tagName } = described;
  const bench = new Bench(described, refresh, log);
  bench.preset('proxy-url', '/rulrr');
  benches.set(tagName, bench);
  part('elements').append(button(`<${tagName}>`, () => show(tagName)));
}
part('copy').addEventListener('click', () => void navigator.clipboard?.writeText(part('code').textContent ?? ''));
directions();
show(Array.from(benches.keys())[0]!);
setInterval(() => shown?.read(), 200);
await Promise.all([scenarios(), themes()]);
document.documentElement.dataset['playground'] = 'ready';
