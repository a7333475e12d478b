import { expect } from "expect";
import { exchange, postJson, Wire } from "../testing/wire.ts";
import { eventually } from "../testing/eventually.ts";
import { VirtualClock } from "../testing/virtual_clock.ts";
import { type StartedEngine, startEngine, type StartOptions } from "./start.ts";

const STREAM = postJson("/v1/completions", { prompt: "Hello", stream: true, max_tokens: 5 });

function portOf(engine: StartedEngine): number {
  return Number(new URL(engine.url).port);
}

Deno.test("startEngine() remembers every request with its bytes and its end", async () => {
  await using engine = await startEngine();
  await exchange(portOf(engine), STREAM);
  await exchange(portOf(engine), { target: "/health?x=1", headers: ["X-A: b"] });
  expect(engine.requests.map(({ method, target }) => `${method} ${target}`)).toEqual([
    "POST /v1/completions",
    "GET /health?x=1",
  ]);
  const [first, second] = engine.requests;
  expect(new TextDecoder().decode(first!.body)).toBe(STREAM.body);
  expect(await first!.ended).toBe("answered");
  expect(first!.endedMs).toBeGreaterThanOrEqual(first!.arrivedMs);
  expect(second!.headers).toContainEqual(["x-a", "b"]);
});

Deno.test("startEngine() remembers that a client left", async () => {
  await using engine = await startEngine({ hang: "all" });
  const wire = await Wire.open(portOf(engine));
  await wire.send(STREAM);
  await eventually(() => engine.requests.length === 1);
  expect(engine.requests[0]!.outcome).toBe("open");
  wire[Symbol.dispose]();
  expect(await engine.requests[0]!.ended).toBe("left");
});

Deno.test("dieMidStream and cutMidStream break the stream after so many events", async () => {
  for (const knob of ["dieMidStream", "cutMidStream"] as const) {
    await using engine = await startEngine({ [knob]: 2 } as StartOptions);
    const { chunks, complete } = await exchange(portOf(engine), STREAM);
    expect([chunks.length, complete]).toEqual([2, false]);
    if (knob === "dieMidStream") {
      expect(await engine.exited).toBe(1);
      continue;
    }
    engine.behaviour.cutMidStream = Infinity;
    expect((await exchange(portOf(engine), STREAM)).complete).toBe(true);
  }
});

Deno.test("cutMidAnswer breaks what is no stream half-way, and its probes not", async () => {
  await using engine = await startEngine({ cutMidAnswer: true });
  const { status, body, complete } = await exchange(
    portOf(engine),
    postJson("/v1/completions", { prompt: "Hello" }),
  );
  expect([status, complete]).toEqual(["HTTP/1.1 200 OK", false]);
  expect(body).toMatch(/^{"id":.*[^}]$/);
  expect((await exchange(portOf(engine), { target: "/metrics" })).complete).toBe(true);
});

Deno.test("hang leaves requests unanswered; `requests` spares health and metrics", async () => {
  await using engine = await startEngine({ hang: "requests" });
  using wire = await Wire.open(portOf(engine));
  await wire.send(STREAM);
  await eventually(() => engine.requests.length === 1);
  for (const target of ["/health", "/metrics"]) {
    expect((await exchange(portOf(engine), { target })).status).toBe("HTTP/1.1 200 OK");
  }
  engine.behaviour.hang = "all";
  using deaf = await Wire.open(portOf(engine));
  await deaf.send({ target: "/health" });
  await eventually(() => engine.requests.length === 4);
  expect(engine.requests.map(({ outcome }) => outcome)).toEqual([
    "open",
    "answered",
    "answered",
    "open",
  ]);
});

Deno.test("queueMax answers 503 in the shape of each API", async () => {
  await using engine = await startEngine({ queueMax: 1, tokensPerSecond: 0.01 });
  using wire = await Wire.open(portOf(engine));
  await wire.send(STREAM);
  await wire.until("\r\n\r\n");
  const message = "The engine is currently busy and cannot accept new requests. " +
    "Please try again later or on a different instance.";
  const type = "Service Unavailable";
  const messages = [{ role: "user", content: "Hello" }];
  const openai = await exchange(portOf(engine), STREAM);
  expect(openai.status).toBe("HTTP/1.1 503 Service Unavailable");
  expect(JSON.parse(openai.body)).toEqual({ error: { message, type, param: null, code: 503 } });
  const anthropic = await exchange(
    portOf(engine),
    postJson("/v1/messages", { messages, max_tokens: 1 }),
  );
  expect(JSON.parse(anthropic.body)).toEqual({ type: "error", error: { type, message } });
});

Deno.test("crashAtStart and crashAfterMs end the engine with a code", async () => {
  const early = await startEngine({ crashAtStart: 3 });
  expect(await early.exited).toBe(3);
  const clock = new VirtualClock();
  const late = await startEngine({ crashAfterMs: 500, clock });
  await clock.advance(500);
  expect(await late.exited).toBe(1);
});

Deno.test("asleep, a stream has its headers and then silence until it is woken", async () => {
  await using engine = await startEngine({ dev: true });
  const post = (target: string) => exchange(portOf(engine), { method: "POST", target });
  await post("/sleep?level=2");
  using wire = await Wire.open(portOf(engine));
  await wire.send(STREAM, ["Connection: close"]);
  expect(await wire.until("\r\n\r\n")).toContain("HTTP/1.1 200 OK");
  expect((await exchange(portOf(engine), { target: "/metrics" })).body).toContain(
    'sleep_state="discard_all"} 1.0',
  );
  await post("/wake_up");
  expect(await wire.rest()).toMatch(/data: \[DONE\]\n\n\r\n0\r\n\r\n$/);
});

Deno.test("sound is transcribed from a form, whole or streamed", async () => {
  await using engine = await startEngine({ tokens: 3 });
  for (const stream of [false, true]) {
    const form = new FormData();
    form.set("file", new File([new Uint8Array(64_000)], "a.wav"));
    form.set("stream", String(stream));
    const response = await fetch(`${engine.url}/v1/audio/transcriptions`, {
      method: "POST",
      body: form,
    });
    if (!stream) {
      expect(await response.json()).toEqual({
        text: "This is",
        usage: { type: "duration", seconds: 2 },
      });
      continue;
    }
    expect(await response.text()).toMatch(/"transcription.chunk".*data: \[DONE\]\n\n$/s);
  }
});
