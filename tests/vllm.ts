/**
 * The gateway with a real vLLM as a process model, by `deno task test:vllm`; not part of `test`, because
 * a vLLM takes a GPU, or gigabytes and minutes. `$VLLM_COMMAND` is its command line (run by a shell,
 * with `${PORT}` where its port goes), `$VLLM_MODEL` the name that it serves.
 */
import { expect } from "expect";
import { eventually } from "../src/testing/eventually.ts";
import { GatewayProcess, isAlive } from "../src/testing/gateway_process.ts";
import { START_MAX_MS, VLLM, vllmModel } from "./vllm_model.ts";

async function timed<T>(what: string, promise: Promise<T>): Promise<T> {
  const startMs = performance.now();
  const value = await promise;
  console.log(`    ${what}: ${((performance.now() - startMs) / 1000).toFixed(2)} s`);
  return value;
}

Deno.test("a real vLLM is woken, streams, answers warm, sleeps, and is woken again", async () => {
  await using gateway = await GatewayProcess.start(
    vllmModel("    idleTimeout: 5s\n    earlyHeadersAfter: 3s\n    keepAliveInterval: 2s\n"),
  );
  for (const round of [1, 2]) {
    const response = await timed(
      "cold: headers (early)",
      gateway.chat(VLLM, {
        ...{ stream: true, max_tokens: 16, stream_options: { include_usage: true } },
      }),
    );
    const text = await timed("cold: the whole stream", response.text());
    expect(response.status).toBe(200);
    expect(text).toMatch(/^: waking\n\n/);
    expect(text).toMatch(/data: \[DONE\]\n\n$/);
    expect(text).toContain('"completion_tokens":16');
    const warm = await timed("warm: a call", gateway.chat(VLLM, { max_tokens: 8 }));
    expect((await warm.json()).usage.completion_tokens).toBe(8);
    await timed("until asleep", gateway.until(VLLM, "asleep", 1 + round, 60_000));
    expect(await allGone(gateway)).toBe(true);
  }
  tellWakes(gateway);
});

Deno.test("SIGTERM while a real vLLM loads leaves nothing behind", async () => {
  await using gateway = await GatewayProcess.start(vllmModel(""));
  const waiting = gateway.chat(VLLM, { max_tokens: 1 });
  await gateway.until(VLLM, "waking");
  // From here on it swallows a first SIGTERM: its engine process loads.
  await eventually(() => gateway.lines.some(({ msg }) => /EngineCore/.test(msg)), START_MAX_MS);
  gateway.signal("SIGTERM");
  expect((await waiting).status).toBe(503);
  const status = await timed("until the gateway and its vLLM ended", gateway.status);
  expect(status.code).toBe(0);
  expect(await allGone(gateway)).toBe(true);
});

async function allGone(gateway: GatewayProcess): Promise<boolean> {
  const alive = await Promise.all(gateway.enginePids().map(isAlive));
  return alive.every((alive) => !alive);
}

function tellWakes(gateway: GatewayProcess): void {
  for (const line of gateway.lines) {
    if (line.msg === "active" || line.msg === "asleep") {
      console.log(`    ${line.time} ${line.msg} after ${line.after}: ${line.reason}`);
    }
  }
}
