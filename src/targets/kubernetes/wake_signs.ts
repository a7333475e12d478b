/** What events tell of a wake beyond its pods' own status: pulls, volumes, nodes to come, pods not made. */
import type { EventView } from "./wake_events.ts";

interface PodSigns {
  pull?: "pulling" | "pulled";
  /** A volume that cannot be mounted, until something else happens to the pod. */
  mount?: string;
  /** An autoscaler brings a node for it. */
  nodeComes?: true;
  /** What went wrong last, whether it matters or not. */
  warning?: string;
}

/** Of pods that nobody knows: a node's worth of them, no more. */
const PODS_MAX = 512;

export class WakeSigns {
  readonly #pods = new Map<string, PodSigns>();
  /** Why no pod could be made, in the words of whoever tried. */
  cannotCreate: string | undefined;

  /** `workload` is the name of what is woken. */
  constructor(readonly workload: string) {}

  note(event: EventView): void {
    if (event.kind === "Pod") this.#notePod(event);
    else if (event.reason === "SuccessfulCreate") this.cannotCreate = undefined;
    else if (event.reason === "FailedCreate" && this.#isOurs(event)) {
      this.cannotCreate = event.message;
    }
  }

  /** By the pod's uid. */
  of(pod: string): Readonly<PodSigns> {
    return this.#pods.get(pod) ?? {};
  }

  clear(): void {
    this.#pods.clear();
    this.cannotCreate = undefined;
  }

  /** The workload itself, or its ReplicaSet: `vllm-5d4f` is of `vllm`, `vllm-big-5d4f` is not. */
  #isOurs({ name }: EventView): boolean {
    return name === this.workload || name.slice(0, name.lastIndexOf("-")) === this.workload;
  }

  #notePod({ uid, reason, message, isWarning }: EventView): void {
    const signs = this.#pods.get(uid) ?? {};
    if (this.#pods.size < PODS_MAX) this.#pods.set(uid, signs);
    if (isWarning) signs.warning = `${reason}: ${message}`;
    switch (reason) {
      case "FailedMount":
        signs.mount = message;
        return;
      // Cluster Autoscaler's words, and Karpenter's.
      case "TriggeredScaleUp":
      case "Nominated":
        signs.nodeComes = true;
        return;
      case "NotTriggerScaleUp":
      case "FailedScaleUp":
        delete signs.nodeComes;
        return;
      case "Pulling":
        signs.pull = "pulling";
        delete signs.mount;
        return;
      case "Pulled":
      case "Created":
      case "Started":
        signs.pull = "pulled";
        delete signs.mount;
    }
  }
}
