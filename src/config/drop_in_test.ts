import { expect } from "expect";
import { dropInConfig, type DropInFlags, dropInGiven } from "./drop_in.ts";

function config(flags: DropInFlags, env: Record<string, string> = {}) {
  return dropInConfig(dropInGiven(flags, env), "/etc");
}

function model(flags: DropInFlags, env: Record<string, string> = {}) {
  const made = config(flags, env);
  if (!("models" in made)) throw new Error(made.join("\n"));
  return { ...made.models[0]!, port: made.server.listen.port };
}

Deno.test("dropInConfig() is what the Go program did without a flag", () => {
  const made = model({});
  expect(made).toMatchObject({
    scale: { kind: "deployment", name: "vllm" },
    service: { name: "vllm-svc", port: 80 },
    ...{ idleTimeoutMs: 300_000, port: 8080 },
  });
  expect(made.upstream).toBe(undefined);
  expect(config({})).toMatchObject({ dropIn: true, kubernetes: { namespace: "ai-apps" } });
});

Deno.test("dropInConfig() takes a flag before the environment, and that before the default", () => {
  const env = {
    VLLM_NAMESPACE: "from-env",
    VLLM_DEPLOYMENT: "big",
    IDLE_TIMEOUT: "1h0m0s",
    PORT: "1",
  };
  expect(model({ namespace: "from-flag", port: "9000" }, env)).toMatchObject({
    scale: { name: "big" },
    ...{ idleTimeoutMs: 3_600_000, port: 9000 },
  });
  expect(config({ namespace: "from-flag" }, env)).toMatchObject({
    kubernetes: { namespace: "from-flag" },
  });
  expect(model({}, { VLLM_DEPLOYMENT: "" }).scale).toMatchObject({ name: "vllm" });
});

const TARGETS: [string, unknown, string | undefined][] = [
  ["svc", { name: "svc", port: 8000 }, undefined],
  ["svc.ai-apps", { name: "svc", port: 8000 }, undefined],
  ["svc.other.svc", { namespace: "other", name: "svc", port: 8000 }, undefined],
  ["svc.other.svc.cluster.local", { namespace: "other", name: "svc", port: 8000 }, undefined],
  ["gpu.example", undefined, "http://gpu.example:8000"],
  ["localhost", undefined, "http://localhost:8000"],
  ["10.1.2.3", undefined, "http://10.1.2.3:8000"],
  ["fd00::1", undefined, "http://[fd00::1]:8000"],
];

for (const [targetHost, service, upstream] of TARGETS) {
  Deno.test(`dropInConfig() takes ${targetHost} for ${service ? "a Service" : "an address"}`, () => {
    const made = model({ targetHost, targetPort: "8000" });
    expect([made.service, made.upstream]).toEqual([service, upstream]);
  });
}

Deno.test("dropInGiven() ignores what Kubernetes sets for a Service called vllm, and says so", () => {
  const { values, warnings } = dropInGiven({}, { VLLM_PORT: "tcp://10.96.0.7:80" });
  expect(values.size).toBe(0);
  expect(warnings.join()).toMatch(/VLLM_PORT.*ignored.*enableServiceLinks/);
});

const FAULTS: [DropInFlags, Record<string, string>, RegExp][] = [
  [{ port: "many" }, {}, /^--port: 'many' is not a port/],
  [{}, { VLLM_PORT: "70000" }, /^\$VLLM_PORT: '70000' is not a port/],
  [{ idleTimeout: "5" }, {}, /^--idle-timeout: '5'.*needs a unit/],
  [{}, { VLLM_DEPLOYMENT: "No Name" }, /^\$VLLM_DEPLOYMENT: 'No Name'/],
  [{ namespace: "Ai" }, {}, /^--namespace: 'Ai'/],
  [{ targetHost: "a b" }, {}, /^--target-host: 'a b'/],
];

for (const [flags, env, words] of FAULTS) {
  Deno.test(`dropInConfig() refuses ${JSON.stringify({ ...flags, ...env })}, and names it`, () => {
    const made = config(flags, env);
    if ("models" in made) throw new Error("taken");
    expect(made.join("\n")).toMatch(words);
  });
}
