/**
 * Days of a gateway's life in less than a second: real activations over fake targets, or over the
 * Kubernetes target and a virtual cluster; seeded clients and seeded trouble, in virtual time. The same
 * seed gives the same trace. At the end the trouble stops, and everything must come to rest.
 */
import { Activation, type ActivationOptions } from "../activator/activation.ts";
import type { Permit } from "../activator/admission.ts";
import type { Clock } from "../platform/clock.ts";
import { createLog, type Log } from "../telemetry/log.ts";
import { SeededRandom } from "./seeded_random.ts";
import {
  fakeBackends,
  type SimulatedBackend,
  type SimulatedBackends,
} from "./simulated_backend.ts";
import { kubernetesBackends } from "./simulated_cluster.ts";
import { settle, VirtualClock } from "./virtual_clock.ts";

const MINUTE = 60_000;
const POLICY = {
  idleTimeoutMs: 5 * MINUTE,
  coldStartTimeoutMs: 10 * MINUTE,
  retryAfterMaxMs: 5 * MINUTE,
  enabled: true,
};
const LIMITS = { pendingMax: 64, inFlightMax: 8, pendingTimeoutMs: MINUTE };
/** Twice a wake, and the longest wait for a slot. */
const WAIT_MAX_MS = 2 * POLICY.coldStartTimeoutMs + LIMITS.pendingTimeoutMs;

export interface Simulation {
  readonly trace: readonly string[];
  readonly broken: readonly string[];
  readonly ended: Readonly<Record<"answered" | "refused" | "gone", number>>;
  readonly sleeps: number;
}

export interface SimulateOptions {
  readonly seed: number;
  readonly days: number;
  readonly models?: number;
  /** What is scaled; default fakes. */
  readonly over?: "fakes" | "kubernetes";
  /** A mutant, to see that it is caught. */
  readonly make?: (options: ActivationOptions) => Activation;
  /** The same, for the clock of the Kubernetes targets. */
  readonly clockOf?: (clock: Clock) => Clock;
}

export async function simulate(options: SimulateOptions): Promise<Simulation> {
  const world = new SimulatedWorld(options);
  const { days } = options;
  await world.live(days);
  await world.rest();
  return world;
}

class SimulatedWorld implements Simulation {
  readonly trace: string[] = [];
  readonly broken: string[] = [];
  readonly ended = { answered: 0, refused: 0, gone: 0 };
  sleeps = 0;
  readonly #clock: VirtualClock;
  readonly #random: SeededRandom;
  readonly #backends: SimulatedBackends;
  readonly #models: SimulatedModel[];
  #living = true;

  constructor(options: SimulateOptions) {
    const { seed, models: count = 3, over = "fakes", clockOf } = options;
    const { make = (options) => new Activation(options) } = options;
    const random = this.#random = new SeededRandom(seed);
    // A list, its body and what follows are longer chains of `await`s than most.
    const clock = this.#clock = over === "fakes"
      ? new VirtualClock()
      : new VirtualClock(0, Date.UTC(2026, 0, 1), 60);
    const write = (line: string) => void this.trace.push(line);
    const log = createLog({ level: "info", format: "text", clock, write });
    this.#backends = over === "fakes"
      ? fakeBackends(count, clock, random)
      : kubernetesBackends(count, clock, random, log, clockOf);
    this.#models = this.#backends.models.map((backend, i) =>
      new SimulatedModel(`m${i}`, { backend, clock, random, log, broken: this.broken, make })
    );
  }

  async live(days: number): Promise<void> {
    for (const model of this.#models) {
      // Some models are busy, some are used a few times a day.
      const meanMs = this.#random.between(MINUTE / 2, 240 * MINUTE);
      this.#every(() => this.#random.exponential(meanMs), () => this.#request(model));
      this.#every(() => this.#random.exponential(600 * MINUTE), () => this.#upset(model));
    }
    await this.#clock.advance(days * 24 * 60 * MINUTE);
  }

  /** Fair weather, no new requests: what waits must end, and what is unused must sleep. */
  async rest(): Promise<void> {
    this.#living = false;
    for (const { backend } of this.#models) backend.calm();
    await this.#clock.advance(3 * 60 * MINUTE);
    // Whoever does not see that somebody else starts it now sees nothing any more.
    for (const { backend } of this.#models) backend.startOutside();
    await this.#clock.advance(MINUTE);
    for (const { name, activation } of this.#models) {
      if (activation.state !== "idle") this.broken.push(`${name} is ${activation.state}, not idle`);
    }
    await this.#clock.advance(60 * MINUTE);
    for (const { name, activation, backend, open } of this.#models) {
      if (open > 0) this.broken.push(`${name}: ${open} requests never ended`);
      if (activation.state !== "asleep" || !backend.isAtRest) {
        this.broken.push(`${name} does not come to rest: ${activation.state}`);
      }
      this.sleeps += backend.sleeps;
      await activation.close();
    }
    await this.#backends.close();
    await settle();
  }

  #every(delayMs: () => number, act: () => void): void {
    this.#clock.timer(delayMs(), () => {
      if (!this.#living) return;
      act();
      this.#every(delayMs, act);
    });
  }

  #upset(model: SimulatedModel): void {
    const random = this.#random;
    if (random.chance(0.6)) model.backend.upset(random);
    else if (random.chance(0.5)) model.serveAround();
    else model.switch();
  }

  /** The same client again, about when the model falls asleep: the most awkward time there is. */
  #comeBack(model: SimulatedModel): void {
    const delayMs = POLICY.idleTimeoutMs + this.#random.between(-200, 5_000);
    this.#clock.timer(delayMs, () => this.#living && this.#request(model));
  }

  #request(model: SimulatedModel): void {
    const random = this.#random;
    const burst = random.chance(0.1) ? 20 : 1;
    for (let i = 0; i < burst; i++) {
      const answerMs = random.exponential(random.chance(0.1) ? 15 * MINUTE : 10_000);
      const patienceMs = random.chance(0.2) ? random.exponential(MINUTE) : Infinity;
      void model.request(answerMs, patienceMs).then((end) => {
        this.ended[end]++;
        if (this.#living && random.chance(0.3)) this.#comeBack(model);
      });
    }
  }
}

interface SimulatedModelOptions {
  readonly backend: SimulatedBackend;
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly log: Log;
  readonly broken: string[];
  readonly make: (options: ActivationOptions) => Activation;
}

class SimulatedModel {
  readonly backend: SimulatedBackend;
  readonly clock: VirtualClock;
  readonly activation: Activation;
  open = 0;
  #inFlight = 0;
  #enabled = true;
  #lastUseMs = -Infinity;
  constructor(readonly name: string, readonly options: SimulatedModelOptions) {
    const { backend, clock, log, make } = options;
    this.backend = backend;
    this.clock = clock;
    backend.onSleep = () => this.#onSleep();
    this.activation = make({
      ...{ model: name, target: backend.target, policy: POLICY, limits: LIMITS, clock },
      log: log.with({ model: name }),
    });
  }

  serveAround(): void {
    if (this.backend.serveAround()) this.#lastUseMs = this.clock.nowMs();
  }

  /** Off, and on again after a while: two reloads. */
  switch(): void {
    if (!this.#enabled) return;
    this.#update(false);
    this.clock.timer(this.options.random.exponential(MINUTE), () => this.#update(true));
  }

  #update(enabled: boolean): void {
    this.#enabled = enabled;
    this.activation.update({ ...POLICY, enabled }, LIMITS);
  }

  async request(answerMs: number, patienceMs: number): Promise<"answered" | "refused" | "gone"> {
    const controller = new AbortController();
    const arrivedMs = this.clock.nowMs();
    this.open++;
    using _patience = this.clock.timer(patienceMs, () => controller.abort(new Error("gone")));
    try {
      using _permit = await this.#send(controller.signal);
      this.#inFlight++;
      await this.#pause(answerMs, controller.signal);
      this.#inFlight--;
      this.#lastUseMs = this.clock.nowMs();
      return "answered";
    } catch {
      const waitedMs = this.clock.nowMs() - arrivedMs;
      if (waitedMs > WAIT_MAX_MS + answerMs) this.#break(`a request waited for ${waitedMs} ms`);
      return controller.signal.aborted ? "gone" : "refused";
    } finally {
      this.open--;
    }
  }

  /** As the gateway does: who is refused waits again, once. */
  async #send(signal: AbortSignal): Promise<Permit> {
    for (let tries = 1;; tries++) {
      const permit = await this.activation.admit({ signal });
      const sent = this.backend.send(permit.endpoint);
      if (sent === "stopped by us") this.#break("a request went to what we had stopped");
      if (sent !== "refused") return permit;
      permit.refused();
      permit[Symbol.dispose]();
      if (tries === 2) throw new Error("refused");
    }
  }

  /** The answer is on its way; the client may leave in the middle. */
  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const left = () => {
      this.#inFlight--;
      this.#lastUseMs = this.clock.nowMs();
      reject(signal.reason);
    };
    using _timer = this.clock.timer(ms, resolve);
    signal.addEventListener("abort", left);
    await promise.finally(() => signal.removeEventListener("abort", left));
  }

  #onSleep(): void {
    if (this.#inFlight > 0) this.#break("put to sleep with a request in flight");
    const quietMs = this.clock.nowMs() - this.#lastUseMs + 1_000;
    if (this.#enabled && this.activation.state === "stopping" && quietMs < POLICY.idleTimeoutMs) {
      this.#break(`put to sleep ${quietMs} ms after its last use`);
    }
  }

  #break(promise: string): void {
    this.options.broken.push(`${this.name} at ${Math.round(this.clock.nowMs())} ms: ${promise}`);
  }
}
