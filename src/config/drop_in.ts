/**
 * A config without a file: the flags and environment names of the small Go program that this one replaces.
 * A flag goes before the environment, the environment before the default. There is one model, whatever
 * name a client sends.
 */
import { configSchema } from "./schema.ts";
import { resolveConfig } from "./resolve.ts";
import type { Config } from "./spec.ts";
import type { Env } from "./substitute.ts";

/** As on the command line; what was not given is not there. */
export interface DropInFlags {
  readonly namespace?: string;
  readonly deployment?: string;
  readonly targetHost?: string;
  readonly targetPort?: string;
  readonly idleTimeout?: string;
  readonly port?: string;
}

interface Setting {
  readonly flag: string;
  readonly env: string;
  readonly fallback: string;
  /** What to write in a config file instead. */
  readonly key: string;
}

export const DROP_IN_SETTINGS: Readonly<Record<keyof DropInFlags, Setting>> = {
  namespace: {
    ...{ flag: "--namespace", env: "VLLM_NAMESPACE", fallback: "ai-apps" },
    key: "kubernetes.namespace",
  },
  deployment: {
    ...{ flag: "--deployment", env: "VLLM_DEPLOYMENT", fallback: "vllm" },
    key: "models.NAME.deployment",
  },
  targetHost: {
    ...{ flag: "--target-host", env: "VLLM_TARGET", fallback: "vllm-svc" },
    key: "models.NAME.service",
  },
  targetPort: {
    ...{ flag: "--target-port", env: "VLLM_PORT", fallback: "80" },
    key: "models.NAME.service",
  },
  idleTimeout: {
    ...{ flag: "--idle-timeout", env: "IDLE_TIMEOUT", fallback: "5m" },
    key: "models.NAME.idleTimeout",
  },
  port: { flag: "--port", env: "PORT", fallback: "8080", key: "server.listen" },
};

type Name = keyof DropInFlags;
const NAMES = Object.keys(DROP_IN_SETTINGS) as Name[];

/** What Kubernetes sets in every pod for a Service called `vllm`: no port of ours. */
const SERVICE_LINK = /^(tcp|udp|sctp):\/\//;

export interface DropInGiven {
  /** The settings that were given, each with the flag or the name that gave it. */
  readonly values: ReadonlyMap<Name, { readonly text: string; readonly from: string }>;
  readonly warnings: readonly string[];
}

/** What flags and environment say; empty environment variables say nothing. */
export function dropInGiven(flags: DropInFlags, env: Env): DropInGiven {
  const values = new Map<Name, { text: string; from: string }>();
  const warnings: string[] = [];
  for (const name of NAMES) {
    const { flag, env: variable } = DROP_IN_SETTINGS[name];
    const set = env[variable] || undefined;
    if (flags[name] !== undefined) values.set(name, { text: flags[name], from: flag });
    else if (set !== undefined && SERVICE_LINK.test(set)) {
      warnings.push(
        `$${variable} is ${set}, which Kubernetes sets for a Service of that name: ignored. ` +
          "Set enableServiceLinks: false in the pod, and it is gone",
      );
    } else if (set !== undefined) values.set(name, { text: set, from: `$${variable}` });
  }
  return { values, warnings };
}

/** The config, or everything that is wrong with what was given. */
export function dropInConfig({ values }: DropInGiven, dir: string): Config | readonly string[] {
  const text = (name: Name) => values.get(name)?.text ?? DROP_IN_SETTINGS[name].fallback;
  const namespace = text("namespace");
  const target = targetOf(text("targetHost"), text("targetPort"), namespace);
  const faults = ["targetPort", "port"].flatMap((name) => portFault(values.get(name as Name)));
  const parsed = configSchema.safeParse({
    // Port 0, for any free one, is fine to listen on.
    server: { listen: `0.0.0.0:${faults.length > 0 ? 0 : text("port")}` },
    kubernetes: { namespace },
    models: {
      [text("deployment")]: {
        deployment: text("deployment"),
        ...faults.length > 0 ? {} : target,
        idleTimeout: text("idleTimeout"),
      },
    },
  });
  for (const { path, message } of parsed.error?.issues ?? []) {
    const name = nameOf(path.map(String));
    const { from = "the default", text } = values.get(name) ?? {};
    faults.push(`${from}: '${text ?? DROP_IN_SETTINGS[name].fallback}': ${message}`);
  }
  if (!parsed.success || faults.length > 0) return [...new Set(faults)];
  return { ...resolveConfig(parsed.data, dir), dropIn: true };
}

function portFault(given: { readonly text: string; readonly from: string } | undefined): string[] {
  if (!given || (/^\d{1,5}$/.test(given.text) && Number(given.text) <= 65_535)) return [];
  return [`${given.from}: '${given.text}' is not a port: write a number from 0 to 65535`];
}

/** Which setting a fault of the schema is about. */
function nameOf(path: readonly string[]): Name {
  if (path[0] === "kubernetes") return "namespace";
  if (path[0] === "server") return "port";
  const key = path.at(-1);
  if (key === "idleTimeout") return "idleTimeout";
  return key === "service" || key === "upstream" ? "targetHost" : "deployment";
}

/**
 * A name of a Service is watched for its ready pods; any other host is one fixed address. `vllm-svc` and
 * `vllm-svc.ai-apps.svc.cluster.local` are Services, and so is `vllm-svc.ai-apps` in that namespace.
 */
function targetOf(host: string, port: string, namespace: string): Record<string, string> {
  const [name, where = namespace, svc, ...more] = host.split(".");
  const isService = host !== "localhost" && /[a-z]/.test(host) && !host.includes(":") &&
    (svc === "svc" || (svc === undefined && where === namespace && more.length === 0));
  if (isService) return { service: `${where === namespace ? "" : `${where}/`}${name}:${port}` };
  return { upstream: `http://${host.includes(":") ? `[${host}]` : host}:${port}` };
}
