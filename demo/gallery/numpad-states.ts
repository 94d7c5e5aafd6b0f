import type { RulrrEreceiptNumpad } from '../../src/index.js';
import { StillClock, until } from './still.js';

interface NumpadState {
  title: string;
  attributes?: Record<string, string>;
  send?: RulrrEreceiptNumpad['send'];
  /** A modal dialog covers the page: it is shown on a page of its own. */
  alone?: boolean;
  /** Leads into the state, once the element asks. */
  act?: (tools: {
    element: RulrrEreceiptNumpad;
    clock: StillClock;
    press: (part: string) => void;
  }) => Promise<void> | void;
}

const number = '2133734253';
const key =
  (text: string): NumpadState['act'] =>
  ({ element }) =>
    void (element.value = text);
const send =
  (text: string, phase: string): NumpadState['act'] =>
  async ({ element, press }) => {
    element.value = text;
    await element.updateComplete;
    press('send');
    await until(phase, () => element.state === phase);
  };

/** Send is pressed though more digits are to come. */
const early =
  (text: string): NumpadState['act'] =>
  async ({ element, press }) => {
    element.value = text;
    await element.updateComplete;
    press('send');
  };

/** The rules of the world come late; the answer is there once they are. */
const foreign: NumpadState['act'] = async ({ element }) => {
  element.value = '+447400123456';
  await until('the rules of the world', () => element.reason === 'country');
};

/** Each state that a customer can see. */
export const numpadStates: Record<string, NumpadState> = {
  empty: { title: 'Asking' },
  half: { title: 'Half a number', act: key('21337') },
  valid: { title: 'A number that can be texted', act: key(number) },
  'too-short': { title: 'Send was pressed too early', act: early('21337') },
  'too-long': { title: 'Too long', act: key('21337342531') },
  invalid: { title: 'No phone number', act: early('1112223333') },
  'not-textable': { title: 'Cannot get text messages', act: key('8002345678') },
  'wrong-country': { title: 'Of another country', attributes: { countries: 'US' }, act: foreign },
  countries: {
    title: 'Choice of country',
    attributes: { countries: 'US CA', 'default-country': 'CA' },
    act: key('416'),
  },
  calculator: { title: 'Keys as on a calculator', attributes: { layout: 'calculator' } },
  sending: { title: 'Sending', send: () => new Promise(() => {}), act: send(number, 'sending') },
  failed: { title: 'Send failed', send: () => Promise.reject(new Error('no')), act: send(number, 'failed') },
  sent: { title: 'Sent', act: send(number, 'sent') },
  unconfirmed: {
    title: 'Not confirmed',
    send: () => new Promise(() => {}),
    async act(tools) {
      await send(number, 'sending')!(tools);
      await tools.clock.advance(8000);
    },
  },
  printed: { title: 'Paper', act: ({ press }) => press('print') },
  idle: {
    title: 'Nobody touches it',
    attributes: { 'idle-timeout': '20' },
    act: ({ clock }) => clock.advance(12_500),
  },
  dialog: { title: 'As a dialog', alone: true, attributes: { presentation: 'dialog' }, act: key(number) },
};

export async function showNumpad(place: HTMLElement, state: NumpadState): Promise<void> {
  const element = document.createElement('rulrr-ereceipt-numpad');
  const clock = new StillClock();
  element.clock = clock;
  element.idleTimeout = 0;
  for (const [name, value] of Object.entries(state.attributes ?? {})) element.setAttribute(name, value);
  element.send = state.send ?? (() => Promise.resolve());
  place.append(element);
  await element.updateComplete;
  void element.prompt('1041');
  await element.updateComplete;
  const press = (part: string) => element.renderRoot.querySelector<HTMLElement>(`[part~="${part}"]`)!.click();
  await state.act?.({ element, clock, press });
  await element.updateComplete;
  // The live region says one thing a second.
  await clock.advance(1100);
  await element.updateComplete;
}
