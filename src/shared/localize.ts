import type { Messages } from './messages/en.js';

/** English comes with the elements; the others are loaded on demand (and are inside the script tag's one file). */
const loaders: Record<string, () => Promise<{ messages: () => Messages }>> = {
  es: () => import('./messages/es.js'),
  fr: () => import('./messages/fr.js'),
  de: () => import('./messages/de.js'),
  pt: () => import('./messages/pt.js'),
  he: () => import('./messages/he.js'),
  ar: () => import('./messages/ar.js'),
  ja: () => import('./messages/ja.js'),
};
const loaded: Record<string, Messages> = {};

export interface LocalizedHost extends HTMLElement {
  readonly strings: object;
  requestUpdate(): void;
}

/** What an element speaks: the language around it, and English where the kit does not know that, or its words are not here yet. */
export class Language {
  /** One that the kit speaks, or that of a page with words of its own. English first, also in a browser: a page rendered by a server is taken over as it stands. */
  code = 'en';
  private readonly host: LocalizedHost;

  constructor(host: LocalizedHost) {
    this.host = host;
  }

  /** Goes from right to left, and nothing around the element says which way things go. */
  get rtl(): boolean {
    return /^(ar|fa|he|ur)\b/.test(this.code) && !inherited(this.host, 'dir');
  }

  /** Takes up the language around the element, after each render. A load that fails leaves English in place until the language changes. */
  follow(): void {
    const { host } = this;
    const said = (inherited(host, 'lang') || navigator.language || '').toLowerCase();
    // Old Java systems write iw for Hebrew.
    const [whole, tag = 'en'] = /^([a-z]{2,3})(-[a-z]{4}|-tw|-hk)?(?![a-z])/.exec(said.replace(/^iw/, 'he')) || ['en'];
    // A page that has words of its own says which language they are in, and which script: Chinese in Taiwan is written otherwise.
    const code = tag in loaders ? tag : Object.keys(host.strings || '')[0] ? whole : 'en';
    if (code === this.code) return;
    this.code = code;
    const renew = (): void => host.requestUpdate();
    if (code in loaders)
      void loaders[code]!()
        .then(({ messages }) => (loaded[code] = messages()))
        .then(renew, renew);
    else renew();
  }

  /**
   * The words of one element, with the page's own in the place of those that it gives: frameworks give undefined or null for what is not set.
   * @param english brought by the element, so that a page has no other room of it
   */
  words<Room extends keyof Messages>(
    room: Room,
    english: Messages[Room],
    own: Partial<Messages[Room]>,
  ): Messages[Room] {
    const messages = loaded[this.code];
    const words = { ...(messages ? messages[room] : english) };
    // Those that there are: not what an old library gives to every object, nor the other element's.
    for (const key of Object.keys(own ? words : '') as (keyof typeof words)[])
      if (own[key] != null) words[key] = String(own[key]) as (typeof words)[typeof key];
    return words;
  }
}

/** An attribute as an element inherits it: its own, or that of the nearest ancestor, across shadow roots and windows. */
function inherited(element: Element, name: 'lang' | 'dir'): string | null {
  let said: string | null = null;
  for (let at = element; at && !said; at = (at.parentNode || (at as unknown as ShadowRoot).host) as Element)
    said = at.getAttribute && at.getAttribute(name);
  return said;
}
