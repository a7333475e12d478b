/**
 * Why a wake cannot succeed, from its pods and in their words; pure. Trouble that passes, such as a
 * first failed pull or one crash, is no cause: it must not fail the wake.
 */
import type { Failure } from "../../activator/scale_target.ts";
import { unreachedFailure } from "./empty_service.ts";
import type { ContainerView, PodView } from "./pod_view.ts";
import { REMEDIES, withRemedy } from "./remedies.ts";
import type { WakeSigns } from "./wake_signs.ts";

/** What was seen of the pods of one wake, to count what comes again and to time what lasts. */
export interface WakeHistory {
  /** Failed pulls, by pod and container. */
  readonly pulls: ReadonlyMap<string, Pull>;
  /** How often each container had ended before this wake. */
  readonly endsBefore: ReadonlyMap<string, number>;
  /** How often each pod's containers have ended since, by uid; also of pods that are gone. */
  readonly ends: ReadonlyMap<string, { readonly count: number; readonly failure: Failure }>;
  /** Since when each trouble lasts that may pass. */
  readonly sinceMs: ReadonlyMap<string, number>;
}

interface Pull {
  readonly count: number;
  readonly isFailing: boolean;
}

/** The history of a wake that begins with `pods`: what happened to them before is not its trouble. */
export function beginHistory(pods: readonly PodView[]): WakeHistory {
  const endsBefore = pods.flatMap((pod) =>
    pod.containers.map((container) => [keyOf(pod, container), container.ends] as const)
  );
  // A pod that had failed has been replaced, or will be.
  const failedBefore = pods.flatMap((pod) => pod.failed ? [[pod.uid, 1] as const] : []);
  const none = new Map();
  return {
    ...{ pulls: none, sinceMs: none, ends: none },
    endsBefore: new Map([...endsBefore, ...failedBefore]),
  };
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
/** A pod that is ready is among its Service's endpoints within a moment, or never. */
const UNREACHED_GRACE_MS = 20_000;
const PULLS_MAX = 2;
const ENDS_MAX = 2;

export interface DiagnoseOptions {
  readonly nowMs: number;
  readonly unschedulableGraceMs: number;
  readonly signs: WakeSigns;
  /** Why the workload's controller cannot make pods, in the API server's words. */
  readonly cannotCreate: string | undefined;
  readonly isPaused: boolean;
  /** Why no request could reach its pods. */
  readonly serviceFault?: Failure | undefined;
  /** A Service that is there and leads to no pod, e.g. `service ai/vllm`. */
  readonly emptyService?: string | undefined;
}

/** Trouble that is a cause once it has lasted for its grace. */
interface Trouble {
  readonly key: string;
  readonly graceMs: number;
  readonly failure: Failure;
}

export function diagnose(
  pods: readonly PodView[],
  before: WakeHistory,
  options: DiagnoseOptions,
): Diagnosis {
  const { nowMs } = options;
  const present = pods.filter(({ isLeaving, failed }) => !isLeaving && !failed);
  const { serviceFault, emptyService } = options;
  const unreached = emptyService && unreachedFailure(present, emptyService);
  const troubles = [
    // Whoever applies a Deployment and a Service makes one of them first.
    ...serviceFault ? [{ key: "service", graceMs: CONFIG_GRACE_MS, failure: serviceFault }] : [],
    ...creationTroubles(present, options),
    ...present.flatMap((pod) => podTroubles(pod, options)),
    ...unreached ? [{ key: "unreached", graceMs: UNREACHED_GRACE_MS, failure: unreached }] : [],
  ];
  const sinceMs = new Map(
    troubles.map(({ key }) => [key, before.sinceMs.get(key) ?? nowMs]),
  );
  const dueMs = ({ key, graceMs }: Trouble) => sinceMs.get(key)! + graceMs;
  const pulls = countPulls(present, before.pulls);
  const ends = countEnds(pods, before);
  const failure = troubles.find((trouble) => dueMs(trouble) <= nowMs)?.failure ??
    pullFailure(present, pulls) ?? endFailure(ends);
  return {
    failure,
    history: { ...before, pulls, ends, sinceMs },
    lookAgainMs: Math.min(...troubles.map(dueMs).filter((atMs) => atMs > nowMs)),
  };
}

/** No pod can be made. */
function creationTroubles(
  present: readonly PodView[],
  { cannotCreate, isPaused, signs }: DiagnoseOptions,
): Trouble[] {
  if (present.length > 0) return [];
  const troubles: Trouble[] = [];
  const words = cannotCreate ?? signs.cannotCreate;
  if (words !== undefined) {
    const isQuota = /quota/i.test(words);
    const remedy = isQuota ? REMEDIES.quota : REMEDIES.template;
    const message = withRemedy(`no pod can be made: ${words}`, remedy);
    const failure = { kind: isQuota ? "quota" : "config", message } as const;
    troubles.push({ key: "create", graceMs: CREATE_GRACE_MS, failure });
  }
  if (isPaused) {
    const message = withRemedy("it is paused and makes no pods", REMEDIES.paused);
    const failure = { kind: "config", message } as const;
    troubles.push({ key: "paused", graceMs: CONFIG_GRACE_MS, failure });
  }
  return troubles;
}

function podTroubles(
  pod: PodView,
  { unschedulableGraceMs, signs }: DiagnoseOptions,
): Trouble[] {
  const { mount, nodeComes } = signs.of(pod.uid);
  const troubles = pod.containers.flatMap((container) => containerTrouble(pod, container) ?? []);
  if (pod.unschedulable && !nodeComes) {
    const fact = `no node takes pod ${pod.name}: ${pod.unschedulable.message}`;
    const message = withRemedy(fact, REMEDIES.unschedulable);
    const failure = { kind: "unschedulable", message } as const;
    troubles.push({ key: `${pod.uid} node`, graceMs: unschedulableGraceMs, failure });
  }
  const hasStarted = pod.containers.some(({ isRunning, ends }) => isRunning || ends > 0);
  if (mount !== undefined && !hasStarted) {
    const fact = `pod ${pod.name} cannot mount a volume: ${mount}`;
    const message = withRemedy(fact, REMEDIES.mount);
    const failure = { kind: "config", message } as const;
    troubles.push({ key: `${pod.uid} mount`, graceMs: CONFIG_GRACE_MS, failure });
  }
  return troubles;
}

function containerTrouble(pod: PodView, container: ContainerView): Trouble | undefined {
  const { name, waiting, image } = container;
  const key = keyOf(pod, container);
  const where = `container ${name} of pod ${pod.name}`;
  const words = waiting?.message || waiting?.reason;
  switch (waiting?.reason) {
    case "InvalidImageName":
    case "ErrImageNeverPull": {
      const fact = `${where} cannot use its image ${image}: ${words}`;
      const message = withRemedy(fact, REMEDIES.image);
      return { key, graceMs: 0, failure: { kind: "image", message } };
    }
    case "CreateContainerConfigError":
    case "CreateContainerError": {
      const message = withRemedy(`${where} cannot be created: ${words}`, REMEDIES.template);
      return { key, graceMs: CONFIG_GRACE_MS, failure: { kind: "config", message } };
    }
    default:
      return undefined;
  }
}

function countPulls(
  pods: readonly PodView[],
  before: ReadonlyMap<string, Pull>,
): ReadonlyMap<string, Pull> {
  const pulls = new Map(before);
  for (const pod of pods) {
    for (const container of pod.containers) {
      const key = keyOf(pod, container);
      const pull = countPull(pulls.get(key), container);
      if (pull) pulls.set(key, pull);
    }
  }
  return pulls;
}

/** A pull fails, is waited for and tried again: `ErrImagePull`, `ImagePullBackOff`, `ErrImagePull`. */
function countPull(before: Pull | undefined, { waiting }: ContainerView): Pull | undefined {
  const reason = waiting?.reason;
  const isFailing = reason === "ErrImagePull";
  if (!isFailing) {
    // The first that is seen of a failure may be its back-off.
    if (reason === "ImagePullBackOff") return { count: before?.count ?? 1, isFailing: false };
    return before && { ...before, isFailing: false };
  }
  return before?.isFailing ? before : { count: (before?.count ?? 0) + 1, isFailing };
}

function pullFailure(
  pods: readonly PodView[],
  pulls: ReadonlyMap<string, Pull>,
): Failure | undefined {
  for (const pod of pods) {
    for (const container of pod.containers) {
      const { name, image, waiting } = container;
      if ((pulls.get(keyOf(pod, container))?.count ?? 0) < PULLS_MAX || !waiting) continue;
      const why = waiting.message || waiting.reason;
      const fact = `container ${name} of pod ${pod.name} cannot pull its image ${image}: ${why}`;
      return { kind: "image", message: withRemedy(fact, REMEDIES.image) };
    }
  }
  return undefined;
}

/** Of each pod; an eviction is an end as well, and its containers end with it. */
function countEnds(pods: readonly PodView[], before: WakeHistory): WakeHistory["ends"] {
  const ends = new Map(before.ends);
  // One that is told to go ends because of that.
  for (const pod of pods.filter(({ isLeaving }) => !isLeaving)) {
    const fresh = pod.containers.map((container) => ({
      container,
      count: container.ends - (before.endsBefore.get(keyOf(pod, container)) ?? 0),
    })).filter(({ count }) => count > 0);
    const failed = before.endsBefore.has(pod.uid) ? undefined : pod.failed;
    const count = Math.max(fresh.reduce((sum, { count }) => sum + count, 0), failed ? 1 : 0);
    if (count === 0) continue;
    const isEvicted = failed && (failed.message !== "" || fresh.length === 0);
    const failure = isEvicted
      ? podFailure(pod, failed)
      : crashFailure(pod, fresh.at(-1)!.container);
    // The latest stands last.
    if ((ends.get(pod.uid)?.count ?? 0) < count) ends.delete(pod.uid);
    ends.set(pod.uid, { count: Math.max(count, ends.get(pod.uid)?.count ?? 0), failure });
  }
  return ends;
}

/** Ends are counted over all pods of the wake: a crash that is answered by a new pod is one too. */
function endFailure(ends: WakeHistory["ends"]): Failure | undefined {
  const all = [...ends.values()];
  const count = all.reduce((sum, each) => sum + each.count, 0);
  return count < ENDS_MAX ? undefined : all.at(-1)!.failure;
}

/** Of a pod that failed as a whole. */
export function podFailure(
  pod: PodView,
  { reason, message }: { readonly reason: string; readonly message: string },
): Failure {
  const words = `${reason}${message && `: ${message}`}`;
  const fact = `pod ${pod.name} failed: ${words}`;
  const remedy = reason === "Evicted" ? REMEDIES.evicted : REMEDIES.crashed;
  return { kind: "crashed", message: withRemedy(fact, remedy) };
}

/** How a container ended last. */
export function crashFailure(pod: PodView, { name, isInit, ended }: ContainerView): Failure {
  const kind = ended?.reason === "OOMKilled" ? "out_of_memory" : "crashed";
  const how = ended
    ? `${ended.reason || "ended"} with exit code ${ended.exitCode}${
      ended.message && `: ${ended.message}`
    }`
    : "it ended";
  const what = isInit ? "init container" : "container";
  const fact = `${what} ${name} of pod ${pod.name} keeps crashing: ${how}`;
  // Its own last words say more than we could.
  if (ended?.message) return { kind, message: fact };
  const remedy = kind === "out_of_memory" ? REMEDIES.memory : REMEDIES.crashed;
  return { kind, message: withRemedy(fact, remedy) };
}
