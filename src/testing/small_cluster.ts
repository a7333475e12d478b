/**
 * The cluster of the small world: one workload of one pod, and controllers that lag. News of it is
 * delivered late, in order; what was overtaken may be left out.
 */
import type { Observation } from "../activator/scale_target.ts";

/** Where the pod of the cluster takes requests. */
export const ENDPOINT = "http://pod";

export type Phase = "none" | "starting" | "ready" | "dying";

export class SmallCluster {
  #phase: Phase = "none";
  #desired = 0;
  #generation = 0;
  /** The generation that the controllers have acted upon, and what it desired. */
  #observed = 0;
  #observedDesired = 0;
  #stoppedByUs = false;
  #dyingByUs = false;
  readonly news: Observation[] = [];

  get phase(): Phase {
    return this.#phase;
  }

  get desired(): number {
    return this.#desired;
  }

  get generation(): number {
    return this.#generation;
  }

  get observed(): number {
    return this.#observed;
  }

  /** True while the pod is on its way out by our hand. */
  get isStoppedByUs(): boolean {
    return this.#dyingByUs || (this.#desired === 0 && this.#stoppedByUs);
  }

  /** True if the controllers have nothing to do. */
  get isStable(): boolean {
    return this.#observed === this.#generation &&
      this.#phase === (this.#desired > 0 ? "ready" : "none");
  }

  scale(desired: number, byUs: boolean): void {
    if (this.#desired === desired) return;
    this.#desired = desired;
    this.#generation++;
    this.#stoppedByUs = byUs && desired === 0;
  }

  /** The controllers take one step towards what is desired, and say so. */
  step(): void {
    const next: Record<Phase, Phase> = this.#desired > 0
      ? { none: "starting", starting: "ready", ready: "ready", dying: "none" }
      : { none: "none", starting: "dying", ready: "dying", dying: "none" };
    // Controllers say that they have seen zero before the endpoint stops looking ready.
    const lags = this.#observed < this.#generation && this.#phase === "ready";
    this.#observed = this.#generation;
    this.#observedDesired = this.#desired;
    if (!lags) this.#phase = next[this.#phase];
    this.#dyingByUs = this.#phase === "dying" && (this.#dyingByUs || this.#stoppedByUs);
    this.#publish();
  }

  /** The container ends by itself. */
  crash(): void {
    this.#phase = this.#desired > 0 ? "starting" : "none";
    this.#publish();
  }

  /** A consistent read: what was told to go to zero is none, what is not acted upon yet is coming. */
  look(): Observation {
    const asOf = this.#generation;
    if (this.#desired === 0) return { workload: { phase: "none" }, asOf };
    return this.#observed === asOf ? this.watched() : { workload: { phase: "starting" }, asOf };
  }

  /** What a watch shows now. */
  watched(): Observation {
    const asOf = this.#observed;
    if (this.#phase === "ready") {
      return { workload: { phase: "ready", endpoints: [ENDPOINT] }, asOf };
    }
    const gone = this.#phase === "none" && this.#observedDesired === 0;
    return { workload: { phase: gone ? "none" : "starting" }, asOf };
  }

  /** All that decides what can happen next, generations as differences. */
  key(fence: number): unknown[] {
    return [
      [this.#phase, this.#desired, this.#observedDesired, this.#stoppedByUs, this.#dyingByUs],
      [this.#generation - fence, this.#generation - this.#observed],
      this.news.map(({ workload, asOf }) => [workload.phase, asOf - this.#generation]),
    ];
  }

  #publish(): void {
    if (this.news.length >= 2) this.news.pop();
    this.news.push(this.watched());
  }
}
