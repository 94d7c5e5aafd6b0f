import { html, nothing, type TemplateResult } from 'lit';
import { countdown, longest, problemWords, type NumpadStrings } from './numpad-model.js';
import type { NumberReason } from './phone-number.js';
import type { PromptState } from './prompt-machine.js';

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
  /** How things stand, in words, and those of the live region, which may lag behind. */
  words: string;
  spoken: string;
  /** Seconds until the receipt prints by itself; 0 while there is no need to say. */
  secondsLeft: number;
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
    lift(event: TouchEvent): void;
    mousedown(event: MouseEvent): void;
    /** Does nothing, and keeps the browser from doing something. */
    still(event: Event): void;
    stir(event: Event): void;
    /** The event stays inside. */
    keep(event: Event): void;
    choose(event: Event): void;
    send(): void;
    print(): void;
    cancel(event: Event): void;
    close(): void;
  };
}

/**
 * The rows of digits, with the letters that ITU-T E.161 gives them. Without a single binding, so that a till that is slow to start has
 * nothing to do here but clone.
 */
const one = html`<button part="key key-1" data-key="1" type="button">1<small aria-hidden="true"></small></button>
  <button part="key key-2" data-key="2" type="button">2<small aria-hidden="true">ABC</small></button>
  <button part="key key-3" data-key="3" type="button">3<small aria-hidden="true">DEF</small></button>`;
const four = html`<button part="key key-4" data-key="4" type="button">4<small aria-hidden="true">GHI</small></button>
  <button part="key key-5" data-key="5" type="button">5<small aria-hidden="true">JKL</small></button>
  <button part="key key-6" data-key="6" type="button">6<small aria-hidden="true">MNO</small></button>`;
const seven = html`<button part="key key-7" data-key="7" type="button">7<small aria-hidden="true">PQRS</small></button>
  <button part="key key-8" data-key="8" type="button">8<small aria-hidden="true">TUV</small></button>
  <button part="key key-9" data-key="9" type="button">9<small aria-hidden="true">WXYZ</small></button>`;

/** Everything that the element shows. The panel is always there, closed between prompts, so that opening it draws nothing anew. */
export function numpadTemplate(view: NumpadView): TemplateResult {
  const { model, on, text, error } = view;
  const { phase } = model;
  const rest = phase === 'sent' || phase === 'printed';
  const busy = phase === 'sending';
  const problem = error ? problemWords(text, error) : nothing;
  const left = view.secondsLeft;
  const veil = left ? 'unseen' : '';
  const late = view.words !== view.spoken;
  return html`<dialog
    part="dialog"
    class=${(rest ? 'rest ' : '') + (view.modal ? 'modal ' : '') + (view.choice.length ? 'choice' : '')}
    lang=${view.language}
    dir=${view.rtl ? 'rtl' : nothing}
    role="dialog"
    aria-labelledby="title"
    @click=${on.stir}
    @pointerdown=${on.stir}
    @keydown=${on.stir}
    @focusin=${on.stir}
    @cancel=${on.cancel}
    @contextmenu=${on.still}
    @close=${on.close}
  >
    <p id="title">${text.title}</p>
    ${view.choice.length ? countries(view) : nothing}
    <div class="entry" @touchend=${on.lift}>
      <div
        id="number"
        part="display"
        dir="ltr"
        role="textbox"
        tabindex="0"
        aria-label=${text.number}
        aria-describedby="error"
        aria-invalid=${!!error && phase !== 'failed'}
      ></div>
      <button part="key key-clear" data-key="clear" type="button" aria-label=${text.clear} @click=${on.taps.click}>
        ×
      </button>
    </div>
    <div class="notes">
      <p class="place">${longest(text)}</p>
      <div part="status" role="status" class=${late || error ? 'unseen' : veil || 'words'}>${view.spoken}</div>
      <p part="error" id="error" class=${veil} data-reason=${error || nothing}>${problem}</p>
      <p class="countdown" aria-hidden="true">${left ? countdown(text, left) : nothing}</p>
      <p class="words" aria-hidden="true">${late && !error && !left ? view.words : nothing}</p>
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
    >
      ${view.layout === 'calculator' ? [seven, four, one] : [one, four, seven]}
      <button part="key key-plus" data-key="plus" type="button" aria-label=${text.plus}>+<small></small></button>
      <button part="key key-0" data-key="0" type="button">0<small></small></button>
      <button part="key key-delete" data-key="delete" type="button" aria-label=${text.delete}>
        <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M9 5h12v14H9l-6-7zm3 4 5 6m0-6-5 6"></path></svg>
        <small></small>
      </button>
    </div>
    <div class="ways" @touchend=${on.lift}>
      <button part="print" type="button" aria-disabled=${busy} @click=${on.print}>
        ${model.failed ? text.paper : text.print}
      </button>
      <button part="send" type="button" aria-disabled=${busy || !view.complete} @click=${on.send}>
        ${busy ? text.sending : phase === 'failed' ? text.retry : text.send}
      </button>
    </div>
  </dialog>`;
}

function countries({ text, choice, on }: NumpadView): TemplateResult {
  return html`<select
    part="country"
    aria-label=${text.country}
    autocomplete="off"
    @input=${on.keep}
    @change=${on.choose}
  >
    ${choice.map(([code, name]) => html`<option value=${code}>${name}</option>`)}
  </select>`;
}
