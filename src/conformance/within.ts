/**
 * One call with its time limit. `AbortSignal.timeout` alone keeps no process up: where nothing else does, as in the command line,
 * Node ends in the midst of the call and nothing is said.
 */
export async function within<Answer>(ms: number, call: (signal: AbortSignal) => Promise<Answer>): Promise<Answer> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new DOMException('The time is up.', 'TimeoutError')), ms);
  try {
    return await call(limit.signal);
  } finally {
    clearTimeout(timer);
  }
}
