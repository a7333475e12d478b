import { expect } from "expect";
import { VirtualClock } from "../testing/virtual_clock.ts";
import { sharingClock } from "./sharing_clock.ts";

function setUp() {
  const virtual = new VirtualClock();
  const fired: string[] = [];
  return { virtual, clock: sharingClock(virtual), fired };
}

Deno.test("sharingClock() calls each timer when it is due, and all of one delay take one", async () => {
  const { virtual, clock, fired } = setUp();
  for (const name of ["a", "b", "c"]) {
    clock.timer(5_000, () => fired.push(`${name} at ${virtual.nowMs()}`));
    await virtual.advance(1_000);
  }
  expect(virtual.timers).toBe(1);
  await virtual.advance(10_000);
  expect(fired).toEqual(["a at 5000", "b at 6000", "c at 7000"]);
  expect(virtual.timers).toBe(0);
});

Deno.test("sharingClock() does not call a timer that was disposed, and keeps none for it", async () => {
  const { virtual, clock, fired } = setUp();
  const first = clock.timer(5_000, () => fired.push("first"));
  const second = clock.timer(5_000, () => fired.push("second"));
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  await virtual.advance(5_000);
  expect(fired).toEqual(["second"]);
  second[Symbol.dispose]();
  clock.timer(5_000, () => fired.push("third"))[Symbol.dispose]();
  expect(virtual.timers).toBe(0);
  await virtual.advance(10_000);
  expect(fired).toEqual(["second"]);
});

Deno.test("sharingClock() keeps delays apart, and hands on those that nobody shares", async () => {
  const { virtual, clock, fired } = setUp();
  clock.timer(Infinity, () => fired.push("never"));
  for (const ms of [3_000, 2_000, 2_000.5, 10]) clock.timer(ms, () => fired.push(String(ms)));
  expect(virtual.timers).toBe(4);
  await virtual.advance(5_000);
  expect(fired).toEqual(["10", "2000", "2000.5", "3000"]);
});

Deno.test("sharingClock(): a callback may end the others and set new ones of its delay", async () => {
  const { virtual, clock, fired } = setUp();
  const note = (name: string) => () => fired.push(`${name} at ${virtual.nowMs()}`);
  clock.timer(2_000, () => {
    note("a")();
    doomed[Symbol.dispose]();
    clock.timer(2_000, note("c"));
  });
  const doomed = clock.timer(2_000, note("b"));
  await virtual.advance(1_000);
  await virtual.advance(1_000);
  clock.timer(2_000, note("d"));
  await virtual.advance(2_000);
  expect(fired).toEqual(["a at 2000", "c at 4000", "d at 4000"]);
  expect(virtual.timers).toBe(0);
});

Deno.test("sharingClock() does as its clock does, whatever is set and disposed", async () => {
  for (let seed = 1; seed <= 50; seed++) {
    expect(await story(seed, (clock) => sharingClock(clock))).toEqual(await story(seed, (c) => c));
  }
});

/** What fires, and when, in a story that `seed` makes up. */
async function story(
  seed: number,
  clockOver: (clock: VirtualClock) => Pick<VirtualClock, "timer">,
) {
  const virtual = new VirtualClock();
  const clock = clockOver(virtual);
  const fired: string[] = [];
  const timers: Disposable[] = [];
  let state = seed;
  const below = (max: number) => (state = state * 48271 % 0x7fffffff) % max;
  for (let step = 0; step < 60; step++) {
    const name = `${step}`;
    if (below(3) > 0) {
      const delayMs = 1_000 * (1 + below(3));
      timers.push(clock.timer(delayMs, () => {
        fired.push(`${name} at ${virtual.nowMs()}`);
        // Some set another one when they go off.
        if (delayMs === 2_000) {
          clock.timer(1_000, () => fired.push(`${name}' at ${virtual.nowMs()}`));
        }
      }));
    } else if (timers.length > 0) timers[below(timers.length)]![Symbol.dispose]();
    await virtual.advance(below(800));
  }
  await virtual.advance(10_000);
  // Of two that are due at once either may be first.
  return fired.sort();
}
