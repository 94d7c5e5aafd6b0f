import type { Messages } from './messages/en.js';

/** English comes with the elements; the others are loaded on demand (and are inside the script tag's one file). */
const loaders: Record<string, () => Promise<Messages>> = {
  es: () => import('./messages/es.js').then((module) => module.es()),
  fr: () => import('./messages/fr.js').then((module) => module.fr()),
  de: () => import('./messages/de.js').then((module) => module.de()),
  pt: () => import('./messages/pt.js').then((module) => module.pt()),
  he: () => import('./messages/he.js').then((module) => module.he()),
  ar: () => import('./messages/ar.js').then((module) => module.ar()),
  ja: () => import('./messages/ja.js').then((module) => module.ja()),
};
const loaded: Record<string, Messages> = {};

/** The language of a BCP 47 tag that the kit speaks; `en` where it speaks none of it. */
export function supportedLanguage(tag: string): string {
  const language = (tag || 'en').toLowerCase().split('-')[0] || 'en';
  return language in loaders ? language : 'en';
}

/** The strings of a language other than English, if they are here already. An element brings its own room of English. */
export function loadedMessages(tag: string): Messages | undefined {
  return loaded[supportedLanguage(tag)];
}

/** Loads the strings of a language. A failed load leaves English in place and may be tried again. */
export async function loadMessages(tag: string): Promise<void> {
  const language = supportedLanguage(tag);
  const load = loaded[language] ? undefined : loaders[language];
  try {
    if (load) loaded[language] = await load();
  } catch {
    // English stays.
  }
}

/** The kit's words, the page's own in the place of those that it gives: frameworks give undefined or null for what is not set. */
export function withWords<Words extends object>(words: Words, own: Partial<Words>): Words {
  const all = { ...words } as Record<string, string>;
  for (const key in own) if (own[key] != null) all[key] = String(own[key]);
  return all as Words;
}

/** An attribute as an element inherits it: its own, or that of the nearest ancestor, across shadow roots. */
export function inherited(element: Element, name: 'lang' | 'dir'): string | null {
  let node: Node | null = element;
  while (node) {
    if (node instanceof Element && node.getAttribute(name)) return node.getAttribute(name);
    node = node.parentNode || (node instanceof ShadowRoot ? node.host : null);
  }
  return null;
}

/** The language that an element inherits: its own `lang`, that of an ancestor, or the browser's. */
export function languageOf(element: Element): string {
  return inherited(element, 'lang') || (typeof navigator !== 'undefined' && navigator.language) || 'en';
}
