/** What the simulator plays with: the thing that is scaled, as one model sees it. */
import type { ScaleTarget } from "../activator/scale_target.ts";
import type { Clock } from "../platform/clock.ts";
import { FAIR_WEATHER, FakeTarget, type FakeWeather } from "./fake_target.ts";
import type { SeededRandom } from "./seeded_random.ts";

/** What becomes of a request that is sent to an endpoint. */
export type Sent = "taken" | "refused" | "stopped by us";

export interface SimulatedBackend {
  readonly target: ScaleTarget;
  /** Called when our zero is written. */
  onSleep: () => void;
  /** How often that was. */
  readonly sleeps: number;
  send(endpoint: string): Sent;
  /** A request that does not come through the gateway; false if nothing is up to take it. */
  serveAround(): boolean;
  /** Something happens to it that nobody here asked for. */
  upset(random: SeededRandom): void;
  /** Somebody else starts it. */
  startOutside(): void;
  /** Nothing goes wrong from here on. */
  calm(): void;
  /** At zero, with nothing left running. */
  readonly isAtRest: boolean;
}

/** All models of one world share what they share in life, e.g. a cluster. */
export interface SimulatedBackends {
  readonly models: readonly SimulatedBackend[];
  close(): Promise<void>;
}

/** Each over a fake target with weather of its own. */
export function fakeBackends(count: number, clock: Clock, random: SeededRandom): SimulatedBackends {
  return {
    models: Array.from({ length: count }, () => new FakeBackend(clock, random)),
    close: () => Promise.resolve(),
  };
}

class FakeBackend implements SimulatedBackend {
  readonly target: FakeTarget;

  constructor(clock: Clock, random: SeededRandom) {
    this.target = new FakeTarget(clock, drawWeather(random));
  }

  set onSleep(onSleep: () => void) {
    this.target.onSleep = onSleep;
  }

  get sleeps(): number {
    return this.target.commands.filter((command) => command === "sleep").length;
  }

  send(): Sent {
    return this.target.cluster.isStoppedByUs ? "stopped by us" : "taken";
  }

  serveAround(): boolean {
    if (this.target.cluster.phase !== "ready") return false;
    this.target.serveAround();
    return true;
  }

  upset(random: SeededRandom): void {
    const upsets = [
      () => this.target.crash(),
      () => this.target.scaleOutside(0),
      () => this.target.scaleOutside(1),
    ];
    upsets[Math.floor(random.next() * upsets.length)]!();
  }

  startOutside(): void {
    this.target.scaleOutside(1);
  }

  calm(): void {
    this.target.weather = FAIR_WEATHER;
  }

  get isAtRest(): boolean {
    return this.target.cluster.phase === "none";
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
