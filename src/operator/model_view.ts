/** A model as `/api/models` shows it; times are seconds, moments ISO 8601. */
import type { Activation } from "../activator/activation.ts";
import type { State } from "../activator/state.ts";
import { durations, presentOf } from "../activator/wake_phases.ts";
import type { ModelSpec } from "../config/spec.ts";
import type { Clock } from "../platform/clock.ts";

export interface ModelView {
  readonly name: string;
  readonly state: string;
  readonly since: string;
  /** Why it is in that state. */
  readonly reason: string;
  readonly pending: number;
  readonly inFlight: number;
  /** What is scaled, e.g. `deployment ai/vllm`. */
  readonly target: string;
  /** `null`: it is not about to sleep, or never does. */
  readonly sleepsInSeconds: number | null;
  readonly idleTimeoutSeconds: number | null;
  /** What a wake under way is doing. */
  readonly progress: string | null;
  readonly phases: Readonly<Record<string, number>>;
  readonly failure: {
    readonly kind: string;
    readonly message: string;
    readonly retryInSeconds: number;
  } | null;
}

export function viewOf(activation: Activation, spec: ModelSpec, clock: Clock): ModelView {
  const { details, demand, model, target } = activation;
  const nowMs = clock.nowMs();
  const waking = details.name === "waking" ? details.phases : [];
  return {
    ...{ name: model, state: details.name, since: momentOf(details.sinceMs, clock) },
    ...{ reason: details.reason, pending: demand.pending, inFlight: demand.inFlight },
    target: target.name,
    sleepsInSeconds: sleepsIn(details, spec, nowMs),
    idleTimeoutSeconds: finite(spec.idleTimeoutMs),
    progress: presentOf(waking, nowMs) ?? null,
    phases: phasesOf(waking, nowMs),
    failure: details.name === "failed"
      ? { ...details.failure, retryInSeconds: seconds(Math.max(0, details.deadlineMs - nowMs)) }
      : null,
  };
}

/** Of a wake: seconds by phase. */
export function phasesOf(
  phases: Parameters<typeof durations>[0],
  endMs: number,
): Record<string, number> {
  return Object.fromEntries(
    [...durations(phases, endMs)].map(([phase, ms]) => [phase, seconds(ms)]),
  );
}

/** A moment of the clock as one on the wall. */
export function momentOf(ms: number, clock: Clock): string {
  return new Date(clock.wallMs() - (clock.nowMs() - ms)).toISOString();
}

export function seconds(ms: number): number {
  return Math.round(ms) / 1_000;
}

function finite(ms: number): number | null {
  return Number.isFinite(ms) ? seconds(ms) : null;
}

function sleepsIn(state: State, { idleTimeoutMs }: ModelSpec, nowMs: number): number | null {
  if (state.name !== "idle") return null;
  return finite(Math.max(0, state.quietSinceMs + idleTimeoutMs - nowMs));
}
