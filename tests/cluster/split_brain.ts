/** A gateway that is cut off from the API server: it serves what it knows, sleeps nothing, and is waited for until its Lease is out. */
import { expect } from "expect";
import { type StartedEngine, startEngine } from "../../src/engine/start.ts";
import { podsOf, replicasOf, startGateway } from "../../src/testing/cluster_gateway.ts";
import { test, TestNamespace } from "../../src/testing/control_plane.ts";
import { CutLine } from "../../src/testing/cut_line.ts";
import { eventually } from "../../src/testing/eventually.ts";
import { engineModel, type GatewayProcess, UNDER_TEST } from "../../src/testing/gateway_process.ts";
import { RecordingProxy } from "../../src/testing/recording_proxy.ts";
import { ReplicaRecord } from "../../src/testing/replica_record.ts";
import { createAccount, EVERYTHING } from "../../src/testing/service_account.ts";
import { SteadyClient } from "../../src/testing/steady_client.ts";

/** A minute, and a moment for whoever expels it. */
const LEASE_MAX_MS = 75_000;
/** For what begins when the line is mended: watches wait up to some 15 s before they try. */
const RECOVERY_MS = 40_000;

const MODELS = { used: "idleTimeout: 5s", left: "idleTimeout: 5s" };

interface Lease {
  readonly metadata: { readonly uid: string; readonly annotations: Record<string, string> };
}

/** Gateways `a`, whose line to the API server can be cut, and `b`; both models are up, and used at `a` only. */
class Split implements AsyncDisposable {
  private constructor(
    readonly namespace: TestNamespace,
    readonly replicas: ReplicaRecord,
    readonly line: CutLine,
    /** Between the line and the API server: what `a` did there, and when it was done. */
    readonly passed: RecordingProxy,
    readonly a: GatewayProcess,
    readonly b: GatewayProcess,
    /** Of the model `used`. */
    readonly engine: StartedEngine,
    readonly stack: AsyncDisposableStack,
  ) {}

  static async begin(): Promise<Split> {
    await using stack = new AsyncDisposableStack();
    const namespace = stack.use(await TestNamespace.create());
    const engines = await Promise.all(
      Object.keys(MODELS).map((name) => startEngine({ models: [name], tokensPerSecond: 20 })),
    );
    for (const engine of engines) stack.use(engine);
    for (const [i, name] of Object.keys(MODELS).entries()) {
      await namespace.deployment(name, { "bed/forward": new URL(engines[i]!.url).host });
    }
    const replicas = stack.use(new ReplicaRecord(namespace));
    const token = await createAccount(namespace, "gateway", EVERYTHING);
    const passed = stack.use(await RecordingProxy.start(token));
    const line = stack.use(await CutLine.to(passed.kubeconfig));
    const start = async (identity: string, settings: { readonly kubeconfig?: string }) =>
      stack.use(
        await startGateway(namespace, MODELS, {
          ...settings,
          more: engineModel("local", "", "idleTimeout: 5s"),
          command: { ...UNDER_TEST, env: { POD_NAME: identity } },
        }),
      );
    const [a, b] = [await start("a", { kubeconfig: line.kubeconfig }), await start("b", {})];
    const [engine] = engines as [StartedEngine, StartedEngine];
    return new Split(namespace, replicas, line, passed, a, b, engine, stack.move());
  }

  async leaseOfA(): Promise<Lease | undefined> {
    const leases = await this.namespace.list("/apis/coordination.k8s.io/v1", "leases");
    return leases.find(({ metadata }) => metadata.name === "vllm-autoscaler-a");
  }

  /** What the Lease of `a` says of its use of a model. */
  async claimOfA(model: string): Promise<unknown> {
    const claims = JSON.parse(
      (await this.leaseOfA())?.metadata.annotations["vllm-autoscaler/claims"] ?? "{}",
    );
    return Object.entries(claims).find(([key]) => key.endsWith(`/${model}`))?.[1];
  }

  /** Its states since it was first active. */
  statesOfA(model: string): string[] {
    const states = this.a.states(model);
    return states.slice(states.indexOf("active"));
  }

  /** What `a` wrote to Deployments. */
  get writesOfA(): string[] {
    return this.passed.writes.filter((right) => right.includes("deployments"));
  }

  /** `used` is in use at `a`, `left` was and is not any more, and the others know: then the line may be cut. */
  async untilKnown(): Promise<SteadyClient> {
    const { a, b } = this;
    const steady = new SteadyClient({ url: a.url, model: "used", pauseMs: () => 10 });
    await stream(a, "left");
    await eventually(async () => await this.claimOfA("used") === "in use");
    await eventually(async () => typeof await this.claimOfA("left") === "number");
    await Promise.all(["used", "left"].map((model) => b.until(model, "idle")));
    return steady;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack[Symbol.asyncDispose]();
  }
}

/** A whole one, or an error. */
async function stream(gateway: GatewayProcess, model: string): Promise<void> {
  const response = await gateway.chat(model, { stream: true });
  const text = await response.text();
  if (response.status !== 200 || !text.trimEnd().endsWith("data: [DONE]")) {
    throw new Error(`${response.status}: ${text.slice(-500)}`);
  }
}

test("a gateway in a black hole serves what it knows and sleeps nothing; others wait for its Lease, then for its traffic", async () => {
  await using split = await Split.begin();
  const { namespace, replicas, line, a, b, engine } = split;
  const steady = await split.untilKnown();
  const before = await split.leaseOfA();
  line.fallSilent();
  const asked = steady.asked;
  const writes = split.writesOfA.length;

  // To `b` both are quiet. Of `used` the Lease says otherwise; `left` may sleep when `a` agrees, and it cannot.
  await b.until("left", "stopping");
  await stream(a, "left");
  expect([b.states("left").at(-1), b.states("used").at(-1)]).toEqual(["stopping", "idle"]);
  await eventually(async () => !await split.leaseOfA(), LEASE_MAX_MS);
  expect([replicas.zeros("left"), replicas.zeros("used")]).toEqual([0, 0]);

  // Nothing but the engines tells now that both are used, and were.
  await eventually(() => b.lines.some(({ msg }) => msg.startsWith("a gateway is gone")));
  const scrapes = () => engine.requests.filter(({ target }) => target === "/metrics").length;
  const scraped = scrapes();
  await eventually(() => replicas.zeros("left") === 1, 30_000);
  await eventually(() => scrapes() >= scraped + 3, 30_000);
  expect(b.states("left").filter((state) => state === "stopping").length).toBeGreaterThan(1);
  expect([replicas.zeros("used"), b.states("used").includes("stopping")]).toEqual([0, false]);

  await steady.end();
  console.log(`    ${steady.asked - asked} streams while it was cut off`);
  expect(steady.asked - asked).toBeGreaterThan(10);
  expect(steady.failed).toEqual([]);
  await eventually(() => replicas.zeros("used") === 1, 30_000);
  for (const model of ["used", "left"]) {
    expect(split.statesOfA(model)).not.toContain("stopping");
    expect(split.statesOfA(model)).not.toContain("asleep");
  }
  // Not for want of trying: `left` was quiet there for long.
  expect(a.lines.some(({ msg, model }) => model === "left" && msg.endsWith("not put to sleep")))
    .toBe(true);

  await eventually(async () => (await podsOf(namespace, "used")).length === 0);
  // It takes `used` for up still: who asks waits, until it can be woken.
  const waiting = stream(a, "used");
  await a.until("used", "waking", 2);
  line.mend();
  await waiting;
  // It has woken it, and told nothing else: no sleep of its own comes late.
  expect(split.writesOfA.slice(writes)).toEqual(["patch deployments/scale.apps"]);
  await eventually(async () => await split.leaseOfA() !== undefined, RECOVERY_MS);
  expect((await split.leaseOfA())!.metadata.uid).not.toBe(before!.metadata.uid);
  await a.until("left", "asleep", 1, RECOVERY_MS);
  expect(await replicasOf(namespace, "left")).toBe(0);
  await stream(a, "left");
  // And all is as before: it agrees, or is agreed with.
  await eventually(() => replicas.zeros("used") + replicas.zeros("left") === 4, 30_000);
});

test("a gateway that is refused for less than its Lease lasts was never gone", async () => {
  await using split = await Split.begin();
  const { replicas, line, a, b } = split;
  const steady = await split.untilKnown();
  const before = await split.leaseOfA();
  line.refuse();
  await b.until("left", "stopping");
  await stream(a, "left");
  // A process knows no cluster: when it sleeps, the idle timeout of `left` is over as well.
  await stream(a, "local");
  await a.until("local", "asleep");
  expect(a.states("left")).not.toContain("stopping");
  expect(replicas.zeros("left")).toBe(0);
  line.mend();
  await eventually(() => replicas.zeros("left") === 1, RECOVERY_MS);
  await a.until("left", "asleep", 1, RECOVERY_MS);
  await steady.end();
  expect(steady.failed).toEqual([]);
  expect(replicas.zeros("used")).toBe(0);
  expect(b.lines.some(({ msg }) => msg.startsWith("a gateway is gone"))).toBe(false);
  expect((await split.leaseOfA())!.metadata.uid).toBe(before!.metadata.uid);
});
