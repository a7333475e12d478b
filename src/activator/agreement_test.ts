/** What the lifecycle makes of other gateways, as a table; the steps of an agreed sleep; a gateway that lapsed. */
import { expect } from "expect";
import {
  at,
  FLYING,
  looked,
  NONE,
  POLICY,
  QUIET,
  saw,
  step,
  UNANSWERED,
  WAITING,
} from "../testing/lifecycle_steps.ts";
import { silentLog as log } from "../telemetry/log.ts";
import { FakeTarget } from "../testing/fake_target.ts";
import { VirtualClock } from "../testing/virtual_clock.ts";
import { Activation } from "./activation.ts";
import { type SleepSteps, sleepTogether } from "./agreement.ts";
import { intent, type LifecycleEvent } from "./lifecycle.ts";
import type { CommandResult } from "./scale_target.ts";
import type { Demand, StateName } from "./state.ts";

const TABLE: [StateName, string, LifecycleEvent, Demand, StateName][] = [
  // What another gateway announced: agreed to where nobody uses it, kept up where somebody does.
  ["unknown", "looked announced", looked("announced"), NONE, "stopping"],
  ["unknown", "looked announced, wanted", looked("announced"), WAITING, "waking"],
  ["asleep", "saw announced", saw("announced"), NONE, "stopping"],
  ["waking", "saw announced", saw("announced"), NONE, "stopping"],
  ["waking", "saw announced, wanted", saw("announced"), WAITING, "waking"],
  ["active", "saw announced", saw("announced"), FLYING, "waking"],
  ["idle", "saw announced", saw("announced"), NONE, "stopping"],
  ["stopping", "saw announced", saw("announced"), NONE, "stopping"],
  ["failed", "saw announced", saw("announced"), NONE, "stopping"],
  [
    "stopping",
    "used elsewhere",
    { type: "measured", usage: { ...QUIET, usedAgoMs: 0 } },
    NONE,
    "idle",
  ],
  // The others did not know of us.
  ["unknown", "lapsed", { type: "lapsed" }, NONE, "unknown"],
  ["asleep", "lapsed", { type: "lapsed" }, NONE, "unknown"],
  ["waking", "lapsed", { type: "lapsed" }, WAITING, "unknown"],
  ["active", "lapsed", { type: "lapsed" }, FLYING, "unknown"],
  ["idle", "lapsed", { type: "lapsed" }, NONE, "unknown"],
  ["stopping", "lapsed", { type: "lapsed" }, NONE, "unknown"],
  ["failed", "lapsed", { type: "lapsed" }, NONE, "failed"],
];

for (const [name, what, event, demand, next] of TABLE) {
  Deno.test(`with other gateways: from ${name} to ${next} when ${what}`, () => {
    expect(step(at(name), event, demand, 61_000).name).toBe(next);
  });
}

/** From `stopping` where it is another gateway that stops it. */
const YIELDING: [what: string, LifecycleEvent, Demand, StateName, ask: string | undefined][] = [
  ["nothing happens", { type: "demand" }, NONE, "stopping", "agree"],
  ["it was agreed to", { type: "told" }, NONE, "stopping", undefined],
  ["it is announced anew", saw("announced"), NONE, "stopping", "agree"],
  ["a request comes", { type: "demand" }, WAITING, "waking", "wake"],
  ["it has gone", saw("none"), NONE, "asleep", undefined],
  ["it has gone, and a request waits", saw("none"), WAITING, "waking", "wake"],
  // A watch may be behind: what a look sees counts.
  ["it looks ready", saw("ready"), NONE, "unknown", "look"],
  ["it looks as if it started", saw("starting"), NONE, "unknown", "look"],
  ["there was nothing to agree to", { type: "conflict" }, NONE, "stopping", undefined],
  ["it could not be said", UNANSWERED, NONE, "stopping", undefined],
];

for (const [what, event, demand, next, ask] of YIELDING) {
  Deno.test(`transition() goes from a stop by another gateway to ${next} when ${what}`, () => {
    const state = step(at("unknown"), looked("announced"), NONE, 61_000);
    expect(intent(state)).toMatchObject({ gate: "hold", ask: "agree" });
    const after = step(state, event, demand, 61_000);
    expect([after.name, intent(after).ask]).toEqual([next, ask]);
  });
}

Deno.test("an idle model that was used lately is kept up against another gateway's announcement", () => {
  const state = step(at("idle"), saw("announced"), NONE, 30_000);
  expect([state.name, intent(state).ask]).toEqual(["waking", "wake"]);
});

Deno.test("the idle timeout counts from the last use by any gateway", () => {
  const due = step(at("idle"), { type: "deadline" }, NONE, 1_000);
  const based = step(due, { type: "measured", usage: QUIET }, NONE, 1_000);
  const asked = step(based, { type: "deadline" }, NONE, 60_000);
  const used = step(
    asked,
    { type: "measured", usage: { ...QUIET, usedAgoMs: 20_000 } },
    NONE,
    60_000,
  );
  expect([used.name, intent(used).deadlineMs]).toEqual(["idle", 100_000]);
});

const DONE: CommandResult = { outcome: "done", fence: 1 };
const CONFLICT: CommandResult = { outcome: "conflict" };

/** The steps that were taken, in order; `over` are those that end otherwise. */
async function taken(over: Partial<SleepSteps>, unwanted = new AbortController()) {
  const steps: string[] = [];
  const all: SleepSteps = {
    announce: () => Promise.resolve(DONE),
    agreed: () => Promise.resolve(),
    isQuiet: () => Promise.resolve(true),
    withdraw: () => Promise.resolve(),
    scale: () => Promise.resolve(DONE),
    ...over,
  };
  const noted = Object.fromEntries(
    Object.entries(all).map(([name, step]) => [name, (signal: AbortSignal) => {
      steps.push(name);
      return step(signal);
    }]),
  ) as unknown as SleepSteps;
  const result = await sleepTogether(noted, new AbortController().signal, unwanted.signal);
  return [steps.join(" "), result.outcome];
}

Deno.test("sleepTogether() announces, is agreed to, measures, and tells", async () => {
  expect(await taken({})).toEqual(["announce agreed isQuiet scale", "done"]);
});

Deno.test("sleepTogether() ends where it cannot announce", async () => {
  expect(await taken({ announce: () => Promise.resolve(CONFLICT) })).toEqual([
    "announce",
    "conflict",
  ]);
});

Deno.test("sleepTogether() takes back what was vetoed, used after all, or is not wanted any more", async () => {
  const vetoed = { agreed: () => Promise.reject(new Error("vetoed")) };
  expect(await taken(vetoed)).toEqual(["announce agreed withdraw", "conflict"]);
  const used = { isQuiet: () => Promise.resolve(false) };
  expect(await taken(used)).toEqual(["announce agreed isQuiet withdraw", "conflict"]);
  const unwanted = new AbortController();
  const left = {
    isQuiet: () => {
      unwanted.abort();
      return Promise.resolve(true);
    },
  };
  expect(await taken(left, unwanted)).toEqual(["announce agreed isQuiet withdraw", "conflict"]);
});

const LIMITS = { pendingMax: 512, inFlightMax: 0, pendingTimeoutMs: 60_000 };

function world() {
  const clock = new VirtualClock();
  const target = new FakeTarget(clock);
  const { look } = target;
  let looks = 0;
  target.look = (signal) => {
    looks++;
    return look.call(target, signal);
  };
  const activation = new Activation({
    ...{ model: "m", target, policy: POLICY, limits: LIMITS, clock, log },
  });
  return { clock, target, observer: target.observer!, activation, looks: () => looks };
}

// What it tells is from before: the others may have agreed to anything since.
Deno.test("Activation asks anew when it lapses while a look is under way", async () => {
  const { clock, observer, activation, looks } = world();
  await clock.advance(5);
  observer.lapsed();
  await clock.advance(6);
  expect([activation.state, looks()]).toEqual(["unknown", 2]);
  await clock.advance(10);
  expect([activation.state, looks()]).toEqual(["asleep", 2]);
});

Deno.test("Activation holds a warm request while its target is fenced, and sends it afterwards", async () => {
  const { clock, target, observer, activation } = world();
  const { signal } = new AbortController();
  await clock.advance(10);
  const first = activation.admit({ signal });
  await clock.advance(5_000);
  (await first)[Symbol.dispose]();
  expect([activation.state, activation.isOpen()]).toEqual(["idle", true]);
  target.isFenced = true;
  const held = activation.admit({ signal });
  await clock.advance(1_000);
  expect([activation.isOpen(), activation.demand]).toEqual([false, { pending: 1, inFlight: 0 }]);
  target.isFenced = false;
  observer.unfenced();
  expect((await held).endpoint).toBe("http://pod");
  expect(activation.demand).toEqual({ pending: 0, inFlight: 1 });
});
