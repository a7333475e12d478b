/** Over an activation in virtual time: what is told of the time between two sleeps. */
import { expect } from "expect";
import { silentLog } from "../telemetry/log.ts";
import { FakeTarget } from "../testing/fake_target.ts";
import { VirtualClock } from "../testing/virtual_clock.ts";
import { Activation } from "./activation.ts";

async function world() {
  const clock = new VirtualClock();
  const target = new FakeTarget(clock);
  const asleep: unknown[] = [];
  const activation = new Activation({
    ...{ model: "m", target, clock },
    policy: {
      ...{ idleTimeoutMs: 60_000, coldStartTimeoutMs: 120_000, retryAfterMaxMs: 300_000 },
      enabled: true,
    },
    limits: { pendingMax: 512, inFlightMax: 0, pendingTimeoutMs: 60_000 },
    log: {
      ...silentLog,
      info(msg, { up, served } = {}) {
        if (msg === "asleep") asleep.push([up, served]);
      },
    },
  });
  await clock.advance(1_000);
  const request = async () => {
    const permit = activation.admit({ signal: new AbortController().signal });
    await clock.advance(10_000);
    return await permit;
  };
  return { clock, target, activation, asleep, request };
}

Deno.test("a model that sleeps again tells how long it was up, and how many it served", async () => {
  const { clock, asleep, request } = await world();
  for (let i = 0; i < 3; i++) (await request())[Symbol.dispose]();
  await clock.advance(120_000);
  (await request())[Symbol.dispose]();
  await clock.advance(120_000);
  expect(asleep).toEqual([
    // What it was found as: nobody knows what was before.
    [undefined, undefined],
    [expect.stringMatching(/^\d+\.\ds$/), 3],
    [expect.stringMatching(/^\d+\.\ds$/), 1],
  ]);
  const [, [up]] = asleep as [unknown, [string]];
  expect(parseFloat(up)).toBeGreaterThan(80);
  expect(parseFloat(up)).toBeLessThan(100);
});

Deno.test("who was refused is served once, and a wake for nobody serves nobody", async () => {
  const { clock, activation, asleep, request } = await world();
  activation.steering.wake();
  await clock.advance(10_000);
  await clock.advance(120_000);
  const refused = await request();
  refused.refused();
  refused[Symbol.dispose]();
  (await request())[Symbol.dispose]();
  await clock.advance(120_000);
  expect(asleep.map((line) => (line as unknown[])[1])).toEqual([undefined, 0, 1]);
});
