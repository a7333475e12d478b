/** Two gateways in front of one Deployment, on a real control plane: what one uses the other leaves alone. */
import { expect } from "expect";
import { replicasOf, startGateway } from "../../src/testing/cluster_gateway.ts";
import { test, TestNamespace } from "../../src/testing/control_plane.ts";
import { eventually } from "../../src/testing/eventually.ts";
import type { GatewayProcess } from "../../src/testing/gateway_process.ts";

const COORDINATION = "/apis/coordination.k8s.io/v1";

function startTwo(
  namespace: TestNamespace,
  settings: string,
): Promise<[GatewayProcess, GatewayProcess]> {
  const start = () => startGateway(namespace, { m: settings });
  return Promise.all([start(), start()]);
}

// deno-lint-ignore no-explicit-any
const leasesOf = (namespace: TestNamespace): Promise<any[]> =>
  namespace.list(COORDINATION, "leases");

async function endTwo(gateways: readonly GatewayProcess[]): Promise<void> {
  for (const gateway of gateways) await gateway[Symbol.asyncDispose]();
}

test("two gateways wake a Deployment once, and put it to sleep when both are quiet, by agreement", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m", { "bed/load": "300ms" });
  const gateways = await startTwo(namespace, "idleTimeout: 2s");
  const [a, b] = gateways;
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => gateways[i % 2]!.chat("m")),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  await Promise.all(answers.map((answer) => answer.text()));
  expect((await namespace.get("/apis/apps/v1", "deployments", "m")).metadata.generation).toBe(2);
  await eventually(async () => await replicasOf(namespace, "m") === 0, 20_000);
  await eventually(
    () => gateways.every((gateway) => gateway.states("m").at(-1) === "asleep"),
    10_000,
  );
  // One announced it, the other agreed.
  const leases = await leasesOf(namespace);
  expect(leases.map(({ metadata }) => metadata.annotations["vllm-autoscaler/acks"]).sort())
    .toEqual(["{}", expect.stringMatching(/deployments\/m/)].sort());
  // And again, by either.
  expect((await b.chat("m")).status).toBe(200);
  expect((await a.chat("m")).headers.get("x-cold-start-ms")).toBe(null);
  await endTwo(gateways);
  expect(await leasesOf(namespace)).toEqual([]);
});

test("a model that one gateway uses is not put to sleep by the other, for however long", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m", {
    ...{ "bed/load": "100ms", "bed/tokens": "80", "bed/token-gap": "100ms" },
  });
  // Longer than this process may be kept from looking, once the answer has ended.
  const gateways = await startTwo(namespace, "idleTimeout: 3s");
  const [a, b] = gateways;
  const stream = await a.chat("m", { stream: true });
  await b.until("m", "idle");
  const text = await stream.text();
  expect(text.trimEnd()).toMatch(/data: \[DONE\]$/);
  expect(a.states("m")).not.toContain("stopping");
  // Before it was up it may have looked anew: two of one host's name agree on who is called so.
  const states = b.states("m");
  expect(states.slice(states.indexOf("idle"))).not.toContain("asleep");
  await eventually(async () => await replicasOf(namespace, "m") === 0, 20_000);
  await endTwo(gateways);
});

test("requests at either gateway at every moment of a sleep are all answered, and none reaches a dying pod", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m", { "bed/load": "100ms" });
  const gateways = await startTwo(namespace, "idleTimeout: 300ms");
  const failed: string[] = [];
  let asked = 0;
  const client = async (gateway: GatewayProcess, pauses: readonly number[]) => {
    for (const pauseMs of pauses) {
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      const response = await gateway.chat("m", { stream: true });
      const text = await response.text();
      asked++;
      if (response.status !== 200 || !text.trimEnd().endsWith("data: [DONE]")) failed.push(text);
    }
  };
  // About the idle timeout, so that many come just when it is announced, agreed to or told.
  const pauses = Array.from({ length: 30 }, (_, i) => 250 + 10 * (i % 30));
  await Promise.all(
    gateways.map((gateway, i) => client(gateway, i ? pauses : pauses.toReversed())),
  );
  expect([asked, failed]).toEqual([60, []]);
  await eventually(async () => await replicasOf(namespace, "m") === 0, 20_000);
  await endTwo(gateways);
});

test("a gateway that is killed is waited for until its Lease is out, and not longer", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m", { "bed/load": "100ms" });
  const gateways = await startTwo(namespace, "idleTimeout: 1s");
  const [a, b] = gateways;
  expect((await a.chat("m")).status).toBe(200);
  await b.until("m", "idle");
  await a.stop("SIGKILL");
  // It could be serving somebody still, for all that is known: its Lease goes first.
  await eventually(async () => await replicasOf(namespace, "m") === 0, 120_000);
  expect(await leasesOf(namespace)).toHaveLength(1);
  await endTwo(gateways);
});
