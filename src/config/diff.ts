/** What a new config changes, so that a reload touches nothing else. */
import type { Config, ModelSpec } from "./spec.ts";

export interface ModelChange {
  readonly name: string;
  /** Its scale target must be made anew; otherwise the change is one of limits and names. */
  readonly targetChanged: boolean;
}

export interface ConfigDiff {
  /** Names of models, here and below. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly ModelChange[];
  readonly routesChanged: boolean;
  /** `server`, but for what needs a restart. */
  readonly serverChanged: boolean;
  /** Keys whose new value waits for a restart, e.g. `server.listen`. */
  readonly restartNeeded: readonly string[];
}

/** What a scale target is made of. */
const TARGET_KEYS = [
  "scale",
  "service",
  "upstream",
  "upstreamCaFile",
  "replicas",
  "unschedulableGraceMs",
  "connectTimeoutMs",
  "engine",
] as const satisfies readonly (keyof ModelSpec)[];

const SERVER_RESTART_KEYS = ["listen", "operator"] as const;
const KUBERNETES_KEYS = ["namespace", "kubeconfig", "context"] as const;

export function diffConfig(old: Config, now: Config): ConfigDiff {
  const before = new Map(old.models.map((model) => [model.name, model]));
  const after = new Map(now.models.map((model) => [model.name, model]));
  return {
    added: [...after.keys()].filter((name) => !before.has(name)),
    removed: [...before.keys()].filter((name) => !after.has(name)),
    changed: [...after.values()].flatMap((model) => {
      const was = before.get(model.name);
      if (!was || same(was, model)) return [];
      const targetChanged = TARGET_KEYS.some((key) => !same(was[key], model[key]));
      return [{ name: model.name, targetChanged }];
    }),
    routesChanged: !same(old.routes, now.routes),
    serverChanged: !same(reloadable(old), reloadable(now)),
    restartNeeded: [
      ...SERVER_RESTART_KEYS
        .filter((key) => !same(old.server[key], now.server[key]))
        .map((key) => `server.${key}`),
      ...KUBERNETES_KEYS
        .filter((key) => old.kubernetes[key] !== now.kubernetes[key])
        .map((key) => `kubernetes.${key}`),
    ],
  };
}

function reloadable({ server }: Config): unknown {
  const keys: readonly string[] = SERVER_RESTART_KEYS;
  return Object.fromEntries(Object.entries(server).filter(([key]) => !keys.includes(key)));
}

/** Equal as plain data; the order of keys counts nothing, that of lists does. */
function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  return [...keys].every((key) =>
    same((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key])
  );
}
