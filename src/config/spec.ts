/**
 * The validated configuration as the rest of the program sees it: defaults filled in, durations in
 * milliseconds, sizes in bytes, names resolved. Nothing below `config/` reads YAML.
 */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface Config {
  readonly server: ServerSpec;
  readonly kubernetes: KubernetesSpec;
  readonly models: readonly ModelSpec[];
  /** In file order; `gateway/routes.ts` decides which wins. */
  readonly routes: readonly RouteSpec[];
  /** There is no file: one model, which every name means. */
  readonly dropIn?: true;
}

export interface ServerSpec {
  readonly listen: Address;
  /** `false`: no operator surface. */
  readonly operator: Address | false;
  readonly drainTimeoutMs: number;
  readonly shutdownDelayMs: number;
  readonly bodyMax: number;
  readonly bodyTimeoutMs: number;
  readonly bufferedMax: number;
  /** `true`: every origin. */
  readonly cors: boolean | readonly string[];
  /** CIDRs. */
  readonly trustedProxies: readonly string[];
  readonly keys: readonly KeySpec[];
  readonly logLevel: LogLevel;
  readonly logFormat: "auto" | "text" | "json";
}

export interface Address {
  readonly hostname: string;
  readonly port: number;
}

/** One client key, or several that mean the same: each source that is set opens; `models` undefined means all. */
export interface KeySpec {
  readonly name: string;
  readonly key?: string;
  /** Absolute, as every path here. */
  readonly keyFile?: string;
  /** Lower-case hex. */
  readonly keySha256?: string;
  readonly keyEnv?: string;
  readonly models?: readonly string[];
  readonly operator: boolean;
  /** Requests of this key at once; 0: no limit. */
  readonly inFlightMax: number;
}

export interface KubernetesSpec {
  readonly namespace: string;
  readonly kubeconfig: string;
  readonly context: string;
}

export interface RouteSpec {
  /** Without a trailing slash, `/` for the default route. */
  readonly path: string;
  readonly host?: string;
  readonly model: string;
  readonly stripPrefix: boolean;
}

export interface ModelSpec {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly adapters: readonly string[];
  /** The name the upstream wants; undefined: `name`, and then only an alias is renamed. */
  readonly upstreamModel?: string;
  readonly scale: ScaleSpec;
  readonly service?: ServiceSpec;
  /** One fixed base URL without a trailing slash; always set for a process and an external model. */
  readonly upstream?: string;
  readonly upstreamCaFile?: string;
  readonly upstreamKeyFile?: string;
  readonly upstreamKeyEnv?: string;
  readonly replicas?: number;
  /** `Infinity`: never put to sleep. */
  readonly idleTimeoutMs: number;
  readonly coldStartTimeoutMs: number;
  readonly unschedulableGraceMs: number;
  readonly retryAfterMaxMs: number;
  readonly pendingMax: number;
  /** 0: no limit. */
  readonly inFlightMax: number;
  readonly pendingTimeoutMs: number;
  readonly responseTimeoutMs: number;
  /** `Infinity`: never. */
  readonly earlyHeadersAfterMs: number;
  readonly keepAliveIntervalMs: number;
  readonly keepAliveJson: boolean;
  readonly connectTimeoutMs: number;
  readonly enabled: boolean;
  readonly engine: EngineSpec;
}

export type ScaleSpec =
  | { readonly kind: "deployment"; readonly namespace?: string; readonly name: string }
  | { readonly kind: "statefulSet"; readonly namespace?: string; readonly name: string }
  | {
    readonly kind: "workload";
    readonly apiVersion: string;
    readonly workloadKind: string;
    readonly namespace?: string;
    readonly name: string;
  }
  | ProcessSpec
  | { readonly kind: "external" };

/** A local child; `${PORT}` in `command`, `env` and the model's `upstream` is its port. */
export interface ProcessSpec {
  readonly kind: "process";
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Absolute: the file's `cwd` is relative to the config file's folder. */
  readonly cwd: string;
  readonly stopGraceMs: number;
}

export interface ServiceSpec {
  readonly namespace?: string;
  readonly name: string;
  /** The Service's port, by number or name; undefined: its first. */
  readonly port?: number | string;
}

/** What differs between inference servers. */
export interface EngineSpec {
  readonly name: string;
  readonly healthPath: string;
  /** Undefined: the engine has no metrics and our own count decides. */
  readonly metrics?: EngineMetricsSpec;
}

export interface EngineMetricsSpec {
  readonly path: string;
  /** Gauges whose sum is the number of requests running and waiting. */
  readonly busy: readonly string[];
  /** Counters that move when a request is served. */
  readonly served: readonly string[];
}
