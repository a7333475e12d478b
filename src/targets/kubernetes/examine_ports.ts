/** Whether probes and Services ask on the port on which the engine listens; pure. */
import type { Finding } from "../finding.ts";
import type { Container } from "./pod_template.ts";
import type { Recognised } from "./recognise.ts";

type Told = Omit<Finding, "about">;

/** Probes that can never succeed. */
export function examineProbes(
  containers: readonly Container[],
  engine: Recognised | undefined,
): Told[] {
  return containers.flatMap((container) => {
    const { name, readinessProbe } = container;
    const port = readinessProbe?.httpGet?.port ?? readinessProbe?.tcpSocket?.port;
    if (port === undefined) return [];
    const own = engine?.container === container ? engine : undefined;
    const remedy = "correct the probe's port, or the container's";
    const fault = portFault(port, [container], own);
    if (!fault) return [];
    const { level, why } = fault;
    return [{
      level,
      text: `the readinessProbe of container ${name} asks port ${port}, ${why}`,
      remedy,
    }];
  });
}

export interface PortFault {
  readonly level: "warn" | "error";
  /** What is there instead, as the end of a sentence. */
  readonly why: string;
}

/** Why nobody listens on `port`; undefined: somebody may. */
export function portFault(
  port: number | string,
  containers: readonly Container[],
  engine: Recognised | undefined,
): PortFault | undefined {
  const all = containers.flatMap(({ ports = [] }) => ports);
  if (typeof port === "string") {
    if (all.some(({ name }) => name === port)) return undefined;
    const names = all.flatMap(({ name }) => name ?? []).join(", ") || "none";
    return { level: "error", why: `which no container has; names of ports: ${names}` };
  }
  if (engine?.saysPort && engine.port !== undefined) {
    // Another container may have one of its own.
    if (port === engine.port || all.some(({ containerPort }) => containerPort === port)) {
      return undefined;
    }
    return { level: "error", why: `but the engine listens on ${engine.port}` };
  }
  const numbers = all.flatMap(({ containerPort }) => containerPort ?? []);
  if (numbers.length === 0 || numbers.includes(port)) return undefined;
  // Containers may listen on ports that they do not name.
  return { level: "warn", why: `but the containers name ${numbers.join(", ")} only` };
}
