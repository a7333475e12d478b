/**
 * Three gateways with clocks that disagree, in front of one Deployment in virtual time: requests at each, and trouble
 * with the API server, kills, restarts and outside writers. The same seed gives the same world.
 */
import { Activation } from "../activator/activation.ts";
import type { Permit } from "../activator/admission.ts";
import type { Clock } from "../platform/clock.ts";
import { silentLog as log } from "../telemetry/log.ts";
import { type GatewaySide, KubernetesWorld } from "./kubernetes_world.ts";
import { SeededRandom } from "./seeded_random.ts";
import type { VirtualClock } from "./virtual_clock.ts";

const MINUTE = 60_000;
const GATEWAYS = 3;
const POLICY = {
  idleTimeoutMs: 5 * MINUTE,
  coldStartTimeoutMs: 10 * MINUTE,
  retryAfterMaxMs: MINUTE,
  enabled: true,
};
const LIMITS = { pendingMax: 64, inFlightMax: 0, pendingTimeoutMs: 10 * MINUTE };

export interface ThreeGatewaysResult {
  readonly broken: readonly string[];
  readonly answered: number;
  readonly refused: number;
  /** Zeros written by a gateway. */
  readonly sleeps: number;
  readonly kills: number;
}

interface Process {
  readonly side: GatewaySide;
  readonly activation: Activation;
  inFlight: number;
  isDead: boolean;
  /** Since when it does not reach the API server; `Infinity`: it does. */
  lostMs: number;
}

export async function threeGateways(seed: number, hours: number): Promise<ThreeGatewaysResult> {
  return await new ThreeGateways(seed).run(hours);
}

class ThreeGateways {
  readonly #random: SeededRandom;
  readonly #world: KubernetesWorld;
  readonly #clock: VirtualClock;
  readonly #processes: Process[];
  readonly #broken = new Set<string>();
  #answered = 0;
  #refused = 0;
  #sleeps = 0;
  #kills = 0;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.#world = new KubernetesWorld(this.#random);
    this.#clock = this.#world.clock;
    this.#world.cluster.create("m");
    this.#world.onSleep = () => this.#slept();
    this.#processes = Array.from({ length: GATEWAYS }, () => this.#start());
  }

  async run(hours: number): Promise<ThreeGatewaysResult> {
    const endMs = this.#clock.nowMs() + hours * 60 * MINUTE;
    while (this.#clock.nowMs() < endMs) {
      await this.#clock.advance(this.#random.exponential(MINUTE));
      // Requests come in bunches, with quiet in between that is longer than the idle timeout.
      if (this.#random.chance(0.3)) await this.#clock.advance(this.#random.between(4, 8) * MINUTE);
      else this.#request(this.#pick());
      if (this.#random.chance(0.15)) this.#upset();
    }
    // Nothing more happens: all must come to rest.
    for (const { side } of this.#processes) side.weather.isBlackHole = side.weather.isDown = false;
    await this.#clock.advance(40 * MINUTE);
    const { cluster } = this.#world;
    if (cluster.replicas("m") > 0) this.#broken.add("an unused model stays up");
    for (const { activation } of this.#processes) {
      if (activation.state !== "asleep") {
        this.#broken.add(`it does not come to rest: ${activation.state}`);
      }
      if (activation.demand.pending > 0) this.#broken.add("a request waits for ever");
    }
    this.#world.close();
    for (const { activation, side } of this.#processes) {
      await activation.close();
      await this.#world.over(side.kubernetes.close());
    }
    return {
      ...{ broken: [...this.#broken], answered: this.#answered, refused: this.#refused },
      ...{ sleeps: this.#sleeps, kills: this.#kills },
    };
  }

  #start(): Process {
    const skewMs = this.#random.between(-5, 5) * MINUTE;
    const clockOf = (clock: Clock): Clock => ({
      nowMs: () => clock.nowMs(),
      wallMs: () => clock.wallMs() + skewMs,
      timer: (ms, callback) => clock.timer(ms, callback),
    });
    const side = this.#world.gateway(log, clockOf);
    side.weather.latencyMs = () => this.#random.between(1, 40);
    const activation = new Activation({
      ...{ model: "m", target: side.target("m"), policy: POLICY, limits: LIMITS },
      ...{ clock: clockOf(this.#clock), log },
    });
    return { side, activation, inFlight: 0, isDead: false, lostMs: Infinity };
  }

  #pick(): Process {
    return this.#processes[Math.floor(this.#random.next() * GATEWAYS)]!;
  }

  #request(process: Process): void {
    const lastsMs = this.#random.exponential(MINUTE / 2);
    Promise.try(() => process.activation.admit({ signal: new AbortController().signal }))
      .then((permit) => this.#send(process, permit, lastsMs), () => void this.#refused++);
  }

  #send(process: Process, permit: Permit, lastsMs: number): void {
    if (process.isDead) return;
    const pod = this.#world.cluster.podAt(permit.endpoint);
    if (!pod) {
      permit.refused();
      permit[Symbol.dispose]();
      return this.#request(process);
    }
    if (pod.isStoppedByGateway && this.#isInTouch(process)) {
      this.#broken.add("a request went to what a gateway had stopped");
    }
    process.inFlight++;
    this.#clock.timer(lastsMs, () => {
      if (process.isDead) return;
      process.inFlight--;
      this.#answered++;
      permit[Symbol.dispose]();
    });
  }

  /** Those that are cut off for longer than a Lease lasts are not promised anything. */
  #isInTouch({ isDead, lostMs }: Process): boolean {
    return !isDead && this.#clock.nowMs() - lostMs < MINUTE;
  }

  #slept(): void {
    this.#sleeps++;
    for (const process of this.#processes) {
      if (process.inFlight > 0 && this.#isInTouch(process)) {
        this.#broken.add("put to sleep under a request of a gateway that lives");
      }
    }
  }

  #upset(): void {
    const process = this.#pick();
    const { weather } = process.side;
    const forMs = this.#random.exponential(MINUTE / 2);
    const away = (name: "isDown" | "isBlackHole") => {
      if (process.lostMs < Infinity) return;
      weather[name] = true;
      process.lostMs = this.#clock.nowMs();
      this.#clock.timer(Math.min(forMs, 40_000), () => {
        weather[name] = false;
        process.lostMs = Infinity;
      });
    };
    const { cluster } = this.#world;
    const upsets = [
      () => away("isDown"),
      () => away("isBlackHole"),
      () => weather.reset(),
      () => this.#kill(process),
      () => cluster.scale("m", this.#random.chance(0.5) ? 0 : 1),
      () => cluster.of("m").slice(0, 1).forEach((pod) => cluster.crash(pod)),
    ];
    upsets[Math.floor(this.#random.next() * upsets.length)]!();
  }

  /** Its connections and what it was doing are gone; another process takes its place. */
  #kill(process: Process): void {
    this.#kills++;
    process.isDead = true;
    process.inFlight = 0;
    process.side.weather.isCut = true;
    void process.activation.close();
    this.#processes[this.#processes.indexOf(process)] = this.#start();
  }
}
