/** What the shared watches know of one model: its workload, its Service, and the endpoints behind it. */
import type { Failure } from "../../activator/scale_target.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Reflector } from "./reflector.ts";
import { cannotWatch } from "./refusal.ts";
import { withRemedy } from "./remedies.ts";
import { type ServiceEndpoint, serviceEndpoints, serviceFault } from "./service_endpoints.ts";
import type { EndpointView, ServiceView, WorkloadView } from "./views.ts";
import type { SharedWatch, SliceWatch } from "./watches.ts";

/** The Service whose ready pods take the requests. */
export interface ServiceUpstream {
  readonly service: string;
  readonly namespace: string;
  readonly port: number | string | undefined;
  readonly services: SharedWatch<ServiceView>;
  readonly slices: SliceWatch;
}

export interface ModelWatchesOptions {
  /** The workload's name within its watch. */
  readonly name: string;
  readonly workloads: SharedWatch<WorkloadView>;
  /** Or one fixed base URL, which needs no right to see endpoints. */
  readonly upstream: ServiceUpstream | { readonly url: string };
  /** True for kinds whose status counts the ready pods that are not on their way out. */
  readonly reportsReady: boolean;
  readonly clock: Clock;
}

type Watch = Pick<
  Reflector<unknown>,
  "isListed" | "listed" | "isFresh" | "refusal" | "path" | "retryNow"
>;

/** Watches that are listed are worth a moment, not more: a wake must not depend on them. */
const LIST_MAX_MS = 1_000;

export class ModelWatches {
  constructor(readonly options: ModelWatchesOptions) {}

  /** Undefined if it is not there, or nobody knows yet. */
  get workload(): WorkloadView | undefined {
    return this.options.workloads.reflector.get(this.options.name);
  }

  /** Those that are ready and not on their way out. */
  get endpoints(): ServiceEndpoint[] {
    const { upstream, reportsReady } = this.options;
    if ("url" in upstream) {
      // A Service also leads to a pod that is on its way out, as long as there is no other.
      const isReady = !reportsReady || (this.workload?.readyReplicas ?? 0) > 0;
      return isReady ? [{ url: upstream.url, pod: undefined }] : [];
    }
    const { service, port, services, slices } = upstream;
    return serviceEndpoints(services.reflector.get(service), slices.of(service), port);
  }

  /** The pods that its Service knows; none where it has no Service. */
  get pods(): EndpointView[] {
    const { upstream } = this.options;
    if ("url" in upstream) return [];
    return upstream.slices.of(upstream.service).flatMap(({ endpoints }) => [...endpoints]);
  }

  /** True once they knew how it was. */
  get isListed(): boolean {
    return this.#all.every(({ isListed }) => isListed);
  }

  /** True while they know how it is. */
  get isFresh(): boolean {
    return this.#all.every(({ isFresh }) => isFresh);
  }

  /** A right without which it can never be ready in our eyes. */
  get refusal(): Failure | undefined {
    const refused = this.#all.find(({ refusal }) => refusal !== undefined);
    return refused && cannotWatch(refused.path, refused.refusal!);
  }

  /** Why no request could reach it, whatever becomes of its pods. */
  get serviceFault(): Failure | undefined {
    const { upstream } = this.options;
    if ("url" in upstream || !upstream.services.reflector.isFresh) return undefined;
    const fault = serviceFault(upstream, upstream.services.reflector.get(upstream.service));
    return fault && { kind: "missing", message: withRemedy(fault.fact, fault.remedy) };
  }

  /** The Service that leads to no pod: it is there, and that is known. */
  get emptyService(): string | undefined {
    const { upstream } = this.options;
    if ("url" in upstream || !this.isFresh || this.endpoints.length > 0) return undefined;
    const { services, service, namespace } = upstream;
    return services.reflector.get(service) && `service ${namespace}/${service}`;
  }

  /** Calls `listener` at each change of what they know. */
  listen(listener: () => void): Disposable {
    const { name, workloads, upstream } = this.options;
    const listening = new DisposableStack();
    listening.use(workloads.listen(name, listener));
    if (!("url" in upstream)) {
      listening.use(upstream.services.listen(upstream.service, listener));
      listening.use(upstream.slices.listen(upstream.service, listener));
    }
    return listening;
  }

  /** The API server answered somebody: those that wait before they try again need not. */
  retryNow(): void {
    for (const watch of this.#all) watch.retryNow();
  }

  /** Whoever wakes at once after our start does not yet know what is missing: for a moment it waits. */
  async untilListed(signal: AbortSignal): Promise<void> {
    if (this.isListed) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const left = () => reject(signal.reason);
    signal.addEventListener("abort", left, { once: true });
    using _limit = this.options.clock.timer(LIST_MAX_MS, resolve);
    Promise.all(this.#all.map(({ listed }) => listed)).then(() => resolve());
    await promise.finally(() => signal.removeEventListener("abort", left));
  }

  get #all(): readonly Watch[] {
    const { workloads, upstream } = this.options;
    if ("url" in upstream) return [workloads.reflector];
    return [workloads.reflector, upstream.services.reflector, upstream.slices.reflector];
  }
}
