/**
 * A model that is a workload of the cluster. Watches say how it is, the scaler tells it what to be; an
 * observation counts from the generation that its controller has acted upon.
 */
import { sleepTogether } from "../../activator/agreement.ts";
import {
  type CommandResult,
  LookRefused,
  type Observation,
  type ScaleTarget,
  type SleepMode,
  type TargetObserver,
  UNKNOWN,
  UNMEASURED,
  type Usage,
  type Workload,
} from "../../activator/scale_target.ts";
import type { TargetDetails } from "../../activator/target_details.ts";
import { orAborted } from "../../lib/or_aborted.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Random } from "../../platform/random.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Meter } from "../usage.ts";
import { AnnouncedSleep } from "./announced_sleep.ts";
import { Condemned } from "./condemned.ts";
import { WorkloadDetails } from "./details.ts";
import { Incarnations } from "./incarnations.ts";
import type { ModelWatches } from "./model_watches.ts";
import { Notes } from "./notes.ts";
import type { Readiness } from "./readiness.ts";
import type { Scaled, Scaler } from "./scaler.ts";
import { SleepCheck } from "./sleep_check.ts";
import type { WorkloadView } from "./views.ts";
import type { WakeWatch, WakeWatchOptions } from "./wake_watch.ts";
import type { WorkloadMembership } from "./workload_membership.ts";

export interface KubernetesTargetOptions {
  readonly scaler: Scaler;
  readonly watches: ModelWatches;
  readonly readiness: (onHealthy: () => void) => Readiness;
  readonly wakeWatch: (news: Pick<WakeWatchOptions, "onFailure" | "onProgress">) => WakeWatch;
  readonly meter: Meter;
  /** Its part among the gateways, which may all use the same workload. */
  readonly own: WorkloadMembership;
  readonly random: Random;
  readonly clock: Clock;
  readonly log: Log;
  /** An earlier target of the same model has let go: until then it may be answering. */
  readonly after: Promise<void>;
}

export class KubernetesTarget implements ScaleTarget {
  readonly name: string;
  readonly local = false;
  readonly #readiness: Readiness;
  readonly #wakeWatch: WakeWatch;
  #listening: DisposableStack | undefined;
  #observer: TargetObserver | undefined;
  #asOf = 0;
  /** The fence of our last command: what is gone after it is gone as of it. */
  #fence = 0;
  #isAlone = false;
  readonly details: TargetDetails;
  readonly #check: SleepCheck;
  readonly #notes: Notes;
  /** Our own announcement, while others are asked. */
  #announced: AnnouncedSleep | undefined;
  #told = "";
  readonly #condemned: Condemned;
  readonly #incarnations = new Incarnations();

  constructor(readonly options: KubernetesTargetOptions) {
    this.name = options.scaler.options.name;
    options.after.then(() => this.#isAlone = true);
    this.#readiness = options.readiness(() => this.#refresh());
    this.#condemned = new Condemned(options.clock, () => this.#refresh());
    this.#check = new SleepCheck({ ...options, ask: (signal) => this.#ask(signal) });
    const onPinned = (untilMs?: number) => this.#observer?.pinned(untilMs);
    this.#notes = new Notes({ ...options, onPinned });
    this.#wakeWatch = options.wakeWatch({
      onFailure: (failure) => this.#observer?.failed(failure, this.#asOf),
      onProgress: (progress) => this.#observer?.progressed(progress, this.#asOf),
    });
    this.details = new WorkloadDetails(options.watches, this.#wakeWatch, this.#notes);
  }

  get isFenced(): boolean {
    return this.options.own.membership.isFenced;
  }

  subscribe(observer: TargetObserver): void {
    this.#observer = observer;
    const { watches, own: { membership } } = this.options;
    this.#listening = new DisposableStack();
    this.#listening.use(watches.listen(() => this.#refresh()));
    this.#listening.use(membership.listen({
      // One that has died announces nothing.
      changed: () => this.#refresh(),
      lapsed: () => observer.lapsed(),
      unfenced: () => observer.unfenced(),
    }));
    this.#refresh();
  }

  async look(signal: AbortSignal): Promise<Observation> {
    const { scaler, watches } = this.options;
    // Known to the others first: look first, and an agreement can pass us by.
    await this.options.own.join(signal);
    let workload: WorkloadView;
    try {
      // Ours would keep the others waiting; of the dead, a zero may still be on its way, and only that stops it.
      workload = await scaler.look(signal, (by) => !this.options.own.isOther(by));
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof LookRefused && error.failure.kind === "missing")) {
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
    this.#check.take();
    await watches.untilListed(signal);
    const known = watches.workload;
    const failure = watches.refusal ?? watches.serviceFault;
    // What nobody could reach is not started; one that is missing itself says so when it is read.
    if (failure && known) return { outcome: "refused", failure };
    return this.#result(await scaler.wake(signal, watches.isFresh ? known : undefined));
  }

  async sleep(
    signal: AbortSignal,
    unwanted: AbortSignal,
    mode: SleepMode,
  ): Promise<CommandResult> {
    const { scaler, watches } = this.options;
    await this.#alone(AbortSignal.any([signal, unwanted]));
    const { workload, usage } = this.#check.take() ?? {};
    // Without a check, after a wake that failed or where it is forced: what a watch knows will do, and needs no right to read.
    const known = workload ?? (watches.isFresh ? watches.workload : undefined);
    // That it is at zero already is to be known, not to be remembered.
    const seen = known && known.desired > 0 ? known : await scaler.see(signal);
    if ("outcome" in seen) return this.#result(seen);
    const { own: { membership }, random, clock } = this.options;
    const announced = this.#announced = new AnnouncedSleep({
      ...{ scaler, membership, clock, seen, usage, token: random.uuid(), mode },
      ask: (signal) => this.#ask(signal),
      mayAnnounce: (now) => !this.options.own.othersAnnouncement(now),
      result: (scaled) => this.#result(scaled),
    });
    const result = await sleepTogether(announced, signal, unwanted)
      .finally(() => this.#announced = undefined);
    if (result.outcome === "done") {
      this.#condemn();
      this.#refresh();
    }
    return result;
  }

  async agree(signal: AbortSignal): Promise<CommandResult> {
    const { watches, own } = this.options;
    await this.#alone(signal);
    const token = own.othersAnnouncement(watches.workload)?.token;
    // Whatever has become of it, a look will say.
    if (token === undefined) return { outcome: "conflict" };
    await own.membership.ack(own.path, token, signal);
    return { outcome: "done", fence: this.#fence };
  }

  use(isUsed: boolean, idleTimeoutMs: number): void {
    this.options.own.use(isUsed, idleTimeoutMs);
  }

  async measure(signal: AbortSignal, beforeSleep: boolean): Promise<Usage> {
    return this.#isAlone ? await this.#check.measure(signal, beforeSleep) : UNKNOWN;
  }

  pin(untilMs: number | undefined): Promise<string | undefined> {
    return this.#notes.pin(untilMs);
  }

  /** One that does not answer us may be serving others. */
  async #ask(signal: AbortSignal): Promise<Usage> {
    const { wanted } = this.#readiness;
    return wanted.length === 0 ? UNMEASURED : await this.options.meter(wanted, signal);
  }

  /** An earlier target of the same model may be answering: nothing is stopped, or agreed to, before it has ended. */
  async #alone(signal: AbortSignal): Promise<void> {
    if (!this.#isAlone) await orAborted(this.options.after, signal);
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
    this.#notes.close();
    this.options.own.close();
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
    this.#announced?.watched(workload?.announced?.token);
    if (isUp) this.#condemned.pardonSoon();
    else if (workload) this.#condemn();
    this.#readiness.want(
      endpoints.filter(({ pod }) => !pod || !this.#condemned.has(pod)).map(({ url }) => url),
    );
    // Before its state is told: what is pinned is not found idle.
    this.#notes.refresh(workload);
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
    const { endpoints } = this.options.watches;
    // One that is about to be ready may be no endpoint yet.
    const starting = this.#wakeWatch.pods.map(({ uid }) => uid);
    this.#condemned.add([...starting, ...endpoints.flatMap(({ pod }) => pod ?? [])]);
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
    const announced = this.options.own.othersAnnouncement(workload);
    if (announced) return { phase: "announced", mode: announced.mode };
    const endpoints = this.#readiness.healthy;
    return endpoints.length > 0 ? { phase: "ready", endpoints } : { phase: "starting" };
  }
}
