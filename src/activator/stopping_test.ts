/** The way to zero as steps: what an operator asks for, and what other gateways announce. */
import { expect } from "expect";
import {
  at,
  DEADLINE,
  FLYING,
  looked,
  NONE,
  POLICY,
  QUIET,
  step,
  WAITING,
} from "../testing/lifecycle_steps.ts";
import { intent, type LifecycleEvent } from "./lifecycle.ts";
import type { SleepMode } from "./scale_target.ts";
import { STOP_TIMEOUT_MS } from "./state.ts";

const NOW: LifecycleEvent = { type: "sleep", mode: "now" };
const FORCE: LifecycleEvent = { type: "sleep", mode: "force" };
const DEMAND: LifecycleEvent = { type: "demand" };
const BOTH = { pending: 1, inFlight: 1 };
const announced = (mode: SleepMode): LifecycleEvent => ({
  ...{ type: "saw", phase: "announced", mode },
});

Deno.test("an idle model that is asked to sleep now is checked as any other, and told so", () => {
  const asked = step(at("idle"), NOW, NONE, 100);
  expect([asked.name, asked.reason]).toEqual(["stopping", "an operator asked for it"]);
  expect(intent(asked)).toMatchObject({ gate: "hold", ask: "check", mode: "now" });
  const usage = { ...QUIET, usedAgoMs: 10 };
  const told = step(asked, { type: "measured", usage }, NONE, 200);
  // Used elsewhere 10 ms ago, and not now: the others say so if it is.
  expect(intent(told)).toMatchObject({ ask: "sleep", mode: "now" });
  const used = step(asked, { type: "measured", usage: { busy: 1, served: "7" } }, NONE, 200);
  expect([used.name, used.reason]).toEqual(["idle", "traffic around the gateway"]);
  expect(step(told, DEMAND, WAITING, 300).name).toBe("waking");
});

for (const name of ["unknown", "asleep", "failed"] as const) {
  Deno.test(`nothing changes in ${name} when an operator wants it at zero`, () => {
    const state = at(name);
    for (const event of [NOW, FORCE]) expect(step(state, event, NONE, 1)).toBe(state);
  });
}

Deno.test("a sleep under way is forced when an operator insists, until it was told", () => {
  const quiet = at("stopping");
  expect(step(quiet, NOW, NONE, 1)).toBe(quiet);
  const forced = step(quiet, FORCE, NONE, 61_000);
  expect(intent(forced)).toMatchObject({ ask: "sleep", mode: "force" });
  // What the check of before says counts no more.
  const busy = { type: "measured", usage: { busy: 1, served: "8" } } as const;
  expect(step(forced, busy, NONE, 61_010)).toBe(forced);
  expect(step(forced, FORCE, NONE, 61_020)).toBe(forced);
  const told = step(quiet, { type: "told" });
  expect(step(told, FORCE, NONE, 61_000)).toBe(told);
  const yielding = step(at("idle"), announced("now"), NONE, 10);
  expect(step(yielding, FORCE, NONE, 20)).toMatchObject({ yields: false, mode: "force" });
});

// Whoever waited had no deadline: pods that do not go held everybody for ever.
Deno.test("who waits through a forced sleep that does not come to zero wakes it again", () => {
  const forced = step(at("active"), FORCE, FLYING, 0);
  const told = step(step(forced, DEMAND, WAITING, 10), { type: "told" }, WAITING, 20);
  const late = step(told, DEADLINE, WAITING, 20 + STOP_TIMEOUT_MS);
  expect([late.name, late.reason]).toEqual(["waking", "it does not go, and a request waits"]);
  expect(step(told, DEADLINE, NONE, 20 + STOP_TIMEOUT_MS)).toMatchObject({ name: "stopping" });
});

// A gateway that could not reach the pods, or had the model disabled, stopped it under users of others.
Deno.test("what only we cannot use is vetoed by who used it lately", () => {
  expect(step(at("idle"), announced("unusable"), NONE, 10).name).toBe("waking");
  expect(intent(at("failed")).mode).toBe("unusable");
  expect(intent(step(at("idle"), DEMAND, NONE, 10, { ...POLICY, enabled: false })).mode).toBe(
    "unusable",
  );
});

// Each veto began the idle timeout anew: a gateway that had it disabled, and tried again and again, kept it up for ever.
Deno.test("a veto against who cannot use it leaves it as quiet as it was", () => {
  const measured = { type: "measured", usage: QUIET } as const;
  const idle = step(step(at("idle"), DEADLINE, NONE, 1_000), measured, NONE, 1_000);
  const vetoed = step(idle, announced("unusable"), NONE, 30_000);
  expect(vetoed.name).toBe("waking");
  const again = step(vetoed, { type: "saw", phase: "ready" }, NONE, 30_050);
  expect(again).toMatchObject({ name: "idle", baseline: QUIET, deadlineMs: 60_000 });
});

Deno.test("active stays active when it is asked to sleep now", () => {
  expect(step(at("active"), NOW, FLYING, 1)).toEqual(at("active"));
});

Deno.test("a forced sleep holds what comes, waits for what is in flight, then sleeps whoever waits", () => {
  const forced = step(at("active"), FORCE, FLYING, 100);
  expect([forced.name, intent(forced)]).toMatchObject([
    "stopping",
    { gate: "hold", ask: undefined, deadlineMs: 100 + POLICY.coldStartTimeoutMs },
  ]);
  const waited = step(forced, DEMAND, BOTH, 200);
  expect([waited.name, intent(waited).ask]).toEqual(["stopping", undefined]);
  const quiet = step(waited, DEMAND, WAITING, 300);
  expect([quiet.name, intent(quiet)]).toMatchObject(["stopping", { ask: "sleep", mode: "force" }]);
  const told = step(quiet, { type: "told" }, WAITING, 400);
  expect(intent(told)).toMatchObject({ ask: undefined, deadlineMs: 400 + STOP_TIMEOUT_MS });
  const woken = step(told, { type: "saw", phase: "none" }, WAITING, 500);
  expect([woken.name, woken.reason]).toEqual(["waking", "gone, and a request waits"]);
});

Deno.test("a forced sleep that lasts for longer than a cold start is given up", () => {
  const forced = step(at("active"), FORCE, FLYING, 0);
  const late = step(forced, DEADLINE, FLYING, POLICY.coldStartTimeoutMs);
  expect([late.name, late.reason]).toEqual([
    "unknown",
    "still in use after 600 s: not put to sleep",
  ]);
  expect(step(late, looked("ready"), FLYING, POLICY.coldStartTimeoutMs).name).toBe("active");
});

Deno.test("another gateway's forced sleep is not vetoed, and agreed to once nothing is in flight", () => {
  for (const name of ["active", "idle", "waking"] as const) {
    const yielding = step(at(name), announced("force"), BOTH, 10);
    expect([yielding.name, intent(yielding)]).toMatchObject([
      "stopping",
      { gate: "hold", ask: undefined },
    ]);
    expect(step(yielding, announced("force"), BOTH, 20)).toMatchObject({ name: "stopping" });
    expect(intent(step(yielding, DEMAND, WAITING, 30))).toMatchObject({ ask: "agree" });
  }
});

Deno.test("what an operator asked for elsewhere is vetoed by who uses it now, not by who did lately", () => {
  expect(step(at("active"), announced("now"), FLYING, 10).name).toBe("waking");
  expect(step(at("idle"), announced("now"), NONE, 10)).toMatchObject({ name: "stopping" });
  expect(step(at("idle"), announced("idle"), NONE, 10).name).toBe("waking");
});

Deno.test("who forces it to sleep does not veto another gateway that stops it", () => {
  const forced = step(at("active"), FORCE, BOTH, 0);
  const yielding = step(forced, announced("idle"), BOTH, 10);
  expect(yielding).toMatchObject({ name: "stopping", yields: true, mode: "force" });
  expect(step(yielding, announced("idle"), BOTH, 20)).toMatchObject({ yields: true });
});

Deno.test("idle lasts at least until the end of a pin, and ends with it", () => {
  const pinned = { ...POLICY, pinnedUntilMs: 500_000 };
  const measured = { type: "measured", usage: QUIET } as const;
  const based = step(
    step(at("idle"), DEADLINE, NONE, 1_000, pinned),
    measured,
    NONE,
    1_000,
    pinned,
  );
  expect(intent(based)).toMatchObject({ ask: undefined, deadlineMs: 500_000 });
  const due = step(based, DEADLINE, NONE, 500_000, pinned);
  expect(step(due, measured, NONE, 500_000, pinned).name).toBe("stopping");
  // Pinned while the engines were asked.
  const later = { ...POLICY, pinnedUntilMs: 900_000 };
  const changed = step(due, DEMAND, NONE, 500_000, later);
  expect(step(changed, measured, NONE, 500_000, later)).toMatchObject({
    ...{ name: "idle", deadlineMs: 900_000 },
  });
  // Unpinned.
  expect(step(based, DEMAND, NONE, 2_000)).toMatchObject({ name: "idle", deadlineMs: 60_000 });
});
