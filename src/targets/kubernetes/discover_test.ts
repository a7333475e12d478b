import { expect } from "expect";
import { failure, FakeApiServer } from "../../testing/fake_api_server.ts";
import { SeededRandom } from "../../testing/seeded_random.ts";
import { VirtualClock } from "../../testing/virtual_clock.ts";
import { KubernetesApi } from "./api.ts";
import { discover } from "./discover.ts";

// deno-lint-ignore no-explicit-any
type Json = any;

const DEPLOYMENTS = "/apis/apps/v1/deployments";
const SERVICES = "/api/v1/services";
const HPAS = "/apis/autoscaling/v2/horizontalpodautoscalers";
const SCALED_OBJECTS = "/apis/keda.sh/v1alpha1/scaledobjects";

/** What `discover` finds where the API server has these lists, a line each. */
async function found(lists: Record<string, Json[]>, { denied = /^$/, namespace = "" } = {}) {
  const server = new FakeApiServer();
  server.intercept = ({ path, body }) => {
    if (path.endsWith("/selfsubjectaccessreviews")) {
      const { resource, namespace = "*" } = body.spec.resourceAttributes;
      return Response.json({ status: { allowed: !denied.test(`${resource} in ${namespace}`) } });
    }
    const items = lists[path];
    return items
      ? Response.json({ metadata: {}, items })
      : path.startsWith("/apis/keda")
      ? failure(404, "NotFound", "no such kind")
      : Response.json({ metadata: {}, items: [] });
  };
  const api = new KubernetesApi({
    access: {
      ...{ server: "https://api", fetch: server.fetch, namespace: "ai", origin: "test" },
      authorization: () => Promise.resolve(undefined),
    },
    ...{ clock: new VirtualClock(), random: new SeededRandom(1) },
  });
  const { found, notes } = await discover(api, namespace || undefined);
  return {
    lines: found.map(({ kind, namespace, name, engine, service, obstacle, notes }) =>
      [
        `${kind} ${namespace}/${name}: ${engine.engine}`,
        obstacle ?? (service ? `${service.name}:${service.port ?? "first"}` : "no service"),
        ...notes,
      ].join(" | ")
    ),
    notes,
  };
}

function deployment(name: string, container: Json = {}, over: Json = {}): Json {
  const engine = { name: "engine", image: "vllm/vllm-openai:v1", args: ["a"], ...container };
  const { containers = [], ...metadata } = over;
  return {
    metadata: { name, namespace: "ai", uid: name, ...metadata },
    spec: {
      template: {
        metadata: { labels: { app: name, tier: "engine" } },
        spec: { containers: [engine, ...containers] },
      },
    },
  };
}

function service(
  name: string,
  app: string,
  ports: Json[] = [{ port: 80, targetPort: 8000 }],
): Json {
  return { metadata: { name, namespace: "ai" }, spec: { selector: { app }, ports } };
}

Deno.test("discover() finds engines among other workloads, and the Service of each", async () => {
  const { lines, notes } = await found({
    [DEPLOYMENTS]: [deployment("a"), deployment("web", { image: "nginx" }), deployment("b")],
    [SERVICES]: [
      ...[service("web", "web"), service("a", "a")],
      service("b-metrics", "b", [{ port: 9000 }]),
      service("b-api", "b", [{ port: 9000 }, { port: 81, targetPort: 8000 }]),
    ],
  });
  expect(lines).toEqual(["deployment ai/a: vllm | a:first", "deployment ai/b: vllm | b-api:81"]);
  expect(notes).toEqual([]);
});

Deno.test("discover() follows the names of ports, and believes a command line more than a default", async () => {
  const ports = [{ name: "http", containerPort: 9000 }];
  const target = (targetPort: unknown) => [service("a", "a", [{ port: 80, targetPort }])];
  const one = (container: Json, targetPort: unknown) =>
    found({ [DEPLOYMENTS]: [deployment("a", container)], [SERVICES]: target(targetPort) });
  for (const [container, targetPort] of [[{ ports }, "http"], [{ ports }, 9000]] as const) {
    expect((await one(container, targetPort)).lines).toEqual(["deployment ai/a: vllm | a:first"]);
  }
  expect((await one({ ports, args: ["a", "--port", "8001"] }, "http")).lines).toEqual([
    "deployment ai/a: vllm | service ai/a has no port that leads to 8001, on which the engine listens",
  ]);
});

Deno.test("discover() says why one cannot be a model as it is", async () => {
  const { lines } = await found({
    [DEPLOYMENTS]: [
      deployment("alone"),
      deployment("tls", { args: ["a", "--ssl-keyfile", "k"] }),
      deployment("owned", {}, {
        ownerReferences: [{ kind: "InferenceService", name: "x", controller: true }],
      }),
      deployment("keda"),
    ],
    [SERVICES]: ["tls", "owned", "keda"].map((name) => service(name, name)),
    [SCALED_OBJECTS]: [{
      metadata: { name: "so", namespace: "ai" },
      spec: { scaleTargetRef: { name: "keda" } },
    }],
  });
  expect(lines).toEqual([
    "deployment ai/alone: vllm | no Service leads to its pods: make one, e.g. kubectl expose " +
    "deployment -n ai alone --port 80 --target-port 8000",
    expect.stringMatching(/^deployment ai\/tls: vllm \| it speaks TLS/),
    "deployment ai/owned: vllm | InferenceService x made it and would undo what scales it: " +
    "scale that one, by `workload`",
    "deployment ai/keda: vllm | KEDA's ScaledObject ai/so wakes it and puts it to sleep by itself: " +
    "delete that first",
  ]);
});

Deno.test("discover() does not take a Service that leads to others as well", async () => {
  const shared = { metadata: { name: "all", namespace: "ai" } };
  const spec = { selector: { tier: "engine" }, ports: [{ port: 80, targetPort: 8000 }] };
  const { lines } = await found({
    [DEPLOYMENTS]: [deployment("a"), deployment("b")],
    [SERVICES]: [{ ...shared, spec }, service("b", "b")],
  });
  expect(lines).toEqual([
    "deployment ai/a: vllm | service ai/all leads to deployment ai/b as well: " +
    "give it a Service of its own",
    "deployment ai/b: vllm | b:first",
  ]);
});

Deno.test("discover() notes what else there is: an HPA, other containers, a key", async () => {
  const { lines } = await found({
    [DEPLOYMENTS]: [
      deployment("a", { env: [{ name: "VLLM_API_KEY" }] }, { containers: [{ name: "proxy" }] }),
    ],
    [SERVICES]: [service("a", "a")],
    [HPAS]: [{
      metadata: { name: "h", namespace: "ai" },
      spec: { scaleTargetRef: { kind: "Deployment", name: "a" }, maxReplicas: 4 },
    }],
  });
  expect(lines).toEqual([
    "deployment ai/a: vllm | a:first | beside container engine its pods have proxy | " +
    "it wants a key of its own: name it by `upstreamKeyFile` or `upstreamKeyEnv` | " +
    "HorizontalPodAutoscaler h scales it from 1 to 4 while it is up",
  ]);
});

Deno.test("discover() looks into its own namespace where it may not see all", async () => {
  const lists = {
    "/apis/apps/v1/namespaces/ai/deployments": [deployment("a")],
    "/api/v1/namespaces/ai/services": [service("a", "a")],
  };
  const { lines, notes } = await found(lists, { denied: /in \*|horizontal/ });
  expect(lines).toEqual(["deployment ai/a: vllm | a:first"]);
  expect(notes).toEqual([
    "only namespace ai was looked at: Deployments of all may not be listed",
    "horizontalpodautoscalers may not be listed: what they change is not told here",
  ]);
  await expect(found(lists, { denied: /./ })).rejects.toThrow(
    "Deployments of namespace ai may not be listed",
  );
  await expect(found(lists, { denied: /./, namespace: "ml" })).rejects.toThrow(
    "Deployments of namespace ml may not be listed",
  );
});

Deno.test("discover() drafts all the same where Services may not be seen", async () => {
  const { lines } = await found({ [DEPLOYMENTS]: [deployment("a")] }, { denied: /services/ });
  expect(lines).toEqual([
    "deployment ai/a: vllm | no service | whether a Service of its name leads to it could not be seen",
  ]);
});
