import { css } from 'lit';

/** What a session adds to the element's styles; comes with it. */
export const panelStyles = css`
  a {
    display: inline-block;
  }
  .bar,
  .ways {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
  }
  .bar > *,
  .ways > * {
    max-width: calc(100% - 8px);
    margin: 4px;
  }
  /* Disabled in earnest, it would let go of the focus. */
  [aria-disabled='true'] {
    border-style: dashed;
    cursor: default;
  }
  .bar {
    justify-content: flex-end;
  }
  .bar > [role] {
    flex: 1 1 12em;
  }
  .panel {
    margin-top: 12px;
    padding: 8px;
    border: var(--rulrr-connect-panel-border, 1px solid var(--_border));
    border-radius: var(--rulrr-connect-panel-radius, var(--_radius));
    background: var(--rulrr-connect-panel-background, var(--_surface-raised));
    color: var(--_text);
  }
  .panel [part='error'] {
    color: var(--_danger);
  }
  dialog > .panel {
    margin: 0;
  }
  .panel:focus,
  dialog:focus {
    outline: none;
  }
  .stage {
    margin: 4px;
    height: var(--rulrr-connect-height, 640px);
    max-height: 80vh;
    min-height: 320px;
  }
  iframe {
    display: block;
    width: 100%;
    height: 100%;
    border: 0;
    border-radius: calc(var(--_radius) / 2);
    background: #fff;
  }
  svg {
    display: block;
    width: 240px;
    max-width: 100%;
    margin: 12px auto;
  }
  dialog {
    position: fixed;
    top: 0;
    right: 0;
    bottom: 0;
    left: 0;
    z-index: 2147483647;
    /* Nothing else can be pressed meanwhile, whatever the page has done to the place that this is in. */
    visibility: visible;
    pointer-events: auto;
    box-sizing: border-box;
    display: block;
    width: var(--rulrr-connect-width, 640px);
    max-width: 100%;
    max-height: 100%;
    height: -webkit-fit-content;
    height: -moz-fit-content;
    height: fit-content;
    margin: auto;
    padding: 0;
    overflow: auto;
    border: 1px solid transparent;
    border-radius: var(--rulrr-connect-panel-radius, var(--_radius));
    background: var(--_surface);
    color: var(--_text);
    box-shadow: 0 0 0 100vmax rgba(0, 0, 0, 0.5);
  }
  dialog::backdrop {
    background: transparent;
  }
`;
