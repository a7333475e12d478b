/** When a use has to be told, by a table of what happened. */
import { expect } from "expect";
import { VirtualClock } from "../../testing/virtual_clock.ts";
import { OwnClaims } from "./own_claims.ts";

const IDLE_MS = 40_000;

/** `true`, `false`: in use or not from there on; `write`: it was written. What is due then, in ms. */
const CASES:
  readonly (readonly [string, readonly (readonly [number, boolean | "write"])[], number])[] = [
    ["nothing", [], Infinity],
    ["a first use", [[5, true]], -Infinity],
    ["a first use that was short", [[5, true], [6, false]], -Infinity],
    ["a use that is told", [[5, true], [6, "write"]], Infinity],
    ["its end: a quarter later", [[5, true], [6, "write"], [100, false]], 10_100],
    ["its end, used again", [[5, true], [6, "write"], [100, false], [200, true]], Infinity],
    ["its end that is told", [[5, true], [100, false], [150, "write"]], Infinity],
    ["a use soon after that", [[100, false], [150, "write"], [900, true]], 10_100],
    ["a short one", [[100, false], [150, "write"], [900, true], [901, false]], 10_100],
    ["a use long after that", [[100, false], [150, "write"], [20_000, true]], 10_100],
  ];

for (const [what, steps, dueMs] of CASES) {
  Deno.test(`OwnClaims has to tell in time of ${what}`, async () => {
    const clock = new VirtualClock();
    const claims = new OwnClaims(clock);
    for (const [atMs, step] of steps) {
      await clock.advance(atMs - clock.nowMs());
      if (step === "write") claims.say().done();
      else claims.set("m", step, IDLE_MS);
    }
    // Never later than it says, and exact once it was looked at.
    expect(claims.dueMs).toBeLessThanOrEqual(dueMs);
    claims.review();
    expect(claims.dueMs).toBe(dueMs);
  });
}

Deno.test("OwnClaims tells what it was when the write began, and no more counts as told", async () => {
  const clock = new VirtualClock();
  const claims = new OwnClaims(clock);
  claims.set("a", true, IDLE_MS);
  claims.set("b", false, IDLE_MS);
  await clock.advance(3_000);
  const said = claims.say();
  expect([...said.claims]).toEqual([
    ["a", { isInUse: true, quietMs: 0 }],
    ["b", { isInUse: false, quietMs: 3_000 }],
  ]);
  claims.set("c", true, IDLE_MS);
  claims.set("a", false, IDLE_MS);
  said.done();
  expect(claims.dueMs).toBe(-Infinity);
  claims.say().done();
  expect(claims.dueMs).toBe(Infinity);
});
