import { expect } from "expect";
import { expectProblems, OPTIONS } from "../testing/bad_config.ts";
import { parseConfig } from "./parse.ts";
import { substitute } from "./substitute.ts";

const ENV = { A: "x", EMPTY: "", REF: "${A}", PORT: "80" };

Deno.test("substitute() replaces references once, and nothing else", () => {
  const table: [string, string][] = [
    ["${A}", "x"],
    ["a${A}b${A}", "axbx"],
    ["${NO:-d}", "d"],
    ["${NO:-}", ""],
    ["${NO:-a:-b c}", "a:-b c"],
    ["${EMPTY:-d}", "d"],
    ["${EMPTY}", ""],
    ["${REF}", "${A}"],
    ["$${A}", "${A}"],
    ["$A $ {A} $$", "$A $ {A} $$"],
    ["${PORT}", "80"],
  ];
  for (const [text, want] of table) {
    expect([text, substitute(text, ENV, false)]).toEqual([text, { text: want, faults: [] }]);
  }
  expect(substitute("${PORT} ${A}", ENV, true).text).toBe("${PORT} x");
});

Deno.test("parseConfig() points at references that lead nowhere, and says nothing else of their value", () => {
  const model = (line: string) => `models:\n  a:\n    deployment: x\n    ${line}\n`;
  const table: [string, string][] = [
    [
      "idleTimeout: ▸${NO}",
      "environment variable NO is not set: set it, or write ${NO:-default}",
    ],
    [
      "upstreamModel: a/${A}/▸${NO}",
      "environment variable NO is not set: set it, or write ${NO:-default}",
    ],
    [
      "upstreamModel: ▸${toString}",
      "environment variable toString is not set: set it, or write ${toString:-default}",
    ],
    [
      "upstreamModel: 'a ▸${1A}'",
      "'${1A}' is no reference: write ${NAME} or ${NAME:-default}, and $${ for a '${' that stays",
    ],
    [
      "upstreamModel: 'a ▸${A'",
      "'${A' is no reference: write ${NAME} or ${NAME:-default}, and $${ for a '${' that stays",
    ],
    ["idleTimeout: ▸${A}", "'x' is not a duration: write e.g. 500ms, 90s, 5m or 1h30m"],
    ["▸${A}: 5m", "unknown key '${A}'"],
  ];
  for (const [line, message] of table) expectProblems(model(line), [message], ENV);
});

Deno.test("parseConfig() takes what the environment holds as the kind that the key wants", () => {
  const env = { MAX: "7", ON: "false", NAME: "123", CORS: "true", OPERATOR: "false", KEY: "12e4" };
  const result = parseConfig(
    `server: { cors: "\${CORS}", operator: "\${OPERATOR}", keys: [{ name: a, key: "\${KEY}" }] }
defaults: { pendingMax: "\${MAX}", inFlightMax: "\${NO:-3}" }
models:
  a: { deployment: "\${NAME}", enabled: "\${ON}" }
`,
    { ...OPTIONS, env },
  );
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  const { server, models } = result.config;
  expect([server.cors, server.operator, server.keys[0]?.key]).toEqual([true, false, "12e4"]);
  expect(models[0]).toMatchObject({
    pendingMax: 7,
    inFlightMax: 3,
    enabled: false,
    scale: { name: "123" },
  });
});

Deno.test("parseConfig() leaves ${PORT} to a process, in its own texts only", () => {
  const result = parseConfig(
    `models:
  a:
    process: { command: ["\${PORT}", "\${A}"], env: { P: "\${PORT}" }, cwd: "\${PORT}" }
    upstream: http://127.0.0.1:\${PORT}/v1/
  b: { external: true, upstream: "http://127.0.0.1:\${PORT}" }
`,
    { ...OPTIONS, env: ENV },
  );
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  const [a, b] = result.config.models;
  expect(a?.scale).toMatchObject({
    command: ["${PORT}", "x"],
    env: { P: "${PORT}" },
    cwd: "/etc/gateway/80",
  });
  expect([a?.upstream, b?.upstream]).toEqual([
    "http://127.0.0.1:${PORT}/v1",
    "http://127.0.0.1:80",
  ]);
});
