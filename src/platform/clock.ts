/**
 * Time as a dependency: what waits or measures is given a {@link Clock}, so that tests and the
 * simulator can run days in milliseconds. Only this folder, `cli/` and `main.ts` may name timers.
 */

import { sharingClock } from "./sharing_clock.ts";

/** The longest delay that `setTimeout` takes; a longer one would fire at once. */
const TIMER_MAX_MS = 2 ** 31 - 1;

export interface Clock {
  /** Milliseconds since an arbitrary start, never going back; fractions count. */
  nowMs(): number;
  /** Milliseconds since the Unix epoch, for people and other machines to read. */
  wallMs(): number;
  /**
   * Calls `callback` once, `delayMs` from now (`Infinity`: never); disposing the timer first
   * prevents it.
   */
  timer(delayMs: number, callback: () => void): Disposable;
}

/** Resolves `ms` from now. Rejects with the signal's reason. */
export async function pause(ms: number, clock: Clock, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const left = () => reject(signal!.reason);
  using _timer = clock.timer(ms, resolve);
  signal?.addEventListener("abort", left, { once: true });
  await promise.finally(() => signal?.removeEventListener("abort", left));
}

export const systemClock: Clock = sharingClock({
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  timer(delayMs, callback) {
    if (delayMs === Infinity) return { [Symbol.dispose]() {} };
    let rest = Math.max(0, delayMs);
    let id: ReturnType<typeof setTimeout>;
    const arm = () => {
      const part = Math.min(rest, TIMER_MAX_MS);
      rest -= part;
      id = setTimeout(() => rest > 0 ? arm() : callback(), part);
    };
    arm();
    return { [Symbol.dispose]: () => clearTimeout(id) };
  },
});
