/** Models of the simulator that are Deployments of one virtual cluster, behind one troubled API server. */
import type { Clock } from "../platform/clock.ts";
import type { Log } from "../telemetry/log.ts";
import type { ApiWeather, CallFate } from "./api_weather.ts";
import { type GatewaySide, KubernetesWorld } from "./kubernetes_world.ts";
import type { SeededRandom } from "./seeded_random.ts";
import type { Sent, SimulatedBackend, SimulatedBackends } from "./simulated_backend.ts";
import { type ClusterPace, FAIR_PACE } from "./virtual_cluster.ts";
import type { VirtualClock } from "./virtual_clock.ts";

const MINUTE = 60_000;

export function kubernetesBackends(
  count: number,
  clock: VirtualClock,
  random: SeededRandom,
  log: Log,
  clockOf?: (clock: Clock) => Clock,
): SimulatedBackends {
  const world = new KubernetesWorld(random, clock);
  const names = Array.from({ length: count }, (_, i) => `m${i}`);
  for (const name of names) world.cluster.create(name);
  const gateway = world.gateway(log, clockOf);
  const storm = new Storm(world, gateway.weather, random, log);
  const models = names.map((name) => new ClusterBackend(name, world, gateway, storm));
  world.onSleep = (name) => models.find((model) => model.name === name)?.slept();
  return {
    models,
    async close() {
      world.close();
      await world.over(gateway.kubernetes.close());
    },
  };
}

class ClusterBackend implements SimulatedBackend {
  readonly target;
  sleeps = 0;
  onSleep: () => void = () => {};

  constructor(
    readonly name: string,
    readonly world: KubernetesWorld,
    gateway: GatewaySide,
    readonly storm: Storm,
  ) {
    this.target = gateway.target(name);
  }

  slept(): void {
    this.sleeps++;
    this.onSleep();
  }

  send(endpoint: string): Sent {
    const pod = this.world.cluster.podAt(endpoint);
    if (!pod) return "refused";
    return pod.isStoppedByGateway ? "stopped by us" : "taken";
  }

  serveAround(): boolean {
    const { cluster } = this.world;
    if (!cluster.of(this.name).some(({ state }) => state === "ready")) return false;
    cluster.served.set(this.name, (cluster.served.get(this.name) ?? 0) + 1);
    return true;
  }

  upset(random: SeededRandom): void {
    const { cluster } = this.world;
    const [pod] = cluster.of(this.name);
    const upsets = [
      () => pod && cluster.crash(pod),
      () => cluster.scale(this.name, 0),
      () => cluster.scale(this.name, random.chance(0.7) ? 1 : 2),
      () => {
        cluster.remove(this.name);
        this.world.clock.timer(random.exponential(MINUTE / 4), () => {
          cluster.create(this.name, random.chance(0.5) ? 1 : 0);
        });
      },
      () => this.storm.strike(),
      () => this.storm.strike(),
    ];
    upsets[Math.floor(random.next() * upsets.length)]!();
  }

  startOutside(): void {
    this.world.cluster.scale(this.name, 1);
  }

  calm(): void {
    this.storm.calm();
  }

  get isAtRest(): boolean {
    return this.world.cluster.replicas(this.name) === 0 &&
      this.world.cluster.of(this.name).length === 0;
  }
}

/** The trouble of the API server and of its cluster: some worlds are calm, in some everything goes wrong. */
class Storm {
  #isCalm = false;

  constructor(
    readonly world: KubernetesWorld,
    readonly weather: ApiWeather,
    readonly random: SeededRandom,
    readonly log: Log,
  ) {
    const trouble = random.next() ** 3;
    const slowMs = random.chance(0.2) ? 2_000 : 20;
    weather.latencyMs = () => random.exponential(slowMs);
    weather.fate = (method) => this.#fate(method, trouble);
    world.cluster.pace = drawPace(random, trouble);
  }

  strike(): void {
    const { random, weather, world } = this;
    if (this.#isCalm) return;
    const lasting = (begin: () => void, end: () => void, meanMs: number) => () => {
      begin();
      world.clock.timer(random.exponential(meanMs), end);
    };
    const strikes: Record<string, () => void> = {
      "API server away": lasting(
        () => weather.isDown = true,
        () => weather.isDown = false,
        3 * MINUTE,
      ),
      "black hole": lasting(
        () => weather.isBlackHole = true,
        () => weather.isBlackHole = false,
        5 * MINUTE,
      ),
      "watches reset": () => weather.reset(),
      "API server away, and what it knew compacted": lasting(
        () => weather.isDown = true,
        () => {
          world.server.compact();
          weather.isDown = false;
        },
        3 * MINUTE,
      ),
      "watches half open": () => weather.halfOpen(),
      "watches end": () => world.server.endWatches("end"),
    };
    const names = Object.keys(strikes);
    const name = names[Math.floor(random.next() * names.length)]!;
    this.log.info(`storm: ${name}`);
    strikes[name]!();
  }

  calm(): void {
    this.#isCalm = true;
    this.weather.isDown = this.weather.isBlackHole = false;
    this.weather.fate = () => "answered";
    this.weather.latencyMs = () => 5;
    this.world.cluster.pace = FAIR_PACE;
  }

  #fate(method: string, trouble: number): CallFate {
    const { random } = this;
    if (random.chance(1 - trouble / 4)) return "answered";
    const fates: CallFate[] = ["lost before", "lost after", "429", "500", "403"];
    const fate = fates[Math.floor(random.next() * fates.length)]!;
    // A server that fails has done nothing, or is "lost after".
    return method === "GET" && fate === "lost after" ? "lost before" : fate;
  }
}

function drawPace(random: SeededRandom, trouble: number): ClusterPace {
  return {
    controlMs: () => random.exponential(100),
    startMs: () => random.exponential(2_000),
    loadMs: () => random.exponential(40_000),
    graceMs: () => random.exponential(5_000),
    crashes: () => random.chance(trouble / 4),
  };
}
