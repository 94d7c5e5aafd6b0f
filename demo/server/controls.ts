import type { IncomingMessage, ServerResponse } from 'node:http';
import { scenarios, type Sandbox, type ScenarioName } from '../../src/sandbox/index.js';

export type Handler = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

const maxBody = 4096;

/** As it was sent: `//` is no URL, and no reason to end. */
export const pathOf = ({ url = '/' }: IncomingMessage) => url.split('?', 1)[0]!;

/**
 * What only the demo has, below `/demo`: order numbers, the customer's phone as the sandbox shows it, the scenarios, a
 * connect page for the gallery, and "forget everything". A POS has nothing of this.
 */
export function controls({
  sandbox,
  numbers,
  changed,
  galleryUrl,
}: {
  sandbox: Sandbox;
  numbers: () => string;
  /** Rulrr behaves in another way from now on. */
  changed: () => void;
  /** A connect page for the gallery's frames. */
  galleryUrl: () => Promise<string>;
}): Handler {
  const answer = (response: ServerResponse, status: number, body: unknown) => {
    response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
    response.end(JSON.stringify(body));
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pathname = pathOf(request);
    if (request.method === 'GET' && pathname === '/demo/state') {
      const { messages, currentScenario } = sandbox;
      const list = Object.entries(scenarios).map(([name, { title, description }]) => ({ name, title, description }));
      answer(response, 200, { messages, scenario: currentScenario, scenarios: list });
      return;
    }
    if (request.method !== 'POST') return answer(response, 404, { error: 'no such path' });
    const site = request.headers['sec-fetch-site'];
    if (site && site !== 'same-origin') return answer(response, 403, { error: 'same-origin requests only' });
    if (pathname === '/demo/orders') return answer(response, 201, { orderId: numbers() });
    if (pathname === '/demo/gallery') return answer(response, 201, { connectUrl: await galleryUrl() });
    if (pathname === '/demo/reset') {
      sandbox.reset();
      changed();
      return answer(response, 200, {});
    }
    if (pathname === '/demo/scenario') {
      let text = '';
      // To its end, or the connection is lost with what was left of it.
      for await (const chunk of request) if (text.length <= maxBody) text += String(chunk);
      if (text.length > maxBody) return answer(response, 413, { error: 'the body is too large' });
      try {
        sandbox.scenario((JSON.parse(text) as { name: ScenarioName }).name);
        changed();
      } catch (error) {
        return answer(response, 400, { error: error instanceof TypeError ? error.message : 'the body is not JSON' });
      }
      return answer(response, 200, {});
    }
    answer(response, 404, { error: 'no such path' });
  }

  return (request, response, next) => {
    if (!request.url?.startsWith('/demo/')) return next();
    handle(request, response).catch(() => {
      if (!response.headersSent) answer(response, 500, { error: 'the demo failed' });
    });
  };
}
