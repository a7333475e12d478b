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

/** Those of `permissions` that we do not have. @throws ApiError, ApiUnreachable */
export async function missingOf(
  permissions: readonly Permission[],
  api: KubernetesApi,
): Promise<Permission[]> {
  const allowed = await Promise.all(permissions.map((permission) => isAllowed(permission, api)));
  return permissions.filter((_, at) => !allowed[at]);
}

async function isAllowed(
  { apiGroup, resource, verb, namespace }: Permission,
  api: KubernetesApi,
): Promise<boolean> {
  const [plural, subresource] = resource.split("/");
  const { status } = await api.call<{ status: { allowed: boolean } }>({
    ...{ verb: "create", method: "POST" },
    path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    body: {
      spec: {
        resourceAttributes: { group: apiGroup, resource: plural, subresource, verb, namespace },
      },
    },
  });
  return status.allowed;
}
