/**
 * What is remembered of a model on its workload, for all gateways and across restarts: until when it is pinned, and its
 * GPU time. Both are annotations; whoever sees first that the GPU time has to be written does it.
 */
import type { GpuTime } from "../../activator/target_details.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Random } from "../../platform/random.ts";
import type { Log } from "../../telemetry/log.ts";
import { changed, gpuTimeOf, parseGpuRecord, printGpuRecord } from "./gpu_time.ts";
import type { Scaled, Scaler } from "./scaler.ts";
import {
  GPU_TIME_ANNOTATION,
  PINNED_ANNOTATION,
  STOPPING_ANNOTATION,
  type WorkloadView,
} from "./views.ts";

export interface NotesOptions {
  readonly scaler: Scaler;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Called when the pin is another one. */
  readonly onPinned: (untilMs: number | undefined) => void;
}

/** Another gateway may be about to write the same. */
const GPU_TIME_AFTER_MS = 1_000;
const WRITE_MAX_MS = 30_000;

export class Notes {
  #pinnedUntilMs: number | undefined;
  #timer: Disposable | undefined;
  readonly #end = new AbortController();

  constructor(readonly options: NotesOptions) {}

  /** Takes over what the workload says. */
  refresh(workload: WorkloadView | undefined): void {
    if (!workload) return;
    this.#pinned(workload.pinnedUntilMs);
    if (this.#timer || this.#gpuTime(workload, 0) === undefined) return;
    const { clock, random } = this.options;
    const seenMs = clock.wallMs();
    this.#timer = clock.timer(GPU_TIME_AFTER_MS * random.next(), () => {
      this.#timer = undefined;
      void this.#writeGpuTime(seenMs);
    });
  }

  /** Undefined, or why it could not be done. */
  async pin(untilMs: number | undefined): Promise<string | undefined> {
    const until = untilMs === undefined ? null : new Date(untilMs).toISOString();
    const result = await this.#write(({ announced }) => ({
      [PINNED_ANNOTATION]: until,
      // Whoever is about to stop it loses by this write.
      ...until && announced ? { [STOPPING_ANNOTATION]: null } : {},
    }));
    if (result.outcome === "done") {
      this.#pinned(result.workload.pinnedUntilMs);
      return undefined;
    }
    const { name } = this.options.scaler.options;
    if (result.outcome === "conflict") return `somebody else changed ${name}: try again`;
    return result.outcome === "refused" ? result.failure.message : result.message;
  }

  /** Undefined where no GPU is asked for. */
  gpuTime(workload: WorkloadView | undefined): GpuTime | undefined {
    const record = parseGpuRecord(workload?.gpuTime);
    return record && gpuTimeOf(record, this.options.clock.wallMs());
  }

  close(): void {
    this.#timer?.[Symbol.dispose]();
    this.#end.abort(new Error("closed"));
  }

  #pinned(untilMs: number | undefined): void {
    if (untilMs === this.#pinnedUntilMs) return;
    this.#pinnedUntilMs = untilMs;
    this.options.onPinned(untilMs);
  }

  /** What the record has to become, as of `atMs`; undefined: it says what is. */
  #gpuTime(workload: WorkloadView, atMs: number): string | undefined {
    const { gpusPerReplica, desired, slept } = workload;
    if (!gpusPerReplica) return undefined;
    const record = parseGpuRecord(workload.gpuTime);
    const held = desired * gpusPerReplica;
    const size = held ||
      (record?.size ?? (this.options.scaler.options.replicas ?? slept ?? 1) * gpusPerReplica);
    if (record?.held === held && record.size === size) return undefined;
    return printGpuRecord(changed(record, held, size, atMs));
  }

  async #writeGpuTime(seenMs: number): Promise<void> {
    const result = await this.#write((now) => {
      const text = this.#gpuTime(now, seenMs);
      return text === undefined ? undefined : { [GPU_TIME_ANNOTATION]: text };
    }).catch((error: Error) => ({ outcome: "unanswered", message: error.message }) as const);
    if (result.outcome !== "refused" || this.#end.signal.aborted) return;
    // The next change tries again: a figure that is missing stops no model.
    this.options.log.warn("cannot write down its GPU time", { reason: result.failure.message });
  }

  async #write(
    notes: Parameters<Scaler["note"]>[1],
  ): Promise<Scaled> {
    const { scaler, clock } = this.options;
    const limit = new AbortController();
    using _limit = clock.timer(WRITE_MAX_MS, () => limit.abort(new Error("no answer within 30 s")));
    return await scaler.note(AbortSignal.any([limit.signal, this.#end.signal]), notes);
  }
}
