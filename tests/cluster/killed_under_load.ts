/** Gateways that are killed under load: only what they carried fails, what is used stays up, and what is not sleeps soon. */
import { expect } from "expect";
import { replicasOf, startGateway } from "../../src/testing/cluster_gateway.ts";
import { test, TestNamespace } from "../../src/testing/control_plane.ts";
import { eventually } from "../../src/testing/eventually.ts";
import { type GatewayProcess, UNDER_TEST } from "../../src/testing/gateway_process.ts";
import { ReplicaRecord } from "../../src/testing/replica_record.ts";
import { SteadyClient } from "../../src/testing/steady_client.ts";
import { TcpBalancer } from "../../src/testing/tcp_balancer.ts";

const IDLE_TIMEOUT_MS = 1_000;
const LEASE_MS = 60_000;
/** For the expulsion, the agreement and a busy machine. */
const MARGIN_MS = 15_000;

/** `warm` and `long` are always in use; `cold` is quiet for longer than its idle timeout now and then. */
const PAUSES_MS = {
  warm: () => 10,
  long: () => 10,
  cold: () => 200 + 3 * IDLE_TIMEOUT_MS * Math.random(),
};
type Model = keyof typeof PAUSES_MS;
const MODELS = Object.keys(PAUSES_MS) as Model[];
const CLIENTS: readonly Model[] = ["warm", "warm", "warm", "warm", "long", "cold", "cold"];

interface Kill {
  /** Where the gateway had been listening: that process and no other. */
  readonly url: string;
  readonly atMs: number;
}

/** Two gateways behind a balancer, three models, and clients that never stop. */
class Load implements AsyncDisposable {
  readonly kills: Kill[] = [];

  private constructor(
    readonly namespace: TestNamespace,
    readonly replicas: ReplicaRecord,
    readonly gateways: readonly GatewayProcess[],
    readonly balancer: TcpBalancer,
    readonly clients: readonly SteadyClient[],
    readonly stack: AsyncDisposableStack,
  ) {}

  static async begin(): Promise<Load> {
    await using stack = new AsyncDisposableStack();
    const namespace = stack.use(await TestNamespace.create());
    const quick = { "bed/load": "300ms", "bed/token-gap": "100ms" };
    const tokens: Record<Model, string> = { warm: "10", long: "60", cold: "3" };
    for (const model of MODELS) {
      await namespace.deployment(model, { ...quick, "bed/tokens": tokens[model] });
    }
    const replicas = stack.use(new ReplicaRecord(namespace));
    const settings = `idleTimeout: ${IDLE_TIMEOUT_MS}ms`;
    const gateways = await Promise.all(
      ["gateway-0", "gateway-1"].map((POD_NAME) =>
        startGateway(namespace, Object.fromEntries(MODELS.map((model) => [model, settings])), {
          // A container that is started again is the same pod.
          command: { ...UNDER_TEST, env: { POD_NAME } },
        })
      ),
    );
    for (const gateway of gateways) stack.use(gateway);
    const balancer = stack.use(new TcpBalancer(gateways));
    await eventually(() => balancer.readyCount === 2);
    const { url } = balancer;
    const clients = CLIENTS.map((model) =>
      new SteadyClient({ url, model, pauseMs: PAUSES_MS[model] })
    );
    return new Load(namespace, replicas, gateways, balancer, clients, stack.move());
  }

  asked(model: Model): number {
    return this.clients.filter(({ options }) => options.model === model)
      .reduce((sum, { asked }) => sum + asked, 0);
  }

  /** Until each model has been asked some times more. */
  async goesOn(): Promise<void> {
    const before = new Map(MODELS.map((model) => [model, this.asked(model)]));
    const more: Record<Model, number> = { warm: 20, long: 1, cold: 4 };
    await eventually(
      () => MODELS.every((model) => this.asked(model) >= before.get(model)! + more[model]),
      60_000,
    );
  }

  /** While it carries something. */
  async kill(gateway: GatewayProcess): Promise<void> {
    const { url } = gateway;
    await eventually(() => this.balancer.openTo(url) >= 2);
    const atMs = performance.now();
    await gateway.stop("SIGKILL");
    this.kills.push({ url, atMs });
  }

  /** What failed and should not have: it was not on its way through a gateway when that was killed. */
  get unforgiven(): string[] {
    return this.clients.flatMap(({ failed }) => failed).filter(({ port, failedMs }) =>
      !this.kills.some(({ url, atMs }) => failedMs >= atMs && this.balancer.routeOf(port) === url)
    ).map(({ model, port, received }) => `${model} from ${port}: ${received}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack[Symbol.asyncDispose]();
  }
}

test("gateways are killed under load: only what they carried fails, what is used stays up, the rest sleeps when a Lease is out", async () => {
  await using load = await Load.begin();
  const { namespace, replicas, gateways, balancer, clients } = load;
  const [first, second] = gateways as [GatewayProcess, GatewayProcess];
  await load.goesOn();
  await load.kill(first);
  await load.goesOn();
  await first.run();
  await eventually(() => balancer.readyCount === 2);
  // It has its Lease again: nobody waits for the one before it.
  const zeros = replicas.zeros("cold");
  await eventually(() => replicas.zeros("cold") > zeros, 30_000);
  await load.goesOn();
  await load.kill(second);
  await load.goesOn();
  // Whoever uses a model keeps it up; so does whoever did and cannot say any more.
  expect([replicas.zeros("warm"), replicas.zeros("long")]).toEqual([0, 0]);
  await Promise.all(clients.map((client) => client.end()));

  const failed = clients.reduce((sum, client) => sum + client.failed.length, 0);
  const asked = MODELS.map((model) => `${load.asked(model)} of ${model}`).join(", ");
  console.log(`    ${asked}; ${failed} went with the gateways that carried them`);
  expect(load.unforgiven).toEqual([]);
  expect(failed).toBeGreaterThan(0);

  const endMs = performance.now();
  const killedMs = load.kills.at(-1)!.atMs;
  const dueMs = Math.max(killedMs + LEASE_MS, endMs) + IDLE_TIMEOUT_MS + MARGIN_MS;
  await eventually(
    async () =>
      (await Promise.all(MODELS.map((model) => replicasOf(namespace, model))))
        .every((count) => count === 0),
    dueMs - endMs,
  );
  const since = (ms: number) => `${((performance.now() - ms) / 1000).toFixed(1)} s`;
  console.log(`    all at zero ${since(killedMs)} after the kill, ${since(endMs)} after the load`);
});
