/** What the tests of the lifecycle share: each state, reached by arrows from the initial one, and the next step. */
import { type LifecycleEvent, transition } from "../activator/lifecycle.ts";
import type { Workload } from "../activator/scale_target.ts";
import {
  type Demand,
  initialState,
  type Policy,
  type State,
  type StateName,
} from "../activator/state.ts";

export const POLICY: Policy = {
  idleTimeoutMs: 60_000,
  coldStartTimeoutMs: 600_000,
  retryAfterMaxMs: 300_000,
  enabled: true,
};
export const OFF = { ...POLICY, enabled: false };
export const NONE: Demand = { pending: 0, inFlight: 0 };
export const WAITING: Demand = { pending: 1, inFlight: 0 };
export const FLYING: Demand = { pending: 0, inFlight: 1 };
export const QUIET = { busy: 0, served: "7" };
export const FAILURE = { kind: "image", message: "no such image" } as const;
export const REFUSED: LifecycleEvent = { type: "refused", failure: FAILURE };
export const DEADLINE: LifecycleEvent = { type: "deadline" };
export const UNANSWERED: LifecycleEvent = { type: "unanswered", message: "no route" };

export const step = (
  state: State,
  event: LifecycleEvent,
  demand = NONE,
  nowMs = 0,
  policy = POLICY,
) => transition(state, event, demand, nowMs, policy);
export const looked = (phase: Workload["phase"]): LifecycleEvent => ({ type: "looked", phase });
export const saw = (phase: Workload["phase"]): LifecycleEvent => ({ type: "saw", phase });

/** Each state, reached by arrows from the initial one. */
export function at(name: StateName): State {
  const boot = initialState(0);
  const asleep = step(boot, looked("none"));
  const idle = step(boot, looked("ready"));
  const measured = { type: "measured", usage: QUIET } as const;
  const based = step(step(idle, { type: "deadline" }, NONE, 1_000), measured, NONE, 1_000);
  const due = step(based, { type: "deadline" }, NONE, 60_000);
  const states: Record<StateName, () => State> = {
    unknown: () => boot,
    asleep: () => asleep,
    waking: () => step(asleep, { type: "demand" }, WAITING),
    active: () => step(idle, { type: "demand" }, FLYING),
    idle: () => idle,
    stopping: () => step(due, measured, NONE, 60_000),
    failed: () => step(step(asleep, { type: "demand" }, WAITING), REFUSED, WAITING),
  };
  return states[name]();
}
