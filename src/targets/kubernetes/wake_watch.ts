/** Follows the pods of a workload while it starts: how far they are, and that they cannot. */
import type { PodView } from "./pod_view.ts";
import type { Failure, Progress } from "../../activator/scale_target.ts";
import type { Clock } from "../../platform/clock.ts";
import { beginHistory, diagnose, type WakeHistory } from "./causes.ts";
import { progressOf } from "./phases.ts";
import type { PodListening, PodWatch } from "./pod_watch.ts";
import { cannotWatch } from "./refusal.ts";
import type { WorkloadView } from "./views.ts";
import type { EventWatch } from "./wake_events.ts";
import { WakeSigns } from "./wake_signs.ts";

export interface WakeWatchOptions {
  /** The workload's name. */
  readonly workload: string;
  readonly pods: PodWatch;
  readonly events: EventWatch;
  readonly clock: Clock;
  readonly unschedulableGraceMs: number;
  /** Where its pods are looked for. */
  readonly reach: () => Reach;
  readonly onFailure: (failure: Failure) => void;
  readonly onProgress: (progress: Progress) => void;
}

export interface Reach {
  /** A Service that is there and leads to no pod, e.g. `service ai/vllm`. */
  readonly emptyService: string | undefined;
  /** Of the endpoints that are ready in the cluster's eyes: what has to answer. */
  readonly healthUrls: readonly string[];
}

export class WakeWatch {
  #workload: WorkloadView | undefined;
  #serviceFault: Failure | undefined;
  #listening: PodListening | undefined;
  #selector = "";
  /** The wake under way. */
  #history: WakeHistory | undefined;
  readonly #signs: WakeSigns;
  readonly #events: Disposable;
  #timer: Disposable | undefined;

  constructor(readonly options: WakeWatchOptions) {
    this.#signs = new WakeSigns(options.workload);
    this.#events = options.events.listen(options.workload, (event) => {
      this.#signs.note(event);
      this.#look();
    });
  }

  /**
   * The workload as it is now, undefined if it is not there; `isStarting`: it is to be up, and is not.
   * `serviceFault`: why no request could reach its pods.
   */
  follow(
    workload: WorkloadView | undefined,
    isStarting: boolean,
    serviceFault: Failure | undefined,
  ): void {
    this.#workload = workload;
    this.#serviceFault = serviceFault;
    const selector = JSON.stringify(workload?.selector ?? {});
    if (selector !== this.#selector) this.#listen(selector);
    if (isStarting) this.#history ??= beginHistory(this.pods);
    else this.#rest();
    this.#look();
  }

  close(): void {
    this.#events[Symbol.dispose]();
    this.#listening?.[Symbol.dispose]();
    this.#rest();
  }

  /** All of the workload, as far as they may be seen. */
  get pods(): readonly PodView[] {
    return this.#listening?.pods() ?? [];
  }

  #listen(selector: string): void {
    this.#selector = selector;
    this.#listening?.[Symbol.dispose]();
    this.#listening = selector === "{}"
      ? undefined
      : this.options.pods.listen(this.#workload!.selector, () => this.#look());
  }

  #rest(): void {
    // Once at zero, the events of the next wake may come before the news of it.
    if (this.#history || this.#workload?.desired !== 0) this.#signs.clear();
    this.#history = undefined;
    this.#timer?.[Symbol.dispose]();
  }

  #look(): void {
    const { clock, unschedulableGraceMs } = this.options;
    const workload = this.#workload;
    if (!this.#history || !workload) return;
    const nowMs = clock.nowMs();
    const pods = this.pods;
    const signs = this.#signs;
    const { cannotCreate, isPaused } = workload;
    const { failure, history, lookAgainMs } = diagnose(pods, this.#history, {
      ...{ nowMs, unschedulableGraceMs, signs, cannotCreate, isPaused },
      serviceFault: this.#serviceFault,
      emptyService: this.options.reach().emptyService,
    });
    this.#history = history;
    this.#timer?.[Symbol.dispose]();
    // Told as often as it is seen: whoever listens may not have been waking before.
    if (failure) return this.options.onFailure(failure);
    const silence = { none: this.#withoutPods(workload), unreached: this.#unreached() };
    this.options.onProgress(progressOf(pods, signs, silence));
    if (lookAgainMs < Infinity) this.#timer = clock.timer(lookAgainMs - nowMs, () => this.#look());
  }

  /** Why nothing is sent to a pod that is ready. */
  #unreached(): string {
    const { emptyService, healthUrls: [url] } = this.options.reach();
    if (url !== undefined) {
      return `${url} does not answer as it should: is that the port on which the engine listens?`;
    }
    return emptyService ? `${emptyService} does not lead to it yet` : "nothing leads to it yet";
  }

  /** What there is to say while no pod is seen. */
  #withoutPods({ stalled }: WorkloadView): string {
    const { reflector } = this.options.pods;
    if (reflector.refusal !== undefined) {
      return `why it does not start cannot be seen: ${
        cannotWatch(reflector.path, reflector.refusal).message
      }`;
    }
    return stalled ?? "it has no pods yet";
  }
}
