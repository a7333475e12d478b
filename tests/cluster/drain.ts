/** A gateway that stops while requests wait for a Deployment: each is answered, or told in time, and nothing is left. */
import { expect } from "expect";
import { replicasOf, startGateway } from "../../src/testing/cluster_gateway.ts";
import { test, TestNamespace } from "../../src/testing/control_plane.ts";
import { eventually } from "../../src/testing/eventually.ts";

const COORDINATION = "/apis/coordination.k8s.io/v1";

test("who waits for a Deployment goes on waiting through a drain, and is answered", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m", { "bed/load": "700ms" });
  await using gateway = await startGateway(namespace, { m: "" });
  const answer = gateway.chat("m", { stream: true });
  await gateway.until("m", "waking");
  gateway.signal("SIGTERM");
  const text = await (await answer).text();
  expect(text.trimEnd()).toMatch(/data: \[DONE\]$/);
  expect((await gateway.status).code).toBe(0);
  // It is another gateway's now.
  expect(await replicasOf(namespace, "m")).toBe(1);
  expect(await namespace.list(COORDINATION, "leases")).toEqual([]);
});

test("who still waits for a Deployment when drainTimeout is over is told, also in a stream that has begun", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m", { "bed/load": "1h" });
  await using gateway = await startGateway(namespace, {
    m: "earlyHeadersAfter: 200ms, keepAliveInterval: 100ms",
  });
  const whole = gateway.chat("m");
  const stream = await gateway.chat("m", { stream: true });
  expect(stream.status).toBe(200);
  gateway.signal("SIGTERM");
  const response = await whole;
  expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
  expect((await response.json()).error.code).toBe("draining");
  expect(await stream.text()).toMatch(
    /"message":"The gateway is stopping[^\n]*\n\ndata: \[DONE\]\n\n$/,
  );
  expect((await gateway.status).code).toBe(0);
});

test("a gateway that drains holds on to what it uses until its last stream has ended, and then lets go", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m", {
    ...{ "bed/load": "100ms", "bed/tokens": "60", "bed/token-gap": "25ms" },
  });
  await using gateway = await startGateway(namespace, { m: "" });
  const stream = await gateway.chat("m", { stream: true });
  gateway.signal("SIGTERM");
  await eventually(() => gateway.lines.some(({ msg }) => msg === "draining"));
  let text = "";
  let held: unknown[] = [];
  for await (const chunk of stream.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    // Half of it has come.
    if (held.length > 0 || text.split("data: ").length < 30) continue;
    held = (await namespace.list(COORDINATION, "leases"))
      .map(({ metadata }) => metadata.annotations["vllm-autoscaler/claims"]);
  }
  expect(held).toEqual([expect.stringMatching(/deployments\/m": *"in use"/)]);
  expect(text.trimEnd()).toMatch(/data: \[DONE\]$/);
  expect((await gateway.status).code).toBe(0);
  expect(await namespace.list(COORDINATION, "leases")).toEqual([]);
  expect(await replicasOf(namespace, "m")).toBe(1);
});
