/** What operators see of a workload: how many replicas, and which pods, by the watches that there are anyway. */
import type { GpuTime, PodDetails, TargetDetails } from "../../activator/target_details.ts";
import type { ModelWatches } from "./model_watches.ts";
import type { PodView } from "./pod_view.ts";

/** `starting` are the pods of a wake under way; others are known by their endpoints. */
export function detailsOf(
  { workload, pods: endpoints }: ModelWatches,
  starting: readonly PodView[],
  gpuTime: GpuTime | undefined,
): TargetDetails {
  const pods = new Map<string, PodDetails>();
  for (const { podName: name, node, takesRequests: isReady } of endpoints) {
    if (name === undefined) continue;
    // An endpoint that is not ready may be one that starts, or one that goes.
    pods.set(name, { name, node, isReady, status: isReady ? "ready" : "not ready" });
  }
  for (const { name, node, isReady, isLeaving, containers, unschedulable } of starting) {
    const waiting = containers.find(({ waiting }) => waiting)?.waiting?.reason;
    const status = isLeaving ? "going" : isReady ? "ready" : waiting || "starting";
    pods.set(name, { name, node, isReady, status: unschedulable ? "no node takes it" : status });
  }
  const ready = [...pods.values()].filter(({ isReady }) => isReady).length;
  return {
    ...workload
      ? { replicas: { desired: workload.desired, ready: Math.max(ready, workload.readyReplicas) } }
      : {},
    pods: [...pods.values()],
    ...gpuTime ? { gpuTime } : {},
  };
}
