/** Writes of the own Lease that fail: when to try again, said once and once when all is well, and refusals. */
import { ApiError } from "./api.ts";
import type { WatchTools } from "./reflector.ts";

/** Several tries fit between a renewal that is due and the fence. */
const BACK_OFF_MS = 500;
const BACK_OFF_MAX_MS = 5_000;
/** Rights are granted by people: nobody is to be asked for them every few seconds. */
const REFUSED_BACK_OFF_MAX_MS = 60_000;
/** An API server that has just started answers 403 for about a second: a refusal is believed later. */
const REFUSED_FOR_MS = 2_000;

export class OwnTrouble {
  /** By our clock; undefined: the last write succeeded. */
  retryMs: number | undefined;
  #failures = 0;
  #refusedSinceMs: number | undefined;
  /** The API server's words, when they are believed. */
  refusal: string | undefined;

  constructor(readonly options: Pick<WatchTools, "clock" | "random" | "log">) {}

  met(error: Error): void {
    const { clock, random, log } = this.options;
    const nowMs = clock.nowMs();
    if (this.#failures === 0) {
      log.warn("the gateway's Lease cannot be written", { reason: error.message });
    }
    const isRefusal = error instanceof ApiError && (error.status === 401 || error.status === 403);
    this.#refusedSinceMs = isRefusal ? this.#refusedSinceMs ?? nowMs : undefined;
    const isBelieved = isRefusal && nowMs - this.#refusedSinceMs! >= REFUSED_FOR_MS;
    this.refusal = isBelieved ? error.message : undefined;
    const maxMs = isBelieved ? REFUSED_BACK_OFF_MAX_MS : BACK_OFF_MAX_MS;
    const waitMs = Math.min(BACK_OFF_MS * 2 ** this.#failures++, maxMs);
    this.retryMs = nowMs + waitMs * (0.5 + random.next());
  }

  over(): void {
    if (this.#failures > 0) this.options.log.info("the gateway's Lease is written again");
    this.#failures = 0;
    this.retryMs = this.#refusedSinceMs = this.refusal = undefined;
  }
}
