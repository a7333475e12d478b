/** Holds a config against the cluster: is it there, may we, and do workloads, Services and pods fit. */
import type { Clock } from "../../platform/clock.ts";
import type { Random } from "../../platform/random.ts";
import type { Finding } from "../finding.ts";
import { missingOf, whoWeAre } from "./access_review.ts";
import { ApiError, ApiUnreachable, KubernetesApi } from "./api.ts";
import type { ClusterAccess } from "./cluster_access.ts";
import { Examination } from "./examination.ts";
import { Kinds, type WorkloadModel } from "./kinds.ts";
import { type Permission, permissionsOf } from "./permissions.ts";
import { Surroundings } from "./surroundings.ts";

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
    const surroundings = new Surroundings(api);
    const tools = { api, kinds, missing, surroundings, wallMs: options.clock.wallMs() };
    const each = known.map((model) => new Examination(model, tools).findings());
    findings.push(...(await Promise.all(each)).flat(), ...unseenFinding(surroundings.unseen));
    return { findings, missing };
  } catch (error) {
    if (!isOfApi(error)) throw error;
    return { findings: [...findings, unreachable(access, error as Error)], missing: [] };
  }
}

/** The gateway needs no right to see any of it. */
function unseenFinding(unseen: ReadonlySet<string>): Finding[] {
  if (unseen.size === 0) return [];
  return [{
    ...{ level: "ok", about: CLUSTER },
    text: `not looked at, for want of the right to list them: ${[...unseen].sort().join(", ")}`,
    remedy: "run doctor as somebody who may see them, with a kubeconfig of theirs",
  }];
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
