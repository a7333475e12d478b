/** What operators see of a workload: how many replicas, which pods, how much GPU time, each as it is asked for. */
import type { PodDetails, TargetDetails } from "../../activator/target_details.ts";
import type { ModelWatches } from "./model_watches.ts";
import type { Notes } from "./notes.ts";
import type { WakeWatch } from "./wake_watch.ts";

export class WorkloadDetails implements TargetDetails {
  constructor(
    readonly watches: ModelWatches,
    readonly wakeWatch: WakeWatch,
    readonly notes: Notes,
  ) {}

  get replicas(): TargetDetails["replicas"] {
    const { workload } = this.watches;
    if (!workload) return undefined;
    const ready = this.pods.filter(({ isReady }) => isReady).length;
    return { desired: workload.desired, ready: Math.max(ready, workload.readyReplicas) };
  }

  get pods(): PodDetails[] {
    const pods = new Map<string, PodDetails>();
    for (const { podName: name, node, takesRequests: isReady } of this.watches.pods) {
      if (name === undefined) continue;
      // An endpoint that is not ready may be one that starts, or one that goes.
      pods.set(name, { name, node, isReady, status: isReady ? "ready" : "not ready" });
    }
    for (const pod of this.wakeWatch.pods) {
      const { name, node, isReady, isLeaving, containers, unschedulable } = pod;
      const waiting = containers.find(({ waiting }) => waiting)?.waiting?.reason;
      const status = isLeaving ? "going" : isReady ? "ready" : waiting || "starting";
      pods.set(name, { name, node, isReady, status: unschedulable ? "no node takes it" : status });
    }
    return [...pods.values()];
  }

  get gpuTime(): TargetDetails["gpuTime"] {
    return this.notes.gpuTime(this.watches.workload);
  }

  get gpuTotal(): TargetDetails["gpuTotal"] {
    return this.notes.gpuTotal(this.watches.workload);
  }
}
