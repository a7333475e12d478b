/**
 * A world of two gateways and one workload, small enough to be explored: every order of their calls, of the news that
 * comes to each, of requests at either; either may crash, be paused or be cut off at any step, and lose its Lease by
 * that. The promises are checked as invariants.
 */
import type { SleepMode } from "../activator/scale_target.ts";
import { BASELINE_AFTER_MS, CLAIMS_LAG_MS } from "../activator/state.ts";
import type { ExploredWorld } from "./explorer.ts";
import { SharedCluster } from "./shared_cluster.ts";
import { type Faults, SharedTarget } from "./shared_target.ts";
import type { RequestState } from "./small_clients.ts";
import { type Mutations, SmallGateway } from "./small_gateway.ts";
import { POLICY } from "./small_world.ts";
import { keyOf, sinceKey } from "./state_key.ts";
import { settle, VirtualClock } from "./virtual_clock.ts";

const REST_MAX_MS = 30 * 60_000;
/** The longest chain of `await`s between two choices. */
const ROUNDS = 32;

/** How often each kind of trouble may happen in one world. */
const TROUBLE = {
  ...{ crash: 1, pause: 1, cut: 1, outside: 1, unanswered: 1, traffic: 1 },
  /** An operator wants it at zero. */
  sleep: 1,
};
type Trouble = keyof typeof TROUBLE;

export interface TwoGatewaysOptions {
  readonly faults?: Faults;
  readonly mutations?: Mutations;
  /** Leases of the dead stand for ever. */
  readonly neverExpels?: boolean;
  /** Leases of those who live are taken away. */
  readonly expelsTheLiving?: boolean;
  readonly believesTheDead?: boolean;
}

export class TwoGateways implements ExploredWorld {
  readonly violations = new Set<string>();
  readonly #clock = new VirtualClock();
  readonly #cluster: SharedCluster;
  readonly #gateways: (SmallGateway | undefined)[];
  readonly #left = { ...TROUBLE };
  /** By the engines, since the start. */
  #served = 0;
  /** By gateway: what one that died used is forgotten with it. */
  readonly #lastUseMs = [-Infinity, -Infinity];
  /** The same, without those who still wait: they may lose to a zero that is on its way. */
  readonly #lastServedMs = [-Infinity, -Infinity];
  #lastTrafficMs = -Infinity;

  constructor(readonly options: TwoGatewaysOptions = {}) {
    this.#cluster = new SharedCluster(2, options.believesTheDead);
    this.#gateways = [undefined, undefined];
    for (const g of [0, 1]) this.#start(g, 1);
  }

  choices(): string[] {
    const { workload } = this.#cluster;
    const choices = [0, 1].flatMap((g) => this.#gatewayChoices(g));
    if (!workload.isStable) choices.push("cluster");
    else choices.push(...this.#may("traffic", "traffic"));
    const numbers = [0, 1, 2].filter((number) => number !== workload.desired);
    choices.push(...this.#may("outside", ...numbers.map((number) => `outside ${number}`)));
    if (this.#clock.nextMs < Infinity) choices.push("time");
    return choices;
  }

  async apply(choice: string): Promise<void> {
    const [verb = "", number, how] = choice.split(" ");
    if (verb in this.#left) this.#left[verb as Trouble]--;
    const g = Number(number);
    const gateway = this.#gateways[g]!;
    const first = (state: RequestState) =>
      gateway.clients.requests.find((request) => request.state === state)!;
    const steps: Record<string, () => unknown> = {
      arrive: () => gateway.clients.arrive(first("new")),
      finish: () => {
        this.#lastServedMs[g] = this.#clock.nowMs();
        this.#served++;
        gateway.clients.finish(first("flying"));
      },
      answer: () => gateway.target.answer(),
      unanswered: () => gateway.target.lose(how === "done"),
      lost: () => gateway.target.lose(false),
      deliver: () => gateway.target.deliver(this.#cluster.news[g]!.shift()!),
      crash: () => this.#crash(g),
      pause: () => gateway.pause(),
      resume: () => gateway.resume(),
      cut: () => this.#cluster.leases[g]!.isCut = true,
      heal: () => {
        this.#cluster.reconnect(g);
        gateway.target.renew();
      },
      renew: () => gateway.target.renew(),
      expire: () => this.#cluster.expel(g),
      sleep: () => void gateway.activation.steering.sleep(how as "now" | "force").catch(() => {}),
      restart: () => this.#start(g, 0),
      cluster: () => this.#cluster.step(),
      outside: () => this.#cluster.scale(g, false),
      traffic: () => {
        this.#served++;
        this.#lastTrafficMs = this.#clock.nowMs();
      },
      time: () => this.#clock.advance(Math.max(0, this.#clock.nextMs - this.#clock.nowMs())),
    };
    await steps[verb]!();
    await settle(ROUNDS);
    this.#gateways.forEach((each, at) => {
      if (each && !each.isPaused && !this.#cluster.leases[at]!.isCut) each.target.consent();
    });
    await settle(ROUNDS);
  }

  key(): string {
    const nowMs = this.#clock.nowMs();
    return keyOf([
      this.#gateways.map((gateway) => gateway?.key(nowMs)),
      this.#cluster.key(this.#gateways.map((gateway) => gateway?.target.fence ?? 0)),
      this.#left,
      [
        ...[...this.#lastUseMs, ...this.#lastServedMs, this.#lastTrafficMs, this.#clock.nextMs],
      ].map((atMs) => sinceKey(atMs, nowMs)),
    ]);
  }

  async rest(): Promise<void> {
    const startMs = this.#clock.nowMs();
    for (const trouble of Object.keys(this.#left) as Trouble[]) this.#left[trouble] = 0;
    for (let i = 0; i < 800; i++) {
      // What ends trouble comes first: a gateway that is cut off for ever is not promised anything; then answers, for
      // which a forced sleep waits without any time going by here.
      const choices = this.choices();
      const choice = choices.find((choice) => /^(resume|heal|renew)/.test(choice)) ??
        choices.find((choice) => /^finish/.test(choice)) ??
        choices.find((choice) => !/^(arrive|restart)/.test(choice));
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
    await settle(ROUNDS);
  }

  #may(trouble: Trouble, ...names: string[]): string[] {
    return this.#left[trouble] > 0 ? names : [];
  }

  #gatewayChoices(g: number): string[] {
    const gateway = this.#gateways[g];
    const lease = this.#cluster.leases[g]!;
    const { neverExpels = false, expelsTheLiving = false } = this.options;
    const isSilent = !gateway || gateway.isPaused || lease.isCut;
    const isOut = lease.isThere && (isSilent ? !neverExpels : expelsTheLiving);
    const expire = isOut ? [`expire ${g}`] : [];
    if (!gateway) return [...expire, `restart ${g}`];
    if (gateway.isPaused) return [...expire, `resume ${g}`];
    const { requests } = gateway.clients;
    const isAsking = gateway.target.asked.length > 0;
    const choices = [...expire];
    if (requests.some(({ state }) => state === "new")) choices.push(`arrive ${g}`);
    if (gateway.isUsed) choices.push(`finish ${g}`);
    choices.push(...this.#may("sleep", `sleep ${g} now`, `sleep ${g} force`));
    if (lease.isCut) {
      choices.push(`heal ${g}`);
      // What was on its way when it was cut off may be done.
      if (isAsking) choices.push(`lost ${g}`, ...this.#may("unanswered", `unanswered ${g} done`));
    } else {
      if (isAsking) {
        choices.push(`answer ${g}`);
        choices.push(...this.#may("unanswered", `unanswered ${g} done`, `unanswered ${g} not`));
      }
      if (this.#cluster.news[g]!.length > 0) choices.push(`deliver ${g}`);
      if (lease.isOut) choices.push(`renew ${g}`);
      choices.push(...this.#may("cut", `cut ${g}`));
    }
    return [...choices, ...this.#may("pause", `pause ${g}`), ...this.#may("crash", `crash ${g}`)];
  }

  #start(g: number, requests: number): void {
    Object.assign(this.#cluster.leases[g]!, { isHeld: true });
    const { faults = {}, mutations = {} } = this.options;
    const engines = {
      busy: () => this.#gateways.filter((gateway) => gateway?.isUsed).length,
      served: () => this.#served,
    };
    const checks = {
      onTold: (mode: SleepMode) => this.#onTold(g, mode),
      onZero: () => this.#onZero(),
      onAsked: () => this.#gateways.forEach((gateway) => gateway && (gateway.isUnseen = false)),
      onWake: () => {
        if (this.#cluster.workload.desired > 0) this.#broken("a wake went over a number not zero");
      },
    };
    this.#gateways[g] = new SmallGateway({
      clock: this.#clock,
      target: new SharedTarget(this.#cluster, g, engines, checks, faults),
      ...{ mutations, requests },
      onUse: () => void (this.#lastUseMs[g] = this.#clock.nowMs()),
      onGranted: (gateway) => this.#onGranted(g, gateway),
      onBroken: (promise) => this.#broken(promise),
    });
  }

  /** Its process is gone, and with it its requests and what it was doing; what it wrote is there. */
  #crash(g: number): void {
    const gateway = this.#gateways[g]!;
    this.#gateways[g] = undefined;
    Object.assign(this.#cluster.leases[g]!, { isHeld: false, isOut: false, isCut: false });
    this.#lastUseMs[g] = this.#lastServedMs[g] = -Infinity;
    this.#cluster.news[g]!.length = 0;
    void gateway.activation.close();
  }

  #onGranted(g: number, gateway: SmallGateway): void {
    this.#lastServedMs[g] = this.#clock.nowMs();
    const { isOut, isCut } = this.#cluster.leases[g]!;
    // Cut off for longer than its Lease lasts: not promised.
    if (isOut && isCut) gateway.isUnseen = true;
    else if (this.#cluster.workload.isStoppedByUs) {
      this.#broken("a request went to what a gateway had stopped");
    }
  }

  #onZero(): void {
    this.#gateways.forEach((gateway, g) => {
      if (!gateway) return;
      const isLost = this.#cluster.leases[g]!.isOut && !this.options.expelsTheLiving;
      if (gateway.isUsed && !gateway.isUnseen) {
        this.#broken("put to sleep with a request in flight");
      }
      if (gateway.isOpen && !isLost) this.#broken("put to sleep under an open gate");
    });
  }

  #onTold(by: number, mode: SleepMode): void {
    // An operator asked for it.
    if (mode !== "idle") return;
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
