import { expect } from "expect";
import plugin, { FUNCTION_LINES_MAX } from "./lint_plugin.ts";

/** What the rules say to `source`, were it the file at `path`. */
function lint(path: string, source: string): string[] {
  return Deno.lint.runPlugin(plugin, path, source).map(({ id, message }) =>
    `${id.replace("house/", "")}: ${message}`
  );
}

function ambientNames(source: string, path = "src/gateway/send.ts"): string[] {
  return lint(path, source).map((fault) => /may name (.+):/.exec(fault)?.[1] ?? fault);
}

Deno.test("ambient finds every name of the world", () => {
  const uses: [string, string][] = [
    ["Deno.cwd()", "Deno"],
    ["let s: Deno.Conn", "Deno"],
    ["fetch('http://a')", "fetch"],
    ["send({ fetch })", "fetch"],
    ["type F = typeof fetch", "fetch"],
    ["setTimeout(f, 1)", "setTimeout"],
    ["const t: ReturnType<typeof setInterval> = 1", "setInterval"],
    ["Date.now()", "Date.now"],
    ["Date['now']()", "Date.now"],
    ["new Date()", "the current Date"],
    ["Date()", "the current Date"],
    ["performance.now()", "performance"],
    ["Math.random()", "Math.random"],
    ["crypto.randomUUID()", "crypto.randomUUID"],
    ["crypto.getRandomValues(a)", "crypto.getRandomValues"],
    ["AbortSignal.timeout(1)", "AbortSignal.timeout"],
    ["console.log(1)", "console"],
    ["globalThis.fetch(u)", "globalThis"],
    ["process.env.HOME", "process"],
    ["new WebSocket(u)", "WebSocket"],
  ];
  for (const [source, name] of uses) {
    expect([source, ambientNames(source)]).toEqual([source, [name]]);
  }
});

Deno.test("ambient lets what is given, and what only computes, be used", () => {
  const sources = [
    "function f(fetch: Fetch) { return fetch(u); }",
    "const f = ({ fetch }: Ports) => fetch(u);",
    "const f = ({ fetch = mine, ...rest }) => [fetch(u), rest];",
    "const { a: { fetch }, b: [console] } = ports; fetch(u); console.log(1);",
    "class A { constructor(readonly fetch: Fetch) { fetch(u); } }",
    "class A { #fetch; fetch() { return this.#fetch(u); } performance = 1; }",
    "import { fetch } from './ports.ts'; fetch(u);",
    "import * as console from './console.ts'; console.log(1);",
    "import { console as log } from './console.ts'; log(1);",
    "for (const process of processes) process.kill();",
    "try { f(); } catch (fetch) { g(fetch); }",
    "interface Ports { fetch: Fetch; setTimeout(f: F): void }",
    "type Send = (fetch: Fetch) => void;",
    "ports.fetch(u); ports.Deno.cwd(); ({ fetch: mine, console: 1 });",
    "new Date(ms); Date.parse(s); Math.max(1, 2); crypto.subtle; new AbortController();",
    "queueMicrotask(f); clearTimeout(t); function process(a) { process(a); }",
  ];
  for (const source of sources) expect([source, ambientNames(source)]).toEqual([source, []]);
});

Deno.test("ambient knows where a binding ends", () => {
  expect(ambientNames("{ const fetch = mine; fetch(u); } fetch(v);")).toEqual(["fetch"]);
  expect(ambientNames("const f = (fetch) => fetch(u); fetch(v);")).toEqual(["fetch"]);
  expect(ambientNames("const f = (send = fetch) => send(u);")).toEqual(["fetch"]);
});

Deno.test("ambient lets the platform, the commands and tests name the world", () => {
  const source = "console.log(Deno.cwd(), Date.now());";
  for (
    const path of [
      "main.ts",
      "src/cli/serve.ts",
      "src/platform/clock.ts",
      "src/gateway/send_test.ts",
      "src/testing/small_world.ts",
      "tools/gate.ts",
    ]
  ) expect([path, ambientNames(source, path)]).toEqual([path, []]);
  expect(ambientNames(source, "src/app.ts")).toEqual(["console", "Deno", "Date.now"]);
});

Deno.test("layers names the edge and what to do", () => {
  expect(lint("src/gateway/send.ts", "import { a } from '../targets/process/process_target.ts';"))
    .toEqual([
      "layers: src/gateway/send.ts must not import ../targets/process/process_target.ts: " +
      "the gateway asks src/activator for a permit and never learns what is scaled",
    ]);
});

Deno.test("layers sees every form of import", () => {
  for (
    const source of [
      "import '../gateway/send.ts';",
      "import type { A } from '../gateway/send.ts';",
      "export { a } from '../gateway/send.ts';",
      "export * from '../gateway/send.ts';",
      "const a = await import('../gateway/send.ts');",
      "let a: import('../gateway/send.ts').A;",
    ]
  ) {
    expect(lint("src/activator/activation.ts", source)).toEqual([
      expect.stringContaining("src/gateway stands above src/activator"),
    ]);
  }
});

Deno.test("function-length counts the lines of any kind of function", () => {
  const body = (lines: number) => "f();\n".repeat(lines - 2);
  for (const [head, tail] of [["function f() {", "}"], ["g(async () => {", "})"]] as const) {
    const source = (lines: number) => `${head}\n${body(lines)}${tail}`;
    expect(lint("src/lib/size.ts", source(FUNCTION_LINES_MAX))).toEqual([]);
    expect(lint("src/lib/size_test.ts", source(FUNCTION_LINES_MAX + 1))).toEqual([
      "function-length: This function has 71 lines, at most 70 are allowed",
    ]);
  }
});
