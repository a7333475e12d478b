/**
 * Why a wake cannot succeed, from its pods and in their words; pure. Trouble that passes, such as a
 * first failed pull or one crash, is no cause: it must not fail the wake.
 */
import type { Failure } from "../../activator/scale_target.ts";
import type { ContainerView, PodView } from "./pod_view.ts";

/** What was seen of the pods of one wake, to count what comes again. */
export interface WakeHistory {
  /** Failed pulls, by pod and container. */
  readonly pulls: ReadonlyMap<string, { readonly count: number; readonly isFailing: boolean }>;
  /** How often each container had ended before this wake. */
  readonly endsBefore: ReadonlyMap<string, number>;
  /** Since when a container waits for its configuration or its volumes, by pod and container. */
  readonly waitingSinceMs: ReadonlyMap<string, number>;
}

/** The history of a wake that begins with `pods`: what happened to them before is not its trouble. */
export function beginHistory(pods: readonly PodView[]): WakeHistory {
  const endsBefore = pods.flatMap((pod) =>
    pod.containers.map((container) => [keyOf(pod, container), container.ends] as const)
  );
  return { pulls: new Map(), waitingSinceMs: new Map(), endsBefore: new Map(endsBefore) };
}

function keyOf({ uid }: PodView, { name }: ContainerView): string {
  return `${uid} ${name}`;
}

export interface Diagnosis {
  /** Undefined: it may still succeed. */
  readonly failure: Failure | undefined;
  readonly history: WakeHistory;
  /** When time alone may make it a failure; `Infinity`: only news can. */
  readonly lookAgainMs: number;
}

/** A Secret or a volume that is on its way makes a container wait, for a moment. */
const CONFIG_GRACE_MS = 10_000;
/** What a controller says may be left from its last try; it says anew within a moment. */
const CREATE_GRACE_MS = 1_000;
const PULLS_MAX = 2;
const ENDS_MAX = 2;

export interface DiagnoseOptions {
  readonly nowMs: number;
  /** Seconds since the epoch, of the same moment. */
  readonly nowS: number;
  readonly unschedulableGraceMs: number;
  /** Why the workload's controller cannot make pods, in the API server's words. */
  readonly cannotCreate?: string | undefined;
}

export function diagnose(
  pods: readonly PodView[],
  before: WakeHistory,
  options: DiagnoseOptions,
): Diagnosis {
  const pulls = new Map(before.pulls);
  const waitingSinceMs = new Map<string, number>();
  const failures: Failure[] = [];
  let lookAgainMs = Infinity;
  const notBefore = (atMs: number, failure: Failure) => {
    if (options.nowMs >= atMs) failures.push(failure);
    else lookAgainMs = Math.min(lookAgainMs, atMs);
  };
  if (options.cannotCreate !== undefined) {
    const sinceMs = before.waitingSinceMs.get("") ?? options.nowMs;
    waitingSinceMs.set("", sinceMs);
    const message = `no pod can be made: ${options.cannotCreate}`;
    notBefore(sinceMs + CREATE_GRACE_MS, { kind: "quota", message });
  }
  const present = pods.filter(({ isLeaving }) => !isLeaving);
  for (const pod of present) {
    if (pod.failed) failures.push(podFailure(pod, pod.failed));
    if (pod.unschedulable) {
      const sinceMs = options.nowMs - (options.nowS - pod.unschedulable.sinceS) * 1000;
      const message = `no node takes pod ${pod.name}: ${pod.unschedulable.message}`;
      notBefore(sinceMs + options.unschedulableGraceMs, { kind: "unschedulable", message });
    }
    for (const container of pod.containers) {
      const key = keyOf(pod, container);
      const now = containerTrouble(pod, container);
      if (now?.when === "at once") failures.push(now.failure);
      if (now?.when === "after grace") {
        const sinceMs = before.waitingSinceMs.get(key) ?? options.nowMs;
        waitingSinceMs.set(key, sinceMs);
        notBefore(sinceMs + CONFIG_GRACE_MS, now.failure);
      }
      const pull = countPull(pulls.get(key), container);
      if (pull) pulls.set(key, pull);
      if (pull && pull.count >= PULLS_MAX) failures.push(pullFailure(pod, container));
    }
  }
  const { endsBefore } = before;
  const crash = crashFailure(pods, endsBefore);
  if (crash) failures.push(crash);
  return { failure: failures[0], history: { pulls, waitingSinceMs, endsBefore }, lookAgainMs };
}

interface Trouble {
  readonly when: "at once" | "after grace";
  readonly failure: Failure;
}

function containerTrouble(
  pod: PodView,
  { name, waiting, image }: ContainerView,
): Trouble | undefined {
  const where = `container ${name} of pod ${pod.name}`;
  switch (waiting?.reason) {
    case "InvalidImageName":
    case "ErrImageNeverPull": {
      const message = `${where} cannot use its image ${image}: ${
        waiting.message || waiting.reason
      }`;
      return { when: "at once", failure: { kind: "image", message } };
    }
    case "CreateContainerConfigError":
    case "CreateContainerError": {
      const message = `${where} cannot be created: ${waiting.message || waiting.reason}`;
      return { when: "after grace", failure: { kind: "config", message } };
    }
    default:
      return undefined;
  }
}

/** A pull fails, is waited for and tried again: `ErrImagePull`, `ImagePullBackOff`, `ErrImagePull`. */
function countPull(
  before: { readonly count: number; readonly isFailing: boolean } | undefined,
  { waiting }: ContainerView,
): { count: number; isFailing: boolean } | undefined {
  const reason = waiting?.reason;
  const isFailing = reason === "ErrImagePull";
  if (!isFailing) {
    // The first that is seen of a failure may be its back-off.
    if (reason === "ImagePullBackOff") return { count: before?.count ?? 1, isFailing: false };
    return before && { ...before, isFailing: false };
  }
  return before?.isFailing ? before : { count: (before?.count ?? 0) + 1, isFailing };
}

function pullFailure(pod: PodView, { name, image, waiting }: ContainerView): Failure {
  const why = waiting?.message || waiting?.reason || "the pull failed";
  const message = `container ${name} of pod ${pod.name} cannot pull its image ${image}: ${why}`;
  return { kind: "image", message };
}

function podFailure(
  pod: PodView,
  { reason, message }: { reason: string; message: string },
): Failure {
  return {
    kind: "crashed",
    message: `pod ${pod.name} failed: ${reason}${message && `: ${message}`}`,
  };
}

/** Ends are counted over all pods of the wake: a crash that is answered by a new pod is one too. */
function crashFailure(
  pods: readonly PodView[],
  before: ReadonlyMap<string, number>,
): Failure | undefined {
  const ends = pods.flatMap((pod) =>
    pod.containers.flatMap((container) => {
      const count = container.ends - (before.get(keyOf(pod, container)) ?? 0);
      return count > 0 ? [{ pod, container, count }] : [];
    })
  );
  if (ends.reduce((sum, { count }) => sum + count, 0) < ENDS_MAX) return undefined;
  const { pod, container } = ends.at(-1)!;
  const { ended } = container;
  const kind = ended?.reason === "OOMKilled" ? "out_of_memory" : "crashed";
  const how = ended
    ? `${ended.reason || "ended"} with exit code ${ended.exitCode}${
      ended.message && `: ${ended.message}`
    }`
    : "it ended";
  const what = container.isInit ? "init container" : "container";
  return { kind, message: `${what} ${container.name} of pod ${pod.name} keeps crashing: ${how}` };
}
