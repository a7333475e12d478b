import { expect } from "expect";
import { type Observation, UNMEASURED } from "../activator/scale_target.ts";
import { Activation } from "../activator/activation.ts";
import { silentLog } from "../telemetry/log.ts";
import { VirtualClock } from "../testing/virtual_clock.ts";
import { createExternalTarget } from "./external.ts";

const never = new AbortController().signal;

Deno.test("an external upstream is ready whatever is asked of it", async () => {
  const target = createExternalTarget("http://up:1");
  const news: Observation[] = [];
  target.subscribe({
    saw: (each) => news.push(each),
    failed: () => expect("it").toBe("no wake"),
    progressed: () => expect("it").toBe("no wake"),
    lapsed: () => expect("it").toBe("alone"),
    unfenced() {},
    pinned() {},
  });
  const ready = { workload: { phase: "ready", endpoints: ["http://up:1"] }, asOf: 1 };
  expect(await target.look(never)).toEqual(ready);
  for (const command of ["wake", "sleep"] as const) {
    expect(await target[command](never, never, "idle")).toEqual({ outcome: "done", fence: 0 });
    expect(news.pop()).toEqual(ready);
  }
  target.suspect("http://up:1");
  expect(news).toEqual([]);
  expect(await target.look(never)).toEqual(ready);
  expect(await target.measure(never, true)).toBe(UNMEASURED);
  await target.close();
  await target.wake(never);
  expect(news).toEqual([]);
});

// It is never gone, so it stayed `stopping`, and refused requests that may not wait, until one waited.
Deno.test("an external upstream that was disabled is open again as soon as it is enabled", async () => {
  const clock = new VirtualClock();
  const policy = {
    ...{ idleTimeoutMs: Infinity, coldStartTimeoutMs: 1_000, retryAfterMaxMs: 1_000 },
    enabled: true,
  };
  const limits = { pendingMax: 1, inFlightMax: 0, pendingTimeoutMs: 1_000 };
  const target = createExternalTarget("http://up:1");
  const activation = new Activation({
    ...{ model: "m", target, policy, limits, clock, log: silentLog },
  });
  await clock.advance(1);
  expect(activation.isOpen()).toBe(true);
  activation.update({ ...policy, enabled: false }, limits);
  await clock.advance(600_000);
  expect(activation.isOpen()).toBe(false);
  activation.update(policy, limits);
  await clock.advance(1);
  expect(activation.isOpen()).toBe(true);
  await activation.close();
});
