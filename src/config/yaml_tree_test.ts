import { expect } from "expect";
import { expectProblems, expectWarnings, OPTIONS } from "../testing/bad_config.ts";
import { parseConfig } from "./parse.ts";
import { readTree, TEXT_MAX } from "./yaml_tree.ts";

Deno.test("parseConfig() points at what is no YAML", () => {
  const table: [string, string][] = [
    [
      "models:\n  a: {deployment: x▸",
      "Flow map in block collection must be sufficiently indented and end with a }",
    ],
    ["models:\n  a: ▸b: c", "a second ':' on this line: put the value in quotes"],
    ["models:\n▸\ta: 1", "tabs cannot indent YAML: use spaces"],
    [
      "models: {a: {deployment: x}}\n▸---\nb: 1",
      "only one YAML document is read: remove this '---' and what follows",
    ],
    ["models: ▸@x", "Plain value cannot start with reserved character @"],
    ["models:\n  a: ▸!vault x", "Unresolved tag: !vault: tags have no meaning here"],
    ["models:\n  a: {deployment: ▸${X}}", "within { } or [ ], put '${…}' in quotes"],
    ["models: {a: ▸*base}", "no anchor '&base' stands before this alias"],
    ["models: &m\n  a: ▸*m", "no anchor '&m' stands before this alias"],
    ["models:\n  ▸[a]: {deployment: x}\n  b: {deployment: y}", "a key must be a plain word"],
    ["models:\n  a: {deployment: x, <<: {▸__proto__: {}}}", "'__proto__' cannot be a key"],
    ["models:\n  a: {deployment: x}\n  ▸a: {deployment: y}", "'a' is here twice: remove one"],
    ["models:\n  1: {deployment: x}\n  ▸'1': {deployment: y}", "'1' is here twice: remove one"],
    ["models:\n  a: {deployment: x, ▸<<: 3}", "'<<' takes a mapping or a list of mappings"],
    ["▸", "the file is empty: name at least one model below 'models:'"],
    ["▸# only this\n", "the file is empty: name at least one model below 'models:'"],
    ["▸just words", "must be a mapping, not text"],
    ["▸- a\n- b", "must be a mapping, not a list"],
    ["▸" + "[".repeat(5000), "too deeply nested"],
    ["▸" + "#".repeat(TEXT_MAX + 1), "the file is larger than 1 MiB"],
  ];
  for (const [marked, message] of table) {
    if (marked.length > 5000) expect(readTree(marked.slice(1)).faults[0]!.message).toBe(message);
    else expectProblems(marked, [message]);
  }
});

Deno.test("readTree() refuses aliases that expand to more than a file may hold", () => {
  const level = (i: number) => `l${i}: &l${i} [${Array(10).fill(`*l${i - 1}`).join(", ")}]`;
  const bomb = ["l0: &l0 [x]", ...Array.from({ length: 9 }, (_, i) => level(i + 1))].join("\n");
  expect(readTree(bomb)).toEqual({
    faults: [{ place: { start: 0, end: 1 }, message: "aliases expand to more than 100000 values" }],
  });
});

Deno.test("parseConfig() follows anchors, aliases and merge keys", () => {
  const text = `
defaults: &base { idleTimeout: 7m, pendingMax: 3 }
models:
  a: &a
    <<: [{ replicas: 4 }, { replicas: 5, inFlightMax: 6 }]
    deployment: x
    pendingMax: 9
  b: { <<: *a, deployment: y }
  c: { <<: *base, deployment: z, idleTimeout: 8m }
`;
  const result = parseConfig(text, OPTIONS);
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  const [a, b, c] = result.config.models;
  expect([a?.replicas, a?.inFlightMax, a?.pendingMax]).toEqual([4, 6, 9]);
  expect([b?.replicas, b?.inFlightMax, b?.pendingMax]).toEqual([4, 6, 9]);
  expect([c?.idleTimeoutMs, c?.pendingMax]).toEqual([480_000, 3]);
});

Deno.test("parseConfig() points into the anchor that an alias brought in", () => {
  expectProblems(
    "models:\n  a: { deployment: x, ▸replica: &r ▸0 }\n  b: { deployment: y, replicas: *r }",
    ["unknown key 'replica' -> replicas", "must be at least 1"],
  );
});

Deno.test("parseConfig() takes a model's name as it is written", () => {
  const result = parseConfig(
    "models: {7: {deployment: a}, 1.0: {deployment: b}, true: {deployment: c}, 7b: {deployment: d}}",
    OPTIONS,
  );
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  expect(result.config.models.map((model) => model.name).sort()).toEqual([
    "1.0",
    "7",
    "7b",
    "true",
  ]);
});

Deno.test("parseConfig() takes scalars without quotes as text where only text can stand", () => {
  const text = `models:
  a:
    process: { command: [run, 1.50, true, 0x1F, "\${PORT}"], env: { DEBUG: 1, SEED: 007 } }
    upstreamModel: 3.10
    aliases: [8]
`;
  const result = parseConfig(text, OPTIONS);
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  const [model] = result.config.models;
  expect(model?.scale).toMatchObject({
    command: ["run", "1.50", "true", "0x1F", "${PORT}"],
    env: { DEBUG: "1", SEED: "007" },
  });
  expect([model?.upstreamModel, model?.aliases]).toEqual(["3.10", ["8"]]);
});

Deno.test("parseConfig() counts lines and columns in files from Windows, with a BOM or with JSON", () => {
  expectProblems("models:\r\n  a:\r\n    deployment: x\r\n    ▸idleTimout: 5m\r\n", [
    "unknown key 'idleTimout' -> idleTimeout",
  ]);
  expectProblems('{"models": {"a": {"deployment": "x", ▸"idleTimout": "5m"}}}', [
    "unknown key 'idleTimout' -> idleTimeout",
  ]);
  expectWarnings("\ufeffmodels: {a: {deployment: x}}", []);
});
