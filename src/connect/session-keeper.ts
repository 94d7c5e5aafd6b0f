/** Sessions that an element of this page holds: another element with the same proxy leaves them alone. */
export const held = new Map<string, Element>();

export const keyFor = (proxyUrl: string): string => 'rulrr-connect ' + proxyUrl;

/**
 * The sealed ids, and nothing else, that the tab's session storage keeps, so that a reloaded page goes on. Several elements may
 * have the same proxy, hence a list, with spaces between. Where storage is forbidden nothing is kept, and nothing else changes.
 */
export function keptIds(proxyUrl: string): string[] {
  try {
    return (sessionStorage.getItem(keyFor(proxyUrl)) || '')
      .split(' ')
      .filter(Boolean)
      .map((id) => id.replace(/%2[05]/g, decodeURIComponent));
  } catch {
    return [];
  }
}

/** Finds a kept session that no element of this page holds, and holds it at once: the next element must not find it too. */
export function claim(proxyUrl: string, element: Element): string | undefined {
  const id = keptIds(proxyUrl).find((kept) => !held.has(kept));
  if (id) held.set(id, element);
  return id;
}

/** Lets go of what an element holds without ending it: whoever comes next may take it up. */
export function release(element: Element): void {
  held.forEach((holder, id) => {
    if (holder === element) held.delete(id);
  });
}
