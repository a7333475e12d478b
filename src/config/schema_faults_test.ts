import { expectProblems } from "../testing/bad_config.ts";

const MODELS = "models: {a: {deployment: x}}";

Deno.test("parseConfig() points at what the schema refuses in `server`", () => {
  const table: [string, string][] = [
    ["listen: ▸8080", "'8080' is not host:port: write e.g. 0.0.0.0:8080 or [::]:8080"],
    [
      "listen: ▸0.0.0.0:70000",
      "'0.0.0.0:70000' is not host:port: write e.g. 0.0.0.0:8080 or [::]:8080",
    ],
    ["operator: ▸true", "must be host:port, or false"],
    ["▸operator: [a]", "must be host:port, or false"],
    ["drainTimeout: ▸60", "'60' needs a unit: write 60ms, 60s, 60m or 60h"],
    ["drainTimeout: ▸never", "'never' is not allowed here: write a duration, e.g. 90s or 5m"],
    ["▸drainTimeout: [60s]", "must be text, not a list"],
    ["bodyTimeout: ▸0s", "must be longer than zero"],
    ["bodyMax: ▸64", "'64' needs a unit: write 64KiB, 64MiB or 64GiB"],
    ["bodyMax: ▸64M", "'64M' is not a size: write e.g. 64MiB, 512KiB or 1GB"],
    ["bodyMax: ▸0KiB", "must be larger than zero"],
    ["cors: ▸yes", "must be true, false or a list of origins"],
    [
      "cors: [▸'*']",
      "'*' is not an origin: write https://app.example.com, or 'cors: true' for every origin",
    ],
    [
      "cors: [▸https://a.example/]",
      "'https://a.example/' is not an origin: write https://a.example",
    ],
    [
      "trustedProxies: [▸10.0.0.1]",
      "'10.0.0.1' is not a CIDR: write e.g. 10.0.0.0/8, or 10.0.0.1/32 for one address",
    ],
    [
      "trustedProxies: [▸10.0.0.0/33]",
      "'10.0.0.0/33' is not a CIDR: write e.g. 10.0.0.0/8, or 10.0.0.1/32 for one address",
    ],
    ["logLevel: ▸warning", "must be one of debug, info, warn, error -> warn"],
    ["▸logFormat:", "must be one of auto, text, json"],
    ["▸listen:", "no value here: write one, or remove the key"],
    ["▸drainTimout: 5s", "unknown key 'drainTimout' -> drainTimeout"],
    [
      "▸idleTimeout: 5m",
      "unknown key 'idleTimeout': it belongs below 'defaults' or an entry of 'models'",
    ],
    ["keys: [{▸key: abc}]", "'name' is missing here"],
    [
      "keys: [{name: a, keySha256: ▸abc}]",
      `must be 64 hexadecimal digits: the SHA-256 of the key (printf %s "$KEY" | sha256sum)`,
    ],
    ["keys: [{name: a, key: ▸''}]", "must not be empty"],
    ["keys: [{name: a, key: b, operator: ▸1}]", "must be true or false, not the number 1"],
    ["▸keys: {name: a}", "must be a list, not a mapping"],
  ];
  for (const [line, message] of table) {
    expectProblems(`server:\n  ${line}\n${MODELS}`, [message]);
  }
});

Deno.test("parseConfig() points at what the schema refuses in a model", () => {
  const table: [string, string][] = [
    [
      "deployment: ▸Vllm",
      "must be [namespace/]name of a Kubernetes object: small letters, digits, '-' and '.'",
    ],
    [
      "deployment: ▸a/b/c",
      "must be [namespace/]name of a Kubernetes object: small letters, digits, '-' and '.'",
    ],
    ["deployment: x\n    service: ▸x:70000", "there is no port 70000"],
    [
      "deployment: x\n    service: ▸http://x",
      "must be [namespace/]name[:port] of a Service, e.g. ai-apps/vllm:8000",
    ],
    ["deployment: x\n    replicas: ▸0", "must be at least 1"],
    ["deployment: x\n    replicas: ▸1.5", "must be a whole number, not the number 1.5"],
    ["deployment: x\n    pendingMax: ▸many", "must be a number, not text"],
    ["deployment: x\n    pendingMax: ▸10000000", "must be at most 1000000"],
    ["deployment: x\n    idleTimeout: ▸0s", "must be longer than zero"],
    [
      "deployment: x\n    idleTimeout: ▸5 minutes",
      "'5 minutes' is not a duration: write e.g. 500ms, 90s, 5m or 1h30m",
    ],
    ["deployment: x\n    enabled: ▸'yes'", "must be true or false, not text"],
    ["deployment: x\n    aliases: [▸a b]", "a model's name has 1 to 256 characters and no spaces"],
    ["deployment: x\n    aliases: ▸gpt", "must be a list, not text"],
    [
      "deployment: x\n    upstreamKeyEnv: ▸$KEY",
      "must be the name of an environment variable, e.g. UPSTREAM_KEY (without '$')",
    ],
    [
      "deployment: x\n    engine: ▸vlm",
      "must be vllm, sglang, llama.cpp, tgi, ollama, openai, or a mapping -> vllm",
    ],
    ["deployment: x\n    engine: {▸health: /x}", "unknown key 'health' -> healthPath"],
    ["deployment: x\n    engine: {▸metrics: {path: /m}}", "'busy' is missing here"],
    ["deployment: x\n    engine: {metrics: {▸busy: []}}", "must not be an empty list"],
    ["deployment: x\n    engine: {metrics: {busy: [▸a b]}}", "must be a Prometheus metric's name"],
    [
      "deployment: x\n    engine: {healthPath: ▸health}",
      "must be a path that begins with '/', without '?' and '#'",
    ],
    ["▸workload: {apiVersion: v1, kind: Pod}", "'name' is missing here"],
  ];
  for (const [lines, message] of table) {
    expectProblems(`models:\n  a:\n    ${lines}\n`, [message]);
  }
});

Deno.test("parseConfig() points at what the schema refuses in what is scaled", () => {
  const table: [string, string][] = [
    [
      "workload: {apiVersion: ▸x, kind: A, name: b}",
      "must be group/version, e.g. leaderworkerset.x-k8s.io/v1",
    ],
    ["process: {command: ▸vllm serve}", "must be a list, not text"],
    ["process: {▸command: []}", "must not be an empty list"],
    [
      "process: {command: [a, '${PORT}'], env: {▸A B: c}}",
      "must be an environment variable's name",
    ],
    ["external: ▸false\n    upstream: http://x", "must be true, or left out"],
    [
      "external: true\n    upstream: ▸host:8000",
      "must be a base URL, e.g. http://host:8000 or https://host/prefix",
    ],
    [
      "external: true\n    upstream: ▸http://me:pass@host",
      "must not hold a user or password: use 'upstreamKeyFile' or 'upstreamKeyEnv'",
    ],
    [
      "external: true\n    upstream: ▸http://host/?a=b",
      "must not hold '?' or '#': it is what paths are added to",
    ],
  ];
  for (const [lines, message] of table) {
    expectProblems(`models:\n  a:\n    ${lines}\n`, [message]);
  }
});

Deno.test("parseConfig() points at what the schema refuses elsewhere", () => {
  const table: [string, string][] = [
    ["kubernetes: ▸x\nmodels: {a: {deployment: x}}", "must be a mapping, not text"],
    [
      "kubernetes: {namespace: ▸A}\nmodels: {a: {deployment: x}}",
      "must be a Kubernetes namespace: small letters, digits and '-'",
    ],
    ["▸server: {}", "'models' is missing here"],
    ["▸model: {}\nmodels: {a: {deployment: x}}", "unknown key 'model' -> models"],
    ["models:\n  ▸a b: {deployment: x}", "a model's name has 1 to 256 characters and no spaces"],
    ["models:\n  ▸a:", "no value here: write one, or remove the key"],
    [
      "models: {a: {deployment: x}}\nroutes: [{path: ▸embed, model: a}]",
      "must be a path that begins with '/', without '?' and '#'",
    ],
    [
      "models: {a: {deployment: x}}\nroutes: [{path: ▸/a/*, model: a}]",
      "must not hold '//', '.', '..' or '*': a route is a plain prefix",
    ],
    ["models: {a: {deployment: x}}\nroutes: [{▸path: /}]", "'model' is missing here"],
    [
      "models: {a: {deployment: x}}\nroutes: [{path: /, host: ▸'a:80', model: a}]",
      "must be a host's name without a port, e.g. embed.example.com",
    ],
  ];
  for (const [marked, message] of table) expectProblems(marked, [message]);
});
