import type { Fault } from './faults.js';
import { pause } from './pause.js';

/** What is to happen on the wire; a `Response` cannot say it. */
export type WireFault = Pick<Fault, 'kind' | 'at' | 'ms'>;

/** The nearest that a fetch without sockets can come to a broken connection: it rejects as Node's does. `stopped` ends a drip. */
export async function inProcess(
  response: Response,
  { kind, at, ms }: WireFault,
  stopped: readonly AbortSignal[],
): Promise<Response> {
  const broken = (code: string) =>
    Object.assign(new TypeError('fetch failed'), { cause: Object.assign(new Error(code), { code }) });
  if (kind === 'garbage') throw broken('HPE_INVALID_CONSTANT');
  if (kind === 'reset') throw broken('ECONNRESET');
  if (kind === 'close' || kind === 'lose-answer') throw broken('UND_ERR_SOCKET');
  const bytes = new Uint8Array(await response.arrayBuffer());
  const until = Math.min(at ?? Math.floor(bytes.length / 2), bytes.length);
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (kind === 'cut') {
        // One a pull: an error takes away what nobody has read yet.
        if (sent < until) controller.enqueue(bytes.slice(sent, (sent = until)));
        else controller.error(broken('UND_ERR_SOCKET'));
        return;
      }
      await pause((ms ?? 2000) / Math.max(1, bytes.length), stopped);
      if (sent < bytes.length) controller.enqueue(bytes.slice(sent, ++sent));
      else controller.close();
    },
  });
  return new Response(body, { status: response.status, headers: response.headers });
}
