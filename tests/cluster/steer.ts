/** What operators do with a model in front of two gateways, on a real control plane: pin, sleep, force; GPU time. */
import { expect } from "expect";
import { patch, replicasOf, startGateway } from "../../src/testing/cluster_gateway.ts";
import { test, TestNamespace } from "../../src/testing/control_plane.ts";
import { eventually } from "../../src/testing/eventually.ts";
import type { GatewayProcess } from "../../src/testing/gateway_process.ts";

const APPS = "/apis/apps/v1";
const SERVER = "operator: 127.0.0.1:0";

const start = (namespace: TestNamespace, settings: string) =>
  startGateway(namespace, { m: settings }, { server: SERVER });

/** The status, and what it says. */
async function steer(gateway: GatewayProcess, verb: string): Promise<[number, string]> {
  const response = await fetch(`${gateway.operatorUrl}/api/models/m/${verb}`, {
    ...{ method: "POST", headers: { "content-type": "application/json" } },
  });
  const { error, state } = await response.json();
  return [response.status, error?.message ?? state];
}

async function view(gateway: GatewayProcess) {
  return await (await fetch(`${gateway.operatorUrl}/api/models/m`)).json();
}

test("a pin holds for both gateways and outlives the one that was asked", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m", { "bed/load": "100ms" });
  const settings = "idleTimeout: 1s";
  const a = await start(namespace, settings);
  await using b = await start(namespace, settings);
  expect(await steer(a, "pin?for=10m")).toEqual([202, "waking"]);
  await a.until("m", "idle");
  await b.until("m", "idle");
  await a[Symbol.asyncDispose]();
  await using c = await start(namespace, settings);
  await c.until("m", "idle");
  // Its baseline is taken, and its idle timeout is long over.
  const { pinnedUntil, sleepsInSeconds } = await view(c);
  expect(Date.parse(pinnedUntil) - Date.now()).toBeGreaterThan(500_000);
  expect(sleepsInSeconds).toBeGreaterThan(500);
  expect(await steer(c, "sleep")).toEqual([
    ...[409, "Model 'm' is not put to sleep: it is pinned: unpin it first"],
  ]);
  expect(await replicasOf(namespace, "m")).toBe(1);
  expect((await steer(c, "unpin"))[0]).toBe(202);
  await b.until("m", "asleep");
  await c.until("m", "asleep");
  expect(await replicasOf(namespace, "m")).toBe(0);
});

test("a sleep that is asked for at once is vetoed by who serves, and a forced one waits for the last byte", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m", {
    ...{ "bed/load": "100ms", "bed/tokens": "60", "bed/token-gap": "100ms" },
  });
  await using a = await start(namespace, "idleTimeout: 10m");
  await using b = await start(namespace, "idleTimeout: 10m");
  const stream = await b.chat("m", { stream: true });
  await a.until("m", "idle");
  const [status, words] = await steer(a, "sleep");
  expect([status, words]).toEqual([
    409,
    expect.stringMatching(
      /^Model 'm' is not put to sleep: (another gateway keeps it up|traffic around the gateway)$/,
    ),
  ]);
  await a.until("m", "idle", 2);
  expect(await steer(a, "sleep?force=true")).toEqual([202, "stopping"]);
  await b.until("m", "stopping");
  expect(await replicasOf(namespace, "m")).toBe(1);
  // Held at the other one, it wakes it again.
  const held = b.chat("m");
  expect((await stream.text()).trimEnd()).toMatch(/data: \[DONE\]$/);
  const answer = await held;
  expect([answer.status, answer.headers.has("x-cold-start-ms")]).toEqual([200, true]);
  await answer.text();
  await a.until("m", "idle", 3);
  // It was used a moment ago, and is not now.
  await eventually(async () => (await steer(a, "sleep"))[0] === 202, 10_000);
  await eventually(async () => await replicasOf(namespace, "m") === 0, 10_000);
});

test("GPU time is written through /status at changes, and read by a gateway that starts later", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m", { "bed/load": "100ms" });
  const limits = { "nvidia.com/gpu": "2" };
  await patch(namespace, APPS, "deployments/m", [
    { op: "add", path: "/spec/template/spec/containers/0/resources", value: { limits } },
  ]);
  const node = `gpu-${namespace.name}`;
  await namespace.api.call({
    ...{ verb: "create", method: "POST", path: "/api/v1/nodes" },
    body: { metadata: { name: node, annotations: { "bed/node": "nvidia.com/gpu=2" } } },
  });
  try {
    const record = async () => {
      const { metadata } = await namespace.get(APPS, "deployments", "m");
      return JSON.parse(metadata.annotations?.["vllm-autoscaler/gpu-time"] ?? "{}");
    };
    {
      await using a = await start(namespace, "idleTimeout: 2s");
      const answer = await a.chat("m");
      expect([answer.status, await answer.text()]).toEqual([200, expect.any(String)]);
      await eventually(async () => (await record()).held === 2);
      await a.until("m", "asleep");
      await eventually(async () => (await record()).held === 0);
    }
    const { total: [up] } = await record();
    expect(up).toBeGreaterThan(2);
    await using b = await start(namespace, "idleTimeout: 2s");
    await eventually(async () => (await view(b)).gpu !== null);
    const { gpu } = await view(b);
    expect([gpu.count, gpu.week.upSeconds]).toEqual([2, up]);
    expect(gpu.week.freedSeconds).toBeGreaterThan(0);
    const page = await (await fetch(`${b.operatorUrl}/metrics`)).text();
    expect(page).toContain(`vllm_autoscaler_gpu_seconds_total{model="m",state="up"} ${up}\n`);
    expect((await namespace.get(APPS, "deployments", "m")).spec.template.metadata.annotations)
      .not.toHaveProperty("vllm-autoscaler/gpu-time");
  } finally {
    await namespace.api.call({ verb: "delete", method: "DELETE", path: `/api/v1/nodes/${node}` });
  }
});
