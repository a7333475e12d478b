/**
 * Days of a gateway's life in less than a second: real activations over fake targets, seeded clients
 * and seeded trouble, in virtual time. The same seed gives the same trace. At the end the trouble stops,
 * and everything must come to rest.
 */
import { Activation, type ActivationOptions } from "../activator/activation.ts";
import { createLog, type Log } from "../telemetry/log.ts";
import { FAIR_WEATHER, FakeTarget, type FakeWeather } from "./fake_target.ts";
import { SeededRandom } from "./seeded_random.ts";
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
  /** A mutant, to see that it is caught. */
  readonly make?: (options: ActivationOptions) => Activation;
}

export async function simulate(
  { seed, days, models = 3, make = (options) => new Activation(options) }: SimulateOptions,
): Promise<Simulation> {
  const world = new SimulatedWorld(seed, models, make);
  await world.live(days);
  await world.rest();
  return world;
}

class SimulatedWorld implements Simulation {
  readonly trace: string[] = [];
  readonly broken: string[] = [];
  readonly ended = { answered: 0, refused: 0, gone: 0 };
  sleeps = 0;
  readonly #clock = new VirtualClock();
  readonly #random: SeededRandom;
  readonly #models: SimulatedModel[];
  #living = true;

  constructor(seed: number, models: number, make: (options: ActivationOptions) => Activation) {
    this.#random = new SeededRandom(seed);
    const log = createLog({
      level: "info",
      format: "text",
      clock: this.#clock,
      write: (line) => void this.trace.push(line),
    });
    this.#models = Array.from(
      { length: models },
      (_, i) => new SimulatedModel(`m${i}`, this.#clock, this.#random, log, this.broken, make),
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
    for (const { target } of this.#models) target.weather = FAIR_WEATHER;
    await this.#clock.advance(3 * 60 * MINUTE);
    for (const { name, activation, target, open } of this.#models) {
      if (open > 0) this.broken.push(`${name}: ${open} requests never ended`);
      if (activation.state !== "asleep" || target.cluster.phase !== "none") {
        this.broken.push(`${name} does not come to rest: ${activation.state}`);
      }
      this.sleeps += target.commands.filter((command) => command === "sleep").length;
      await activation.close();
    }
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
    const { target } = model;
    const upsets = [
      () => target.crash(),
      () => target.scaleOutside(0),
      () => target.scaleOutside(1),
      () => model.serveAround(),
      () => model.switch(),
    ];
    upsets[Math.floor(this.#random.next() * upsets.length)]!();
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

class SimulatedModel {
  readonly target: FakeTarget;
  readonly activation: Activation;
  open = 0;
  #inFlight = 0;
  #enabled = true;
  #lastUseMs = -Infinity;
  readonly #random: SeededRandom;

  constructor(
    readonly name: string,
    readonly clock: VirtualClock,
    random: SeededRandom,
    log: Log,
    readonly broken: string[],
    make: (options: ActivationOptions) => Activation,
  ) {
    this.#random = random;
    this.target = new FakeTarget(clock, drawWeather(random));
    this.target.onSleep = () => this.#onSleep();
    this.activation = make({
      ...{ model: name, target: this.target, policy: POLICY, limits: LIMITS, clock },
      log: log.with({ model: name }),
    });
  }

  serveAround(): void {
    if (this.target.cluster.phase !== "ready") return;
    this.target.serveAround();
    this.#lastUseMs = this.clock.nowMs();
  }

  /** Off, and on again after a while: two reloads. */
  switch(): void {
    if (!this.#enabled) return;
    this.#update(false);
    this.clock.timer(this.#random.exponential(MINUTE), () => this.#update(true));
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
      using _permit = await this.activation.admit({ signal: controller.signal });
      this.#inFlight++;
      if (this.target.cluster.isStoppedByUs) this.#break("a request went to what we had stopped");
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
    this.broken.push(`${this.name} at ${Math.round(this.clock.nowMs())} ms: ${promise}`);
  }
}

/** Each world has its own trouble: calm ones, and ones in which everything goes wrong. */
function drawWeather(random: SeededRandom): FakeWeather {
  const trouble = random.next() ** 3;
  const slow = random.chance(0.3) ? 5_000 : 100;
  return {
    callMs: () => random.exponential(slow),
    stepMs: (phase) => random.exponential(phase === "starting" ? 40_000 : 1_500),
    newsMs: () => random.exponential(slow),
    call: () => {
      if (random.chance(1 - trouble / 3)) return "done";
      if (random.chance(0.3)) return "refused";
      return random.chance(0.5) ? "unanswered, done" : "unanswered, not done";
    },
    cannotWake: () => random.chance(trouble / 4),
  };
}
