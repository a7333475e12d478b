/** The target of the small world: every call waits until the world says how it ends. */
import type { Ask } from "../activator/lifecycle.ts";
import type {
  CommandResult,
  Observation,
  ScaleTarget,
  SleepMode,
  TargetObserver,
  Usage,
} from "../activator/scale_target.ts";
import { NO_DETAILS } from "../activator/target_details.ts";
import { HeldCalls } from "./held_calls.ts";
import type { SmallCluster } from "./small_cluster.ts";

export class SmallTarget implements ScaleTarget {
  readonly name = "small world";
  readonly local = false;
  readonly isFenced = false;
  readonly details = NO_DETAILS;
  observer!: TargetObserver;
  /** Requests that went around the gateway. */
  served = 0;
  /** The generation of the last command that was answered. */
  fence = 0;
  readonly #calls = new HeldCalls<Ask>();

  constructor(readonly cluster: SmallCluster, readonly onSleep: (mode: SleepMode) => void) {}

  /** What is being asked, first come first. */
  get asked(): readonly Ask[] {
    return this.#calls.asked;
  }

  get isCommanded(): boolean {
    return this.asked[0] === "wake" || this.asked[0] === "sleep";
  }

  answer(how: "done" | "refused"): void {
    if (how === "done") return this.#calls.answer();
    const failure = { kind: "forbidden", message: "may not scale" } as const;
    this.#calls.answerWith({ outcome: "refused", failure } satisfies CommandResult);
  }

  /** The caller hears nothing, whether it was done or not. */
  unanswered(done: boolean): void {
    const { fence } = this;
    this.#calls.lose(done);
    this.fence = fence;
  }

  subscribe(observer: TargetObserver): void {
    this.observer = observer;
  }

  look(signal: AbortSignal): Promise<Observation> {
    return this.#calls.call("look", signal, () => this.cluster.look());
  }

  wake(signal: AbortSignal): Promise<CommandResult> {
    return this.#calls.call("wake", signal, () => this.#scale(1));
  }

  sleep(signal: AbortSignal, _unwanted: AbortSignal, mode: SleepMode): Promise<CommandResult> {
    this.onSleep(mode);
    return this.#calls.call("sleep", signal, () => this.#scale(0));
  }

  measure(signal: AbortSignal): Promise<Usage> {
    return this.#calls.call("measure", signal, () => ({ busy: 0, served: String(this.served) }));
  }

  /** There is no other gateway. */
  agree(): Promise<CommandResult> {
    return Promise.resolve({ outcome: "conflict" });
  }

  pin(untilMs: number | undefined): Promise<undefined> {
    this.observer.pinned(untilMs);
    return Promise.resolve(undefined);
  }

  use(): void {}

  suspect(): void {
    this.observer.saw({ workload: { phase: "starting" }, asOf: this.cluster.observed });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #scale(replicas: number): CommandResult {
    this.cluster.scale(replicas, true);
    // Where nothing has to change, what there is is told again.
    if (this.cluster.isStable) this.cluster.step();
    this.fence = this.cluster.generation;
    return { outcome: "done", fence: this.fence };
  }
}
