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
  readonly #listeners = new Set<Listener>();
  /** A pod that is gone cannot say whose it was. */
  readonly #last = new Map<string, PodView>();

  constructor(options: WatchTools, namespace: string) {
    this.reflector = new Reflector({
      ...options,
      path: `/api/v1/namespaces/${namespace}/pods`,
      pick: (object) => this.#pick(object),
      onChange: (name, pod) => this.#tell(name, pod),
      onContact: () => {},
    });
  }

  /** Calls `listener` at each change of a pod with the labels of `selector`. */
  listen(selector: Selector, listener: () => void): Disposable {
    const entry = { selector, listener };
    this.#listeners.add(entry);
    // What was there before nobody had asked for.
    this.reflector.listAgain();
    return { [Symbol.dispose]: () => void this.#listeners.delete(entry) };
  }

  of(selector: Selector): PodView[] {
    return [...this.reflector.values()].filter(({ labels }) => matches(selector, labels));
  }

  #pick(object: KubernetesObject): PodView | undefined {
    const pod = podView(object);
    const isWanted = [...this.#listeners].some(({ selector }) => matches(selector, pod.labels));
    return isWanted ? pod : undefined;
  }

  #tell(name: string, pod: PodView | undefined): void {
    const labels = (pod ?? this.#last.get(name))?.labels ?? {};
    if (pod) this.#last.set(name, pod);
    else this.#last.delete(name);
    for (const { selector, listener } of this.#listeners) {
      if (matches(selector, labels)) listener();
    }
  }
}

function matches(selector: Selector, labels: Selector): boolean {
  const wanted = Object.entries(selector);
  return wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value);
}
