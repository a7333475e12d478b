/**
 * What a cluster has around its workloads, for whoever may see it: the gateway itself needs none of it, so
 * each list is looked at only where that is allowed, and once.
 */
import { isAllowed } from "./access_review.ts";
import { ApiError, type KubernetesApi } from "./api.ts";
import { rootOf } from "./kinds.ts";
import { groupOf } from "./permissions.ts";
import type { KubernetesObject } from "./reflector.ts";

/** A kind of objects that are listed; without a namespace it is the cluster's. */
export interface Listed {
  readonly apiVersion: string;
  readonly plural: string;
}

export const NODES: Listed = { apiVersion: "v1", plural: "nodes" };
export const QUOTAS: Listed = { apiVersion: "v1", plural: "resourcequotas" };
export const PODS: Listed = { apiVersion: "v1", plural: "pods" };
export const EVENTS: Listed = { apiVersion: "v1", plural: "events" };
export const SERVICES: Listed = { apiVersion: "v1", plural: "services" };
export const HPAS: Listed = { apiVersion: "autoscaling/v2", plural: "horizontalpodautoscalers" };
export const SCALED_OBJECTS: Listed = { apiVersion: "keda.sh/v1alpha1", plural: "scaledobjects" };

const PAGE = 500;

export class Surroundings {
  readonly #lists = new Map<string, Promise<readonly KubernetesObject[] | undefined>>();
  /** What we may not look at, e.g. `nodes`. */
  readonly unseen = new Set<string>();

  constructor(readonly api: KubernetesApi) {}

  /** Undefined: we may not. A kind that the cluster does not have has no objects. @throws ApiError, ApiUnreachable */
  list<T extends KubernetesObject>(
    listed: Listed,
    namespace?: string,
  ): Promise<readonly T[] | undefined> {
    const path = namespace === undefined
      ? `${rootOf(listed.apiVersion)}/${listed.plural}`
      : `${rootOf(listed.apiVersion)}/namespaces/${namespace}/${listed.plural}`;
    let list = this.#lists.get(path);
    if (!list) this.#lists.set(path, list = this.#look(listed, path, namespace));
    return list as Promise<readonly T[] | undefined>;
  }

  async #look(
    { apiVersion, plural }: Listed,
    path: string,
    namespace: string | undefined,
  ): Promise<readonly KubernetesObject[] | undefined> {
    const access = { apiGroup: groupOf(apiVersion), resource: plural, verb: "list" } as const;
    if (await isAllowed(namespace === undefined ? access : { ...access, namespace }, this.api)) {
      return await listAll(this.api, path);
    }
    this.unseen.add(plural);
    return undefined;
  }
}

interface Page {
  readonly metadata: { readonly continue?: string };
  readonly items: readonly KubernetesObject[];
}

/** In pages; nothing, where the cluster has no such kind. @throws ApiError, ApiUnreachable */
export async function listAll(
  api: KubernetesApi,
  path: string,
): Promise<readonly KubernetesObject[]> {
  const all: KubernetesObject[] = [];
  try {
    for (let next: string | undefined = "";;) {
      const query: string = `limit=${PAGE}${next && `&continue=${encodeURIComponent(next)}`}`;
      const page: Page = await api.call<Page>({ verb: "list", path: `${path}?${query}` });
      all.push(...page.items);
      next = page.metadata.continue;
      if (!next) return all;
    }
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return all;
    throw error;
  }
}
