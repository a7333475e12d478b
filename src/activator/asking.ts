/** What is the same for every state that asks something of its target: to wait before asking again, then to ask. */
import type { LifecycleEvent } from "./lifecycle.ts";
import { ASK_AGAIN_MAX_MS, ASK_AGAIN_MS, type Asking, type In, type Now } from "./state.ts";

/** Not now: asks again after a while, after a longer one each time. */
export function later<S extends Asking>(state: S, now: Now): S {
  const waitMs = Math.min(ASK_AGAIN_MS * 2 ** state.unanswered, ASK_AGAIN_MAX_MS);
  return { ...state, unanswered: state.unanswered + 1, askAtMs: now.nowMs + waitMs };
}

/** Its arrows. */
export function askAgain<S extends In<"unknown" | "waking" | "stopping" | "failed">>(
  state: S,
  event: LifecycleEvent,
  now: Now,
): S {
  switch (event.type) {
    case "told":
      return { ...state, told: true, unanswered: 0 };
    case "unanswered":
    case "conflict":
      return later(state, now);
    case "deadline":
      return now.nowMs < (state.askAtMs ?? Infinity) ? state : { ...state, askAtMs: undefined };
    default:
      return state;
  }
}
