import { expect } from "expect";
import fc from "fast-check";
import { OPTIONS } from "../testing/bad_config.ts";
import { parseConfig } from "./parse.ts";
import { renderProblem } from "./problem.ts";

const EXAMPLE = Deno.readTextFileSync(new URL("../../config.example.yaml", import.meta.url));

/** What breaks YAML, types, names and references, put anywhere. */
const piece = fc.oneof(
  fc.constantFrom(..."{}[]:-#&*!|>'\"%@`,\n\t\r ${}~", "${X}", "$${", "<<: *a", "&a ", "*a", "? "),
  fc.constantFrom("null", "- ", "\n---\n", ": 1", "\n  x: 1\n", "never", "__proto__: 1", "\u0000"),
  fc.string({ maxLength: 5 }),
);

Deno.test("parseConfig() answers any text, with places that are in it", () => {
  const broken = fc.array(fc.tuple(fc.nat(EXAMPLE.length), fc.nat(12), piece), {
    minLength: 1,
    maxLength: 4,
  }).map((edits) =>
    edits.reduce((text, [at, cut, put]) => text.slice(0, at) + put + text.slice(at + cut), EXAMPLE)
  );
  fc.assert(
    fc.property(fc.oneof(broken, fc.string()), (text) => {
      const result = parseConfig(text, OPTIONS);
      const lines = text.split("\n");
      if ("problems" in result) expect(result.problems.length).toBeGreaterThan(0);
      const all = [...("problems" in result ? result.problems : []), ...result.warnings];
      for (const problem of all) {
        expect(problem.column).toBeLessThanOrEqual((lines[problem.line - 1] ?? "").length + 1);
        expect(renderProblem(problem).split("\n")).toHaveLength(5);
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("parseConfig() takes models that are called like what every object has", () => {
  const names = ["constructor", "toString", "hasOwnProperty", "valueOf"];
  const models = names.map((name) => `  ${name}: { deployment: ${name.toLowerCase()} }`);
  const routes = names.map((name, i) => `  - { path: /${i}, model: ${name} }`);
  const text = `models:\n${models.join("\n")}\nroutes:\n${routes.join("\n")}\n`;
  const result = parseConfig(text, OPTIONS);
  expect("config" in result && result.config.models.map((model) => model.name)).toEqual(names);
});
