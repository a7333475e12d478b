/** Which pods get requests, and what pods tell of traffic that went around the gateway, on a real control plane. */
import { expect } from "expect";
import {
  answers,
  APPS,
  patch,
  podsOf,
  podThatAnswers,
  replicasOf,
  startGateway,
} from "../../src/testing/cluster_gateway.ts";
import { test, TestNamespace } from "../../src/testing/control_plane.ts";
import { eventually } from "../../src/testing/eventually.ts";
import { StandInPod } from "../../src/testing/stand_in_pod.ts";

/** More than chance would need to send one to the pod that must get none. */
const MANY = 30;

async function isHealthy(podIP: string): Promise<boolean> {
  const response = await fetch(`http://${podIP}:8000/health`).catch(() => undefined);
  await response?.body?.cancel();
  return response?.status === 200;
}

for (
  const [what, pod] of [["hangs", { "bed/hang": "true" }], ["drains", {
    "bed/prestop": "5s",
  }]] as const
) {
  test(`a pod that ${what} gets no new request, however healthy it says it is`, async () => {
    await using namespace = await TestNamespace.create();
    await namespace.deployment("m", { "bed/load": "100ms", "bed/tokens": "1", ...pod });
    const grace = [{
      op: "replace",
      path: "/spec/template/spec/terminationGracePeriodSeconds",
      value: 8,
    }];
    await patch(namespace, APPS, "deployments/m", grace);
    await namespace.scale("m", 2);
    await using gateway = await startGateway(namespace, { m: "" });
    await eventually(async () =>
      (await namespace.get(APPS, "deployments", "m")).status.readyReplicas === 2
    );
    // Where nothing is in flight one of them gets all: that one is to go.
    const preferred = await podThatAnswers(gateway, "m");
    const cheap = { "controller.kubernetes.io/pod-deletion-cost": "-1" };
    await patch(namespace, "/api/v1", `pods/${preferred}`, { metadata: { annotations: cheap } });
    await namespace.scale("m", 1);
    let leaving: { metadata: { name: string }; status: { podIP: string } } | undefined;
    await eventually(async () => {
      leaving = (await podsOf(namespace, "m")).find(({ metadata }) => metadata.deletionTimestamp);
      return leaving !== undefined;
    });
    const { metadata: { name }, status: { podIP } } = leaving!;
    expect(name).toBe(preferred);
    // The news of it may be under way.
    await eventually(async () => await podThatAnswers(gateway, "m") !== name);
    for (let i = 0; i < MANY; i++) expect(await podThatAnswers(gateway, "m")).not.toBe(name);
    expect(await isHealthy(podIP)).toBe(true);
  });
}

test("the pod with the fewest requests in flight gets the next", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m", {
    ...{ "bed/load": "100ms", "bed/tokens": "600", "bed/token-gap": "100ms" },
  }, 2);
  await using gateway = await startGateway(namespace, { m: "" });
  const stream = () => gateway.chat("m", { stream: true, max_tokens: 600 });
  const running = [await stream()];
  await eventually(async () =>
    (await namespace.get(APPS, "deployments", "m")).status.readyReplicas === 2
  );
  // Both known to the gateway: the second gets one while the first has one.
  await eventually(async () => {
    const response = await stream();
    if (response.headers.get("x-pod") !== running[0]!.headers.get("x-pod")) {
      return running.push(response) > 0;
    }
    await response.body?.cancel();
    return false;
  });
  while (running.length < 8) running.push(await stream());
  const counts = Map.groupBy(running, ({ headers }) => headers.get("x-pod")).values();
  expect([...counts].map(({ length }) => length)).toEqual([4, 4]);
  // Two that end at one pod: the next two go there.
  const [pod] = [...new Set(running.map(({ headers }) => headers.get("x-pod")))];
  const ended = running.filter(({ headers }) => headers.get("x-pod") === pod).slice(0, 2);
  for (const response of ended) await response.body?.cancel();
  await eventually(async () => {
    const response = await stream();
    running.push(response);
    return response.headers.get("x-pod") === pod;
  });
  await Promise.all(running.map(({ body }) => body?.cancel().catch(() => {})));
});

test("requests that went around the gateway keep a model up: running ones, and counters that move", async () => {
  await using namespace = await TestNamespace.create();
  await using pod = new StandInPod();
  await namespace.deployment("m", { "bed/forward": pod.address });
  await using gateway = await startGateway(namespace, { m: "idleTimeout: 1s" });
  expect(await answers(gateway, "m")).toBe(true);
  for (const traffic of [() => void (pod.running = 1), () => void (pod.moves = true)]) {
    pod.running = 0;
    traffic();
    const scraped = pod.scrapes;
    // Each idle timeout asks it at least once.
    await eventually(() => pod.scrapes >= scraped + 3, 30_000);
    expect([await replicasOf(namespace, "m"), gateway.states("m").includes("asleep")]).toEqual([
      1,
      false,
    ]);
  }
  pod.moves = false;
  await eventually(async () => await replicasOf(namespace, "m") === 0, 20_000);
});

test("a pod that is ready but not healthy gets no request, nor one that is healthy but not ready", async () => {
  await using namespace = await TestNamespace.create();
  await using pod = new StandInPod();
  pod.healthy = false;
  await namespace.deployment("sick", { "bed/forward": pod.address });
  await namespace.deployment("unready", { "bed/load": "100ms", "bed/ready": "false" });
  await patch(namespace, APPS, "deployments/sick", [{
    ...{ op: "replace", path: "/spec/template/spec/containers/0/readinessProbe" },
    value: { httpGet: { path: "/ready", port: 8000 }, periodSeconds: 1 },
  }]);
  await using gateway = await startGateway(namespace, { sick: "", unready: "" });
  const served: string[] = [];
  const waiting = Promise.all(["sick", "unready"].map(async (model) => {
    if (await answers(gateway, model)) served.push(model);
  }));
  waiting.catch(() => {});
  await eventually(async () =>
    (await namespace.get(APPS, "deployments", "sick")).status.readyReplicas === 1
  );
  const [unready] = await podsOf(namespace, "unready");
  await eventually(async () =>
    await isHealthy((await podsOf(namespace, "unready"))[0].status.podIP)
  );
  await eventually(() => pod.probes >= 5);
  expect(served).toEqual([]);
  pod.healthy = true;
  await eventually(() => served.includes("sick"));
  expect(served).toEqual(["sick"]);
  const annotations = { "bed/ready": "true" };
  await patch(namespace, "/api/v1", `pods/${unready.metadata.name}`, { metadata: { annotations } });
  await waiting;
  expect(served).toEqual(["sick", "unready"]);
});
