/**
 * Which endpoints of a model take requests: ready and not terminating in the cluster's eyes, and one
 * health request of ours answered. A loading vLLM that was told to stop becomes healthy afterwards, so
 * health alone says nothing.
 */
import type { Clock } from "../../platform/clock.ts";
import type { Fetch } from "../../platform/fetch.ts";
import type { Log } from "../../telemetry/log.ts";
import { untilHealthy } from "../probe.ts";

export interface ReadinessOptions {
  readonly healthPath: string;
  /** For one health request. */
  readonly timeoutMs: number;
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly log: Log;
  /** An endpoint became healthy. */
  readonly onHealthy: () => void;
}

/**
 * The cluster says that it is ready: it answers at once, or something is wrong that lasts, such as a pod
 * that has gone while nobody could say so.
 */
const WAIT_MAX_MS = 1_000;

interface Probing {
  readonly end: AbortController;
  healthy: boolean;
}

export class Readiness {
  readonly #endpoints = new Map<string, Probing>();

  constructor(readonly options: ReadinessOptions) {}

  /** Those of the last `want` that answered, in its order. */
  get healthy(): string[] {
    return [...this.#endpoints].filter(([, { healthy }]) => healthy).map(([url]) => url);
  }

  /** Those of the last `want`, healthy or not. */
  get wanted(): string[] {
    return [...this.#endpoints.keys()];
  }

  /** Probes these endpoints until they are healthy, and forgets all others. */
  want(urls: readonly string[]): void {
    for (const [url, { end }] of this.#endpoints) {
      if (urls.includes(url)) continue;
      this.#endpoints.delete(url);
      end.abort();
    }
    for (const url of urls) if (!this.#endpoints.has(url)) this.#probe(url);
  }

  /** True if `url` was healthy; from now on it is not until it answers again. */
  suspect(url: string): boolean {
    const probing = this.#endpoints.get(url);
    if (!probing?.healthy) return false;
    this.#probe(url);
    return true;
  }

  #probe(endpoint: string): void {
    const probing: Probing = { end: new AbortController(), healthy: false };
    this.#endpoints.set(endpoint, probing);
    const { signal } = probing.end;
    untilHealthy({ ...this.options, endpoint, signal, waitMaxMs: WAIT_MAX_MS }).then((healthy) => {
      if (!healthy || signal.aborted) return;
      probing.healthy = true;
      this.options.onHealthy();
    });
  }
}
