import { expect } from "expect";
import { parse } from "yaml";
import * as z from "zod";
import { OPTIONS } from "../testing/bad_config.ts";
import { jsonSchemaText, SCHEMA_FILE } from "./json_schema.ts";
import { parseConfig } from "./parse.ts";
import { configSchema } from "./schema.ts";
import { alternatives, below, keysAt } from "./schema_walk.ts";

const ROOT = new URL("../../", import.meta.url);
const EXAMPLE = "config.example.yaml";
const read = (name: string) => Deno.readTextFileSync(new URL(name, ROOT));

interface Json {
  readonly [key: string]: unknown;
}

/** Every schema within `schema`. */
function* within(schema: unknown): Generator<Json> {
  if (typeof schema !== "object" || schema === null) return;
  if (!Array.isArray(schema)) yield schema as Json;
  for (const part of Object.values(schema)) yield* within(part);
}

Deno.test("config.schema.json is what the program's own schema says", () => {
  // Refused? `vllm-autoscaler schema > config.schema.json`
  expect(read(SCHEMA_FILE)).toBe(jsonSchemaText());
});

Deno.test("config.schema.json describes every key", () => {
  const bare = [...within(JSON.parse(jsonSchemaText()))]
    .filter((schema) => schema.type === "object" && "properties" in schema)
    .flatMap((schema) => Object.entries(schema.properties as Record<string, Json>))
    .filter(([, schema]) => !schema.description);
  expect(bare.map(([key]) => key)).toEqual([]);
});

Deno.test("config.schema.json takes the example, and refuses what the program refuses", () => {
  const json = JSON.parse(jsonSchemaText(), (_key, value) => {
    // zod reads no schema that only says which keys must be there; those are looked at below.
    if (value?.properties) {
      delete value.oneOf;
      delete value.anyOf;
    }
    return value;
  });
  const schema = z.fromJSONSchema(json);
  const takes = (file: unknown) => schema.safeParse(file).success;
  expect(takes(parse(read(EXAMPLE)))).toBe(true);
  const model = (rest: Json) => ({ models: { a: { deployment: "x", ...rest } } });
  expect(takes(model({ idleTimeout: "1h30m", pendingMax: 3 }))).toBe(true);
  expect(takes(model({ idleTimeout: "${IDLE:-5m}", pendingMax: "${MAX}" }))).toBe(true);
  expect(takes(model({ idleTimeout: 30 }))).toBe(false);
  expect(takes(model({ idleTimeout: "30" }))).toBe(false);
  expect(takes(model({ idleTimout: "30s" }))).toBe(false);
  expect(takes(model({ pendingMax: 0 }))).toBe(false);
  expect(takes(model({ engine: "vlm" }))).toBe(false);
  expect(takes({})).toBe(false);
});

Deno.test("config.schema.json wants exactly one thing that is scaled", () => {
  const json = JSON.parse(jsonSchemaText());
  expect(json.$schema).toBe("https://json-schema.org/draft/2020-12/schema");
  expect(json.properties.models.additionalProperties.oneOf.map((one: Json) => one.required))
    .toEqual(
      [["deployment"], ["statefulSet"], ["workload"], ["process"], ["external"]],
    );
});

Deno.test("config.example.yaml is valid, for editors too", () => {
  expect(read(EXAMPLE).split("\n")[0]).toBe("# yaml-language-server: $schema=./config.schema.json");
  const result = parseConfig(read(EXAMPLE), { ...OPTIONS, file: EXAMPLE });
  expect("problems" in result ? result.problems : []).toEqual([]);
  expect(result.warnings).toEqual([]);
});

Deno.test("config.example.yaml holds every key, with its default and a comment", () => {
  const text = read(EXAMPLE);
  const root = alternatives(configSchema);
  const example = parse(text);
  const empty = configSchema.parse({ models: {} });
  for (const section of ["server", "kubernetes", "defaults"] as const) {
    expect(example[section]).toEqual(empty[section]);
    for (const key of Object.keys(example[section])) {
      expect(text).toMatch(new RegExp(`^ +${key}: .+ # \\w`, "m"));
    }
  }
  const model = below(below(root, "models"), "any");
  const places = [
    root,
    ...keysAt(root).flatMap((key) => [below(root, key), below(below(root, key), 0)]),
    below(below(below(root, "server"), "keys"), 0),
    ...["workload", "process", "engine"].map((key) => below(model, key)),
    below(below(model, "engine"), "metrics"),
  ];
  for (const key of new Set(places.flatMap(keysAt))) {
    const lines = text.split("\n").filter((line) => new RegExp(`^[ #-]*${key}:`).test(line));
    if (lines.length === 0 && NAMED_ONLY.has(key)) expect(text).toMatch(new RegExp(`\\b${key}\\b`));
    else expect([key, lines.length > 0]).toEqual([key, true]);
  }
});

/** Beside `keyFile`, whose comment names them. */
const NAMED_ONLY = new Set(["key", "keySha256", "keyEnv"]);
