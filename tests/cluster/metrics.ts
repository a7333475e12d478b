/** What a gateway in front of a real control plane tells Prometheus of it. */
import { expect } from "expect";
import { startGateway } from "../../src/testing/cluster_gateway.ts";
import { test, TestNamespace } from "../../src/testing/control_plane.ts";
import { parseExposition } from "../../src/testing/exposition.ts";

test("the metrics of a Deployment that was woken: its state, the phases of its wake, the calls it took", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m", { "bed/load": "1s" });
  await using gateway = await startGateway(namespace, { m: "idleTimeout: 10m" }, {
    server: "operator: 127.0.0.1:0",
  });
  await (await gateway.chat("m")).text();
  const families = parseExposition(await (await fetch(`${gateway.operatorUrl}/metrics`)).text());
  const of = (name: string) => families.get(`vllm_autoscaler_${name}`)!.samples;
  expect(of("model_state").filter(({ value }) => value === 1).map(({ labels }) => labels.state))
    .toEqual([expect.stringMatching(/^(active|idle)$/)]);
  const phases = of("cold_start_phase_seconds").filter(({ name }) => name.endsWith("_sum"));
  expect(phases.map(({ labels }) => labels.phase)).toEqual(
    expect.arrayContaining(["scheduling", "loading"]),
  );
  const calls = of("kubernetes_requests_total").map(({ labels }) =>
    `${labels.verb} ${labels.code}`
  );
  expect(calls).toEqual(expect.arrayContaining(["list 200", "watch 200", "patch 200"]));
  expect(of("watch_last_event_timestamp_seconds").map(({ labels }) => labels.kind))
    .toEqual(expect.arrayContaining(["deployments", "endpointslices", "pods"]));
});
