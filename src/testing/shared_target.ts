/**
 * One gateway's target in the two-gateways world: each of its calls, and each step of a sleep, waits until the world
 * says how it ends. Its `Faults` are the planted bugs.
 */
import { type SleepSteps, sleepTogether } from "../activator/agreement.ts";
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
import type { Mark, News, SharedCluster } from "./shared_cluster.ts";

export type Op =
  | "join"
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
  readonly noFence?: boolean;
  readonly looksBeforeItsLease?: boolean;
  readonly wakesOverAny?: boolean;
  readonly leavesMarksOfTheDead?: boolean;
}

/** What the engines of the world say. */
export interface Engines {
  /** Requests under way, whoever sent them. */
  busy(): number;
  /** So many were served. */
  served(): number;
}

/** Where the world looks whether its promises hold. */
export interface Checks {
  /** The engines were asked for the last time before a zero. */
  onAsked(): void;
  /** The number of replicas is to be changed to that of a wake. */
  onWake(): void;
  /** A zero is on its way. */
  onTold(mode: SleepMode): void;
  /** It has come. */
  onZero(): void;
}

const CONFLICT: CommandResult = { outcome: "conflict" };

export class SharedTarget implements ScaleTarget {
  readonly name: string;
  readonly local = false;
  readonly details = NO_DETAILS;
  observer!: TargetObserver;
  /** The generation of the last command that was answered. */
  fence = 0;
  readonly #calls = new HeldCalls<Op>();
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
    readonly engines: Engines,
    readonly checks: Checks,
    readonly faults: Faults,
  ) {
    this.name = `gateway ${gateway}`;
  }

  get asked(): readonly Op[] {
    return this.#calls.asked;
  }

  /** Its Lease was out while it was paused; who is cut off knows that, and goes on. */
  get isFenced(): boolean {
    const { isOut, isCut } = this.cluster.leases[this.gateway]!;
    return isOut && !isCut && !this.faults.noFence;
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
      this.engines.served() - this.#served,
    ];
  }

  /** The oldest call is done, and heard of. */
  answer(): void {
    this.#calls.answer();
  }

  /** Nobody hears whether the oldest call was done. */
  lose(isDone: boolean): void {
    const { fence } = this;
    this.#calls.lose(isDone);
    this.fence = fence;
  }

  /** Its Lease is written; if that had been taken away, all that was seen may have changed. */
  renew(): void {
    const { isOut } = this.cluster.leases[this.gateway]!;
    this.cluster.renew(this.gateway);
    if (isOut) this.observer.lapsed();
    this.observer.unfenced();
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

  async look(signal: AbortSignal): Promise<Observation> {
    const { looksBeforeItsLease } = this.faults;
    if (!looksBeforeItsLease) await this.#join(signal);
    const observation = await this.#calls.call<Observation>("look", signal, () => {
      // Our own, that nobody waits for any more, or that of the dead, whose zero may still come.
      const isMeant = this.faults.leavesMarksOfTheDead
        ? this.cluster.mark?.by === this.gateway
        : !this.cluster.othersMark(this.gateway);
      if (isMeant) this.cluster.removeMark();
      const { observation, token } = this.cluster.look(this.gateway);
      this.#announced = token;
      return observation;
    });
    if (looksBeforeItsLease) await this.#join(signal);
    return observation;
  }

  async #join(signal: AbortSignal): Promise<void> {
    if (this.cluster.leases[this.gateway]!.isThere) return;
    await this.#calls.call("join", signal, () => this.cluster.renew(this.gateway));
  }

  wake(signal: AbortSignal): Promise<CommandResult> {
    return this.#calls.call("wake", signal, () => {
      const { workload } = this.cluster;
      if (workload.desired === 0 || this.faults.wakesOverAny) {
        this.checks.onWake();
        this.cluster.scale(1, true);
      } else this.cluster.removeMark();
      this.fence = workload.generation;
      return { outcome: "done", fence: this.fence };
    });
  }

  agree(signal: AbortSignal): Promise<CommandResult> {
    const token = this.#announced;
    return this.#calls.call("agree", signal, () => {
      this.cluster.leases[this.gateway]!.ack = token;
      return { outcome: "done", fence: 0 };
    });
  }

  sleep(signal: AbortSignal, unwanted: AbortSignal, mode: SleepMode): Promise<CommandResult> {
    return sleepTogether(
      this.#steps(mode),
      signal,
      this.faults.noLookAtDemand ? new AbortController().signal : unwanted,
    );
  }

  measure(signal: AbortSignal): Promise<Usage> {
    return this.#calls.call("measure", signal, () => {
      this.#checked = this.cluster.workload.generation;
      this.#served = this.engines.served();
      return { busy: this.engines.busy(), served: String(this.#served) };
    });
  }

  pin(): Promise<string> {
    return Promise.resolve("there are no pins in this world");
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

  #steps(mode: SleepMode): SleepSteps {
    const { cluster, gateway, faults } = this;
    let mark: Mark | undefined;
    const others = () =>
      cluster.leases.flatMap(({ isThere }, other) => isThere && other !== gateway ? [other] : []);
    const before = faults.listsBefore
      ? others().filter((other) => cluster.leases[other]!.isHeld)
      : undefined;
    return {
      announce: (signal) =>
        this.#calls.call("announce", signal, () => {
          const { desired, generation } = cluster.workload;
          // A forced one checks nothing before: it goes by what it finds.
          if (desired === 0 || mode !== "force" && generation !== this.#checked) return CONFLICT;
          if (cluster.othersMark(gateway)) return CONFLICT;
          mark = cluster.announce(gateway, mode);
          return { outcome: "done", fence: 0 };
        }),
      agreed: async (signal) => {
        const listed = await this.#calls.call("list", signal, () => before ?? others()) as number[];
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
      isQuiet: async (signal) => {
        const ask = () =>
          this.#calls.call<boolean>("again", signal, () => {
            this.checks.onAsked();
            const { engines } = this;
            const isQuiet = engines.busy() === 0 &&
              (mode === "force" || engines.served() === this.#served);
            return faults.noLastMeasure === true || isQuiet;
          });
        while (!await ask()) if (mode !== "force") return false;
        return true;
      },
      withdraw: (signal) =>
        this.#calls.call("withdraw", signal, () => {
          if (cluster.mark?.token === mark!.token) cluster.removeMark();
        }),
      scale: (signal) => {
        this.checks.onTold(mode);
        return this.#calls.call("scale", signal, () => {
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
}
