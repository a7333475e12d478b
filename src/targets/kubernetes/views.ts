/** The little that is kept of each object; a thousand models must fit into a few MiB. */
import type { SleepMode } from "../../activator/scale_target.ts";
import { gpusPerReplica, type ReplicaSpec } from "./gpus.ts";
import type { KubernetesObject } from "./reflector.ts";

/** A Deployment, a StatefulSet, or anything else with replicas. */
export interface WorkloadView {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** Seconds since the epoch. */
  readonly createdS: number;
  readonly generation: number;
  /** The generation that its controller has acted upon; kinds without one: their generation. */
  readonly observedGeneration: number;
  /** Wanted, and there. */
  readonly desired: number;
  readonly replicas: number;
  /** Ready and not on their way out; kinds that do not say so: 0. */
  readonly readyReplicas: number;
  /** Of its pods. */
  readonly selector: Readonly<Record<string, string>>;
  /** Why its controller cannot make pods: quota, admission, no service account. */
  readonly cannotCreate: string | undefined;
  /** A paused Deployment makes no pods of a template that it never made any of. */
  readonly isPaused: boolean;
  /** What its controller says of a rollout that does not go on; a hint, no cause. */
  readonly stalled: string | undefined;
  /** How many it had before we put it to sleep. */
  readonly slept: number | undefined;
  /** A gateway's announcement that it is about to put it to zero; undefined unless it stands. */
  readonly announced: Announcement | undefined;
  /** By the clock on the wall; undefined: it was never pinned, or no longer is. */
  readonly pinnedUntilMs: number | undefined;
  /** GPUs that one of its replicas asks for; undefined: its kind does not say. */
  readonly gpusPerReplica: number | undefined;
  /** The record of its GPU time, as it is written. */
  readonly gpuTime: string | undefined;
}

/** It stands as long as the workload has the generation that it was written over: any change of what is wanted ends it. */
export interface Announcement {
  /** A new one each time. */
  readonly token: string;
  /** The Lease of the gateway that wrote it. */
  readonly by: string;
  readonly generation: number;
  readonly mode: SleepMode;
}

export interface ServiceView {
  /** In the order of the Service. */
  readonly ports: readonly { readonly name: string; readonly port: number }[];
}

/** One slice of a Service's endpoints; its ports are the pods'. */
export interface SliceView {
  readonly service: string;
  readonly ports: readonly { readonly name: string; readonly port: number }[];
  readonly endpoints: readonly EndpointView[];
}

export interface EndpointView {
  readonly address: string;
  /** Ready and not on its way out. */
  readonly takesRequests: boolean;
  /** The pod's uid; undefined for endpoints that are no pods. */
  readonly pod: string | undefined;
  readonly podName: string | undefined;
  readonly node: string | undefined;
}

/** On the workload: the replicas that it had before it was put to sleep. */
export const REPLICAS_ANNOTATION = "vllm-autoscaler/replicas";
/** On the workload: an `Announcement`. */
export const STOPPING_ANNOTATION = "vllm-autoscaler/stopping";
/** On the workload: until when nobody puts it to sleep for being idle, as ISO 8601. */
export const PINNED_ANNOTATION = "vllm-autoscaler/pinned-until";
/** On the workload: what `gpu_time.ts` prints. */
export const GPU_TIME_ANNOTATION = "vllm-autoscaler/gpu-time";

export function workloadView(object: KubernetesObject): WorkloadView {
  const { metadata, spec, status } = object as KubernetesObject & {
    metadata: {
      generation?: number;
      creationTimestamp?: string;
      annotations?: Record<string, string>;
    };
    spec?: {
      replicas?: number;
      paused?: boolean;
      selector?: { matchLabels?: Record<string, string> };
    } & ReplicaSpec;
    status?: {
      replicas?: number;
      readyReplicas?: number;
      observedGeneration?: number;
      conditions?: readonly { type: string; status: string; reason?: string; message?: string }[];
    };
  };
  const generation = metadata.generation ?? 0;
  const { annotations = {} } = metadata;
  const slept = Number(annotations[REPLICAS_ANNOTATION]);
  const pinnedUntilMs = Date.parse(annotations[PINNED_ANNOTATION] ?? "");
  return {
    name: metadata.name,
    uid: metadata.uid,
    createdS: Date.parse(metadata.creationTimestamp ?? "") / 1000 || 0,
    resourceVersion: metadata.resourceVersion,
    generation,
    observedGeneration: status?.observedGeneration ?? generation,
    // The API server's own default.
    desired: spec?.replicas ?? 1,
    replicas: status?.replicas ?? 0,
    readyReplicas: status?.readyReplicas ?? 0,
    selector: spec?.selector?.matchLabels ?? {},
    cannotCreate: status?.conditions
      ?.find(({ type, status }) => type === "ReplicaFailure" && status === "True")?.message,
    isPaused: spec?.paused === true,
    stalled: status?.conditions
      ?.find(({ reason }) => reason === "ProgressDeadlineExceeded")?.message,
    slept: Number.isInteger(slept) && slept > 0 ? slept : undefined,
    announced: announcementOf(annotations[STOPPING_ANNOTATION], generation),
    pinnedUntilMs: Number.isNaN(pinnedUntilMs) ? undefined : pinnedUntilMs,
    gpusPerReplica: gpusPerReplica(spec),
    gpuTime: annotations[GPU_TIME_ANNOTATION],
  };
}

/** What is none, or of another generation, does not stand. */
function announcementOf(text: string | undefined, generation: number): Announcement | undefined {
  if (text === undefined) return undefined;
  try {
    const { token, by, generation: of, mode } = JSON.parse(text) as Partial<Announcement>;
    if (typeof token !== "string" || typeof by !== "string" || of !== generation) return undefined;
    return { token, by, generation, mode: isMode(mode) ? mode : "idle" };
  } catch {
    return undefined;
  }
}

/** A word of a later version is none: then it is kept up by whoever used it. */
function isMode(text: string | undefined): text is SleepMode {
  return text === "idle" || text === "unusable" || text === "now" || text === "force";
}

export function serviceView(object: KubernetesObject): ServiceView {
  const { spec } = object as KubernetesObject & {
    spec?: { ports?: readonly { name?: string; port: number }[] };
  };
  return { ports: (spec?.ports ?? []).map(({ name = "", port }) => ({ name, port })) };
}

export function sliceView(object: KubernetesObject): SliceView | undefined {
  const { metadata, ports, endpoints } = object as KubernetesObject & {
    metadata: { labels?: Record<string, string> };
    ports?: readonly { name?: string; port?: number }[];
    endpoints?: readonly {
      addresses: readonly string[];
      conditions?: { ready?: boolean; terminating?: boolean };
      targetRef?: { kind?: string; uid?: string; name?: string };
      nodeName?: string;
    }[];
  };
  const service = metadata.labels?.["kubernetes.io/service-name"];
  if (service === undefined) return undefined;
  return {
    service,
    ports: (ports ?? []).flatMap(({ name = "", port }) =>
      port === undefined ? [] : [{ name, port }]
    ),
    endpoints: (endpoints ?? []).flatMap(({ addresses, conditions, targetRef, nodeName }) => {
      const address = addresses[0];
      if (address === undefined) return [];
      // Unknown counts as ready, says the API; terminating never does.
      const takesRequests = conditions?.ready !== false && conditions?.terminating !== true;
      const isPod = targetRef?.kind === "Pod";
      return [{
        address,
        takesRequests,
        pod: isPod ? targetRef.uid : undefined,
        podName: isPod ? targetRef.name : undefined,
        node: nodeName,
      }];
    }),
  };
}
