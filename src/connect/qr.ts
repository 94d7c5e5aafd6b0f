import { html, type TemplateResult } from 'lit';

/** A QR code as one SVG path, four modules of quiet zone around it, still without a name. The library comes with the first one that is asked for. */
export async function qrCode(text: string): Promise<TemplateResult> {
  const { correction, generate } = await import('lean-qr/nano');
  const code = generate(text, { minCorrectionLevel: correction.M });
  const size = code.size + 8;
  let path = '';
  for (let y = 0; y < code.size; y++) {
    for (let x = 0; x < code.size; x++) if (code.get(x, y)) path += `M${x + 4} ${y + 4}h1v1h-1z`;
  }
  return html`<svg part="qr" role="img" viewBox=${`0 0 ${size} ${size}`} shape-rendering="crispEdges">
    <path fill="#fff" d=${`M0 0h${size}v${size}H0z`}></path>
    <path fill="#000" d=${path}></path>
  </svg>`;
}
