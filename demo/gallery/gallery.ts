// Each state of each element, with a proxy, a sender and a clock that are made up: the same picture at every look. CI compares it with the last one.
//   ?lang=he     right to left          ?text=large   as at a zoom of 200 %          ?only=connect-dialog   one state by itself
import '../../src/define.js';
import { connectStates, showConnect } from './connect-states.js';
import { numpadStates, showNumpad } from './numpad-states.js';

const wanted = new URLSearchParams(location.search);
const only = wanted.get('only');
const root = document.documentElement;
if (wanted.has('lang')) root.lang = wanted.get('lang')!;
if (root.lang === 'he' || root.lang === 'ar') root.dir = 'rtl';
if (wanted.get('text') === 'large') root.style.setProperty('zoom', '2');
// Its own sessions from before a reload; the till of this tab keeps its own, and its receipts, there too.
for (const key of Object.keys(sessionStorage)) if (key.includes(' /gallery/')) sessionStorage.removeItem(key);

const main = document.querySelector('main')!;
const { connectUrl } = (await (await fetch('/demo/gallery', { method: 'POST' })).json()) as { connectUrl: string };

interface Shown {
  title: string;
  alone?: boolean;
}

async function show<State extends Shown>(
  tag: string,
  states: Record<string, State>,
  into: (place: HTMLElement, name: string, state: State) => Promise<void>,
): Promise<void> {
  const section = document.createElement('section');
  const heading = document.createElement('h2');
  heading.textContent = `<${tag}>`;
  const grid = document.createElement('div');
  section.append(heading, grid);
  if (!only) main.append(section);
  const short = tag === 'rulrr-connect' ? 'connect' : 'numpad';
  for (const [state, { title, alone }] of Object.entries(states)) {
    const name = `${short}-${state}`;
    if (only && only !== name) continue;
    const figure = document.createElement('figure');
    figure.dataset['state'] = name;
    const caption = document.createElement('figcaption');
    caption.textContent = title;
    figure.append(caption);
    (only ? main : grid).append(figure);
    if (alone && !only) {
      const link = document.createElement('a');
      link.href = `?only=${name}`;
      link.textContent = 'on a page of its own';
      caption.append(link);
    } else await into(figure, state, states[state]!);
  }
}

if (only) document.querySelector('header')!.hidden = true;
await show('rulrr-connect', connectStates(), (place, name, state) => showConnect(place, name, state, connectUrl));
await show('rulrr-ereceipt-numpad', numpadStates, (place, _name, state) => showNumpad(place, state));
window.scrollTo(0, 0);
root.dataset['gallery'] = 'ready';
