/** What is noted on a workload, by two gateways in front of one Deployment in virtual time. */
import { expect } from "expect";
import { GatewayGroup, MINUTE, PATH } from "../../testing/gateway_group.ts";

Deno.test("a pin holds for every gateway, and for one that starts later", async () => {
  await using pair = await GatewayGroup.create();
  const { world: { clock }, models: [a, b] } = pair;
  expect(await pair.outcome(a!.steering.pin(30 * MINUTE))).toBe("done");
  await clock.advance(10_000);
  expect([pair.states, pair.replicas]).toEqual([["idle", "idle"], 1]);
  expect(b!.pinnedUntilMs).toBeGreaterThan(29 * MINUTE);
  await a!.close();
  const c = pair.start().find("m")!;
  await clock.advance(20 * MINUTE);
  expect([pair.states.slice(1), pair.replicas]).toEqual([["idle", "idle"], 1]);
  expect(await pair.outcome(c.steering.sleep("now"))).toMatch(/it is pinned: unpin it first$/);
  await clock.advance(10 * MINUTE);
  expect([pair.states.slice(1), pair.replicas]).toEqual([["asleep", "asleep"], 0]);
});

Deno.test("a pin that is taken back is so for every gateway", async () => {
  await using pair = await GatewayGroup.create();
  const { world: { clock }, models: [a, b] } = pair;
  await pair.outcome(a!.steering.pin(60 * MINUTE));
  await clock.advance(10 * MINUTE);
  expect(await pair.outcome(b!.steering.pin(0))).toBe("done");
  await clock.advance(MINUTE);
  expect([pair.states, pair.replicas]).toEqual([["asleep", "asleep"], 0]);
});

// Whoever announces has read the workload before; a pin since then must not be overtaken by its zero.
Deno.test("a pin wins over a sleep that is announced, at whatever call it comes", async () => {
  let zeros = 0;
  for (let at = 1; at <= 12; at++) {
    await using pair = await GatewayGroup.create();
    const { world: { clock }, models: [a, b], sides } = pair;
    (await pair.admit(a!))[Symbol.dispose]();
    await clock.advance(4 * MINUTE + 55_000);
    let pinned: Promise<string> | undefined;
    let calls = 0;
    for (const { weather } of sides) {
      weather.onDone = () => {
        if (++calls === at) pinned = b!.steering.pin(60 * MINUTE).then(() => "done", String);
      };
    }
    await clock.advance(2 * MINUTE);
    if (!pinned) continue;
    expect([at, await pinned, pair.replicas]).toEqual([at, "done", 1]);
    expect(pair.states).toEqual(["idle", "idle"]);
    if (a!.details.sinceMs > 5 * MINUTE) zeros++;
  }
  // It came before, in between and after: what was told already is woken again.
  expect(zeros).toBeGreaterThan(0);
});

Deno.test("GPU time is written at changes only, by one of the gateways, and is the same for all", async () => {
  await using pair = await GatewayGroup.create({ gpus: 4 });
  const { world: { clock, server }, models: [a, b] } = pair;
  const notes = () =>
    server.calls.filter(({ path, body }) =>
      path.endsWith("/status") && "vllm-autoscaler/gpu-time" in body.metadata.annotations
    ).length;
  await clock.advance(MINUTE);
  const before = notes();
  (await pair.admit(a!))[Symbol.dispose]();
  await clock.advance(20 * MINUTE);
  expect(pair.states).toEqual(["asleep", "asleep"]);
  await clock.advance(60 * MINUTE);
  // One for the wake, one for the sleep; the other gateway may have been as fast.
  expect(notes() - before).toBeGreaterThanOrEqual(2);
  expect(notes() - before).toBeLessThanOrEqual(4);
  const [first, second] = [a!, b!].map(({ target }) => target.details.gpuTime!);
  expect(first).toEqual(second);
  const { count, total: { up, freed } } = first!;
  expect(count).toBe(4);
  // Five minutes and the start.
  expect(up / 4).toBeGreaterThan(300);
  expect(up / 4).toBeLessThan(320);
  expect(Math.abs((up + freed) / 4 - clock.nowMs() / 1_000)).toBeLessThan(10);
  // A gateway that starts later reads it.
  const late = pair.start().find("m")!;
  await clock.advance(5_000);
  expect(late.target.details.gpuTime!.total.up).toBe(up);
});

// A scrape between the change and its being written down had counted on: Prometheus takes less for a restart.
Deno.test("the counters of GPU time never go back, whatever is written when", async () => {
  await using pair = await GatewayGroup.create({ gpus: 4, spec: { idleTimeoutMs: 10_000 } });
  const { world: { clock }, models: [a] } = pair;
  let before = { up: 0, freed: 0 };
  let ups = 0;
  for (let n = 0; n < 400; n++) {
    if (n % 40 === 5) (await pair.admit(a!))[Symbol.dispose]();
    await clock.advance(700);
    const now = a!.target.details.gpuTotal ?? before;
    expect([now.up >= before.up, now.freed >= before.freed]).toEqual([true, true]);
    if (now.up > before.up) ups++;
    before = now;
  }
  expect(ups).toBeGreaterThan(20);
});

// 933 refused calls an hour for each model, and each of them in the way of a wake.
Deno.test("GPU time that may not be written is tried again after a while, and said once", async () => {
  await using pair = await GatewayGroup.create({ gpus: 4, gateways: 1 });
  const { world: { clock, server } } = pair;
  server.intercept = ({ method, path }) =>
    method === "PATCH" && path.endsWith("/status")
      ? Response.json({ kind: "Status", code: 403, reason: "Forbidden", message: "no" }, {
        status: 403,
      })
      : undefined;
  const tries = () => server.calls.filter(({ path }) => path.endsWith("/status")).length;
  for (let n = 0; n < 60; n++) {
    pair.world.cluster.changed("m");
    await clock.advance(MINUTE);
  }
  // Three calls each time, since a refusal is believed after three.
  expect(tries()).toBeGreaterThan(3);
  expect(tries()).toBeLessThan(30);
});

// An operator that owns the Deployment wrote its own annotations over ours, 5,813 times an hour.
Deno.test("GPU time that somebody takes away is not written again and again", async () => {
  await using pair = await GatewayGroup.create({ gpus: 4, gateways: 1 });
  const { world: { clock, server } } = pair;
  const writes = () => server.calls.filter(({ path }) => path.endsWith("/status")).length;
  for (let n = 0; n < 120; n++) {
    await clock.advance(30_000);
    const object = server.get(PATH);
    const { "vllm-autoscaler/gpu-time": _, ...annotations } = object.metadata.annotations ?? {};
    server.put(PATH, { ...object, metadata: { ...object.metadata, annotations } });
  }
  expect(writes()).toBeGreaterThan(1);
  expect(writes()).toBeLessThan(12);
});

Deno.test("GPUs that a template no longer asks for are not counted any more", async () => {
  await using pair = await GatewayGroup.create({ gpus: 4, gateways: 1 });
  const { world: { clock }, models: [a] } = pair;
  (await pair.admit(a!))[Symbol.dispose]();
  await clock.advance(3_000);
  pair.ask(0);
  await clock.advance(3_000);
  const { up, freed } = a!.target.details.gpuTotal!;
  await clock.advance(20 * MINUTE);
  expect(a!.target.details.gpuTotal).toMatchObject({ up, freed });
});

Deno.test("a model without GPUs has no GPU time, and nothing is written for it", async () => {
  await using pair = await GatewayGroup.create();
  const { world: { clock, server }, models: [a] } = pair;
  (await pair.admit(a!))[Symbol.dispose]();
  await clock.advance(10 * MINUTE);
  expect(a!.target.details.gpuTime).toBe(undefined);
  expect(JSON.stringify(server.get(PATH).metadata.annotations)).not.toContain("gpu-time");
});
