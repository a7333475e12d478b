/** The gateway with real processes and sockets: waking, answering, sleeping. */
import { expect } from "expect";
import { eventually } from "../src/testing/eventually.ts";
import { engineModel, GatewayProcess } from "../src/testing/gateway_process.ts";

Deno.test("a sleeping model wakes, streams, sleeps again and wakes again", async () => {
  await using gateway = await GatewayProcess.start(
    engineModel("qwen", "--cold-start 300ms --tokens 8", "idleTimeout: 600ms"),
  );
  for (const round of [1, 2]) {
    const response = await gateway.chat("qwen", { stream: true });
    const text = await response.text();
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    expect(Number(response.headers.get("x-cold-start-ms"))).toBeGreaterThanOrEqual(300);
    expect(text.trimEnd()).toMatch(/data: \[DONE\]$/);
    // The first `asleep` is what it was found as.
    await gateway.until("qwen", "asleep", 1 + round);
    await expect(fetch(`${gateway.engineUrl("qwen")}/health`)).rejects.toThrow();
  }
  expect(gateway.states("qwen").slice(0, 4)).toEqual(["asleep", "waking", "active", "idle"]);
});

Deno.test("200 cold requests wake a model once, and each is answered once", async () => {
  await using gateway = await GatewayProcess.start(engineModel("m", "--cold-start 500ms"));
  const answers = await Promise.all(Array.from({ length: 200 }, async (_, i) => {
    const response = await gateway.chat("m", { user: `u${i}`, max_tokens: 4 });
    return [response.status, (await response.json()).object];
  }));
  expect(new Set(answers.map(String))).toEqual(new Set(["200,chat.completion"]));
  expect(gateway.enginePids()).toHaveLength(1);
  expect(await served(gateway, "m")).toBe(200);
});

Deno.test("a client that leaves while waiting is never sent upstream, and the wake goes on", async () => {
  await using gateway = await GatewayProcess.start(engineModel("m", "--cold-start 500ms"));
  const leaving = new AbortController();
  const gone = gateway.chat("m", {}, { signal: leaving.signal });
  await gateway.until("m", "waking");
  leaving.abort();
  await expect(gone).rejects.toThrow();
  await gateway.until("m", "idle");
  expect(await served(gateway, "m")).toBe(0);
  expect((await (await gateway.chat("m", { max_tokens: 4 })).json()).object).toBe(
    "chat.completion",
  );
  expect(gateway.enginePids()).toHaveLength(1);
});

Deno.test("a client that leaves its stream ends the request at the engine", async () => {
  await using gateway = await GatewayProcess.start(
    engineModel("m", "--tokens 100000 --tokens-per-second 20"),
  );
  const leaving = new AbortController();
  const response = await gateway.chat("m", { stream: true }, { signal: leaving.signal });
  const reader = response.body!.getReader();
  await reader.read();
  expect(await gauge(gateway, "m", "vllm:num_requests_running")).toBe(1);
  leaving.abort();
  await reader.read().catch(() => {});
  await eventually(async () => await gauge(gateway, "m", "vllm:num_requests_running") === 0);
});

Deno.test("a stream longer than the idle timeout is not cut, and idle counts from its last byte", async () => {
  await using gateway = await GatewayProcess.start(
    engineModel("m", "--tokens 60 --tokens-per-second 30", "idleTimeout: 500ms"),
  );
  const response = await gateway.chat("m", { stream: true });
  const text = await response.text();
  expect(gateway.states("m")).not.toContain("stopping");
  // The last of its 60 tokens ends it, without text.
  expect(text.match(/"delta":{"content":"[^"]/g)).toHaveLength(59);
  expect(text.trimEnd()).toMatch(/data: \[DONE\]$/);
  await gateway.until("m", "asleep", 2);
});

Deno.test("a request that went around the gateway keeps a model awake", async () => {
  await using gateway = await GatewayProcess.start(engineModel("m", "", "idleTimeout: 1s"));
  await (await gateway.chat("m", { max_tokens: 2 })).text();
  await gateway.until("m", "idle");
  const around = await fetch(`${gateway.engineUrl("m")}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "m", prompt: "x", max_tokens: 150, ignore_eos: true }),
  });
  await around.text();
  expect(gateway.states("m")).not.toContain("stopping");
  await gateway.until("m", "asleep", 2);
});

Deno.test("what cannot be answered wakes nothing", async () => {
  await using gateway = await GatewayProcess.start(engineModel("m") + engineModel("n"));
  const url = `${gateway.url}/v1/chat/completions`;
  const json = { "content-type": "application/json" };
  const table: [string, RequestInit, number, string][] = [
    ["bad JSON", { body: '{"model":"m"', headers: json }, 400, "invalid_json"],
    ["bytes behind it", { body: '{"model":"m"} x', headers: json }, 400, "invalid_json"],
    [
      "no UTF-8",
      {
        body: new Uint8Array([...new TextEncoder().encode('{"model":"m","x":"'), 0xff, 0x22, 0x7d]),
        headers: json,
      },
      400,
      "invalid_json",
    ],
    ["unknown model", { body: '{"model":"x"}', headers: json }, 404, "model_not_found"],
    ["no model", { body: "{}", headers: json }, 400, "missing_required_parameter"],
    ["model is no text", { body: '{"model":1}', headers: json }, 400, "invalid_json"],
    ["two models", { body: '{"model":"m","model":"n"}', headers: json }, 400, "invalid_json"],
    [
      "a form's type",
      { body: "model=m", headers: { "content-type": "application/x-www-form-urlencoded" } },
      415,
      "unsupported_media_type",
    ],
    [
      "packed",
      { body: '{"model":"m"}', headers: { ...json, "content-encoding": "gzip" } },
      415,
      "unsupported_media_type",
    ],
    [
      "never",
      { body: '{"model":"m"}', headers: { ...json, "x-cold-start": "never" } },
      503,
      "model_asleep",
    ],
  ];
  for (const [what, init, status, code] of table) {
    const response = await fetch(url, { method: "POST", ...init });
    const { error } = await response.json();
    expect([what, response.status, error.code]).toEqual([what, status, code]);
  }
  for (const path of ["/v1/models", "/v1/models/m", "/health", "/readyz", "/version"]) {
    expect([path, (await fetch(gateway.url + path).then((r) => (r.body?.cancel(), r))).status])
      .toEqual([path, 200]);
  }
  for (const path of ["/sleep", "/v1/load_lora_adapter", "/metrics"]) {
    const response = await fetch(gateway.url + path, { method: "POST", body: '{"model":"m"}' });
    await response.body?.cancel();
    expect([path, response.status]).toEqual([path, 404]);
  }
  expect(gateway.enginePids()).toEqual([]);
  expect(gateway.states("m")).toEqual(["asleep"]);
});

Deno.test("everyone who waits is told why a model cannot start, and it is tried again later", async () => {
  await using gateway = await GatewayProcess.start(
    engineModel("m", "--cold-start 200ms --crash-at-start 3", "retryAfterMax: 1s"),
  );
  const responses = await Promise.all([gateway.chat("m"), gateway.chat("m", { stream: true })]);
  for (const response of responses) {
    expect(response.status).toBe(503);
    expect(response.headers.get("x-should-retry")).toBe("false");
    const { error } = await response.json();
    expect(error.code).toBe("model_unavailable");
    expect(error.message).toMatch(/exit(ed with)? code 3/);
  }
  await gateway.until("m", "asleep", 2);
  await (await gateway.chat("m")).body?.cancel();
  expect(gateway.enginePids()).toHaveLength(2);
});

/** Requests that the engine of `model` finished. */
function served(gateway: GatewayProcess, model: string): Promise<number> {
  return gauge(gateway, model, "vllm:request_success_total");
}

async function gauge(gateway: GatewayProcess, model: string, name: string): Promise<number> {
  const metrics = await (await fetch(`${gateway.engineUrl(model)}/metrics`)).text();
  return metrics.split("\n")
    .filter((line) => line.startsWith(`${name}{`))
    .reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}
