/** A cluster in virtual time and what a gateway needs to reach it: several may, one after the other. */
import type { Clock } from "../platform/clock.ts";
import { Kubernetes } from "../targets/kubernetes/kubernetes.ts";
import type { KubernetesTarget } from "../targets/kubernetes/kubernetes_target.ts";
import { type Log, silentLog } from "../telemetry/log.ts";
import { ApiWeather } from "./api_weather.ts";
import { FakeApiServer } from "./fake_api_server.ts";
import { modelSpec } from "./requests.ts";
import { SeededRandom } from "./seeded_random.ts";
import { NAMESPACE, VirtualCluster } from "./virtual_cluster.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** A list, its body and what follows are longer chains of `await`s than most. */
const ROUNDS = 60;
const BOOKMARK_MS = 60_000;

/** What the pods of the virtual cluster say of themselves. */
export const ENGINE = {
  ...{ name: "vllm", healthPath: "/health" },
  metrics: {
    path: "/metrics",
    busy: ["vllm:num_requests_running"],
    served: ["vllm:request_success_total"],
  },
};

/** One gateway's side: dropped as a whole when it is killed. */
export interface GatewaySide {
  readonly kubernetes: Kubernetes;
  readonly weather: ApiWeather;
  /** The models of engines that could not be asked how busy they are. */
  readonly unread: readonly string[];
  target(model: string): KubernetesTarget;
}

export class KubernetesWorld {
  readonly server = new FakeApiServer();
  readonly cluster: VirtualCluster;
  /** Called when a gateway's zero is about to be written. */
  onSleep: (deployment: string) => void = () => {};
  #isOver = false;
  #gateways = 0;

  constructor(
    readonly random = new SeededRandom(1),
    readonly clock = new VirtualClock(0, Date.UTC(2026, 0, 1), ROUNDS),
  ) {
    this.cluster = new VirtualCluster(clock, this.server);
    this.#bookmark();
  }

  /** `clockOf`: what the gateway's side takes for the clock. */
  gateway(log: Log = silentLog, clockOf = (clock: Clock) => clock): GatewaySide {
    const { random } = this;
    const weather = new ApiWeather({ clock: this.clock, server: this.#serve });
    const clock = clockOf(this.clock);
    const access = {
      ...{ server: "https://api", fetch: weather.fetch, namespace: NAMESPACE, origin: "test" },
      authorization: () => Promise.resolve(undefined),
    };
    const unread: string[] = [];
    const kubernetes = new Kubernetes({
      ...{ access, fetch: this.cluster.fetch, clock, random, log },
      identity: `g${++this.#gateways}`,
      scrapeFailed: (model) => void unread.push(model),
    });
    return {
      ...{ kubernetes, weather, unread },
      target: (model) =>
        kubernetes.target(
          modelSpec(model, {
            scale: { kind: "deployment", name: model },
            engine: ENGINE,
          }),
          Promise.resolve(),
        ),
    };
  }

  /** Lets the world go on in small steps until `condition` holds. */
  async until(condition: () => boolean, limitMs = 120_000): Promise<void> {
    for (let ms = 0; !condition(); ms += 50) {
      if (ms > limitMs) throw new Error(`Not within ${limitMs} virtual ms: ${condition}`);
      await this.clock.advance(50);
    }
  }

  /** What takes time to end. */
  async over(ending: Promise<void>): Promise<void> {
    let isOver = false;
    void ending.then(() => isOver = true);
    await this.until(() => isOver);
  }

  close(): void {
    this.#isOver = true;
  }

  /** The API server; its controllers hear of what a gateway wrote. */
  readonly #serve = async (input: string | URL, init: RequestInit = {}): Promise<Response> => {
    const [, name, subresource] = /\/deployments\/([^/]+)\/(scale|status)$/.exec(
      new URL(input).pathname,
    ) ?? [];
    const before = name === undefined ? 0 : this.cluster.replicas(name);
    if (name !== undefined && subresource === "scale" && isZero(init.body)) this.onSleep(name);
    const response = await this.server.fetch(input, init);
    if (name !== undefined && subresource === "scale" && response.ok) {
      if (before > 0 && this.cluster.replicas(name) === 0) this.cluster.stoppedByGateway(name);
      this.cluster.changed(name);
    }
    return response;
  };

  #bookmark(): void {
    this.clock.timer(BOOKMARK_MS, () => {
      if (this.#isOver) return;
      this.server.bookmark();
      this.#bookmark();
    });
  }
}

function isZero(body: BodyInit | null | undefined): boolean {
  return typeof body === "string" && JSON.parse(body).spec?.replicas === 0;
}
