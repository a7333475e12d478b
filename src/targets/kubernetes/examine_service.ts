/** What is wrong with a model's Service, seen beside the pods that it should lead to; pure. */
import type { Finding } from "../finding.ts";
import { enginePort } from "./engine_port.ts";
import { portFault } from "./examine_ports.ts";
import { allContainers, type PodTemplate } from "./pod_template.ts";
import { recognise } from "./recognise.ts";
import type { KubernetesObject } from "./reflector.ts";
import { serviceFault } from "./service_endpoints.ts";
import { serviceView } from "./views.ts";

export interface ServiceObject extends KubernetesObject {
  readonly spec?: {
    readonly type?: string;
    readonly selector?: Readonly<Record<string, string>>;
    readonly ports?: readonly {
      readonly name?: string;
      readonly port: number;
      readonly targetPort?: number | string;
    }[];
  };
}

/** The Service as the config names it, and where. */
export interface ServicePlace {
  readonly service: string;
  readonly namespace: string;
  readonly port: number | string | undefined;
}

type Told = Omit<Finding, "about">;

interface Pods {
  readonly template: PodTemplate;
  readonly namespace: string;
}

/** The Services of `all` that lead to pods of this template. */
export function leadingTo(
  all: readonly ServiceObject[],
  { metadata }: PodTemplate,
): ServiceObject[] {
  const labels = metadata?.labels ?? {};
  return all.filter(({ spec: { selector, type } = {} }) => {
    const wanted = Object.entries(selector ?? {});
    return wanted.length > 0 && type !== "ExternalName" &&
      wanted.every(([key, value]) => labels[key] === value);
  });
}

/**
 * `all`: the Services beside it. `pods`: of the workload and its namespace; undefined where the kind says nothing of
 * them.
 */
export function examineService(
  place: ServicePlace,
  all: readonly ServiceObject[],
  pods: Pods | undefined,
): Told[] {
  const service = all.find(({ metadata }) => metadata.name === place.service);
  const where = `service ${place.namespace}/${place.service}`;
  const fault = serviceFault(place, service && serviceView(service));
  if (!service) {
    return [{
      ...{ level: "error", text: fault!.fact },
      remedy: betterName(place, all, pods) ?? fault!.remedy,
    }];
  }
  const { selector, type, ports = [] } = service.spec ?? {};
  if (type === "ExternalName") {
    return [{
      ...{ level: "error", text: `${where} is an ExternalName, which has no endpoints` },
      remedy: "name its address by `upstream`",
    }];
  }
  if (fault) return [{ level: "error", text: fault.fact, remedy: fault.remedy }];
  const port = ports.find(({ name, port }) =>
    place.port === undefined || place.port === name || place.port === port
  )!;
  const lead = pods && leadFault(where, place, selector, pods);
  if (lead) return [lead];
  const targetPort = port.targetPort ?? port.port;
  const wrong = pods &&
    portFault(targetPort, allContainers(pods.template), recognise(pods.template));
  if (wrong) {
    const shown = typeof targetPort === "string" ? `'${targetPort}'` : targetPort;
    return [{
      ...{ level: wrong.level, text: `${where} leads to port ${shown}, ${wrong.why}` },
      remedy: `set the targetPort of its port ${port.port} to the one on which the engine listens`,
    }];
  }
  if (!selector) {
    return [{
      ...{
        level: "warn",
        text: `${where} has no selector: its endpoints are somebody's handiwork`,
      },
      remedy: "see that they follow the pods, or give it the labels of the pods",
    }];
  }
  return [{ level: "ok", text: `${where} port ${port.port} leads to its pods` }];
}

function leadFault(
  where: string,
  place: ServicePlace,
  selector: Readonly<Record<string, string>> | undefined,
  { template, namespace }: { readonly template: PodTemplate; readonly namespace: string },
): Told | undefined {
  if (!selector) return undefined;
  if (place.namespace !== namespace) {
    return {
      ...{ level: "error", text: `${where} cannot lead to pods in namespace ${namespace}` },
      remedy: "name the one that is beside them",
    };
  }
  const labels = template.metadata?.labels ?? {};
  const amiss = Object.entries(selector).filter(([key, value]) => labels[key] !== value);
  if (amiss.length === 0) return undefined;
  const wanted = amiss.map(([key, value]) => `${key}=${value}`).join(", ");
  const has = amiss.map(([key]) =>
    labels[key] === undefined ? `no ${key}` : `${key}=${labels[key]}`
  )
    .join(", ");
  return {
    level: "error",
    text: `${where} selects ${wanted}, the pods have ${has}: it never leads to them`,
    remedy: `give the Service the selector ${
      Object.entries(labels).map((label) => label.join("=")).join(", ") || "that its pods have"
    }, or the pods its labels`,
  };
}

/** A Service that leads to its pods, for a config that names none or another. */
function betterName(
  { namespace }: ServicePlace,
  all: readonly ServiceObject[],
  pods: Pods | undefined,
): string | undefined {
  if (pods?.namespace !== namespace) return undefined;
  const [other] = leadingTo(all, pods.template);
  if (!other) return undefined;
  const engine = recognise(pods.template);
  const port = engine && enginePort(other, engine, pods.template);
  const isFirst = port === undefined || port === other.spec?.ports?.[0]?.port;
  const name = `${namespace}/${other.metadata.name}${isFirst ? "" : `:${port}`}`;
  return `write \`service: ${name}\`, which leads to its pods`;
}
