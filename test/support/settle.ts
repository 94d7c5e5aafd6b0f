/**
 * Encryption answers from another thread: give it real turns, while the clock stands still. Each turn waits for a piece of work on
 * those threads too, so that a busy machine gets longer turns and not fewer results.
 */
export async function settle(turns = 60): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    await crypto.subtle.digest('SHA-256', new Uint8Array(1));
    await new Promise((resolve) => setImmediate(resolve));
  }
}
