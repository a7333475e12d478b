/** The valid file to the {@link Config} that the program runs with: defaults in, units off, names split. */
import { parseDuration } from "../lib/duration.ts";
import { absolutePath } from "../lib/path.ts";
import { parseSize } from "../lib/size.ts";
import { parseAddress } from "./address.ts";
import { ENGINE_DEFAULTS, PROCESS_UPSTREAM } from "./defaults.ts";
import { ENGINES, isEngineName } from "./engines.ts";
import { OBJECT_PATTERN, SERVICE_PATTERN } from "./fields.ts";
import type { EngineFile, ModelFile, SettingsFile } from "./model_schema.ts";
import type { ConfigFile } from "./schema.ts";
import { trimPath } from "./server_checks.ts";
import type {
  Config,
  EngineSpec,
  KeySpec,
  ModelSpec,
  RouteSpec,
  ScaleSpec,
  ServerSpec,
  ServiceSpec,
} from "./spec.ts";

/** `dir`: absolute, what relative paths are relative to. */
export function resolveConfig(file: ConfigFile, dir: string): Config {
  return {
    server: server(file.server, dir),
    kubernetes: { ...file.kubernetes, kubeconfig: from(dir, file.kubernetes.kubeconfig) },
    models: Object.entries(file.models).map(([name, model]) =>
      resolveModel(name, model, file.defaults, dir)
    ),
    routes: file.routes.map(route),
  };
}

type Defined<T> =
  & { [K in keyof T as undefined extends T[K] ? never : K]: T[K] }
  & { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> };

/** Without the keys that are undefined. */
function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(value).filter(([, part]) => part !== undefined),
  ) as Defined<T>;
}

/** A path of the file; "" stays "". */
function from(dir: string, path: string): string {
  return path && absolutePath(dir, path);
}

function server(file: ConfigFile["server"], dir: string): ServerSpec {
  const { drainTimeout, shutdownDelay, bodyTimeout, ...same } = file;
  return {
    ...same,
    listen: parseAddress(file.listen),
    operator: file.operator === false ? false : parseAddress(file.operator),
    drainTimeoutMs: parseDuration(drainTimeout),
    shutdownDelayMs: parseDuration(shutdownDelay),
    bodyMax: parseSize(file.bodyMax),
    bodyTimeoutMs: parseDuration(bodyTimeout),
    bufferedMax: parseSize(file.bufferedMax),
    keys: file.keys.map((key): KeySpec =>
      defined({
        ...key,
        keyFile: key.keyFile === undefined ? undefined : from(dir, key.keyFile),
        keySha256: key.keySha256?.toLowerCase(),
      })
    ),
  };
}

function route(file: ConfigFile["routes"][number]): RouteSpec {
  return defined({ ...file, path: trimPath(file.path), host: file.host?.toLowerCase() });
}

function resolveModel(
  name: string,
  file: ModelFile,
  defaults: SettingsFile,
  dir: string,
): ModelSpec {
  const all = { ...defaults, ...defined(file) };
  // The two are one setting: a model's own replaces either.
  const key = "upstreamKeyFile" in file || "upstreamKeyEnv" in file ? file : defaults;
  const scale = scaleOf(file, dir);
  const upstream = file.upstream ?? (file.process ? PROCESS_UPSTREAM : undefined);
  return defined({
    name,
    aliases: file.aliases ?? [],
    adapters: file.adapters ?? [],
    upstreamModel: file.upstreamModel,
    scale,
    service: file.service === undefined ? undefined : serviceOf(file.service),
    upstream: upstream?.replace(/\/+$/, ""),
    upstreamCaFile: from(dir, all.upstreamCaFile) || undefined,
    upstreamKeyFile: from(dir, key.upstreamKeyFile ?? "") || undefined,
    upstreamKeyEnv: key.upstreamKeyEnv || undefined,
    replicas: file.process || file.external ? undefined : all.replicas,
    idleTimeoutMs: file.external ? Infinity : parseDuration(all.idleTimeout, { never: true }),
    coldStartTimeoutMs: parseDuration(all.coldStartTimeout),
    unschedulableGraceMs: parseDuration(all.unschedulableGrace),
    retryAfterMaxMs: parseDuration(all.retryAfterMax),
    pendingMax: all.pendingMax,
    inFlightMax: all.inFlightMax,
    pendingTimeoutMs: parseDuration(all.pendingTimeout),
    responseTimeoutMs: parseDuration(all.responseTimeout),
    earlyHeadersAfterMs: parseDuration(all.earlyHeadersAfter, { never: true }),
    keepAliveIntervalMs: parseDuration(all.keepAliveInterval),
    keepAliveJson: all.keepAliveJson,
    connectTimeoutMs: parseDuration(all.connectTimeout),
    enabled: all.enabled,
    engine: engineOf(all.engine),
  });
}

function scaleOf(file: ModelFile, dir: string): ScaleSpec {
  if (file.deployment) return { kind: "deployment", ...objectOf(file.deployment) };
  if (file.statefulSet) return { kind: "statefulSet", ...objectOf(file.statefulSet) };
  if (file.workload) {
    const { kind: workloadKind, namespace, ...rest } = file.workload;
    return defined({
      ...rest,
      kind: "workload" as const,
      workloadKind,
      namespace: namespace || undefined,
    });
  }
  if (file.process) {
    const { stopGrace, env = {}, ...rest } = file.process;
    const cwd = from(dir, rest.cwd);
    return { ...rest, kind: "process", env, cwd, stopGraceMs: parseDuration(stopGrace) };
  }
  return { kind: "external" };
}

function objectOf(text: string): { namespace?: string; name: string } {
  const [, namespace, name] = OBJECT_PATTERN.exec(text)!;
  return defined({ namespace, name: name! });
}

function serviceOf(text: string): ServiceSpec {
  const [, namespace, name, port] = SERVICE_PATTERN.exec(text)!;
  return defined({
    namespace,
    name: name!,
    port: port !== undefined && /^\d+$/.test(port) ? Number(port) : port,
  });
}

function engineOf(file: EngineFile): EngineSpec {
  if (typeof file === "string") return ENGINES[file];
  const name = file.name ?? ENGINE_DEFAULTS.name;
  const base: EngineSpec = isEngineName(name)
    ? ENGINES[name]
    : { name, healthPath: ENGINE_DEFAULTS.healthPath };
  const metrics = file.metrics === undefined
    ? base.metrics
    : file.metrics && { ...file.metrics, served: file.metrics.served ?? [] };
  return defined({
    name,
    healthPath: file.healthPath ?? base.healthPath,
    metrics: metrics || undefined,
  });
}
