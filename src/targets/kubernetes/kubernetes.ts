/** Makes the targets of one cluster: they share its connection, its watches and its limits. */
import type { ModelSpec, ScaleSpec } from "../../config/spec.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Fetch } from "../../platform/fetch.ts";
import type { Random } from "../../platform/random.ts";
import type { Log } from "../../telemetry/log.ts";
import { createMeter } from "../usage.ts";
import { KubernetesApi } from "./api.ts";
import type { ClusterAccess } from "./cluster_access.ts";
import { KubernetesTarget } from "./kubernetes_target.ts";
import { ModelWatches } from "./model_watches.ts";
import { Readiness } from "./readiness.ts";
import { Scaler } from "./scaler.ts";
import { WakeWatch } from "./wake_watch.ts";
import { Watches } from "./watches.ts";

export interface KubernetesOptions {
  readonly access: ClusterAccess;
  /** For health requests and metrics. */
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

type WorkloadSpec = Extract<ScaleSpec, { kind: "deployment" | "statefulSet" | "workload" }>;

/** A resource as its URL and a Role name it. */
interface Resource {
  /** `apps/v1`, or `v1` for the core group. */
  readonly apiVersion: string;
  readonly plural: string;
}

const BUILT_IN: Record<"deployment" | "statefulSet", Resource> = {
  deployment: { apiVersion: "apps/v1", plural: "deployments" },
  statefulSet: { apiVersion: "apps/v1", plural: "statefulsets" },
};

export class Kubernetes {
  readonly #api: KubernetesApi;
  readonly #watches: Watches;
  /** Custom kinds, by apiVersion and kind. */
  readonly #kinds = new Map<string, Resource>();

  constructor(readonly options: KubernetesOptions) {
    this.#api = new KubernetesApi(options);
    this.#watches = new Watches({ ...options, api: this.#api });
  }

  /** Learns how the API server calls the custom kinds of `models`. @throws if it has no such kind */
  async learnKinds(models: readonly ModelSpec[]): Promise<void> {
    for (const { name, scale } of models) {
      if (scale.kind !== "workload") continue;
      const { apiVersion, workloadKind } = scale;
      const key = `${apiVersion} ${workloadKind}`;
      if (this.#kinds.has(key)) continue;
      const { resources } = await this.#api.call<{ resources: { name: string; kind: string }[] }>({
        verb: "get",
        path: rootOf(apiVersion),
      });
      const found = resources.find(({ name, kind }) =>
        kind === workloadKind && !name.includes("/")
      );
      if (!found) {
        throw new Error(`model '${name}': the API server has no ${workloadKind} in ${apiVersion}`);
      }
      this.#kinds.set(key, { apiVersion, plural: found.name });
    }
  }

  /** The target of a model whose kind was learnt. */
  target(spec: ModelSpec, after: Promise<void>): KubernetesTarget {
    const scale = spec.scale as WorkloadSpec;
    const { clock, fetch } = this.options;
    const log = this.options.log.with({ model: spec.name });
    const namespace = scale.namespace ?? this.options.access.namespace;
    const resource = this.#resourceOf(scale);
    const list = `${rootOf(resource.apiVersion)}/namespaces/${namespace}/${resource.plural}`;
    const kind = scale.kind === "workload" ? scale.workloadKind : scale.kind;
    return new KubernetesTarget({
      scaler: new Scaler({
        ...{ api: this.#api, clock, namespace, replicas: spec.replicas },
        name: `${kind} ${namespace}/${scale.name}`,
        path: `${list}/${scale.name}`,
        resource: resource.plural,
        notesInStatus: scale.kind !== "workload",
      }),
      watches: new ModelWatches({
        name: scale.name,
        workloads: this.#watches.workloads(list),
        upstream: this.#upstreamOf(spec, namespace, scale.name),
        reportsReady: scale.kind !== "workload",
        clock,
      }),
      readiness: (onHealthy) =>
        new Readiness({
          ...{ fetch, clock, log, onHealthy },
          healthPath: spec.engine.healthPath,
          timeoutMs: spec.connectTimeoutMs,
        }),
      wakeWatch: (news) =>
        new WakeWatch({
          ...{ ...news, clock, unschedulableGraceMs: spec.unschedulableGraceMs },
          workload: scale.name,
          pods: this.#watches.pods(namespace),
          events: this.#watches.events(namespace),
        }),
      meter: createMeter({ fetch, clock, log, metrics: spec.engine.metrics }),
      ...{ clock, log, after },
    });
  }

  close(): Promise<void> {
    return this.#watches.close();
  }

  #upstreamOf({ upstream, service }: ModelSpec, namespace: string, workload: string) {
    if (upstream !== undefined) return { url: upstream };
    const place = service?.namespace ?? namespace;
    return {
      service: service?.name ?? workload,
      namespace: place,
      port: service?.port,
      services: this.#watches.services(place),
      slices: this.#watches.slices(place),
    };
  }

  #resourceOf(scale: WorkloadSpec): Resource {
    if (scale.kind !== "workload") return BUILT_IN[scale.kind];
    const known = this.#kinds.get(`${scale.apiVersion} ${scale.workloadKind}`);
    if (!known) throw new Error(`the kind ${scale.workloadKind} was not learnt`);
    return known;
  }
}

function rootOf(apiVersion: string): string {
  return apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}
