import { css } from 'lit';

/** No flex `gap`, `inset`, `min()` or bare `:focus-visible`: tills run browsers that lack them. */
export const connectStyles = css`
  :host {
    display: block;
    line-height: 1.4;
  }
  button,
  a {
    box-sizing: border-box;
    min-height: 48px;
    padding: 12px 20px;
    border: 1px solid var(--_border);
    border-radius: var(--_radius);
    background: var(--_surface);
    color: var(--_text);
    font: inherit;
    cursor: pointer;
    touch-action: manipulation;
  }
  .primary {
    border-color: transparent;
    background: var(--_accent);
    color: var(--_on-accent);
    font-weight: 600;
  }
  :disabled {
    opacity: 0.6;
    cursor: default;
  }
  :focus {
    outline: 3px solid var(--_focus);
    outline-offset: 2px;
  }
  :focus:not(:focus-visible) {
    outline: none;
  }
  .rest > [role]:not(:empty) {
    margin-bottom: 12px;
  }
  [part='error'] {
    color: var(--_danger);
    font-weight: 600;
  }
`;
