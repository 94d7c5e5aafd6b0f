/**
 * Tells of every change of a language or a direction in the page, which an element may inherit, until what this returns is called. Of its own
 * attributes an element hears anyway.
 */
export function watchPageLanguage(tell: () => void): () => void {
  const observer = new MutationObserver(tell);
  observer.observe(document, { subtree: true, attributeFilter: ['lang', 'dir'] });
  return () => observer.disconnect();
}
