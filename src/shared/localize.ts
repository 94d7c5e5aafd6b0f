import type { en } from './messages/en.js';

/** The strings of both elements in one language. English is the shape; every other language has the same keys. */
export type Messages = { [Room in keyof typeof en]: { [Key in keyof (typeof en)[Room]]: string } };

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

/** The language that an element inherits: its own `lang`, that of an ancestor across shadow roots, or the browser's. */
export function languageOf(element: Element): string {
  let node: Node | null = element;
  while (node) {
    if (node instanceof Element && node.getAttribute('lang')) return node.getAttribute('lang')!;
    node = node.parentNode || (node instanceof ShadowRoot ? node.host : null);
  }
  return (typeof navigator !== 'undefined' && navigator.language) || 'en';
}
