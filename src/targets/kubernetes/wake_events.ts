/**
 * The events of a namespace, as they come: each is told to the models whose workload it may concern, and
 * none is kept. What was said before we came is not asked for: pods say again what still troubles them.
 */
import { type KubernetesObject, Reflector, type WatchTools } from "./reflector.ts";

/** What the scheduler, a kubelet or a controller said of an object. */
export interface EventView {
  /** Of the object: `Pod`, `ReplicaSet`, ... */
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly isWarning: boolean;
  /** The machine's word, e.g. `FailedMount`. */
  readonly reason: string;
  readonly message: string;
}

export function eventView(object: KubernetesObject): EventView | undefined {
  const { involvedObject, type, reason, message } = object as KubernetesObject & {
    involvedObject?: { kind?: string; name?: string; uid?: string };
    type?: string;
    reason?: string;
    message?: string;
  };
  if (!involvedObject?.name || !reason) return undefined;
  const { kind = "", name, uid = "" } = involvedObject;
  return { kind, name, uid, isWarning: type === "Warning", reason, message: message ?? "" };
}

type Listener = (event: EventView) => void;

export class EventWatch {
  readonly reflector: Reflector<EventView>;
  readonly #listeners = new Map<string, Set<Listener>>();

  constructor(options: WatchTools, namespace: string) {
    this.reflector = new Reflector({
      ...options,
      path: `/api/v1/namespaces/${namespace}/events`,
      pick: eventView,
      onChange: (_, event) => event && this.#tell(event),
      onContact: () => {},
      keeps: false,
    });
  }

  /** Tells events of the workload of that name, and of what it makes: `vllm`, `vllm-5d4f`, `vllm-5d4f-x8`. */
  listen(workload: string, listener: Listener): Disposable {
    const listeners = this.#listeners.get(workload) ?? new Set();
    this.#listeners.set(workload, listeners.add(listener));
    return {
      [Symbol.dispose]: () => {
        listeners.delete(listener);
        if (listeners.size === 0) this.#listeners.delete(workload);
      },
    };
  }

  /** Names of what controllers make begin with the names of what they were made for. */
  #tell(event: EventView): void {
    const { name } = event;
    for (let end = name.length; end > 0; end = name.lastIndexOf("-", end - 1)) {
      for (const listener of this.#listeners.get(name.slice(0, end)) ?? []) listener(event);
    }
  }
}
