/** Which upstreams may have an idle connection of ours in the pool: `fetch` itself does not tell. */
import type { Clock } from "../platform/clock.ts";
import { POOL_IDLE_TIMEOUT_MS } from "../platform/fetch.ts";

export class RecentUpstreams {
  /** When each last completed a request; the one that did so longest ago comes first. */
  readonly #completedMs = new Map<string, number>();

  constructor(readonly clock: Clock) {}

  /** A request to `endpoint` was answered to its end, so its connection went back to the pool. */
  completed(endpoint: string): void {
    this.#completedMs.delete(endpoint);
    this.#completedMs.set(endpoint, this.clock.nowMs());
    for (const oldest of this.#completedMs.keys()) {
      if (this.has(oldest)) break;
      this.#completedMs.delete(oldest);
    }
  }

  /** True if a request sent to `endpoint` now may take a connection that was used before. */
  has(endpoint: string): boolean {
    const completedMs = this.#completedMs.get(endpoint);
    return completedMs !== undefined && this.clock.nowMs() - completedMs < POOL_IDLE_TIMEOUT_MS;
  }

  get size(): number {
    return this.#completedMs.size;
  }
}
