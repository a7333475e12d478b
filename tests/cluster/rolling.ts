/** Gateways that are replaced one after another under load: nobody's request fails. */
import { expect } from "expect";
import { replicasOf } from "../../src/testing/cluster_gateway.ts";
import { test, TEST_KUBECONFIG, TestNamespace } from "../../src/testing/control_plane.ts";
import { eventually } from "../../src/testing/eventually.ts";
import { GatewayProcess } from "../../src/testing/gateway_process.ts";
import { TcpBalancer } from "../../src/testing/tcp_balancer.ts";

/** How many gateways are replaced: in the suite, and for a measurement with `$ROLLING_UPDATES`. */
const UPDATES = Number(Deno.env.get("ROLLING_UPDATES") ?? 10);

function start({ name }: TestNamespace): Promise<GatewayProcess> {
  return GatewayProcess.start(
    `  warm: { deployment: warm, idleTimeout: 10m }\n` +
      `  cold: { deployment: cold, idleTimeout: 300ms }\n`,
    {
      routes: `kubernetes: { kubeconfig: ${TEST_KUBECONFIG}, namespace: ${name} }\n`,
      server: "shutdownDelay: 300ms\ndrainTimeout: 20s",
    },
  );
}

/** Asks again and again, on a connection of its own each time, until told to end. */
class Client {
  asked = 0;
  readonly failed: string[] = [];
  #isOver = false;
  readonly #asking: Promise<void>;

  constructor(readonly url: string, readonly model: string, readonly pauseMs: () => number) {
    this.#asking = this.#run();
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#asking;
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
      try {
        const response = await fetch(`${this.url}/v1/chat/completions`, {
          ...{ method: "POST", client, headers: { "content-type": "application/json" } },
          body: JSON.stringify({ model: this.model, messages: [], stream: true }),
        });
        const text = await response.text();
        if (response.status !== 200 || !text.trimEnd().endsWith("data: [DONE]")) {
          this.failed.push(`${this.model}: ${response.status} ${text.slice(-200)}`);
        }
      } catch (error) {
        this.failed.push(`${this.model}: ${error}`);
      }
      this.asked++;
      await new Promise((resolve) => setTimeout(resolve, this.pauseMs()));
    }
  }
}

test(`${UPDATES} gateways are replaced under load, and no request fails`, async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("warm", {
    ...{ "bed/load": "100ms", "bed/tokens": "10", "bed/token-gap": "100ms" },
  });
  await namespace.deployment("cold", { "bed/load": "500ms" });
  await using stack = new AsyncDisposableStack();
  const gateways = await Promise.all([1, 2].map(() => start(namespace)));
  for (const gateway of gateways) stack.use(gateway);
  const balancer = stack.use(new TcpBalancer(gateways));
  await eventually(() => balancer.readyCount === 2);
  const clients = [
    ...Array.from({ length: 4 }, () => new Client(balancer.url, "warm", () => 10)),
    ...Array.from(
      { length: 2 },
      () => new Client(balancer.url, "cold", () => 200 + 600 * Math.random()),
    ),
  ];
  for (let i = 0; i < UPDATES; i++) {
    const gateway = gateways[i % 2]!;
    gateway.signal("SIGTERM");
    expect((await gateway.status).code).toBe(0);
    await gateway.run();
    await eventually(() => balancer.readyCount === 2);
  }
  for (const client of clients) await client.end();
  expect(clients.flatMap(({ failed }) => failed)).toEqual([]);
  const asked = (model: string) =>
    clients.filter((client) => client.model === model).reduce((sum, { asked }) => sum + asked, 0);
  console.log(`    ${asked("warm")} streams and ${asked("cold")} requests that may have to wake`);
  expect(asked("warm")).toBeGreaterThan(4 * UPDATES);
  expect(asked("cold")).toBeGreaterThan(UPDATES);
  await eventually(async () => await replicasOf(namespace, "cold") === 0, 20_000);
});
