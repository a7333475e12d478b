/** One zero of a workload, announced on it: the steps of `sleepTogether`, as calls to the cluster and the engines. */
import type { SleepSteps } from "../../activator/agreement.ts";
import type { CommandResult, SleepMode, Usage } from "../../activator/scale_target.ts";
import { type Clock, pause } from "../../platform/clock.ts";
import { ApiError } from "./api.ts";
import type { Membership } from "./membership.ts";
import type { Scaled, Scaler } from "./scaler.ts";
import type { WorkloadView } from "./views.ts";

const ASK_AGAIN_MS = 500;
const SILENT_MAX_MS = 30_000;

export interface AnnouncedSleepOptions {
  readonly scaler: Scaler;
  readonly membership: Membership;
  /** A new one each time. */
  readonly token: string;
  readonly mode: SleepMode;
  readonly clock: Clock;
  /** The workload as it was decided upon. */
  readonly seen: WorkloadView;
  /** How busy its engines were then; undefined: they were not asked. */
  readonly usage: Usage | undefined;
  readonly ask: (signal: AbortSignal) => Promise<Usage>;
  /** False if another gateway has announced it. */
  readonly mayAnnounce: (now: WorkloadView) => boolean;
  /** Takes over what was done. */
  readonly result: (scaled: Scaled) => CommandResult;
}

export class AnnouncedSleep implements SleepSteps {
  #announced: WorkloadView;
  #wasSeen = false;
  readonly #vetoed = new AbortController();

  constructor(readonly options: AnnouncedSleepOptions) {
    this.#announced = options.seen;
  }

  /** What a watch shows: once seen, the announcement must stay, or another gateway has taken it away. */
  watched(token: string | undefined): void {
    if (token === this.options.token) this.#wasSeen = true;
    else if (this.#wasSeen) this.#vetoed.abort(new Error("another gateway keeps it up"));
  }

  async announce(signal: AbortSignal): Promise<CommandResult> {
    const { scaler, membership, token, mode, seen, mayAnnounce, result } = this.options;
    const by = { token, by: membership.name, mode };
    const scaled = await scaler.announce(signal, seen, by, (now) => {
      return !this.#isKept(now) && mayAnnounce(now);
    });
    if (scaled.outcome === "done") this.#announced = scaled.workload;
    return result(scaled);
  }

  agreed(signal: AbortSignal): Promise<void> {
    const { membership, scaler, token } = this.options;
    const either = AbortSignal.any([signal, this.#vetoed.signal]);
    return membership.agreed(scaler.options.path, token, either);
  }

  async isQuiet(signal: AbortSignal): Promise<boolean> {
    const { usage, ask, mode } = this.options;
    if (mode === "force") return await this.#untilQuiet(signal);
    if (!usage) return true;
    const now = await ask(signal);
    return now.busy === 0 && now.served === usage.served;
  }

  /** Pinned since: the watch may not have told yet. */
  #isKept({ pinnedUntilMs = -Infinity }: WorkloadView): boolean {
    const { mode, clock } = this.options;
    return mode !== "unusable" && pinnedUntilMs > clock.wallMs();
  }

  /**
   * No gateway sends anything any more; what came around them may still be answered. An engine that does not say how
   * busy it is may hang, which is what an operator insists for.
   */
  async #untilQuiet(signal: AbortSignal): Promise<true> {
    const { ask, clock } = this.options;
    const endMs = clock.nowMs() + SILENT_MAX_MS;
    for (;;) {
      const { busy } = await ask(signal);
      if (busy === 0 || (busy === Infinity && clock.nowMs() >= endMs)) return true;
      await pause(ASK_AGAIN_MS, clock, signal);
    }
  }

  async withdraw(signal: AbortSignal): Promise<void> {
    const { scaler, membership } = this.options;
    try {
      await scaler.withdraw(signal, (by) => by === membership.name);
    } catch (error) {
      // One that does not stand any more is as good as taken back.
      if (!(error instanceof ApiError && error.status === 409)) throw error;
    }
  }

  async scale(signal: AbortSignal): Promise<CommandResult> {
    const { scaler, result } = this.options;
    return result(await scaler.zero(signal, this.#announced));
  }
}
