/** Where a model's requests may go: the ready pods behind its Service, each at the pod's own port. */
import type { EndpointView, ServiceView, SliceView } from "./views.ts";

export interface ServiceEndpoint {
  readonly url: string;
  /** The pod's uid; undefined for endpoints that are no pods. */
  readonly pod: string | undefined;
}

/** `port` is the Service's, by number or name; undefined: its first. */
export function serviceEndpoints(
  service: ServiceView | undefined,
  slices: readonly SliceView[],
  port: number | string | undefined,
): ServiceEndpoint[] {
  const name = portName(service, port);
  if (name === undefined) return [];
  return slices.flatMap(({ ports, endpoints }) => {
    // Slices name their ports as the Service does, and have the numbers of the pods.
    const target = ports.find((each) => each.name === name)?.port;
    if (target === undefined) return [];
    return endpoints.filter(({ takesRequests }) => takesRequests)
      .map((endpoint) => ({ url: urlOf(endpoint, target), pod: endpoint.pod }));
  });
}

export interface ServiceFault {
  readonly fact: string;
  readonly remedy: string;
}

/** Why no pod can be reached by this Service as the config names it. */
export function serviceFault(
  { service: name, namespace, port }: {
    readonly service: string;
    readonly namespace: string;
    readonly port: number | string | undefined;
  },
  service: ServiceView | undefined,
): ServiceFault | undefined {
  const where = `service ${namespace}/${name}`;
  if (!service) {
    return {
      fact: `${where} does not exist`,
      remedy: "make it, or name another by `service` in the config, or a fixed `upstream`",
    };
  }
  if (portName(service, port) !== undefined) return undefined;
  const all = service.ports.map(({ name, port }) => name ? `${port} (${name})` : port);
  const has = all.join(", ") || "none";
  const wanted = port === undefined ? "no port" : `no port ${port}`;
  return {
    fact: `${where} has ${wanted}; its ports: ${has}`,
    remedy: `write one of them into the config, e.g. \`service: ${namespace}/${name}:${
      service.ports[0]?.port ?? "PORT"
    }\``,
  };
}

function portName(
  service: ServiceView | undefined,
  port: number | string | undefined,
): string | undefined {
  const ports = service?.ports ?? [];
  if (port === undefined) return ports[0]?.name;
  return ports.find((each) => typeof port === "number" ? each.port === port : each.name === port)
    ?.name;
}

function urlOf({ address }: EndpointView, port: number): string {
  return `http://${address.includes(":") ? `[${address}]` : address}:${port}`;
}
