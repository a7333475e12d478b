/**
 * What is remembered of a model on its workload, for all gateways and across restarts: until when it is pinned, and its
 * GPU time. Both are annotations; whoever sees first that the GPU time has to be written does it.
 */
import type { GpuSeconds, GpuTime } from "../../activator/target_details.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Random } from "../../platform/random.ts";
import type { Log } from "../../telemetry/log.ts";
import {
  changed,
  type GpuRecord,
  gpuTimeOf,
  gpuTotalOf,
  parseGpuRecord,
  printGpuRecord,
} from "./gpu_time.ts";
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
const CHANGED_AFTER_MS = 1_000;
/** Where nothing is held yet there is no hurry: a thousand models that are new come one after the other. */
const NEW_AFTER_MS = 120_000;
/** After a refusal, and where somebody takes our record away. */
const AGAIN_MS = 600_000;
const WRITE_MAX_MS = 30_000;

/** What the record has to say from a moment on. */
interface Holding {
  readonly held: number;
  readonly size: number;
}

export class Notes {
  #pinnedUntilMs: number | undefined;
  /** The record as it was read last. */
  #read: { readonly text: string | undefined; readonly record: GpuRecord | undefined } = {
    ...{ text: undefined, record: undefined },
  };
  /** What was told of it last, of which workload: counters do not go back. */
  #told = { uid: "", up: 0, freed: 0 };
  #timer: Disposable | undefined;
  #dueMs = Infinity;
  /** By the clock on the wall: since when the record has to be another. */
  #sinceMs: number | undefined;
  #written: Holding & { readonly atMs: number } | undefined;
  #refusedMs = -Infinity;
  readonly #end = new AbortController();

  constructor(readonly options: NotesOptions) {}

  /** Takes over what the workload says. */
  refresh(workload: WorkloadView | undefined): void {
    if (!workload) return;
    this.#pinned(workload.pinnedUntilMs);
    const holding = this.#holding(workload);
    if (holding) return this.#writeSoon(workload, holding);
    this.#sinceMs = undefined;
    this.#unplan();
    const record = this.#recordOf(workload);
    // Somebody else's is a record as well: ours is not being taken away.
    if (record && !isSame(record, this.#written)) this.#written = undefined;
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

  /** GPU seconds since the record began; undefined where no GPU is asked for. Never less than was told before. */
  gpuTotal(workload: WorkloadView | undefined): GpuSeconds | undefined {
    const record = workload && this.#recordOf(workload);
    if (!record) return undefined;
    const { up, freed } = gpuTotalOf(record, this.options.clock.wallMs());
    const { uid } = workload;
    const before = this.#told.uid === uid ? this.#told : { up: 0, freed: 0 };
    this.#told = { uid, up: Math.max(up, before.up), freed: Math.max(freed, before.freed) };
    return this.#told;
  }

  gpuTime(workload: WorkloadView | undefined): GpuTime | undefined {
    const total = this.gpuTotal(workload);
    if (!total) return undefined;
    return { ...gpuTimeOf(this.#recordOf(workload!)!, this.options.clock.wallMs()), total };
  }

  close(): void {
    this.#unplan();
    this.#end.abort(new Error("its settings changed: try again"));
  }

  #pinned(untilMs: number | undefined): void {
    if (untilMs === this.#pinnedUntilMs) return;
    this.#pinnedUntilMs = untilMs;
    this.options.onPinned(untilMs);
  }

  #recordOf({ gpuTime: text }: WorkloadView): GpuRecord | undefined {
    if (text !== this.#read.text) this.#read = { text, record: parseGpuRecord(text) };
    return this.#read.record;
  }

  /** Undefined if the record says what is. */
  #holding(workload: WorkloadView): Holding | undefined {
    const { gpusPerReplica: gpus, desired, slept } = workload;
    const record = this.#recordOf(workload);
    if (gpus === undefined || (gpus === 0 && !record)) return undefined;
    const held = desired * gpus;
    const { replicas = slept ?? 1 } = this.options.scaler.options;
    const size = gpus === 0 ? 0 : held || record?.size || replicas * gpus;
    return record && isSame(record, { held, size }) ? undefined : { held, size };
  }

  #writeSoon(workload: WorkloadView, holding: Holding): void {
    const { clock, random } = this.options;
    this.#sinceMs ??= clock.wallMs();
    const isNew = !this.#recordOf(workload) && holding.held === 0;
    const soonMs = clock.nowMs() + random.next() * (isNew ? NEW_AFTER_MS : CHANGED_AFTER_MS);
    const wasWritten = isSame(holding, this.#written) ? this.#written!.atMs : -Infinity;
    const dueMs = Math.max(soonMs, Math.max(wasWritten, this.#refusedMs) + AGAIN_MS);
    if (dueMs >= this.#dueMs) return;
    this.#unplan();
    this.#dueMs = dueMs;
    this.#timer = clock.timer(dueMs - clock.nowMs(), () => {
      this.#dueMs = Infinity;
      void this.#writeGpuTime();
    });
  }

  #unplan(): void {
    this.#timer?.[Symbol.dispose]();
    this.#dueMs = Infinity;
  }

  async #writeGpuTime(): Promise<void> {
    const { clock, log } = this.options;
    const sinceMs = this.#sinceMs ?? clock.wallMs();
    const result = await this.#write((now) => {
      const holding = this.#holding(now);
      if (!holding) return undefined;
      this.#written = { ...holding, atMs: clock.nowMs() };
      const { held, size } = holding;
      const record = changed(this.#recordOf(now), held, size, sinceMs);
      return { [GPU_TIME_ANNOTATION]: printGpuRecord(record) };
    }).catch((error: Error) => ({ outcome: "unanswered", message: error.message }) as const);
    if (result.outcome !== "refused" || this.#end.signal.aborted) return;
    // A figure that is missing stops no model.
    const isNews = this.#refusedMs === -Infinity;
    this.#refusedMs = clock.nowMs();
    if (isNews) log.warn("cannot write down its GPU time", { reason: result.failure.message });
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

function isSame(a: Holding, b: Holding | undefined): boolean {
  return a.held === b?.held && a.size === b.size;
}
