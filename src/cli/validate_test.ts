import { expect } from "expect";
import { parse } from "yaml";
import type { Files } from "../platform/files.ts";
import { schemaCommand } from "./schema.ts";
import { validateCommand } from "./validate.ts";

async function validate(text: string | undefined, options: { json?: boolean } = {}) {
  const files: Files = {
    readText: () =>
      text === undefined
        ? Promise.reject(Object.assign(new Error("gone"), { name: "NotFound" }))
        : Promise.resolve(text),
    watchDirectory: () => ({ [Symbol.dispose]() {} }),
  };
  const out: string[] = [];
  const err: string[] = [];
  const code = await validateCommand({
    file: "gateway.yaml",
    env: { KEY: "sk-env" },
    files,
    ...options,
    out: (line) => out.push(line),
    err: (line) => err.push(line),
  });
  return { code, out: out.join("\n"), err: err.join("\n") };
}

const VALID = `server: { keys: [{ name: a, key: "\${KEY}" }] }
models: { a: { deployment: x, idleTimeout: 9s } }
`;

Deno.test("validateCommand() prints the resolved config, secrets masked, and warnings beside it", async () => {
  const { code, out, err } = await validate(VALID);
  expect(code).toBe(0);
  expect(parse(out)).toMatchObject({
    server: { listen: "0.0.0.0:8080", keys: [{ name: "a", key: "********" }] },
    models: { a: { deployment: "x", idleTimeout: "9s", coldStartTimeout: "10m" } },
  });
  expect(out + err).not.toContain("sk-env");
  expect(err).toContain("warning: an idleTimeout of 9s");
  expect(err).toMatch(/gateway\.yaml is valid: 1 warning$/);
});

Deno.test("validateCommand() prints every problem and exits with 1", async () => {
  const { code, out, err } = await validate("model: {}\nmodels: { a: { deploymnt: x } }\n");
  expect([code, out]).toEqual([1, ""]);
  expect(err).toContain("gateway.yaml:1:1\n");
  expect(err).toContain("did you mean 'deployment'?");
  expect(err).toMatch(/gateway\.yaml is not valid: 3 errors$/);
});

Deno.test("validateCommand() says that there is no file", async () => {
  const { code, err } = await validate(undefined);
  expect(code).toBe(1);
  expect(err).toMatch(/^Cannot read the config file .*: there is no such file/);
});

Deno.test("validateCommand() gives programs one object", async () => {
  const good = await validate(VALID, { json: true });
  expect([good.code, good.err]).toEqual([0, ""]);
  expect(JSON.parse(good.out)).toMatchObject({
    config: { models: { a: { deployment: "x" } } },
    problems: [],
    warnings: [{ file: "gateway.yaml", line: 2, column: 44 }],
  });
  const bad = await validate("models: {}", { json: true });
  expect(bad.code).toBe(1);
  expect(JSON.parse(bad.out)).toMatchObject({ config: null, problems: [{ line: 1, column: 1 }] });
});

Deno.test("schemaCommand() prints the JSON Schema", () => {
  const out: string[] = [];
  expect(schemaCommand({ out: (text) => out.push(text) })).toBe(0);
  expect(JSON.parse(out.join("")).properties).toHaveProperty("models");
});
