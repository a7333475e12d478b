/**
 * The port to the thing that is scaled: a workload of a cluster, a local process, or an upstream that
 * is only routed to. Declared here, by its consumer; implemented in `targets/`.
 */
import type { TargetDetails } from "./target_details.ts";

/**
 * What was last seen of a workload: at zero and gone, on its way up or down, or taking requests.
 * `endpoints` are base URLs, never empty.
 */
export type Workload =
  | { readonly phase: "none" }
  | { readonly phase: "starting" }
  | { readonly phase: "ready"; readonly endpoints: readonly string[] }
  /** Up, or on its way there, and another gateway is about to put it to zero. */
  | { readonly phase: "announced"; readonly mode: SleepMode };

/** How a workload is put to sleep, which says what keeps it up. */
export type SleepMode =
  /** It was quiet for its idle timeout: whoever used it since keeps it up, and so does a pin. */
  | "idle"
  /** Here it cannot be used (it has failed, or is disabled): the same, but for a pin. */
  | "unusable"
  /** An operator asked for it: whoever uses it now keeps it up. */
  | "now"
  /** An operator insists: what is in flight comes to its end, what comes meanwhile waits, and wakes it again. */
  | "force";

/**
 * A workload as it was at one moment. `asOf` grows with every change of the target; an observation
 * counts only if its `asOf` has reached the `fence` of our last command (for Kubernetes: the
 * generation, for a process: a count of its commands).
 */
export interface Observation {
  readonly workload: Workload;
  readonly asOf: number;
}

/** Why a wake cannot succeed, in the words of whoever refused it. */
export interface Failure {
  readonly kind:
    | "cold_start_timeout"
    | "crashed"
    | "cannot_start"
    | "out_of_memory"
    | "image"
    | "config"
    | "quota"
    | "forbidden"
    | "missing"
    | "unschedulable"
    | "disabled";
  /** A sentence for the client and the log, e.g. `exited with code 1: CUDA out of memory`. */
  readonly message: string;
}

/** What a wake that is under way spends its time with; later ones mean that the earlier are done. */
export type WakePhase = "scheduling" | "pulling" | "starting" | "loading";

export interface Progress {
  readonly phase: WakePhase;
  /** For people, e.g. `pod vllm-5d4f-x8 on node a: pulls vllm:v1`. */
  readonly detail: string;
}

/** How a command ended; none of these throws. */
export type CommandResult =
  /** Done; only an observation with `asOf >= fence` is newer than it. */
  | { readonly outcome: "done"; readonly fence: number }
  /** A refusal that is believed. */
  | { readonly outcome: "refused"; readonly failure: Failure }
  /** Someone else changed the target first, or keeps it up and this is why: look again. */
  | { readonly outcome: "conflict"; readonly reason?: string }
  /** No answer: nobody knows whether it was done. */
  | { readonly outcome: "unanswered"; readonly message: string };

/** How busy the engines of a target say they are, over all ready endpoints. */
export interface Usage {
  /** Requests running and waiting at the engines; `Infinity` if one could not be asked (busy). */
  readonly busy: number;
  /** The engines' counters as one opaque text: a different text means that requests were served. */
  readonly served: string;
  /** Since another gateway last used it, in ms; 0: it does now; `Infinity` or absent: none is known to have. */
  readonly usedAgoMs?: number;
}

/** Where a target's news goes. Called at any time, also from within a call to the target. */
export interface TargetObserver {
  saw(observation: Observation): void;
  /** The wake under way cannot succeed; `asOf` as in {@link Observation}. */
  failed(failure: Failure, asOf: number): void;
  /** How far the wake under way has come; may be said again. */
  progressed(progress: Progress, asOf: number): void;
  /** The other gateways did not know of this one for a while: nothing that was seen counts until the next look. */
  lapsed(): void;
  /** `isFenced` may have become false. */
  unfenced(): void;
  /** It stays up until that moment of the wall clock; `undefined`: it is not pinned. May be said again. */
  pinned(untilMs: number | undefined): void;
}

export interface ScaleTarget {
  /** Where endpoints and pods are named in messages, e.g. `process vllm` or `deployment ai/vllm`. */
  readonly name: string;
  /** True if the workload ends with the gateway: nobody waits for it while the gateway drains. */
  readonly local: boolean;
  /**
   * True while it cannot be told whether other gateways have stopped the workload without us (this process was paused):
   * nothing is sent there. Asked in the tick of each send; `unfenced` is told when it has come to an end.
   */
  readonly isFenced: boolean;
  /** What is known of it now, for operators. */
  readonly details: TargetDetails;
  /** Sends news to `observer` from now on; called once, before any other method. */
  subscribe(observer: TargetObserver): void;
  /**
   * A fresh, consistent observation: what was told to stop is `none`, whatever it still looks like.
   * Rejects if the target's side does not answer, with {@link LookRefused} if it says no.
   */
  look(signal: AbortSignal): Promise<Observation>;
  /**
   * Starts the workload, or leaves a running one alone, but for what another gateway announced: that is vetoed.
   * Resolves when told, not when ready.
   */
  wake(signal: AbortSignal): Promise<CommandResult>;
  /**
   * Stops the workload, once every other gateway has agreed. Resolves when told (`done`), news says when it is gone.
   * Where it waits for others, `unwanted` ends that: a `conflict`.
   */
  sleep(signal: AbortSignal, unwanted: AbortSignal, mode: SleepMode): Promise<CommandResult>;
  /**
   * Keeps the workload up until that moment of the wall clock, whoever finds it idle; `undefined`: no longer. It does
   * not start it. The observer is told before it resolves; with the reason, for people, if it cannot be done.
   */
  pin(untilMs: number | undefined): Promise<string | undefined>;
  /** Agrees to what another gateway announced: nothing is sent there any more. */
  agree(signal: AbortSignal): Promise<CommandResult>;
  /** Whether the model is in use here, told at each change, for the other gateways to know. */
  use(isUsed: boolean, idleTimeoutMs: number): void;
  /**
   * Asks the engines how busy they are; a target that cannot tell returns {@link UNMEASURED}. Before a
   * sleep it also sees that a sleep could be told: where nobody would answer, the model is as good as busy.
   */
  measure(signal: AbortSignal, beforeSleep: boolean): Promise<Usage>;
  /**
   * A connection to `endpoint` was refused: it is taken out and probed again before it returns.
   * Says so to the observer before it returns (`starting` if it was the last one).
   */
  suspect(endpoint: string): void;
  /**
   * Stops watching; a local process is stopped, a cluster's workload is left as it is. `kill` stops a
   * process at once: its open answers break, instead of ending as if they were whole. Never rejects.
   */
  close(how?: "kill"): Promise<void>;
}

/** Thrown by `look` when its refusal is believed: nobody can tell how the workload is, and this is why. */
export class LookRefused extends Error {
  constructor(readonly failure: Failure) {
    super(failure.message);
    this.name = "LookRefused";
  }
}

/** Usage of an engine without metrics: our own count of requests decides alone. */
export const UNMEASURED: Usage = { busy: 0, served: "" };

/** Nobody can tell: as good as busy. */
export const UNKNOWN: Usage = { busy: Infinity, served: "" };
