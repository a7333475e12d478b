/**
 * A model that is a local process. Commands only say what is wanted; one loop makes it so, one process
 * after another and never two at once, because they would share one GPU. So a wake while the old
 * process still ends is taken at once and starts the new one when the old one has gone. A process that
 * is asleep, or up, costs no timer: its end is news by itself.
 *
 * A child gets the gateway's environment and `env` on top of it.
 */
import {
  type CommandResult,
  type Failure,
  type Observation,
  type ScaleTarget,
  type TargetObserver,
  UNMEASURED,
  type Usage,
  type Workload,
} from "../../activator/scale_target.ts";
import { NO_DETAILS } from "../../activator/target_details.ts";
import type { ModelSpec, ProcessSpec } from "../../config/spec.ts";
import { orAborted } from "../../lib/or_aborted.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Fetch } from "../../platform/fetch.ts";
import type { Processes } from "../../platform/processes.ts";
import type { Tcp } from "../../platform/tcp.ts";
import type { Log } from "../../telemetry/log.ts";
import { untilHealthy } from "../probe.ts";
import { createMeter, type Meter } from "../usage.ts";
import { failureOf, inWords } from "./end.ts";
import { type Instance, startInstance } from "./instance.ts";
import { type Place, placeOf } from "./place.ts";

export interface ProcessTargetOptions {
  readonly clock: Clock;
  readonly fetch: Fetch;
  readonly tcp: Tcp;
  readonly processes: Processes;
  readonly log: Log;
  /** Told when the engine could not be asked how busy it is. */
  readonly scrapeFailed?: (model: string) => void;
  /** Nothing starts before: an earlier target of the same model may still hold the GPU. */
  readonly after?: Promise<void>;
}

/** How much longer than the grace `close` waits: a killed process can hang in a driver. */
const CLOSE_MARGIN_MS = 10_000;

export function createProcessTarget(spec: ModelSpec, options: ProcessTargetOptions): ScaleTarget {
  if (spec.scale.kind !== "process") {
    throw new Error(`Cannot run model '${spec.name}': it is no process`);
  }
  return new ProcessTarget(spec, spec.scale, options);
}

class ProcessTarget implements ScaleTarget {
  readonly name: string;
  readonly local = true;
  readonly isFenced = false;
  readonly details = NO_DETAILS;
  #observer: TargetObserver | undefined;
  /** Counts the commands; news carries it, and so tells what it is newer than. */
  #asOf = 0;
  #wanted = false;
  /** An earlier target of the same model has not ended yet, so nothing was started. */
  #waiting = false;
  #instance: Instance | undefined;
  /** The loop, from the first wake until nothing is wanted and nothing is left. */
  #living: Promise<void> | undefined;
  /** Resolved when it is known again what there is, if somebody looks while it is not. */
  #known: PromiseWithResolvers<void> | undefined;
  #closing: Promise<void> | undefined;
  readonly #log: Log;
  readonly #meter: Meter;

  constructor(
    readonly spec: ModelSpec,
    readonly process: ProcessSpec,
    readonly options: ProcessTargetOptions,
  ) {
    this.name = `process ${process.command[0]}`;
    this.#log = options.log.with({ model: spec.name });
    this.#meter = createMeter({
      ...{ ...options, log: this.#log, metrics: spec.engine.metrics },
      onFailure: () => options.scrapeFailed?.(spec.name),
    });
  }

  subscribe(observer: TargetObserver): void {
    this.#observer = observer;
  }

  /** Waits for a process that was told to end: until then it is neither there nor gone. */
  async look(signal: AbortSignal): Promise<Observation> {
    while (true) {
      signal.throwIfAborted();
      const workload = this.#workload;
      if (workload) return { workload, asOf: this.#asOf };
      this.#known ??= Promise.withResolvers();
      await orAborted(this.#known.promise, signal);
    }
  }

  wake(): Promise<CommandResult> {
    if (this.#closing) return Promise.resolve({ outcome: "unanswered", message: "closed" });
    this.#wanted = true;
    this.#living ??= this.#live();
    return this.#told();
  }

  sleep(): Promise<CommandResult> {
    this.#stop();
    return this.#told();
  }

  /** For as long as this gateway runs, and the process with it. */
  pin(untilMs: number | undefined): Promise<undefined> {
    this.#observer?.pinned(untilMs);
    return Promise.resolve(undefined);
  }

  measure(signal: AbortSignal): Promise<Usage> {
    if (!this.#instance?.isReady) return Promise.resolve(UNMEASURED);
    return this.#meter([this.#instance.endpoint], signal);
  }

  /** Nobody else has it. */
  agree(): Promise<CommandResult> {
    return Promise.resolve({ outcome: "conflict" });
  }

  use(): void {}

  suspect(endpoint: string): void {
    if (!this.#instance?.isReady || this.#instance.endpoint !== endpoint) return;
    this.#instance.check();
    this.#tell();
  }

  close(how?: "kill"): Promise<void> {
    return this.#closing ??= this.#close(how);
  }

  async #close(how?: "kill"): Promise<void> {
    this.#observer = undefined;
    // Before anything that would let it end its answers as if they were whole.
    if (how === "kill") this.#instance?.kill();
    this.#stop();
    if (this.#waiting) return;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    using _limit = this.options.clock.timer(this.process.stopGraceMs + CLOSE_MARGIN_MS, resolve);
    await Promise.race([this.#living, late]);
    if (this.#living) this.#log.error("process does not end, not even by SIGKILL: look for it");
  }

  /** Undefined while an unwanted process has yet to end. */
  get #workload(): Workload | undefined {
    if (!this.#wanted) return this.#living && !this.#waiting ? undefined : { phase: "none" };
    if (!this.#instance?.isReady) return { phase: "starting" };
    return { phase: "ready", endpoints: [this.#instance.endpoint] };
  }

  #tell(): void {
    const workload = this.#workload;
    if (!workload) return;
    this.#known?.resolve();
    this.#known = undefined;
    this.#observer?.saw({ workload, asOf: this.#asOf });
  }

  #told(): Promise<CommandResult> {
    const fence = ++this.#asOf;
    this.#tell();
    return Promise.resolve({ outcome: "done", fence });
  }

  #stop(): void {
    this.#wanted = false;
    this.#instance?.stop();
  }

  async #live(): Promise<void> {
    // However the earlier one ended, it has.
    this.#waiting = true;
    await this.options.after?.catch(() => {});
    this.#waiting = false;
    while (this.#wanted) {
      const failure = await this.#liveOnce();
      if (!failure || !this.#wanted) continue;
      this.#wanted = false;
      this.#observer?.failed(failure, this.#asOf);
    }
    this.#living = undefined;
    this.#tell();
  }

  /** One process from start to end; the failure if it never got ready and nobody stopped it. */
  async #liveOnce(): Promise<Failure | undefined> {
    try {
      const place = placeOf(this.spec.upstream, this.options.tcp);
      if (await this.#isTaken(place)) {
        return cannotStart(`port ${place.port} is taken by another program: stop it first`);
      }
      // Somebody may have changed their mind while the port was tried.
      if (!this.#wanted) return undefined;
      this.#instance = this.#start(place);
    } catch (error) {
      return cannotStart(error instanceof Error ? error.message : String(error));
    }
    const { exit, output, stopped, wasReady } = await this.#instance.gone;
    this.#instance = undefined;
    const ended = inWords(exit);
    if (stopped) {
      this.#log.info("process stopped", { ended });
      return undefined;
    }
    this.#log.error("process ended by itself", { ended, lastLines: output.tail.join("\n") });
    if (!wasReady) return failureOf(exit, output);
    this.#wanted = false;
    return undefined;
  }

  /** A stranger on a fixed port would look as if our process were ready. */
  async #isTaken({ fixed, port }: Place): Promise<boolean> {
    if (!fixed) return false;
    const reached = await this.options.tcp.connect(
      fixed.hostname,
      port,
      this.spec.connectTimeoutMs,
    );
    return reached === "accepted";
  }

  #start(place: Place): Instance {
    const { spec, process, options: { clock, fetch, processes } } = this;
    const log = this.#log;
    return startInstance({
      process,
      place,
      processes,
      clock,
      log,
      untilHealthy: (signal) =>
        untilHealthy({
          endpoint: place.endpoint,
          healthPath: spec.engine.healthPath,
          timeoutMs: spec.connectTimeoutMs,
          fetch,
          clock,
          signal,
          log,
        }),
      onReady: () => this.#tell(),
      // At once: its group may take seconds to go, and each request would find a dead port meanwhile.
      onExit: () => this.#tell(),
    });
  }
}

function cannotStart(message: string): Failure {
  return { kind: "cannot_start", message };
}
