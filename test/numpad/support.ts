import type { RulrrEreceiptNumpad } from '../../src/numpad/numpad-element.js';
import '../../src/define/rulrr-ereceipt-numpad.js';
import { fakeClock, type FakeClock } from '../support/fake-clock.js';
import { task } from '../support/until.js';
import type { EreceiptSendRequest } from '../../src/numpad/send-result.js';

export type Told = { type: string; orderId: string; reason?: string; phoneNumber?: string };

/** An element in the page, with time standing still and everything it tells written down. */
export interface Till {
  pad: RulrrEreceiptNumpad;
  clock: FakeClock;
  told: Told[];
  inputs: string[];
  sends: EreceiptSendRequest[];
  /** Settles the send that is under way. */
  settle: { resolve(): void; reject(error: unknown): void };
  part(name: string): HTMLElement;
  key(name: string): HTMLElement;
  tap(keys: string): void;
  /** `gap`: ms since the last one. */
  keyDown(key: string, init?: KeyboardEventInit & { gap?: number }, target?: EventTarget): KeyboardEvent;
  shown(): string;
  /** What is shown, without what stands between the digits. */
  digits(): string;
  /** What each order has ended in: the reason for its paper, or that it was sent. */
  reasons(): string[];
  /** Answers false if that was taken. */
  paste(text: string): boolean;
  /** Lets promises and renders come to rest, and `ms` pass. */
  pass(ms?: number): Promise<void>;
  /** Asks about the order "order", and has its receipt sent to a good number: the send is under way. */
  sending(): Promise<void>;
  remove(): void;
}

/** A number that can be sent, as it is keyed. */
export const good = '2135550123';

const names: Record<string, string> = { '+': 'plus', '<': 'delete' };

export async function till(
  attributes: Record<string, string> = {},
  properties: Partial<RulrrEreceiptNumpad> = {},
): Promise<Till> {
  const clock = fakeClock();
  let keyedAt = 1000;
  const pad = document.createElement('rulrr-ereceipt-numpad');
  const told: Told[] = [];
  const inputs: string[] = [];
  const sends: EreceiptSendRequest[] = [];
  const settle: Till['settle'] = { resolve: () => undefined, reject: () => undefined };
  pad.clock = clock;
  pad.send = (request) => {
    sends.push(request);
    return new Promise<void>((resolve, reject) => Object.assign(settle, { resolve, reject }));
  };
  Object.assign(pad, properties);
  for (const [name, value] of Object.entries(attributes)) pad.setAttribute(name, value);
  for (const name of ['ereceipt-sent', 'print-receipt']) {
    pad.addEventListener(name, (event) =>
      told.push({ type: name, ...(event as CustomEvent<Omit<Told, 'type'>>).detail }),
    );
  }
  pad.addEventListener('input', () => inputs.push(pad.value));
  document.body.append(pad);
  await pad.updateComplete;
  const pass = async (ms = 0) => {
    await clock.advanceAsync(ms);
    // A response's body is read in tasks of the browser's own.
    for (let turn = 0; turn < 4; turn++) {
      // In one engine such a read takes more tasks than in another: one of our own takes as many.
      await new Response('{}').text();
      await task();
      await clock.advanceAsync(0);
      await pad.updateComplete;
    }
  };
  const part = (name: string) => pad.shadowRoot!.querySelector<HTMLElement>(`[part~="${name}"]`)!;
  const key = (name: string) => pad.shadowRoot!.querySelector<HTMLElement>(`[data-key="${name}"]`)!;
  const tap = (keys: string) => {
    for (const each of keys) {
      const target = key(names[each] ?? each);
      const init = { bubbles: true, composed: true, cancelable: true, pointerId: 7, button: 0 };
      target.dispatchEvent(new PointerEvent('pointerdown', init));
      target.dispatchEvent(new PointerEvent('pointerup', init));
      target.dispatchEvent(new MouseEvent('click', { ...init, detail: 1 }));
    }
  };
  return {
    pad,
    clock,
    told,
    inputs,
    sends,
    settle,
    part,
    key,
    tap,
    keyDown(name, { gap = 0, ...init } = {}, target = part('display')) {
      const event = new KeyboardEvent('keydown', {
        key: name,
        bubbles: true,
        composed: true,
        cancelable: true,
        ...init,
      });
      // When the key went down, as the keyboard has it.
      Object.defineProperty(event, 'timeStamp', { value: (keyedAt += gap) });
      target.dispatchEvent(event);
      return event;
    },
    shown: () => part('display').textContent,
    digits: () => part('display').textContent.replace(/[^\d+]/g, ''),
    reasons: () => told.map(({ orderId, reason, type }) => `${orderId} ${reason ?? type}`),
    paste(text) {
      const data = new DataTransfer();
      data.setData('text/plain', text);
      const event = new ClipboardEvent('paste', {
        bubbles: true,
        composed: true,
        cancelable: true,
        clipboardData: data,
      });
      // WebKit makes an event without its data.
      if (!event.clipboardData || event.clipboardData.getData('text/plain') !== text)
        Object.defineProperty(event, 'clipboardData', { value: { getData: () => text } });
      return part('display').dispatchEvent(event);
    },
    pass,
    async sending() {
      void pad.prompt('order');
      await pass();
      tap(good);
      part('send').click();
      await pass();
    },
    remove: () => pad.remove(),
  };
}

/** The same, with the order "order" being asked about. */
export async function askingTill(...options: Parameters<typeof till>): Promise<Till> {
  const t = await till(...options);
  void t.pad.prompt('order');
  await t.pass();
  return t;
}

/** A proxy in a function: its answers by path, every call written down. */
export function proxy(answers: Record<string, () => Response | Promise<Response>>) {
  const calls: { path: string; init: RequestInit }[] = [];
  return {
    calls,
    fetch: async (path: string, init: RequestInit = {}) => {
      calls.push({ path, init });
      const answer = answers[path];
      if (!answer) throw new TypeError('Failed to fetch');
      return answer();
    },
  };
}

/** An answer whose body is there at once: a real one is read in tasks that take as long as the browser likes. */
export const reply = (text: string, status = 200) =>
  ({ ok: status < 300, status, headers: new Headers(), text: () => Promise.resolve(text) }) as Response;
export const json = (body: unknown, status = 200) => reply(JSON.stringify(body), status);
export const connected = () => json({ connected: true, ereceipt: true, expiration: null });
