/**
 * The pods of the workloads that somebody listens for; all others of the namespace are let go at once,
 * so that memory does not grow with them.
 */
import { type PodView, podView } from "./pod_view.ts";
import { type KubernetesObject, Reflector, type WatchTools } from "./reflector.ts";

export type Selector = Readonly<Record<string, string>>;

interface Listener {
  readonly selector: Selector;
  readonly listener: () => void;
}

export class PodWatch {
  readonly reflector: Reflector<PodView>;
  /** By the first label of their selectors: a thousand models are not looked through for each pod. */
  readonly #listeners = new Map<string, Set<Listener>>();
  /** The names of the pods of each listener. */
  readonly #pods = new Map<Listener, Set<string>>();
  /** Whose each pod is: one that is gone cannot say. */
  readonly #owners = new Map<string, Listener[]>();

  constructor(options: WatchTools, namespace: string) {
    this.reflector = new Reflector({
      ...options,
      path: `/api/v1/namespaces/${namespace}/pods`,
      pick: (object) => this.#pick(object),
      onChange: (name, pod) => this.#take(name, pod),
      onContact: () => {},
    });
  }

  /** Calls `listener` at each change of a pod with the labels of `selector`. */
  listen(selector: Selector, listener: () => void): PodListening {
    const entry: Listener = { selector, listener };
    const key = keyOf(selector);
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners.add(entry));
    const names = new Set<string>();
    this.#pods.set(entry, names);
    // What was there before nobody had asked for.
    this.reflector.listAgain();
    return {
      pods: () => [...names].flatMap((name) => this.reflector.get(name) ?? []),
      [Symbol.dispose]: () => {
        this.#pods.delete(entry);
        listeners.delete(entry);
        if (listeners.size === 0) this.#listeners.delete(key);
      },
    };
  }

  #pick(object: KubernetesObject): PodView | undefined {
    const pod = podView(object);
    return this.#listenersOf(pod.labels).length > 0 ? pod : undefined;
  }

  #take(name: string, pod: PodView | undefined): void {
    const before = this.#owners.get(name) ?? [];
    const after = pod ? this.#listenersOf(pod.labels) : [];
    for (const owner of before) if (!after.includes(owner)) this.#pods.get(owner)?.delete(name);
    for (const owner of after) this.#pods.get(owner)?.add(name);
    if (pod) this.#owners.set(name, after);
    else this.#owners.delete(name);
    for (const { listener } of new Set([...before, ...after])) listener();
  }

  #listenersOf(labels: Selector): Listener[] {
    return Object.entries(labels).flatMap(([key, value]) =>
      [...this.#listeners.get(`${key}=${value}`) ?? []]
        .filter(({ selector }) => matches(selector, labels))
    );
  }
}

export interface PodListening extends Disposable {
  /** Those that are there now. */
  pods(): PodView[];
}

/** A selector without labels is nobody's. */
function keyOf(selector: Selector): string {
  const [first] = Object.entries(selector);
  return first ? `${first[0]}=${first[1]}` : "";
}

function matches(selector: Selector, labels: Selector): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}
