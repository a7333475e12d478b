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
import type { Readiness } from "./readiness.ts";
import type { Reflector } from "./reflector.ts";
import { cannotWatch } from "./refusal.ts";
import type { Scaled, Scaler } from "./scaler.ts";
import { type ServiceEndpoint, serviceEndpoints } from "./service_endpoints.ts";
import type { ServiceView, WorkloadView } from "./views.ts";
import type { WakeWatch, WakeWatchOptions } from "./wake_watch.ts";
import type { SharedWatch, SliceWatch } from "./watches.ts";

/** The Service whose ready pods take the requests. */
export interface ServiceUpstream {
  readonly service: string;
  readonly port: number | string | undefined;
  readonly services: SharedWatch<ServiceView>;
  readonly slices: SliceWatch;
}

export interface KubernetesTargetOptions {
  readonly scaler: Scaler;
  /** The workload's name within its watch. */
  readonly workload: string;
  readonly workloads: SharedWatch<WorkloadView>;
  /** Or one fixed base URL, which needs no right to see endpoints. */
  readonly upstream: ServiceUpstream | { readonly url: string };
  readonly readiness: (onHealthy: () => void) => Readiness;
  readonly wakeWatch: (news: Pick<WakeWatchOptions, "onFailure" | "onProgress">) => WakeWatch;
  /** True for kinds whose status counts the ready pods that are not on their way out. */
  readonly reportsReady: boolean;
  readonly meter: Meter;
  readonly clock: Clock;
  readonly log: Log;
  /** An earlier target of the same model has let go: until then it may be answering. */
  readonly after: Promise<void>;
}

type Watch = Pick<
  Reflector<unknown>,
  "isListed" | "isFresh" | "refusal" | "path" | "retryNow"
>;

/** Nobody can tell: as good as busy. */
const UNKNOWN: Usage = { busy: Infinity, served: "" };

/** More generations than any object lives to see. */
const GENERATIONS = 2 ** 20;

/**
 * A pod from before our sleep that is still there after so long was kept: one that is to go is told so
 * by its controllers at once, but news of it may come after news of the next wake.
 */
const KEPT_AFTER_MS = 5_000;

export class KubernetesTarget implements ScaleTarget {
  readonly name: string;
  readonly local = false;
  readonly #readiness: Readiness;
  readonly #wakeWatch: WakeWatch;
  readonly #listening = new DisposableStack();
  #observer: TargetObserver | undefined;
  #asOf = 0;
  /** The fence of our last command: what is gone after it is gone as of it. */
  #fence = 0;
  #isAlone = false;
  /** The workload as it was when a sleep was checked for: what the next one insists on. */
  #checked: WorkloadView | undefined;
  #told = "";
  /** Pods that our last sleep was to end. */
  #condemned: ReadonlySet<string> = new Set();
  #pardon: Disposable | undefined;

  constructor(readonly options: KubernetesTargetOptions) {
    this.name = options.scaler.options.name;
    options.after.then(() => this.#isAlone = true);
    this.#readiness = options.readiness(() => this.#refresh());
    this.#wakeWatch = options.wakeWatch({
      onFailure: (failure) => this.#observer?.failed(failure, this.#asOf),
      onProgress: (progress) => this.#observer?.progressed(progress, this.#asOf),
    });
  }

  subscribe(observer: TargetObserver): void {
    const { workloads, workload, upstream } = this.options;
    const refresh = () => this.#refresh();
    this.#observer = observer;
    this.#listening.use(workloads.listen(workload, refresh));
    if (!("url" in upstream)) {
      this.#listening.use(upstream.services.listen(upstream.service, refresh));
      this.#listening.use(upstream.slices.listen(upstream.service, refresh));
    }
    this.#refresh();
  }

  async look(signal: AbortSignal): Promise<Observation> {
    const { scaler, workloads, workload: name } = this.options;
    let workload: WorkloadView;
    try {
      workload = await scaler.read(signal);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) {
        this.options.log.warn("cannot see its workload", { reason: (error as Error).message });
        throw error;
      }
      return { workload: { phase: "none" }, asOf: Math.max(this.#asOf, this.#fence) };
    }
    // Whoever looks may not have heard why it does not start.
    queueMicrotask(() => this.#refresh());
    this.#heard();
    const asOf = asOfGeneration(workload, workload.generation);
    if (workload.desired === 0) return { workload: { phase: "none" }, asOf };
    // Watches that lag behind this read, or have lost contact, do not know its endpoints.
    const seen = workloads.reflector.get(name);
    const isCurrent = seen !== undefined && asOfGeneration(seen, seen.observedGeneration) >= asOf;
    if (!isCurrent || !this.#isFresh) return { workload: { phase: "starting" }, asOf };
    return { workload: this.#phaseOf(workload), asOf };
  }

  async wake(signal: AbortSignal): Promise<CommandResult> {
    const { scaler, workloads, workload } = this.options;
    const seen = this.#isFresh ? workloads.reflector.get(workload) : undefined;
    this.#checked = undefined;
    const result = this.#result(await scaler.wake(signal, seen));
    if (result.outcome === "done" && this.#condemned.size > 0) {
      this.#pardon?.[Symbol.dispose]();
      this.#pardon = this.options.clock.timer(KEPT_AFTER_MS, () => {
        this.#condemned = new Set();
        this.#refresh();
      });
    }
    return result;
  }

  async sleep(signal: AbortSignal): Promise<CommandResult> {
    const checked = this.#checked;
    this.#checked = undefined;
    const result = this.#result(await this.options.scaler.sleep(signal, checked));
    if (result.outcome === "done") {
      this.#pardon?.[Symbol.dispose]();
      this.#condemned = new Set(this.#endpoints().flatMap(({ pod }) => pod ?? []));
      this.#refresh();
    }
    return result;
  }

  async measure(signal: AbortSignal, beforeSleep: boolean): Promise<Usage> {
    this.#checked = undefined;
    // Stale news is no news: an engine that nobody knows of could be busy.
    if (!this.#isFresh || !this.#isAlone) return UNKNOWN;
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
    this.#listening.dispose();
    this.#pardon?.[Symbol.dispose]();
    this.#readiness.want([]);
    this.#wakeWatch.close();
    return Promise.resolve();
  }

  /** The watches that it cannot be ready without. */
  get #watches(): readonly Watch[] {
    const { workloads, upstream } = this.options;
    if ("url" in upstream) return [workloads.reflector];
    return [workloads.reflector, upstream.services.reflector, upstream.slices.reflector];
  }

  /** True once the watches knew how it was. */
  get #isListed(): boolean {
    return this.#watches.every(({ isListed }) => isListed);
  }

  /** True while the watches know how it is. */
  get #isFresh(): boolean {
    return this.#watches.every(({ isFresh }) => isFresh);
  }

  /** The API server answered us: watches that wait before they try again need not. */
  #heard(): void {
    for (const watch of this.#watches) watch.retryNow();
  }

  #result(scaled: Scaled): CommandResult {
    if (scaled.outcome === "unanswered") {
      this.options.log.warn("the API server did not answer", { reason: scaled.message });
    } else this.#heard();
    if (scaled.outcome !== "done") return scaled;
    // Where nothing had to change no watch says anything: what there is, is told again.
    this.#told = "";
    queueMicrotask(() => this.#refresh());
    this.#fence = asOfGeneration(scaled.workload, scaled.workload.generation);
    return { outcome: "done", fence: this.#fence };
  }

  /** Takes over what the watches know. */
  #refresh(): void {
    const { workloads, workload: name } = this.options;
    const workload = workloads.reflector.get(name);
    const isUp = workload !== undefined && workload.desired > 0;
    const endpoints = isUp ? this.#endpoints() : [];
    this.#readiness.want(
      endpoints.filter(({ pod }) => !pod || !this.#condemned.has(pod)).map(({ url }) => url),
    );
    this.#tell();
    this.#wakeWatch.follow(workload, isUp && this.#readiness.healthy.length === 0);
    const refused = this.#watches.find(({ refusal }) => refusal !== undefined);
    // Whatever it comes to: nobody would see it.
    if (refused) this.#observer?.failed(cannotWatch(refused.path, refused.refusal!), Infinity);
  }

  /** Also while the watches are stale: what our own probes find of the pods that we know is news. */
  #tell(): void {
    if (!this.#isListed) return;
    const workload = this.options.workloads.reflector.get(this.options.workload);
    // What is gone is gone as of whatever was known last.
    const asOf = workload
      ? asOfGeneration(workload, Math.min(workload.generation, workload.observedGeneration))
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

  #endpoints(): ServiceEndpoint[] {
    const { upstream, reportsReady, workloads, workload: name } = this.options;
    const workload = workloads.reflector.get(name);
    if ("url" in upstream) {
      // A Service also leads to a pod that is on its way out, as long as there is no other.
      const isReady = !reportsReady || (workload?.readyReplicas ?? 0) > 0;
      return isReady ? [{ url: upstream.url, pod: undefined }] : [];
    }
    const { service, port, services, slices } = upstream;
    return serviceEndpoints(services.reflector.get(service), slices.of(service), port);
  }
}

/** Grows with each generation, and begins higher with an object that was made anew under its name. */
function asOfGeneration({ createdS }: WorkloadView, generation: number): number {
  return createdS * GENERATIONS + generation;
}
