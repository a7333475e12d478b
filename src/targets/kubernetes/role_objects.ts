/** The rights of a config as objects to apply: a Role and its binding in each namespace that it concerns. */
import { type Permission, type Rule, rulesOf } from "./permissions.ts";

/** The gateway's own objects are all called so. */
export const GATEWAY = "vllm-autoscaler";
export const GATEWAY_LABELS = {
  "app.kubernetes.io/name": GATEWAY,
  "app.kubernetes.io/component": "gateway",
};

const RBAC = "rbac.authorization.k8s.io";

export interface RoleObject {
  readonly apiVersion: string;
  readonly kind: "Role";
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly rules: readonly Rule[];
}

export interface RoleOptions {
  /** Where the gateway and its ServiceAccount are. */
  readonly namespace: string;
  /**
   * It may scale whatever Deployment or StatefulSet is in those namespaces: a model that is added to the config then
   * needs no other Role.
   */
  readonly anyWorkload?: boolean;
}

/** In pairs, the gateway's own namespace first. */
export function roleObjects(
  permissions: readonly Permission[],
  { namespace, anyWorkload = false }: RoleOptions,
): (RoleObject | Record<string, unknown>)[] {
  const rules = [...rulesOf(anyWorkload ? ofAnyWorkload(permissions) : permissions)];
  const own = ([place]: [string, unknown]) => place === namespace ? 0 : 1;
  return rules.sort((a, b) => own(a) - own(b)).flatMap(([place, rules]) => {
    // Two gateways of two namespaces may have models in the same third one.
    const name = place === namespace ? GATEWAY : `${GATEWAY}-${namespace}`;
    const metadata = { name, namespace: place, labels: GATEWAY_LABELS };
    const apiVersion = `${RBAC}/v1`;
    return [
      { apiVersion, kind: "Role", metadata, rules },
      {
        ...{ apiVersion, kind: "RoleBinding", metadata },
        roleRef: { apiGroup: RBAC, kind: "Role", name },
        subjects: [{ kind: "ServiceAccount", name: GATEWAY, namespace }],
      },
    ];
  });
}

const BUILT_IN = ["deployments", "statefulsets"];

/** What is allowed of one is allowed of all; both kinds where there is one of them. */
function ofAnyWorkload(permissions: readonly Permission[]): Permission[] {
  const all = new Map<string, Permission>();
  for (const permission of permissions) {
    const [plural = "", ...rest] = permission.resource.split("/");
    const isBuiltIn = permission.apiGroup === "apps" && BUILT_IN.includes(plural);
    for (const kind of isBuiltIn ? BUILT_IN : [plural]) {
      const { apiGroup, verb, namespace } = permission;
      const resource = [kind, ...rest].join("/");
      const key = [namespace, apiGroup, resource, verb].join();
      all.set(key, all.get(key) ?? { ...permission, resource, names: undefined });
    }
  }
  return [...all.values()];
}
