import { expect } from "expect";
import type { ModelSpec } from "../../config/spec.ts";
import { failure, FakeApiServer } from "../../testing/fake_api_server.ts";
import { modelSpec } from "../../testing/requests.ts";
import { SeededRandom } from "../../testing/seeded_random.ts";
import { VirtualClock } from "../../testing/virtual_clock.ts";
import { examineCluster } from "./examine.ts";
import type { WorkloadModel } from "./kinds.ts";

const DEPLOYMENT = "/apis/apps/v1/namespaces/ai/deployments/a";
const SERVICE = "/api/v1/namespaces/ai/services/a";
const TEMPLATE = {
  metadata: { labels: { app: "a" } },
  spec: { containers: [{ name: "engine", args: ["--shutdown-timeout=5"], readinessProbe: {} }] },
};

/** A cluster in which all is well, and whoever asks may do all but what `denied` matches. */
function world({ denied = /^$/, user = "system:serviceaccount:ai:gateway" } = {}) {
  const server = new FakeApiServer();
  server.put(DEPLOYMENT, { metadata: {}, spec: { replicas: 0, template: TEMPLATE } });
  server.put(SERVICE, { metadata: {}, spec: { selector: { app: "a" }, ports: [{ port: 80 }] } });
  server.intercept = ({ path, body }) => {
    if (path.endsWith("/selfsubjectreviews")) {
      return Response.json({ status: { userInfo: { username: user } } });
    }
    if (!path.endsWith("/selfsubjectaccessreviews")) return undefined;
    const { verb, resource, subresource, namespace } = body.spec.resourceAttributes;
    const right = `${verb} ${resource}${subresource ? `/${subresource}` : ""} in ${namespace}`;
    return Response.json({ status: { allowed: !denied.test(right) } });
  };
  async function examined(over: Partial<ModelSpec> = {}) {
    const model = modelSpec("a", { scale: { kind: "deployment", name: "a" }, ...over });
    const { findings, missing } = await examineCluster([model as WorkloadModel], {
      access: {
        ...{ server: "https://api", fetch: server.fetch, namespace: "ai", origin: "test" },
        authorization: () => Promise.resolve(undefined),
      },
      ...{ clock: new VirtualClock(), random: new SeededRandom(1) },
    });
    const lines = findings.map(({ level, about, text }) => `${level} ${about}: ${text}`);
    const rights = missing.map(({ verb, resource }) => `${verb} ${resource}`);
    return { lines, rights, findings };
  }
  return { server, examined };
}

Deno.test("examineCluster() finds nothing wrong where all is well", async () => {
  const { lines, rights } = await world().examined();
  expect(rights).toEqual([]);
  expect(lines).toEqual([
    "ok cluster: https://api, by test",
    "ok cluster: system:serviceaccount:ai:gateway may do all that these models need, in namespace ai",
    "ok a: deployment ai/a is there",
    "ok a: its pods have 30 s to end their answers",
    "ok a: service ai/a port 80 leads to its pods",
  ]);
});

Deno.test("examineCluster() names the rights that are missing, and looks at what it may see", async () => {
  const { examined, server } = world({ denied: /get deployments |services|pods|patch .*scale/ });
  const { lines, rights } = await examined();
  expect(rights).toEqual([
    "get deployments",
    "patch deployments/scale",
    ...["list pods", "watch pods", "list services", "watch services"],
  ]);
  const us = "cluster: system:serviceaccount:ai:gateway may not";
  expect(lines.slice(1)).toEqual([
    expect.stringContaining(`error ${us} get deployments (apps) in namespace ai, for a: `),
    expect.stringContaining(`error ${us} patch deployments/scale (apps) in namespace ai, for a: `),
    expect.stringContaining(`warn ${us} list, watch pods in namespace ai, for a: why its pods `),
    expect.stringContaining(`error ${us} list, watch services in namespace ai, for a: `),
  ]);
  expect(server.calls.filter(({ path }) => path.startsWith(DEPLOYMENT))).toEqual([]);
});

Deno.test("examineCluster() says whose rights it saw when they are no gateway's", async () => {
  const { findings } = await world({ user: "admin" }).examined();
  expect(findings[1]).toMatchObject({ level: "ok", remedy: expect.stringMatching(/in its pod/) });
});

Deno.test("examineCluster() says what is missing or paused", async () => {
  const { server, examined } = world();
  server.put(DEPLOYMENT, { metadata: {}, spec: { paused: true, template: TEMPLATE } });
  server.delete(SERVICE);
  const { lines } = await examined();
  expect(lines).toEqual(expect.arrayContaining([
    expect.stringMatching(/^warn a: deployment ai\/a is paused/),
    "error a: service ai/a does not exist",
  ]));
  server.delete(DEPLOYMENT);
  expect((await examined()).lines).toContain("error a: deployment ai/a does not exist");
});

Deno.test("examineCluster() asks for no Service behind a fixed upstream", async () => {
  const { lines } = await world({ denied: /services|endpointslices/ }).examined({
    upstream: "http://elsewhere",
  });
  expect(lines.filter((line) => !line.startsWith("ok"))).toEqual([]);
  expect(lines.at(-1)).toMatch(/requests go to http:\/\/elsewhere/);
});

Deno.test("examineCluster() says that there is no such kind, and goes on with the rest", async () => {
  const scale = {
    ...{ kind: "workload", apiVersion: "x.io/v1", workloadKind: "Big", name: "a" },
  } as ModelSpec["scale"];
  const { server, examined } = world();
  const { intercept } = server;
  const resources: unknown[] = [];
  server.intercept = (call) => {
    if (call.path !== "/apis/x.io/v1") return intercept(call);
    if (resources.length === 0) return failure(404, "NotFound", "not found");
    return Response.json({ resources });
  };
  const { lines } = await examined({ scale });
  expect(lines).toEqual([
    "ok cluster: https://api, by test",
    "error a: the API server has no Big in x.io/v1",
  ]);
  resources.push({ name: "bigs", kind: "Big" });
  expect((await examined({ scale })).lines[1]).toBe(
    "error a: a Big of x.io/v1 has no scale subresource",
  );
});

Deno.test("examineCluster() says that the API server does not answer, or does not know us", async () => {
  const { server, examined } = world();
  server.intercept = () => Promise.reject(new Error("connection refused"));
  expect((await examined()).lines).toEqual([
    "error cluster: the API server at https://api cannot be reached (test): connection refused",
  ]);
  server.intercept = () => failure(401, "Unauthorized", "Unauthorized");
  const { findings } = await examined();
  expect(findings).toMatchObject([{
    level: "error",
    remedy: expect.stringMatching(/log in again/),
  }]);
});

Deno.test("examineCluster() asks for each workload by name where not all are granted, and names what was meant", async () => {
  const { server, examined } = world();
  const { intercept } = server;
  server.intercept = (call) => {
    const { resource, verb, name } = call.body?.spec?.resourceAttributes ?? {};
    // A Role with resourceNames: [a].
    if (resource !== "deployments" || /list|watch/.test(verb)) return intercept(call);
    return Response.json({ status: { allowed: name === "a" } });
  };
  expect((await examined()).rights).toEqual([]);
  const { rights, findings } = await examined({ scale: { kind: "deployment", name: "b" } });
  expect(rights).toEqual([
    ...["get deployments", "patch deployments/scale", "patch deployments/status"],
  ]);
  server.intercept = intercept;
  expect(findings.filter(({ level }) => level === "error")).toHaveLength(4);
  const { findings: meant } = await examined({ scale: { kind: "deployment", name: "aa" } });
  expect(meant).toContainEqual(expect.objectContaining({
    text: "deployment ai/aa does not exist",
    remedy: "make it, or write 'a', which is there, into the config",
  }));
});

Deno.test("examineCluster() says what it may not look at, and looks there if it may", async () => {
  const { findings } = await world({ denied: /nodes|quotas|autoscalers|scaledobjects/ }).examined();
  expect(findings.at(-1)).toEqual({
    ...{ level: "ok", about: "cluster" },
    text: "not looked at, for want of the right to list them: horizontalpodautoscalers, nodes, " +
      "resourcequotas, scaledobjects",
    remedy: "run doctor as somebody who may see them, with a kubeconfig of theirs",
  });
});
