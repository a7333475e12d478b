import { expect } from "expect";
import { took } from "./format.js";
import { coldStartsOf, periodsOf, summaryOf } from "./periods.js";

const CHANGES = [
  { atMs: 0, state: "asleep" },
  { atMs: 1_000, state: "waking" },
  { atMs: 4_000, state: "active" },
  { atMs: 6_000, state: "idle" },
  { atMs: 9_000, state: "asleep" },
  { atMs: 10_000, state: "waking" },
  { atMs: 12_000, state: "failed" },
  { atMs: 13_000, state: "waking" },
];

Deno.test("periodsOf() makes periods of changes, cut to what is asked for", () => {
  expect(periodsOf(CHANGES, 500, 13_500)).toEqual([
    { kind: "asleep", fromMs: 500, toMs: 1_000 },
    { kind: "waking", fromMs: 1_000, toMs: 4_000 },
    { kind: "up", fromMs: 4_000, toMs: 9_000 },
    { kind: "asleep", fromMs: 9_000, toMs: 10_000 },
    { kind: "waking", fromMs: 10_000, toMs: 12_000 },
    { kind: "failed", fromMs: 12_000, toMs: 13_000 },
    { kind: "waking", fromMs: 13_000, toMs: 13_500 },
  ]);
  expect(periodsOf(CHANGES, 4_500, 5_000)).toEqual([{ kind: "up", fromMs: 4_500, toMs: 5_000 }]);
});

Deno.test("coldStartsOf() and summaryOf() tell the wakes that have ended", () => {
  const coldStarts = coldStartsOf(CHANGES);
  expect(coldStarts).toEqual([
    { atMs: 1_000, seconds: 3, failed: false },
    { atMs: 10_000, seconds: 2, failed: true },
  ]);
  expect(summaryOf(coldStarts, took)).toBe("2 cold starts, median 3.0s, longest 3.0s, 1 failed");
});
