/** The lifecycle as a table: state by event, with the state that follows. */
import { expect } from "expect";
import {
  at,
  DEADLINE,
  FAILURE,
  FLYING,
  looked,
  NONE,
  OFF,
  POLICY,
  QUIET,
  REFUSED,
  saw,
  step,
  UNANSWERED,
  WAITING,
} from "../testing/lifecycle_steps.ts";
import { intent, type LifecycleEvent } from "./lifecycle.ts";
import { type Demand, initialState, RETRY_AFTER_MS, type State, type StateName } from "./state.ts";

const TABLE: [StateName, string, LifecycleEvent, Demand, StateName][] = [
  ["unknown", "demand changed", { type: "demand" }, WAITING, "unknown"],
  ["unknown", "looked none", looked("none"), NONE, "asleep"],
  ["unknown", "looked none, wanted", looked("none"), WAITING, "waking"],
  ["unknown", "looked starting", looked("starting"), NONE, "waking"],
  ["unknown", "looked ready", looked("ready"), NONE, "idle"],
  ["unknown", "looked ready, wanted", looked("ready"), WAITING, "active"],
  ["unknown", "saw ready, which may be older", saw("ready"), NONE, "unknown"],
  ["unknown", "refused", REFUSED, NONE, "failed"],
  ["unknown", "unanswered", UNANSWERED, NONE, "unknown"],
  ["asleep", "wanted", { type: "demand" }, WAITING, "waking"],
  ["asleep", "saw none", saw("none"), NONE, "asleep"],
  ["asleep", "saw starting", saw("starting"), NONE, "waking"],
  ["asleep", "saw ready", saw("ready"), NONE, "idle"],
  ["asleep", "deadline", { type: "deadline" }, NONE, "asleep"],
  ["waking", "the last waiter left", { type: "demand" }, NONE, "waking"],
  ["waking", "saw starting", saw("starting"), WAITING, "waking"],
  ["waking", "saw none before told", saw("none"), NONE, "waking"],
  ["waking", "saw ready", saw("ready"), WAITING, "active"],
  ["waking", "saw ready, nobody left", saw("ready"), NONE, "idle"],
  ["waking", "refused", REFUSED, WAITING, "failed"],
  ["waking", "cannot wake", { type: "cannot_wake", failure: FAILURE }, WAITING, "failed"],
  ["waking", "unanswered", UNANSWERED, WAITING, "waking"],
  ["waking", "conflict", { type: "conflict" }, WAITING, "waking"],
  ["active", "still in flight", { type: "demand" }, FLYING, "active"],
  ["active", "none left", { type: "demand" }, NONE, "idle"],
  ["active", "saw none", saw("none"), FLYING, "waking"],
  ["active", "saw starting", saw("starting"), FLYING, "waking"],
  ["active", "saw ready", saw("ready"), FLYING, "active"],
  ["active", "cannot wake", { type: "cannot_wake", failure: FAILURE }, FLYING, "active"],
  ["idle", "a request", { type: "demand" }, FLYING, "active"],
  ["idle", "saw none", saw("none"), NONE, "asleep"],
  ["idle", "saw starting", saw("starting"), NONE, "waking"],
  ["idle", "saw ready", saw("ready"), NONE, "idle"],
  ["stopping", "a request", { type: "demand" }, WAITING, "waking"],
  ["stopping", "saw none", saw("none"), NONE, "asleep"],
  ["stopping", "saw none, wanted", saw("none"), WAITING, "waking"],
  ["stopping", "saw starting", saw("starting"), NONE, "stopping"],
  ["stopping", "saw ready: not to be trusted", saw("ready"), NONE, "stopping"],
  ["stopping", "refused", REFUSED, NONE, "unknown"],
  ["stopping", "conflict", { type: "conflict" }, NONE, "unknown"],
  ["stopping", "unanswered", UNANSWERED, NONE, "unknown"],
  ["stopping", "quiet", { type: "measured", usage: QUIET }, NONE, "stopping"],
  [
    "stopping",
    "traffic around",
    { type: "measured", usage: { busy: 0, served: "8" } },
    NONE,
    "idle",
  ],
  ["failed", "a request", { type: "demand" }, NONE, "failed"],
  ["failed", "saw none", saw("none"), NONE, "failed"],
  ["failed", "saw starting", saw("starting"), NONE, "failed"],
  ["failed", "saw ready", saw("ready"), NONE, "idle"],
  ["failed", "refused", REFUSED, NONE, "failed"],
  ["failed", "unanswered", UNANSWERED, NONE, "failed"],
];

for (const [name, what, event, demand, next] of TABLE) {
  Deno.test(`transition() goes from ${name} to ${next} when ${what}`, () => {
    const state = at(name);
    expect(state.name).toBe(name);
    expect(step(state, event, demand, 61_000).name).toBe(next);
  });
}

const GATES: [StateName, string, string | undefined][] = [
  ["unknown", "hold", "look"],
  ["asleep", "hold", undefined],
  ["waking", "hold", "wake"],
  ["active", "open", undefined],
  ["idle", "open", undefined],
  ["stopping", "hold", "check"],
  ["failed", "shut", "sleep"],
];

for (const [name, gate, ask] of GATES) {
  Deno.test(`intent() of ${name} has the gate ${gate} and asks ${ask ?? "nothing"}`, () => {
    const { gate: isGate, ask: isAsk } = intent(at(name));
    expect([isGate, isAsk]).toEqual([gate, ask]);
  });
}

// It stayed in `stopping` for a minute, and was then put to zero once more.
Deno.test("stopping ends when somebody else starts it again after our zero", () => {
  const told = step(at("stopping"), { type: "told" });
  expect(step(told, saw("starting"))).toMatchObject({
    ...{ name: "waking", reason: "somebody else started it", told: true },
  });
  expect(step(told, saw("ready"))).toMatchObject({
    ...{ name: "idle", reason: "somebody else started it" },
  });
});

Deno.test("intent() asks nothing once told, until somebody else takes it to zero", () => {
  const told = step(at("waking"), { type: "told" }, WAITING);
  expect(intent(told).ask).toBe(undefined);
  const toldLate = step(step(at("waking"), UNANSWERED, WAITING), { type: "told" }, WAITING);
  expect(toldLate).toMatchObject({ unanswered: 0 });
  const undone = step(told, saw("none"), WAITING, 5_000);
  expect(intent(undone)).toMatchObject({ ask: undefined, deadlineMs: 5_500 });
  expect(intent(step(undone, { type: "deadline" }, WAITING, 5_500)).ask).toBe("wake");
});

for (const name of ["unknown", "waking", "stopping", "failed"] as const) {
  Deno.test(`${name} never asks the same again at once, whatever went wrong`, () => {
    const { ask } = intent(at(name));
    for (const event of [REFUSED, UNANSWERED, { type: "conflict" } as const]) {
      for (const policy of [POLICY, OFF]) {
        const next = step(at(name), event, NONE, 0, policy);
        expect({ event, ask: intent(next).ask }).not.toEqual({ event, ask });
      }
    }
  });
}

Deno.test("waking ends asleep when somebody takes it to zero and nobody waits any more", () => {
  const told = step(at("waking"), { type: "told" });
  expect(step(told, saw("none")).name).toBe("asleep");
});

Deno.test("waking fails at its own deadline, however often its command stays unanswered", () => {
  let state = at("waking");
  for (let n = 0; n < 10; n++) state = step(state, UNANSWERED, WAITING, 0);
  expect(intent(state).deadlineMs).toBe(5_000);
  const late = step(state, { type: "deadline" }, WAITING, 600_000);
  expect(late).toMatchObject({ name: "failed", failure: { kind: "cold_start_timeout" } });
});

Deno.test("failed waits twice as long after each failure, up to the limit, and forgets on success", () => {
  const waits: number[] = [];
  let state = at("asleep");
  for (let n = 0; n < 7; n++) {
    state = step(step(state, { type: "demand" }, WAITING), REFUSED);
    waits.push(state.deadlineMs / RETRY_AFTER_MS);
    state = step(step(state, saw("none")), { type: "deadline" }, NONE, state.deadlineMs);
    expect(state.name).toBe("asleep");
    state = { ...state, sinceMs: 0 };
  }
  expect(waits).toEqual([1, 2, 4, 8, 16, 30, 30]);
  expect(step(state, saw("ready")).failures).toBe(0);
});

Deno.test("failed does not ask to sleep while a request is in flight", () => {
  const waking = step(at("active"), saw("starting"), FLYING);
  const failed = step(waking, { type: "deadline" }, FLYING, waking.deadlineMs);
  expect(intent(failed).ask).toBe(undefined);
  expect(intent(step(failed, { type: "demand" }, NONE)).ask).toBe("sleep");
});

Deno.test("failed looks again at its deadline unless zero was seen", () => {
  const failed = at("failed");
  expect(step(failed, { type: "deadline" }, NONE, failed.deadlineMs).name).toBe("unknown");
});

// It fell asleep under a workload that somebody else had started, which then ran for nobody.
Deno.test("failed looks again when somebody started it after zero was seen", () => {
  const started = step(step(at("failed"), saw("none")), saw("starting"));
  expect(step(started, { type: "deadline" }, NONE, started.deadlineMs).name).toBe("unknown");
});

Deno.test("idle takes a baseline, sleeps when nothing moved, and stays when something did", () => {
  const usage = (served: string, busy = 0): LifecycleEvent => ({
    type: "measured",
    usage: { busy, served },
  });
  const due = (state: State) => step(state, { type: "deadline" }, NONE, state.deadlineMs);
  const idle = at("idle");
  expect(idle.deadlineMs).toBe(1_000);
  const based = step(due(idle), usage("7"), NONE, 1_010);
  expect(based.deadlineMs).toBe(60_010);
  expect(step(due(based), usage("7"), NONE, 60_010).name).toBe("stopping");
  expect(step(due(based), usage("8"), NONE, 60_010)).toMatchObject({
    name: "idle",
    deadlineMs: 120_010,
  });
  expect(step(due(based), usage("7", 1), NONE, 60_010).name).toBe("idle");
  expect(step(due(based), usage("7", Infinity), NONE, 60_010).name).toBe("idle");
});

Deno.test("idle has no deadline when the idle timeout is never", () => {
  const never = { ...POLICY, idleTimeoutMs: Infinity };
  const idle = step(initialState(0), looked("ready"), NONE, 0, never);
  expect(intent(idle)).toEqual({ gate: "open", ask: undefined, deadlineMs: Infinity });
});

Deno.test("a changed idle timeout counts from the last answer", () => {
  const idle = step(at("idle"), { type: "demand" }, NONE, 500, { ...POLICY, idleTimeoutMs: 800 });
  expect(idle.deadlineMs).toBe(400);
});

Deno.test("a disabled model is put to sleep when drained, and a waking one at once", () => {
  expect(step(at("active"), { type: "demand" }, FLYING, 0, OFF).name).toBe("active");
  expect(step(at("idle"), { type: "demand" }, NONE, 0, OFF).name).toBe("stopping");
  const stopping = step(at("waking"), { type: "demand" }, NONE, 0, OFF);
  expect(intent(stopping).ask).toBe("sleep");
});

// A pod that flapped under one of two answers was put to sleep under the other one.
Deno.test("a disabled model is not put to sleep while waking under an answer", () => {
  const waking = step(at("active"), saw("starting"), FLYING);
  expect(step(waking, { type: "demand" }, FLYING, 0, OFF)).toBe(waking);
  expect(step(waking, { type: "demand" }, NONE, 0, OFF).name).toBe("stopping");
});

// It looked, found itself ready, and was put to sleep again: 2000 times a minute.
for (const event of [REFUSED, UNANSWERED, { type: "conflict" } as const]) {
  Deno.test(`a disabled model whose sleep was ${event.type} looks, later each time`, () => {
    let state = at("stopping");
    const waits: number[] = [];
    for (let n = 0; n < 7; n++) {
      const unknown = step(state, event, NONE, 0, OFF);
      expect(intent(unknown).ask).toBe(undefined);
      waits.push(intent(unknown).deadlineMs);
      expect(intent(step(unknown, DEADLINE, NONE, waits.at(-1)!, OFF)).ask).toBe("look");
      state = step(unknown, looked("ready"), NONE, 0, OFF);
      expect(intent(state).ask).toBe("check");
    }
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000]);
  });
}

// It slept all the same, whatever its idle timeout.
Deno.test("a model that is enabled again while it stops for being disabled is looked at", () => {
  const stopping = step(at("idle"), { type: "demand" }, NONE, 0, OFF);
  expect(step(stopping, { type: "demand" }, NONE, 0, OFF)).toBe(stopping);
  expect(intent(step(stopping, { type: "demand" }, NONE, 0)).ask).toBe("look");
  expect(step(at("stopping"), { type: "demand" }).name).toBe("stopping");
});

// The gauges of an engine lag by some 30 ms; with an idle timeout of never it then stayed up for good.
Deno.test("a disabled model that still looks busy is asked again soon, not after an idle timeout", () => {
  const busy: LifecycleEvent = { type: "measured", usage: { busy: 1, served: "8" } };
  const never = { ...OFF, idleTimeoutMs: Infinity };
  const state = step(at("stopping"), busy, NONE, 61_000, never);
  expect(intent(state)).toMatchObject({ gate: "hold", ask: undefined, deadlineMs: 61_500 });
  const again = step(state, { type: "deadline" }, NONE, 61_500, never);
  const quiet: LifecycleEvent = { type: "measured", usage: { busy: 0, served: "8" } };
  expect(intent(step(again, quiet, NONE, 61_510, never)).ask).toBe("sleep");
});

Deno.test("idle whose timeout grew while the engines were asked does not sleep on their answer", () => {
  const measured: LifecycleEvent = { type: "measured", usage: QUIET };
  const based = step(step(at("idle"), DEADLINE, NONE, 1_000), measured, NONE, 1_000);
  const measuring = step(based, DEADLINE, NONE, 60_000);
  const never = { ...POLICY, idleTimeoutMs: Infinity };
  const changed = step(measuring, { type: "demand" }, NONE, 60_000, never);
  const next = step(changed, measured, NONE, 60_010, never);
  expect(intent(next)).toEqual({ gate: "open", ask: undefined, deadlineMs: Infinity });
});
