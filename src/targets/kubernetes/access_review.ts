/** Asks the API server what we may do, which everybody may ask of oneself. */
import { ApiError, type KubernetesApi } from "./api.ts";
import type { Permission } from "./permissions.ts";

/** Who the API server takes us for; undefined: it is too old to tell. @throws ApiError, ApiUnreachable */
export async function whoWeAre(api: KubernetesApi): Promise<string | undefined> {
  try {
    const { status } = await api.call<{ status: { userInfo: { username: string } } }>({
      ...{ verb: "create", method: "POST", body: {} },
      path: "/apis/authentication.k8s.io/v1/selfsubjectreviews",
    });
    return status.userInfo.username;
  } catch (error) {
    if (error instanceof ApiError && (error.status === 404 || error.status === 403)) {
      return undefined;
    }
    throw error;
  }
}

/** Those of `permissions` that we do not have, of each the models for which. @throws ApiError, ApiUnreachable */
export async function missingOf(
  permissions: readonly Permission[],
  api: KubernetesApi,
): Promise<Permission[]> {
  return (await Promise.all(permissions.map((permission) => missingPart(permission, api)))).flat();
}

async function missingPart(permission: Permission, api: KubernetesApi): Promise<Permission[]> {
  // Whoever may do it to all need not be asked of each.
  if (await isAllowed(permission, api)) return [];
  const { names, models } = permission;
  if (!names) return [permission];
  const allowed = await Promise.all(names.map((name) => isAllowed({ ...permission, name }, api)));
  const isMissing = (_: string, at: number) => !allowed[at];
  const missing = { models: models.filter(isMissing), names: names.filter(isMissing) };
  return missing.names.length === 0 ? [] : [{ ...permission, ...missing }];
}

/** What is asked about; without a name: all objects of that kind, without a namespace: everywhere. */
export type Access = Pick<Permission, "apiGroup" | "resource" | "verb"> & {
  readonly namespace?: string;
  readonly name?: string;
};

/** @throws ApiError, ApiUnreachable */
export async function isAllowed(
  { apiGroup, resource, verb, namespace, name }: Access,
  api: KubernetesApi,
): Promise<boolean> {
  const [plural, subresource] = resource.split("/");
  const { status } = await api.call<{ status: { allowed: boolean } }>({
    ...{ verb: "create", method: "POST" },
    path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    body: {
      spec: {
        resourceAttributes: {
          ...{ group: apiGroup, resource: plural, subresource, verb, namespace, name },
        },
      },
    },
  });
  return status.allowed;
}
