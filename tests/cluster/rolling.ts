/** Gateways that are replaced one after another under load: nobody's request fails. */
import { expect } from "expect";
import { replicasOf } from "../../src/testing/cluster_gateway.ts";
import { test, TEST_KUBECONFIG, TestNamespace } from "../../src/testing/control_plane.ts";
import { eventually } from "../../src/testing/eventually.ts";
import { GatewayProcess } from "../../src/testing/gateway_process.ts";
import { SteadyClient } from "../../src/testing/steady_client.ts";
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
  const { url } = balancer;
  const pauses = { warm: () => 10, cold: () => 200 + 600 * Math.random() };
  const clients = (["warm", "warm", "warm", "warm", "cold", "cold"] as const)
    .map((model) => new SteadyClient({ url, model, pauseMs: pauses[model] }));
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
    clients.filter(({ options }) => options.model === model).reduce(
      (sum, { asked }) => sum + asked,
      0,
    );
  console.log(`    ${asked("warm")} streams and ${asked("cold")} requests that may have to wake`);
  expect(asked("warm")).toBeGreaterThan(4 * UPDATES);
  expect(asked("cold")).toBeGreaterThan(UPDATES);
  await eventually(async () => await replicasOf(namespace, "cold") === 0, 20_000);
});
