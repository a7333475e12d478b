/** Makes the targets of one cluster: they share its connection, its watches and its limits. */
import type { ModelSpec } from "../../config/spec.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Fetch } from "../../platform/fetch.ts";
import type { Random } from "../../platform/random.ts";
import type { Log } from "../../telemetry/log.ts";
import { createMeter } from "../usage.ts";
import { type ApiObserver, KubernetesApi } from "./api.ts";
import type { ClusterAccess } from "./cluster_access.ts";
import { isWorkloadModel, Kinds, listOf, nameOf, type WorkloadSpec } from "./kinds.ts";
import { KubernetesTarget } from "./kubernetes_target.ts";
import { Membership } from "./membership.ts";
import { ModelWatches } from "./model_watches.ts";
import { Readiness } from "./readiness.ts";
import { Scaler } from "./scaler.ts";
import { WakeWatch } from "./wake_watch.ts";
import { Watches } from "./watches.ts";
import { type Serving, WorkloadMembership } from "./workload_membership.ts";

export interface KubernetesOptions {
  readonly access: ClusterAccess;
  /** For health requests and metrics. */
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** What the other gateways know this one by: fit for the name of a Lease. */
  readonly identity: string;
  readonly observer?: ApiObserver;
  /** Told of each engine that could not be asked how busy it is. */
  readonly scrapeFailed?: (model: string) => void;
}

export class Kubernetes {
  readonly #api: KubernetesApi;
  readonly #watches: Watches;
  readonly #kinds: Kinds;
  readonly #membership: Membership;
  readonly #serving: Serving = new Map();

  constructor(readonly options: KubernetesOptions) {
    this.#api = new KubernetesApi(options);
    this.#watches = new Watches({ ...options, api: this.#api });
    this.#kinds = new Kinds(this.#api);
    const { namespace } = options.access;
    this.#membership = new Membership({ ...options, api: this.#api, namespace });
    this.#membership.start();
  }

  /** Learns how the API server calls the custom kinds of `models`. @throws if it has no such kind */
  async learnKinds(models: readonly ModelSpec[]): Promise<void> {
    for (const spec of models) {
      if (!isWorkloadModel(spec)) continue;
      await this.#kinds.learn(spec.scale).catch((error: Error) => {
        throw new Error(`model '${spec.name}': ${error.message}`);
      });
    }
  }

  /** The target of a model whose kind was learnt. */
  target(spec: ModelSpec, after: Promise<void>): KubernetesTarget {
    const scale = spec.scale as WorkloadSpec;
    const { clock, fetch, random, scrapeFailed } = this.options;
    const log = this.options.log.with({ model: spec.name });
    const namespace = scale.namespace ?? this.options.access.namespace;
    const resource = this.#kinds.resourceOf(scale);
    const list = listOf(resource, namespace);
    const watches = new ModelWatches({
      name: scale.name,
      workloads: this.#watches.workloads(list),
      upstream: this.#upstreamOf(spec, namespace, scale.name),
      reportsReady: scale.kind !== "workload",
      clock,
    });
    return new KubernetesTarget({
      scaler: new Scaler({
        ...{ api: this.#api, clock, namespace, replicas: spec.replicas },
        name: nameOf(scale, namespace),
        path: `${list}/${scale.name}`,
        resource: resource.plural,
        notesInStatus: scale.kind !== "workload",
      }),
      watches,
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
          reach: () => ({
            emptyService: watches.emptyService,
            healthUrls: watches.endpoints.map(({ url }) => url + spec.engine.healthPath),
          }),
        }),
      meter: createMeter({
        ...{ fetch, clock, log, metrics: spec.engine.metrics },
        onFailure: () => scrapeFailed?.(spec.name),
      }),
      own: new WorkloadMembership(this.#membership, `${list}/${scale.name}`, this.#serving),
      ...{ clock, random, log, after },
    });
  }

  async close(): Promise<void> {
    await this.#membership.leave();
    await this.#watches.close();
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
}
