import { expect } from "expect";
import { about, hours, roughly, span, timeOf, took } from "./format.js";

Deno.test("span(), about() and roughly() say a time in its largest units", () => {
  for (
    const [seconds, exact, near, rough] of [
      [0, "0s", "0s", "0s"],
      [-3, "0s", "0s", "0s"],
      [59.4, "59s", "59s", "59s"],
      [65, "1m 05s", "1m", "1m"],
      [3_599, "59m 59s", "59m", "59m"],
      [7_500, "2h 05m", "2h 05m", "2h"],
      [273_600, "3d 4h", "3d 4h", "3d"],
    ] as const
  ) {
    expect([seconds, span(seconds), about(seconds), roughly(seconds)])
      .toEqual([seconds, exact, near, rough]);
  }
});

Deno.test("took() and hours() keep a digit where it matters", () => {
  expect([took(0.84), took(12.34), took(102)]).toEqual(["0.8s", "12.3s", "1m 42s"]);
  expect([hours(0), hours(1_500), hours(4_334_400)]).toEqual(["0.0", "0.4", "1,204"]);
});

Deno.test("timeOf() names the day where it is not today", () => {
  const now = new Date(2026, 4, 3, 12, 30).getTime();
  expect(timeOf(now - 4 * 3_600_000, now)).toBe("08:30");
  expect(timeOf(now - 14 * 3_600_000, now)).toBe("May 2 22:30");
});
