/** How long the API server may keep a call waiting: for its head, then for each piece of its body. */
import type { Clock } from "../../platform/clock.ts";

/** From a request's first try to the head of its answer, and from one piece of it to the next. */
const SILENCE_MAX_MS = 10_000;

/** Aborts when its time is up, or with `parent`; a long-lived parent does not keep it. */
export class Deadline implements Disposable {
  readonly #controller = new AbortController();
  readonly #leave = () => this.#controller.abort(this.parent?.reason);
  #timer: Disposable | undefined;
  #endMs = Infinity;

  constructor(readonly clock: Clock, readonly parent: AbortSignal | undefined) {
    parent?.addEventListener("abort", this.#leave, { once: true });
    if (parent?.aborted) this.#leave();
    this.extend();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** From now on: so long in all, however often it is extended. */
  allow(ms: number): void {
    this.#endMs = this.clock.nowMs() + ms;
  }

  /** Something came. */
  extend(): void {
    this.#timer?.[Symbol.dispose]();
    const ms = Math.min(SILENCE_MAX_MS, this.#endMs - this.clock.nowMs());
    this.#timer = this.clock.timer(
      ms,
      () => this.#controller.abort(new Error("no answer in time")),
    );
  }

  /** No limit any more; the parent still ends it. */
  lift(): void {
    this.#timer?.[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.lift();
    this.parent?.removeEventListener("abort", this.#leave);
  }
}
