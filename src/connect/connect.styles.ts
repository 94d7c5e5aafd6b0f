import { css } from 'lit';

/** No flex `gap`, `inset`, `min()` or bare `:focus-visible`: tills run browsers that lack them. */
export const connectStyles = css`
  :host {
    display: block;
    overflow-wrap: break-word;
  }
  /* What stands on the page itself takes the page's colour, unless it is told another: nobody else knows what is behind it. */
  [lang] {
    color: var(--rulrr-text, inherit);
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
    border-radius: var(--rulrr-connect-button-radius, var(--_radius));
    background: var(--rulrr-connect-button-background, var(--_accent));
    color: var(--rulrr-connect-button-color, var(--_on-accent));
    font-weight: 600;
  }
  /* Not dimmed: what cannot be pressed can still be read. */
  :disabled {
    border: 1px dashed var(--_border);
    background: var(--_surface);
    color: var(--_text);
    cursor: default;
  }
  :focus {
    outline: 3px solid var(--_focus);
    outline-offset: 2px;
  }
  :focus:not(:focus-visible) {
    outline: none;
  }
  [part='status'] {
    color: var(--rulrr-connect-status-color, inherit);
  }
  .rest {
    margin-top: 12px;
  }
  [part='error'] {
    color: var(--rulrr-danger, inherit);
    font-weight: 600;
  }
`;
