/** A {@link Config} back to the file's notation, to be read by people and by the program again. */
import { formatDuration } from "../lib/duration.ts";
import { formatSize } from "../lib/size.ts";
import { formatAddress } from "./address.ts";
import { SECRET_NAME } from "./problem.ts";
import type { Config, KeySpec, ModelSpec, ProcessSpec, ScaleSpec } from "./spec.ts";

export const MASK = "********";

export interface PrintOptions {
  /** `mask` (the default) hides keys, and what looks like one in a process's command and env. */
  readonly secrets?: "mask" | "keep";
}

/** Plain data in the shape of the config file, every default written out. */
export function printConfig(config: Config, options: PrintOptions = {}): Record<string, unknown> {
  const mask = options.secrets !== "keep";
  const { server } = config;
  return withoutUndefined({
    server: {
      listen: formatAddress(server.listen),
      operator: server.operator && formatAddress(server.operator),
      drainTimeout: formatDuration(server.drainTimeoutMs),
      shutdownDelay: formatDuration(server.shutdownDelayMs),
      bodyMax: formatSize(server.bodyMax),
      bodyTimeout: formatDuration(server.bodyTimeoutMs),
      bufferedMax: formatSize(server.bufferedMax),
      cors: server.cors,
      trustedProxies: server.trustedProxies,
      keys: server.keys.map((key) => printKey(key, mask)),
      logLevel: server.logLevel,
      logFormat: server.logFormat,
    },
    kubernetes: escaped(config.kubernetes),
    models: Object.fromEntries(
      config.models.map((model) => [model.name, printModel(model, mask)]),
    ),
    routes: escaped(config.routes),
  }) as Record<string, unknown>;
}

function printKey(key: KeySpec, mask: boolean): unknown {
  return escaped({ ...key, key: key.key === undefined || !mask ? key.key : MASK });
}

function printModel(model: ModelSpec, mask: boolean): unknown {
  const { service } = model;
  const external = model.scale.kind === "external";
  return {
    ...escaped({
      aliases: model.aliases,
      adapters: model.adapters,
      upstreamModel: model.upstreamModel,
    }) as object,
    ...printScale(model.scale, mask),
    service: service &&
      object(service) + (service.port === undefined ? "" : `:${service.port}`),
    upstream: escape(model.upstream, model.scale.kind === "process"),
    ...escaped({
      upstreamCaFile: model.upstreamCaFile,
      upstreamKeyFile: model.upstreamKeyFile,
      upstreamKeyEnv: model.upstreamKeyEnv,
    }) as object,
    replicas: model.replicas,
    idleTimeout: external ? undefined : formatDuration(model.idleTimeoutMs),
    coldStartTimeout: formatDuration(model.coldStartTimeoutMs),
    unschedulableGrace: formatDuration(model.unschedulableGraceMs),
    retryAfterMax: formatDuration(model.retryAfterMaxMs),
    pendingMax: model.pendingMax,
    inFlightMax: model.inFlightMax,
    pendingTimeout: formatDuration(model.pendingTimeoutMs),
    responseTimeout: formatDuration(model.responseTimeoutMs),
    earlyHeadersAfter: formatDuration(model.earlyHeadersAfterMs),
    keepAliveInterval: formatDuration(model.keepAliveIntervalMs),
    keepAliveJson: model.keepAliveJson,
    connectTimeout: formatDuration(model.connectTimeoutMs),
    enabled: model.enabled,
    engine: printEngine(model),
  };
}

/** An engine without metrics says so: else its name would bring back those of that name. */
function printEngine({ engine }: ModelSpec): unknown {
  const { metrics } = engine;
  // A list may be shorter than one entry only where the key is left out.
  const served = metrics?.served.length === 0 ? undefined : metrics?.served;
  return { ...escaped(engine) as object, metrics: metrics ? { ...metrics, served } : false };
}

function printScale(scale: ScaleSpec, mask: boolean): Record<string, unknown> {
  switch (scale.kind) {
    case "deployment":
    case "statefulSet":
      return { [scale.kind]: object(scale) };
    case "workload": {
      const { kind: _, workloadKind, ...rest } = scale;
      return { workload: { ...rest, kind: workloadKind } };
    }
    case "process":
      return { process: printProcess(scale, mask) };
    case "external":
      return { external: true };
  }
}

function printProcess({ command, env, cwd, stopGraceMs }: ProcessSpec, mask: boolean): unknown {
  const hidden = (name: string, value: string) =>
    mask && SECRET_NAME.test(name) ? MASK : escape(value, true);
  return {
    command: command.map((argument, i) => {
      const [, flag] = /^(--?[\w-]+)=/.exec(argument) ?? [];
      if (flag && mask && SECRET_NAME.test(flag)) return `${flag}=${MASK}`;
      const before = command[i - 1] ?? "";
      return before.startsWith("-") ? hidden(before, argument) : escape(argument, true);
    }),
    env: Object.fromEntries(
      Object.entries(env).map(([name, value]) => [name, hidden(name, value)]),
    ),
    cwd: escape(cwd, false),
    stopGrace: formatDuration(stopGraceMs),
  };
}

function object({ namespace, name }: { namespace?: string; name: string }): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** A `${` that is text must not be read as a reference again. */
function escape(text: string | undefined, keepPort: boolean): string | undefined {
  return text?.replace(
    /\$\{(PORT\})?/g,
    (found, port?: string) => keepPort && port ? found : `$${found}`,
  );
}

function escaped(value: unknown): unknown {
  if (typeof value === "string") return escape(value, false);
  if (Array.isArray(value)) return value.map(escaped);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, escaped(part)]));
}

function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, part]) => part !== undefined)
      .map(([key, part]) => [key, withoutUndefined(part)]),
  );
}
