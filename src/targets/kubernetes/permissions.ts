/**
 * The rights that a config needs in the cluster, each with its reason: what the code calls, and nothing
 * else. `deploy/kustomize/rbac.yaml` grants what this page says, and `doctor` asks for it.
 */
import type { Resource, WorkloadModel, WorkloadSpec } from "./kinds.ts";

/** One verb on one resource of one namespace, as a Role grants it. */
export interface Permission {
  /** `apps`; the core group has no name. */
  readonly apiGroup: string;
  /** With its subresource, e.g. `deployments/scale`. */
  readonly resource: string;
  readonly verb: string;
  readonly namespace: string;
  /** Without it the models are of no use; or they are, and why a wake fails is not told. */
  readonly needed: "always" | "for causes";
  /** What does not work without it. */
  readonly without: string;
  /** Whose models need it. */
  readonly models: readonly string[];
  /**
   * Of the workloads of these models, in their order: a Role can narrow the verb to them. Undefined: it cannot, as
   * the watches are of whole namespaces, and nobody knows the names of the other gateways' Leases.
   */
  readonly names: readonly string[] | undefined;
}

export interface PermissionsOptions {
  /** Of what names none, and of the gateways' Leases. */
  readonly namespace: string;
  readonly resourceOf: (scale: WorkloadSpec) => Resource;
}

type Right = Omit<Permission, "namespace" | "models" | "names" | "verb"> & {
  readonly verbs: string[];
  readonly name?: string;
};
type Growing = Permission & { readonly models: string[]; readonly names: string[] | undefined };

/** Each once, whoever needs it. */
export function permissionsOf(
  models: readonly WorkloadModel[],
  { namespace, resourceOf }: PermissionsOptions,
): Permission[] {
  const all = new Map<string, Growing>();
  for (const model of models) {
    const home = model.scale.namespace ?? namespace;
    const rights = [
      ...workloadRights(model.scale, resourceOf(model.scale)).map((right) => ({ right, home })),
      ...podRights().map((right) => ({ right, home })),
      // One fixed address needs nobody to tell where the pods are.
      ...(model.upstream === undefined ? endpointRights() : [])
        .map((right) => ({ right, home: model.service?.namespace ?? home })),
      ...leaseRights().map((right) => ({ right, home: namespace })),
    ];
    for (const { right: { verbs, name, ...right }, home } of rights) {
      for (const verb of verbs) {
        const key = [home, right.apiGroup, right.resource, verb].join();
        const names = name === undefined ? undefined : [];
        const known = all.get(key) ?? { ...right, verb, namespace: home, models: [], names };
        known.models.push(model.name);
        if (name !== undefined) known.names?.push(name);
        all.set(key, known);
      }
    }
  }
  return [...all.values()];
}

function workloadRights(scale: WorkloadSpec, { apiVersion, plural }: Resource): Right[] {
  const apiGroup = groupOf(apiVersion);
  const needed = "always";
  const { name } = scale;
  // Custom kinds take no annotations through `/status`: only the right to change all of it helps.
  const notes = scale.kind === "workload" ? plural : `${plural}/status`;
  return [
    {
      ...{ apiGroup, needed, name, resource: plural, verbs: ["get"] },
      without: "it can neither be woken nor seen",
    },
    {
      ...{ apiGroup, needed, resource: plural, verbs: ["list", "watch"] },
      without: "it can neither be woken nor seen",
    },
    {
      ...{ apiGroup, needed, name, resource: `${plural}/scale`, verbs: ["patch"] },
      without: "it can neither be woken nor put to sleep",
    },
    {
      ...{ apiGroup, needed, name, resource: notes, verbs: ["patch"] },
      without: "it cannot be put to sleep: how many replicas it had is noted there",
    },
  ];
}

function endpointRights(): Right[] {
  const verbs = ["list", "watch"];
  const without = "nobody knows where its pods are; a fixed `upstream` needs no such right";
  return [
    { ...{ apiGroup: "", resource: "services", verbs, without }, needed: "always" },
    {
      ...{ apiGroup: "discovery.k8s.io", resource: "endpointslices", verbs, without },
      needed: "always",
    },
  ];
}

function podRights(): Right[] {
  const without = "why its pods do not start is not told, and how far they are";
  return ["pods", "events"].map((resource) => ({
    ...{ apiGroup: "", resource, verbs: ["list", "watch"], without },
    needed: "for causes",
  }));
}

/** A gateway makes and renews its own Lease, reads those of the others, and removes what dead ones left. */
function leaseRights(): Right[] {
  return [{
    ...{ apiGroup: "coordination.k8s.io", resource: "leases", needed: "always" },
    verbs: ["list", "watch", "create", "patch", "delete"],
    without: "gateways cannot agree that it is unused, so it is never put to sleep",
  }];
}

/** `apps` of `apps/v1`, nothing of `v1`. */
export function groupOf(apiVersion: string): string {
  return apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
}

/** A rule of a Role. */
export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** The rules of the Role of each namespace, as few as say just that. */
export function rulesOf(permissions: readonly Permission[]): Map<string, Rule[]> {
  const verbs = Map.groupBy(
    permissions,
    ({ namespace, apiGroup, resource, names }) =>
      JSON.stringify([namespace, apiGroup, resource, names]),
  );
  const rights = [...verbs.values()].map((list) => ({
    ...list[0]!,
    verbs: list.map(({ verb }) => verb),
  }));
  const rules = new Map<string, Rule[]>();
  for (const [namespace, here] of Map.groupBy(rights, ({ namespace }) => namespace)) {
    const alike = Map.groupBy(
      here,
      ({ apiGroup, verbs, names }) => JSON.stringify([apiGroup, verbs, names]),
    );
    rules.set(namespace, [...alike.values()].map((list) => ruleOf(list)));
  }
  return rules;
}

function ruleOf(
  alike: readonly (Permission & { readonly verbs: readonly string[] })[],
): Rule {
  const { apiGroup, names, verbs } = alike[0]!;
  return {
    apiGroups: [apiGroup],
    resources: alike.map(({ resource }) => resource),
    ...(names ? { resourceNames: names } : {}),
    verbs,
  };
}
