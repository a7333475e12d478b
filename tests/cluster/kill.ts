/**
 * A gateway that is killed at any moment: only its writes change the cluster, so each is a moment before
 * and one after it. What it leaves is found by the next one, which stops what nobody uses and nothing else.
 */
import { expect } from "expect";
import { answers, podsOf, replicasOf, startGateway } from "../../src/testing/cluster_gateway.ts";
import { test, TestNamespace } from "../../src/testing/control_plane.ts";
import { eventually } from "../../src/testing/eventually.ts";
import type { GatewayProcess, LogLine } from "../../src/testing/gateway_process.ts";
import { RecordingProxy } from "../../src/testing/recording_proxy.ts";
import { createAccount, EVERYTHING } from "../../src/testing/service_account.ts";
import { StandInPod } from "../../src/testing/stand_in_pod.ts";

const REPLICAS = 2;

/** What a gateway writes while a model goes to zero, is woken by a request and goes to zero again. */
const WRITES = [
  "patch deployments/status.apps",
  "patch deployments/scale.apps",
  "patch deployments/scale.apps",
  "patch deployments/status.apps",
  "patch deployments/scale.apps",
];
const WHAT = [
  ...["announcing that it goes to zero", "going to zero", "waking"],
  ...["announcing it again", "going to zero again"],
];

/** True where the model is up, or told to be, once that write was done. */
const UP_AFTER = [true, false, true, true, false];

// A container that is started again is the same pod.
Deno.env.set("POD_NAME", "gateway-0");

/** One model whose pods are the test's own, and its gateway behind a proxy. */
class Life implements AsyncDisposable {
  private constructor(
    readonly namespace: TestNamespace,
    readonly pod: StandInPod,
    readonly proxy: RecordingProxy,
    readonly gateway: GatewayProcess,
    readonly stack: AsyncDisposableStack,
  ) {}

  static async begin(): Promise<Life> {
    await using stack = new AsyncDisposableStack();
    const namespace = stack.use(await TestNamespace.create());
    const pod = stack.use(new StandInPod());
    const proxy = stack.use(
      await RecordingProxy.start(await createAccount(namespace, "gateway", EVERYTHING)),
    );
    await namespace.deployment("m", { "bed/forward": pod.address }, REPLICAS);
    await eventually(async () =>
      (await podsOf(namespace, "m")).filter(({ status }) => status.phase === "Running").length ===
        REPLICAS
    );
    const gateway = stack.use(
      await startGateway(namespace, { m: "idleTimeout: 1s" }, { kubeconfig: proxy.kubeconfig }),
    );
    return new Life(namespace, pod, proxy, gateway, stack.move());
  }

  /** To zero, to a request, and to zero. */
  async run(): Promise<void> {
    await this.gateway.until("m", "asleep", 1);
    // Whoever waits when the gateway is killed is told by the connection.
    await answers(this.gateway, "m").catch(() => {});
    await this.gateway.until("m", "asleep", 2);
  }

  /** Lives until the write of this number, and is killed before it is passed on, or once it was done. */
  async killedAt(number: number, moment: "before" | "after"): Promise<void> {
    let done = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.proxy.onWrite = async ({ status, right }, when) => {
      if (!right.includes("deployments")) return true;
      // A conflict changed nothing: it is written again.
      if (when === "after" && status >= 300) return true;
      const isIt = done === number && when === moment;
      if (when === "after") done++;
      if (!isIt) return true;
      await this.gateway.stop("SIGKILL");
      this.proxy.onWrite = () => Promise.resolve(true);
      resolve();
      return false;
    };
    const late = this.run().then(() => Promise.reject(new Error(`only ${done} writes`)));
    late.catch(() => {});
    await Promise.race([promise, late]);
  }

  /** Starts the next gateway; what it says. */
  async again(): Promise<() => LogLine[]> {
    const before = this.gateway.lines.length;
    await this.gateway.run();
    return () => this.gateway.lines.slice(before).filter(({ model }) => model === "m");
  }

  async isAtRest(): Promise<boolean> {
    return await replicasOf(this.namespace, "m") === 0 &&
      (await podsOf(this.namespace, "m")).length === 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack[Symbol.asyncDispose]();
  }
}

async function nobodyAsks(number: number, moment: "before" | "after"): Promise<void> {
  await using life = await Life.begin();
  await life.killedAt(number, moment);
  const said = await life.again();
  await eventually(() => life.isAtRest(), 20_000);
  await eventually(() => said().at(-1)?.msg === "asleep");
  // What it had before is not forgotten.
  expect(await answers(life.gateway, "m")).toBe(true);
  expect(await replicasOf(life.namespace, "m")).toBe(REPLICAS);
}

async function somebodyUsesIt(number: number, moment: "before" | "after"): Promise<void> {
  await using life = await Life.begin();
  const { namespace, pod, gateway } = life;
  await life.killedAt(number, moment);
  pod.running = 1;
  const isUp = UP_AFTER[moment === "after" ? number : number - 1] ?? true;
  const uids = async () =>
    (await podsOf(namespace, "m")).map(({ metadata }) => metadata.uid).sort();
  const before = await uids();
  const said = await life.again();
  const response = await gateway.chat("m");
  await response.body?.cancel();
  expect(response.status).toBe(200);
  const { scrapes } = pod;
  // Each idle timeout asks its pods at least once.
  await eventually(() => pod.scrapes >= scrapes + 3 * REPLICAS, 30_000);
  expect(said().map(({ msg }) => msg)).not.toContain("stopping");
  expect(await replicasOf(namespace, "m")).toBe(REPLICAS);
  if (isUp && number !== 2) expect(await uids()).toEqual(before);
  pod.running = 0;
  await eventually(() => life.isAtRest(), 20_000);
}

test("a model that goes to zero, is woken and goes to zero again takes these writes", async () => {
  await using life = await Life.begin();
  await life.run();
  expect(life.proxy.writes.filter((right) => right.includes("deployments"))).toEqual(WRITES);
});

for (const [number, what] of WHAT.entries()) {
  for (const moment of ["before", "after"] as const) {
    test(`killed ${moment} ${what}: what nobody uses stops, what somebody uses does not`, async () => {
      await Promise.all([nobodyAsks(number, moment), somebodyUsesIt(number, moment)]);
    });
  }
}
