/** What is noted on a workload, by two gateways in front of one Deployment in virtual time. */
import { expect } from "expect";
import { Activation } from "../../activator/activation.ts";
import { silentLog as log } from "../../telemetry/log.ts";
import { type GatewaySide, KubernetesWorld } from "../../testing/kubernetes_world.ts";
import { VirtualCluster } from "../../testing/virtual_cluster.ts";

const MINUTE = 60_000;
const POLICY = {
  ...{ idleTimeoutMs: 5 * MINUTE, coldStartTimeoutMs: 10 * MINUTE, retryAfterMaxMs: MINUTE },
  enabled: true,
};
const LIMITS = { pendingMax: 64, inFlightMax: 0, pendingTimeoutMs: MINUTE };
const PATH = VirtualCluster.pathOf("m");

class Pair implements AsyncDisposable {
  readonly world = new KubernetesWorld();
  readonly sides: GatewaySide[] = [];
  readonly activations: Activation[] = [];

  static async create(gpus?: number): Promise<Pair> {
    const pair = new Pair();
    const { cluster, server, clock } = pair.world;
    cluster.create("m");
    if (gpus) {
      const object = server.get(PATH);
      const resources = { limits: { "nvidia.com/gpu": String(gpus) } };
      const template = { spec: { containers: [{ resources }] } };
      server.put(PATH, { ...object, spec: { ...object.spec, template } });
    }
    await clock.advance(1_000);
    pair.start();
    pair.start();
    await clock.advance(3_000);
    return pair;
  }

  start(): Activation {
    const side = this.world.gateway();
    const { clock } = this.world;
    const activation = new Activation({
      ...{ model: "m", target: side.target("m"), policy: POLICY, limits: LIMITS, clock, log },
    });
    this.sides.push(side);
    this.activations.push(activation);
    return activation;
  }

  async admit(activation: Activation) {
    const { signal } = new AbortController();
    const asked = Promise.resolve(activation.admit({ signal }));
    await this.world.clock.advance(10_000);
    return await asked;
  }

  /** How it ended, once that is known. */
  async outcome(asked: Promise<void>): Promise<string> {
    let outcome = "";
    asked.then(() => outcome = "done", (error: Error) => outcome = error.message);
    await this.world.until(() => outcome !== "");
    return outcome;
  }

  get states(): string[] {
    return this.activations.map(({ state }) => state);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const activation of this.activations) await activation.close();
    for (const { kubernetes } of this.sides) await this.world.over(kubernetes.close());
    this.world.close();
  }
}

Deno.test("a pin holds for every gateway, and for one that starts later", async () => {
  await using pair = await Pair.create();
  const { world: { clock, cluster }, activations: [a, b] } = pair;
  expect(await pair.outcome(a!.steering.pin(30 * MINUTE))).toBe("done");
  await clock.advance(10_000);
  expect([pair.states, cluster.replicas("m")]).toEqual([["idle", "idle"], 1]);
  expect(b!.pinnedUntilMs).toBeGreaterThan(29 * MINUTE);
  await a!.close();
  const c = pair.start();
  await clock.advance(20 * MINUTE);
  expect([pair.states.slice(1), cluster.replicas("m")]).toEqual([["idle", "idle"], 1]);
  expect(await pair.outcome(c.steering.sleep("now"))).toMatch(/it is pinned: unpin it first$/);
  await clock.advance(10 * MINUTE);
  expect([pair.states.slice(1), cluster.replicas("m")]).toEqual([["asleep", "asleep"], 0]);
});

Deno.test("a pin that is taken back is so for every gateway", async () => {
  await using pair = await Pair.create();
  const { world: { clock, cluster }, activations: [a, b] } = pair;
  await pair.outcome(a!.steering.pin(60 * MINUTE));
  await clock.advance(10 * MINUTE);
  expect(await pair.outcome(b!.steering.pin(0))).toBe("done");
  await clock.advance(MINUTE);
  expect([pair.states, cluster.replicas("m")]).toEqual([["asleep", "asleep"], 0]);
});

// Whoever announces has read the workload before; a pin since then must not be overtaken by its zero.
Deno.test("a pin wins over a sleep that is announced, at whatever call it comes", async () => {
  let zeros = 0;
  for (let at = 1; at <= 12; at++) {
    await using pair = await Pair.create();
    const { world: { clock, cluster }, activations: [a, b], sides } = pair;
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
    expect([at, await pinned, cluster.replicas("m")]).toEqual([at, "done", 1]);
    expect(pair.states).toEqual(["idle", "idle"]);
    if (a!.details.sinceMs > 5 * MINUTE) zeros++;
  }
  // It came before, in between and after: what was told already is woken again.
  expect(zeros).toBeGreaterThan(0);
});

Deno.test("what another gateway uses is not put to sleep for being asked, and is for insisting, at its last byte", async () => {
  await using pair = await Pair.create();
  const { world: { clock, cluster }, activations: [a, b] } = pair;
  const permit = await pair.admit(b!);
  expect(await pair.outcome(a!.steering.sleep("now"))).toBe(
    "Model 'm' is not put to sleep: another gateway uses it",
  );
  await clock.advance(1_000);
  expect([pair.states, cluster.replicas("m")]).toEqual([["idle", "active"], 1]);
  expect(await pair.outcome(a!.steering.sleep("force"))).toBe("done");
  await clock.advance(30_000);
  expect([pair.states, cluster.replicas("m")]).toEqual([["stopping", "stopping"], 1]);
  // Held at the other as well, it wakes it again.
  const { signal } = new AbortController();
  const waiting = Promise.resolve(b!.admit({ signal }));
  permit[Symbol.dispose]();
  await clock.advance(10_000);
  (await waiting)[Symbol.dispose]();
  // Also the one that put it to sleep knows that it is up again.
  expect(pair.states).toEqual(["idle", "idle"]);
  const { calls } = pair.world.server;
  const written = calls.filter(({ path }) => path.endsWith("/scale")).map(({ body }) =>
    body.spec.replicas
  );
  expect(written).toEqual([1, 0, 1]);
});

Deno.test("a model that was used lately elsewhere is put to sleep when somebody asks", async () => {
  await using pair = await Pair.create();
  const { world: { clock, cluster }, activations: [a, b] } = pair;
  (await pair.admit(b!))[Symbol.dispose]();
  await clock.advance(2_000);
  expect(await pair.outcome(a!.steering.sleep("now"))).toBe("done");
  await clock.advance(5_000);
  expect([pair.states, cluster.replicas("m")]).toEqual([["asleep", "asleep"], 0]);
});

Deno.test("GPU time is written at changes only, by one of the gateways, and is the same for all", async () => {
  await using pair = await Pair.create(4);
  const { world: { clock, server }, activations: [a, b] } = pair;
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
  const late = pair.start();
  await clock.advance(5_000);
  expect(late.target.details.gpuTime!.total.up).toBe(up);
});

Deno.test("a model without GPUs has no GPU time, and nothing is written for it", async () => {
  await using pair = await Pair.create();
  const { world: { clock, server }, activations: [a] } = pair;
  (await pair.admit(a!))[Symbol.dispose]();
  await clock.advance(10 * MINUTE);
  expect(a!.target.details.gpuTime).toBe(undefined);
  expect(JSON.stringify(server.get(PATH).metadata.annotations)).not.toContain("gpu-time");
});
