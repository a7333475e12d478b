import { expectProblems, expectWarnings } from "../testing/bad_config.ts";

Deno.test("parseConfig() takes one thing to scale a model, and only what fits it", () => {
  const table: [string, string][] = [
    ["▸models: {}", "no model here: name at least one"],
    [
      "models:\n  ▸a: {idleTimeout: 5m}",
      "model 'a' does not say what is scaled: write one of deployment, statefulSet, workload, process, external",
    ],
    [
      "models:\n  a: {deployment: x, ▸statefulSet: x}",
      "'statefulSet' beside 'deployment': keep one of them",
    ],
    ["models:\n  a: {▸external: true}", "an external model needs 'upstream'"],
    [
      "models:\n  a: {external: true, upstream: http://x, ▸idleTimeout: 5m}",
      "an external model is never put to sleep: remove 'idleTimeout'",
    ],
    [
      "models:\n  a: {external: true, upstream: http://x, ▸replicas: 2}",
      "an external model has no replicas: remove 'replicas'",
    ],
    [
      "models:\n  a: {process: {command: [a, '${PORT}']}, ▸service: x}",
      "a process has no Service: its address is 'upstream': remove 'service'",
    ],
    [
      "models:\n  a: {process: {command: [a, '${PORT}']}, ▸replicas: 1}",
      "a process has no replicas: remove 'replicas'",
    ],
    [
      "models:\n  a: {deployment: x, service: x, ▸upstream: http://x}",
      "'upstream' beside 'service': keep one",
    ],
    [
      "models:\n  a: {deployment: x, ▸upstreamCaFile: ca.pem}",
      "'upstreamCaFile' is only for an https:// upstream",
    ],
    [
      "models:\n  a: {deployment: x, upstreamKeyFile: f, ▸upstreamKeyEnv: KEY}",
      "'upstreamKeyEnv' beside 'upstreamKeyFile': keep one of them",
    ],
  ];
  for (const [marked, message] of table) expectProblems(marked, [message], { KEY: "k" });
});

Deno.test("parseConfig() takes a name only once", () => {
  const table: [string, string][] = [
    ["a: {deployment: x, aliases: [▸b]}\n  b: {deployment: y}", "'b' is a model's own name"],
    ["a: {deployment: x, aliases: [▸a]}", "'a' is a model's own name"],
    [
      "a: {deployment: x, aliases: [c]}\n  b: {deployment: y, aliases: [▸c]}",
      "'c' is a name of model 'a' already",
    ],
    [
      "a: {deployment: x, aliases: [c]}\n  b: {deployment: y, adapters: [▸c]}",
      "'c' is a name of model 'a' already",
    ],
    ["a: {deployment: x, adapters: [c, ▸c]}", "'c' is a name of model 'a' already"],
  ];
  for (const [models, message] of table) expectProblems(`models:\n  ${models}\n`, [message]);
});

Deno.test("parseConfig() lets one model scale a workload", () => {
  const already = "model 'a' scales this deployment already: make 'b' an alias of it";
  const table: [string, string][] = [
    ["a: {deployment: x}\n  b: {deployment: ▸x}", already],
    ["a: {deployment: x}\n  b: {deployment: ▸ai/x}", already],
    [
      "a: {deployment: x}\n  b: {▸workload: {apiVersion: apps/v1, kind: Deployment, name: x}}",
      already,
    ],
    [
      "a: {statefulSet: q/x}\n  b: {statefulSet: ▸q/x}",
      "model 'a' scales this statefulset already: make 'b' an alias of it",
    ],
  ];
  for (const [models, message] of table) {
    expectProblems(`kubernetes: {namespace: ai}\nmodels:\n  ${models}\n`, [message]);
  }
  const apart = "a: {deployment: x}\n  b: {statefulSet: x}\n  c: {deployment: other/x}";
  expectWarnings(`models:\n  ${apart}\n`, []);
});

Deno.test("parseConfig() warns of what works but is hardly meant", () => {
  const table: [string, string][] = [
    [
      "a: {deployment: x, idleTimeout: ▸29s}",
      "an idleTimeout of 29s is shorter than 30s: the model may start again and again",
    ],
    [
      "a: {▸process: {command: [vllm, serve]}}",
      "nothing tells the process its port: put ${PORT} into 'command' or 'env', or name a fixed port in 'upstream'",
    ],
  ];
  for (const [models, message] of table) expectWarnings(`models:\n  ${models}\n`, [message]);
  expectWarnings("defaults: {idleTimeout: ▸5s}\nmodels: {a: {deployment: x}}", [
    "an idleTimeout of 5s is shorter than 30s: the model may start again and again",
  ]);
  const fine = [
    "a: {deployment: x, idleTimeout: 30s}",
    "a: {deployment: x, idleTimeout: never}",
    "a: {process: {command: [a], env: {PORT: '${PORT}'}}}",
    "a: {process: {command: [a]}, upstream: http://127.0.0.1:9000}",
  ];
  for (const models of fine) expectWarnings(`models:\n  ${models}\n`, []);
});
