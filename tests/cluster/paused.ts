/** A gateway process that is paused for longer than its Lease lasts, on a real control plane: it sends nothing on old news. */
import { expect } from "expect";
import { replicasOf, startGateway } from "../../src/testing/cluster_gateway.ts";
import { test, TestNamespace } from "../../src/testing/control_plane.ts";
import { eventually } from "../../src/testing/eventually.ts";

test("a gateway that was paused while another put its model to sleep holds the next request and wakes it", async () => {
  await using namespace = await TestNamespace.create();
  // A pod that is told to end goes on serving: who sends to it by mistake gets an answer, and wakes nothing.
  await namespace.deployment("m", { "bed/load": "200ms", "bed/hang": "true" });
  await using paused = await startGateway(namespace, { m: "idleTimeout: 3s" });
  await using other = await startGateway(namespace, { m: "idleTimeout: 3s" });
  expect((await paused.chat("m")).status).toBe(200);
  await paused.until("m", "idle");
  await other.until("m", "idle");
  paused.signal("SIGSTOP");
  try {
    // It is waited for until its Lease is out: for all that is known it may be serving.
    await eventually(async () => await replicasOf(namespace, "m") === 0, 120_000);
  } finally {
    paused.signal("SIGCONT");
  }
  // As it left off, its gate is open; whether it sends or not is decided before it has heard of anything.
  const response = await paused.chat("m", { stream: true });
  expect([response.status, response.headers.get("x-cold-start-ms")])
    .toEqual([200, expect.stringMatching(/^\d+$/)]);
  expect((await response.text()).trimEnd()).toMatch(/data: \[DONE\]$/);
  expect(paused.lines.map(({ msg }) => msg)).toContain("the gateway's Lease was taken away");
  await paused.until("m", "idle", 2);
  const seen = paused.states("m");
  expect(seen.slice(seen.lastIndexOf("unknown"))).toEqual(["unknown", "waking", "active", "idle"]);
});
