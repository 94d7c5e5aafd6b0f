/** A task of its own; not by a timer, since browsers slow those down in a page that is behind another. */
export function task(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.addEventListener('message', () => resolve(port1.close()));
    port1.start();
    port2.postMessage(null);
  });
}

/** Waits for what takes the browser real time, such as loading a document or a module; with something to do between the looks, if need be. */
export async function until(condition: () => unknown, between: () => Promise<unknown> = task): Promise<void> {
  const end = Date.now() + 15_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`Never came: ${String(condition)}`);
    await between();
  }
}
