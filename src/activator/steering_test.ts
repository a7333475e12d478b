/** What operators do with a model, in virtual time: put it to sleep, pin it. */
import { expect } from "expect";
import { silentLog as log } from "../telemetry/log.ts";
import { FAIR_WEATHER, FakeTarget } from "../testing/fake_target.ts";
import { settle, VirtualClock } from "../testing/virtual_clock.ts";
import { Activation } from "./activation.ts";

const POLICY = {
  ...{ idleTimeoutMs: 60_000, coldStartTimeoutMs: 120_000, retryAfterMaxMs: 300_000 },
  enabled: true,
};
const LIMITS = { pendingMax: 512, inFlightMax: 0, pendingTimeoutMs: 60_000 };

async function world() {
  const clock = new VirtualClock(0, Date.UTC(2026, 0, 1));
  const target = new FakeTarget(clock);
  const activation = new Activation({
    ...{ model: "m", target, policy: POLICY, limits: LIMITS, clock, log },
  });
  const { signal } = new AbortController();
  const request = () => Promise.try(() => activation.admit({ signal }));
  const first = request();
  await clock.advance(5_000);
  const permit = await first;
  /** How it ended, once that is known. */
  const outcome = async (asked: Promise<void>) => {
    const told = asked.then(() => "done", (error: Error) => error.message);
    await clock.advance(100);
    return await told;
  };
  return { clock, target, activation, request, permit, outcome };
}

Deno.test("Activation puts an idle model to sleep when it is asked, long before its idle timeout", async () => {
  const { clock, target, activation, permit, outcome } = await world();
  permit[Symbol.dispose]();
  await clock.advance(1_500);
  expect(await outcome(activation.steering.sleep("now"))).toBe("done");
  expect([target.commands, target.modes]).toEqual([["wake", "sleep"], ["now"]]);
  await clock.advance(1_000);
  expect(activation.state).toBe("asleep");
  // Asked again there is nothing to do.
  expect(await outcome(activation.steering.sleep("now"))).toBe("done");
  expect(target.commands).toEqual(["wake", "sleep"]);
});

Deno.test("Activation does not put to sleep what is in use, and says why", async () => {
  const { clock, target, activation, permit, request, outcome } = await world();
  expect(await outcome(activation.steering.sleep("now"))).toBe(
    "Model 'm' is not put to sleep: it is in use: 1 in flight, 0 waiting (force it: they end first)",
  );
  expect(activation.state).toBe("active");
  permit[Symbol.dispose]();
  await clock.advance(1_500);
  target.serveAround();
  expect(await outcome(activation.steering.sleep("now"))).toBe(
    "Model 'm' is not put to sleep: traffic around the gateway",
  );
  await request();
  expect(target.commands).toEqual(["wake"]);
});

Deno.test("Activation forces a sleep when it is told to: answers end, requests wait and wake it again", async () => {
  const { clock, target, activation, permit, request, outcome } = await world();
  expect(await outcome(activation.steering.sleep("force"))).toBe("done");
  const waiting = request();
  await clock.advance(10_000);
  expect([activation.state, activation.demand]).toEqual(["stopping", { pending: 1, inFlight: 1 }]);
  expect(target.commands).toEqual(["wake"]);
  permit[Symbol.dispose]();
  await clock.advance(10_000);
  (await waiting)[Symbol.dispose]();
  expect(target.commands).toEqual(["wake", "sleep", "wake"]);
  expect(activation.state).toBe("idle");
});

Deno.test("Activation keeps a pinned model up, and puts it to sleep when the pin ends", async () => {
  const { clock, target, activation, permit, outcome } = await world();
  permit[Symbol.dispose]();
  await activation.steering.pin(600_000);
  expect(activation.pinnedUntilMs).toBe(605_000);
  await clock.advance(500_000);
  expect([activation.state, target.commands]).toEqual(["idle", ["wake"]]);
  expect(await outcome(activation.steering.sleep("now"))).toMatch(/it is pinned: unpin it first$/);
  expect(await outcome(activation.steering.sleep("force"))).toMatch(
    /it is pinned: unpin it first$/,
  );
  await clock.advance(105_000);
  expect([activation.state, activation.pinnedUntilMs]).toEqual(["asleep", undefined]);
});

Deno.test("Activation wakes a sleeping model that is pinned, and lets it go when that is taken back", async () => {
  const { clock, target, activation, permit } = await world();
  permit[Symbol.dispose]();
  await clock.advance(70_000);
  expect(activation.state).toBe("asleep");
  await activation.steering.pin(3_600_000);
  await clock.advance(5_000);
  expect(activation.state).toBe("idle");
  // A reload keeps the pin.
  activation.update({ ...POLICY, idleTimeoutMs: 30_000 }, LIMITS);
  await clock.advance(100_000);
  expect(activation.state).toBe("idle");
  await activation.steering.pin(0);
  await settle();
  await clock.advance(5_000);
  expect([activation.state, target.commands]).toEqual(["asleep", [
    "wake",
    "sleep",
    "wake",
    "sleep",
  ]]);
});

Deno.test("Activation tries again at once what has failed, when an operator wakes it", async () => {
  const { clock, target, activation, permit } = await world();
  permit[Symbol.dispose]();
  await clock.advance(70_000);
  target.weather = { ...FAIR_WEATHER, cannotWake: () => true };
  activation.steering.wake();
  await clock.advance(3_000);
  expect(activation.state).toBe("failed");
  target.weather = FAIR_WEATHER;
  activation.steering.wake();
  expect(["asleep", "unknown", "waking"]).toContain(activation.state);
  await clock.advance(5_000);
  expect(activation.state).toBe("idle");
});

Deno.test("Activation says that a pin was not written down", async () => {
  const { target, activation, outcome } = await world();
  target.pin = () => Promise.reject(new Error("no route"));
  expect(await outcome(activation.steering.pin(1_000))).toBe("Model 'm' is not pinned: no route");
});
