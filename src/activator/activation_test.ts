/** The shell in virtual time, over a fake target: what it does to gate, timer and target. */
import { expect } from "expect";
import { createLog } from "../telemetry/log.ts";
import { FAIR_WEATHER, FakeTarget } from "../testing/fake_target.ts";
import { settle, VirtualClock } from "../testing/virtual_clock.ts";
import { Activation } from "./activation.ts";
import type { Permit } from "./admission.ts";
import {
  ClusterUnreachable,
  ColdStartTimeout,
  Draining,
  ModelAsleep,
  ModelUnavailable,
} from "./errors.ts";

const POLICY = {
  idleTimeoutMs: 60_000,
  coldStartTimeoutMs: 120_000,
  retryAfterMaxMs: 300_000,
  enabled: true,
};
const LIMITS = { pendingMax: 512, inFlightMax: 0, pendingTimeoutMs: 60_000 };

function world(tune: (target: FakeTarget, clock: VirtualClock) => void = () => {}) {
  const clock = new VirtualClock();
  const target = new FakeTarget(clock);
  tune(target, clock);
  const lines: string[] = [];
  const log = createLog({
    level: "info",
    format: "text",
    clock,
    write: (line) => lines.push(line),
  });
  const activation = new Activation({
    ...{ model: "m", target, policy: POLICY, limits: LIMITS, clock, log },
  });
  const request = (options: { coldStart?: "never" } = {}) => {
    const controller = new AbortController();
    const permit = Promise.try(() => activation.admit({ signal: controller.signal, ...options }));
    permit.catch(() => {});
    return { controller, permit };
  };
  const changes = () => lines.map((line) => line.slice(13).replace(/ +/g, " "));
  return { clock, target, activation, request, changes };
}

Deno.test("Activation wakes once for 200 requests and serves them all", async () => {
  const { clock, target, activation, request } = world();
  const requests = Array.from({ length: 200 }, () => request());
  await clock.advance(5_000);
  const permits = await Promise.all(requests.map(({ permit }) => permit));
  expect(target.commands).toEqual(["wake"]);
  expect(new Set(permits).size).toBe(200);
  expect(activation.demand).toEqual({ pending: 0, inFlight: 200 });
});

Deno.test("Activation goes on waking when the client that caused it leaves", async () => {
  const { clock, target, activation, request } = world();
  const { controller } = request();
  await clock.advance(100);
  expect(activation.state).toBe("waking");
  controller.abort();
  await clock.advance(5_000);
  expect(activation.state).toBe("idle");
  expect(target.commands).toEqual(["wake"]);
});

Deno.test("Activation never stops under an answer, and counts idle from its last byte", async () => {
  const { clock, target, activation, request } = world();
  const { permit } = request();
  await clock.advance(600_000);
  expect(activation.state).toBe("active");
  (await permit)[Symbol.dispose]();
  await clock.advance(59_000);
  expect(activation.state).toBe("idle");
  await clock.advance(2_000);
  expect(target.commands).toEqual(["wake", "sleep"]);
  expect(activation.state).toBe("asleep");
});

Deno.test("Activation stays awake when requests went around it, and sleeps when they end", async () => {
  const { clock, target, activation, request } = world();
  (await advanced(clock, request().permit))[Symbol.dispose]();
  await clock.advance(30_000);
  target.serveAround();
  await clock.advance(60_000);
  expect(activation.state).toBe("idle");
  await clock.advance(60_000);
  expect(activation.state).toBe("asleep");
});

Deno.test("Activation tells its reason to everyone who waits when the wake cannot succeed", async () => {
  const { clock, target, activation, request } = world();
  target.weather = { ...target.weather, cannotWake: () => true };
  const requests = [request(), request()];
  await clock.advance(5_000);
  for (const { permit } of requests) {
    await expect(permit).rejects.toThrow("Cannot wake model 'm': exit 1");
  }
  expect(activation.state).toBe("failed");
  expect(target.commands).toEqual(["wake", "sleep"]);
  await expect(request().permit).rejects.toBeInstanceOf(ModelUnavailable);
  await clock.advance(10_000);
  target.weather = { ...target.weather, cannotWake: () => false };
  await advanced(clock, request().permit);
  expect(activation.state).toBe("active");
});

Deno.test("Activation does not wake for a request that may not wake", async () => {
  const { clock, target, activation, request } = world();
  await clock.advance(100);
  await expect(request({ coldStart: "never" }).permit).rejects.toBeInstanceOf(ModelAsleep);
  await clock.advance(5_000);
  expect(activation.state).toBe("asleep");
  expect(target.commands).toEqual([]);
});

Deno.test("Activation holds requests while nobody answers, each until its own deadline", async () => {
  const { clock, activation, request } = world((target) => {
    target.look = () => Promise.reject(new Error("no route to host"));
  });
  await clock.advance(60_000);
  expect(activation.state).toBe("unknown");
  const { permit } = request();
  await clock.advance(119_000);
  expect(activation.demand.pending).toBe(1);
  await clock.advance(1_000);
  await expect(permit).rejects.toBeInstanceOf(ClusterUnreachable);
});

Deno.test("Activation takes over an engine that is up already, and lets it sleep when unused", async () => {
  const { clock, target, activation } = world();
  target.scaleOutside(1);
  await clock.advance(5_000);
  expect(activation.state).toBe("idle");
  await clock.advance(61_000);
  expect(activation.state).toBe("asleep");
});

Deno.test("Activation holds a request again whose endpoint refused it", async () => {
  const { clock, target, activation, request } = world();
  const permit = await advanced(clock, request().permit);
  target.weather = { ...target.weather, newsMs: () => 1_000 };
  permit.refused();
  permit[Symbol.dispose]();
  expect(activation.state).toBe("waking");
  const again = request();
  await clock.advance(500);
  expect(activation.demand.pending).toBe(1);
  await clock.advance(2_000);
  expect((await again.permit).endpoint).toBe("http://pod");
  expect(target.commands).toEqual(["wake"]);
});

Deno.test("Activation.update() disables a model: waiters are told, it sleeps once drained", async () => {
  const { clock, target, activation, request } = world();
  const permit = await advanced(clock, request().permit);
  activation.update({ ...POLICY, enabled: false }, LIMITS);
  await expect(request().permit).rejects.toThrow("disabled");
  expect(activation.state).toBe("active");
  permit[Symbol.dispose]();
  await clock.advance(3_000);
  expect(target.commands).toEqual(["wake", "sleep"]);
  expect(activation.state).toBe("asleep");
});

Deno.test("Activation.update() serves those who wait for a slot when there are more", async () => {
  const { clock, activation, request } = world();
  await advanced(clock, request().permit);
  activation.update(POLICY, { ...LIMITS, inFlightMax: 1 });
  const { permit } = request();
  expect(activation.demand).toEqual({ pending: 1, inFlight: 1 });
  activation.update(POLICY, { ...LIMITS, inFlightMax: 2 });
  expect(activation.demand).toEqual({ pending: 0, inFlight: 2 });
  await permit;
});

Deno.test("Activation sends to the endpoints of the latest news, also within one state", async () => {
  const { clock, activation, request } = world((target) => {
    const { subscribe } = target;
    target.subscribe = (observer) => {
      subscribe.call(target, observer);
      target.suspect = () =>
        observer.saw({ workload: { phase: "ready", endpoints: ["http://other"] }, asOf: 9 });
    };
  });
  const permit = await advanced(clock, request().permit);
  expect(permit.endpoint).toBe("http://pod");
  permit.refused();
  expect(activation.state).toBe("active");
  expect((await request().permit).endpoint).toBe("http://other");
});

Deno.test("Activation.retire() serves who waits and is in flight, then closes its target", async () => {
  const { clock, activation, request } = world();
  const { permit } = request();
  let closed = false;
  activation.retire().then(() => closed = true);
  (await advanced(clock, permit) as Permit)[Symbol.dispose]();
  await settle();
  expect(closed).toBe(true);
});

// The last waiter's refusal ended its demand, which closed the target gently before the kill came to it.
Deno.test("Activation.close() kills a retired model's target, though somebody still waited", async () => {
  const { clock, target, activation, request } = world();
  const { permit } = request();
  await clock.advance(100);
  const retired = activation.retire();
  await activation.close("kill");
  expect(target.closed).toBe("kill");
  await expect(permit).rejects.toBeInstanceOf(Draining);
  await retired;
});

Deno.test("Activation.close() gives up what it is just asking", async () => {
  const { clock, activation } = world();
  await clock.advance(1);
  expect([activation.state, clock.timers]).toEqual(["unknown", 2]);
  await activation.close();
  await settle();
  expect(clock.timers).toBe(0);
});

for (const state of ["asleep", "active"] as const) {
  // One that was up gave permits to a target that had gone; one that slept let them wait for ever.
  Deno.test(`Activation refuses who comes after it was closed ${state}`, async () => {
    const { clock, activation, request } = world();
    if (state === "active") await advanced(clock, request().permit);
    await clock.advance(100);
    expect(activation.state).toBe(state);
    await activation.close();
    await expect(request().permit).rejects.toBeInstanceOf(Draining);
    await activation.retire();
    expect(clock.timers).toBe(0);
  });
}

Deno.test("Activation has no timer when asleep, nor one for each request when warm", async () => {
  const { clock, request } = world();
  await clock.advance(1_000);
  expect(clock.timers).toBe(0);
  (await advanced(clock, request().permit))[Symbol.dispose]();
  for (let i = 0; i < 100; i++) (await advanced(clock, request().permit, 1))[Symbol.dispose]();
  expect(clock.timers).toBeLessThanOrEqual(2);
});

Deno.test("Activation tells every change of state with its reason, and not every request", async () => {
  const { clock, request, changes } = world();
  for (let i = 0; i < 3; i++) (await advanced(clock, request().permit))[Symbol.dispose]();
  await clock.advance(90_000);
  expect(changes().map((line) => line.replace(/(after|up)=[\d.]+s /g, ""))).toEqual([
    'info waking was=unknown reason="found at zero, and a request waits"',
    "info active was=waking reason=ready",
    'info idle was=active reason="last answer ended"',
    'info stopping was=idle reason="quiet for 60 s"',
    'info asleep was=stopping reason="quiet for 60 s" served=3',
  ]);
});

Deno.test("Activation that is never put to sleep does not tell every request either", async () => {
  // Its idle state never measures, and was told at once: two lines a request.
  const { clock, activation, request, changes } = world();
  activation.update({ ...POLICY, idleTimeoutMs: Infinity }, LIMITS);
  for (let i = 0; i < 5; i++) {
    (await advanced(clock, request().permit))[Symbol.dispose]();
    await clock.advance(100_000);
  }
  expect(changes().map((line) => line.split(" ")[1])).toEqual(["waking", "active"]);
});

/** What `permit` comes to within `ms` of virtual time. */
async function advanced(
  clock: VirtualClock,
  permit: Promise<Permit>,
  ms = 3_000,
): Promise<Permit> {
  await clock.advance(ms);
  return await permit;
}

// It said `model_unavailable` and `x-should-retry: false`: clients gave up on a model that only was slow.
Deno.test("Activation whose wake took too long says so, and what it was doing", async () => {
  const { clock, target, request, changes } = world((target, clock) => {
    target.weather = { ...FAIR_WEATHER, stepMs: () => 1_000_000 };
    const { subscribe } = target;
    target.subscribe = (observer) => {
      subscribe.call(target, observer);
      clock.timer(20_000, () => observer.progressed({ phase: "loading", detail: "pod a" }, 9));
    };
  });
  const { permit } = request();
  await clock.advance(POLICY.coldStartTimeoutMs + 1_000);
  const error = await permit.catch((error: unknown) => error);
  expect(error).toBeInstanceOf(ColdStartTimeout);
  expect((error as Error).message).toMatch(/within 120 s .*loading for 100 s: pod a/);
  expect(target.commands).toEqual(["wake", "sleep"]);
  expect(changes().join("\n")).toMatch(/phases.*loading 100\.\ds/);
});
