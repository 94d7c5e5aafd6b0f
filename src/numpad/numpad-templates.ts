import { html, nothing, type TemplateResult } from 'lit';
import type { Messages } from '../shared/localize.js';
import type { Key } from './keypad-machine.js';
import { countdown, keysOf, letters } from './numpad-model.js';
import type { NumberReason } from './phone-number.js';
import type { PromptState } from './prompt-machine.js';

export type NumpadStrings = Messages['numpad'];

/** All that the templates need to know. The number is not among it: the element writes it itself, off the path of rendering. */
export interface NumpadView {
  model: PromptState;
  layout: string;
  modal: boolean;
  language: string;
  rtl: boolean;
  text: NumpadStrings;
  /** The number may be sent. */
  complete: boolean;
  error: NumberReason | 'failed' | null;
  /** The words of the live region. */
  spoken: string;
  /** Seconds until the receipt prints by itself; 0 while there is no need to say. */
  secondsLeft: number;
  country: string;
  /** ISO code and name of the countries to choose from. */
  choice: readonly (readonly [string, string])[];
  on: {
    taps: {
      pointerdown(event: PointerEvent): void;
      touchstart(event: TouchEvent): void;
      touchend(event: TouchEvent): void;
      click(event: MouseEvent): void;
      forgive(): void;
    };
    mousedown(event: MouseEvent): void;
    /** Does nothing, and keeps the browser from doing something. */
    still(event: Event): void;
    touch(): void;
    choose(event: Event): void;
    send(): void;
    print(): void;
    cancel(event: Event): void;
    close(): void;
  };
}

/** Everything that the element shows. The panel is always there, closed between prompts, so that opening it draws nothing anew. */
export function numpadTemplate(view: NumpadView): TemplateResult {
  const { model, on, text, error } = view;
  const { phase } = model;
  const rest = phase === 'sent' || phase === 'printed';
  const busy = phase === 'sending';
  const problem = error ? text[error === 'country' ? 'wrong-country' : error] : nothing;
  return html`<dialog
    part="dialog"
    class=${rest ? 'rest' : view.modal ? 'modal' : ''}
    lang=${view.language}
    dir=${view.rtl ? 'rtl' : nothing}
    role="dialog"
    aria-labelledby="title"
    @pointerdown=${on.touch}
    @cancel=${on.cancel}
    @close=${on.close}
  >
    <p id="title">${text.title}</p>
    ${view.choice.length ? countries(view) : nothing}
    <div class="entry">
      <div
        id="number"
        part="display"
        dir="ltr"
        role="textbox"
        tabindex="0"
        autofocus
        aria-label=${text.number}
        aria-describedby="error"
        aria-invalid=${error ? 'true' : 'false'}
      ></div>
      <button part="key key-clear" data-key="clear" type="button" aria-label=${text.clear} @click=${on.taps.click}>
        ✕
      </button>
    </div>
    <div class="notes">
      <p part="error" id="error" data-reason=${error || nothing}>${problem}</p>
      <p class="countdown" aria-hidden="true">${view.secondsLeft ? countdown(text, view.secondsLeft) : nothing}</p>
      <div part="status" role="status" class=${error || view.secondsLeft ? 'unseen' : ''}>${view.spoken}</div>
    </div>
    <div
      class="pad"
      part="pad"
      dir="ltr"
      role="group"
      aria-label=${text.pad}
      @pointerdown=${on.taps.pointerdown}
      @touchstart=${on.taps.touchstart}
      @touchend=${on.taps.touchend}
      @mousedown=${on.mousedown}
      @click=${on.taps.click}
      @keydown=${on.taps.forgive}
      @contextmenu=${on.still}
    >
      ${keysOf(view.layout).map((key) => keyTemplate(key, view))}
    </div>
    <div class="ways">
      <button part="print" type="button" aria-disabled=${busy ? 'true' : 'false'} @click=${on.print}>
        ${model.failed ? text.paper : text.print}
      </button>
      <button part="send" type="button" aria-disabled=${view.complete && !busy ? 'false' : 'true'} @click=${on.send}>
        ${busy ? text.sending : phase === 'failed' ? text.retry : text.send}
      </button>
    </div>
  </dialog>`;
}

function keyTemplate(key: Key, { text }: NumpadView): TemplateResult {
  const word = key === 'plus' || key === 'delete';
  return html`<button part="key key-${key}" data-key=${key} type="button" aria-label=${word ? text[key] : nothing}>
    ${key === 'plus' ? '+' : key === 'delete' ? '⌫' : key}<small aria-hidden="true">${letters[key] || nothing}</small>
  </button>`;
}

function countries({ text, choice, country, on }: NumpadView): TemplateResult {
  return html`<select part="country" aria-label=${text.country} autocomplete="off" @change=${on.choose}>
    ${choice.map(([code, name]) => html`<option value=${code} ?selected=${code === country}>${name}</option>`)}
  </select>`;
}
