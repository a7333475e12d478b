/**
 * The talk with one scale target: one call at a time, and only news that is newer than our last command.
 * Without this fence a gate opens onto a pod that is already going.
 */
import { orAborted } from "../lib/or_aborted.ts";
import type { Clock } from "../platform/clock.ts";
import type { Ask, LifecycleEvent } from "./lifecycle.ts";
import {
  type CommandResult,
  type Failure,
  LookRefused,
  type Observation,
  type Progress,
  type ScaleTarget,
  type SleepMode,
  type TargetObserver,
  UNKNOWN,
  type Workload,
} from "./scale_target.ts";

/** No target keeps us waiting for longer; what it did by then is not known. */
export const ASK_TIMEOUT_MS = 30_000;
/** A sleep waits for the other gateways' consent: one that has died is given up after a minute. */
export const SLEEP_TIMEOUT_MS = 120_000;

export interface ConversationOptions {
  readonly target: ScaleTarget;
  readonly clock: Clock;
  /** News, and outcomes of what is still wanted. */
  readonly onEvent: (event: LifecycleEvent) => void;
  /** Called when the target may be asked the next thing. */
  readonly onFree: () => void;
  /** Called when what waits for the target not to be fenced may go on. */
  readonly onUnfenced: () => void;
  readonly onPinned: (untilMs: number | undefined) => void;
}

interface Call {
  readonly ask: Ask;
  readonly mode: SleepMode;
  readonly controller: AbortController;
  /** Aborts when the state that asked has been left: then only the fence counts. */
  readonly unwanted: AbortController;
}

export class Conversation implements TargetObserver {
  #call: Call | undefined;
  /**
   * News older than this does not count. `Infinity` at the start (the others must know of us before what we see
   * counts) and after a command that was not answered: then a look, which is a consistent read, sets it anew.
   */
  #fence = Infinity;
  /** True if the fence is a zero: our sleep, or a look that saw none. */
  #isZero = false;
  /** The latest news that came while a command was under way: it may be older than the command. */
  #heldNews: Observation | undefined;
  #heldFailure: { readonly failure: Failure; readonly asOf: number } | undefined;
  #closed = false;
  /** The endpoints of the last `ready` that counted. */
  endpoints: readonly string[] = [];

  constructor(protected readonly options: ConversationOptions) {}

  /** True while a call is under way. */
  get isBusy(): boolean {
    return this.#call !== undefined;
  }

  saw(observation: Observation): void {
    if (this.#isCommanding) this.#heldNews = observation;
    else if (this.counts(observation)) this.#tell(observation);
  }

  failed(failure: Failure, asOf: number): void {
    if (this.#isCommanding) this.#heldFailure = { failure, asOf };
    else if (asOf >= this.#fence) this.#event({ type: "cannot_wake", failure });
  }

  /** While a command is under way it may be an older wake's; it is said again. */
  progressed(progress: Progress, asOf: number): void {
    if (!this.#isCommanding && asOf >= this.#fence) this.#event({ type: "progress", progress });
  }

  lapsed(): void {
    this.#fence = Infinity;
    this.#event({ type: "lapsed" });
  }

  unfenced(): void {
    if (!this.#closed) this.options.onUnfenced();
  }

  pinned(untilMs: number | undefined): void {
    if (!this.#closed) this.options.onPinned(untilMs);
  }

  /**
   * The state that asked has been left. A look or a measurement is given up; a command is not, because
   * its outcome is the fence.
   */
  leave(): void {
    if (!this.#call) return;
    const reason = new Error("no longer wanted");
    this.#call.unwanted.abort(reason);
    if (!this.#isCommanding) this.#call.controller.abort(reason);
  }

  close(): void {
    this.#closed = true;
    this.#call?.controller.abort(new Error("closed"));
  }

  /** Asks the target; the outcome comes as an event. Call only when not busy. */
  async ask(ask: Ask, mode: SleepMode = "idle"): Promise<void> {
    const controller = new AbortController();
    const call: Call = this.#call = { ask, mode, controller, unwanted: new AbortController() };
    const maxMs = ask === "sleep" ? sleepTimeoutMs(mode) : ASK_TIMEOUT_MS;
    using _limit = this.options.clock.timer(
      maxMs,
      () => controller.abort(new Error(`no answer within ${maxMs / 1000} s`)),
    );
    let event: LifecycleEvent;
    try {
      const answer = await orAborted(this.#perform(call), controller.signal);
      event = answer();
    } catch (error) {
      if (this.#isCommanding) this.#fence = Infinity;
      event = error instanceof LookRefused
        ? { type: "refused", failure: error.failure }
        : ask === "measure" || ask === "check"
        ? { type: "measured", usage: UNKNOWN }
        : { type: "unanswered", message: error instanceof Error ? error.message : String(error) };
    }
    this.#call = undefined;
    if (!call.unwanted.signal.aborted) this.#event(event);
    this.#tellHeld();
    if (!this.#closed) this.options.onFree();
  }

  /**
   * True if the observation is newer than our last command. What a zero left behind is not: only a
   * later change makes a workload start or be ready after it.
   */
  protected counts({ workload, asOf }: Observation): boolean {
    return workload.phase === "none" || !this.#isZero ? asOf >= this.#fence : asOf > this.#fence;
  }

  get #isCommanding(): boolean {
    return this.#call?.ask === "wake" || this.#call?.ask === "sleep";
  }

  /** What the answer means, to be told when it has come: one that was given up moves no fence. */
  async #perform(
    { ask, mode, controller: { signal }, unwanted }: Call,
  ): Promise<() => LifecycleEvent> {
    const { target } = this.options;
    switch (ask) {
      case "look": {
        const observation = await target.look(signal);
        return () => this.#looked(observation);
      }
      case "measure":
      case "check": {
        const usage = await target.measure(signal, ask === "check");
        return () => ({ type: "measured", usage });
      }
      case "agree": {
        const result = await target.agree(signal);
        return () => eventOf(result);
      }
      case "wake": {
        const result = await target.wake(signal);
        return () => this.#outcome(ask, result);
      }
      case "sleep": {
        const result = await target.sleep(signal, unwanted.signal, mode);
        return () => this.#outcome(ask, result);
      }
    }
  }

  #looked(observation: Observation): LifecycleEvent {
    const { workload, asOf } = observation;
    if (this.#fence === Infinity || asOf > this.#fence) {
      this.#fence = asOf;
      this.#isZero = workload.phase === "none";
    } else if (!this.counts(observation)) {
      return { type: "unanswered", message: "what it sees is older than our last command" };
    }
    this.#note(observation);
    return { type: "looked", ...seen(workload) };
  }

  #outcome(ask: "wake" | "sleep", result: CommandResult): LifecycleEvent {
    const isLost = ask === "wake" && result.outcome === "conflict";
    // What another gateway announced may still stand.
    if (result.outcome === "unanswered" || isLost) this.#fence = Infinity;
    if (result.outcome === "done") {
      this.#fence = result.fence;
      this.#isZero = ask === "sleep";
    }
    return eventOf(result);
  }

  #tellHeld(): void {
    const news = this.#heldNews;
    const failed = this.#heldFailure;
    this.#heldNews = this.#heldFailure = undefined;
    if (news) this.saw(news);
    if (failed) this.failed(failed.failure, failed.asOf);
  }

  #tell(observation: Observation): void {
    this.#note(observation);
    this.#event({ type: "saw", ...seen(observation.workload) });
  }

  #note({ workload }: Observation): void {
    if (workload.phase === "ready") this.endpoints = workload.endpoints;
  }

  #event(event: LifecycleEvent): void {
    if (!this.#closed) this.options.onEvent(event);
  }
}

/** A forced one ends with the state that wants it, whatever others still answer until then. */
function sleepTimeoutMs(mode: SleepMode): number {
  return mode === "force" ? Infinity : SLEEP_TIMEOUT_MS;
}

function seen(workload: Workload): { phase: Workload["phase"]; mode?: SleepMode } {
  const { phase } = workload;
  return phase === "announced" ? { phase, mode: workload.mode } : { phase };
}

function eventOf(result: CommandResult): LifecycleEvent {
  switch (result.outcome) {
    case "done":
      return { type: "told" };
    case "refused":
      return { type: "refused", failure: result.failure };
    case "conflict":
      return result.reason ? { type: "conflict", reason: result.reason } : { type: "conflict" };
    case "unanswered":
      return { type: "unanswered", message: result.message };
  }
}
