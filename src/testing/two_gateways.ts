/**
 * A world of two gateways and one workload, small enough to be explored: every order of their calls, of the news that
 * comes to each, of requests at either, of a crash of either at any step. The promises are checked as invariants.
 */
import { Activation } from "../activator/activation.ts";
import { type LifecycleEvent, transition } from "../activator/lifecycle.ts";
import { BASELINE_AFTER_MS, CLAIMS_LAG_MS, type Policy, type State } from "../activator/state.ts";
import { silentLog } from "../telemetry/log.ts";
import type { ExploredWorld } from "./explorer.ts";
import { SharedCluster } from "./shared_cluster.ts";
import { type Faults, SharedTarget } from "./shared_target.ts";
import { SmallClients } from "./small_clients.ts";
import { settle, VirtualClock } from "./virtual_clock.ts";

const POLICY: Policy = {
  idleTimeoutMs: 60_000,
  coldStartTimeoutMs: 120_000,
  retryAfterMaxMs: 20_000,
  enabled: true,
};
const LIMITS = { pendingMax: 8, inFlightMax: 0, pendingTimeoutMs: 300_000 };
const REST_MAX_MS = 30 * 60_000;

/** How often each kind of trouble may happen in one world. */
const TROUBLE = { crash: 1, outside: 1, unanswered: 1, traffic: 1 };
type Trouble = keyof typeof TROUBLE;

/** What follows in the lifecycle instead, for planted bugs. */
export type Mutant = (state: State, event: LifecycleEvent, next: State) => State | undefined;

class Explored extends Activation {
  seen: State | undefined;

  constructor(options: ConstructorParameters<typeof Activation>[0], readonly mutant?: Mutant) {
    super(options);
  }

  protected override transition(state: State, event: LifecycleEvent, nowMs: number): State {
    const next = transition(state, event, this.demand, nowMs, POLICY);
    return this.seen = this.mutant?.(state, event, next) ?? next;
  }
}

class Gateway {
  readonly target: SharedTarget;
  readonly activation: Explored;
  readonly clients: SmallClients;

  constructor(target: SharedTarget, activation: Explored, clients: SmallClients) {
    this.target = target;
    this.activation = activation;
    this.clients = clients;
  }

  get isUsed(): boolean {
    return this.clients.count("flying") > 0;
  }

  get isOpen(): boolean {
    return this.activation.state === "active" || this.activation.state === "idle";
  }
}

export interface TwoGatewaysOptions {
  readonly faults?: Faults;
  readonly mutant?: Mutant;
  /** Leases of the dead stand for ever. */
  readonly neverExpels?: boolean;
}

export class TwoGateways implements ExploredWorld {
  readonly violations = new Set<string>();
  readonly #clock = new VirtualClock();
  readonly #cluster = new SharedCluster(2);
  readonly #gateways: (Gateway | undefined)[];
  readonly #left = { ...TROUBLE };
  #served = 0;
  /** By gateway: what one that died used is forgotten with it. */
  readonly #lastUseMs = [-Infinity, -Infinity];
  /** The same, without those who still wait: they may lose to a zero that is on its way. */
  readonly #lastServedMs = [-Infinity, -Infinity];
  #lastTrafficMs = -Infinity;

  constructor(readonly options: TwoGatewaysOptions = {}) {
    this.#gateways = [this.#start(0, 1), this.#start(1, 1)];
  }

  choices(): string[] {
    const choices: string[] = [];
    const { workload, news, leases } = this.#cluster;
    const may = (trouble: Trouble, ...names: string[]) => {
      if (this.#left[trouble] > 0) choices.push(...names);
    };
    this.#gateways.forEach((gateway, g) => {
      if (!gateway) {
        if (leases[g]!.isThere && !this.options.neverExpels) choices.push(`expire ${g}`);
        return void choices.push(`restart ${g}`);
      }
      const { requests } = gateway.clients;
      const next = requests.findIndex(({ state }) => state === "new");
      if (next >= 0) choices.push(`arrive ${g}`);
      if (requests.some(({ state }) => state === "flying")) choices.push(`finish ${g}`);
      if (gateway.target.asked.length > 0) {
        choices.push(`answer ${g}`);
        may("unanswered", `unanswered ${g} done`, `unanswered ${g} not`);
      }
      if (news[g]!.length > 0) choices.push(`deliver ${g}`);
      may("crash", `crash ${g}`);
    });
    if (!workload.isStable) choices.push("cluster");
    else may("traffic", "traffic");
    may("outside", `outside ${1 - workload.desired}`);
    if (this.#clock.nextMs < Infinity) choices.push("time");
    return choices;
  }

  async apply(choice: string): Promise<void> {
    const [verb = "", number, how] = choice.split(" ");
    if (verb in this.#left) this.#left[verb as Trouble]--;
    const g = Number(number);
    const gateway = this.#gateways[g]!;
    const first = (state: string) =>
      gateway.clients.requests.find((request) => request.state === state)!;
    const steps: Record<string, () => unknown> = {
      arrive: () => gateway.clients.arrive(first("new")),
      finish: () => {
        this.#lastServedMs[g] = this.#clock.nowMs();
        gateway.clients.finish(first("flying"));
      },
      answer: () => gateway.target.answer(true, true),
      unanswered: () => gateway.target.answer(how === "done", false),
      deliver: () => gateway.target.deliver(this.#cluster.news[g]!.shift()!),
      crash: () => this.#crash(g),
      expire: () => this.#cluster.leases[g]!.isThere = false,
      restart: () => this.#restart(g),
      cluster: () => this.#cluster.step(),
      outside: () => this.#cluster.scale(g, false),
      traffic: () => {
        this.#served++;
        this.#lastTrafficMs = this.#clock.nowMs();
      },
      time: () => this.#clock.advance(Math.max(0, this.#clock.nextMs - this.#clock.nowMs())),
    };
    await steps[verb]!();
    await settle(24);
    for (const each of this.#gateways) each?.target.consent();
    await settle(24);
  }

  key(): string {
    const nowMs = this.#clock.nowMs();
    const live = this.#gateways.map((gateway) =>
      gateway && [
        Object.entries({ ...gateway.activation.seen, reason: "", sinceMs: 0, phases: 0 }).map((
          [key, value],
        ) => [
          key,
          /Ms$/.test(key) && Number.isFinite(value) ? Math.round(Number(value) - nowMs) : value,
        ]),
        gateway.clients.key(),
        gateway.target.key(),
      ]
    );
    const fences = this.#gateways.map((gateway) => gateway?.target.fence ?? 0);
    const since = (atMs: number) => Math.round(Math.max(-200_000, Math.min(200_000, atMs - nowMs)));
    return JSON.stringify(
      [
        live,
        this.#cluster.key(fences),
        this.#left,
        ...[...this.#lastUseMs, ...this.#lastServedMs, this.#lastTrafficMs].map(since),
        since(this.#clock.nextMs),
      ],
      (_, value) => value === Infinity ? "never" : value,
    );
  }

  async rest(): Promise<void> {
    const startMs = this.#clock.nowMs();
    for (const trouble of Object.keys(this.#left) as Trouble[]) this.#left[trouble] = 0;
    for (let i = 0; i < 600; i++) {
      const choice = this.choices().find((choice) => !/^(arrive|restart)/.test(choice));
      if (!choice) break;
      await this.apply(choice);
    }
    if (this.#clock.nowMs() - startMs > REST_MAX_MS) {
      this.#broken("it takes too long to come to rest");
    }
    for (const gateway of this.#gateways) {
      if (!gateway) continue;
      const { clients, activation } = gateway;
      if (clients.count("waiting") + clients.count("flying") > 0) {
        this.#broken("a request waits for ever");
      }
      if (activation.state !== "asleep") {
        this.#broken(`an unused model does not come to rest: ${activation.state}`);
      }
    }
    const somebodyLives = this.#gateways.some((gateway) => gateway !== undefined);
    if (somebodyLives && this.#cluster.workload.phase !== "none") {
      this.#broken("an unused model stays up");
    }
  }

  async end(): Promise<void> {
    for (const gateway of this.#gateways) {
      for (const request of gateway?.clients.requests ?? []) gateway!.clients.giveBack(request);
      await gateway?.activation.close();
    }
    await settle(24);
  }

  #start(g: number, requests: number): Gateway {
    // The Lease first, then the look that every activation begins with.
    Object.assign(this.#cluster.leases[g]!, { isHeld: true, isThere: true, ack: undefined });
    const { faults = {}, mutant } = this.options;
    const checks = { onTold: () => this.#onTold(g), onZero: () => this.#onZero() };
    const target = new SharedTarget(
      ...[this.#cluster, g, () => this.#served, checks, faults] as const,
    );
    const activation = new Explored({
      ...{ model: "m", target, policy: POLICY, limits: LIMITS, clock: this.#clock, log: silentLog },
    }, mutant);
    const clients = new SmallClients({
      admission: () => activation,
      onUse: () => void (this.#lastUseMs[g] = this.#clock.nowMs()),
      onGranted: () => {
        this.#lastServedMs[g] = this.#clock.nowMs();
        if (this.#cluster.workload.isStoppedByUs) {
          this.#broken("a request went to what a gateway had stopped");
        }
      },
      onBroken: (promise) => this.#broken(promise),
    }, requests);
    return new Gateway(target, activation, clients);
  }

  /** Its process is gone, and with it its requests and what it was doing; what it wrote is there. */
  #crash(g: number): void {
    const gateway = this.#gateways[g]!;
    this.#gateways[g] = undefined;
    this.#cluster.leases[g]!.isHeld = false;
    this.#lastUseMs[g] = this.#lastServedMs[g] = -Infinity;
    this.#cluster.news[g]!.length = 0;
    void gateway.activation.close();
  }

  #restart(g: number): void {
    this.#gateways[g] = this.#start(g, 0);
  }

  #onZero(): void {
    for (const gateway of this.#gateways) {
      if (gateway?.isUsed) this.#broken("put to sleep with a request in flight");
      if (gateway?.isOpen) this.#broken("put to sleep under an open gate");
    }
  }

  #onTold(by: number): void {
    const lastMs = Math.max(
      ...[this.#lastUseMs[by]!, ...this.#lastServedMs, this.#lastTrafficMs],
    );
    const quietMs = this.#clock.nowMs() - lastMs + BASELINE_AFTER_MS + CLAIMS_LAG_MS;
    if (quietMs < POLICY.idleTimeoutMs) this.#broken("put to sleep before its idle timeout");
  }

  #broken(promise: string): void {
    this.violations.add(promise);
  }
}
