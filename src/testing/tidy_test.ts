import { expect } from "expect";
import { type Source, tidyFaults } from "./tidy.ts";

/** What is not part of the repository: see .gitignore. */
const SKIPPED = new Set([".git", "node_modules", ".venv", "dist", "coverage", "config.yaml"]);

async function* readSources(root: URL, folder = ""): AsyncIterable<Source> {
  for await (const { name, isDirectory, isFile } of Deno.readDir(new URL(folder, root))) {
    const path = folder + name;
    if (SKIPPED.has(name)) continue;
    if (isDirectory) yield* readSources(root, `${path}/`);
    if (isFile) yield { path, text: await Deno.readTextFile(new URL(path, root)) };
  }
}

Deno.test("tidyFaults() finds nothing in this tree", async () => {
  const sources = await Array.fromAsync(readSources(new URL("../../", import.meta.url)));
  expect(sources.map(({ path }) => path)).toEqual(expect.arrayContaining([
    "deno.json",
    "src/testing/tidy.ts",
    ".ci/run",
  ]));
  expect(tidyFaults(sources)).toEqual([]);
});

const HEADER = "/** One idea. */\n";

/** The faults of a tree that holds `text` at `path`, and the file that a test there would test. */
function faultsOf(path: string, text: string): string[] {
  const tested = { path: "src/lib/size.ts", text: HEADER };
  return tidyFaults([tested, { path, text }]);
}

Deno.test("tidyFaults() accepts a plain file and its test", () => {
  expect(faultsOf("src/lib/nearest.ts", `${HEADER}export const a = 1;\n`)).toEqual([]);
  expect(faultsOf("tools/demo.ts", `#!/usr/bin/env deno\n${HEADER}`)).toEqual([]);
  expect(faultsOf("src/lib/size_test.ts", 'import {\n  a,\n} from "./size.ts";\n')).toEqual([]);
  expect(faultsOf("tests/clients/run_test.ts", "Deno.cwd();\n")).toEqual([]);
});

Deno.test("tidyFaults() names what is wrong with a file's name", () => {
  for (const name of ["utils.ts", "helpers.ts", "types.ts", "mod.ts", "index.ts"]) {
    expect(faultsOf(`src/lib/${name}`, HEADER)).toEqual([
      `src/lib/${name}:1: name the file after its idea`,
    ]);
  }
  expect(faultsOf("src/lib/ghost_test.ts", "")).toEqual([
    "src/lib/ghost_test.ts:1: src/lib/ghost.ts is missing; a test stands beside the file it tests",
  ]);
});

Deno.test("tidyFaults() names what is wrong with a file's text", () => {
  expect(faultsOf("src/lib/a.ts", "export const a = 1;\n")).toEqual([
    "src/lib/a.ts:1: begin with a comment that says what this file is",
  ]);
  expect(faultsOf("src/lib/a.ts", HEADER + "//\n".repeat(299))).toEqual([]);
  expect(faultsOf("src/lib/a_b.ts", HEADER + "//\n".repeat(300))).toEqual([
    "src/lib/a_b.ts:301: at most 300 lines; a file is one idea",
  ]);
  for (const text of ['export * from "./b.ts";', 'export {\n  b,\n} from "./b.ts";']) {
    expect(faultsOf("src/lib/a.ts", HEADER + text)).toEqual([
      expect.stringContaining("without a barrel"),
    ]);
  }
});

Deno.test("tidyFaults() finds what only one machine or one reader knows", () => {
  for (const words of [["", "work", "x"], ["", "root", ".npm"], ["see shared", "design.md"]]) {
    expect(faultsOf("docs/A.md", `first\n${words.join("/")}\n`)).toEqual([
      expect.stringMatching(/^docs\/A\.md:2: /),
    ]);
  }
  const host = ["https://registry", "npmjs", "org"].join(".");
  expect(faultsOf("deno.lock", host)).toEqual([expect.stringContaining("npm's business")]);
});

Deno.test("tidyFaults() names the offending edge, the ambient name and the long function", () => {
  expect(faultsOf("src/gateway/a.ts", `${HEADER}import "../targets/get.ts";\n`)).toEqual([
    expect.stringContaining(
      "src/gateway/a.ts:2: src/gateway/a.ts must not import ../targets/get.ts",
    ),
  ]);
  const told = `${HEADER}// deno-lint-ignore house/ambient\nDeno.cwd();\n`;
  expect(faultsOf("src/lib/a.ts", told)).toEqual([
    expect.stringContaining("src/lib/a.ts:3: Only src/platform, src/cli and main.ts may name Deno"),
  ]);
  const long = `${HEADER}export function f() {\n${"f();\n".repeat(70)}}\n`;
  expect(faultsOf("src/lib/a.ts", long)).toEqual([
    expect.stringContaining("src/lib/a.ts:2: This function has 72 lines"),
  ]);
});

Deno.test("tidyFaults() finds a second version of Deno", () => {
  const named = (version: string) => `npx -y deno@${version} task test\n`;
  const run = { path: ".ci/run", text: named("1.2.3") };
  expect(tidyFaults([run, { path: "README.md", text: named("1.2.3") }])).toEqual([]);
  expect(tidyFaults([run, { path: "README.md", text: `\n${named("1.2.4")}` }])).toEqual([
    "README.md:2: Deno 1.2.4, but 1.2.3 at .ci/run:1",
  ]);
});
