/** What is asked before a sleep, and what it then insists on: the workload, and how busy its engines were. */
import { UNKNOWN, type Usage } from "../../activator/scale_target.ts";
import type { Log } from "../../telemetry/log.ts";
import type { ModelWatches } from "./model_watches.ts";
import type { Scaler } from "./scaler.ts";
import type { WorkloadView } from "./views.ts";
import type { WorkloadMembership } from "./workload_membership.ts";

export interface SleepCheckOptions {
  readonly scaler: Scaler;
  readonly watches: ModelWatches;
  readonly own: WorkloadMembership;
  readonly log: Log;
  /** Of the engines that are known. */
  readonly ask: (signal: AbortSignal) => Promise<Usage>;
}

export interface Checked {
  readonly workload: WorkloadView;
  readonly usage: Usage;
}

export class SleepCheck {
  #checked: Checked | undefined;

  constructor(readonly options: SleepCheckOptions) {}

  /** What was found last counts for one sleep only. */
  take(): Checked | undefined {
    const checked = this.#checked;
    this.#checked = undefined;
    return checked;
  }

  async measure(signal: AbortSignal, beforeSleep: boolean): Promise<Usage> {
    this.#checked = undefined;
    // Stale news is no news: an engine that nobody knows of could be busy.
    const { watches, own, scaler, log, ask } = this.options;
    if (!watches.isFresh) return UNKNOWN;
    const { refusal } = own.membership;
    if (refusal) {
      const reason = `grant list, watch, create, patch and delete on leases (${refusal})`;
      log.warn("cannot agree with other gateways: not put to sleep", { reason });
      return UNKNOWN;
    }
    let workload: WorkloadView | undefined;
    if (beforeSleep) {
      try {
        workload = await scaler.read(signal);
      } catch (error) {
        signal.throwIfAborted();
        const reason = (error as Error).message;
        log.warn("cannot see its workload: not put to sleep", { reason });
        return UNKNOWN;
      }
    }
    const usage = { ...await ask(signal), usedAgoMs: own.usedAgoMs() };
    if (workload) this.#checked = { workload, usage };
    return usage;
  }
}
