import { expect } from "expect";
import { OPTIONS } from "../testing/bad_config.ts";
import { ENGINES } from "./engines.ts";
import { parseConfig } from "./parse.ts";
import type { Config, ModelSpec } from "./spec.ts";

function configOf(text: string): Config {
  const result = parseConfig(text, OPTIONS);
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  return result.config;
}

function modelOf(lines: string, defaults = "{}"): ModelSpec {
  return configOf(`defaults: ${defaults}\nmodels:\n  m: { ${lines} }\n`).models[0]!;
}

Deno.test("parseConfig() fills in every default of the smallest file", () => {
  expect(configOf("models:\n  qwen3-8b:\n    deployment: vllm-qwen3-8b\n")).toEqual({
    server: {
      listen: { hostname: "0.0.0.0", port: 8080 },
      operator: { hostname: "127.0.0.1", port: 9090 },
      drainTimeoutMs: 60_000,
      shutdownDelayMs: 5_000,
      bodyMax: 64 * 1024 ** 2,
      bodyTimeoutMs: 30_000,
      bufferedMax: 512 * 1024 ** 2,
      cors: true,
      trustedProxies: [],
      keys: [],
      logLevel: "info",
      logFormat: "auto",
    },
    kubernetes: { namespace: "", kubeconfig: "", context: "" },
    models: [{
      name: "qwen3-8b",
      aliases: [],
      adapters: [],
      scale: { kind: "deployment", name: "vllm-qwen3-8b" },
      idleTimeoutMs: 300_000,
      coldStartTimeoutMs: 600_000,
      unschedulableGraceMs: 120_000,
      retryAfterMaxMs: 300_000,
      pendingMax: 512,
      inFlightMax: 0,
      pendingTimeoutMs: 60_000,
      responseTimeoutMs: 600_000,
      earlyHeadersAfterMs: 10_000,
      keepAliveIntervalMs: 10_000,
      keepAliveJson: false,
      connectTimeoutMs: 2_000,
      enabled: true,
      engine: ENGINES.vllm,
    }],
    routes: [],
  });
});

Deno.test("parseConfig() reads each thing that can be scaled", () => {
  expect(modelOf("deployment: ai/x").scale).toEqual({
    kind: "deployment",
    namespace: "ai",
    name: "x",
  });
  expect(modelOf("statefulSet: x").scale).toEqual({ kind: "statefulSet", name: "x" });
  const workload = "apiVersion: a.b/v1, kind: Big, namespace: ai, name: x";
  expect(modelOf(`workload: { ${workload} }`).scale).toEqual({
    kind: "workload",
    apiVersion: "a.b/v1",
    workloadKind: "Big",
    namespace: "ai",
    name: "x",
  });
  const local = modelOf(`process: { command: [run, "\${PORT}"], cwd: ../models }`);
  expect(local.scale).toEqual({
    kind: "process",
    command: ["run", "${PORT}"],
    env: {},
    cwd: "/etc/models",
    stopGraceMs: 30_000,
  });
  expect(local.upstream).toBe("http://127.0.0.1:${PORT}");
  const external = modelOf("external: true, upstream: https://x/v1/", "{ idleTimeout: 1m }");
  expect(external).toMatchObject({
    scale: { kind: "external" },
    upstream: "https://x/v1",
    idleTimeoutMs: Infinity,
  });
});

Deno.test("parseConfig() reads Services with and without namespace and port", () => {
  const service = (text: string) => modelOf(`deployment: x, service: "${text}"`).service;
  expect(service("s")).toEqual({ name: "s" });
  expect(service("ai/s:8000")).toEqual({ namespace: "ai", name: "s", port: 8000 });
  expect(service("s:http-1")).toEqual({ name: "s", port: "http-1" });
});

Deno.test("parseConfig() lets a model say otherwise than `defaults`", () => {
  const defaults = "{ idleTimeout: 1h, replicas: 3, enabled: false, upstreamKeyFile: k }";
  expect(modelOf("deployment: x", defaults)).toMatchObject({
    idleTimeoutMs: 3_600_000,
    replicas: 3,
    enabled: false,
    upstreamKeyFile: "/etc/gateway/k",
  });
  const own = modelOf("deployment: x, idleTimeout: never, enabled: true, replicas: 1", defaults);
  expect(own).toMatchObject({ idleTimeoutMs: Infinity, enabled: true, replicas: 1 });
  expect(modelOf(`deployment: x, upstreamKeyFile: ""`, defaults)).not.toHaveProperty(
    "upstreamKeyFile",
  );
});

Deno.test("parseConfig() lets a model's own upstream key replace either of the default ones", () => {
  const result = parseConfig(
    "defaults: { upstreamKeyFile: k }\nmodels: { m: { deployment: x, upstreamKeyEnv: KEY } }",
    { ...OPTIONS, env: { KEY: "v" } },
  );
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  expect(result.config.models[0]).toMatchObject({ upstreamKeyEnv: "KEY" });
  expect(result.config.models[0]).not.toHaveProperty("upstreamKeyFile");
});

Deno.test("parseConfig() reads engines by name, changed and described", () => {
  const engine = (text: string) => modelOf(`deployment: x, engine: ${text}`).engine;
  expect(engine("ollama")).toEqual({ name: "ollama", healthPath: "/" });
  expect(engine("{ name: vllm, healthPath: /up }")).toEqual({ ...ENGINES.vllm, healthPath: "/up" });
  expect(engine("{ name: vllm, metrics: false }")).toEqual({ name: "vllm", healthPath: "/health" });
  expect(engine("{}")).toEqual({ name: "custom", healthPath: "/health" });
  expect(engine("{ name: triton, healthPath: /v2, metrics: { busy: [a] } }")).toEqual({
    name: "triton",
    healthPath: "/v2",
    metrics: { path: "/metrics", busy: ["a"], served: [] },
  });
});

Deno.test("parseConfig() brings paths, hosts, digests and files to one form", () => {
  const { server, kubernetes, routes } = configOf(`
server: { keys: [{ name: a, keyFile: k, keySha256: ${"A".repeat(64)} }] }
kubernetes: { kubeconfig: sub/config }
models: { m: { deployment: x, upstream: https://x, upstreamCaFile: /ca.pem } }
routes: [{ path: /other/, model: m }, { path: /embed/, host: A.Example, model: m }]
`);
  expect(server.keys).toEqual([{
    name: "a",
    keyFile: "/etc/gateway/k",
    keySha256: "a".repeat(64),
    operator: false,
    inFlightMax: 0,
  }]);
  expect(kubernetes.kubeconfig).toBe("/etc/gateway/sub/config");
  expect(routes).toEqual([
    { path: "/other", model: "m", stripPrefix: true },
    { path: "/embed", host: "a.example", model: "m", stripPrefix: true },
  ]);
});
