/** Why a wake fails, in whose words, and what does not make it fail: on a real control plane. */
import { expect } from "expect";
import { MERGE_PATCH } from "../../src/targets/kubernetes/api.ts";
import { test, TEST_KUBECONFIG, TestNamespace } from "../../src/testing/control_plane.ts";
import { eventually } from "../../src/testing/eventually.ts";
import { GatewayProcess } from "../../src/testing/gateway_process.ts";

const APPS = "/apis/apps/v1";

function start(
  namespace: TestNamespace,
  settings = "",
  target = `deployment: ${namespace.name}/m`,
): Promise<GatewayProcess> {
  const model = `  m: { ${target}${settings && `, ${settings}`} }\n`;
  return GatewayProcess.start(model, {
    routes: `kubernetes: { kubeconfig: ${TEST_KUBECONFIG} }\n`,
  });
}

async function replicasOf(namespace: TestNamespace, plural = "deployments"): Promise<number> {
  return (await namespace.get(APPS, plural, "m")).spec.replicas;
}

async function patch(namespace: TestNamespace, body: unknown): Promise<void> {
  await namespace.api.call({
    ...{ verb: "patch", method: "PATCH", contentType: MERGE_PATCH, body },
    path: `${APPS}/namespaces/${namespace.name}/deployments/m`,
  });
}

/** What a client is told of a wake that fails. */
async function refusal(gateway: GatewayProcess, isTimeout = false): Promise<string> {
  const response = await gateway.chat("m");
  const { error } = await response.json();
  const { headers } = response;
  expect([response.status, error.code]).toEqual([
    503,
    isTimeout ? "cold_start_timeout" : "model_unavailable",
  ]);
  expect([headers.get("x-should-retry"), headers.get("retry-after")]).toEqual(
    isTimeout ? [null, "15"] : ["false", null],
  );
  return error.message;
}

const CANNOT: [string, Record<string, string>, RegExp][] = [
  ["its image cannot be pulled", { "bed/fail": "ImagePullBackOff" }, /cannot pull its image/],
  [
    "it crashes again and again",
    { "bed/fail": "CrashLoopBackOff" },
    /keeps crashing: \S+ with exit code \d+/,
  ],
  ["it is out of memory", { "bed/fail": "OOMKilled" }, /OOMKilled with exit code 137/],
  ["it ends at once without an error", { "bed/fail": "Completed" }, /exit code 0/],
  ["its image has no name", { "bed/fail": "InvalidImageName" }, /cannot use its image/],
  [
    "its configuration is not there",
    { "bed/fail": "CreateContainerConfigError" },
    /container engine of pod m-\S+ cannot be created/,
  ],
  [
    "its volume cannot be mounted",
    { "bed/fail": "FailedMount" },
    /pod m-\S+ cannot mount a volume: MountVolume\.SetUp failed for volume "models"/,
  ],
  ["its node has no room for it", { "bed/fail": "Evicted" }, /failed: Evicted: .*memory/],
];

for (const [what, pod, words] of CANNOT) {
  test(`who waits for a Deployment is told that ${what}, and it goes back to zero`, async () => {
    await using namespace = await TestNamespace.create();
    await namespace.deployment("m", { "bed/load": "60s", ...pod });
    await using gateway = await start(namespace);
    expect(await refusal(gateway)).toMatch(words);
    await eventually(async () => await replicasOf(namespace) === 0);
    // A pod that failed stays for people to look at; it holds nothing.
    await eventually(
      async () =>
        (await namespace.list("/api/v1", "pods")).every(({ status }) => status.phase === "Failed"),
      20_000,
    );
  });
}

const PASSES: [string, Record<string, string>][] = [
  ["an image that is there on the second pull", { "bed/fail": "ImagePullBackOff" }],
  ["one crash", { "bed/fail": "CrashLoopBackOff" }],
];

for (const [what, pod] of PASSES) {
  test(`${what} does not fail a wake`, async () => {
    await using namespace = await TestNamespace.create();
    await namespace.deployment("m", { "bed/load": "500ms", "bed/fail-times": "1", ...pod });
    await using gateway = await start(namespace);
    const response = await gateway.chat("m");
    expect([response.status, await response.text()]).toEqual([200, expect.anything()]);
    expect(gateway.states("m")).not.toContain("failed");
  });
}

test("who asks for a Deployment that does not exist is told so; once it does, it is woken", async () => {
  await using namespace = await TestNamespace.create();
  await using gateway = await start(namespace, "retryAfterMax: 1s");
  expect(await refusal(gateway)).toMatch(/deployment \S+\/m does not exist/);
  await namespace.deployment("m", { "bed/load": "100ms" });
  await eventually(async () => {
    const again = await gateway.chat("m");
    await again.body?.cancel();
    return again.status === 200;
  }, 20_000);
});

test("a quota that has no room is told in its own words, and the model recovers when it has", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.create("/api/v1", "resourcequotas", {
    metadata: { name: "none" },
    spec: { hard: { pods: "0" } },
  });
  await namespace.deployment("m", { "bed/load": "100ms" });
  await using gateway = await start(namespace, "retryAfterMax: 1s");
  expect(await refusal(gateway)).toMatch(/exceeded quota: none/);
  await eventually(async () => await replicasOf(namespace) === 0);
  await namespace.delete("/api/v1", "resourcequotas", "none");
  await eventually(async () => {
    const again = await gateway.chat("m");
    await again.body?.cancel();
    return again.status === 200;
  }, 30_000);
});

test("a service account that is missing is told by name", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m");
  await patch(namespace, { spec: { template: { spec: { serviceAccountName: "nobody" } } } });
  await using gateway = await start(namespace);
  expect(await refusal(gateway)).toMatch(/no pod can be made: .*serviceaccount "nobody" not found/);
});

test("a StatefulSet whose pods are refused is told so from its events", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.create("/api/v1", "resourcequotas", {
    metadata: { name: "none" },
    spec: { hard: { pods: "0" } },
  });
  await namespace.statefulSet("m");
  await using gateway = await start(namespace, "", `statefulSet: ${namespace.name}/m`);
  expect(await refusal(gateway)).toMatch(/no pod can be made: .*exceeded quota: none/);
  await eventually(async () => await replicasOf(namespace, "statefulsets") === 0);
});

test("a pod that no node takes is given its grace, then told in the scheduler's words", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m");
  await patch(namespace, { spec: { template: { spec: { nodeSelector: { gpu: "h200" } } } } });
  await using gateway = await start(namespace, "unschedulableGrace: 1s");
  expect(await refusal(gateway)).toMatch(/no node takes pod m-\S+: 0\/2 nodes/);
});

test("a pod that no node takes is waited for while a node is being added", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m");
  await patch(namespace, { spec: { template: { spec: { nodeSelector: { gpu: "h200" } } } } });
  await using gateway = await start(namespace, "unschedulableGrace: 3s, coldStartTimeout: 6s");
  const answer = refusal(gateway, true);
  let pods: { metadata: { name: string; uid: string } }[] = [];
  await eventually(async () => (pods = await namespace.list("/api/v1", "pods")).length > 0);
  const { name, uid } = pods[0]!.metadata;
  // As the cluster autoscaler does.
  await namespace.create("/api/v1", "events", {
    metadata: { generateName: "scale-up-" },
    involvedObject: { apiVersion: "v1", kind: "Pod", namespace: namespace.name, name, uid },
    ...{ type: "Normal", reason: "TriggeredScaleUp", message: "pod triggered scale-up" },
  });
  expect(await answer).toMatch(/coldStartTimeout.*scheduling for \d+ s: .*a node is being added/);
});

test("the log says how long each phase of a wake took", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m", { "bed/start": "500ms", "bed/load": "700ms" });
  await using gateway = await start(namespace);
  expect((await gateway.chat("m")).status).toBe(200);
  await gateway.until("m", "active");
  const { phases } = gateway.lines.find(({ msg }) => msg === "active")!;
  expect(phases).toMatch(/scheduling \d+\.\ds, .*loading \d+\.\ds$/);
});

test("a Service that is missing is told before anything is started, and found once it is there", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m", { "bed/load": "100ms" });
  const settings = `retryAfterMax: 1s, service: ${namespace.name}/renamed:http`;
  await using gateway = await start(namespace, settings);
  expect(await refusal(gateway)).toMatch(/service \S+\/renamed does not exist/);
  // Scaled once, its ReplicaSet would be at its second generation.
  const sets = await namespace.list(APPS, "replicasets");
  expect(sets.map(({ metadata }) => metadata.generation)).toEqual([1]);
  const service = (port: string) => ({
    metadata: { name: "renamed" },
    spec: { selector: { app: "m" }, ports: [{ name: port, port: 80, targetPort: 8000 }] },
  });
  // Somebody else starts it all the same, once it has gone back to zero: for a while it may be about to come.
  await eventually(() => gateway.states("m").at(-1) === "asleep");
  await namespace.scale("m", 1);
  await eventually(() => gateway.lines.filter(({ msg }) => msg === "failed").length > 1, 20_000);
  await eventually(async () => await replicasOf(namespace) === 0);
  await namespace.create("/api/v1", "services", service("grpc"));
  await eventually(async () => /has no port http; its ports: 80/.test(await refusal(gateway)));
  await namespace.delete("/api/v1", "services", "renamed");
  await namespace.create("/api/v1", "services", service("http"));
  await eventually(async () => {
    const again = await gateway.chat("m");
    await again.body?.cancel();
    return again.status === 200;
  }, 20_000);
});
