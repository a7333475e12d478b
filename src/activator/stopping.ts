/**
 * The way to zero: by the own hand or another gateway's, because it was quiet, because somebody asked, or whatever is
 * in flight. Pure, as `lifecycle.ts` is.
 */
import { askAgain, later } from "./asking.ts";
import type { LifecycleEvent } from "./lifecycle.ts";
import type { SleepMode, Usage } from "./scale_target.ts";
import {
  asleep,
  busy,
  CLAIMS_LAG_MS,
  idle,
  type In,
  isUsed,
  isUsedElsewhere,
  type Now,
  rearmed,
  type State,
  stillUsed,
  STOP_TIMEOUT_MS,
  stopping,
  unknown,
  waking,
  wanted,
  zero,
} from "./state.ts";

/** An operator wants it at zero: at once if nobody uses it (`now`), or after what is in flight (`force`). */
export function putToSleep(state: State, mode: "now" | "force", now: Now): State {
  if (mode === "force") return forced(state, now, "an operator insisted");
  const next = stopping(state, now, "an operator asked for it");
  // What is not up yet has nobody to ask, and may not be found in use, which would open the gate onto it.
  return state.name === "idle"
    ? { ...next, mode, baseline: state.baseline }
    : { ...next, mode, checked: true };
}

/** On its way to zero already, for a reason that others may not share: who insists says so. */
export function insisted(state: In<"stopping">, mode: "now" | "force", now: Now): State {
  const isMore = mode === "force" && state.mode !== "force" && !state.told;
  return isMore ? putToSleep(state, mode, now) : state;
}

/**
 * Nobody waits for longer than for a cold start: one that takes longer is given up. The engines are asked by the
 * target, once no gateway sends them anything.
 */
function forced(state: State, now: Now, reason: string): In<"stopping"> {
  return {
    ...stopping(state, now, reason),
    ...{ mode: "force", checked: true, inFlight: now.demand.inFlight > 0 },
    deadlineMs: now.nowMs + now.coldStartTimeoutMs,
  };
}

/** What it does otherwise when it is forced; undefined: nothing. */
export function whileForced(
  state: In<"stopping">,
  event: LifecycleEvent,
  now: Now,
): State | undefined {
  switch (event.type) {
    case "demand": {
      const inFlight = now.demand.inFlight > 0;
      return inFlight === state.inFlight ? state : { ...state, inFlight };
    }
    // Of an earlier check: it counts no more.
    case "measured":
      return state;
    case "told":
      return { ...askAgain(state, event, now), deadlineMs: now.nowMs + STOP_TIMEOUT_MS };
    case "deadline": {
      if (state.told || now.nowMs < state.deadlineMs) return undefined;
      const lastedS = Math.round((now.nowMs - state.sinceMs) / 1_000);
      return unknown(state, now, `still in use after ${lastedS} s: not put to sleep`);
    }
    default:
      return undefined;
  }
}

/** Another gateway is about to stop it: it is kept up by whoever uses it, and left to go by all others. */
export function announced(state: State, now: Now, mode: SleepMode = "idle"): State {
  const reason = "another gateway is about to stop it";
  if (mode === "force") return { ...forced(state, now, reason), yields: true };
  if (busy(now)) return waking(state, now, `${reason}, and it is used here`);
  return { ...stopping(state, now, reason), yields: true, mode };
}

/** The same where nobody asks for anything, but it was used lately: whoever announced it does not know. */
export function announcedIdle(state: In<"idle">, now: Now, mode: SleepMode = "idle"): State {
  const quietMs = now.nowMs - state.quietSinceMs;
  if (!heedsLastUse(mode) || !now.enabled || quietMs >= now.idleTimeoutMs - CLAIMS_LAG_MS) {
    return announced(state, now, mode);
  }
  const reason = "another gateway is about to stop it, and it was used here lately";
  const next = waking(state, now, reason);
  // Who cannot use it tries again and again, and agrees when it is asked: for that it is as quiet as before. Two that
  // can would veto each other in turn for ever.
  const { baseline, quietSinceMs } = state;
  return mode === "unusable" ? { ...next, baseline, quietSinceMs } : next;
}

/**
 * Whether it sleeps is not known: look. A disabled model that is found up is put to sleep again at once,
 * so it looks later, and later each time.
 */
export function unsure(state: In<"stopping">, now: Now, reason: string): State {
  const next = unknown(state, now, reason);
  return now.enabled ? next : later({ ...next, unanswered: state.unanswered }, now);
}

/** The measurement with the gate closed: what was used after all goes on. */
export function checked(state: In<"stopping">, usage: Usage, now: Now): State {
  // An operator asks: that others used it lately does not count, and those who do now say so.
  const isElsewhere = heedsLastUse(state.mode) && isUsedElsewhere(usage, now);
  if (!isUsed(state.baseline, usage) && !(now.enabled && isElsewhere)) {
    return { ...state, checked: true };
  }
  if (!now.enabled) return later({ ...state, baseline: usage }, now);
  const next = idle(state, now, stillUsed(usage, isElsewhere));
  const quietSinceMs = isUsed(state.baseline, usage) ? now.nowMs : now.nowMs - usage.usedAgoMs!;
  return rearmed({ ...next, baseline: usage, quietSinceMs }, now);
}

/**
 * Another gateway stops it, and the gate is closed until a look, which is a consistent read, says what became of
 * that: what a watch says may be from before the announcement.
 */
export function yielding(state: In<"stopping">, event: LifecycleEvent, now: Now): State {
  switch (event.type) {
    case "demand":
      if (state.mode === "force") return whileForced(state, event, now)!;
      return wanted(now)
        ? waking(state, now, "a request came while another gateway stopped it")
        : state;
    case "saw":
      if (event.phase === "none") return gone(state, now);
      if (event.phase === "announced") return announcedAgain(state, now, event.mode);
      return unknown(state, now, "another gateway stops it, or does not any more");
    case "refused":
      return later(state, now);
    case "deadline":
      if (now.nowMs < state.deadlineMs) return askAgain(state, event, now);
      return unknown(state, now, "another gateway does not stop it");
    default:
      return askAgain(state, event, now);
  }
}

/** At zero, for the reason that it was stopped for. */
export function gone(state: In<"stopping">, now: Now): State {
  if (wanted(now)) return zero(state, now, "gone");
  return asleep(state, now, state.yields ? "another gateway stopped it" : state.reason);
}

/** The same as before, or another one in its place: agreed to once more. Nobody vetoes what is forced. */
function announcedAgain(state: In<"stopping">, now: Now, mode: SleepMode = "idle"): State {
  return mode === state.mode || state.mode === "force"
    ? { ...state, told: false }
    : announced(state, now, mode);
}

/** What an operator asks for does not heed who used it lately. */
function heedsLastUse(mode: SleepMode): boolean {
  return mode === "idle" || mode === "unusable";
}
