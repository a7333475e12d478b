/**
 * The seven states of one model and how each is entered. Pure; the arrows between them are in
 * `lifecycle.ts`, and in `stopping.ts` those of the way to zero.
 */
import type { Failure, SleepMode, Usage } from "./scale_target.ts";
import { presentOf, type WakePhases } from "./wake_phases.ts";

/** What is asked of one model: requests waiting for a permit, and requests that hold one. */
export interface Demand {
  readonly pending: number;
  readonly inFlight: number;
}

export interface Policy {
  /** `Infinity`: never put to sleep. */
  readonly idleTimeoutMs: number;
  readonly coldStartTimeoutMs: number;
  readonly retryAfterMaxMs: number;
  /** False: refuses every request and goes to sleep once nothing is in flight. */
  readonly enabled: boolean;
  /** Until then it is not found idle; absent: it is not pinned. */
  readonly pinnedUntilMs?: number;
}

/** How long after the last byte the engines' counters have come to rest (20-40 ms were measured). */
export const BASELINE_AFTER_MS = 1_000;
/** A stop that brought no news for so long is asked for again. */
export const STOP_TIMEOUT_MS = 60_000;
/** The back-off after an ask without an answer: doubling from the first to the second. */
export const ASK_AGAIN_MS = 500;
export const ASK_AGAIN_MAX_MS = 5_000;
/** How much later than we another gateway may believe that we used a model last. */
export const CLAIMS_LAG_MS = 5_000;
/** The first back-off after a failed wake, doubling to `retryAfterMax`. */
export const RETRY_AFTER_MS = 10_000;

interface Common {
  readonly sinceMs: number;
  /** Why this state was entered, for people. */
  readonly reason: string;
  /** Failed wakes since the last success. */
  readonly failures: number;
  /** When the state ends, or its command is given again; `Infinity`: never. */
  readonly deadlineMs: number;
}

/** A state that asks something of its target. */
export interface Asking extends Common {
  /** The command was taken: ask no more until something says otherwise. */
  readonly told: boolean;
  /** How often it stayed unanswered, and when it is to be asked again; undefined: now. */
  readonly unanswered: number;
  readonly askAtMs: number | undefined;
}

export type State =
  | (Asking & { readonly name: "unknown" })
  | (Common & { readonly name: "asleep" })
  | (Asking & {
    readonly name: "waking";
    readonly phases: WakePhases;
    /** Of the idle model that it was, if it is as quiet as before. */
    readonly baseline: Usage | undefined;
    readonly quietSinceMs: number | undefined;
  })
  | (Common & { readonly name: "active" })
  | (Common & {
    readonly name: "idle";
    /** What the engines said last; a difference is traffic that went around the gateway. */
    readonly baseline: Usage | undefined;
    readonly measuring: boolean;
    /** The last byte of the last answer, or the last sign of traffic that went around us. */
    readonly quietSinceMs: number;
  })
  | (Asking & {
    readonly name: "stopping";
    readonly baseline: Usage | undefined;
    /** The engines were asked once more after the gate had closed. */
    readonly checked: boolean;
    /** It stops because the model is disabled, not because it was quiet. */
    readonly disabled: boolean;
    /** It is another gateway that stops it: we only agree. */
    readonly yields: boolean;
    readonly mode: SleepMode;
    /** What is still answered comes to its end first. */
    readonly inFlight: boolean;
  })
  | (Asking & {
    readonly name: "failed";
    readonly failure: Failure;
    readonly zeroSeen: boolean;
    /** Requests from before the failure are still answered: do not stop under them. */
    readonly inFlight: boolean;
  });

export type StateName = State["name"];
export type In<N extends StateName> = Extract<State, { name: N }>;

/** Everything that a transition may look at besides state and event. */
export interface Now extends Policy {
  readonly demand: Demand;
  readonly nowMs: number;
}

export function initialState(nowMs: number): State {
  return { name: "unknown", ...asking(nowMs, "look before anything else", 0) };
}

// How each state is entered.

export function asking(nowMs: number, reason: string, failures: number, told = false): Asking {
  const deadlineMs = Infinity;
  return { sinceMs: nowMs, reason, failures, deadlineMs, told, unanswered: 0, askAtMs: undefined };
}

export function unknown(state: State, now: Now, reason: string): In<"unknown"> {
  return { name: "unknown", ...asking(now.nowMs, reason, state.failures) };
}

export function asleep(state: State, now: Now, reason: string): State {
  const { failures } = state;
  return { name: "asleep", sinceMs: now.nowMs, reason, failures, deadlineMs: Infinity };
}

export function waking(state: State, now: Now, reason: string, told = false): In<"waking"> {
  const deadlineMs = now.nowMs + now.coldStartTimeoutMs;
  return {
    ...{ name: "waking", ...asking(now.nowMs, reason, state.failures, told), deadlineMs },
    ...{ phases: [], baseline: undefined, quietSinceMs: undefined },
  };
}

/** At zero, by whoever's hand: asleep, unless somebody waits. */
export function zero(state: State, now: Now, reason: string): State {
  return wanted(now)
    ? waking(state, now, `${reason}, and a request waits`)
    : asleep(state, now, reason);
}

/**
 * Somebody else took a waking model back to zero. With a waiter it is asked for again, a little later,
 * or two writers would chase each other; without one nobody wants it.
 */
export function undone(state: In<"waking">, now: Now): State {
  if (!wanted(now)) return asleep(state, now, "it went to zero while starting");
  return { ...state, told: false, askAtMs: now.nowMs + ASK_AGAIN_MS };
}

/** Ready: a success, so failed wakes are forgotten. */
export function up(state: State, now: Now, reason: string): State {
  if (!busy(now)) return quiet({ ...state, failures: 0 }, now, reason);
  return { name: "active", sinceMs: now.nowMs, reason, failures: 0, deadlineMs: Infinity };
}

/** Nothing is asked of it: idle, or on its way to sleep if it was disabled meanwhile. */
export function quiet(state: State, now: Now, reason: string): State {
  return now.enabled ? idle(state, now, reason) : stopping(state, now, "disabled");
}

export function idle(state: State, now: Now, reason: string): In<"idle"> {
  const { nowMs } = now;
  return rearmed({
    ...{ name: "idle", sinceMs: nowMs, reason, failures: state.failures, deadlineMs: Infinity },
    ...{ measuring: false, ...kept(state, nowMs) },
  }, now);
}

function kept(state: State, nowMs: number): Pick<In<"idle">, "baseline" | "quietSinceMs"> {
  const { baseline, quietSinceMs = nowMs } = state.name === "waking" ? state : {};
  return { baseline, quietSinceMs };
}

/** The deadline of `idle`: first the baseline, then sleep. */
export function rearmed(state: In<"idle">, now: Now): In<"idle"> {
  const waitMs = state.baseline
    ? now.idleTimeoutMs
    : Math.min(BASELINE_AFTER_MS, now.idleTimeoutMs / 2);
  const dueMs = now.idleTimeoutMs === Infinity ? Infinity : state.quietSinceMs + waitMs;
  const { pinnedUntilMs = -Infinity } = now;
  const deadlineMs = state.baseline ? Math.max(dueMs, pinnedUntilMs) : dueMs;
  return deadlineMs === state.deadlineMs ? state : { ...state, deadlineMs };
}

/** Engines that serve, or served since the baseline, restart the idle timeout from this moment. */
export function measured(state: In<"idle">, usage: Usage, now: Now): State {
  const used = isUsed(state.baseline, usage);
  const isQuiet = !used && !isUsedElsewhere(usage, now);
  // A reload may have made the idle timeout longer while the engines were asked.
  if (state.baseline && isQuiet && now.nowMs >= state.deadlineMs) {
    const quietS = Math.round((now.nowMs - state.quietSinceMs) / 100) / 10;
    return stopping(state, now, `quiet for ${quietS} s`, usage);
  }
  // What came before a first answer that was slow to come cannot be seen in it.
  const unseenMs = state.baseline ? -Infinity : now.nowMs - BASELINE_AFTER_MS;
  const quietSinceMs = used
    ? now.nowMs
    : Math.max(state.quietSinceMs, unseenMs, now.nowMs - (usage.usedAgoMs ?? Infinity));
  return rearmed({ ...state, measuring: false, baseline: usage, quietSinceMs }, now);
}

export function isUsed(baseline: Usage | undefined, usage: Usage): boolean {
  return usage.busy > 0 || (baseline !== undefined && usage.served !== baseline.served);
}

/** Used by another gateway within our idle timeout. */
export function isUsedElsewhere({ usedAgoMs = Infinity }: Usage, { idleTimeoutMs }: Now): boolean {
  return usedAgoMs < idleTimeoutMs;
}

/** Why a model that was about to stop goes on. */
export function stillUsed({ busy }: Usage, isElsewhere: boolean): string {
  if (busy === Infinity) return "whether it is used cannot be told";
  return isElsewhere ? "another gateway uses it" : "traffic around the gateway";
}

export function stopping(
  state: State,
  now: Now,
  reason: string,
  baseline?: Usage,
): In<"stopping"> {
  return {
    name: "stopping",
    ...asking(now.nowMs, reason, state.failures),
    deadlineMs: now.nowMs + STOP_TIMEOUT_MS,
    // See `unsure`: what was refused a moment ago goes on counting.
    unanswered: state.name === "unknown" ? state.unanswered : 0,
    baseline,
    checked: false,
    disabled: !now.enabled,
    yields: false,
    mode: now.enabled ? "idle" : "unusable",
    inFlight: false,
  };
}

/** Used here while another gateway wants to stop it: said once more, a little later. */
export function vetoAgain(state: In<"waking">, now: Now): State {
  return state.told ? { ...state, told: false, askAtMs: now.nowMs + ASK_AGAIN_MS } : state;
}

export function failed(state: State, now: Now, failure: Failure): State {
  const backOffMs = Math.min(RETRY_AFTER_MS * 2 ** state.failures, now.retryAfterMaxMs);
  return {
    name: "failed",
    ...asking(now.nowMs, failure.message, state.failures + 1),
    deadlineMs: now.nowMs + backOffMs,
    failure,
    zeroSeen: false,
    inFlight: now.demand.inFlight > 0,
  };
}

export function tooSlow({ phases }: In<"waking">, now: Now): Failure {
  const limit = `not ready within ${
    Math.round(now.coldStartTimeoutMs / 1000)
  } s (coldStartTimeout)`;
  const present = presentOf(phases, now.nowMs);
  return { kind: "cold_start_timeout", message: present ? `${limit}; ${present}` : limit };
}

export function wanted(now: Now): boolean {
  return now.demand.pending > 0;
}

export function busy(now: Now): boolean {
  return now.demand.pending > 0 || now.demand.inFlight > 0;
}
