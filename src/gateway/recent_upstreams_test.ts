import { expect } from "expect";
import { VirtualClock } from "../testing/virtual_clock.ts";
import { RecentUpstreams } from "./recent_upstreams.ts";

Deno.test("RecentUpstreams knows who completed a request within the pool's idle time", async () => {
  const clock = new VirtualClock();
  const recent = new RecentUpstreams(clock);
  expect(recent.has("http://a")).toBe(false);
  recent.completed("http://a");
  await clock.advance(3_999);
  expect([recent.has("http://a"), recent.has("http://b")]).toEqual([true, false]);
  await clock.advance(1);
  expect(recent.has("http://a")).toBe(false);
});

Deno.test("RecentUpstreams forgets pods that come and go", async () => {
  const clock = new VirtualClock();
  const recent = new RecentUpstreams(clock);
  for (let pod = 0; pod < 100; pod++) {
    recent.completed(`http://10.0.0.${pod}`);
    recent.completed("http://stable");
    await clock.advance(1_000);
  }
  expect(recent.size).toBeLessThanOrEqual(5);
  expect(recent.has("http://stable")).toBe(true);
});
