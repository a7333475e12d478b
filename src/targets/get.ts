/** One GET of an engine's own pages (health, metrics) that cannot take longer than it is given. */
import { orAborted } from "../lib/or_aborted.ts";
import type { Clock } from "../platform/clock.ts";
import type { Fetch } from "../platform/fetch.ts";

export interface GetOptions {
  readonly fetch: Fetch;
  readonly clock: Clock;
  /** For the whole answer, its body included. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * What `read` makes of the answer; a body that it leaves alone is thrown away.
 * @throws the signal's reason, an error of the connection or of `read`, or one that names the timeout
 */
export async function get<T>(
  url: string,
  options: GetOptions,
  read: (response: Response) => T | Promise<T>,
): Promise<T> {
  const { fetch, clock, timeoutMs, signal } = options;
  signal.throwIfAborted();
  const controller = new AbortController();
  const forward = () => controller.abort(signal.reason);
  signal.addEventListener("abort", forward, { once: true });
  using _limit = clock.timer(
    timeoutMs,
    () => controller.abort(new Error(`no answer within ${timeoutMs} ms`)),
  );
  try {
    const response = await fetch(url, { signal: controller.signal, redirect: "manual" });
    try {
      return await orAborted(Promise.resolve(read(response)), controller.signal);
    } finally {
      if (!response.bodyUsed) await response.body?.cancel();
    }
  } finally {
    signal.removeEventListener("abort", forward);
  }
}
