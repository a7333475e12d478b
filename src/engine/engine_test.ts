import { expect } from "expect";
import { exchange, postJson, Wire } from "../testing/wire.ts";
import { eventually } from "../testing/eventually.ts";
import { VirtualClock } from "../testing/virtual_clock.ts";
import { loadEngine, type StartedEngine, startEngine } from "./start.ts";

const MESSAGES = [{ role: "user", content: "Hello" }];

function portOf(engine: StartedEngine): number {
  return Number(new URL(engine.url).port);
}

function chat(fields: object = {}) {
  return postJson("/v1/chat/completions", { messages: MESSAGES, ...fields });
}

/** An answer that is under way: one that never ends by itself. */
async function openStream(engine: StartedEngine): Promise<Wire> {
  const wire = await Wire.open(portOf(engine));
  await wire.send(chat({ stream: true, max_tokens: 10_000, ignore_eos: true }));
  await wire.until('"content":"This"');
  return wire;
}

async function running(engine: StartedEngine): Promise<string> {
  const { body } = await exchange(portOf(engine), { target: "/metrics" });
  return /^vllm:num_requests_running\{.*\} (.*)$/m.exec(body)![1]!;
}

async function freePort(): Promise<number> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return await Promise.resolve(listener.addr.port);
}

Deno.test("the engine refuses connections while it loads, then answers at once", async () => {
  const clock = new VirtualClock();
  const port = await freePort();
  await using engine = loadEngine({ port, coldStartMs: 3_000, clock });
  await clock.advance(2_999);
  await expect(Wire.open(port)).rejects.toThrow(Deno.errors.ConnectionRefused);
  await clock.advance(1);
  await engine.ready;
  expect((await exchange(port, { target: "/health" })).status).toBe("HTTP/1.1 200 OK");
});

Deno.test("listenWhileLoading answers 503 until the engine is up", async () => {
  const clock = new VirtualClock();
  const port = await freePort();
  await using engine = loadEngine({ port, coldStartMs: 3_000, clock, listenWhileLoading: true });
  await eventually(() => engine.url !== "");
  for (const request of [{ target: "/health" }, chat()]) {
    const { status, body } = await exchange(port, request);
    expect(status).toBe("HTTP/1.1 503 Service Unavailable");
    expect(JSON.parse(body).error.message).toBe("Loading model");
  }
  await clock.advance(3_000);
  await engine.ready;
  expect((await exchange(port, { target: "/health" })).status).toBe("HTTP/1.1 200 OK");
});

Deno.test("terminate() while it loads is swallowed; the second one ends it", async () => {
  const clock = new VirtualClock();
  await using engine = loadEngine({ coldStartMs: 3_000, clock });
  engine.terminate();
  await clock.advance(3_000);
  await engine.ready;
  expect((await exchange(portOf(engine), { target: "/health" })).status).toBe("HTTP/1.1 200 OK");
  engine.terminate();
  expect(await engine.exited).toBe(0);
});

Deno.test("terminate() while it loads ends it when told so, and interrupt() always", async () => {
  for (const [name, code] of [["terminate", 0], ["interrupt", 130]] as const) {
    const clock = new VirtualClock();
    const swallowSigterm = name === "interrupt";
    const engine = loadEngine({ coldStartMs: 3_000, clock, swallowSigterm });
    engine[name]();
    await engine.ready;
    expect(await engine.exited).toBe(code);
    expect(clock.timers).toBe(0);
  }
});

Deno.test("terminate() aborts running answers so that they look like success", async () => {
  await using engine = await startEngine({ tokensPerSecond: 1_000 });
  const port = portOf(engine);
  using stream = await openStream(engine);
  const call = exchange(port, chat({ max_tokens: 10_000, ignore_eos: true }));
  await eventually(() => engine.metrics.running === 2);
  engine.terminate();
  const rest = await stream.rest();
  expect(rest).toContain('"finish_reason":"abort"');
  expect(rest).toMatch(/data: \[DONE\]\n\n\r\n0\r\n\r\n$/);
  const { status, body, complete } = await call;
  expect([status, complete]).toEqual(["HTTP/1.1 200 OK", true]);
  expect(JSON.parse(body).choices[0].finish_reason).toBe("abort");
  expect(await engine.exited).toBe(0);
  await expect(Wire.open(port)).rejects.toThrow(Deno.errors.ConnectionRefused);
});

Deno.test("shutdownTimeoutMs lets running answers finish; new ones get 500 and health stays 200", async () => {
  const clock = new VirtualClock();
  await using engine = await startEngine({
    clock,
    shutdownTimeoutMs: 20_000,
    tokensPerSecond: 1,
    coldStartMs: 0,
  });
  const port = portOf(engine);
  using wire = await Wire.open(port);
  await wire.send(chat({ stream: true, max_tokens: 3 }), ["Connection: close"]);
  await eventually(() => engine.metrics.running === 1);
  engine.terminate();
  expect((await exchange(port, { target: "/health" })).status).toBe("HTTP/1.1 200 OK");
  const refused = await exchange(port, chat());
  expect(refused.status).toBe("HTTP/1.1 500 Internal Server Error");
  expect(refused.headers.map(([name]) => name)).not.toContain("vary");
  expect(refused.body).toBe(
    '{"error":{"message":"cannot schedule new futures after shutdown","type":"InternalServerError","param":null,"code":500}}',
  );
  const rest = wire.rest();
  for (let i = 0; i < 3; i++) await clock.advance(1_000);
  expect(await rest).toContain('"finish_reason":"length"');
  expect(await engine.exited).toBe(0);
});

Deno.test("shutdownTimeoutMs aborts what has not finished in time", async () => {
  const clock = new VirtualClock();
  await using engine = await startEngine({ clock, shutdownTimeoutMs: 2_000, tokensPerSecond: 1 });
  using wire = await Wire.open(portOf(engine));
  await wire.send(chat({ stream: true }));
  await eventually(() => engine.metrics.running === 1);
  engine.terminate();
  await clock.advance(2_000);
  expect(await wire.rest()).toContain('"finish_reason":"abort"');
  expect(await engine.exited).toBe(0);
});

Deno.test("killCore() fails streams inside, calls with 500 and health with 503, then the server exits", async () => {
  const clock = new VirtualClock();
  await using engine = await startEngine({ clock, tokensPerSecond: 1 });
  const port = portOf(engine);
  const [stream, call] = [exchange(port, chat({ stream: true })), exchange(port, chat())];
  await eventually(() => engine.metrics.running === 2);
  engine.killCore();
  const { status, chunks, complete } = await stream;
  expect([status, complete, chunks.length]).toEqual(["HTTP/1.1 200 OK", true, 2]);
  expect(JSON.parse(chunks[0]!.slice(6)).error.code).toBe(500);
  expect(chunks[1]).toBe("data: [DONE]\n\n");
  expect((await call).status).toBe("HTTP/1.1 500 Internal Server Error");
  const health = await exchange(port, { target: "/health" });
  expect(health.status).toBe("HTTP/1.1 503 Service Unavailable");
  await clock.advance(5_000);
  expect(await engine.exited).toBe(1);
});

Deno.test("exit() breaks what runs, as a crash does", async () => {
  await using engine = await startEngine({ tokensPerSecond: 100 });
  using stream = await openStream(engine);
  engine.exit(137);
  expect(await stream.rest()).not.toContain("[DONE]");
  expect(await engine.exited).toBe(137);
});

Deno.test("the gauges follow a request and its client's leaving", async () => {
  await using engine = await startEngine({ tokensPerSecond: 100 });
  const stream = await openStream(engine);
  expect(await running(engine)).toBe("1.0");
  stream[Symbol.dispose]();
  await eventually(async () => await running(engine) === "0.0");
});
