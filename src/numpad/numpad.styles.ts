import { css } from 'lit';

/**
 * Old tills: no flex gap, no min()/max(), no :is(). Keys are 64 px high, and never under 44.
 *
 * Two sizes of text are all there is at the start: before it first draws another, a sandboxed browser waits for another process, at every size and
 * weight anew. So the title is bold and no larger, × has the size of a key, and the letters below the digits are text of 16 px, drawn at 11:
 * laid out in a box that is wider than the key by as much as it is then drawn smaller.
 */
export const numpadStyles = css`
  :host {
    display: block;
  }
  dialog {
    position: static;
    display: none;
    box-sizing: border-box;
    width: 100%;
    max-width: var(--rulrr-numpad-width, 420px);
    margin: 0 auto;
    padding: var(--rulrr-numpad-padding, 12px);
    border: 0;
    border-radius: var(--_radius);
    background: var(--_surface);
  }
  [lang] {
    font-size: 16px;
  }
  dialog[open] {
    display: block;
  }
  dialog.modal[open] {
    top: 0;
    position: fixed;
    right: 0;
    bottom: 0;
    left: 0;
    z-index: 2147483647;
    height: fit-content;
    margin: auto;
    max-height: 100%;
    overflow: auto;
    /* Nothing else can be pressed meanwhile, whatever the page has done to the place that this is in. */
    visibility: visible;
    pointer-events: auto;
  }
  dialog::backdrop {
    background: #00000080;
  }
  /* One cell for all of them, as high as the longest, and a fixed height for the number: the keys must not move under a finger. */
  .notes {
    position: relative;
    margin-bottom: 8px;
    display: grid;
  }
  /* A page that prints itself does so in the listener, while this still stands there. */
  @media print {
    dialog[open] {
      display: none;
    }
  }
  .notes > * {
    min-width: 0;
    grid-area: 1 / 1;
  }
  p {
    margin: 0;
    overflow-wrap: break-word;
  }
  .place {
    visibility: hidden;
    font-weight: 600;
  }
  #title {
    margin-bottom: 8px;
    font-weight: 600;
  }
  [part='display'] {
    flex: 1;
    min-width: 0;
    /* Turned round, so that what does not fit is the beginning, not the digit that was just keyed. */
    display: flex;
    max-height: 100%;
    flex-direction: column-reverse;
    min-height: 1.3em;
    overflow: auto;
    font-variant-numeric: tabular-nums;
    word-break: break-word;
  }
  .entry button {
    margin-inline-start: 8px;
    min-width: 56px;
  }
  .entry {
    display: flex;
    align-items: center;
    height: 2.6em;
    margin-bottom: 8px;
    border-bottom: 2px solid var(--_border);
    color: var(--rulrr-numpad-display-color, inherit);
    font-size: var(--rulrr-numpad-display-size, 34px);
    line-height: 1.3;
  }
  [part='error'],
  .countdown {
    color: var(--_danger);
    font-weight: 600;
  }
  .pad {
    display: grid;
    grid-template-columns: repeat(3, minmax(44px, 1fr));
    grid-gap: var(--rulrr-numpad-gap, 8px);
    margin-bottom: 12px;
    touch-action: none;
  }
  .unseen {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip: rect(0 0 0 0);
    white-space: nowrap;
  }
  /* In Safari a finger that rests on words selects them, and brings a menu. */
  .pad,
  button {
    -webkit-user-select: none;
    user-select: none;
  }
  button,
  select {
    box-sizing: border-box;
    min-width: 44px;
    min-height: 56px;
    margin: 0;
    padding: 0 12px;
    border: 1px solid var(--_border);
    border-radius: var(--_radius);
    background: var(--_surface-raised);
    color: inherit;
    font: inherit;
    touch-action: none;
    -webkit-tap-highlight-color: transparent;
  }
  select {
    width: 100%;
    margin-bottom: 8px;
  }
  .pad button {
    height: var(--rulrr-numpad-key-height, 64px);
    padding: 0;
    min-height: 44px;
    border-color: var(--rulrr-numpad-key-border, var(--_border));
    border-radius: var(--rulrr-numpad-key-radius, var(--_radius));
    color: var(--rulrr-numpad-key-color, inherit);
    background: var(--rulrr-numpad-key-background, var(--_surface-raised));
  }
  [data-key] {
    font-size: var(--rulrr-numpad-key-size, 26px);
    line-height: 1;
  }
  .pad button:active {
    background: var(--rulrr-numpad-key-active, var(--_border));
  }
  svg {
    display: block;
    height: 1em;
    margin: 0 auto;
    fill: none;
    stroke: currentColor;
    stroke-width: 2;
  }
  small {
    display: block;
    height: 14px;
    margin: 4px -22% 0;
    color: var(--rulrr-numpad-key-color, var(--_text-muted));
    font-size: 16px;
    letter-spacing: 0.1em;
    transform: scale(0.69);
    transform-origin: top;
  }
  .ways {
    display: flex;
    flex-wrap: wrap;
    margin: 0 -4px;
  }
  .ways button {
    flex: 1 1 120px;
    margin: 4px;
  }
  [part='send'] {
    font-weight: 600;
  }
  .ways [aria-disabled='true'] {
    color: var(--_text-muted);
  }
  [part='send'][aria-disabled='false'] {
    border-color: transparent;
    background: var(--rulrr-numpad-send-background, var(--_accent));
    color: var(--rulrr-numpad-send-color, var(--_on-accent));
  }
  :focus {
    outline: 3px solid var(--_focus);
    outline-offset: 2px;
  }
  :focus:not(:focus-visible) {
    outline: none;
  }
  /* A till in landscape, or a small one: all of it without scrolling. */
  @media (max-height: 680px) and (min-width: 301px) {
    .choice #title,
    .choice select {
      display: inline-block;
      width: 41%;
      margin-bottom: 4px;
      vertical-align: middle;
    }
    .choice #title {
      min-width: 57%;
      line-height: 1.2;
    }
  }
  .rest .place,
  .rest #title,
  .rest select,
  .rest .pad,
  .rest .ways,
  .rest [data-key] {
    display: none;
  }
  .rest .words {
    font-size: 20px;
  }
  @media (max-height: 520px) {
    dialog {
      padding: var(--rulrr-numpad-padding, 4px);
    }
    #title,
    .notes,
    .entry {
      margin-bottom: 4px;
    }
    .entry {
      height: 56px;
    }
    .pad {
      grid-gap: var(--rulrr-numpad-gap, 5px);
      margin-bottom: 4px;
    }
    .pad button {
      height: var(--rulrr-numpad-key-height, 56px);
    }
    .pad small {
      display: none;
    }
    .ways button,
    select {
      min-height: 48px;
    }
    @container (max-width: 410px) {
      [part='display'] {
        font-size: calc(var(--rulrr-numpad-display-size, 34px) * 0.63);
      }
    }
  }
  /* A narrow column of a wide page: the place of the number keeps its height, so that all of it has room by being small. Old tills scroll it. */
  @media (min-width: 301px) {
    .entry {
      container-type: inline-size;
    }
    @container (max-width: 270px) {
      [part='display'] {
        font-size: calc(0.3em + 4.1cqi);
      }
    }
  }
  @media (max-width: 400px) {
    .entry {
      font-size: calc(var(--rulrr-numpad-display-size, 34px) * 0.8);
    }
  }
  /* Down to 160 px: 320 at 200 %. */
  @media (max-width: 300px) {
    dialog {
      padding: var(--rulrr-numpad-padding, 4px);
    }
    .entry {
      height: 5.2em;
      font-size: calc(var(--rulrr-numpad-display-size, 34px) * 0.7);
    }
    .pad {
      grid-gap: var(--rulrr-numpad-gap, 2px);
    }
  }
  /* So low, as by zooming, that keys and buttons can fill all of it: beside them, it scrolls. There must be room for three keys beside that. */
  @media (max-height: 360px) and (min-width: 220px) {
    .pad {
      margin: 0 12% 4px;
    }
  }
  @media (max-height: 360px) {
    .ways {
      padding: 0 8%;
    }
  }
  @media (forced-colors: active) {
    dialog.modal {
      border: 1px solid;
    }
    [part='send'][aria-disabled='false'] {
      border: 3px solid ButtonText;
    }
  }
`;
