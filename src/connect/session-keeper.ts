/** Sessions that an element of this page holds: another element with the same proxy leaves them alone. */
const held = new Set<string>();

/**
 * Keeps the sealed id, and nothing else, in the tab's session storage, so that a reloaded page goes on. Several elements may have
 * the same proxy, hence a list. Where storage is forbidden nothing is kept, and nothing else changes.
 */
export class SessionKeeper {
  private readonly key: string;
  private id: string | null = null;

  constructor(proxyUrl: string) {
    this.key = 'rulrr-connect ' + proxyUrl;
  }

  /** A kept session that no element of this page holds. */
  find(): string | null {
    return this.read().filter((id) => !held.has(id))[0] || null;
  }

  /** There is one that an element holds: perhaps one that has just left the page, and is about to let go. */
  get busy(): boolean {
    return this.read().length > 0;
  }

  hold(id: string): void {
    this.id = id;
    held.add(id);
    this.write(
      this.read()
        .filter((other) => other !== id)
        .concat(id),
    );
  }

  /** Lets go of the session without ending it: whoever comes next may take it up. */
  release(): void {
    if (this.id) held.delete(this.id);
  }

  /** The session has ended. */
  forget(): void {
    this.release();
    this.write(this.read().filter((other) => other !== this.id));
    this.id = null;
  }

  private read(): string[] {
    try {
      return (sessionStorage.getItem(this.key) || '').split(' ').filter(Boolean);
    } catch {
      return [];
    }
  }

  private write(ids: string[]): void {
    try {
      if (ids.length) sessionStorage.setItem(this.key, ids.join(' '));
      else sessionStorage.removeItem(this.key);
    } catch {
      // Forbidden or full: the session goes on, only a reload would lose it.
    }
  }
}
