import { expect } from "expect";
import type { ModelSpec, ScaleSpec } from "../../config/spec.ts";
import { modelSpec } from "../../testing/requests.ts";
import type { WorkloadModel } from "./kinds.ts";
import { type Permission, permissionsOf, rulesOf } from "./permissions.ts";

const PLURALS: Record<string, string> = { deployment: "deployments", statefulSet: "statefulsets" };

function permissions(
  models: Record<string, Partial<ModelSpec> & { readonly scale: ScaleSpec }>,
): Permission[] {
  const specs = Object.entries(models).map(([name, over]) => modelSpec(name, over));
  return permissionsOf(specs as WorkloadModel[], {
    namespace: "ai",
    resourceOf: (scale) =>
      scale.kind === "workload"
        ? { apiVersion: scale.apiVersion, plural: `${scale.workloadKind.toLowerCase()}s` }
        : { apiVersion: "apps/v1", plural: PLURALS[scale.kind]! },
  });
}

function texts(all: readonly Permission[]): string[] {
  return all.map(({ namespace, apiGroup, resource, verb }) =>
    `${namespace}: ${verb} ${resource}${apiGroup && `.${apiGroup}`}`
  );
}

const LEASES = ["list", "watch", "create", "patch", "delete"]
  .map((verb) => `ai: ${verb} leases.coordination.k8s.io`);
const DEPLOYMENT = { scale: { kind: "deployment", name: "a" } } as const;

Deno.test("permissionsOf() names what a Deployment behind its Service needs", () => {
  const all = permissions({ a: DEPLOYMENT });
  expect(texts(all)).toEqual([
    "ai: get deployments.apps",
    "ai: list deployments.apps",
    "ai: watch deployments.apps",
    "ai: patch deployments/scale.apps",
    "ai: patch deployments/status.apps",
    "ai: list pods",
    "ai: watch pods",
    "ai: list events",
    "ai: watch events",
    "ai: list services",
    "ai: watch services",
    "ai: list endpointslices.discovery.k8s.io",
    "ai: watch endpointslices.discovery.k8s.io",
    ...LEASES,
  ]);
  expect(all.filter(({ needed }) => needed === "for causes").map(({ resource }) => resource))
    .toEqual(["pods", "pods", "events", "events"]);
});

Deno.test("permissionsOf() asks for no Services and EndpointSlices behind a fixed upstream", () => {
  const all = permissions({ a: { ...DEPLOYMENT, upstream: "http://a" } });
  expect(texts(all).filter((text) => /services|endpointslices/.test(text))).toEqual([]);
});

Deno.test("permissionsOf() names each namespace, and each right once with all its models", () => {
  const all = permissions({
    a: { ...DEPLOYMENT, service: { name: "a", namespace: "edge" } },
    b: { scale: { kind: "deployment", namespace: "ml", name: "b" } },
    c: DEPLOYMENT,
  });
  expect(texts(all).filter((text) => /list (services|deployments)/.test(text))).toEqual([
    "ai: list deployments.apps",
    "edge: list services",
    "ml: list deployments.apps",
    "ml: list services",
    "ai: list services",
  ]);
  expect(all.find(({ resource }) => resource === "deployments/scale")!.models).toEqual(["a", "c"]);
});

Deno.test("permissionsOf() asks to patch a custom kind, whose /status takes no annotations", () => {
  const scale: ScaleSpec = {
    kind: "workload",
    apiVersion: "leaderworkerset.x-k8s.io/v1",
    workloadKind: "LeaderWorkerSet",
    name: "a",
  };
  expect(texts(permissions({ a: { scale } })).filter((text) => /patch (?!leases)/.test(text)))
    .toEqual([
      "ai: patch leaderworkersets/scale.leaderworkerset.x-k8s.io",
      "ai: patch leaderworkersets.leaderworkerset.x-k8s.io",
    ]);
});

Deno.test("permissionsOf() asks for Leases where the gateway is, wherever its models are", () => {
  const all = permissions({
    a: { scale: { kind: "deployment", namespace: "ml", name: "a" }, upstream: "http://a" },
    b: { scale: { kind: "statefulSet", namespace: "rd", name: "b" }, upstream: "http://b" },
  });
  expect(texts(all).filter((text) => text.includes("leases"))).toEqual(LEASES);
  expect(all.find(({ resource }) => resource === "leases")!.models).toEqual(["a", "b"]);
  expect(permissions({})).toEqual([]);
});

Deno.test("rulesOf() says the same in few rules, a Role for each namespace", () => {
  const rules = rulesOf(permissions({
    a: DEPLOYMENT,
    c: { scale: { kind: "deployment", name: "c" } },
    b: { scale: { kind: "statefulSet", namespace: "ml", name: "b" }, upstream: "http://b" },
  }));
  expect(Object.fromEntries(rules)).toEqual({
    ai: [
      {
        ...{ apiGroups: ["apps"], resources: ["deployments"], resourceNames: ["a", "c"] },
        verbs: ["get"],
      },
      { apiGroups: ["apps"], resources: ["deployments"], verbs: ["list", "watch"] },
      {
        ...{ apiGroups: ["apps"], resources: ["deployments/scale", "deployments/status"] },
        ...{ resourceNames: ["a", "c"], verbs: ["patch"] },
      },
      { apiGroups: [""], resources: ["pods", "events", "services"], verbs: ["list", "watch"] },
      {
        ...{ apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"] },
        verbs: ["list", "watch"],
      },
      {
        ...{ apiGroups: ["coordination.k8s.io"], resources: ["leases"] },
        verbs: ["list", "watch", "create", "patch", "delete"],
      },
    ],
    ml: [
      {
        ...{ apiGroups: ["apps"], resources: ["statefulsets"], resourceNames: ["b"] },
        verbs: ["get"],
      },
      { apiGroups: ["apps"], resources: ["statefulsets"], verbs: ["list", "watch"] },
      {
        ...{ apiGroups: ["apps"], resources: ["statefulsets/scale", "statefulsets/status"] },
        ...{ resourceNames: ["b"], verbs: ["patch"] },
      },
      { apiGroups: [""], resources: ["pods", "events"], verbs: ["list", "watch"] },
    ],
  });
});
