/** The gateway as a process in front of Deployments, on a real control plane. */
import { expect } from "expect";
import { test, TEST_KUBECONFIG, TestNamespace } from "../../src/testing/control_plane.ts";
import { eventually } from "../../src/testing/eventually.ts";
import { GatewayProcess } from "../../src/testing/gateway_process.ts";

const APPS = "/apis/apps/v1";

/** A gateway for Deployments of `namespace` with these settings. */
function start(namespace: TestNamespace, models: Record<string, string>): Promise<GatewayProcess> {
  const yaml = Object.entries(models).map(([name, settings]) =>
    `  ${name}: { deployment: ${namespace.name}/${name}${settings && `, ${settings}`} }\n`
  );
  const routes = `kubernetes: { kubeconfig: ${TEST_KUBECONFIG} }\n`;
  return GatewayProcess.start(yaml.join(""), { routes });
}

async function replicasOf(namespace: TestNamespace, name: string): Promise<number> {
  return (await namespace.get(APPS, "deployments", name)).spec.replicas;
}

test("a Deployment at zero is woken for 50 requests, streams, and goes back to zero", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m", { "bed/load": "500ms" });
  await using gateway = await start(namespace, { m: "idleTimeout: 2s" });
  const answers = await Promise.all(Array.from({ length: 50 }, async () => {
    const response = await gateway.chat("m", { stream: true });
    return [response.status, (await response.text()).trimEnd().endsWith("data: [DONE]")].join();
  }));
  expect(new Set(answers)).toEqual(new Set(["200,true"]));
  await eventually(async () => await replicasOf(namespace, "m") === 0, 20_000);
  await eventually(() => gateway.states("m").at(-1) === "asleep");
  // The first look may come before the first request, or after it.
  const states = gateway.states("m").join(" ").replace(/^asleep /, "");
  expect(states).toBe("waking active idle stopping asleep");
});

test("a Deployment goes back to the replicas that it had, and its pods share the requests", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m", { "bed/load": "100ms" }, 2);
  await using gateway = await start(namespace, { m: "idleTimeout: 2s" });
  await gateway.until("m", "asleep", 1);
  expect(await replicasOf(namespace, "m")).toBe(0);
  expect((await gateway.chat("m")).status).toBe(200);
  expect(await replicasOf(namespace, "m")).toBe(2);
});

test("somebody else's scaling is followed, up and down", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m", { "bed/load": "100ms" });
  await using gateway = await start(namespace, { m: "idleTimeout: 10m" });
  await gateway.until("m", "asleep", 1);
  await namespace.scale("m", 1);
  await gateway.until("m", "idle", 1);
  expect((await gateway.chat("m")).headers.get("x-cold-start-ms")).toBe(null);
  await namespace.scale("m", 3);
  await eventually(async () =>
    (await namespace.get(APPS, "deployments", "m")).status.readyReplicas === 3
  );
  expect(await replicasOf(namespace, "m")).toBe(3);
  await namespace.scale("m", 0);
  await gateway.until("m", "asleep", 2);
  expect((await gateway.chat("m")).status).toBe(200);
});
