/**
 * Whether other gateways may have taken this one for dead, by when its writes began: on our clock, and on the one on
 * the wall, which goes on while a machine is suspended.
 */
import type { Clock } from "../../platform/clock.ts";
import { FENCE_MS } from "./lease.ts";

interface Moment {
  readonly ms: number;
  readonly wallMs: number;
}

export class Fence {
  #succeeded: Moment | undefined;
  #failed: Moment | undefined;

  constructor(readonly clock: Clock) {}

  /** When a write begins, to be given back with what came of it. */
  now(): Moment {
    return { ms: this.clock.nowMs(), wallMs: this.clock.wallMs() };
  }

  succeeded(began: Moment): void {
    this.#succeeded = began;
  }

  failed(began: Moment): void {
    this.#failed = began;
  }

  /** A write that succeeded began so lately that nobody can have taken us for dead. */
  get isFresh(): boolean {
    return this.#isRecent(this.#succeeded);
  }

  /** A write that failed began lately: we know that we are cut off, and were not paused since. */
  get isCutOff(): boolean {
    return this.#isRecent(this.#failed);
  }

  #isRecent(moment: Moment | undefined): boolean {
    if (!moment) return false;
    const { ms, wallMs } = this.now();
    return ms - moment.ms < FENCE_MS && wallMs - moment.wallMs < FENCE_MS;
  }
}
