import { expect } from "expect";
import { OPTIONS } from "../testing/bad_config.ts";
import { parseConfig } from "./parse.ts";
import { maskLine, type Problem, renderProblem, toProblems } from "./problem.ts";

const PROBLEM: Problem = {
  file: "config.yaml",
  line: 12,
  column: 5,
  length: 11,
  message: "unknown key 'idleTimeOut'",
  sourceLine: "    idleTimeOut: 5m",
  nearest: "idleTimeout",
};

Deno.test("renderProblem() shows the place, the line and what was meant", () => {
  expect(renderProblem(PROBLEM)).toBe(
    `error: unknown key 'idleTimeOut'
  --> config.yaml:12:5
   |
12 |     idleTimeOut: 5m
   |     ^^^^^^^^^^^ did you mean 'idleTimeout'?`,
  );
});

Deno.test("renderProblem() colours and names warnings when told", () => {
  const shown = renderProblem(PROBLEM, { severity: "warning", colour: true });
  expect(shown).toContain("\x1b[33;1mwarning\x1b[0m");
  // deno-lint-ignore no-control-regex
  expect(shown.replace(/\x1b\[[\d;]*m/g, "")).toBe(
    renderProblem(PROBLEM).replace("error", "warning"),
  );
});

Deno.test("renderProblem() keeps the caret under its word behind tabs and in long lines", () => {
  const tabbed = renderProblem({ ...PROBLEM, sourceLine: "a:\t\tidle: 5m", column: 5, length: 4 });
  expect(tabbed.split("\n").slice(3).map((line) => line.slice(5))).toEqual([
    "a:\t\tidle: 5m",
    "  \t\t^^^^ did you mean 'idleTimeout'?",
  ]);
  const line = `${"a".repeat(500)}XX${"b".repeat(500)}`;
  const [shown, carets] = renderProblem({ ...PROBLEM, sourceLine: line, column: 501, length: 2 })
    .split("\n").slice(3);
  expect(shown!.length).toBeLessThan(140);
  expect(shown!.indexOf("XX")).toBe(carets!.indexOf("^^"));
});

Deno.test("renderProblem() lets no escape sequence through", () => {
  const evil = "\x1b[2J\u202e";
  const shown = renderProblem({ ...PROBLEM, sourceLine: evil, message: evil, nearest: evil });
  // deno-lint-ignore no-control-regex
  expect(shown).not.toMatch(/\x1b|\u202e/);
});

Deno.test("maskLine() hides secrets and moves no column", () => {
  const table: [string, string][] = [
    ["  - { name: a, key: sk-123, models: [] }", "  - { name: a, key: ******, models: [] }"],
    ['{"key":"a,b","name":"x"}', '{"key":*****,"name":"x"}'],
    ["key: 'a b' # c", "key: ***** # c"],
    ["HF_TOKEN: hf_abc", "HF_TOKEN: ******"],
    ["DB_PASSWORD:   x y", "DB_PASSWORD:   ***"],
    ["command: [a, --api-key, sk-1]", "command: [a, --api-key, ****]"],
    ["command: [a, --api-key=sk-1]", "command: [a, --api-key=****]"],
    ['key: "${KEY}"', 'key: "${KEY}"'],
    ["key:", "key:"],
    ["monkey: { deployment: x }", "monkey: { deployment: x }"],
    ["keys: [{ key: a }]", "keys: [{ key: **}]"],
    ["keyFile: /a/b", "keyFile: /a/b"],
    ["keySha256: abc", "keySha256: abc"],
  ];
  for (const [line, want] of table) expect(maskLine(line)).toBe(want);
});

Deno.test("toProblems() tells each fault once, in the file's order, with its line", () => {
  const text = "a: 1\nbc: 2\r\nd";
  const at = (start: number, end: number) => ({ place: { start, end }, message: "m" });
  const told = toProblems("f", text, [at(12, 40), at(5, 7), at(5, 7), at(99, 100), at(0, 9)]);
  expect(told.map((p) => [p.line, p.column, p.length, p.sourceLine])).toEqual([
    [1, 1, 4, "a: 1"],
    [2, 1, 2, "bc: 2"],
    [3, 1, 1, "d"],
    [3, 2, 1, "d"],
  ]);
});

Deno.test("parseConfig() tells everything at once: YAML, environment, schema and checks", () => {
  const text = `server:
  drainTimeout: 60
  keys:
    - { name: team-a, key: sk-secret, model: [qwen] }
defaults:
  idleTimeOut: 5m
  upstreamModel: "\${NOPE}"
models:
  qwen: { deployment: vllm, aliases: [gpt] }
  qwen: { deployment: vllm }
  big: { deployment: vllm, aliases: [gpt] }
routes:
  - { path: /embed, model: qwenn }
`;
  const result = parseConfig(text, OPTIONS);
  const problems = "problems" in result ? result.problems : [];
  expect(problems.map((p) => [p.line, p.column, p.message, p.nearest ?? ""])).toEqual([
    [2, 17, "'60' needs a unit: write 60ms, 60s, 60m or 60h", ""],
    [4, 39, "unknown key 'model'", "models"],
    [6, 3, "unknown key 'idleTimeOut'", "idleTimeout"],
    [7, 3, "unknown key 'upstreamModel': it belongs below an entry of 'models'", ""],
    [
      7,
      19,
      "environment variable NOPE is not set: set it, or write ${NOPE:-default}",
      "",
    ],
    [10, 3, "'qwen' is here twice: remove one", ""],
    [11, 22, "model 'qwen' scales this deployment already: make 'big' an alias of it", ""],
    [11, 38, "'gpt' is a name of model 'qwen' already", ""],
    [13, 28, "there is no model 'qwenn'", "qwen"],
  ]);
  expect(problems[1]!.sourceLine).toBe("    - { name: team-a, key: *********, model: [qwen] }");
});
