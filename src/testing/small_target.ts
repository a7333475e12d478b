/** The target of the small world: every call waits until the world says how it ends. */
import type { Ask } from "../activator/lifecycle.ts";
import type {
  CommandResult,
  Observation,
  ScaleTarget,
  TargetObserver,
  Usage,
} from "../activator/scale_target.ts";
import type { SmallCluster } from "./small_cluster.ts";

interface Call {
  readonly ask: Ask;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

export class SmallTarget implements ScaleTarget {
  readonly name = "small world";
  readonly local = false;
  readonly isFenced = false;
  observer!: TargetObserver;
  /** Requests that went around the gateway. */
  served = 0;
  /** The generation of the last command that was answered. */
  fence = 0;
  #calls: Call[] = [];

  constructor(readonly cluster: SmallCluster, readonly onSleep: () => void) {}

  /** What is being asked, first come first. */
  get asked(): readonly Ask[] {
    return this.#calls.map(({ ask }) => ask);
  }

  get isCommanded(): boolean {
    return this.asked[0] === "wake" || this.asked[0] === "sleep";
  }

  answer(how: "done" | "refused"): void {
    const { ask, resolve } = this.#calls.shift()!;
    if (ask === "look") return resolve(this.cluster.look());
    if (ask === "measure") return resolve({ busy: 0, served: String(this.served) });
    const failure = { kind: "forbidden", message: "may not scale" } as const;
    if (how === "refused") return resolve({ outcome: "refused", failure } satisfies CommandResult);
    this.cluster.scale(ask === "wake" ? 1 : 0, true);
    this.fence = this.cluster.generation;
    resolve({ outcome: "done", fence: this.fence } satisfies CommandResult);
  }

  /** The caller hears nothing, whether it was done or not. */
  unanswered(done: boolean): void {
    const { ask, reject } = this.#calls.shift()!;
    if (done) this.cluster.scale(ask === "wake" ? 1 : 0, true);
    reject(new Error("no route"));
  }

  subscribe(observer: TargetObserver): void {
    this.observer = observer;
  }

  look(signal: AbortSignal): Promise<Observation> {
    return this.#call("look", signal);
  }

  wake(signal: AbortSignal): Promise<CommandResult> {
    return this.#call("wake", signal);
  }

  sleep(signal: AbortSignal): Promise<CommandResult> {
    this.onSleep();
    return this.#call("sleep", signal);
  }

  measure(signal: AbortSignal): Promise<Usage> {
    return this.#call("measure", signal);
  }

  /** There is no other gateway. */
  agree(): Promise<CommandResult> {
    return Promise.resolve({ outcome: "conflict" });
  }

  use(): void {}

  suspect(): void {
    this.observer.saw({ workload: { phase: "starting" }, asOf: this.cluster.observed });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #call<T>(ask: Ask, signal: AbortSignal): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const call: Call = { ask, resolve: resolve as (result: unknown) => void, reject };
    this.#calls.push(call);
    signal.addEventListener("abort", () => {
      this.#calls = this.#calls.filter((other) => other !== call);
      reject(signal.reason);
    });
    return promise;
  }
}
