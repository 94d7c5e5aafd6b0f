import { controlPage } from './control-page.js';
import { numberFields, type Fault } from './faults.js';
import { html, json, readBody, seeOther } from './respond.js';
import type { Sandbox } from './sandbox.js';
import { scenarios, type ScenarioName } from './scenarios.js';
import type { SandboxData } from './state.js';

/** What is below `/_sandbox`: the page that steers the sandbox, and the same for programs. */
export async function control(sandbox: Sandbox, data: SandboxData, request: Request, url: URL): Promise<Response> {
  const { method } = request;
  const { messages, orders, uploads, scenario } = data;
  const faults = sandbox.faults.active;
  if (method === 'GET' && /^\/_sandbox\/?$/.test(url.pathname)) return html(200, controlPage(data, faults));
  if (method === 'GET' && url.pathname === '/_sandbox/state') {
    return json(200, { messages, orders, uploads, scenario, faults, scenarios }, { 'Cache-Control': 'no-store' });
  }
  const act = actions.get(url.pathname.slice('/_sandbox/'.length));
  if (method !== 'POST' || !act) return json(404, { error: 'no such control' });
  // A page somewhere else must not steer a developer's sandbox.
  const site = request.headers.get('Sec-Fetch-Site');
  if (site && site !== 'same-origin' && site !== 'none') return json(403, { error: 'same-origin requests only' });
  const text = await readBody(request);
  const isForm = (request.headers.get('Content-Type') ?? '').startsWith('application/x-www-form-urlencoded');
  try {
    const given: unknown = isForm ? Object.fromEntries(new URLSearchParams(text)) : JSON.parse(text || '{}');
    act(sandbox, (given ?? {}) as Record<string, unknown>);
  } catch (error) {
    const reason = error instanceof TypeError ? error.message : 'The body is not valid JSON.';
    return json(400, { error: reason });
  }
  return isForm ? seeOther('/_sandbox') : json(200, { ok: true });
}

const actions = new Map<string, (sandbox: Sandbox, given: Record<string, unknown>) => void>([
  ['scenario', (sandbox, { name }) => sandbox.scenario(String(name) as ScenarioName)],
  ['fault', ({ faults }, given) => faults.set(faultOf(given))],
  ['ereceipt', (sandbox, { on }) => sandbox.setEreceipt(switchOf(on))],
  ['clear-faults', ({ faults }) => faults.clear()],
  ['revoke', (sandbox) => sandbox.revokeTokens()],
  ['reset', (sandbox) => sandbox.reset()],
]);

function switchOf(on: unknown): boolean {
  if (!['true', 'false'].includes(String(on))) throw new TypeError('"on" must be true or false.');
  return String(on) === 'true';
}

/** A fault as a form sends it: numbers as text, and blanks for what was left out. */
function faultOf(given: Record<string, unknown>): Fault {
  const fault: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(given)) {
    if (value === '' || value === undefined) continue;
    fault[key] = numberFields.includes(key) ? Number(value) : value;
  }
  return fault as unknown as Fault;
}
