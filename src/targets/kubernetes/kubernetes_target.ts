/**
 * A model that is a workload of the cluster. Watches say how it is, the scaler tells it what to be; an
 * observation counts from the generation that its controller has acted upon.
 */
import {
  type CommandResult,
  type Observation,
  type ScaleTarget,
  type TargetObserver,
  UNMEASURED,
  type Usage,
  type Workload,
} from "../../activator/scale_target.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Meter } from "../usage.ts";
import { ApiError } from "./api.ts";
import { Condemned } from "./condemned.ts";
import { Incarnations } from "./incarnations.ts";
import type { ModelWatches } from "./model_watches.ts";
import type { Readiness } from "./readiness.ts";
import type { Scaled, Scaler } from "./scaler.ts";
import type { WorkloadView } from "./views.ts";
import type { WakeWatch, WakeWatchOptions } from "./wake_watch.ts";

export interface KubernetesTargetOptions {
  readonly scaler: Scaler;
  readonly watches: ModelWatches;
  readonly readiness: (onHealthy: () => void) => Readiness;
  readonly wakeWatch: (news: Pick<WakeWatchOptions, "onFailure" | "onProgress">) => WakeWatch;
  readonly meter: Meter;
  readonly clock: Clock;
  readonly log: Log;
  /** An earlier target of the same model has let go: until then it may be answering. */
  readonly after: Promise<void>;
}

/** Nobody can tell: as good as busy. */
const UNKNOWN: Usage = { busy: Infinity, served: "" };

export class KubernetesTarget implements ScaleTarget {
  readonly name: string;
  readonly local = false;
  readonly #readiness: Readiness;
  readonly #wakeWatch: WakeWatch;
  #listening: Disposable | undefined;
  #observer: TargetObserver | undefined;
  #asOf = 0;
  /** The fence of our last command: what is gone after it is gone as of it. */
  #fence = 0;
  #isAlone = false;
  /** The workload as it was when a sleep was checked for: what the next one insists on. */
  #checked: WorkloadView | undefined;
  #told = "";
  readonly #condemned: Condemned;
  readonly #incarnations = new Incarnations();

  constructor(readonly options: KubernetesTargetOptions) {
    this.name = options.scaler.options.name;
    options.after.then(() => this.#isAlone = true);
    this.#readiness = options.readiness(() => this.#refresh());
    this.#condemned = new Condemned(options.clock, () => this.#refresh());
    this.#wakeWatch = options.wakeWatch({
      onFailure: (failure) => this.#observer?.failed(failure, this.#asOf),
      onProgress: (progress) => this.#observer?.progressed(progress, this.#asOf),
    });
  }

  subscribe(observer: TargetObserver): void {
    this.#observer = observer;
    this.#listening = this.options.watches.listen(() => this.#refresh());
    this.#refresh();
  }

  async look(signal: AbortSignal): Promise<Observation> {
    const { scaler, watches } = this.options;
    let workload: WorkloadView;
    try {
      workload = await scaler.read(signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ApiError) || error.status !== 404) {
        this.options.log.warn("cannot see its workload", { reason: (error as Error).message });
        throw error;
      }
      return { workload: { phase: "none" }, asOf: Math.max(this.#asOf, this.#fence) };
    }
    // Whoever looks may not have heard why it does not start.
    queueMicrotask(() => this.#refresh());
    watches.retryNow();
    const asOf = this.#incarnations.asOf(workload, workload.generation);
    if (workload.desired === 0) {
      this.#condemn();
      return { workload: { phase: "none" }, asOf };
    }
    // Watches that lag behind this read, or have lost contact, do not know its endpoints.
    const seen = watches.workload;
    const isCurrent = seen !== undefined &&
      this.#incarnations.asOf(seen, seen.observedGeneration) >= asOf;
    if (!isCurrent || !watches.isFresh) return { workload: { phase: "starting" }, asOf };
    return { workload: this.#phaseOf(workload), asOf };
  }

  async wake(signal: AbortSignal): Promise<CommandResult> {
    const { scaler, watches } = this.options;
    this.#checked = undefined;
    await watches.untilListed(signal);
    const known = watches.workload;
    const failure = watches.refusal ?? watches.serviceFault;
    // What nobody could reach is not started; one that is missing itself says so when it is read.
    if (failure && known) return { outcome: "refused", failure };
    return this.#result(await scaler.wake(signal, watches.isFresh ? known : undefined));
  }

  async sleep(signal: AbortSignal): Promise<CommandResult> {
    const { scaler, watches } = this.options;
    // Without a check, after a wake that failed: what a watch knows will do, and needs no right to read.
    const seen = this.#checked ?? (watches.isFresh ? watches.workload : undefined);
    this.#checked = undefined;
    const result = this.#result(await scaler.sleep(signal, seen));
    if (result.outcome === "done") {
      this.#condemn();
      this.#refresh();
    }
    return result;
  }

  async measure(signal: AbortSignal, beforeSleep: boolean): Promise<Usage> {
    this.#checked = undefined;
    // Stale news is no news: an engine that nobody knows of could be busy.
    if (!this.options.watches.isFresh || !this.#isAlone) return UNKNOWN;
    if (beforeSleep) {
      try {
        this.#checked = await this.options.scaler.read(signal);
      } catch (error) {
        signal.throwIfAborted();
        const reason = (error as Error).message;
        this.options.log.warn("cannot see its workload: not put to sleep", { reason });
        return UNKNOWN;
      }
    }
    // One that does not answer us may be serving others.
    const { wanted } = this.#readiness;
    return wanted.length === 0 ? UNMEASURED : await this.options.meter(wanted, signal);
  }

  suspect(endpoint: string): void {
    if (this.#readiness.suspect(endpoint)) this.#tell();
  }

  close(): Promise<void> {
    this.#observer = undefined;
    this.#listening?.[Symbol.dispose]();
    this.#condemned[Symbol.dispose]();
    this.#readiness.want([]);
    this.#wakeWatch.close();
    return Promise.resolve();
  }

  #result(scaled: Scaled): CommandResult {
    if (scaled.outcome === "unanswered") {
      this.options.log.warn("the API server did not answer", { reason: scaled.message });
    } else this.options.watches.retryNow();
    if (scaled.outcome !== "done") return scaled;
    // Where nothing had to change no watch says anything: what there is, is told again.
    this.#told = "";
    queueMicrotask(() => this.#refresh());
    this.#fence = this.#incarnations.asOf(scaled.workload, scaled.workload.generation);
    return { outcome: "done", fence: this.#fence };
  }

  /** Takes over what the watches know. */
  #refresh(): void {
    const { scaler, watches } = this.options;
    const { workload } = watches;
    const isUp = workload !== undefined && workload.desired > 0;
    const endpoints = isUp ? watches.endpoints : [];
    if (isUp) this.#condemned.pardonSoon();
    else if (workload) this.#condemn();
    this.#readiness.want(
      endpoints.filter(({ pod }) => !pod || !this.#condemned.has(pod)).map(({ url }) => url),
    );
    this.#tell();
    const isStarting = isUp && this.#readiness.healthy.length === 0;
    this.#wakeWatch.follow(
      workload && scaler.withPods(workload),
      isStarting,
      watches.serviceFault,
    );
    // Whatever becomes of its pods, nobody would see it.
    if (watches.refusal) this.#observer?.failed(watches.refusal, Infinity);
  }

  #condemn(): void {
    this.#condemned.add(this.options.watches.endpoints.flatMap(({ pod }) => pod ?? []));
  }

  /** Also while the watches are stale: what our own probes find of the pods that we know is news. */
  #tell(): void {
    const { workload, isListed } = this.options.watches;
    if (!isListed) return;
    // What is gone is gone as of whatever was known last.
    const asOf = workload
      ? this.#incarnations.asOf(
        workload,
        Math.min(workload.generation, workload.observedGeneration),
      )
      : this.#fence;
    this.#asOf = Math.max(this.#asOf, asOf);
    const phase: Workload = workload ? this.#phaseOf(workload) : { phase: "none" };
    const told = JSON.stringify([phase, this.#asOf]);
    if (told === this.#told) return;
    this.#told = told;
    this.#observer?.saw({ workload: phase, asOf: this.#asOf });
  }

  #phaseOf(workload: WorkloadView): Workload {
    if (workload.desired === 0) {
      const isGone = workload.replicas === 0 && workload.observedGeneration >= workload.generation;
      return { phase: isGone ? "none" : "starting" };
    }
    const endpoints = this.#readiness.healthy;
    return endpoints.length > 0 ? { phase: "ready", endpoints } : { phase: "starting" };
  }
}
