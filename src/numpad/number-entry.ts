import type { Clock } from '../shared/clock.js';
import { press, type Key } from './keypad-machine.js';
import { loadWorld, phoneRules, worldIsHere } from './phone-library.js';
import { textOf } from './numpad-model.js';
import { judge, readPasted, type NumberReason, type Verdict } from './phone-number.js';

/** The phone rules of the world may take this long, in ms; then the server decides. */
const worldDeadline = 5000;

/** Of nothing keyed. */
const noVerdict: Verdict = { shown: '', number: '', reason: null, needsWorld: false, unfinished: false };

export interface EntryHost {
  readonly clock: Clock;
  readonly countries: string;
  readonly defaultCountry: string;
  /** True while the customer may key. */
  readonly editable: boolean;
  /** The number is shown and judged. `changed`: it is another one than before. */
  settled(changed: boolean): void;
}

/** The number: what has been keyed, what is made of it, and the text node that shows it. */
export class NumberEntry {
  /** What has been keyed: ASCII digits, with a `+` in front or not. */
  text = '';
  /** A reason that holds until the number changes, whatever the rules say. */
  blocked: NumberReason | null = null;
  /** The country that the customer has chosen. */
  chosen = '';
  /** Shown instead of a number after a send: its last four digits. */
  masked = '';
  /** Where the number is written when a key goes down, before anything else happens; Lit does not know of it. */
  readonly node = { data: '' } as Text;

  private readonly host: EntryHost;
  private verdict: Verdict | null = null;
  /** What was told last; at first, that nothing has been keyed. */
  private told = '/';
  private worldBlocked = false;
  private stopFrame: (() => void) | null = null;

  constructor(host: EntryHost) {
    this.host = host;
  }

  /** Puts the node into the page. */
  mount(display: Element): void {
    const node = document.createTextNode(this.node.data);
    (this as { node: Text }).node = node;
    display.appendChild(node);
  }

  /** One key. What it takes to show the digit happens here; the rest waits until it is on screen. */
  commit(key: Key): void {
    const { host, text } = this;
    if (!host.editable) return;
    const next = press(text, key);
    const added = next.slice(text.length);
    if (next === text) return;
    if (!added) return this.enter(next, null);
    this.text = next;
    this.blocked = this.verdict = null;
    this.node.data += added;
    if (this.stopFrame) return;
    requestAnimationFrame(() => {
      if (!this.stopFrame) return;
      this.stopFrame();
      this.stopFrame = host.clock.after(0, this.settle);
    });
    // Where no frames come, as in a tab behind another.
    this.stopFrame = host.clock.after(100, this.settle);
  }

  enter(text: string, blocked: NumberReason | null): void {
    this.text = text;
    this.blocked = blocked;
    this.rejudge();
  }

  /** What people write as a number, with words around it or not. */
  paste(written: string): void {
    const { text, reason } = readPasted(written);
    this.enter(text, reason);
  }

  /** What was made of the number holds no longer. */
  rejudge(): void {
    this.verdict = null;
    this.settle();
  }

  /** Formats, judges and tells, after the digits have been seen. */
  readonly settle = (): true => {
    if (this.stopFrame) this.stopFrame();
    this.stopFrame = null;
    const { number, needsWorld } = this.judged();
    this.write();
    if (needsWorld) this.fetchWorld();
    const is = this.text + '/' + number;
    const changed = is !== this.told;
    this.told = is;
    this.host.settled(changed);
    return true;
  };

  /** Does at once what waits for a frame, if anything does. */
  catchUp(): true | null {
    return this.stopFrame && this.settle();
  }

  judged(): Verdict {
    let { verdict } = this;
    if (!verdict) {
      // Before the first key, when a slow till has enough to do, the phone rules aren't even set up.
      verdict = this.text
        ? judge(this.text, {
            rules: phoneRules,
            country: this.country(),
            allowed: this.allowed(),
            world: worldIsHere() ? 'here' : this.worldBlocked ? 'blocked' : 'coming',
          })
        : noVerdict;
      if (this.blocked) verdict = { ...verdict, number: '', reason: this.blocked, unfinished: false };
      this.verdict = verdict;
    }
    return verdict;
  }

  /** Shows the number, or after a send what is left of it. */
  write(): void {
    const shown = this.masked ? '•••• ' + this.masked : this.judged().shown;
    if (this.node.data !== shown) this.node.data = shown;
  }

  /** The next prompt may find the world's rules again. */
  retryWorld(): void {
    this.worldBlocked = false;
  }

  /** Rules that the default country needs are fetched before anybody waits for them. */
  prepare(): void {
    if (!phoneRules.knows(this.country())) this.fetchWorld();
  }

  private fetchWorld(): void {
    const done = (blocked: boolean): void => {
      stop();
      const here = worldIsHere();
      if (!here && blocked === this.worldBlocked) return;
      this.worldBlocked = blocked && !here;
      this.rejudge();
    };
    const stop = this.host.clock.after(worldDeadline, () => done(true));
    loadWorld().then(
      (complain) => {
        const codes = this.allowed().concat(this.country());
        complain(codes.filter((code) => !phoneRules.knows(code)));
        done(false);
      },
      () => done(true),
    );
  }

  /** Countries that may be texted, as ISO codes; none means all. */
  allowed(): string[] {
    const codes = textOf(this.host.countries).toUpperCase();
    // A set: the `filter` of old libraries hands no list to its callback.
    return [...new Set(codes.match(/[^\s,]+/g))];
  }

  /** Whose national numbers these are. */
  country(): string {
    const allowed = this.allowed();
    const own = (this.chosen || textOf(this.host.defaultCountry).trim() || 'US').toUpperCase();
    return allowed.length && allowed.indexOf(own) < 0 ? allowed[0]! : own;
  }
}
