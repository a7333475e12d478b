/**
 * When others used a workload last, by our clock. The word of a gateway outlives it: a model that was used until a
 * gateway left is not idle for that. An age counts from when it came to us, so it may be older, never younger.
 */
import type { Clock } from "../../platform/clock.ts";
import type { LeaseView } from "./lease.ts";

export type Used = "in use" | number;
/** By workload; `unknown`: any may be in use. */
export type Uses = ReadonlyMap<string, Used> | "unknown";

/** No idle timeout is that long. */
const KEPT_MS = 24 * 3_600_000;
/** The same last use, told twice on different ways. */
const SAME_MS = 1_000;

export function usesOf({ claims }: LeaseView, seenMs: number): Uses {
  if (!claims) return "unknown";
  return new Map([...claims].map(([key, { isInUse, quietMs }]) => [
    key,
    isInUse ? "in use" : seenMs - quietMs,
  ]));
}

/** True if they differ in more than that time goes by. */
export function isNewUse(before: Uses, after: Uses): boolean {
  if (before === "unknown" || after === "unknown") return before !== after;
  if (before.size !== after.size) return true;
  return [...after].some(([key, used]) => {
    const was = before.get(key);
    return typeof was === "number" && typeof used === "number"
      ? Math.abs(was - used) > SAME_MS
      : was !== used;
  });
}

/** Of those who say nothing of it any more. */
export class LastUses {
  readonly #uses = new Map<string, number>();

  constructor(readonly clock: Clock) {}

  /** What was said `before` and is no longer; what was in use then, was so until `lastMs`. */
  keep(before: Uses, after: Uses, lastMs = this.clock.nowMs()): void {
    if (before === "unknown") return;
    for (const [key, used] of before) {
      if (after !== "unknown" && after.has(key)) continue;
      const usedMs = used === "in use" ? lastMs : used;
      this.#uses.set(key, Math.max(usedMs, this.#uses.get(key) ?? -Infinity));
    }
    const oldestMs = this.clock.nowMs() - KEPT_MS;
    for (const [key, usedMs] of this.#uses) if (usedMs < oldestMs) this.#uses.delete(key);
  }

  of(key: string): number[] {
    return [this.#uses.get(key) ?? []].flat();
  }
}
