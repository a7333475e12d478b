/** A model as `/api/models` shows it; times are seconds, moments ISO 8601. */
import type { Activation } from "../activator/activation.ts";
import type { State } from "../activator/state.ts";
import type { GpuSeconds } from "../activator/target_details.ts";
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
  /** Nobody finds it idle before; `null`: it is not pinned. */
  readonly pinnedUntil: string | null;
  /** `null`: there is no such number. */
  readonly replicas: { readonly desired: number; readonly ready: number } | null;
  readonly pods: readonly {
    readonly name: string;
    readonly node: string | null;
    readonly ready: boolean;
    readonly status: string;
  }[];
  /** `null`: it asks for none, or nobody knows. */
  readonly gpu: {
    readonly count: number;
    readonly today: GpuSecondsView;
    readonly week: GpuSecondsView;
  } | null;
  readonly failure: {
    readonly kind: string;
    readonly message: string;
    readonly retryInSeconds: number;
  } | null;
}

interface GpuSecondsView {
  readonly upSeconds: number;
  readonly freedSeconds: number;
}

export function viewOf(activation: Activation, spec: ModelSpec, clock: Clock): ModelView {
  const { details, demand, model, target, pinnedUntilMs } = activation;
  const { replicas = null, pods, gpuTime } = target.details;
  const nowMs = clock.nowMs();
  const waking = details.name === "waking" ? details.phases : [];
  return {
    ...{ name: model, state: details.name, since: momentOf(details.sinceMs, clock) },
    ...{ reason: details.reason, pending: demand.pending, inFlight: demand.inFlight },
    target: target.name,
    sleepsInSeconds: sleepsIn(details, spec, pinnedUntilMs, nowMs),
    idleTimeoutSeconds: finite(spec.idleTimeoutMs),
    pinnedUntil: pinnedUntilMs === undefined ? null : momentOf(pinnedUntilMs, clock),
    replicas,
    pods: pods.map(({ name, node = null, isReady, status }) => ({
      ...{ name, node, ready: isReady, status },
    })),
    gpu: gpuTime
      ? { count: gpuTime.count, today: view(gpuTime.today), week: view(gpuTime.week) }
      : null,
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

function sleepsIn(
  state: State,
  { idleTimeoutMs }: ModelSpec,
  pinnedUntilMs = -Infinity,
  nowMs: number,
): number | null {
  if (state.name !== "idle") return null;
  return finite(Math.max(0, Math.max(state.quietSinceMs + idleTimeoutMs, pinnedUntilMs) - nowMs));
}

function view({ up, freed }: GpuSeconds): GpuSecondsView {
  return { upSeconds: seconds(up * 1_000), freedSeconds: seconds(freed * 1_000) };
}
