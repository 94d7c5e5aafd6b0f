import type { Clock } from '../shared/clock.js';

/** Resolves with the promise's outcome, or with undefined after `ms`. The promise goes on. */
export function within<T>(clock: Pick<Clock, 'after'>, promise: Promise<T>, ms: number): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => resolve(undefined));
    promise.then(resolve, reject).finally(cancel);
  });
}
