/**
 * Deployments, pods and endpoints in virtual time, over a {@link FakeApiServer}: controllers, a scheduler
 * and kubelets that take their time, and pods whose engines refuse, load, answer, and drain.
 */
import type { Clock } from "../platform/clock.ts";
import type { Fetch } from "../platform/fetch.ts";
import type { FakeApiServer } from "./fake_api_server.ts";

/** How long each part takes, in ms, and how often it fails. */
export interface ClusterPace {
  /** A controller's next step. */
  controlMs(): number;
  /** From a pod's creation to its container's start. */
  startMs(): number;
  /** From there until its engine answers. */
  loadMs(): number;
  /** From being told to go until it has gone; it goes on answering meanwhile. */
  graceMs(): number;
  /** True if a container that starts crashes instead. */
  crashes(): boolean;
}

export const FAIR_PACE: ClusterPace = {
  controlMs: () => 20,
  startMs: () => 200,
  loadMs: () => 1_000,
  graceMs: () => 300,
  crashes: () => false,
};

export interface VirtualPod {
  readonly name: string;
  readonly deployment: string;
  readonly address: string;
  readonly url: string;
  state: "pending" | "loading" | "ready" | "leaving" | "gone";
  restarts: number;
  isCrashing: boolean;
  /** It goes because the gateway said so. */
  isStoppedByGateway: boolean;
}

export const NAMESPACE = "ai";
const APPS = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`;
const PODS = `/api/v1/namespaces/${NAMESPACE}/pods`;
const SERVICES = `/api/v1/namespaces/${NAMESPACE}/services`;
const SLICES = `/apis/discovery.k8s.io/v1/namespaces/${NAMESPACE}/endpointslices`;

export class VirtualCluster {
  pace: ClusterPace = FAIR_PACE;
  readonly pods = new Set<VirtualPod>();
  #made = 0;
  /** Requests that each Deployment's engines have served. */
  readonly served = new Map<string, number>();
  /** Requests at work, by the URL of the pod. */
  readonly running = new Map<string, number>();
  readonly #due = new Set<string>();

  constructor(readonly clock: Clock, readonly server: FakeApiServer) {}

  static pathOf(deployment: string): string {
    return `${APPS}/${deployment}`;
  }

  /** A Deployment and its Service. */
  create(name: string, replicas = 0): void {
    const labels = { app: name };
    this.server.put(`${SERVICES}/${name}`, {
      metadata: {},
      spec: { selector: labels, ports: [{ name: "http", port: 80 }] },
    });
    this.server.put(VirtualCluster.pathOf(name), {
      metadata: { creationTimestamp: new Date(this.clock.wallMs()).toISOString() },
      spec: { replicas, selector: { matchLabels: labels } },
      status: {},
    });
    this.changed(name);
  }

  remove(name: string): void {
    this.server.delete(VirtualCluster.pathOf(name));
    this.changed(name);
  }

  replicas(name: string): number {
    return this.server.get(VirtualCluster.pathOf(name))?.spec.replicas ?? 0;
  }

  /** Somebody else scales it. */
  scale(name: string, replicas: number): void {
    const path = VirtualCluster.pathOf(name);
    const object = this.server.get(path);
    if (!object) return;
    this.server.put(path, { ...object, spec: { ...object.spec, replicas } });
    this.changed(name);
  }

  of(deployment: string): VirtualPod[] {
    return [...this.pods].filter((pod) => pod.deployment === deployment);
  }

  podAt(url: string): VirtualPod | undefined {
    return [...this.pods].find((pod) => pod.url === url && isListening(pod));
  }

  /** The gateway wrote zero: pods that go from here on go because of it. */
  stoppedByGateway(deployment: string): void {
    for (const pod of this.of(deployment)) pod.isStoppedByGateway = true;
  }

  crash(pod: VirtualPod): void {
    if (pod.state !== "ready" && pod.state !== "loading") return;
    pod.restarts++;
    this.#load(pod);
  }

  /** True: the engines do not say how busy they are. */
  isMute = false;

  /** Health and metrics of the pods' engines. */
  readonly fetch: Fetch = (input, init = {}) => {
    init.signal?.throwIfAborted();
    const url = new URL(input);
    const pod = this.podAt(url.origin);
    if (!pod) {
      return Promise.reject(
        new TypeError("error sending request", { cause: new Error("client error (Connect)") }),
      );
    }
    if (url.pathname !== "/metrics") return Promise.resolve(new Response("ok"));
    if (this.isMute) return Promise.resolve(new Response(null, { status: 500 }));
    const served = this.served.get(pod.deployment) ?? 0;
    const running = this.running.get(pod.url) ?? 0;
    return Promise.resolve(
      new Response(`vllm:num_requests_running ${running}\nvllm:request_success_total ${served}\n`),
    );
  };

  /** A change of what is wanted: its controllers act upon it in a while, upon several at once. */
  changed(deployment: string): void {
    if (this.#due.has(deployment)) return;
    this.#due.add(deployment);
    this.clock.timer(this.pace.controlMs(), () => {
      this.#due.delete(deployment);
      this.#control(deployment);
    });
  }

  #control(deployment: string): void {
    const object = this.server.get(VirtualCluster.pathOf(deployment));
    const wanted = object?.spec.replicas ?? 0;
    const present = this.of(deployment).filter(({ state }) => state !== "leaving");
    for (const pod of present.slice(wanted)) this.#leave(pod);
    // Those that stay were kept, whatever was said in between.
    for (const pod of present.slice(0, wanted)) pod.isStoppedByGateway = false;
    for (let n = present.length; n < wanted; n++) this.#make(deployment);
    this.#publish(deployment);
  }

  #make(deployment: string): void {
    const n = ++this.#made;
    const address = `10.${Math.floor(n / 65_536)}.${Math.floor(n / 256) % 256}.${n % 256}`;
    const pod: VirtualPod = {
      name: `${deployment}-${n.toString(36)}`,
      ...{ deployment, address, url: `http://${address}:8000`, state: "pending" },
      ...{ restarts: 0, isCrashing: false, isStoppedByGateway: false },
    };
    this.pods.add(pod);
    this.clock.timer(this.pace.startMs(), () => {
      if (pod.state === "pending") this.#load(pod);
    });
  }

  #load(pod: VirtualPod): void {
    pod.state = "loading";
    pod.isCrashing = this.pace.crashes();
    this.#publish(pod.deployment);
    const { restarts } = pod;
    this.clock.timer(this.pace.loadMs(), () => {
      if (pod.state !== "loading" || pod.restarts !== restarts) return;
      if (pod.isCrashing) return this.crash(pod);
      pod.state = "ready";
      this.#publish(pod.deployment);
    });
  }

  #leave(pod: VirtualPod): void {
    // A vLLM that is told to stop while it loads loads on, and answers until it is killed.
    pod.state = "leaving";
    this.#publish(pod.deployment);
    this.clock.timer(this.pace.graceMs(), () => {
      pod.state = "gone";
      this.pods.delete(pod);
      this.server.delete(`${PODS}/${pod.name}`);
      this.#publish(pod.deployment);
    });
  }

  /** What the API server knows of it, each object by a controller of its own, a moment later. */
  #publish(deployment: string): void {
    this.clock.timer(this.pace.controlMs(), () => this.#publishPods(deployment));
    this.clock.timer(this.pace.controlMs(), () => this.#publishSlice(deployment));
    this.clock.timer(this.pace.controlMs(), () => this.#publishStatus(deployment));
  }

  #publishPods(deployment: string): void {
    for (const pod of this.of(deployment)) {
      const isReady = pod.state === "ready";
      const object = {
        metadata: {
          uid: pod.name,
          labels: { app: deployment },
          ...pod.state === "leaving" ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {},
        },
        spec: pod.state === "pending" ? {} : { nodeName: "a" },
        status: {
          conditions: [{ type: "Ready", status: isReady ? "True" : "False" }],
          containerStatuses: [{
            ...{ name: "engine", image: "vllm", restartCount: pod.restarts },
            state: pod.state === "pending" ? { waiting: {} } : { running: {} },
            lastState: pod.restarts > 0 ? { terminated: { reason: "Error", exitCode: 1 } } : {},
          }],
        },
      };
      this.#putIfNew(`${PODS}/${pod.name}`, object);
    }
  }

  #publishSlice(deployment: string): void {
    const pods = this.of(deployment).filter(({ state }) => state !== "pending");
    this.#putIfNew(`${SLICES}/${deployment}-1`, {
      metadata: { labels: { "kubernetes.io/service-name": deployment } },
      ports: [{ name: "http", port: 8000 }],
      endpoints: pods.map((pod) => ({
        addresses: [pod.address],
        conditions: { ready: pod.state === "ready", terminating: pod.state === "leaving" },
        targetRef: { kind: "Pod", uid: pod.name, name: pod.name },
      })),
    });
  }

  #publishStatus(deployment: string): void {
    const path = VirtualCluster.pathOf(deployment);
    const object = this.server.get(path);
    if (!object) return;
    const present = this.of(deployment).filter(({ state }) => state !== "leaving");
    // It has acted upon what is wanted now unless it is yet to.
    const observedGeneration = this.#due.has(deployment)
      ? object.status.observedGeneration ?? 0
      : object.metadata.generation;
    const status = {
      observedGeneration,
      replicas: present.length,
      readyReplicas: present.filter(({ state }) => state === "ready").length,
    };
    this.#putIfNew(path, { ...object, status });
  }

  #putIfNew(path: string, object: Record<string, unknown>): void {
    const old = this.server.get(path);
    const same = old &&
      ["spec", "status", "endpoints"].every((key) =>
        JSON.stringify(old[key]) === JSON.stringify(object[key])
      );
    const leaving = (each: { metadata?: { deletionTimestamp?: string } }) =>
      each?.metadata?.deletionTimestamp;
    if (!same || leaving(old) !== leaving(object)) this.server.put(path, object);
  }
}

function isListening({ state, isCrashing }: VirtualPod): boolean {
  return state === "ready" || (state === "leaving" && !isCrashing);
}
