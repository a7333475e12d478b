/** How far a wake has come, from its pods and what events tell of them; pure. */
import type { Progress } from "../../activator/scale_target.ts";
import type { PodView } from "./pod_view.ts";
import type { WakeSigns } from "./wake_signs.ts";

const ORDER = ["scheduling", "pulling", "starting", "loading"] as const;

/** What is said where pods say nothing. */
export interface Silence {
  /** There are none. */
  readonly none: string;
  /** One is ready, and takes no requests. */
  readonly unreached: string;
}

/** Of the pod that has come furthest. */
export function progressOf(
  pods: readonly PodView[],
  signs: WakeSigns,
  { none, unreached }: Silence,
): Progress {
  const present = pods.filter(({ isLeaving, failed }) => !isLeaving && !failed);
  const all = present.map((pod) => progressOfPod(pod, signs, unreached));
  const rank = ({ phase }: Progress) => ORDER.indexOf(phase);
  return all.reduce<Progress | undefined>(
    (best, each) => best && rank(best) >= rank(each) ? best : each,
    undefined,
  ) ?? { phase: "scheduling", detail: none };
}

function progressOfPod(pod: PodView, signs: WakeSigns, unreached: string): Progress {
  const { pull, warning, nodeComes } = signs.of(pod.uid);
  const where = `pod ${pod.name}${pod.node ? ` on node ${pod.node}` : ""}`;
  const trouble = warning && ` (${warning})`;
  if (!pod.isScheduled) {
    const why = nodeComes
      ? "a node is being added for it"
      : pod.unschedulable?.message ?? "no node yet";
    return { phase: "scheduling", detail: `${where}: ${why}` };
  }
  const running = pod.containers.find(({ isInit, isRunning }) => isRunning && !isInit);
  if (running) {
    const asked = running.probe &&
      `: it loads, or its readinessProbe (${running.probe}) asks in the wrong place`;
    const what = pod.isReady
      ? `ready, but ${unreached}`
      : `its container ${running.name} runs and is not ready yet${asked ?? ""}`;
    return { phase: "loading", detail: `${where}: ${what}` };
  }
  if (pull === "pulling" || pod.containers.some(isPulling)) {
    const images = pod.containers.map(({ image }) => image).filter(Boolean).join(", ");
    return { phase: "pulling", detail: `${where}: pulls ${images || "its image"}${trouble ?? ""}` };
  }
  const init = pod.containers.find(({ isInit, isRunning }) => isRunning && isInit);
  const what = init ? `init container ${init.name} runs` : "its containers are made";
  return { phase: "starting", detail: `${where}: ${what}${trouble ?? ""}` };
}

function isPulling({ waiting }: PodView["containers"][number]): boolean {
  return waiting?.reason === "ErrImagePull" || waiting?.reason === "ImagePullBackOff";
}
