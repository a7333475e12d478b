/** Over a real activation in virtual time. */
import { expect } from "expect";
import { Activator } from "../activator/activator.ts";
import { silentLog as log } from "../telemetry/log.ts";
import { FakeTarget } from "../testing/fake_target.ts";
import { FakeTracer } from "../testing/fake_tracer.ts";
import { modelSpec } from "../testing/requests.ts";
import { VirtualClock } from "../testing/virtual_clock.ts";
import { WakeTraces } from "./wake_traces.ts";

async function world() {
  const clock = new VirtualClock();
  const target = new FakeTarget(clock);
  const tracer = new FakeTracer();
  const traces = new WakeTraces(tracer, clock);
  const activator = new Activator({
    ...{ clock, log, createTarget: () => target },
    onChange: (...change) => traces.changed(...change),
  });
  activator.add(modelSpec("m", { idleTimeoutMs: 60_000 }));
  await clock.advance(1_000);
  const activation = activator.find("m")!;
  const wait = () => {
    const span = tracer.start("wait", { kind: "internal", parent: undefined, attributes: {} });
    return { fake: tracer.spans.at(-1)!, waiting: traces.waiting("m", span) };
  };
  return { clock, target, tracer, traces, activation, wait };
}

Deno.test("WakeTraces tells of a wake what took how long, by the clock on the wall", async () => {
  const { clock, target, tracer, activation } = await world();
  const beganMs = clock.wallMs();
  activation.steering.wake();
  await clock.advance(500);
  target.observer!.progressed({ phase: "loading", detail: "pod m-0: loads" }, Infinity);
  await clock.advance(10_000);
  const [wake, ...others] = tracer.named("wake");
  expect(others).toEqual([]);
  expect(wake).toMatchObject({ ended: true, failure: undefined, parent: undefined });
  expect(wake!.attributes).toEqual({
    "vllm_autoscaler.model": "m",
    "vllm_autoscaler.reason": "a request came",
    "vllm_autoscaler.outcome": "ready",
  });
  expect(wake!.events).toEqual([
    { name: "scheduling", detail: "it was asked for", wallMs: beganMs },
    { name: "loading", detail: "pod m-0: loads", wallMs: beganMs + 500 },
  ]);
});

Deno.test("WakeTraces links a wait to the wake under way, and to each that begins while it lasts", async () => {
  const { clock, target, tracer, activation, wait } = await world();
  const before = wait();
  activation.steering.wake();
  const during = wait();
  await clock.advance(10_000);
  before.waiting[Symbol.dispose]();
  target.scaleOutside(0);
  await clock.advance(1_000);
  activation.steering.wake();
  await clock.advance(10_000);
  const wakes = tracer.named("wake").map(({ spanId }) => spanId);
  expect(wakes.length).toBeGreaterThan(1);
  expect(before.fake.links).toEqual(wakes.slice(0, 1));
  expect(during.fake.links).toEqual(wakes);
  expect(wait().fake.links).toEqual([]);
});

Deno.test("WakeTraces says why a wake failed", async () => {
  const { clock, target, tracer, activation } = await world();
  target.weather = { ...target.weather, cannotWake: () => true };
  activation.steering.wake();
  await clock.advance(5_000);
  const [wake] = tracer.named("wake");
  expect(wake).toMatchObject({ ended: true, failure: "exit 1" });
  expect(wake!.attributes).toMatchObject({
    ...{ "vllm_autoscaler.outcome": "failed", "error.type": "crashed" },
  });
});

Deno.test("WakeTraces.close() ends what is under way, once", async () => {
  const { clock, tracer, traces, activation } = await world();
  activation.steering.wake();
  traces.close();
  traces.close();
  await clock.advance(10_000);
  const [wake, ...others] = tracer.named("wake");
  expect(wake).toMatchObject({ ended: true });
  expect(wake!.attributes["vllm_autoscaler.outcome"]).toBe("abandoned");
  expect(others).toEqual([]);
});
