/** What `server`, its keys and `routes` say that fits no single key. */
import { unsetVariable } from "./unset_variable.ts";
import { nearest } from "../lib/nearest.ts";
import { formatSize, parseSize } from "../lib/size.ts";
import { formatAddress, isLoopback, parseAddress } from "./address.ts";
import type { Check, CheckContext } from "./check.ts";
import { SERVER_DEFAULTS } from "./defaults.ts";
import type { Path } from "./yaml_tree.ts";

const KEY_SOURCES = ["key", "keyFile", "keySha256", "keyEnv"] as const;

export const routesToModels: Check = (context) => {
  context.file.routes?.forEach((route, i) =>
    modelExists(context, ["routes", i, "model"], route?.model)
  );
};

export const keysForModels: Check = (context) => {
  context.file.server?.keys?.forEach((key, i) =>
    key?.models?.forEach((name, j) =>
      modelExists(context, ["server", "keys", i, "models", j], name)
    )
  );
};

function modelExists({ file, fault }: CheckContext, path: Path, name: string | undefined): void {
  if (name === undefined || file.models === undefined || Object.hasOwn(file.models, name)) return;
  const models = Object.entries(file.models);
  const [owner] =
    models.find(([, model]) => model?.aliases?.includes(name) || model?.adapters?.includes(name)) ??
      [];
  if (owner !== undefined) {
    return fault("value", path, `'${name}' is another name of a model: write its own`, owner);
  }
  fault("value", path, `there is no model '${name}'`, nearest(name, Object.keys(file.models)));
}

export const uniqueRoutes: Check = ({ file, line, fault }) => {
  const seen = new Map<string, number>();
  file.routes?.forEach((route, i) => {
    if (route?.path === undefined || ("host" in route && route.host === undefined)) return;
    const id = `${route.host?.toLowerCase() ?? ""} ${trimPath(route.path)}`;
    const first = seen.get(id);
    if (first === undefined) seen.set(id, i);
    else {
      const message = `this route is on line ${line(["routes", first])} already`;
      fault("value", ["routes", i, "path"], message);
    }
  });
};

/** Without trailing slashes; `/` stays. */
export function trimPath(path: string): string {
  return path.replace(/\/+$/, "") || "/";
}

export const usableKeys: Check = (context) => {
  const names = new Set<string>();
  const values = new Set<string>();
  context.file.server?.keys?.forEach((key, i) => {
    if (!key) return;
    const path = ["server", "keys", i];
    if (!KEY_SOURCES.some((source) => source in key)) {
      context.fault("key", path, `a key needs one of ${KEY_SOURCES.join(", ")}`);
    }
    if (key.name !== undefined && names.has(key.name)) {
      context.fault("value", [...path, "name"], `there is a key '${key.name}' already`);
    }
    if (key.name !== undefined) names.add(key.name);
    if (key.key !== undefined && values.has(key.key)) {
      context.fault("value", [...path, "key"], "another entry has the same key");
    }
    if (key.key !== undefined) values.add(key.key);
    if (key.keyEnv === "") context.fault("value", [...path, "keyEnv"], "must name a variable");
    else if (key.keyEnv !== undefined && !context.env[key.keyEnv]) {
      const message = unsetVariable(key.keyEnv, context.env);
      context.fault("value", [...path, "keyEnv"], message);
    }
    if (key.models?.length === 0 && key.operator !== true) {
      context.warn("key", [...path, "models"], "an empty list: the key opens nothing");
    }
  });
};

export const roomForOneBody: Check = ({ file, fault }) => {
  const { bodyMax = SERVER_DEFAULTS.bodyMax, bufferedMax = SERVER_DEFAULTS.bufferedMax } =
    file.server ?? {};
  if (parseSize(bodyMax) <= parseSize(bufferedMax)) return;
  const key = file.server?.bufferedMax === undefined ? "bodyMax" : "bufferedMax";
  fault(
    "value",
    ["server", key],
    `bodyMax (${formatSize(parseSize(bodyMax))}) is larger than ` +
      `bufferedMax (${formatSize(parseSize(bufferedMax))}): no such body could be held`,
  );
};

export const addresses: Check = ({ file, fault, warn }) => {
  const { listen = SERVER_DEFAULTS.listen, operator = SERVER_DEFAULTS.operator } = file.server ??
    {};
  if (operator === false) return;
  const a = parseAddress(listen);
  const b = parseAddress(operator);
  const key = file.server?.operator === undefined ? "listen" : "operator";
  if (a.port === b.port && a.port !== 0 && overlap(a.hostname, b.hostname)) {
    fault("value", ["server", key], `'listen' and 'operator' are both on port ${a.port}`);
  }
  if (!isLoopback(b.hostname) && !file.server?.keys?.some((entry) => entry?.operator === true)) {
    warn(
      "value",
      ["server", "operator"],
      `only /metrics, /livez and /readyz will be open on ${formatAddress(b)}: ` +
        "for the rest give a key 'operator: true'",
    );
  }
};

function overlap(a: string, b: string): boolean {
  const all = ["0.0.0.0", "::"];
  return a === b || all.includes(a) || all.includes(b);
}
