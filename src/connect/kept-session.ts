import { held, keptIds, keyFor, release } from './session-keeper.js';

/** Keeps the id of one session, in the storage and for its element. */
export class KeptSession {
  private readonly proxyUrl: string;
  private readonly element: Element;
  private id: string | null = null;

  constructor(proxyUrl: string, element: Element) {
    this.proxyUrl = proxyUrl;
    this.element = element;
  }

  hold(id: string): void {
    this.id = id;
    if (!held.has(id)) held.set(id, this.element);
    this.write(id);
  }

  /** The session has ended; what another element has taken up meanwhile is left to that one. */
  forget(): void {
    release(this.element);
    if (this.id && !held.has(this.id)) this.write();
  }

  /** Writes the list, with `last` at its end. An id with a space of its own is written with escapes; others stand as they are. */
  private write(last?: string): void {
    try {
      const others = keptIds(this.proxyUrl).filter((id) => id !== this.id);
      const ids = others.concat(last || []).map((id) => id.replace(/[ %]/g, encodeURIComponent));
      if (ids.length) sessionStorage.setItem(keyFor(this.proxyUrl), ids.join(' '));
      else sessionStorage.removeItem(keyFor(this.proxyUrl));
    } catch {
      // Forbidden or full: the session goes on, only a reload would lose it. One that is over but cannot be taken out is nobody's in this page.
      if (!last) held.set(this.id!, document.documentElement);
    }
  }
}
