/**
 * A world small enough to be explored to its end: one model, a cluster of one pod, two requests. Every
 * step is a named choice; the promises are checked as invariants at each.
 */
import { Activation, type ActivationOptions } from "../activator/activation.ts";
import type { LifecycleEvent } from "../activator/lifecycle.ts";
import type { SleepMode } from "../activator/scale_target.ts";
import { BASELINE_AFTER_MS, type Policy, type State } from "../activator/state.ts";
import type { BreakerLimits } from "../activator/breaker.ts";
import type { Clock } from "../platform/clock.ts";
import { silentLog } from "../telemetry/log.ts";
import { SmallClients } from "./small_clients.ts";
import { SmallCluster } from "./small_cluster.ts";
import { SmallTarget } from "./small_target.ts";
import { keyOf, sinceKey, stateKey } from "./state_key.ts";
import { settle, VirtualClock } from "./virtual_clock.ts";

export const POLICY: Policy = {
  idleTimeoutMs: 60_000,
  coldStartTimeoutMs: 120_000,
  retryAfterMaxMs: 20_000,
  enabled: true,
};

/** Every timeout and back-off of the lifecycle once, and then some. */
const REST_MAX_MS = 20 * 60_000;
const CLOCK_BACK_MS = 3_600_000;

/** The activation under exploration, with its state laid open; mutants extend it. */
export class ExploredActivation extends Activation {
  seen: State | undefined;

  protected override transition(state: State, event: LifecycleEvent, nowMs: number): State {
    return this.seen = super.transition(state, event, nowMs);
  }
}

export type MakeActivation = (options: ActivationOptions) => ExploredActivation;

/** How often each kind of trouble may happen in one world. */
const TROUBLE = {
  crash: 1,
  outside: 1,
  refuse: 1,
  unanswered: 1,
  traffic: 1,
  cannot: 1,
  back: 1,
  refused: 1,
  /** Off, and on again. */
  switch: 2,
  /** An operator wants it at zero. */
  sleep: 1,
};
type Trouble = keyof typeof TROUBLE;

export class SmallWorld {
  readonly clock = new VirtualClock();
  readonly violations = new Set<string>();
  readonly activation: ExploredActivation;
  readonly #cluster = new SmallCluster();
  readonly #clients: SmallClients;
  readonly #left = { ...TROUBLE };
  #skewMs = 0;
  #lastUseMs = -Infinity;
  /** What the conversation may hold back while a command is under way. */
  #heldBack = "";
  readonly #target = new SmallTarget(this.#cluster, (mode) => this.#onSleep(mode));
  #policy = POLICY;
  readonly #limits: BreakerLimits;

  constructor(make: MakeActivation, requests = 2, inFlightMax = 1) {
    this.#limits = { pendingMax: 8, inFlightMax, pendingTimeoutMs: 30_000 };
    this.#clients = new SmallClients({
      admission: () => this.activation,
      onUse: () => {
        // One that is refused because the model is off is no use of it.
        if (this.#policy.enabled) this.#lastUseMs = this.clock.nowMs();
      },
      onGranted: () => {
        if (this.#cluster.isStoppedByUs) this.#broken("a request went to what we had stopped");
      },
      onBroken: (promise) => this.#broken(promise),
    }, requests);
    const clock: Clock = {
      nowMs: () => this.clock.nowMs() - this.#skewMs,
      wallMs: () => this.clock.wallMs(),
      timer: (delayMs, callback) => this.clock.timer(delayMs, callback),
    };
    this.activation = make({
      model: "m",
      target: this.#target,
      policy: this.#policy,
      limits: this.#limits,
      clock,
      log: silentLog,
    });
  }

  /** Everything that could happen next. */
  choices(): string[] {
    const cluster = this.#cluster;
    const choices = this.#clientChoices();
    const may = (trouble: Trouble, ...names: string[]) => {
      if (this.#left[trouble] > 0) choices.push(...names);
    };
    const { asked, isCommanded } = this.#target;
    if (asked.length > 0) {
      choices.push("answer");
      if (isCommanded) may("refuse", "refuse");
      may("unanswered", "unanswered, not done");
      if (isCommanded) may("unanswered", "unanswered, done");
    }
    if (cluster.news.length > 0) choices.push("deliver");
    if (cluster.isStable) may("traffic", "traffic");
    else choices.push("cluster");
    if (cluster.phase === "ready" || cluster.phase === "starting") may("crash", "crash");
    if (cluster.phase === "starting") may("cannot", "cannot");
    may("outside", `outside ${1 - cluster.desired}`);
    may("back", "back");
    may("switch", "switch");
    may("sleep", "sleep now", "sleep force");
    if (this.clock.nextMs < Infinity) choices.push("time");
    return choices;
  }

  async apply(choice: string): Promise<void> {
    const [verb, rest] = choice.split(/ (.*)/) as [string, string | undefined];
    const request = this.#clients.requests[Number(rest)]!;
    if (verb in this.#left) this.#left[verb as Trouble]--;
    const steps: Record<string, () => unknown> = {
      arrive: () => this.#clients.arrive(request),
      finish: () => this.#clients.finish(request),
      abandon: () => this.#clients.abandon(request),
      refused: () => this.#clients.refused(request),
      answer: () => this.#target.answer("done"),
      refuse: () => this.#target.answer("refused"),
      "unanswered,": () => this.#unanswered(rest === "done"),
      deliver: () => this.#deliver(),
      cluster: () => this.#cluster.step(),
      crash: () => this.#cluster.crash(),
      outside: () => this.#cluster.scale(Number(rest), false),
      cannot: () =>
        this.#target.observer.failed(
          { kind: "crashed", message: "exit 1" },
          this.#cluster.observed,
        ),
      traffic: () => this.#traffic(),
      back: () => this.#skewMs = CLOCK_BACK_MS,
      switch: () => this.#switch(),
      sleep: () => void this.activation.steering.sleep(rest as "now" | "force").catch(() => {}),
      time: () => this.clock.advance(Math.max(0, this.clock.nextMs - this.clock.nowMs())),
    };
    await steps[verb]!();
    await settle(16);
    this.#check();
  }

  /** The same for worlds that behave alike from here on: times relative to now. */
  key(): string {
    const nowMs = this.clock.nowMs() - this.#skewMs;
    return keyOf([
      stateKey(this.activation.seen, nowMs),
      this.#clients.key(),
      this.#target.asked,
      this.#cluster.key(this.#target.fence),
      [this.#heldBack, this.#skewMs, this.#left, this.#policy.enabled, this.#target.served],
      [this.#lastUseMs, this.clock.nextMs].map((atMs) => sinceKey(atMs, this.clock.nowMs())),
    ]);
  }

  /**
   * No more trouble: everything is answered and delivered and time passes. Whoever waits must get an
   * answer, and an unused model must end at zero with nothing left to do.
   */
  async rest(): Promise<void> {
    const startMs = this.clock.nowMs();
    for (const trouble of Object.keys(this.#left) as Trouble[]) this.#left[trouble] = 0;
    for (let i = 0; i < 400; i++) {
      const choice = this.choices().find((choice) => !/^(arrive|abandon)/.test(choice));
      if (!choice) break;
      await this.apply(choice);
    }
    if (this.clock.nowMs() - startMs > REST_MAX_MS) {
      this.#broken("it takes too long to come to rest");
    }
    if (this.#clients.count("waiting") + this.#clients.count("flying") > 0) {
      this.#broken("a request waits for ever");
    }
    if (this.#cluster.phase !== "none" || this.activation.state !== "asleep") {
      this.#broken(`an unused model does not come to rest: ${this.activation.state}`);
    }
  }

  /** Lets go of everything, so that the world can be forgotten. */
  async end(): Promise<void> {
    for (const request of this.#clients.requests) this.#clients.giveBack(request);
    await this.activation.close();
    await settle(16);
  }

  #broken(promise: string): void {
    this.violations.add(promise);
  }

  #clientChoices(): string[] {
    const choices: string[] = [];
    const { requests } = this.#clients;
    const next = requests.findIndex(({ state }) => state === "new");
    if (next >= 0) choices.push(`arrive ${next}`);
    requests.forEach(({ state }, i) => {
      if (state === "flying") choices.push(`finish ${i}`);
      if (state === "flying" && this.#left.refused > 0) choices.push(`refused ${i}`);
      if (state === "waiting" || state === "flying") choices.push(`abandon ${i}`);
    });
    return choices;
  }

  #unanswered(done: boolean): void {
    this.#left.unanswered--;
    this.#target.unanswered(done);
  }

  #switch(): void {
    this.#policy = { ...POLICY, enabled: !this.#policy.enabled };
    this.activation.update(this.#policy, this.#limits);
  }

  #deliver(): void {
    const observation = this.#cluster.news.shift()!;
    const age = observation.asOf - this.#cluster.generation;
    this.#heldBack = this.#target.isCommanded ? `${observation.workload.phase} ${age}` : "";
    this.#target.observer.saw(observation);
  }

  #traffic(): void {
    this.#target.served++;
    this.#lastUseMs = this.clock.nowMs();
  }

  #check(): void {
    const { demand, state } = this.activation;
    if (demand.inFlight !== this.#clients.count("flying")) this.#broken("permits do not add up");
    if (demand.pending !== this.#clients.count("waiting")) this.#broken("a waiter was lost");
    if ((state === "active" || state === "idle") && demand.pending > 0 && demand.inFlight === 0) {
      this.#broken("a waiter is not served though there is room");
    }
  }

  #onSleep(mode: SleepMode): void {
    const { demand, seen } = this.activation;
    if (demand.inFlight > 0) this.#broken("put to sleep with a request in flight");
    if (mode === "force") return;
    if (demand.pending > 0) this.#broken("put to sleep with a request waiting");
    // Traffic around the gateway that came before the baseline was taken is not seen.
    const quietMs = this.clock.nowMs() - this.#lastUseMs + BASELINE_AFTER_MS;
    if (mode === "idle" && seen?.name === "stopping" && quietMs < POLICY.idleTimeoutMs) {
      this.#broken("put to sleep before its idle timeout");
    }
  }
}
