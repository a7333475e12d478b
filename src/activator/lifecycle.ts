/**
 * The lifecycle of one model, pure: `transition` says what state follows, `intent` what a state wants.
 * Neither knows a clock, a queue or a target; `activation.ts` keeps the world in step with the intent.
 *
 *     asleep --request--> waking --ready--> active <--requests--> idle --quiet--> stopping --gone--> asleep
 *                            `--cannot--> failed --retry after--> asleep, or unknown: look
 */
import { askAgain } from "./asking.ts";
import type { Failure, Progress, SleepMode, Usage, Workload } from "./scale_target.ts";
import {
  type Asking,
  asleep,
  busy,
  type Demand,
  failed,
  type In,
  measured,
  type Now,
  type Policy,
  quiet,
  rearmed,
  type State,
  type StateName,
  STOP_TIMEOUT_MS,
  stopping,
  tooSlow,
  undone,
  unknown,
  up,
  vetoAgain,
  waking,
  wanted,
  zero,
} from "./state.ts";
import {
  announced,
  announcedIdle,
  checked,
  gone,
  insisted,
  putToSleep,
  unsure,
  whileForced,
  yielding,
} from "./stopping.ts";
import { noted } from "./wake_phases.ts";

export type LifecycleEvent =
  /** Pending or in-flight requests came to be, or to an end; or the policy changed. */
  | { readonly type: "demand" }
  /** News of the workload, newer than our last command. */
  | { readonly type: "saw"; readonly phase: Workload["phase"]; readonly mode?: SleepMode }
  /** What a look found, which is a consistent read. */
  | { readonly type: "looked"; readonly phase: Workload["phase"]; readonly mode?: SleepMode }
  /** The wake under way cannot succeed. */
  | { readonly type: "cannot_wake"; readonly failure: Failure }
  /** How far the wake under way has come. */
  | { readonly type: "progress"; readonly progress: Progress }
  /** What the state asked for was done, was refused (and that is believed), ... */
  | { readonly type: "told" }
  | { readonly type: "refused"; readonly failure: Failure }
  /** ... lost against somebody else's change, or nobody knows whether it was done. */
  | { readonly type: "conflict"; readonly reason?: string }
  | { readonly type: "unanswered"; readonly message: string }
  | { readonly type: "measured"; readonly usage: Usage }
  /** An operator does not wait for the next try of what has failed. */
  | { readonly type: "retry" }
  /** An operator wants it at zero; who asks for `now` has seen that nobody uses it here. */
  | { readonly type: "sleep"; readonly mode: "now" | "force" }
  /** The other gateways may have agreed without us: see {@link TargetObserver.lapsed}. */
  | { readonly type: "lapsed" }
  /** The deadline of the intent has come. */
  | { readonly type: "deadline" };

/** `check` is the measurement before a sleep, `agree` is to the sleep that another gateway announced. */
export type Ask = "look" | "wake" | "sleep" | "measure" | "check" | "agree";

export interface Intent {
  /** `hold`: queue. `open`: let requests through. `shut`: refuse at once. */
  readonly gate: "hold" | "open" | "shut";
  /** What to ask of the scale target now, if it is not being asked anything. */
  readonly ask: Ask | undefined;
  /** How, if it is to be put to sleep. */
  readonly mode?: SleepMode;
  readonly deadlineMs: number;
}

/** The state after `event`; the same object if nothing changed. */
export function transition(
  state: State,
  event: LifecycleEvent,
  demand: Demand,
  nowMs: number,
  policy: Policy,
): State {
  const now = { ...policy, demand, nowMs };
  if (event.type === "lapsed" && state.name !== "failed") {
    return unknown(state, now, "the other gateways did not know of this one");
  }
  const arrows = ARROWS[state.name] as (state: State, event: LifecycleEvent, now: Now) => State;
  return arrows(state, event, now);
}

/** What `state` wants; derived, never stored. */
export function intent(state: State): Intent {
  switch (state.name) {
    case "asleep":
      return { gate: "hold", ask: undefined, deadlineMs: Infinity };
    case "active":
      return { gate: "open", ask: undefined, deadlineMs: Infinity };
    case "idle":
      return {
        gate: "open",
        ask: !state.measuring ? undefined : state.baseline ? "check" : "measure",
        deadlineMs: state.measuring ? Infinity : state.deadlineMs,
      };
    case "unknown":
      return ask(state, "hold", "look");
    case "waking":
      return ask(state, "hold", "wake");
    case "stopping":
      return { ...ask(state, "hold", stopAsk(state)), mode: state.mode };
    case "failed":
      return {
        ...ask(state, "shut", state.inFlight || state.zeroSeen ? undefined : "sleep"),
        mode: "unusable",
      };
  }
}

function ask(state: Asking, gate: Intent["gate"], what: Ask | undefined): Intent {
  const { told, askAtMs = Infinity, deadlineMs } = state;
  return {
    gate,
    ask: told || askAtMs < Infinity ? undefined : what,
    deadlineMs: Math.min(askAtMs, deadlineMs),
  };
}

function triedAgain(state: In<"failed">, now: Now, reason: string): State {
  return state.zeroSeen ? asleep(state, now, reason) : unknown(state, now, `${reason}: look`);
}

/** What is newer than its zero is not what was stopped. */
function startedAgain(state: State, phase: "starting" | "ready", now: Now): State {
  const reason = "somebody else started it";
  return phase === "ready" ? up(state, now, reason) : waking(state, now, reason, true);
}

function stopAsk({ inFlight, yields, checked }: In<"stopping">): Ask | undefined {
  if (inFlight) return undefined;
  if (yields) return "agree";
  return checked ? "sleep" : "check";
}

const ARROWS: {
  readonly [N in StateName]: (state: In<N>, event: LifecycleEvent, now: Now) => State;
} = {
  unknown(state, event, now) {
    // Who waits is told why nobody can tell; it may be up and in use, so it is left alone.
    if (event.type === "refused") return { ...failed(state, now, event.failure), told: true };
    // News, however new, may be from before what we agreed to.
    if (event.type !== "looked") return askAgain(state, event, now);
    if (event.phase === "ready") return up(state, now, "found ready");
    if (event.phase === "starting") return waking(state, now, "found starting", true);
    if (event.phase === "announced") return announced(state, now, event.mode);
    return zero(state, now, "found at zero");
  },

  asleep(state, event, now) {
    if (event.type === "demand" && wanted(now)) return waking(state, now, "a request came");
    if (event.type !== "saw") return state;
    if (event.phase === "none") return state;
    return event.phase === "announced"
      ? announced(state, now, event.mode)
      : startedAgain(state, event.phase, now);
  },

  waking(state, event, now) {
    switch (event.type) {
      case "saw":
        if (event.phase === "ready") return up(state, now, "ready");
        if (event.phase === "announced") {
          const isKept = busy(now) && event.mode !== "force";
          return isKept ? vetoAgain(state, now) : announced(state, now, event.mode);
        }
        return event.phase === "none" && state.told ? undone(state, now) : state;
      case "progress": {
        const phases = noted(state.phases, event.progress, now.nowMs, state.sinceMs);
        return phases === state.phases ? state : { ...state, phases };
      }
      case "cannot_wake":
      case "refused":
        return failed(state, now, event.failure);
      case "deadline":
        if (now.nowMs >= state.deadlineMs) return failed(state, now, tooSlow(state, now));
        return askAgain(state, event, now);
      case "demand":
        if (now.enabled || now.demand.inFlight > 0) return state;
        return { ...stopping(state, now, "disabled"), checked: true };
      case "sleep":
        return putToSleep(state, event.mode, now);
      default:
        return askAgain(state, event, now);
    }
  },

  active(state, event, now) {
    if (event.type === "sleep" && event.mode === "force") return putToSleep(state, "force", now);
    if (event.type === "demand") return busy(now) ? state : quiet(state, now, "last answer ended");
    if (event.type !== "saw" || event.phase === "ready") return state;
    if (event.phase === "announced") return announced(state, now, event.mode);
    return event.phase === "none"
      ? waking(state, now, "it went to zero in use")
      : waking(state, now, "it is not ready any more", true);
  },

  idle(state, event, now) {
    switch (event.type) {
      case "demand":
        if (busy(now)) return up(state, now, "a request came");
        return now.enabled ? rearmed(state, now) : stopping(state, now, "disabled", state.baseline);
      case "saw":
        if (event.phase === "none") return asleep(state, now, "it went to zero by itself");
        if (event.phase === "starting") return waking(state, now, "it is not ready any more", true);
        return event.phase === "announced" ? announcedIdle(state, now, event.mode) : state;
      case "deadline":
        return now.nowMs < state.deadlineMs ? state : { ...state, measuring: true };
      case "measured":
        return measured(state, event.usage, now);
      case "sleep":
        return putToSleep(state, event.mode, now);
      default:
        return state;
    }
  },

  stopping(state, event, now) {
    if (event.type === "sleep") return insisted(state, event.mode, now);
    if (state.yields) return yielding(state, event, now);
    const next = state.mode === "force" ? whileForced(state, event, now) : undefined;
    if (next) return next;
    switch (event.type) {
      case "demand":
        if (state.disabled && now.enabled) return unknown(state, now, "enabled again");
        return wanted(now) ? waking(state, now, "a request came while it stopped") : state;
      case "saw":
        // Before our zero `ready` is not to be trusted: it may be the last of a pod that is going.
        if (event.phase === "announced") {
          return announced(state, now, state.mode === "force" ? "force" : event.mode);
        }
        if (event.phase === "none") return gone(state, now);
        return state.told ? startedAgain(state, event.phase, now) : state;
      case "measured":
        return checked(state, event.usage, now);
      case "refused":
        return unsure(state, now, `sleep refused: ${event.failure.message}`);
      case "conflict":
        return unsure(state, now, event.reason ?? "somebody else changed it");
      case "unanswered":
        return unsure(state, now, `sleep not answered: ${event.message}`);
      case "deadline":
        if (now.nowMs < state.deadlineMs) return askAgain(state, event, now);
        // Forced: whoever waits has waited for long enough.
        if (wanted(now)) return waking(state, now, "it does not go, and a request waits");
        return { ...state, told: false, deadlineMs: now.nowMs + STOP_TIMEOUT_MS };
      default:
        return askAgain(state, event, now);
    }
  },

  failed(state, event, now) {
    switch (event.type) {
      case "saw":
        if (event.phase === "ready") return up(state, now, "it recovered");
        if (event.phase === "announced") return announced(state, now, event.mode);
        // Somebody else may start it again meanwhile: zero that was seen is not zero any more.
        return { ...state, zeroSeen: event.phase === "none" };
      case "demand":
        return { ...state, inFlight: now.demand.inFlight > 0 };
      case "refused":
        return { ...state, told: true };
      case "retry":
        return triedAgain(state, now, "an operator tries again");
      case "deadline":
        if (now.nowMs < state.deadlineMs) return askAgain(state, event, now);
        return triedAgain(state, now, "may be tried again");
      default:
        return askAgain(state, event, now);
    }
  },
};

/** All there are. */
export const STATE_NAMES = Object.keys(ARROWS) as readonly StateName[];
