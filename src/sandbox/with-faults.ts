import type { WireFault } from './broken-answer.js';
import { messagePage } from './connect-page.js';
import type { Fault, SandboxRoute } from './faults.js';
import { pause } from './pause.js';
import { html, json } from './respond.js';

/** An answer, and what is to happen to it on the wire. */
export interface Struck {
  response: Response;
  wire?: WireFault;
}

/** Lets the faults of a route strike, before and after its work. `stopped` fires when the caller goes away or the sandbox closes. */
export async function withFaults(
  struck: readonly Fault[],
  route: SandboxRoute,
  run: () => Promise<Response>,
  stopped: readonly AbortSignal[],
): Promise<Struck> {
  for (const fault of struck) {
    if (fault.kind === 'slow') await pause(fault.ms ?? 3000, stopped);
    if (fault.kind === 'hang') await pause(Infinity, stopped);
  }
  for (const fault of struck) {
    const instead = answerInstead(fault, route);
    if (instead) return instead;
  }
  let response = await run();
  for (const { kind, at, ms, headers } of struck) {
    if (kind === 'lose-answer') return { response, wire: { kind } };
    if (kind === 'cut' || kind === 'drip') return { response, wire: { kind, at, ms } };
    if (kind === 'wrong-content-type')
      response = rewrite(response, await response.text(), { 'Content-Type': 'text/html' });
    if (kind === 'bad-json') response = rewrite(response, (await response.text()).slice(0, -1));
    if (kind === 'missing-fields') response = rewrite(response, '{"success":true}');
    if (kind === 'headers') response = rewrite(response, await response.text(), headers);
  }
  return { response };
}

/** What is answered without the request being carried out. */
function answerInstead(fault: Fault, route: SandboxRoute): Struck | null {
  const { kind } = fault;
  if (kind === 'status') {
    const error = `fault: ${fault.status}`;
    const headers: Record<string, string> = fault.retryAfter ? { 'Retry-After': fault.retryAfter } : {};
    if (route === 'connect-page') return { response: html(fault.status!, messagePage('Fault', error), headers) };
    return { response: json(fault.status!, { success: false, error }, headers) };
  }
  if (kind === 'redirect') {
    const headers = { Location: fault.location ?? 'https://elsewhere.invalid/' };
    return { response: new Response(null, { status: 302, headers }) };
  }
  if (kind === 'oversized') return { response: json(200, { success: true, filler: 'x'.repeat(8 * 1024 * 1024) }) };
  if (kind === 'reset' || kind === 'close' || kind === 'garbage') return { response: json(200, {}), wire: { kind } };
  return null;
}

function rewrite(response: Response, text: string, headers: Record<string, string> = {}): Response {
  const merged = new Headers(response.headers);
  for (const [key, value] of Object.entries(headers)) merged.set(key, value);
  return new Response(response.body && text, { status: response.status, headers: merged });
}
