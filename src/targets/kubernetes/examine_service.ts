/** What is wrong with a model's Service, seen beside the pods that it should lead to; pure. */
import type { Finding } from "../finding.ts";
import type { PodTemplate } from "./examine_pod.ts";
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

/** `pods`: of the workload and its namespace; undefined where the kind says nothing of them. */
export function examineService(
  place: ServicePlace,
  service: ServiceObject | undefined,
  pods: { readonly template: PodTemplate; readonly namespace: string } | undefined,
): Told[] {
  const where = `service ${place.namespace}/${place.service}`;
  const fault = serviceFault(place, service && serviceView(service));
  if (!service) {
    return [{
      ...{ level: "error", text: fault!.message },
      remedy: "make it, or name another by `service`, or a fixed `upstream`",
    }];
  }
  const { selector, type, ports = [] } = service.spec ?? {};
  if (type === "ExternalName") {
    return [{
      ...{ level: "error", text: `${where} is an ExternalName, which has no endpoints` },
      remedy: "name its address by `upstream`",
    }];
  }
  if (fault) {
    return [{ level: "error", text: fault.message, remedy: "write one of these after the `:`" }];
  }
  const port = ports.find(({ name, port }) =>
    place.port === undefined || place.port === name || place.port === port
  )!;
  const lead = pods && leadFault(where, place, selector, pods);
  if (lead) return [lead];
  const { targetPort } = port;
  if (pods && typeof targetPort === "string" && !portNames(pods.template).includes(targetPort)) {
    return [{
      ...{ level: "error", text: `${where} leads to port '${targetPort}', which no container has` },
      remedy: `give the engine's container a port of that name, or the Service a number`,
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
    remedy: "give both the same labels",
  };
}

function portNames({ spec }: PodTemplate): (string | undefined)[] {
  return [...spec?.containers ?? [], ...spec?.initContainers ?? []]
    .flatMap(({ ports = [] }) => ports.map(({ name }) => name));
}
