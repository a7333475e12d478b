/**
 * Every default of the config file, in the file's own notation, and nowhere else: the schema, the JSON
 * Schema and the docs take them from here.
 */
import type * as z from "zod";
import type { EngineName } from "./engines.ts";

export const SERVER_DEFAULTS = {
  listen: "0.0.0.0:8080",
  operator: "127.0.0.1:9090",
  drainTimeout: "60s",
  shutdownDelay: "5s",
  bodyMax: "64MiB",
  bodyTimeout: "30s",
  bufferedMax: "512MiB",
  cors: true,
  trustedProxies: [],
  keys: [],
  logLevel: "info",
  logFormat: "auto",
} as const;

export const KEY_DEFAULTS = { operator: false, inFlightMax: 0 } as const;

export const KUBERNETES_DEFAULTS = { namespace: "", kubeconfig: "", context: "" } as const;

/** `replicas` has none: a model wakes to what it had before it slept, else to 1. */
export const MODEL_DEFAULTS = {
  idleTimeout: "5m",
  coldStartTimeout: "10m",
  unschedulableGrace: "2m",
  retryAfterMax: "5m",
  pendingMax: 512,
  inFlightMax: 0,
  pendingTimeout: "60s",
  responseTimeout: "10m",
  earlyHeadersAfter: "10s",
  keepAliveInterval: "10s",
  keepAliveJson: false,
  connectTimeout: "2s",
  upstreamCaFile: "",
  upstreamKeyFile: "",
  upstreamKeyEnv: "",
  enabled: true,
  engine: "vllm" satisfies EngineName,
} as const;

export const PROCESS_DEFAULTS = { cwd: ".", stopGrace: "30s" } as const;

/** Where a process listens that does not say. */
export const PROCESS_UPSTREAM = "http://127.0.0.1:${PORT}";

export const ROUTE_DEFAULTS = { stripPrefix: true } as const;

export const ENGINE_DEFAULTS = { name: "custom", healthPath: "/health" } as const;

export const METRICS_DEFAULTS = { path: "/metrics" } as const;

type WithDefaults<S extends z.ZodRawShape, D> = {
  [K in keyof S]: K extends keyof D ? z.ZodDefault<S[K]> : S[K];
};

/** `shape`, its keys optional that `defaults` names; the others stay as they are. */
export function withDefaults<S extends z.ZodRawShape, D extends object>(
  shape: S,
  defaults: D,
): WithDefaults<S, D> {
  const entries = Object.entries(shape).map(([key, schema]) => {
    if (!Object.hasOwn(defaults, key)) return [key, schema];
    const field = schema as z.ZodType;
    const value = defaults[key as keyof D];
    return [key, field.default(value).describe(field.description ?? "")];
  });
  return Object.fromEntries(entries);
}
