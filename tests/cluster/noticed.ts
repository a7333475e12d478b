/** What others do to a model's objects is noticed by a gateway that goes on running, on a real control plane. */
import { expect } from "expect";
import {
  answers,
  APPS,
  patch,
  podsOf,
  replicasOf,
  startGateway,
} from "../../src/testing/cluster_gateway.ts";
import { test, TestNamespace } from "../../src/testing/control_plane.ts";
import { eventually } from "../../src/testing/eventually.ts";

const QUICK = { "bed/load": "100ms" };

test("a Deployment that is paused is woken and put to sleep", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m", QUICK);
  await using gateway = await startGateway(namespace, { m: "idleTimeout: 1s" });
  expect(await answers(gateway, "m")).toBe(true);
  await gateway.until("m", "stopping");
  await patch(namespace, APPS, "deployments/m", { spec: { paused: true } });
  expect(await answers(gateway, "m")).toBe(true);
  await eventually(async () => await replicasOf(namespace, "m") === 0, 20_000);
});

test("a Deployment that was paused before it had a pod serves who waits once it goes on", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m", QUICK);
  await patch(namespace, APPS, "deployments/m", { spec: { paused: true } });
  // Its controller makes a ReplicaSet at zero at once; without one, nothing is scaled.
  const sets = `${APPS}/namespaces/${namespace.name}/replicasets`;
  await namespace.api.call({ verb: "delete", method: "DELETE", path: sets });
  await using gateway = await startGateway(namespace, { m: "" });
  const waiting = answers(gateway, "m");
  await eventually(async () => await replicasOf(namespace, "m") === 1);
  await patch(namespace, APPS, "deployments/m", { spec: { paused: false } });
  expect(await waiting).toBe(true);
});

test("a Deployment that is deleted and made anew is noticed, up and asleep", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m", QUICK);
  await using gateway = await startGateway(namespace, { m: "retryAfterMax: 1s" });
  const remove = async () => {
    const deployment = `${APPS}/namespaces/${namespace.name}/deployments/m`;
    const service = `/api/v1/namespaces/${namespace.name}/services/m`;
    for (const path of [deployment, service]) {
      await namespace.api.call({ verb: "delete", method: "DELETE", path });
    }
  };
  expect(await answers(gateway, "m")).toBe(true);
  await remove();
  await gateway.until("m", "asleep");
  const refused = await gateway.chat("m");
  expect([refused.status, (await refused.json()).error.message]).toEqual([
    503,
    expect.stringMatching(/deployment \S+\/m does not exist/),
  ]);
  await namespace.deployment("m", QUICK);
  await eventually(() => answers(gateway, "m"), 20_000);
  // Again, while it is asleep, and with another number that it has when it comes.
  await namespace.scale("m", 0);
  await eventually(() => gateway.states("m").at(-1) === "asleep");
  await remove();
  await namespace.deployment("m", QUICK, 2);
  await eventually(() => gateway.states("m").at(-1) === "idle");
  expect(await answers(gateway, "m")).toBe(true);
});

test("a Service that does not exist is named to who asks; once it is there, the model serves", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m", QUICK);
  await using gateway = await startGateway(namespace, {
    m: "service: later, retryAfterMax: 1s, coldStartTimeout: 20s",
  });
  const refused = await gateway.chat("m");
  expect([refused.status, (await refused.json()).error.message]).toEqual([
    503,
    expect.stringMatching(/[Ss]ervice \S*later/),
  ]);
  await namespace.create("/api/v1", "services", {
    metadata: { name: "later" },
    spec: { selector: { app: "m" }, ports: [{ name: "http", port: 80, targetPort: 8000 }] },
  });
  await eventually(() => answers(gateway, "m"), 20_000);
});

test("a Service's port that is renamed or has another number is noticed", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m", QUICK, 1);
  await using gateway = await startGateway(namespace, {
    first: "deployment: m",
    named: "deployment: m2, service: m:api, retryAfterMax: 1s",
  });
  await namespace.deployment("m2", QUICK, 1);
  expect(await answers(gateway, "first")).toBe(true);
  const rename = [{ op: "replace", path: "/spec/ports/0/name", value: "api" }];
  await patch(namespace, "/api/v1", "services/m", rename);
  await eventually(() => answers(gateway, "named"), 20_000);
  expect(await answers(gateway, "first")).toBe(true);
  // The port of the Service is nothing to us, which port of the pod it leads to is.
  const elsewhere = [{ op: "replace", path: "/spec/ports/0/targetPort", value: 8001 }];
  await patch(namespace, "/api/v1", "services/m", elsewhere);
  await eventually(() => gateway.states("first").at(-1) === "waking");
  const back = [{ op: "replace", path: "/spec/ports/0/targetPort", value: 8000 }];
  await patch(namespace, "/api/v1", "services/m", back);
  await eventually(() => answers(gateway, "first"), 20_000);
});

test("a number that somebody else changes all the time is left alone, remembered, and only zero is ours", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m", QUICK, 1);
  await using gateway = await startGateway(namespace, { m: "idleTimeout: 2s" });
  await eventually(() => gateway.states("m").at(-1) === "idle");
  for (const replicas of [3, 2, 4, 2]) {
    await namespace.scale("m", replicas);
    expect(await answers(gateway, "m")).toBe(true);
    await eventually(async () => {
      const { status } = await namespace.get(APPS, "deployments", "m");
      return status.readyReplicas === replicas && status.replicas === replicas;
    });
    expect(await replicasOf(namespace, "m")).toBe(replicas);
  }
  await eventually(async () => await replicasOf(namespace, "m") === 0, 20_000);
  expect(await answers(gateway, "m")).toBe(true);
  expect(await replicasOf(namespace, "m")).toBe(2);
});

test("a StatefulSet is woken, streams, and goes back to zero", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m", QUICK);
  const { spec } = await namespace.get(APPS, "deployments", "m");
  await namespace.create(APPS, "statefulsets", {
    metadata: { name: "s" },
    spec: {
      ...{ serviceName: "s", replicas: 0, selector: { matchLabels: { app: "s" } } },
      template: {
        metadata: { labels: { app: "s" }, annotations: spec.template.metadata.annotations },
        spec: spec.template.spec,
      },
    },
  });
  await namespace.create("/api/v1", "services", {
    metadata: { name: "s" },
    spec: { clusterIP: "None", selector: { app: "s" }, ports: [{ port: 8000 }] },
  });
  await using gateway = await startGateway(namespace, { s: "statefulSet: s, idleTimeout: 1s" });
  for (let round = 0; round < 2; round++) {
    const response = await gateway.chat("s", { stream: true });
    expect(response.headers.get("x-pod")).toBe("s-0");
    expect((await response.text()).trimEnd()).toMatch(/data: \[DONE\]$/);
    await eventually(async () => await replicasOf(namespace, "s", "statefulsets") === 0, 20_000);
    await eventually(async () => (await podsOf(namespace, "s")).length === 0);
  }
});
