/** Of bodies, in bytes. */
export const maxBody = 1024 * 1024;

/** The body is larger than a sandbox reads. */
export class TooLarge extends Error {}

/** A `Response` of these statuses takes no body, not even an empty one. */
const bodyFor = (status: number, text: string) => ([204, 205, 304].includes(status) ? null : text);

export const json = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  new Response(bodyFor(status, JSON.stringify(body)), {
    status,
    headers: { 'Content-Type': 'application/json', ...headers },
  });

export const html = (status: number, body: string, headers: Record<string, string> = {}) =>
  new Response(bodyFor(status, body), {
    status,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Cache-Control': 'no-store',
      'Referrer-Policy': 'no-referrer',
      ...headers,
    },
  });

export const seeOther = (location: string) => new Response(null, { status: 303, headers: { Location: location } });

export async function readBytes(request: Request): Promise<Uint8Array> {
  const bytes = new Uint8Array(await request.arrayBuffer());
  if (bytes.length > maxBody) throw new TooLarge();
  return bytes;
}

export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

export async function readBody(request: Request): Promise<string> {
  return textOf(await readBytes(request));
}
