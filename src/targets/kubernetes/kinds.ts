/** What the API server and a Role call the kinds that models are: `deployments` of `apps/v1`. */
import type { ModelSpec, ScaleSpec } from "../../config/spec.ts";
import { ApiError, type KubernetesApi } from "./api.ts";

export type WorkloadSpec = Extract<
  ScaleSpec,
  { readonly kind: "deployment" | "statefulSet" | "workload" }
>;

/** A model that is a workload of the cluster. */
export type WorkloadModel = ModelSpec & { readonly scale: WorkloadSpec };

export function isWorkloadModel(spec: ModelSpec): spec is WorkloadModel {
  return spec.scale.kind !== "process" && spec.scale.kind !== "external";
}

/** A resource as its URL and a Role name it. */
export interface Resource {
  /** `apps/v1`, or `v1` for the core group. */
  readonly apiVersion: string;
  readonly plural: string;
}

export const BUILT_IN: Record<"deployment" | "statefulSet", Resource> = {
  deployment: { apiVersion: "apps/v1", plural: "deployments" },
  statefulSet: { apiVersion: "apps/v1", plural: "statefulsets" },
};

export class Kinds {
  /** Custom kinds, by apiVersion and kind. */
  readonly #learnt = new Map<string, Resource>();

  constructor(readonly api: KubernetesApi) {}

  /** Asks how a custom kind is called. @throws if the API server has none that can be scaled */
  async learn(scale: WorkloadSpec): Promise<void> {
    if (scale.kind !== "workload" || this.#learnt.has(keyOf(scale))) return;
    const { apiVersion, workloadKind } = scale;
    const resources = await this.#resources(apiVersion);
    const found = resources.find(({ name, kind }) => kind === workloadKind && !name.includes("/"));
    if (!found) throw new Error(`the API server has no ${workloadKind} in ${apiVersion}`);
    if (!resources.some(({ name }) => name === `${found.name}/scale`)) {
      throw new Error(`a ${workloadKind} of ${apiVersion} has no scale subresource`);
    }
    this.#learnt.set(keyOf(scale), { apiVersion, plural: found.name });
  }

  /** Of a kind that is built in or was learnt. */
  resourceOf(scale: WorkloadSpec): Resource {
    if (scale.kind !== "workload") return BUILT_IN[scale.kind];
    const known = this.#learnt.get(keyOf(scale));
    if (!known) throw new Error(`the kind ${scale.workloadKind} was not learnt`);
    return known;
  }

  async #resources(apiVersion: string): Promise<readonly { name: string; kind: string }[]> {
    try {
      const path = rootOf(apiVersion);
      const list = await this.api.call<{ resources: { name: string; kind: string }[] }>({
        ...{ verb: "get", path },
      });
      return list.resources;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return [];
      throw error;
    }
  }
}

/** What a custom kind is called in URLs, most likely: `LeaderWorkerSet` is `leaderworkersets`. */
export function guessedResource(
  { apiVersion, workloadKind }: Extract<WorkloadSpec, { kind: "workload" }>,
): Resource {
  const name = workloadKind.toLowerCase();
  const plural = /s$/.test(name) ? `${name}es` : name.replace(/y$/, "ie") + "s";
  return { apiVersion, plural };
}

function keyOf(scale: Extract<WorkloadSpec, { kind: "workload" }>): string {
  return `${scale.apiVersion} ${scale.workloadKind}`;
}

/** Of the lists of its resources, e.g. `/apis/apps/v1`. */
export function rootOf(apiVersion: string): string {
  return apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

/** The path of the list that `scale` is in, e.g. `/apis/apps/v1/namespaces/ai/deployments`. */
export function listOf({ apiVersion, plural }: Resource, namespace: string): string {
  return `${rootOf(apiVersion)}/namespaces/${namespace}/${plural}`;
}

/** For messages, e.g. `deployment ai/vllm`. */
export function nameOf(scale: WorkloadSpec, namespace: string): string {
  const kind = scale.kind === "workload" ? scale.workloadKind : scale.kind;
  return `${kind} ${namespace}/${scale.name}`;
}
