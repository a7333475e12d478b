/** Which port of a Service leads to the engine behind it; pure. */
import { portFault } from "./examine_ports.ts";
import type { ServiceObject } from "./examine_service.ts";
import { allContainers, type PodTemplate } from "./pod_template.ts";
import type { Recognised } from "./recognise.ts";

/** The port of `service` that leads to the engine's; undefined: none does. */
export function enginePort(
  { spec: { ports = [] } = {} }: ServiceObject,
  { port, saysPort, container }: Recognised,
  template: PodTemplate,
): number | undefined {
  if (port === undefined) {
    const containers = allContainers(template);
    return ports.find(({ port, targetPort = port }) =>
      !portFault(targetPort, containers, undefined)
    )
      ?.port;
  }
  const own = container.ports ?? [];
  const targetOf = ({ port, targetPort = port }: (typeof ports)[number]) =>
    typeof targetPort === "number"
      ? targetPort
      : own.find(({ name }) => name === targetPort)?.containerPort;
  const exact = ports.find((each) => targetOf(each) === port);
  // The engine's default: its container may know better.
  const named = saysPort
    ? undefined
    : ports.find((each) =>
      own.some(({ containerPort }) =>
        containerPort !== undefined && containerPort === targetOf(each)
      )
    );
  return (exact ?? named)?.port;
}
