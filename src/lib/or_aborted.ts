/** Waiting no longer than somebody wants. */

/**
 * `promise`, or the signal's reason, whichever comes first: one that ignores the signal holds nobody, and one that
 * fails afterwards is nobody's unhandled error.
 */
export function orAborted<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const aborted = () => reject(signal.reason);
    if (signal.aborted) aborted();
    signal.addEventListener("abort", aborted, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", aborted));
  });
}
