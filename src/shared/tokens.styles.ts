import { css } from 'lit';

/**
 * The few tokens that both elements share. A page sets `--rulrr-*`; the elements read the private `--_*` below, so that
 * nothing of the page can leak in by another name. Dark is the system's choice, which a page need not share: what has no surface of its own
 * behind it takes the page's colour.
 */
export const tokens = css`
  :host {
    --_accent: var(--rulrr-accent, #0b5c4d);
    --_on-accent: var(--rulrr-on-accent, #fff);
    --_surface: var(--rulrr-surface, #fff);
    --_surface-raised: var(--rulrr-surface-raised, #f1f4f3);
    --_text: var(--rulrr-text, #14201d);
    --_text-muted: var(--rulrr-text-muted, #4b5a56);
    --_border: var(--rulrr-border, #7b8985);
    --_danger: var(--rulrr-danger, #a3261b);
    --_radius: var(--rulrr-radius, 12px);
    --_font: var(--rulrr-font, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif);
    --_focus: var(--rulrr-focus, #1457d9);
  }
  /* The root of each element. What a page says of its text, to whatever element, ends here; the size is the page's unless an element has its own. */
  [lang] {
    color: var(--_text);
    font: 1em/1.4 var(--_font);
    letter-spacing: normal;
    word-spacing: 0;
    text-align: start;
    text-indent: 0;
    text-shadow: none;
    text-transform: none;
    white-space: normal;
    writing-mode: horizontal-tb;
    -webkit-text-fill-color: currentColor;
  }
  @media (prefers-color-scheme: dark) {
    :host {
      --_accent: var(--rulrr-accent, #6fd3bd);
      --_on-accent: var(--rulrr-on-accent, #06231d);
      --_surface: var(--rulrr-surface, #17201e);
      --_surface-raised: var(--rulrr-surface-raised, #24302d);
      --_text: var(--rulrr-text, #eef4f2);
      --_text-muted: var(--rulrr-text-muted, #b3c1bd);
      --_border: var(--rulrr-border, #7d8c87);
      --_danger: var(--rulrr-danger, #ff9d92);
      --_focus: var(--rulrr-focus, #8db4ff);
    }
  }
  :host([hidden]) {
    display: none;
  }
`;
