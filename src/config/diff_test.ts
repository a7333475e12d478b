import { expect } from "expect";
import fc from "fast-check";
import { stringify } from "yaml";
import { OPTIONS } from "../testing/bad_config.ts";
import { configFile } from "../testing/valid_config.ts";
import { type ConfigDiff, diffConfig } from "./diff.ts";
import { parseConfig } from "./parse.ts";
import type { Config } from "./spec.ts";

function configOf(text: string): Config {
  const result = parseConfig(text, OPTIONS);
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  return result.config;
}

const NOTHING: ConfigDiff = {
  added: [],
  removed: [],
  changed: [],
  routesChanged: false,
  serverChanged: false,
  restartNeeded: [],
};

const BASE = `server: { listen: 0.0.0.0:80, logLevel: info }
kubernetes: { namespace: ai }
models:
  a: { deployment: a }
  b: { deployment: b, upstream: http://b, engine: sglang }
routes: [{ path: /, model: a }]
`;

Deno.test("diffConfig() tells what a new config changes, and no more", () => {
  const table: [string, string, Partial<ConfigDiff>][] = [
    ["a: { deployment: a }", "a: { deployment: a } # same", {}],
    ["  b: {", "  c: { deployment: c }\n  b: {", { added: ["c"] }],
    ["  b: {", "  c: {", { added: ["c"], removed: ["b"] }],
    ["{ deployment: a }", "{ deployment: z }", { changed: [{ name: "a", targetChanged: true }] }],
    ["http://b", "http://b:1", { changed: [{ name: "b", targetChanged: true }] }],
    ["sglang", "vllm", { changed: [{ name: "b", targetChanged: true }] }],
    ["{ deployment: a }", "{ deployment: a, idleTimeout: 1h }", {
      changed: [{ name: "a", targetChanged: false }],
    }],
    ["{ deployment: a }", "{ deployment: a, aliases: [x] }", {
      changed: [{ name: "a", targetChanged: false }],
    }],
    ["{ deployment: a }", "{ deployment: a, replicas: 2 }", {
      changed: [{ name: "a", targetChanged: true }],
    }],
    ["path: /", "path: /x", { routesChanged: true }],
    ["logLevel: info", "logLevel: warn", { serverChanged: true }],
    ["0.0.0.0:80", "0.0.0.0:81", { restartNeeded: ["server.listen"] }],
    ["logLevel: info", "operator: false", { restartNeeded: ["server.operator"] }],
    ["namespace: ai", "namespace: b, context: c", {
      restartNeeded: ["kubernetes.namespace", "kubernetes.context"],
    }],
  ];
  for (const [from, to, want] of table) {
    expect(BASE).toContain(from);
    const diff = diffConfig(configOf(BASE), configOf(BASE.replace(from, to)));
    expect([to, diff]).toEqual([to, { ...NOTHING, ...want }]);
  }
});

Deno.test("diffConfig() finds nothing between a config and itself, all between it and nothing", () => {
  fc.assert(
    fc.property(configFile, (file) => {
      const config = configOf(stringify(file));
      expect(diffConfig(config, configOf(stringify(file)))).toEqual(NOTHING);
      const empty = { ...config, models: [] };
      const names = config.models.map((model) => model.name);
      expect(diffConfig(empty, config)).toEqual({ ...NOTHING, added: names });
      expect(diffConfig(config, empty)).toEqual({ ...NOTHING, removed: names });
    }),
    { numRuns: 30 },
  );
});
