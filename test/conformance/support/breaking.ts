// What proxies that break a rule are made of: a layer around the proxy of the package.
import type { Breaking } from './served.js';

export const pathOf = (request: Request) => new URL(request.url).pathname.replace(/^\/rulrr/, '');
export const json = (status: number, body: unknown, type = 'application/json') =>
  new Response(JSON.stringify(body), { status, headers: { 'Content-Type': type, 'Cache-Control': 'no-store' } });
export const rebuilt = async (answer: Response, change: (text: string, headers: Headers) => string) => {
  const headers = new Headers(answer.headers);
  const text = change(await answer.text(), headers);
  return new Response(answer.status === 204 ? null : text, { status: answer.status, headers });
};
export const edit = (change: (body: Record<string, unknown>) => void) => async (answer: Response) =>
  rebuilt(answer, (text) => {
    const body = JSON.parse(text) as Record<string, unknown>;
    change(body);
    return JSON.stringify(body);
  });
/** The request as it would look had it come with these headers. */
export const as = async (request: Request, headers: Record<string, string>, path?: string) => {
  const merged = new Headers(request.headers);
  for (const [name, value] of Object.entries(headers)) merged.set(name, value);
  const body = request.method === 'GET' || request.method === 'DELETE' ? undefined : await request.arrayBuffer();
  return new Request(path ? new URL('/rulrr' + path, request.url) : request.url, {
    method: request.method,
    headers: merged,
    body,
  });
};
export const trusted = { 'Rulrr-Embed': '1', 'Sec-Fetch-Site': 'same-origin' };
export const is = (request: Request, method: string, path: RegExp) =>
  request.method === method && path.test(pathOf(request));
export const session = /^\/integrations\/./;

/** Changes the body of one call's good answers. */
export const changing = (method: string, path: RegExp, change: (body: Record<string, unknown>) => void): Breaking => {
  const editor = edit(change);
  return async (request, next) => {
    const answer = await next(request);
    return is(request, method, path) && answer.ok ? editor(answer) : answer;
  };
};
/** Changes what it says of a session from the second time on that it says this status. */
export const onceToldOf = (status: string, change: (body: Record<string, unknown>) => void): Breaking => {
  const told = new Set<string>();
  return async (request, next) => {
    const answer = await next(request);
    if (!(await answer.clone().text()).includes(`"${status}"`)) return answer;
    if (told.has(request.url)) return edit(change)(answer);
    told.add(request.url);
    return answer;
  };
};
