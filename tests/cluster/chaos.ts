/** The gateway while its control plane is away, slow or cut off: warm traffic flows, nothing sleeps, all resumes. */
import { expect } from "expect";
import { Chaos, FLAKY_KUBECONFIG, test, type Trouble } from "../../src/testing/chaos.ts";
import { answers, replicasOf, startGateway } from "../../src/testing/cluster_gateway.ts";
import { TEST_KUBECONFIG, TestNamespace } from "../../src/testing/control_plane.ts";
import { eventually } from "../../src/testing/eventually.ts";
import { engineModel, type GatewayProcess } from "../../src/testing/gateway_process.ts";

/** For what begins when the cluster is well again: watches wait up to some 15 s before they try. */
const RECOVERY_MS = 40_000;

/** A watch of which nothing is heard for so long is given up. */
const SILENCE_MS = 200_000;

const QUICK = { "bed/load": "100ms", "bed/tokens": "2" };

/**
 * A gateway with a model that is up and never stops, one that is up and will be idle, and some at zero;
 * `local` is a process and knows no cluster: when it falls asleep, an idle timeout has passed.
 */
class Scene implements AsyncDisposable {
  private constructor(
    readonly namespace: TestNamespace,
    readonly chaos: Chaos,
    readonly gateway: GatewayProcess,
    readonly stack: AsyncDisposableStack,
  ) {}

  static async begin(kubeconfig: string, trouble?: Trouble): Promise<Scene> {
    await using stack = new AsyncDisposableStack();
    const namespace = stack.use(await TestNamespace.create());
    // Healed before the namespace is deleted.
    const chaos = stack.use(new Chaos());
    await namespace.deployment("kept", { ...QUICK, "bed/tokens": "400" });
    for (const name of ["up", "cold", "other", "taken"]) await namespace.deployment(name, QUICK);
    if (trouble) await chaos.cause(trouble);
    const gateway = stack.use(
      await startGateway(namespace, {
        ...{ kept: "idleTimeout: never", up: "idleTimeout: 2s", cold: "idleTimeout: 2s" },
        ...{ other: "idleTimeout: 10m", taken: "idleTimeout: 10m" },
      }, { kubeconfig, more: engineModel("local", "", "idleTimeout: 2s") }),
    );
    return new Scene(namespace, chaos, gateway, stack.move());
  }

  /** `up` has been idle for so long that it would have been put to sleep, if `local` was, twice. */
  async idleTimeoutsPass(): Promise<void> {
    for (let i = 0; i < 2; i++) {
      const before = this.gateway.states("local").filter((state) => state === "asleep").length;
      expect(await answers(this.gateway, "local")).toBe(true);
      await this.gateway.until("local", "asleep", before + 1, RECOVERY_MS);
    }
  }

  /** A wake, a stream and a sleep. */
  async worksAgain(): Promise<void> {
    const { namespace, gateway } = this;
    await eventually(async () => await replicasOf(namespace, "cold") === 0, RECOVERY_MS);
    const response = await gateway.chat("cold", { stream: true });
    expect((await response.text()).trimEnd()).toMatch(/data: \[DONE\]$/);
    await eventually(() => gateway.states("cold").at(-1) === "asleep", RECOVERY_MS);
    expect(await replicasOf(namespace, "cold")).toBe(0);
  }

  /** A stream of some seconds; what comes back waits for its end, and is true if it was whole. */
  async stream(): Promise<() => Promise<boolean>> {
    const response = await this.gateway.chat("kept", { stream: true });
    expect(response.status).toBe(200);
    const whole = response.text().then((text) => text.trimEnd().endsWith("data: [DONE]"));
    whole.catch(() => {});
    return () => whole;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack[Symbol.asyncDispose]();
  }
}

const AWAY: [string, Trouble[], "direct" | "flaky"][] = [
  ["stopped", ["apiserver-kill"], "direct"],
  ["frozen", ["apiserver-freeze"], "direct"],
  ["refusing connections", ["refuse", "reset"], "flaky"],
  ["in a black hole", ["blackhole"], "flaky"],
  ["without its etcd", ["etcd-stop"], "direct"],
];

for (const [how, troubles, via] of AWAY) {
  test(`an API server ${how}: warm traffic flows, nothing sleeps, who is cold waits, all resumes`, async () => {
    await using scene = await Scene.begin(via === "flaky" ? FLAKY_KUBECONFIG : TEST_KUBECONFIG!);
    const { namespace, gateway, chaos } = scene;
    const ended = await scene.stream();
    await Promise.all(["up", "taken"].map((model) => answers(gateway, model)));
    for (const trouble of troubles) await chaos.cause(trouble);
    let isServed = false;
    answers(gateway, "cold").then((served) => isServed = served, () => {});
    if (via === "flaky") {
      await namespace.scale("other", 1);
      await namespace.scale("taken", 0);
    }
    const warm = Promise.all(Array.from({ length: 100 }, () => answers(gateway, "kept")));
    await scene.idleTimeoutsPass();
    expect(new Set(await warm)).toEqual(new Set([true]));
    const states = gateway.states("up");
    expect(states.slice(states.indexOf("active"))).not.toContain("stopping");
    expect([isServed, await answers(gateway, "up")]).toEqual([false, true]);
    await chaos.heal();
    expect(await ended()).toBe(true);
    if (via === "direct") await chaos.restartTheRest();
    await eventually(() => isServed, RECOVERY_MS);
    if (via === "flaky") {
      await eventually(() => gateway.states("other").at(-1) === "idle", RECOVERY_MS);
      await eventually(() => gateway.states("taken").at(-1) === "asleep", RECOVERY_MS);
      expect(await replicasOf(namespace, "taken")).toBe(0);
    }
    await gateway.until("up", "stopping", 1, RECOVERY_MS);
    await scene.worksAgain();
  });
}

const BLOWS: [string, Trouble][] = [
  ["restarts", "apiserver-restart"],
  ["resets every connection", "reset"],
  ["has forgotten where the watches were", "gone"],
];

for (const [what, trouble] of BLOWS) {
  test(`an API server that ${what}: streams go on, news comes again, all works`, async () => {
    await using scene = await Scene.begin(FLAKY_KUBECONFIG);
    const { namespace, gateway, chaos } = scene;
    const ended = await scene.stream();
    await chaos.cause(trouble);
    expect(await ended()).toBe(true);
    if (trouble !== "reset") await chaos.restartTheRest();
    await namespace.scale("other", 1);
    await eventually(() => gateway.states("other").at(-1) === "idle", RECOVERY_MS);
    await namespace.scale("other", 0);
    await eventually(() => gateway.states("other").at(-1) === "asleep", RECOVERY_MS);
    await scene.worksAgain();
  });
}

test("connections that have fallen silent for ever are given up, and all works", async () => {
  await using scene = await Scene.begin(FLAKY_KUBECONFIG);
  const { namespace, gateway, chaos } = scene;
  await answers(gateway, "up");
  await chaos.cause("halfopen");
  expect(await answers(gateway, "cold")).toBe(true);
  await namespace.scale("other", 1);
  await eventually(() => gateway.states("other").at(-1) === "idle", SILENCE_MS);
  await scene.worksAgain();
});

const SLOW: [string, Trouble][] = [
  ["answers two seconds late", "latency 1000"],
  ["trickles", "rate 5000"],
];

for (const [what, trouble] of SLOW) {
  test(`an API server that ${what}: a gateway starts, wakes, streams and puts to sleep`, async () => {
    await using scene = await Scene.begin(FLAKY_KUBECONFIG, trouble);
    const { gateway, namespace } = scene;
    const ended = await scene.stream();
    expect(await answers(gateway, "up")).toBe(true);
    const warm = await Promise.all(Array.from({ length: 100 }, () => answers(gateway, "kept")));
    expect(new Set(warm)).toEqual(new Set([true]));
    await eventually(async () => await replicasOf(namespace, "up") === 0, RECOVERY_MS);
    await scene.worksAgain();
    expect(await ended()).toBe(true);
  });
}
