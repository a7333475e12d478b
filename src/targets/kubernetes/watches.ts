/** One watch a namespace and kind, shared by all models: a model listens for the one name it knows. */
import { PodWatch } from "./pod_watch.ts";
import { type KubernetesObject, Reflector, type WatchTools } from "./reflector.ts";
import {
  type ServiceView,
  serviceView,
  type SliceView,
  sliceView,
  type WorkloadView,
  workloadView,
} from "./views.ts";
import { EventWatch } from "./wake_events.ts";

/** A store that many listen to, each to its own name or label. */
export class SharedWatch<T> {
  readonly reflector: Reflector<T>;
  readonly #listeners = new Map<string, Set<() => void>>();

  constructor(
    options: WatchTools,
    path: string,
    pick: (object: KubernetesObject) => T | undefined,
    /** What listeners of an item call it. */
    keyOf: (name: string, item: T | undefined) => string,
  ) {
    this.reflector = new Reflector({
      ...options,
      path,
      pick,
      onChange: (name, item) => this.#tell(keyOf(name, item)),
      onContact: () => {
        for (const key of this.#listeners.keys()) this.#tell(key);
      },
    });
  }

  listen(key: string, listener: () => void): Disposable {
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners.add(listener));
    return {
      [Symbol.dispose]: () => {
        listeners.delete(listener);
        if (listeners.size === 0) this.#listeners.delete(key);
      },
    };
  }

  #tell(key: string): void {
    for (const listener of this.#listeners.get(key) ?? []) listener();
  }
}

export class Watches {
  readonly #workloads = new Map<string, SharedWatch<WorkloadView>>();
  readonly #services = new Map<string, SharedWatch<ServiceView>>();
  readonly #slices = new Map<string, SliceWatch>();
  readonly #pods = new Map<string, PodWatch>();
  readonly #events = new Map<string, EventWatch>();

  constructor(readonly options: WatchTools) {}

  /** `path` of the list, e.g. `/apis/apps/v1/namespaces/ai/deployments`. */
  workloads(path: string): SharedWatch<WorkloadView> {
    let watch = this.#workloads.get(path);
    if (!watch) {
      watch = new SharedWatch(this.options, path, workloadView, (name) => name);
      this.#workloads.set(path, watch);
    }
    return watch;
  }

  services(namespace: string): SharedWatch<ServiceView> {
    let watch = this.#services.get(namespace);
    if (!watch) {
      const path = `/api/v1/namespaces/${namespace}/services`;
      watch = new SharedWatch(this.options, path, serviceView, (name) => name);
      this.#services.set(namespace, watch);
    }
    return watch;
  }

  pods(namespace: string): PodWatch {
    let watch = this.#pods.get(namespace);
    if (!watch) this.#pods.set(namespace, watch = new PodWatch(this.options, namespace));
    return watch;
  }

  events(namespace: string): EventWatch {
    let watch = this.#events.get(namespace);
    if (!watch) this.#events.set(namespace, watch = new EventWatch(this.options, namespace));
    return watch;
  }

  slices(namespace: string): SliceWatch {
    let watch = this.#slices.get(namespace);
    if (!watch) this.#slices.set(namespace, watch = new SliceWatch(this.options, namespace));
    return watch;
  }

  async close(): Promise<void> {
    const watches = [
      ...this.#workloads.values(),
      ...this.#services.values(),
      ...this.#slices.values(),
      ...this.#pods.values(),
      ...this.#events.values(),
    ];
    await Promise.all(watches.map(({ reflector }) => reflector.close()));
  }
}

/** EndpointSlices, by the Service that they belong to; a Service may have several. */
export class SliceWatch {
  readonly #watch: SharedWatch<SliceView>;
  /** A slice that is gone cannot say whose it was. */
  readonly #services = new Map<string, string>();
  readonly #byService = new Map<string, Set<string>>();

  constructor(options: WatchTools, namespace: string) {
    this.#watch = new SharedWatch(
      options,
      `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`,
      sliceView,
      (name, slice) => this.#index(name, slice),
    );
  }

  get reflector(): Reflector<SliceView> {
    return this.#watch.reflector;
  }

  listen(service: string, listener: () => void): Disposable {
    return this.#watch.listen(service, listener);
  }

  of(service: string): SliceView[] {
    return [...this.#byService.get(service) ?? []]
      .flatMap((name) => this.reflector.get(name) ?? []);
  }

  #index(name: string, slice: SliceView | undefined): string {
    const service = slice?.service ?? this.#services.get(name) ?? "";
    const names = this.#byService.get(service) ?? new Set();
    if (slice) {
      this.#services.set(name, service);
      this.#byService.set(service, names.add(name));
    } else {
      this.#services.delete(name);
      names.delete(name);
      if (names.size === 0) this.#byService.delete(service);
    }
    return service;
  }
}
