/** Holds a config against the cluster: is it there, may we, and do workloads, Services and pods fit. */
import type { Clock } from "../../platform/clock.ts";
import type { Random } from "../../platform/random.ts";
import type { Finding } from "../finding.ts";
import { missingOf, whoWeAre } from "./access_review.ts";
import { ApiError, ApiUnreachable, KubernetesApi } from "./api.ts";
import type { ClusterAccess } from "./cluster_access.ts";
import { examinePod, type PodTemplate } from "./examine_pod.ts";
import { examineService, type ServiceObject } from "./examine_service.ts";
import { Kinds, listOf, nameOf, type WorkloadModel } from "./kinds.ts";
import { type Permission, permissionsOf } from "./permissions.ts";
import type { KubernetesObject } from "./reflector.ts";

export interface ExamineOptions {
  readonly access: ClusterAccess;
  readonly clock: Clock;
  readonly random: Random;
}

export interface Examined {
  readonly findings: readonly Finding[];
  /** The rights that the config needs and we do not have. */
  readonly missing: readonly Permission[];
}

const CLUSTER = "cluster";

/** Looks and changes nothing; `models` are those of the config that are workloads. */
export async function examineCluster(
  models: readonly WorkloadModel[],
  options: ExamineOptions,
): Promise<Examined> {
  const { access } = options;
  const api = new KubernetesApi(options);
  const kinds = new Kinds(api);
  const findings: Finding[] = [];
  try {
    const who = await whoWeAre(api);
    findings.push({ level: "ok", about: CLUSTER, text: `${access.server}, by ${access.origin}` });
    const known: WorkloadModel[] = [];
    for (const model of models) {
      const fault = await kindFault(model, kinds);
      if (fault) findings.push(fault);
      else known.push(model);
    }
    const { namespace } = access;
    const permissions = permissionsOf(known, {
      namespace,
      resourceOf: (scale) => kinds.resourceOf(scale),
    });
    const missing = await missingOf(permissions, api);
    findings.push(...rightsFindings(who, permissions, missing));
    const each = known.map((model) => new Examination(model, api, kinds, missing).findings());
    findings.push(...(await Promise.all(each)).flat());
    return { findings, missing };
  } catch (error) {
    if (!isOfApi(error)) throw error;
    return { findings: [...findings, unreachable(access, error as Error)], missing: [] };
  }
}

function isOfApi(error: unknown): boolean {
  return error instanceof ApiError || error instanceof ApiUnreachable;
}

function unreachable({ server, origin }: ClusterAccess, error: Error): Finding {
  const isAnswer = error instanceof ApiError;
  return {
    level: "error",
    about: CLUSTER,
    text: isAnswer
      ? `the API server at ${server} does not serve us (${origin}): ${error.message}`
      : `the API server at ${server} cannot be reached (${origin}): ${error.message}`,
    remedy: isAnswer && error.status === 401
      ? "its credentials are good no more: log in again, or give the pod its service account"
      : "see that it runs and that nothing stands between; kubernetes.kubeconfig and " +
        "kubernetes.context choose another cluster",
  };
}

async function kindFault({ name, scale }: WorkloadModel, kinds: Kinds) {
  try {
    await kinds.learn(scale);
    return undefined;
  } catch (error) {
    if (isOfApi(error)) throw error;
    return {
      ...{ level: "error" as const, about: name, text: (error as Error).message },
      remedy: "correct `workload`, or install what defines that kind",
    };
  }
}

function rightsFindings(
  who: string | undefined,
  permissions: readonly Permission[],
  missing: readonly Permission[],
): Finding[] {
  const us = who ?? "the gateway";
  const places = [...new Set(permissions.map(({ namespace }) => namespace))].join(", ");
  if (missing.length === 0 && permissions.length > 0) {
    const text = `${us} may do all that these models need, in namespace ${places}`;
    if (who === undefined || who.startsWith("system:serviceaccount:")) {
      return [{ level: "ok", about: CLUSTER, text }];
    }
    const remedy = "a gateway in the cluster has an account of its own: run this in its pod too";
    return [{ level: "ok", about: CLUSTER, text, remedy }];
  }
  const alike = Map.groupBy(missing, ({ namespace, resource }) => `${namespace} ${resource}`);
  return [...alike.values()].map((list) => {
    const { apiGroup, resource, namespace, needed, without, models } = list[0]!;
    const verbs = list.map(({ verb }) => verb).join(", ");
    const what = apiGroup ? `${resource} (${apiGroup})` : resource;
    const whose = models.length > 3 ? `${models.length} models` : models.join(", ");
    return {
      level: needed === "always" ? "error" : "warn",
      about: CLUSTER,
      text: `${us} may not ${verbs} ${what} in namespace ${namespace}, for ${whose}: ${without}`,
      remedy: "grant it, by the rules at the end",
    };
  });
}

interface WorkloadObject extends KubernetesObject {
  readonly spec?: { readonly paused?: boolean; readonly template?: PodTemplate };
}

/** Of one model. */
class Examination {
  constructor(
    readonly model: WorkloadModel,
    readonly api: KubernetesApi,
    readonly kinds: Kinds,
    readonly missing: readonly Permission[],
  ) {}

  async findings(): Promise<Finding[]> {
    const { model, api } = this;
    const about = model.name;
    const namespace = model.scale.namespace ?? api.namespace;
    const resource = this.kinds.resourceOf(model.scale);
    const name = nameOf(model.scale, namespace);
    let template: PodTemplate | undefined;
    const findings: Omit<Finding, "about">[] = [];
    // What we may not see was told with the rights.
    if (this.#may("get", resource.plural, namespace, model.scale.name)) {
      const workload = await this.#workload(`${listOf(resource, namespace)}/${model.scale.name}`);
      findings.push(...workloadFindings(name, workload));
      template = workload?.spec?.template;
      // Kinds of others may have something else under that name.
      if (!template?.spec?.containers) template = undefined;
      else findings.push(...examinePod(template, model.engine.name));
    }
    findings.push(...await this.#service(namespace, template));
    return findings.map((finding) => ({ ...finding, about }));
  }

  async #service(home: string, template: PodTemplate | undefined) {
    const { upstream, service, scale } = this.model;
    if (upstream !== undefined) {
      const text = `requests go to ${upstream}, whatever Services and pods there are`;
      return [{ level: "ok" as const, text }];
    }
    const namespace = service?.namespace ?? home;
    if (!this.#may("list", "services", namespace)) return [];
    const name = service?.name ?? scale.name;
    // The Role has no `get` for it: nothing else needs one.
    const { items } = await this.api.call<{ items: ServiceObject[] }>({
      ...{ verb: "list" },
      path: `/api/v1/namespaces/${namespace}/services?fieldSelector=metadata.name%3D${name}`,
    });
    const place = { service: name, namespace, port: service?.port };
    return examineService(place, items[0], template && { template, namespace: home });
  }

  async #workload(path: string): Promise<WorkloadObject | undefined> {
    try {
      return await this.api.call<WorkloadObject>({ verb: "get", path });
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** `name`: where only that object is asked for. */
  #may(verb: string, resource: string, namespace: string, name?: string): boolean {
    return !this.missing.some((right) =>
      right.verb === verb && right.resource === resource && right.namespace === namespace &&
      (name === undefined || right.names?.includes(name) !== false)
    );
  }
}

function workloadFindings(
  name: string,
  workload: WorkloadObject | undefined,
): Omit<Finding, "about">[] {
  if (!workload) {
    return [{
      ...{ level: "error", text: `${name} does not exist` },
      remedy: "make it, or correct its name and namespace in the config",
    }];
  }
  if (!workload.spec?.paused) return [{ level: "ok", text: `${name} is there` }];
  return [{
    ...{ level: "warn", text: `${name} is paused: changes of its pods wait, a first pod too` },
    remedy: `kubectl rollout resume, once that is meant`,
  }];
}
