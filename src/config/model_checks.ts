/** What the models say that fits no single key: names, what is scaled, where requests go. */
import { unsetVariable } from "./unset_variable.ts";
import { parseDuration } from "../lib/duration.ts";
import type { Check, CheckContext, LooseModel } from "./check.ts";
import { OBJECT_PATTERN } from "./fields.ts";
import { SCALE_KEYS } from "./model_schema.ts";

type ScaleKey = (typeof SCALE_KEYS)[number];

function models({ file }: CheckContext): [string, LooseModel][] {
  return Object.entries(file.models ?? {}).map(([name, model]) => [name, model ?? {}]);
}

export const someModel: Check = ({ file, fault }) => {
  if (file.models && Object.keys(file.models).length === 0) {
    fault("key", ["models"], "no model here: name at least one");
  }
};

/** Names, aliases and adapters are one space: a client's `model` must mean one thing. */
export const uniqueNames: Check = (context) => {
  const owner = new Map(models(context).map(([name]) => [name, name]));
  for (const [name, model] of models(context)) {
    for (const key of ["aliases", "adapters"] as const) {
      model[key]?.forEach((other, i) => {
        if (other === undefined) return;
        const path = ["models", name, key, i];
        const taken = owner.get(other);
        if (taken === undefined) owner.set(other, name);
        else if (taken === other) context.fault("value", path, `'${other}' is a model's own name`);
        else context.fault("value", path, `'${other}' is a name of model '${taken}' already`);
      });
    }
  }
};

export const oneScaleTarget: Check = (context) => {
  for (const [name, model] of models(context)) {
    if (context.file.models?.[name] === undefined) continue;
    const [first, ...more] = SCALE_KEYS.filter((key) => key in model);
    if (first === undefined) {
      context.fault(
        "key",
        ["models", name],
        `model '${name}' does not say what is scaled: write one of ${SCALE_KEYS.join(", ")}`,
      );
    }
    for (const key of more) {
      context.fault("key", ["models", name, key], `'${key}' beside '${first}': keep one of them`);
    }
  }
};

/** Keys that mean nothing beside how the model is scaled. */
const MEANINGLESS: Record<ScaleKey, Partial<Record<keyof LooseModel, string>>> = {
  deployment: {},
  statefulSet: {},
  workload: {},
  process: {
    service: "a process has no Service: its address is 'upstream'",
    replicas: "a process has no replicas",
  },
  external: {
    idleTimeout: "an external model is never put to sleep",
    replicas: "an external model has no replicas",
    service: "an external model has no Service: its address is 'upstream'",
  },
};

export const fittingKeys: Check = (context) => {
  for (const [name, model] of models(context)) {
    const scale = SCALE_KEYS.filter((key) => key in model);
    for (const [key, why] of Object.entries(scale.length === 1 ? MEANINGLESS[scale[0]!] : {})) {
      if (key in model) context.fault("key", ["models", name, key], `${why}: remove '${key}'`);
    }
    if ("external" in model && !("upstream" in model)) {
      context.fault("key", ["models", name, "external"], "an external model needs 'upstream'");
    }
    if ("service" in model && "upstream" in model && !("process" in model || "external" in model)) {
      context.fault("key", ["models", name, "upstream"], "'upstream' beside 'service': keep one");
    }
    const fixed = "upstream" in model ? model.upstream : "http:";
    if (model.upstreamCaFile && fixed?.startsWith("http:")) {
      context.fault(
        "key",
        ["models", name, "upstreamCaFile"],
        "'upstreamCaFile' is only for an https:// upstream",
      );
    }
  }
};

export const reachableProcesses: Check = (context) => {
  for (const [name, { process, upstream }] of models(context)) {
    if (!process?.command || upstream && !upstream.includes("${PORT}")) continue;
    const texts = [...process.command, ...Object.values(process.env ?? {})];
    if (texts.some((text) => text?.includes("${PORT}"))) continue;
    context.warn(
      "key",
      ["models", name, "process"],
      "nothing tells the process its port: put ${PORT} into 'command' or 'env', " +
        "or name a fixed port in 'upstream'",
    );
  }
};

export const upstreamKeys: Check = (context) => {
  const sections: [string[], LooseModel][] = models(context)
    .map(([name, model]) => [["models", name], model]);
  if (context.file.defaults) sections.push([["defaults"], context.file.defaults]);
  for (const [path, { upstreamKeyFile, upstreamKeyEnv }] of sections) {
    if (upstreamKeyFile && upstreamKeyEnv) {
      const message = "'upstreamKeyEnv' beside 'upstreamKeyFile': keep one of them";
      context.fault("key", [...path, "upstreamKeyEnv"], message);
    }
    if (upstreamKeyEnv && !context.env[upstreamKeyEnv]) {
      const message = unsetVariable(upstreamKeyEnv, context.env);
      context.fault("value", [...path, "upstreamKeyEnv"], message);
    }
  }
};

/** Two models that scale one thing would put it to sleep under each other. */
export const ownWorkloads: Check = (context) => {
  const owner = new Map<string, string>();
  for (const [name, model] of models(context)) {
    for (const key of ["deployment", "statefulSet", "workload"] as const) {
      const id = workloadId(model, key, context.file.kubernetes?.namespace);
      if (id === undefined) continue;
      const taken = owner.get(id);
      if (taken === undefined) owner.set(id, name);
      else {
        context.fault(
          "value",
          ["models", name, key],
          `model '${taken}' scales this ${id.split("/")[1]} already: make '${name}' an alias of it`,
        );
      }
    }
  }
};

/** `group/kind/namespace/name` in small letters. */
function workloadId(
  { deployment, statefulSet, workload }: LooseModel,
  key: "deployment" | "statefulSet" | "workload",
  fallback = "",
): string | undefined {
  if (key === "workload") {
    if (!workload?.apiVersion || !workload.kind || !workload.name) return undefined;
    const group = workload.apiVersion.split("/").at(-2) ?? "";
    const namespace = workload.namespace || fallback;
    return [group, workload.kind.toLowerCase(), namespace, workload.name].join("/");
  }
  const [, namespace = fallback, name] =
    OBJECT_PATTERN.exec((key === "deployment" ? deployment : statefulSet) ?? "") ?? [];
  return name && ["apps", key.toLowerCase(), namespace, name].join("/");
}

/** Shorter than this, a model is stopped between two requests of one conversation. */
const IDLE_TIMEOUT_MIN_MS = 30_000;

export const longIdleTimeouts: Check = (context) => {
  const check = (path: string[], idleTimeout: string | undefined) => {
    if (!idleTimeout || parseDuration(idleTimeout, { never: true }) >= IDLE_TIMEOUT_MIN_MS) return;
    context.warn(
      "value",
      [...path, "idleTimeout"],
      `an idleTimeout of ${idleTimeout} is shorter than 30s: the model may start again and again`,
    );
  };
  check(["defaults"], context.file.defaults?.idleTimeout);
  for (const [name, model] of models(context)) check(["models", name], model.idleTimeout);
};
