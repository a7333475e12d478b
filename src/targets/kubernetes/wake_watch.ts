/** Follows the pods of a workload while it starts, and says so when it cannot. */
import type { Failure } from "../../activator/scale_target.ts";
import type { Clock } from "../../platform/clock.ts";
import { beginHistory, diagnose, type WakeHistory } from "./causes.ts";
import type { PodWatch, Selector } from "./pod_watch.ts";
import type { WorkloadView } from "./views.ts";

export interface WakeWatchOptions {
  readonly pods: PodWatch;
  readonly clock: Clock;
  readonly unschedulableGraceMs: number;
  readonly onFailure: (failure: Failure) => void;
}

export class WakeWatch {
  #wake: {
    readonly listening: Disposable;
    workload: WorkloadView;
    history: WakeHistory;
  } | undefined;
  #timer: Disposable | undefined;

  constructor(readonly options: WakeWatchOptions) {}

  /** The workload starts; called again with its news. */
  follow(workload: WorkloadView): void {
    const { pods } = this.options;
    if (!this.#wake) {
      this.#wake = {
        listening: pods.listen(workload.selector, () => this.#look()),
        workload,
        history: beginHistory(pods.of(workload.selector)),
      };
    }
    this.#wake.workload = workload;
    this.#look();
  }

  /** It is up, or at zero. */
  end(): void {
    this.#wake?.listening[Symbol.dispose]();
    this.#wake = undefined;
    this.#timer?.[Symbol.dispose]();
  }

  #look(): void {
    const wake = this.#wake;
    if (!wake) return;
    const { clock, pods, unschedulableGraceMs } = this.options;
    const selector: Selector = wake.workload.selector;
    const nowMs = clock.nowMs();
    const { failure, history, lookAgainMs } = diagnose(pods.of(selector), wake.history, {
      ...{ nowMs, nowS: clock.wallMs() / 1000, unschedulableGraceMs },
      cannotCreate: wake.workload.cannotCreate,
    });
    wake.history = history;
    this.#timer?.[Symbol.dispose]();
    // Told as often as it is seen: whoever listens may not have been waking before.
    if (failure) this.options.onFailure(failure);
    else this.#timer = clock.timer(lookAgainMs - nowMs, () => this.#look());
  }
}
