/** Holds one model against the cluster: its workload, its pods, its Service, and what is around them. */
import { nearest } from "../../lib/nearest.ts";
import type { Finding } from "../finding.ts";
import { ApiError, type KubernetesApi } from "./api.ts";
import { type EventObject, examineEvents } from "./examine_events.ts";
import { examinePod } from "./examine_pod.ts";
import { examineNodes, examineQuotas, type NodeObject, type QuotaObject } from "./examine_room.ts";
import { examineRunning } from "./examine_running.ts";
import { examineScalers, type ScalerObject, scalersOf } from "./examine_scalers.ts";
import { examineService, type ServiceObject } from "./examine_service.ts";
import { type Kinds, listOf, nameOf, type WorkloadModel } from "./kinds.ts";
import type { Permission } from "./permissions.ts";
import { podView } from "./pod_view.ts";
import type { PodTemplate } from "./pod_template.ts";
import type { KubernetesObject } from "./reflector.ts";
import {
  EVENTS,
  HPAS,
  type Listed,
  NODES,
  PODS,
  QUOTAS,
  SCALED_OBJECTS,
  SERVICES,
  type Surroundings,
} from "./surroundings.ts";

type Told = Omit<Finding, "about">;

export interface WorkloadObject extends KubernetesObject {
  readonly spec?: {
    readonly paused?: boolean;
    readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
    readonly template?: PodTemplate;
  };
  readonly status?: { readonly readyReplicas?: number };
}

export interface ExaminationTools {
  readonly api: KubernetesApi;
  readonly kinds: Kinds;
  /** The rights that the gateway needs and does not have. */
  readonly missing: readonly Permission[];
  readonly surroundings: Surroundings;
  readonly wallMs: number;
}

export class Examination {
  readonly #namespace: string;

  constructor(readonly model: WorkloadModel, readonly tools: ExaminationTools) {
    this.#namespace = model.scale.namespace ?? tools.api.namespace;
  }

  async findings(): Promise<Finding[]> {
    const { model, tools } = this;
    const namespace = this.#namespace;
    const resource = tools.kinds.resourceOf(model.scale);
    let template: PodTemplate | undefined;
    const findings: Told[] = [];
    // What we may not see was told with the rights.
    if (this.#may("get", resource.plural, namespace, model.scale.name)) {
      const workload = await this.#workload(`${listOf(resource, namespace)}/${model.scale.name}`);
      findings.push(...await this.#workloadFindings(workload));
      template = workload?.spec?.template;
      // Kinds of others may have something else under that name.
      if (!template?.spec?.containers) template = undefined;
      else findings.push(...examinePod(template, model.engine.name));
      if (workload) findings.push(...await this.#around(workload, template));
    }
    findings.push(...await this.#service(template));
    return findings.map((finding) => ({ ...finding, about: model.name }));
  }

  async #workloadFindings(workload: WorkloadObject | undefined): Promise<Told[]> {
    const { scale } = this.model;
    const name = nameOf(scale, this.#namespace);
    if (!workload) {
      const meant = await this.#nearest();
      return [{
        ...{ level: "error", text: `${name} does not exist` },
        remedy: meant === undefined
          ? "make it, or correct its name and namespace in the config"
          : `make it, or write '${meant}', which is there, into the config`,
      }];
    }
    if (!workload.spec?.paused) return [{ level: "ok", text: `${name} is there` }];
    return [{
      ...{ level: "warn", text: `${name} is paused: changes of its pods wait, a first pod too` },
      remedy: "kubectl rollout resume, once that is meant",
    }];
  }

  /** One of its kind and namespace that is called much like it. */
  async #nearest(): Promise<string | undefined> {
    const { kinds, surroundings } = this.tools;
    const { scale } = this.model;
    const all = await surroundings.list(kinds.resourceOf(scale), this.#namespace) ?? [];
    return nearest(scale.name, all.map(({ metadata }) => metadata.name)) ??
      (all.length === 1 ? all[0]!.metadata.name : undefined);
  }

  async #around(workload: WorkloadObject, template: PodTemplate | undefined): Promise<Told[]> {
    const { scale } = this.model;
    const namespace = this.#namespace;
    const list = <T extends KubernetesObject>(listed: Listed, of?: string) =>
      this.tools.surroundings.list<T>(listed, of);
    const kind = scale.kind === "workload"
      ? scale.workloadKind
      : scale.kind[0]!.toUpperCase() + scale.kind.slice(1);
    const all = {
      hpas: await list<ScalerObject>(HPAS, namespace) ?? [],
      scaledObjects: await list<ScalerObject>(SCALED_OBJECTS, namespace) ?? [],
    };
    const scalers = scalersOf({ kind, name: scale.name }, all);
    const findings = examineScalers(namespace, scalers);
    const isUp = (workload.status?.readyReplicas ?? 0) > 0;
    // What is up has found its place.
    if (isUp) return findings;
    if (template) {
      findings.push(...examineNodes(template, await list<NodeObject>(NODES) ?? []));
      const quotas = await list<QuotaObject>(QUOTAS, namespace) ?? [];
      findings.push(...examineQuotas(template, namespace, quotas));
    }
    const selector = Object.entries(workload.spec?.selector?.matchLabels ?? {});
    if (selector.length > 0 && this.#may("list", "pods", namespace)) {
      const pods = (await list(PODS, namespace) ?? []).map(podView)
        .filter(({ labels }) => selector.every(([key, value]) => labels[key] === value));
      findings.push(...examineRunning(pods));
    }
    if (this.#may("list", "events", namespace)) {
      const events = await list<EventObject>(EVENTS, namespace) ?? [];
      findings.push(...examineEvents(scale.name, events, this.tools.wallMs));
    }
    return findings;
  }

  async #service(template: PodTemplate | undefined): Promise<Told[]> {
    const { upstream, service, scale } = this.model;
    if (upstream !== undefined) {
      const text = `requests go to ${upstream}, whatever Services and pods there are`;
      return [{ level: "ok" as const, text }];
    }
    const home = this.#namespace;
    const namespace = service?.namespace ?? home;
    if (!this.#may("list", "services", namespace)) return [];
    const name = service?.name ?? scale.name;
    const all = await this.tools.surroundings.list<ServiceObject>(SERVICES, namespace) ?? [];
    const place = { service: name, namespace, port: service?.port };
    return examineService(place, all, template && { template, namespace: home });
  }

  async #workload(path: string): Promise<WorkloadObject | undefined> {
    try {
      return await this.tools.api.call<WorkloadObject>({ verb: "get", path });
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** `name`: where only that object is asked for. */
  #may(verb: string, resource: string, namespace: string, name?: string): boolean {
    return !this.tools.missing.some((right) =>
      right.verb === verb && right.resource === resource && right.namespace === namespace &&
      (name === undefined || right.names?.includes(name) !== false)
    );
  }
}
