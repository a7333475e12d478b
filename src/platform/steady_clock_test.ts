import { expect } from "expect";
import { VirtualClock } from "../testing/virtual_clock.ts";
import { steadyClock } from "./steady_clock.ts";

Deno.test("steadyClock() holds still where its clock goes back", () => {
  const clock = new VirtualClock(1_000);
  const steady = steadyClock(clock);
  expect(steady.nowMs()).toBe(1_000);
  clock.jump(400);
  expect(steady.nowMs()).toBe(1_000);
  clock.jump(1_001);
  expect(steady.nowMs()).toBe(1_001);
});

Deno.test("steadyClock() is never behind a timer that fired early, or after its clock went back", async () => {
  const clock = new VirtualClock(1_000);
  const late = { ...clock, nowMs: () => clock.nowMs() - 900, wallMs: () => 0 };
  const steady = steadyClock({ ...late, timer: (delayMs, fn) => clock.timer(delayMs, fn) });
  const fired: number[] = [];
  steady.timer(500, () => fired.push(steady.nowMs()));
  await clock.advance(100);
  expect(fired).toEqual([]);
  clock.jump(500);
  await clock.advance(1_000);
  expect(fired).toEqual([600]);
});
