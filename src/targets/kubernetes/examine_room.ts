/** Whether there is room for a pod: nodes that have what it asks for, and quotas that let it; pure. */
import { parseQuantity } from "../../lib/quantity.ts";
import type { Finding } from "../finding.ts";
import type { PodTemplate, Toleration } from "./pod_template.ts";
import type { KubernetesObject } from "./reflector.ts";
import { REMEDIES } from "./remedies.ts";

type Told = Omit<Finding, "about">;

export interface NodeObject extends KubernetesObject {
  readonly metadata: KubernetesObject["metadata"] & {
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec?: { readonly taints?: readonly Taint[] };
  readonly status?: { readonly allocatable?: Readonly<Record<string, string>> };
}

interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
}

export interface QuotaObject extends KubernetesObject {
  readonly spec?: { readonly scopes?: readonly string[]; readonly scopeSelector?: unknown };
  readonly status?: {
    readonly hard?: Readonly<Record<string, string>>;
    readonly used?: Readonly<Record<string, string>>;
  };
}

/** What one pod asks for, as quotas name it: `pods`, `requests.cpu`, `limits.memory`. */
function demandOf({ spec }: PodTemplate): Map<string, number> {
  const demand = new Map([["pods", 1], ["count/pods", 1]]);
  for (const { resources: { requests = {}, limits = {} } = {} } of spec?.containers ?? []) {
    // What is limited and not requested is requested as well.
    for (
      const [kind, list] of [["requests", { ...limits, ...requests }], ["limits", limits]] as const
    ) {
      for (const [name, text] of Object.entries(list)) {
        const key = `${kind}.${name}`;
        demand.set(key, (demand.get(key) ?? 0) + parseQuantity(text));
      }
    }
  }
  return demand;
}

/** Nodes may be on their way, so none of it is an error. */
export function examineNodes(template: PodTemplate, nodes: readonly NodeObject[]): Told[] {
  // A cluster without nodes makes them when they are needed.
  if (nodes.length === 0) return [];
  const wanted = Object.entries(template.spec?.nodeSelector ?? {});
  const labelled = nodes.filter(({ metadata }) =>
    wanted.every(([key, value]) => metadata.labels?.[key] === value)
  );
  const remedy = `${REMEDIES.unschedulable}; an autoscaler of nodes may bring one`;
  if (labelled.length === 0) {
    const labels = wanted.map((label) => label.join("=")).join(", ");
    return [{ level: "warn", text: `no node has ${labels}, which its nodeSelector wants`, remedy }];
  }
  for (const [key, asked] of demandOf(template)) {
    const [, name] = /^requests\.(.*)$/.exec(key) ?? [];
    if (name === undefined) continue;
    const has = labelled.map(({ status }) => parseQuantity(status?.allocatable?.[name] ?? "0"));
    const most = Math.max(...has);
    if (most >= asked) continue;
    const text = `no node has ${asked} ${name}, which a pod of it asks for: the most is ${most}`;
    return [{ level: "warn", text, remedy }];
  }
  return taintFindings(template, labelled, remedy);
}

function taintFindings(
  template: PodTemplate,
  nodes: readonly NodeObject[],
  remedy: string,
): Told[] {
  const { tolerations = [] } = template.spec ?? {};
  const hindrances = nodes.map(({ spec }) =>
    spec?.taints?.find(({ effect, ...taint }) =>
      effect !== "PreferNoSchedule" &&
      !tolerations.some((toleration) => tolerates(toleration, { effect, ...taint }))
    )
  );
  const [first] = hindrances;
  if (!first || !hindrances.every((taint) => taint)) return [];
  const taint = `${first.key}${first.value ? `=${first.value}` : ""}:${first.effect}`;
  const text = `every node that would do has a taint that its pods do not tolerate, e.g. ${taint}`;
  return [{ level: "warn", text, remedy }];
}

function tolerates({ key, operator, value, effect }: Toleration, taint: Taint): boolean {
  if (effect && effect !== taint.effect) return false;
  if (!key) return operator === "Exists";
  return key === taint.key && (operator === "Exists" || (value ?? "") === (taint.value ?? ""));
}

/** Of one pod more. */
export function examineQuotas(
  template: PodTemplate,
  namespace: string,
  quotas: readonly QuotaObject[],
): Told[] {
  const demand = demandOf(template);
  return quotas.flatMap(({ metadata, spec, status }) => {
    // Whom those of a scope concern is the API server's to say.
    if (spec?.scopes?.length || spec?.scopeSelector) return [];
    return Object.entries(status?.hard ?? {}).flatMap(([key, hard]): Told[] => {
      const asked = demand.get(/^(cpu|memory)$/.test(key) ? `requests.${key}` : key);
      const used = status?.used?.[key] ?? "0";
      if (asked === undefined || parseQuantity(used) + asked <= parseQuantity(hard)) return [];
      return [{
        level: "warn",
        text:
          `quota ${namespace}/${metadata.name} has no room for a pod of it: ${key} ${used} of ` +
          `${hard} used`,
        remedy: REMEDIES.quota,
      }];
    });
  });
}
