import { Refusal } from './refusal.js';

/** More than any body of the contract; the rest is refused while it still comes in. */
export const maxBodyBytes = 8192;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });
const encoder = new TextEncoder();

/** Reads a JSON body of at most 8 KiB. @throws Refusal 415, 413 or 400; the body is never quoted. */
export async function readJson(request: Request): Promise<unknown> {
  const type = (request.headers.get('Content-Type') ?? '').split(';')[0]!.trim().toLowerCase();
  if (type !== 'application/json') throw new Refusal('unsupported_media_type', 'Send the body as application/json.');
  const coding = request.headers.get('Content-Encoding');
  if (coding && coding !== 'identity')
    throw new Refusal('unsupported_media_type', 'Send the body without a content coding.');
  if (Number(request.headers.get('Content-Length')) > maxBodyBytes) throw tooLarge();
  const bytes = request.bodyUsed ? undefined : await readCapped(request);
  // Parsers and loggers in front of the proxy are the usual cause.
  if (!bytes?.length)
    throw new Refusal('bad_request', 'The body is empty, or was read before the proxy got the request.');
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch {
    throw new Refusal('bad_request', 'The body is not JSON in UTF-8.');
  }
}

function tooLarge(): Refusal {
  return new Refusal('body_too_large', `A body may have ${maxBodyBytes} bytes.`);
}

async function readCapped(request: Request): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  let reader: ReadableStreamDefaultReader<Uint8Array | string> | undefined;
  try {
    reader = request.body?.getReader();
    for (;;) {
      const part = await reader?.read();
      if (!part || part.done) break;
      // Texts come from Node where something in front has called setEncoding('utf8').
      const bytes = typeof part.value === 'string' ? encoder.encode(part.value) : part.value;
      length += bytes.length;
      if (length > maxBodyBytes) throw tooLarge();
      chunks.push(bytes);
    }
  } catch (error) {
    // Not awaited: a body that hangs would hang its own cancelling too.
    reader?.cancel().catch(() => undefined);
    if (error instanceof Refusal) throw error;
    throw new Refusal('bad_request', 'The body did not come in whole.');
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
