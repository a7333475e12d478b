/**
 * A scale target in virtual time: the small cluster with controllers, watch and API server that take
 * their time, and go wrong as often as they are told to.
 */
import type {
  CommandResult,
  Observation,
  ScaleTarget,
  SleepMode,
  TargetObserver,
  Usage,
} from "../activator/scale_target.ts";
import { NO_DETAILS, type TargetDetails } from "../activator/target_details.ts";
import type { Clock } from "../platform/clock.ts";
import { ENDPOINT, SmallCluster } from "./small_cluster.ts";

/** What a fake target asks whenever something takes time or may go wrong. */
export interface FakeWeather {
  /** How long a call to the API server takes, in ms. */
  callMs(): number;
  /** How long the controllers take for their next step. */
  stepMs(phase: "none" | "starting" | "ready" | "dying"): number;
  /** How late news is. */
  newsMs(): number;
  /** What becomes of a call. */
  call(): "done" | "refused" | "unanswered, done" | "unanswered, not done";
  /** True if a workload that starts fails instead. */
  cannotWake(): boolean;
}

/** Nothing goes wrong; a second to load. */
export const FAIR_WEATHER: FakeWeather = {
  callMs: () => 10,
  stepMs: (phase) => phase === "starting" ? 1_000 : 50,
  newsMs: () => 5,
  call: () => "done",
  cannotWake: () => false,
};

export class FakeTarget implements ScaleTarget {
  readonly name = "fake workload";
  local = false;
  isFenced = false;
  details: TargetDetails = NO_DETAILS;
  readonly cluster = new SmallCluster();
  /** Every command that was taken, in order. */
  readonly commands: ("wake" | "sleep")[] = [];
  /** How each sleep was meant. */
  readonly modes: SleepMode[] = [];
  /** Called before a sleep is sent. */
  onSleep: () => void = () => {};
  /** Whoever subscribed. */
  observer: TargetObserver | undefined;
  #served = 0;
  #stepping = false;
  #newsDueMs = 0;
  /** How it was closed; undefined: it was not. */
  closed: "gently" | "kill" | undefined;

  constructor(readonly clock: Clock, public weather: FakeWeather = FAIR_WEATHER) {}

  subscribe(observer: TargetObserver): void {
    this.observer = observer;
  }

  look(signal: AbortSignal): Promise<Observation> {
    return this.#call(signal, () => this.cluster.look());
  }

  wake(signal: AbortSignal): Promise<CommandResult> {
    return this.#command("wake", signal);
  }

  sleep(signal: AbortSignal, _unwanted: AbortSignal, mode: SleepMode): Promise<CommandResult> {
    this.modes.push(mode);
    this.onSleep();
    return this.#command("sleep", signal);
  }

  measure(signal: AbortSignal): Promise<Usage> {
    return this.#call(signal, () => ({ busy: 0, served: String(this.#served) }));
  }

  /** There is no other gateway. */
  agree(): Promise<CommandResult> {
    return Promise.resolve({ outcome: "conflict" });
  }

  pin(untilMs: number | undefined): Promise<undefined> {
    this.observer?.pinned(untilMs);
    return Promise.resolve(undefined);
  }

  use(): void {}

  suspect(endpoint: string): void {
    if (this.cluster.phase !== "ready" || endpoint !== ENDPOINT) return;
    this.observer?.saw({ workload: { phase: "starting" }, asOf: this.cluster.observed });
    const asOf = this.cluster.observed;
    this.clock.timer(this.weather.newsMs(), () => {
      if (this.cluster.phase === "ready" && this.cluster.observed === asOf) this.#republish();
    });
  }

  close(how: "gently" | "kill" = "gently"): Promise<void> {
    this.closed ??= how;
    return Promise.resolve();
  }

  /** A request that did not come through the gateway. */
  serveAround(): void {
    this.#served++;
  }

  crash(): void {
    if (this.cluster.phase !== "ready" && this.cluster.phase !== "starting") return;
    this.cluster.crash();
    this.#deliverSoon();
    this.#stepSoon();
  }

  /** Somebody else scales it. */
  scaleOutside(desired: number): void {
    this.cluster.scale(desired, false);
    this.#stepSoon();
  }

  async #command(ask: "wake" | "sleep", signal: AbortSignal): Promise<CommandResult> {
    const fate = this.weather.call();
    const failure = { kind: "forbidden", message: "may not scale" } as const;
    if (fate === "refused") return this.#call(signal, () => ({ outcome: "refused", failure }));
    if (fate === "unanswered, not done") return this.#silence(signal);
    const result = await this.#call(signal, () => {
      this.commands.push(ask);
      this.cluster.scale(ask === "wake" ? 1 : 0, true);
      // Where nothing has to change, the news is what is there already.
      if (this.cluster.isStable) this.#republish();
      this.#stepSoon();
      return { outcome: "done", fence: this.cluster.generation } as const;
    });
    return fate === "done" ? result : this.#silence(signal);
  }

  #silence(signal: AbortSignal): Promise<never> {
    return new Promise((_, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason))
    );
  }

  #call<T>(signal: AbortSignal, answer: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = this.clock.timer(this.weather.callMs(), () => resolve(answer()));
      signal.addEventListener("abort", () => {
        timer[Symbol.dispose]();
        reject(signal.reason);
      });
    });
  }

  #stepSoon(): void {
    if (this.#stepping || this.cluster.isStable) return;
    this.#stepping = true;
    this.clock.timer(this.weather.stepMs(this.cluster.phase), () => {
      this.#stepping = false;
      const wasStarting = this.cluster.phase === "starting" && this.cluster.desired === 1;
      if (wasStarting && this.weather.cannotWake()) {
        this.observer?.failed({ kind: "crashed", message: "exit 1" }, this.cluster.observed);
      } else {
        this.cluster.step();
        this.#deliverSoon();
      }
      this.#stepSoon();
    });
  }

  #republish(): void {
    this.cluster.step();
    this.#deliverSoon();
  }

  /** News is late, and never overtakes older news. */
  #deliverSoon(): void {
    this.#newsDueMs = Math.max(this.#newsDueMs, this.clock.nowMs() + this.weather.newsMs());
    this.clock.timer(this.#newsDueMs - this.clock.nowMs(), () => {
      const news = this.cluster.news.shift();
      if (news && !this.closed) this.observer?.saw(news);
    });
  }
}
