/** What went wrong with a workload's pods in the last hour, as long as the cluster remembers it; pure. */
import type { Finding } from "../finding.ts";
import type { KubernetesObject } from "./reflector.ts";
import { REMEDIES } from "./remedies.ts";

type Told = Omit<Finding, "about">;

export interface EventObject extends KubernetesObject {
  readonly metadata: KubernetesObject["metadata"] & { readonly creationTimestamp?: string };
  readonly involvedObject?: { readonly kind?: string; readonly name?: string };
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
}

const TOLD_MAX = 2;

/** The latest of each kind of trouble, as warnings: it may be over. `nowMs` since the epoch. */
export function examineEvents(
  workload: string,
  events: readonly EventObject[],
  nowMs: number,
): Told[] {
  const troubles = events
    .filter((event) => event.type === "Warning" && isOf(workload, event) && remedyOf(event))
    .sort((a, b) => timeMs(b) - timeMs(a));
  const latest = Map.groupBy(troubles, (event) => remedyOf(event)!);
  return [...latest].slice(0, TOLD_MAX).map(([remedy, [event]]) => {
    const { involvedObject, reason, message } = event!;
    const what = `${involvedObject!.kind?.toLowerCase()} ${involvedObject!.name}`;
    const text = `${ago(nowMs - timeMs(event!))} ago, ${what}: ${reason}: ${message?.trim()}`;
    return { level: "warn", text, remedy };
  });
}

/** The workload itself, its ReplicaSet `NAME-5d4f`, its pods `NAME-5d4f-x8abc` or `NAME-0`. */
function isOf(workload: string, { involvedObject: { name = "" } = {} }: EventObject): boolean {
  if (!name.startsWith(workload)) return false;
  return /^(-\d+|-[a-z0-9]{1,10}(-[a-z0-9]{5})?)?$/.test(name.slice(workload.length));
}

function timeMs({ lastTimestamp, eventTime, metadata }: EventObject): number {
  return Date.parse(lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? "") || 0;
}

function ago(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  return minutes < 1 ? "less than a minute" : `${minutes} minute${minutes === 1 ? "" : "s"}`;
}

/** Undefined: it is no trouble, or says less than another event of the same. */
function remedyOf({ reason = "", message = "" }: EventObject): string | undefined {
  switch (reason) {
    case "Failed":
      return /pull|image/i.test(message) && !/^Error: /.test(message) ? REMEDIES.image : undefined;
    case "InspectFailed":
    case "ErrImageNeverPull":
      return REMEDIES.image;
    case "FailedScheduling":
      return REMEDIES.unschedulable;
    case "FailedCreate":
      return /quota/i.test(message) ? REMEDIES.quota : REMEDIES.template;
    case "FailedMount":
    case "FailedAttachVolume":
      return REMEDIES.mount;
    case "BackOff":
      return /restarting/i.test(message) ? REMEDIES.crashed : REMEDIES.image;
    case "Evicted":
      return REMEDIES.evicted;
    case "Unhealthy":
      return /readiness/i.test(message) ? REMEDIES.probe : undefined;
    default:
      return undefined;
  }
}
