/** One life of a process: from its start, through being ready as often as it is asked, to its end. */
import type { ProcessSpec } from "../../config/spec.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Exit, Processes } from "../../platform/processes.ts";
import type { Log } from "../../telemetry/log.ts";
import { createOutput, type Output } from "./output.ts";
import { commandFor, type Place } from "./place.ts";

/** A loading vLLM swallows the first SIGTERM, so it gets another one. */
export const TERM_AGAIN_MS = 1_000;

export interface InstanceOptions {
  readonly process: ProcessSpec;
  readonly place: Place;
  readonly processes: Processes;
  readonly clock: Clock;
  readonly log: Log;
  /** Resolves to true once the engine is healthy, to false when the signal came first. */
  readonly untilHealthy: (signal: AbortSignal) => Promise<boolean>;
  /** It takes requests now; after a `check` again. Never called once it has ended or was stopped. */
  readonly onReady: () => void;
  /** It was ready and has ended by itself; the rest of its group may not have gone yet. */
  readonly onExit: () => void;
}

export interface Instance {
  readonly endpoint: string;
  /** Healthy when last asked, alive and not told to end. */
  readonly isReady: boolean;
  /** When nothing of it is left: all of the group has ended. */
  readonly gone: Promise<End>;
  /** Somebody could not connect: `onReady` follows when it is healthy again. */
  check(): void;
  /** Ends it: SIGTERM, SIGTERM again, and SIGKILL after the grace, always to the whole group. */
  stop(): void;
  /** Ends it without asking. */
  kill(): void;
}

export interface End {
  readonly exit: Exit;
  readonly output: Output;
  /** We ended it. */
  readonly stopped: boolean;
  readonly wasReady: boolean;
}

/** @throws CannotSpawn */
export function startInstance(options: InstanceOptions): Instance {
  const { process, place, processes, clock, log } = options;
  const output = createOutput(log, clock);
  const child = processes.spawn({
    ...commandFor(process, place.port),
    cwd: process.cwd,
    stopGraceMs: process.stopGraceMs,
    output: output.take,
  });
  log.info("process started", { program: process.command[0], pid: child.pid, port: place.port });

  let stopped = false;
  let healthy = false;
  let wasReady = false;
  const timers = new DisposableStack();
  /** Aborted once nothing that answers on the port can be ours any more, or is wanted. */
  const life = new AbortController();

  async function check(): Promise<void> {
    if (!await options.untilHealthy(life.signal) || life.signal.aborted) return;
    healthy = wasReady = true;
    options.onReady();
  }

  async function end(): Promise<End> {
    const exit = await child.exit;
    life.abort();
    timers.dispose();
    if (wasReady && !stopped) options.onExit();
    await child.gone;
    output.end();
    return { exit, output, stopped, wasReady };
  }

  void check();
  return {
    endpoint: place.endpoint,
    get isReady() {
      return healthy && !life.signal.aborted;
    },
    gone: end(),
    check() {
      healthy = false;
      void check();
    },
    stop() {
      if (stopped) return;
      stopped = true;
      if (timers.disposed) return;
      life.abort();
      child.signal("SIGTERM");
      timers.use(clock.timer(TERM_AGAIN_MS, () => child.signal("SIGTERM")));
      timers.use(clock.timer(process.stopGraceMs, () => child.signal("SIGKILL")));
    },
    kill() {
      if (!timers.disposed) child.signal("SIGKILL");
    },
  };
}
