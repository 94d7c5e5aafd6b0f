import { reference, upload, type ApiContext, type ApiRow } from './api-routes.js';
import { inProcess } from './broken-answer.js';
import { connectPage, endPage, lastStep, messagePage } from './connect-page.js';
import { control } from './control-routes.js';
import { Faults, routeNames, type SandboxRoute } from './faults.js';
import { checkOptions, type SandboxOptions } from './options.js';
import { html, json, readBody, readBytes, seeOther, TooLarge } from './respond.js';
import type { Sandbox } from './sandbox.js';
import { scenarioNames, scenarios, type Scenario } from './scenarios.js';
import { SandboxState, type Integration } from './state.js';
import { withFaults } from './with-faults.js';

/**
 * A stand-in for Rulrr: every row of its reference with its refusals, tokens that are handed out once, a connect page, and
 * faults on demand. It shares no code with the proxy or the client, so it stays an independent witness.
 *
 * @example
 * const sandbox = createSandbox({ clients: [{ clientId: 'demo', clientSecret: 'demo-secret' }] });
 * const proxy = createRulrrProxy({ …, fetch: sandbox.fetch });
 */
export function createSandbox(options: SandboxOptions): Sandbox {
  checkOptions(options);
  const { clients, now = Date.now, integrationTtlMs = 30 * 60_000 } = options;
  const steered = options.control ?? true;
  const state = new SandboxState(options.state ?? null, options.save);
  const faults = new Faults();
  const calls: Partial<Record<SandboxRoute, number>> = {};
  const closing = new AbortController();
  /** Undefined for one that another version of the sandbox has saved. */
  const chosenScenario = () => (scenarios as Record<string, Scenario>)[state.data.scenario];
  for (const fault of chosenScenario()?.faults ?? []) faults.set(fault);

  const sandbox: Sandbox = {
    // Also as a replacement of the global one, which the proxy and the API client take: `fetch: sandbox.fetch`.
    async fetch(request, init) {
      // With a Request, a server's second argument is what it knows beside it (Node's sockets, Deno's and Bun's addresses).
      const asked = request instanceof Request ? request : new Request(request, init as RequestInit);
      asked.signal.throwIfAborted();
      const { response, wire } = await sandbox.respond(asked);
      return wire ? inProcess(response, wire, [asked.signal, closing.signal]) : response;
    },
    async respond(request) {
      const url = new URL(request.url);
      const routed = route(request, url);
      if (!routed) return { response: json(404, { success: false, error: 'no such path' }) };
      try {
        if (routed.route === 'control') return { response: await routed.run() };
        calls[routed.route] = (calls[routed.route] ?? 0) + 1;
        const stopped = [request.signal, closing.signal];
        return await withFaults(faults.take(routed.route), routed.route, routed.run, stopped);
      } catch (error) {
        if (!(error instanceof TooLarge)) throw error;
        return { response: json(413, { success: false, error: 'the body is larger than 1 MiB' }) };
      }
    },
    messages: state.data.messages,
    orders: state.data.orders,
    uploads: state.data.uploads,
    faults,
    scenario(wanted) {
      if (!scenarioNames.includes(wanted)) {
        throw new TypeError(`There is no scenario "${String(wanted)}". Scenarios: ${scenarioNames.join(', ')}.`);
      }
      faults.clear();
      for (const fault of scenarios[wanted].faults) faults.set(fault);
      state.data.scenario = wanted;
      endOpenIntegrations();
      state.changed();
    },
    get currentScenario() {
      return state.data.scenario;
    },
    setEreceipt(on) {
      if (typeof on !== 'boolean') throw new TypeError('setEreceipt: give true or false.');
      for (const store of state.data.stores) store.ereceipt = on;
      state.changed();
    },
    calls,
    revokeTokens() {
      for (const grant of state.data.grants) grant.revoked = true;
      state.changed();
    },
    reset() {
      faults.clear();
      for (const route of routeNames) delete calls[route];
      state.reset();
    },
    async close() {
      closing.abort();
    },
  };

  function route(request: Request, url: URL): { route: SandboxRoute | 'control'; run: () => Promise<Response> } | null {
    const { method } = request;
    const row = reference[`${method} ${url.pathname}`];
    if (row) return { route: row.route, run: () => runApi(row, request, url) };
    if (/^\/_upload\/[\w-]+\/[\w-]+$/.test(url.pathname) && method === 'PUT') {
      return { route: 'upload', run: async () => toJson(await upload(contextOf(request, url), url.pathname)) };
    }
    if (url.pathname === '/connect') {
      return { route: 'connect-page', run: async () => seeOther(`/connect/${url.search}`) };
    }
    if (url.pathname === '/connect/' && (method === 'GET' || method === 'HEAD' || method === 'POST')) {
      return { route: 'connect-page', run: () => runConnectPage(request, url) };
    }
    if (steered && /^\/_sandbox(\/|$)/.test(url.pathname))
      return { route: 'control', run: () => control(sandbox, state.data, request, url) };
    if (steered && url.pathname === '/') return { route: 'control', run: async () => seeOther('/_sandbox') };
    return null;
  }

  function contextOf(request: Request, url: URL): ApiContext {
    return {
      state,
      clients,
      now,
      integrationTtlMs,
      accessTokenTtlMs: options.accessTokenTtlMs ?? 365 * 86_400_000,
      query: url.searchParams,
      origin: url.origin,
      contentType: request.headers.get('Content-Type') ?? '',
      bytes: () => readBytes(request),
    };
  }

  async function runApi({ route, run }: ApiRow, request: Request, url: URL): Promise<Response> {
    // Sessions that began after the scenario was chosen end when they are first asked about.
    if (route === 'integration-status') endOpenIntegrations();
    return toJson(await run(contextOf(request, url)));
  }

  /** Some scenarios end the integrations that are pending. */
  function endOpenIntegrations(): void {
    const open = chosenScenario()?.open;
    for (const integration of state.data.integrations) {
      if (integration.status !== 'pending') continue;
      if (open === 'cancel') integration.status = 'cancelled';
      if (open === 'expire') integration.expired = true;
    }
  }

  async function runConnectPage(request: Request, url: URL): Promise<Response> {
    const form = request.method === 'POST' ? new URLSearchParams(await readBody(request)) : url.searchParams;
    const token = form.get('integration_token');
    const clientId = form.get('client_id');
    if (!token || !clientId) {
      const text = 'The address of this page must name an integration_token and a client_id.';
      return html(400, messagePage('This link is incomplete', text));
    }
    const integration = state.integration(token, clientId, now(), integrationTtlMs);
    if (!integration) {
      return html(403, messagePage('This link no longer works', 'Go back to the till and press Connect again.'));
    }
    if (integration.status !== 'pending') return html(200, endPage(integration.status));
    const step = Math.min(Math.max(Math.trunc(Number(form.get('step'))) || 1, 1), lastStep);
    if (request.method !== 'POST') return html(200, connectPage(integration, step));
    return seeOther(takeStep(integration, form, step));
  }

  /** What a form of the connect page does; answers with the address of the next document. */
  function takeStep(integration: Integration, form: URLSearchParams, step: number): string {
    const ereceipt = form.get('ereceipt');
    if (ereceipt === 'on' || ereceipt === 'off') integration.ereceipt = ereceipt === 'on';
    if (form.get('store')?.trim()) integration.storeName = form.get('store')!.trim().slice(0, 80);
    const action = form.get('action');
    if (action === 'cancel') integration.status = 'cancelled';
    if (action === 'finish' && step === lastStep) integration.status = 'finished';
    state.changed();
    const next = action === 'next' ? Math.min(step + 1, lastStep) : step;
    const query = new URLSearchParams({ integration_token: integration.token, client_id: integration.clientId });
    query.set('step', String(next));
    return `/connect/?${query}`;
  }

  return sandbox;
}

function toJson(answer: { status: number; body: Record<string, unknown> }): Response {
  return json(answer.status, answer.body);
}
