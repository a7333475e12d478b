/**
 * One gateway's target in the two-gateways world: each of its calls, and each step of a sleep, waits until the world
 * says how it ends. Its `Faults` are the planted bugs.
 */
import { type SleepSteps, sleepTogether } from "../activator/agreement.ts";
import type {
  CommandResult,
  Observation,
  ScaleTarget,
  TargetObserver,
  Usage,
} from "../activator/scale_target.ts";
import type { Mark, News, SharedCluster } from "./shared_cluster.ts";

export type Op =
  | "look"
  | "measure"
  | "wake"
  | "agree"
  | "announce"
  | "list"
  | "again"
  | "withdraw"
  | "scale";

/** What is done wrong, on purpose. */
export interface Faults {
  readonly noPrecondition?: boolean;
  readonly noConsent?: boolean;
  readonly listsBefore?: boolean;
  readonly agreesToAll?: boolean;
  readonly noLookAtDemand?: boolean;
  readonly noLastMeasure?: boolean;
}

/** Where the world looks whether its promises hold. */
export interface Checks {
  /** A zero is on its way. */
  onTold(): void;
  /** It has come. */
  onZero(): void;
}

interface Call {
  readonly op: Op;
  readonly done: () => unknown;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

const CONFLICT: CommandResult = { outcome: "conflict" };

export class SharedTarget implements ScaleTarget {
  readonly name: string;
  readonly local = false;
  readonly isFenced = false;
  observer!: TargetObserver;
  /** The generation of the last command that was answered. */
  fence = 0;
  #calls: Call[] = [];
  /** The generation that a sleep was checked for. */
  #checked = 0;
  #served = 0;
  /** What was announced by another gateway, as last heard of. */
  #announced: number | undefined;
  /** The own announcement that others are to agree to. */
  #waiting:
    | { readonly mark: Mark; readonly others: number[]; readonly call: PromiseWithResolvers<void> }
    | undefined;

  constructor(
    readonly cluster: SharedCluster,
    readonly gateway: number,
    readonly traffic: () => number,
    readonly checks: Checks,
    readonly faults: Faults,
  ) {
    this.name = `gateway ${gateway}`;
  }

  get asked(): readonly Op[] {
    return this.#calls.map(({ op }) => op);
  }

  /** Who is still to agree to the own announcement. */
  get awaited(): readonly number[] {
    if (!this.#waiting || this.faults.noConsent) return [];
    const { others, mark } = this.#waiting;
    return others.filter((other) => {
      const { isThere, ack } = this.cluster.leases[other]!;
      const agrees = this.faults.agreesToAll ? ack !== undefined : ack === mark.token;
      return isThere && !agrees;
    });
  }

  key(): unknown[] {
    const { mark, others } = this.#waiting ?? { mark: undefined, others: [] };
    return [
      this.asked,
      mark && mark.token === this.cluster.mark?.token,
      [...others],
      this.#announced !== undefined && this.#announced === this.cluster.mark?.token,
      this.cluster.workload.generation - this.#checked,
      this.traffic() - this.#served,
    ];
  }

  /** The oldest call is done, and heard of; or, `isHeard` false, nobody hears of it. */
  answer(isDone: boolean, isHeard: boolean): void {
    const { done, resolve, reject } = this.#calls.shift()!;
    const result = isDone ? done() : undefined;
    if (isHeard) resolve(result);
    else reject(new Error("no route"));
  }

  deliver({ observation, token, own }: News): void {
    this.#announced = token;
    if (this.#waiting && own !== this.#waiting.mark.token) {
      this.#waiting.call.reject(new Error("vetoed"));
      this.#waiting = undefined;
    }
    this.observer.saw(observation);
  }

  /** Goes on with a sleep to which everybody has agreed. */
  consent(): void {
    if (!this.#waiting || this.awaited.length > 0) return;
    this.#waiting.call.resolve();
    this.#waiting = undefined;
  }

  subscribe(observer: TargetObserver): void {
    this.observer = observer;
  }

  look(signal: AbortSignal): Promise<Observation> {
    return this.#call("look", signal, () => {
      // A mark of our own that nobody waits for any more.
      if (this.cluster.mark?.by === this.gateway) this.cluster.removeMark();
      const { observation, token } = this.cluster.look(this.gateway);
      this.#announced = token;
      return observation;
    });
  }

  wake(signal: AbortSignal): Promise<CommandResult> {
    return this.#call("wake", signal, () => {
      if (this.cluster.workload.desired === 0) this.cluster.scale(1, true);
      else this.cluster.removeMark();
      this.fence = this.cluster.workload.generation;
      return { outcome: "done", fence: this.fence };
    });
  }

  agree(signal: AbortSignal): Promise<CommandResult> {
    const token = this.#announced;
    return this.#call("agree", signal, () => {
      this.cluster.leases[this.gateway]!.ack = token;
      return { outcome: "done", fence: 0 };
    });
  }

  sleep(signal: AbortSignal, unwanted: AbortSignal): Promise<CommandResult> {
    return sleepTogether(
      this.#steps(),
      signal,
      this.faults.noLookAtDemand ? new AbortController().signal : unwanted,
    );
  }

  measure(signal: AbortSignal): Promise<Usage> {
    return this.#call("measure", signal, () => {
      this.#checked = this.cluster.workload.generation;
      this.#served = this.traffic();
      return { busy: 0, served: String(this.#served) };
    });
  }

  use(): void {}

  suspect(): void {
    this.observer.saw({
      ...{ workload: { phase: "starting" }, asOf: this.cluster.workload.watched().asOf },
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #steps(): SleepSteps {
    const { cluster, gateway, faults } = this;
    let mark: Mark | undefined;
    const others = () =>
      cluster.leases.flatMap(({ isThere }, other) => isThere && other !== gateway ? [other] : []);
    const before = faults.listsBefore
      ? others().filter((other) => cluster.leases[other]!.isHeld)
      : undefined;
    return {
      announce: (signal) =>
        this.#call("announce", signal, () => {
          const other = cluster.mark && cluster.mark.by !== gateway &&
            cluster.leases[cluster.mark.by]!.isThere;
          if (
            cluster.workload.desired === 0 || cluster.workload.generation !== this.#checked
          ) return CONFLICT;
          if (other) return CONFLICT;
          mark = cluster.announce(gateway);
          return { outcome: "done", fence: 0 };
        }),
      agreed: async (signal) => {
        const listed = await this.#call("list", signal, () => before ?? others()) as number[];
        const call = Promise.withResolvers<void>();
        this.#waiting = { mark: mark!, others: listed, call };
        const left = () => {
          this.#waiting = undefined;
          call.reject(signal.reason);
        };
        signal.addEventListener("abort", left, { once: true });
        this.consent();
        await call.promise;
      },
      isQuiet: (signal) =>
        this.#call(
          "again",
          signal,
          () => faults.noLastMeasure === true || this.traffic() === this.#served,
        ),
      withdraw: (signal) =>
        this.#call("withdraw", signal, () => {
          if (cluster.mark?.token === mark!.token) cluster.removeMark();
        }),
      scale: (signal) => {
        this.checks.onTold();
        return this.#call("scale", signal, () => {
          const stands = cluster.mark?.token === mark!.token;
          if (!stands && !faults.noPrecondition) return CONFLICT;
          this.checks.onZero();
          cluster.scale(0, true);
          this.fence = cluster.workload.generation;
          return { outcome: "done", fence: this.fence };
        });
      },
    };
  }

  #call<T>(op: Op, signal: AbortSignal, done: () => unknown): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const call: Call = { op, done, resolve: resolve as (result: unknown) => void, reject };
    if (signal.aborted) return Promise.reject(signal.reason);
    this.#calls.push(call);
    signal.addEventListener("abort", () => {
      this.#calls = this.#calls.filter((other) => other !== call);
      reject(signal.reason);
    });
    return promise;
  }
}
