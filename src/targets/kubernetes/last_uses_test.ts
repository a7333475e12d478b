import { expect } from "expect";
import { VirtualClock } from "../../testing/virtual_clock.ts";
import { isNewUse, LastUses, type Used } from "./last_uses.ts";

const uses = (all: Record<string, Used> = {}) => new Map(Object.entries(all));

Deno.test("LastUses keeps the latest of what is no longer said, for a day", async () => {
  const clock = new VirtualClock();
  const last = new LastUses(clock);
  await clock.advance(10_000);
  last.keep(uses({ a: 9_000, b: "in use", c: 1_000, d: 3_000 }), uses({ c: 1_000 }));
  last.keep(uses({ a: 8_000, b: "in use" }), uses(), 5_000);
  last.keep("unknown", uses());
  expect(["a", "b", "c", "d"].map((key) => last.of(key))).toEqual([[9_000], [10_000], [], [3_000]]);
  await clock.advance(24 * 3_600_000 - 5_000);
  last.keep(uses({ e: 20_000 }), "unknown");
  expect(["a", "b", "d", "e"].map((key) => last.of(key))).toEqual([[9_000], [10_000], [], [
    20_000,
  ]]);
});

Deno.test("isNewUse() tells news from the passing of time", () => {
  const before = uses({ a: "in use", b: 50_000 });
  expect(isNewUse(before, uses({ a: "in use", b: 50_900 }))).toBe(false);
  expect(isNewUse(before, uses({ a: "in use", b: 52_000 }))).toBe(true);
  expect(isNewUse(before, uses({ a: 60_000, b: 50_000 }))).toBe(true);
  expect(isNewUse(before, uses({ a: "in use", c: 50_000 }))).toBe(true);
  expect(isNewUse(before, uses({ a: "in use" }))).toBe(true);
  expect(isNewUse(before, "unknown")).toBe(true);
  expect(isNewUse("unknown", "unknown")).toBe(false);
});
