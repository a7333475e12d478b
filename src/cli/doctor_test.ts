import { expect } from "expect";
import { doctorCommand } from "./doctor.ts";
import type { Terminal } from "./terminal.ts";

/** What `doctor` says to a config file with this text; `DIR` in it is the file's folder. */
async function doctor(text: string, options: { json?: boolean } = {}) {
  const dir = await Deno.makeTempDir({ prefix: "doctor-" });
  const out: string[] = [];
  const err: string[] = [];
  const terminal: Terminal = {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    ...{ colour: false, outColour: false, isInteractive: false, env: {} },
    onSignal: () => ({ [Symbol.dispose]() {} }),
  };
  try {
    const config = `${dir}/config.yaml`;
    await Deno.writeTextFile(config, text.replaceAll("DIR", dir));
    const code = await doctorCommand({ config, terminal, ...options });
    return { code, out: out.join("\n").replaceAll(dir, "DIR"), err: err.join("\n") };
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("doctorCommand() says what was looked at of processes and external models", async () => {
  const { code, out } = await doctor(
    `models:\n  a: { process: { command: [sh, "\${PORT}"] } }\n` +
      `  b: { external: true, upstream: "http://b" }\n`,
  );
  expect([code, out]).toEqual([
    0,
    "ok    a: sh is there; whether it serves is not tried\n" +
    "ok    b: it is never scaled; whether http://b answers is not asked\n\nnothing is wrong",
  ]);
});

Deno.test("doctorCommand() finds a program that is not there, and tells programs", async () => {
  const { code, out } = await doctor(
    `models: { a: { idleTimeout: 5s, process: { command: [no-such-engine, "\${PORT}"] } } }\n`,
    { json: true },
  );
  expect(code).toBe(1);
  expect(JSON.parse(out)).toEqual({
    findings: [
      {
        level: "warn",
        about: "config",
        text: expect.stringMatching(/config\.yaml:1:\d+: an idle/),
      },
      {
        ...{ level: "error", about: "a", text: "command not found: no-such-engine" },
        remedy: "install it, or correct `command` or `cwd`",
      },
    ],
    missing: [],
    rules: {},
  });
});

Deno.test("doctorCommand() says which cluster cannot be found or reached", async () => {
  const nowhere = await doctor("models: { a: { deployment: x } }\n");
  expect([nowhere.code, nowhere.out]).toEqual([
    1,
    expect.stringMatching(/^error cluster: there is no/),
  ]);
  const absent = await doctor(
    "kubernetes: { kubeconfig: DIR/absent }\nmodels: { a: { deployment: x } }\n",
  );
  expect([absent.code, absent.out]).toEqual([
    1,
    expect.stringMatching(/^error cluster: there is no kubeconfig DIR\/absent$/m),
  ]);
});

Deno.test("doctorCommand() refuses a file that is not valid, or not there", async () => {
  const { code, err } = await doctor("models: { a: {} }\n");
  expect([code, err]).toEqual([1, expect.stringMatching(/is not valid/)]);
});
