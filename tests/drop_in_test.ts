/** `serve` without a config file, as a process: what it takes, and what it refuses. */
import { expect } from "expect";
import { GatewayProcess } from "../src/testing/gateway_process.ts";

/** Its exit code and all that it printed. */
async function outcome(args: string[], env: Record<string, string> = {}, file?: string) {
  await using gateway = await GatewayProcess.serve(
    file === undefined ? args : ["--config", file, ...args],
    env,
  );
  expect(gateway.url).toBe("");
  return [(await gateway.status).code, gateway.text.join("\n")];
}

Deno.test("serve with neither a file nor a flag ends with 2 and names both ways", async () => {
  const [code, text] = await outcome([], { VLLM_PORT: "tcp://10.96.0.7:80" });
  expect(code).toBe(2);
  expect(text).toMatch(/--config FILE.*--namespace --deployment.*\$VLLM_NAMESPACE/);
});

Deno.test("serve names the flag, or the variable, that it cannot use", async () => {
  const [code, text] = await outcome(["--idle-timeout", "soon"], { PORT: "http" });
  expect(code).toBe(2);
  expect(text).toMatch(/--idle-timeout: 'soon'/);
  expect(text).toMatch(/\$PORT: 'http' is not a port/);
});

Deno.test("serve takes no flag that the config file has a key for", async () => {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    const [code, text] = await outcome(["--deployment", "vllm"], {}, file);
    expect(code).toBe(2);
    expect(text).toMatch(/--deployment is for use without a config file.*models\.NAME\.deployment/);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("serve says that it ignores the variables beside a config file", async () => {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(
      file,
      "server: { listen: 127.0.0.1:0, operator: false, logFormat: json, shutdownDelay: 0s }\n" +
        "models: { m: { external: true, upstream: http://127.0.0.1:9 } }\n",
    );
    await using gateway = await GatewayProcess.serve(["--config", file], { IDLE_TIMEOUT: "1s" });
    expect(gateway.url).not.toBe("");
    const warning = gateway.lines.find(({ level }) => level === "warn");
    expect(String(warning?.reason)).toMatch(/\$IDLE_TIMEOUT.*ignored/);
  } finally {
    await Deno.remove(file);
  }
});
