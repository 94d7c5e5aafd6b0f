const maxBody = 1024 * 1024;
/** The body is larger than a sandbox reads. */
export class TooLarge extends Error {}

export const json = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json', ...headers } });

export const html = (status: number, body: string) =>
  new Response(body, {
    status,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Cache-Control': 'no-store',
      'Referrer-Policy': 'no-referrer',
    },
  });

export const seeOther = (location: string) => new Response(null, { status: 303, headers: { Location: location } });

export async function readBody(request: Request): Promise<string> {
  const text = await request.text();
  if (text.length > maxBody) throw new TooLarge();
  return text;
}
