/** Whoever went away, and whoever waits when the sandbox closes, gets no answer, and nothing is done for them. */
export function pause(ms: number, stopped: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = ms === Infinity ? undefined : setTimeout(() => end(resolve), ms);
    const gone = () => end(() => reject(new DOMException('The request was given up.', 'AbortError')));
    function end(act: () => void): void {
      clearTimeout(timer);
      for (const signal of stopped) signal.removeEventListener('abort', gone);
      act();
    }
    if (stopped.some(({ aborted }) => aborted)) return gone();
    for (const signal of stopped) signal.addEventListener('abort', gone, { once: true });
  });
}
