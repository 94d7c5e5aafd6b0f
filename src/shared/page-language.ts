/**
 * Tells of every change of a language or a direction around an element, which it may inherit across shadow roots, until what this returns is called.
 * Its own attributes are among them while it is in a page.
 */
export function watchPageLanguage(element: Element, tell: () => void): () => void {
  const observer = new MutationObserver(tell);
  for (let at: Node | undefined = element; at; at = (at as ShadowRoot).host)
    observer.observe((at = at.getRootNode()), { subtree: true, attributeFilter: ['lang', 'dir'] });
  return () => observer.disconnect();
}
