/** In place of the Go program: its flags, its environment, no config file, on a real control plane. */
import { expect } from "expect";
import { replicasOf } from "../../src/testing/cluster_gateway.ts";
import { test, TEST_KUBECONFIG, TestNamespace } from "../../src/testing/control_plane.ts";
import { eventually } from "../../src/testing/eventually.ts";
import { GatewayProcess } from "../../src/testing/gateway_process.ts";

const cluster = { KUBECONFIG: TEST_KUBECONFIG ?? "" };

test("flags alone: any model's name wakes the one Deployment, streams, and it sleeps again", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m", { "bed/load": "300ms" });
  await using gateway = await GatewayProcess.serve([
    ...["--namespace", namespace.name, "--deployment", "m"],
    ...["--target-host", "m", "--target-port", "80", "--idle-timeout", "2s", "--port", "0"],
  ], { ...cluster, VLLM_PORT: "tcp://10.96.0.7:80" });
  const url = gateway.url.replace("0.0.0.0", "127.0.0.1");
  const get = async (path: string) => {
    const response = await fetch(url + path);
    return [response.status, await response.text()] as const;
  };
  // Nothing that only looks wakes it.
  const [asleep, words] = await get("/v1/models");
  expect([asleep, JSON.parse(words).error.code]).toEqual([503, "model_asleep"]);
  expect(await replicasOf(namespace, "m")).toBe(0);

  for (const model of ["meta/anything", "something-else"]) {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model, stream: true, messages: [{ role: "user", content: "Hello" }] }),
    });
    expect(response.status).toBe(200);
    expect((await response.text()).trimEnd()).toMatch(/data: \[DONE\]$/);
  }
  // Up, it shows what its engine says, and still not the engine's remote control.
  expect((await get("/v1/models"))[0]).toBe(200);
  expect((await get("/sleep"))[0]).toBe(404);
  await eventually(async () => await replicasOf(namespace, "m") === 0, 20_000);
  await gateway.stop("SIGINT");
});

test("environment alone, with a fixed address in front of the pods", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m", { "bed/load": "100ms" });
  const { spec } = await namespace.get("/api/v1", "services", "m");
  await using gateway = await GatewayProcess.serve(["--port", "0"], {
    ...cluster,
    ...{ VLLM_NAMESPACE: namespace.name, VLLM_DEPLOYMENT: "m", IDLE_TIMEOUT: "2s" },
    ...{ VLLM_TARGET: spec.clusterIP, VLLM_PORT: "80" },
  });
  const url = gateway.url.replace("0.0.0.0", "127.0.0.1");
  for (const _ of [1, 2]) {
    const response = await fetch(`${url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ prompt: "Hello" }),
    });
    expect([response.status, await response.text()]).toEqual([200, expect.anything()]);
    await eventually(async () => await replicasOf(namespace, "m") === 0, 20_000);
  }
  await gateway.stop("SIGINT");
});
