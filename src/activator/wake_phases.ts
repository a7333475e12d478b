/** How a wake went on, and how it ended: its phases with their times; pure. */
import type { Progress, WakePhase } from "./scale_target.ts";
import type { State } from "./state.ts";

/** One after another; a phase may come back. */
export type WakePhases = readonly (Progress & { readonly sinceMs: number })[];

/** A wake that goes back and forth says so in a few words, not in thousands. */
const PHASES_MAX = 32;

/**
 * The same phases if `progress` is nothing new. The first begins with the wake, at `startMs`: until
 * something else is heard, what was asked for is being scheduled.
 */
export function noted(
  phases: WakePhases,
  progress: Progress,
  nowMs: number,
  startMs: number,
): WakePhases {
  const last = phases.at(-1);
  if (!last) {
    const scheduling = {
      phase: "scheduling",
      detail: "it was asked for",
      sinceMs: startMs,
    } as const;
    return progress.phase === "scheduling"
      ? [{ ...progress, sinceMs: startMs }]
      : [scheduling, { ...progress, sinceMs: nowMs }];
  }
  if (last?.phase === progress.phase && last.detail === progress.detail) return phases;
  const isSame = last?.phase === progress.phase || phases.length === PHASES_MAX;
  return isSame
    ? [...phases.slice(0, -1), { ...progress, sinceMs: last!.sinceMs }]
    : [...phases, { ...progress, sinceMs: nowMs }];
}

/** How a wake ended that ended in `state`; abandoned: nobody wanted it any more, or nobody knows. */
export function outcomeOf({ name }: State): "ready" | "failed" | "abandoned" {
  if (name === "failed") return name;
  return name === "active" || name === "idle" ? "ready" : "abandoned";
}

/** How long each phase took, in the order of their first beginnings; a wake ends at `endMs`. */
export function durations(phases: WakePhases, endMs: number): ReadonlyMap<WakePhase, number> {
  const all = new Map<WakePhase, number>();
  for (const [i, { phase, sinceMs }] of phases.entries()) {
    const untilMs = phases[i + 1]?.sinceMs ?? endMs;
    all.set(phase, (all.get(phase) ?? 0) + untilMs - sinceMs);
  }
  return all;
}

/** For the log: `scheduling 0.2s, pulling 61.9s, loading 48.0s`; undefined if nothing is known. */
export function timesOf(phases: WakePhases, endMs: number): string | undefined {
  const all = [...durations(phases, endMs)];
  if (all.length === 0) return undefined;
  return all.map(([phase, ms]) => `${phase} ${(ms / 1000).toFixed(1)}s`).join(", ");
}

/** For whoever waits: `loading for 48 s: pod vllm-5d4f-x8 on node a: ...`; undefined if nothing is known. */
export function presentOf(phases: WakePhases, nowMs: number): string | undefined {
  const last = phases.at(-1);
  return last && `${last.phase} for ${Math.round((nowMs - last.sinceMs) / 1000)} s: ${last.detail}`;
}
