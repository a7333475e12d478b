import { expect } from "expect";
import fc from "fast-check";
import { stringify } from "yaml";
import { OPTIONS } from "../testing/bad_config.ts";
import { configFile } from "../testing/valid_config.ts";
import { parseConfig, type ParseOptions } from "./parse.ts";
import { MASK, printConfig } from "./print.ts";
import type { Config } from "./spec.ts";

function configOf(text: string, env: ParseOptions["env"] = {}): Config {
  const result = parseConfig(text, { ...OPTIONS, env });
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  return result.config;
}

Deno.test("parseConfig() takes every valid file, and its own print of it as the same config", () => {
  fc.assert(
    fc.property(configFile, fc.constantFrom("yaml", "json"), (file, form) => {
      const write = form === "yaml" ? stringify : JSON.stringify;
      const config = configOf(write(file));
      const printed = printConfig(config, { secrets: "keep" });
      const again = configOf(write(printed), { OTHER: "env" });
      expect(again).toEqual(config);
      expect(printConfig(again, { secrets: "keep" })).toEqual(printed);
    }),
    { numRuns: 60 },
  );
});

Deno.test("printConfig() masks keys, and what looks like one in a process", () => {
  const config = configOf(
    `server: { keys: [{ name: a, key: sk-1, keyFile: k }] }
models:
  m:
    process:
      command: [run, --api-key, sk-2, --token=sk-3, --port, "\${PORT}", --key-file, f]
      env: { HF_TOKEN: sk-4, HOME: /root }
`,
  );
  const printed = printConfig(config);
  expect(JSON.stringify(printed)).not.toContain("sk-");
  expect(printed).toMatchObject({
    server: { keys: [{ name: "a", key: MASK, keyFile: "/etc/gateway/k" }] },
    models: {
      m: {
        process: {
          command: [
            "run",
            "--api-key",
            MASK,
            `--token=${MASK}`,
            "--port",
            "${PORT}",
            "--key-file",
            "f",
          ],
          env: { HF_TOKEN: MASK, HOME: "/root" },
        },
      },
    },
  });
  // What is masked can still be checked.
  expect(configOf(stringify(printed)).models).toHaveLength(1);
});
